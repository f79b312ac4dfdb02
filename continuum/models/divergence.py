"""How far apart the next-token distributions of two language models are, at positions of held-out text.

A reference may be a model, or its stored distributions, or a mixture of those of two models; see `.distributions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from continuum.core import IncompatibleError, InvalidInputError, Metric, PerItem, check_count
from continuum.measures import check_memory

from .distributions import admit_pair, jensen_shannon, kullback_leibler
from .inference import admit_lengths, admit_vocabulary, batches, inference, logits
from .tokens import Frame, Tokens, admit_texts, encode, padded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "TokenDivergence",
    "agreement_with",
    "js_to",
    "token_divergence",
    "token_log_probs",
]

_CHUNK = 256  # positions whose distributions are held at a time


@dataclass(frozen=True, eq=False)
class TokenDivergence:
    """Divergence of two models at each position, (n,) each.

    Attributes:
        js: Jensen-Shannon divergence, in [0, log 2].
        kl: Kullback-Leibler divergence KL(p ‖ q), from the first model to the second.
        agrees: whether both find the same token the likeliest.
        likeliest: the token that the first model finds the likeliest.
    """

    js: NDArray[np.float64]
    kl: NDArray[np.float64]
    agrees: NDArray[np.bool_]
    likeliest: NDArray[np.int64]


def token_log_probs(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    positions: int | None = 1000,
    frame: Frame | None = None,
    batch_size: int = 16,
) -> Tensor:
    """Log-probabilities of all tokens at positions of `texts`, (n, vocabulary) in float32 on the CPU.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        texts: held-out texts.
        positions: how many, evenly spread over the texts, if they have more; None for all.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        batch_size: most texts in a batch.

    Raises:
        InvalidInputError: if a text is longer than the model takes, or no text has two tokens.
        ResourceError: if the distributions do not fit into the memory.
    """
    places = _places(tokenizer, texts, frame, positions)
    found = torch.empty(0)
    with inference(model):
        for batch in places.batches(model, batch_size=batch_size):
            log_probs = _log_probs(model, batch)
            if not len(found):  # only now is the size of the vocabulary known
                found = _storage(places.count, log_probs.shape[1])
            found[batch.rows] = log_probs.cpu()
    return found


def token_divergence(
    p_model: nn.Module,
    q_model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    positions: int | None = 1000,
    frame: Frame | None = None,
    batch_size: int = 16,
) -> TokenDivergence:
    """Divergence of two models of one vocabulary at positions of `texts`; see `token_log_probs`.

    No distribution is stored, so `positions` may be None for all of long texts.

    Args:
        p_model: the first model.
        q_model: the second; two points of a path that are leased share weights: store the distributions of the first.
        tokenizer: their tokenizer.
        texts: held-out texts.
        positions: how many, evenly spread over the texts, if they have more; None for all.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        batch_size: most texts in a batch.
    """
    places = _places(tokenizer, texts, frame, positions)
    return _divergence(p_model, q_model, places, batch_size)


def js_to(
    reference: Tensor | nn.Module,
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    positions: int | None = 1000,
    frame: Frame | None = None,
    batch_size: int = 16,
    name: str = "JS to reference",
) -> Metric:
    """Mean Jensen-Shannon divergence of the value to a reference at positions of `texts`, as a metric.

    Its items are the positions, see `PerItem`. Those of one text are alike: for intervals let there be few of each of
    many texts.

    Args:
        reference: `token_log_probs` of a model at the same positions, or a mixture of two; or a model, which is asked
            again for each value instead of being stored.
        texts: held-out texts.
        tokenizer: tokenizer of all models.
        positions: how many, evenly spread over the texts, if they have more; None for all.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        batch_size: most texts in a batch.
        name: name of the metric.

    Raises:
        IncompatibleError: (the metric) if the value is the reference itself, which a lease would change with it, or
            if the reference has other positions or another vocabulary.
    """
    compare = _comparison(reference, _places(tokenizer, texts, frame, positions), batch_size)
    return Metric(name, lambda model: PerItem(compare(model).js), goal="min", unit="nats/token")


def agreement_with(
    reference: Tensor | nn.Module,
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    positions: int | None = 1000,
    frame: Frame | None = None,
    batch_size: int = 16,
    name: str = "top-1 agreement",
) -> Metric:
    """Share of positions at which the value and a reference find the same token the likeliest; see `js_to`.

    What is decided at a position is the likeliest token of the value.
    """
    compare = _comparison(reference, _places(tokenizer, texts, frame, positions), batch_size)

    def agreement(model: nn.Module) -> PerItem:
        found = compare(model)
        return PerItem(found.agrees.astype(np.float64), decisions=found.likeliest)

    return Metric(name, agreement, goal="max")


class _Batch(NamedTuple):
    """What goes through a model at once."""

    ids: Tensor  # (texts, tokens)
    mask: Tensor  # (texts, tokens)
    chosen: Tensor  # (texts, tokens): where the distribution of the next token is looked at
    rows: Tensor  # (k,): which rows of all distributions these are, in the order of `chosen`


@dataclass(frozen=True, eq=False)
class _Places:
    """Positions of tokenised texts: row i of all distributions is that after token `position[i]` of text `owner[i]`."""

    sequences: tuple[Tokens, ...]
    owner: NDArray[np.int64]
    position: NDArray[np.int64]

    @property
    def count(self) -> int:
        return len(self.owner)

    def batches(self, *models: nn.Module, batch_size: int) -> Iterator[_Batch]:
        """Batches that each of `models` takes."""
        used = np.unique(self.owner)
        lengths = [len(self.sequences[text]) for text in used]
        for model in models:
            admit_vocabulary(model, self.sequences)
            admit_lengths(model, list(map(len, self.sequences)), "cut it")
        for group in batches(*models, lengths=lengths, rows=batch_size, texts=len(self.sequences)):
            members = used[group]
            ids, mask = padded([self.sequences[text] for text in members])
            chosen, rows = torch.zeros_like(mask, dtype=torch.bool), []
            for row, text in enumerate(members):
                mine = np.flatnonzero(self.owner == text)
                chosen[row, self.position[mine]] = True
                rows.append(torch.from_numpy(mine))
            yield _Batch(ids, mask, chosen, torch.cat(rows))


def _places(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], frame: Frame | None, positions: int | None
) -> _Places:
    if positions is not None:
        check_count("positions", positions)
    sequences = encode(tokenizer, admit_texts(texts), frame)
    predicting = [max(0, len(tokens) - 1) for tokens in sequences]  # the last one predicts nothing that is known
    total = sum(predicting)
    wanted = total if positions is None else min(positions, total)
    if wanted < 1:
        raise InvalidInputError(
            f"`texts` must offer, and `positions` ask for, one position or more: got {total} and {positions!r}."
        )
    owner = np.repeat(np.arange(len(sequences)), predicting)
    position = np.concatenate([np.arange(length) for length in predicting])
    chosen = np.arange(wanted) * total // wanted
    return _Places(sequences, owner[chosen], position[chosen])


def _log_probs(model: nn.Module, batch: _Batch) -> Tensor:
    """Distributions at the chosen positions of a batch, (k, vocabulary)."""
    scores = logits(model, batch.ids, batch.mask)
    return scores[batch.chosen.to(scores.device)].float().log_softmax(-1)


def _comparison(
    reference: Tensor | nn.Module, places: _Places, batch_size: int
) -> Callable[[nn.Module], TokenDivergence]:
    """What compares a model with the reference."""
    if isinstance(reference, Tensor):
        if reference.ndim != 2 or len(reference) != places.count:
            raise IncompatibleError(
                f"`reference` must have a row for each of the {places.count} positions, got shape "
                f"{tuple(reference.shape)}; make it by `token_log_probs` of the same texts, frame and `positions`."
            )
        return lambda model: _divergence(model, reference, places, batch_size)

    def compare(model: nn.Module) -> TokenDivergence:
        if model is reference:
            raise IncompatibleError(
                "the value is the reference itself, whose weights a lease changes, so they would never differ; store "
                "the distributions of the reference by `token_log_probs` first."
            )
        return _divergence(model, reference, places, batch_size)

    return compare


def _divergence(model: nn.Module, reference: Tensor | nn.Module, places: _Places, batch_size: int) -> TokenDivergence:
    models = (model,) if isinstance(reference, Tensor) else (model, reference)
    js, kl = np.empty(places.count), np.empty(places.count)
    likeliest, theirs = np.empty(places.count, dtype=np.int64), np.empty(places.count, dtype=np.int64)
    with ExitStack() as stack:
        for each in models:
            stack.enter_context(inference(each))
        for batch in places.batches(*models, batch_size=batch_size):
            mine = _log_probs(model, batch)
            other = reference[batch.rows] if isinstance(reference, Tensor) else _log_probs(reference, batch)
            other = other.to(mine.device)
            admit_pair(mine, other)
            chunks = (torch.split(part, _CHUNK) for part in (batch.rows, mine, other))
            for rows, log_p, log_q in zip(*chunks, strict=True):
                js[rows] = jensen_shannon(log_p, log_q).cpu()
                kl[rows] = kullback_leibler(log_p, log_q).cpu()
                likeliest[rows], theirs[rows] = log_p.argmax(-1).cpu(), log_q.argmax(-1).cpu()
    return TokenDivergence(js, kl, likeliest == theirs, likeliest)


def _storage(n: int, vocabulary: int) -> Tensor:
    check_memory(4 * n * vocabulary, f"{n} distributions over {vocabulary} tokens", "ask for fewer `positions`")
    return torch.empty(n, vocabulary)
