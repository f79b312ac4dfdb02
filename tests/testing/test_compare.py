"""How the checks compare values."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from continuum.testing.compare import overwrite, restored, share_memory, snapshot, writable


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
        ({"x": np.ones(2), "y": "a"}, {"x": np.ones(2), "y": "a"}),
        (math.nan, math.nan),
        ([1, None, b"a"], [1, None, b"a"]),
        (np.array(["a", "b"]), np.array(["a", "b"])),
        (frozenset(), frozenset()),
    ],
)
def test_equal_values_are_equal(a, b):
    assert snapshot(a).equals(snapshot(b))
    assert snapshot(a).near(snapshot(b), 0.0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones(2), np.ones(3)),
        (np.ones(2), np.ones(2, dtype=np.float32)),
        (np.ones(2), np.nextafter(np.ones(2), 2)),
        (np.zeros(1), -np.zeros(1)),
        (1, 1.0),
        ("a", "b"),
        ([1, 2], [1]),
        (np.array(["a"]), np.array(["b"])),
        (np.array([np.nan]), np.array([1.0])),
    ],
)
def test_different_values_are_different(a, b):
    assert not snapshot(a).equals(snapshot(b))


def test_opaque_values_are_compared_as_a_whole():
    lock = threading.Lock()
    assert snapshot(lock).equals(snapshot(lock))
    assert not snapshot(lock).equals(snapshot(threading.Lock()))


def test_near_forgives_floating_numbers_only():
    value = {"x": np.array([1.0, 100.0]), "n": np.array([3])}
    close = {"x": np.array([1.0 + 1e-7, 100.0 - 1e-5]), "n": np.array([3])}
    assert snapshot(value).near(snapshot(close), 1e-6)
    assert not snapshot(value).near(snapshot(close), 1e-9)
    assert not snapshot(value).near(snapshot({**close, "n": np.array([4])}), 10.0)


def test_negative_zero_is_near_zero():
    assert snapshot(np.zeros(1)).near(snapshot(-np.zeros(1)), 0.0)


def test_a_snapshot_does_not_follow_its_value():
    value = np.zeros(3)
    before = snapshot(value)
    value += 1
    assert before.distance(snapshot(value)) == 1


@pytest.mark.parametrize("dtype", ["f8", "f2", "c16", "i4", "u1", "b1", "U3", "O", "M8[s]"])
def test_every_type_of_array_is_overwritten_and_restored(dtype):
    value = [np.array([1, 0, 7]).astype(dtype), np.array(1).astype(dtype)]
    before = snapshot(value)
    with restored(value):
        overwrite(value)
        assert not snapshot(value).equals(before)
    assert snapshot(value).equals(before)


def test_read_only_and_empty_arrays_cannot_be_written():
    frozen = np.ones(3)
    frozen.flags.writeable = False
    assert writable({"a": frozen, "b": np.empty(0), "c": 3.0}) == []


def test_shared_memory_is_seen():
    x = np.arange(6.0)
    assert share_memory([x], {"view": x[2:]})
    assert not share_memory(x[:3], x[3:])
    assert not share_memory(x, x.copy())
