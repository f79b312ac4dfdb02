"""Sizes: golden ones of published students, and the closed form against models that are built."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
import transformers as hf
from families import CAUSAL, KEPT, pair

from continuum.models import PatchPath, blocks
from continuum.models.size import PUBLISHED, Members, count_parameters, layout_of
from continuum.models.size.assembly import Layer, assembled

QWEN3 = {"vocab_size": 151936, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8}
QWEN3_4B = hf.Qwen3Config(**QWEN3, hidden_size=2560, intermediate_size=9728, head_dim=128, tie_word_embeddings=True)
QWEN3_8B = hf.Qwen3Config(**QWEN3, hidden_size=4096, intermediate_size=12288, head_dim=128, tie_word_embeddings=False)
NEOX = {"num_hidden_layers": 32, "num_attention_heads": 32}
PYTHIA_2_8B = hf.GPTNeoXConfig(**NEOX, vocab_size=50304, hidden_size=2560, intermediate_size=10240)
PYTHIA_6_9B = hf.GPTNeoXConfig(**NEOX, vocab_size=50432, hidden_size=4096, intermediate_size=16384)
LLAMA_3B = hf.LlamaConfig(
    vocab_size=128256,
    hidden_size=3072,
    intermediate_size=8192,
    num_hidden_layers=28,
    num_attention_heads=24,
    num_key_value_heads=8,
    head_dim=128,
    tie_word_embeddings=True,
)


def without_numbers(config: Any) -> Any:
    with torch.device("meta"):
        return hf.AutoModelForCausalLM.from_config(config)


# The sizes in the names and cards of the released students; the tied ones count their head apart ("inference").
@pytest.mark.parametrize(
    ("config", "teacher", "unique", "inference"),
    [
        (QWEN3_4B, 4.0, 2.3, 2.7),
        (QWEN3_8B, 8.2, 4.9, 4.9),
        (PYTHIA_2_8B, 2.8, 1.6, 1.6),
        (PYTHIA_6_9B, 6.9, 3.8, 3.8),
        (LLAMA_3B, 3.2, 1.9, 2.3),
    ],
    ids=["qwen3-4b", "qwen3-8b", "pythia-2.8b", "pythia-6.9b", "llama-3.2-3b"],
)
def test_sizes_of_published_students_follow_from_their_configurations(config, teacher, unique, inference):
    found = blocks(without_numbers(config))
    layout = layout_of(found, PUBLISHED[config.model_type])
    counts = count_parameters(assembled(found, found, [Layer(found, k) for k in layout.kept]))
    assert round(count_parameters(found.model).unique / 1e9, 1) == teacher
    assert round(counts.unique / 1e9, 1) == unique
    assert round(counts.inference / 1e9, 1) == inference


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("head", ["owner", "teacher", "student"])
def test_the_closed_form_counts_what_is_built(family, head):
    student, teacher = pair(family)
    members = PatchPath(student, teacher, head=head).members
    for patched in [(), (0,), (2,), (0, 1, 3), (1, 2, 3), range(len(KEPT))]:
        view = members.view(patched)
        counts = members.counts(patched)
        assert counts == count_parameters(view)
        assert counts.unique == sum(weight.numel() for weight in view.parameters())
        assert counts.bytes == 4 * counts.unique
        assert counts.depth == view.config.num_hidden_layers


@pytest.mark.parametrize("order", ["first_to_last", "last_to_first", (2, 0), (0, 2)])
def test_each_step_adds_the_parameters_of_its_block_less_those_of_a_layer(order):
    student, teacher = pair("llama-tied")
    path = PatchPath(student, teacher, order=order)
    layer = sum(weight.numel() for weight in teacher.model.layers[0].parameters())
    extra = [layer * (len(path.layout.slots[slot]) - 1) for slot in path.slots]
    assert [b - a for a, b in pairwise(path.table().inference)] == extra
    assert min(extra) > 0


def test_a_tied_family_stores_more_between_its_ends_unless_one_model_owns_embedding_and_head():
    student, teacher = pair("llama-tied")
    head = teacher.lm_head.weight.numel()
    of_owners, of_teacher = (PatchPath(student, teacher, head=head).table() for head in ("owner", "teacher"))
    assert (of_owners.inference == of_teacher.inference).all()
    assert list(of_owners.inference - of_owners.unique) == [head, 0, head]
    assert list(of_teacher.inference - of_teacher.unique) == [head] * 3
    assert of_teacher.unique.is_monotonic_increasing


def test_a_family_is_counted_without_numbers():
    found = blocks(without_numbers(LLAMA_3B))
    layout = layout_of(found, PUBLISHED["llama"])
    student = blocks(assembled(found, found, [Layer(found, k) for k in layout.kept]))
    members = Members(student, found, layout)
    assert members.counts(range(len(layout.kept))) == count_parameters(found.model)
