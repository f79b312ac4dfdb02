"""The size axis on SmolLM2-135M: views, switches, the greedy order and export, beside what scripts do, all in one run.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_size.py [--save FILE]

The student has every other layer of the teacher and the last one, with some noise on its weights. Peers: deep copies of
layers for making a member, a full forward pass for each candidate of the greedy order, and a copy that saves itself for
the export. What has a peer is in CPU seconds of one thread, what has none in seconds that pass.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import torch
import transformers
from size.exporting import export_rows
from size.models import calibration, family
from size.search import search_rows
from size.views import Row, switch_rows, view_rows

import continuum


def rows(chunks: int) -> Iterator[Row]:
    """All rows, in the order of the page."""
    path, tokenizer = family()
    yield from view_rows(path)
    yield from switch_rows(path)
    yield from export_rows()
    yield from search_rows(path, tokenizer, calibration(tokenizer, chunks=chunks))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    parser.add_argument("--chunks", type=int, default=4, help="chunks of 64 tokens for the greedy order")
    options = parser.parse_args()
    torch.set_num_threads(1)
    modules = (continuum, torch, transformers)
    versions = {module.__name__: module.__version__ for module in modules} | {"python": platform.python_version()}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "|", platform.machine())
    found = []
    for line in rows(options.chunks):
        found.append(line)
        peer = "" if line["peer"] is None else f"{line['peer']:14.5g}{line['ours'] / line['peer']:10.5f}"
        print(
            f"{line['work']:52s}{line['n']:4d}{line['ours']:14.5g}{peer:24s}  {line['which']}  {line['note']}",
            flush=True,
        )
    if options.save:
        called = f"python benchmarks/bench_size.py --chunks {options.chunks} --save {options.save}"
        command = f"OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE {called}"
        text = json.dumps({"command": command, "versions": versions, "rows": found}, indent=1, ensure_ascii=False)
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
