"""Numbers and labels as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["clean", "for_figure", "interval", "number", "place", "printable"]

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(x: float, digits: int = 4) -> str:
    """A number with `digits` significant digits; an em dash if it is undefined.

    Example:
        >>> number(0.123456), number(12000.0), number(-1.5e-7), number(float("nan"))
        ('0.1235', '12000', '−1.5×10⁻⁷', '—')
    """
    if math.isnan(x):
        return "—"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    whole = float(x).is_integer() and abs(x) < 1e6
    mantissa, _, exponent = (f"{x:.0f}" if whole else f"{x:.{digits}g}").partition("e")
    mantissa = "0" if mantissa == "-0" else mantissa.replace("-", "−")
    return mantissa + (f"×10{str(int(exponent)).translate(_RAISED)}" if exponent else "")


def interval(row: Mapping[str, Any]) -> str:
    """The mean and, if there is one, its interval: "0.5 [0.4, 0.6]"."""
    mean = number(row["mean"])
    if not math.isfinite(row["low"]):
        return mean
    return f"{mean} [{number(row['low'])}, {number(row['high'])}]"


def place(point: Mapping[str, float], axes: tuple[str, ...]) -> str:
    """Coordinates by name: "t = 0.5, k = 3"."""
    return ", ".join(f"{axis} = {number(point[axis])}" for axis in axes)


def clean(text: object) -> str:
    """`text` on one line, without characters that XML cannot hold."""
    return " ".join(printable(text).split())


def printable(text: object) -> str:
    """`text` without characters that XML cannot hold, with its line breaks."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


def for_figure(text: object, most: int = 40) -> str:
    """`text` for a picture: short, and with dollars that stay dollars instead of opening a formula."""
    line = clean(text)
    if len(line) > most:  # the end is kept too: long names tend to differ there
        line = f"{line[: most - most // 3 - 1]}…{line[-(most // 3) :]}"
    return line.replace("$", r"\$")
