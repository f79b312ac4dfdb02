"""
Inputs in between, and how long to think about them
===================================================

A cloud of points that is a three moves along the optimal transport plan to one that is an eight. An equilibrium model
of point clouds reads every cloud on the way, after every number of iterations. Depth and input become two coordinates
of one path. (Under a minute, most of it training.)
"""

# %%
# Digits as clouds: the dark pixels, without any order.

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from continuum import evaluate, metric, product
from continuum.compute import (
    AnchoredNetwork,
    Anytime,
    Budget,
    BudgetPath,
    ClassificationHead,
    DistributionalDEQ,
    Iterations,
    Picard,
    PointCloudBatch,
    TrainingRecipe,
    clouds_of_images,
    train_equilibrium,
)
from continuum.datasets import LabelledDataset, McCann, load

torch.set_num_threads(1)
clouds = {}
for split in ("train", "test"):
    digits = load("digits", split=split)
    wanted = np.isin(digits.y, (3, 8))
    clouds[split] = clouds_of_images(digits.x[wanted], (digits.y[wanted] == 8).astype(int), threshold=0.25)

# %%
# One small model is trained to be of use at every iteration.

network, head = AnchoredNetwork(2, seed=0), ClassificationHead(64, 2, seed=0)
model = DistributionalDEQ(network, head, budget=Budget(Picard(), 1e-3, 16))


def draw(rng):
    rows = torch.as_tensor(rng.choice(len(clouds["train"]), 32, replace=False))
    return clouds["train"].window(rows, 32, rng), clouds["train"].labels[rows]


train_equilibrium(model, draw, cross_entropy, TrainingRecipe(250), objective=Anytime(steps=3, prefix=4), progress=False)
test = clouds["test"]
with torch.no_grad():
    right = (model(test[:]).argmax(1) == test.labels).float().mean()
print(f"{right:.1%} of {len(test)} test clouds are told apart")

# %%
# The data axis: two clouds as datasets of points, and McCann's interpolation between them. The compute axis: the same
# model with a budget. Their product is a path with two coordinates, whose values hold one of each.

three, eight = (test[torch.nonzero(test.labels == label)[:1, 0]].clouds()[0].numpy() for label in (0, 1))
between = McCann(*(LabelledDataset(cloud, np.zeros(len(cloud), int)) for cloud in (three, eight)), label_weight=0)
iterations = Iterations(1, 16)
grid = product(data=between, compute=BudgetPath(model, iterations))


@metric
def log_odds_of_an_eight(value):
    cloud = value["data"]
    points = PointCloudBatch.from_list([torch.tensor(cloud.x)], weights=[torch.tensor(cloud.weights).float()])
    with torch.no_grad():
        three, eight = value["compute"](points)[0].tolist()
    return eight - three


results = evaluate(grid, [log_odds_of_an_eight], points=9, name="inputs and iterations", progress=False)
t, budget = results.axes
path = results.select(role="path").frame
table = path.pivot_table(index=budget, columns=t, values="value")
print(table.round(1).to_string())

# %%
# Along the way the answer changes from one digit to the other, in a narrow stretch. It is there after one iteration,
# and more of them make the model surer: a question about the whole cloud has nothing that must travel between points.

from matplotlib import pyplot as plt

figure = plt.figure(figsize=(9, 4.4), layout="constrained")
shown = (0, 0.25, 0.5, 0.75, 1)
top, bottom = figure.subfigures(2, 1, height_ratios=(1, 2))
for axis, s in zip(top.subplots(1, len(shown)), shown, strict=True):
    axis.scatter(*between.at(s).x.T, s=6)
    axis.set(title=f"t = {s:g}", aspect="equal")
    axis.set_axis_off()
axis = bottom.subplots()
whole = table.index[::2]  # K = 1, 2, 4, 8, 16
for row, colour in zip(whole, plt.colormaps["viridis_r"](np.linspace(0.1, 1, len(whole))), strict=True):
    axis.plot(table.columns, table.loc[row], color=colour, label=f"K = {iterations.count(row):g}")
axis.set(xlabel="t, from a three to an eight", ylabel="log-odds of an eight")
axis.legend(frameon=False)
