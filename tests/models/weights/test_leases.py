"""What a lease sees and what it forbids: adapters as they are now, one borrower, and rows that are the right ones."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from adapted import PLAIN, adapted
from peft import LoraConfig, PeftModel
from tiny import tiny_llama
from torch import nn

from continuum.core import IncompatibleError, LeaseError
from continuum.models import CheckpointPath, WeightPath, log_likelihoods, token_divergence
from continuum.models.lending import leased_rows
from continuum.models.weights import base_fingerprint
from continuum.models.weights.gate import Gate

BACKENDS = pytest.mark.parametrize("backend", ["scale", "gate", "merged"])
RUNTIME = pytest.mark.parametrize("backend", ["scale", "gate"])


@pytest.fixture
def ids(rng):
    return torch.as_tensor(rng.integers(2, 64, size=(3, 6)))


@torch.no_grad()
def leased(path, point, ids):
    with path.lease(point) as model:
        return model(input_ids=ids).logits


@torch.no_grad()
def built(path, point, ids):
    return path.at(point)(input_ids=ids).logits


def path_of(backend="scale", model=None):
    return WeightPath.from_adapters(model or adapted(), plus="pos", minus="neg", backend=backend)


# A lease is of the adapters as they are now


@BACKENDS
def test_adapters_that_were_trained_since_are_what_the_next_lease_has(backend, ids):
    path = path_of(backend)
    before, name = leased(path, 0.3, ids), path.fingerprint
    with torch.no_grad():
        for key, parameter in path.model.named_parameters():
            if ".pos." in key:
                parameter.mul_(1.5)
    assert not torch.equal(leased(path, 0.3, ids), before)
    torch.testing.assert_close(leased(path, 0.3, ids), built(path, 0.3, ids), rtol=1e-4, atol=1e-5)
    assert path.fingerprint != name


@BACKENDS
def test_an_adapter_that_was_deleted_since_is_refused_and_not_remembered(backend, ids):
    path = path_of(backend)
    leased(path, 0.3, ids)
    path.model.delete_adapter("neg")
    with pytest.raises(Exception, match="has no adapter 'neg'"), path.lease(0.3):
        pass


@BACKENDS
def test_a_model_that_changed_its_precision_is_lent_in_the_new_one(backend, ids):
    path = path_of(backend)
    leased(path, 0.3, ids)
    path.model.to(torch.float64)
    assert leased(path, 0.3, ids).dtype == torch.float64
    torch.testing.assert_close(leased(path, 0.3, ids), built(path, 0.3, ids), rtol=1e-4, atol=1e-5)


# Other adapters of the model, of any kind, stay out


OTHERS = {
    "whole modules": {"modules_to_save": ["lm_head"]},
    "a block of modules": {"modules_to_save": ["mlp"]},
    "tokens": {"trainable_token_indices": [3, 5]},
    "DoRA": {"use_dora": True},
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("family", ["plain", "gpt2"])  # with an untied head, and with a tied one
def test_another_adapter_that_trains_more_than_linear_layers_changes_nothing(kind, family, ids, tmp_path):
    if (kind, family) == ("whole modules", "gpt2"):
        pytest.skip("PEFT unties a tied head that it trains")
    alone, crowded = adapted(family), adapted(family)
    target = {"target_modules": ["c_attn"], "fan_in_fan_out": True} if family == "gpt2" else {}
    with torch.random.fork_rng(devices=[]):
        crowded.add_adapter("other", LoraConfig(**PLAIN | target | OTHERS[kind]))
    path, expected = path_of(model=crowded.eval()), path_of(model=alone)
    assert base_fingerprint(crowded) == base_fingerprint(alone)
    value, plain = path.at(0.3), expected.at(0.3)
    assert list(value.state_dict()) == list(plain.state_dict())
    assert (value.lm_head.weight is value.get_input_embeddings().weight) == (family == "gpt2")
    assert torch.equal(value(input_ids=ids).logits, plain(input_ids=ids).logits)
    assert torch.equal(leased(path, 0.3, ids), leased(expected, 0.3, ids))
    path.export(0.3, tmp_path / "model")
    loaded = type(value).from_pretrained(tmp_path / "model").eval()
    assert torch.equal(loaded(input_ids=ids).logits, value(input_ids=ids).logits)


# What a lease forbids


def test_two_wrappers_of_one_base_are_two_borrowers_of_one_model():
    path = path_of()
    twin = WeightPath(copy.copy(path.model), path.adapters, path.coordinates)
    assert twin.model is not path.model
    with path.lease(0.5), pytest.raises(LeaseError, match="lent out already"), twin.lease(0.5):
        pass


def test_the_base_of_a_weight_path_is_not_lent_to_a_path_of_its_weights_too():
    base = tiny_llama()
    soup = CheckpointPath([tiny_llama(seed=seed).state_dict() for seed in (1, 2)]).as_models(base)
    model = PeftModel(base, LoraConfig(**PLAIN), adapter_name="pos")
    model.add_adapter("neg", LoraConfig(**PLAIN))
    path = path_of(model=model)
    with path.lease(0.5), pytest.raises(LeaseError, match="lent out already"), soup.lease(0.5):
        pass


@BACKENDS
def test_nothing_is_copied_from_a_model_that_is_not_its_plain_self(backend, ids, tmp_path):
    path = path_of(backend)
    expected, name = built(path, 0.7, ids), path.fingerprint
    lease = path.lease(0.3) if backend == "merged" else path.lease_rows([0.1, 0.2, 0.3])
    with lease:
        for refused in (lambda: path.at(0.7), lambda: path.export(0.7, tmp_path / "x"), lambda: path.fingerprint):
            with pytest.raises(LeaseError, match="not its plain self"):
                refused()
        for refused in (lambda: pickle.dumps(path), lambda: copy.deepcopy(path)):
            with pytest.raises(LeaseError, match="cannot be copied or pickled"):
                refused()
    assert torch.equal(built(path, 0.7, ids), expected)
    assert path.fingerprint == name


@RUNTIME
def test_a_model_that_is_lent_at_a_point_can_be_copied(backend, ids):
    path = path_of(backend)
    expected, name = built(path, 0.7, ids), path.fingerprint
    with path.lease(0.3):
        assert torch.equal(built(path, 0.7, ids), expected)
        assert path.fingerprint == name


@RUNTIME
def test_a_lease_that_follows_a_tensor_is_not_switched(backend):
    path = path_of(backend)
    alpha = torch.tensor([0.3], requires_grad=True)
    for lease in (path.lease(alpha), path.lease_rows([0.1, 0.2])):
        with lease, pytest.raises(LeaseError, match="follows the points"):
            path.switch(0.5)


@BACKENDS
def test_modes_that_are_set_within_a_lease_do_not_outlive_it(backend):
    path = path_of(backend)
    path.model.train()
    path.model.base_model.model.model.layers[0].eval()
    modes = [module.training for module in path.model.modules()]
    with path.lease(0.5) as model:
        model.train()
    assert [module.training for module in path.model.modules()] == modes


# Rows


@RUNTIME
def test_the_backbone_alone_has_the_coefficients_of_its_rows_too(backend, ids):
    path, points = path_of(backend), [0.0, 0.4, 1.0]
    with torch.no_grad(), path.lease_rows(points) as model:
        backbone = model.get_base_model().model
        hidden = backbone(input_ids=ids).last_hidden_state
        turned = backbone(input_ids=ids.flip(0)).last_hidden_state
    for row, point in enumerate(points):
        with torch.no_grad():
            model = path.at(point)
            for found, tokens in ((hidden, ids), (turned, ids.flip(0))):
                expected = model.model(input_ids=tokens).last_hidden_state[row]
                torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)


@RUNTIME
def test_a_layer_that_is_called_by_itself_is_refused_as_its_rows_are_unknown(backend):
    with path_of(backend).lease_rows([0.1, 0.2]) as model:
        layer = model.get_base_model().model.layers[0].self_attn.q_proj
        with pytest.raises(LeaseError, match="called by itself"):
            layer(torch.zeros(2, 3, layer.in_features))


class _Words:
    """A tokenizer of numbers."""

    eos_token_id = 1

    def __call__(self, texts, **_):
        return {"input_ids": [[int(word) for word in text.split()] for text in texts]}


TEXTS = ["5 6 7 8 9", "4 3", "9 8 7"]


@RUNTIME
def test_each_text_is_measured_at_the_point_of_its_row(backend):
    path, points, words = path_of(backend), [0.0, 0.4, 1.0], _Words()
    with path.lease_rows(points) as model:
        found = log_likelihoods(model, words, TEXTS).sums
    expected = [log_likelihoods(path.at(t), words, [text]).sums[0] for t, text in zip(points, TEXTS, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_texts_that_would_not_meet_their_rows_are_refused():
    path, words = path_of(), _Words()
    with path.lease_rows([0.0, 0.4]) as model:
        with pytest.raises(IncompatibleError, match="each of 2 rows, but 3 texts"):
            log_likelihoods(model, words, TEXTS, batch_size=2)
        with pytest.raises(IncompatibleError, match="each of 2 rows, but 3 texts"):
            token_divergence(tiny_llama(), model, words, TEXTS, batch_size=2)
        with pytest.raises(IncompatibleError, match="in 2 batches"):
            log_likelihoods(model, words, TEXTS[:2], batch_size=1)
        assert leased_rows(nn.Sequential(nn.Identity(), model)) == 2
    assert leased_rows(path.model) is None


@pytest.mark.parametrize("layers", [1, 6])
def test_o_a_move_of_the_gate_is_one_write_however_deep_the_model_is(layers):
    model = PeftModel(tiny_llama(layers=layers), LoraConfig(**PLAIN), adapter_name="pos")
    model.add_adapter("neg", LoraConfig(**PLAIN))
    gate = Gate.of(model, ("pos", "neg"))
    assert len(gate.places) == 2 * layers
    assert len(gate.valves) == 1
