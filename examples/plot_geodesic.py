"""
Datasets in between: a geodesic and Mixup
=========================================

Two labelled image sets, seen from a third, the base. Every weight between them is a labelled dataset of its own. The
generalized geodesic pairs images by optimal transport; Mixup pairs them at random.
"""

# %%
# The base is a set of handwritten digits. The sources are two other sets where they are on this machine
# (``continuum fetch animals optdigits``), otherwise two groups of classes of the digits.

import numpy as np

from continuum import along, evaluate
from continuum.datasets import (
    GeneralizedGeodesic,
    LabelledDataset,
    Mixup,
    Perceptron,
    available,
    linear_probe,
    load,
    otdd_to,
    resize,
)
from continuum.report import image_strip

SIDE, N = 16, 240


def images(name, split="train", n=None):
    """A set at the size that all sets are brought to."""
    data = load(name, split=split, n=n, seed=0)
    return LabelledDataset(resize(data.x, SIDE), data.y)


def without(data, known):
    """`data` less the images that `known` has too: digits is a part of optdigits."""
    seen = {image.tobytes() for image in known.x}
    return data.subset([image.tobytes() not in seen for image in data.x])


base, test = images("digits", n=N), images("digits", "test")
if {"animals", "optdigits"} <= set(available()):
    others = without(images("optdigits"), images("digits", "all"))
    sources = {"animals": images("animals", n=N), "optdigits": others.subset(slice(0, N))}
else:
    x, y = without(images("digits"), base).to_numpy()
    low, high = np.flatnonzero(y < 5)[:N], np.flatnonzero(y >= 5)[:N]
    sources = {"digits 0-4": LabelledDataset(x[low], y[low]), "digits 5-9": LabelledDataset(x[high], y[high])}
print(base, *(f"{name}: {data}" for name, data in sources.items()), sep="\n")

# %%
# ``fit`` computes one optimal transport map from the base to each source. A point of the path is then a weighted sum
# of what the maps send each base image to, so nothing is solved again along the way.

geodesic = GeneralizedGeodesic.fit(base, sources)
mixup = Mixup(sources)
first, second = geodesic.domain.vertices()
path, rival = along(geodesic, first, second), along(mixup, first, second)

steps = [0, 0.25, 0.5, 0.75, 1]
rows = {
    name: np.stack([line.at(t).x[:3] for t in steps], axis=1)  # (examples, steps, height, width)
    for name, line in {"geodesic": path, "Mixup": rival}.items()
}
strip = image_strip(rows, columns=[f"t = {t:g}" for t in steps])

# %%
# Labels are mixed as the images are. Sources need not share any: a label of the mixture is a pair of a source and one
# of its labels, and each row is a distribution over these pairs.

middle = path.at(0.5)
likely = np.argsort(middle.y[0])[::-1][:2]
print([(*middle.classes[k], round(float(middle.y[0, k]), 2)) for k in likely])

# %%
# Which mixture is nearest to the base? In Gram form this is a convex problem in the weights alone, solved exactly; no
# further transport problem is needed, neither for it nor for the distance at any other point.

nearest = geodesic.project()
print({name: round(weight, 3) for name, weight in zip(geodesic.names, nearest.weights, strict=True)})
print(f"distance of the nearest mixture {np.sqrt(nearest.squared):.3f}")
for name, vertex in zip(geodesic.names, (first, second), strict=True):
    print(f"distance of {name} seen from the base {geodesic.distance_to_base(vertex):.3f}")

# %%
# What are the mixtures worth? A small network learns from each, then a linear classifier is fitted to its hidden layer
# with five labelled base images a class. The network that sees these shots only is the reference to beat.

shots = base.subset(np.concatenate([np.flatnonzero(base.codes == code)[:5] for code in range(10)]))
results = evaluate(
    path,
    [linear_probe(shots, test, network=Perceptron(steps=100)), otdd_to(base)],
    points=5,
    name="geodesic",
    baselines={"Mixup": rival},
    references={"shots only": shots},
    seeds=3,
    progress=False,
)
figure = results.plot()

# %%
# The dash-dotted line is the best single source. Optdigits and digits are images of one kind, so where optdigits is a
# source, choosing it is hard to beat; and three seeds leave wide intervals.
