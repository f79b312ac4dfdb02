"""
How much should it compute?
===========================

Points lie on two spiral arms; one of them is marked. Which points are on its arm? A network that looks at near points
only has to pass the news on, one hop with each application. How right it can be after K of them is known beforehand, so
that one sees whether every iteration is used. (Under a minute, most of it training.)
"""

# %%
# The ceiling is found by breadth-first search: after K steps a point can know what lies within K hops, and no more.

import math
import time

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from continuum import evaluate, from_function, metric
from continuum.compute import (
    Anytime,
    Budget,
    BudgetPath,
    Changes,
    DistributionalDEQ,
    Iterations,
    LocalNetwork,
    Picard,
    PointHead,
    TrainingRecipe,
    spiral_arms,
    train_equilibrium,
)

torch.set_num_threads(1)
test = spiral_arms(256, seed=1)
print([f"{test.ceiling(steps):.3f}" for steps in (1, 4, 8, 16)])

# %%
# One network is trained to be of use at every iteration, another for four iterations only.


def train(objective, steps):
    network = LocalNetwork(radius=test.radius)
    model = DistributionalDEQ(network, PointHead(32), budget=Budget(Picard(), 1e-3, 40))

    def draw(rng):
        task = spiral_arms(32, seed=int(rng.integers(1_000_000, 2**31)))
        return task.clouds, task

    def loss(output, task):
        each = binary_cross_entropy_with_logits(output[..., 0], task.labels.float(), reduction="none")
        return each[task.clouds.mask].mean()

    recipe = TrainingRecipe(steps, learning_rate=3e-3, weight_decay=1e-3, average=0.0)
    train_equilibrium(model, draw, loss, recipe, objective=objective, progress=False)
    return model


model = train(Anytime(steps=8, prefix=8, emphasis=1), 600)
dedicated = train(Anytime(steps=4, prefix=0, emphasis=50), 200)

# %%
# A path from one iteration to 32, with the ceiling and the dedicated network beside it.

iterations = Iterations(1, 32)


@metric(goal="max")
def points_right(answer):
    return test.accuracy(answer(test.clouds)[..., 0])


def best_answer(t):
    known = test.known(math.ceil(iterations.count(t)))
    return lambda clouds: known[..., None]


ceiling = from_function(iterations.domain, best_answer)
baselines = {"ceiling": ceiling, "trained for four": BudgetPath(dedicated, iterations)}
results = evaluate(BudgetPath(model, iterations), [points_right], points=11, baselines=baselines, progress=False)
curves = results.frame.pivot_table(index="t", columns="label", values="value")
print(curves.round(3))

# %%
# Each cloud may also end by itself, when none of its answers changes any more. Clouds that need few hops end early,
# and leave the batch: time is saved, not only iterations.

for name, spending, t in (("32 iterations", iterations, 1.0), ("ends by itself", Changes(0.02, 0.01, 40), 0.0)):
    with BudgetPath(model, spending).lease(t) as member:
        start = time.process_time()
        found = member.equilibrium(test.clouds)
        seconds = time.process_time() - start
    counts = found.solution.evaluations.numpy()
    right = test.accuracy(found.output[..., 0])
    print(f"{name:15} {right:.4f} right, {counts.mean():.1f} iterations on average, {seconds:.2f} CPU s")

# %%

from matplotlib import pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for label, style in (("ceiling", "0.6"), ("trained for four", "C3--"), ("BudgetPath", "C0.-")):
    column = next(name for name in curves.columns if name.startswith(label))
    left.plot([iterations.count(t) for t in curves.index], curves[column], style, label=label)
left.plot(counts.mean(), test.accuracy(found.output[..., 0]), "k*", ms=10, label="ends by itself")
left.set(xscale="log", xlabel="applications of F", ylabel="points that are right")
left.legend(frameon=False)
jitter = np.random.default_rng(0).uniform(-0.2, 0.2, len(counts))
right.plot(test.hops_needed.numpy() + jitter, counts, ".", ms=3)
right.set(xlabel="hops that a cloud needs", ylabel="iterations that it takes")
