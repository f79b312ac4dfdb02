"""Real demand, day by day: what was asked for, and what was known the day before."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.artifacts import cache_path
from continuum.core import InvalidInputError, MissingDataError, StoreError

from .dataset import PtODataset
from .demand_archive import TABLES
from .problem import PtOProblem
from .recipes import RECIPES

__all__ = ["DemandRecords", "load_demand"]

DemandTable = Literal["yaz", "bakery", "store-items"]


@dataclass(frozen=True, eq=False)
class DemandRecords:
    """What several domains, such as the dishes of a restaurant, were asked for on the same days.

    Attributes:
        dates: the days, (t,), without a gap.
        domains: what the c domains are called.
        demand: what was asked for, (t, c).
        known: what was known of each day in each domain before, (t, c, k).
        known_names: of the k columns of `known`.
    """

    dates: NDArray[np.datetime64]
    domains: tuple[str, ...]
    demand: NDArray[np.float64]
    known: NDArray[np.float64]
    known_names: tuple[str, ...]

    def __len__(self) -> int:
        """How many days."""
        return len(self.dates)

    def __repr__(self) -> str:
        return f"DemandRecords({len(self)} days, {len(self.domains)} domains, {len(self.known_names)} known)"

    @cached_property
    def calendar(self) -> NDArray[np.float64]:
        """The day of the week, Monday first, as seven columns of 0 and 1, and the season as sine and cosine, (t, 9)."""
        weekday = (self.dates.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
        year = 2 * np.pi * (self.dates - self.dates.astype("datetime64[Y]")).astype(np.int64) / 365.25
        return np.column_stack([np.eye(7)[weekday], np.sin(year), np.cos(year)])

    def features(self, domain: str) -> NDArray[np.float64]:
        """The calendar, which all domains share, and what was known of this one, (t, 9 + k).

        Raises:
            InvalidInputError: if there is no such domain.
        """
        return np.concatenate([self.calendar, self.known[:, self._column(domain)]], axis=1)

    def task(self, domain: str, problem: PtOProblem, *, days: Any = slice(None)) -> PtODataset:
        """To decide on one domain, such as by a `Newsvendor`, on some days: demands are the parameters.

        Raises:
            InvalidInputError: if there is no such domain or day, or the problem has other than one parameter.
        """
        return PtODataset(self.features(domain), self.demand[:, [self._column(domain)]], problem).subset(days)

    def _column(self, domain: str) -> int:
        if domain not in self.domains:
            some = ", ".join(self.domains[:7]) + (", ..." if len(self.domains) > 7 else "")
            raise InvalidInputError(f"`domain` must be one of {some}, got {domain!r}.")
        return self.domains.index(domain)


def load_demand(table: DemandTable = "yaz") -> DemandRecords:
    """Daily demand from the data sets of ddop 0.7.6 (Philippi et al. 2021), as it was counted.

    - "yaz": seven dishes of a restaurant in Stuttgart on 765 days, with holidays and the weather; on the five days on
      which it `is_closed` nothing was asked for. Buttler et al. (2022).
    - "bakery": three products in each of 35 shops on 1,215 days, with holidays, the weather and promotions; some shops
      were shut for years, which shows as demand of 0.
    - "store-items": 50 items in each of 10 shops on 1,826 days.

    The columns of weekdays contradict the dates in two of the tables, and are not read. The package says MIT in its
    metadata and BSD (3 clauses) in its licence file.

    Raises:
        InvalidInputError: if there is no such table.
        MissingDataError: if the tables are not on this machine; the message names the command that fetches them.
        StoreError: if what was fetched is damaged.
    """
    if table not in TABLES:
        raise InvalidInputError(f"`table` must be one of {', '.join(TABLES)}, got {table!r}.")
    arrays = _read(table)
    return DemandRecords(
        arrays["dates"],
        tuple(arrays["domains"].tolist()),
        arrays["demand"].astype(np.float64),
        arrays["known"].astype(np.float64),
        TABLES[table].known,
    )


def _read(table: str) -> dict[str, NDArray[Any]]:
    path = cache_path("demand", RECIPES)
    if not path.exists():
        raise MissingDataError("records of demand are not on this machine: run `continuum fetch demand`.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[f"{table}.{key}"] for key in ("dates", "domains", "demand", "known")}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"`{path}` is damaged ({error}): delete it and run `continuum fetch demand`.") from error
