"""How well a causal language model predicts texts: log-likelihoods, perplexity, and a score of its leaning.

All logarithms are natural: nats. Each number can be had as a function, or as a `Metric` of a path whose values are
models; the functions give one number per text, from which paired standard errors are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from continuum.core import InvalidInputError, Metric, PerItem

from .inference import admit_lengths, admit_vocabulary, batches, inference, logits
from .tokens import Frame, Tokens, admit_texts, encode, padded
from .windows import Windows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "LogLikelihoods",
    "likelihood_ratio",
    "log_likelihood_on",
    "log_likelihoods",
    "perplexity",
    "perplexity_on",
    "sentence_scores",
]

_IGNORED = -100  # label of what is not scored, for cross-entropy
_CHUNK = 256  # positions whose float32 logits are held at a time


@dataclass(frozen=True, eq=False)
class LogLikelihoods:
    """Log-likelihoods of texts under a model, in nats.

    Attributes:
        sums: log-probability of the predicted tokens of each text, (n,).
        counts: number of predicted tokens of each text, (n,): all but the first.
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def per_token(self) -> NDArray[np.float64]:
        """Mean log-probability of a token of each text, (n,)."""
        return self.sums / self.counts

    @property
    def perplexity(self) -> float:
        """exp(−Σ sums / Σ counts): each token weighs the same, whatever text or window it is in."""
        return float(np.exp(-self.sums.sum() / self.counts.sum()))


def log_likelihoods(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    frame: Frame | None = None,
    windows: Windows | None = None,
    batch_size: int = 16,
) -> LogLikelihoods:
    r"""Log-likelihood $\sum_{t \geq 2} \log p(x_t \mid x_{<t})$ of each text under a causal language model.

    The first token is not predicted by anything: with a frame this is its `start`, and all tokens of the text count,
    and its `end`. Texts of like lengths share a batch, which changes no more than the last digits; texts that fit into
    one batch keep their order, as a lease with one point per row needs.

    Args:
        model: a causal language model; its mode comes back, and its device is used.
        tokenizer: its tokenizer.
        texts: non-empty texts.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        windows: passes over long texts; None to score each text in one.
        batch_size: most texts in a batch; long ones come in smaller batches, whose logits fit into the memory.

    Raises:
        InvalidInputError: if a text is empty, of one token, or longer than the model takes without `windows`.

    Example:
        >>> found = LogLikelihoods(np.log([0.25, 0.5]), np.array([2, 1]))
        >>> found.per_token.round(3).tolist(), round(found.perplexity, 3)
        ([-0.693, -0.693], 2.0)
    """
    return _score(model, _encode(tokenizer, texts, frame), windows, batch_size)


def perplexity(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    frame: Frame | None = None,
    windows: Windows | None = None,
    batch_size: int = 16,
) -> float:
    """Perplexity exp(−Σ log p / Σ tokens) of texts of any length; see `log_likelihoods`.

    Kangaslahti & Alvarez-Melis (2025) average over windows that score unlike numbers of tokens; here tokens weigh the
    same, so the number does not depend on where windows end, but for the context that they cut.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        texts: non-empty texts.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        windows: passes over long texts; None for `Windows()`.
        batch_size: most windows in a batch.
    """
    return _score(model, _encode(tokenizer, texts, frame), windows or Windows(), batch_size).perplexity


def sentence_scores(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    frame: Frame | None = None,
    batch_size: int = 16,
) -> NDArray[np.float64]:
    """Mean log-probability of a token of each text, (n,): the paired values under `likelihood_ratio`.

    The same texts are hard or easy for all models, so two models are compared by `paired_difference` of these numbers.
    """
    return log_likelihoods(model, tokenizer, texts, frame=frame, batch_size=batch_size).per_token


def perplexity_on(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    frame: Frame | None = None,
    windows: Windows | None = None,
    batch_size: int = 16,
    name: str = "perplexity",
) -> Metric:
    """`perplexity` of the value on `texts`, as a metric."""
    sequences, passes = _encode(tokenizer, texts, frame), windows or Windows()
    return Metric(name, lambda model: _score(model, sequences, passes, batch_size).perplexity, goal="min")


def log_likelihood_on(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    frame: Frame | None = None,
    batch_size: int = 16,
    name: str = "log-likelihood",
) -> Metric:
    """Mean over `texts` of the log-probability of a token under the value: texts weigh the same, not tokens."""
    sequences = _encode(tokenizer, texts, frame)

    def by_text(model: nn.Module) -> PerItem:
        return PerItem(_score(model, sequences, None, batch_size).per_token)

    return Metric(name, by_text, goal="max", unit="nats/token")


