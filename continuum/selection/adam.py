r"""The direction in which Adam would move: what the gradient of an example does to the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from continuum.core import IncompatibleError, InvalidInputError, check_share, check_weight

__all__ = ["AdamDirection"]


@dataclass(frozen=True, eq=False)
class AdamDirection:
    r"""$\Gamma = (\beta_1 m + (1 - \beta_1) g) / \sqrt{\beta_2 v + (1 - \beta_2) g^2 + \epsilon}$.

    As LESS has it: the moments of a checkpoint, one more step with the gradient g of one example, no correction of
    their bias, and epsilon inside the root (Xia et al. 2024, section 4) :cite:`xia2024`. Moments are found by the names
    of parameters.

    Args:
        first: m of each parameter, by name.
        second: v of each parameter, by name.
        beta1: decay of m.
        beta2: decay of v.
        epsilon: under the root.

    Raises:
        InvalidInputError: if the moments are not of the same parameters, or an option is out of range.
    """

    first: Mapping[str, Tensor]
    second: Mapping[str, Tensor]
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            check_share(name, getattr(self, name))
        check_weight("epsilon", self.epsilon)
        odd = sorted(set(self.first) ^ set(self.second))
        if odd:
            raise InvalidInputError(f"`first` and `second` must be of the same parameters; only one has {odd[:3]}.")

    @classmethod
    def from_optimizer(cls, optimizer: torch.optim.Optimizer, model: nn.Module) -> AdamDirection:
        """The moments that Adam or AdamW holds of the parameters of a model, with its betas.

        Raises:
            InvalidInputError: if the optimizer has taken no step, or its groups have different betas.
            IncompatibleError: if it is no Adam.
        """
        betas = {tuple(group["betas"]) for group in optimizer.param_groups if "betas" in group}
        if len(betas) != 1:
            if not betas:
                raise IncompatibleError(f"`optimizer` must be Adam or AdamW, got {type(optimizer).__name__}.")
            raise InvalidInputError(f"the groups of `optimizer` have different betas, {sorted(betas)}: pass moments.")
        held = {
            name: optimizer.state[p] for name, p in model.named_parameters() if "exp_avg" in optimizer.state.get(p, {})
        }
        if not held:
            raise InvalidInputError("`optimizer` holds no moments of this model: take a step with it first.")
        first, second = (
            {name: state[key].clone() for name, state in held.items()} for key in ("exp_avg", "exp_avg_sq")
        )
        return cls(first, second, *betas.pop())

    def of(self, gradients: Float[Tensor, "n p"], names: Sequence[str]) -> Float[Tensor, "n p"]:
        r"""$\Gamma$ of each gradient, whose coordinates are those of the parameters of these names, in this order.

        Raises:
            IncompatibleError: if a parameter has no moments, or they are of another size.

        Example:
            >>> still = AdamDirection({"w": torch.zeros(2)}, {"w": torch.zeros(2)})
            >>> still.of(torch.tensor([[2.0, -0.1]]), ["w"])  # the signs, times 0.1 / 0.001^0.5
            tensor([[ 3.1623, -3.1607]])
        """
        first, second = (self._vector(moments, names, gradients) for moments in (self.first, self.second))
        root = (self.beta2 * second + (1 - self.beta2) * gradients**2 + self.epsilon).sqrt()
        return (self.beta1 * first + (1 - self.beta1) * gradients) / root

    def _vector(self, moments: Mapping[str, Tensor], names: Sequence[str], like: Tensor) -> Tensor:
        absent = [name for name in names if name not in moments]
        if absent:
            raise IncompatibleError(
                f"{len(absent)} parameters have no moments, such as {absent[0]}: take gradients of what was trained, "
                "or moments of this model."
            )
        vector = torch.cat([moments[name].detach().reshape(-1).to(like) for name in names])
        if len(vector) != like.shape[1]:
            raise IncompatibleError(
                f"the moments are {len(vector)} numbers and a gradient {like.shape[1]}: they are of another model."
            )
        return vector
