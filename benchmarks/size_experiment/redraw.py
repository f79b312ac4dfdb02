"""Summarise and draw stored results anew; nothing is measured.

python benchmarks/size_experiment/redraw.py docs/results/size_experiment.json
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from report import write
from reports import redraw

if __name__ == "__main__":
    redraw(__doc__, write)
