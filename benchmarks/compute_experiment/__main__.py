"""What do iterations buy? Equilibrium models of point clouds: classes, propagation, completion.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/compute_experiment --jobs 2 --store runs/compute --save FILE
    python benchmarks/compute_experiment --small

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

COMMAND = "OMP_WAIT_POLICY=PASSIVE python benchmarks/compute_experiment --jobs 2 --store runs/compute --save FILE"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="folder of models and numbers; a temporary one without it")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--jobs", type=int, help="processes of one thread each; all cores by default")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="a part; all by default")
    parser.add_argument("--small", action="store_true", help="few steps on made-up clouds: does it run?")
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
