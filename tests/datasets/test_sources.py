"""The open image sets: which images a call returns, and where they are looked for."""

from __future__ import annotations

import gzip
import importlib
import os

import numpy as np
import pytest

from continuum.core.errors import InvalidInputError, MissingDataError, StoreError
from continuum.datasets.recipes import write_npz
from continuum.datasets.sources import SOURCES, available, load, read, resize

fetching = importlib.import_module("continuum.datasets.fetch")

IDX_NAMES = {"train": "train", "test": "t10k"}


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write_idx(folder, *, value=7, n=4, size=28, parts=("train", "test"), labels=None):
    """IDX files whose images are constant, so that a test sees from where they came."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        images = np.full((n, size, size), value, np.uint8)
        digits = np.arange(n, dtype=np.uint8) if labels is None else labels
        (folder / f"{IDX_NAMES[part]}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (folder / f"{IDX_NAMES[part]}-labels-idx1-ubyte").write_bytes(idx_bytes(digits))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A machine on which nothing has been fetched."""
    monkeypatch.setenv("CONTINUUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CONTINUUM_DATA", raising=False)
    return tmp_path


@pytest.fixture
def idx(empty, monkeypatch):
    """A machine with IDX files of MNIST and nothing else."""
    write_idx(empty / "data" / "mnist")
    monkeypatch.setenv("CONTINUUM_DATA", str(empty / "data"))
    return empty / "data"


def rows_of(x, y):
    return sorted((label, image.tobytes()) for image, label in zip(x, y.tolist(), strict=True))


# --- splits ---


def assert_splits_partition(name):
    whole, train, test = (rows_of(*read(name, split)) for split in ("all", "train", "test"))
    assert sorted(train + test) == whole
    assert not {image for _, image in train} & {image for _, image in test}


def test_splits_of_digits_are_disjoint_and_exhaustive():
    assert_splits_partition("digits")


def test_an_own_split_holds_out_one_fifth_of_every_class():
    counts = {split: np.bincount(read("digits", split)[1], minlength=10) for split in ("all", "test")}
    np.testing.assert_array_equal(counts["test"], np.round(counts["all"] / 5))


def test_an_own_split_keeps_file_order():
    x, _ = read("digits", "all")
    position = {image.tobytes(): row for row, image in enumerate(x)}
    for split in ("train", "test"):
        rows = [position[image.tobytes()] for image in read("digits", split)[0]]
        assert rows == sorted(rows)


def test_the_split_of_digits_never_changes():
    # Golden: the first images of the test part on the day when the split was defined (numpy 2.4.6).
    x, y = read("digits", "test")
    assert len(y) == 359
    assert y[:12].tolist() == [3, 7, 3, 9, 0, 8, 7, 0, 8, 0, 3, 3]
    assert int(x.astype(np.int64).sum()) == 111_461


def test_copies_of_an_image_stay_in_training(empty):
    x = np.random.default_rng(0).integers(0, 256, (100, 28, 28), dtype=np.uint8)
    x[50:60] = x[40:50]
    y = np.repeat(np.arange(2), 50)
    write_npz(fetching.cache_path("animals"), {"x_all": x, "y_all": y})
    assert_splits_partition("animals")
    assert np.bincount(read("animals", "test")[1]).tolist() == [10, 10]


def test_all_is_train_then_test_where_the_split_is_official(idx):
    write_idx(idx / "mnist", value=9, n=3, parts=["test"])
    x, y = read("mnist", "all")
    assert x[:, 0, 0].tolist() == [7] * 4 + [9] * 3
    assert y.tolist() == [0, 1, 2, 3, 0, 1, 2]


# --- which images, in which form ---


def test_pixels_lie_in_the_unit_interval_and_reach_its_ends():
    x = load("digits", split="all").x
    assert x.dtype == np.float32
    assert x.shape == (1797, 8, 8)
    assert (x.min(), x.max()) == (0, 1)


def test_labels_are_integers():
    assert load("digits").y.dtype == np.int64


def test_animals_are_labelled_by_name(empty):
    x = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    write_npz(fetching.cache_path("animals"), {"x_all": x, "y_all": np.arange(50) % 10})
    assert load("animals", split="all", n=10).y.tolist() == list(SOURCES["animals"].classes)


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_n_without_a_seed_is_the_start_of_the_file(split):
    whole, start = load("digits", split=split), load("digits", split=split, n=17)
    np.testing.assert_array_equal(start.x, whole.x[:17])
    np.testing.assert_array_equal(start.y, whole.y[:17])


