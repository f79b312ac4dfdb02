"""
Models in between: soups of fine-tuned networks
===============================================

Networks that were fine-tuned from one start can be averaged, weight by weight, and the average is often better than any
of them. Networks from different starts cannot. Both are paths between checkpoints, measured by the same harness.
"""

# %%
# A small network learns to read handwritten digits. Then it has to read them through noise: copies of it are fine-tuned
# with other batches, noise and learning rates, one of which is far too large.

import copy

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from continuum import Metric, evaluate
from continuum.datasets import load
from continuum.models import CheckpointPath
from continuum.models.weights import greedy_soup

NOISE, COPIES = 0.4, 5


def digits(split):
    x, y = load("digits", split=split).to_numpy()
    return torch.tensor(x).flatten(1), torch.tensor(y)


def through_noise(x, y, seed):
    """Several copies of every image, each with noise of its own."""
    x, y = x.repeat(COPIES, 1), y.repeat(COPIES)
    return x + NOISE * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)), y


x, y = digits("train")
held_out = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)) < 300
X, Y = x[~held_out], y[~held_out]
VALIDATION = through_noise(x[held_out], y[held_out], seed=1)
TEST = through_noise(*digits("test"), seed=2)


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def trained(model, seed, rate, noise=NOISE, steps=400):
    """A copy of `model` after some steps of Adam."""
    model, draws = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        rows = torch.randint(len(X), (64,), generator=draws)
        noisy = X[rows] + noise * torch.randn(64, 64, generator=draws)
        optimizer.zero_grad()
        cross_entropy(model(noisy), Y[rows]).backward()
        optimizer.step()
    return model


def started(seed):
    return trained(network(seed), seed, 1e-3, noise=0, steps=200)


start = started(0)  # reads clean digits
rates = [1e-3, 1e-3, 3e-3, 3e-3, 1e-2, 1e-2, 1e-1]
tuned = {f"{rate:g}, seed {seed}": trained(start, seed, rate).state_dict() for seed, rate in enumerate(rates)}
strangers = [trained(started(seed), seed, 1e-2).state_dict() for seed in (10, 11)]

# %%
# What lies between two of the copies? On the straight line there is no barrier; it dips below both ends. The sphere
# through their task vectors, which are their differences to the start, does nearly the same. Between networks of
# different starts, trained in the same way, there is a mountain: both are good, and half of each is of no use. It is
# the common start that makes an average meaningful.


def losses(model, images):
    """One number for each image, averaged over its copies."""
    with torch.no_grad():
        return cross_entropy(model(images[0]), images[1], reduction="none").reshape(COPIES, -1).mean(0)


loss = Metric("loss", lambda model: losses(model, TEST).mean(), goal="min", unit="nats")
pair = [tuned["0.01, seed 4"], tuned["0.01, seed 5"]]
results = evaluate(
    CheckpointPath(pair).as_models(network(0)),
    loss,
    points=17,
    name="one start, straight",
    baselines={
        "one start, slerp": CheckpointPath(pair, method="slerp", base=start.state_dict()).as_models(network(0)),
        "two starts, straight": CheckpointPath(strangers).as_models(network(0)),
    },
    progress=False,
)
figure = results.plot()
print(results.summary()[["label", "first", "last", "best", "best_t", "barrier"]].round(3).to_string(index=False))

# %%
# With more than two, the path is a simplex. The uniform soup is its centre, with the copy that was trained too fast in
# it. The greedy soup starts from the best copy and keeps every other one that does no harm, judged on images that
# neither training nor the test has seen.

weights = CheckpointPath(tuned)
soups = weights.as_models(network(0))
greedy = greedy_soup(soups, Metric("loss", lambda model: losses(model, VALIDATION).mean(), goal="min"))
rows = {f"rate {name}": point for name, point in zip(tuned, soups.domain.vertices(), strict=True)}
rows |= {"best copy": greedy.members[0], "uniform soup": weights.uniform(), "greedy soup": greedy.weights}
for name, point in rows.items():
    print(f"{name:20} {loss(soups.at(point)):.3f} nats")
print("in the greedy soup:", [list(tuned)[member.index(1)] for member in greedy.members])

# %%
# Is that luck? Both are measured on the same images, so their difference has a small standard error. It covers the
# images, not the seeds of the training.

gain = losses(soups.at(greedy.members[0]), TEST) - losses(soups.at(greedy.weights), TEST)
print(f"the greedy soup gains {gain.mean():.3f} +- {gain.std() / len(gain) ** 0.5:.3f} nats on the best copy")
