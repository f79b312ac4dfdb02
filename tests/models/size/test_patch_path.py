"""The path of sizes: levels, leases and switches, budgets, recipes, and what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest
import torch
import yaml
from families import CAUSAL, KEPT, gpt2, llama, pair, perturbed, teacher_of
from transformers import DynamicCache, StaticCache

from continuum.core import DomainError, IncompatibleError, InvalidInputError, LeaseError
from continuum.models import PatchPath, initialize_student
from continuum.models.size import EveryNth
from continuum.models.size.layout import Layout

TOKENS = torch.tensor([[5, 9, 41, 7, 8], [3, 60, 9, 11, 22]])


@torch.no_grad()
def says(model: Any) -> torch.Tensor:
    return model(input_ids=TOKENS).logits


def path_of(name: str = "llama", **options: Any) -> PatchPath:
    return PatchPath(*pair(name), **options)


def test_levels_are_fractions_of_the_parameters_that_are_added():
    path = path_of()  # blocks of 2, 1, 3 and 1 layers
    assert path.domain.values == pytest.approx((0, 2 / 3, 1))
    assert path.domain.values[0] == 0.0
    assert path.domain.values[-1] == 1.0
    assert dataclasses.replace(path, order="first_to_last").domain.values == pytest.approx((0, 1 / 3, 1))
    assert path.patched_at(0.6) == {2, 3}
    with pytest.raises(DomainError, match="t must lie in"):
        path.at(1.5)


def test_named_orders_go_up_and_down():
    path = path_of(order=[0, 2])
    assert path.orders["first_to_last"] == (0, 2)
    assert path.orders["last_to_first"] == (2, 0)
    assert path.slots == (0, 2)


def test_an_order_may_be_found_from_the_members():
    @dataclasses.dataclass(frozen=True)
    class Heaviest:
        def slots(self, members):
            grow = {slot: members.counts({slot}).inference for slot in members.layout.size_slots}
            return sorted(grow, key=lambda slot: -grow[slot])

    assert path_of(order=Heaviest()).slots == (2, 0)


@pytest.mark.parametrize("name", CAUSAL)
def test_leases_are_what_at_gives_and_copy_no_weights(name):
    path = path_of(name)
    known = {tensor.data_ptr() for model in (path.student, path.teacher) for tensor in model.parameters()}
    for t in path.domain.values:
        expected = path.at(t)
        assert not known & {tensor.data_ptr() for tensor in expected.parameters()}
        with path.lease(t) as model:
            assert torch.equal(says(model), says(expected))
            assert {tensor.data_ptr() for tensor in model.parameters()} <= known


def test_a_switch_makes_the_same_object_another_member():
    path = path_of()
    with path.lease(0.0) as model:
        for t in (1.0, 0.0, 2 / 3, 1.0):
            path.switch(t)
            assert torch.equal(says(model), says(path.at(t)))
        path.switch_subset({0, 3})
        assert torch.equal(says(model), says(path.subset({0, 3})))
    with path.lease_subset({1}) as model:
        assert torch.equal(says(model), says(path.subset({1})))


def test_members_of_the_path_are_put_in_place_not_built_again():
    path = path_of()
    with path.lease(0.0) as model:
        layers = {}
        for t in path.domain.values:
            path.switch(t)
            layers[t] = model.model.layers
        for t in path.domain.values:
            path.switch(t)
            assert model.model.layers is layers[t]


def test_one_model_is_lent_at_a_time_by_a_path_and_another_path_lends_another():
    path = path_of()
    other = dataclasses.replace(path)
    with path.lease(0.0) as small, other.lease(1.0) as large:
        assert torch.equal(says(small), says(path.student))
        assert torch.equal(says(large), says(path.teacher))
        with pytest.raises(LeaseError), path.lease(1.0):
            pass
    with pytest.raises(LeaseError, match="this path has lent"):
        path.switch(0.0)


def test_endpoints_are_built_when_they_are_asked_for():
    path = path_of()
    assert list(path.endpoints) == [(0.0,), (1.0,)]
    assert torch.equal(says(path.endpoints[(1.0,)]), says(path.teacher))


@pytest.mark.parametrize("name", CAUSAL)
def test_a_cache_filled_before_a_switch_is_refused_and_a_fresh_one_is_not(name):
    path = path_of(name)
    with torch.no_grad(), path.lease(0.0) as model:
        cache = model(input_ids=TOKENS, use_cache=True).past_key_values
        model(input_ids=TOKENS[:, :1], past_key_values=cache)
        path.switch(0.0)
        model(input_ids=TOKENS[:, :1], past_key_values=copy.deepcopy(cache))
        path.switch_subset({1})  # as many layers, others
        for part in (model, model.base_model):
            with pytest.raises(LeaseError, match=r"filled by the member with patched slots \[\]"):
                part(input_ids=TOKENS[:, :1], past_key_values=cache)
        with pytest.raises(LeaseError, match="fresh cache"):
            model.generate(TOKENS, past_key_values=cache, max_new_tokens=2)
        path.switch(1.0)
        fresh = DynamicCache(config=model.config)
        expected = model.generate(TOKENS, max_new_tokens=3, do_sample=False)
        assert torch.equal(model.generate(TOKENS, past_key_values=fresh, max_new_tokens=3, do_sample=False), expected)


def test_caches_of_other_models_and_of_other_depths_are_refused():
    path = path_of()
    with torch.no_grad(), path.lease(1.0) as model:
        foreign = path.teacher(input_ids=TOKENS, use_cache=True).past_key_values
        with pytest.raises(LeaseError, match="another model"):
            model(input_ids=TOKENS[:, :1], past_key_values=foreign)
        shallow = StaticCache(config=path.student.config, max_cache_len=8)
        with pytest.raises(LeaseError, match="has 4 layers and the model 7"):
            model(input_ids=TOKENS, past_key_values=shallow)


@pytest.mark.parametrize(
    ("budget", "t"),
    [
        ({"layers": 4}, 0.0),
        ({"layers": 6}, 2 / 3),
        ({"layers": 100}, 1.0),
        ({"params": "1B"}, 1.0),
        ({"params": 12_512}, 0.0),
        ({"bytes": "1GiB"}, 1.0),
        ({"bytes": "60kB"}, 0.0),
    ],
)
def test_a_budget_gives_the_largest_member_within_it(budget, t):
    path = path_of()
    (found,) = path.at_budget(**budget)
    assert found == pytest.approx(t)


def test_every_member_is_the_largest_within_its_own_size():
    path = path_of()
    for row in path.table().itertuples():
        assert path.at_budget(params=row.unique) == (row.t,)
        assert path.at_budget(bytes=row.bytes) == (row.t,)
        assert path.at_budget(layers=row.depth) == (row.t,)
        assert row.unique == sum(weight.numel() for weight in path.at(row.t).parameters())


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ({}, "exactly one"),
        ({"params": 1e9, "layers": 3}, "exactly one"),
        ({"params": 10}, "no member fits"),
        ({"layers": 3}, "smallest has 4"),
        ({"layers": 4.5}, "whole number"),
        ({"params": "90 apples"}, "'90M'"),
        ({"bytes": "300M"}, "'300MB'"),
        ({"params": -1}, "positive"),
        ({"params": float("nan")}, "positive"),
    ],
)
def test_a_budget_that_cannot_be_met_or_read_is_refused(budget, says):
    with pytest.raises(InvalidInputError, match=says):
        path_of().at_budget(**budget)


def test_a_recipe_for_mergekit_has_the_layers_of_the_member():
    path = path_of()
    recipe = yaml.safe_load(path.to_mergekit(2 / 3, student="small", teacher="large"))
    assert recipe["merge_method"] == "passthrough"
    assert recipe["dtype"] == "float32"
    sources = [one["sources"][0] for one in recipe["slices"]]
    assert sources == [
        {"model": "small", "layer_range": [0, 2]},
        {"model": "large", "layer_range": [3, 7]},
    ]
    for t in path.domain.values:
        recipe = yaml.safe_load(path.to_mergekit(t, student="small", teacher="large"))
        ranges = [range(*one["sources"][0]["layer_range"]) for one in recipe["slices"]]
        assert sum(map(len, ranges)) == path.layout.depth(path.patched_at(t))


def test_a_recipe_that_mergekit_cannot_follow_is_refused():
    with pytest.raises(InvalidInputError, match="save it first"):
        path_of().to_mergekit(0.5)
    with pytest.raises(IncompatibleError, match="head='owner'"):
        path_of(head="teacher").to_mergekit(0.5, student="small", teacher="large")


def test_the_fingerprint_follows_weights_order_and_head():
    path = path_of()
    others = [
        dataclasses.replace(path, order="first_to_last"),
        dataclasses.replace(path, head="teacher"),
        dataclasses.replace(path, student=perturbed(copy.deepcopy(path.student))),
    ]
    assert path.fingerprint == path_of().fingerprint
    assert len({path.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_a_path_travels_to_another_process():
    path = path_of("gpt2")
    with path.lease(0.5):
        pass
    for twin in (pickle.loads(pickle.dumps(path)), copy.deepcopy(path)):
        assert torch.equal(says(twin.at(0.6)), says(path.at(0.6)))
        assert twin.fingerprint == path.fingerprint


def test_the_layout_is_known_from_the_student_or_given():
    student, teacher = pair("llama")
    assert PatchPath(student, teacher).layout == PatchPath(student, teacher, keep=KEPT).layout == Layout(KEPT, 7)
    del student.provenance
    with pytest.raises(InvalidInputError, match="`keep` is needed"):
        PatchPath(student, teacher)
    rule = EveryNth(3, first=1, last=1)
    assert PatchPath(initialize_student(teacher, rule), teacher, keep=rule).layout.kept == (0, 3, 6)


def test_a_student_of_another_teacher_is_refused():
    student, teacher = pair("llama")
    with pytest.raises(IncompatibleError, match="has other weights"):
        PatchPath(student, perturbed(copy.deepcopy(teacher)))
    assert PatchPath(student, copy.deepcopy(teacher).bfloat16().float()).layout.kept == KEPT


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_size": 32}, "`hidden_size` is 32 in the student and 16"),
        ({"vocab_size": 60}, "`vocab_size` is 60 in the student and 64"),
        ({"head_dim": 8}, "`head_dim` is 8 in the student and 4"),
        ({"num_key_value_heads": 4}, "`num_key_value_heads` is 4"),
        ({"intermediate_size": 8}, "`intermediate_size` is 8"),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 7.0}}, "`rope_parameters`"),
        ({"attention_bias": True}, r"`self_attn.k_proj.bias` of layer 0 is .* in the student and None"),
    ],
)
def test_a_student_that_computes_otherwise_is_refused_naming_both(change, says):
    student = perturbed(llama(len(KEPT), **change))
    with pytest.raises(IncompatibleError, match=says):
        PatchPath(student, teacher_of("llama"), keep=KEPT)


def test_a_student_of_another_class_type_or_depth_is_refused():
    teacher = teacher_of("llama")
    with pytest.raises(IncompatibleError, match="the student is a GPT2LMHeadModel and the teacher a LlamaForCausalLM"):
        PatchPath(gpt2(len(KEPT)), teacher, keep=KEPT)
    with pytest.raises(IncompatibleError, match="bfloat16"):
        PatchPath(initialize_student(teacher, KEPT).bfloat16(), teacher)
    with pytest.raises(IncompatibleError, match="a student of 3 layers"):
        PatchPath(initialize_student(teacher, KEPT), teacher, keep=[0, 2, 4])
    with pytest.raises(InvalidInputError, match="no size between them"):
        PatchPath(initialize_student(teacher, range(7)), teacher)


def test_layers_that_use_keys_and_values_of_other_layers_are_refused():
    student, teacher = pair("llama")
    teacher.config.num_kv_shared_layers = 2
    with pytest.raises(IncompatibleError, match="cannot be exchanged"):
        PatchPath(student, teacher)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keep": [1, 2, 3, 6]}, "begin with layer 0"),
        ({"keep": [0, 2, 3, 7]}, "layers 0 to 6"),
        ({"keep": "every other"}, "a list of layers or a rule"),
        ({"order": "sideways"}, "`order` must be one of"),
        ({"order": [0]}, "each once"),
        ({"head": "both"}, "`head` must be one of"),
    ],
)
def test_options_that_are_none_are_refused(options, says):
    with pytest.raises(InvalidInputError, match=says):
        path_of(**options)


@pytest.mark.parametrize("captured", [(), ("student",), ("teacher",), ("student", "teacher")])
def test_hidden_states_are_captured_once_whatever_was_captured_before(captured):
    teacher = llama(layers=6)
    student = initialize_student(teacher)
    ids = torch.arange(2, 8)[None]
    for name in captured:
        {"student": student, "teacher": teacher}[name](input_ids=ids, output_hidden_states=True)
    path = PatchPath(student, teacher)
    with path.lease(0.5) as model:
        for t in (0.5, 0.0, 1.0, 0.5):
            path.switch(t)
            found = model(input_ids=ids, output_hidden_states=True).hidden_states
            assert len(found) == model.config.num_hidden_layers + 1
            for ours, theirs in zip(
                found, path.at(t)(input_ids=ids, output_hidden_states=True).hidden_states, strict=True
            ):
                assert torch.equal(ours, theirs)
