"""Continuous families of language models between LoRA adapters of one base."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
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
    admit_path,
)
from continuum.models.lending import Loan, lent, loan_of

from .backend import Backend
from .coefficients import Attributes, Coordinates
from .factors import Adapter, read_adapters
from .gate import Gate
from .identity import digest_of
from .lora_export import LoraExport, export_lora
from .lora_layers import lora_layers
from .merged import Merged, merged_copy
from .merged_export import MergedExport, export_merged
from .plain import plain_weights
from .rows import coefficients_followed, points_of_rows, rows_checked
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
class _Loan(Loan):
    """A loan of a weight path: its back-end, and whether coefficients follow a tensor."""

    backend: Backend = field(kw_only=True)
    follows: bool = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class WeightPath:
    r"""Models between LoRA adapters of one base: $W(p) = W_0 + \sum_j c_j(p)\, \Delta_j$.

    $\Delta_j = s_j B_j A_j$ is the change that adapter j makes. Changes are added exactly, with coefficients of any
    sign; averages of factors, which model merging often takes for it, are another model. Kangaslahti & Alvarez-Melis
    (2025) for attributes; see `Attributes`, `ThroughBase`, `Spherical` and `Combination` for the coordinates.

    `at` builds an independent plain model. `lease` lends the shared one, and with "scale" and "gate" moves it in well
    under a millisecond:

    =========  ==================================  ======================  ========
    back-end   how                                 a point for each row    gradient
    =========  ==================================  ======================  ========
    "scale"    PEFT's own sum, the default         yes, and for tokens     yes
    "gate"     two products for all adapters       yes, and for tokens     yes
    "merged"   weights rewritten, as fast as none  no                      no
    =========  ==================================  ======================  ========

    Args:
        model: a PEFT model with the adapters loaded. The path never changes it but inside a lease.
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
        if isinstance(self.adapters, str) or not isinstance(self.adapters, Sequence) or not self.adapters:
            raise InvalidInputError(f"`adapters` must be names of adapters, at least one, got {self.adapters!r}.")
        object.__setattr__(self, "adapters", tuple(self.adapters))
        if not isinstance(self.coordinates, Coordinates):
            raise InvalidInputError(
                f"`coordinates` must say what coefficients a point has, such as Combination(domain), got "
                f"{self.coordinates!r}."
            )
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
        from .adapter_files import loaded, pairs_of

        pairs = pairs_of(plus, minus, attribute, attributes)
        with loaded(model, pairs) as (wrapped, names):
            return cls(wrapped, names, Attributes(tuple(pairs), bounds), backend)

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
            LeaseError: while the model is lent in a way that a copy would show: with merged weights, with points for
                rows, or with one that requires a gradient.
        """
        self._check_copyable()
        places, c = lora_layers(self.model, self.adapters), self.coefficients(point)
        return merged_copy(self.model, places, self._factors, c.tolist())

    @contextmanager
    def lease(self, point: PointLike | Tensor, /) -> Iterator[PeftModel]:
        """Borrow the shared model at a point; a tensor that requires a gradient gets it from what the model computes.

        Within the block the coefficients are this path's: PEFT's own switches (`set_adapter`, `disable_adapter`) are
        not for use there. Adapters that were trained since are read anew by the next lease.

        Raises:
            LeaseError: if the model is lent out already, also to another path.
        """
        if isinstance(point, Tensor) and point.requires_grad:
            self._point(point.detach())
            with self._followed(point.reshape(-1)):
                yield self.model
            return
        c = self._coefficients(self._point(point))
        with self._lent(copyable=self.backend != "merged") as backend:
            backend.put(c)
            yield self.model

    @contextmanager
    def lease_rows(self, points: Sequence[PointLike] | NDArray[Any] | Tensor, /) -> Iterator[PeftModel]:
        """Borrow the shared model with a point for each row of the batch, or for each token of each row.

        Forward passes, greedy and sampled generation, beams and several sequences a prompt follow their rows.

        Args:
            points: one point a row; or a tensor or array (rows, axes), (rows,) for a sole axis, or (rows, tokens, axes)
                for a schedule over the tokens of a row, counted with padding and held at its last value beyond its end.

        Raises:
            IncompatibleError: if the back-end is "merged"; within the block, if a batch has not this many rows, or a
                layer does not see them.
            LeaseError: if the model is lent out already.
        """
        if self.backend == "merged":
            raise IncompatibleError("merged weights are one set for all rows; use backend='scale' or 'gate'.")
        with self._followed(points_of_rows(self.domain, points)):
            yield self.model

    def switch(self, point: PointLike, /) -> None:
        """Move the model that is lent by `lease` to another point: one small write, no context to leave.

        Raises:
            LeaseError: outside a lease of this path, or in one whose points are those of a tensor.
        """
        loan = loan_of(self.model)
        if not isinstance(loan, _Loan) or loan.borrower is not self:
            raise LeaseError("`switch` moves a model that this path has lent; call it within `with path.lease(point)`.")
        if loan.follows:
            raise LeaseError("this lease follows the points that it was given for rows or gradients; take another one.")
        loan.backend.put(self._coefficients(self.domain.point(point)))

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
        self._check_copyable()
        here = self.domain.point(point)
        what = self.model, self._factors, self.coefficients(here).tolist(), admit_path("folder", folder)
        provenance = {"point": dict(zip(self.domain.axes, here, strict=True))}
        if how == "merged":
            return export_merged(*what, provenance=provenance)
        return export_lora(*what, rank=rank, provenance=provenance)

    @property
    def endpoints(self) -> Mapping[Point, Any]:
        """The models at the vertices of the domain: for one attribute in [0, 1], each adapter alone on the base."""
        return LazyEndpoints(self.domain.vertices(), self.at)

    @property
    def fingerprint(self) -> str:
        """Digest of the base weights, the adapters and the coordinates as they are now, for result stores."""
        self._check_copyable()
        names = repr((self.adapters, self.coordinates, self.backend))
        tensors = (tensor for adapter in self._factors for f in adapter.factors.values() for tensor in (f.up, f.down))
        return digest_of(names, plain_weights(self.model.get_base_model()).items(), enumerate(tensors))

    @property
    def _factors(self) -> tuple[Adapter, ...]:
        return read_adapters(self.model, self.adapters)

    def _check_copyable(self) -> None:
        loan = loan_of(self.model)
        if loan is not None and not loan.copyable:
            raise LeaseError("the model is lent and is not its plain self meanwhile; leave that block first.")

    def _coefficients(self, point: Point) -> Tensor:
        return self.coordinates.coefficients(torch.tensor(point, dtype=torch.float64))

    def _point(self, point: PointLike | Tensor) -> Point:
        return self.domain.point(point.tolist() if isinstance(point, Tensor) else point)

    @contextmanager
    def _lent(self, *, copyable: bool = False, follows: bool = False, rows: int | None = None) -> Iterator[Backend]:
        # Anew for each lease: adapters may have been trained, moved or merged since the last one.
        backend = _BACKENDS[self.backend](self.model, self.adapters)
        with lent(self.model, _Loan(self, rows, copyable, backend=backend, follows=follows)), backend.lent():
            yield backend

    @contextmanager
    def _followed(self, x: Tensor) -> Iterator[None]:
        """Lend the model with the coefficients of `x`, which are asked for anew for each batch."""
        rows = len(x) if x.ndim > 1 else None
        with self._lent(follows=True, rows=rows) as backend, ExitStack() as stack:
            if rows is not None:
                stack.enter_context(rows_checked(backend.places))
            base: nn.Module = self.model.get_base_model()
            stack.enter_context(coefficients_followed(base, lambda: self.coordinates.coefficients(x), backend.put))
            yield

    def __getstate__(self) -> dict[str, Any]:
        if loan_of(self.model) is not None:
            raise LeaseError("a path cannot be copied or pickled while its model is lent; leave that block first.")
        return self.__dict__

    def __repr__(self) -> str:
        name = type(self.model.get_base_model()).__name__
        return f"WeightPath({name}, adapters={list(self.adapters)}, backend={self.backend!r})"
