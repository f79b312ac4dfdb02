"""
How much data? Budgets as a slider
==================================

Two fifths of the labels of a pool are random, and twenty clean images show what is wanted: two of ten digits. An
ordering of the pool makes a subset for every budget. Where does more data help, and where does it hurt? (Half a
minute.)
"""

# %%
# The pool, the query, and a small network that saw a tenth of the pool.

import copy

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from continuum import evaluate, metric
from continuum.selection import LastLayerGradients, Random, RoundRobin, Subset, SubsetPath, transport_to

torch.set_num_threads(1)
rng = np.random.default_rng(0)
order = rng.permutation(1797)
x = torch.tensor(load_digits().data[order] / 16, dtype=torch.float32)
y = torch.tensor(load_digits().target[order])
n = 1300
noisy = torch.where(torch.tensor(rng.random(n) < 0.4), torch.tensor(rng.integers(10, size=n)), y[:n])
wanted = n + torch.nonzero(torch.isin(y[n:], torch.tensor([3, 8])))[:, 0]
query, test = wanted[:20], wanted[20:]


def trained(model, rows):
    model, draws = copy.deepcopy(model), np.random.default_rng(1)
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

# %%
# What a training on an example does to the network is its gradient; in the last layer it takes no backward pass. Round
# robin lets the images of the query choose in turn what is most like them. One ordering serves every budget.

gradients = LastLayerGradients(warm, "2")
pool_vectors = gradients.encode(list(zip(x[:n], noisy, strict=True)))
query_vectors = gradients.encode(list(zip(x[query], y[query], strict=True)))
paths = {
    name: SubsetPath(range(n), selector.order(pool_vectors, query_vectors), k_min=20)
    for name, selector in {"by gradients": RoundRobin(), "at random": Random()}.items()
}
chosen = paths["by gradients"].at(paths["by gradients"].at_budget(60))
print(f"60 chosen: {(noisy[chosen.indices] == y[chosen.indices]).float().mean():.0%} have their true label")

# %%
# The path from 20 examples to all of them, beside random subsets and no training at all.


@metric(goal="min")
def loss_on_the_task(subset):
    model = trained(warm, subset.indices)
    with torch.no_grad():
        return float(cross_entropy(model(x[test]), y[test]))


results = evaluate(
    paths["by gradients"],
    [loss_on_the_task, transport_to(pool_vectors, query_vectors)],
    points=9,
    name="by gradients",
    baselines={"at random": paths["at random"]},
    references={"nothing": Subset(np.empty(0, np.int64), np.empty(0))},
    progress=False,
)
curves = results.pivot("loss_on_the_task")
budgets = [paths["by gradients"].count(t) for t in curves.index.get_level_values(0)]
print(curves.assign(examples=budgets).round(3).to_string())

# %%
# The best budget lies inside: soon after what the query wants is used up, labels that are wrong come in. The distance
# that selection makes small says how long it goes well, but not when to stop.

from matplotlib import pyplot as plt

distances = results.pivot("transport to the query")
nothing = results.select(role="reference", metric="loss_on_the_task").frame.value.iloc[0]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for name, style in (("by gradients", "C0.-"), ("at random", "k.--")):
    left.plot(budgets, curves[name], style, label=name)
    right.plot(budgets, distances[name], style, label=name)
left.axhline(nothing, color="0.6", lw=1, label="nothing")
left.set(xscale="log", xlabel="examples", ylabel="loss on the task")
right.set(xscale="log", xlabel="examples", ylabel="transport cost to the query")
left.legend(frameon=False)
