"""The program of an experiment in pieces."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pieces import Lab

Run = Callable[[Lab, Sequence[str]], None]
Collect = Callable[[Lab, str], Mapping[str, Any]]
Write = Callable[[Path, Mapping[str, Any]], None]


def run_experiment(
    about: str | None, command: str, parts: Sequence[str], run: Run, collected: Collect, write: Write, *, small: str
) -> None:
    """What `python benchmarks/..._experiment` does.

    Args:
        about: help of the program.
        command: what a full run is made by, for its report.
        parts: names of the parts that can be run alone.
        run: computes what is missing of some parts.
        collected: all finished pieces with their origin.
        write: writes the report.
        small: help of `--small`.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="folder of numbers and models; a temporary one without it")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--jobs", type=int, help="processes of one thread each; all cores by default")
    parser.add_argument("--only", choices=list(parts), action="append", help="a part; all by default")
    parser.add_argument("--small", action="store_true", help=small)
    parser.add_argument("--report", action="store_true", help="compute nothing; write what is finished")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        jobs = args.jobs or (1 if args.small else os.cpu_count() or 1)
        lab = Lab((args.store or Path(scratch)).absolute(), args.small, jobs)
        if not args.report:
            run(lab, args.only or list(parts))
        if args.save:
            write(args.save, collected(lab, command + (" --small" if lab.small else "")))
