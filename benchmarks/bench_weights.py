"""The weight axis beside its peers, on SmolLM2-135M: CPU seconds of one thread, medians, all in one run.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_weights.py [--save FILE]

Adapters of rank 32 on all attention projections, with random weights as large as trained ones. Peers: PEFT's
`add_weighted_adapter` for changing a mixture and for its compression, the base model alone for a forward pass, dense
products for the Gram matrix, and loading everything for the merge of two checkpoints.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import numpy
import peft
import torch
import transformers
from weights.compression import compression_rows
from weights.geometry import geometry_rows
from weights.runtime import Row, runtime_rows
from weights.streaming import merge_rows

import continuum


def rows() -> Iterator[Row]:
    """All rows, in the order of the page."""
    yield from runtime_rows()
    yield from compression_rows()
    yield from geometry_rows()
    yield from merge_rows()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    save = parser.parse_args().save
    torch.set_num_threads(1)
    modules = (continuum, torch, transformers, peft, numpy)
    versions = {module.__name__: module.__version__ for module in modules} | {"python": platform.python_version()}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.machine())
    found = []
    for line in rows():
        found.append(line)
        peer = "" if line["peer"] is None else f"{line['peer']:14.5g}{line['ours'] / line['peer']:10.5f}"
        numbers = f"{line['n']:4d}{line['ours']:14.5g}{peer:24s}"
        print(f"{line['work']:52s}{numbers}  {line['which']}  {line['note']}", flush=True)
    if save:
        command = f"OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_weights.py --save {save}"
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_text(json.dumps({"command": command, "versions": versions, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
