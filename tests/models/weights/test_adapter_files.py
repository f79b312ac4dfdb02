"""Adapters in folders: they load onto their own base only, and never from a pickle."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from adapted import adapted
from safetensors.torch import load_file, save_file
from tiny import tiny_llama

from continuum.core import IncompatibleError, InvalidInputError, MissingDataError, UntrustedArtifactError
from continuum.models import WeightPath
from continuum.models.weights import base_fingerprint
from continuum.models.weights.adapter_files import BASE_KEY


@pytest.fixture
def folders(tmp_path):
    model = adapted()
    model.save_pretrained(tmp_path)
    return tmp_path / "pos", tmp_path / "neg"


@pytest.fixture
def ids(rng):
    return torch.as_tensor(rng.integers(2, 64, size=(2, 5)))


def marked(folder, base):
    file = folder / "adapter_model.safetensors"
    save_file(load_file(file), file, metadata={"format": "pt", BASE_KEY: base})


@torch.no_grad()
def leased(path, point, ids):
    with path.lease(point) as model:
        return model(input_ids=ids).logits


def test_folders_on_a_base_are_the_path_of_their_adapters(folders, ids):
    path = WeightPath.from_adapters(tiny_llama(), plus=folders[0], minus=str(folders[1]), attribute="mood")
    assert path.adapters == ("mood_plus", "mood_minus")
    expected = leased(WeightPath.from_adapters(adapted(), plus="pos", minus="neg"), 0.3, ids)
    assert torch.equal(leased(path, 0.3, ids), expected)


def test_names_and_folders_can_be_mixed(folders, ids):
    path = WeightPath.from_adapters(adapted(), plus="pos", minus=folders[1])
    expected = leased(WeightPath.from_adapters(adapted(), plus="pos", minus="neg"), 0.3, ids)
    assert torch.equal(leased(path, 0.3, ids), expected)


def test_the_fingerprint_of_a_base_survives_adapters_and_precision_and_tells_bases_apart():
    base = tiny_llama()
    assert base_fingerprint(adapted()) == base_fingerprint(base)
    assert base_fingerprint(tiny_llama(dtype=torch.bfloat16)) == base_fingerprint(base)
    assert base_fingerprint(tiny_llama(seed=5)) != base_fingerprint(base)
    assert base_fingerprint(tiny_llama(layers=3)) != base_fingerprint(base)


def test_an_adapter_of_another_base_is_refused(folders):
    for folder in folders:
        marked(folder, base_fingerprint(tiny_llama()))
    WeightPath.from_adapters(tiny_llama(), plus=folders[0], minus=folders[1])
    with pytest.raises(IncompatibleError, match="another base"):
        WeightPath.from_adapters(tiny_llama(seed=5), plus=folders[0], minus=folders[1])


@pytest.mark.parametrize("layers", [1, 3])
def test_r17_an_adapter_of_a_base_with_other_layers_is_refused_also_without_a_mark(folders, layers):
    # PEFT leaves out what finds no place, and starts at random what finds no weights.
    with pytest.raises(IncompatibleError, match=r"disagree about .* weights"):
        WeightPath.from_adapters(tiny_llama(layers=layers), plus=folders[0], minus=folders[1])


def test_an_adapter_of_another_width_is_refused(folders):
    with pytest.raises(IncompatibleError, match="does not fit"):
        WeightPath.from_adapters(tiny_llama(hidden=16), plus=folders[0], minus=folders[1])


def test_a_pickled_adapter_is_not_opened(folders):
    (folders[0] / "adapter_model.safetensors").rename(folders[0] / "adapter_model.bin")
    with pytest.raises(UntrustedArtifactError, match="pickled"):
        WeightPath.from_adapters(tiny_llama(), plus=folders[0], minus=folders[1])


def test_a_folder_without_adapter_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"nowhere.*neither an adapter"):
        WeightPath.from_adapters(adapted(), plus="pos", minus=tmp_path / "nowhere")


def test_a_broken_file_is_named(folders):
    file = folders[0] / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(IncompatibleError, match="adapter_model"):
        WeightPath.from_adapters(tiny_llama(), plus=folders[0], minus=folders[1])


def test_a_name_in_use_is_not_taken_for_another_adapter(folders):
    model = adapted(names=("pos", "alpha_minus"))
    with pytest.raises(InvalidInputError, match="'alpha_minus' already"):
        WeightPath.from_adapters(model, plus="pos", minus=folders[1])


def test_nothing_is_left_in_the_model_when_an_adapter_is_refused(folders, tmp_path):
    stranger = tmp_path / "stranger"
    shutil.copytree(folders[1], stranger)
    marked(stranger, "0" * 64)
    model = adapted()
    with pytest.raises(IncompatibleError):
        WeightPath.from_adapters(model, plus="pos", minus=stranger)
    assert list(model.peft_config) == ["pos", "neg"]
    config = json.loads((folders[1] / "adapter_config.json").read_text())
    config["r"] = 9
    (folders[1] / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(IncompatibleError):
        WeightPath.from_adapters(model, plus="pos", minus=folders[1])
    assert list(model.peft_config) == ["pos", "neg"]


def truncated(folder):
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])


def with_nan(folder):
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    next(iter(tensors.values()))[0, 0] = torch.nan
    save_file(tensors, file, metadata={"format": "pt"})


def reconfigured(**changes):
    def spoil(folder):
        config = json.loads((folder / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps(config | changes))

    return spoil


def without_json(folder):
    (folder / "adapter_config.json").write_text("{")


SPOILT = {
    "missing": shutil.rmtree,
    "truncated": truncated,
    "NaN": with_nan,
    "of another rank": reconfigured(r=9),
    "DoRA": reconfigured(use_dora=True),
    "whole modules": reconfigured(modules_to_save=["lm_head"]),
    "no LoRA": reconfigured(peft_type="NOTHING"),
    "no JSON": without_json,
}


@pytest.mark.parametrize("fault", SPOILT)
@pytest.mark.parametrize("given", ["base", "PEFT model"])
def test_a_refused_second_adapter_leaves_the_model_as_it_was(folders, fault, given, ids):
    model = tiny_llama() if given == "base" else adapted("no common module", names=("held",))
    model.requires_grad_(True)
    next(model.parameters()).requires_grad_(False)
    before = list(model.state_dict()), set(vars(model)), [p.requires_grad for p in model.parameters()]
    kinds, expected = [type(module) for module in model.modules()], model(input_ids=ids).logits
    SPOILT[fault](folders[1])
    with pytest.raises((IncompatibleError, InvalidInputError, MissingDataError)):
        WeightPath.from_adapters(model, plus=folders[0], minus=folders[1])
    assert (list(model.state_dict()), set(vars(model)), [p.requires_grad for p in model.parameters()]) == before
    assert [type(module) for module in model.modules()] == kinds
    assert torch.equal(model(input_ids=ids).logits, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"plus": "pos"},
        {"attributes": {}},
        {"attributes": {"a.b": ("pos", "neg")}},
        {"attributes": {"": ("pos", "neg")}},
        {"attributes": {"mood": "pos"}},
        {"attributes": [("pos", "neg")]},
        {"plus": "pos", "minus": "neg", "attribute": 3},
        {"plus": "pos", "minus": 5},
    ],
)
def test_what_names_no_pairs_of_adapters_is_refused(options):
    with pytest.raises(InvalidInputError):
        WeightPath.from_adapters(adapted(), **options)
