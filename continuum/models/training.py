"""What all trainings have in common: checkpoints that can be trusted after a kill, progress, and no traces.

This module imports transformers; it is imported when something is trained.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm
from transformers import TrainerCallback

from continuum.core import NotConvergedError, whole_file

__all__ = ["SETTINGS", "Clock", "last_complete", "random_state_kept", "without_progress"]

_COMPLETE = "complete.json"  # the last file of a checkpoint

SETTINGS: Mapping[str, Any] = {
    "save_total_limit": 2,  # the newest may be cut short
    "logging_steps": 1,
    "logging_nan_inf_filter": False,
    "disable_tqdm": True,
    "report_to": "none",
    "remove_unused_columns": False,
}
"""What every Trainer is told here, beside its recipe."""


class Clock(TrainerCallback):
    """Shows progress, marks checkpoints that are complete with the time they took, and stops what diverges.

    Args:
        folder: where the checkpoints are.
        what: what is shown beside the bar.
        last: the checkpoint that the training goes on from.
    """

    def __init__(self, folder: Path, what: str, last: Path | None) -> None:
        self.folder, self.what = folder, what
        self.seconds = 0.0 if last is None else float(json.loads((last / _COMPLETE).read_text())["seconds"])

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.start = time.perf_counter() - self.seconds
        # tqdm reads `disable=None` as "unless this is a terminal".
        silent = None if state.is_world_process_zero else True
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc=self.what, file=sys.stderr, disable=silent
        )

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if "loss" not in (logs or {}):
            return
        if not math.isfinite(logs["loss"]):
            raise NotConvergedError(
                f"the loss of step {state.global_step} is {logs['loss']}: training has diverged. Choose a smaller "
                "`learning_rate`, and another folder."
            )
        self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)
        self.bar.update(state.global_step - self.bar.n)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.seconds = time.perf_counter() - self.start
        if state.is_world_process_zero:
            with whole_file(self.folder / f"checkpoint-{state.global_step}" / _COMPLETE) as file:
                file.write(json.dumps({"seconds": self.seconds}).encode())

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.seconds = time.perf_counter() - self.start
        self.bar.close()


def last_complete(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; what a kill left of others goes."""
    complete = {}
    for path in folder.glob("checkpoint-*"):
        if (path / _COMPLETE).is_file():
            complete[int(path.name.rpartition("-")[2])] = path
        else:
            shutil.rmtree(path, ignore_errors=True)  # of several processes one is first
    return complete[max(complete)] if complete else None


@contextmanager
def random_state_kept() -> Iterator[None]:
    """The Trainer seeds all generators of the process; afterwards they go on where they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - it is the global one that is kept
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def without_progress() -> Iterator[None]:
    """Within this block transformers shows no bars of its own for files that it reads and writes."""
    from transformers.utils import logging

    bars: Any = logging
    was_enabled = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            bars.enable_progress_bar()
