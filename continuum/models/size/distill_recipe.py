"""How a student is distilled, as one object that is recorded with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from continuum.core import InvalidInputError, check_count, check_positive, check_share, check_weight

from ..packing import OnePerRow, Packed, Rows
from ..precision import Precision, check_precision
from ..tokens import Frame
from .losses import CrossEntropy, HiddenCosine, Loss, TokenKL
from .mixed import RandomSlots

__all__ = ["DistillRecipe", "Trained"]

Trained = Literal["layers", "all"]

_ROWS = Packed(128)
_FRAME = Frame("<|endoftext|>")  # one token between documents, as in the training of GPT-2, SmolLM2 and many others


@dataclass(frozen=True)
class DistillRecipe:
    r"""A distillation: one pass of AdamW over the texts, the rate a half cosine after a linear rise.

    The defaults are for a small model and little text, 158,720 tokens. They depart from Kangaslahti et al. (2026),
    which `paper` gives: the divergence counts fully and cross-entropy, which would fit the texts at hand, not at all;
    the cosine counts fifty times as much, as members near the teacher need it (of weights from 2 to 400, those of 100
    and 400 were best and alike, see :doc:`/experiment_size`); embedding, final norm and head stay the teacher's, so
    that all members of a family share them.

    Args:
        losses: what is minimized, the sum of weight times mean. `(HiddenCosine(),)` alone never computes logits.
        trained: "layers" leaves embedding, final norm and head as they are; "all" trains them too.
        rows: how texts become rows of tokens.
        batch_size: rows in a step, over all devices.
        steps: number of steps; no row is seen twice.
        learning_rate: the highest rate of AdamW.
        final_rate: the rate at the end, as a share of the highest.
        warmup: share of the steps in which the rate rises.
        betas: of AdamW.
        weight_decay: of AdamW; norms and biases have none.
        max_gradient_norm: gradients are clipped to this length.
        patched: whether blocks of the teacher run in the place of random layers meanwhile: members of the family are
            no longer zero-shot then. None for the student alone.
        seed: seed of the order of rows, the positions and slots that are drawn, and dropout.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        precision: of products; weights are float32 in training always. "auto" is bfloat16 where the device has
            instructions for it.

    Raises:
        InvalidInputError: if a number is out of its range.

    Example:
        >>> DistillRecipe().tokens
        158720
    """

    losses: tuple[Loss, ...] = (TokenKL(share=0.5), HiddenCosine(weight=100.0))
    trained: Trained = "layers"
    rows: Rows = _ROWS
    batch_size: int = 4
    steps: int = 310
    learning_rate: float = 1e-3
    final_rate: float = 0.05
    warmup: float = 0.05
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    patched: RandomSlots | None = None
    seed: int = 0
    frame: Frame | None = _FRAME
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("steps", 1), ("seed", 0)):
            check_count(name, getattr(self, name), least=least)
        for name in ("learning_rate", "max_gradient_norm"):
            check_positive(name, getattr(self, name))
        check_weight("weight_decay", self.weight_decay)
        for name in ("final_rate", "warmup"):
            check_share(name, getattr(self, name))
        for name, kinds in (("rows", Rows), ("frame", Frame | None), ("patched", RandomSlots | None)):
            if not isinstance(getattr(self, name), kinds):
                raise InvalidInputError(f"`{name}` must be of {kinds}, got {getattr(self, name)!r}.")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise InvalidInputError(f"`betas` must be two numbers in [0, 1), got {self.betas!r}.")
        if self.trained not in get_args(Trained):
            raise InvalidInputError(f"`trained` must be one of {get_args(Trained)}, got {self.trained!r}.")
        check_precision(self.precision)
        _check_losses(self.losses)

    @classmethod
    def paper(cls) -> DistillRecipe:
        """That of Kangaslahti et al. (2026): 2.1 billion tokens, padding counted, of one document per row.

        Their gradients of a step, 256 times too long, were always clipped to norm 1; here most are shorter than that.
        """
        return cls(
            losses=(CrossEntropy(), TokenKL(0.1), HiddenCosine(2.0, embedding=True)),
            trained="all",
            rows=OnePerRow(2048),
            batch_size=2048,
            steps=500,
            learning_rate=3e-4,
            final_rate=0.0,
            warmup=0.01,
            weight_decay=0.1,
        )

    @property
    def warmup_steps(self) -> int:
        """Steps in which the rate rises."""
        return math.ceil(self.warmup * self.steps)

    @property
    def tokens(self) -> int:
        """Tokens that it trains on, if all rows are full."""
        return self.steps * self.batch_size * self.rows.length


def _check_losses(losses: tuple[Loss, ...]) -> None:
    if not isinstance(losses, tuple) or not all(isinstance(loss, Loss) for loss in losses):
        raise InvalidInputError(f"`losses` must be a tuple of losses such as TokenKL(), got {losses!r}.")
    if not any(loss.weight > 0 for loss in losses):
        raise InvalidInputError(f"`losses` must have one with a weight, got {losses!r}.")
    names = [type(loss).__name__ for loss in losses]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"`losses` must be of different kinds, got {names}.")
