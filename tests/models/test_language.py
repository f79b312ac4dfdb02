"""Log-likelihoods: exact on models written by hand, and the same for every way to batch, pad and cut the texts."""

from __future__ import annotations

import copy
import math
from functools import partial

import numpy as np
import pytest
import torch
from adapted import adapted
from known import Bigram, random_bigram, uniform
from tiny import CONTEXT, END, VOCABULARY, WORDS, tiny_gpt2, tiny_llama, tiny_tokenizer

from continuum.core import IncompatibleError, InvalidInputError, fingerprint
from continuum.models import WeightPath
from continuum.models.divergence import token_log_probs
from continuum.models.generation import generate_texts
from continuum.models.inference import inference
from continuum.models.language import (
    likelihood_ratio,
    log_likelihood_on,
    log_likelihoods,
    perplexity,
    perplexity_on,
    sentence_scores,
)
from continuum.models.tokens import DOCUMENT, Frame
from continuum.models.windows import Windows

TOKENIZER = tiny_tokenizer()
MODELS = [tiny_llama, tiny_gpt2]
TEXTS = [
    "the film was great !",
    "awful !",
    "we saw it in the city and they hated the plot .",
    "I read a book",
    "so dull ,",
]


def words(rng, n):
    return " ".join(rng.choice(WORDS, n))


def test_a_uniform_model_has_the_perplexity_of_its_vocabulary():
    assert perplexity(uniform(), TOKENIZER, TEXTS, frame=DOCUMENT) == pytest.approx(VOCABULARY, rel=1e-6)
    found = log_likelihoods(uniform(), TOKENIZER, TEXTS, frame=DOCUMENT)
    assert found.counts.tolist() == [6, 3, 13, 5, 4]  # words, marks and the end; not the start
    assert found.per_token == pytest.approx(-math.log(VOCABULARY))


def test_the_log_likelihood_of_a_bigram_model_is_the_sum_of_its_table():
    model = random_bigram(0)
    log_p = model.table.detach().log_softmax(-1)
    the, film, was = (TOKENIZER.get_vocab()[word] for word in ("the", "film", "was"))
    plain = log_p[the, film] + log_p[film, was]
    framed = log_p[0, the] + plain + log_p[was, 0]
    open_ended = log_p[0, the] + plain
    for frame, expected, n in ((None, plain, 2), (DOCUMENT, framed, 4), (Frame(END), open_ended, 3)):
        found = log_likelihoods(model, TOKENIZER, ["the film was"], frame=frame)
        assert found.sums == pytest.approx([expected.item()], rel=1e-6)
        assert found.counts.tolist() == [n]


@pytest.mark.parametrize("make", MODELS)
def test_one_text_agrees_with_the_loss_that_transformers_computes(make):
    model, text = make(), TEXTS[2]
    ids = torch.tensor([TOKENIZER(text)["input_ids"]])
    with torch.no_grad():
        loss = model(input_ids=ids, labels=ids).loss.item()
    assert sentence_scores(model, TOKENIZER, [text]) == pytest.approx([-loss], rel=1e-5)


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_neither_batches_nor_padding_nor_order_change_a_text(make, batch_size):
    model = make()
    alone = np.array([log_likelihoods(model, TOKENIZER, [text], frame=DOCUMENT).sums[0] for text in TEXTS])
    together = log_likelihoods(model, TOKENIZER, TEXTS, frame=DOCUMENT, batch_size=batch_size).sums
    backwards = log_likelihoods(model, TOKENIZER, TEXTS[::-1], frame=DOCUMENT, batch_size=batch_size).sums[::-1]
    assert together == pytest.approx(alone, rel=1e-5)  # float32 sums in another order
    assert backwards == pytest.approx(alone, rel=1e-5)


def test_logits_that_do_not_fit_are_not_asked_for_at_once(monkeypatch):
    """Batches of a vocabulary too large for all texts are smaller; a text that alone is too long comes alone."""
    expected = log_likelihoods(tiny_llama(), TOKENIZER, TEXTS, frame=DOCUMENT).sums
    model, shapes = tiny_llama(), []
    model.register_forward_hook(lambda *call: shapes.append(tuple(call[2].logits.shape[:2])))
    monkeypatch.setattr("continuum.models.inference._LOGITS", 12 * VOCABULARY)
    monkeypatch.setattr("continuum.models.language._CHUNK", 5)
    assert log_likelihoods(model, TOKENIZER, TEXTS, frame=DOCUMENT).sums == pytest.approx(expected, rel=1e-5)
    assert sorted(shapes) == [(1, 6), (1, 7), (1, 14), (2, 5)]


