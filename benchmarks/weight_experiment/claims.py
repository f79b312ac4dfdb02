"""What the experiment set out to see, and whether it was seen: each verdict follows from numbers by a stated rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Found = Mapping[str, Any]


class Claim(NamedTuple):
    """A sentence, the rule by which it is decided, what was measured, and whether it held."""

    claim: str
    rule: str
    measured: str
    verdict: str


def claims(found: Found) -> list[Claim]:
    return [
        _anchors(found),
        *(_linear(found, name) for name in ("sentiment", "register")),
        _spoken(found),
        _stable(found),
        _over_trained(found),
        *_tracking(found),
        _ensembles(found),
        _entangled(found),
        _orthogonal(found),
        _composition(found),
    ]


def _verdict(held: bool) -> str:
    return "held" if held else "did not hold"


def _anchors(found: Found) -> Claim:
    normal = [row for row in found["gate"] if row["path"] != "over-trained"]
    passed = [row["anchor"] for row in normal if row["passes"]]
    over = [row for row in found["gate"] if row["path"] == "over-trained" and row["passes"]]
    return Claim(
        "one pass makes anchors that are better on their text and whole elsewhere",
        "held-out loss of the own class below the base, neutral perplexity at most 1.1 times the base",
        f"{len(passed)} of {len(normal)} pass, and {len(over)} of 2 over-trained ones",
        _verdict(len(passed) == len(normal)),
    )


def _shape(found: Found, path: str, low: float, high: float) -> Mapping[str, Any]:
    return next(row for row in found["shapes"] if (row["path"], row["from"], row["to"]) == (path, low, high))


def _linear(found: Found, path: str) -> Claim:
    inside, whole = _shape(found, path, 0.0, 1.0), _shape(found, path, -1.0, 2.0)
    held = inside["V"][0] == 0 and inside["R2"][0] > 0.99 and whole["V"][0] == 0
    return Claim(
        f"{path} moves steadily and in proportion to alpha",
        "log-likelihood ratio: no step back on [-1, 2], and R² above 0.99 on [0, 1]",
        f"R² {inside['R2'][0]:.4f} on [0, 1] and {whole['R2'][0]:.4f} on [-1, 2]; V {whole['V'][0]:.2f}; "
        f"change {inside['change']:.3f} ± {inside['SE']:.3f}",
        _verdict(held),
    )


def _spoken(found: Found) -> Claim:
    inside, whole = _shape(found, "VADER of generations", 0.0, 1.0), _shape(found, "VADER of generations", -1.0, 2.0)
    return Claim(
        "what models write follows alpha too",
        "VADER rises from 0 to 1 and from -1 to 2 by more than two standard errors",
        f"{inside['change']:+.3f} ± {inside['SE']:.3f} and {whole['change']:+.3f} ± {whole['SE']:.3f}; V "
        f"{whole['V'][0]:.2f}",
        _verdict(all(row["change"] > 2 * row["SE"] for row in (inside, whole))),
    )


def _stable(found: Found) -> Claim:
    rows = {row["path"]: row for row in found["stable"]}
    parts = [f"{name} [{rows[name]['low']:.2f}, {rows[name]['high']:.2f}]" for name in ("sentiment", "register")]
    held = all(rows[name]["low"] <= -1 and rows[name]["high"] >= 2 for name in ("sentiment", "register"))
    return Claim(
        "models are whole on all of [-1, 2]",
        "neutral perplexity at most 1.1 times that of the worse end",
        "; ".join(parts),
        _verdict(held),
    )


def _over_trained(found: Found) -> Claim:
    rows = {row["path"]: row for row in found["stable"]}
    over, normal = rows["over-trained"], rows["second seed"]
    shorter = over["high"] - over["low"] < normal["high"] - normal["low"]
    return Claim(
        "over-trained anchors shorten the stable interval",
        "it is shorter than that of one pass over as many sentences",
        f"[{over['low']:.2f}, {over['high']:.2f}] against [{normal['low']:.2f}, {normal['high']:.2f}]",
        _verdict(shorter),
    )


def _js(found: Found, study: str, pair: str, alpha: float = 0.5) -> Mapping[str, Any]:
    rows = found["divergences"][study]
    return next(row for row in rows if row["pair"] == pair and row["alpha"] == alpha)


def _tracking(found: Found) -> list[Claim]:
    rows = {row["models"]: row for row in found["tracking"]}
    gaps = [rows[f"{share}: interpolated less trained on the mixture"]["S"] for share in (0.25, 0.5, 0.75)]
    change = _shape(found, "sentiment", 0.0, 1.0)["change"]
    near = all(abs(gap) < 0.1 * abs(change) for gap, _ in gaps)
    own, floor = (
        _js(found, "agreement", "interpolated | trained"),
        _js(found, "floors", "trained | trained, other sentences"),
    )
    ends = _js(found, "agreement", "plus | minus")
    return [
        Claim(
            "interpolated models track those trained on the mixture in score",
            "S within a tenth of the range of the ends at .25, .5 and .75",
            "; ".join(f"{mean:+.3f} ± {error:.3f}" for mean, error in gaps) + f" of {change:.3f}",
            _verdict(near),
        ),
        Claim(
            "and in predictions, no worse than a training on other sentences",
            "token JS at .5 below that between two trainings from one start on other sentences",
            f"{own['JS']:.4f}, floor {floor['JS']:.4f}; the ends are {ends['JS']:.4f} apart",
            _verdict(own["JS"] < floor["JS"]),
        ),
    ]


def _ensembles(found: Found) -> Claim:
    studies = ("agreement", "agreement, register", "agreement, over-trained")
    pairs = [[_js(found, study, f"interpolated | {kind}") for kind in ("geometric", "arithmetic")] for study in studies]
    held = all(geometric["JS"] < arithmetic["JS"] for geometric, arithmetic in pairs)
    return Claim(
        "interpolated weights predict like the geometric mixture of the ends, rather than the arithmetic one",
        "its token JS is smaller at .5, for sentiment, register and over-trained ends",
        "; ".join(f"{one['JS']:.4f} against {other['JS']:.4f}" for one, other in pairs),
        _verdict(held),
    )


def _entangled(found: Found) -> Claim:
    rows = found["entanglement"]
    parts = [f"{name} {_with_bounds(row['off-diagonal share'])}" for name, row in rows.items()]
    return Claim(
        "attributes are little entangled",
        "off-diagonal share of J below 0.2, with the upper bound of its interval",
        "; ".join(parts),
        _verdict(all(row["off-diagonal share"][2] < 0.2 for row in rows.values())),
    )


def _orthogonal(found: Found) -> Claim:
    directions = found["angles"]["directions"]
    names, cosines = directions["names"][:5], directions["cosines"]
    others = [abs(cosines[i][j]) for i in range(len(names)) for j in range(i)]
    anchors = found["angles"]["anchors"]["cosines"]
    apart = [anchors[i][j] for i in range(10) for j in range(i) if i // 2 != j // 2]
    return Claim(
        "weights of different attributes are nearly orthogonal",
        "cosines of anchors of different attributes below 0.1",
        f"anchors {min(apart):.2f} to {max(apart):.2f}; directions plus less minus at most {max(others):.2f} in size",
        _verdict(max(map(abs, apart)) < 0.1),
    )


def _composition(found: Found) -> Claim:
    rows, limit = found["simplex"]["rows"], found["base"]["perplexity"]
    worst = max(row["perplexity"] for row in rows)
    return Claim(
        "five attributes at once leave the model whole",
        "neutral perplexity at most 1.1 times the base over the lattice of weights",
        f"at most {worst:.1f}, base {limit:.1f}",
        _verdict(worst <= 1.1 * limit),
    )


def _with_bounds(row: list[float]) -> str:
    return f"{row[0]:.2f} [{row[1]:.2f}, {row[2]:.2f}]"
