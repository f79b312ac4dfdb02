"""Summarise and draw stored results anew; nothing is measured.

python benchmarks/transfer_experiment/redraw.py docs/results/transfer_experiment.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tables import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    write(file, json.loads(file.read_text()))


if __name__ == "__main__":
    main()
