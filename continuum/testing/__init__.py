"""For authors of interpolants: checks of the laws, and problems whose answers are known exactly.

`check_interpolant(path)` checks one path; `@parametrize_with_checks([path, ...])` makes a pytest test of every law.
The laws are those of `continuum.core.interpolant`, one file for each.
"""

from . import exact
from .conformance import CHECKS, Case, check_interpolant, parametrize_with_checks

__all__ = ["CHECKS", "Case", "check_interpolant", "exact", "parametrize_with_checks"]
