"""Days with what was known of them before, and what was asked for."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pieces import Lab

from continuum.artifacts import Archive, Recipe, cache_path
from continuum.core import rng_for, whole_file

DATA = ("yaz", "bakery", "store-items")

_DOMAINS = 16  # of a data set, at most
_OPEN = 0.8  # share of days on which a domain sold something: some shops were shut for years
_KEYS = {"bakery": ["store", "product"], "store-items": ["store", "item"]}
_FILES = {"yaz": "yaz", "bakery": "bakery", "store-items": "SID"}
_KNOWN = {
    "yaz": ["is_holiday", "wind", "clouds", "rain", "sunshine", "temperature"],
    "bakery": [
        *("is_schoolholiday", "is_holiday", "is_holiday_next2days", "rain", "temperature"),
        *("promotion_currentweek", "promotion_lastweek"),
    ],
    "store-items": [],
}


@dataclass(frozen=True, eq=False)
class Domains:
    """What several domains saw on the same days.

    Attributes:
        features: calendar, weather and promotions, (domains, days, d); shops have weather of their own.
        demand: what was asked for, (domains, days).
        names: of the domains.
    """

    features: Any
    demand: Any
    names: list[str]


def _keep(archive: bytes, path: Path) -> None:
    with whole_file(path) as file:
        file.write(archive)


RECIPES = {
    "ddop": Recipe(
        Archive(
            client="pip",
            package="ddop",
            version="0.7.6",
            sha256="def7756324fae64e64f9318b195c1daa7c4141611543a16ba744daf3993a5da2",
            kind="sdist",
        ),
        place="demand/ddop-{}.tar.gz",
        keep=_keep,
    )
}


def available(lab: Lab) -> list[str]:
    """The data sets that are on this machine; the first one if demand is made up."""
    if lab.small:
        return list(DATA[:1])
    return list(DATA) if cache_path("ddop", RECIPES).exists() else []


def domains(lab: Lab, data: str) -> Domains:
    """The domains of a data set; if there are many, some that were open."""
    if lab.small:
        return _made_up()
    table = _read(data)
    if data == "yaz":
        table = table[table.is_closed == 0]
        demand = table[["calamari", "fish", "shrimp", "chicken", "koefte", "lamb", "steak"]]
        features = np.repeat(_features(data, table)[None], demand.shape[1], 0)
        return Domains(features, demand.to_numpy(float).T, list(demand))
    groups = {" ".join(map(str, key)): group.sort_values("date") for key, group in table.groupby(_KEYS[data])}
    open_ones = sorted(name for name, group in groups.items() if (group.iloc[:, -1] > 0).mean() >= _OPEN)
    chosen = rng_for(0, "domains", data).choice(open_ones, _DOMAINS, replace=False).tolist()
    features = np.stack([_features(data, groups[name]) for name in chosen])
    return Domains(features, np.stack([groups[name].iloc[:, -1].to_numpy(float) for name in chosen]), chosen)


def _features(data: str, table: pd.DataFrame) -> Any:
    """The day of the week, the season and what else is known."""
    season = 2 * np.pi * pd.to_datetime(table.date).dt.dayofyear.to_numpy() / 365.25
    week = pd.get_dummies(table.weekday).to_numpy(float)
    return np.column_stack([week, np.sin(season), np.cos(season), table[_KNOWN[data]].to_numpy(float)])


def _read(data: str) -> pd.DataFrame:
    stem = f"ddop-0.7.6/ddop/datasets/data/{_FILES[data]}"
    with tarfile.open(cache_path("ddop", RECIPES)) as tar:
        parts = [tar.extractfile(f"{stem}_{part}.csv").read() for part in ("data", "target")]  # type: ignore[union-attr]
    return pd.concat([pd.read_csv(io.BytesIO(part)) for part in parts], axis=1)


def _made_up() -> Domains:
    """Five domains with a week of their own, to see whether everything runs."""
    rng = rng_for(0, "made up")
    week = np.eye(7)[np.arange(120) % 7]
    features = np.concatenate([week, rng.normal(size=(120, 1))], 1)
    slopes = rng.uniform(5, 20, size=(5, 1)) * (1 + 0.3 * rng.normal(size=(5, 8)))
    demand = np.maximum(slopes @ features.T + rng.normal(size=(5, 120)), 0) + 1
    return Domains(np.repeat(features[None], 5, 0), demand, [f"domain {k}" for k in range(5)])
