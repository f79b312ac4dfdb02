"""Laws of weight paths, checks A to J: exact ends, closed forms, gauges, rows, gradients, and nothing left behind."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from adapted import KINDS, adapted
from peft import LoraConfig, PeftModel
from tiny import tiny_llama

from continuum.core import DomainError, IncompatibleError, InvalidInputError, LeaseError, Product
from continuum.models import WeightPath
from continuum.models.weights import Combination, Spherical, ThroughBase, read_adapters
from continuum.models.weights.identity import digest_of

BACKENDS = ["scale", "gate", "merged"]
RUNTIME = ["scale", "gate"]
KIND = pytest.mark.parametrize("kind", KINDS)
BACKEND = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture
def ids(rng):
    return torch.as_tensor(rng.integers(2, 64, size=(4, 7)))


@torch.no_grad()
def logits(model, ids):
    return model(input_ids=ids).logits


def alone(model, adapter, ids):
    """What PEFT itself computes with one adapter."""
    before = model.active_adapter
    model.set_adapter(adapter)
    try:
        return logits(model, ids)
    finally:
        model.set_adapter(before)


def base_logits(model, ids):
    with model.disable_adapter():
        return logits(model, ids)


def leased(path, point, ids):
    with path.lease(point) as model:
        return logits(model, ids)


def path_of(kind="plain", backend="scale", **options):
    return WeightPath.from_adapters(adapted(kind), plus="pos", minus="neg", backend=backend, **options)


# A. Ends


@KIND
def test_a_at_the_ends_the_scales_are_bit_for_bit_the_adapters_alone(kind, ids):
    path = path_of(kind)
    assert torch.equal(leased(path, 1, ids), alone(path.model, "pos", ids))
    assert torch.equal(leased(path, 0, ids), alone(path.model, "neg", ids))


@KIND
@pytest.mark.parametrize("backend", ["gate", "merged"])
def test_a_at_the_ends_the_other_back_ends_are_the_adapters_up_to_rounding(kind, backend, ids):
    path = path_of(kind, backend)
    for point, adapter in ((1, "pos"), (0, "neg")):
        expected = alone(path.model, adapter, ids)
        torch.testing.assert_close(leased(path, point, ids), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


@BACKEND
def test_a_without_coefficients_it_is_bit_for_bit_the_base(backend, ids):
    model = adapted()
    path = WeightPath(model, ("pos", "neg"), Combination(Product(pos=_wide("pos"), neg=_wide("neg"))), backend)
    assert torch.equal(leased(path, (0, 0), ids), base_logits(model, ids))


def _wide(axis):
    from continuum import Interval

    return Interval(-2, 2, axis=axis)


@KIND
@BACKEND
@pytest.mark.parametrize("alpha", [-1.0, 0.3, 2.0])
def test_all_back_ends_and_the_independent_model_agree_with_the_formula(kind, backend, alpha, ids):
    path = path_of(kind, backend, bounds=(-1, 2))
    expected = logits(by_formula(path.model, alpha), ids)
    bound = 2e-5 * expected.abs().max().item()
    torch.testing.assert_close(leased(path, alpha, ids), expected, rtol=0, atol=bound)
    torch.testing.assert_close(logits(path.at(alpha), ids), expected, rtol=0, atol=bound)


def by_formula(model, alpha):
    """A plain model whose weights are added up one by one, in float64, from what PEFT says that a change is."""
    plain = copy.deepcopy(model)
    changes = {
        name: [
            (c, layer.get_delta_weight(adapter).double())
            for c, adapter in ((alpha, "pos"), (1 - alpha, "neg"))
            if adapter in layer.scaling
        ]
        for name, layer in plain.get_base_model().named_modules()
        if hasattr(layer, "get_delta_weight")
    }
    for name, found in changes.items():
        weight = plain.get_base_model().get_submodule(name).get_base_layer().weight
        weight.data = (weight.double() + sum(c * change for c, change in found)).to(weight.dtype)
    return plain.unload().eval()


# B, C. Algebra


@KIND
def test_b_changes_add_up_and_extrapolate(kind):
    path = path_of(kind, bounds=(-2, 3))
    at = {alpha: weights(path.at(alpha)) for alpha in (-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0)}
    for name in at[0.0]:
        minus, plus = at[0.0][name], at[1.0][name]
        for alpha, expected in ((-1.0, 2 * minus - plus), (2.0, 2 * plus - minus), (0.5, (minus + plus) / 2)):
            torch.testing.assert_close(at[alpha][name], expected, rtol=0, atol=1e-5)
        torch.testing.assert_close((at[0.25][name] + at[0.75][name]) / 2, at[0.5][name], rtol=0, atol=1e-6)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@BACKEND
def test_c_two_projections_of_rank_one_are_not_their_averaged_factors(backend):
    # B1 = e1, A1 = e1', B2 = e2, A2 = e2': the mean of the changes is diag(1/2, 1/2), of rank 2. Averaged factors give
    # a matrix of rank 1 with all four entries 1/2.
    model = adapted()
    for layer in lora_modules(model):
        for place, adapter in enumerate(("pos", "neg")):
            layer.lora_A[adapter].weight.data.zero_()[0, place] = 1
            layer.lora_B[adapter].weight.data.zero_()[place, 0] = 1
            layer.lora_alpha[adapter] = layer.r[adapter]
        layer.get_base_layer().weight.data.zero_()
    path = WeightPath.from_adapters(model, plus="pos", minus="neg", backend=backend)
    layer = next(lora_modules(model))
    with path.lease(0.5):
        applied = layer(torch.eye(layer.in_features)[None])[0].T
    expected = torch.zeros_like(applied)
    expected[0, 0] = expected[1, 1] = 0.5
    torch.testing.assert_close(applied, expected, rtol=0, atol=1e-7)


def lora_modules(model):
    return (m for m in model.modules() if hasattr(m, "lora_A") and len(m.lora_A))


@pytest.mark.parametrize("backend", RUNTIME)
def test_c_a_linear_model_is_affine_in_alpha(backend, rng):
    path = path_of(backend=backend, bounds=(-1, 2))
    layer = next(lora_modules(path.model))
    x = torch.as_tensor(rng.normal(size=(1, 5, layer.in_features)), dtype=torch.float32)
    values = []
    for alpha in (-1.0, 0.0, 1.0, 2.0):
        with path.lease(alpha):
            values.append(layer(x).detach())
    second = [values[i] - 2 * values[i + 1] + values[i + 2] for i in (0, 1)]
    assert max(float(d.abs().max()) for d in second) < 1e-5


# D. Gauges


@BACKEND
def test_d_factors_of_another_gauge_are_the_same_model(backend, rng, ids):
    path = path_of(backend=backend)
    before = leased(path, 0.3, ids)
    turned = path_of(backend=backend)
    for layer in lora_modules(turned.model):
        r = layer.r["neg"]
        turn = torch.as_tensor(rng.normal(size=(r, r)) + 3 * np.eye(r), dtype=torch.float32)
        layer.lora_A["neg"].weight.data = torch.linalg.solve(turn, layer.lora_A["neg"].weight.data)
        layer.lora_B["neg"].weight.data = layer.lora_B["neg"].weight.data @ turn
    torch.testing.assert_close(leased(turned, 0.3, ids), before, rtol=0, atol=1e-4 * before.abs().max().item())


def test_d_averaged_factors_depend_on_the_gauge_and_are_off_by_their_cross_terms(ids):
    # Why PEFT's combination "linear" is not used: a sign flipped in both factors changes nothing but its result.
    found = []
    for sign in (1, -1):
        model = adapted()
        for layer in lora_modules(model):
            layer.lora_A["neg"].weight.data *= sign
            layer.lora_B["neg"].weight.data *= sign
        model.add_weighted_adapter(["pos", "neg"], [0.5, 0.5], "mixed", combination_type="linear")
        exact = leased(WeightPath.from_adapters(model, plus="pos", minus="neg"), 0.5, ids)
        found.append((alone(model, "mixed", ids) - exact).abs().max().item() / exact.abs().max().item())
    assert min(found) > 0.05
    assert abs(found[0] - found[1]) > 0.01


# E. Rows


ROWS = [0.0, 0.3, 0.7, 1.0]


@KIND
@pytest.mark.parametrize("backend", RUNTIME)
def test_e_each_row_of_a_batch_is_the_model_of_its_own_point(kind, backend, ids):
    path = path_of(kind, backend)
    with path.lease_rows(ROWS) as model:
        together = logits(model, ids)
    for row, alpha in enumerate(ROWS):
        single = leased(path, alpha, ids[row : row + 1])[0]
        torch.testing.assert_close(together[row], single, rtol=0, atol=1e-5 * single.abs().max().item())


GENERATION = [
    {"do_sample": False},
    {"do_sample": False, "num_beams": 3},
    {"do_sample": False, "num_beams": 4, "num_return_sequences": 2},
]


@pytest.mark.parametrize("backend", RUNTIME)
@pytest.mark.parametrize("how", GENERATION, ids=["greedy", "beams", "several"])
def test_e_generation_follows_its_rows(backend, how, ids):
    path = path_of(backend=backend)
    mask = torch.ones_like(ids)
    mask[0, :3] = 0  # padding on the left
    options = {"attention_mask": mask, "max_new_tokens": 6, **how}
    with path.lease_rows(ROWS) as model:
        together = model.generate(input_ids=ids, **options)
    n = how.get("num_return_sequences", 1)
    for row, alpha in enumerate(ROWS):
        part = slice(row, row + 1)
        single = path.at(alpha).generate(input_ids=ids[part], **options | {"attention_mask": mask[part]})
        got = together[row * n : (row + 1) * n]
        length = single.shape[1]  # shorter where all sequences of a row have ended
        assert torch.equal(got[:, :length], single)
        assert bool((got[:, length:] == 0).all())


@pytest.mark.parametrize("backend", RUNTIME)
def test_e_sampled_sequences_of_one_prompt_have_the_coefficients_of_its_row(backend, ids):
    path = path_of(backend=backend)
    options = {"attention_mask": torch.ones_like(ids[:1]), "max_new_tokens": 5, "do_sample": True}
    torch.manual_seed(0)
    with path.lease_rows([0.4]) as model:
        several = model.generate(input_ids=ids[:1], num_return_sequences=4, **options)
    torch.manual_seed(0)
    assert torch.equal(several, path.at(0.4).generate(input_ids=ids[:1], num_return_sequences=4, **options))


@pytest.mark.parametrize("backend", RUNTIME)
def test_e_a_schedule_is_the_model_of_the_moment_for_each_token(backend, rng):
    # One layer: a token's output depends on its own coefficients, and on earlier ones through keys and values only.
    path = path_of(backend=backend)
    layer = next(lora_modules(path.model))
    schedule = torch.tensor([[0.0, 0.2, 0.9], [1.0, 0.5, 0.1]])[..., None]
    x = torch.as_tensor(rng.normal(size=(2, 5, layer.in_features)), dtype=torch.float32)
    seen = {}
    with path.lease_rows(schedule) as model, torch.no_grad():
        handle = layer.register_forward_hook(lambda module, inputs, output: seen.update(x=inputs[0], y=output))
        model(inputs_embeds=x)
        handle.remove()
    for row in (0, 1):
        for token in range(5):
            alpha = schedule[row, min(token, 2), 0].item()  # held beyond its end
            with path.lease(alpha), torch.no_grad():
                expected = layer(seen["x"][row : row + 1, token : token + 1])
            torch.testing.assert_close(seen["y"][row, token], expected[0, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("backend", RUNTIME)
def test_e_a_constant_schedule_is_the_point_also_with_a_cache(backend, ids):
    path = path_of(backend=backend)
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 6, "do_sample": False}
    with path.lease_rows(torch.full((4, 2, 1), 0.6)) as model:
        followed = model.generate(input_ids=ids, **options)
    with path.lease(0.6) as model:
        assert torch.equal(followed, model.generate(input_ids=ids, **options))


@pytest.mark.parametrize("backend", RUNTIME)
def test_e_a_schedule_reaches_the_tokens_that_are_generated(backend, ids):
    path = path_of(backend=backend)
    switched = torch.cat([torch.zeros(4, ids.shape[1]), torch.ones(4, 1)], 1)[..., None]  # another model from then on
    with path.lease_rows(switched) as model:
        first = logits(model, ids)[:, -1].argmax(-1)
        options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 2, "do_sample": False}
        generated = model.generate(input_ids=ids, **options)
    assert torch.equal(generated[:, ids.shape[1]], first)
    cache_of_minus = leased(path, 0, ids)
    assert torch.equal(cache_of_minus[:, -1].argmax(-1), first)
    with path.lease(0) as model, torch.no_grad():
        past = model(input_ids=ids, use_cache=True).past_key_values
    with path.lease(1) as model, torch.no_grad():
        second = model(input_ids=first[:, None], past_key_values=past).logits[:, -1].argmax(-1)
    assert torch.equal(generated[:, ids.shape[1] + 1], second)


@pytest.mark.parametrize(
    "points", [[0.0, 0.25, 0.5, 1.0], np.array([0, 0.25, 0.5, 1]), np.float32([[0], [0.25], [0.5], [1]])]
)
def test_e_rows_can_be_a_list_or_an_array(points, ids):
    path = path_of()
    with path.lease_rows(torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64)) as model:
        expected = logits(model, ids)
    with path.lease_rows(points) as model:
        assert torch.equal(logits(model, ids), expected)


@pytest.mark.parametrize("backend", RUNTIME)
def test_e_another_number_of_rows_is_refused(backend, ids):
    path = path_of(backend=backend)
    with path.lease_rows([0.3]) as model:
        with pytest.raises(IncompatibleError, match="1 rows of coefficients were given for a batch of 4 rows"):
            model(input_ids=ids)
        with pytest.raises(IncompatibleError, match="for 4 prompts"):
            model.generate(input_ids=ids, max_new_tokens=1)
    assert "generate" not in path.model.get_base_model().__dict__


class Flattened(torch.nn.Module):
    """Tokens of all rows in one list, as a mixture of experts has them."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.flatten(0, 1)).unflatten(0, x.shape[:2])


