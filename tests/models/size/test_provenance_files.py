"""Students, and the files that say where they came from."""

from __future__ import annotations

import copy
import dataclasses
import json

import pytest
import torch
from families import KEPT, TEACHERS, pair, perturbed, teacher_of

from continuum.core import InvalidInputError, StoreError
from continuum.models import PatchPath, blocks, initialize_student
from continuum.models.size import PUBLISHED, EveryNth, provenance_of, read_provenance, write_provenance
from continuum.models.weights import base_fingerprint

FAMILIES = [name for name in TEACHERS if name != "distilbert-bert"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_student_has_copies_of_the_kept_layers_and_of_all_around_them(name):
    teacher = teacher_of(name)
    before = base_fingerprint(teacher)
    student = initialize_student(teacher, KEPT)
    found, source = blocks(student), blocks(teacher)
    assert student.config.num_hidden_layers == len(found) == len(KEPT)
    for layer, k in zip(found, KEPT, strict=True):
        theirs = source.layers[k].state_dict()
        assert all(torch.equal(weight, theirs[key]) for key, weight in layer.state_dict().items())
    for part in (*source.first, *source.last):
        theirs = teacher.get_submodule(part).state_dict()
        assert all(torch.equal(w, theirs[key]) for key, w in student.get_submodule(part).state_dict().items())
    assert not {w.data_ptr() for w in student.parameters()} & {w.data_ptr() for w in teacher.parameters()}
    assert found.is_tied == source.is_tied
    perturbed(student)
    assert base_fingerprint(teacher) == before


@pytest.mark.parametrize("name", FAMILIES)
def test_a_student_that_was_saved_loads_and_knows_its_layout(name, tmp_path):
    student, teacher = pair(name)
    student.save_pretrained(tmp_path)
    write_provenance(student.provenance, tmp_path)
    loaded = type(student).from_pretrained(tmp_path)
    assert provenance_of(loaded) == student.provenance
    assert PatchPath(loaded, teacher).layout.kept == KEPT


def test_every_other_layer_is_kept_unless_another_rule_is_given():
    teacher = teacher_of("llama")
    assert initialize_student(teacher).provenance.kept == (0, 2, 4, 5, 6)
    assert initialize_student(teacher, PUBLISHED["llama"]).provenance.kept == (0, 1, 3, 5, 6)
    assert initialize_student(teacher, EveryNth(3, last=1)).provenance.kept == (0, 3, 6)


def test_what_a_student_was_distilled_with_is_read_back(tmp_path):
    student, _ = pair("gpt2")
    known = dataclasses.replace(student.provenance, loss={"cosine": 2.0, "kl": 0.1}, teacher="large")
    write_provenance(known, tmp_path)
    assert read_provenance(tmp_path) == known
    assert json.loads((tmp_path / "boomerang.json").read_text())["tied"] is True


def test_the_file_of_the_authors_is_read(tmp_path):
    student, teacher = pair("llama")
    student.save_pretrained(tmp_path)
    record = {"pruned_teacher_layers": [1, 4, 5], "copied_teacher_layers": list(KEPT)}
    (tmp_path / "student_config.json").write_text(json.dumps(record))
    assert PatchPath(type(student).from_pretrained(tmp_path), teacher).layout.kept == KEPT


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("boomerang.json", "[]", "must hold an object"),
        ("boomerang.json", "{", "no JSON"),
        ("boomerang.json", '{"kept": "all"}', "`kept` must be a list of layers"),
        ("student_config.json", '{"copied_teacher_layers": [0, 2]}', "`pruned_teacher_layers`"),
        ("student_config.json", '{"copied_teacher_layers": [0, 2], "pruned_teacher_layers": [2]}', "do not make up"),
    ],
)
def test_a_file_that_does_not_say_it_is_refused(file, text, says, tmp_path):
    (tmp_path / file).write_text(text)
    with pytest.raises(InvalidInputError, match=says):
        read_provenance(tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "boomerang.json").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        read_provenance(tmp_path)


def test_a_model_of_unknown_origin_has_no_provenance(tmp_path):
    teacher = copy.deepcopy(teacher_of("llama"))
    assert provenance_of(teacher) is None
    teacher.name_or_path = str(tmp_path / "nowhere")
    assert provenance_of(teacher) is None
    assert read_provenance(tmp_path) is None


def test_members_and_students_do_not_claim_the_origin_of_what_they_are_made_of(tmp_path):
    student, teacher = pair("llama")
    student.save_pretrained(tmp_path)
    write_provenance(student.provenance, tmp_path)
    loaded = type(student).from_pretrained(tmp_path)
    for path in (PatchPath(student, teacher), PatchPath(loaded, teacher)):
        assert provenance_of(path.at(0.0)) is None
        assert path.at(0.0).name_or_path == ""
    assert initialize_student(loaded, [0, 1]).name_or_path == ""


@pytest.mark.parametrize("keep", ["every other", 3, None, [0, 9], [2, 3]])
def test_layers_that_cannot_be_kept_are_refused(keep):
    with pytest.raises(InvalidInputError, match="`keep`"):
        initialize_student(teacher_of("llama"), keep)
