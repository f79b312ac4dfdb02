"""Leaves are what a value is made of; a fingerprint changes when any of it does, and only then."""

from __future__ import annotations

import functools
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch

from continuum.core import (
    Interval,
    InvalidInputError,
    Product,
    Simplex,
    as_array,
    fingerprint,
    from_function,
    leaves,
    parts,
    transform,
)


@dataclass(eq=False)
class Pair:
    first: object
    second: object


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


def adds(k):
    def add(x, by=1, *, times=1):
        return x + k * by * times

    return add


# leaves


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (np.ones(3), 1),
        ([np.ones(3), {"a": 1, "b": (2, None)}], 4),
        (Pair(np.ones(3), [1.5, "a"]), 3),
        (MappingProxyType({"x": np.ones(2)}), 1),
        ({1, 2, 3}, 3),
        (np, 0),
        (int, 0),
        (len, 0),
    ],
)
def test_leaves_are_arrays_and_scalars_in_order(value, count):
    assert len(leaves(value)) == count


@pytest.mark.parametrize("hold", [Plain, lambda x: Slotted(x), lambda x: Pair(x, None), lambda x: [[x]]])
def test_arrays_are_found_in_any_object_and_not_copied(hold):
    x = np.ones(3)
    found = [leaf for leaf in leaves(hold(x=x) if hold is Plain else hold(x)) if isinstance(leaf, np.ndarray)]
    assert len(found) == 1
    assert found[0] is x


def test_weights_are_found_in_a_module():
    layer = torch.nn.Linear(2, 3)
    found = [leaf for leaf in leaves(layer) if isinstance(leaf, torch.Tensor)]
    assert {id(leaf) for leaf in found} == {id(layer.weight), id(layer.bias)}


def test_arrays_are_found_in_what_a_function_captured():
    x = np.ones(3)
    assert any(leaf is x for leaf in leaves(lambda: x))


def test_leaves_end_on_cycles():
    loop = [1]
    loop.append(loop)
    assert leaves(loop) == [1]


@pytest.mark.parametrize(
    "leaf",
    [
        torch.tensor([1.5, -2.0]),
        torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        torch.tensor([1.5, -2.0], requires_grad=True),
        torch.tensor([1.5, 0.0, -2.0, 0.0])[::2],
        np.array([1.5, -2.0]),
        [1.5, -2.0],
    ],
    ids=str,
)
def test_a_leaf_becomes_an_equal_array(leaf):
    np.testing.assert_array_equal(as_array(leaf), [1.5, -2.0])


def test_lazy_conjugation_is_resolved():
    np.testing.assert_array_equal(as_array(torch.tensor([1 + 2j]).conj()), [1 - 2j])


# fingerprints

SAME = [
    (lambda: np.arange(6.0).reshape(2, 3), "arrays"),
    (lambda: np.arange(12.0)[::2], "strided arrays"),
    (lambda: np.array(["a", "bc"]), "text arrays"),
    (lambda: np.array([None, "a", (1, 2)], dtype=object), "object arrays"),
    (lambda: np.array(["2020-01-01"], dtype="M8[D]"), "dates"),
    (lambda: np.float64(0.1), "numpy scalars"),
    (lambda: torch.arange(3).to(torch.bfloat16), "bfloat16"),
    (lambda: {"b": [1, None, True], "a": b"x"}, "containers"),
    (lambda: {"one", "two", "three"}, "sets"),
    (lambda: Pair(1, Plain(x=np.ones(2))), "objects"),
    (lambda: adds(2), "closures"),
    (lambda: functools.partial(adds(2), by=3), "partial functions"),
    (lambda: Plain(x=1).__init__, "methods"),
    (lambda: Product(a=Interval(), b=Simplex("ab")), "domains"),
    (lambda: transform(from_function(Interval(), adds(1)), np.sqrt), "paths"),
    (lambda: np.random.default_rng(3), "generators"),
    (lambda: Path("a/b"), "file names"),
    (lambda: torch.nn.Linear(2, 2).requires_grad_(False).to_empty(device="meta").in_features, "numbers"),
    (lambda: (torch.float32, torch.device("cpu"), np.dtype("f4")), "types of numbers"),
]


