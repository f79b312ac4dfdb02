"""How each claim is decided: what was measured, in words, and whether the rule holds.

Divergence is that from the teacher on held-out files of the Brown corpus; "lower" and "higher" always mean by more than
two paired standard errors over rows of text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from measured import Model, Run, difference, difference_of_means, is_below
from verdicts import NotMeasuredError

from continuum.models.paired import PairedDifference, paired_difference

Decided = tuple[str, bool]
"""What was measured, and whether the rule holds."""

_LAST, _FIRST, _BACK, _GREEDY = "last to first", "first to last", "backward greedy", "KLPatch"
_NAIVE, _DROP, _INFLUENCE = "naive, last to first", "one-shot, single drop", "one-shot, block influence"
_TOLERANCE = 1.05  # of a sum over sizes that still counts as equal
_INITIAL = 0.8  # share of what a full loss gains
_ALIKE = 0.1  # of the divergence, between trainings


def _at(depths: Sequence[int], found: Sequence[PairedDifference]) -> str:
    """Differences by depth, in one line."""
    if not depths:
        raise NotMeasuredError("a depth to compare at")
    return "; ".join(
        f"{depth}: {one.mean:+.2f} ± {one.standard_error:.2f}" for depth, one in zip(depths, found, strict=True)
    )


def smooth(run: Run) -> Decided:
    ups, parts = [], []
    for student in ("main-0", "main-1"):
        depths = run.depths(student, _LAST)
        kl = {depth: run.values(student, _LAST, depth) for depth in depths}
        ups += [b for a, b in pairwise(depths) if is_below(paired_difference(kl[a], kl[b]))]
        parts.append(" ".join(f"{values.mean():.2f}" for values in kl.values()))
    return f"{' and '.join(parts)}; rises at {ups or 'no depth'}", not ups


def _lower_everywhere(run: Run, one: Model, others: Sequence[Model]) -> Decided:
    """Whether one family is lower than all others at every depth that they have."""
    depths = [depth for depth in run.depths(*others[0]) if depth in run.depths(*one)]
    found = {other: [difference(run, one, other, depth) for depth in depths] for other in others}
    parts = [f"{_at(depths, row)} ({other[1]})" for other, row in found.items()]
    return " / ".join(parts), all(is_below(value) for row in found.values() for value in row)


def naive(run: Run) -> Decided:
    last = _lower_everywhere(run, ("main-0", _LAST), [("pruned", _NAIVE)])
    back = _lower_everywhere(run, ("main-0", _BACK), [("pruned", "naive, backward greedy")])
    return f"{last[0]} / {back[0]}", last[1] and back[1]


def strong(run: Run) -> Decided:
    return _lower_everywhere(run, ("main-0", _BACK), [("pruned", _DROP), ("pruned", _INFLUENCE)])


def strong_small(run: Run) -> Decided:
    middle = (run.smallest + run.layers) // 2
    depths = [depth for depth in run.depths("pruned", _DROP) if depth <= middle]
    found = [difference(run, ("main-0", _BACK), ("pruned", name), d) for name in (_DROP, _INFLUENCE) for d in depths]
    return _at([*depths, *depths], found), all(map(is_below, found))


def laco(run: Run) -> Decided:
    return _lower_everywhere(run, ("main-0", _BACK), [("pruned", "LaCo")])


def random_slots(run: Run) -> Decided:
    return _lower_everywhere(run, ("random-slots", _BACK), [("pruned", _DROP)])


def random_start(run: Run) -> Decided:
    depths = run.depths("random-start", _LAST)
    found = [difference(run, ("pruned", _NAIVE), ("random-start", _LAST), depth) for depth in depths[1:]]
    levels = " ".join(f"{run.values('random-start', _LAST, depth).mean():.2f}" for depth in depths)
    return f"{levels}; naive less random: {_at(depths[1:], found)}", all(map(is_below, found))


def initialisation(run: Run) -> Decided:
    depths = run.depths("ce-only", _LAST)
    naive, alone, full = (
        np.mean([run.values(*model, depth).mean() for depth in depths])
        for model in (("pruned", _NAIVE), ("ce-only", _LAST), ("paper", _LAST))
    )
    share = (naive - alone) / (naive - full)
    return f"{naive:.2f} untrained, {alone:.2f} and {full:.2f}: {share:.0%}", bool(share >= _INITIAL)


def cosine(run: Run) -> Decided:
    weight = run.piece("weight")["weight"]
    depths = run.depths("cosine-2", _LAST)
    found = difference_of_means(run, (f"cosine-{weight}", _LAST), ("cosine-2", _LAST), depths)
    return f"weight {weight} less weight 2: {found.mean:+.3f} ± {found.standard_error:.3f}", is_below(found)


def alignment(run: Run) -> Decided:
    weight = run.piece("weight")["weight"]
    depth = run.depths("kl-only", _LAST)[-1]
    found = difference(run, (f"cosine-{weight}", _LAST), ("kl-only", _LAST), depth)
    return _at([depth], [found]), is_below(found)


def order_matters(run: Run) -> Decided:
    depths = run.depths("main-0", _FIRST)[1:-1]
    names = run.families("main-0")
    found = []
    for depth in depths:
        values = {name: run.values("main-0", name, depth) for name in names}
        chosen = {name: rows[::2].mean() for name, rows in values.items()}  # other rows than those that are compared
        best, worst = min(chosen, key=chosen.__getitem__), max(chosen, key=chosen.__getitem__)
        found.append(paired_difference(values[best][1::2], values[worst][1::2]))
    return f"best less worst: {_at(depths, found)}", all(map(is_below, found))


def last_first(run: Run) -> Decided:
    parts = [_lower_between(run, student) for student in ("main-0", "main-1")]
    return " / ".join(text for text, _ in parts), all(held for _, held in parts)


def _lower_between(run: Run, student: str) -> Decided:
    depths = run.depths(student, _FIRST)[1:]
    found = [difference(run, (student, _LAST), (student, _FIRST), depth) for depth in depths]
    return _at(depths, found), all(map(is_below, found))


def beats_random(run: Run) -> Decided:
    depths = run.depths("main-0", _FIRST)[1:]
    randoms = [name for name in run.families("main-0") if name.startswith("random")]
    found = [
        (name, difference_of_means(run, ("main-0", name), ("main-0", other), depths))
        for name in (_GREEDY, _BACK)
        for other in randoms
    ]
    text = "; ".join(f"{name} {one.mean:+.3f} ± {one.standard_error:.3f}" for name, one in found)
    return text, all(is_below(one) for _, one in found)


def _totals(run: Run) -> dict[str, float]:
    """Sums of the divergence over the sizes between the ends of the lattice."""
    return {name: sum(found["kl"][1:-1]) for name, found in run.piece("lattice")["orders"].items()}


def _near_shortest(run: Run, names: Sequence[str]) -> Decided:
    totals = _totals(run)
    least = totals["shortest path"]
    text = "; ".join(f"{name} {totals[name] / least - 1:+.1%}" for name in names)
    return text, all(totals[name] <= _TOLERANCE * least for name in names)


def greedy(run: Run) -> Decided:
    return _near_shortest(run, (_GREEDY, _BACK))


def additive(run: Run) -> Decided:
    first, additive = _near_shortest(run, ("additive",))
    second, quadratic = _near_shortest(run, ("quadratic",))
    return f"{first}; {second}", quadratic and not additive


def nested(run: Run) -> Decided:
    best = sum(run.piece("lattice")["best of each size"][1:-1])
    ratio = _totals(run)["shortest path"] / best
    return f"{ratio - 1:+.1%}", ratio <= _TOLERANCE


def own_size(run: Run) -> Decided:
    alone = [name[len("family-") :] for name in run.pieces if name.startswith("family-size-")]
    if not alone:
        raise NotMeasuredError("family-size")
    depths = [run.depths(name, "alone")[0] for name in alone]
    found = [
        difference(run, (name, "alone"), ("middle", _BACK), depth) for name, depth in zip(alone, depths, strict=True)
    ]
    return f"own less member: {_at(depths, found)}", not any(map(is_below, found))


def seeds(run: Run) -> Decided:
    depths = run.depths("main-1", _LAST)
    pairs = [[run.values(student, _LAST, depth).mean() for student in ("main-0", "main-1")] for depth in depths]
    text = "; ".join(f"{depth}: {a:.2f} and {b:.2f}" for depth, (a, b) in zip(depths, pairs, strict=True))
    return text, all(abs(a - b) <= _ALIKE * max(a, b) for a, b in pairs)


def choice(run: Run) -> Decided:
    rows = {(row["family"], row["depth"]): row for row in run.piece("choices")["rows"]}
    depths = sorted(depth for family, depth in rows if family == _NAIVE)
    parts, held = [], True
    for depth in depths:
        ours, theirs = (np.array(_answers(rows[name, depth])) for name in (_LAST, _NAIVE))
        parts.append(f"{depth}: {ours.mean():.0%} against {theirs.mean():.0%}")
        held = held and ours.mean() > theirs.mean()
    return "; ".join(parts), held


def _answers(row: dict[str, list[int]]) -> list[int]:
    return [answer for value in row.values() if isinstance(value, list) for answer in value]


def ledger(run: Run) -> Decided:
    found = run.piece("ledger")
    family = found["bytes of the teacher"] + found["bytes of the student's layers"]
    apart = sum(member["bytes"] for member in found["members"])
    return f"{family / 1e6:.0f} MB against {apart / 1e6:.0f} MB", 3 * family <= apart
