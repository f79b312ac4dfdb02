"""Losses of texts as functions of tensors: what `perplexity` averages, for each text, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import tiny_gpt2, tiny_llama, tiny_tokenizer

from continuum.core import IncompatibleError, InvalidInputError
from continuum.models import TextInputs, log_likelihoods, mean_token_loss
from continuum.selection import GradientFeatures

TEXTS = ["the film was great", "a book", "I never saw the end of this bad plot , and you did not"]


def attentive(make):
    """A model that can be run for several examples at once by vmap."""
    model = make()
    model.set_attn_implementation("eager")
    return model


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_the_loss_of_a_text_is_its_mean_negative_log_likelihood(make):
    model, tokenizer = make(), tiny_tokenizer()
    with torch.no_grad():
        losses = mean_token_loss(model, *TextInputs(tokenizer)(TEXTS))
    scored = log_likelihoods(model, tokenizer, TEXTS)
    assert np.allclose(losses, -scored.per_token, atol=1e-5)


def test_only_the_answer_of_a_pair_has_a_loss():
    tokenizer, model = tiny_tokenizer(), tiny_llama()
    ids, mask, counted = TextInputs(tokenizer)([("the film was", "great"), "the film was great"])
    assert ids[0].tolist() == ids[1].tolist()
    assert counted.tolist() == [[0, 0, 0, 1], [0, 1, 1, 1]]
    with torch.no_grad():
        losses = mean_token_loss(model, ids, mask, counted)
        following = model(input_ids=ids[:1, :3]).logits[0, -1].log_softmax(0)
    assert torch.allclose(losses[0], -following[ids[0, 3]], atol=1e-5)


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_gradients_of_texts_do_not_depend_on_the_batch(make):
    model, inputs = attentive(make), TextInputs(tiny_tokenizer())
    options = {"inputs": inputs, "parameters": r"layers\.1\.|h\.1\."}
    alone = GradientFeatures(model, mean_token_loss, batch_size=1, **options).encode(TEXTS)
    for batch_size in (2, 8):
        together = GradientFeatures(model, mean_token_loss, batch_size=batch_size, **options).encode(TEXTS)
        assert np.allclose(together, alone, atol=1e-5)


def test_a_model_that_vmap_cannot_run_is_refused_with_what_to_do():
    model = tiny_llama()
    model.set_attn_implementation("sdpa")
    features = GradientFeatures(model, mean_token_loss, TextInputs(tiny_tokenizer()))
    with pytest.raises(IncompatibleError, match=r"(?s)cannot be run for several examples.*`batch_size=1`.*eager"):
        features.encode(TEXTS)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (["the film", "the"], "example 1 has 1 tokens, 0 of its prompt, and none with a loss"),
        ([("the film was", "")], "example 0 has 3 tokens, 3 of its prompt"),
        ([("the film was great and", "good")], "example 0 has 4 tokens, 5 of its prompt"),
        ([("the", "film", "was")], "example 0 must be a text or a pair"),
        ([3], "example 0 must be a text or a pair"),
    ],
)
def test_an_example_without_a_loss_is_refused(items, said):
    with pytest.raises(InvalidInputError, match=said):
        TextInputs(tiny_tokenizer(), length=4)(items)