@pytest.mark.parametrize("make", [make for make, _ in SAME], ids=[name for _, name in SAME])
def test_equal_values_have_one_fingerprint(make):
    assert fingerprint(make()) == fingerprint(make())


def flipped(x):
    y = x.copy()
    y.view(np.uint8).reshape(-1)[0] ^= 1
    return y


X = np.arange(6.0)

DIFFERENT = {
    "one flipped bit": (X, flipped(X)),
    "type of numbers": (X, X.astype(np.float32)),
    "byte order": (X, X.astype(">f8")),
    "shape": (X, X.reshape(2, 3)),
    "order of axes": (X.reshape(2, 3), X.reshape(2, 3).T),
    "negative zero": (np.zeros(1), -np.zeros(1)),
    "library": (X, torch.from_numpy(X)),
    "bfloat16": (torch.ones(2), torch.ones(2, dtype=torch.bfloat16)),
    "int and float": (1, 1.0),
    "bool and int": (True, 1),
    "text and bytes": ("a", b"a"),
    "list and tuple": ([1], (1,)),
    "nesting": ([1, [2]], [[1], 2]),
    "key": ({"a": 1}, {"b": 1}),
    "attribute": (Plain(x=1), Plain(y=1)),
    "type of object": (Plain(x=1), Slotted(1)),
    "captured variable": (adds(1), adds(2)),
    "constant": (lambda x: x + 1, lambda x: x + 2),
    "operation": (lambda x: x + 1, lambda x: x - 1),
    "called name": (lambda x: np.sin(x), lambda x: np.cos(x)),
    "default": (lambda x, k=1: x, lambda x, k=2: x),
    "keyword default": (lambda x, *, k=1: x, lambda x, *, k=2: x),
    "inner function": (lambda xs: [x + 1 for x in xs], lambda xs: [x + 2 for x in xs]),
    "method's object": (Plain(x=1).__init__, Plain(x=2).__init__),
    "function": (len, abs),
    "class": (int, float),
    "module": (np, torch),
    "domain": (Interval(0, 1), Interval(0, 2)),
    "axis": (Interval(), Interval(axis="s")),
}


@pytest.mark.parametrize(("a", "b"), DIFFERENT.values(), ids=DIFFERENT)
def test_any_difference_changes_the_fingerprint(a, b):
    assert fingerprint(a) != fingerprint(b)


def test_equal_domains_have_equal_fingerprints():
    assert fingerprint(Interval(0, 1)) == fingerprint(Interval(-0.0, np.float32(1)))


def test_layout_in_memory_does_not_matter():
    assert fingerprint(X[::2]) == fingerprint(X[::2].copy())
    assert fingerprint(np.asfortranarray(X.reshape(2, 3))) == fingerprint(X.reshape(2, 3))


def test_running_a_function_does_not_change_it():
    """Python 3.11 specialises bytecode in place."""
    function = adds(1)
    before = fingerprint(function)
    for _ in range(2000):
        function(1)
    assert fingerprint(function) == before


CHILD = """
import functools, numpy as np
from continuum import Interval, Simplex, from_function, product, transform
from continuum.core import fingerprint
def scale(k):
    return lambda x: k * x if x not in {"a", "b", "c"} else None
value = {
    "sets": [{"x", "y", "z"}, frozenset("uvw")],
    "path": product(a=from_function(Interval(), scale(2.0)), b=transform(from_function(Simplex("pq"), max), np.sqrt)),
    "array": np.arange(5.0), "object": np.array(["a", None], dtype=object),
}
print(fingerprint(value))
"""