def test_a_seed_gives_the_same_images_again_and_another_seed_others():
    first, again, other = (load("digits", n=50, seed=seed).x for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_smaller_n_is_a_prefix_of_a_larger_one():
    np.testing.assert_array_equal(load("digits", n=20, seed=1).x, load("digits", n=60, seed=1).x[:20])


def test_a_random_subset_has_no_repetition_and_stays_in_its_split():
    x, y = read("digits", "test")
    drawn = load("digits", split="test", n=len(y), seed=0)
    assert rows_of((drawn.x * 16).astype(np.uint8), drawn.y) == rows_of(x, y)


def test_the_global_random_state_is_neither_read_nor_moved():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first = load("digits", n=30, seed=5).x
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    np.testing.assert_array_equal(load("digits", n=30, seed=5).x, first)


def test_what_read_returns_is_the_callers():
    x, _ = read("digits", "all")
    kept = x.copy()
    x[:] = 0
    np.testing.assert_array_equal(read("digits", "all")[0], kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 360}, "`n` is 360, but the test split of `digits` has 359 images"),
        ({"n": 0}, "`n` must be at least 1, got 0"),
        ({"n": -1}, "`n` must be at least 1"),
        ({"n": 2.5}, "`n` must be an integer, got 2.5"),
        ({"seed": -1}, "`seed` must be at least 0"),
        ({"seed": "a"}, "`seed` must be an integer"),
    ],
)
def test_an_impossible_request_is_refused_with_the_numbers(options, message):
    with pytest.raises(InvalidInputError, match=message):
        load("digits", split="test", **options)


@pytest.mark.parametrize("function", [load, read])
def test_an_unknown_name_is_refused_with_the_names(function):
    with pytest.raises(InvalidInputError, match="`cifar`; choose one of digits, mnist, fashion-mnist, animals, optdig"):
        function("cifar")


def test_an_unknown_split_is_refused_with_the_splits():
    with pytest.raises(InvalidInputError, match="one of train, test, all, got 'valid'"):
        read("digits", "valid")


# --- where the images are looked for ---


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "animals", "optdigits"])
def test_missing_images_name_the_command(empty, name):
    with pytest.raises(MissingDataError, match=f"run `continuum fetch {name}`"):
        read(name)


def test_only_sets_on_this_machine_are_available(idx):
    assert available() == ("digits", "mnist")


def test_nothing_but_digits_is_available_on_a_fresh_machine(empty):
    assert available() == ("digits",)


def test_idx_files_are_used_where_they_are(idx):
    x, y = read("mnist")
    assert (x == 7).all()
    assert y.tolist() == [0, 1, 2, 3]
    assert not (idx.parent / "cache").exists()


@pytest.mark.parametrize("folder", ["fashion-mnist", "FashionMNIST/raw", "Fashion_MNIST", "fashion", "mnist/fashion"])
def test_fashion_is_found_under_its_usual_names_and_not_taken_for_mnist(empty, monkeypatch, folder):
    write_idx(empty / "data" / folder)
    monkeypatch.setenv("CONTINUUM_DATA", str(empty / "data"))
    assert available() == ("digits", "fashion-mnist")


def test_the_folder_itself_may_bear_the_name(idx, monkeypatch):
    monkeypatch.setenv("CONTINUUM_DATA", str(idx / "mnist"))
    assert available() == ("digits", "mnist")


def test_idx_files_under_another_name_are_not_taken(empty, monkeypatch):
    write_idx(empty / "data" / "kmnist")
    monkeypatch.setenv("CONTINUUM_DATA", str(empty / "data"))
    assert available() == ("digits",)


def test_several_folders_are_searched_in_order(idx, monkeypatch):
    write_idx(idx.parent / "more" / "mnist", value=1)
    write_idx(idx.parent / "more" / "fashion", value=2)
    monkeypatch.setenv("CONTINUUM_DATA", os.pathsep.join([str(idx), str(idx.parent / "more")]))
    assert read("mnist")[0].max() == 7
    assert read("fashion-mnist")[0].max() == 2


def test_own_idx_files_come_before_the_cache(idx):
    images = np.zeros((4, 28, 28), np.uint8)
    write_npz(fetching.cache_path("mnist"), {"x_train": images, "y_train": np.zeros(4, np.int64)})
    assert read("mnist")[0].max() == 7


def test_a_folder_that_does_not_exist_is_reported(empty, monkeypatch):
    monkeypatch.setenv("CONTINUUM_DATA", str(empty / "typo"))
    with pytest.raises(InvalidInputError, match=r"CONTINUUM_DATA names `.*typo`, which is not a folder"):
        read("mnist")


def test_idx_images_of_another_size_are_refused(idx):
    write_idx(idx / "mnist", size=32)
    with pytest.raises(InvalidInputError, match="must be 28 x 28, got 32 x 32"):
        read("mnist")


