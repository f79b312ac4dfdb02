"""How the documentation is built: `sphinx-build -W -b html docs docs/_build/html`, without a network."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))
# Examples draw into files only, and never spin idle threads.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import continuum  # noqa: E402
from continuum.artifacts import cache_path  # noqa: E402
from continuum.models.recipes import RECIPES  # noqa: E402

project = "continuum"
author = "The continuum authors"
copyright = f"2026, {author}"
release = version = continuum.__version__

# `range` of Python, where it is the type of something, is not one of our attributes of that name.
suppress_warnings = ["ref.python"]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "formulas",
    "stored_results",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
default_role = "py:obj"  # single backticks, as in docstrings: a link where there is something to link to
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"

# Docstrings follow Google's style.
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
autosummary_generate = True
autosummary_ignore_module_all = False
# Some file systems take `Metric.rst` and `metric.rst` for one file.
autosummary_filename_map = {
    "continuum.core.Metric": "continuum.core.Metric-class",
    "continuum.core.Product": "continuum.core.Product-class",
    "continuum.harness.Link": "continuum.harness.Link-class",
    "continuum.harness.Price": "continuum.harness.Price-class",
    "continuum.harness.Verdict": "continuum.harness.Verdict-class",
    "continuum.testing.exact.Translation": "continuum.testing.exact.Translation-class",
}

# Formulas are drawn into the page: see _ext/formulas.py.
html_math_renderer = "drawn"

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

# Where the language model was not fetched, its example is left out; everything else still builds.
_has_model = all(cache_path(name, RECIPES).exists() for name in ("smollm2", "sentiment-text"))

sphinx_gallery_conf = {
    "ignore_pattern": r"__init__\.py" if _has_model else r"__init__\.py|plot_lora_path\.py",
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("gallery_figures.scrape",),
    "reset_modules": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "write_computation_times": False,  # its page would load scripts from another machine
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 0,
    "doc_module": (),
    "copyfile_regex": r"",
}

html_theme = "furo"
html_title = f"continuum {release}"
html_static_path = ["_static"]
html_css_files = ["continuum.css"]
html_copy_source = False
html_theme_options = {
    "source_repository": "",
    "light_css_variables": {"color-brand-primary": "#0072b2", "color-brand-content": "#0072b2"},
    "dark_css_variables": {"color-brand-primary": "#56b4e9", "color-brand-content": "#56b4e9"},
}

# joblib and torch announce deprecations of their own dependencies; they are not about the examples.
warnings.filterwarnings("ignore", category=DeprecationWarning)
