"""Checkpoints are opened by their headers, and what cannot be trusted or read is refused by name."""

from __future__ import annotations

import json
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file
from tiny import tiny_gpt2, tiny_llama

from continuum.core import IncompatibleError, InvalidInputError, UntrustedArtifactError
from continuum.models.weights import open_checkpoint
from continuum.models.weights.tensors import StateDict, bytes_of, digest_of_beginnings

TENSORS = {
    "weight": torch.arange(6.0).reshape(2, 3),
    "half": torch.tensor([1.5, float("nan")], dtype=torch.bfloat16),
    "counter": torch.tensor(3),
    "mask": torch.tensor([True, False]),
    "empty": torch.zeros(0, 4),
    "float8": torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn),
}


@pytest.fixture
def file(tmp_path):
    save_file(TENSORS, tmp_path / "model.safetensors", {"format": "pt", "remark": "kept"})
    return tmp_path / "model.safetensors"


def test_a_file_gives_the_bytes_that_were_saved(file):
    opened = open_checkpoint(file)
    assert set(opened.names) == set(TENSORS)
    for name, tensor in TENSORS.items():
        found = opened.read(name)
        assert (found.dtype, tuple(found.shape)) == (tensor.dtype, tuple(tensor.shape))
        assert (opened.dtype(name), opened.shape(name)) == (tensor.dtype, tuple(tensor.shape))
        assert bytes_of(found) == bytes_of(tensor)
    assert opened.metadata == {"format": "pt", "remark": "kept"}


def test_writing_into_what_was_read_does_not_reach_the_file(file):
    before = file.read_bytes()
    open_checkpoint(file).read("weight").fill_(7)
    assert file.read_bytes() == before
    assert open_checkpoint(file).read("weight")[0, 1] == 1


def test_shards_are_one_checkpoint(tmp_path):
    model = tiny_llama()
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "many", max_shard_size="30KB")
    one, many = open_checkpoint(tmp_path / "one"), open_checkpoint(tmp_path / "many")
    assert len(many.files) > 1
    assert sorted(name for names in many.files.values() for name in names) == sorted(one.names)
    assert one.fingerprint == many.fingerprint == StateDict(model.state_dict()).fingerprint


def test_the_identity_is_the_content_and_not_the_place(file, tmp_path):
    save_file(TENSORS, tmp_path / "copy.safetensors")
    assert open_checkpoint(file).fingerprint == open_checkpoint(tmp_path / "copy.safetensors").fingerprint
    changed = TENSORS | {"weight": TENSORS["weight"].clone()}
    changed["weight"][1, 2] += 1
    assert StateDict(changed).fingerprint != StateDict(TENSORS).fingerprint
    assert StateDict({"a": torch.zeros(2, 3)}).fingerprint != StateDict({"a": torch.zeros(3, 2)}).fingerprint


def test_the_digest_of_beginnings_sees_names_types_and_first_numbers_only():
    tensors = {"w": torch.arange(5000.0)}
    late, early = {"w": tensors["w"].clone()}, {"w": tensors["w"].clone()}
    late["w"][4000], early["w"][4] = 0.5, 0.5
    found = [digest_of_beginnings(StateDict(one)) for one in (tensors, late, early, {"v": tensors["w"]})]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_a_checkpoint_travels_to_another_process_as_its_place(file):
    opened = open_checkpoint(file)
    assert len(pickle.dumps(opened)) < 4000
    assert pickle.loads(pickle.dumps(opened)).fingerprint == opened.fingerprint


def test_a_file_that_changed_after_opening_is_noticed(file):
    opened = open_checkpoint(file)
    save_file({name: tensor for name, tensor in TENSORS.items() if name != "mask"}, file)
    with pytest.raises(InvalidInputError, match="changed since"):
        opened.read("weight")


