"""Laws of training with random slots patched: a mixed student is a member, and something is trained in every step."""

from __future__ import annotations

import pytest
import torch
from families import KEPT, pair
from test_distill import a_teacher, distilled, weights, with_recipe

from continuum.core import IncompatibleError, InvalidInputError
from continuum.models import blocks, initialize_student
from continuum.models.size import Layout, Members, RandomSlots
from continuum.models.size.mixed import mixed
from continuum.models.weights.identity import digest_of


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "opt", "phi", "qwen3"])
@torch.no_grad()
def test_a_mixed_student_is_the_member_with_the_students_ends(family):
    student, teacher = pair(family)
    layout, ids = Layout(KEPT, 7), torch.arange(1, 9)[None]
    members = Members(blocks(student), blocks(teacher), layout, head="student")
    before = student(input_ids=ids).logits
    for patched in ({0}, {1, 3}, {0, 1, 2}):
        with mixed(blocks(student), blocks(teacher), layout, patched):
            found = student(input_ids=ids, use_cache=False).logits
        assert torch.equal(found, members.view(patched)(input_ids=ids, use_cache=False).logits)
    assert torch.equal(student(input_ids=ids).logits, before)


def test_no_draw_patches_all_slots_and_every_other_number_comes():
    draws = [RandomSlots(0.9).draw(5, seed=0, step=step) for step in range(500)]
    assert {len(draw) for draw in draws} == {0, 1, 2, 3, 4}
    assert sum(not draw for draw in draws) == pytest.approx(50, abs=25)
    assert all(any(slot in draw for draw in draws) for slot in range(5))
    assert {RandomSlots(1.0).draw(1, seed=0, step=step) for step in range(9)} == {frozenset()}
    assert draws == [RandomSlots(0.9).draw(5, seed=0, step=step) for step in range(500)]


def test_slots_that_are_patched_are_not_trained_and_the_teacher_is_not_either(tmp_path):
    teacher = a_teacher()
    before = digest_of("", teacher.state_dict().items())
    recipe = with_recipe(steps=1, warmup=0.0, patched=RandomSlots(1.0))
    drawn = recipe.patched.draw(4, seed=0, step=0)
    found = weights(distilled(tmp_path / "run", teacher=teacher, recipe=recipe).folder)
    start = initialize_student(teacher).state_dict()
    same = {i for i in range(4) if all(torch.equal(found[n], start[n]) for n in found if f"layers.{i}." in n)}
    assert same == drawn
    assert digest_of("", teacher.state_dict().items()) == before
    assert all(p.grad is None and p.requires_grad for p in teacher.parameters())


def test_blocks_of_unlike_layers_are_not_mixed(tmp_path):
    student, teacher = pair("qwen2")
    with pytest.raises(IncompatibleError, match="unlike types"):
        distilled(
            tmp_path / "run", student=student, teacher=teacher, recipe=with_recipe(patched=RandomSlots(), frame=None)
        )


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_a_share_of_steps_is_a_share(share):
    with pytest.raises(InvalidInputError, match="`share`"):
        RandomSlots(share)
