"""Laws of early exits: each row is the model cut where it left, rows do not touch each other, and budgets are kept."""

from __future__ import annotations

import math

import pytest
import torch
from families import CAUSAL, teacher_of
from test_layer_scores import calibration
from tiny import tiny_llama

from continuum.core import IncompatibleError, InvalidInputError
from continuum.models import blocks
from continuum.models.size import ExitPath, Layer, Saturation, TopProbability, assembled, exit_depths
from continuum.models.weights.identity import digest_of

IDS = torch.randint(1, 62, (6, 8), generator=torch.Generator().manual_seed(0))


def path_of(teacher, **options):
    return ExitPath(teacher, calibration(chunks=None, batch_size=7), **options)


@torch.no_grad()
def says(model, ids=IDS, mask=None):
    return model(input_ids=ids, attention_mask=mask, use_cache=False).logits


@pytest.mark.parametrize("family", sorted(CAUSAL))
@pytest.mark.parametrize("confidence", [TopProbability(), Saturation()], ids=lambda one: type(one).__name__)
def test_each_row_is_what_the_layers_below_its_exit_say(family, confidence):
    teacher = teacher_of(family)
    found = blocks(teacher)
    path = path_of(teacher, confidence=confidence)
    with path.lease(0.5) as model:
        logits, depths = says(model), exit_depths(model)
    for depth in depths.unique().tolist():
        cut = says(assembled(found, found, [Layer(found, k) for k in range(depth)]))
        at = depths == depth
        assert torch.allclose(logits[at], cut[at], atol=1e-5)


@pytest.mark.parametrize("family", ["llama-tied", "gpt2"])
def test_the_ends_are_the_first_exit_and_the_whole_model_bit_for_bit(family):
    teacher = teacher_of(family)
    before = digest_of("", teacher.state_dict().items())
    path = path_of(teacher, exits=(2, 4))
    found = blocks(teacher)
    assert torch.equal(says(path.at(1.0)), says(teacher))
    assert torch.equal(says(path.at(0.0)), says(assembled(found, found, [Layer(found, k) for k in range(2)])))
    assert digest_of("", teacher.state_dict().items()) == before
    assert not any("forward" in vars(module) for module in teacher.modules())


def test_rows_do_not_depend_on_each_other():
    path = path_of(tiny_llama(layers=6))
    with path.lease(0.5) as model:
        together, depths = says(model), exit_depths(model)
        assert len(set(depths.tolist())) > 1
        for row in range(len(IDS)):
            assert torch.allclose(says(model, IDS[[row]])[0], together[row], atol=1e-5)
            assert exit_depths(model).tolist() == [depths[row]]
        assert torch.allclose(says(model, IDS.flip(0)).flip(0), together, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(side):
    path = path_of(tiny_llama(layers=6))
    ids, mask = torch.zeros(6, 11, dtype=torch.long), torch.zeros(6, 11, dtype=torch.long)
    own = slice(3, 11) if side == "left" else slice(0, 8)
    ids[:, own], mask[:, own] = IDS, 1
    for t in (0.25, 0.5, 0.75):
        with path.lease(t) as model:
            plain, depths = says(model), exit_depths(model)
            assert torch.allclose(says(model, ids, mask)[:, own], plain, atol=1e-4)
            assert torch.equal(exit_depths(model), depths)


def test_layers_run_only_on_the_rows_that_are_left():
    path = path_of(tiny_llama(layers=6))
    with path.lease(0.5) as model:
        seen = []
        for layer in model.model.layers:
            layer.mlp.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
        says(model)
        depths = exit_depths(model)
    assert seen == [n for k in range(6) if (n := int((depths > k).sum()))]


def test_mean_depths_on_the_calibration_texts_are_those_of_the_table_and_within_budget():
    path = path_of(tiny_llama(layers=6), levels=6)
    table = path.table()
    assert table["t"].tolist() == list(path.domain.values) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    for t, depth in zip(table["t"], table["depth"], strict=True):
        with path.lease(t) as model:
            says(model, path.calibration.tokens)
            assert exit_depths(model).double().mean().item() == pytest.approx(depth)
        assert depth <= 1 + 5 * t + 1e-9
    assert table["depth"].is_monotonic_increasing
    assert table["threshold"].is_monotonic_increasing
    # Every budget is nearly spent: a row more or less is at most 5 layers of all that there are.
    left = 1 + 5 * table["t"] - table["depth"]
    assert (left <= 5 / len(path.calibration.tokens) + 1e-9).all()
    assert (table["threshold"].iloc[0], table["threshold"].iloc[-1]) == (-math.inf, math.inf)


def test_a_budget_gives_the_largest_depth_within_it():
    path = path_of(tiny_llama(layers=6))
    (t,) = path.at_budget(layers=3.5)
    depths = path.table().set_index("t")["depth"]
    assert depths[t] == max(depth for depth in depths if depth <= 3.5)
    assert path.at_budget(layers=6) == (1.0,)
    with pytest.raises(InvalidInputError, match="no row leaves before layer 1"):
        path.at_budget(layers=0.5)


def test_it_writes_without_a_cache_and_refuses_one():
    teacher = tiny_llama(layers=6)
    prompt = IDS[:2]
    model = path_of(teacher).at(1.0)
    whole = teacher.generate(prompt, max_new_tokens=5, do_sample=False)
    assert torch.equal(model.generate(prompt, max_new_tokens=5, do_sample=False), whole)
    assert path_of(teacher).at(0.5).generate(prompt, max_new_tokens=5, do_sample=False).shape == whole.shape
    with pytest.raises(IncompatibleError, match="keeps no cache"):
        model(input_ids=prompt, use_cache=True)
    assert teacher.config.use_cache
    assert teacher.generation_config.use_cache


def test_values_are_independent():
    teacher = tiny_llama(layers=6)
    path = path_of(teacher)
    model, again = path.at(0.5), path.at(0.5)
    expected = says(again)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    assert torch.equal(says(path.at(0.5)), expected)
    assert torch.equal(says(again), expected)
    assert says(model).count_nonzero() == 0  # also what asks for its confidence is its own
    assert exit_depths(model).tolist() == exit_depths(model).tolist()


def test_only_a_model_with_exits_that_has_seen_a_batch_has_depths():
    with pytest.raises(IncompatibleError, match="no exits"):
        exit_depths(tiny_llama())
    with pytest.raises(IncompatibleError, match="seen no batch"):
        exit_depths(path_of(tiny_llama(layers=3)).at(0.5))


@pytest.mark.parametrize("options", [{"exits": ()}, {"exits": (0,)}, {"exits": (6,)}, {"levels": 1}], ids=str)
def test_options_have_their_ranges(options):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(options))}`"):
        path_of(tiny_llama(layers=6), **options)
