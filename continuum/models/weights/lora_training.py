"""The training loop of adapters: a Trainer of transformers, whose checkpoints can be trusted after a kill.

This module imports transformers and peft; `fine_tune` imports it when it trains.
"""

from __future__ import annotations

import copy
import json
import math
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from continuum.core import InvalidInputError, NotConvergedError, whole_file
from continuum.models.tokens import Tokens, padded

from .lora_recipe import LoraRecipe

__all__ = ["Trained", "train_lora", "training_arguments"]

_IGNORED = -100  # label of what is not predicted, for transformers
_COMPLETE = "complete.json"  # the last file of a checkpoint


@dataclass(frozen=True, eq=False)
class Trained:
    """An adapter in memory.

    Attributes:
        config: its configuration.
        tensors: its weights, by the names that PEFT has for them in a file.
        losses: mean loss of a token in each step, in nats.
        seconds: wall time of all steps, over interruptions.
        precision: of products.
    """

    config: LoraConfig
    tensors: dict[str, Tensor]
    losses: tuple[float, ...]
    seconds: float
    precision: Literal["float32", "bfloat16"]


def training_arguments(recipe: LoraRecipe, device: torch.device, folder: Path, checkpoint_steps: int) -> Any:
    """What the Trainer is told. Making it joins the processes of a distributed run.

    Raises:
        InvalidInputError: if the texts of a step cannot be shared evenly among the devices.
    """
    args = TrainingArguments(
        output_dir=str(folder),
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_gradient_norm,
        optim="adamw_torch",
        bf16=_in_bfloat16(recipe, device),
        use_cpu=device.type == "cpu",
        seed=recipe.data_seed,
        save_steps=checkpoint_steps,
        save_total_limit=2,  # the newest may be cut short
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
    )
    devices = args.world_size * max(1, args.n_gpu)
    if recipe.batch_size % devices:
        raise InvalidInputError(f"`batch_size` {recipe.batch_size} cannot be shared evenly among {devices} devices.")
    args.per_device_train_batch_size = recipe.batch_size // devices
    return args


def train_lora(model: nn.Module, examples: Sequence[Tokens], recipe: LoraRecipe, args: Any) -> Trained:
    """Train an adapter, from the last complete checkpoint in `args.output_dir` if there is one.

    Args:
        model: the base; nothing of it is changed.
        examples: the texts in the order in which they are seen.
        recipe: how.
        args: `training_arguments`.

    Raises:
        NotConvergedError: if the loss is not finite.
    """
    with _random_state_kept():
        peft_model = _with_adapter(model, recipe)
        clock = _Clock(Path(args.output_dir))
        trainer = _Trainer(model=peft_model, args=args, train_dataset=examples, callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
        last = _last_complete(Path(args.output_dir))
        clock.seconds = _seconds(last)
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    losses = tuple(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)
    config: Any = peft_model.peft_config["default"]
    config.base_model_name_or_path, config.inference_mode = getattr(model, "name_or_path", None), True
    tensors = get_peft_model_state_dict(peft_model, save_embedding_layers=False)
    return Trained(config, tensors, losses, clock.seconds, "bfloat16" if args.bf16 else "float32")


class _Trainer(Trainer):
    """A Trainer that sees the examples in their order, which is that of batches of like lengths."""

    def get_train_dataloader(self) -> Any:
        size = self.args.train_batch_size
        loader: Any = DataLoader(self.train_dataset, batch_size=size, collate_fn=_collated)  # type: ignore[arg-type]
        return self.accelerator.prepare(loader)


class _Clock(TrainerCallback):
    """Shows progress, marks checkpoints that are complete with the time they took, and stops what diverges."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.start = time.perf_counter() - self.seconds
        # tqdm reads `disable=None` as "unless this is a terminal".
        silent = None if state.is_world_process_zero else True
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc="fine-tuning", file=sys.stderr, disable=silent
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


def _with_adapter(model: nn.Module, recipe: LoraRecipe) -> Any:
    """An adapter on modules that have the weights of `model` but are others: PEFT and the Trainer write into them."""
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.modules),
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in recipe.modules_in(model)),
    )
    weights: dict[int, Any] = {
        id(p): nn.Parameter(p.detach(), requires_grad=p.requires_grad) for p in model.parameters()
    }
    # deepcopy takes from its memo what stands for an object: here another parameter over the same numbers.
    twin: Any = copy.deepcopy(model, weights)
    torch.manual_seed(recipe.init_seed)
    peft_model: Any = get_peft_model(twin, config)
    # PEFT would ask the hub about a base of that name with every checkpoint.
    peft_model.peft_config["default"].base_model_name_or_path = ""
    return peft_model


def _collated(examples: Sequence[Tokens]) -> dict[str, Tensor]:
    ids, mask = padded(examples)
    labels = ids.masked_fill(mask == 0, _IGNORED)
    labels[:, 0] = _IGNORED  # nothing predicts it, and the Trainer counts what is predicted
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _in_bfloat16(recipe: LoraRecipe, device: torch.device) -> bool:
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Elsewhere it is emulated, which takes longer than float32.
    known: Any = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    return any(bool(known.get(name)) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def _last_complete(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; what a kill left of others goes."""
    complete = {}
    for path in folder.glob("checkpoint-*"):
        if (path / _COMPLETE).is_file():
            complete[int(path.name.rpartition("-")[2])] = path
        else:
            shutil.rmtree(path, ignore_errors=True)  # of several processes one is first
    return complete[max(complete)] if complete else None


def _seconds(checkpoint: Path | None) -> float:
    return 0.0 if checkpoint is None else float(json.loads((checkpoint / _COMPLETE).read_text())["seconds"])


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """The Trainer seeds all generators of the process; afterwards they go on where they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - it is the global one that is kept
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
