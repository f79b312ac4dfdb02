"""What the experiment was to show: each claim with the rule that decides it, written before it was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tables
from verdicts import Claim, Decided, NotMeasuredError, decide_all

Pieces = Mapping[str, Any]


def claims(pieces: Pieces) -> list[Claim]:
    """All claims; those that nothing was measured for say so."""
    return decide_all(_CLAIMS, pieces)


def _digits(pieces: Pieces) -> None:
    if not tables.seeds(pieces):
        raise NotMeasuredError("digits")


def _text(values: tables.Interval) -> str:
    mean, low, high = values
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def _below(values: tables.Interval) -> bool:
    return values[2] < 0


def _correlates(others: tuple[str, ...]) -> Callable[[Pieces], Decided]:
    def decide(pieces: Pieces) -> Decided:
        _digits(pieces)
        found = {name: rows["loss"] for name, rows in tables.quantiles(pieces).items()}
        levels = "; ".join(
            f"{name} {found[name].mean():.2f} ± {found[name].std():.2f}" for name in ("gradient", *others)
        )
        gains = {name: tables.interval(found["gradient"] - found[name]) for name in others}
        text = "; ".join(f"above {name} by {_text(gain)}" for name, gain in gains.items())
        return f"{levels}; {text}", all(low > 0 for _, low, _ in gains.values())

    return decide


def _inside(pieces: Pieces) -> Decided:
    _digits(pieces)
    budgets, name = tables.budgets(pieces), "gradient, round robin"
    losses = np.array([tables.curve(piece, name) for piece in tables.seeds(pieces)])
    best = int(losses.mean(0).argmin())
    ends = [tables.interval(losses[:, best] - losses[:, end]) for end in (0, -1)]
    text = f"best at {budgets[best]} of {budgets[-1]}; less the smallest {_text(ends[0])}, less all {_text(ends[1])}"
    return text, 0 < best < len(budgets) - 1 and all(map(_below, ends))


def _beats_random(name: str, counts: tuple[int, ...]) -> Callable[[Pieces], Decided]:
    def decide(pieces: Pieces) -> Decided:
        _digits(pieces)
        found = dict(zip(tables.budgets(pieces), tables.less_random(pieces, name), strict=True))
        text = "; ".join(f"{count}: {_text(found[count])}" for count in counts)
        return text, all(_below(found[count]) for count in counts)

    return decide


def _random_matches(pieces: Pieces) -> Decided:
    _digits(pieces)
    cells = [
        not _below(found)
        for name in tables.orders(pieces)
        if name.startswith(("pixels,", "hidden,"))
        for found in tables.less_random(pieces, name, "loss")[:-1]
    ]
    return f"{sum(cells)} of {len(cells)}", sum(cells) >= len(cells) / 3


def _zero_shot(pieces: Pieces) -> Decided:
    _digits(pieces)
    found = [
        tables.interval([(tables.curve(p, name) - tables.curve(p, "zero-shot"))[0] for p in tables.seeds(pieces)])
        for name in ("random", "gradient, round robin")
    ]
    text = f"20 examples less none: random {_text(found[0])}, round robin by gradients {_text(found[1])}"
    return text, not _below(found[0]) and _below(found[1])


def _uot(pieces: Pieces) -> Decided:
    _digits(pieces)
    budgets = tables.budgets(pieces)
    place = budgets.index(600)
    names = ("gradient, soft-max UOT", "gradient, round robin")
    losses = [[tables.curve(piece, name)[place] for piece in tables.seeds(pieces)] for name in names]
    found = tables.interval(np.subtract(*losses))
    return f"600 of {budgets[-1]}: {_text(found)}", _below(found)


def _greedy(pieces: Pieces) -> Decided:
    _digits(pieces)
    budgets, texts, held = tables.budgets(pieces), [], []
    for selector, distance in (("round robin", "transport"), ("herding", "mmd2")):
        for space in ("pixels", "gradient"):
            found = tables.distances(pieces, space, distance)
            firsts = [min(found, key=lambda name, k=k: found[name][k]) for k in range(budgets.index(200) + 1)]
            texts.append(f"{distance} of {space}: least by {', '.join(firsts)}")
            held.append(all(first == selector for first in firsts))
    return "; ".join(texts), all(held)


def _nearer(pieces: Pieces) -> Decided:
    _digits(pieces)
    found = {space: tables.interval(tables.nearer_is_better(pieces, space, 200)) for space in ("gradient", "pixels")}
    text = "; ".join(f"{space}: {_text(values)}" for space, values in found.items())
    return text, found["gradient"][1] > 0


def _finds_topic(pieces: Pieces) -> Decided:
    if "text-orders" not in pieces:
        raise NotMeasuredError("text-orders")
    share = float(np.mean(list(pieces["text-orders"]["share"].values())))
    found = {name: rows[1] for name, rows in tables.precision(pieces).items() if name.endswith("round robin")}
    text = "; ".join(f"{name.split(',')[0]} {value:.2f}" for name, value in found.items())
    return f"{text}; at random {share:.2f}", all(value >= 3 * share for value in found.values())


def _text_pays(pieces: Pieces) -> Decided:
    if len(tables.topics(pieces)) < 4:
        raise NotMeasuredError("texts")
    names = ("TF-IDF, round robin", "MiniLM, round robin", "hidden state, round robin", "gradient, round robin")
    found = {name: tables.text_loss(pieces, name, "random")[-1] for name in names}
    text = "; ".join(f"{name.split(',')[0]} {mean:+.3f} ± {error:.3f}" for name, (mean, error) in found.items())
    return text, all(mean < -2 * error for mean, error in found.values())


def _gradient_on_texts(pieces: Pieces) -> Decided:
    if len(tables.topics(pieces)) < 4:
        raise NotMeasuredError("texts")
    others = ("TF-IDF, round robin", "MiniLM, round robin", "hidden state, round robin")
    found = {name: tables.text_loss(pieces, "gradient, round robin", name)[-1] for name in others}
    text = "; ".join(f"less {name.split(',')[0]} {mean:+.3f} ± {error:.3f}" for name, (mean, error) in found.items())
    return text, all(mean < -2 * error for mean, error in found.values())


_CLAIMS = (
    (
        "how far a part of the pool is by gradients predicts the loss after training on it, better than embeddings do",
        "Spearman of quantile and loss above that of pixels and of hidden states; 95% interval over seeds",
        _correlates(("pixels", "hidden")),
    ),
    (
        "and better than what sees the labels, too",
        "the same against pixels beside labels",
        _correlates(("pixels and label",)),
    ),
    (
        "the best budget lies inside",
        "round robin by gradients: mean loss is least strictly between 20 and all, with intervals below both ends",
        _inside,
    ),
    (
        "gradients beat random choice at small and middle budgets",
        "loss below that of random at 20, 60 and 200; 95% interval over seeds",
        _beats_random("gradient, round robin", (20, 60, 200)),
    ),
    (
        "random choice often matches what looks at inputs alone",
        "in a third of the cells (pixels and hidden states, all selectors, budgets below all) its loss is not beaten",
        _random_matches,
    ),
    (
        "a small budget can be worse than none",
        "random: 20 examples do not lower the loss of the warm model, and 20 chosen by gradients do",
        _zero_shot,
    ),
    ("an optimal transport rule gains at large budgets", "soft-max UOT below round robin at 600, by gradients", _uot),
    (
        "selection is the minimisation of a distance",
        "to 200, round robin has the least transport cost and herding the least MMD of all selectors, in both spaces",
        _greedy,
    ),
    (
        "what is nearer by gradients has the lower loss",
        "Spearman of transport cost and loss over selectors at 200 above 0; 95% interval over seeds",
        _nearer,
    ),
    (
        "texts on the topic are found",
        "among the first 16, thrice as many as at random for every representation; mean over four topics",
        _finds_topic,
    ),
    (
        "what was selected teaches a language model more than random texts",
        "loss on the topic after 96 texts lower by two standard errors over test texts, every representation",
        _text_pays,
    ),
    (
        "gradients select the texts that teach most",
        "the same against the other representations",
        _gradient_on_texts,
    ),
)
