"""Laws of the scores of layers and of the choice by them: they equal what they say, and the choice is the best one."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from families import teacher_of
from hypothesis import given
from hypothesis import strategies as st
from tiny import WORDS, tiny_llama, tiny_tokenizer

from continuum.core import InvalidInputError
from continuum.models import blocks, initialize_student
from continuum.models.size import (
    Calibration,
    Layer,
    LowestDrop,
    assembled,
    block_influence,
    drop_layers,
    gradient_norms,
    lowest_first,
    single_drop_kl,
)

# Single-drop KL and block influence of SmolLM2-135M-Instruct, 768 calibration tokens, to two and three decimals.
SMOLLM2 = (
    "7.56 3.10 1.26 .25 .20 .17 .29 .20 .73 .36 .40 2.17 .18 .18 .12 .18 .15 .10 .15 .18 .23 .24 .26 .31 .66 .20 .17 "
    ".31 1.25 2.13"
)


def calibration(**options):
    words = list(WORDS) * 4
    options = {"length": 8, "chunks": 5, "positions": 17, "batch_size": 2} | options
    return Calibration([" ".join(words[i : i + 12]) for i in range(0, 120, 9)], tiny_tokenizer(), **options)


@pytest.mark.parametrize("family", ["llama-tied", "qwen2", "gpt2", "gemma3", "opt"])
@torch.no_grad()
def test_single_drop_kl_is_that_of_the_model_without_the_layer(family):
    teacher, texts = teacher_of(family), calibration()
    found = blocks(teacher)

    def log_probs(model):
        some = zip(texts.batches, texts.places, strict=True)
        return torch.cat([model(input_ids=ids).logits.flatten(0, 1)[at].double().log_softmax(-1) for ids, at in some])

    whole, expected = log_probs(teacher), []
    for i in range(len(found)):
        without = log_probs(assembled(found, found, [Layer(found, k) for k in range(len(found)) if k != i]))
        expected.append((whole.exp() * (whole - without)).sum(-1).mean().item())
    if family not in ("qwen2", "gemma3"):  # there a layer that moves up would be another one to its mask
        assert single_drop_kl(teacher, texts) == pytest.approx(expected, rel=1e-4)
    assert all(value > 0 for value in single_drop_kl(teacher, texts))


@torch.no_grad()
def test_block_influence_is_one_less_the_mean_cosine():
    teacher, texts = teacher_of("llama"), calibration()
    states = teacher.model.layers
    seen = []
    handles = [layer.register_forward_hook(lambda m, args, out: seen.append((args[0], out))) for layer in states]
    cosines = []
    for ids in texts.batches:
        seen.clear()
        teacher(input_ids=ids)
        cosines.append(torch.stack([torch.cosine_similarity(a, b, dim=-1).flatten() for a, b in seen]))
    for handle in handles:
        handle.remove()
    assert block_influence(teacher, texts) == pytest.approx((1 - torch.cat(cosines, 1).mean(1)).tolist(), abs=1e-6)


@torch.no_grad()
def test_a_layer_that_does_nothing_has_no_score():
    teacher = tiny_llama(layers=4)
    teacher.model.embed_tokens.weight[0] = 1.0  # that of padding is nought, which has no direction
    teacher.model.layers[2].self_attn.o_proj.weight.zero_()
    teacher.model.layers[2].mlp.down_proj.weight.zero_()
    kl, influence = single_drop_kl(teacher, calibration()), block_influence(teacher, calibration())
    assert abs(kl[2]) < 1e-6
    assert abs(influence[2]) < 1e-6
    assert min(kl[:2] + influence[:2]) > 1e-3
    assert lowest_first(kl, 1) == lowest_first(influence, 1) == (2,)


def test_gradient_norms_are_those_of_the_loss_and_leave_no_gradient():
    teacher, texts = tiny_llama(layers=3), calibration(batch_size=5)
    found = gradient_norms(teacher, texts)
    assert all(weight.grad is None for weight in teacher.parameters())
    teacher(input_ids=texts.tokens, labels=texts.tokens).loss.backward()
    expected = [sum(w.grad.square().sum().item() for w in layer.parameters()) for layer in blocks(teacher)]
    assert found == pytest.approx(expected, rel=1e-4)
    assert gradient_norms(tiny_llama(layers=3), calibration(batch_size=2)) == pytest.approx(expected, rel=1e-4)


def test_the_layers_of_smollm2_are_those_that_were_found():
    found = drop_layers([float(word) for word in SMOLLM2.split()])
    # Sums of unrounded scores were 1.89, 2.59, 4.15 and 6.05.
    assert [found.sums[r] for r in (10, 12, 13, 14)] == pytest.approx([1.89, 2.59, 4.15, 6.05], abs=0.011)
    assert found.knee == 12
    assert found.kept() == (0, 1, 2, 4, 6, 8, 10, 11, 13, 15, 17, 19, 21, 23, 24, 26, 28, 29)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=9))
def test_the_choice_is_the_best_of_all(scores):
    found = drop_layers(scores)
    for r, (total, layers) in enumerate(zip(found.sums, found.choices, strict=True)):
        ways = [
            way
            for way in itertools.combinations(range(1, len(scores)), r)
            if all(b - a > 1 for a, b in itertools.pairwise(way))
        ]
        assert total == min(sum(scores[k] for k in way) for way in ways)
        assert layers in ways
        assert sum(scores[k] for k in layers) == total
    assert len(found.sums) == len(scores) // 2 + 1


@given(st.lists(st.floats(0, 10, width=16), min_size=2, max_size=12))
def test_steps_up_to_the_knee_cost_no_more_than_the_mean_and_later_ones_no_less(scores):
    found = drop_layers(scores)
    steps = [b - a for a, b in itertools.pairwise(found.sums)]
    mean = found.sums[-1] / len(steps)
    assert all(step <= mean + 1e-9 for step in steps[: found.knee])
    assert all(step >= mean - 1e-9 for step in steps[found.knee :])
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(steps))  # sums are convex: each further layer costs more


@pytest.mark.parametrize("scores", [(), (1.0,), (1.0, math.nan), (1.0, math.inf)])
def test_scores_are_finite_and_of_two_layers(scores):
    with pytest.raises(InvalidInputError, match="`scores`"):
        drop_layers(scores)


def test_as_a_rule_it_makes_a_student():
    teacher, rule = tiny_llama(layers=6), LowestDrop(calibration())
    drops = rule.drops(teacher)
    assert drops.scores == single_drop_kl(teacher, calibration())
    student = initialize_student(teacher, rule)
    assert student.provenance.kept == drops.kept()
    assert initialize_student(teacher, LowestDrop(calibration(), dropped=1)).provenance.kept == drops.kept(1)
    with pytest.raises(InvalidInputError, match="`dropped` must be between 0 and 3"):
        initialize_student(teacher, LowestDrop(calibration(), dropped=4))
    with pytest.raises(InvalidInputError, match="`dropped`"):
        LowestDrop(calibration(), dropped=-1)
