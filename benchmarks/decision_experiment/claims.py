"""What the experiment was to show: each claim with the rule that decides it, written before it was measured.

Those that were added when some numbers had been seen say so. `rules` has the rules as code.
"""

from __future__ import annotations

from collections.abc import Callable

import rules
import tables
from rules import Pieces
from tables import PATHS
from verdicts import Claim, Decided, decide_all


def claims(pieces: Pieces) -> list[Claim]:
    """All claims; those that nothing was measured for say so."""
    return decide_all(_CLAIMS, pieces)


_AGNOSTIC = "features and labels"

_CLAIMS: tuple[tuple[str, str, Callable[[Pieces], Decided]], ...] = (
    *(
        (
            f"{what}: pricing decisions tells transfer better than features and labels do",
            "correlation of the priced distance less that of the agnostic joint one (1/2, 1/2, 0): interval above 0"
            f"{where}",
            rules.above("priced", _AGNOSTIC, names),
        )
        for what, where, names in (
            ("terrain, learnt linearly", ", own and same maps", rules.these(*tables.LINEAR)),
            ("digit grids", ", own and same images", rules.these(*tables.DIGITS)),
            ("cubic top-k", ", both learners", rules.these(*tables.CUBIC)),
            ("real demand", ", every data set, unit and learner", rules.stock),
        )
    ),
    (
        "the published distance, equal thirds, does so too on drawn tasks",
        "correlation less that of the agnostic joint one: interval above 0 in every setting but real demand",
        rules.above("equal thirds", _AGNOSTIC, rules.these(*PATHS, *tables.CUBIC)),
    ),
    (
        "decisions that choose the plan ruin it",
        "shortest paths: correlation of the joint distance of decisions only less the priced one, interval below 0",
        rules.dominated,
    ),
    (
        "the price needs no tuning",
        "its correlation is at most 0.05 below that of the best of the 91 joint triples, chosen in hindsight, in every "
        "setting",
        rules.untuned,
    ),
    (
        "on terrain, learnt linearly, the numbers are those that were seen before",
        "priced 0.6 or more with own maps, 0.9 or more with the same ones, and above the agnostic joint one by 0.1",
        rules.known_terrain(tables.LINEAR),
    ),
    (
        "the plan matters: a price under it tells more than the mean over all pairs",
        "correlation of the priced distance less that of the independent plan: interval above 0 on all shortest paths",
        rules.above("priced", "independent", rules.these(*PATHS)),
    ),
    (
        "a line learnt by least squares decides by its sign",
        "cubic top-k: regret at most 0.1 for coefficients below 0.6, and 1.98 within 0.05 above, mean over seeds",
        rules.signs,
    ),
    (
        "decisions see this where labels do not",
        "correlation above 0.6 for decisions only and below for labels only; from 0.7 on the former distance increases",
        rules.cubic_shape,
    ),
    (
        "the transfer bound holds",
        "by the plan of the features and by the independent one, on every transfer",
        rules.bounded,
    ),
    (
        "the nearest source by price is better than one at random",
        "real demand, distances to 20 days: zero-shot regret lower by two standard errors over targets, everywhere",
        rules.choice(("nearest, priced", "zero-shot"), ("at random", "zero-shot"), rules.stock),
    ),
    (
        "it is better than the nearest by features and labels",
        "the same",
        rules.choice(("nearest, priced", "zero-shot"), ("nearest, agnostic", "zero-shot"), rules.stock),
    ),
    (
        "the three nearest by price together are better than all sources",
        "the same",
        rules.choice(("nearest 3, priced", "zero-shot"), ("all", "zero-shot"), rules.stock),
    ),
    (
        "the nearest source is worth having beside few labels",
        "real demand: what is learnt from it and 20 days loses less than what these teach alone",
        rules.choice(("nearest, priced", "with few"), ("few alone", "with few"), rules.stock),
    ),
    (
        "a distance chooses better than to train on every source and try it on the few labels",
        "real demand: zero-shot regret of the nearest by price lower than of the best on 20 days",
        rules.choice(("nearest, priced", "zero-shot"), ("nearest, tried out", "zero-shot"), rules.stock),
    ),
    (
        "regret falls all along the path to the target",
        "all labels: no rise of the mean curve by more than a hundredth of its start, in every setting",
        rules.falling,
    ),
    (
        "halfway the path is better to learn from than the mixture",
        "regret lower by two standard errors over pairs, all and few labels, in every setting",
        rules.against_mixture,
    ),
    (
        "with few labels of the target halfway along the path is better than both ends",
        "regret less that of the better end of each pair, below 0 by two standard errors, in every setting",
        rules.interior("path"),
    ),
    ("so is the mixture of both", "the same", rules.interior("mixture")),
    (
        "added: terrain, learnt well: pricing decisions tells transfer better than features and labels do",
        "as above; this learner was added when the linear one had been seen to learn no task well",
        rules.above("priced", _AGNOSTIC, rules.these(*tables.UNITS)),
    ),
    (
        "added: on terrain, learnt well, the numbers are those that were seen before",
        "as above",
        rules.known_terrain(tables.UNITS),
    ),
    (
        "added: to impute the target's labels tells more than every agnostic distance",
        "drawn tasks: correlation of the imputed price less that of the best agnostic joint distance, interval above "
        "0; added when own images had been seen to make the plan poor",
        rules.above("imputed", "best agnostic", rules.these(*PATHS, *tables.CUBIC)),
    ),
)
