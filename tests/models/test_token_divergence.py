"""Divergences and mixtures of next-token distributions: bounds, identities, and agreement with their definitions."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from known import Bigram, random_bigram, uniform
from tiny import VOCABULARY, tiny_gpt2, tiny_llama, tiny_tokenizer

from continuum import evaluate, tabulate
from continuum.core import IncompatibleError, InvalidInputError, ResourceError, fingerprint
from continuum.harness import churn
from continuum.models.distributions import (
    arithmetic_mixture,
    geometric_mixture,
    jensen_shannon,
    kullback_leibler,
)
from continuum.models.divergence import agreement_with, js_to, token_divergence, token_log_probs
from continuum.models.ensemble import Ensemble
from continuum.models.language import perplexity, sentence_scores
from continuum.models.tokens import DOCUMENT

TOKENIZER = tiny_tokenizer()
TEXTS = [
    "the film was great !",
    "awful !",
    "we saw it in the city and they hated the plot .",
    "I read a book",
    "so dull",
]
MIXTURES = [arithmetic_mixture, geometric_mixture]


@pytest.fixture
def pair(rng):
    """Log-probabilities of two distributions at 50 positions over 7 tokens."""
    return tuple(torch.from_numpy(rng.normal(scale=3, size=(50, 7))).float().log_softmax(-1) for _ in range(2))


# Distributions


def test_divergences_follow_their_definitions(pair):
    p, q = (log.double().exp().numpy() for log in pair)
    middle = (p + q) / 2
    kl = (p * np.log(p / q)).sum(1)
    js = ((p * np.log(p / middle)).sum(1) + (q * np.log(q / middle)).sum(1)) / 2
    assert kullback_leibler(*pair).numpy() == pytest.approx(kl, rel=1e-5, abs=1e-6)
    assert jensen_shannon(*pair).numpy() == pytest.approx(js, rel=1e-5, abs=1e-6)


def test_js_is_symmetric_and_between_0_and_log_2(pair):
    p, q = pair
    js = jensen_shannon(p, q)
    assert torch.allclose(js, jensen_shannon(q, p), atol=1e-7)
    assert (js > 0).all()
    assert (js < math.log(2)).all()


def test_js_is_0_of_equal_and_log_2_of_disjoint_distributions(pair):
    assert (jensen_shannon(pair[0], pair[0]) < 1e-7).all()
    apart = torch.eye(4).log()
    assert jensen_shannon(apart, apart.flip(0)).numpy() == pytest.approx(math.log(2))
    assert (jensen_shannon(apart, apart) == 0).all()
    assert (kullback_leibler(apart, apart.flip(0)) == math.inf).all()


@pytest.mark.parametrize("mixture", MIXTURES)
def test_mixtures_are_distributions_with_the_ends_they_are_named_by(pair, mixture):
    p, q = pair
    assert torch.equal(mixture(p, q, 1.0), p)
    assert torch.equal(mixture(p, q, 0.0), q)
    for weight in (0.1, 0.5, 0.8):
        mixed = mixture(p, q, weight)
        assert torch.allclose(mixed.exp().sum(-1), torch.ones(50), atol=1e-6)
        assert torch.allclose(mixed, mixture(q, p, 1 - weight), atol=1e-5)
        assert torch.allclose(mixture(p, p, weight), p, atol=1e-5)


def test_the_arithmetic_mixture_averages_probabilities_and_the_geometric_one_logits(pair):
    p, q = pair
    assert torch.allclose(arithmetic_mixture(p, q, 0.3).exp(), 0.3 * p.exp() + 0.7 * q.exp(), atol=1e-6)
    for weight in (-1.0, 0.3, 2.0):
        ratio = geometric_mixture(p, q, weight) - (weight * p + (1 - weight) * q)
        assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), atol=1e-4)  # one constant for each position


def test_mixtures_of_certain_distributions_are_defined():
    p, q = torch.tensor([[1.0, 0.0, 0.0]]).log(), torch.tensor([[0.5, 0.5, 0.0]]).log()
    assert arithmetic_mixture(p, q, 0.5).exp().tolist() == [pytest.approx([0.75, 0.25, 0.0])]
    assert geometric_mixture(p, q, 0.5).exp().tolist() == [pytest.approx([1.0, 0.0, 0.0])]


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan])
def test_an_arithmetic_mixture_cannot_extrapolate(pair, weight):
    with pytest.raises(InvalidInputError, match="weight"):
        arithmetic_mixture(*pair, weight)


def test_a_geometric_weight_is_finite(pair):
    with pytest.raises(InvalidInputError, match="weight"):
        geometric_mixture(*pair, math.inf)


@pytest.mark.parametrize("function", [kullback_leibler, jensen_shannon])
def test_other_vocabularies_or_positions_are_refused(pair, function):
    for other in (pair[1][:, :6], pair[1][:1]):  # the last would broadcast
        with pytest.raises(IncompatibleError, match="vocabulary"):
            function(pair[0], other)


# Models


def test_stored_distributions_are_those_of_one_forward_pass_per_text():
    model, rows = tiny_llama(), []
    for text in TEXTS:
        ids = torch.tensor([[0, *TOKENIZER(text)["input_ids"], 0]])
        with torch.no_grad():
            rows.append(model(input_ids=ids).logits[0, :-1].log_softmax(-1))
    for batch_size in (1, 2, 16):
        found = token_log_probs(model, TOKENIZER, TEXTS, frame=DOCUMENT, positions=None, batch_size=batch_size)
        assert torch.allclose(found, torch.cat(rows), atol=1e-5)


def test_fewer_positions_are_spread_evenly_over_the_texts():
    every = token_log_probs(tiny_llama(), TOKENIZER, TEXTS, frame=DOCUMENT, positions=None)
    n = len(every)
    for positions in (1, 4, n - 1, n, n + 5):
        some = token_log_probs(tiny_llama(), TOKENIZER, TEXTS, frame=DOCUMENT, positions=positions, batch_size=2)
        kept = min(n, positions)
        assert torch.allclose(some, every[np.arange(kept) * n // kept], atol=1e-5)


def test_models_differ_by_what_their_distributions_differ_by(monkeypatch):
    monkeypatch.setattr("continuum.models.divergence._CHUNK", 5)
    p, q = (token_log_probs(model, TOKENIZER, TEXTS) for model in (tiny_llama(0), tiny_gpt2(1)))
    found = token_divergence(tiny_llama(0), tiny_gpt2(1), TOKENIZER, TEXTS, batch_size=2)
    assert found.js == pytest.approx(jensen_shannon(p, q).numpy(), rel=1e-4)
    assert found.kl == pytest.approx(kullback_leibler(p, q).numpy(), rel=1e-4)
    assert (found.agrees == (p.argmax(1) == q.argmax(1)).numpy()).all()


def test_equal_models_do_not_diverge():
    same = token_divergence(tiny_llama(), tiny_llama(), TOKENIZER, TEXTS)
    assert same.js.max() < 1e-7
    assert same.agrees.all()


def test_the_divergence_of_bigram_models_is_that_of_their_tables():
    """Of a uniform model and one that is certain of nothing but film: KL(u ‖ q) by hand."""
    table = torch.zeros(VOCABULARY, VOCABULARY)
    table[:, 5] = 2.0
    found = token_divergence(uniform(), Bigram(table), TOKENIZER, TEXTS)
    expected = math.log(VOCABULARY - 1 + math.exp(2)) - math.log(VOCABULARY) - 2 / VOCABULARY
    assert found.kl == pytest.approx(expected, rel=1e-5)


def test_a_metric_gives_one_number_for_a_stored_and_for_a_living_reference():
    value, reference = tiny_llama(0), tiny_llama(1)
    stored = token_log_probs(reference, TOKENIZER, TEXTS, frame=DOCUMENT, positions=9)
    found = token_divergence(value, reference, TOKENIZER, TEXTS, frame=DOCUMENT, positions=9)
    for given in (stored, reference):
        js = js_to(given, TEXTS, TOKENIZER, frame=DOCUMENT, positions=9)
        agreement = agreement_with(given, TEXTS, TOKENIZER, frame=DOCUMENT, positions=9)
        assert js(value) == pytest.approx(found.js.mean(), rel=1e-5)
        assert agreement(value) == found.agrees.mean()
        assert (js.goal, agreement.goal) == ("min", "max")
    assert js_to(stored, TEXTS, TOKENIZER, frame=DOCUMENT, positions=9)(reference) < 1e-7


def test_what_is_decided_at_a_position_is_the_likeliest_token():
    value, stored = tiny_llama(0), token_log_probs(tiny_llama(1), TOKENIZER, TEXTS)
    found = agreement_with(stored, TEXTS, TOKENIZER).measure(value)
    chosen = token_log_probs(value, TOKENIZER, TEXTS).argmax(1)
    assert found.decisions.tolist() == chosen.tolist()
    assert found.values.tolist() == (chosen == stored.argmax(1)).tolist()


def test_a_path_of_models_tells_how_many_tokens_flip_on_the_way():
    models = [tiny_llama(0), tiny_llama(0), tiny_llama(1)]
    path = tabulate(dict(zip((0.0, 0.5, 1.0), models, strict=True)))
    metrics = [of(token_log_probs(tiny_llama(2), TOKENIZER, TEXTS), TEXTS, TOKENIZER) for of in (js_to, agreement_with)]
    results = evaluate(path, metrics, points=3, name="path", progress=False)
    flips = churn(results, "path", "top-1 agreement")["churn"]
    assert flips[0] == 0 < flips[1]
    curve = results.curve("path", "JS to reference")
    assert (curve["low"] < curve["mean"]).all()


def test_a_value_that_is_its_own_reference_is_refused():
    """A lease changes both at once: the divergence would be 0 all along the path."""
    model = tiny_llama()
    with pytest.raises(IncompatibleError, match="token_log_probs"):
        js_to(model, TEXTS, TOKENIZER)(model)


def test_references_of_other_positions_or_vocabularies_are_refused():
    stored = token_log_probs(tiny_llama(), TOKENIZER, TEXTS)
    with pytest.raises(IncompatibleError, match="row for each"):
        js_to(stored[:-1], TEXTS, TOKENIZER)
    with pytest.raises(IncompatibleError, match="vocabulary"):
        js_to(tiny_llama(vocab=80), TEXTS, TOKENIZER)(tiny_llama())


def test_modes_come_back_of_both_models():
    value, reference = tiny_gpt2(0).train(), tiny_gpt2(1).train()
    for p, q in ((value, reference), (value, value)):
        token_divergence(p, q, TOKENIZER, TEXTS)
        assert p.training
        assert q.training
        assert all(module.training for module in q.modules())


def test_a_store_knows_a_divergence_by_reference_and_texts():
    stored = token_log_probs(tiny_llama(), TOKENIZER, TEXTS)
    one, same, other = (js_to(of, TEXTS, TOKENIZER) for of in (stored, stored.clone(), stored - 1))
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)
    assert fingerprint(js_to(tiny_llama(), TEXTS, TOKENIZER)) == fingerprint(js_to(tiny_llama(), TEXTS, TOKENIZER))
    assert fingerprint(js_to(tiny_llama(), TEXTS, TOKENIZER)) != fingerprint(
        js_to(tiny_llama(), TEXTS[::-1], TOKENIZER)
    )


@pytest.mark.parametrize(("texts", "positions"), [(["awful"], None), (TEXTS, 0)])
def test_no_position_is_refused(texts, positions):
    with pytest.raises(InvalidInputError, match="positions"):
        token_log_probs(uniform(), TOKENIZER, texts, positions=positions)


def test_distributions_that_do_not_fit_are_refused_before_they_are_computed(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 1000}))
    with pytest.raises(ResourceError, match="fewer `positions`"):
        token_log_probs(uniform(), TOKENIZER, TEXTS)


# Ensembles


@pytest.mark.parametrize("mixture", MIXTURES)
def test_an_ensemble_says_the_mixture_of_what_its_models_say(mixture):
    p, q = tiny_llama(0), tiny_gpt2(1)
    ensemble = Ensemble(p, q, 0.3, mixture=mixture)
    expected = mixture(*(token_log_probs(model, TOKENIZER, TEXTS) for model in (p, q)), 0.3)
    assert torch.allclose(token_log_probs(ensemble, TOKENIZER, TEXTS), expected, atol=1e-5)
    assert js_to(expected, TEXTS, TOKENIZER)(ensemble) < 1e-7


@pytest.mark.parametrize("mixture", MIXTURES)
def test_the_ends_of_an_ensemble_are_its_models(mixture):
    p, q = tiny_llama(0), tiny_llama(1)
    for weight, model in ((1.0, p), (0.0, q)):
        ensemble = Ensemble(p, q, weight, mixture=mixture)
        assert perplexity(ensemble, TOKENIZER, TEXTS[:1]) == pytest.approx(perplexity(model, TOKENIZER, TEXTS[:1]))


def test_an_arithmetic_ensemble_is_never_surprised_by_more_than_its_weight():
    """log(w p) is a lower bound of log(w p + (1 - w) q) for each token."""
    p, q = random_bigram(0), random_bigram(1)
    mixed = sentence_scores(Ensemble(p, q, 0.25), TOKENIZER, TEXTS, frame=DOCUMENT)
    alone = [sentence_scores(model, TOKENIZER, TEXTS, frame=DOCUMENT) for model in (p, q)]
    assert (mixed >= alone[0] + math.log(0.25)).all()
    assert (mixed >= alone[1] + math.log(0.75)).all()


def test_an_ensemble_shares_the_weights_of_its_models_and_changes_none():
    p, q = tiny_llama(0), tiny_llama(1)
    before = copy.deepcopy(p.state_dict())
    ensemble = Ensemble(p, q, 0.5)
    perplexity(ensemble, TOKENIZER, TEXTS)
    assert ensemble.p_model is p
    assert all(torch.equal(tensor, before[name]) for name, tensor in p.state_dict().items())
