"""Writing a member of a family to disk: extra memory, beside an independent copy that saves itself.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/size/exporting.py

Each number is from a process of its own, and is the largest anonymous memory above that before the export.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

if __name__ == "__main__":  # called for one number
    sys.path.insert(0, str(Path(__file__).parents[1]))

from weights.streaming import peak

from continuum.models import PatchPath
from size.models import family
from size.views import Row, row

WHERE = 0.5


def ours(path: PatchPath, out: Path) -> None:
    path.export(WHERE, out)


def peer(path: PatchPath, out: Path) -> None:
    path.at(WHERE).save_pretrained(out)


WORK: dict[str, Callable[[PatchPath, Path], None]] = {"ours": ours, "peer": peer}


def export_rows() -> Iterator[Row]:
    """Megabytes."""
    memory = {work: _measured(work) for work in WORK}
    path, _ = family()
    largest = max(weight.nbytes for weight in path.student.parameters()) / 1e6
    note = f"{memory['ours'] / largest:.2f} x the largest tensor"
    yield row("export, extra memory in MB", memory["ours"], memory["peer"], "at(t).save_pretrained", note)
    yield row("export, extra memory by the largest tensor", memory["ours"] / largest)


def _measured(work: str) -> float:
    command = [sys.executable, __file__, work]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _measure(work: str) -> float:
    path, _ = family()
    with path.lease(WHERE), tempfile.TemporaryDirectory(prefix="continuum-") as scratch:
        with peak() as found:
            WORK[work](path, Path(scratch) / "member")
        return found[0] / 1e6


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(_measure(sys.argv[1]))
    else:
        for found in export_rows():
            print(found)
