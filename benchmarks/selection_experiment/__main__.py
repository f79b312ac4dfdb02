"""What is worth training on? Representations and selectors on digits with wrong labels, and on texts.

    OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python benchmarks/selection_experiment --jobs 2 --store DIR --save FILE
    python benchmarks/selection_experiment --small

Killed and started again it computes what is missing; the report says what is not finished. `--only` runs one part.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from pieces import Lab
from report import write
from studies import PARTS, collected, run

COMMAND = "OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python benchmarks/selection_experiment --store DIR --save FILE"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="folder of numbers; a temporary one without it")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--jobs", type=int, help="processes of one thread each; all cores by default")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="a part; all by default")
    parser.add_argument("--small", action="store_true", help="two seeds of few digits, no texts: does it run?")
    parser.add_argument("--report", action="store_true", help="compute nothing; write what is finished")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        jobs = args.jobs or (1 if args.small else os.cpu_count() or 1)
        lab = Lab((args.store or Path(scratch)).absolute(), args.small, jobs)
        if not args.report:
            run(lab, args.only or list(PARTS))
        if args.save:
            write(args.save, collected(lab, COMMAND + (" --small" if lab.small else "")))


if __name__ == "__main__":
    main()
