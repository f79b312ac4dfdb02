"""The training loop of students: a Trainer of transformers that knows the teacher, the losses and what they are over.

This module imports transformers' Trainer; `distillation` imports it when it trains.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from continuum.core import InvalidInputError, rng_for

from ..anatomy import Blocks, blocks
from ..precision import in_bfloat16
from ..tokens import Tokens, padded
from ..training import SETTINGS, Clock, last_complete, random_state_kept, without_progress
from .distill_recipe import DistillRecipe
from .layout import Layout
from .losses import Batch, Seen
from .mixed import mixed
from .watching import watched

__all__ = ["TrainedStudent", "train_student", "training_arguments"]

_UNPREDICTED = -100
_UNDRAWN = 2.0  # above every share


@dataclass(frozen=True, eq=False)
class TrainedStudent:
    """A student that was trained.

    Attributes:
        losses: the sum of losses in each step.
        terms: each loss in each step, without its weight, by the name of its class.
        seconds: wall time of all steps, over interruptions.
        precision: of products.
    """

    losses: tuple[float, ...]
    terms: Mapping[str, tuple[float, ...]]
    seconds: float
    precision: str


def training_arguments(
    recipe: DistillRecipe, device: torch.device, folder: Path, *, checkpoint_steps: int, rows_at_once: int | None
) -> Any:
    """What the Trainer is told. Making it joins the processes of a distributed run.

    Raises:
        InvalidInputError: if the rows of a step cannot be shared evenly among the devices and batches.
    """
    args = TrainingArguments(
        output_dir=str(folder),
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": recipe.final_rate},
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        adam_beta1=recipe.betas[0],
        adam_beta2=recipe.betas[1],
        max_grad_norm=recipe.max_gradient_norm,
        optim="adamw_torch_fused",
        bf16=in_bfloat16(recipe.precision, device),
        use_cpu=device.type == "cpu",
        seed=recipe.seed,
        save_steps=checkpoint_steps,
        dataloader_pin_memory=device.type == "cuda",
        ddp_find_unused_parameters=recipe.patched is not None,
        **SETTINGS,
    )
    # One process with several GPUs would copy the modules for each batch, without their hooks: launch one for each.
    args._n_gpu = min(1, args.n_gpu)
    rows = rows_at_once or recipe.batch_size // args.world_size
    if not rows or recipe.batch_size % (rows * args.world_size):
        raise InvalidInputError(
            f"`batch_size` {recipe.batch_size} cannot be shared evenly among {args.world_size} devices with "
            f"{rows_at_once or 'all'} rows at once."
        )
    args.per_device_train_batch_size = rows
    args.gradient_accumulation_steps = recipe.batch_size // (rows * args.world_size)
    return args


def train_student(
    student: Any, teacher: Any, layout: Layout, rows: Sequence[Tokens], recipe: DistillRecipe, args: Any
) -> TrainedStudent:
    """Train a copy of a student, from the last complete checkpoint in `args.output_dir` if there is one.

    The trained weights are written to the folder "student" in there, in float32.

    Args:
        student: what is trained; it stays as it is.
        teacher: its teacher; it stays as it is.
        layout: how they correspond.
        rows: the rows in the order in which they are seen.
        recipe: how.
        args: `training_arguments`.

    Raises:
        NotConvergedError: if the loss is not finite.
    """
    folder = Path(args.output_dir)
    with random_state_kept(), without_progress():
        last = last_complete(folder)
        clock = Clock(folder, "distilling", last)
        trainer = _Trainer(_masters(student, recipe), _frozen(teacher, args), layout, rows, recipe, args, clock)
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
        trainer.save_model(str(folder / "student"))
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    terms = {name: tuple(entry[name] for entry in history) for name in trainer.names}
    losses = tuple(entry["loss"] for entry in history)
    return TrainedStudent(losses, terms, clock.seconds, "bfloat16" if args.bf16 else "float32")


def _masters(student: Any, recipe: DistillRecipe) -> Any:
    """The student in float32, of which what is trained is a copy."""
    inside = {id(p) for layer in blocks(student) for p in layer.parameters()}
    weights: dict[int, Any] = {}
    for p in student.parameters():
        is_trained = recipe.trained == "all" or id(p) in inside
        weights[id(p)] = nn.Parameter(p.detach().to(torch.float32, copy=is_trained), requires_grad=is_trained)
    # deepcopy takes from its memo what stands for an object.
    twin: Any = copy.deepcopy(student, weights)
    # Where a model is sharded, its layers are the units.
    twin._no_split_modules = sorted({type(layer).__name__ for layer in blocks(twin)})
    return twin


def _frozen(teacher: Any, args: Any) -> Blocks:
    """The teacher where the training is, with modules of its own: no hook and no mode touches the caller's."""
    # Products take them in bfloat16: cast once instead of in every step. Embeddings and norms are no products.
    cast = {id(p) for p in _factors(teacher)} if args.bf16 else set()
    stand_ins: dict[int, Any] = {}
    for p in teacher.parameters():
        dtype = torch.bfloat16 if id(p) in cast else p.dtype
        stand_ins[id(p)] = nn.Parameter(p.detach().to(args.device, dtype), requires_grad=False)
    return blocks(copy.deepcopy(teacher, stand_ins).to(args.device).eval())


