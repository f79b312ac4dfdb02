"""Which source is worth learning from? Distances between predict-then-optimise tasks against transfer regret.

    OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python benchmarks/decision_experiment --jobs 1 --store DIR --save FILE
    python benchmarks/decision_experiment --small

Killed and started again it computes what is missing; the report says what is not finished. `--only` runs one part.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from program import run_experiment
from report import write
from studies import PARTS, collected, run

COMMAND = "OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python benchmarks/decision_experiment --store DIR --save FILE"


if __name__ == "__main__":
    run_experiment(
        __doc__, COMMAND, list(PARTS), run, collected, write, small="few instances, made-up demand: does it run?"
    )
