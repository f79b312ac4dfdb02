"""Two language models as one, by mixing what they say instead of what they weigh."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn

from .distributions import arithmetic_mixture

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """The mixture of two models' next-token distributions, called like a model.

    It is what interpolated weights are compared with: the same knob, at twice the cost of a forward pass. Whatever
    measures a language model here measures an ensemble too.

    Args:
        p_model: a causal language model.
        q_model: another of the same vocabulary. It must not be the same module under two leases, which would have one
            set of weights at a time.
        weight: weight of `p_model`.
        mixture: `arithmetic_mixture`, the limit of training on mixed text, or `geometric_mixture`, that of mixing
            weights.
    """

    def __init__(
        self,
        p_model: nn.Module,
        q_model: nn.Module,
        weight: float,
        *,
        mixture: Callable[[Tensor, Tensor, float], Tensor] = arithmetic_mixture,
    ) -> None:
        super().__init__()
        self.p_model, self.q_model, self.weight, self.mixture = p_model, q_model, weight, mixture
        self.config = getattr(p_model, "config", None)  # for the sizes of the vocabulary and the context

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool = False,
    ) -> SimpleNamespace:
        """Log-probabilities of the mixture as `logits`, and the caches of both models as `past_key_values`."""
        caches = (None, None) if past_key_values is None else past_key_values
        p, q = (
            model(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=cache,
                use_cache=use_cache,
            )
            for model, cache in zip((self.p_model, self.q_model), caches, strict=True)
        )
        log_p, log_q = (output.logits.float().log_softmax(-1) for output in (p, q))
        kept = p.past_key_values, q.past_key_values
        mixed = self.mixture(log_p, log_q.to(log_p.device), self.weight)
        return SimpleNamespace(logits=mixed, past_key_values=None if None in kept else kept)
