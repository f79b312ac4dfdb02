"""Embeddings on the disk: killed at any moment, nothing is lost and nothing is half written."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from continuum.core import IncompatibleError, InvalidInputError, MissingDataError, StoreError
from continuum.selection import Precomputed, extract


class Encoder:
    """Encodes numbers, counts what it encodes, and may stop the process or the call before some batch."""

    def __init__(self, fail_at=None):
        self.fail_at, self.seen = fail_at, []

    def __call__(self, items):
        if self.fail_at is not None and self.fail_at in items:
            raise KeyboardInterrupt
        self.seen += list(items)
        return vectors(items)


def vectors(items):
    x = np.asarray(items, float)[:, None]
    return np.concatenate([x, x**2 / 100, np.cos(x)], 1)


ITEMS = list(range(100))


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [1, 7, 100, 1000])
def test_what_is_on_the_disk_is_what_was_encoded(tmp_path, batch_size, dtype):
    found = extract(vectors, ITEMS, tmp_path / "x.npy", batch_size=batch_size, dtype=dtype)
    assert np.array_equal(found, vectors(ITEMS).astype(dtype))
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert files(tmp_path) == ["x.npy"]
    assert np.array_equal(np.load(tmp_path / "x.npy", allow_pickle=False), found)


@pytest.mark.parametrize("fail_at", [0, 10, 55, 99])
def test_an_interrupted_extraction_goes_on_with_the_batch_that_was_lost(tmp_path, fail_at):
    path = tmp_path / "x.npy"
    with pytest.raises(KeyboardInterrupt):
        extract(Encoder(fail_at), ITEMS, path, batch_size=10)
    assert not path.exists()
    encoder = Encoder()
    found = extract(encoder, ITEMS, path, batch_size=10)
    assert np.array_equal(found, vectors(ITEMS).astype(np.float32))
    done = fail_at // 10 * 10
    checks = [0, done // 2, done - 1] if done else []
    assert encoder.seen == [*checks, *range(done, 100), 0, 50, 99]
    assert files(tmp_path) == ["x.npy"]


def test_a_process_that_is_killed_loses_a_batch_at_most(tmp_path):
    program = f"""
import sys, time
sys.path.insert(0, {str(__file__).rpartition("/")[0]!r})
from test_extraction import ITEMS, vectors
from continuum.selection import extract
def slowly(items):
    time.sleep(0.02)
    return vectors(items)
