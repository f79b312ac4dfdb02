"""Check F: an exported adapter, loaded by PEFT onto a fresh base, is the point of the path."""

from __future__ import annotations

import copy
import json
import math
import warnings

import pytest
import torch
from adapted import KINDS, adapted
from peft import LoraConfig, PeftModel
from safetensors import safe_open

from continuum.core import InvalidInputError, StoreError
from continuum.models import WeightPath
from continuum.models.weights import Adapter, LowRank, base_fingerprint, read_adapters
from continuum.models.weights.adapter_files import BASE_KEY
from continuum.models.weights.adapter_folder import read_record
from continuum.models.weights.factors import sum_of_changes
from continuum.models.weights.lora_export import export_lora

NAMES = ("pos", "neg")
COEFFICIENTS = [(0.3, 0.7), (1.5, -0.5), (-2.0, 0.25), (1.0, 0.0)]
ROUNDING = 1e-5  # of float32 sums, relative to the largest logit


@pytest.fixture
def ids(rng):
    return torch.as_tensor(rng.integers(2, 64, size=(3, 7)))


@torch.no_grad()
def logits(model, ids):
    return model(input_ids=ids).logits


def exported(model, c, folder, **options):
    return export_lora(model, read_adapters(model, NAMES), c, folder, **options)


def fresh_base(model):
    """The base as it was before PEFT, another object."""
    return copy.deepcopy(model).unload()


def reloaded(model, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # PEFT tells of what it could not place or overruled
        return PeftModel.from_pretrained(fresh_base(model), str(folder)).eval()


def at(model, c, ids):
    """What the model says with the exact sum of changes in its weights."""
    merged = fresh_base(model)
    adapters = read_adapters(model, NAMES)
    for module in {name for adapter in adapters for name in adapter.factors}:
        change = sum_of_changes(adapters, c, module)
        if change is not None:
            layer = merged.get_submodule(module)
            weight = change.dense.T if type(layer).__name__ == "Conv1D" else change.dense
            layer.weight.data += weight
    return logits(merged, ids)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=ROUNDING * expected.abs().max().item())


