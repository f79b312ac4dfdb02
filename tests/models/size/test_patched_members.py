"""Every member of families of many architectures: exact ends, shared weights, right numbers, right words."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from families import CAUSAL, KEPT, LAYERS, TEACHERS, pair, perturbed, teacher_of

from continuum.models import PatchPath, initialize_student
from continuum.models.size import Members
from continuum.models.weights.identity import digest_of

SLOTS = range(len(KEPT))
SUBSETS = [subset for r in range(len(KEPT) + 1) for subset in itertools.combinations(SLOTS, r)]
TOKENS = torch.tensor([[0, 0, 0, 5, 9, 41, 7, 8], [3, 60, 9, 11, 22, 2, 33, 4]])
MASK = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1]])  # padded on the left


def family_of(name: str) -> Members:
    return PatchPath(*pair(name), keep=KEPT).members


@torch.no_grad()
def says(model: Any) -> torch.Tensor:
    return model(input_ids=TOKENS, attention_mask=MASK).logits


def state_of(model: Any) -> str:
    return digest_of("", model.state_dict().items())


@pytest.mark.parametrize("name", TEACHERS)
def test_no_patch_is_the_student_and_all_patches_the_teacher_bit_for_bit(name):
    student, teacher = pair(name)
    path = PatchPath(student, teacher, keep=KEPT)
    before = state_of(student), state_of(teacher)
    expected = says(student), says(teacher)
    assert not torch.equal(*expected)
    for build in (path.members.view, path.members.copy):
        assert torch.equal(says(build(())), expected[0])
        assert torch.equal(says(build(SLOTS)), expected[1])
    assert (state_of(student), state_of(teacher)) == before
    assert torch.equal(says(student), expected[0])
    assert torch.equal(says(teacher), expected[1])


@pytest.mark.parametrize("name", TEACHERS)
def test_every_member_is_made_of_the_weights_of_the_two_models(name):
    members = family_of(name)
    known = {
        tensor.data_ptr()
        for owner in (members.student, members.teacher)
        for tensor in (*owner.model.parameters(), *owner.model.buffers())
    }
    modules = {id(module) for owner in (members.student, members.teacher) for module in owner.model.modules()}
    for subset in SUBSETS:
        view = members.view(subset)
        assert {tensor.data_ptr() for tensor in (*view.parameters(), *view.buffers())} <= known
        assert not {id(module) for module in view.modules()} & modules
        assert all(view.config is not owner.model.config for owner in (members.student, members.teacher))


@pytest.mark.parametrize("name", TEACHERS)
def test_layers_of_every_member_are_counted_listed_and_numbered_by_their_places(name):
    members = family_of(name)
    for subset in SUBSETS:
        view = members.view(subset)
        layers = view.get_submodule(members.teacher.name)
        types = getattr(view.config, "layer_types", None)
        assert len(layers) == view.config.num_hidden_layers == members.layout.depth(subset)
        assert types is None or len(types) == len(layers)
        for place, layer in enumerate(layers):
            numbers = {module.layer_idx for module in layer.modules() if hasattr(module, "layer_idx")}
            assert numbers <= {place}


@pytest.mark.parametrize("name", ["qwen2", "gemma3"])
def test_a_member_has_the_kinds_of_attention_that_its_layers_had(name):
    members = family_of(name)
    for subset in SUBSETS:
        view = members.view(subset)
        owners = members.layers(subset)
        assert view.config.layer_types == [one.owner.config.layer_types[one.index] for one in owners]


@pytest.mark.parametrize("name", TEACHERS)
def test_copies_are_independent_and_say_the_same(name):
    members = family_of(name)
    for subset in [(0,), (1, 2), (0, 3)]:
        expected = says(members.view(subset))
        twin = members.copy(subset)
        assert torch.equal(says(twin), expected)
        perturbed(twin)
        assert torch.equal(says(members.view(subset)), expected)


@pytest.mark.parametrize("name", TEACHERS)
def test_hidden_states_are_those_of_the_layers_and_the_last_one_is_normed(name):
    members = family_of(name)
    with torch.no_grad():
        for owner in (members.student, members.teacher):  # which now have what records hidden states in them
            owner.model(input_ids=TOKENS, output_hidden_states=True)
        for subset in [(), (2,), (0, 1, 3), SLOTS]:
            view = members.view(subset)
            states = view(input_ids=TOKENS, output_hidden_states=True).hidden_states
            assert len(states) == members.layout.depth(subset) + 1
            assert torch.equal(states[-1], view.base_model(input_ids=TOKENS)[0])


@pytest.mark.parametrize("name", CAUSAL)
def test_generation_with_and_without_a_cache_agree(name):
    members = family_of(name)
    options = {"attention_mask": MASK, "max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
    for subset in [(), (0,), (2, 3), (0, 1), SLOTS]:
        view = members.view(subset)
        plain = view.generate(TOKENS, use_cache=False, **options)
        assert torch.equal(view.generate(TOKENS, use_cache=True, **options), plain)
        assert torch.equal(view.generate(TOKENS, cache_implementation="static", **options), plain)
        beams = {"num_beams": 2, **options}
        assert torch.equal(view.generate(TOKENS, **beams), view.generate(TOKENS, use_cache=False, **beams))


@pytest.mark.parametrize("name", ["llama-tied", "qwen3", "gpt2", "gemma3", "opt", "bert", "distilbert-bert"])
def test_a_head_is_tied_if_and_only_if_one_model_owns_both_ends(name):
    members = family_of(name)
    for subset in SUBSETS:
        view = members.view(subset)
        first, last = members.ends(subset)
        is_tied = view.get_output_embeddings().weight is view.get_input_embeddings().weight
        assert is_tied == (first is last) == view.config.tie_word_embeddings
        expected = says(view)
        view.tie_weights()
        assert torch.equal(says(view), expected)


@pytest.mark.parametrize("name", ["llama", "llama-tied", "gpt2", "opt", "bert"])
@pytest.mark.parametrize("head", ["teacher", "student"])
def test_with_one_owner_of_the_head_every_member_has_its_embedding_norm_and_head(name, head):
    student, teacher = pair(name)
    owner = {"teacher": teacher, "student": student}[head]
    members = PatchPath(student, teacher, head=head).members
    for subset in SUBSETS:
        view = members.view(subset)
        for part in (*members.teacher.first, *members.teacher.last):
            ours, theirs = (list(model.get_submodule(part).parameters()) for model in (view, owner))
            assert all(a is b for a, b in zip(ours, theirs, strict=True))
        assert view.config.tie_word_embeddings == owner.config.tie_word_embeddings


def silence(model: Any, layer: int) -> None:
    """Make a layer add nothing to the residual stream."""
    if hasattr(model, "transformer"):
        block = model.transformer.h[layer]
        outputs = [block.attn.c_proj, block.mlp.c_proj]
    else:
        block = model.model.layers[layer]
        outputs = [block.self_attn.o_proj, block.mlp.down_proj]
    for output in outputs:
        for weight in output.parameters():
            weight.data.zero_()


@pytest.mark.parametrize("name", ["llama", "llama-tied", "qwen2", "qwen3", "mistral", "gpt2"])
def test_members_of_a_teacher_whose_other_layers_do_nothing_all_say_the_same(name):
    teacher = teacher_of(name)
    for layer in set(range(LAYERS)) - set(KEPT):
        silence(teacher, layer)
    members = PatchPath(initialize_student(teacher, KEPT), teacher).members
    expected = says(teacher)
    for subset in SUBSETS:
        assert torch.equal(says(members.view(subset)), expected)


def test_weights_that_the_student_learns_are_seen_by_members_made_before():
    student, teacher = pair("llama")
    view = PatchPath(student, teacher).members.view((0,))
    perturbed(student, seed=3)
    assert torch.equal(says(view), says(PatchPath(student, teacher).members.view((0,))))


def test_gradients_reach_the_student_through_a_member():
    student, teacher = pair("llama")
    view = PatchPath(student, teacher).members.view((0,))
    view(input_ids=TOKENS, labels=TOKENS).loss.backward()
    assert student.model.layers[2].mlp.up_proj.weight.grad is not None
    assert student.model.layers[0].mlp.up_proj.weight.grad is None
