"""
How does a cloud flow to another?
=================================

Particles that follow the gradient of a discrepancy carry one measure to another. How they arrive is a matter of the
kernel and of the steps: a constant step never comes to rest, and a kernel of one width does not see what is far away.
(A few seconds.)
"""

# %%
# The source is a ring, the target are two blobs. The map F that takes every state to the target has one fixed measure,
# the target, so that the flow towards it is a search like any other.

import warnings

import numpy as np
import torch

from continuum.compute import Clouds, Euler, Momentum, Polyak, WassersteinFlow, solve_fixed_point
from continuum.core import ConvergenceWarning
from continuum.measures import Gaussian, Riesz, mmd2

warnings.simplefilter("ignore", ConvergenceWarning)  # some of these are not meant to arrive
rng = np.random.default_rng(0)
angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
source = torch.as_tensor(np.stack([np.cos(angles), np.sin(angles)], 1))
blobs = rng.normal(scale=0.25, size=(60, 2)) + np.where(np.arange(60)[:, None] < 30, [3.0, 1.5], [3.5, -1.5])
target = torch.as_tensor(blobs)


def to_target(z):
    return target.expand_as(z)


# %%
# One step after the other, so that the way is seen. ``last`` would be the target from the start: it is F of the state.

flows = {
    "energy, constant steps": WassersteinFlow(Euler(0.5)),
    "energy, momentum": WassersteinFlow(Momentum(0.05, 0.9)),
    "energy, Polyak's steps": WassersteinFlow(Polyak()),
    "Gaussian of width 0.5": WassersteinFlow(Euler(0.5), kernel=Gaussian(0.5)),
}
STEPS = 200


def walk(flow):
    """All states on the way, (steps, n, 2)."""
    z, memory = source[None], flow.start(source[None])
    states = [z[0]]
    for _ in range(STEPS):
        step = flow.step(to_target, z, memory, Clouds())
        z, memory = step.ahead, step.memory
        states.append(z[0])
    return torch.stack(states)


ways = {name: walk(flow) for name, flow in flows.items()}
for name, way in ways.items():
    found = [float(mmd2(way[k], target, kernel=Riesz())) for k in (0, 10, 50, STEPS)]
    print(f"{name:24} " + "  ".join(f"{value:.4f}" for value in found))

# %%
# The search says the same with its flags: whether a state was found, how near it is, and how often F was evaluated.

for name, flow in flows.items():
    found = solve_fixed_point(to_target, source[None], solver=flow, tolerance=0.02, max_iter=STEPS)
    print(
        f"{name:24} converged {bool(found.converged)}, residual {float(found.residual):.3f}, {int(found.evaluations)}"
    )

# %%
# The energy distance pulls from any distance, and equally hard from nearby: constant steps end in a cycle as wide as a
# step. The narrow Gaussian hardly moves the ring. The least value of the discrepancy is known, 0, and with it how long
# a step should be.

from matplotlib import pyplot as plt

figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained", sharex=True, sharey=True)
for axis, (name, way) in zip(axes, ways.items(), strict=True):
    axis.plot(*target.T, "x", color="0.6", ms=4)
    axis.plot(way[:, ::4, 0], way[:, ::4, 1], "-", color="C0", lw=0.4, alpha=0.6)
    axis.plot(*source.T, ".", color="C1", ms=2)
    axis.plot(*way[-1].T, ".", color="C3", ms=4)
    axis.set_title(name, fontsize=9)
    axis.set_aspect("equal")
