"""Laws of the losses: what they are equal to, where they are nought, and that padding is no part of them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from families import CAUSAL, KEPT, VOCABULARY, pair, teacher_of

from continuum.core import InvalidInputError
from continuum.models import blocks
from continuum.models.size import CrossEntropy, HiddenCosine, Layout, TokenKL
from continuum.models.size.distill_training import _collated, _Examples, _seen
from continuum.models.size.losses import Batch, kl_sum

LOSSES = (CrossEntropy(), TokenKL(), HiddenCosine(embedding=True))


def batch_of(rows, seed=0):
    examples = _Examples(rows, seed)
    return Batch(**_collated([examples[i] for i in range(len(rows))]))


def some_rows(*lengths, seed=0):
    draw = np.random.default_rng(seed)
    return [tuple(draw.integers(1, VOCABULARY, n).tolist()) for n in lengths]


def means(student, teacher, layout, batch, losses=LOSSES):
    at = torch.zeros_like(batch.mask, dtype=torch.bool)
    for loss in losses:
        at |= loss.positions(batch) & loss.needs_logits
    aligned = layout.aligned
    theirs = _seen(blocks(teacher), teacher, aligned.values(), batch, at)
    ours = _seen(blocks(student), student, aligned.keys(), batch, at)
    return [loss.total(ours, theirs, aligned, batch) / loss.positions(batch).sum() for loss in losses]


def by_hand(student, teacher, layout, rows, temperature=1.0):
    """The three losses in float64, a row at a time, from `output_hidden_states` and full logits."""
    student, teacher = copy.deepcopy(student).double(), copy.deepcopy(teacher).double()
    ce, kl, cosines = [], [], []
    for row in rows:
        ids = torch.tensor([row])
        s, t = (model(input_ids=ids, output_hidden_states=True) for model in (student, teacher))
        log_s, log_t = ((out.logits[0, :-1] / temperature).log_softmax(-1) for out in (s, t))
        ce += [-s.logits[0, i].log_softmax(-1)[row[i + 1]] for i in range(len(row) - 1)]
        kl += [*(temperature**2 * (log_t.exp() * (log_t - log_s)).sum(-1))]
        # The state in place k of the layers is given before the final norm by none of these but the last.
        slots = [(s.hidden_states[ours], t.hidden_states[theirs]) for ours, theirs in layout.aligned.items()]
        each = [1 - torch.cosine_similarity(a[0], b[0], dim=-1) for a, b in slots]
        cosines += [*torch.stack(each).mean(0)]
    return [torch.stack(values).mean().item() for values in (ce, kl, cosines)]


@pytest.mark.parametrize("family", sorted(CAUSAL))
@pytest.mark.parametrize("temperature", [1.0, 2.0])
@torch.no_grad()
def test_losses_equal_float64_ones_from_output_hidden_states(family, temperature):
    student, teacher = pair(family)
    layout, rows = Layout(KEPT, len(blocks(teacher))), some_rows(9, 4, 7)
    losses = (CrossEntropy(), TokenKL(temperature=temperature), HiddenCosine(embedding=True))
    found = means(student, teacher, layout, batch_of(rows), losses)
    # Five decimals of float32 models of seven layers.
    assert [x.item() for x in found] == pytest.approx(by_hand(student, teacher, layout, rows, temperature), rel=2e-5)


@torch.no_grad()
def test_a_student_that_is_its_teacher_has_no_loss_but_cross_entropy():
    teacher = teacher_of("llama")
    layout, rows = Layout(tuple(range(7)), 7), some_rows(8, 8)
    ce, kl, cosine = means(copy.deepcopy(teacher), teacher, layout, batch_of(rows))
    ids = torch.tensor(rows)
    assert ce.item() == pytest.approx(teacher(input_ids=ids, labels=ids).loss.item(), rel=1e-6)
    assert kl.item() == 0
    assert abs(cosine.item()) < 1e-6  # a cosine of float32 with itself is 1 up to its rounding


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@torch.no_grad()
def test_padding_changes_nothing(family):
    student, teacher = pair(family)
    layout, rows = Layout(KEPT, 7), some_rows(3, 5, 12)
    together = means(student, teacher, layout, batch_of(rows))
    apart = [batch_of([row]) for row in rows]
    counts = torch.tensor([[loss.positions(batch).sum() for loss in LOSSES] for batch in apart])
    values = torch.tensor([means(student, teacher, layout, batch) for batch in apart])
    assert torch.allclose(torch.stack(together), (values * counts).sum(0) / counts.sum(0), rtol=1e-5)


@torch.no_grad()
def test_without_logits_none_are_computed():
    student, teacher = pair("llama")
    batch = batch_of(some_rows(8))
    seen = _seen(blocks(student), student, (0,), batch, torch.zeros_like(batch.mask, dtype=torch.bool))
    assert seen.logits.shape == (0, VOCABULARY)
    assert means(student, teacher, Layout(KEPT, 7), batch, (HiddenCosine(),))[0] > 0


def test_a_share_of_positions_is_a_random_share_of_each_row():
    batch = batch_of(some_rows(9, 5, 2))
    chosen = TokenKL(share=0.5).positions(batch)
    assert chosen.sum(1).tolist() == [4, 2, 1]
    assert not (chosen & ~CrossEntropy().positions(batch)).any()
    others = TokenKL(share=0.5).positions(batch_of(some_rows(9, 5, 2), seed=1))
    assert not torch.equal(chosen, others)
    assert torch.equal(TokenKL().positions(batch), CrossEntropy().positions(batch))


@torch.no_grad()
def test_the_divergence_of_a_share_is_that_of_its_positions():
    student, teacher = pair("llama")
    layout, batch = Layout(KEPT, 7), batch_of(some_rows(9, 5))
    share = TokenKL(share=0.5)
    _, found = means(student, teacher, layout, batch, (CrossEntropy(), share))  # logits are needed at all positions
    (alone,) = means(student, teacher, layout, batch, (share,))
    assert found.item() == pytest.approx(alone.item(), rel=1e-6)
    at = share.positions(batch)
    logits = [model(input_ids=batch.ids, attention_mask=batch.mask).logits[at] for model in (student, teacher)]
    assert alone.item() == pytest.approx((kl_sum(*logits) / at.sum()).item(), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_gradient_of_the_divergence_is_that_of_autograd(temperature):
    draw = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 600, 11, generator=draw, dtype=torch.float64)  # more than two chunks
    student.requires_grad_()

    def plain(logits):
        log_s, log_t = ((x / temperature).log_softmax(-1) for x in (logits, teacher))
        return temperature**2 * (log_t.exp() * (log_t - log_s)).sum()

    ours, theirs = kl_sum(student, teacher, temperature=temperature), plain(student)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    gradients = [torch.autograd.grad(3 * value, student)[0] for value in (ours, theirs)]
    assert torch.allclose(*gradients, rtol=1e-10, atol=1e-14)


def test_divergence_of_bfloat16_logits_is_computed_in_float32():
    draw = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 40, 50, generator=draw).bfloat16()
    assert kl_sum(student, teacher).item() == pytest.approx(kl_sum(student.float(), teacher.float()).item(), rel=1e-6)
    assert kl_sum(student, student).item() == 0


def test_hooks_are_gone_afterwards_also_after_an_error():
    student, _ = pair("gpt2")
    batch = batch_of(some_rows(4))
    before = student(input_ids=batch.ids).logits
    with pytest.raises(IndexError):
        _seen(blocks(student), student, (0, 1, 4), batch, torch.ones(1, 9, dtype=torch.bool))  # another shape
    assert torch.equal(student(input_ids=batch.ids).logits, before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in student.modules())


@pytest.mark.parametrize(
    "make",
    [
        lambda: TokenKL(weight=-1),
        lambda: TokenKL(temperature=0),
        lambda: TokenKL(share=0),
        lambda: TokenKL(share=1.1),
        lambda: CrossEntropy(weight=float("nan")),
        lambda: HiddenCosine(weight=float("inf")),
    ],
)
def test_options_have_their_ranges(make):
    with pytest.raises(InvalidInputError):
        make()
