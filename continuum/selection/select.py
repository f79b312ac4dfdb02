"""Selection in one call: representation x selector x budget."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_count, warn

from .duplicates import distinct, overlap
from .ordering import Ordering
from .pools import size, take
from .representation import Representation, embeddings
from .selector import Selector
from .subset_path import Subset, SubsetPath, admit_costs

__all__ = ["select"]


def select(
    pool: Any,
    query: Any,
    *,
    selector: Selector,
    budget: int,
    representation: Representation | None = None,
    unit: Literal["examples", "tokens"] = "examples",
    costs: Any = None,
    repeats: Literal["drop", "keep"] = "drop",
    seed: int = 0,
) -> Subset:
    """The part of a pool that serves the task which a query stands for, within a budget.

    For many budgets order once, and use `SubsetPath`.

    Args:
        pool: candidates: a sequence, an array, a `LabelledDataset`.
        query: examples of the task, of the same kind.
        selector: the rule.
        budget: how many examples, exactly; or tokens, of which the subset is the longest prefix that has not more.
        representation: what embeds both; None if they are embeddings, or texts for a selector of texts.
        unit: what the budget counts.
        costs: tokens of each candidate, (n,); needed for a budget in tokens.
        repeats: whether of equal candidates the first alone may be chosen, or all. Without repeats the others are
            copied, if there are any.
        seed: of what is random in the selector.

    Returns:
        Positions in the pool, best first.

    Raises:
        InvalidInputError: if pool or query are empty, there are fewer candidates than the budget, or the first example
            has more tokens than it.
        IncompatibleError: if the budget is in tokens and prefixes are not what the selector would choose.

    Warns:
        ContinuumWarning: if examples of the query are in the pool: they serve themselves best, and what is measured on
            them later says little.

    Example:
        >>> from continuum.selection import DSIR
        >>> pool = ["stocks fell again", "the cat sat", "the cat sat", "a dog barked"]
        >>> select(pool, ["the dog saw a cat"], selector=DSIR(noise=0), budget=2).indices
        array([1, 3])
    """
    check_count("budget", budget)
    for name, given, known in (("unit", unit, ("examples", "tokens")), ("repeats", repeats, ("drop", "keep"))):
        if given not in known:
            raise InvalidInputError(f"`{name}` must be {' or '.join(map(repr, known))}, got {given!r}.")
    n = size(pool)
    size(query, "query")
    tokens = admit_costs(costs, n, needed=unit == "tokens")
    _warn_of_overlap(pool, query)
    places = distinct(pool) if repeats == "drop" else np.arange(n)
    k = budget if unit == "examples" else _most(tokens, places, budget)
    if k > len(places):
        raise InvalidInputError(f"`budget` is {budget} examples, and the pool has {len(places)} different ones.")
    candidates = pool if len(places) == n else take(pool, places)
    if representation is not None:
        candidates, query = embeddings(representation, candidates, query)
    found = selector.order(candidates, query, k, seed=seed)
    ordering = Ordering(places[found.indices], found.scores, n, found.nested)
    if unit == "tokens":
        return _within(pool, ordering, tokens, budget)
    spent = None if tokens is None else _sum(tokens, ordering)
    return Subset(ordering.indices.copy(), ordering.scores.copy(), spent)


def _most(tokens: Any, places: NDArray[np.int64], budget: int) -> int:
    """How many of these examples a budget of tokens can hold at most."""
    return max(1, int(np.searchsorted(np.cumsum(np.sort(tokens[places])), budget, side="right")))


def _within(pool: Any, ordering: Ordering, tokens: Any, budget: int) -> Subset:
    first = int(tokens[ordering.indices[0]])
    if first > budget:
        raise InvalidInputError(f"`budget` is {budget} tokens, and the first example has {first}.")
    path = SubsetPath(pool, ordering, "linear", "tokens", 0, tokens)
    return path.at(path.at_budget(min(budget, _sum(tokens, ordering))))


def _sum(tokens: Any, ordering: Ordering) -> int:
    return int(tokens[ordering.indices].sum())


def _warn_of_overlap(pool: Any, query: Any) -> None:
    shared = len(overlap(pool, query))
    if shared:
        warn(
            f"{shared} of {size(pool)} candidates are in the query too and serve themselves: leave them out of one "
            "of the two; `overlap` finds them."
        )
