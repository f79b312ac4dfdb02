"""The tables of the experiment, from its pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from distances import AGNOSTIC, DECISIONS, JOINT, LABELS, THIRDS
from panels import Panel, Panels, best

Pieces = Mapping[str, Any]
Row = dict[str, Any]

DIGITS = ("digits, independent", "digits, same")
LINEAR = ("terrain, independent, linear", "terrain, same, linear")
UNITS = ("terrain, independent, random units", "terrain, same, random units")
PATHS = (*DIGITS, *UNITS, *LINEAR)
CUBIC = ("cubic, least squares", "cubic, decisions")
STOCK = tuple(
    f"{data}, {units}, {learner}"
    for data in ("yaz", "bakery", "store-items")
    for units in ("raw", "scaled")
    for learner in ("quantile", "ridge")
)
SETTINGS = (*PATHS, *CUBIC, *STOCK)
"""All settings, as far as they are measured."""


def is_agnostic(name: str) -> bool:
    """Whether it is a joint distance without decisions."""
    return name in JOINT and name.endswith(" 0")


NAMED: Mapping[str, Callable[[Panels], str]] = {
    "features and labels": lambda _: AGNOSTIC,
    "labels": lambda _: LABELS,
    "best agnostic": lambda panels: best(panels, is_agnostic),
    "equal thirds": lambda _: THIRDS,
    "decisions only": lambda _: DECISIONS,
    "best joint": lambda panels: best(panels, JOINT.__contains__),
    "priced": lambda _: "priced",
    "priced labels": lambda _: "priced labels",
    "independent": lambda _: "independent",
    "imputed": lambda _: "imputed",
    "tried out": lambda _: "tried out",
}
"""Distances by the names of the tables; the best ones are chosen in hindsight, by the same numbers."""

DIFFERENCES = (
    ("priced", "features and labels"),
    ("priced", "best agnostic"),
    ("priced", "equal thirds"),
    ("priced", "best joint"),
    ("equal thirds", "features and labels"),
    ("decisions only", "priced"),
    ("priced", "independent"),
    ("priced", "priced labels"),
    ("imputed", "priced"),
    ("imputed", "best agnostic"),
)


def panels(pieces: Pieces) -> dict[str, Panels]:
    """What is measured of each setting, in the order of the tables."""
    found: dict[str, list[Panel]] = {}
    for setting, panel in _panels(pieces):
        found.setdefault(setting, []).append(panel)
    return {name: Panels(found[name], shares_domains=name in STOCK) for name in SETTINGS if name in found}


def _panels(pieces: Pieces) -> Iterator[tuple[str, Panel]]:
    for setting, learner, piece in _measured(pieces):
        asked = {"imputed": piece["imputed"][learner], "tried out": piece["tried"][learner]}
        distances = {**piece["distances"], **asked}
        arrays = {name: np.array(values) for name, values in distances.items()}
        regret, own = np.array(piece["regret"][learner]), piece["own"][learner]
        yield setting, Panel(piece["target"], piece["sources"], regret, arrays, own)


def _measured(pieces: Pieces) -> Iterator[tuple[str, str, Any]]:
    """Setting, learner and the numbers of one target."""
    for name, piece in pieces.items():
        stem = name if "panels" in piece else name.rpartition(", ")[0]
        for one in piece.get("panels", [piece] if "distances" in piece else []):
            for learner in one["regret"]:
                alone = len(one["regret"]) == 1
                yield stem if alone else f"{stem}, {learner}", learner, one


def correlations(pieces: Pieces, rank: bool = False) -> list[Row]:
    """Mean correlation of each named distance, with its interval: (r, low, high)."""
    return [
        {
            "setting": setting,
            "targets": len(found.all),
            "sources": len(found.all[0].sources),
            **{
                label: (found.mean(name, rank), *found.interval(name, rank))
                for label, name in ((label, choose(found)) for label, choose in NAMED.items())
            },
        }
        for setting, found in panels(pieces).items()
    ]


def differences(pieces: Pieces) -> list[Row]:
    """Differences of mean correlations, with paired intervals."""
    return [
        {
            "setting": setting,
            **{
                f"{one} less {other}": found.difference(NAMED[one](found), NAMED[other](found))
                for one, other in DIFFERENCES
            },
        }
        for setting, found in panels(pieces).items()
    ]


def disparities(pieces: Pieces) -> list[Row]:
    """Mean correlation by the instances on which decisions are valued."""
    kinds = ("target", "source", "sym", "profile")
    rows = []
    for setting, found in panels(pieces).items():
        row: Row = {"setting": setting}
        for kind in kinds:
            own = kind == "target"
            row[f"priced, {kind}"] = found.mean("priced" if own else f"priced, {kind}")
            row[f"thirds, {kind}"] = found.mean(THIRDS if own else f"thirds, {kind}")
        rows.append({**row, "priced, features and labels": found.mean("priced, features and labels")})
    return rows


def tuning(pieces: Pieces) -> list[Row]:
    """The 91 joint triples: the best one, how many beat what needs no choice, and one triple for all settings."""
    found = panels(pieces)
    table = {setting: {name: one.mean(name) for name in JOINT} for setting, one in found.items()}
    overall = max(JOINT, key=lambda name: np.mean([np.nan_to_num(row[name], nan=-1.0) for row in table.values()]))
    return [
        {
            "setting": setting,
            "best": best(one, JOINT.__contains__).removeprefix("joint "),
            "r of the best": table[setting][best(one, JOINT.__contains__)],
            "one for all": overall.removeprefix("joint "),
            "r of one for all": table[setting][overall],
            "priced": one.mean("priced"),
            "above agnostic": sum(r > table[setting][AGNOSTIC] for r in table[setting].values()),
            "above priced": sum(r > one.mean("priced") for r in table[setting].values()),
        }
        for setting, one in found.items()
    ]


def regrets(pieces: Pieces) -> list[Row]:
    """How much is lost after transfer, mean over targets, and how much slack the bound has."""
    slack: dict[str, list[float]] = {}
    for setting, _, piece in _measured(pieces):
        slack.setdefault(setting, []).extend(piece["slack"])
    return [
        {
            "setting": setting,
            "own": float(np.mean([panel.own for panel in found.all])),
            "least": float(np.mean([panel.regret.min() for panel in found.all])),
            "mean": float(np.mean([panel.regret.mean() for panel in found.all])),
            "greatest": float(np.mean([panel.regret.max() for panel in found.all])),
            "bounds": len(slack[setting]),
            "least slack": min(slack[setting]),
            "median slack": float(np.median(slack[setting])),
        }
        for setting, found in panels(pieces).items()
    ]


def choices(pieces: Pieces) -> list[Row]:
    """Regret of each choice of sources where labels of the target are few, by target: zero-shot and with few."""
    found: dict[str, list[Any]] = {}
    for setting, learner, piece in _measured(pieces):
        if "choices" in piece:
            found.setdefault(setting, []).append(piece["choices"][learner])
    rows = []
    for setting in (name for name in SETTINGS if name in found):
        many = found[setting]
        alone = {"few alone": [one["few alone"] for one in many], "own": [one["own"] for one in many]}
        for name in many[0]["chosen"]:
            values = np.array([one["chosen"][name] for one in many])
            rows.append({"setting": setting, "choice": name, "zero-shot": values[:, 0], "with few": values[:, 1]})
        rows += [{"setting": setting, "choice": key, "with few": np.array(values)} for key, values in alone.items()]
    return rows


def chosen(pieces: Pieces, setting: str) -> dict[str, Row]:
    """The choices of one setting by name."""
    return {row["choice"]: row for row in choices(pieces) if row["setting"] == setting}


def cubic(pieces: Pieces) -> list[Row]:
    """Regret and distances by coefficient, mean over seeds."""
    found = [piece for name, piece in pieces.items() if name.startswith("cubic, ")]
    if not found:
        return []

    def mean(read: Callable[[Any], Sequence[float]]) -> Any:
        return np.mean([read(piece) for piece in found], axis=0)

    columns = {
        **{name: mean(lambda piece, name=name: piece["regret"][name]) for name in found[0]["regret"]},
        **{
            label: mean(lambda piece, name=name: piece["distances"][name])
            for label, name in (("features and labels", AGNOSTIC), ("decisions only", DECISIONS), ("priced", "priced"))
        },
    }
    return [
        {"coefficient": float(source), **{name: float(values[k]) for name, values in columns.items()}}
        for k, source in enumerate(found[0]["sources"])
    ]


def curves(pieces: Pieces) -> list[Row]:
    """Regret between source and target, by setting and labels: of each pair, (pairs, points)."""
    found: dict[tuple[str, str], list[Any]] = {}
    for name, piece in pieces.items():
        if name.startswith("between, "):
            setting = name.removeprefix("between, ")
            stem = setting.rpartition(", ")[0] or setting
            for pair in piece["pairs"]:
                found.setdefault((stem, pair["labels"]), []).append({**pair, "t": piece["t"]})
    return [
        {
            "setting": setting,
            "labels": labels,
            "t": np.array(pairs[0]["t"]),
            **{key: np.array([pair[key] for pair in pairs]) for key in ("path", "mixture", "drift")},
        }
        for (setting, labels), pairs in found.items()
    ]
