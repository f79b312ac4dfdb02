"""Sizes between sizes, an extension: exact where the path is, continuous elsewhere."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from families import TEACHERS, pair
from torch import nn
from transformers import DynamicCache

from continuum.core import IncompatibleError
from continuum.models import PatchPath
from continuum.models.size import Gate, GatedPath

TOKENS = torch.tensor([[5, 9, 41, 7, 8], [3, 60, 9, 11, 22]])
UNIFORM = sorted(set(TEACHERS) - {"qwen2", "gemma3", "distilbert-bert"})  # one kind of attention throughout


@torch.no_grad()
def says(model: Any) -> torch.Tensor:
    return model(input_ids=TOKENS).logits


@pytest.mark.parametrize("name", UNIFORM)
def test_the_sizes_of_the_path_are_met_exactly_and_approached_from_both_sides(name):
    path = PatchPath(*pair(name))
    gated = GatedPath(path)
    for t in path.domain.values:
        exact = says(path.at(t))
        assert torch.equal(says(gated.at(t)), exact)
        for near in {max(t - 1e-7, 0.0), min(t + 1e-7, 1.0)}:
            assert (says(gated.at(near)) - exact).abs().max() < 1e-3 * exact.abs().max()


def test_models_in_between_change_steadily():
    gated = GatedPath(PatchPath(*pair("llama")))
    found = [says(gated.at(float(t))) for t in np.linspace(0, 1, 65)]
    jumps = [float((b - a).abs().max()) for a, b in pairwise(found)]
    assert max(jumps) < 0.3 * float((found[-1] - found[0]).abs().max())


def test_a_gate_mixes_what_its_parts_say():
    one, two, three = (nn.Linear(3, 3) for _ in range(3))
    x = torch.randn(2, 3)
    expected = 0.75 * one(x) + 0.25 * three(two(x))
    torch.testing.assert_close(Gate([one], [two, three], 0.25)(x), expected)


def test_leases_overlap_share_their_weights_and_equal_what_at_gives():
    path = PatchPath(*pair("gpt2"))
    gated = GatedPath(path)
    known = {tensor.data_ptr() for model in (path.student, path.teacher) for tensor in model.parameters()}
    with gated.lease(0.2) as one, gated.lease(0.9) as two:
        assert {tensor.data_ptr() for model in (one, two) for tensor in model.parameters()} <= known
        assert torch.equal(says(one), says(gated.at(0.2)))
        assert torch.equal(says(two), says(gated.at(0.9)))


def test_it_generates_without_a_cache_and_refuses_one():
    model = GatedPath(PatchPath(*pair("llama"))).at(0.2)
    assert model.generate(TOKENS, max_new_tokens=2, do_sample=False).shape == (2, 7)
    with pytest.raises(IncompatibleError, match="use_cache=False"):
        model(input_ids=TOKENS, past_key_values=DynamicCache())


def test_a_block_of_two_kinds_of_attention_cannot_be_gated():
    with pytest.raises(IncompatibleError, match="kinds of attention"):
        GatedPath(PatchPath(*pair("qwen2"))).at(0.2)
