"""Texts, families and closed forms for tests of orders."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
import transformers as hf
from families import perturbed
from tiny import VOCABULARY, WORDS, tiny_tokenizer

from continuum.models import PatchPath, initialize_student
from continuum.models.size import Calibration, Layout, Members
from continuum.models.size.orders import riders


def calibration(**options: Any) -> Calibration:
    """Four chunks of 12 random words, in two batches."""
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=11)) for _ in range(4)]
    return Calibration(texts, tiny_tokenizer(), **{"length": 12, "batch_size": 2, "positions": 20} | options)


def llama_family(kept: Sequence[int], layers: int, *, noise: int = 1, **options: Any) -> Members:
    """A random teacher, and a student whose layers are its own with some noise."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1}
    config = hf.LlamaConfig(
        vocab_size=VOCABULARY, num_hidden_layers=layers, initializer_range=0.3, pad_token_id=0, **sizes
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        teacher = hf.LlamaForCausalLM(config).eval()
    return PatchPath(perturbed(initialize_student(teacher, kept), noise), teacher, **options).members


def every_other(size_slots: int, neutral: int) -> tuple[tuple[int, ...], int]:
    """Kept layers and depth of a layout of slots of two layers, with those of one layer at its end."""
    twos = range(0, 2 * size_slots, 2)
    return (*twos, *range(2 * size_slots, 2 * size_slots + neutral)), 2 * size_slots + neutral


def layers_run(layout: Layout, order: Sequence[int], cache: str) -> int:
    """Layers that a greedy search evaluates which finds this order, by its definition, with the start."""
    groups = {slot: {slot} | riders(layout, slot) for slot in layout.size_slots}
    patched: set[int] = set()
    total, last = len(layout.kept), None
    for pick in order:
        for slot in set(order) - patched:
            start = {"none": 0, "prefix": min(groups[slot])}.get(cache)
            if start is None:
                start = min(groups[slot]) if last is None else max(min(groups[slot]), min(groups[last]))
            member = set().union(*(groups[one] for one in patched | {slot}))
            total += sum(len(s) if i in member else 1 for i, s in enumerate(layout.slots) if i >= start)
        patched.add(pick)
        last = pick
    return total
