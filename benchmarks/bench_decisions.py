"""Decision matrices and distances, beside the bare matrix product, a loop over pairs and POT, in one run.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_decisions.py [--save FILE]

CPU seconds of one thread, medians. Decisions are solved beforehand: n + m solves, whatever is computed of them.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import ot
import torch
from decisions.grids import grid_rows
from decisions.matrices import matrix_rows
from timing import Row

import continuum

SETTING = "OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE"


def rows() -> Iterator[Row]:
    """All rows, in the order of the page."""
    yield from matrix_rows()
    yield from grid_rows()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    versions = {
        "continuum": continuum.__version__,
        "torch": torch.__version__,
        "POT": ot.__version__,
        "python": platform.python_version(),
    }
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.machine())
    found = []
    for line in rows():
        found.append(line)
        peer = "" if line["peer"] is None else f"{line['peer']:12.4g}{line['ours'] / line['peer']:10.4f}"
        print(
            f"{line['work']:46s}{line['n']:6d}{line['ours']:12.4g}{peer:22s}  {line['which']}  {line['note']}",
            flush=True,
        )
    if options.save:
        command = (
            f"OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_decisions.py --save {options.save}"
        )
        text = json.dumps({"command": command, "versions": versions, "rows": found}, indent=1, ensure_ascii=False)
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
