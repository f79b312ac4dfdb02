"""Each way to merge, where the answer is known."""

from __future__ import annotations

import math

import pytest
import torch
from peft.utils.merge_utils import ties as peft_ties

from continuum.core import IncompatibleError, InvalidInputError
from continuum.models import CheckpointPath
from continuum.models.weights import Dare, Slerp, Ties


def tensor(rng, *shape, dtype=torch.float32):
    return torch.as_tensor(rng.normal(size=shape)).to(dtype)


def weights(rng, dtype=torch.float32):
    return {"w": tensor(rng, 5, 7, dtype=dtype), "b": tensor(rng, 5, dtype=dtype), "n": torch.tensor(4)}


def test_linear_is_the_weighted_mean(rng):
    a, b, c = (weights(rng) for _ in range(3))
    torch.testing.assert_close(CheckpointPath([a, b]).at(0.3)["w"], 0.7 * a["w"] + 0.3 * b["w"])
    torch.testing.assert_close(CheckpointPath([a, b], bounds=(-1, 2)).at(-0.5)["w"], 1.5 * a["w"] - 0.5 * b["w"])
    soup = CheckpointPath({"a": a, "b": b, "c": c})
    found = soup.at({"a": 0.2, "b": 0.3, "c": 0.5})["w"]
    torch.testing.assert_close(found, 0.2 * a["w"] + 0.3 * b["w"] + 0.5 * c["w"])
    torch.testing.assert_close(soup.at(soup.uniform())["w"], (a["w"] + b["w"] + c["w"]) / 3)


@pytest.mark.parametrize("per_tensor", [False, True])
def test_slerp_of_orthogonal_vectors_meets_their_bisector(per_tensor):
    a, b = {"w": torch.tensor([1.0, 0, 0])}, {"w": torch.tensor([0, 1.0, 0])}
    found = CheckpointPath([a, b], method=Slerp(per_tensor=per_tensor)).at(0.5)["w"]
    torch.testing.assert_close(found, (a["w"] + b["w"]) / math.sqrt(2))


def test_slerp_keeps_the_length_of_all_weights_together(rng):
    a, b = (weights(rng) for _ in range(2))
    stacked = [torch.cat([state["w"].reshape(-1), state["b"]]) for state in (a, b)]
    for name in ("w", "b"):
        b[name] *= stacked[0].norm() / stacked[1].norm()
    path = CheckpointPath([a, b], method="slerp")
    for t in (0.1, 0.5, 0.8):
        found = torch.cat([path.at(t)["w"].reshape(-1), path.at(t)["b"]])
        torch.testing.assert_close(found.norm(), stacked[0].norm())


def test_slerp_of_task_vectors_is_added_to_the_base(rng):
    a, b, base = (weights(rng) for _ in range(3))
    path = CheckpointPath([a, b], method=Slerp(per_tensor=True), base=base)
    tau = [state["w"] - base["w"] for state in (a, b)]
    angle = torch.acos((tau[0] * tau[1]).sum() / tau[0].norm() / tau[1].norm())
    expected = base["w"] + (torch.sin(0.75 * angle) * tau[0] + torch.sin(0.25 * angle) * tau[1]) / torch.sin(angle)
    torch.testing.assert_close(path.at(0.25)["w"], expected)


def test_slerp_of_parallel_weights_is_the_straight_line(rng):
    a = weights(rng)
    b = {name: 2 * value if name != "n" else value for name, value in a.items()}
    for method in (Slerp(), Slerp(per_tensor=True)):
        torch.testing.assert_close(CheckpointPath([a, b], method=method).at(0.25)["w"], 1.25 * a["w"])


def test_slerp_from_a_zero_vector_is_the_straight_line(rng):
    a, b = {"w": torch.zeros(3)}, {"w": tensor(rng, 3)}
    torch.testing.assert_close(CheckpointPath([a, b], method="slerp").at(0.25)["w"], b["w"] / 4)


@pytest.mark.parametrize(("per_tensor", "what"), [(False, "the two"), (True, "`w` of the two")])
def test_slerp_of_opposite_weights_is_an_error_and_not_zero(rng, per_tensor, what):
    a = {"w": tensor(rng, 4)}
    path = CheckpointPath([a, {"w": -a["w"]}], method=Slerp(per_tensor=per_tensor))
    with pytest.raises(IncompatibleError, match=f"{what} checkpoints are opposite"):
        path.at(0.5)
    assert torch.equal(path.at(1)["w"], -a["w"])


