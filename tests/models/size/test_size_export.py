"""Members as checkpoints: loaded bit for bit, or not written at all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from families import CAUSAL, KEPT, TEACHERS, gpt2, pair, perturbed

from continuum.core import IncompatibleError, StoreError
from continuum.models import PatchPath, initialize_student
from continuum.models.size.export import export_member

TOKENS = torch.tensor([[5, 9, 41, 7, 8], [3, 60, 9, 11, 22]])


@torch.no_grad()
def says(model: Any) -> torch.Tensor:
    return model(input_ids=TOKENS).logits


OWNERS = [(name, "owner") for name in TEACHERS]
OTHERS = [(name, head) for name in ("llama-tied", "gpt2", "bert") for head in ("teacher", "student")]


@pytest.mark.parametrize(("name", "head"), OWNERS + OTHERS)
def test_an_exported_member_loads_bit_for_bit(name, head, tmp_path):
    path = PatchPath(*pair(name), keep=KEPT, head=head)
    for t in path.domain.values:
        folder = path.export(t, tmp_path / f"{t:.2f}")
        model, report = type(path.teacher).from_pretrained(folder, output_loading_info=True)
        assert not any(report.values())
        expected = path.at(t)
        assert torch.equal(says(model), says(expected))
        model.tie_weights()
        assert torch.equal(says(model), says(expected))
        if name in CAUSAL:
            options = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None}
            assert torch.equal(model.generate(TOKENS, **options), expected.generate(TOKENS, **options))


@pytest.mark.parametrize("name", ["llama-tied", "gpt2"])
def test_a_member_in_half_precision_loads_bit_for_bit(name, tmp_path):
    student, teacher = (model.bfloat16() for model in pair(name))
    path = PatchPath(student, teacher, keep=KEPT)
    loaded = type(teacher).from_pretrained(path.export(0.6, tmp_path / "half"))
    ours, theirs = path.at(0.6).state_dict(), loaded.state_dict()
    assert loaded.dtype == torch.bfloat16
    assert list(ours) == list(theirs)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_no_weight_is_copied_on_the_way(tmp_path, monkeypatch):
    path = PatchPath(*pair("llama-tied"))
    made = []
    clone, empty = torch.Tensor.clone, torch.empty_like
    monkeypatch.setattr(torch.Tensor, "clone", lambda x, **kw: made.append(x.numel()) or clone(x, **kw))
    monkeypatch.setattr(torch, "empty_like", lambda x, **kw: made.append(x.numel()) or empty(x, **kw))
    path.export(0.6, tmp_path / "member")
    assert max(made, default=0) <= 1.5 * max(weight.numel() for weight in path.teacher.parameters())


def test_layers_that_depend_on_their_number_are_not_exported(tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        teacher = perturbed(gpt2(7, scale_attn_by_inverse_layer_idx=True).eval())
    path = PatchPath(perturbed(initialize_student(teacher, KEPT)), teacher)
    with pytest.raises(IncompatibleError, match="depend on their numbers"):
        path.export(0.6, tmp_path / "member")
    assert not (tmp_path / "member").exists()
    path.export(1.0, tmp_path / "teacher")


def test_a_member_with_parts_that_its_class_does_not_have_is_not_exported(tmp_path):
    model = PatchPath(*pair("llama")).at(0.6)
    model.model.layers[1].extra = torch.nn.Linear(2, 2)
    with pytest.raises(IncompatibleError, match="would not load"):
        export_member(model, tmp_path / "member")
    assert not (tmp_path / "member").exists()


def test_what_is_there_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="holds files already"):
        PatchPath(*pair("llama")).export(0.6, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_the_tokenizer_of_the_owner_of_the_head_goes_along_and_its_provenance_does_not(tmp_path):
    student, teacher = pair("llama")
    teacher.save_pretrained(tmp_path / "teacher")
    (tmp_path / "teacher" / "tokenizer.json").write_text("{}")
    (tmp_path / "teacher" / "boomerang.json").write_text("{}")
    teacher.name_or_path = str(tmp_path / "teacher")
    folder = PatchPath(student, teacher).export(0.6, tmp_path / "member")
    assert {file.name for file in folder.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
    }
