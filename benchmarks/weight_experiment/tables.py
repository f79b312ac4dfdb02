"""The tables of the experiment, from the arrays of its studies."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from measured import Array, Study, interval
from scipy.stats import wasserstein_distance
from shapes import shape_row, stable_interval

from continuum.models.paired import paired_difference

Row = dict[str, Any]
Studies = Mapping[str, Study]

SWEEPS = {
    "sentiment": "sentiment",
    "register": "register",
    "romance": "romance",
    "religion": "religion",
    "adventure": "adventure",
    "second seed": "sentiment",
    "over-trained": "sentiment",
}
"""Studies along one path, with the attribute whose texts are read."""

SHARES = (0.25, 0.5, 0.75)
GATE = 1.1  # of neutral perplexity, over that of the base
_TRACKS = {
    "trained on {:.0f}% positive": "interpolated less trained on the mixture",
    "factors averaged at {}": "interpolated less factors averaged",
}
_FLOORS = ("other sentences", "second seed")


def sweep(study: Study, plus: str, minus: str) -> list[Row]:
    """Attribute score S with the paired step from the alpha before, likelihoods, and neutral perplexity.

    S is the log-likelihood ratio less its mean over the two ends: 0 says nothing about the base.
    """
    score, neutral = study.ratio(plus, minus), study.groups["neutral"]
    found = []
    for k, alpha in enumerate(study.alphas):
        step = paired_difference(score[k], score[k - 1]) if k else None
        found.append(
            {
                "alpha": float(alpha),
                "S": float(score[k].mean()),
                "step": step and step.mean,
                "step SE": step and step.standard_error,
                "NLL +": float(study.groups[plus][k].mean()),
                "NLL -": float(study.groups[minus][k].mean()),
                "perplexity": float(np.exp(neutral[k].mean())),
            }
        )
    return found


def shapes(studies: Studies, attributes: Mapping[str, Sequence[str]]) -> list[Row]:
    """How straight each curve is, inside and over the whole grid."""
    found = []
    for name, attribute in SWEEPS.items():
        study = studies[name]
        score = study.ratio(*attributes[attribute])
        found += _shapes(name, study.alphas, score)
    spoken = studies["generations"]
    return found + _shapes("VADER of generations", spoken.alphas, spoken.groups["vader"])


def _shapes(name: str, alphas: Array, blocks: Array) -> list[Row]:
    ranges = dict.fromkeys([(0.0, 1.0), (float(alphas[0]), float(alphas[-1]))])
    found = []
    for low, high in ranges:
        ends = (blocks[alphas == end][0] for end in (high, low))
        change = paired_difference(*ends)
        numbers = {"change": change.mean, "SE": change.standard_error}
        found.append({"path": name, "from": low, "to": high, **numbers, **shape_row(alphas, blocks, low, high)})
    return found


def stable(studies: Studies) -> list[Row]:
    """Measured interval of alpha on which neutral perplexity is within 10% of the worse end."""
    found = []
    for name in SWEEPS:
        study = studies[name]
        alphas, neutral = study.alphas, study.groups["neutral"]
        low, high = stable_interval(alphas, neutral.mean(1))
        bounds = interval(
            lambda chosen, a=alphas, n=neutral: stable_interval(a, n[:, chosen].mean(1)), neutral.shape[1]
        )
        grid = (float(alphas[0]), float(alphas[-1]))
        found.append({"path": name, "low": low, "high": high, "bounds": bounds.T.tolist(), "grid": grid})
    return found


def gate(studies: Studies, attributes: Mapping[str, Sequence[str]]) -> list[Row]:
    """Does each anchor predict held-out text of its own class better than the base, and is it whole elsewhere?"""
    base = studies["references"]
    found = []
    for name, attribute in SWEEPS.items():
        study, ends = studies[name], studies["ends"]
        for own, alpha in zip(attributes[attribute], (1.0, 0.0), strict=True):
            if attribute == "sentiment":  # of these the base is known on all held-out texts
                gain = paired_difference(study.row(own, alpha), base.row(own, "base"))
            else:
                gain = paired_difference(ends.row(own, own), ends.row(own, "base"))
            cost = paired_difference(study.row("neutral", alpha), base.row("neutral", "base"))
            ratio = float(np.exp(cost.mean))
            numbers = {"own": gain.mean, "own SE": gain.standard_error, "perplexity ratio": ratio}
            passes = gain.mean < 0 and ratio <= GATE
            found.append({"path": name, "anchor": own, **numbers, "passes": passes})
    return found


def tracking(studies: Studies, plus: str, minus: str) -> list[Row]:
    """Interpolated models less those that were trained on the mixture, or made by averaging factors."""
    path, others = studies["sentiment"], studies["references"]
    rows = [
        (
            f"{share}: {meaning}",
            _model(path, share, plus, minus),
            _model(others, label.format(_number(label, share)), plus, minus),
        )
        for label, meaning in _TRACKS.items()
        for share in SHARES
    ]
    trained = _model(others, "trained on 50% positive", plus, minus)
    for floor in _FLOORS:
        other = _model(others, f"trained on 50% positive, {floor}", plus, minus)
        rows.append((f"0.5: trained less trained, {floor}", trained, other))
        rows.append((f"0.5: interpolated less trained, {floor}", _model(path, 0.5, plus, minus), other))
    return [{"models": label, **_differences(one, other)} for label, one, other in rows]


def _number(label: str, share: float) -> float:
    return 100 * share if label.startswith("trained") else share


def _model(study: Study, point: float | str, plus: str, minus: str) -> dict[str, Array]:
    found = {"NLL +": study.row(plus, point), "NLL -": study.row(minus, point)}
    return {"S": found["NLL -"] - found["NLL +"], **found, "log perplexity": study.row("neutral", point)}


def _differences(one: Mapping[str, Array], other: Mapping[str, Array]) -> dict[str, list[float]]:
    """Mean and paired standard error of each number."""
    pairs = {name: paired_difference(one[name], other[name]) for name in one}
    return {name: [pair.mean, pair.standard_error] for name, pair in pairs.items()}


def divergences(study: Study) -> list[Row]:
    """Mean Jensen-Shannon divergence of each pair of models at each alpha, with its interval over blocks of text."""
    found = []
    for (alpha,), (pair, rows) in itertools.product(study.points, study.groups.items()):
        if " | " in pair:
            blocks = rows[study.points.index((alpha,))]
            bounds = interval(lambda chosen, b=blocks: b[chosen].mean(), len(blocks))
            found.append({"alpha": alpha, "pair": pair, "JS": float(blocks.mean()), "bounds": bounds.tolist()})
    return found


def spoken(studies: Studies) -> list[Row]:
    """VADER of what models write: mean, standard error, and the step from the interpolated model at alpha 0."""
    path, others = studies["generations"], studies["generations of references"]
    models = {f"alpha {alpha:g}": path.row("vader", alpha) for alpha in path.alphas}
    models |= {name: others.row("vader", name) for name in others.names}
    start = path.row("vader", 0.0)
    found = []
    for name, scores in models.items():
        known = scores[~np.isnan(scores)]
        step = paired_difference(scores, start)
        mean, error = float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known)))
        numbers = {"mean": mean, "SE": error, "n": len(known)}
        found.append({"model": name, **numbers, "over alpha 0": step.mean, "over alpha 0 SE": step.standard_error})
    return found


def score_distances(studies: Studies) -> list[Row]:
    """Wasserstein distance of distributions of scores, and what it is for equal models.

    The latter is the 95% quantile when which model wrote which of the two texts of a prompt is decided by lot.
    """
    path, others = studies["generations"], studies["generations of references"]
    trained = {share: others.row("vader", f"trained on {100 * share:.0f}% positive") for share in SHARES}
    pairs = {f"interpolated {share} | trained": (path.row("vader", share), trained[share]) for share in SHARES}
    for floor in _FLOORS:
        pairs[f"trained 0.5 | trained, {floor}"] = (
            trained[0.5],
            others.row("vader", f"trained on 50% positive, {floor}"),
        )
    pairs["interpolated 0 | 1"] = path.row("vader", 0.0), path.row("vader", 1.0)
    pairs["interpolated -1 | 2"] = path.row("vader", -1.0), path.row("vader", 2.0)
    return [{"pair": pair, **_distance(*scores)} for pair, scores in pairs.items()]


def _distance(a: Array, b: Array) -> dict[str, float]:
    known = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[known], b[known]
    rng = np.random.default_rng(0)
    chance = []
    for _ in range(1000):
        swapped = rng.random(len(a)) < 0.5
        chance.append(wasserstein_distance(np.where(swapped, b, a), np.where(swapped, a, b)))
    return {"W1": float(wasserstein_distance(a, b)), "by chance": float(np.quantile(chance, 0.95))}
