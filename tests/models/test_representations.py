"""Texts as vectors: padding has no influence, nor have the texts that are encoded together."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny import CONTEXT, END, tiny_gpt2, tiny_llama, tiny_tokenizer
from transformers import BertConfig, BertModel

from continuum.core import InvalidInputError
from continuum.models import HiddenState, SentenceEmbedding
from continuum.models.recipes import ENCODERS
from continuum.models.representations import pooled
from continuum.models.sources import available_models, load_encoder, load_language_model

here = pytest.mark.skipif(not ENCODERS["minilm"].path.exists(), reason="`continuum fetch minilm` brings it")
POOLINGS = ("weighted_mean", "mean", "last")
TEXTS = [
    "the film was great",
    "a",
    "I never saw the end of this bad plot , and you did not",
    "the film was great",
    "cast",
]


def tiny_bert():
    config = BertConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=CONTEXT, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertModel(config)


def sentence(**options):
    return SentenceEmbedding(tiny_bert(), tiny_tokenizer(), **options)


ENCODE = {
    "sentence": sentence,
    **{f"llama {p}": lambda p=p, **o: HiddenState(tiny_llama(), tiny_tokenizer(), p, **o) for p in POOLINGS},
    **{f"gpt2 {p}": lambda p=p, **o: HiddenState(tiny_gpt2(), tiny_tokenizer(), p, **o) for p in POOLINGS},
}
every = pytest.mark.parametrize("make", ENCODE.values(), ids=ENCODE)


@every
def test_a_vector_does_not_depend_on_the_texts_that_are_encoded_with_it(make):
    alone = np.concatenate([make().encode([text]) for text in TEXTS])
    for batch_size in (1, 2, 32):
        together = make(batch_size=batch_size).encode(TEXTS)
        assert np.allclose(together, alone, atol=2e-6)  # rounding of sums in another order
        backwards = make(batch_size=batch_size).encode(TEXTS[::-1])[::-1]
        assert np.allclose(backwards, alone, atol=2e-6)


@every
def test_vectors_have_unit_length_in_single_precision_and_are_the_same_each_time(make):
    of = make()
    of.model.train()
    found = of.encode(TEXTS)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert np.array_equal(found, of.encode(TEXTS))  # no dropout
    assert of.model.training
    assert of.fit(TEXTS) is of


@pytest.mark.parametrize("pooling", POOLINGS)
def test_states_behind_the_mask_have_no_influence_whatever_they_are(pooling, rng):
    states = torch.from_numpy(rng.normal(size=(3, 6, 4)))
    mask = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1] * 6])
    alone = torch.stack(
        [pooled(row[keep > 0][None], keep[keep > 0][None], pooling)[0] for row, keep in zip(states, mask, strict=True)]
    )
    states[0, 4], states[1, 1:] = math.nan, math.inf
    assert torch.allclose(pooled(states, mask, pooling), alone)


def test_pooling_is_what_its_formula_says(rng):
    states = torch.from_numpy(rng.normal(size=(1, 5, 3)))
    mask = torch.ones(1, 5, dtype=torch.long)
    places = torch.arange(1.0, 6.0, dtype=torch.float64)
    assert torch.allclose(pooled(states, mask, "mean"), states.mean(1))
    assert torch.allclose(pooled(states, mask, "weighted_mean")[0], places @ states[0] / 15)
    assert torch.equal(pooled(states, mask, "last"), states[:, -1])


def test_a_layer_is_a_hidden_state_of_the_model():
    model, tokenizer = tiny_llama(layers=3), tiny_tokenizer()
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    with torch.no_grad():
        states = model(input_ids=ids, output_hidden_states=True).hidden_states
    for layer in (0, 2, -1):
        expected = torch.nn.functional.normalize(states[layer].mean(1), dim=1)
        assert np.allclose(HiddenState(model, tokenizer, "mean", layer).encode(TEXTS[:1]), expected, atol=1e-6)
    with pytest.raises(InvalidInputError, match="hidden states 0 to 3, and 4 is none"):
        HiddenState(model, tokenizer, layer=4).encode(TEXTS)


def test_long_texts_are_cut_at_their_end():
    long, short = "the film " * 20, "the film the film the"
    of = HiddenState(tiny_llama(), tiny_tokenizer(), "mean", length=5)
    assert np.allclose(of.encode([long]), of.encode([short]), atol=1e-6)
    assert np.isfinite(sentence(length=2 * CONTEXT).encode(["the " * 2 * CONTEXT])).all()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: sentence().encode("the film"), "must be a sequence of strings"),
        (lambda: sentence().encode([]), "at least one string"),
        (lambda: sentence().encode(["the", ""]), r"`items\[1\]` has no tokens; leave it out"),
        (lambda: sentence(length=0), "`length` must be at least 1"),
        (lambda: sentence(batch_size=0), "`batch_size` must be at least 1"),
        (lambda: HiddenState(tiny_llama(), tiny_tokenizer(), "max"), "'weighted_mean', 'mean' or 'last', got 'max'"),
    ],
)
def test_what_cannot_be_encoded_is_refused(ask, said):
    with pytest.raises(InvalidInputError, match=said):
        ask()


@pytest.mark.data
@here
def test_the_packaged_encoder_has_similar_sentences_near_each_other():
    of = SentenceEmbedding.load()
    assert of.model.config.hidden_size == 384
    assert len(of.model.encoder.layer) == 6
    cat, kitten, stocks = of.encode(
        ["A cat sits on the mat.", "A kitten is resting on a rug.", "Stock markets fell sharply today."]
    )
    assert cat @ kitten > 0.6
    assert abs(cat @ stocks) < 0.1


@pytest.mark.data
@here
def test_the_packaged_encoder_sees_no_padding():
    of = SentenceEmbedding.load()
    texts = ["Short.", "word " * 300, "A sentence of middle length, with a comma."]
    alone = np.concatenate([of.encode([text]) for text in texts])
    assert np.allclose(of.encode(texts), alone, atol=1e-5)
    assert load_encoder("minilm").tokenizer(END)["input_ids"][0] == 101  # [CLS]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif("smollm2" not in available_models(), reason="`continuum fetch smollm2` brings it")
def test_hidden_states_of_a_real_model_see_no_padding():
    found = load_language_model("smollm2")
    texts = ["Rome.", "The capital of France is Paris, and that of Italy is", "def f(x):\n    return x"]
    of = HiddenState(found.model, found.tokenizer)
    assert np.allclose(of.encode(texts), np.concatenate([of.encode([text]) for text in texts]), atol=1e-5)
