"""The neural map of the experiment trained for longer, on some of its cells.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/transfer_experiment/longer_maps.py --store runs/longer.db
    ... --save docs/results/longer_maps.json

The table trains neural maps for 400 steps. Here the same cells are computed with 400 and with 1,200, the default of the
library. Killed and started again it computes what is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from cells import TARGETS, Settings
from study import Cell, run
from tables import REFERENCE, by_cell, interval

import continuum

COMMAND = "OMP_WAIT_POLICY=PASSIVE python benchmarks/transfer_experiment/longer_maps.py --store FILE --save FILE"
NEURAL = "neural map, a*"
STEPS = (400, 1200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--save", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS)
    args = parser.parse_args()
    args.store.parent.mkdir(parents=True, exist_ok=True)
    frames = [measured(steps, args.targets, args.seeds, args.store) for steps in STEPS]
    origin = {
        "command": f"{COMMAND} --targets {shlex.join(args.targets)}",
        "versions": {"continuum": continuum.__version__, "torch": torch.__version__, "numpy": np.__version__},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "targets": list(args.targets),
        "seeds": args.seeds,
        "settings": vars(Settings()) | {"map_steps": STEPS},
        "seconds": sum(float(frame["seconds"].sum()) for frame in frames),
    }
    write(args.save, origin | {"rows": compared(*map(by_cell, frames))})


def measured(steps: int, targets: Sequence[str], seeds: Sequence[int], store: Path) -> pd.DataFrame:
    """Accuracy of the neural map after `steps`, and of the barycentric map beside it, one cell at a time."""
    settings = Settings(map_steps=steps)
    cells = [Cell("longer", target, seed, settings, store) for seed in seeds for target in targets]
    return run(cells, partial(Cell.rows, only=(REFERENCE, NEURAL)), jobs=1)


def compared(few: pd.DataFrame, many: pd.DataFrame) -> list[dict[str, Any]]:
    """Accuracy of each cell after few steps and after many."""
    found = {"few": few[NEURAL], "many": many[NEURAL], "barycentric": few[REFERENCE]}
    return pd.DataFrame(found).reset_index().to_dict("records")


def write(path: Path, found: dict[str, Any]) -> None:
    """Numbers as JSON, and tables of them as Markdown beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(found))


def markdown(found: dict[str, Any]) -> str:
    """Means over the seeds of each target, and over all cells with the interval of their paired differences."""
    cells = 100 * pd.DataFrame(found["rows"]).set_index(["target", "seed"])
    few, many = (f"{steps:,} steps" for steps in found["settings"]["map_steps"])
    lines = ["# Neural maps, trained for longer", "", f"`{found['command']}`", "", "## Longer maps", ""]
    lines += ["In %, means over seeds; in the last line over all cells, with 95% bootstrap intervals.", ""]
    lines += [f"| target | neural map, {few} | neural map, {many} | gain | barycentric less {many} |", "|-|-|-|-|-|"]
    for name, part in cells.groupby("target", sort=False):
        lines.append(_line(str(name), part))
    lines.append(_line("all", cells, interval))
    return "\n".join(lines) + "\n"


def _line(name: str, cells: pd.DataFrame, bounds: Callable[[pd.Series], tuple[float, float]] | None = None) -> str:
    pairs = cells["many"] - cells["few"], cells["barycentric"] - cells["many"]
    shown = [
        f"{pair.mean():+.1f}" + ("" if bounds is None else " [{:+.1f}, {:+.1f}]".format(*bounds(pair)))
        for pair in pairs
    ]
    return f"| {name} | {cells['few'].mean():.1f} | {cells['many'].mean():.1f} | {shown[0]} | {shown[1]} |"


if __name__ == "__main__":
    main()
