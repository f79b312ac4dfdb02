r"""Divergences and mixtures of distributions over a vocabulary.

Distributions are tensors of log-probabilities (n, vocabulary), one row for each position; all numbers are in nats.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from continuum.core import IncompatibleError, InvalidInputError

__all__ = ["admit_pair", "arithmetic_mixture", "geometric_mixture", "jensen_shannon", "kullback_leibler"]


def kullback_leibler(log_p: Tensor, log_q: Tensor) -> Tensor:
    r"""$\mathrm{KL}(p \| q) = \sum_v p_v \log (p_v / q_v)$ of each row, (n,).

    Example:
        >>> p, q = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[1.0, 0.0]]).log()
        >>> kullback_leibler(p, p).item(), kullback_leibler(q, p).item(), kullback_leibler(p, q).item()
        (0.0, 0.693..., inf)
    """
    admit_pair(log_p, log_q)
    # 0 log 0 = 0, though its computation is not a number.
    terms = torch.where(log_p == -math.inf, 0.0, log_p.exp() * (log_p - log_q))
    return terms.sum(-1).clamp_min(0.0)  # of equal rows rounding can make it negative


def jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    r"""$\mathrm{JS} = \frac{1}{2} \mathrm{KL}(p \| m) + \frac{1}{2} \mathrm{KL}(q \| m)$ with $m = (p + q) / 2$, (n,).

    Symmetric, in [0, log 2], and 0 only for equal rows. Lin (1991), eq. 4.1 with equal weights :cite:`lin1991`.

    Example:
        >>> p, q = torch.tensor([[1.0, 0.0]]).log(), torch.tensor([[0.0, 1.0]]).log()
        >>> jensen_shannon(p, q).item()
        0.693...
    """
    middle = arithmetic_mixture(log_p, log_q, 0.5)
    return (kullback_leibler(log_p, middle) + kullback_leibler(log_q, middle)) / 2


def arithmetic_mixture(log_p: Tensor, log_q: Tensor, weight: float) -> Tensor:
    r"""Log of $w p + (1 - w) q$: what a model trained on a share w of the text of p tends to.

    Args:
        log_p: log-probabilities, (n, vocabulary).
        log_q: the same of another model.
        weight: w, the weight of `log_p`, in [0, 1].

    Example:
        >>> p, q = torch.tensor([0.8, 0.2]).log(), torch.tensor([0.2, 0.8]).log()
        >>> arithmetic_mixture(p, q, 0.5).exp()
        tensor([0.5000, 0.5000])
    """
    admit_pair(log_p, log_q)
    if not 0 <= weight <= 1:
        raise InvalidInputError(f"`weight` of an arithmetic mixture must be in [0, 1], got {weight!r}.")
    if weight in (0, 1):
        return log_p if weight else log_q
    return torch.logaddexp(log_p + math.log(weight), log_q + math.log1p(-weight))


def geometric_mixture(log_p: Tensor, log_q: Tensor, weight: float) -> Tensor:
    r"""Log of $p^w q^{1-w} / Z$: to first order what interpolated weights give, since they interpolate logits.

    A product of experts (Hinton, 2002 :cite:`hinton2002`). Outside [0, 1] the `weight` extrapolates.

    Args:
        log_p: log-probabilities, (n, vocabulary).
        log_q: the same of another model.
        weight: w, the weight of `log_p`, any finite number.

    Example:
        >>> p, q = torch.tensor([0.8, 0.2]).log(), torch.tensor([0.5, 0.5]).log()
        >>> geometric_mixture(p, q, 2.0).exp()
        tensor([0.9412, 0.0588])
    """
    admit_pair(log_p, log_q)
    if not math.isfinite(weight):
        raise InvalidInputError(f"`weight` of a geometric mixture must be finite, got {weight!r}.")
    if weight in (0, 1):
        return log_p if weight else log_q
    return (weight * log_p + (1 - weight) * log_q).log_softmax(-1)


def admit_pair(log_p: Tensor, log_q: Tensor) -> None:
    """Refuse distributions that cannot be compared row by row.

    Raises:
        IncompatibleError: if they are at other positions, or over another vocabulary.
    """
    if log_p.shape != log_q.shape:
        raise IncompatibleError(
            "both must be distributions at the same positions over one vocabulary, got shapes "
            f"{tuple(log_p.shape)} and {tuple(log_q.shape)}."
        )
