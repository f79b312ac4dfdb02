"""Texts that language models write, with common random numbers, and what a scorer makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from continuum.core import Goal, InvalidInputError, Metric, PerItem, check_count, check_weight, rng_for

from .inference import admit_lengths, admit_vocabulary, batches, device_of, inference, tokens_at_once
from .lending import leased_rows
from .tokens import Frame, Tokens, admit_texts, encode, padded, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Scorer", "generate_texts", "generation_score", "generation_scores"]


class Scorer(Protocol):
    """What gives each text a number, such as its sentiment."""

    @property
    def name(self) -> str:
        """How tables call the number."""
        ...

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest number."""
        ...

    def scores(self, texts: Sequence[str], /) -> NDArray[np.float64]:
        """Number of each text, (n,); NaN where there is none, such as for an empty text."""
        ...


def generate_texts(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    seed: int,
    samples: int = 3,
    new_tokens: int = 32,
    temperature: float = 1.0,
    frame: Frame | None = None,
    batch_size: int = 64,
) -> tuple[tuple[str, ...], ...]:
    r"""What a model writes after each prompt: `samples` texts, without the prompt.

    Token $\arg\max_v \ell_v + T g_v$ follows, where $\ell$ are the logits and g is Gumbel noise: a sample of
    $\mathrm{softmax}(\ell / T)$ (Gumbel-max trick; Maddison et al., 2014 :cite:`maddison2014`). The noise depends on
    `seed`, prompt, sample and step only. So two models with equal logits write equal texts, and texts of models along a
    path change only where the model does; in which batch a prompt comes does not matter.

    In a lease with one point per prompt a batch is one sample of each prompt, in their order.

    Args:
        model: a causal language model; its mode comes back, and its device is used.
        tokenizer: its tokenizer; its end token ends a text.
        prompts: what to go on from. An empty one needs a token before it, from the tokenizer or a `frame`. Equal
            prompts are given equal noise.
        seed: seed of the noise.
        samples: texts for each prompt.
        new_tokens: most tokens of a text.
        temperature: T; 0 for the likeliest token.
        frame: its `start` comes before each prompt; its `end` ends a text. None for what the tokenizer adds by itself.
        batch_size: most texts at a time.

    Returns:
        Texts by prompt and sample. A text is empty if the model ends it at once.

    Raises:
        InvalidInputError: if a prompt is empty or too long, or the model gives logits that are not numbers.
    """
    sampling = _Sampling(samples, new_tokens, temperature, frame, batch_size)
    return _Task.of(tokenizer, prompts, sampling).write(model, seed)


def generation_scores(
    model: nn.Module,
    scorer: Scorer,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    seed: int,
    samples: int = 3,
    new_tokens: int = 32,
    temperature: float = 1.0,
    frame: Frame | None = None,
    batch_size: int = 64,
) -> NDArray[np.float64]:
    """Score of each text that a model writes, (prompts, samples); the options are those of `generate_texts`.

    Prompts, not samples, are the independent items: compare two models by `paired_difference` of the means over the
    samples of each prompt.
    """
    sampling = _Sampling(samples, new_tokens, temperature, frame, batch_size)
    return _Task.of(tokenizer, prompts, sampling).scores(model, scorer, seed)


def generation_score(
    scorer: Scorer,
    prompts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    samples: int = 3,
    new_tokens: int = 32,
    temperature: float = 1.0,
    frame: Frame | None = None,
    batch_size: int = 64,
    goal: Goal = None,
    name: str = "",
) -> Metric:
    """Mean over prompts of the mean score of the texts that the value writes, as a stochastic metric.

    For one seed all values of a path meet the same noise. Texts without a score do not count; without any the mean is
    NaN. Items are the prompts, see `PerItem`, if each has a text with a score. Sentiment of 32 tokens needs some 300
    texts for a standard error of 0.03, and a bounded score saturates: for a finer number see `likelihood_ratio`.

    Args:
        scorer: what gives each text a number.
        prompts: what to go on from; they are not scored.
        tokenizer: tokenizer of the values.
        samples: texts for each prompt.
        new_tokens: most tokens of a text.
        temperature: 1 for samples of the model itself; 0 for the likeliest token.
        frame: tokens around each text; None for what the tokenizer adds by itself.
        batch_size: most texts at a time.
        goal: whether a larger or a smaller score is better.
        name: name of the metric; that of the scorer if empty.
    """
    task = _Task.of(tokenizer, prompts, _Sampling(samples, new_tokens, temperature, frame, batch_size))

    def by_prompt(model: nn.Module, rng: np.random.Generator) -> PerItem | float:
        means = _known_mean(task.scores(model, scorer, int(rng.integers(2**31))))
        return float(_known_mean(means)) if np.isnan(means).any() else PerItem(means)

    return Metric(name or f"{scorer.name} of generations", by_prompt, goal=goal, stochastic=True)


@dataclass(frozen=True)
class _Sampling:
    """How texts are drawn; see `generate_texts`."""

    samples: int
    new_tokens: int
    temperature: float
    frame: Frame | None
    batch_size: int

    def __post_init__(self) -> None:
        for name in ("samples", "new_tokens", "batch_size"):
            check_count(name, getattr(self, name))
        check_weight("temperature", self.temperature)