@pytest.mark.parametrize("backend", RUNTIME)
def test_e_a_layer_that_does_not_see_the_rows_is_refused(backend, ids):
    path = path_of(backend=backend)
    block = path.model.get_base_model().model.layers[0].self_attn
    block.q_proj = Flattened(block.q_proj)
    with path.lease_rows(ROWS) as model, pytest.raises(IncompatibleError, match="not the 4 rows of the batch"):
        model(input_ids=ids)


def test_merged_weights_have_no_rows_and_no_gradient():
    path = path_of(backend="merged")
    with pytest.raises(IncompatibleError, match="use backend='scale' or 'gate'"), path.lease_rows([0.0]):
        pass
    alpha = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(IncompatibleError, match="without a gradient"), path.lease(alpha) as model:
        model(input_ids=torch.ones(1, 2, dtype=torch.long))


# G, H. Nothing is left behind


def state(model):
    """Everything that a lease could leave behind."""
    modules = {
        name: (module.training, getattr(module, "_active_adapter", None), getattr(module, "_disable_adapters", None))
        for name, module in model.named_modules()
    }
    scales = {name: dict(m.scaling) for name, m in model.named_modules() if hasattr(m, "lora_A")}
    hooks = {name: (len(m._forward_hooks), len(m._forward_pre_hooks)) for name, m in model.named_modules()}
    grads = {name: p.requires_grad for name, p in model.named_parameters()}
    return modules, scales, hooks, grads, digest_of("", model.state_dict().items())


