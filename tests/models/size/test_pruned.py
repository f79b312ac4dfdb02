"""Laws of pruning: what is left is the teacher's, mixtures are what they say, and the teacher stays as it is."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from families import teacher_of
from hypothesis import given
from hypothesis import strategies as st
from test_layer_scores import calibration
from tiny import tiny_gpt2, tiny_llama

from continuum.core import InvalidInputError
from continuum.models import PatchPath, blocks, initialize_student
from continuum.models.size import (
    Collapse,
    Delete,
    LayerCollapse,
    Layout,
    NeighbourMean,
    OneShot,
    PrunedPath,
    count_parameters,
    random_student,
    same_layout,
)
from continuum.models.size.stacks import merged
from continuum.models.weights.identity import digest_of

IDS = torch.arange(2, 14).reshape(2, 6)


@torch.no_grad()
def says(model):
    return model(input_ids=IDS, use_cache=False).logits


def digest(model):
    return digest_of("", model.state_dict().items())


@pytest.mark.parametrize("family", ["llama", "llama-tied", "qwen2", "gemma3", "gpt2", "gpt_neox", "opt", "phi"])
def test_naive_pruning_of_the_same_layout_ends_at_the_untrained_student(family):
    teacher = teacher_of(family)
    before = digest(teacher)
    path = PatchPath(initialize_student(teacher, (0, 2, 3, 6)), teacher)
    pruned = PrunedPath(teacher, OneShot(same_layout(path.layout, path.slots)))
    assert torch.equal(says(pruned.at(0.0)), says(path.at(0.0)))
    assert torch.equal(says(pruned.at(1.0)), says(teacher))
    for t in path.domain.values:
        # An untrained student has the teacher's own layers: patching it is not to prune.
        with path.lease(t) as member, pruned.lease(t) as other:
            assert torch.equal(says(member), says(other))
    assert digest(teacher) == before


def test_the_same_ends_have_the_same_sizes():
    teacher = tiny_gpt2(layers=8)
    path = PatchPath(initialize_student(teacher), teacher, head="teacher")
    pruned = PrunedPath(teacher, OneShot(same_layout(path.layout, path.slots)))
    assert pruned.domain.values == path.domain.values
    assert pruned.table()["inference"].tolist() == path.table()["inference"].tolist()
    assert pruned.at_budget(layers=6) == path.at_budget(layers=6)
    for t in pruned.domain.values:
        assert pruned.counts(t) == count_parameters(pruned.at(t))


def test_values_are_independent_and_leases_share():
    teacher = tiny_llama(layers=4)
    path = PrunedPath(teacher, OneShot((2, 1), Collapse()))
    with path.lease(0.5) as one, path.lease(0.0) as other:
        assert one.model.layers[0].mlp.up_proj.weight is teacher.model.layers[0].mlp.up_proj.weight
        assert one.model.layers[1].mlp.up_proj.weight is not teacher.model.layers[1].mlp.up_proj.weight
        assert (len(one.model.layers), len(other.model.layers)) == (3, 2)
    own = path.at(0.5)
    assert not {p.data_ptr() for p in own.parameters()} & {p.data_ptr() for p in teacher.parameters()}


# Mixtures


@given(st.integers(2, 8), st.data())
def test_factors_of_every_mixture_add_up_to_one(layers, data):
    dropped = data.draw(st.frozensets(st.integers(1, layers - 1), max_size=layers - 1))
    weights = tuple(data.draw(st.lists(st.floats(0.1, 9), min_size=layers, max_size=layers)))
    for repair, depth in ((Delete(), layers - len(dropped)), (Collapse(), layers - len(dropped))):
        stack = repair.stack(layers, dropped)
        assert len(stack) == depth
        assert all(sum(mix.values()) == pytest.approx(1) for mix in stack)
        # Its kind is that of the layer that stays.
        assert [next(iter(mix)) for mix in stack] == [k for k in range(layers) if k not in dropped]
    healed = NeighbourMean(weights).stack(layers, dropped)
    assert len(healed) == layers
    for k, mix in enumerate(healed):
        assert sum(mix.values()) == pytest.approx(1)
        assert not set(mix) & dropped
        assert (mix == {k: 1.0}) == (k not in dropped)


def test_known_mixtures():
    assert Collapse().stack(5, frozenset({2, 3})) == ({0: 1.0}, {1: -1.0, 2: 1.0, 3: 1.0}, {4: 1.0})
    assert NeighbourMean().stack(4, frozenset({1, 3})) == ({0: 1.0}, {0: 0.5, 2: 0.5}, {2: 1.0}, {2: 1.0})
    assert NeighbourMean((1.0, 1.0, 3.0)).stack(3, frozenset({1}))[1] == {0: 0.25, 2: 0.75}


def test_a_merge_of_merges_adds_differences_of_what_is_there():
    once = merged(tuple({k: 1.0} for k in range(5)), 2, 5)
    again = merged(once, 1, 3)  # layer 1 and the merged one: 1 + (merged - 1) is the merged one
    assert again[1] == {1: 0.0, 2: -1.0, 3: 1.0, 4: 1.0}


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
@torch.no_grad()
def test_layers_have_the_mixed_weights(make):
    teacher = make(layers=5)
    before = digest(teacher)
    path = PrunedPath(teacher, OneShot((2, 3), Collapse()))
    layers = [dict(layer.named_parameters()) for layer in blocks(teacher)]
    found = blocks(path.at(0.0))
    for name, weight in found.layers[1].named_parameters():
        assert torch.allclose(weight, layers[2][name] + layers[3][name] - layers[1][name], atol=1e-6)
    healed = blocks(PrunedPath(teacher, OneShot((2,), NeighbourMean((1.0, 1.0, 1.0, 3.0, 1.0)))).at(0.0))
    for name, weight in healed.layers[2].named_parameters():
        assert torch.allclose(weight, (layers[1][name] + 3 * layers[3][name]) / 4, atol=1e-6)
    assert digest(teacher) == before


@torch.no_grad()
def test_merging_and_healing_equal_layers_changes_nothing():
    teacher = tiny_llama(layers=4)
    for name, weight in teacher.model.layers[2].named_parameters():
        weight.copy_(dict(teacher.model.layers[1].named_parameters())[name])
    assert torch.equal(
        says(PrunedPath(teacher, OneShot((2,), Collapse())).at(0.0)), says(PrunedPath(teacher, OneShot((2,))).at(0.0))
    )
    twice = copy.deepcopy(teacher)
    for name, weight in twice.model.layers[3].named_parameters():
        weight.copy_(dict(teacher.model.layers[1].named_parameters())[name])
    assert torch.equal(says(PrunedPath(twice, OneShot((2,), NeighbourMean())).at(0.0)), says(twice))


def test_healed_layers_need_not_be_stored():
    teacher = tiny_llama(layers=6)
    path = PrunedPath(teacher, OneShot((4, 2), NeighbourMean()))
    deleted = PrunedPath(teacher, OneShot((4, 2)))
    assert path.domain.values == deleted.domain.values
    assert path.counts(0.0).unique == deleted.counts(0.0).unique
    assert (path.counts(0.0).depth, deleted.counts(0.0).depth) == (6, 4)
    assert path.at(0.0).config.num_hidden_layers == 6


# LaCo


def test_layer_collapse_merges_all_it_may_below_the_lowest_threshold():
    teacher, texts = tiny_llama(layers=8), calibration()
    found = LayerCollapse(texts, merged=3, interval=3, lowest=1, threshold=-1.0).stacks(blocks(teacher))
    # Runs 5-7, 2-4; then one would begin at layer -1.
    assert [len(stack) for stack in found] == [8, 6, 4]
    assert found[1][5] == {5: -1.0, 6: 1.0, 7: 1.0}
    assert found[2][2] == {2: -1.0, 3: 1.0, 4: 1.0}


def test_layer_collapse_merges_where_nothing_changes():
    teacher, texts = tiny_llama(layers=6), calibration()
    with torch.no_grad():
        for layer in teacher.model.layers[2:5]:  # equal layers that do nothing: merged they do nothing either
            layer.load_state_dict(teacher.model.layers[2].state_dict())
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    path = PrunedPath(teacher, LayerCollapse(texts, merged=3, threshold=0.9999))
    assert path.domain.values == (0.0, 1.0)
    assert len(path.stack_at(0.0)) == 4
    assert torch.allclose(says(path.at(0.0)), says(teacher), atol=1e-5)


def test_a_threshold_that_nothing_passes_makes_no_path():
    with pytest.raises(InvalidInputError, match="makes nothing smaller"):
        PrunedPath(tiny_llama(layers=4), LayerCollapse(calibration(), merged=2, threshold=1.0))


# The control


def test_a_random_student_has_the_teachers_ends_and_layers_of_no_teacher():
    teacher = tiny_gpt2(layers=6)
    drawn = torch.random.get_rng_state()
    one, again, other = (random_student(teacher, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert digest(one) == digest(again) != digest(other)
    assert one.provenance.kept == initialize_student(teacher).provenance.kept
    assert torch.equal(one.transformer.wte.weight, teacher.transformer.wte.weight)
    weights = [layer.attn.c_attn.weight for model in (one, teacher) for layer in blocks(model)]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(weights, 2))
    PatchPath(one, teacher)


# Bad input


@pytest.mark.parametrize("dropped", [(), (1, 1), (1.5,), (9,), (-1,), (0, 1, 2, 3)])
def test_dropped_layers_are_layers(dropped):
    with pytest.raises(InvalidInputError, match="`dropped`"):
        PrunedPath(tiny_llama(layers=4), OneShot(dropped))


def test_repairs_need_what_they_repair_with():
    teacher = tiny_llama(layers=4)
    with pytest.raises(InvalidInputError, match="layer 0 cannot be dropped"):
        PrunedPath(teacher, OneShot((0,), Collapse()))
    with pytest.raises(InvalidInputError, match="`weights` are of 2 layers, and the model has 4"):
        PrunedPath(teacher, OneShot((1,), NeighbourMean((1.0, 1.0))))
    with pytest.raises(InvalidInputError, match="`weights` must be positive"):
        NeighbourMean((1.0, 0.0))


@pytest.mark.parametrize(
    "options", [{"merged": 1}, {"lowest": -1}, {"interval": 0}, {"highest": 1}, {"threshold": 2.0}], ids=str
)
def test_layer_collapse_has_options_within_range(options):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(options))}`"):
        LayerCollapse(calibration(), **options)


def test_the_layout_is_dropped_backwards():
    assert same_layout(Layout((0, 2, 5), 6), (1, 0)) == (1, 4, 3)
