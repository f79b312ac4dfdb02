"""Generation: true samples of the model, with noise that depends on seed, prompt, sample and step only."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from adapted import adapted
from known import Bigram, random_bigram, uniform
from scipy import stats
from tiny import CONTEXT, END, VOCABULARY, WORDS, tiny_gpt2, tiny_llama, tiny_tokenizer
from torch import nn

from continuum.core import IncompatibleError, InvalidInputError, fingerprint, rng_for
from continuum.models import WeightPath
from continuum.models.ensemble import Ensemble
from continuum.models.generation import generate_texts, generation_score, generation_scores
from continuum.models.tokens import DOCUMENT, Frame

TOKENIZER = tiny_tokenizer()
MODELS = [tiny_llama, tiny_gpt2]
PROMPTS = ["the film was", "I", "we saw it in the city and", "so dull", "they hated the"]
FILM = TOKENIZER.get_vocab()["film"]


@dataclass(frozen=True)
class Length:
    """Number of characters of a text; an empty text has no score."""

    name: str = "length"
    range: tuple[float, float] = (1, math.inf)

    def scores(self, texts):
        return np.array([len(text) or math.nan for text in texts])


class Uncached(nn.Module):
    """A model that keeps no keys and values."""

    def __init__(self, model):
        super().__init__()
        self.model, self.config = model, model.config

    def forward(self, input_ids, attention_mask, position_ids=None, **_):
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "position_ids": position_ids}
        return SimpleNamespace(logits=self.model(**inputs, use_cache=False).logits, past_key_values=None)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 0.5])
def test_tokens_are_samples_of_the_softmax(temperature):
    """Chi-square of 3,844 tokens after the word film, each after a prompt of its own."""
    model = random_bigram(0)
    prompts = [f"{first} {second} film" for first, second in itertools.product(WORDS, WORDS)]
    options = {"samples": 1, "new_tokens": 1, "temperature": temperature, "batch_size": 512}
    texts = generate_texts(model, TOKENIZER, prompts, seed=0, **options)
    words = [word for (word,) in texts]
    counts = np.array([words.count("") if token < 2 else words.count(WORDS[token - 2]) for token in range(VOCABULARY)])
    p = (model.table.detach()[FILM] / temperature).double().softmax(0).numpy()
    # The end and unknown words are both decoded to nothing; rare tokens are one cell.
    counts, p = np.array([counts[0], *counts[2:]]), np.array([p[0] + p[1], *p[2:]])
    common = p * len(prompts) >= 5
    observed = [*counts[common], counts[~common].sum()]
    expected = len(prompts) * np.array([*p[common], p[~common].sum()])
    assert sum(counts) == len(prompts)
    assert stats.chisquare(observed, expected).pvalue > 0.01


def test_samples_of_one_prompt_are_independent():
    """Of a uniform model, 400 pairs of successive samples agree in one token of 64, not more."""
    (texts,) = generate_texts(uniform(), TOKENIZER, ["the"], seed=0, samples=401, new_tokens=1)
    agree = sum(one == other != "" for one, other in itertools.pairwise(texts))
    assert stats.binom(400, 1 / VOCABULARY).sf(agree - 1) > 0.01
    assert len(set(texts)) > 50


@pytest.mark.parametrize("make", MODELS)
def test_temperature_0_is_the_greedy_generation_of_transformers(make):
    model = make()
    texts = generate_texts(model, TOKENIZER, PROMPTS, seed=0, samples=2, new_tokens=9, temperature=0.0)
    for prompt, (text, again) in zip(PROMPTS, texts, strict=True):
        ids = TOKENIZER(prompt, return_tensors="pt")
        greedy = model.generate(
            input_ids=ids["input_ids"], attention_mask=ids["attention_mask"], max_new_tokens=9, do_sample=False
        )
        expected = TOKENIZER.decode(greedy[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        assert text == again == expected


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("batch_size", [1, 2, 5, 11])
def test_texts_do_not_depend_on_batches_order_or_company(make, batch_size):
    model = make()
    expected = [generate_texts(model, TOKENIZER, [prompt], seed=3, new_tokens=5)[0] for prompt in PROMPTS]
    together = generate_texts(model, TOKENIZER, PROMPTS, seed=3, new_tokens=5, batch_size=batch_size)
    backwards = generate_texts(model, TOKENIZER, PROMPTS[::-1], seed=3, samples=1, new_tokens=5, batch_size=batch_size)
    assert list(together) == expected
    assert [text for (text,) in backwards] == [texts[0] for texts in expected[::-1]]


@pytest.mark.parametrize("make", MODELS)
def test_the_cache_of_keys_and_values_changes_nothing(make):
    bare, cached = (
        generate_texts(model, TOKENIZER, PROMPTS, seed=1, samples=1, new_tokens=8)
        for model in (Uncached(make()), make())
    )
    assert bare == cached


def test_shorter_texts_are_the_beginnings_of_longer_ones():
    model = tiny_llama()
    longer = generate_texts(model, TOKENIZER, PROMPTS, seed=0, samples=1, new_tokens=9)
    shorter = generate_texts(model, TOKENIZER, PROMPTS, seed=0, samples=1, new_tokens=4)
    pairs = list(zip(itertools.chain(*longer), itertools.chain(*shorter), strict=True))
    assert all(more.startswith(less) for more, less in pairs)
    assert any(more != less for more, less in pairs)


def test_equal_logits_give_equal_texts_and_near_ones_nearly_the_same():
    """Common random numbers: a slight change of the model changes few texts, another seed nearly all."""
    model, near = random_bigram(0), random_bigram(0)
    with torch.no_grad():
        near.table += 0.01 * torch.randn(near.table.shape, generator=torch.Generator().manual_seed(1))
    prompts = list(WORDS)
    options = {"samples": 2, "new_tokens": 4}
    texts, same, close, others = (
        list(itertools.chain(*generate_texts(which, TOKENIZER, prompts, seed=seed, **options)))
        for which, seed in ((model, 0), (copy.deepcopy(model), 0), (near, 0), (model, 1))
    )
    assert same == texts
    assert sum(one != other for one, other in zip(texts, close, strict=True)) < 0.1 * len(texts)
    assert sum(one != other for one, other in zip(texts, others, strict=True)) > 0.8 * len(texts)


def test_a_text_ends_at_the_end_token():
    table = torch.full((VOCABULARY, VOCABULARY), -100.0)
    successors = {"the": "film", "film": "was", "was": "great", "great": END, "so": END}
    for word, after in successors.items():
        table[TOKENIZER.get_vocab()[word], TOKENIZER.get_vocab()[after]] = 100.0
    prompts = ["the", "was", "so"]
    texts = generate_texts(Bigram(table), TOKENIZER, prompts, seed=0, samples=1, new_tokens=10)
    assert texts == (("film was great",), ("great",), ("",))
    stopped = generate_texts(
        Bigram(table), TOKENIZER, prompts[:1], seed=0, samples=1, frame=Frame("so", "was"), new_tokens=10
    )
    assert stopped == (("film",),)


def test_an_empty_prompt_is_gone_on_with_from_the_start_of_its_frame():
    table = torch.full((VOCABULARY, VOCABULARY), -100.0)
    table[0, FILM] = table[FILM, 0] = 100.0
    assert generate_texts(Bigram(table), TOKENIZER, [""], seed=0, samples=1, frame=DOCUMENT) == (("film",),)
    with pytest.raises(InvalidInputError, match="prompt 1 is empty"):
        generate_texts(Bigram(table), TOKENIZER, ["film", ""], seed=0)


def test_rows_of_a_batch_are_the_prompts_in_order():
    """As a lease with one point per prompt needs: here row i can say word i only."""

    class Rows(nn.Module):
        def forward(self, input_ids, **_):
            assert len(input_ids) == len(PROMPTS)
            said = torch.arange(2, 2 + len(PROMPTS))
            logits = 100.0 * nn.functional.one_hot(said, VOCABULARY)
            return SimpleNamespace(logits=logits[:, None].expand(-1, input_ids.shape[1], -1), past_key_values=None)

    options = {"samples": 2, "new_tokens": 3, "batch_size": len(PROMPTS)}
    texts = generate_texts(Rows(), TOKENIZER, PROMPTS, seed=0, **options)
    assert texts == tuple((" ".join([word] * 3),) * 2 for word in WORDS[: len(PROMPTS)])


def test_each_prompt_of_a_lease_by_rows_is_gone_on_with_by_the_model_at_its_point():
    path = WeightPath.from_adapters(adapted(), plus="pos", minus="neg", bounds=(-1, 2))
    points = [-1.0, 0.0, 0.3, 1.0, 2.0]
    options = {"seed": 0, "samples": 2, "new_tokens": 5}
    with path.lease_rows(points) as model:
        together = generate_texts(model, TOKENIZER, PROMPTS, **options)
        # No batch of other texts, or in another order, is given wrong rows.
        with pytest.raises(IncompatibleError, match="each of 5 rows, but 6 texts"):
            generate_texts(model, TOKENIZER, [*PROMPTS, "one more"], batch_size=5, **options)
        with pytest.raises(IncompatibleError, match="in 2 batches"):
            generate_texts(model, TOKENIZER, PROMPTS, batch_size=4, **options)
    alone = [
        generate_texts(path.at(t), TOKENIZER, [prompt], **options)[0] for t, prompt in zip(points, PROMPTS, strict=True)
    ]
    assert list(together) == alone


def test_equal_prompts_of_a_lease_by_rows_meet_equal_noise():
    path = WeightPath.from_adapters(adapted(), plus="pos", minus="neg")
    with path.lease_rows([0.5, 0.5, 1.0]) as model:
        one, same, other = generate_texts(model, TOKENIZER, ["the film was"] * 3, seed=0, batch_size=3, new_tokens=8)
    assert one == same != other


def test_an_ensemble_writes_with_the_caches_of_both_models():
    p, q = tiny_llama(0), tiny_gpt2(1)
    texts, uncached, one_sided, alone = (
        generate_texts(model, TOKENIZER, PROMPTS, seed=0, samples=1, new_tokens=6)
        for model in (Ensemble(p, q, 0.5), Ensemble(Uncached(p), Uncached(q), 0.5), Ensemble(p, q, 1.0), p)
    )
    assert texts == uncached != alone
    assert one_sided == alone


def test_mode_and_random_state_are_left_as_they_were():
    model = tiny_gpt2().train()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    texts, expected = (
        generate_texts(which, TOKENIZER, PROMPTS, seed=0, samples=1, new_tokens=4) for which in (model, tiny_gpt2())
    )
    assert texts == expected
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


# Scores


def test_scores_are_those_of_the_texts_by_prompt_and_sample():
    texts = generate_texts(tiny_llama(), TOKENIZER, PROMPTS, seed=4, samples=2, new_tokens=6)
    scores = generation_scores(tiny_llama(), Length(), TOKENIZER, PROMPTS, seed=4, samples=2, new_tokens=6)
    expected = [[len(text) or math.nan for text in row] for row in texts]
    assert np.array_equal(scores, expected, equal_nan=True)


def test_the_metric_is_the_mean_over_prompts_of_what_has_a_score():
    """After `so` every text is empty; after `the` a word follows, or the end, with equal chances."""
    table = torch.full((VOCABULARY, VOCABULARY), -100.0)
    the, so = (TOKENIZER.get_vocab()[word] for word in ("the", "so"))
    table[so, 0] = table[the, 0] = table[the, FILM] = table[FILM, 0] = 100.0
    options = {"samples": 20, "new_tokens": 3}
    metric = generation_score(Length(), ["the", "so"], TOKENIZER, **options, goal="min")
    scores = generation_scores(Bigram(table), Length(), TOKENIZER, ["the", "so"], seed=0, **options)
    assert np.isnan(scores[1]).all()
    assert 0 < np.isnan(scores[0]).sum() < 20
    assert metric(Bigram(table), rng_for(0)) == len("film")
    assert math.isnan(generation_score(Length(), ["so"], TOKENIZER)(Bigram(table), rng_for(0)))
    assert (metric.stochastic, metric.goal, metric.name) == (True, "min", "length of generations")


def test_items_of_a_score_are_the_prompts_unless_one_has_none():
    table = torch.full((VOCABULARY, VOCABULARY), -100.0)
    the, so = (TOKENIZER.get_vocab()[word] for word in ("the", "so"))
    table[so, 0] = table[the, FILM] = table[FILM, FILM] = 100.0
    known, unknown = (
        generation_score(Length(), prompts, TOKENIZER, new_tokens=3).measure(Bigram(table), rng_for(0))
        for prompts in (["the", "the"], ["the", "so"])
    )
    assert known.values.tolist() == [unknown, unknown]


def test_one_seed_gives_all_models_one_noise():
    metric = generation_score(Length(), PROMPTS, TOKENIZER, new_tokens=8)
    model = random_bigram(0)
    numbers = [metric(which, rng_for(seed)) for which, seed in ((model, 0), (copy.deepcopy(model), 0), (model, 1))]
    assert numbers[0] == numbers[1] != numbers[2]


def test_a_store_knows_a_generation_score_by_its_prompts_and_options():
    metric = generation_score(Length(), PROMPTS, TOKENIZER)
    before = fingerprint(metric)
    metric(random_bigram(0), rng_for(0))
    assert fingerprint(metric) == before == fingerprint(generation_score(Length(), list(PROMPTS), tiny_tokenizer()))
    others = [
        generation_score(Length(), PROMPTS[::-1], TOKENIZER),
        generation_score(Length(), PROMPTS, TOKENIZER, temperature=0.5),
        generation_score(Length("words"), PROMPTS, TOKENIZER, name="length of generations"),
    ]
    assert len({before, *map(fingerprint, others)}) == 4


# Bad input


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"new_tokens": 0}, {"batch_size": 0}, {"temperature": -1.0}, {"temperature": math.nan}]
)
def test_options_without_meaning_are_refused(wrong):
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        generate_texts(uniform(), TOKENIZER, PROMPTS, seed=0, **wrong)


@pytest.mark.parametrize("prompts", [[], "the film", [3]])
def test_prompts_are_a_sequence_of_strings(prompts):
    with pytest.raises(InvalidInputError, match="prompts"):
        generate_texts(uniform(), TOKENIZER, prompts, seed=0)


def test_a_prompt_must_leave_room_for_its_text():
    with pytest.raises(InvalidInputError, match=f"needs {CONTEXT + 1} tokens"):
        generate_texts(tiny_llama(), TOKENIZER, ["the"], seed=0, new_tokens=CONTEXT)


def test_logits_that_are_nan_are_an_error_and_no_text():
    """The reference code turns them into numbers and goes on sampling."""
    broken = uniform()
    with torch.no_grad():
        broken.table[FILM] = math.nan
    with pytest.raises(InvalidInputError, match="NaN after 2 tokens"):
        generate_texts(broken, TOKENIZER, ["the film"], seed=0)
