"""DARE: drop numbers of the task vectors at random and rescale the rest."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
import torch
from torch import Tensor

from continuum.core import Point, check_share, rng_for

from .arithmetic import summed
from .charts import Bounds, Chart, multiples
from .ingredients import Ingredients

__all__ = ["Dare"]


@dataclass(frozen=True)
class Dare:
    r"""Task vectors with numbers dropped at random and the rest rescaled :cite:`yu2024dare`.

    $\theta_0 + \sum_j \lambda_j\, m_j \odot \tau_j / p$ with masks $m_j \sim \mathrm{Bernoulli}(p)$. A mask depends on
    the seed, the name of the checkpoint and that of the tensor only, so it is the same all along the path, which is
    therefore straight in $\lambda$.

    Args:
        density: share p of the numbers that is kept, in the paper one minus the drop rate; 0 leaves the base.
        seed: seed of the masks.
    """

    _: KW_ONLY
    density: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_share("density", self.density)
        rng_for(self.seed)  # refuses what is no seed

    def chart(self, ingredients: Ingredients, bounds: Bounds, /) -> Chart:
        return multiples(ingredients, bounds, uniform=1 / len(ingredients.checkpoints))

    def combine(self, ingredients: Ingredients, name: str, point: Point, /) -> Tensor:
        origin = ingredients.origin.read(name)
        if not self.density:
            return origin.clone()
        used = {called: weight for called, weight in zip(ingredients.checkpoints, point, strict=True) if weight != 0}
        others = [ingredients.checkpoints[called].read(name) for called in used]
        masks = [rng_for(self.seed, "dare", called, name) for called in used]
        weights = [weight / self.density for weight in used.values()]

        def fill(total: Tensor, o: Tensor, *xs: Tensor) -> None:
            total.copy_(o)
            for x, mask, weight in zip(xs, masks, weights, strict=True):
                kept = torch.from_numpy(mask.random(len(o), dtype=np.float32) < self.density).to(o.device)
                total.add_((x - o) * kept, alpha=weight)

        return summed([origin, *others], fill)