def likelihood_ratio(
    plus: Sequence[str],
    minus: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    base: nn.Module | None = None,
    frame: Frame | None = None,
    batch_size: int = 16,
    name: str = "log-likelihood ratio",
) -> Metric:
    r"""How much more likely a token of the `plus` texts is than one of the `minus` texts, under the value.

    $\mathrm{mean}_{x \in +} \log p(x) / |x| - \mathrm{mean}_{x \in -} \log p(x) / |x|$: a score of an attribute that
    needs neither a classifier nor generated text, has no sampling noise, and does not saturate. Of as many texts on
    either side, pairs in the order given are the items, see `PerItem`; it does not matter which are paired.

    Args:
        plus: texts with the attribute that no anchor was trained on.
        minus: texts without it.
        tokenizer: tokenizer of the values.
        base: model whose own ratio is subtracted, so that it scores 0; it is measured now, as it is now. None for 0.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        batch_size: most texts in a batch.
        name: name of the metric.
    """
    sides = _encode(tokenizer, plus, frame, "plus"), _encode(tokenizer, minus, frame, "minus")

    paired = len(sides[0]) == len(sides[1])

    def ratio(model: nn.Module) -> NDArray[np.float64]:
        more, less = (_score(model, side, None, batch_size).per_token for side in sides)
        return more - less if paired else np.array([more.mean() - less.mean()])

    offset: float | NDArray[np.float64] = 0.0 if base is None else ratio(base)

    def beyond(model: nn.Module) -> PerItem | float:
        found = ratio(model) - offset
        return PerItem(found) if paired else float(found[0])

    return Metric(name, beyond, unit="nats/token")


def _encode(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], frame: Frame | None, name: str = "texts"
) -> tuple[Tokens, ...]:
    """The tokens of each text, at least two."""
    texts = admit_texts(texts, name)
    sequences = encode(tokenizer, texts, frame)
    for place, (text, tokens) in enumerate(zip(texts, sequences, strict=True)):
        if not text or len(tokens) < 2:
            raise InvalidInputError(
                f"`{name}[{place}]` leaves nothing to predict: {text!r:.60} with its frame has {len(tokens)} tokens; "
                "leave it out, or pass a `frame` such as `DOCUMENT` to predict a sole token."
            )
    return sequences


def _score(model: nn.Module, sequences: Sequence[Tokens], windows: Windows | None, batch_size: int) -> LogLikelihoods:
    """Log-likelihoods of sequences: the sums over their pieces."""
    admit_vocabulary(model, sequences)
    pieces = list(_pieces(sequences, windows))
    remedy = "cut it, or pass `windows=Windows()`" if windows is None else "pass smaller `windows`"
    admit_lengths(model, [len(piece.tokens) for piece in pieces], remedy)
    owners = [piece.owner for piece in pieces]
    sums = np.zeros(len(sequences))
    np.add.at(sums, owners, _piece_sums(model, pieces, batch_size))
    return LogLikelihoods(sums, np.array([len(tokens) - 1 for tokens in sequences]))


class _Piece(NamedTuple):
    """What goes through the model at once."""

    owner: int  # place of its text
    tokens: Tokens
    first: int  # place of its first scored token


def _pieces(sequences: Sequence[Tokens], windows: Windows | None) -> Iterator[_Piece]:
    for owner, tokens in enumerate(sequences):
        spans = [(0, len(tokens), 1)] if windows is None else windows.spans(len(tokens))
        for begin, end, scored in spans:
            yield _Piece(owner, tokens[begin:end], scored - begin)


def _piece_sums(model: nn.Module, pieces: Sequence[_Piece], batch_size: int) -> NDArray[np.float64]:
    """Log-probability of the scored tokens of each piece."""
    sums, lengths = np.empty(len(pieces)), [len(piece.tokens) for piece in pieces]
    texts = len({piece.owner for piece in pieces})
    with inference(model):
        for places in batches(model, lengths=lengths, rows=batch_size, texts=texts):
            ids, mask = padded([pieces[place].tokens for place in places])
            first = torch.tensor([[pieces[place].first] for place in places])
            unscored = (torch.arange(ids.shape[1]) < first) | (mask == 0)
            losses = _losses(logits(model, ids, mask), ids.masked_fill(unscored, _IGNORED))
            sums[places] = -losses.double().sum(1).numpy()
    return sums


def _losses(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (n, tokens) of each label given the logits one place before it, 0 where it is ignored."""
    following = functional.pad(labels[:, 1:], (0, 1), value=_IGNORED).to(scores.device)
    # In chunks, since half-precision logits of a large vocabulary would not fit a second time in float32.
    parts = torch.split(scores.flatten(0, 1), _CHUNK), torch.split(following.flatten(), _CHUNK)
    losses = [
        functional.cross_entropy(chunk.float(), these, reduction="none") for chunk, these in zip(*parts, strict=True)
    ]
    return torch.cat(losses).view(labels.shape).cpu()
