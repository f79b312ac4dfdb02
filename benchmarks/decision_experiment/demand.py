"""Days with what was known of them before, and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pieces import Lab

from continuum.core import MissingDataError, rng_for
from continuum.decisions import load_demand

TABLES = ("yaz", "bakery", "store-items")

_DOMAINS = 16  # of a table, at most
_OPEN = 0.8  # share of days on which a domain sold something: some shops were shut for years


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


def available(lab: Lab) -> list[str]:
    """The tables, if they are on this machine; the first one if demand is made up."""
    if lab.small:
        return list(TABLES[:1])
    try:
        load_demand()
    except MissingDataError:
        return []
    return list(TABLES)


def domains(lab: Lab, table: str) -> Domains:
    """The domains of a table; if there are many, some of those that were open. Days without any demand are left out."""
    if lab.small:
        return _made_up()
    records = load_demand(table)
    days = records.demand.sum(1) > 0
    names = [
        name for name, demand in zip(records.domains, records.demand.T, strict=True) if (demand > 0).mean() > _OPEN
    ]
    if len(names) > _DOMAINS:
        names = rng_for(0, "domains", table).choice(names, _DOMAINS, replace=False).tolist()
    places = [records.domains.index(name) for name in names]
    features = np.stack([records.features(name)[days] for name in names])
    return Domains(features, records.demand[days][:, places].T, names)


def _made_up() -> Domains:
    """Five domains with a week of their own, to see whether everything runs."""
    rng = rng_for(0, "made up")
    week = np.eye(7)[np.arange(120) % 7]
    features = np.concatenate([week, rng.normal(size=(120, 1))], 1)
    slopes = rng.uniform(5, 20, size=(5, 1)) * (1 + 0.3 * rng.normal(size=(5, 8)))
    demand = np.maximum(slopes @ features.T + rng.normal(size=(5, 120)), 0) + 1
    return Domains(np.repeat(features[None], 5, 0), demand, [f"domain {k}" for k in range(5)])
