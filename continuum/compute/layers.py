r"""Attention over weighted measures, and weights of layers from a generator.

A key of mass w gets $\log w$ added to its scores: a point counts as much as two of half its mass in its place, and a
point of mass 0, such as padding, is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from continuum.core import IncompatibleError, InvalidInputError, check_count

__all__ = ["Attention", "KeysValues", "PostNormBlock", "PreNormBlock", "initialise", "log_masses", "mlp"]

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class KeysValues:
    """What attention sees, computed once for all states that look at it. The samples are first.

    Attributes:
        keys: for each head, (b, h, m, k).
        values: for each head, (b, h, m, k).
        bias: added to the scores of the keys, for all queries (b, 1, 1, m) or each (b, 1, n, m); None for equal masses.
    """

    keys: Float[Tensor, "b h m k"]
    values: Float[Tensor, "b h m k"]
    bias: Float[Tensor, "b 1 _ m"] | None = None

    def __len__(self) -> int:
        """How many samples."""
        return len(self.keys)

    def index(self, rows: Tensor) -> KeysValues:
        """Those of some of the samples."""
        return KeysValues(self.keys[rows], self.values[rows], None if self.bias is None else self.bias[rows])

    def joined(self, others: KeysValues) -> KeysValues:
        """These and others, as one measure."""
        if self.bias is None or others.bias is None:
            raise IncompatibleError("keys are joined by their masses; give both of them a bias.")
        return KeysValues(
            torch.cat([self.keys, others.keys], 2),
            torch.cat([self.values, others.values], 2),
            torch.cat([self.bias, others.bias], -1),
        )


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017).

    Made on the meta device and drawn by `initialise`, as all layers here, it leaves the global random state alone.

    Args:
        width: of queries, of what is looked at, and of what is found.
        heads: number of heads, each of width / heads numbers.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        check_count("width", width)
        check_count("heads", heads)
        if width % heads:
            raise InvalidInputError(f"`width` must be a multiple of `heads`, got {width} and {heads}.")
        self.heads = heads
        self.queries = nn.Linear(width, width)
        self.keys = nn.Linear(width, width)
        self.values = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def keys_values(self, x: Float[Tensor, "b m p"], bias: Tensor | None = None) -> KeysValues:
        """What there is to see in points, with a bias such as `log_masses`."""
        return KeysValues(self._split(self.keys(x)), self._split(self.values(x)), bias)

    def forward(self, x: Float[Tensor, "b n p"], seen: KeysValues) -> Float[Tensor, "b n p"]:
        queries = self._split(self.queries(x))
        # Several times as fast on a CPU as the formula; who needs second derivatives asks torch for its "math" kernel.
        found = functional.scaled_dot_product_attention(queries, seen.keys, seen.values, attn_mask=seen.bias)
        mixed: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return mixed

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(1, 2)


class PostNormBlock(nn.Module):
    """A block of the original Transformer: attention, then a ReLU network, each added and then normalised.

    Args:
        width: of the points.
        heads: of the attention.
        hidden: width of the hidden layer.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = mlp(width, hidden, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "b n p"], seen: KeysValues) -> Float[Tensor, "b n p"]:
        x = self.attention_norm(x + self.attention(x, seen))
        out: Tensor = self.norm(x + self.feed_forward(x))
        return out

    def among(self, x: Float[Tensor, "b n p"], bias: Tensor | None = None) -> Float[Tensor, "b n p"]:
        """Points that look at one another."""
        return self.forward(x, self.attention.keys_values(x, bias))


class PreNormBlock(nn.Module):
    """Points that look at one another, then a GELU network, each of normalised points and added (Xiong et al. 2020).

    Args:
        width: of the points.
        heads: of the attention.
        hidden: width of the hidden layer.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm = nn.LayerNorm(width)
        self.feed_forward = mlp(width, hidden, width, nn.GELU)

    def forward(self, x: Float[Tensor, "b n p"], bias: Tensor | None = None) -> Float[Tensor, "b n p"]:
        y = self.attention_norm(x)
        x = x + self.attention(y, self.attention.keys_values(y, bias))
        out: Tensor = x + self.feed_forward(self.norm(x))
        return out


def mlp(inputs: int, hidden: int, outputs: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """A network of one hidden layer, the same for each point."""
    return nn.Sequential(nn.Linear(inputs, hidden), activation(), nn.Linear(hidden, outputs))


def log_masses(weights: Float[Tensor, "b m"]) -> Float[Tensor, "b 1 1 m"]:
    """The bias of attention to points of these masses: minus infinity for 0, the mass of padding."""
    seen = weights > 0
    # The logarithm is not taken at 0: its gradient there would be NaN, and not only there.
    return torch.where(seen, weights, 1).log().masked_fill(~seen, -torch.inf)[:, None, None]


@runtime_checkable
class Drawable(Protocol):
    """A module with parameters or buffers of its own."""

    def draw(self, generator: torch.Generator, /) -> None:
        """Fill them in place."""
        ...


def initialise(module: M, generator: torch.Generator) -> M:
    """Draw all weights of a module from a generator, in the distributions that are torch's defaults.

    A module that was made within `torch.device("meta")`, where torch draws nothing, is brought to the CPU. Modules with
    parameters or buffers of their own say in a method `draw(generator)` how these are filled.

    Args:
        module: of linear, bilinear and normalising layers, and of modules with a method `draw`.
        generator: of the CPU.

    Raises:
        InvalidInputError: if the module has parameters that nobody says how to draw.

    Example:
        >>> with torch.device("meta"):
        ...     layer = torch.nn.Linear(2, 3)
        >>> initialise(layer, torch.Generator().manual_seed(0)).weight.shape
        torch.Size([3, 2])
    """
    if any(parameter.is_meta for parameter in module.parameters()):
        module.to_empty(device="cpu")
    with torch.no_grad():
        for part in module.modules():
            _draw(part, generator)
    return module


def _draw(part: nn.Module, generator: torch.Generator) -> None:
    if isinstance(part, Drawable):
        part.draw(generator)
    elif isinstance(part, nn.LayerNorm):
        part.reset_parameters()  # ones and zeros
    elif isinstance(part, nn.Linear | nn.Bilinear):
        bound = part.weight.shape[1] ** -0.5
        for parameter in part.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    elif next(part.parameters(recurse=False), None) is not None:
        raise InvalidInputError(
            f"there is no rule to draw a {type(part).__name__}; give it a method `draw(generator)`."
        )
