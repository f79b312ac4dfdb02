"""Orders that need no texts, and how orders are asked for; calibration texts."""

from __future__ import annotations

import pytest
import torch
from families import KEPT, pair
from tiny import tiny_tokenizer
from trials import calibration, llama_family

from continuum.core import InvalidInputError
from continuum.models import PatchPath
from continuum.models.size import ORDERS, Calibration, KLPatch, Random
from continuum.models.size.orders import order_of


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_by_name_has_every_size_slot_once(name):
    members = llama_family((0, 2, 3, 5, 7), 9)
    assert sorted(order_of(name, members)) == list(members.layout.size_slots)


def test_random_orders_depend_on_their_seed_alone():
    members = llama_family(range(0, 16, 2), 16)
    orders = [order_of(Random(seed), members) for seed in range(4)]
    assert len(set(orders)) == 4
    assert orders == [order_of(Random(seed), members) for seed in range(4)]
    assert order_of("random", members) == orders[0]
    with pytest.raises(InvalidInputError, match="seed"):
        Random(-1)


def test_a_path_shows_its_own_order_besides_those_that_need_no_texts():
    student, teacher = pair("llama")
    named = PatchPath(student, teacher).orders
    assert named == {
        "first_to_last": (0, 2),
        "last_to_first": (2, 0),
        "random": order_of("random", llama_family(KEPT, 7)),
    }
    found = PatchPath(student, teacher, order=KLPatch(calibration()))
    assert found.orders == named | {"klpatch": found.slots}
    assert PatchPath(student, teacher, order=(0, 2)).orders == named | {"given": (0, 2)}


@pytest.mark.parametrize("name", ["klpatch", "backward_greedy", "additive", "quadratic", "shortest_path"])
def test_an_order_that_needs_texts_says_how_to_pass_them(name):
    student, teacher = pair("llama")
    with pytest.raises(InvalidInputError, match=r"found on texts: pass order=.*Calibration\(texts, tokenizer\)"):
        PatchPath(student, teacher, keep=KEPT, order=name)


def test_chunks_follow_the_texts_with_an_end_between_them():
    texts = Calibration(["the film was good", "a book", "I saw it"], tiny_tokenizer(), length=3, chunks=None)
    ids = tiny_tokenizer()("the film was good <|endoftext|> a book <|endoftext|> I saw it")["input_ids"]
    assert texts.tokens.flatten().tolist() == ids[:9]
    assert texts.tokens.shape == (3, 3)


def test_few_tokens_are_one_short_chunk():
    texts = Calibration(["a good film"], tiny_tokenizer(), length=128)
    assert texts.tokens.shape == (1, 3)
    with pytest.raises(InvalidInputError, match="two tokens"):
        Calibration(["film"], tiny_tokenizer()).tokens  # noqa: B018


def test_chunks_are_taken_from_all_over_the_texts():
    all_chunks = calibration(length=6, chunks=None).tokens
    some = calibration(length=6, chunks=3).tokens
    places = [next(i for i, row in enumerate(all_chunks) if torch.equal(row, one)) for one in some]
    assert places == [0, len(all_chunks) // 3, 2 * len(all_chunks) // 3]


def test_positions_are_distinct_seeded_and_spread_over_the_batches():
    texts = calibration(positions=20)
    assert sum(map(len, texts.places)) == 20
    for batch, places in zip(texts.batches, texts.places, strict=True):
        assert len(set(places.tolist())) == len(places)
        assert 0 <= int(places.min()) <= int(places.max()) < batch.numel()
    assert all(torch.equal(a, b) for a, b in zip(texts.places, calibration(positions=20).places, strict=True))
    other = calibration(positions=20, seed=1).places
    assert any(a.tolist() != b.tolist() for a, b in zip(texts.places, other, strict=True))
    every = calibration(positions=None)
    assert sum(map(len, every.places)) == every.tokens.numel() == sum(map(len, calibration(positions=10**6).places))


@pytest.mark.parametrize("options", [{"length": 1}, {"chunks": 0}, {"positions": 0}, {"batch_size": 0}, {"seed": -1}])
def test_options_that_are_no_such_numbers_are_refused(options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        calibration(**options)


def test_texts_that_are_none_are_refused():
    with pytest.raises(InvalidInputError, match="texts"):
        Calibration("a string", tiny_tokenizer())
