"""Where the layers of a model are found, and how a model is taught that is not."""

from __future__ import annotations

import pytest
import torch
import transformers as hf
from families import KEPT, LAYERS, TEACHERS, llama, teacher_of
from torch import nn

from continuum.core import IncompatibleError, InvalidInputError
from continuum.models import anatomy, blocks, register_blocks

NAMES = {
    "llama": "model.layers",
    "gpt2": "transformer.h",
    "gpt_neox": "gpt_neox.layers",
    "opt": "model.decoder.layers",
    "bert": "bert.encoder.layer",
}


@pytest.mark.parametrize("family", TEACHERS)
def test_every_weight_is_in_a_layer_or_before_or_after_them(family):
    model = teacher_of(family)
    found = blocks(model)
    assert len(found) == LAYERS
    assert found.name == NAMES.get(family, found.name)
    assert found.head is not None
    assert model.get_submodule(found.head) is model.get_output_embeddings()
    parts = [*found.layers, *(model.get_submodule(name) for name in (*found.first, *found.last))]
    weights = [id(weight) for part in parts for weight in part.parameters()]
    assert set(weights) == {id(weight) for weight in model.parameters()}
    assert any(model.get_input_embeddings() in model.get_submodule(name).modules() for name in found.first)


def test_the_norm_of_opt_is_found_after_its_layers_where_it_is_not_defined():
    found = blocks(teacher_of("opt"))
    assert "model.decoder.final_layer_norm" in found.last


def test_a_model_without_a_head_has_layers_too():
    found = blocks(teacher_of("llama").model)
    assert (found.name, found.first, found.head) == ("layers", ("embed_tokens",), None)


def test_lists_of_experts_are_no_layers():
    model = llama(3)
    for layer in model.model.layers:
        layer.experts = nn.ModuleList(nn.Linear(64, 64) for _ in range(3))
    assert blocks(model).name == "model.layers"


def test_a_model_that_is_none_of_transformers_is_refused():
    with pytest.raises(IncompatibleError, match="`transformers` library"):
        blocks(nn.Linear(1, 1))


def test_two_lists_of_layers_are_refused():
    config = hf.T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2)
    with pytest.raises(IncompatibleError, match="encoder and a decoder"):
        blocks(hf.T5ForConditionalGeneration(config))


def test_an_unknown_architecture_is_refused_until_it_is_registered(monkeypatch):
    monkeypatch.setattr(anatomy, "_REGISTERED", {})
    model = llama(3)
    model.model.mirror = nn.ModuleList(model.model.layers)
    with pytest.raises(IncompatibleError, match=r"register_blocks\('llama'"):
        blocks(model)
    register_blocks("llama", layers="layers", first=("embed_tokens", "absent"))
    assert blocks(model).first == ("model.embed_tokens",)
    register_blocks("llama", layers="embed_tokens", first=("embed_tokens",))
    with pytest.raises(IncompatibleError, match="no list of the 3 layers"):
        blocks(model)


@pytest.mark.parametrize("names", [("", "layers", ()), ("x", "", ()), ("x", "layers", ("",)), (1, "layers", ())])
def test_names_that_are_none_are_refused(names):
    model_type, layers, first = names
    with pytest.raises(InvalidInputError, match="non-empty strings"):
        register_blocks(model_type, layers=layers, first=first)


def test_a_configuration_that_has_another_depth_is_refused():
    model = llama(3)
    model.config.num_hidden_layers = len(KEPT)
    with pytest.raises(IncompatibleError, match="0 lists"):
        blocks(model)
    assert torch.equal(model.model.layers[0].input_layernorm.weight, torch.ones(16))
