"""What the experiment was to show: each claim with the rule that decides it, written before it was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tables
from tables import ARITHMETIC, CARRIED, FLOOR, GEOMETRIC, IMAGES, POOLED, SETTINGS
from verdicts import Claim, Decided, NotMeasuredError, decide_all

Pieces = Mapping[str, Any]

_NEAR = 0.05  # of the way, or of what lies between the ends


def claims(pieces: Pieces) -> list[Claim]:
    """All claims; those that something is missing for say so."""
    return decide_all(_CLAIMS, pieces)


def _need(pieces: Pieces, settings: Iterable[str]) -> None:
    for setting in settings:
        if setting not in tables.measured(pieces):
            raise NotMeasuredError(setting)


def _percent(values: Any) -> tuple[str, tables.Interval]:
    mean, low, high = tables.interval(values)
    return f"{100 * mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]", (mean, low, high)


def _each(
    settings: Sequence[str], values: Callable[[Pieces, str], Any], holds: Callable[[tables.Interval], bool]
) -> Any:
    """A rule that must hold in each setting, with what was measured there in percent."""

    def decide(pieces: Pieces) -> Decided:
        _need(pieces, settings)
        found = {setting: _percent(values(pieces, setting)) for setting in settings}
        text = "; ".join(f"{setting} {text}" for setting, (text, _) in found.items())
        return f"{text} %", all(holds(one) for _, one in found.values())

    return decide


def _below(one: str, other: str, settings: Sequence[str] = tuple(SETTINGS)) -> Any:
    return _each(settings, lambda p, s: tables.share(p, s, one) - tables.share(p, s, other), lambda i: i[2] < 0)


def _other_texts(pieces: Pieces) -> Decided:
    setting = "texts, pooled"
    _need(pieces, [setting])
    ends, middle = tables.between_ends(pieces, setting), len(tables.points(pieces, setting)) // 2
    link = tables.apart(pieces, setting, "link")[:, middle - 1] / ends  # without the first point
    other = tables.other_texts(pieces, setting) / ends
    text, (_, _, high) = _percent(link - other)
    return f"{100 * link.mean():.1f} less {100 * other.mean():.1f}: {text} %", high < 0


def _transport_is_best(pieces: Pieces) -> Decided:
    _need(pieces, IMAGES)
    ours, *others = (tables.share(pieces, f"images, {kind}", "link") for kind in ("geodesic", "pooled", "Mixup"))
    found = {kind: _percent(ours - other) for kind, other in zip(("pooled", "Mixup"), others, strict=True)}
    text = "; ".join(f"less {kind} {text}" for kind, (text, _) in found.items())
    return f"{100 * ours.mean():.1f}; {text} %", all(high < 0 for _, (_, _, high) in found.values())


def _is_steep(pieces: Pieces) -> Decided:
    _need(pieces, POOLED)
    texts, held = [], []
    for setting in POOLED:
        gains = (tables.maps(pieces, setting) - tables.points(pieces, setting))[:, [1, -2]]
        (first, (_, low, _)), (last, (_, _, high)) = map(_percent, gains.T)
        texts.append(f"{setting} {first} after the first step, {last} before the last")
        held.append(low > 0 > high)
    return f"{'; '.join(texts)} % of the way", all(held)


def _hides(pieces: Pieces) -> Decided:
    _need(pieces, SETTINGS)
    texts, held = [], []
    for setting in SETTINGS:
        value = tables.value_left(pieces, setting, "link, held out").mean()
        divergence = tables.share(pieces, setting, "link, held out").mean()
        texts.append(f"{setting} {100 * value:.1f} and {100 * divergence:.1f}")
        held.append(bool(value < _NEAR < divergence))
    return f"{'; '.join(texts)} %", all(held)


_CLAIMS = (
    (
        "models trained along a path of data are linked with the weights between its ends",
        "divergence of the link, held out, less that of the best constant: below 0 in all settings",
        _below("link, held out", "best constant"),
    ),
    (
        "a learnt map serves other seeds better than the identity does",
        "divergence by the mean map of the other seeds less that of the identity: below 0 in all settings",
        _below(CARRIED, "identity"),
    ),
    (
        "a model between the weights is as near to a trained one as another training is",
        "divergence of the link less that of trainings of other seeds: below 0 in all settings",
        _below("link", FLOOR),
    ),
    (
        "also if the other training differs in its texts alone",
        "at one half of the texts, the same first values of the adapter: below 0",
        _other_texts,
    ),
    (
        "of the paths of data, that along optimal transport is linked best",
        "divergence of the link on images: less that of pooled data, and of Mixup, below 0",
        _transport_is_best,
    ),
    (
        "the map along optimal transport is nearly the identity",
        "mean distance of alpha from a: below 5 % of the way",
        _each(("images, geodesic",), tables.bend, lambda i: i[2] < _NEAR),
    ),
    (
        "a little of the other data goes a long way",
        "pooled data: alpha above a at the first inner point, below it at the last",
        _is_steep,
    ),
    (
        "weights in between are nearer to the geometric than to the arithmetic ensemble of the ends",
        "divergence of the weights from the one less that from the other, at the same point: below 0 in all settings",
        _each(
            tuple(SETTINGS),
            lambda p, s: tables.to_ensembles(p, s, GEOMETRIC) - tables.to_ensembles(p, s, ARITHMETIC),
            lambda i: i[2] < 0,
        ),
    ),
    (
        "what is trained on pooled data is nearer to the arithmetic ensemble",
        "pooled data: divergence from the arithmetic ensemble, linked, less that from the geometric: below 0",
        _below(f"{ARITHMETIC}, linked", f"{GEOMETRIC}, linked", POOLED),
    ),
    (
        "one model between the weights stands in for the trained one as well as two models do",
        "divergence of the link less that of the arithmetic ensemble, linked: not above 0 in any setting",
        _each(
            tuple(SETTINGS),
            lambda p, s: tables.share(p, s, "link") - tables.share(p, s, f"{ARITHMETIC}, linked"),
            lambda i: i[1] <= 0,
        ),
    ),
    (
        "one number finds the map that predictions find",
        "mean distance of the two maps: below 10 % of the way in all settings",
        _each(tuple(SETTINGS), tables.disagreement, lambda i: i[2] < 2 * _NEAR),
    ),
    (
        "one number hides what is not linked",
        "held out, the value is met within 5 % of its range, and more than 5 % of the divergence is left; all settings",
        _hides,
    ),
)