@pytest.mark.parametrize("length", [0, 4, 40, -1])
def test_a_truncated_file_is_refused(file, length):
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InvalidInputError, match="no complete safetensors file"):
        open_checkpoint(file)


def test_a_damaged_header_is_refused(file):
    data = bytearray(file.read_bytes())
    data[8:12] = b"\xff\xff\xff\xff"
    file.write_bytes(data)
    with pytest.raises(InvalidInputError, match="no complete safetensors file"):
        open_checkpoint(file)


class _Canary:
    """Leaves a mark when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth"])
def test_pickled_weights_are_refused_and_never_opened(tmp_path, name):
    folder, mark = tmp_path / "model", tmp_path / "mark"
    folder.mkdir()
    (folder / name).write_bytes(pickle.dumps(_Canary(mark)))
    for source in (folder, folder / name):
        with pytest.raises(UntrustedArtifactError, match="weights_only=True"):
            open_checkpoint(source)
    assert not mark.exists()


def _index(folder, weight_map):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_partial_downloads_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.zeros(1)}, tmp_path / "model-00002-of-00002.safetensors")
    with pytest.raises(InvalidInputError, match=r"no model\.safetensors\.index\.json"):
        open_checkpoint(tmp_path)
    _index(tmp_path, {"a": "model-00001-of-00002.safetensors", "b": "model-00003-of-00003.safetensors"})
    with pytest.raises(InvalidInputError, match=r"lacks \['model-00003"):
        open_checkpoint(tmp_path)
    _index(tmp_path, {"a": "model-00001-of-00002.safetensors", "c": "model-00002-of-00002.safetensors"})
    with pytest.raises(InvalidInputError, match=r"disagree about \['b', 'c'\]"):
        open_checkpoint(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{")
    with pytest.raises(InvalidInputError, match="not the index"):
        open_checkpoint(tmp_path)


def test_an_index_cannot_name_files_elsewhere(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "secret.safetensors")
    folder = tmp_path / "model"
    folder.mkdir()
    _index(folder, {"a": "../secret.safetensors"})
    with pytest.raises(UntrustedArtifactError, match="outside its folder"):
        open_checkpoint(folder)


def test_what_holds_no_checkpoint_says_what_it_is(tmp_path):
    with pytest.raises(InvalidInputError, match="no file or folder"):
        open_checkpoint(tmp_path / "absent")
    with pytest.raises(InvalidInputError, match="no safetensors file"):
        open_checkpoint(tmp_path)
    save_file({"a": torch.zeros(1)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(IncompatibleError, match="is an adapter"):
        open_checkpoint(tmp_path)


def test_state_dicts_hold_dense_tensors_with_numbers():
    with pytest.raises(InvalidInputError, match="state_dict"):
        open_checkpoint(tiny_llama())
    with pytest.raises(InvalidInputError, match="training checkpoint"):
        open_checkpoint({"model": {"w": torch.zeros(1)}})
    with pytest.raises(InvalidInputError, match="must be a tensor, got int"):
        open_checkpoint({"w": torch.zeros(1), "epoch": 3})
    with pytest.raises(InvalidInputError, match="meta tensor"):
        open_checkpoint({"w": torch.zeros(1, device="meta")})
    with pytest.raises(InvalidInputError, match="at least one"):
        open_checkpoint({})


def test_tied_weights_are_one_tensor_with_two_names():
    tied = StateDict(tiny_gpt2().state_dict())
    assert tied.aliases == {"lm_head.weight": "transformer.wte.weight"}
    assert "lm_head.weight" not in tied.names
    untied = StateDict({"a": torch.zeros(2), "b": torch.zeros(2), "none": torch.zeros(0), "nil": torch.zeros(0)})
    assert not untied.aliases


@pytest.mark.parametrize("name", ["__metadata__", 3])
def test_a_name_that_no_file_can_hold_is_refused(name):
    with pytest.raises(InvalidInputError, match="cannot be called"):
        StateDict({name: torch.ones(1)})