@BACKEND
def test_g_a_lease_restores_everything_also_after_an_exception(backend, ids):
    path = path_of(backend=backend)
    path.model.train()
    path.model.get_base_model().lm_head.eval()
    before = state(path.model)
    with path.lease(0.3) as model:
        assert not any(module.training for module in model.modules())
    assert state(path.model) == before
    with pytest.raises(RuntimeError, match="in between"), path.lease(0.7):
        raise RuntimeError("in between")
    assert state(path.model) == before
    if backend != "merged":
        with pytest.raises(RuntimeError, match="in between"), path.lease_rows([0.2, 0.9]):
            raise RuntimeError("in between")
        assert state(path.model) == before


@BACKEND
def test_g_a_thousand_moves_and_back_are_bit_for_bit_the_same(backend, ids, rng):
    path = path_of(backend=backend, bounds=(-1, 2))
    before, digest = leased(path, 0.3, ids), digest_of("", path.model.state_dict().items())
    with path.lease(0) as model:
        for alpha in rng.uniform(-1, 2, size=1000):
            path.switch(alpha)
        path.switch(0.3)
        assert torch.equal(logits(model, ids), before)
    assert digest_of("", path.model.state_dict().items()) == digest


@BACKEND
def test_g_other_adapters_of_the_model_stay_out_and_come_back(backend, ids):
    model = adapted(names=("pos", "neg", "other"))
    model.set_adapter("other")
    reference = leased(path_of(backend=backend), 0.4, ids)
    before = state(model)
    path = WeightPath.from_adapters(model, plus="pos", minus="neg", backend=backend)
    torch.testing.assert_close(leased(path, 0.4, ids), reference, rtol=0, atol=1e-5)
    torch.testing.assert_close(logits(path.at(0.4), ids), reference, rtol=0, atol=1e-4)
    assert state(model) == before


