"""How records of daily demand are read from the source distribution of ddop."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from continuum.artifacts import tar_member
from continuum.core import UntrustedArtifactError, whole_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLES", "keep_demand"]


@dataclass(frozen=True)
class _Table:
    """One pair of files of the archive.

    Attributes:
        stem: what their names begin with.
        domain: columns that tell a domain; none if each column of the targets is one.
        known: columns that are known before demand is.
    """

    stem: str
    domain: tuple[str, ...]
    known: tuple[str, ...]


TABLES: Mapping[str, _Table] = {
    "yaz": _Table("yaz", (), ("is_holiday", "is_closed", "wind", "clouds", "rain", "sunshine", "temperature")),
    "bakery": _Table(
        "bakery",
        ("store", "product"),
        (
            *("is_schoolholiday", "is_holiday", "is_holiday_next2days", "rain", "temperature"),
            *("promotion_currentweek", "promotion_lastweek"),
        ),
    ),
    "store-items": _Table("SID", ("store", "item"), ()),
}


def keep_demand(sdist: bytes, path: Path) -> None:
    """Write what the three tables of ddop hold: for each, days, domains, demand and what was known before.

    Kept are `<table>.dates` (t,), `<table>.domains` (c,), `<table>.demand` (t, c) and `<table>.known` (t, c, k), each
    in the order of dates. The columns of weekdays are not kept: in two tables they contradict the dates.
    """
    with tarfile.open(fileobj=io.BytesIO(sdist)) as tar:
        tables = {name: _arrays(name, table, tar) for name, table in TABLES.items()}
    arrays = {f"{name}.{key}": array for name, found in tables.items() for key, array in found.items()}
    with whole_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _arrays(name: str, table: _Table, tar: tarfile.TarFile) -> dict[str, NDArray[Any]]:
    days, targets = (_read(tar, f"{table.stem}_{part}.csv") for part in ("data", "target"))
    if len(days) != len(targets):
        raise UntrustedArtifactError(f"`{name}` has {len(days)} rows of features and {len(targets)} of demand.")
    order = days.sort_values(["date", *table.domain], kind="stable").index
    days, demand = days.loc[order], targets.to_numpy(np.float32)[order]
    known = days[list(table.known)].to_numpy(np.float32)
    dates = np.array(days["date"].unique().tolist(), "datetime64[D]")
    domains = _domains(days, table) if table.domain else list(targets)
    columns = 1 if table.domain else len(domains)  # of targets in a row
    if days.duplicated(["date", *table.domain]).any() or demand.size != len(dates) * len(domains):
        raise UntrustedArtifactError(f"`{name}` does not have one demand for each of its domains on each day.")
    return {
        "dates": dates,
        "domains": np.array(domains),
        "demand": demand.reshape(len(dates), len(domains)),
        "known": np.repeat(known, columns, axis=0).reshape(len(dates), len(domains), known.shape[1]),
    }


def _domains(days: pd.DataFrame, table: _Table) -> list[str]:
    """What the domains of a table with one target in each row are called, in the order of their numbers."""
    keys = list(table.domain)
    numbers = days[keys].drop_duplicates().sort_values(keys).to_numpy().tolist()
    return [" ".join(f"{key} {number}" for key, number in zip(keys, row, strict=True)) for row in numbers]


def _read(tar: tarfile.TarFile, file: str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(io.BytesIO(tar_member(tar, f"ddop-0.7.6/ddop/datasets/data/{file}")))
