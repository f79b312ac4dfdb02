"""
A map of datasets
=================

Which datasets are alike? The distances between all pairs draw a map, and two halves of one set show how near is as
good as equal at this number of points.
"""

# %%
# All sets are grey images of 28 by 28 pixels, 500 of each. The digits of scikit-learn are always there; the others are
# shown if they are installed (``continuum fetch NAME``).

import numpy as np

from continuum.datasets import LabelledDataset, available, distance_matrix, load, resize
from continuum.measures import Sliced
from continuum.report import dataset_map

N, SIZE = 500, 28


def grey(name, n=N):
    """Images of the training set in one size."""
    images, labels = load(name, n=n, seed=0).to_numpy()
    return LabelledDataset(resize(images, SIZE), labels)


def halves(data):
    """Two sets of one population."""
    order = np.random.default_rng(0).permutation(len(data))
    return data.subset(order[: len(data) // 2]), data.subset(order[len(data) // 2 :])


found = set(available())
small = "optdigits" if "optdigits" in found else "digits"  # the second is a part of the first
datasets = {name: grey(name) for name in ("mnist", "fashion-mnist", "animals") if name in found}
datasets["digits, half 1"], datasets["digits, half 2"] = halves(grey(small, 2 * N))
x, y = datasets["digits, half 1"].to_numpy()
datasets["digits, inverted"] = LabelledDataset(1 - x, y)
datasets["digits, turned"] = LabelledDataset(np.rot90(x, axes=(1, 2)).copy(), y)

# %%
# One call: the statistics of each class are computed once, and each pair is an exact transport problem.

distances = distance_matrix(datasets, progress=False)
print(distances.to_frame().round(2))
print(f"{distances.seconds:.1f} s, all converged: {bool(distances.converged.all())}")

# %%
# Classical scaling turns distances into a map. The share of the variation says how much to trust it.

figure = dataset_map(distances.coordinates(), title="Datasets by their distance")

# %%
# Sliced transport needs no matrix of all pairs of points, which counts for large sets; at 500 points it is the slower
# one. It lies far below the distances, and keeps their order only roughly.

sliced = distance_matrix(datasets, solver=Sliced(projections=200), progress=False)
pairs = np.triu_indices(len(datasets), 1)
ranks = [np.argsort(np.argsort(d.squared[pairs])) for d in (distances, sliced)]
print(f"rank correlation with the exact distances {np.corrcoef(*ranks)[0, 1]:.2f}, {sliced.seconds:.1f} s")
