"""
A model between two budgets of data
===================================

One network is trained on few examples of a pool, another on most of it. Is the network half way between their weights
as good as one that is trained on a budget half way? If so, the slider of budgets needs two trainings only. (Half a
minute.)
"""

# %%
# A pool of digits of which two fifths have a random label, a query of two digits, and an ordering by gradients, as in
# :ref:`sphx_glr_gallery_plot_budget_slider.py`.

import copy

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from continuum import evaluate, metric, tabulate, transform
from continuum.models import CheckpointPath
from continuum.selection import LastLayerGradients, RoundRobin, SubsetPath

torch.set_num_threads(1)
rng = np.random.default_rng(0)
order = rng.permutation(1797)
x = torch.tensor(load_digits().data[order] / 16, dtype=torch.float32)
y = torch.tensor(load_digits().target[order])
n = 1300
noisy = torch.where(torch.tensor(rng.random(n) < 0.4), torch.tensor(rng.integers(10, size=n)), y[:n])
wanted = n + torch.nonzero(torch.isin(y[n:], torch.tensor([3, 8])))[:, 0]
query, test = wanted[:20], wanted[20:]


def trained(model, rows, seed=0):
    model, draws = copy.deepcopy(model), np.random.default_rng(seed)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        shuffled = torch.tensor(draws.permutation(rows), dtype=torch.long)
        for batch in shuffled.split(16):
            optimiser.zero_grad()
            cross_entropy(model(x[batch]), noisy[batch]).backward()
            optimiser.step()
    return model


torch.manual_seed(0)
warm = trained(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), np.arange(n // 10))
gradients = LastLayerGradients(warm, "2")
vectors = (gradients.encode(list(zip(x[rows], labels, strict=True)))
           for rows, labels in ((slice(n), noisy), (query, y[query])))  # fmt: skip
subsets = SubsetPath(range(n), RoundRobin().order(*vectors), k_min=20)

# %%
# Two paths over the same coordinate, the budget: trained at each point, and between the weights of two trainings.
# All start from the same warm network, without which weights could not be mixed.

LOW, HIGH = 0.25, 0.75
budgets = [0.25, 0.375, 0.5, 0.625, 0.75]
trainings = transform(subsets, lambda subset: trained(warm, subset.indices))
ends = [trainings.at(t).state_dict() for t in (LOW, HIGH)]
weights = CheckpointPath(ends).as_models(warm)
mixed = tabulate({t: weights.at((t - LOW) / (HIGH - LOW)) for t in budgets})


@metric(goal="min")
def loss(model):
    with torch.no_grad():
        return float(cross_entropy(model(x[test]), y[test]))


@metric(goal="max")
def accuracy(model):
    with torch.no_grad():
        return float((model(x[test]).argmax(1) == y[test]).float().mean())


both = {"trained": trainings, "between the ends": mixed}
frames = {
    name: evaluate(path, [loss, accuracy], points=budgets, name=name, progress=False) for name, path in both.items()
}
curves = {name: found.select(metric="loss", role="path").frame.value.to_numpy() for name, found in frames.items()}
for name, values in curves.items():
    print(f"{name:18}", values.round(3))

# %%
# The mixture of weights is not the model of the budget in between, but it is hardly ever worse than both ends.

from matplotlib import pyplot as plt

counts = [subsets.count(t) for t in budgets]
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for (name, values), style in zip(curves.items(), ("k.--", "C0.-"), strict=True):
    axes.plot(counts, values, style, label=name)
axes.set(xscale="log", xlabel="examples", ylabel="loss on the task")
axes.set_xticks(counts, map(str, counts))
axes.minorticks_off()
axes.legend(frameon=False)
