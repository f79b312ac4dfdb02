"""Options of a wrong kind or out of range: one clear error of ours, wherever they are given."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from adapted import adapted
from tiny import WORDS, tiny_llama, tiny_tokenizer

from continuum.core import ContinuumError, Interval, Product
from continuum.models import (
    CheckpointPath,
    WeightPath,
    Windows,
    fine_tune_lora,
    generate_texts,
    load_language_model,
    perplexity,
    token_divergence,
)
from continuum.models.weights import (
    Attributes,
    Combination,
    Dare,
    LoraRecipe,
    Spherical,
    ThroughBase,
    Ties,
    decay_weights,
    mixture,
    recompute_batch_norm,
)

TOKENIZER = tiny_tokenizer()
TEXTS = [" ".join(WORDS[i : i + 6]) for i in range(20)]


def path(**options):
    return WeightPath.from_adapters(adapted(), plus="pos", minus="neg", **options)


def soup(*states, **options):
    return CheckpointPath(states or [{"w": torch.zeros(2)}, {"w": torch.ones(2)}], **options)


def rows(points):
    with path().lease_rows(points):
        pass


def trained(folder, **options):
    return fine_tune_lora(tiny_llama(), TOKENIZER, TEXTS, folder, **options)


CALLS = {
    # paths
    "bounds of one number": lambda _: path(bounds=0.5),
    "bounds that are words": lambda _: path(bounds=("a", "b")),
    "bounds upside down": lambda _: path(bounds=(1.0, 0.0)),
    "a back-end that is none": lambda _: path(backend="fast"),
    "a back-end in a list": lambda _: path(backend=["scale"]),
    "coordinates that are none": lambda _: WeightPath(adapted(), ("pos", "neg"), 3),
    "coordinates that are a domain": lambda _: WeightPath(adapted(), ("pos", "neg"), Interval()),
    "adapters that are none": lambda _: WeightPath(adapted(), (), Attributes(("a",))),
    "adapters as a number": lambda _: WeightPath(adapted(), 3, Attributes(("a",))),
    "adapters as a string": lambda _: WeightPath(adapted(), "pos", Attributes(("a",))),
    "attributes without names": lambda _: Attributes(()),
    "attributes as a string": lambda _: Attributes("mood"),
    "attributes of one name": lambda _: Attributes(("a", "a")),
    "a combination on nothing": lambda _: Combination(None),
    "a cosine that is none": lambda _: Spherical(math.nan),
    "a cosine in words": lambda _: Spherical("0.3"),
    "bounds through the base": lambda _: ThroughBase(bounds=(1,)),
    "rows as a number": lambda _: rows(0.3),
    "rows as none": lambda _: rows(None),
    "no rows": lambda _: rows([]),
    "rows of words": lambda _: rows(["a"]),
    "rows of four axes": lambda _: rows(torch.zeros(2, 2, 2, 2)),
    "rows of truth": lambda _: rows(torch.tensor([True, False])),
    "a point in words": lambda _: path().at("half"),
    "a point that is none": lambda _: path().at(None),
    "a model in words": lambda _: WeightPath.from_adapters("smollm2", plus="pos", minus="neg"),
    # exports
    "an export to nowhere": lambda _: path().export(0.5, ""),
    "an export to here": lambda _: path().export(0.5, "."),
    "an export to none": lambda _: path().export(0.5, None),
    "an export of no kind": lambda folder: path().export(0.5, folder / "x", how="gguf"),
    "a rank of a half": lambda folder: path().export(0.5, folder / "x", how="lora-svd", rank=0.5),
    "a rank of 0": lambda folder: path().export(0.5, folder / "x", how="lora-svd", rank=0),
    "a rank in words": lambda folder: path().export(0.5, folder / "x", how="lora-svd", rank="4"),
    "a soup to nowhere": lambda _: soup().export(0.5, ""),
    # checkpoints
    "no checkpoints": lambda _: CheckpointPath(None),
    "a number of checkpoints": lambda _: CheckpointPath(3),
    "checkpoints of numbers": lambda _: CheckpointPath([1, 2]),
    "a method that is a number": lambda _: soup(method=3),
    "a method that is none": lambda _: soup(method=None),
    "a base that is a number": lambda _: soup(method="ties", base=3),
    "bounds of a soup": lambda _: soup(bounds=0.5),
    "one checkpoint twice": lambda _: soup(*[{"w": torch.ones(2)}.copy()] * 2),
    "a density in words": lambda _: Ties(density="all"),
    "a density beyond 1": lambda _: Ties(density=2),
    "a density of truth": lambda _: Dare(density=True),
    "a seed in words": lambda _: Dare(seed="a"),
    "a decay of no kind": lambda _: decay_weights("steep", 3),
    "a decay of half a checkpoint": lambda _: decay_weights("linear", 2.5),
    "a decay in words": lambda _: decay_weights("linear", "3"),
    "a batch of one": lambda _: recompute_batch_norm(torch.nn.BatchNorm1d(2), [torch.zeros(1, 2)]),
    "no batch": lambda _: recompute_batch_norm(torch.nn.BatchNorm1d(2), []),
    # training
    "half a rank": lambda _: LoraRecipe(rank=2.5),
    "a rate in words": lambda _: LoraRecipe(learning_rate="1e-3"),
    "a dropout in words": lambda _: LoraRecipe(dropout="0.1"),
    "a decay of weights that is none": lambda _: LoraRecipe(weight_decay=None),
    "modules that are numbers": lambda _: LoraRecipe(modules=(1,)),
    "modules that are none": lambda _: LoraRecipe(modules=None),
    "a frame in words": lambda _: LoraRecipe(frame="<s>"),
    "a precision in bits": lambda _: LoraRecipe(precision=16),
    "a recipe as a dictionary": lambda folder: trained(folder / "x", recipe={"rank": 4}),
    "a folder that is none": lambda _: trained(None),
    "a folder that is empty": lambda _: trained(""),
    "a share in words": lambda _: mixture(TEXTS, TEXTS, "half", 4, seed=0),
    "a share that is none": lambda _: mixture(TEXTS, TEXTS, math.nan, 4, seed=0),
    "half a text": lambda _: mixture(TEXTS, TEXTS, 0.5, 2.5, seed=0),
    # measuring
    "windows of words": lambda _: Windows("1024"),
    "windows of half a token": lambda _: Windows(4.5, 2.5),
    "samples in words": lambda _: generate_texts(tiny_llama(), TOKENIZER, TEXTS[:2], seed=0, samples="3"),
    "half a token": lambda _: generate_texts(tiny_llama(), TOKENIZER, TEXTS[:2], seed=0, new_tokens=2.5),
    "a temperature in words": lambda _: generate_texts(tiny_llama(), TOKENIZER, TEXTS[:2], seed=0, temperature="hot"),
    "a batch in words": lambda _: perplexity(tiny_llama(), TOKENIZER, TEXTS[:2], batch_size="4"),
    "a batch of none": lambda _: perplexity(tiny_llama(), TOKENIZER, TEXTS[:2], batch_size=0),
    "half a position": lambda _: token_divergence(tiny_llama(), tiny_llama(), TOKENIZER, TEXTS, positions=2.5),
    "texts that are none": lambda _: perplexity(tiny_llama(), TOKENIZER, None),
    "a model that is a number": lambda _: load_language_model(3),
    "a model that is none": lambda _: load_language_model(None),
    "a model that is not there": lambda _: load_language_model("nowhere"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_is_no_option_is_refused_by_name(call, tmp_path):
    with pytest.raises(ContinuumError):
        call(tmp_path)


def test_a_training_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ContinuumError):
        trained(tmp_path / "file", recipe=LoraRecipe(steps=1, batch_size=2, frame=None or LoraRecipe().frame))
    assert (tmp_path / "file").read_text() == "mine"


def test_numbers_of_numpy_are_numbers(tmp_path):
    assert LoraRecipe(rank=np.int64(4), steps=np.int64(2)).texts == 24
    found = path().export(np.float64(0.5), tmp_path / "x", how="lora-svd", rank=np.int64(2))
    assert found.rank == 2
    Windows(np.int64(8), np.int64(4))
    Ties(density=np.float64(0.5))


@pytest.mark.parametrize("value", [np.float32(0.5), torch.tensor(0.5)])
def test_a_point_is_a_number_of_any_library(value):
    assert path().coefficients(float(value)).tolist() == [0.5, 0.5]


def test_several_attributes_take_their_bounds():
    found = Attributes(("a", "b"), (-1, 2)).domain
    assert isinstance(found, Product)
    json.dumps(found.axes)
