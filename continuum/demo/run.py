"""All scenes into one store and one page."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from continuum.core import MissingDataError, MissingExtraError, StoreError
from continuum.harness import Results, kept_exhibits

from .adapters import AdapterScene
from .grids import GridScene
from .images import image_scenes
from .iterations import IterationScene
from .scene import Scene
from .sizes import SizeScene
from .subsets import SubsetScene

__all__ = ["run_demo", "scenes"]


def scenes() -> list[Scene]:
    """One for every axis: data, weights, sizes, compute, decisions, selection."""
    return [*image_scenes(), AdapterScene(), SizeScene(), IterationScene(), GridScene(), SubsetScene()]


def run_demo(
    folder: Path,
    *,
    n_jobs: int = -1,
    show: Callable[[Results], None] = lambda results: None,
    tell: Callable[[str], None] = lambda text: None,
) -> Path:
    """Evaluate every scene into one store and write one page; what the store holds is not computed again.

    A scene whose data or model are not on this machine is left out, and `tell` hears what would bring them.

    Args:
        folder: where `demo.db`, `demo.html` and trained models go; made if absent.
        n_jobs: parallel jobs.
        show: called with the results of each scene as it is done.
        tell: called with one line for each scene that is left out.

    Returns:
        The path of the page.
    """
    from continuum.report import write_page

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot hold the demo: {error}; name another `--folder`.") from error
    store = folder / "demo.db"
    pictures: dict[str, Any] = {}
    for scene in scenes():
        try:
            with warnings.catch_warnings():
                # PEFT asks transformers for a property by its old name.
                warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
                results = scene.run(folder / "demo", store, n_jobs)
            show(results)
        except (MissingDataError, MissingExtraError) as error:
            tell(f"without {scene.title!r}: {error}")
            continue
        pictures |= scene.pictures()
    page, exhibits = folder / "demo.html", kept_exhibits(store)
    return write_page(Results.load(store), page, title="continuum demo", pictures=pictures, exhibits=exhibits)
