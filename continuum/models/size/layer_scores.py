"""How much each layer of a model matters, measured on texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from continuum.core import IncompatibleError

from ..anatomy import blocks
from ..distributions import kullback_leibler
from .calibration import Calibration, Chunks
from .parts import Parts, Prepared

__all__ = ["block_influence", "gradient_norms", "lowest_first", "single_drop_kl"]

_CHUNK = 128  # positions whose distributions are held at a time


def single_drop_kl(teacher: Any, calibration: Calibration | Chunks) -> tuple[float, ...]:
    r"""What a model loses with each of its layers: $\mathrm{KL}(p \| p_{-i})$ of the model without layer i, in nats.

    The mean over the calibration positions. Only layers after i are run again: of n layers n (n + 1) / 2 in all.

    Args:
        teacher: a language model of the `transformers` library.
        calibration: the texts, or chunks of tokens.

    Raises:
        IncompatibleError: if its layers cannot be found, it has no head, or what it says is no number.
    """
    found = blocks(teacher)
    parts, sums = Parts(found), torch.zeros(len(found), dtype=torch.float64)
    for ids, places in zip(calibration.batches, calibration.places, strict=True):
        if not len(places):
            continue
        prepared = parts.prepared(ids)
        states = _states(parts, prepared, len(found))
        whole = _chosen(states[-1], places)
        for i in range(len(found)):
            hidden = states[i]
            for k in range(i + 1, len(found)):
                hidden = parts.layer(k, hidden, prepared)
            sums[i] += _divergence(parts, whole, _chosen(hidden, places))
    means = sums / sum(map(len, calibration.places))
    if not bool(means.isfinite().all()):
        raise IncompatibleError(
            "the model says nothing that is a number; run it in a wider dtype, such as bfloat16 instead of float16."
        )
    return tuple(means.tolist())


def block_influence(teacher: Any, calibration: Calibration) -> tuple[float, ...]:
    r"""How much each layer turns the hidden states: $1 - \mathbb{E} \cos(x_i, x_{i+1})$, in [0, 2].

    Over all calibration tokens; states are those before the final norm. Men et al. (2024), ShortGPT.

    Args:
        teacher: a language model of the `transformers` library.
        calibration: the texts.

    Raises:
        IncompatibleError: if its layers cannot be found, or it has no head.
    """
    found = blocks(teacher)
    parts, sums = Parts(found), torch.zeros(len(found), dtype=torch.float64)
    for ids in calibration.batches:
        prepared = parts.prepared(ids)
        hidden = prepared.hidden
        for i in range(len(found)):
            after = parts.layer(i, hidden, prepared)
            sums[i] += torch.cosine_similarity(hidden.float(), after.float(), dim=-1).double().sum().cpu()
            hidden = after
    return tuple((1 - sums / calibration.tokens.numel()).tolist())


def gradient_norms(teacher: Any, calibration: Calibration) -> tuple[float, ...]:
    """Squared lengths of the gradients of the layers, of the loss of the next token on the calibration texts.

    They weigh neighbours in CheckFree, see `NeighbourMean`. The model has no gradients afterwards that it did not have.

    Args:
        teacher: a causal language model of the `transformers` library.
        calibration: the texts.

    Raises:
        IncompatibleError: if its layers cannot be found.
    """
    found = blocks(teacher)
    weights = [[weight for weight in layer.parameters() if weight.requires_grad] for layer in found]
    flat = [weight for layer in weights for weight in layer]
    sums = [torch.zeros_like(weight) for weight in flat]
    for ids in calibration.batches:
        ids = ids.to(teacher.device)
        loss = teacher(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids, use_cache=False).loss
        for total, gradient in zip(sums, torch.autograd.grad(loss * len(ids), flat), strict=True):
            total += gradient / len(calibration.tokens)
    lengths = iter(float(total.double().square().sum()) for total in sums)
    return tuple(sum(next(lengths) for _ in layer) for layer in weights)


def lowest_first(scores: Sequence[float], count: int | None = None) -> tuple[int, ...]:
    """Layers by rising score, of equal ones the lowest first: the order in which one-shot pruning drops them.

    Args:
        scores: of each layer.
        count: how many; None for all but one, the highest.

    Example:
        >>> lowest_first((7.6, 0.2, 1.3, 0.1))
        (3, 1, 2)
    """
    order = sorted(range(len(scores)), key=lambda layer: (scores[layer], layer))
    return tuple(order[: len(scores) - 1 if count is None else count])


def _states(parts: Parts, prepared: Prepared, layers: int) -> list[Tensor]:
    """Hidden states before each layer and after the last."""
    states = [prepared.hidden]
    for k in range(layers):
        states.append(parts.layer(k, states[-1], prepared))
    return states


def _chosen(hidden: Tensor, places: Tensor) -> Tensor:
    return hidden.flatten(0, 1)[places.to(hidden.device)]


def _divergence(parts: Parts, whole: Tensor, reduced: Tensor) -> float:
    """The sum over positions, whose distributions are computed some at a time."""
    pairs = zip(torch.split(whole, _CHUNK), torch.split(reduced, _CHUNK), strict=True)
    return sum(float(kullback_leibler(*map(parts.log_probs, pair)).double().sum()) for pair in pairs)