@BACKEND
def test_h_scales_that_were_set_before_do_not_leak(backend, ids):
    reference = leased(path_of(backend=backend), 0.3, ids)
    model = adapted()
    for layer in lora_modules(model):
        layer.set_scale("pos", 0.25)
    path = WeightPath.from_adapters(model, plus="pos", minus="neg", backend=backend)
    assert torch.equal(leased(path, 0.3, ids), reference)
    assert next(lora_modules(model)).scaling["pos"] == 0.25 * 6 / 4


@BACKEND
def test_h_moving_twice_takes_effect(backend, ids):
    path = path_of(backend=backend)
    with path.lease(0.2) as model:
        first = logits(model, ids)
        path.switch(0.9)
        second = logits(model, ids)
    assert torch.equal(first, leased(path, 0.2, ids))
    assert torch.equal(second, leased(path, 0.9, ids))
    assert not torch.equal(first, second)


@BACKEND
def test_two_borrowers_of_one_model_are_refused(backend):
    path = path_of(backend=backend)
    other = WeightPath.from_adapters(path.model, plus="neg", minus="pos")
    with path.lease(0.1), pytest.raises(LeaseError, match="lent out already"), other.lease(0.2):
        pass
    with pytest.raises(LeaseError, match=r"within `with path\.lease"):
        path.switch(0.5)


