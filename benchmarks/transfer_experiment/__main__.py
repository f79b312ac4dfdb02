"""Five-shot transfer: does mixing datasets along optimal transport beat choosing one?

    OMP_WAIT_POLICY=PASSIVE python benchmarks/transfer_experiment --store runs/transfer.db [--seeds 0 1 2 3 4]
    python benchmarks/transfer_experiment --store runs/transfer.db --save docs/results/transfer_experiment.json
    python benchmarks/transfer_experiment --small

The experiment of Fan & Alvarez-Melis (2023), table 1, at the scale of two cores: other sets, a smaller network, fewer
steps. Killed and started again it computes what is missing; two processes may share a store (give them other seeds).
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cells import TARGETS, Settings
from study import CONTRAST, Study
from tables import save

import continuum

PARTS = ("main", "ablation", "simplex")
COMMAND = "OMP_WAIT_POLICY=PASSIVE python benchmarks/transfer_experiment --store runs/transfer.db --save FILE"
ABLATION = {
    "n = 2,000": {"n": 2000},
    "pixel space": {"space": "pixels"},
    "learned space": {"space": "learned"},
    "label weight 0": {"label_weight": 0.0},
    "label weight 10": {"label_weight": 10.0},
    "blurred, 0.5%": {"blur": 0.005},
    "blurred, 5%": {"blur": 0.05},
    "1,000 steps": {"steps": 1000},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--small", action="store_true", help="two targets, tiny sets: does it run?")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = args.store or Path(scratch) / "transfer.db"
        store.parent.mkdir(parents=True, exist_ok=True)
        study, few, ablation, points = _studies(args.seeds, args.small, store)
        frames, lattice = [], None
        if "main" in args.parts:
            frames.append(study.table())
        if "ablation" in args.parts:
            for name, change in ablation.items():
                changed = replace(few, what=name, settings=replace(few.settings, **change))
                frames.append(changed.table(CONTRAST))
        if "simplex" in args.parts:
            lattice = few.lattice(points)
        if args.save:
            save(args.save, pd.concat(frames), lattice, study.facts(), _origin(study, args.small))


def _studies(seeds: list[int], small: bool, store: Path) -> tuple[Study, Study, dict[str, dict[str, object]], int]:
    """All cells, the few of them that are looked at closely, what is varied there, and points to a side."""
    if small:
        study = Study("main", TARGETS[2:4], (0,), Settings(300, 200, steps=20), store)
        return study, replace(study, targets=TARGETS[2:3]), {"label weight 10": ABLATION["label weight 10"]}, 3
    study = Study("main", TARGETS, tuple(seeds), Settings(), store)
    return study, replace(study, targets=TARGETS[:2], seeds=tuple(seeds[:2])), ABLATION, 7


def _origin(study: Study, small: bool) -> dict[str, object]:
    return {
        "command": COMMAND + (" --small" if small else ""),
        "versions": {"continuum": continuum.__version__, "torch": torch.__version__, "numpy": np.__version__},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seeds": list(study.seeds),
        "settings": vars(study.settings),
    }


if __name__ == "__main__":
    main()
