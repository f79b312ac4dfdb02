"""Can the continuum of datasets be linked with a continuum of models? On images and on texts.

    OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python benchmarks/linked_experiment --jobs 2 --store DIR --save FILE
    python benchmarks/linked_experiment --small

Killed and started again it computes what is missing; the report says what is not finished. `--only` runs one part.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from program import run_experiment
from report import write
from studies import PARTS, collected, run

COMMAND = "OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python benchmarks/linked_experiment --store DIR --save FILE"


if __name__ == "__main__":
    small = "made-up data, two seeds: does it run?"
    run_experiment(__doc__, COMMAND, list(PARTS), run, collected, write, small=small)