@pytest.mark.parametrize("c", COEFFICIENTS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_f_the_exact_adapter_is_the_sum_of_changes(kind, c, ids, tmp_path):
    model = adapted(kind)
    found = exported(model, c, tmp_path / "adapter")
    close(logits(reloaded(model, found.folder), ids), at(model, c, ids))
    assert found.error == 0
    assert set(found.errors.values()) == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_f_the_exact_adapter_is_what_a_path_lends(kind, ids, tmp_path):
    model = adapted(kind)
    path = WeightPath.from_adapters(model, plus="pos", minus="neg", bounds=(-1, 2))
    found = exported(model, path.coefficients(1.7), tmp_path / "adapter")
    with path.lease(1.7) as lent:
        expected = logits(lent, ids)
    close(logits(reloaded(model, found.folder), ids), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_f_without_coefficients_it_is_an_adapter_of_rank_one_that_changes_nothing(kind, ids, tmp_path):
    model = adapted(kind)
    found = exported(model, (0.0, 0.0), tmp_path / "adapter")
    assert (found.rank, found.error) == (1, 0)
    assert torch.equal(logits(reloaded(model, found.folder), ids), logits(fresh_base(model), ids))


@pytest.mark.parametrize("kind", KINDS)
def test_f_at_the_full_rank_the_compressed_adapter_is_the_exact_one(kind, ids, tmp_path):
    model = adapted(kind)
    exact = exported(model, (1.5, -0.5), tmp_path / "exact")
    found = exported(model, (1.5, -0.5), tmp_path / "compressed", rank=exact.rank)
    assert found.error == 0
    assert torch.equal(logits(reloaded(model, found.folder), ids), logits(reloaded(model, exact.folder), ids))


@pytest.mark.parametrize("kind", KINDS)
def test_f_the_error_of_the_compressed_adapter_is_the_energy_of_what_is_left_out(kind, tmp_path):
    model, c = adapted(kind), (1.5, -0.5)
    found = exported(model, c, tmp_path / "adapter", rank=3)
    (written,) = read_adapters(reloaded(model, found.folder), ["default"])
    adapters = read_adapters(model, NAMES)
    dropped = total = 0.0
    for module, error in found.errors.items():
        expected = sum_of_changes(adapters, c, module).dense.double()
        sigma = torch.linalg.svdvals(expected)
        change = written.factors[module]
        assert change.rank <= 3
        difference = (change.dense.double() - expected).norm()
        assert error == pytest.approx(float(sigma[change.rank :].norm() / sigma.norm()), abs=1e-6)
        assert error == pytest.approx(float(difference / expected.norm()), abs=1e-5)
        dropped, total = dropped + float(difference**2), total + float(expected.norm() ** 2)
    assert found.error == pytest.approx(math.sqrt(dropped / total), abs=1e-5)
    assert found.error > 0.01


def test_d_the_gauge_does_not_matter(rng, ids, tmp_path):
    model = adapted()
    adapters = read_adapters(model, NAMES)
    others = []
    for adapter in adapters:
        r = torch.as_tensor(rng.normal(size=(4, 4)), dtype=torch.float32)
        inverse = torch.linalg.inv(r)
        factors = {name: LowRank(change.up @ r, inverse @ change.down) for name, change in adapter.factors.items()}
        others.append(Adapter(adapter.name, factors))
    for rank in (None, 3):
        folders = [tmp_path / f"{name}-{rank}" for name in ("one", "other")]
        for folder, factored in zip(folders, (adapters, others), strict=True):
            export_lora(model, factored, (1.5, -0.5), folder, rank=rank)
        one, other = (logits(reloaded(model, folder), ids) for folder in folders)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4 * one.abs().max().item())


def test_h_scales_set_by_hand_do_not_leak(ids, tmp_path):
    model = adapted()
    expected = at(model, (0.3, 0.7), ids)
    for module in model.modules():
        if hasattr(module, "set_scale"):
            module.set_scale("pos", 5.0)
    found = exported(model, (0.3, 0.7), tmp_path / "adapter")
    close(logits(reloaded(model, found.folder), ids), expected)


def test_scales_are_one_everywhere_and_ranks_those_of_the_modules(tmp_path):
    model = adapted("unequal modules")  # q_proj in both, of rank 4; down_proj and v_proj in one
    found = exported(model, (1.0, 1.0), tmp_path / "adapter")
    loaded = reloaded(model, found.folder)
    ranks = {}
    for name, layer in loaded.get_base_model().named_modules():
        if "default" in getattr(layer, "lora_A", {}):
            assert layer.scaling["default"] == 1
            ranks[name.rpartition(".")[2]] = layer.r["default"]
    assert ranks == {"q_proj": 8, "down_proj": 4, "v_proj": 4}
    assert found.rank == 8


def test_only_modules_that_change_are_in_the_adapter(tmp_path):
    model = adapted("no common module")
    found = exported(model, (1.0, 0.0), tmp_path / "adapter")
    assert {name.rpartition(".")[2] for name in found.errors} == {"o_proj"}
    (written,) = read_adapters(reloaded(model, found.folder), ["default"])
    assert set(written.factors) == set(found.errors)


def test_the_header_says_what_it_is_made_of(tmp_path):
    model = adapted()
    found = exported(model, (1.5, -0.5), tmp_path / "adapter", rank=3, provenance={"point": {"alpha": 1.5}})
    record = read_record(found.folder)
    assert record["adapters"] == {"pos": 1.5, "neg": -0.5}
    assert record["point"] == {"alpha": 1.5}
    assert record["errors"] == dict(found.errors)
    assert record["versions"]["torch"] == torch.__version__
    with safe_open(found.folder / "adapter_model.safetensors", framework="pt") as file:
        assert file.metadata()[BASE_KEY] == base_fingerprint(fresh_base(model))
        assert file.metadata()["format"] == "pt"


def test_the_configuration_is_plain_lora_for_its_base(tmp_path):
    model = adapted("one rank-stabilised")
    model.peft_config["pos"].base_model_name_or_path = "some/base"
    found = exported(model, (1.0, 1.0), tmp_path / "adapter")
    config = LoraConfig.from_pretrained(str(found.folder))
    assert (config.use_rslora, config.r, config.lora_alpha) == (False, 8, 8)
    assert config.base_model_name_or_path == "some/base"
    assert sorted(path.name for path in found.folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


def test_it_can_be_an_anchor_of_another_path(ids, tmp_path):
    model = adapted("gpt2")
    for name, c in (("plus", (1.0, 0.0)), ("minus", (0.0, 1.0))):
        exported(model, c, tmp_path / name)
    path = WeightPath.from_adapters(fresh_base(model), plus=tmp_path / "plus", minus=tmp_path / "minus")
    with path.lease(0.25) as lent:
        close(logits(lent, ids), at(model, (0.25, 0.75), ids))


def test_what_is_there_is_not_replaced(tmp_path):
    model = adapted()
    exported(model, (1.0, 0.0), tmp_path / "adapter")
    before = (tmp_path / "adapter" / "adapter_model.safetensors").read_bytes()
    with pytest.raises(StoreError, match="holds files already"):
        exported(model, (0.0, 1.0), tmp_path / "adapter")
    assert (tmp_path / "adapter" / "adapter_model.safetensors").read_bytes() == before


def test_a_failed_export_leaves_nothing(tmp_path, monkeypatch):
    import safetensors.torch

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(safetensors.torch, "save", fail)
    with pytest.raises(StoreError, match="no space left"):
        exported(adapted(), (1.0, 0.0), tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("c", [(1.0,), (1.0, 0.0, 0.0), (math.nan, 1.0), (math.inf, 1.0), ()], ids=str)
def test_there_is_a_finite_coefficient_for_each_adapter(c, tmp_path):
    with pytest.raises(InvalidInputError, match="finite number for each"):
        exported(adapted(), c, tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


def test_a_rank_is_a_positive_integer(tmp_path):
    with pytest.raises(InvalidInputError, match="`rank` must be"):
        exported(adapted(), (1.0, 0.0), tmp_path / "adapter", rank=0)
    assert list(tmp_path.iterdir()) == []


def test_the_model_is_left_as_it_was(ids, tmp_path):
    model = adapted()
    before = logits(model, ids)
    config = json.dumps(model.peft_config["pos"].to_dict(), default=str, sort_keys=True)
    exported(model, (0.3, 0.7), tmp_path / "adapter", rank=2)
    assert torch.equal(logits(model, ids), before)
    assert json.dumps(model.peft_config["pos"].to_dict(), default=str, sort_keys=True) == config
