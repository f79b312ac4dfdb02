"""Write the report of a stored run anew, from its numbers.

python benchmarks/linked_experiment/redraw.py docs/results/selection_experiment.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from report import write


def main() -> None:
    path = Path(sys.argv[1])
    found = json.loads(path.read_text())
    write(path, {name: value for name, value in found.items() if name != "claims"})


if __name__ == "__main__":
    main()
