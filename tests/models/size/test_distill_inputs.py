"""Distillation refuses what it cannot train with, and says what to do."""

from __future__ import annotations

import pytest
from families import bert, distilbert
from test_distill import a_teacher, distilled, some_texts, with_recipe
from tiny import CONTEXT, tiny_llama

from continuum.core import IncompatibleError, InvalidInputError, NotConvergedError
from continuum.models import DistillRecipe, initialize_student
from continuum.models.packing import Packed
from continuum.models.size import TokenKL, read_provenance
from continuum.models.tokens import Frame


def test_a_student_of_another_teacher_is_refused_with_both_sides(tmp_path):
    with pytest.raises(IncompatibleError, match=r"was made of the teacher .* and this one, .* has other weights"):
        distilled(tmp_path / "run", student=initialize_student(a_teacher(seed=5)))
    student = initialize_student(tiny_llama(layers=6, hidden=48))
    student.provenance = None
    with pytest.raises(IncompatibleError, match="`hidden_size` is 48 in the student and 32 in the teacher"):
        distilled(tmp_path / "run", student=student, keep=[0, 2, 4, 5])


def test_students_of_unknown_origin_need_the_layers(tmp_path):
    student = initialize_student(a_teacher())
    student.provenance = None
    with pytest.raises(InvalidInputError, match="`keep` is needed"):
        distilled(tmp_path / "run", student=student)
    found = distilled(tmp_path / "run", student=student, keep=[0, 2, 4, 5])
    assert read_provenance(found.folder).kept == (0, 2, 4, 5)
    assert read_provenance(found.folder).teacher_fingerprint


@pytest.mark.parametrize("student", [bert, distilbert], ids=["bert", "distilbert"])
def test_masked_language_models_are_refused(tmp_path, student):
    with pytest.raises(IncompatibleError):
        distilled(tmp_path / "run", student=student(3), teacher=bert(6), keep=[0, 2, 4])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["the film"] * 20, "32 rows of up to 16 tokens are needed, and 20 texts make 3"),
        (["the film", "  ", *some_texts()], r"`texts\[1\]` is empty"),
        ("the film", "sequence of strings"),
    ],
    ids=["few", "empty", "string"],
)
def test_texts_that_cannot_be_trained_on_are_refused(tmp_path, texts, message):
    with pytest.raises(InvalidInputError, match=message):
        distilled(tmp_path / "run", texts=texts)
    assert not list(tmp_path.iterdir())


def test_rows_and_tokens_that_the_model_does_not_take_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="choose shorter `rows`"):
        distilled(tmp_path / "run", recipe=with_recipe(rows=Packed(CONTEXT + 1), steps=1, batch_size=1))
    with pytest.raises(IncompatibleError, match="not a token"):
        distilled(tmp_path / "run", recipe=with_recipe(frame=Frame("<s>")))
    with pytest.raises(IncompatibleError, match="pass its own tokenizer"):
        distilled(tmp_path / "run", teacher=a_teacher(vocab=20))


def test_a_step_is_shared_evenly(tmp_path):
    with pytest.raises(InvalidInputError, match=r"`batch_size` 4 cannot be shared evenly .* 3 rows at once"):
        distilled(tmp_path / "run", rows_at_once=3)
    for name in ("rows_at_once", "checkpoint_steps"):
        with pytest.raises(InvalidInputError, match=name):
            distilled(tmp_path / "run", **{name: 0})


def test_what_diverges_is_no_student(tmp_path):
    with pytest.raises(NotConvergedError, match="diverged"):
        distilled(tmp_path / "run", recipe=with_recipe(learning_rate=1e30, warmup=0.0))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 0},
        {"steps": 2.0},
        {"seed": -1},
        {"learning_rate": 0.0},
        {"max_gradient_norm": float("inf")},
        {"weight_decay": -0.1},
        {"final_rate": 1.5},
        {"warmup": -0.1},
        {"betas": (0.9,)},
        {"betas": (0.9, 1.0)},
        {"trained": "head"},
        {"precision": "float16"},
        {"losses": ()},
        {"losses": ("kl",)},
        {"losses": (TokenKL(0.0),)},
        {"losses": (TokenKL(), TokenKL(2.0))},
        {"losses": TokenKL()},
        {"rows": 128},
        {"frame": "<s>"},
        {"patched": 0.5},
    ],
    ids=str,
)
def test_a_recipe_has_options_within_range(changes):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(changes))}`"):
        with_recipe(**changes)


def test_the_recipe_of_the_paper_has_its_numbers():
    paper = DistillRecipe.paper()
    assert paper.tokens == 500 * 2048 * 2048
    assert paper.warmup_steps == 5
    # The three losses, of which the alignment of a student of 19 layers has 20 terms of 0.1 each.
    assert [type(loss).__name__ for loss in paper.losses] == ["CrossEntropy", "TokenKL", "HiddenCosine"]
    assert [loss.weight for loss in paper.losses] == [1.0, 0.1, 2.0]
