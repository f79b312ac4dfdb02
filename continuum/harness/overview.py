"""The summary table: each path on one line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .sample import ItemsByRow, sample_of
from .summaries import PATH_NUMBERS, coverage_gap, endpoint_fidelity, tracking_rmse, win_share
from .table import axes_in_use
from .verdict import noise_of, verdict

__all__ = ["NEEDS_GOAL", "mean_by_point", "overview"]

NEEDS_GOAL = ("barrier", "frankle_barrier", "advantage")


def overview(frame: pd.DataFrame, axes: Sequence[str], items: ItemsByRow) -> pd.DataFrame:
    """One row for each study, label and metric of paths and baselines; columns in a fixed order."""
    rows = [
        _row(part, label, axes, items)
        for _, part in frame.groupby(["study", "metric"], sort=False)
        for label in part.loc[part["role"].isin(["path", "baseline"]), "label"].unique()
    ]
    return pd.DataFrame(rows)


def mean_by_point(part: pd.DataFrame, axes: Sequence[str]) -> pd.Series[float]:
    """Mean over the seeds that did not fail, by point in order; NaN where all failed or one number is NaN."""
    groups = part.groupby(list(axes), sort=True)
    points, at = groups.size().index, groups.ngroup().to_numpy()
    finished = part["error"].isna().to_numpy()
    # A plain mean of pandas would skip NaN: an undefined number would look like a defined one.
    sums = np.bincount(at[finished], part["value"].to_numpy(float)[finished], len(points))
    with np.errstate(invalid="ignore"):  # no number at all is undefined too
        return pd.Series(sums / np.bincount(at[finished], minlength=len(points)), points)


def _row(part: pd.DataFrame, label: str, axes: Sequence[str], items: ItemsByRow) -> dict[str, Any]:
    """The summary of one label; `part` holds one study and metric with all its labels."""
    own = part[(part["label"] == label) & part["role"].isin(["path", "baseline"])]
    here, goal = axes_in_use(own, axes), own["goal"].iloc[0]
    sign = {"max": 1.0, "min": -1.0}.get(goal, math.nan)
    values = mean_by_point(own, here)
    first = own.iloc[0]
    row = {name: first[name] for name in ("study", "label", "role", "metric", "goal")}
    row |= {"points": int(values.notna().sum()), "failed": int(own["error"].notna().sum())}
    curve = values if len(here) == 1 and len(values) > 1 else None
    best = _best(values, sign, axes, here)
    row |= {"first": math.nan, "last": math.nan} if curve is None else {"first": curve.iloc[0], "last": curve.iloc[-1]}
    row |= best | _against_endpoints(part, values, sign, here, best["best"])
    row |= _path_numbers(curve, sign) | {"coverage_gap": math.nan, "verdict": None, "reason": None}
    if curve is not None:
        row |= _shape(curve, sign, noise_of(sample_of(own, here, items, axes).complete()))
    row |= _seconds(own, here)
    return row | dict(_against_baselines(part, own, sign, here))


def _best(values: pd.Series[float], sign: float, axes: Sequence[str], here: Sequence[str]) -> dict[str, float]:
    """The best value and where it is; NaN if nothing is better than anything."""
    turned = sign * values
    nowhere = dict.fromkeys((f"best_{axis}" for axis in axes), math.nan)
    if turned.isna().all():
        return {"best": math.nan} | nowhere
    i = int(np.nanargmax(turned))
    at = zip(here, np.atleast_1d(values.index[i]), strict=True)
    return {"best": values.iloc[i]} | nowhere | {f"best_{axis}": float(x) for axis, x in at}


def _against_endpoints(
    part: pd.DataFrame, values: pd.Series[float], sign: float, here: Sequence[str], best: float
) -> dict[str, float]:
    """What choosing the best endpoint gives, what interpolating adds to it, and whether the ends are met."""
    ends = part[part["role"] == "endpoint"]
    if ends.empty:
        return {"best_endpoint": math.nan, "over_choosing": math.nan, "endpoint_fidelity": math.nan}
    choices = mean_by_point(ends, here)
    met = values.reindex(choices.index.intersection(values.index))
    chosen = sign * float(np.nanmax(sign * choices)) if (sign * choices).notna().any() else math.nan
    return {
        "best_endpoint": chosen,
        "over_choosing": 0.0 if math.isclose(best, chosen, rel_tol=1e-9) else sign * (best - chosen),
        "endpoint_fidelity": endpoint_fidelity(met, choices.reindex(met.index)),
    }


def _path_numbers(curve: pd.Series[float] | None, sign: float) -> dict[str, float]:
    if curve is None:  # not one-dimensional, or a single point
        return {number.__name__: math.nan for number in PATH_NUMBERS}
    s = curve.index.to_numpy(dtype=float)
    u = curve.to_numpy() * (1.0 if math.isnan(sign) else sign)
    with np.errstate(invalid="ignore"):  # an infinite value makes differences undefined, which NaN says
        numbers = {number.__name__: number(s, u) for number in PATH_NUMBERS}
    return numbers | (dict.fromkeys(NEEDS_GOAL, math.nan) if math.isnan(sign) else {})


def _shape(curve: pd.Series[float], sign: float, noise: float) -> dict[str, Any]:
    """How finely the values are covered, whether the curve is smooth, and why."""
    has_goal = not math.isnan(sign)
    u = curve.to_numpy() * (sign if has_goal else 1.0)
    word, reason = verdict(curve.index.to_numpy(dtype=float), u, noise=noise, has_goal=has_goal)
    with np.errstate(invalid="ignore"):
        return {"coverage_gap": coverage_gap(u), "verdict": word, "reason": reason}


def _seconds(own: pd.DataFrame, here: Sequence[str]) -> dict[str, float]:
    """What a member of the family takes: to get one, and to measure it under one seed."""
    build = own.groupby(list(here))["build_s"].max() if here else own["build_s"]
    return {"build_s": float(build.mean()), "metric_s": float(own["metric_s"].mean())}


def _against_baselines(
    part: pd.DataFrame, own: pd.DataFrame, sign: float, here: Sequence[str]
) -> Iterator[tuple[str, float]]:
    """Win share of the path against, and its distance to, every baseline; baselines are not set against each other."""
    if own["role"].iloc[0] != "path":
        return
    mine = _by_point_and_seed(own, here)
    for label in part.loc[part["role"] == "baseline", "label"].unique():
        other = part[part["label"] == label]
        theirs = _by_point_and_seed(other, here)
        shared = mine.index.intersection(theirs.index)
        u, v = mine.loc[shared], theirs.loc[shared].reindex(columns=mine.columns)
        yield f"win_share[{label}]", win_share(sign * u, sign * v)
        yield f"tracking_rmse[{label}]", tracking_rmse(*(mean_by_point(x, here).reindex(shared) for x in (own, other)))


def _by_point_and_seed(part: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    return part.set_index([*axes, "seed"])["value"].unstack("seed")
