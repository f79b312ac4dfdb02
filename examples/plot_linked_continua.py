"""
Linking a continuum of datasets with a continuum of models
==========================================================

Between two datasets lie mixtures of them; between two networks that were trained on them lie mixtures of weights. Is a
point of the one worth a point of the other? `link` learns the monotone map, and says what it leaves and what it has to
beat. (Half a minute.)
"""

# %%
# Handwritten digits, and the same kind of digits lying on their side: other images, turned by a quarter. A network that
# knows a little of both is the common start, without which weights could not be mixed.

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from continuum import Interval, PerItem, from_function, link, transform
from continuum.datasets import LabelledDataset, McCann, load
from continuum.harness import Pairwise
from continuum.models import CheckpointPath
from continuum.models.distributions import arithmetic_mixture, geometric_mixture, jensen_shannon

torch.set_num_threads(1)
digits, test = load("digits", split="train"), load("digits", split="test")
N = 500


def turned(data):
    return LabelledDataset(np.rot90(data.x, axes=(1, 2)).copy(), data.y)


upright, lying = digits.subset(range(N)), turned(digits.subset(range(N, 2 * N)))
rest = digits.subset(range(2 * N, len(digits)))
X = torch.cat([torch.tensor(part.x).flatten(1) for part in (test, turned(test))])
Y = torch.tensor(test.y).repeat(2)


def trained(model, data, epochs=30):
    """A copy of a network, trained on a labelled dataset; images of all datasets come in the same order."""
    model, draws = copy.deepcopy(model), torch.Generator().manual_seed(0)
    x = torch.tensor(data.x, dtype=torch.float32).flatten(1)
    y = torch.tensor(data.probabilities, dtype=torch.float32)
    y = y if y.shape[1] == 10 else y.reshape(-1, 2, 10).sum(1)  # a three is a three, upright or not
    weights = torch.tensor(data.weights, dtype=torch.float32) * len(data)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=draws).split(50):
            optimizer.zero_grad()
            (weights[rows] * cross_entropy(model(x[rows]), y[rows], reduction="none")).mean().backward()
            optimizer.step()
    return model


torch.manual_seed(0)
network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
both = LabelledDataset(np.concatenate([rest.x, turned(rest).x]), np.concatenate([rest.y, rest.y]))
start = trained(network, both, epochs=3)


def predicted(model):
    """Log-probabilities of all test images, upright ones first."""
    with torch.no_grad():
        return model(X).log_softmax(1)


# %%
# Two paths of data lead from the upright digits to the lying ones: a share a of the images is replaced, or every image
# moves a part a of the way along the optimal transport plan.


def pooled(a):
    replaced = (np.random.default_rng(0).permutation(N) < round(a * N))[:, None, None]
    y = np.where(replaced[:, 0, 0], lying.y, upright.y)
    return LabelledDataset(np.where(replaced, lying.x, upright.x), y)


data = {"pooled": from_function(Interval(axis="a"), pooled), "transported": McCann(upright, lying)}

# %%
# Networks are alike if their predictions are: the Jensen-Shannon divergence, image by image. For every path of data
# there is one training at each of nine points, and the weights between the networks of both ends. The ensembles of
# these two, at twice the cost, are what a link should be seen beside.


def divergence(log_p, log_q):
    return PerItem(jensen_shannon(log_p, log_q).numpy())


links = {}
for name, path in data.items():
    models = {a: trained(start, path.at(a)) for a in np.linspace(0, 1, 9)}
    ends = predicted(models[1.0]), predicted(models[0.0])
    weights = CheckpointPath([models[0.0].state_dict(), models[1.0].state_dict()]).as_models(start)
    ensembles = {
        f"{label} ensemble": from_function(Interval(), lambda a, mix=mix, ends=ends: mix(*ends, a))
        for label, mix in {"arithmetic": arithmetic_mixture, "geometric": geometric_mixture}.items()
    }
    links[name] = link(
        from_function(Interval(axis="a"), lambda a, models=models: predicted(models[a])),
        transform(weights, predicted),
        Pairwise("divergence", divergence, unit="nats"),
        points=9,
        draws=200,
        baselines=ensembles,
        progress=False,
    )
    print(f"\n{name}: alpha = {links[name].map['alpha'].round(2).tolist()}")
    print((1000 * links[name].rivals[["residual", "low", "high"]]).round(1).to_string())

# %%
# A map always exists; whether the continua are linked is said by what it leaves. Images that were moved are met by the
# weights better than by either ensemble. A network that was trained on both kinds of images reads both, which no
# network between the weights does: the arithmetic ensemble is nearer to it.

figure = links["transported"].plot()
