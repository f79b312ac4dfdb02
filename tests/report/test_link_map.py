"""Laws of the picture of a link."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.collections import LineCollection

from continuum import Interval, Metric, from_function, link
from continuum.harness import Pairwise
from continuum.report import plot_link

METRIC = Metric("value $x$", lambda t, rng: t + 0.01 * rng.normal() / (1.1 - t), stochastic=True, unit="m")


def joined(fn: Any = lambda t: t * t, metric: Any = METRIC, **options: Any) -> Any:
    a, b = (
        from_function(Interval(axis="a_$"), lambda t: t),
        from_function(Interval(1, 3, axis="b"), lambda t: fn((t - 1) / 2)),
    )
    return link(a, b, metric, points=5, draws=20, **options)


def test_every_match_is_a_line_from_one_slider_to_the_other() -> None:
    found = joined()
    (lines,) = (c for c in plot_link(found).axes[0].collections if isinstance(c, LineCollection))
    ends = np.array(list(lines.get_segments()))
    np.testing.assert_allclose(ends[:, 0], [[a, 1] for a in found.map["a"]])
    np.testing.assert_allclose(ends[:, 1], [[(alpha - 1) / 2, 0] for alpha in found.map["alpha"]])


def test_intervals_are_shaded_where_there_are_any() -> None:
    assert len(plot_link(joined(seeds=3)).axes[0].patches) == 5
    assert len(plot_link(joined(metric=lambda t: t)).axes[0].patches) == 0


def test_what_the_link_has_to_beat_is_shown() -> None:
    found = joined()
    below = plot_link(found).axes[1]
    drawn = {str(line.get_label()): np.ravel(line.get_ydata()) for line in below.lines}
    np.testing.assert_allclose(drawn["link"], found.map["residual"])
    np.testing.assert_allclose(drawn["identity"], found.map["identity_residual"])
    assert found.rivals.loc["best constant", "residual"] in below.lines[-1].get_ydata()
    assert below.get_ylabel() == r"distance: value \$x\$ [m]"


def test_a_link_with_gaps_can_be_drawn(tmp_path: Any) -> None:
    pair = Pairwise("gap", lambda a, b: math.nan if a == 0.5 else (a - b) ** 2)
    joined(metric=pair).plot().savefig(tmp_path / "link.png")
    assert (tmp_path / "link.png").stat().st_size > 5000


def test_a_curve_of_items_names_its_band() -> None:
    from continuum import PerItem, evaluate

    results = evaluate(from_function(Interval(), lambda t: t), lambda t: PerItem(np.arange(9) / 9 < t), points=3)
    (legend,) = results.plot().legends
    assert "95 % interval, items" in [text.get_text() for text in legend.get_texts()]