def _factors(model: Any) -> Iterator[nn.Parameter]:
    """Weights of the linear maps in the layers."""
    for layer in blocks(model):
        for module in layer.modules():
            if type(module).__name__ in ("Linear", "Conv1D"):
                yield from module.parameters(recurse=False)


class _Trainer(Trainer):
    """A Trainer whose loss compares the model with a teacher, which is no part of it.

    Counts of positions are taken over all batches of a step and over all devices, so that each loss is the same mean
    however the rows of a step are shared among them.
    """

    # What `compute_loss` gives is divided by the counts of the whole step already: the Trainer, which would divide it
    # only for models that do not say how they count, is to leave it alone.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        student: Any,
        teacher: Blocks,
        layout: Layout,
        rows: Sequence[Tokens],
        recipe: DistillRecipe,
        args: Any,
        clock: Clock,
    ) -> None:
        self._student, self._teacher, self._layout, self._recipe = blocks(student), teacher, layout, recipe
        self._losses = recipe.losses
        self.names = [type(loss).__name__ for loss in recipe.losses]
        super().__init__(model=student, args=args, train_dataset=_Examples(rows, recipe.seed), callbacks=[clock])
        self.model_accepts_loss_kwargs = True  # what older versions of the Trainer ask instead
        self._terms = torch.zeros(len(self.names), device=args.device)

    def get_train_dataloader(self) -> Any:
        """Rows in their order, which the recipe has drawn."""
        size = self.args.train_batch_size
        loader: Any = DataLoader(self.train_dataset, batch_size=size, collate_fn=_collated)  # type: ignore[arg-type]
        return self.accelerator.prepare(loader)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> Any:
        """The batches of a step, and over how many positions each loss is a mean."""
        found = [batch for _, batch in zip(range(num_batches), epoch_iterator, strict=False)]
        counts = [[loss.positions(Batch(**batch)).sum() for loss in self._losses] for batch in found]
        return found, self.accelerator.reduce(torch.tensor(counts, device=device).sum(0), "sum")

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        batch = Batch(**inputs)
        weights = torch.tensor([loss.weight for loss in self._losses], device=self.args.device)
        # Gradients are averaged over devices, and these are shares of one mean.
        means = self._totals(model, batch) / num_items_in_batch * self.accelerator.num_processes
        self._terms += means.detach()
        return weights @ means

    def _totals(self, model: Any, batch: Batch) -> Tensor:
        at = torch.zeros_like(batch.mask, dtype=torch.bool)
        for loss in self._losses:
            at |= loss.positions(batch) & loss.needs_logits
        aligned = self._layout.aligned
        with torch.no_grad(), torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.args.bf16):
            theirs = _seen(self._teacher, self._teacher.model, aligned.values(), batch, at)
        with self._patched():
            ours = _seen(self._student, model, aligned.keys(), batch, at)
        return torch.stack([loss.total(ours, theirs, aligned, batch).float() for loss in self._losses])

    def _patched(self) -> Any:
        if self._recipe.patched is None:
            return nullcontext()
        slots = self._recipe.patched.draw(len(self._layout.kept), seed=self._recipe.seed, step=self.state.global_step)
        return mixed(self._student, self._teacher, self._layout, slots)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            means = self.accelerator.reduce(self._terms, "mean")
            logs.update(zip(self.names, means.tolist(), strict=True))
            self._terms.zero_()
        super().log(logs, start_time)


def _seen(model: Blocks, forward: Any, states: Any, batch: Batch, at: Tensor) -> Seen:
    """What a model says to a batch.

    Args:
        model: its layers.
        forward: the model, or what wraps it for many devices.
        states: indices of hidden states.
        batch: the tokens.
        at: where logits are needed.
    """
    with watched(model, states, at) as found:
        output = forward(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
    return Seen(found, output.logits, at)


class _Examples:
    """Rows with the draw of their positions, which depends on the row alone: not on batches or devices."""

    def __init__(self, rows: Sequence[Tokens], seed: int) -> None:
        self._rows, self._seed = rows, seed

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> tuple[Tokens, list[float]]:
        row = self._rows[place]
        order = rng_for(self._seed, "positions", place).permutation(len(row) - 1)
        return row, (order / max(1, len(order))).tolist()


def _collated(examples: Sequence[tuple[Tokens, list[float]]]) -> dict[str, Tensor]:
    rows, draws = zip(*examples, strict=True)
    ids, mask = padded(rows)
    targets, draw = torch.full_like(ids, _UNPREDICTED), torch.full(ids.shape, _UNDRAWN)
    for i, (row, order) in enumerate(zip(rows, draws, strict=True)):
        targets[i, : len(order)] = torch.tensor(row[1:], dtype=torch.long)
        draw[i, : len(order)] = torch.tensor(order)
    return {"ids": ids, "mask": mask, "targets": targets, "draw": draw}
