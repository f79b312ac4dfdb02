"""One self-contained HTML page of results: it opens offline, and in ten years."""

from __future__ import annotations

import hashlib
import io
import os
from base64 import b64encode
from collections.abc import Iterable, Mapping
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from continuum.core import InvalidInputError, whole_file
from continuum.harness import Kept, Results

from .cost import cost_table
from .front import cost_pairs, draw_front
from .markup import definitions, escaped, folded
from .panel import Panel, panels
from .plot import draw_panels
from .svg import inline_svg, page_style
from .tables import failures_table, glossary, points_table, summary_table
from .text import clean
from .tour import tour

__all__ = ["write_page"]

_PNG = b"\x89PNG\r\n\x1a\n"
_DPI = 160

_HOW_TO_READ = (
    "Each picture shows one metric along a path between discrete choices. The thick line is the path; the thin lines "
    "are baselines on the same points; dashed lines are references that lie on no path; diamonds are the choices "
    "themselves. The dash-dotted line is what you get by not interpolating at all: the best of the choices. A path is "
    "worth its trouble where it passes that line, and no line can be switched off. Shaded bands are 95 % intervals of "
    "the mean over seeds, and over items where these are known; a red cross is a point without a number, an em dash a "
    "number that is undefined. Point at a mark, or tap it, to read its value; the slider of a study then goes to its "
    "point."
)


def write_page(
    results: Results,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    pictures: Mapping[str, Figure | bytes] | None = None,
    exhibits: Iterable[Kept] = (),
) -> Path:
    """Write results as one HTML file that needs nothing else: no network, no server, no script to be readable.

    The same results make the same page. The file appears as a whole or not at all.

    Args:
        results: what `evaluate` returned or `Results.load` read.
        path: the file; its folder is made if absent.
        title: title of the page.
        pictures: more pictures by caption, each a figure or the bytes of a PNG file.
        exhibits: what values of the studies look like, as `kept_exhibits` reads it from a store.

    Returns:
        The path of the file.

    Raises:
        InvalidInputError: if there is nothing to show, or a picture is neither a figure nor PNG.
        StoreError: if the file cannot be written.

    Example:
        >>> import tempfile
        >>> from continuum import Interval, evaluate, from_function
        >>> results = evaluate(from_function(Interval(), lambda t: t), {"square": lambda x: x**2}, points=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_page(results, f"{folder}/report.html").name
        'report.html'
    """
    shown = panels(results)
    heading = title or f"Continuum: {', '.join(results.studies)}"
    body = [
        f'<h1>{escaped(heading)}</h1>\n<p class="facts">{_facts(results)}</p>\n<p>{_HOW_TO_READ}</p>\n',
        folded("What the columns of the tables mean", glossary()),
    ]
    with matplotlib.style.context(["default", page_style]):  # a page looks the same whatever the user's own style
        kept = list(exhibits)
        for study, group in groupby(shown, lambda panel: panel.study):
            body.append(_study(results, study, list(group), [one for one in kept if one.study == study]))
    body += [_pictures(pictures or {}), _failures(results), _provenance(results)]
    file = Path(path)
    with whole_file(file) as page:
        page.write(_document(heading, "".join(body)).encode())
    return file


def _document(title: str, body: str) -> str:
    names = ("exhibit.css", "page.css", "page.js")
    colours, style, script = (files(__package__).joinpath(name).read_text("utf-8") for name in names)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # The policy makes the browser refuse every request, and every script but ours.
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{colours}{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _facts(results: Results) -> str:
    total, failed = len(results.frame), len(results.failed)
    facts = [f"{total} record{'s' * (total != 1)}", f"{failed} failed"]
    facts += [f"{results.missing} planned and not computed yet"] if results.missing else []
    times = [str(run["time"]) for run in results.provenance if "time" in run]
    return escaped(" · ".join([*facts, *times[-1:]]))


def _study(results: Results, study: str, group: list[Panel], kept: list[Kept]) -> str:
    own = results.frame[results.frame["study"] == study]
    metrics = "".join(_metric(study, panel) for panel in group)
    costs = folded("What it cost", cost_table(own, results.axes))
    inside = tour(study, group, kept) + metrics + _fronts(results, group) + costs
    return f"<section>\n<h2>{escaped(study)}</h2>\n{inside}</section>\n"


def _fronts(results: Results, group: list[Panel]) -> str:
    """What quality costs, where the study measured a cost."""
    articles = []
    for quality, cost in cost_pairs(group):
        figure = draw_front(results, quality, cost)
        if figure is not None:
            title = f"{quality.metric} against {cost.metric}"
            picture = inline_svg(figure, name=_name(quality.study, title), alt=f"Pareto front of study {quality.study}")
            articles.append(f"<article>\n<h3>{escaped(title)}</h3>\n<figure>{picture}</figure></article>\n")
    return "".join(articles)


def _metric(study: str, panel: Panel) -> str:
    name = _name(study, panel.metric)
    alt = f"{panel.quantity} of study {study}; the numbers are in the table below."
    picture = inline_svg(draw_panels([panel]), name=name, alt=alt)
    points = folded(f"{panel.quantity} at every point", points_table(panel))
    return (
        f"<article>\n<h3>{escaped(panel.quantity)}</h3>\n"
        f"<figure>{picture}</figure>\n{summary_table(panel)}{points}</article>\n"
    )


def _name(*parts: str) -> str:
    """Prefix of the ids in a picture, different for each."""
    return "f" + hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:8]


def _pictures(pictures: Mapping[str, Figure | bytes]) -> str:
    shown = "".join(
        f'<figure><img alt="{escaped(caption)}" src="data:image/png;base64,{_png(caption, picture)}">'
        f"<figcaption>{escaped(caption)}</figcaption></figure>\n"
        for caption, picture in pictures.items()
    )
    return f"<section>\n<h2>Pictures</h2>\n{shown}</section>\n" if shown else ""


def _png(caption: str, picture: Figure | bytes) -> str:
    if isinstance(picture, Figure):
        buffer = io.BytesIO()
        picture.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
        picture = buffer.getvalue()
    if not isinstance(picture, bytes) or not picture.startswith(_PNG):
        raise InvalidInputError(f"picture {caption!r} must be a matplotlib Figure or PNG bytes, got {picture!r:.60}.")
    return b64encode(picture).decode()


def _failures(results: Results) -> str:
    return f"<section>\n<h2>What failed</h2>\n{failures_table(results)}</section>\n" if len(results.failed) else ""


def _provenance(results: Results) -> str:
    runs = [
        folded(clean(f"{run.get('time', 'run')} {run.get('study', '')}"), definitions(run))
        for run in reversed(results.provenance)
    ]
    known = "".join(runs) or "<p>Not recorded.</p>\n"
    return f"<section>\n<h2>Where the numbers come from</h2>\n{known}</section>\n"
