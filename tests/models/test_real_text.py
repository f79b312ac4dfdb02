"""The measures on a real language model and real text; skipped where `continuum fetch` has not brought them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from continuum.core import MissingDataError
from continuum.models.corpora import attribute_texts, genre_texts
from continuum.models.divergence import token_divergence
from continuum.models.generation import generate_texts
from continuum.models.language import perplexity, sentence_scores
from continuum.models.paired import paired_difference
from continuum.models.sentiment import Vader
from continuum.models.sources import LanguageModel, load_language_model
from continuum.models.text_classifier import AttributeClassifier
from continuum.models.tokens import DOCUMENT
from continuum.models.windows import Windows

pytestmark = pytest.mark.data


def fetched(load, *args, **options):
    try:
        return load(*args, **options)
    except MissingDataError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def smollm2() -> LanguageModel:
    return fetched(load_language_model, "smollm2")


@pytest.fixture(scope="module")
def sentiment():
    """The plus and the minus end, each with texts to fit and texts held out."""
    return fetched(attribute_texts, "sentiment")


def test_the_capital_of_italy_is_rome(smollm2):
    ((text,),) = generate_texts(
        smollm2.model,
        smollm2.tokenizer,
        ["The capital of Italy is"],
        seed=0,
        samples=1,
        new_tokens=1,
        temperature=0.0,
    )
    assert text == " Rome"


def test_perplexity_of_learned_prose_agrees_with_the_loss_of_transformers(smollm2):
    """Some 20 to 50 for passages of this size, depending on the passage: 22.2 for the beginning of text J01."""
    texts = fetched(genre_texts, "learned", words=100).held_out[:2]
    total, count = 0.0, 0
    for text in texts:
        ids = torch.tensor([smollm2.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            total += smollm2.model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        count += ids.shape[1] - 1
    found = perplexity(smollm2.model, smollm2.tokenizer, texts)
    assert found == pytest.approx(np.exp(total / count), rel=1e-4)
    assert 15 < found < 60
    # Less context cannot help by much.
    assert perplexity(smollm2.model, smollm2.tokenizer, texts, windows=Windows(64, 32)) > found


def test_half_precision_barely_changes_what_the_model_says_and_pairing_shows_it(smollm2, sentiment):
    """Sentences differ in difficulty far more than a model and its rounded copy do on one of them."""
    texts = sentiment[0].held_out[:6]
    rounded = copy.deepcopy(smollm2.model).bfloat16().float()  # half-precision weights, without its slow arithmetic
    found = token_divergence(smollm2.model, rounded, smollm2.tokenizer, texts, frame=DOCUMENT)
    assert found.js.mean() < 0.01
    assert found.agrees.mean() > 0.9
    a, b = (sentence_scores(model, smollm2.tokenizer, texts, frame=DOCUMENT) for model in (smollm2.model, rounded))
    unpaired = np.hypot(a.std(ddof=1), b.std(ddof=1)) / np.sqrt(len(texts))
    assert paired_difference(a, b).standard_error < unpaired / 10


def test_sentiment_scorers_know_held_out_reviews_apart(sentiment):
    """AUC .88 of the classifier on its own held-out texts, of 4,102 it was fitted to."""
    plus, minus = sentiment
    classifier = AttributeClassifier.fit(plus.train, minus.train, name="sentiment")
    assert classifier.auc > 0.85
    labels = np.repeat([1, 0], [len(plus.held_out), len(minus.held_out)])
    for scorer, least in ((classifier, 0.8), (Vader(), 0.7)):
        assert roc_auc_score(labels, scorer.scores([*plus.held_out, *minus.held_out])) > least
