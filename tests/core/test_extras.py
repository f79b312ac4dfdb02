"""Optional dependencies are asked for by the extra that brings them."""

from __future__ import annotations

import sys

import pytest

from continuum.core import MissingExtraError, require_extra


def test_what_is_installed_passes_without_being_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    require_extra("this", extra="lm", what="poetry")
    assert "this" not in sys.modules


def test_what_is_missing_is_named_with_the_command():
    with pytest.raises(MissingExtraError) as error:
        require_extra("no_such_module", extra="lm", what="reading GGUF files")
    assert str(error.value) == (
        'reading GGUF files needs no_such_module, which is not installed: pip install "continuum-interpolation[lm]"'
    )