extract(slowly, ITEMS, {str(tmp_path / "x.npy")!r}, batch_size=2)
"""
    state = tmp_path / "x.npy.part" / "state.json"
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        while process.poll() is None and not (state.exists() and json.loads(state.read_text())["done"] >= 20):
            time.sleep(0.005)
        process.kill()
    done = json.loads(state.read_text())["done"]
    assert 20 <= done < 100
    assert not (tmp_path / "x.npy").exists()
    encoder = Encoder()
    found = extract(encoder, ITEMS, tmp_path / "x.npy", batch_size=2)
    assert np.array_equal(found, vectors(ITEMS).astype(np.float32))
    assert min(item for item in encoder.seen[3:]) >= min(done, 0)
    assert encoder.seen[3:-3] == ITEMS[done:]


def test_a_kill_before_the_first_batch_was_noted_begins_again(tmp_path):
    folder = tmp_path / "x.npy.part"
    folder.mkdir()
    (folder / "array.npy").write_bytes(b"half a header")
    assert np.array_equal(extract(vectors, ITEMS, tmp_path / "x.npy"), vectors(ITEMS).astype(np.float32))


def test_rows_that_were_written_but_not_noted_are_written_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        extract(Encoder(60), ITEMS, tmp_path / "x.npy", batch_size=10)
    rows = np.load(tmp_path / "x.npy.part" / "array.npy", mmap_mode="r+")
    rows[60:65] = 12345.0  # the process was killed while it wrote these
    rows.flush()
    assert np.array_equal(extract(vectors, ITEMS, tmp_path / "x.npy"), vectors(ITEMS).astype(np.float32))


def test_what_is_complete_is_not_made_again(tmp_path):
    extract(vectors, ITEMS, tmp_path / "x.npy")
    encoder = Encoder()
    extract(encoder, ITEMS, tmp_path / "x.npy")
    assert encoder.seen == [0, 50, 99]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encode": lambda items: vectors(items) * 1.1}, "of other examples, or of another representation"),
        ({"encode": lambda items: vectors(items)[:, :2]}, "of other examples, or of another representation"),
        ({"items": [*ITEMS[1:], 0]}, "of other examples, or of another representation"),
        ({"items": ITEMS[:-1]}, "100 examples|shape"),
        ({"dtype": np.float16}, "float32"),
    ],
    ids=["values", "shape", "order", "number", "dtype"],
)
def test_what_is_there_of_something_else_is_not_taken_for_it(tmp_path, change, said, complete):
    path = tmp_path / "x.npy"
    if complete:
        extract(vectors, ITEMS, path)
    else:
        with pytest.raises(KeyboardInterrupt):
            extract(Encoder(60), ITEMS, path, batch_size=10)
    before = files(tmp_path)
    asked = {"encode": vectors, "items": ITEMS, "path": path, **change}
    with pytest.raises(IncompatibleError, match=said):
        extract(**asked)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("encode", "options", "said"),
    [
        (lambda items: np.where(np.equal(items, 42)[:, None], np.nan, vectors(items)), {}, "example 42 is not finite"),
        (
            lambda items: vectors(items) + 1e5 * (np.array(items) == 12)[:, None],
            {"dtype": np.float16},
            r"example 12 is not finite in float16; leave it out",
        ),
        (lambda items: vectors(items)[:, 0], {}, r"must give \(10, d\) for 10 examples, got \(10,\)"),
        (lambda items: vectors(items)[1:], {}, r"must give \(10, d\) for 10 examples, got \(9, 3\)"),
        (lambda items: vectors(items)[:, : 3 if items[0] < 50 else 2], {}, "3 coordinates before, and 2 from row 50"),
        (vectors, {"batch_size": 0}, "`batch_size` must be at least 1"),
        (vectors, {"dtype": np.int8}, "`dtype` must be a float type, got int8"),
    ],
)
def test_what_cannot_be_stored_is_refused(tmp_path, encode, options, said):
    with pytest.raises(InvalidInputError, match=said):
        extract(encode, ITEMS, tmp_path / "x.npy", **{"batch_size": 10, **options})
    assert not (tmp_path / "x.npy").exists()


def test_a_disk_that_cannot_be_written_is_a_store_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        extract(vectors, ITEMS, tmp_path / "file" / "x.npy")


def test_a_damaged_note_is_said_and_not_guessed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        extract(Encoder(60), ITEMS, tmp_path / "x.npy", batch_size=10)
    (tmp_path / "x.npy.part" / "state.json").write_text("{")
    with pytest.raises(StoreError, match=r"state\.json is damaged.*remove"):
        extract(vectors, ITEMS, tmp_path / "x.npy")


def test_precomputed_vectors_are_mapped_and_counted(tmp_path):
    extract(vectors, ITEMS, tmp_path / "x.npy")
    of = Precomputed(tmp_path / "x.npy", vectors([1, 2]))
    assert isinstance(of.encode(ITEMS), np.memmap)
    assert of.encode_query(["a", "b"]).shape == (2, 3)
    assert of.fit(ITEMS) is of
    with pytest.raises(IncompatibleError, match="100 vectors of the pool were computed, for 99 examples"):
        of.encode(ITEMS[1:])
    with pytest.raises(InvalidInputError, match="pass `query` to Precomputed"):
        Precomputed(tmp_path / "x.npy").encode_query(["a"])


def test_files_that_hold_no_numbers_are_refused(tmp_path):
    with pytest.raises(MissingDataError, match="there is no file"):
        Precomputed(tmp_path / "absent.npy")
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    for name in ("text", "objects"):
        with pytest.raises(StoreError, match="cannot be mapped as an array of numbers"):
            Precomputed(tmp_path / f"{name}.npy")
