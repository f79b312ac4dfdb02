"""Random streams depend on seed and place only."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from continuum.core import InvalidInputError, rng_for, torch_generator


def test_a_stream_is_a_function_of_seed_and_place():
    first, second = rng_for(3, "accuracy", 2), rng_for(3, "accuracy", 2)
    first.random()  # another stream's use of the same place changes nothing
    np.testing.assert_array_equal(rng_for(3, "accuracy", 2).random(4), second.random(4))


@pytest.mark.parametrize(
    "other", [(4, "a", 1), (3, "b", 1), (3, "a", 2), (3, "a"), (3, "a1"), (3, 1, "a"), (3, "a", "1")]
)
def test_other_seeds_and_places_give_other_streams(other):
    assert rng_for(3, "a", 1).random() != rng_for(*other).random()


def test_streams_are_independent():
    draws = np.array([rng_for(0, "place", i).normal(size=200) for i in range(50)])
    correlation = np.corrcoef(draws)[np.triu_indices(50, 1)]
    assert np.abs(correlation).max() < 0.35  # 5 standard errors of 1 / sqrt(200)


def test_streams_agree_across_processes():
    code = "from continuum.core import rng_for; print(rng_for(7, 'metric', (0.5, 1.0)).integers(10**9))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("0", "1")
    }
    assert seen == {f"{rng_for(7, 'metric', (0.5, 1.0)).integers(10**9)}\n"}


def test_global_random_state_is_left_alone():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    torch_generator(rng_for(0))
    assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())


@pytest.mark.parametrize("seed", [-1, 0.5, True, None, "0"])
def test_a_seed_is_a_natural_number(seed):
    with pytest.raises(InvalidInputError, match="`seed` must be a non-negative integer"):
        rng_for(seed)


def test_numpy_integers_are_seeds():
    assert rng_for(np.int64(5)).random() == rng_for(5).random()


def test_torch_generators_follow_the_stream():
    draws = [torch.rand(3, generator=torch_generator(rng_for(0, place))).tolist() for place in ("a", "a", "b")]
    assert draws[0] == draws[1] != draws[2]


def test_torch_generators_need_torch(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(InvalidInputError, match="import it first"):
        torch_generator(rng_for(0))
