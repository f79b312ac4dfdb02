"""The family of models that pruning makes of one, without training: what patching is compared with."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from continuum.core import InvalidInputError, LazyEndpoints, Levels, Point, PointLike

from ..anatomy import Blocks, blocks
from ..weights.identity import digest_of
from .budget import largest_within
from .counts import Counts, Sizes
from .pruning import Pruning
from .stacks import Stack, count_stack, stacked

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PrunedPath"]


@dataclass(frozen=True, eq=False)
class PrunedPath:
    r"""Models with ever fewer layers of their teacher, none of which was trained.

    The coordinate is the fraction of the parameters that are left,
    $t = (P - P_\mathrm{smallest}) / (P_\mathrm{teacher} - P_\mathrm{smallest})$, counted as in `PatchPath`: between the
    same ends, the same t is the same size. At 1 it is the teacher, bit for bit.

    `at` builds an independent model. `lease` lends one over the weights of the teacher; what changes these in place,
    such as an optimizer, changes them in the teacher.

    Args:
        teacher: a model of the `transformers` library; not changed.
        pruning: which layers go, and what becomes of the others: `OneShot`, `LayerCollapse`.

    Raises:
        InvalidInputError: if the pruning names other layers than the teacher has, or makes nothing smaller.
        IncompatibleError: if the layers of the teacher cannot be found, see `blocks`.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from continuum.models.size import OneShot
        >>> teacher = GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=4))
        >>> path = PrunedPath(teacher, OneShot((2, 1)))
        >>> path.domain.values
        (0.0, 0.5, 1.0)
        >>> path.at(0.5).config.num_hidden_layers
        3
    """

    teacher: Any
    pruning: Pruning

    def __post_init__(self) -> None:
        self.domain  # noqa: B018 -- what has to be searched for is found now, so that reading the domain is cheap

    @cached_property
    def domain(self) -> Levels:
        return Levels(tuple(self._levels), "t")

    def stack_at(self, point: PointLike, /) -> Stack:
        """The layers of the model at a point, each as a sum of layers of the teacher."""
        (t,) = self.domain.point(point)
        return self._levels[t]

    def at(self, point: PointLike, /) -> Any:
        """An independent model at a point, in evaluation mode."""
        return copy.deepcopy(stacked(self._blocks, self.stack_at(point)))

    @contextmanager
    def lease(self, point: PointLike, /) -> Iterator[Any]:
        """Borrow a model at a point, over the weights of the teacher."""
        yield stacked(self._blocks, self.stack_at(point))

    @property
    def endpoints(self) -> Mapping[Point, Any]:
        """The smallest model at 0 and the teacher at 1, as independent models."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    def at_budget(
        self,
        *,
        params: str | float | None = None,
        bytes: str | float | None = None,
        layers: int | None = None,
    ) -> Point:
        """The point of the largest model within a budget; see `PatchPath.at_budget`.

        Raises:
            InvalidInputError: if not exactly one budget is given, or even the smallest model does not fit.
        """
        sizes = {t: self.counts(t) for t in self._levels}
        return (largest_within(sizes, params=params, bytes=bytes, layers=layers),)

    def counts(self, point: PointLike, /) -> Counts:
        """How large the model at a point is, without building it."""
        return count_stack(self._blocks, self.stack_at(point), self._sizes)

    def table(self) -> pd.DataFrame:
        """The models of the path: t, the teacher's layers that each has a part of, and their sizes."""
        import pandas as pd

        rows = [
            {"t": t, "layers": tuple(sorted({k for mix in stack for k in mix})), **vars(self.counts(t))}
            for t, stack in self._levels.items()
        ]
        return pd.DataFrame(rows)

    @property
    def fingerprint(self) -> str:
        """Digest of the weights of the teacher as they are now, and of all stacks, for result stores."""
        return digest_of(repr(list(self._levels.values())), self.teacher.state_dict().items())

    @cached_property
    def _blocks(self) -> Blocks:
        return blocks(self.teacher)

    @cached_property
    def _levels(self) -> Mapping[float, Stack]:
        """The stacks by t, from the smallest."""
        family = list(self.pruning.stacks(self._blocks))[::-1]
        sizes = [count_stack(self._blocks, stack, self._sizes).inference for stack in family]
        if sizes[-1] <= sizes[0]:
            raise InvalidInputError(f"this pruning makes nothing smaller: all models have {sizes[0]} parameters.")
        return {(size - sizes[0]) / (sizes[-1] - sizes[0]): one for size, one in zip(sizes, family, strict=True)}

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes()

    def __repr__(self) -> str:
        smallest, *_, whole = self._levels.values()
        return f"PrunedPath({type(self.teacher).__name__}, layers={len(smallest)} to {len(whole)})"
