"""Students that are trained to do as their teacher does, in folders that a kill does not spoil."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from continuum.core import (
    IncompatibleError,
    InvalidInputError,
    StoreError,
    admit_path,
    check_count,
    require_extra,
    rng_for,
    whole_file,
    whole_folder,
)

from ..anatomy import Blocks, blocks
from ..inference import admit_lengths, admit_vocabulary, device_of
from ..packing import first_rows
from ..plans import check_same_plan, claim, digest_of_data, recorded
from ..tokens import Tokens
from ..weights.identity import base_fingerprint
from .agreement import check_agreement
from .correspondence import layout_between
from .distill_recipe import DistillRecipe
from .layout import KeepRule, Layout
from .mixed import check_mixable
from .provenance import Provenance, read_provenance, write_provenance

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from .distill_training import TrainedStudent

__all__ = ["Distilled", "distill"]

_RECORD = "distillation.json"


@dataclass(frozen=True, eq=False)
class Distilled:
    """A student that was trained, as a plain checkpoint.

    Attributes:
        folder: where it is, with its tokenizer and `boomerang.json`, which says of which teacher it is.
        losses: the sum of losses in each step.
        terms: each loss in each step, without its weight, by the name of its class.
        tokens: number of tokens that it saw.
        seconds: wall time of all steps, over interruptions.
    """

    folder: Path
    losses: tuple[float, ...]
    terms: Mapping[str, tuple[float, ...]]
    tokens: int
    seconds: float

    def load(self) -> Any:
        """The student, in evaluation mode, on the CPU."""
        student = _loaded(self.folder, "auto")
        student.provenance = read_provenance(self.folder)  # now: a temporary folder may be gone when it is asked for
        return student


def distill(
    student: Any,
    teacher: Any,
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    folder: str | os.PathLike[str],
    recipe: DistillRecipe | None = None,
    keep: Sequence[int] | KeepRule | None = None,
    checkpoint_steps: int = 50,
    rows_at_once: int | None = None,
) -> Distilled:
    """Train a copy of a student on what its teacher computes about texts, and keep it in a folder.

    The same call again, after a kill, goes on from the last checkpoint and ends with the same weights; after the end it
    returns at once. Neither model is touched, nor the random state of the process. Weights are float32 in training, and
    have the type of the given student's in the folder.

    Models on the CPU are trained there; others on what transformers' Trainer finds, or `accelerate launch` gives it.
    Sharding of the student (FSDP) goes by its layers; each device has the whole teacher.

    Args:
        student: from `initialize_student`, or another model whose layers stand for blocks of the teacher.
        teacher: a causal language model of the `transformers` library.
        texts: as many as are needed for `recipe.steps * recipe.batch_size` rows; others are not used.
        tokenizer: the tokenizer of both.
        folder: a new folder, or that of this very training. Until it is there, a hidden folder beside it holds the
            checkpoints, each some four times as large as what is trained.
        recipe: how to train; None for `DistillRecipe()`.
        keep: the teacher's layers that the student was made of; None for what its provenance says.
        checkpoint_steps: steps between checkpoints.
        rows_at_once: rows that go through a device at once, which the memory limits; the others of a step follow, and
            the step is the same up to rounding. None for all.

    Raises:
        InvalidInputError: if there are too few texts, one is empty, or rows are longer than the models take.
        IncompatibleError: if the two models do not fit each other, the student was made of another teacher, they are
            no causal language models, or the folder belongs to another training.
        StoreError: if the folder holds something else.
        NotConvergedError: if the loss is not finite.
        MissingExtraError: if accelerate, on which the Trainer stands, is not installed.
    """
    require_extra("accelerate", extra="lm", what="distillation")
    recipe, folder = recipe or DistillRecipe(), admit_path("folder", folder)
    check_count("checkpoint_steps", checkpoint_steps)
    if rows_at_once is not None:
        check_count("rows_at_once", rows_at_once)
    layout = _layout(student, blocks(teacher), keep, recipe)
    rows = _rows(teacher, tokenizer, texts, recipe)
    plan = _plan(student, teacher, layout, rows, recipe)
    workshop = folder.with_name(f".{folder.name}.training")
    if not _is_finished(folder, workshop, plan):
        from .distill_training import train_student, training_arguments

        device = device_of(student)
        args = training_arguments(
            recipe, device, workshop, checkpoint_steps=checkpoint_steps, rows_at_once=rows_at_once
        )
        with args.main_process_first(local=False):
            claim(workshop, plan, folder)
        trained = train_student(student, teacher, layout, rows, recipe, args)
        with args.main_process_first(local=False):
            if args.process_index == 0:
                provenance = _provenance(student, teacher, layout, recipe)
                _keep(folder, workshop, trained, plan, provenance, student.dtype, tokenizer, sum(map(len, rows)))
    return _read(folder)


def _layout(student: Any, teacher: Blocks, keep: Sequence[int] | KeepRule | None, recipe: DistillRecipe) -> Layout:
    if not isinstance(recipe, DistillRecipe):
        raise InvalidInputError(f"`recipe` must be a DistillRecipe, got {type(recipe).__name__}.")
    layout = layout_between(student, teacher, keep)
    check_agreement(blocks(student), teacher, layout)
    if teacher.head is None or not teacher.model.can_generate():
        raise IncompatibleError(f"{type(teacher.model).__name__} predicts no next tokens; pass causal language models.")
    if recipe.patched is not None:
        check_mixable(teacher, layout)
    return layout


def _rows(
    teacher: Any, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], recipe: DistillRecipe
) -> list[Tokens]:
    """The rows in the order of training."""
    count = recipe.steps * recipe.batch_size
    found = first_rows(tokenizer, texts, rows=recipe.rows, frame=recipe.frame, count=count)
    admit_vocabulary(teacher, found)
    admit_lengths(teacher, [len(row) for row in found], "choose shorter `rows`")
    return [found[place] for place in rng_for(recipe.seed, "order of rows").permutation(count)]


def _plan(student: Any, teacher: Any, layout: Layout, rows: Sequence[Tokens], recipe: DistillRecipe) -> dict[str, Any]:
    """What a training depends on, as it is read back from JSON."""
    plan = {
        "recipe": recorded(recipe),
        "data": digest_of_data(rows),
        "student": base_fingerprint(student),
        "teacher": base_fingerprint(teacher),
        "layout": list(layout.kept),
    }
    return dict(json.loads(json.dumps(plan)))


def _is_finished(folder: Path, workshop: Path, plan: Mapping[str, Any]) -> bool:
    """Whether the folder holds what this training ends with.

    Raises:
        StoreError: if it holds something else.
        IncompatibleError: if it holds what another training ended with.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not (folder / _RECORD).is_file():
        raise StoreError(f"{folder} holds something that was not trained here: choose another folder.")
    check_same_plan(folder, _record(folder)["training"], plan)
    shutil.rmtree(workshop, ignore_errors=True)  # left by a kill between the last two steps
    return True


