"""`import continuum` is cheap, silent and complete."""

from __future__ import annotations

import subprocess
import sys

import pytest

PUBLIC = [
    "Interpolant",
    "Interval",
    "Levels",
    "Metric",
    "PerItem",
    "Product",
    "Results",
    "Simplex",
    "SupportsEndpoints",
    "SupportsLease",
    "along",
    "deferred",
    "evaluate",
    "from_function",
    "link",
    "metric",
    "navigate",
    "nest",
    "pareto",
    "product",
    "tabulate",
    "transform",
]
HEAVY = {
    "geomloss",
    "gguf",
    "joblib",
    "matplotlib",
    "ot",
    "pandas",
    "peft",
    "plotly",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
    "vaderSentiment",
}
LIGHT = ["continuum", "continuum.core", "continuum.artifacts", "continuum.models.corpora", "continuum.testing"]


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize("module", LIGHT)
def test_importing_is_silent_and_loads_nothing_heavy(module):
    loaded = run(f"import sys, {module}; print(*sys.modules)")
    assert module in loaded
    assert not HEAVY & set(loaded)


def test_models_are_loaded_without_their_libraries_until_one_is_asked_for():
    loaded = run("import sys, continuum.models, continuum.models.sources; print(*sys.modules)")
    assert "continuum.models.sources" in loaded
    assert not {"transformers", "peft", "gguf", "sklearn", "vaderSentiment"} & set(loaded)


def test_core_computes_without_torch():
    code = (
        "import sys; "
        "from continuum.testing import check_interpolant, exact; import numpy as np; "
        "check_interpolant(exact.Translation(np.ones((3, 2)), np.ones(2))); "
        "print(*[name for name in ('torch', 'pytest') if name in sys.modules])"
    )
    assert run(code) == []


def test_every_public_name_can_be_imported():
    import continuum

    assert set(PUBLIC) | {"lease"} == set(continuum.__all__)
    for name in PUBLIC:
        assert getattr(continuum, name) is not None


def test_rooms_open_on_first_use():
    assert run("import continuum; print(continuum.testing.__name__, continuum.core.__name__)") == [
        "continuum.testing",
        "continuum.core",
    ]


def test_unknown_names_are_attribute_errors():
    import continuum

    with pytest.raises(AttributeError, match="no attribute 'interpolate'"):
        _ = continuum.interpolate
    assert {"evaluate", "testing", "__version__"} <= set(dir(continuum))


def test_the_package_is_typed():
    from importlib.resources import files

    assert (files("continuum") / "py.typed").is_file()
