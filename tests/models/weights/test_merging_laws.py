"""What all ways to merge have in common: rounding, what they leave alone, and what they refuse."""

from __future__ import annotations

import math

import pytest
import torch

from continuum.core import IncompatibleError, InvalidInputError
from continuum.models import CheckpointPath
from continuum.models.weights import Dare, Linear, ModelStock, Slerp, TaskArithmetic, Ties

CASES = {
    "linear": (Linear(), False),
    "slerp": (Slerp(), False),
    "slerp of task vectors": (Slerp(), True),
    "slerp of each tensor": (Slerp(per_tensor=True), True),
    "task arithmetic": (TaskArithmetic(), True),
    "ties": (Ties(density=0.5), True),
    "dare": (Dare(density=0.5), True),
    "model stock": (ModelStock(), True),
}
EACH = pytest.mark.parametrize(("method", "has_base"), CASES.values(), ids=CASES)
EACH_WITH_BASE = pytest.mark.parametrize("method", [method for method, has_base in CASES.values() if has_base], ids=str)


def tensor(rng, *shape, dtype=torch.float32):
    return torch.as_tensor(rng.normal(size=shape)).to(dtype)


def weights(rng, dtype=torch.float32):
    return {"w": tensor(rng, 5, 7, dtype=dtype), "b": tensor(rng, 5, dtype=dtype), "n": torch.tensor(4)}


def path_of(method, states, base=None):
    return CheckpointPath(states, method=method, base=base, bounds=(-0.5, 1.5))


def inner_value(method, states, base=None):
    """The value at a point that is no endpoint."""
    path = path_of(method, states, base)
    return path.at([0.3, 0.6][: len(path.domain.axes)])


def three(rng, **shared):
    """Two checkpoints and a base that have `shared` in common."""
    *states, base = (weights(rng) | {name: value.clone() for name, value in shared.items()} for _ in range(3))
    return states, base


def cast(state, dtype):
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in state.items()}


@EACH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_merge_is_the_rounded_single_precision_merge(rng, method, has_base, dtype):
    states, base = three(rng)
    states, base = [cast(state, dtype) for state in states], cast(base, dtype) if has_base else None
    found = inner_value(method, states, base)["w"]
    wide = inner_value(method, [cast(state, torch.float32) for state in states], base and cast(base, torch.float32))[
        "w"
    ]
    assert found.dtype == dtype
    assert torch.equal(found, wide.to(dtype))


@EACH
def test_double_precision_stays_double(rng, method, has_base):
    a, b, base = ({"w": tensor(rng, 50, dtype=torch.float64)} for _ in range(3))
    found = inner_value(method, [a, b], base if has_base else None)["w"]
    assert found.dtype == torch.float64
    assert not torch.equal(found, found.float().double())


@EACH
def test_blocks_do_not_show(rng, method, has_base, monkeypatch):
    states, base = three(rng)
    whole = inner_value(method, states, base if has_base else None)
    monkeypatch.setattr("continuum.models.weights.arithmetic._BLOCK", 4)
    torch.testing.assert_close(inner_value(method, states, base if has_base else None), whole)


@EACH
def test_neither_do_strides_and_shapes(rng, method, has_base):
    states, base = three(rng, one=torch.tensor(0.5), none=torch.zeros(0, 3))
    turned = [{name: value.T.contiguous().T if value.ndim == 2 else value for name, value in s.items()} for s in states]
    expected = inner_value(method, states, base if has_base else None)
    found = inner_value(method, turned, base if has_base else None)
    assert all(torch.equal(found[name], expected[name]) and found[name].is_contiguous() for name in expected)


@pytest.mark.parametrize("method", [Linear(), *(method for method, has_base in CASES.values() if has_base)], ids=str)
def test_what_all_checkpoints_share_stays_as_it_is_bit_by_bit(rng, method):
    frozen = tensor(rng, 200)
    states, base = three(rng, frozen=frozen)
    assert torch.equal(inner_value(method, states, None if method == Linear() else base)["frozen"], frozen)


@EACH
def test_an_infinite_mask_that_all_share_is_kept(rng, method, has_base):
    mask = torch.full((3, 3), -math.inf).triu(1)
    states, base = three(rng, mask=mask)
    found = inner_value(method, states, base if has_base else None)
    assert torch.equal(found["mask"], mask)
    for state in (*states, base):
        del state["mask"]
    assert torch.equal(found["w"], inner_value(method, states, base if has_base else None)["w"])


@EACH
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_broken_number_is_an_error_that_names_the_tensor_and_the_checkpoint(rng, method, has_base, value):
    states, base = three(rng)
    states[1]["b"][2] = value
    with pytest.raises(InvalidInputError, match=r"`b` has NaN or infinite numbers in \['checkpoint1'\]"):
        inner_value(method, states, base if has_base else None)


@EACH_WITH_BASE
def test_a_broken_base_is_named(rng, method):
    states, base = three(rng)
    base["b"][2] = math.nan
    with pytest.raises(InvalidInputError, match=r"`b` has NaN or infinite numbers in \['base'\]"):
        inner_value(method, states, base)


def test_what_has_no_weight_cannot_do_harm(rng):
    good, other, broken = weights(rng), weights(rng), weights(rng)
    broken["w"][0, 0] = math.nan
    soup = CheckpointPath({"good": good, "other": other, "broken": broken})
    assert soup.at((0.5, 0.5, 0))["w"].isfinite().all()
    task = CheckpointPath({"other": other, "broken": broken}, method="task-arithmetic", base=good)
    assert task.at((0.5, 0))["w"].isfinite().all()


def test_overflow_is_an_error_and_not_infinity():
    a, b = {"w": torch.tensor([0.0]).half()}, {"w": torch.tensor([60000.0]).half()}
    path = CheckpointPath([a, b], bounds=(0, 2))
    with pytest.raises(InvalidInputError, match=r"`w` overflows torch\.float16"):
        path.at(1.5)


@EACH
def test_integers_are_copied_and_counters_may_differ(rng, method, has_base):
    states, base = three(rng, position=torch.arange(3), flag=torch.tensor([True]))
    states[1]["n"] += 10
    found = inner_value(method, states, base if has_base else None)
    assert found["n"].dtype == found["position"].dtype == torch.int64
    assert found["n"] == (base if has_base else states[0])["n"]
    assert found["position"].tolist() == [0, 1, 2]
    assert found["flag"].tolist() == [True]


def test_integers_with_a_dimension_that_differ_are_refused():
    a, b = ({"codes": torch.tensor([1, n])} for n in (2, 3))
    path = CheckpointPath([a, b])
    with pytest.raises(IncompatibleError, match=r"`codes` holds torch.int64 numbers that differ in 'checkpoint1'"):
        path.at(0.5)
    assert path.at(1)["codes"].tolist() == [1, 3]