def test_what_at_returns_is_independent_and_plain(ids):
    path = path_of()
    value = path.at(0.3)
    assert type(value) is type(tiny_llama())
    assert set(value.state_dict()) == set(tiny_llama().state_dict())
    before = logits(path.at(0.3), ids)
    for parameter in value.parameters():
        parameter.data.zero_()
    assert torch.equal(logits(path.at(0.3), ids), before)


# bfloat16


@pytest.mark.parametrize("alpha", [0.3, -0.5])
def test_low_precision_weights_are_summed_in_float32_and_rounded_once(alpha):
    path = WeightPath.from_adapters(adapted(dtype=torch.bfloat16), plus="pos", minus="neg", bounds=(-1, 2))
    value = path.at(alpha).get_submodule("model.layers.0.self_attn.q_proj").weight
    layer = next(lora_modules(path.model))
    pos, neg = read_adapters(path.model, ("pos", "neg"))
    changes = [
        c * adapter.factors["model.layers.0.self_attn.q_proj"].dense for c, adapter in ((alpha, pos), (1 - alpha, neg))
    ]
    exact = layer.get_base_layer().weight.double() + sum(change.double() for change in changes)
    assert value.dtype == torch.bfloat16
    differs = value != exact.to(torch.bfloat16)  # only where float32 is on the other side of a tie
    assert float(differs.float().mean()) < 1e-2


@pytest.mark.parametrize("backend", RUNTIME)
def test_rows_of_a_low_precision_model_are_near_its_points(backend, ids):
    path = WeightPath.from_adapters(adapted(dtype=torch.bfloat16), plus="pos", minus="neg", backend=backend)
    with path.lease_rows(ROWS) as model:
        together = logits(model, ids)
    assert together.dtype == torch.bfloat16
    for row, alpha in enumerate(ROWS):
        single = leased(path, alpha, ids[row : row + 1])[0]
        torch.testing.assert_close(together[row], single, rtol=0, atol=0.05 * single.abs().max().item())


# I. Several attributes

FOUR = ("pos", "neg", "formal", "plain")
PAIRS = {"sentiment": ("pos", "neg"), "register": ("formal", "plain")}


def several(backend="scale"):
    return WeightPath.from_adapters(adapted(names=FOUR), attributes=PAIRS, backend=backend)


def mixed(sentiment, register, share):
    return {
        "alpha": {"sentiment": sentiment, "register": register},
        "lambda": {"sentiment": share, "register": 1 - share},
    }


def test_i_coefficients_are_the_nested_interpolation():
    path = several()
    assert path.domain.axes == ("alpha.sentiment", "alpha.register", "lambda.sentiment", "lambda.register")
    np.testing.assert_allclose(path.coefficients(mixed(0.2, 0.7, 0.4)), [0.08, 0.32, 0.42, 0.18], atol=1e-15)


