"""Exports: the right bytes, in little memory, complete or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, load_model, save_file
from tiny import tiny_gpt2, tiny_llama, tiny_tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from continuum.core import IncompatibleError, ResourceError, StoreError
from continuum.models import CheckpointPath
from continuum.models.weights import open_checkpoint
from continuum.models.weights.stream import write_checkpoint


def saved(folder, model, **options):
    model.save_pretrained(folder, **options)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def tensors_in(folder):
    found = {}
    for file in folder.glob("*.safetensors"):
        found |= load_file(file)
    return found


@torch.no_grad()
def logits(model):
    return model(torch.arange(2, 12)[None]).logits


@pytest.mark.parametrize("shard", ["1GB", "30KB"], ids=["whole", "sharded"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("family", [tiny_llama, tiny_gpt2])
def test_an_export_is_what_at_gives_and_from_pretrained_loads_it(tmp_path, family, dtype, shard):
    folders = [saved(tmp_path / str(seed), family(seed, dtype=dtype), max_shard_size=shard) for seed in (0, 1)]
    path = CheckpointPath(folders)
    out = path.export(0.3, tmp_path / "out")
    expected = path.at(0.3)
    found = tensors_in(out)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert sorted(file.name for file in out.iterdir()) == sorted(file.name for file in folders[0].iterdir())
    model, report = AutoModelForCausalLM.from_pretrained(out, output_loading_info=True)
    assert not any(report.values())
    ours = path.as_models(family(5, dtype=dtype)).at(0.3)
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in model.state_dict().items())
    if dtype == torch.float32:  # in half precision, `from_pretrained` keeps frequencies in single
        assert torch.equal(logits(model), logits(ours))
    assert AutoTokenizer.from_pretrained(out)("film")["input_ids"] == tiny_tokenizer()("film")["input_ids"]


@pytest.mark.parametrize("t", [0, 1])
def test_an_export_at_an_end_has_the_bytes_of_the_checkpoint(tmp_path, t):
    folders = [saved(tmp_path / str(seed), tiny_llama(seed)) for seed in (0, 1)]
    out = CheckpointPath(folders).export(t, tmp_path / "out")

    def body(folder):
        data = (folder / "model.safetensors").read_bytes()
        return data[8 + int.from_bytes(data[:8], "little") :]

    assert body(out) == body(folders[t])


def test_a_tied_weight_is_stored_once_and_safetensors_ties_it_again(tmp_path):
    states = [tiny_gpt2(seed).state_dict() for seed in (0, 1)]
    out = CheckpointPath(states).export(0.3, tmp_path / "out")
    with safe_open(out / "model.safetensors", "pt") as file:
        assert "lm_head.weight" not in file.keys()  # noqa: SIM118 -- it is no mapping
        assert file.metadata()["lm_head.weight"] == "transformer.wte.weight"
    model = tiny_gpt2(7)
    load_model(model, out / "model.safetensors")
    assert torch.equal(model.lm_head.weight, CheckpointPath(states).at(0.3)["lm_head.weight"])


def test_a_state_dict_of_all_types_survives(tmp_path):
    state = {
        "half": torch.tensor([1.0, 2.0, 3.0], dtype=torch.float16),
        "one": torch.tensor(1.5),
        "double": torch.tensor([0.1], dtype=torch.float64),
        "counter": torch.tensor(3),
        "flags": torch.tensor([True, False, True]),
        "byte": torch.tensor([7], dtype=torch.uint8),
        "none": torch.zeros(0, 2),
        "transposed": torch.arange(6.0).reshape(2, 3).T,
    }
    out = write_checkpoint(tmp_path / "out", open_checkpoint(state), {}, metadata={"why": "test"})
    found = load_file(out / "model.safetensors")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) and found[name].dtype == state[name].dtype for name in state)
    opened = open_checkpoint(out)
    assert opened.metadata == {"format": "pt", "why": "test"}
    assert all(opened.places[name].start % state[name].element_size() == 0 for name in state)  # aligned


def test_the_header_records_what_it_was_made_of(tmp_path):
    folders = {name: saved(tmp_path / name, tiny_llama(seed)) for seed, name in enumerate("ab")}
    base = saved(tmp_path / "before", tiny_llama(5))
    path = CheckpointPath(folders, method="task-arithmetic", base=base)
    out = path.export({"a": 0.25, "b": 0.5}, tmp_path / "out")
    with safe_open(out / "model.safetensors", "pt") as file:
        record = json.loads(file.metadata()["continuum"])
    assert record["method"] == "TaskArithmetic()"
    assert record["point"] == {"a": 0.25, "b": 0.5}
    assert {name: source["name"] for name, source in record["sources"].items()} == {
        "base": "before",
        "a": "a",
        "b": "b",
    }
    assert len({source["digest_of_beginnings"] for source in record["sources"].values()}) == 3
    assert str(tmp_path) not in json.dumps(record)


def test_only_files_that_say_what_is_still_true_are_copied(tmp_path):
    folders = [saved(tmp_path / str(seed), tiny_llama(seed)) for seed in (0, 1)]
    for name in ("trainer_state.json", "README.md", "optimizer.pt", "adapter_config.json", "chat_template.jinja"):
        (folders[0] / name).write_text("{}")
    copied = {file.name for file in CheckpointPath(folders).export(0.3, tmp_path / "out").iterdir()}
    assert {"config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja"} <= copied
    assert not copied & {"trainer_state.json", "README.md", "optimizer.pt", "adapter_config.json"}


def test_changes_by_name_leave_the_rest(tmp_path):
    source = open_checkpoint({"a": torch.zeros(2), "b": torch.ones(2)})
    out = write_checkpoint(tmp_path / "out", source, {"a": torch.full((2,), 5.0)}, metadata={})
    assert {name: tensor.tolist() for name, tensor in tensors_in(out).items()} == {"a": [5, 5], "b": [1, 1]}


def test_changes_that_do_not_fit_are_refused(tmp_path):
    source = open_checkpoint({"a": torch.zeros(2)})
    for change, match in (
        ({"c": torch.zeros(1)}, r"no tensors \['c'\]"),
        ({"a": torch.zeros(3)}, r"`a` was .* cannot be replaced by .*\(3,\)"),
        ({"a": torch.zeros(2).double()}, "cannot be replaced by .*float64"),
    ):
        with pytest.raises(IncompatibleError, match=match):
            write_checkpoint(tmp_path / "out", source, change, metadata={})
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_holds_something_is_refused_and_left_alone(tmp_path):
    path = CheckpointPath([{"w": torch.zeros(2)}, {"w": torch.ones(2)}])
    out = path.export(0.3, tmp_path / "out")
    before = (out / "model.safetensors").read_bytes()
    with pytest.raises(StoreError, match="holds files already"):
        path.export(0.6, out)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="is a file"):
        path.export(0.6, tmp_path / "file")
    assert (out / "model.safetensors").read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "out"]


def test_a_disk_without_room_is_noticed_first(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 7))
    with pytest.raises(ResourceError, match=r"needs 0\.00 GB"):
        CheckpointPath([{"w": torch.zeros(2)}, {"w": torch.ones(2)}]).export(0.3, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_exception_half_way_leaves_nothing(tmp_path):
    source = open_checkpoint({f"w{i}": torch.zeros(100) for i in range(5)})

    def change(name, old):
        if name == "w3":
            raise ZeroDivisionError
        return old

    with pytest.raises(ZeroDivisionError):
        write_checkpoint(tmp_path / "out", source, change, metadata={})
    assert list(tmp_path.iterdir()) == []


STOPPED = """
import os, resource, signal, sys
from pathlib import Path
import torch
from continuum.models.weights import open_checkpoint
from continuum.models.weights.stream import write_checkpoint

