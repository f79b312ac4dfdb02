"""Labelled datasets: labels of any kind, equal views of one set, and one clear error for each bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import ContinuumWarning, IncompatibleError, InvalidInputError
from continuum.datasets import LabelledDataset, concatenate, otdd

X = np.arange(8.0).reshape(4, 2)


def labelled(y, **options) -> LabelledDataset:
    return LabelledDataset(np.arange(2.0 * len(y)).reshape(len(y), 2), y, **options)


# Labels of any kind


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        (["cat", "dog", "cat"], ("cat", "dog"), [0, 1, 0]),
        (("b", "a", "c"), ("a", "b", "c"), [1, 0, 2]),
        ([7, -3, 10**12], (-3, 7, 10**12), [1, 0, 2]),
        ([2.0, 5.0, 2.0], (2, 5), [0, 1, 0]),
        ([True, False, True], (False, True), [1, 0, 1]),
        ([("mnist", 3), ("usps", 1), ("mnist", 1)], (("mnist", 1), ("mnist", 3), ("usps", 1)), [1, 2, 0]),
        ([1, "1", 1], (1, "1"), [0, 1, 0]),
        ([b"a", "a", b"a"], (b"a", "a"), [0, 1, 0]),
        (["a", "a\0", "a"], ("a", "a\0"), [0, 1, 0]),
        (["", b"\x80", ""], (b"\x80", ""), [1, 0, 1]),
        ([2**63 + 1, 2**63, -1], (-1, 2**63, 2**63 + 1), [2, 1, 0]),
        ([("a", 1), "a", 5], (5, "a", ("a", 1)), [2, 1, 0]),
        (np.array(["x", "yy", "x"]), ("x", "yy"), [0, 1, 0]),
        (np.array([3, 1, 3], dtype=np.uint8), (1, 3), [1, 0, 1]),
        (np.array(["x", 2, "x"], dtype=object), (2, "x"), [1, 0, 1]),
        (torch.tensor([4, 2, 4]), (2, 4), [1, 0, 1]),
        ([torch.tensor(4), torch.tensor(2), torch.tensor(4)], (2, 4), [1, 0, 1]),
        (range(3), (0, 1, 2), [0, 1, 2]),
    ],
    ids=str,
)
def test_labels_of_any_kind_stay_distinct_and_keep_their_place(y, classes, codes):
    data = LabelledDataset(np.zeros((3, 1)), y)
    assert data.classes == classes
    assert data.codes.tolist() == codes
    assert [data.classes[code] for code in data.codes] == list(data.y)
    assert data.probabilities.tolist() == np.eye(len(classes))[codes].tolist()
    assert not data.is_soft


@given(
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.tuples(st.integers()), st.binary(max_size=2)), min_size=1)
)
def test_codes_decode_to_the_labels_that_were_given(y):
    data = LabelledDataset(np.zeros((len(y), 1)), y)
    assert [data.classes[code] for code in data.codes] == y
    assert set(data.classes) == set(y)


def test_declared_classes_fix_the_order_and_may_be_empty():
    data = labelled(["b", "a"], classes=["c", "b", "a"])
    assert data.classes == ("c", "b", "a")
    assert data.codes.tolist() == [1, 2]
    assert labelled([1, 0], classes=np.arange(3)).classes == (0, 1, 2)


@pytest.mark.filterwarnings("ignore:classes of one sample")
def test_a_declared_class_without_samples_is_left_out_with_a_warning_and_changes_nothing():
    """Acceptance check: empty classes."""
    data, moved = labelled(["a", "a", "b"]), labelled(["u", "v", "v"])
    padded = labelled(["a", "a", "b"], classes=["z", "a", "b"])
    with pytest.warns(ContinuumWarning, match=r"classes without any sample are left out: \['z'\]"):
        result = otdd(padded, moved)
    assert result.squared == otdd(data, moved).squared
    assert result.label_table.shape == (3, 2)


def test_soft_labels_are_distributions_over_their_classes():
    data = LabelledDataset(X, [[0.5, 0.5], [1, 0], [0, 1], [0.25, 0.75]], classes=("a", "b"))
    assert data.is_soft
    assert data.classes == ("a", "b")
    assert data.codes.tolist() == [0, 0, 1, 1]
    assert data.probabilities is data.y
    assert labelled(np.eye(3)).classes == (0, 1, 2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64])
def test_soft_labels_of_any_precision_are_normalised_in_float64(dtype):
    data = labelled(torch.tensor([[1, 0], [0, 1]], dtype=dtype))
    assert data.y.dtype == np.float64
    assert (data.y.sum(1) == 1).all()
    almost = labelled(np.array([[0.1] * 10], dtype=np.float32))
    assert almost.y.sum() == pytest.approx(1, abs=1e-15)


# Features of any kind


@pytest.mark.parametrize(
    "x",
    [
        X, X.tolist(), X.astype(np.float32), X.astype(np.float16), X.astype(">f8"), X.astype(np.longdouble),
        X.astype(np.uint8), X.astype(np.int64), X[::-1].copy()[::-1], np.asfortranarray(X), X.reshape(4, 2, 1),
        torch.tensor(X), torch.tensor(X).bfloat16(), torch.tensor(X).int(), torch.tensor(X, requires_grad=True),
    ],
    ids=lambda x: f"{type(x).__name__}-{getattr(x, 'dtype', '')}-{np.ndim(x)}",
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_features_of_any_number_type_are_the_same_vectors(x):
    data = LabelledDataset(x, [0, 1, 0, 1])
    features = data.features()
    assert features.dtype in (torch.float32, torch.float64)
    assert features.tolist() == X.tolist()
    assert not features.requires_grad
    assert data.to_numpy()[0].reshape(4, 2).tolist() == X.tolist()
    assert data.to_torch()[0].reshape(4, 2).tolist() == X.tolist()
    assert otdd(data, data).squared == 0


def test_floating_features_are_kept_as_they_are_and_integers_are_not_scaled():
    for x in (X, X.astype(np.float32), torch.tensor(X), torch.tensor(X).half()):
        assert LabelledDataset(x, [0] * 4).x is x
    assert LabelledDataset(np.array([[255]], dtype=np.uint8), [0]).x.tolist() == [[255.0]]
    large = 2**24 + 1  # no float32
    for x in (np.array([[large]]), torch.tensor([[large]])):
        assert int(LabelledDataset(x, [0]).x[0, 0]) == large


def test_read_only_memory_is_read_without_a_word():
    x = X.copy()
    x.flags.writeable = False
    data = LabelledDataset(x, [0, 0, 1, 1])
    features = data.features()
    features.zero_()
    assert data.x.tolist() == X.tolist()


def test_views_agree():
    data = LabelledDataset(torch.tensor(X, dtype=torch.float32), ["b", "a", "b", "a"])
    x, y = data.to_torch()
    assert (x.dtype, y.tolist()) == (torch.float32, [1, 0, 1, 0])
    x, y = data.to_numpy()
    assert (x.dtype, y.tolist()) == (np.float32, ["b", "a", "b", "a"])
    assert len(data) == 4
    assert data.device == torch.device("cpu")
    assert repr(data) == "LabelledDataset(n=4, features=(2,), classes=2, hard)"
    soft = labelled(np.eye(2))
    assert soft.to_torch()[1].tolist() == [[1, 0], [0, 1]]


# Weights, subsets, concatenation


def test_weights_are_normalised():
    assert labelled([0, 1]).weights.tolist() == [0.5, 0.5]
    assert labelled([0, 1], weights=torch.tensor([0.25, 0.75])).weights.tolist() == [0.25, 0.75]
    with pytest.warns(ContinuumWarning, match="`weights` sums to 4"):
        assert labelled([0, 1], weights=[1, 3]).weights.tolist() == [0.25, 0.75]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize(
    ("indices", "rows"),
    [
        ([2, 0], [2, 0]),
        ([-1], [3]),
        (1, [1]),
        (np.array([True, False, True, False]), [0, 2]),
        ([False, False, False, True], [3]),
        (slice(1, None, 2), [1, 3]),
        (torch.tensor([3, 3]), [3, 3]),
        (range(2), [0, 1]),
    ],
    ids=str,
)
def test_a_subset_takes_rows_with_their_labels_and_renormalised_weights(soft, tensor, indices, rows):
    y, weights = (np.eye(3)[[0, 2, 1, 0]] if soft else np.array(list("acba"))), np.array([0.1, 0.2, 0.3, 0.4])
    data = LabelledDataset(torch.tensor(X) if tensor else X, y, weights, tuple("abc"))
    part = data.subset(indices)
    assert part.x.tolist() == X[rows].tolist()
    assert part.y.tolist() == y[rows].tolist()
    assert part.classes == data.classes
    np.testing.assert_allclose(part.weights, weights[rows] / weights[rows].sum(), rtol=1e-14)
    part.x[:] = -1  # fresh memory
    assert data.x.tolist() == X.tolist()


@pytest.mark.parametrize(
    ("indices", "says"),
    [
        ([], "at least one"),
        (slice(2, 2), "subset leaves 0 of 4 points"),
        ([False] * 4, "subset leaves 0 of 4 points"),
        ([1], "subset leaves 1 of 4 points, of total weight 0"),
        ([4], "rows of the 4 points.*index 4 is out of bounds"),
        ([True, False], "rows of the 4 points"),
        ([0.5], "rows of the 4 points"),
        ([[0, 1]], r"got shape \(1, 2\)"),
        (None, "rows of the 4 points"),
    ],
    ids=str,
)
def test_a_subset_that_is_none_is_refused(indices, says):
    data = LabelledDataset(X, [0, 1, 0, 1], [0.5, 0.0, 0.25, 0.25])
    with pytest.raises(InvalidInputError, match=says):
        data.subset(indices)


def test_concatenation_keeps_points_labels_and_mass_in_proportion_to_size():
    first, second = labelled(["a", "b"], weights=[0.25, 0.75]), labelled(["b", "c", "c", "c", "c", "c"])
    joined = concatenate([first, second])
    assert joined.classes == ("a", "b", "c")
    assert joined.y.tolist() == ["a", "b", "b", "c", "c", "c", "c", "c"]
    assert joined.x.tolist() == first.x.tolist() + second.x.tolist()
    np.testing.assert_allclose(joined.weights, [0.0625, 0.1875, *[0.125] * 6], rtol=1e-14)
    assert concatenate([first]).weights.tolist() == first.weights.tolist()


def test_concatenation_keeps_labels_of_other_kinds_apart():
    joined = concatenate([labelled([0, 1]), labelled(["0", "1"])])
    assert joined.classes == (0, 1, "0", "1")
    assert joined.codes.tolist() == [0, 1, 2, 3]
    assert concatenate([labelled([0, 1]), labelled([1.0, 2.0])]).classes == (0, 1, 2)


def test_concatenation_of_hard_and_soft_labels_is_soft_on_the_union():
    hard, soft = labelled(["b", "a"]), labelled([[0.5, 0.5]], classes=("b", "c"))
    joined = concatenate([hard, soft])
    assert joined.classes == ("a", "b", "c")
    assert joined.y.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0.5, 0.5]]


@pytest.mark.parametrize("kinds", [(torch.tensor, np.array), (np.array, torch.tensor)])
def test_concatenation_takes_arrays_and_tensors(kinds):
    joined = concatenate([LabelledDataset(kind(X), [0, 1, 0, 1]) for kind in kinds])
    assert isinstance(joined.x, type(kinds[0](0)))
    assert joined.x.tolist() == X.tolist() * 2


def test_what_has_no_common_shape_is_not_concatenated():
    with pytest.raises(IncompatibleError, match=r"one feature shape, got \[\(2,\), \(3,\)\]"):
        concatenate([labelled([0]), LabelledDataset(np.zeros((1, 3)), [0])])
    with pytest.raises(InvalidInputError, match="at least one dataset"):
        concatenate([])


# Bad input


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((0, 2)), r"`x` must be \(n, ...\) with n > 0 points.*got shape \(0, 2\)"),
        (np.zeros((4, 0)), r"`x` must be .*at least one feature, got shape \(4, 0\)"),
        (np.zeros(4), r"`x` must be \(n, ...\).*got shape \(4,\)"),
        (None, r"`x` must be \(n, ...\).*got shape \(\)"),
        ([[1.0, 2.0], [3.0]], r"`x` must be an array \(n, ...\), got list"),
        ([["a"], ["b"], ["c"], ["d"]], "`x` must hold real numbers, got dtype <U1"),
        (np.full((4, 1), 1j), "`x` must hold real numbers, got dtype complex128"),
        (torch.full((4, 1), 1j), "`x` must hold real numbers, got dtype torch.complex64"),
        (
            np.array([[0.0], [1.0], [np.nan], [np.inf]]),
            r"`x` has 2 NaN or infinite entries, the first at index \(2, 0\)",
        ),
        (torch.tensor([[0.0], [torch.inf], [0.0], [0.0]]), r"`x` has 1 NaN or infinite .* index \(1, 0\)"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_features_that_are_none_are_refused(x, says):
    with pytest.raises(InvalidInputError, match=says):
        LabelledDataset(x, [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([0, 1, 2], "`x` has 4 points and `y` has 3 labels"),
        ([], "`x` has 4 points and `y` has 0 labels"),
        (np.zeros((4, 2, 2)), r"`y` must be .* got shape \(4, 2, 2\)"),
        (3, r"`y` must be labels .* got int"),
        (None, "`y` must be labels .* got NoneType"),
        (np.array(3), r"`y` must be .* got shape \(\)"),
        (torch.tensor(3), r"`y` must be .* got shape \(\)"),
        ([0.0, 1.0, 0.5, 1.0], r"regression targets or has NaN: y\[2\] = 0\.5"),
        ([0.0, np.nan, 0.0, 1.0], r"`y` has 1 missing labels, the first is y\[1\] = nan"),
        (torch.tensor([0.0, np.nan, 0.0, 1.0]), r"regression targets or has NaN: y\[1\] = nan"),
        ([0.0, 1.0, 1.0, np.inf], r"regression targets or has NaN: y\[3\] = inf"),
        (["a", None, "b", None], r"`y` has 2 missing labels, the first is y\[1\] = None"),
        (["a", "b", float("nan"), "b"], r"`y` has 1 missing labels, the first is y\[2\] = nan"),
        (np.array(["a", "b", "b", np.nan], dtype=object), r"`y` has 1 missing labels, the first is y\[3\] = nan"),
        ([{"a"}, {"b"}, {"a"}, {"b"}], "`y` must hold hashable labels: unhashable type: 'set'"),
        ([[0], [1, 0], [1], [0]], "`y` must hold hashable labels: unhashable type: 'list'"),
        ([[0.5, 0.5], [0.5, 0.6], [1.5, -0.5], [1, 0]], r"2 rows of soft labels `y` are not.*row 1 .* sum 1\.1"),
        ([[1, 0], [1.5, -0.5], [0, 1], [1, 0]], r"1 rows of soft labels.*row 1 is \[ 1\.5 -0\.5\]"),
        ([[1, 0], [np.nan, 1], [0, 1], [1, 0]], r"`y` has 1 NaN or infinite entries, the first at index \(1, 0\)"),
    ],
    ids=str,
)
def test_labels_that_are_none_are_refused(y, says):
    with pytest.raises(InvalidInputError, match=says):
        LabelledDataset(X, y)


@pytest.mark.parametrize(
    ("y", "classes", "says"),
    [
        ([0, 1, 0, 3], [0, 1], r"`classes` must hold every label; unknown in `y`: \[3\]"),
        ([0, 1, 0, 1], [0, 1, 1], r"`classes` must be distinct, got \(0, 1, 1\)"),
        ([0, 1, 0, 1], [[0], [1]], "`classes` must be hashable labels"),
        ([0, 1, 0, 1], 2, "`classes` must be hashable labels, got 2"),
        (np.eye(4), ["a", "b"], r"`classes` must be 4 labels, one a column of `y`, got \('a', 'b'\)"),
        (np.eye(4), list("abca"), "`classes` must be distinct"),
    ],
    ids=str,
)
def test_classes_that_do_not_fit_are_refused(y, classes, says):
    with pytest.raises(InvalidInputError, match=says):
        LabelledDataset(X, y, classes=classes)


def test_weights_that_are_none_are_refused():
    with pytest.raises(InvalidInputError, match=r"`weights` must not be negative, got -0\.5 at index 1"):
        labelled([0, 1], weights=[1.5, -0.5])
    with pytest.raises(InvalidInputError, match="`weights` must have one mass for each of the 2 points, got 1"):
        labelled([0, 1], weights=[1.0])


def test_a_table_of_soft_labels_is_its_numbers_not_the_names_of_its_columns():
    soft = np.array([[0.9, 0.1], [0.2, 0.8]])
    data = LabelledDataset(np.eye(2), pd.DataFrame(soft, columns=["a", "b"]))
    assert data.is_soft
    np.testing.assert_allclose(data.y, soft)
    assert LabelledDataset(np.eye(2), pd.Series(["a", "b"])).classes == ("a", "b")


@pytest.mark.parametrize("y", [{"a": 1, "b": 2}, {1, 2}, "ab", b"ab"], ids=lambda y: type(y).__name__)
def test_labels_without_an_order_are_refused(y):
    with pytest.raises(InvalidInputError, match=f"got a {type(y).__name__}"):
        LabelledDataset(np.eye(2), y)


def test_a_column_of_labels_is_refused_with_what_to_do():
    with pytest.raises(InvalidInputError, match=r"pass `y.ravel\(\)`"):
        LabelledDataset(np.eye(2), np.array([[0], [1]]))


@pytest.mark.parametrize("kind", ["half", "read-only", "tensor", "double"])
@pytest.mark.parametrize("rows", [slice(2, 5), np.array([4, 0, 4])], ids=["slice", "indices"])
def test_features_of_some_rows_are_those_rows_of_all(rng, kind, rows):
    x = rng.normal(size=(6, 2, 2))
    if kind == "half":
        x = x.astype(np.float16)
    x.setflags(write=kind != "read-only")
    data = LabelledDataset(torch.as_tensor(x) if kind == "tensor" else x, np.arange(6))
    np.testing.assert_array_equal(data.features(rows).numpy(), data.features().numpy()[rows])
