"""
The distance between two labelled datasets
==========================================

How far is one labelled dataset from another, if they share neither images nor labels? The optimal transport dataset
distance answers with a number; this library adds two bounds that prove it.
"""

# %%
# Handwritten digits come with scikit-learn. The small ones, 0 to 4, are one set here, and the large ones another.

import matplotlib.pyplot as plt
import numpy as np

from continuum.datasets import LabelledDataset, load, otdd
from continuum.measures import Sinkhorn

x, y = load("digits", n=600, seed=0).to_numpy()
small, large = LabelledDataset(x[y < 5], y[y < 5]), LabelledDataset(x[y >= 5], y[y >= 5])
distance = otdd(small, large)
print(distance)

# %%
# The bounds hold whatever the solver did: ``upper`` is the cost of a plan whose marginals are exact, ``lower`` the
# value of dual potentials that were made feasible. With the exact solver they coincide up to rounding.

print(f"squared distance {distance.squared:.6f}, gap {distance.upper - distance.lower:.1e}")

# %%
# It behaves as a distance should: zero from a set to itself, the same in both directions, and blind to the order of
# the points and to the names of the labels.

shuffled = small.subset(np.random.default_rng(0).permutation(len(small)))
renamed = LabelledDataset(shuffled.x, [f"digit {label}" for label in shuffled.y])
print(f"to itself      {otdd(small, small).squared:.1e}")
print(f"to a copy      {otdd(small, renamed).squared:.1e}")
print(f"back and forth {otdd(large, small).squared - distance.squared:.1e}")

# %%
# A law with a known answer: move a set by a vector :math:`v`. Its points travel :math:`\|v\|`, and so do the means of
# its classes, which are all that changes in their laws. Hence
# :math:`\mathrm{OTDD}^2 = \lambda_x \|v\|^2 + \lambda_y \|v\|^2`.

v = np.full((8, 8), 0.25)
moved = LabelledDataset(small.x.astype(float) + v, small.y)
for label_weight in (0.0, 1.0, 10.0):
    found = otdd(small, moved, label_weight=label_weight).squared
    print(f"label weight {label_weight:4g}: {found:.9f}, expected {(1 + label_weight) * np.sum(v**2):.9f}")

# %%
# Which labels are alike? The table of label distances is part of the answer, since the two sets have none in common.

figure, axes = plt.subplots(figsize=(4.6, 3.8), layout="constrained")
picture = axes.imshow(np.sqrt(distance.label_table), cmap="viridis")
axes.set_xticks(range(5), distance.target_labels)
axes.set_yticks(range(5), distance.source_labels)
axes.set(xlabel="label of the target", ylabel="label of the source")
bar = figure.colorbar(picture, label="distance between the laws of two labels")

# %%
# An approximate solver is cheaper for large sets, and the bounds then say how far off it can be: the shaded interval
# encloses the exact value at every entropic strength.

strengths = np.geomspace(0.3, 0.003, 6)
found = [otdd(small, large, solver=Sinkhorn(epsilon, scale="mean", tolerance=1e-3)) for epsilon in strengths]

bounds, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
lower, upper = [d.lower for d in found], [d.upper for d in found]
axes.fill_between(strengths, lower, upper, alpha=0.25, label="certified interval")
axes.plot(strengths, [d.squared for d in found], "o-", label="cost of the plan")
axes.axhline(distance.squared, color="black", linestyle="--", label="exact")
axes.set(xscale="log", xlabel="entropic strength, in multiples of the mean cost", ylabel="squared distance")
legend = axes.legend(frameon=False)
