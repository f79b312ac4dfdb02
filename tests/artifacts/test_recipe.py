"""Recipes: fetched once, under a name that the next pin retires, and never half."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from continuum.artifacts import Archive, Recipe, cache_folder, cache_path, fetch
from continuum.core import (
    InvalidInputError,
    MissingDataError,
    MissingExtraError,
    StoreError,
    UntrustedArtifactError,
    whole_file,
)

DATA = b"what is in it"


def keep(data, path):
    with whole_file(path) as file:
        file.write(data.upper())


TOY = Recipe(
    Archive(client="npm", package="toy", version="1.0", sha256=hashlib.sha256(DATA).hexdigest()),
    place="toys/toy-{}.txt",
    keep=keep,
)
RECIPES = {"toy": TOY, "other": replace(TOY, place="others/{}")}


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_kept_lies_in_the_cache_and_nothing_else_does(cache, deliver):
    deliver(DATA)
    path = fetch("toy", RECIPES)
    assert files_in(cache) == [path]
    assert path.read_bytes() == DATA.upper()
    assert path == cache_path("toy", RECIPES) == cache / "toys" / f"toy-{TOY.archive.sha256[:12]}.txt"


def test_what_is_here_is_not_fetched_again(tmp_path, cache, deliver):
    deliver(DATA)
    first = fetch("toy", RECIPES)
    written = first.stat().st_mtime_ns
    assert fetch("toy", RECIPES) == first
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    assert first.stat().st_mtime_ns == written


def test_another_pin_has_another_place(cache):
    changed = replace(TOY, archive=replace(TOY.archive, sha256="ab" * 32))
    assert changed.path == cache / "toys" / "toy-abababababab.txt" != TOY.path


def test_the_cache_is_in_the_home_folder_unless_told_otherwise(cache, monkeypatch):
    assert cache_folder("a", "b") == cache / "a" / "b"
    monkeypatch.delenv("CONTINUUM_CACHE")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/someone"))
    assert cache_folder("a") == Path("/home/someone/.cache/continuum/a")


@pytest.mark.parametrize("name", ["toys", "../toy", ""])
def test_a_name_without_a_recipe_is_refused_with_the_names(cache, name):
    with pytest.raises(InvalidInputError, match=f"nothing to fetch under `{name}`; choose one of toy, other"):
        fetch(name, RECIPES)


def test_a_missing_extra_is_named_before_anything_is_downloaded(tmp_path, cache, deliver):
    deliver(DATA)
    needy = {"toy": replace(TOY, extra="lm", module="no_such_module")}
    with pytest.raises(MissingExtraError, match=r"fetching `toy` needs no_such_module.*continuum-interpolation\[lm\]"):
        fetch("toy", needy)
    assert not (tmp_path / "calls").exists()


def test_a_failure_says_what_was_asked_for_and_what_to_do_instead(cache, client):
    client("echo 'E: offline' >&2; exit 1")
    recipes = {"toy": replace(TOY, instead=", or draw it")}
    with pytest.raises(MissingDataError, match=r"cannot fetch `toy`: toy 1\.0: .*E: offline; .*registry, or draw it$"):
        fetch("toy", recipes)
    assert not files_in(cache)


def test_another_archive_is_not_kept(cache, deliver):
    deliver(b"something else")
    opened = []
    with pytest.raises(UntrustedArtifactError):
        fetch("toy", {"toy": replace(TOY, keep=lambda data, path: opened.append(data))})
    assert not opened
    assert not files_in(cache)


def test_a_cache_that_cannot_be_written_names_the_variable(cache, deliver):
    cache.write_text("a file where the folder should be")
    deliver(DATA)
    with pytest.raises(StoreError, match="Or set CONTINUUM_CACHE to another folder"):
        fetch("toy", RECIPES)
    assert cache.read_text() == "a file where the folder should be"