how, folder = sys.argv[1:]
source = open_checkpoint({f"w{i}": torch.zeros(100_000) for i in range(5)})

def change(name, old):
    if how == "kill" and name == "w3":
        os.kill(os.getpid(), signal.SIGKILL)
    return old

if how == "full":  # like a full disk
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
write_checkpoint(Path(folder), source, change, metadata={})
"""


def stopped(how, folder):
    return subprocess.run([sys.executable, "-c", STOPPED, how, folder], capture_output=True, text=True, check=False)


def test_a_kill_half_way_leaves_nothing_at_the_target(tmp_path):
    assert stopped("kill", tmp_path / "out").returncode < 0
    assert not (tmp_path / "out").exists()
    assert stopped("", tmp_path / "out").returncode == 0  # and the next attempt succeeds
    assert len(tensors_in(tmp_path / "out")) == 5


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path):
    done = stopped("full", tmp_path / "out")
    assert "StoreError" in done.stderr.splitlines()[-1]
    assert "free disk space" in done.stderr
    assert list(tmp_path.iterdir()) == []


MEASURED = """
import shutil, sys
from pathlib import Path
import torch
from continuum.models.weights import stream
from continuum.models import CheckpointPath

def anonymous():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) * 1024

def looking(tensor):  # while a tensor is held, about to be written
    found.append(anonymous())
    return bytes_of(tensor)

folder, bytes_of, stream.bytes_of = Path(sys.argv[1]), stream.bytes_of, looking
for method in ("linear", "slerp", "task-arithmetic", "dare", "ties", "model-stock"):
    base = None if method in ("linear", "slerp") else folder / "base"
    path = CheckpointPath([folder / "a", folder / "b"], method=method, base=base)
    found = [anonymous()]
    shutil.rmtree(path.export([0.3] * len(path.domain.axes), folder / "out"))
    print(method, max(found) - found[0])
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc")
def test_merging_takes_little_more_memory_than_the_largest_tensor(tmp_path):
    largest = 16_000_000  # numbers; the allocator keeps what is much smaller, and gives this back
    shapes = {"embed": (1000, 16_000)} | {f"layer{i}": (500, 500) for i in range(8)}
    for seed, name in enumerate(("a", "b", "base")):
        generator = torch.Generator().manual_seed(seed)
        (tmp_path / name).mkdir()
        state = {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}
        save_file(state, tmp_path / name / "model.safetensors")
    done = subprocess.run([sys.executable, "-c", MEASURED, str(tmp_path)], capture_output=True, text=True, check=True)
    extra = {method: int(number) for method, number in map(str.split, done.stdout.splitlines())}
    assert len(extra) == 6
    assert {method: number for method, number in extra.items() if not 0 < number <= 1.5 * 4 * largest} == {}
