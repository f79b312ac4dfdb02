"""Continuous families of language models between LoRA adapters of one base."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from continuum.core import (
    Domain,
    IncompatibleError,
    InvalidInputError,
    LazyEndpoints,
    LeaseError,
    Point,
    PointLike,
)

from .backend import Backend
from .coefficients import Attributes, Coordinates
from .factors import Adapter, read_adapters
from .gate import Gate
from .identity import digest_of
from .lending import borrower_of, lent_to
from .lora_export import LoraExport, export_lora
from .lora_layers import lora_layers
from .merged import Merged, merged_copy
from .merged_export import MergedExport, export_merged
from .rows import coefficients_followed, rows_checked
from .scale import Scale

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["WeightPath"]

_BACKENDS: dict[str, Callable[[Any, Sequence[str]], Backend]] = {
    "scale": Scale.of,
    "gate": Gate.of,
    "merged": Merged.of,
}
BackendName = Literal["scale", "gate", "merged"]


@dataclass(frozen=True, eq=False)
class WeightPath:
    r"""Models between LoRA adapters of one base: $W(p) = W_0 + \sum_j c_j(p)\, \Delta_j$.

    $\Delta_j = s_j B_j A_j$ is the change that adapter j makes. Changes are added exactly, with coefficients of any
    sign; averages of factors, which model merging often takes for it, are another model. Kangaslahti & Alvarez-Melis
    (2025) for attributes; see `Attributes`, `ThroughBase`, `Spherical` and `Combination` for the coordinates.

    `at` builds an independent plain model. `lease` lends the shared one, changed in well under a millisecond:

    =========  ==================================  ======================  ========
    back-end   how                                 a point for each row    gradient
    =========  ==================================  ======================  ========
    "scale"    PEFT's own sum, the default         yes, and for tokens     yes
    "gate"     two products for all adapters       yes, and for tokens     yes
    "merged"   weights rewritten, as fast as none  no                      no
    =========  ==================================  ======================  ========

    Args:
        model: a PEFT model with the adapters loaded. It is never changed but inside a lease.
        adapters: names of the adapters, in the order of the coefficients.
        coordinates: the coordinates of the path, and the coefficients that they stand for.
        backend: how `lease` works.

    Example:
        >>> from continuum.models.weights.coefficients import Attributes
        >>> Attributes(("sentiment",)).coefficients(torch.tensor([[0.25]])).tolist()
        [[0.25, 0.75]]
    """

    model: PeftModel
    adapters: tuple[str, ...]
    coordinates: Coordinates
    backend: BackendName = "scale"

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapters", tuple(self.adapters))
        if self.backend not in get_args(BackendName):
            raise InvalidInputError(f"`backend` must be one of {get_args(BackendName)}, got {self.backend!r}.")
        lora_layers(self.model, self.adapters)  # refuses what cannot be mixed
        vertex = torch.tensor(self.coordinates.domain.vertices()[0], dtype=torch.float64)
        if (k := self.coordinates.coefficients(vertex).shape[-1]) != len(self.adapters):
            raise IncompatibleError(f"`coordinates` give {k} coefficients for {len(self.adapters)} adapters.")

    @classmethod
    def from_adapters(
        cls,
        model: Any,
        plus: str | Path | None = None,
        minus: str | Path | None = None,
        *,
        attribute: str = "alpha",
        attributes: Mapping[str, tuple[str | Path, str | Path]] | None = None,
        bounds: tuple[float, float] = (0.0, 1.0),
        backend: BackendName = "scale",
    ) -> WeightPath:
        r"""The path of one attribute, from its negative adapter (0) to its positive one (1), or of several attributes.

        Args:
            model: a PEFT model with the adapters loaded; or a base model, into which adapters are then loaded from
                their folders (PEFT puts its layers around those of the base).
            plus: name, or folder, of the adapter at 1.
            minus: name, or folder, of the adapter at 0.
            attribute: name of the coordinate.
            attributes: several attributes instead of one, each with its (plus, minus); coordinates are then
                $\alpha_i$ and a point $\lambda$ of the simplex, see `Attributes`.
            bounds: range of each $\alpha$: (-1, 2) extrapolates.
            backend: see the class.

        Raises:
            InvalidInputError: if an adapter is absent, or has NaN weights.
            IncompatibleError: if an adapter is not plain LoRA of linear layers, or belongs to another base.
        """
        if (attributes is None) != (plus is not None and minus is not None):
            raise InvalidInputError("give either `plus` and `minus`, or `attributes` with a pair for each name.")
        pairs = {attribute: (plus, minus)} if attributes is None else dict(attributes)
        from .adapter_files import loaded

        model, names = loaded(model, {name: _pair(name, pair) for name, pair in pairs.items()})
        return cls(model, names, Attributes(tuple(pairs), bounds), backend)

    @property
    def domain(self) -> Domain:
        return self.coordinates.domain

    def coefficients(self, point: PointLike, /) -> NDArray[np.float64]:
        """Coefficients of the adapters at a point, (k,)."""
        return np.asarray(self._coefficients(self.domain.point(point)).numpy())

    def at(self, point: PointLike, /) -> Any:
        """An independent model of the class of the base, without PEFT, in evaluation mode.

        Changes are summed in float32 and rounded once to the precision of the base.

        Raises:
            IncompatibleError: if a weight that adapters change is tied to another module.
            LeaseError: while a path with merged weights has lent the model, whose base is then another.
        """
        self._check_pristine()
        places, c = lora_layers(self.model, self.adapters), self.coefficients(point)
        return merged_copy(self.model, places, self._factors, c.tolist())

    @contextmanager
    def lease(self, point: PointLike | Tensor, /) -> Iterator[PeftModel]:
        """Borrow the shared model at a point; a tensor that requires a gradient gets it from what the model computes.

        Raises:
            LeaseError: if the model is lent out already, also to another path.
        """
        with self._lent(), ExitStack() as stack:
            if isinstance(point, Tensor) and point.requires_grad:
                self._point(point.detach())
                stack.enter_context(self._followed(point.reshape(-1)))
            else:
                self._backend.put(self._coefficients(self._point(point)))
            yield self.model

    @contextmanager
    def lease_rows(self, points: Sequence[PointLike] | Tensor, /) -> Iterator[PeftModel]:
        """Borrow the shared model with a point for each row of the batch, or for each token of each row.

        Forward passes, greedy and sampled generation, beams and several sequences a prompt follow their rows.

        Args:
            points: one point a row; or a tensor (rows, axes), (rows,) for a sole axis, or (rows, tokens, axes) for a
                schedule over the tokens of a row, counted with padding and held at its last value beyond its end.

        Raises:
            IncompatibleError: if the back-end is "merged"; within the block, if a batch has not this many rows, or a
                layer does not see them.
            LeaseError: if the model is lent out already.
        """
        if not self._backend.takes_rows:
            raise IncompatibleError("merged weights are one set for all rows; use backend='scale' or 'gate'.")
        x = self._rows(points)
        with self._lent(), rows_checked(self._backend.places), self._followed(x):
            yield self.model

    def switch(self, point: PointLike, /) -> None:
        """Move the model that is lent by `lease` to another point: one small write, no context to leave.

        Raises:
            LeaseError: outside a lease of this path.
        """
        if borrower_of(self.model) is not self:
            raise LeaseError("`switch` moves a model that this path has lent; call it within `with path.lease(point)`.")
        self._backend.put(self._coefficients(self.domain.point(point)))

    def export(
        self,
        point: PointLike,
        folder: str | os.PathLike[str],
        *,
        how: Literal["merged", "lora", "lora-svd"] = "merged",
        rank: int | None = None,
    ) -> MergedExport | LoraExport:
        """Write the model at a point into a new folder, which appears complete or not at all.

        Args:
            point: where.
            folder: a new folder.
            how: "merged", a checkpoint that plain `from_pretrained` loads; "lora", one adapter that is exact, of the
                sum of all ranks; "lora-svd", the nearest adapter of `rank`, with its error in each module.
            rank: highest rank of a module, for "lora-svd".

        Raises:
            InvalidInputError: if `how` is unknown, or `rank` is given for another or missing.
            IncompatibleError: for "merged", if a weight that adapters change is tied to another module.
            StoreError: if there is something at `folder` already, or it cannot be written.
        """
        if how not in ("merged", "lora", "lora-svd"):
            raise InvalidInputError(f"`how` must be 'merged', 'lora' or 'lora-svd', got {how!r}.")
        if (how == "lora-svd") != (rank is not None):
            raise InvalidInputError(f"`rank` belongs to how='lora-svd', and to it alone; got {how!r} and {rank!r}.")
        self._check_pristine()
        here = self.domain.point(point)
        what = self.model, self._factors, self.coefficients(here).tolist(), folder
        provenance = {"point": dict(zip(self.domain.axes, here, strict=True))}
        if how == "merged":
            return export_merged(*what, provenance=provenance)
        return export_lora(*what, rank=rank, provenance=provenance)

    @property
    def endpoints(self) -> Mapping[Point, Any]:
        """The models at the vertices of the domain: for one attribute in [0, 1], each adapter alone on the base."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the base weights, the adapters and the coordinates, for result stores."""
        names = repr((self.adapters, self.coordinates, self.backend))
        tensors = (tensor for adapter in self._factors for f in adapter.factors.values() for tensor in (f.up, f.down))
        return digest_of(names, self.model.get_base_model().state_dict().items(), enumerate(tensors))

    @cached_property
    def _backend(self) -> Backend:
        return _BACKENDS[self.backend](self.model, self.adapters)

    @property
    def _factors(self) -> tuple[Adapter, ...]:
        return read_adapters(self.model, self.adapters)

    def _check_pristine(self) -> None:
        borrower = borrower_of(self.model)
        if isinstance(borrower, WeightPath) and borrower.backend == "merged":
            raise LeaseError("the weights of the base are changed while the model is lent with backend='merged'.")

    def _coefficients(self, point: Point) -> Tensor:
        return self.coordinates.coefficients(torch.tensor(point, dtype=torch.float64))

    def _point(self, point: PointLike | Tensor) -> Point:
        return self.domain.point(point.tolist() if isinstance(point, Tensor) else point)

    def _rows(self, points: Sequence[PointLike] | Tensor) -> Tensor:
        """Points as a tensor (rows, axes) or (rows, tokens, axes), each of them in the domain."""
        axes = len(self.domain.axes)
        if not isinstance(points, Tensor):
            return torch.tensor([self.domain.point(point) for point in points], dtype=torch.float64).reshape(-1, axes)
        x = points[..., None] if points.ndim == 1 and axes == 1 else points
        if x.ndim not in (2, 3) or x.shape[-1] != axes:
            raise InvalidInputError(
                f"`points` must be (rows, {axes}) or (rows, tokens, {axes}) for the axes {self.domain.axes}, got "
                f"{tuple(points.shape)}."
            )
        for point in x.detach().reshape(-1, axes).tolist():
            self.domain.point(point)
        return x

    @contextmanager
    def _lent(self) -> Iterator[None]:
        backend = self._backend
        with lent_to(self, self.model), backend.lent():
            yield

    def _followed(self, x: Tensor) -> AbstractContextManager[None]:
        base: nn.Module = self.model.get_base_model()
        return coefficients_followed(base, lambda: self.coordinates.coefficients(x), self._backend.put)

    def __getstate__(self) -> dict[str, Any]:
        """Without the back-end, which each process makes anew."""
        return {name: value for name, value in self.__dict__.items() if name != "_backend"}

    def __repr__(self) -> str:
        name = type(self.model.get_base_model()).__name__
        return f"WeightPath({name}, adapters={list(self.adapters)}, backend={self.backend!r})"


def _pair(name: str, pair: Any) -> tuple[str | Path, str | Path]:
    if isinstance(pair, str | bytes) or len(pair) != 2:
        raise InvalidInputError(f"attribute {name!r} needs a pair (plus, minus) of adapters, got {pair!r}.")
    return pair[0], pair[1]
