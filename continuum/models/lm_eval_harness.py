"""Tasks of the lm-evaluation-harness (Gao et al.) as metrics of language models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from continuum.core import Goal, InvalidInputError, Metric, admit_path, check_count, require_extra

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["harness_task"]


def harness_task(
    task: str,
    tokenizer: PreTrainedTokenizerBase,
    *,
    measure: str = "acc,none",
    goal: Goal = "max",
    limit: int | None = None,
    shots: int | None = None,
    folder: str | Path | None = None,
    batch_size: int = 16,
) -> Metric:
    """A task of the lm-evaluation-harness as a metric of a path whose values are models. Needs the extra ``lm-eval``.

    Tasks bring their data over the network unless they say where it lies; a folder of tasks of your own, as YAML files,
    may say so.

    Args:
        task: its name.
        tokenizer: that of the models.
        measure: which of its numbers, with the filter behind a comma, as the harness calls it: "acc,none",
            "acc_norm,none", "word_perplexity,none".
        goal: whether larger or smaller is better.
        limit: how many documents are looked at; None for all.
        shots: examples before each question; None for what the task says.
        folder: where other tasks are.
        batch_size: rows in a batch.

    Raises:
        MissingExtraError: if the harness is not installed.
        InvalidInputError: when a model is measured: if there is no such task, or it has no such number.
    """
    require_extra("lm_eval", extra="lm-eval", what="harness_task")
    for name, value in (("limit", limit), ("shots", shots)):
        if value is not None:
            check_count(name, value, least=0 if name == "shots" else 1)
    check_count("batch_size", batch_size)
    where = None if folder is None else str(admit_path("folder", folder))

    def score(model: Any) -> float:
        found = _evaluated(model, tokenizer, task, where, batch_size, {"limit": limit, "num_fewshot": shots})
        if measure not in found:
            known = ", ".join(name for name, value in found.items() if isinstance(value, float))
            raise InvalidInputError(f"task {task!r} has no number {measure!r}; it has {known}.")
        return float(found[measure])

    return Metric(f"{task}: {measure.split(',')[0]}", score, goal=goal, version=f"1, {limit}, {shots}")


def _evaluated(
    model: Any, tokenizer: Any, task: str, folder: str | None, batch_size: int, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The numbers of one task."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=folder)
    if task not in manager.all_tasks:
        raise InvalidInputError(f"the harness has no task {task!r}; correct its name, or pass the `folder` of yours.")
    was_training = model.training
    try:
        lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch_size)
        found = simple_evaluate(lm, tasks=[task], task_manager=manager, bootstrap_iters=0, **options)
    finally:
        model.train(was_training)
    results: Mapping[str, Any] = found["results"][task]
    return {name: value for name, value in results.items() if not (isinstance(value, float) and math.isnan(value))}
