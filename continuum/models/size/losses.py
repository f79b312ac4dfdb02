"""What a student is distilled with: losses that compare it with its teacher, token by token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from continuum.core import InvalidInputError, check_positive, check_weight

__all__ = ["Batch", "CrossEntropy", "HiddenCosine", "Loss", "Seen", "TokenKL", "kl_sum"]

_CHUNK = 256  # positions whose log-probabilities are held at a time
_UNPREDICTED = -100


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of tokens, padded on the right.

    Attributes:
        ids: the tokens, (rows, tokens).
        mask: 1 for tokens and 0 for padding, (rows, tokens).
        targets: the token after each one; -100 where there is none, (rows, tokens).
        draw: for each position with a target a number in [0, 1), spread evenly over its row in random order; 2 at
            others, (rows, tokens). The positions below s are a random share s of each row.
    """

    ids: Tensor
    mask: Tensor
    targets: Tensor
    draw: Tensor


@dataclass(frozen=True, eq=False)
class Seen:
    """What a model computed about a batch.

    Attributes:
        states: hidden states by their index, each (rows, tokens, d).
        logits: of the positions in `at`, (n, vocabulary), in the order of rows and tokens.
        at: where there are logits, (rows, tokens).
    """

    states: Mapping[int, Tensor]
    logits: Tensor
    at: Tensor

    def logits_at(self, positions: Tensor) -> Tensor:
        """Logits of positions among those in `at`."""
        return self.logits if torch.equal(positions, self.at) else self.logits[positions[self.at]]


@runtime_checkable
class Loss(Protocol):
    """A mean over positions; anything with these members is one.

    The mean is taken over all positions of a step, however many batches and devices they are shared among.
    """

    @property
    def weight(self) -> float:
        """Factor in the sum of losses."""
        ...

    @property
    def needs_logits(self) -> bool:
        """Whether it asks for logits at its positions: those of others are not computed."""
        ...

    def positions(self, batch: Batch, /) -> Tensor:
        """Where it is the mean over, (rows, tokens)."""
        ...

    def total(self, student: Seen, teacher: Seen, aligned: Mapping[int, int], batch: Batch, /) -> Tensor:
        """Its sum over these positions, in nats or without unit.

        Args:
            student: what the student computed.
            teacher: what the teacher computed, without gradients.
            aligned: the teacher's hidden state that each of the student's should equal, see `Layout.aligned`.
            batch: the tokens.
        """
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the next token, as in pre-training; it does not ask the teacher.

    Args:
        weight: factor in the sum of losses.
    """

    weight: float = 1.0
    needs_logits = True

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)

    def positions(self, batch: Batch, /) -> Tensor:
        return batch.targets != _UNPREDICTED

    def total(self, student: Seen, teacher: Seen, aligned: Mapping[int, int], batch: Batch, /) -> Tensor:
        at = self.positions(batch)
        logits = student.logits_at(at)
        return functional.cross_entropy(_wide(logits), batch.targets[at], reduction="sum")


@dataclass(frozen=True)
class TokenKL:
    r"""Kullback-Leibler divergence of the student's next token from the teacher's.

    $\tau^2\, \mathrm{KL}(p_T^{(\tau)} \,\|\, p_S^{(\tau)})$ with $p^{(\tau)} = \mathrm{softmax}(z / \tau)$, in nats.
    Hinton et al. (2015).

    Args:
        weight: factor in the sum of losses.
        temperature: tau; more of it looks at unlikely tokens more.
        share: share of the positions of each row that are looked at, at random: heads of large vocabularies take most
            of the time.

    Raises:
        InvalidInputError: if a number is out of its range.
    """

    weight: float = 1.0
    temperature: float = 1.0
    share: float = 1.0
    needs_logits = True

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)
        check_positive("temperature", self.temperature)
        if not 0 < self.share <= 1:
            raise InvalidInputError(f"`share` must be in (0, 1], got {self.share!r}.")

    def positions(self, batch: Batch, /) -> Tensor:
        return batch.draw < self.share

    def total(self, student: Seen, teacher: Seen, aligned: Mapping[int, int], batch: Batch, /) -> Tensor:
        at = self.positions(batch)
        return kl_sum(student.logits_at(at), teacher.logits_at(at), temperature=self.temperature)


@dataclass(frozen=True)
class HiddenCosine:
    r"""Alignment: $1 - \cos$ of the student's hidden states and the teacher's, at the end of every slot.

    The mean over slots and tokens, in [0, 2]; the last slot is compared after the final norm. Kangaslahti et al. (2026)
    add one term for the embedding, which is 0 while that is the teacher's.

    Args:
        weight: factor in the sum of losses, shared among the terms.
        embedding: whether the embedding is a term too.
    """

    weight: float = 1.0
    embedding: bool = False
    needs_logits = False

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)

    def positions(self, batch: Batch, /) -> Tensor:
        return batch.mask != 0

    def total(self, student: Seen, teacher: Seen, aligned: Mapping[int, int], batch: Batch, /) -> Tensor:
        terms = [(ours, theirs) for ours, theirs in aligned.items() if ours or self.embedding]
        at = self.positions(batch)
        sums = [
            (1 - functional.cosine_similarity(_wide(student.states[ours]), _wide(teacher.states[theirs]), dim=-1))
            .where(at, 0)
            .sum()
            for ours, theirs in terms
        ]
        return torch.stack(sums).mean()


def kl_sum(student: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    r"""Sum over rows of $\tau^2\, \mathrm{KL}(p_T \,\|\, p_S)$ of logits (n, vocabulary), in nats.

    Log-probabilities are in float32, or float64 if the logits are, a few rows at a time; what is kept for the gradient
    has the type of the logits. The teacher gets no gradient.

    Example:
        >>> logits = torch.tensor([[1.0, 2.0]])
        >>> float(kl_sum(logits, logits))
        0.0
    """
    found: Tensor = _KLSum.apply(student, teacher, temperature)  # type: ignore[no-untyped-call]
    return found


class _KLSum(torch.autograd.Function):
    """The sum with its gradient, which is computed on the way: autograd would keep both log-probabilities."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        gradient = torch.empty_like(student)
        total = _wide(student).new_zeros(())
        chunks = (torch.split(part, _CHUNK) for part in (student, teacher, gradient))
        for s, t, g in zip(*chunks, strict=True):
            log_s, log_t = (_cooled(_wide(part), temperature).log_softmax(-1) for part in (s, t))
            p_t = log_t.exp()
            # In place: of large vocabularies each of these is hundreds of megabytes.
            total += log_t.sub_(log_s).mul_(p_t).sum()
            g.copy_(log_s.exp_().sub_(p_t))
        ctx.save_for_backward(gradient)
        ctx.temperature = temperature
        return total * temperature**2

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        # tau^2 times the derivative of z / tau.
        return gradient * (outer[0] * ctx.temperature).to(gradient.dtype), None, None


def _cooled(logits: Tensor, temperature: float) -> Tensor:
    return logits if temperature == 1 else logits / temperature


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