def test_texts_that_fit_into_one_batch_keep_their_order():
    model, seen = uniform(), []
    model.register_forward_pre_hook(lambda _, args, kwargs: seen.append(kwargs["input_ids"]), with_kwargs=True)
    log_likelihoods(model, TOKENIZER, TEXTS)
    first = [TOKENIZER(text)["input_ids"][0] for text in TEXTS]
    assert seen[0][:, 0].tolist() == first


def test_each_text_of_a_lease_by_rows_is_scored_by_the_model_at_its_point():
    path = WeightPath.from_adapters(adapted(), plus="pos", minus="neg", bounds=(-1, 2))
    points = [-1.0, 0.0, 0.3, 1.0, 2.0]
    with path.lease_rows(points) as model:
        together = sentence_scores(model, TOKENIZER, TEXTS)
    alone = [sentence_scores(path.at(t), TOKENIZER, [text])[0] for t, text in zip(points, TEXTS, strict=True)]
    assert together == pytest.approx(alone, rel=1e-4)


def test_a_lease_and_the_model_of_its_point_are_one_metric():
    path = WeightPath.from_adapters(adapted(), plus="pos", minus="neg")
    metric = likelihood_ratio(TEXTS[:2], TEXTS[2:], TOKENIZER, frame=DOCUMENT)
    with path.lease(0.3) as model:
        leased = metric(model)
    assert leased == pytest.approx(metric(path.at(0.3)), rel=1e-4)


@pytest.mark.parametrize(("dtype", "error"), [(torch.bfloat16, 0.1), (torch.float64, 1e-5)])
def test_models_of_other_precisions_can_be_scored(dtype, error):
    exact = sentence_scores(tiny_llama(), TOKENIZER, TEXTS, frame=DOCUMENT)
    # bfloat16 has 8 bits, and the logits are of size 2.
    assert sentence_scores(tiny_llama(dtype=dtype), TOKENIZER, TEXTS, frame=DOCUMENT) == pytest.approx(exact, abs=error)


def test_mode_gradients_and_random_state_are_left_as_they_were():
    model = tiny_gpt2().train()  # GPT-2 has dropout
    model.transformer.h[0].eval()
    modes, state = [module.training for module in model.modules()], torch.get_rng_state()
    dropped = sentence_scores(model, TOKENIZER, TEXTS)
    assert (dropped == sentence_scores(tiny_gpt2(), TOKENIZER, TEXTS)).all()
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_the_mode_comes_back_after_an_error():
    model = tiny_gpt2().train()
    with pytest.raises(KeyError, match="lost"), inference(model):
        raise KeyError("lost", model.training, torch.is_grad_enabled())
    assert model.training
    assert torch.is_grad_enabled()


# Windows


@pytest.mark.parametrize(("size", "stride"), [(2, 1), (4, 2), (5, 4), (8, 3), (64, 32)])
@pytest.mark.parametrize("length", [2, 3, 4, 5, 7, 8, 9, 31, 64])
def test_windows_score_each_token_once_with_the_context_they_promise(size, stride, length):
    scored = []
    for begin, end, first in Windows(size, stride).spans(length):
        assert 0 <= begin < first < end <= length
        assert end - begin == min(size, length)
        assert first - begin >= min(first, size - stride)
        scored += range(first, end)
    assert scored == list(range(1, length))


def test_a_text_that_fits_into_one_window_is_scored_in_one_pass():
    once = log_likelihoods(tiny_llama(), TOKENIZER, TEXTS, frame=DOCUMENT)
    cut = log_likelihoods(tiny_llama(), TOKENIZER, TEXTS, frame=DOCUMENT, windows=Windows(14, 1))
    assert (once.sums == cut.sums).all()


@pytest.mark.parametrize("windows", [Windows(2, 1), Windows(4, 2), Windows(7, 6)])
def test_windows_cost_a_bigram_model_nothing(rng, windows):
    """It looks at one token only, which every window shows: cutting must not change the sum or the weights."""
    model, texts = random_bigram(1), [words(rng, 29), words(rng, 3), words(rng, 14)]
    whole = log_likelihoods(model, TOKENIZER, texts)
    cut = log_likelihoods(model, TOKENIZER, texts, windows=windows)
    assert cut.sums == pytest.approx(whole.sums, rel=1e-6)
    assert (cut.counts == whole.counts).all()


