"""What the store holds, as arrays: a row for each point of a study, a column for each block of texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.harness import Results, status

Array = NDArray[np.float64]

_DRAWS = 2000
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Study:
    """The numbers of one study.

    Attributes:
        points: coordinates of each point.
        groups: numbers by group, (points, blocks): nats per token of a class of texts, scores, divergences, seconds.
        names: names of the points, where these are a list of models.
    """

    points: tuple[tuple[float, ...], ...]
    groups: Mapping[str, Array]
    names: tuple[str, ...] = ()

    @property
    def alphas(self) -> Array:
        """The coordinates of a study of one axis."""
        return np.array([alpha for (alpha,) in self.points])

    def row(self, group: str, *point: float | str) -> Array:
        """The blocks of a group at a point, or of a model by its name."""
        place = self.names.index(str(point[0])) if self.names else self.points.index(tuple(map(float, point)))
        return self.groups[group][place]

    def ratio(self, plus: str, minus: str) -> Array:
        """Log-likelihood ratio per token of each pair of blocks, (points, blocks)."""
        return self.groups[minus] - self.groups[plus]


def read_store(path: Path, names: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """All studies of a store, ready for JSON."""
    return {name: _study(Results.load(path, study=name), names.get(name, ())) for name in status(path)["study"]}


def _study(results: Results, labels: Sequence[str]) -> dict[str, Any]:
    axes = list(results.axes)
    part = results.frame
    part = part.assign(group=part["metric"].str[:-4], block=part["metric"].str[-3:].astype(int))
    points = part[axes].drop_duplicates()
    groups = {}
    for group, rows in part.groupby("group", sort=False):
        table = points.merge(rows.pivot(index=axes, columns="block", values="value").reset_index(), how="left")
        groups[str(group)] = np.round(table.drop(columns=axes).to_numpy(), _DIGITS).tolist()
    return {"points": points.to_numpy().tolist(), "names": list(labels), "groups": groups}


def studies_of(stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Study]:
    return {
        name: Study(
            tuple(map(tuple, study["points"])),
            {group: np.array(rows, dtype=float) for group, rows in study["groups"].items()},
            tuple(study["names"]),
        )
        for name, study in stored.items()
    }


def interval(statistic: Callable[[Array], Any], blocks: int, draws: int = _DRAWS) -> Array:
    """95% percentile bootstrap intervals of numbers of blocks, (2, numbers).

    Args:
        statistic: from places of blocks, drawn with repetition, to the numbers. The same blocks are drawn for all
            points, so what is hard for all of them cancels.
        blocks: how many there are.
        draws: how often.
    """
    rng = np.random.default_rng(0)
    found = [statistic(rng.integers(0, blocks, blocks)) for _ in range(draws)]
    return np.nanquantile(np.array(found, dtype=float), [0.025, 0.975], axis=0)