def _provenance(student: Any, teacher: Any, layout: Layout, recipe: DistillRecipe) -> Provenance:
    made = Provenance.of(teacher, layout, tied=blocks(student).is_tied)
    return dataclasses.replace(made, loss=recorded(recipe))


def _keep(
    folder: Path,
    workshop: Path,
    trained: TrainedStudent,
    plan: Mapping[str, Any],
    provenance: Provenance,
    dtype: torch.dtype,
    tokenizer: PreTrainedTokenizerBase,
    tokens: int,
) -> None:
    """Make the folder, complete, of what was trained; then the workshop goes."""
    from ..training import without_progress

    record = {"training": plan, "tokens": tokens, **dataclasses.asdict(trained)}
    model = _loaded(workshop / "student", dtype)
    with without_progress(), whole_folder(folder) as new:
        model.save_pretrained(new)
        tokenizer.save_pretrained(new)
        write_provenance(provenance, new)
        with whole_file(new / _RECORD) as file:
            file.write(json.dumps(record).encode())
    shutil.rmtree(workshop)


def _loaded(folder: Path, dtype: Any) -> Any:
    from transformers import AutoModelForCausalLM

    from ..training import without_progress

    with without_progress():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)


def _record(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / _RECORD).read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder / _RECORD} cannot be read: {error}; remove the folder and train again.") from error


def _read(folder: Path) -> Distilled:
    record = _record(folder)
    terms = {name: tuple(values) for name, values in record["terms"].items()}
    return Distilled(folder, tuple(record["losses"]), terms, record["tokens"], record["seconds"])
