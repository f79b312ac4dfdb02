"""Layers chosen without texts: by what the teacher says of itself."""

import pytest
import torch
from tiny import tiny_gpt2, tiny_llama

from continuum.core import IncompatibleError, InvalidInputError
from continuum.models import PatchPath, initialize_student
from continuum.models.size import LowestDrop, own_words, single_drop_kl


def test_words_are_drawn_from_what_the_teacher_says():
    """Frequencies of second tokens, all of which have one distribution, against it."""
    teacher = tiny_llama()
    chunks = own_words(teacher, chunks=4000, length=2, positions=None)
    with torch.no_grad():
        expected = teacher(torch.tensor([[0]])).logits[0, -1].softmax(-1)
    found = torch.bincount(chunks.tokens[:, 1], minlength=len(expected)) / 4000
    assert (chunks.tokens[:, 0] == 0).all()
    assert float((found - expected).abs().sum()) < 0.2


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_words_are_those_of_the_seed_and_do_not_touch_global_randomness(make):
    teacher = make()
    state = torch.random.get_rng_state()
    one, again, other = (own_words(teacher, chunks=3, length=8, seed=seed).tokens for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.shape == (3, 8)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not teacher.training


def test_auto_drops_what_the_teacher_can_spare():
    teacher = tiny_llama(layers=6)
    rule = LowestDrop(own_words(teacher))
    student = initialize_student(teacher, keep="auto")
    assert student.provenance.kept == tuple(rule.kept(teacher))
    assert len(single_drop_kl(teacher, rule.calibration)) == 6
    with PatchPath(student, teacher).lease(1.0) as whole, torch.no_grad():
        ids = torch.arange(8)[None]
        assert torch.equal(whole(ids).logits, teacher(ids).logits)


def test_other_words_for_a_rule_are_refused():
    with pytest.raises(InvalidInputError, match="`keep` must be a list of layers or a rule"):
        initialize_student(tiny_llama(), keep="automatic")


def test_a_teacher_that_cannot_begin_a_text_is_told_what_to_do():
    teacher = tiny_llama()
    teacher.config.bos_token_id = teacher.config.eos_token_id = None
    with pytest.raises(IncompatibleError, match=r"LowestDrop\(Calibration\(\.\.\.\)\)"):
        initialize_student(teacher, keep="auto")