def test_task_arithmetic_adds_negates_and_is_exact_at_the_checkpoints(rng):
    a, b, base = (weights(rng) for _ in range(3))
    path = CheckpointPath({"a": a, "b": b}, method="task-arithmetic", base=base, bounds=(-1, 2))
    expected = base["w"] + 2 * (a["w"] - base["w"]) - (b["w"] - base["w"])
    torch.testing.assert_close(path.at({"a": 2, "b": -1})["w"], expected)
    for point, state in {(0, 0): base, (1, 0): a, (0, 1): b}.items():
        assert torch.equal(path.at(point)["w"], state["w"])


def test_ties_with_everything_kept_and_equal_signs_is_the_mean(rng):
    base = {"w": tensor(rng, 6)}
    a, b = ({"w": base["w"] + tensor(rng, 6).abs()} for _ in range(2))
    path = CheckpointPath([a, b], method=Ties(density=1.0), base=base)
    torch.testing.assert_close(path.at((1, 1))["w"], (a["w"] + b["w"]) / 2)
    tau = [state["w"] - base["w"] for state in (a, b)]
    torch.testing.assert_close(path.at((0.4, 0.8))["w"], base["w"] + (0.4 * tau[0] + 0.8 * tau[1]) / 2)


def test_ties_trims_elects_and_averages_those_that_agree():
    base = {"w": torch.zeros(4)}
    a, b = {"w": torch.tensor([4.0, 3, -1, 0.5])}, {"w": torch.tensor([-3.0, 5, 2, 0.1])}
    path = CheckpointPath([a, b], method=Ties(density=0.75), base=base, bounds=(-1, 1))
    # 0.5 and 0.1 are trimmed; a wins the first weight, both share the second, b wins the third.
    assert path.at((1, 1))["w"].tolist() == [4, 4, 2, 0]
    assert path.at((0.5, -1))["w"].tolist() == [2, (1.5 - 5) / 2, -2, 0]


@pytest.mark.filterwarnings("ignore:The density")
@pytest.mark.parametrize("density", [0.2, 0.6, 1.0])
def test_ties_agrees_with_peft_on_task_vectors(rng, density):
    a, b, base = (weights(rng) for _ in range(3))
    path = CheckpointPath([a, b], method=Ties(density=density), base=base)
    tau = [state["w"] - base["w"] for state in (a, b)]
    expected = base["w"] + peft_ties(tau, torch.tensor([0.7, 0.4]), density)
    torch.testing.assert_close(path.at((0.7, 0.4))["w"], expected)


def test_dare_keeps_its_masks_along_the_path(rng):
    a, b, base = (weights(rng) for _ in range(3))
    path = CheckpointPath({"a": a, "b": b}, method=Dare(density=0.4, seed=3), base=base)
    moved = {t: path.at((t, 0))["w"] - base["w"] for t in (0.25, 0.5, 1.0)}
    assert 0 < (moved[1.0] != 0).float().mean() < 1
    for t, change in moved.items():
        torch.testing.assert_close(change, t * moved[1.0])
    kept = moved[1.0] != 0
    torch.testing.assert_close(moved[1.0][kept], (a["w"] - base["w"])[kept] / 0.4)


def test_dare_masks_depend_on_seed_checkpoint_and_tensor_only(rng, monkeypatch):
    a, b, base = ({"w": tensor(rng, 40), "v": tensor(rng, 40)} for _ in range(3))

    def masks(seed, names=("a", "b"), order=("w", "v")):
        states = [{key: state[key] for key in order} for state in (a, b, base)]
        path = CheckpointPath(dict(zip(names, states[:2], strict=True)), method=Dare(seed=seed), base=states[2])
        at = [path.at(point) for point in ((1, 0), (0, 1))]
        return {(i, key): tuple((one[key] != base[key]).tolist()) for i, one in enumerate(at) for key in "wv"}

    assert masks(0) == masks(0) == masks(0, order=("v", "w"))
    assert len(set(masks(0).values()) | set(masks(1).values())) == 8
    assert masks(0, names=("a", "c"))[0, "w"] == masks(0)[0, "w"]
    expected = masks(0)
    monkeypatch.setattr("continuum.models.weights.arithmetic._BLOCK", 3)
    assert masks(0) == expected


def test_dare_keeps_the_share_it_is_asked_for(rng):
    base, a = {"w": torch.zeros(100_000)}, {"w": torch.ones(100_000)}
    found = CheckpointPath({"a": a}, method=Dare(density=0.3), base=base).at(1)["w"]
    # Binomial: five standard errors of the share, and the mean is unbiased.
    assert abs((found != 0).float().mean() - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 100_000)
    assert abs(found.mean() - 1) < 5 * math.sqrt(0.7 / 0.3 / 100_000)