@BACKEND
def test_i_one_attribute_alone_is_its_own_path(backend, ids):
    path = several(backend)
    single = WeightPath.from_adapters(path.model, plus="pos", minus="neg", backend=backend)
    expected = leased(single, 0.3, ids)
    torch.testing.assert_close(leased(path, mixed(0.3, 0.9, 1.0), ids), expected, rtol=0, atol=1e-5)


def test_i_shares_that_do_not_sum_to_one_are_refused():
    with pytest.raises(DomainError, match="must sum to 1"):
        several().coefficients((0.5, 0.5, 0.7, 0.7))


@pytest.mark.parametrize("backend", RUNTIME)
def test_i_attributes_in_another_order_are_the_same_model(backend, ids):
    expected = leased(several(backend), mixed(0.2, 0.7, 0.4), ids)
    turned = WeightPath.from_adapters(adapted(names=FOUR), attributes=dict(reversed(PAIRS.items())), backend=backend)
    torch.testing.assert_close(leased(turned, mixed(0.2, 0.7, 0.4), ids), expected, rtol=0, atol=1e-5)


# Other coordinates


def test_through_the_base_the_middle_is_the_base(ids):
    model = adapted()
    path = WeightPath(model, ("pos", "neg"), ThroughBase())
    assert torch.equal(leased(path, 0, ids), base_logits(model, ids))
    assert torch.equal(leased(path, -1, ids), alone(model, "neg", ids))
    np.testing.assert_allclose(path.coefficients(0.25), [0.25, 0])


def test_on_the_sphere_orthogonal_changes_keep_their_length():
    path = Spherical(cosine=0.0)
    for t in (0.0, 0.3, 0.5, 1.0):
        c = path.coefficients(torch.tensor([t], dtype=torch.float64))
        assert float(c.square().sum()) == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(path.coefficients(torch.tensor([0.5])).numpy(), [0.5**0.5] * 2, atol=1e-6)


def test_on_the_sphere_parallel_changes_give_the_line_and_opposite_ones_are_refused():
    line = Spherical(cosine=1.0).coefficients(torch.tensor([0.3], dtype=torch.float64))
    np.testing.assert_allclose(line.numpy(), [0.3, 0.7], atol=1e-12)
    with pytest.raises(IncompatibleError, match="opposite"):
        Spherical(cosine=-1.0)


# J. Gradients


@pytest.mark.parametrize("backend", RUNTIME)
def test_j_the_gradient_in_alpha_is_the_finite_difference(backend, ids):
    # GPT-2, since Llama computes its norms in float32 whatever its weights are.
    path = WeightPath.from_adapters(adapted("gpt2", dtype=torch.float64), plus="pos", minus="neg", backend=backend)

    def loss(alpha):
        with path.lease(alpha) as model:
            return model(input_ids=ids).logits.log_softmax(-1)[..., 3].mean()

    alpha = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    loss(alpha).backward()
    step = 1e-5
    with torch.no_grad():
        difference = float(loss(0.3 + step) - loss(0.3 - step)) / (2 * step)
    assert float(alpha.grad) == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("backend", RUNTIME)
def test_j_rows_have_gradients_of_their_own(backend, ids):
    path = path_of(backend=backend)
    alphas = torch.tensor(ROWS, requires_grad=True)
    with path.lease_rows(alphas) as model:
        model(input_ids=ids).logits[2].square().mean().backward()
    assert alphas.grad[2] != 0
    assert alphas.grad[[0, 1, 3]].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("backend", RUNTIME)
def test_j_alpha_can_be_learnt_within_one_lease(backend, ids):
    path = path_of(backend=backend)
    target = leased(path, 0.8, ids)
    alpha = torch.tensor(0.2, requires_grad=True)
    optimiser = torch.optim.Adam([alpha], lr=0.05)
    with path.lease(alpha) as model:
        for _ in range(80):
            optimiser.zero_grad()
            (model(input_ids=ids).logits - target).square().mean().backward()
            optimiser.step()
    assert float(alpha) == pytest.approx(0.8, abs=0.02)


# Identity and travel


def test_a_path_travels_and_keeps_its_identity(ids):
    path = path_of()
    expected = leased(path, 0.3, ids)
    there = pickle.loads(pickle.dumps(path))
    assert there.fingerprint == path.fingerprint
    assert torch.equal(leased(there, 0.3, ids), expected)
    next(lora_modules(there.model)).lora_A["pos"].weight.data += 1
    assert WeightPath.from_adapters(there.model, plus="pos", minus="neg").fingerprint != path.fingerprint


