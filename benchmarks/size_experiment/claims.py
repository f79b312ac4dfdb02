"""What the experiment set out to see, and whether it was seen: each verdict follows from numbers by a stated rule.

The rules were written before the numbers; `rules` has them as code.
"""

from __future__ import annotations

from collections.abc import Callable

import rules
from measured import Run
from verdicts import Claim, Decided, decide_all


def claims(run: Run) -> list[Claim]:
    return decide_all(_CLAIMS, run)


_CLAIMS: tuple[tuple[str, str, Callable[[Run], Decided]], ...] = (
    (
        "sizes interpolate smoothly",
        "from last to first no step up in depth makes the divergence higher, two seeds",
        rules.smooth,
    ),
    (
        "the family beats naive pruning of the same layout at every size",
        "lower than the untrained layers in the same order at every depth, from last to first and backward greedy",
        rules.naive,
    ),
    (
        "it beats strong one-shot pruning at every size",
        "backward greedy lower than dropping the cheapest layers, by single-drop divergence and by block influence",
        rules.strong,
    ),
    ("it does so in the lower half of sizes", "the same up to the depth halfway to the teacher", rules.strong_small),
    ("it beats LaCo at every size", "backward greedy lower at every depth that LaCo makes", rules.laco),
    (
        "random slots patched in training beat strong pruning at every size (not zero-shot)",
        "that student lower than single-drop pruning at every depth, backward greedy order of the main student",
        rules.random_slots,
    ),
    (
        "a student from random numbers is no end of a family",
        "patched from last to first it is higher than untrained layers of the teacher at every depth between",
        rules.random_start,
    ),
    (
        "the start from the teacher does most",
        "cross-entropy alone gets four fifths of what the paper's loss gets, mean over depths, 64 steps",
        rules.initialisation,
    ),
    (
        "a larger weight of the cosine is better than 2",
        "chosen on calibration texts; lower, mean over depths",
        rules.cosine,
    ),
    (
        "alignment pays near the teacher",
        "KL with cosine lower than KL alone at the largest depth read, 64 steps",
        rules.alignment,
    ),
    (
        "the order matters",
        "at every depth between, the best is lower than the worst: chosen on half of the rows, compared on the others",
        rules.order_matters,
    ),
    (
        "from last to first is better than from first to last",
        "lower at every depth between, two seeds",
        rules.last_first,
    ),
    (
        "greedy orders beat random ones",
        "KLPatch and backward greedy lower than each of three, mean over depths",
        rules.beats_random,
    ),
    (
        "greedy orders are as good as the best nested order",
        "sum over sizes within 5% of the shortest path, on its own calibration texts, both directions",
        rules.greedy,
    ),
    (
        "an additive model of the divergence misses the best order, and a quadratic one finds it",
        "the former more than 5% above the shortest path, the latter within 5%",
        rules.additive,
    ),
    (
        "nesting costs little",
        "the shortest path within 5% of the sum of the best members of each size",
        rules.nested,
    ),
    (
        "members are as good as models distilled for their size",
        "at one budget, no model of its own size is lower than the member in backward greedy order",
        rules.own_size,
    ),
    (
        "trainings differ little",
        "divergence of two seeds within a tenth at every depth, from last to first",
        rules.seeds,
    ),
    (
        "choices by likelihood agree",
        "right answers of both tasks together, more than by naive pruning at every depth",
        rules.choice,
    ),
    (
        "one family takes a third of the storage",
        "teacher and student's layers, at most a third of all members",
        rules.ledger,
    ),
)
