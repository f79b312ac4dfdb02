"""Paths between checkpoints: their coordinates, their ends, and the models that they become."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny import tiny_gpt2, tiny_llama
from torch import nn

from continuum import Interval, Metric, Product, Simplex, evaluate
from continuum.core import DomainError, IncompatibleError, InvalidInputError, LeaseError, fingerprint
from continuum.models import CheckpointPath
from continuum.models.weights import Slerp

IDS = torch.arange(2, 12)[None]


def states(n, family=tiny_llama, **options):
    return [family(seed, **options).state_dict() for seed in range(n)]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_domain_follows_from_the_method_and_the_checkpoints():
    a, b, c = states(3)
    assert CheckpointPath([a, b]).domain == Interval()
    assert CheckpointPath([a, b], method="slerp", bounds=(-1, 2)).domain == Interval(-1, 2)
    assert CheckpointPath([a, b, c]).domain == Simplex(("checkpoint0", "checkpoint1", "checkpoint2"))
    assert CheckpointPath({"x": a}, method="task-arithmetic", base=b).domain == Interval(axis="x")
    two = CheckpointPath({"x": a, "y": b}, method="ties", base=c, bounds=(-1, 1)).domain
    assert two == Product(x=Interval(-1, 1, axis="x"), y=Interval(-1, 1, axis="y"))
    assert CheckpointPath([a, b], method="model-stock", base=c).domain == Interval()


def test_a_point_outside_is_refused():
    with pytest.raises(DomainError, match=r"t must lie in \[0, 1\]"):
        CheckpointPath(states(2)).at(1.1)


@pytest.mark.parametrize("method", ["linear", "slerp", "task-arithmetic"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_ends_are_copies_bit_by_bit_and_of_their_own(method, dtype):
    a, b, c = states(3, tiny_gpt2, dtype=dtype)
    a["transformer.ln_f.bias"][0] = float("nan")  # also this
    path = CheckpointPath({"a": a, "b": b}, method=method, base=c if method == "task-arithmetic" else None)
    sources = [c, a, b] if method == "task-arithmetic" else [a, b]
    for point, source in zip(sorted(path.endpoints, key=lambda p: (sum(p), p[::-1])), sources, strict=True):
        found = path.at(point)
        assert all(
            bytes(found[k].view(torch.uint8).numpy()) == bytes(source[k].view(torch.uint8).numpy()) for k in source
        )
        assert not {tensor.data_ptr() for tensor in found.values()} & {tensor.data_ptr() for tensor in source.values()}


def test_ends_outside_the_bounds_are_no_ends():
    path = CheckpointPath(states(2), bounds=(0.25, 1))
    assert tuple(path.endpoints) == ((1.0,),)


def test_names_of_tied_weights_stay_tied():
    value = CheckpointPath(states(2, tiny_gpt2)).at(0.3)
    assert value["lm_head.weight"] is value["transformer.wte.weight"]
    assert value.keys() == tiny_gpt2().state_dict().keys()


def test_files_and_state_dicts_give_one_path(tmp_path):
    models = [tiny_gpt2(seed) for seed in range(3)]
    for i, model in enumerate(models):
        model.save_pretrained(tmp_path / str(i), max_shard_size="30KB")
    stored = CheckpointPath([tmp_path / "0", str(tmp_path / "1"), tmp_path / "2"])
    memory = CheckpointPath([model.state_dict() for model in models])
    found, expected = stored.at((0.2, 0.3, 0.5)), memory.at((0.2, 0.3, 0.5))
    assert set(expected) - set(found) == {"lm_head.weight"}  # files hold what is tied once
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert fingerprint(stored) == fingerprint(memory)


def test_the_identity_follows_numbers_method_and_coordinates():
    a, b = states(2)
    one = {name: tensor.clone() for name, tensor in b.items()}
    one["lm_head.weight"][3, 5] += 1e-3
    paths = [
        CheckpointPath([a, b]),
        CheckpointPath([a, one]),
        CheckpointPath([b, a]),
        CheckpointPath([a, b], bounds=(-1, 1)),
        CheckpointPath([a, b], method="slerp"),
        CheckpointPath([a, b], method=Slerp(per_tensor=True)),
        CheckpointPath([a, b], method="slerp", base=one),
    ]
    assert len({fingerprint(path) for path in paths}) == len(paths)
    assert fingerprint(paths[0]) == fingerprint(CheckpointPath([states(2)[0], b]))


def test_asking_for_values_does_not_change_the_identity(tmp_path):
    save_file({"w": torch.zeros(2)}, tmp_path / "a.safetensors")
    save_file({"w": torch.ones(2)}, tmp_path / "b.safetensors")
    path = CheckpointPath([tmp_path / "a.safetensors", tmp_path / "b.safetensors"], method="slerp")
    before = fingerprint(path)
    path.at(0.5)
    assert fingerprint(path) == before == fingerprint(pickle.loads(pickle.dumps(path)))


def test_permuting_checkpoints_permutes_the_weights():
    named = dict(zip("abc", states(3), strict=True))
    point = {"a": 0.2, "b": 0.3, "c": 0.5}
    found = CheckpointPath(named).at(point)
    turned = CheckpointPath({name: named[name] for name in "cab"}).at(point)
    torch.testing.assert_close(found, turned)


def test_an_edge_of_the_simplex_is_the_path_of_its_ends():
    named = dict(zip("abc", states(3), strict=True))
    edge = CheckpointPath({name: named[name] for name in "ac"})
    assert same(CheckpointPath(named).at({"a": 0.7, "c": 0.3}), edge.at(0.3))


@pytest.mark.parametrize("family", [tiny_llama, tiny_gpt2])
def test_models_compute_what_their_weights_say(family):
    path = CheckpointPath(states(2, family))
    models = path.as_models(family(7))
    expected = family(8)
    expected.load_state_dict(path.at(0.3))
    with torch.no_grad():
        wanted = expected(IDS).logits
        assert torch.equal(models.at(0.3)(IDS).logits, wanted)
        with models.lease(0.3) as model:
            assert torch.equal(model(IDS).logits, wanted)


def test_a_lease_gives_the_model_back_bit_by_bit():
    model = tiny_gpt2(7).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    models = CheckpointPath(states(2, tiny_gpt2)).as_models(model)
    with models.lease(0.3) as lent:
        assert lent is model
        assert not lent.training
        assert not same(model.state_dict(), before)
    assert same(model.state_dict(), before)
    with pytest.raises(ZeroDivisionError), models.lease(0.3):
        raise ZeroDivisionError
    assert same(model.state_dict(), before)
    assert model.training
    assert model.lm_head.weight is model.transformer.wte.weight


def test_a_model_is_lent_once_at_a_time_and_copied_meanwhile():
    model, (a, b, c) = tiny_llama(7), states(3)
    one, other = CheckpointPath([a, b]).as_models(model), CheckpointPath([a, c]).as_models(model)
    expected = one.at(0.3).state_dict()
    with other.lease(0.5):
        with pytest.raises(LeaseError), one.lease(0.3):
            pass
        assert same(one.at(0.3).state_dict(), expected)


def test_what_is_tied_in_the_model_may_have_either_name_in_the_file(tmp_path):
    for seed in (0, 1):
        state = tiny_gpt2(seed).state_dict()
        del state["transformer.wte.weight"]  # as `safetensors.torch.save_model` chooses
        save_file(state, tmp_path / f"{seed}.safetensors")
    path = CheckpointPath([tmp_path / "0.safetensors", tmp_path / "1.safetensors"])
    model = path.as_models(tiny_gpt2(7)).at(1)
    assert torch.equal(model.transformer.wte.weight, tiny_gpt2(1).transformer.wte.weight)


def test_weights_that_do_not_fit_the_model_are_refused():
    path = CheckpointPath(states(2))
    with pytest.raises(
        IncompatibleError, match=r"do not fit the LlamaForCausalLM: only the checkpoint has model\.layers\.1"
    ):
        path.as_models(tiny_llama(layers=1))
    with pytest.raises(IncompatibleError, match="types differ"):
        path.as_models(tiny_llama(dtype=torch.bfloat16))


def test_batch_norm_counters_stay_integers():
    nets = [nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)) for _ in range(2)]
    for i, net in enumerate(nets):
        for _ in range(3 + i):
            net(torch.randn(4, 1, 5, 5, generator=torch.Generator().manual_seed(i)))
    path = CheckpointPath([net.state_dict() for net in nets])
    found = path.at(0.5)
    assert found["1.num_batches_tracked"].dtype == torch.int64
    assert found["1.num_batches_tracked"] == 3
    model = path.as_models(nets[0]).at(0.5)
    torch.testing.assert_close(model[1].running_mean, (nets[0][1].running_mean + nets[1][1].running_mean) / 2)


def test_a_single_state_dict_or_folder_is_no_list_of_checkpoints(tmp_path):
    with pytest.raises(InvalidInputError, match="one state dict"):
        CheckpointPath(states(1)[0])
    with pytest.raises(InvalidInputError, match="list or a mapping"):
        CheckpointPath(tmp_path)


def test_the_harness_measures_it_and_resumes(tmp_path):
    calls = []

    def norm(state):
        calls.append(1)
        return np.sqrt(sum(float(tensor.square().sum()) for tensor in state.values()))

    metric = Metric("norm", norm)
    first = evaluate(CheckpointPath(states(2)), metric, points=3, store=tmp_path / "runs.db", progress=False)
    assert len(first.frame) >= 3
    made = len(calls)
    evaluate(CheckpointPath(states(2)), metric, points=3, store=tmp_path / "runs.db", progress=False)
    assert len(calls) == made
