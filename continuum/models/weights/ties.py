"""TIES: trim the task vectors, elect a sign for each weight, average those that agree."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from continuum.core import InvalidInputError, Point, check_share

from .arithmetic import blocks, is_finite, summed, wide
from .charts import Bounds, Chart, multiples
from .ingredients import Ingredients

__all__ = ["Ties"]


@dataclass(frozen=True)
class Ties:
    r"""Task vectors that are trimmed, and averaged where they agree in sign :cite:`yadav2023ties`.

    $\theta_0 + \frac{1}{|A|} \sum_{j \in A} \lambda_j \hat\tau_j$ for each weight on its own. $\hat\tau_j$ keeps the
    numbers of largest magnitude in each tensor of the task vector and sets the rest to 0. The sign of a weight is that
    of $\sum_j \hat\tau_j$, without the $\lambda_j$; A is the set of checkpoints whose number has this sign. (A sum of
    exactly 0 elects nobody, and leaves the base.) With all $\lambda_j$ equal this is the paper, whose code ranks all
    tensors together; with different ones it is the order of PEFT: elect, then weigh, then divide by the number of those
    that agree, so that the path is straight in $\lambda$. mergekit elects on weighted numbers and divides by the sum of
    the weights that agree, which makes it jump where an election turns.

    Takes memory for the magnitudes of one tensor in float32 besides the result.

    Args:
        density: share of the numbers of a tensor that is kept, at least one; all that equal the last of them are kept.
    """

    _: KW_ONLY
    density: float = 0.2

    def __post_init__(self) -> None:
        check_share("density", self.density)
        if self.density == 0:
            raise InvalidInputError("`density` must be more than 0: then nothing is kept.")

    def chart(self, ingredients: Ingredients, bounds: Bounds, /) -> Chart:
        return multiples(ingredients, bounds, uniform=1.0)

    def combine(self, ingredients: Ingredients, name: str, point: Point, /) -> Tensor:
        origin, others = ingredients.origin.read(name), ingredients.read(name)
        if not all(map(is_finite, (origin, *others))):  # NaNs would be trimmed away, unseen
            return ingredients.settle(name)
        smallest = [_smallest_kept(origin, other, self.density) for other in others]

        def fill(total: Tensor, o: Tensor, *xs: Tensor) -> None:
            offsets = torch.stack([x - o for x in xs])
            offsets[offsets.abs() < offsets.new_tensor(smallest)[:, None]] = 0
            agree = (offsets.sign() == offsets.sum(0).sign()) & (offsets != 0)
            summands = offsets.new_tensor(point) @ (offsets * agree)
            torch.add(o, summands / agree.sum(0).clamp(min=1), out=total)

        return summed([origin, *others], fill)


def _smallest_kept(origin: Tensor, other: Tensor, density: float) -> float:
    """The smallest magnitude of a difference that is among the largest."""
    n = origin.numel()
    dropped = n - max(1, round(density * n))
    if dropped <= 0:
        return 0.0
    magnitudes = torch.empty(n, dtype=wide(origin.dtype))
    for piece, (o, x) in blocks([origin, other]):
        magnitudes[piece] = (x - o).abs()
    found = magnitudes.numpy()
    found.partition(dropped)  # in place
    return float(found[dropped])
