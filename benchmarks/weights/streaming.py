"""Merging two checkpoints on disk into a third: extra memory and CPU seconds, beside loading all of them.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/weights/streaming.py

Two random float32 checkpoints of half a gigabyte in the shapes of SmolLM2-135M, whose largest tensor is the embedding.
The peer opens both with safetensors, interpolates the state dicts and saves the result. Each number is from a process
of its own. Memory is the largest anonymous memory above that at the start: what is mapped from files is the page cache,
which the system takes back at will.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from continuum.models import CheckpointPath

RUNS = 7
LAYERS, WIDTH, HIDDEN, VOCABULARY = 30, 576, 1536, 49152
LARGEST = VOCABULARY * WIDTH * 4  # bytes


def write_inputs(folder: Path) -> None:
    """Checkpoints `a` and `b`."""
    block = {"q": (WIDTH, WIDTH), "k": (192, WIDTH), "v": (192, WIDTH), "o": (WIDTH, WIDTH), "norm": (WIDTH,)}
    block |= {"gate": (HIDDEN, WIDTH), "up": (HIDDEN, WIDTH), "down": (WIDTH, HIDDEN)}
    shapes = {f"layers.{i}.{name}.weight": shape for i in range(LAYERS) for name, shape in block.items()}
    shapes["embed_tokens.weight"] = (VOCABULARY, WIDTH)
    for seed, name in enumerate("ab"):
        generator = torch.Generator().manual_seed(seed)
        (folder / name).mkdir()
        tensors = {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}
        save_file(tensors, folder / name / "model.safetensors", {"format": "pt"})


def streamed(folder: Path, out: Path) -> None:
    CheckpointPath([folder / "a", folder / "b"]).export(0.3, out)


def load_all(folder: Path, out: Path) -> None:
    a, b = (load_file(folder / name / "model.safetensors") for name in "ab")
    out.mkdir()
    save_file({name: torch.lerp(a[name], b[name], 0.3) for name in a}, out / "model.safetensors", {"format": "pt"})


WORK: dict[str, Callable[[Path, Path], None]] = {"streamed": streamed, "load_all": load_all}


def anonymous() -> int:
    """Anonymous memory of this process in bytes."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) * 1024


@contextmanager
def peak() -> Iterator[list[int]]:
    """The largest anonymous memory within the block, above that at its start; looked at about every millisecond."""
    start, done, found = anonymous(), threading.Event(), [0]

    def look() -> None:
        while not done.wait(1e-3):
            found[0] = max(found[0], anonymous() - start)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


def measure(work: str, what: str, folder: Path, out: Path) -> float:
    """CPU seconds, or peak memory in bytes, of one merge in this process."""
    if what == "memory":
        with peak() as found:
            WORK[work](folder, out)
        return found[0]
    start = time.process_time()
    WORK[work](folder, out)
    return time.process_time() - start


def measured(work: str, what: str, folder: Path) -> float:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, __file__, work, what, str(folder), f"{out}/merged"]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def merge_rows() -> Iterator[dict[str, Any]]:
    """Rows for bench_weights.py: megabytes, and CPU seconds."""
    with tempfile.TemporaryDirectory(prefix="continuum-") as scratch:
        folder = Path(scratch)
        write_inputs(folder)
        memory = {work: measured(work, "memory", folder) for work in WORK}
        # In turns, so that a busy machine is busy for both.
        turns = [{work: measured(work, "seconds", folder) for work in WORK} for _ in range(RUNS)]
    note = f"{memory['streamed'] / LARGEST:.2f} x the largest tensor"
    megabytes = {work: size / 1e6 for work, size in memory.items()}
    # The fastest: what the system does meanwhile with its page cache doubles many of them.
    seconds = {work: min(turn[work] for turn in turns) for work in WORK}
    yield _row("merge two checkpoints, extra memory in MB", megabytes, note)
    yield _row("merge two checkpoints", seconds, f"fastest of {RUNS}; ours is on the disk at the end")


def _row(work: str, numbers: dict[str, float], note: str) -> dict[str, Any]:
    ours, peer = numbers["streamed"], numbers["load_all"]
    return {"work": work, "n": 2, "ours": ours, "peer": peer, "which": "load_file, save_file", "note": note}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))
    else:
        for row in merge_rows():
            print(row)
