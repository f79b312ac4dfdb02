"""Summarise and draw stored results anew; nothing is measured.

python benchmarks/size_experiment/redraw.py docs/results/size_experiment.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from report import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    measured = json.loads(file.read_text())
    write(file, {name: value for name, value in measured.items() if name != "claims"})


if __name__ == "__main__":
    main()
