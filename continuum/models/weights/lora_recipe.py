"""How an adapter is trained, as one object that is recorded with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from continuum.core import (
    IncompatibleError,
    InvalidInputError,
    check_count,
    check_positive,
    check_share,
    check_weight,
)
from continuum.models.precision import Precision, check_precision
from continuum.models.tokens import DOCUMENT, Frame

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LoraRecipe"]


@dataclass(frozen=True)
class LoraRecipe:
    r"""A LoRA fine-tuning of a causal language model: one pass of AdamW, the rate falling linearly to 0.

    The defaults make anchors between which a path of SmolLM2-135M is smooth: the attribute moves linearly, and there is
    no barrier. What trains longer, repeats sentences or raises the rate to 3e-3 fits its texts better and everything
    else worse: the path then explodes outside [0, 1].

    Adapters that are to be compared, or averaged by their factors, share `init_seed`: their first factor $A$ then
    starts the same whatever the texts.

    Args:
        rank: r, in every module.
        alpha: the scale of a change is `alpha / rank`.
        dropout: share of the inputs of an adapter that are dropped in training.
        modules: ends of the names of the modules that get an adapter.
        learning_rate: the highest rate of AdamW.
        warmup_steps: steps in which the rate rises to it.
        weight_decay: of AdamW.
        max_gradient_norm: gradients are clipped to this length.
        batch_size: texts in a step, over all devices.
        steps: number of steps. `steps * batch_size` texts are needed, since none is seen twice.
        init_seed: seed of the adapter's first values.
        data_seed: seed of the order of batches, and of dropout.
        frame: tokens around each text; all tokens but the first are predicted.
        precision: of products; weights of the adapter are float32 always. "auto" is bfloat16 where the device has
            instructions for it.

    Raises:
        InvalidInputError: if a number is out of its range.

    Example:
        >>> LoraRecipe(steps=32).texts
        384
    """

    rank: int = 8
    alpha: int = 16
    dropout: float = 0.0
    modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    learning_rate: float = 1e-3
    warmup_steps: int = 5
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    batch_size: int = 12
    steps: int = 64
    init_seed: int = 0
    data_seed: int = 0
    frame: Frame = DOCUMENT
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for name, least in _INTEGERS.items():
            check_count(name, getattr(self, name), least=least)
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in ("learning_rate", "max_gradient_norm"):
            check_positive(name, getattr(self, name))
        check_weight("weight_decay", self.weight_decay)
        check_share("dropout", self.dropout)
        if self.dropout == 1:
            raise InvalidInputError("`dropout` must be less than 1: else adapters see nothing.")
        if not isinstance(self.modules, tuple | list) or not self.modules or not _are_words(self.modules):
            raise InvalidInputError(f"`modules` must be a tuple of names, got {self.modules!r}.")
        object.__setattr__(self, "modules", tuple(self.modules))
        if not isinstance(self.frame, Frame):
            raise InvalidInputError(f"`frame` must be a Frame(start, end), got {self.frame!r}.")
        check_precision(self.precision)

    @property
    def texts(self) -> int:
        """Number of texts that it trains on."""
        return self.steps * self.batch_size

    def modules_in(self, model: nn.Module) -> tuple[nn.Module, ...]:
        """The modules of a model that get an adapter.

        Raises:
            IncompatibleError: if one of the names finds none, where PEFT is content if any of them does.
        """
        linear = {name: module for name, module in model.named_modules() if type(module).__name__ in _LINEAR}
        for end in self.modules:
            if not any(_ends(name, end) for name in linear):
                ends = sorted({name.rpartition(".")[2] for name in linear})
                raise IncompatibleError(
                    f"{type(model).__name__} has no linear module {end!r}; `modules` can be of {ends}."
                )
        return tuple(module for name, module in linear.items() if any(_ends(name, end) for end in self.modules))


def _are_words(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) and value for value in values)


def _ends(name: str, end: str) -> bool:
    return f".{name}".endswith(f".{end}")


_LINEAR = ("Linear", "Conv1D")  # the second holds its weight transposed
_INTEGERS = {"rank": 1, "alpha": 1, "warmup_steps": 0, "batch_size": 1, "steps": 1, "init_seed": 0, "data_seed": 0}
