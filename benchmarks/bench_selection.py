"""Orders of large pools beside the one matrix product that they need, and beside peers, in one run.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_selection.py [--save FILE]

100 queries in 384 dimensions, 10,000 chosen. CPU seconds of one thread, medians of turns. The largest pool takes 2.3 GB
on the disk while it is measured.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import ot
import torch
from selection.ordering import density_rows, order_rows
from selection.streamed import streamed_rows
from timing import Row

import continuum


def rows() -> Iterator[Row]:
    """All rows, in the order of the page."""
    yield from order_rows()
    yield from density_rows()
    yield from streamed_rows(200_000)
    yield from streamed_rows(200_000, dtype="float16", repeats=3)
    yield from streamed_rows(1_500_000, repeats=1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    versions = {
        "continuum": continuum.__version__,
        "numpy": np.__version__,
        "torch": torch.__version__,
        "POT": ot.__version__,
        "python": platform.python_version(),
    }
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.machine())
    found = []
    for line in rows():
        found.append(line)
        peer = f"{line['peer']:12.4g}{line['ours'] / line['peer']:10.3f}"
        print(
            f"{line['work']:48s}{line['n']:9d}{line['ours']:12.4g}{peer}  {line['which']}  {line['note']}", flush=True
        )
    if options.save:
        command = (
            f"OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_selection.py --save {options.save}"
        )
        text = json.dumps({"command": command, "versions": versions, "rows": found}, indent=1, ensure_ascii=False)
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
