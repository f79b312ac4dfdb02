"""What the experiment was to show: each claim with the rule that decides it, written before it was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tables
from tables import Row
from verdicts import Claim, Decided, NotMeasuredError, decide_all


def claims(pieces: Mapping[str, Any]) -> list[Claim]:
    """All claims; those that nothing was measured for say so."""
    return decide_all(_CLAIMS, pieces)


def _needed(rows: Iterable[Row], what: str) -> list[Row]:
    """The rows, if there are any."""
    found = list(rows)
    if not found:
        raise NotMeasuredError(what)
    return found


def _accuracy(data: str, kind: str, bar: float) -> Callable[[Mapping[str, Any]], Decided]:
    def decide(pieces: Mapping[str, Any]) -> Decided:
        rows = (row for row in tables.classes(pieces) if (row["data"], row["model"]) == (data, kind))
        row = _needed(rows, f"{kind} of {data}")[0]
        seeds = ", ".join(f"{seed:.2%}" for seed in row["seeds"])
        return f"{row['accuracy']:.2%} (seeds {seeds}), {row['cpu'] / 60:.0f} CPU minutes each", row["accuracy"] >= bar

    return decide


def _flat(pieces: Mapping[str, Any]) -> Decided:
    rows = _needed((row for row in tables.budgets(pieces) if row["model"].startswith("mnist-anchored")), "mnist")
    gains = [row["24"] - row["1"] for row in rows]
    return ", ".join(f"{gain:+.2%}" for gain in gains), all(abs(gain) < 0.005 for gain in gains)


def _dedicated(pieces: Mapping[str, Any]) -> Decided:
    names = ("class-mnist-once-0", "class-mnist-anchored-0")
    once, many = (_needed([pieces[name]] if name in pieces else [], name)[0]["accuracy"] for name in names)
    pairs = (f"{found['1']:.2%} at one and {found['24']:.2%} at 24" for found in (once, many))
    text = "; ".join(f"trained for {name}: {pair}" for name, pair in zip(("one", "any"), pairs, strict=True))
    return text, once["1"] > 0.9 and once["24"] < once["1"] - 0.05


def _ceiling(pieces: Mapping[str, Any]) -> Decided:
    rows = _needed((row for row in tables.walks(pieces) if "anytime" in row["model"]), "walk")
    worst = {
        f"{row['model']}, {row['clouds']}": max((abs(c["accuracy"] - c["ceiling"]), c["count"]) for c in row["curve"])
        for row in rows
    }
    text = "; ".join(f"{name}: {gap:.4f} at K = {count}" for name, (gap, count) in worst.items())
    trained = [gap for name, (gap, _) in worst.items() if name.endswith("test")]
    return text, all(gap <= 0.01 for gap in trained)


def _saving(pieces: Mapping[str, Any]) -> Decided:
    rows = _needed((row for row in tables.stopping(pieces) if row["clouds"] == "test"), "walk")
    parts = [
        f"{row['model']}: {row['accuracy']:.4f} at {row['mean count']:.1f} of {row['fixed for the same accuracy']}"
        for row in rows
    ]
    held = [
        row["accuracy"] >= row["full accuracy"] - 1e-3
        and row["mean count"] <= 0.55 * row["fixed for the same accuracy"]
        for row in rows
    ]
    return "; ".join(parts), all(held)


def _time(pieces: Mapping[str, Any]) -> Decided:
    rows = _needed((row for row in tables.stopping(pieces) if row["clouds"] == "test"), "walk")
    parts = [f"{row['model']}: {row['seconds']:.2f} of {row['fixed seconds']:.2f} CPU s for 40" for row in rows]
    return "; ".join(parts), all(row["seconds"] < row["fixed seconds"] for row in rows)


def _difficulty(pieces: Mapping[str, Any]) -> Decided:
    rows = _needed((row for row in tables.stopping(pieces) if row["clouds"] == "test"), "walk")
    text = "; ".join(f"{row['model']}: {row['correlation with hops']:.2f}" for row in rows)
    return text, all(row["correlation with hops"] > 0.8 for row in rows)


def _spread(pieces: Mapping[str, Any]) -> Decided:
    rows = _needed(tables.budgets(pieces), "class")
    least = min((row["spread"], row["model"]) for row in rows)
    return f"least median spread {least[0]:.3f} ({least[1]})", least[0] > 0.05


def _completes(pieces: Mapping[str, Any]) -> Decided:
    rows = _needed((row for row in tables.completions(pieces) if row["model"] == "equilibrium"), "complete")
    text = "; ".join(f"{row['data']}: W2 {row['w2'][0]:.3f}, partial {row['partial w2']:.3f}" for row in rows)
    return text, all(row["w2"][0] < row["partial w2"] for row in rows)


def _beats_pcn(pieces: Mapping[str, Any]) -> Decided:
    found = {(row["data"], row["model"]): row for row in tables.completions(pieces)}
    data = [name for name in ("mnist", "furniture") if {(name, "equilibrium"), (name, "pcn")} <= set(found)]
    pairs = [(name, found[name, "equilibrium"], found[name, "pcn"]) for name in data]
    if len(pairs) < 2:
        raise NotMeasuredError("complete")
    text = "; ".join(f"{name}: W2 {ours['w2'][0]:.3f} against {pcn['w2'][0]:.3f}" for name, ours, pcn in pairs)
    return text, all(ours["w2"][0] < pcn["w2"][0] for _, ours, pcn in pairs)


_CLAIMS = (
    (
        "an equilibrium model of at most 800,000 parameters tells the digits of MNIST apart",
        "98.2% of all 10,000 test clouds or more, mean over three seeds",
        _accuracy("mnist", "anchored", 0.982),
    ),
    ("small digits are told apart", "93% or more, mean over three seeds", _accuracy("digits", "anchored", 0.93)),
    (
        "on digits of MNIST iterations buy nothing",
        "accuracy at 24 iterations within half a point of that at one, every seed",
        _flat,
    ),
    (
        "a model trained for one iteration is no model of more",
        "its accuracy falls by more than five points from one iteration to 24",
        _dedicated,
    ),
    (
        "where news has to travel every iteration counts",
        "accuracy within 0.01 of the ceiling of breadth-first search at every number of iterations, tasks and seeds",
        _ceiling,
    ),
    (
        "clouds that end by themselves take half the iterations",
        "the accuracy of 40 iterations, up to 0.1 point, at 0.55 or less of the fixed number that has it; the rule is "
        "chosen on other clouds",
        _saving,
    ),
    ("they take less time, too", "CPU seconds of all test clouds below those of 40 iterations", _time),
    (
        "clouds that need more get more",
        "correlation of iterations with the number of hops that a cloud needs above 0.8",
        _difficulty,
    ),
    ("particles stay apart", "median spread above 0.05 in every trained classifier", _spread),
    ("completed clouds are nearer than partial ones", "mean exact transport distance, both kinds of cloud", _completes),
    ("they are nearer than those of PCN", "mean exact transport distance, both kinds of cloud", _beats_pcn),
)
