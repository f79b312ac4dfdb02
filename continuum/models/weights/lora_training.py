"""The training loop of adapters: a Trainer of transformers, whose checkpoints can be trusted after a kill.

This module imports transformers and peft; `fine_tune` imports it when it trains.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from continuum.core import InvalidInputError
from continuum.models.precision import in_bfloat16
from continuum.models.tokens import Tokens, padded
from continuum.models.training import SETTINGS, Clock, last_complete, random_state_kept

from .lora_recipe import LoraRecipe

__all__ = ["Trained", "train_lora", "training_arguments"]

_IGNORED = -100  # label of what is not predicted, for transformers


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
        bf16=in_bfloat16(recipe.precision, device),
        use_cpu=device.type == "cpu",
        seed=recipe.data_seed,
        save_steps=checkpoint_steps,
        dataloader_pin_memory=device.type == "cuda",
        **SETTINGS,
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
    folder = Path(args.output_dir)
    with random_state_kept():
        peft_model = _with_adapter(model, recipe)
        last = last_complete(folder)
        clock = Clock(folder, "fine-tuning", last)
        trainer = _Trainer(model=peft_model, args=args, train_dataset=examples, callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
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
