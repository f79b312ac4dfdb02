"""DistilBERT as a student of BERT: the same words in the class of the teacher, over the same weights."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from families import HIDDEN, KEPT, pair

from continuum.core import IncompatibleError
from continuum.models import PatchPath
from continuum.models.size.bert import bert_from_distilbert, in_class_of

TOKENS = torch.tensor([[5, 9, 41, 7, 0], [3, 60, 9, 11, 22]])
MASK = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]])


@torch.no_grad()
def says(model: Any) -> torch.Tensor:
    return model(input_ids=TOKENS, attention_mask=MASK).logits


def test_a_distilbert_says_the_same_as_a_bert_bit_for_bit_over_its_own_weights():
    student, teacher = pair("distilbert-bert")
    found = bert_from_distilbert(student, teacher)
    assert type(found) is type(teacher)
    assert torch.equal(says(found), says(student))
    known = {weight.data_ptr() for weight in student.parameters()}
    new = {weight.data_ptr(): weight for weight in found.parameters() if weight.data_ptr() not in known}
    assert [tuple(weight.shape) for weight in new.values()] == [(2, HIDDEN)]
    assert not any(weight.any() for weight in new.values())
    assert {weight.data_ptr() for weight in found.parameters()} >= known


def test_an_intermediate_model_loads_as_a_bert(tmp_path):
    student, teacher = pair("distilbert-bert")
    path = PatchPath(student, teacher, keep=KEPT)
    assert torch.equal(says(path.at(0.0)), says(student))
    loaded = type(teacher).from_pretrained(path.export(0.6, tmp_path / "member"))
    assert torch.equal(says(loaded), says(path.at(0.6)))


def test_a_student_of_the_class_of_its_teacher_stays_what_it_is():
    student, teacher = pair("bert")
    assert in_class_of(student, teacher) is student


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_act": "relu"}, "`activation` of the student is 'gelu', and `hidden_act` of the teacher is 'relu'"),
        ({"num_attention_heads": 2}, "`n_heads` of the student is 4"),
        ({"layer_norm_eps": 1e-5}, "`layer_norm_eps`"),
    ],
)
def test_a_bert_that_computes_otherwise_is_refused(change, says):
    student, teacher = pair("distilbert-bert")
    teacher = copy.deepcopy(teacher)
    for name, value in change.items():
        setattr(teacher.config, name, value)
    with pytest.raises(IncompatibleError, match=says):
        PatchPath(student, teacher, keep=KEPT)