@pytest.mark.parametrize("make", MODELS)
def test_windows_agree_with_one_forward_pass_per_token(rng, make):
    """The definition, one token at a time, with the context that its window leaves it."""
    model, text, size, stride = make(), words(rng, 23), 8, 3
    ids = TOKENIZER(text)["input_ids"]
    total = 0.0
    for place in range(1, len(ids)):
        window = max(0, math.ceil((place + 1 - size) / stride))
        begin = max(0, min(window * stride + size, len(ids)) - size)
        with torch.no_grad():
            log_p = model(input_ids=torch.tensor([ids[begin:place]])).logits[0, -1].log_softmax(-1)
        total += log_p[ids[place]].item()
    expected = math.exp(-total / (len(ids) - 1))
    assert perplexity(model, TOKENIZER, [text], windows=Windows(size, stride)) == pytest.approx(expected, rel=1e-5)


def test_perplexity_weighs_tokens_alike_and_not_windows():
    """The mean of windows of unlike numbers of targets is another number: fault 8 of the reference code."""
    table = torch.zeros(VOCABULARY, VOCABULARY)
    film = TOKENIZER.get_vocab()["film"]
    table[film, film] = 5.0  # repeating the word is easy, all else is hard
    text = "film " * 9 + "was so dull"
    found = log_likelihoods(Bigram(table), TOKENIZER, [text], windows=Windows(10, 1))
    easy = 5 - math.log(math.exp(5) + VOCABULARY - 1)
    hard = (-math.log(math.exp(5) + VOCABULARY - 1), -math.log(VOCABULARY), -math.log(VOCABULARY))
    assert found.sums[0] == pytest.approx(8 * easy + sum(hard), rel=1e-6)
    assert found.perplexity == pytest.approx(math.exp(-(8 * easy + sum(hard)) / 11), rel=1e-6)
    windows = [(8 * easy + hard[0]) / 9, *hard[1:]]
    assert found.perplexity < 0.5 * math.exp(-np.mean(windows))


def test_perplexity_of_several_texts_adds_their_sums_and_their_counts(rng):
    texts = [words(rng, 20), words(rng, 5)]
    found = log_likelihoods(random_bigram(0), TOKENIZER, texts)
    expected = math.exp(-found.sums.sum() / found.counts.sum())
    assert perplexity(random_bigram(0), TOKENIZER, texts) == pytest.approx(expected)


# Metrics


def test_the_metrics_say_what_the_functions_say():
    model, plus, minus = tiny_llama(), TEXTS[:2], TEXTS[2:]
    scores = [sentence_scores(model, TOKENIZER, side, frame=DOCUMENT).mean() for side in (plus, minus)]
    assert log_likelihood_on(plus, TOKENIZER, frame=DOCUMENT)(model) == pytest.approx(scores[0])
    ratio = likelihood_ratio(plus, minus, TOKENIZER, frame=DOCUMENT)
    assert ratio(model) == pytest.approx(scores[0] - scores[1])
    assert perplexity_on(plus, TOKENIZER)(model) == perplexity(model, TOKENIZER, plus)


def test_the_items_of_a_log_likelihood_are_the_texts():
    found = log_likelihood_on(TEXTS, TOKENIZER).measure(tiny_llama())
    assert found.values.tolist() == sentence_scores(tiny_llama(), TOKENIZER, TEXTS).tolist()


def test_the_items_of_a_ratio_are_pairs_of_texts_and_a_base_has_nothing_on_each():
    model, plus, minus = tiny_llama(), TEXTS[:2], TEXTS[1:3]
    scores = [sentence_scores(model, TOKENIZER, side) for side in (plus, minus)]
    assert likelihood_ratio(plus, minus, TOKENIZER).measure(model).values.tolist() == (scores[0] - scores[1]).tolist()
    assert likelihood_ratio(plus, minus, TOKENIZER, base=model).measure(model).values.tolist() == [0.0, 0.0]
    assert isinstance(likelihood_ratio(plus, minus[:1], TOKENIZER).measure(model), float)


def test_the_metrics_know_their_direction():
    assert perplexity_on(TEXTS, TOKENIZER).goal == "min"
    assert log_likelihood_on(TEXTS, TOKENIZER).goal == "max"
    assert likelihood_ratio(TEXTS, TEXTS, TOKENIZER).goal is None


