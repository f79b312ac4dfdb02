"""Anchors of a weight path: adapters trained on texts, in folders that a kill does not spoil."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from continuum.core import (
    IncompatibleError,
    InvalidInputError,
    StoreError,
    admit_path,
    check_count,
    require_extra,
    rng_for,
)
from continuum.models.inference import admit_lengths, device_of
from continuum.models.plans import check_same_plan, claim, digest_of_data
from continuum.models.tokens import Tokens, admit_texts, encode

from .adapter_folder import WEIGHTS, read_record, write_adapter
from .identity import base_fingerprint
from .lora_recipe import LoraRecipe

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from .lora_training import Trained

__all__ = ["FineTuned", "fine_tune_lora"]

_TRAINING = ".training"  # checkpoints and the plan, in the folder, until the adapter is there


@dataclass(frozen=True, eq=False)
class FineTuned:
    """An adapter that was trained, as a plain PEFT folder.

    Attributes:
        folder: where it is.
        losses: mean loss of a token in each step, in nats.
        tokens: number of tokens that were predicted.
        seconds: wall time of all steps, over interruptions.
    """

    folder: Path
    losses: tuple[float, ...]
    tokens: int
    seconds: float


def fine_tune_lora(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    recipe: LoraRecipe | None = None,
    checkpoint_steps: int = 8,
) -> FineTuned:
    """Train a LoRA adapter of a causal language model on texts, and keep it in a folder.

    The same call again, after a kill, goes on from the last checkpoint and ends with the same weights; after the end it
    returns at once. Batches hold texts of like lengths. The base is not touched: it has no adapter afterwards, and the
    same weights, modes and gradients as before. The random state of the process is not touched either.

    A model on the CPU is trained there; another on what transformers' Trainer finds, or `accelerate launch` gives it.

    Args:
        model: the base model, without PEFT.
        tokenizer: its tokenizer.
        texts: at least `recipe.texts` of them; the first so many are used, each once.
        folder: a new folder, or that of this very training.
        recipe: how to train; None for `LoraRecipe()`.
        checkpoint_steps: steps between checkpoints.

    Raises:
        InvalidInputError: if there are too few texts, one is empty, or longer than the model takes.
        IncompatibleError: if the folder belongs to a training with another recipe, other texts or another base; or if
            the model has no modules of these names, or has adapters.
        StoreError: if the folder holds something else.
        NotConvergedError: if the loss is not finite.
        MissingExtraError: if accelerate, on which the Trainer stands, is not installed.
    """
    require_extra("accelerate", extra="lm", what="fine-tuning")
    recipe, folder = recipe or LoraRecipe(), admit_path("folder", folder)
    _admit(model, recipe, checkpoint_steps)
    examples = _examples(model, tokenizer, texts, recipe)
    plan = _plan(model, examples, recipe)
    if not _is_finished(folder, plan):
        from .lora_training import train_lora, training_arguments

        args = training_arguments(recipe, device_of(model), folder / _TRAINING, checkpoint_steps)
        with args.main_process_first(local=False):
            _claim(folder, plan)
        trained = train_lora(model, examples, recipe, args)
        with args.main_process_first(local=False):
            if args.process_index == 0:
                tokens = sum(len(example) - 1 for example in examples)
                _keep(folder, trained, plan, tokens)
    return _read(folder)


def _admit(model: nn.Module, recipe: LoraRecipe, checkpoint_steps: int) -> None:
    if any(hasattr(module, "get_base_layer") for module in model.modules()):
        raise IncompatibleError("`model` has adapters already; pass the base model, such as `peft_model.unload()`.")
    if not isinstance(recipe, LoraRecipe):
        raise InvalidInputError(f"`recipe` must be a LoraRecipe, got {type(recipe).__name__}.")
    recipe.modules_in(model)
    check_count("checkpoint_steps", checkpoint_steps)


def _examples(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], recipe: LoraRecipe
) -> list[Tokens]:
    """Tokens of the texts in the order of training: batch after batch, each of like lengths, in random order."""
    texts = admit_texts(texts)
    if len(texts) < recipe.texts:
        raise InvalidInputError(
            f"{recipe.steps} steps of {recipe.batch_size} texts need {recipe.texts}, got {len(texts)}; choose fewer "
            "`steps`, since texts that are seen twice make bad anchors."
        )
    for place, text in enumerate(texts[: recipe.texts]):
        if not text.strip():
            raise InvalidInputError(f"`texts[{place}]` is empty; leave it out.")
    encoded = encode(tokenizer, texts[: recipe.texts], recipe.frame)
    admit_lengths(model, [len(tokens) for tokens in encoded], "cut it")
    by_length = sorted(encoded, key=len)
    order = rng_for(recipe.data_seed, "order of batches").permutation(recipe.steps)
    return [by_length[batch * recipe.batch_size + i] for batch in order for i in range(recipe.batch_size)]


def _plan(model: nn.Module, examples: Sequence[Tokens], recipe: LoraRecipe) -> dict[str, Any]:
    """What a training depends on, as it is read back from JSON."""
    plan = {"recipe": asdict(recipe), "data": digest_of_data(examples), "base": base_fingerprint(model)}
    return dict(json.loads(json.dumps(plan)))


def _is_finished(folder: Path, plan: Mapping[str, Any]) -> bool:
    """Whether the folder holds what this training ends with.

    Raises:
        StoreError: if it holds an adapter from elsewhere.
        IncompatibleError: if it holds that of another training.
    """
    if not (folder / WEIGHTS).is_file():
        return False
    record = read_record(folder) or {}
    if "training" not in record:
        raise StoreError(f"{folder} holds an adapter that was not trained here; choose another folder.")
    check_same_plan(folder, record["training"], plan)
    shutil.rmtree(folder / _TRAINING, ignore_errors=True)  # left by a kill between the last two steps
    return True


def _claim(folder: Path, plan: Mapping[str, Any]) -> None:
    """Write the plan into a new folder, or find it there.

    Raises:
        StoreError: if the folder holds something else.
        IncompatibleError: if it holds another plan.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file, where a folder is to be: choose another name.")
    is_ours = (folder / _TRAINING).is_dir()  # then the rest is what a kill left of the adapter
    if folder.exists() and not is_ours and any(folder.iterdir()):
        raise StoreError(f"{folder} holds files already: choose another folder, or remove it first.")
    claim(folder / _TRAINING, plan, folder)


def _keep(folder: Path, trained: Trained, plan: Mapping[str, Any], tokens: int) -> None:
    record = {
        "training": plan,
        "precision": trained.precision,
        "losses": trained.losses,
        "tokens": tokens,
        "seconds": trained.seconds,
    }
    write_adapter(folder, trained.config, trained.tensors, base=plan["base"], record=record)
    shutil.rmtree(folder / _TRAINING)


def _read(folder: Path) -> FineTuned:
    record = read_record(folder)
    if record is None:
        raise StoreError(f"{folder} has lost its adapter while it was read.")
    return FineTuned(folder, tuple(record["losses"]), record["tokens"], record["seconds"])
