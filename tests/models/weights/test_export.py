"""Check F: what is exported is what runs."""

from __future__ import annotations

import json

import pytest
import torch
from adapted import KINDS, adapted
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file
from tiny import tiny_gpt2, tiny_llama
from transformers import AutoModelForCausalLM

from continuum.core import InvalidInputError, StoreError
from continuum.models import WeightPath

KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def ids(rng):
    return torch.as_tensor(rng.integers(2, 64, size=(3, 6)))


@torch.no_grad()
def logits(model, ids):
    return model(input_ids=ids).logits


def path_of(kind="plain", **options):
    return WeightPath.from_adapters(adapted(kind), plus="pos", minus="neg", bounds=(-1, 2), **options)


def running(path, point, ids):
    with path.lease(point) as model:
        return logits(model, ids)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 * expected.abs().max().item())


@KIND
@pytest.mark.parametrize("alpha", [-0.5, 0.3, 1.0])
def test_a_merged_checkpoint_is_loaded_by_transformers_alone(kind, alpha, ids, tmp_path):
    path = path_of(kind)
    folder = path.export(alpha, tmp_path / "merged").folder
    loaded, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert not hasattr(loaded, "peft_config")
    close(logits(loaded.eval(), ids), running(path, alpha, ids))
    assert torch.equal(logits(loaded, ids), logits(path.at(alpha), ids))


@KIND
@pytest.mark.parametrize("alpha", [-0.5, 0.3])
def test_a_concatenated_adapter_is_exact(kind, alpha, ids, tmp_path):
    path = path_of(kind)
    found = path.export(alpha, tmp_path / "lora", how="lora")
    base = tiny_gpt2() if kind == "gpt2" else tiny_llama()
    close(logits(PeftModel.from_pretrained(base, str(found.folder)).eval(), ids), running(path, alpha, ids))
    assert found.error == 0


def test_a_compressed_adapter_says_how_far_it_is(ids, tmp_path):
    path = path_of()
    found = path.export(0.3, tmp_path / "svd", how="lora-svd", rank=3)
    assert found.rank == 3
    assert 0 < found.error < 1
    assert set(found.errors) == set(path._factors[0].factors)
    whole = path.export(0.3, tmp_path / "whole", how="lora-svd", rank=8)
    assert whole.error < 1e-6
    close(logits(PeftModel.from_pretrained(tiny_llama(), str(whole.folder)).eval(), ids), running(path, 0.3, ids))


def test_a_low_precision_checkpoint_is_the_float32_one_rounded_once(tmp_path):
    # One base, in bfloat16, with the same adapters in float32: the sums agree before they are rounded.
    narrow = WeightPath.from_adapters(adapted(dtype=torch.bfloat16), plus="pos", minus="neg")
    wide_model = adapted(dtype=torch.bfloat16).float()
    wide = WeightPath.from_adapters(wide_model, plus="pos", minus="neg")
    low, high = (
        load_file(path.export(0.3, tmp_path / name).folder / "model.safetensors")
        for name, path in (("low", narrow), ("high", wide))
    )
    assert set(low) == set(high)
    for name, weight in low.items():
        assert weight.dtype == torch.bfloat16
        assert torch.equal(weight, high[name].to(torch.bfloat16))


def test_the_header_says_what_it_is_made_of_and_names_no_folder(tmp_path):
    path = path_of()
    file = path.export(0.25, tmp_path / "merged").folder / "model.safetensors"
    with safe_open(file, "pt") as opened:
        text = opened.metadata()["continuum"]
    record = json.loads(text)
    assert record["adapters"] == {"pos": 0.25, "neg": 0.75}
    assert record["point"] == {"alpha": 0.25}
    assert str(tmp_path) not in text


def test_tied_weights_are_written_once(tmp_path, ids):
    path = path_of("gpt2")
    folder = path.export(0.3, tmp_path / "merged").folder
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    assert torch.equal(logits(AutoModelForCausalLM.from_pretrained(folder).eval(), ids), logits(path.at(0.3), ids))


def test_what_is_there_is_not_overwritten(tmp_path):
    path = path_of()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("years of work")
    for how, rank in (("merged", None), ("lora", None), ("lora-svd", 2)):
        with pytest.raises(StoreError, match="holds files already"):
            path.export(0.3, tmp_path / "taken", how=how, rank=rank)
    assert (tmp_path / "taken" / "thesis.txt").read_text() == "years of work"


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    path = path_of()
    calls = []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return arguments[1]

    monkeypatch.setattr("continuum.models.weights.merged_export.merged_weight", failing)
    with pytest.raises(KeyboardInterrupt):
        path.export(0.3, tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"how": "pickle"}, "must be"),
        ({"how": "lora-svd"}, "belongs to"),
        ({"how": "lora", "rank": 3}, "belongs to"),
        ({"rank": 3}, "belongs to"),
        ({"how": "lora-svd", "rank": 0}, "at least 1"),
    ],
)
def test_unknown_ways_are_refused(options, words, tmp_path):
    with pytest.raises(InvalidInputError, match=words):
        path_of().export(0.3, tmp_path / "x", **options)
    assert list(tmp_path.iterdir()) == []
