"""Record the demo for README and docs: its numbers with their provenance, and the pictures drawn from them.

    make demo && python benchmarks/record_demo.py

Writes docs/results/demo.json, docs/_static/demo.png (curves) and docs/_static/strip.png (images).
"""

from __future__ import annotations

from pathlib import Path

from continuum.demo import draw_strip
from continuum.demo.images import image_scenes
from continuum.harness import Results
from continuum.report import plot_results

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    results = Results.load(ROOT / "runs" / "demo.db")
    record = ROOT / "docs" / "results" / "demo.json"
    results.save(record)
    scene, *_ = image_scenes()
    recorded = Results.load(record)
    plot_results(recorded.select(study=scene.title)).savefig(ROOT / "docs" / "_static" / "demo.png", dpi=110)
    draw_strip(scene.geodesic, scene.rival).savefig(ROOT / "docs" / "_static" / "strip.png", dpi=110)
    print(record.relative_to(ROOT), len(recorded.frame), "numbers")


if __name__ == "__main__":
    main()
