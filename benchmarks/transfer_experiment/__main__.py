"""Five-shot transfer: does mixing datasets along optimal transport beat choosing one?

    OMP_WAIT_POLICY=PASSIVE python benchmarks/transfer_experiment --store runs/transfer.db
    python benchmarks/transfer_experiment --store runs/transfer.db --save docs/results/transfer_experiment.json
    python benchmarks/transfer_experiment --small

The experiment of Fan & Alvarez-Melis (2023), table 1, at the scale of two cores: other sets, a smaller network, fewer
steps. Killed and started again it computes what is missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cells import TARGETS, Settings
from study import CONTRAST, Cell, run
from tables import save

import continuum

Step = tuple[list[Cell], Callable[[Cell], pd.DataFrame]]

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
_SMALL = Settings(300, 200, steps=20, map_steps=20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cells at a time, of 3 GB and one thread each")
    parser.add_argument("--small", action="store_true", help="two targets, tiny sets: does it run?")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = args.store or Path(scratch) / "transfer.db"
        store.parent.mkdir(parents=True, exist_ok=True)
        plan = _small(store) if args.small else _full(tuple(args.seeds), store)
        frames = [run(cells, work, args.jobs) for cells, work in plan]
        if args.save:
            save(args.save, pd.concat(frames, ignore_index=True), _origin(args.seeds, args.small))


def _full(seeds: tuple[int, ...], store: Path) -> list[Step]:
    main, learned = Settings(), Settings(space="learned")
    cells = [Cell("main", target, seed, main, store) for seed in seeds for target in TARGETS]
    few = [cell for cell in cells if cell.target in TARGETS[:2] and cell.seed in seeds[:2]]
    first = [cell for cell in cells if cell.seed == seeds[0]]
    return [
        (cells, Cell.rows_and_facts),
        (_changed(few, ABLATION), partial(Cell.rows, only=CONTRAST)),
        *((_lattices(first, space), partial(Cell.lattice, points=side)) for space, side in ((main, 6), (learned, 5))),
    ]


def _small(store: Path) -> list[Step]:
    cells = [Cell("main", target, 0, _SMALL, store) for target in TARGETS[2:4]]
    changes = {"label weight 10": ABLATION["label weight 10"]}
    return [
        (cells, Cell.rows_and_facts),
        (_changed(cells[:1], changes), partial(Cell.rows, only=CONTRAST)),
        (_lattices(cells[:1], _SMALL), partial(Cell.lattice, points=3)),
    ]


def _changed(cells: list[Cell], changes: dict[str, dict[str, object]]) -> list[Cell]:
    pairs = [(cell, name) for name in changes for cell in cells]
    return [replace(cell, what=name, settings=replace(cell.settings, **changes[name])) for cell, name in pairs]


def _lattices(cells: list[Cell], settings: Settings) -> list[Cell]:
    return [replace(cell, what="lattice", settings=settings) for cell in cells]


def _origin(seeds: list[int], small: bool) -> dict[str, object]:
    return {
        "command": COMMAND + (" --small" if small else ""),
        "versions": {"continuum": continuum.__version__, "torch": torch.__version__, "numpy": np.__version__},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seeds": [0] if small else seeds,
        "settings": vars(_SMALL if small else Settings()),
    }


if __name__ == "__main__":
    main()