def test_fingerprints_agree_across_processes():
    seen = {
        subprocess.run(
            [sys.executable, "-c", CHILD], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(seen) == 1
    assert len(seen.pop().strip()) == 64


def test_cycles_end():
    loop = Plain()
    loop.me = loop
    other = Plain()
    other.me = [other]
    assert fingerprint(loop) != fingerprint(other)

    def recursive(n):
        return recursive(n - 1)

    assert fingerprint(recursive) == fingerprint(recursive)


def test_a_variable_that_is_not_assigned_yet_is_no_obstacle():
    def early():
        return later

    unassigned = fingerprint(early)
    later = 1
    assert fingerprint(early) != unassigned


@pytest.mark.parametrize(
    "make", [lambda: (i for i in range(3)), lambda: memoryview(b"a")], ids=["generator", "memoryview"]
)
def test_what_cannot_be_told_is_refused(make):
    with pytest.raises(InvalidInputError, match="cannot tell what a"):
        fingerprint({"inside": [make()]})


def test_open_files_are_refused(tmp_path):
    with (tmp_path / "log").open("w") as file, pytest.raises(InvalidInputError, match="TextIOWrapper"):
        fingerprint(file)


def test_an_object_may_name_itself():
    @dataclass
    class Named:
        fingerprint: str
        lock: object = field(default_factory=lambda: (i for i in range(3)))

    assert fingerprint(Named("a")) == fingerprint(Named("a")) != fingerprint(Named("b"))


def test_the_name_given_by_an_object_does_not_hide_its_type():
    class One:
        fingerprint = "a"

    class Other:
        fingerprint = "a"

    assert fingerprint(One()) != fingerprint(Other())


def test_parts_can_be_taught_to_leave_out_a_cache():
    class Cached:
        def __init__(self, weights):
            self.weights, self.cache = weights, {}

    parts.register(Cached, lambda value: {"weights": value.weights})
    path = Cached(np.ones(3))
    before = fingerprint(path)
    path.cache["a"] = 1
    assert fingerprint(path) == before
    assert len(leaves(path)) == 1


class WithCache:
    """A plain object with a cached property, which is stored among its attributes."""

    def __init__(self, n):
        self.n = n

    @functools.cached_property
    def squares(self):
        return [i * i for i in range(self.n)]


def test_a_cached_property_is_no_part_of_an_object():
    value = WithCache(3)
    before = fingerprint(value)
    assert value.squares == [0, 1, 4]
    assert fingerprint(value) == before != fingerprint(WithCache(4))


def test_bound_methods_written_in_c_differ_with_what_they_are_bound_to():
    assert fingerprint(np.ones(3).dot) != fingerprint(np.zeros(3).dot)
    assert fingerprint(np.ones(3).dot) == fingerprint(np.ones(3).dot)
    assert fingerprint(len) != fingerprint(max)


def make_class(body, number=1):
    """A class of one name, as if its source had been edited."""
    return type("Edited", (), {"__module__": __name__, "__call__": body, "scale": number})


def test_an_object_depends_on_the_code_and_the_plain_attributes_of_its_class():
    first, second = make_class(lambda self, x: 2 * x), make_class(lambda self, x: 3 * x)
    assert fingerprint(first()) == fingerprint(first())
    assert len({fingerprint(cls()) for cls in (first, second, make_class(lambda self, x: 2 * x, 5))}) == 3


def test_notes_that_a_function_takes_are_no_part_of_it():
    def counted(notes, data):
        return lambda x: (notes.append(x), data)

    assert fingerprint(counted([], np.ones(2))) == fingerprint(counted([1, "a", {"k": (1, 2)}], np.ones(2)))
    assert fingerprint(counted([], np.ones(2))) != fingerprint(counted([], np.zeros(2)))
    assert fingerprint(counted([np.ones(2)], None)) != fingerprint(counted([np.zeros(2)], None))