# Bad input


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"lora_bias": True}, "biases"),
        ({"bias": "lora_only"}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"target_modules": ["embed_tokens", "q_proj"]}, "embed_tokens"),
        ({"trainable_token_indices": [1, 2]}, "trainable_token_indices"),
        ({"init_lora_weights": "pissa"}, "moved the base weights"),
        ({"init_lora_weights": "olora"}, "moved the base weights"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_not_a_sum_of_low_rank_changes_is_refused_by_name(options, reason):
    model = adapted()
    model.add_adapter("strange", LoraConfig(**{"r": 4, "target_modules": ["q_proj"], **options}))
    with pytest.raises(IncompatibleError, match=f"(?s)strange.*{reason}|{reason}"):
        WeightPath.from_adapters(model, plus="strange", minus="neg")


def test_another_kind_of_adapter_is_refused_by_name():
    from peft import IA3Config, get_peft_model

    model = get_peft_model(
        tiny_llama(), IA3Config(target_modules=["k_proj"], feedforward_modules=[]), adapter_name="ia3"
    )
    model.add_adapter("other", IA3Config(target_modules=["k_proj"], feedforward_modules=[]))
    with pytest.raises(IncompatibleError, match="not LoRA"):
        WeightPath.from_adapters(model, plus="ia3", minus="other")


def test_an_adapter_with_nan_is_refused_since_it_would_poison_even_at_zero_weight():
    model = adapted()
    next(lora_modules(model)).lora_B["neg"].weight.data[0, 0] = float("nan")
    with pytest.raises(InvalidInputError, match=r"'neg' has NaN or infinite weights in `model\.layers\.0"):
        WeightPath.from_adapters(model, plus="pos", minus="neg")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"plus": "absent"}, Exception, "absent"),
        ({"plus": "neg"}, InvalidInputError, "different ones"),
        ({"minus": None}, InvalidInputError, "give either"),
        ({"backend": "magic"}, InvalidInputError, "must be one of"),
        ({"bounds": (1, 0)}, InvalidInputError, ""),
    ],
)
def test_what_makes_no_path_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        WeightPath.from_adapters(adapted(), **{"plus": "pos", "minus": "neg", **change})


def test_a_list_of_coefficients_that_is_too_short_is_refused():
    with pytest.raises(IncompatibleError, match="1 coefficients for 2 adapters"):
        WeightPath(adapted(), ("pos", "neg"), Combination(_wide("only")))


def test_points_outside_are_refused_also_as_rows_and_tensors():
    path = path_of()
    for ask in (
        lambda: path.at(1.5),
        lambda: path.lease(1.5).__enter__(),
        lambda: path.lease_rows([0.2, 1.5]).__enter__(),
        lambda: path.lease_rows(torch.tensor([0.2, float("nan")])).__enter__(),
        lambda: path.lease(torch.tensor(-0.5, requires_grad=True)).__enter__(),
    ):
        with pytest.raises(DomainError):
            ask()
    with pytest.raises(InvalidInputError, match="must be"), path.lease_rows(torch.zeros(2, 3)):
        pass


def test_a_merged_adapter_is_refused():
    model = adapted()
    model.merge_adapter()
    with pytest.raises(IncompatibleError, match="merged into"):
        WeightPath.from_adapters(model, plus="pos", minus="neg")


def test_a_model_without_adapters_is_refused_with_what_to_do():
    with pytest.raises((InvalidInputError, FileNotFoundError), match="adapter"):
        WeightPath.from_adapters(tiny_llama(), plus="pos", minus="neg")


def test_tied_weights_are_mixed_at_run_time_and_not_merged(ids):
    from tiny import tiny_gpt2

    model = _with_tied_head(tiny_gpt2())
    path = WeightPath.from_adapters(model, plus="pos", minus="neg")
    assert torch.equal(leased(path, 1, ids), alone(model, "pos", ids))
    with pytest.raises(IncompatibleError, match="tied"):
        path.at(0.5)


def _with_tied_head(base) -> PeftModel:
    from peft import get_peft_model

    config = LoraConfig(r=2, target_modules=["lm_head"], init_lora_weights=False)
    model = get_peft_model(base, config, adapter_name="pos")
    model.add_adapter("neg", config)
    return model.eval()
