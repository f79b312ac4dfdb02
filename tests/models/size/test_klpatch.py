"""Greedy orders: the same by all ways of evaluation, with the work that closed forms say."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from families import KEPT, LAYERS, TEACHERS, pair, teacher_of
from test_patched_members import silence
from trials import calibration, every_other, layers_run, llama_family

from continuum.core import IncompatibleError, InvalidInputError, ResourceError
from continuum.models import PatchPath, initialize_student
from continuum.models.size import BackwardGreedy, Evaluation, KLPatch, Layout, execution, steps
from continuum.models.size import states as states_file
from continuum.models.size.execution import divergence
from continuum.models.size.orders import size_moves
from continuum.models.size.states import Trajectories

WAYS = [Evaluation(cache) for cache in ("none", "prefix", "candidates")]
WAYS += [Evaluation("prefix", None), Evaluation("candidates", None), Evaluation("candidates", 3)]
# Slots of 2, 1, 3, 2, 1, 1, 2 and 1 layers.
KEPT_UNEQUAL, LAYERS_UNEQUAL = (0, 2, 3, 6, 8, 9, 10, 12), 13
SEARCHES = [KLPatch, BackwardGreedy]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("neutral", ["ride", "free"])
def test_all_ways_of_evaluation_find_the_same_order_and_the_same_divergences_bit_for_bit(search, neutral):
    members = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL)
    plain, *others = [search(calibration(), neutral, evaluation=way).search(members) for way in WAYS]
    for other in others:
        assert other.order == plain.order
        assert other.patched == plain.patched
        for ours, theirs in zip(other.divergences, plain.divergences, strict=True):
            assert (ours.values == theirs.values).all()


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("neutral", ["ride", "free"])
def test_a_search_reports_the_members_of_its_order(search, neutral):
    members, texts = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL), calibration()
    found = search(texts, neutral).search(members)
    assert found.patched == steps(members.layout, found.order)
    for patched, reported in zip(found.patched, found.divergences, strict=True):
        assert divergence(members, patched, texts).mean == reported.mean
    assert found.kl[-1] == 0.0
    assert PatchPath(members.student.model, members.teacher.model, order=search(texts, neutral)).slots == found.order


def test_each_step_takes_the_best_of_the_slots_that_are_left():
    members, texts = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL), calibration()
    found = KLPatch(texts).search(members)
    moves = size_moves(members.layout)
    for place, (before, pick) in enumerate(zip(found.patched[:-1], found.order, strict=True)):
        costs = {slot: divergence(members, before | moves[slot], texts).mean for slot in found.order[place:]}
        assert pick == min(costs, key=lambda slot: (costs[slot], slot))


def test_each_step_back_gives_up_the_slot_that_costs_least():
    members, texts = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL), calibration()
    found = BackwardGreedy(texts).search(members)
    moves = size_moves(members.layout)
    for place, (before, pick) in enumerate(zip(found.patched[1:], found.order, strict=True)):
        costs = {slot: divergence(members, before - moves[slot], texts).mean for slot in found.order[: place + 1]}
        assert pick == min(costs, key=lambda slot: (costs[slot], slot))


def test_free_neutral_slots_move_only_if_that_lowers_the_divergence():
    members, texts = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL), calibration()
    found = KLPatch(texts, "free").search(members)
    moved = 0
    for before, after in itertools.pairwise(found.patched[:-1]):
        size = (after - before) & set(members.layout.size_slots)
        without = divergence(members, before | size, texts).mean
        reached = divergence(members, after, texts).mean
        moved += len(after - before - size)
        assert reached < without if after - before - size else reached == without
        for slot in set(members.layout.neutral_slots) - after:
            assert divergence(members, after | {slot}, texts).mean >= reached
    assert moved > 0


# Layers that a search runs, counted by hooks on another implementation: full forward passes; a prefix cache where the
# first and where the last of the slots left is picked; kept states of candidates where the last is.
COUNTED = [(11, 1, 1078, 430, 870, 595), (13, 2, 1820, 743, 1471, 1029)]
COUNTED += [(15, 2, 2720, 1057, 2177, 1512), (17, 2, 3876, 1447, 3079, 2127)]


def closed_form(m, e):
    """The same for m slots of two layers, and e neutral ones after them."""
    first = (e + 2) * m * (m + 1) // 2 + (m - 1) * m * (m + 1) // 6 + m + e
    naive = (m + e + 1) * m * (m + 1) // 2 + (m - 1) * m * (m + 1) // 6
    reuse = (e + 3) * m + e + (e + 1) * m * (m - 1) // 2 + (m - 1) * m * (m + 1) // 3
    return naive, first, first + (m - 1) * m * (m + 1) // 3, reuse


@pytest.mark.parametrize(("m", "e", "naive", "first", "prefix_last", "reuse_last"), COUNTED)
def test_the_closed_form_is_what_was_counted(m, e, naive, first, prefix_last, reuse_last):
    assert closed_form(m, e) == (naive, first, prefix_last, reuse_last)
    layout = Layout(*every_other(m, e))
    up, down = layout.size_slots, layout.size_slots[::-1]
    assert layers_run(layout, up, "none") == layers_run(layout, down, "none") == naive + m + e  # and the student itself
    assert layers_run(layout, up, "prefix") == layers_run(layout, up, "candidates") == first
    assert (layers_run(layout, down, "prefix"), layers_run(layout, down, "candidates")) == (prefix_last, reuse_last)


def test_layers_of_a_search_are_those_of_the_closed_form(monkeypatch):
    m, e = 11, 2
    members = llama_family(*every_other(m, e))
    naive, first, prefix_last, reuse_last = closed_form(m, e)
    assert naive == 1144
    assert _forced(members, Evaluation("none"), min, monkeypatch).layers == naive + m + e
    for cache in ("prefix", "candidates"):
        assert _forced(members, Evaluation(cache), min, monkeypatch).layers == first
    assert _forced(members, Evaluation("prefix"), max, monkeypatch).layers == prefix_last
    assert _forced(members, Evaluation("candidates"), max, monkeypatch).layers == reuse_last


@pytest.mark.parametrize("way", ["first", "last"])
def test_stacked_candidates_share_calls(way, monkeypatch):
    m, e = 11, 2
    members = llama_family(*every_other(m, e))
    picked = max if way == "last" else min
    work = _forced(members, Evaluation("prefix", None), picked, monkeypatch)
    # At each step: two calls for the block of each candidate, one for the student's layer in each slot but the first of
    # these, and those of the slots after the first that are patched already or neutral; neutral ones ride with the last
    # size slot, so that they have both owners as long as that is a candidate besides others.
    after = e * (m - 1) if way == "first" else e + 2 * m * (m - 1) // 2
    assert work.calls == 3 * m * (m + 1) // 2 - m + e * m + after + (m + e)
    assert work.layers == closed_form(m, e)[1 if way == "first" else 2]


@pytest.mark.parametrize("cache", ["none", "prefix", "candidates"])
@pytest.mark.parametrize("stack", [1, None])
def test_work_of_any_order_follows_from_its_definition(cache, stack):
    members = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL)
    found = KLPatch(calibration(), evaluation=Evaluation(cache, stack)).search(members)
    m = len(members.layout.size_slots)
    assert found.work.layers == layers_run(members.layout, found.order, cache)
    assert found.work.heads == m * (m + 1) // 2 + 1
    assert (found.work.calls == found.work.layers) == (stack == 1)


@pytest.mark.parametrize("name", TEACHERS)
def test_members_run_slot_by_slot_say_what_their_models_say(name):
    members, texts = PatchPath(*pair(name), keep=KEPT).members, calibration(positions=None)
    log_p = _log_probs(members.view(range(len(KEPT))), texts.tokens)
    for patched in [(), (0,), (2,), (1, 3), (0, 2), (0, 1, 2, 3)]:
        log_q = _log_probs(members.view(patched), texts.tokens)
        expected = (log_p.exp() * (log_p - log_q)).sum(-1)
        found = divergence(members, patched, texts).values
        # float32 logits of size about 10, summed over 64 tokens
        torch.testing.assert_close(torch.from_numpy(found), expected.flatten(), atol=1e-5, rtol=1e-4)


# Of the others the last weights of a layer alone do not silence it.
@pytest.mark.parametrize("name", ["llama", "llama-tied", "qwen2", "qwen3", "mistral", "gpt2"])
def test_where_other_layers_do_nothing_every_member_is_the_teacher_exactly(name):
    teacher = teacher_of(name)
    for layer in set(range(LAYERS)) - set(KEPT):
        silence(teacher, layer)
    members, texts = PatchPath(initialize_student(teacher, KEPT), teacher).members, calibration()
    for r in range(len(KEPT) + 1):
        for patched in itertools.combinations(range(len(KEPT)), r):
            assert not divergence(members, patched, texts).values.any()
    assert KLPatch(texts).search(members).order == members.layout.size_slots  # of equals the first
    assert BackwardGreedy(texts).search(members).order == members.layout.size_slots[::-1]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("head", ["teacher", "student"])
def test_an_order_is_found_for_each_owner_of_the_head(search, head):
    members, texts = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL, head=head), calibration()
    found = search(texts).search(members)
    assert (found.kl[-1] == 0.0) == (head == "teacher")
    assert found.kl[0] == divergence(members, (), texts).mean


def test_gain_per_parameter_prefers_a_short_block_to_a_long_one_of_little_more_gain():
    members, texts = llama_family((0, 3), 5), calibration()
    gains = [divergence(members, (), texts).mean - divergence(members, (slot,), texts).mean for slot in (0, 1)]
    sizes = [2, 1]  # layers that each slot adds
    plain, normalized = (KLPatch(texts, per_parameter=each).search(members).order[0] for each in (False, True))
    assert plain == max((0, 1), key=lambda slot: gains[slot])
    assert normalized == max((0, 1), key=lambda slot: gains[slot] / sizes[slot])


def test_distributions_of_the_teacher_that_are_not_stored_are_computed_to_the_same_bits(monkeypatch):
    members, texts = llama_family((0, 2, 3), 5), calibration()
    stored = divergence(members, (0,), texts).values
    monkeypatch.setattr(execution, "_STORED", 0)
    assert (divergence(members, (0,), texts).values == stored).all()
    assert not divergence(members, (0, 1, 2), texts).values.any()


def test_a_member_that_says_no_number_is_refused():
    members = llama_family((0, 2, 3), 5)
    members.student.layers[1].mlp.down_proj.weight.data.fill_(float("nan"))
    with pytest.raises(IncompatibleError, match=r"patched slots \[0\].*wider dtype"):
        divergence(members, (0,), calibration())
    assert divergence(members, (0, 1, 2), calibration()).mean == 0.0


def test_a_model_without_a_head_has_no_divergence():
    members = llama_family((0, 2, 3), 5)
    bare = PatchPath(members.student.model.model, members.teacher.model.model, keep=(0, 2, 3)).members
    with pytest.raises(IncompatibleError, match="LlamaModel has no head"):
        divergence(bare, (), calibration())


def test_half_precision_gives_one_order_with_stacks_of_one_shape():
    members = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL)
    for owner in (members.student, members.teacher):
        owner.model.to(torch.bfloat16)
    found = [
        KLPatch(calibration(), evaluation=Evaluation(cache, 4)).search(members)
        for cache in ("none", "prefix", "candidates")
    ]
    assert len({one.order for one in found}) == len({one.kl for one in found}) == 1
    assert found[0].kl[-1] == 0.0


def test_a_search_leaves_modes_and_weights_alone():
    members = llama_family((0, 2), 4)
    student = members.student.model.train()
    before = {name: weight.clone() for name, weight in student.state_dict().items()}
    KLPatch(calibration()).search(members)
    assert student.training
    assert all(torch.equal(weight, before[name]) for name, weight in student.state_dict().items())
    assert all(weight.grad is None for weight in student.parameters())


def test_states_that_do_not_fit_are_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr("continuum.measures.admission._free", lambda: 100_000)
    members = llama_family(*every_other(6, 0))
    with pytest.raises(ResourceError, match='cache="prefix"'):
        KLPatch(calibration()).search(members)
    assert KLPatch(calibration(), evaluation=Evaluation("none")).search(members).kl[-1] == 0.0


@pytest.mark.parametrize("search", SEARCHES)
def test_unknown_options_are_refused(search):
    with pytest.raises(InvalidInputError, match="neutral"):
        search(calibration(), "never")
    with pytest.raises(InvalidInputError, match="cache"):
        Evaluation("some")
    with pytest.raises(InvalidInputError, match="stack"):
        Evaluation(stack=0)


def _log_probs(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=tokens).logits.log_softmax(-1).double()


def _forced(members: Any, evaluation: Evaluation, picked: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Work of a search in which each step picks the first or the last of its candidates, whatever they say."""

    def best(self: Trajectories, moves: Any, cost: Any) -> Any:
        tried = dict(self._tried(moves))
        move = picked(moves, key=min)
        return move, tried[move]

    with monkeypatch.context() as patch:
        patch.setattr(states_file.Trajectories, "best", best)
        texts = calibration(length=4, chunks=1, positions=1)
        return KLPatch(texts, evaluation=evaluation).search(members).work