def test_the_base_of_a_ratio_scores_zero_and_is_measured_once():
    base, other = tiny_llama(0), tiny_llama(1)
    bare = likelihood_ratio(TEXTS[:2], TEXTS[2:], TOKENIZER, frame=DOCUMENT)
    relative = likelihood_ratio(TEXTS[:2], TEXTS[2:], TOKENIZER, frame=DOCUMENT, base=base)
    expected = bare(other) - bare(base)
    assert relative(base) == 0.0
    with torch.no_grad():  # as a lease would
        base.lm_head.weight.zero_()
    assert relative(other) == pytest.approx(expected)


def test_exchanging_the_sides_turns_the_sign():
    model = tiny_llama()
    there, back = (
        likelihood_ratio(*sides, TOKENIZER)(model) for sides in ((TEXTS[:2], TEXTS[2:3]), (TEXTS[2:3], TEXTS[:2]))
    )
    assert there == -back != 0


@pytest.mark.parametrize(
    "make", [perplexity_on, log_likelihood_on, lambda *args: likelihood_ratio(args[0], TEXTS, args[1])]
)
def test_a_store_knows_a_metric_by_its_texts(make):
    """Lists that a function captured are no part of its fingerprint; texts must be."""
    texts = ["the film was great", "so dull"]
    metric = make(texts, TOKENIZER)
    before = fingerprint(metric)
    metric(tiny_llama())
    assert fingerprint(metric) == before == fingerprint(make(list(texts), tiny_tokenizer()))
    assert fingerprint(make(["the film was good", "so dull"], TOKENIZER)) != before


# Bad input


@pytest.mark.parametrize("texts", [[], "the film", ["the film", ""], ["the film", 3], ["awful"]])
def test_texts_that_cannot_be_scored_are_refused_by_name(texts):
    with pytest.raises(InvalidInputError, match="texts"):
        log_likelihoods(uniform(), TOKENIZER, texts)


def test_an_empty_text_is_refused_in_a_frame_too():
    with pytest.raises(InvalidInputError, match=r"`minus\[1\]` leaves nothing to predict"):
        likelihood_ratio(TEXTS, ["so dull", ""], TOKENIZER, frame=DOCUMENT)


@pytest.mark.parametrize("make", MODELS)
def test_a_text_longer_than_the_context_needs_windows(rng, make):
    model, texts = make(), ["so dull", words(rng, CONTEXT + 1)]
    with pytest.raises(InvalidInputError, match=f"text 1 needs {CONTEXT + 1} tokens.*takes {CONTEXT}.*windows"):
        log_likelihoods(model, TOKENIZER, texts)
    with pytest.raises(InvalidInputError, match="smaller `windows`"):
        perplexity(model, TOKENIZER, texts)
    assert perplexity(model, TOKENIZER, texts, windows=Windows(CONTEXT, 32)) > 1


def test_a_frame_must_be_in_the_vocabulary():
    with pytest.raises(IncompatibleError, match="<bos>"):
        log_likelihoods(uniform(), TOKENIZER, TEXTS, frame=Frame("<bos>"))


@pytest.mark.parametrize("windows", [(4, 4), (4, 0), (1, 1)])
def test_windows_must_advance_and_overlap(windows):
    with pytest.raises(InvalidInputError, match="stride"):
        Windows(*windows)


@pytest.mark.parametrize("measure", [log_likelihoods, token_log_probs])
def test_a_batch_has_a_row(measure):
    with pytest.raises(InvalidInputError, match="batch_size"):
        measure(uniform(), TOKENIZER, TEXTS, batch_size=0)


@pytest.mark.parametrize("measure", [log_likelihoods, token_log_probs, partial(generate_texts, seed=0)])
def test_the_tokenizer_of_another_model_is_refused(measure):
    with pytest.raises(IncompatibleError, match="text 2 has token 48, but the model knows 40"):
        measure(tiny_llama(vocab=40), TOKENIZER, ["the film", "I read", "so the house , then", "of people"])


def test_numbers_that_are_not_finite_are_not_hidden():
    broken = copy.deepcopy(uniform())
    with torch.no_grad():
        broken.table.fill_(math.nan)
    assert math.isnan(perplexity(broken, TOKENIZER, TEXTS))
    impossible = torch.zeros(VOCABULARY, VOCABULARY)
    impossible[:, TOKENIZER.get_vocab()["film"]] = -math.inf
    assert perplexity(Bigram(impossible), TOKENIZER, ["the film"]) == math.inf
