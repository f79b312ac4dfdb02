"""What the demo is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from continuum.harness import Results

__all__ = ["Scene"]


class Scene(Protocol):
    """One path, evaluated beside what it has to beat."""

    @property
    def title(self) -> str:
        """Name of the study."""
        ...

    def run(self, folder: Path, store: Path, n_jobs: int) -> Results:
        """Evaluate the path.

        Args:
            folder: where trained models are kept; what is there is not trained again.
            store: the result store.
            n_jobs: parallel jobs.
        """
        ...

    def pictures(self) -> Mapping[str, Any]:
        """Figures by caption, besides those of the numbers."""
        ...
