"""Laws of numbers and labels in print."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

pytest.importorskip("matplotlib")

from continuum.report.text import clean, for_figure, interval, number, place


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.1 + 0.2, "0.3"),
        (0.123456, "0.1235"),
        (-0.5, "−0.5"),
        (123456.0, "123456"),
        (1234567.0, "1.235×10⁶"),
        (1e-12, "1×10⁻¹²"),
        (math.nan, "—"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_have_sensible_digits(x: float, text: str) -> None:
    assert number(x) == text


def test_an_interval_is_shown_where_there_is_one() -> None:
    assert interval({"mean": 0.5, "low": 0.4, "high": 0.6}) == "0.5 [0.4, 0.6]"
    assert interval({"mean": 0.5, "low": math.nan, "high": math.nan}) == "0.5"
    assert place({"t": 0.5, "k": 3.0}, ("t", "k")) == "t = 0.5, k = 3"


def test_labels_fit_into_xml_and_into_pictures() -> None:
    assert clean("a\n b\x00\ud800") == "a b\ufffd\ufffd"
    assert for_figure("5 $ and 6 $") == r"5 \$ and 6 \$"
    assert len(for_figure("x" * 100)) == 40


def test_a_missing_extra_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['matplotlib'] = None\nimport continuum.report"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in answer.stderr
    assert 'pip install "continuum-interpolation[plots]"' in answer.stderr