@dataclass(frozen=True, eq=False)
class _Task:
    """Prompts for any model to go on with."""

    tokenizer: PreTrainedTokenizerBase
    prompts: tuple[str, ...]
    starts: tuple[Tokens, ...]  # tokens of the prompts
    ends: tuple[int, ...]  # tokens that end a text
    sampling: _Sampling

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], sampling: _Sampling) -> _Task:
        prompts, frame = admit_texts(prompts, "prompts"), sampling.frame
        starts = encode(tokenizer, prompts, None if frame is None else Frame(frame.start))
        if () in starts:
            raise InvalidInputError(
                f"prompt {starts.index(())} is empty, and its tokenizer puts nothing before it; pass a `frame`."
            )
        end = None if frame is None or frame.end is None else token_id(tokenizer, frame.end)
        ends = tuple({token for token in (end, tokenizer.eos_token_id) if token is not None})
        return cls(tokenizer, prompts, starts, ends, sampling)

    def write(self, model: nn.Module, seed: int) -> tuple[tuple[str, ...], ...]:
        admit_vocabulary(model, self.starts)
        lengths = [len(start) for start in self.starts]
        admit_lengths(model, [length + self.sampling.new_tokens for length in lengths], "shorten the prompt")
        texts = [[""] * self.sampling.samples for _ in self.prompts]
        with inference(model):
            for batch in self._batches(model, lengths):
                streams = [rng_for(seed, "gumbel", self.prompts[place], sample) for place, sample in batch]
                written = self._continued(model, [self.starts[place] for place, _ in batch], streams)
                for (place, sample), tokens in zip(batch, written, strict=True):
                    texts[place][sample] = self._decoded(tokens)
        return tuple(map(tuple, texts))

    def _batches(self, model: nn.Module, lengths: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
        """Prompts and samples of each batch: all its prompts in turn, for one sample after the other."""
        rows, samples = self.sampling.batch_size, self.sampling.samples
        for places in batches(model, lengths=lengths, rows=rows, texts=len(lengths)):
            longest = max(lengths[place] for place in places)
            at_once = max(1, min(rows, tokens_at_once(model) // longest) // len(places))
            if leased_rows(model) is not None:
                at_once = 1  # a lease with a point for each prompt knows no other rows
            for first in range(0, samples, at_once):
                some = range(first, min(first + at_once, samples))
                yield [(place, sample) for sample in some for place in places]

    def scores(self, model: nn.Module, scorer: Scorer, seed: int) -> NDArray[np.float64]:
        """Score of each text, (prompts, samples)."""
        texts = self.write(model, seed)
        return scorer.scores([text for row in texts for text in row]).reshape(len(texts), self.sampling.samples)

    def _continued(
        self, model: nn.Module, starts: Sequence[Tokens], streams: Sequence[np.random.Generator]
    ) -> list[list[int]]:
        """Tokens that follow each start, with the token that ended it if any did."""
        ids, mask = (part.to(device_of(model)) for part in padded(starts, side="left"))
        ends = torch.tensor(self.ends, dtype=torch.long, device=ids.device)
        cache, width, goes_on = None, ids.shape[1], torch.ones(len(ids), dtype=torch.bool)
        for _ in range(self.sampling.new_tokens):
            logits, cache = _next_logits(model, ids, mask, cache)
            noise = _gumbel(streams, goes_on, logits.shape[1]).to(logits.device)
            chosen = (logits + self.sampling.temperature * noise).argmax(1, keepdim=True)
            ids, mask = torch.cat([ids, chosen], 1), torch.cat([mask, torch.ones_like(chosen)], 1)
            goes_on &= ~torch.isin(chosen[:, 0], ends).cpu()
            if not goes_on.any():
                break
        return ids[:, width:].tolist()

    def _decoded(self, tokens: list[int]) -> str:
        """The text up to the first token that ends it."""
        length = next((place for place, token in enumerate(tokens) if token in self.ends), len(tokens))
        text = self.tokenizer.decode(tokens[:length], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)


def _next_logits(model: nn.Module, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Any]:
    """Float32 logits (rows, vocabulary) of the token after `ids`, and the cache that the model keeps of them."""
    # With padding on the left, models that count positions from the first column would count wrongly.
    positions = (mask.cumsum(1) - 1).clamp_min(0)
    new = slice(None) if cache is None else slice(-1, None)  # models without a cache see everything again
    output = model(
        input_ids=ids[:, new],
        attention_mask=mask,
        position_ids=positions[:, new],
        past_key_values=cache,
        use_cache=True,
    )
    logits = output.logits[:, -1].float()
    if logits.isnan().any():
        raise InvalidInputError(
            f"the model gives logits that are NaN after {ids.shape[1]} tokens; has a point far outside its anchors, or "
            "half precision, made it overflow?"
        )
    return logits, output.past_key_values


def _gumbel(streams: Sequence[np.random.Generator], wanted: Tensor, vocabulary: int) -> Tensor:
    """Standard Gumbel noise (rows, vocabulary) from the stream of each row; 0 where it is not wanted."""
    noise = torch.zeros(len(streams), vocabulary)
    for row in wanted.nonzero()[:, 0].tolist():
        # In float64: one float32 draw in 2.5 million is 0, an infinite noise, which would force 2% of all tokens.
        noise[row] = -torch.from_numpy(streams[row].standard_exponential(vocabulary)).log_()
    return noise


def _known_mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is not NaN; NaN of nothing."""
    known = ~np.isnan(scores)
    count = known.sum(-1)
    total = np.where(known, scores, 0.0).sum(-1)
    mean = np.full(count.shape, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
