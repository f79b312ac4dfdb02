"""Numbers as options."""

from __future__ import annotations

import numpy as np
import pytest

from continuum.core import InvalidInputError, check_count, check_positive, check_weight


@pytest.mark.parametrize("value", [1, 7, np.int32(3), np.uint8(1)])
def test_whole_numbers_are_counts(value):
    check_count("n", value)


@pytest.mark.parametrize("value", [2.5, 1.0, float("nan"), "3", None, True, [1], np.array(1.5)])
def test_what_is_not_whole_is_no_count(value):
    with pytest.raises(InvalidInputError, match="`n` must be a whole number, got"):
        check_count("n", value)


def test_counts_have_bounds():
    with pytest.raises(InvalidInputError, match="`n` must be at least 1, got 0"):
        check_count("n", 0)
    with pytest.raises(InvalidInputError, match="`n` must be between 2 and 5, got 6"):
        check_count("n", 6, least=2, most=5)


@pytest.mark.parametrize("value", ["1", None, float("nan"), float("inf"), -1.0, [1.0], 1j, True])
def test_what_is_no_number_is_neither_positive_nor_a_weight(value):
    for check in (check_positive, check_weight):
        with pytest.raises(InvalidInputError, match="`x` must be"):
            check("x", value)


def test_zero_is_a_weight_and_not_positive():
    check_weight("x", 0)
    with pytest.raises(InvalidInputError, match=r"positive and finite, got 0; use Exact\(\)"):
        check_positive("x", 0, "use Exact()")
