"""Experiments of `benchmarks` in their small form, as a process of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(folder: Path, store: Path, save: Path, *options: str) -> dict[str, Any]:
    """What the program in a folder writes."""
    program = [sys.executable, str(folder), "--small", *options, "--store", str(store), "--save", str(save)]
    subprocess.run(program, check=True, capture_output=True)
    return json.loads(save.read_text())


def check_second_run(folder: Path, tmp_path: Path, first: dict[str, Any], lost: str, key: str) -> None:
    """A run of what was measured in `tmp_path / "store"` computes only the lost piece, and finds the same `key`."""
    store = tmp_path / "store"
    (store / "pieces" / f"{lost}.json").unlink()
    assert run(folder, store, tmp_path / "part.json", "--report")["missing"] == [lost]
    again = run(folder, store, tmp_path / "again.json")["pieces"]
    # Seconds are among the numbers: what is equal was read, not measured again.
    assert {name: piece for name, piece in again.items() if name != lost} == {
        name: piece for name, piece in first["pieces"].items() if name != lost
    }
    assert again[lost][key] == first["pieces"][lost][key]


def check_redrawn(folder: Path, tmp_path: Path) -> None:
    """The report of `again.json` follows from the stored numbers."""
    copy = tmp_path / "copy.json"
    shutil.copy(tmp_path / "again.json", copy)
    subprocess.run([sys.executable, str(folder / "redraw.py"), str(copy)], check=True, capture_output=True)
    assert copy.read_text() == (tmp_path / "again.json").read_text()
    assert copy.with_suffix(".md").read_text() == (tmp_path / "again.md").read_text()
