"""Checkpoints that do not belong together are refused before any arithmetic, with what differs."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from tiny import tiny_gpt2, tiny_llama, tiny_tokenizer

from continuum.core import IncompatibleError
from continuum.models import CheckpointPath


def refused(a, b, match, **options):
    with pytest.raises(IncompatibleError, match=match):
        CheckpointPath({"a": a, "b": b}, **options)


def test_missing_and_extra_names_are_listed_up_to_ten():
    a = {f"a{i:02}": torch.zeros(1) for i in range(12)} | {"w": torch.zeros(1)}
    b = {"b": torch.zeros(1), "w": torch.zeros(1)}
    refused(a, b, r"only 'a' has a00, a01, .* a09 and 2 more; only 'b' has b\.")


def test_an_embedding_of_another_size_is_named():
    a, b = tiny_llama(vocab=64).state_dict(), tiny_llama(vocab=65).state_dict()
    refused(a, b, r"shapes differ .*another vocabulary.* model.embed_tokens.weight \(64, 32\) and \(65, 32\)")


def test_another_precision_is_named():
    refused({"w": torch.zeros(2)}, {"w": torch.zeros(2, dtype=torch.bfloat16)}, "w torch.float32 and torch.bfloat16")


def test_a_base_of_another_architecture_is_refused():
    states = [tiny_llama(seed).state_dict() for seed in (0, 1)]
    refused(*states, "only 'base' has", method="ties", base=tiny_gpt2().state_dict())


def saved(folder, seed, vocabulary=None):
    tiny_llama(seed).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    if vocabulary is not None:
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        vocabulary(tokenizer["model"]["vocab"])
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


def test_equal_tokenizers_agree(tmp_path):
    assert CheckpointPath([saved(tmp_path / "a", 0), saved(tmp_path / "b", 1)]).at(0.5)


def test_another_vocabulary_of_the_same_size_is_refused(tmp_path):
    def swap(vocabulary):
        vocabulary["film"], vocabulary["movie"] = vocabulary["movie"], vocabulary["film"]

    a, b = saved(tmp_path / "a", 0), saved(tmp_path / "b", 1, swap)
    refused(a, b, r"other numbers \(both have 64 tokens\) to 'film', 'movie'")


def test_a_larger_vocabulary_is_refused(tmp_path):
    a, b = saved(tmp_path / "a", 0), saved(tmp_path / "b", 1, lambda vocabulary: vocabulary.update(cinema=64))
    refused(a, b, r"other numbers \(64 and 65 tokens\) to 'cinema'")


def test_a_live_state_dict_twice_is_refused():
    model = torch.nn.Linear(2, 2)
    refused(model.state_dict(), model.state_dict(), "same tensors in memory.*deepcopy")


def test_a_deep_copy_of_a_tied_state_dict_is_what_the_advice_says_it_is():
    model = tiny_gpt2()
    states = [copy.deepcopy(model.state_dict()) for _ in range(2)]
    middle = CheckpointPath(states).as_models(model).at(0.5)
    assert middle.lm_head.weight is middle.transformer.wte.weight


def test_tensors_without_numbers_are_no_reason_to_refuse():
    states = [{"empty": torch.zeros(0), "w": torch.full((1,), float(i))} for i in range(2)]
    assert CheckpointPath(states).at(0.5)["w"] == 0.5
    assert CheckpointPath([{"empty": torch.zeros(0)}] * 2).at(0.5)["empty"].shape == (0,)


def test_weights_that_two_models_share_are_no_reason_to_refuse():
    frozen = torch.ones(2)
    path = CheckpointPath([{"frozen": frozen, "w": torch.zeros(1)}, {"frozen": frozen, "w": torch.ones(1)}])
    assert path.at(0.5)["w"] == 0.5


def test_eight_bit_floats_are_refused():
    coded = {"w": torch.zeros(2).to(torch.float8_e4m3fn)}
    refused(coded, {"w": coded["w"].clone()}, "dequantize")
