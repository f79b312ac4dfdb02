"""How each claim is decided: what was measured, in words, and whether the rule holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tables
from panels import Panels
from tables import NAMED, PATHS, STOCK
from verdicts import Decided, NotMeasuredError

Pieces = Mapping[str, Any]


def _settings(pieces: Pieces, names: Iterable[str]) -> dict[str, Panels]:
    """The settings, if all of them are there."""
    found, names = tables.panels(pieces), list(names)
    for name in names:
        if name not in found:
            raise NotMeasuredError(name)
    return {name: found[name] for name in names}


def stock(pieces: Pieces) -> list[str]:
    """The settings of the data sets that were there."""
    found = [name for name in STOCK if name in tables.panels(pieces)]
    if not found:
        raise NotMeasuredError("stock")
    return found


def above(one: str, other: str, names: Callable[[Pieces], Iterable[str]]) -> Callable[[Pieces], Decided]:
    """Whether one distance is better correlated than another in every setting, its interval above 0."""

    def decide(pieces: Pieces) -> Decided:
        parts, held = [], []
        for setting, found in _settings(pieces, names(pieces)).items():
            mean, low, high = found.difference(NAMED[one](found), NAMED[other](found))
            parts.append(f"{setting}: {mean:+.2f} [{low:+.2f}, {high:+.2f}]")
            held.append(low > 0)
        return "; ".join(parts), all(held)

    return decide


def these(*names: str) -> Callable[[Pieces], Iterable[str]]:
    return lambda _: names


def dominated(pieces: Pieces) -> Decided:
    parts, held = [], []
    for setting, found in _settings(pieces, PATHS).items():
        alone, (mean, low, high) = found.mean(tables.DECISIONS), found.difference(tables.DECISIONS, "priced")
        parts.append(f"{setting}: {alone:+.2f}, less priced {mean:+.2f} [{low:+.2f}, {high:+.2f}]")
        held.append(high < 0)
    return "; ".join(parts), all(held)


def untuned(pieces: Pieces) -> Decided:
    parts, held = [], []
    for setting, found in _settings(pieces, [*PATHS, *tables.CUBIC, *stock(pieces)]).items():
        name = NAMED["best joint"](found)
        gap = found.mean("priced") - found.mean(name)
        parts.append(f"{setting}: {gap:+.2f} ({name.removeprefix('joint ')})")
        held.append(gap >= -0.05)
    return "; ".join(parts), all(held)


def known_terrain(names: Sequence[str]) -> Callable[[Pieces], Decided]:
    def decide(pieces: Pieces) -> Decided:
        found = _settings(pieces, names)
        pairs = {name: (one.mean("priced"), one.mean(tables.AGNOSTIC)) for name, one in found.items()}
        text = "; ".join(
            f"{name}: priced {priced:.2f}, agnostic {plain:.2f}" for name, (priced, plain) in pairs.items()
        )
        (own, own_plain), (same, same_plain) = pairs.values()
        return text, own >= 0.6 and same >= 0.9 and own >= own_plain + 0.1 and same >= same_plain + 0.1

    return decide


def _cubic_rows(pieces: Pieces) -> list[tables.Row]:
    rows = tables.cubic(pieces)
    if not rows:
        raise NotMeasuredError("cubic")
    return rows


def signs(pieces: Pieces) -> Decided:
    rows = [row for row in _cubic_rows(pieces) if row["coefficient"] != 0.6]
    sides = [[row["least squares"] for row in rows if (row["coefficient"] > 0.6) == above] for above in (False, True)]
    (low, high), (wrong_low, wrong_high) = ((min(side), max(side)) for side in sides)
    text = f"below 0.6: {low:.3f} to {high:.3f}; above: {wrong_low:.3f} to {wrong_high:.3f}"
    return text, high <= 0.1 and wrong_low >= 1.93 and wrong_high <= 2.03


def cubic_shape(pieces: Pieces) -> Decided:
    rows = _cubic_rows(pieces)
    found = _settings(pieces, tables.CUBIC)["cubic, least squares"]
    decisions, labels = found.mean(tables.DECISIONS), found.mean(tables.LABELS)
    far = [row["decisions only"] for row in rows if row["coefficient"] >= 0.7]
    text = f"r {decisions:.2f} against {labels:.2f}; from 0.7 on {far[0]:.2f} to {far[-1]:.2f}"
    return text, decisions > 0.6 > labels and bool((np.diff(far) > 0).all())


def bounded(pieces: Pieces) -> Decided:
    rows = tables.regrets(pieces)
    if not rows:
        raise NotMeasuredError("a transfer")
    least, count = min(row["least slack"] for row in rows), sum(row["bounds"] for row in rows)
    return f"{count} transfers, two plans each: least slack {least:.2g} of the optimum", least >= -1e-9


def _paired(values: Any) -> str:
    return f"{_mean(values):+.3f} ± {_error(values):.3f}"


def _mean(values: Any) -> float:
    return float(np.mean(values))


def _error(values: Any) -> float:
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("inf")


def _is_below(values: Any) -> bool:
    """Whether differences over targets are below 0 by two standard errors of their mean."""
    return _mean(values) + 2 * _error(values) < 0


def choice(
    one: tuple[str, str], other: tuple[str, str], names: Callable[[Pieces], Iterable[str]]
) -> Callable[[Pieces], Decided]:
    """Whether one choice loses less than another in every setting, by two standard errors over targets."""

    def decide(pieces: Pieces) -> Decided:
        parts, held = [], []
        for setting in _settings(pieces, names(pieces)):
            found = tables.chosen(pieces, setting)
            less = found[one[0]][one[1]] - found[other[0]][other[1]]
            parts.append(f"{setting}: {_paired(less)}")
            held.append(_is_below(less))
        return "; ".join(parts), all(held)

    return decide


def _curves(pieces: Pieces, labels: str) -> list[tables.Row]:
    rows = [row for row in tables.curves(pieces) if row["labels"] == labels]
    if not rows:
        raise NotMeasuredError("between")
    return rows


def falling(pieces: Pieces) -> Decided:
    parts, held = [], []
    for row in _curves(pieces, "all"):
        mean = row["path"].mean(0)
        parts.append(f"{row['setting']}: {mean[0]:.3f} to {mean[-1]:.3f}, largest rise {np.diff(mean).max():+.3f}")
        held.append(np.diff(mean).max() <= 0.01 * mean[0])
    return "; ".join(parts), all(held)


def against_mixture(pieces: Pieces) -> Decided:
    parts, held = [], []
    for labels in ("all", "few"):
        for row in _curves(pieces, labels):
            middle = row["path"].shape[1] // 2
            less = row["path"][:, middle] - row["mixture"][:, middle]
            parts.append(f"{row['setting']}, {labels}: {_paired(less)}")
            held.append(_is_below(less))
    return "; ".join(parts), all(held)


def interior(curve: str) -> Callable[[Pieces], Decided]:
    def decide(pieces: Pieces) -> Decided:
        parts, held = [], []
        for row in _curves(pieces, "few"):
            values = row[curve]
            middle = values.shape[1] // 2
            less = values[:, middle] - np.minimum(values[:, 0], values[:, -1])
            parts.append(f"{row['setting']}: {_paired(less)}")
            held.append(_is_below(less))
        return "; ".join(parts), all(held)

    return decide