def test_dare_is_task_arithmetic_if_all_is_kept_and_the_base_if_nothing_is(rng):
    a, b, base = (weights(rng) for _ in range(3))
    task = CheckpointPath([a, b], method="task-arithmetic", base=base)
    everything = CheckpointPath([a, b], method=Dare(density=1.0), base=base)
    torch.testing.assert_close(everything.at((0.3, 0.6))["w"], task.at((0.3, 0.6))["w"])
    nothing = CheckpointPath([a, b], method=Dare(density=0.0), base=base)
    assert torch.equal(nothing.at((0.3, 0.6))["w"], base["w"])


def test_model_stock_of_orthogonal_task_vectors_is_the_base():
    base = {"w": torch.tensor([1.0, 1, 1])}
    a, b = {"w": torch.tensor([2.0, 1, 1])}, {"w": torch.tensor([1.0, 3, 1])}
    path = CheckpointPath([a, b], method="model-stock", base=base)
    torch.testing.assert_close(path.at(1)["w"], base["w"])


def test_model_stock_of_equal_task_vectors_is_their_checkpoint(rng):
    a, base = weights(rng), weights(rng)
    path = CheckpointPath([a, {name: value.clone() for name, value in a.items()}], method="model-stock", base=base)
    torch.testing.assert_close(path.at(1)["w"], a["w"])


def test_model_stock_has_the_ratio_of_the_paper():
    base = {"w": torch.zeros(2)}
    states = [{"w": torch.tensor([1.0, 0])}, {"w": torch.tensor([1.0, 1])}, {"w": torch.tensor([0.0, 1])}]
    cosine = (1 / math.sqrt(2) + 0 + 1 / math.sqrt(2)) / 3
    ratio = 3 * cosine / (1 + 2 * cosine)
    path = CheckpointPath(states, method="model-stock", base=base)
    torch.testing.assert_close(path.at(1)["w"], ratio * torch.tensor([2 / 3, 2 / 3]))
    torch.testing.assert_close(path.at(0.5)["w"], ratio * torch.tensor([1 / 3, 1 / 3]))


def test_model_stock_survives_opposite_and_zero_task_vectors(rng):
    base = {"w": tensor(rng, 3)}
    opposite = [{"w": base["w"] + 1}, {"w": base["w"] - 1}]
    idle = [{"w": base["w"] + 1}, {"w": base["w"].clone()}]
    for states in (opposite, idle):
        torch.testing.assert_close(CheckpointPath(states, method="model-stock", base=base).at(1)["w"], base["w"])


def test_methods_refuse_what_does_not_fit_them(rng):
    a, b, base = (weights(rng) for _ in range(3))
    for method in ("task-arithmetic", "ties", "dare", "model-stock"):
        with pytest.raises(InvalidInputError, match="pass `base=`"):
            CheckpointPath([a, b], method=method)
    with pytest.raises(InvalidInputError, match="cancel a base out"):
        CheckpointPath([a, b], base=base)
    with pytest.raises(InvalidInputError, match="slerp has two ends, got 3"):
        CheckpointPath([a, b, base], method="slerp")
    with pytest.raises(InvalidInputError, match="two checkpoints or more"):
        CheckpointPath([a])
    with pytest.raises(InvalidInputError, match="angle of two"):
        CheckpointPath([a], method="model-stock", base=base)
    with pytest.raises(InvalidInputError, match="are a simplex"):
        CheckpointPath([a, b, base], bounds=(-1, 1))
    with pytest.raises(InvalidInputError, match="`method` must be one of"):
        CheckpointPath([a, b], method="average")
    with pytest.raises(InvalidInputError, match="density"):
        Ties(density=0)
    with pytest.raises(InvalidInputError, match="density"):
        Dare(density=1.1)
    with pytest.raises(InvalidInputError, match="seed"):
        Dare(seed=-1)


@pytest.mark.parametrize("method", ["slerp", "model-stock"])
def test_checkpoints_in_memory_are_merged_as_they_are_now(method, rng):
    states = [{"w": torch.as_tensor(rng.normal(size=(3, 3)))} for _ in range(2)]
    base = {"w": torch.as_tensor(rng.normal(size=(3, 3)))}
    path = CheckpointPath(states, method=method, base=base)
    path.at(0.5)
    states[0]["w"].copy_(torch.as_tensor(rng.normal(size=(3, 3))))
    assert torch.equal(path.at(0.5)["w"], CheckpointPath(states, method=method, base=base).at(0.5)["w"])
