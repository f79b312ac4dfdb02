"""
What does a hole hide?
======================

Drawings of digits with two holes. An equilibrium model looks for the points that are missing: known points stay where
they are, free particles move until nothing moves any more. (Needs ``continuum fetch mnist``; under a minute, most of it
training.)
"""

# %%
# Clouds are the pixels above 0. A partial view takes away all points near two random ones.

import numpy as np
import torch

from continuum.compute import (
    Anytime,
    Budget,
    BudgetPath,
    CompletionHead,
    CompletionNetwork,
    DistributionalDEQ,
    Iterations,
    Picard,
    TrainingRecipe,
    clouds_of_images,
    completed,
    partial_view,
    train_equilibrium,
)
from continuum.datasets import load
from continuum.measures import chamfer, mmd2

torch.set_num_threads(1)
train = clouds_of_images(load("mnist", n=4000).x)
test = clouds_of_images(load("mnist", split="test", n=200).x)

# %%
# The loss is the energy distance between the completed cloud and the whole one, at three iterates in a row.

model = DistributionalDEQ(
    CompletionNetwork(2, particles=32, encoder_layers=1), CompletionHead(64, 2), budget=Budget(Picard(), 1e-3, 30)
)


def draw(rng):
    whole = train.window(torch.as_tensor(rng.choice(len(train), 32, replace=False)), 64, rng)
    part = partial_view(whole, rng)
    return part, (part, whole)


def loss(free, clouds):
    part, whole = clouds
    made = completed(part, free)
    return mmd2(made.points, whole.points, made.weights, whole.weights).mean()


recipe = TrainingRecipe(400, learning_rate=2e-3)
fitted = train_equilibrium(model, draw, loss, recipe, objective=Anytime(steps=3, prefix=3), progress=False)
print(f"loss {np.mean(fitted.losses[:20]):.4f} to {np.mean(fitted.losses[-20:]):.4f}")

# %%
# Clouds that were not seen, and how near they are to the whole: before, and after 1, 4 and 16 iterations.

whole = test.prefix(torch.arange(200), 64)
part = partial_view(whole, np.random.default_rng(0))
iterations = Iterations(1, 16)
path = BudgetPath(model, iterations)
curve = path.curve(part, [iterations.at_budget(count) for count in (1, 4, 16)])
clouds = {"partial": part} | {
    f"{count} iterations": completed(part, found.output)
    for count, found in zip((1, 4, 16), curve.values(), strict=True)
}
for name, cloud in clouds.items():
    energy = mmd2(cloud.points, whole.points, cloud.weights, whole.weights).mean()
    distance = chamfer(cloud.points, whole.points, cloud.weights, whole.weights).mean()
    print(f"{name:14} energy distance {float(energy):.4f}, Chamfer distance {float(distance):.4f}")
print(f"spread of the particles: {float(curve[(1.0,)].spread.median()):.2f}")

# %%

from matplotlib import pyplot as plt

figure, axes = plt.subplots(3, 8, figsize=(10, 4), layout="constrained", sharex=True, sharey=True)
rows = {"partial": part, "completed": clouds["16 iterations"], "whole": whole}
for row, (name, cloud) in zip(axes, rows.items(), strict=True):
    for i, axis in enumerate(row):
        shown = cloud.points[i][cloud.mask[i]]
        axis.plot(*shown.T, ".", ms=3)
        if name == "completed":
            axis.plot(*shown[-32:].T, ".", ms=3, color="C1")
        axis.set_aspect("equal")
        axis.set_axis_off()
    row[0].set_title(name, loc="left", fontsize=9)
