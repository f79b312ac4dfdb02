"""What do iterations buy? Equilibrium models of point clouds: classes, propagation, completion.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/compute_experiment --jobs 2 --store runs/compute --save FILE
    python benchmarks/compute_experiment --small

Killed and started again it computes what is missing; the report says what is not finished. `--only` runs one part.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from program import run_experiment
from report import write
from studies import PARTS, collected, run

COMMAND = "OMP_WAIT_POLICY=PASSIVE python benchmarks/compute_experiment --jobs 2 --store runs/compute --save FILE"


if __name__ == "__main__":
    run_experiment(
        __doc__, COMMAND, list(PARTS), run, collected, write, small="few steps on made-up clouds: does it run?"
    )
