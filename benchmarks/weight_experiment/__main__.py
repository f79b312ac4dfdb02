"""Do interpolated adapters do what their coordinate says, and track models that are trained on the mixture?

    OMP_WAIT_POLICY=PASSIVE python benchmarks/weight_experiment --store runs/weights --save FILE
    python benchmarks/weight_experiment --small

The experiment of Kangaslahti & Alvarez-Melis (2025) at the scale of two cores: SmolLM2-135M instead of Llama-2-7b,
twenty thousand tokens for each anchor. Killed and started again it computes what is missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

import sweeps
from anchors import OTHERS, SENTIMENT, Anchor, average_factors, train
from lab import Lab
from measured import read_store
from readings import CPU
from report import write
from weights import gram

import continuum

COMMAND = "OMP_WAIT_POLICY=PASSIVE python benchmarks/weight_experiment --store runs/weights --save FILE"
_ABOUT = (
    "SmolLM2-135M-Instruct, dequantised from Q4_1: not to be compared with published numbers of that model. LoRA of "
    "rank 8 on q, k, v and o; one pass over 768 sentences, 480 for genres. Over-trained: 48 sentences ten times, at "
    "three times the rate. One training for each anchor, so intervals are over texts, not over trainings; the second "
    "seed shows how much those differ."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="folder of adapters and numbers; a temporary one without it")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--jobs", type=int, help="processes of 3 GB and one thread each; all cores by default")
    parser.add_argument("--small", action="store_true", help="tiny random model, made-up sentences: does it run?")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        jobs = args.jobs or (1 if args.small else os.cpu_count() or 1)
        lab = Lab(args.store or Path(scratch), args.small, jobs)
        trained = run(lab)
        if args.save:
            write(args.save, _measured(lab, trained))


def run(lab: Lab) -> list[dict[str, Any]]:
    """All steps, the most important numbers first; what is there already takes no time."""
    lab.folder.mkdir(parents=True, exist_ok=True)
    found = _trained(lab, SENTIMENT)
    average_factors(lab)
    for step in (sweeps.sentiment, sweeps.predictions, sweeps.generations):
        step(lab)
    found += _trained(lab, OTHERS)
    for step in (
        sweeps.register,
        sweeps.two_attributes,
        sweeps.controls,
        sweeps.genres,
        sweeps.register_predictions,
        sweeps.entanglement,
        sweeps.simplex,
    ):
        step(lab)
    return found


def _trained(lab: Lab, anchors: Sequence[Anchor]) -> list[dict[str, Any]]:
    found = train(lab, anchors)
    for facts in found:
        print(f"{time.strftime('%H:%M:%S')} {facts}", flush=True)
    return found


def _measured(lab: Lab, trained: list[dict[str, Any]]) -> dict[str, Any]:
    """All numbers with their origin."""
    studies = read_store(lab.store, sweeps.NAMES)
    seconds = [row[0] for study in studies.values() for row in study["groups"][CPU]]
    packages = ("torch", "transformers", "peft", "numpy", "vaderSentiment")
    return {
        "command": COMMAND + (" --small" if lab.small else ""),
        "about": "A tiny random model and made-up sentences." if lab.small else _ABOUT,
        "versions": {"continuum": continuum.__version__, **{name: version(name) for name in packages}},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seeds": {"first": 0, "second": 1, "generations": 0},
        "cpu_seconds": {"training": sum(row["cpu"] for row in trained), "measuring": sum(seconds)},
        "anchors": trained,
        "geometry": gram(lab),
        "studies": studies,
    }


if __name__ == "__main__":
    main()
