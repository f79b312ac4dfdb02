"""
Which task teaches the right decisions?
=======================================

A way is looked for through a grid of handwritten digits, where every digit has its price. Other tasks have the same
images and other prices. From which of them can one learn? Not the one that looks most alike, but the one whose ways are
still good here. (A quarter of a minute.)
"""

# %%
# A cell is a real image, and a task is what the ten digits cost. Decisions are shortest paths, solved for all grids at
# once. In the other tasks one price is drawn anew, or two, up to all ten.

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from continuum import evaluate, metric, transform
from continuum.decisions import (
    DecisionAwareCost,
    DecisionPath,
    GridShortestPath,
    PtODataset,
    correlate,
    decision_distance,
    decision_drift,
    regret,
)

rng = np.random.default_rng(3)
images, digits = load_digits(return_X_y=True)
side = 8
problem = GridShortestPath(side)
prices = rng.uniform(0.8, 9.2, 10)
learnt = rng.integers(0, 1000, size=(60, side**2))  # which image stands where, in 60 grids
decided = rng.integers(1000, len(digits), size=(200, side**2))


def task(places, prices):
    return PtODataset(images[places] / 16, prices[digits[places]], problem)


def redrawn(count):
    drawn = rng.permutation(10)[:count]
    return np.where(np.isin(np.arange(10), drawn), rng.uniform(0.8, 9.2, 10), prices)


target, test = task(learnt, prices), task(decided, prices)
sources = [task(learnt, redrawn(1 + k // 3)) for k in range(30)]

# %%
# A predictor of the price of a cell is learnt on each source. What its decisions lose on new grids of the target,
# relative to the best ones, is the regret of the transfer.


def learn(data):
    model = make_pipeline(Nystroem(gamma=0.05, n_components=200, random_state=0), Ridge(alpha=0.01))
    model.fit(data.x.reshape(-1, 64), data.y.ravel(), ridge__sample_weight=np.repeat(data.weights, side**2))
    return lambda x: np.maximum(model.predict(x.reshape(-1, 64)), 0).reshape(-1, side**2)


@metric(goal="min")
def lost(predict):
    return regret(problem, predict(test.x), test.y, optimal=test.z)


regrets = np.array([lost(learn(source)) for source in sources])
print(f"learnt on the target itself: {lost(learn(target)):.3f}; on others: {regrets.min():.3f} to {regrets.max():.3f}")

# %%
# Three distances. The first knows nothing of decisions. The second transports by decisions alone: it pairs grids with
# like ways, whatever they show. The third pairs what looks alike, and then prices the decisions that go with it. The
# bootstrap says how sure each correlation is.

agnostic, alone = (DecisionAwareCost(problem, weights) for weights in ((0.5, 0.5, 0.0), (0.0, 0.0, 1.0)))
distances = {
    "features and labels": [float(decision_distance(source, target, agnostic)) for source in sources],
    "decisions choose the plan": [float(decision_distance(source, target, alone)) for source in sources],
    "decisions price the plan": [decision_distance(source, target, mode="priced").at((0, 0, 1)) for source in sources],
}
figure, panels = plt.subplots(1, 3, figsize=(10, 3.3), sharey=True, layout="constrained")
for panel, (name, values) in zip(panels, distances.items(), strict=True):
    found = correlate(values, regrets)
    low, high = found.pearson_interval
    panel.plot(values, regrets, "o", ms=4)
    panel.set(title=f"{name}\nr = {found.pearson:.2f} [{low:.2f}, {high:.2f}]", xlabel="distance to the target")
_ = panels[0].set_ylabel("normalised regret on the target")

# %%
# The farthest source sends one through dear cells. Between it and the target lie tasks on which decisions are made
# anew; the drift is what it costs to go on with the decisions of the source.

far = sources[int(np.argmax(distances["decisions price the plan"]))]
path = DecisionPath(far, target)
curve = evaluate(transform(path, learn), [lost], points=9, progress=False).frame
drift = evaluate(path, [decision_drift(path.at(0))], points=9, progress=False).frame
curve, drift = (frame[frame.role == "path"] for frame in (curve, drift))
scale = problem.paired(target.z, target.y).mean()

picture, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
mosaic = images[decided[0]].reshape(side, side, 8, 8).swapaxes(1, 2).reshape(8 * side, 8 * side)
left.imshow(mosaic, cmap="gray_r")
for name, y, style in (("best way", test.y[:1], "C2"), ("learnt from the farthest", learn(far)(test.x[:1]), "C3")):
    cells = problem.solve(y).reshape(side, side)
    left.imshow(np.kron(cells, np.ones((8, 8))), cmap=ListedColormap(["none", style]), alpha=0.35)
    left.plot([], [], "s", c=style, alpha=0.5, label=f"{name}, cost {cells.ravel() @ test.y[0]:.0f}")
left.set_axis_off()
left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), frameon=False)
right.plot(curve.t, curve.value, "o-", label="regret on the target of what is learnt at t")
right.plot(drift.t, drift.value / scale, "s--", label="drift of decisions")
right.set(xlabel="t, from the farthest source to the target", ylabel="share of the optimal cost")
right.set_ylim(top=0.5)
right.legend(frameon=False)