def test_idx_files_of_different_length_are_refused(idx):
    write_idx(idx / "mnist", labels=np.arange(3, dtype=np.uint8))
    with pytest.raises(InvalidInputError, match="4 images but labels of shape"):
        read("mnist")


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b[:2000] + b"?" + b[2001:], lambda b: b"", len]
)
def test_a_damaged_cache_is_refused_and_says_how_to_repair_it(empty, damage):
    path = fetching.cache_path("mnist")
    images = np.zeros((9, 28, 28), np.uint8)
    write_npz(path, {"x_train": images, "y_train": np.zeros(9, np.int64)})
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged if isinstance(damaged, bytes) else b"no archive at all")
    with pytest.raises(StoreError, match=r"is damaged .*delete it and run `continuum fetch mnist`"):
        read("mnist")


def test_a_pickle_in_the_cache_is_not_opened(empty):
    path = fetching.cache_path("mnist")
    path.parent.mkdir(parents=True)
    np.savez(path, x_train=np.array([{"an": "object"}], object), y_train=np.zeros(1))
    with pytest.raises(StoreError, match="allow_pickle"):
        read("mnist")


# --- resize ---


@pytest.mark.parametrize("size", [3, 8, 13, 28])
def test_resize_keeps_constant_images(size):
    np.testing.assert_allclose(resize(np.full((2, 8, 8), 0.3), size), np.full((2, size, size), 0.3), rtol=1e-6)


def test_resize_to_the_same_size_changes_nothing():
    x = np.random.default_rng(0).random((3, 8, 8), dtype=np.float32)
    np.testing.assert_array_equal(resize(x, 8), x)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 28, 28), (2, 9, 14)])
@pytest.mark.parametrize("size", [1, 5, 14, 28, 32])
def test_resize_agrees_with_torch(shape, size):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(x)[:, None], (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    np.testing.assert_allclose(resize(x, size), expected[:, 0].numpy(), atol=1e-6)


@pytest.mark.parametrize("x", [np.zeros((8, 8)), np.zeros((0, 8, 8)), np.zeros((2, 1, 8, 8))])
def test_resize_refuses_what_is_not_a_stack_of_images(x):
    with pytest.raises(InvalidInputError, match=r"images \(n, h, w\)"):
        resize(x, 28)


# --- the real sets ---


@pytest.fixture
def fetched():
    def need(*names):
        missing = [name for name in names if name not in available()]
        if missing:
            pytest.skip("; ".join(f"run `continuum fetch {name}`" for name in missing))

    return need


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "split", "n", "mean"),
    [
        ("mnist", "train", 60_000, 33.318),
        ("mnist", "test", 10_000, 33.791),
        ("fashion-mnist", "train", 60_000, 72.940),
        ("fashion-mnist", "test", 10_000, 73.147),
    ],
)
def test_the_mnist_family_has_the_known_size_and_mean(fetched, name, split, n, mean):
    fetched(name)
    x, y = read(name, split)
    assert x.shape == (n, 28, 28)
    assert len(y) == n
    assert x.mean() == pytest.approx(mean, abs=5e-4)  # the published means have three decimals


@pytest.mark.data
def test_mnist_has_the_known_label_counts(fetched):
    fetched("mnist")
    assert np.bincount(read("mnist")[1]).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@pytest.mark.data
def test_mnist_starts_with_the_well_known_digits(fetched):
    fetched("mnist")
    assert load("mnist", n=10).y.tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


@pytest.mark.data
@pytest.mark.parametrize(("split", "count"), [("train", 6000), ("test", 1000)])
def test_fashion_is_balanced(fetched, split, count):
    fetched("fashion-mnist")
    assert np.bincount(read("fashion-mnist", split)[1]).tolist() == [count] * 10


@pytest.mark.data
def test_optdigits_contains_every_digit_of_scikit_learn(fetched):
    fetched("optdigits")
    whole = rows_of(*read("optdigits", "all"))
    assert len(whole) == 5620
    digits = rows_of(*read("digits", "all"))
    assert len(digits) == 1797
    assert set(digits) <= set(whole)


@pytest.mark.data
def test_animals_are_a_thousand_of_each(fetched):
    fetched("animals")
    x, y = read("animals", "all")
    assert x.shape == (10_000, 28, 28)
    assert np.bincount(y).tolist() == [1000] * 10
    assert len(np.unique(x.reshape(len(x), -1), axis=0)) == 9716


@pytest.mark.data
@pytest.mark.parametrize("name", ["animals", "optdigits"])
def test_own_splits_of_fetched_sets_share_no_image(fetched, name):
    fetched(name)
    assert_splits_partition(name)
    counts = {split: np.bincount(read(name, split)[1]) for split in ("all", "test")}
    np.testing.assert_array_equal(counts["test"], np.round(counts["all"] / 5))
