"""Write the report of a stored run anew, from its numbers.

python benchmarks/decision_experiment/redraw.py docs/results/decision_experiment.json
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from report import write
from reports import redraw

if __name__ == "__main__":
    redraw(__doc__, write)
