"""Runs a script in two processes of one training, as `torchrun` and `accelerate launch` start them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

# Without the destructors, in which gloo aborts now and then when the other process is gone first.
LEAVE = """
import os, sys, torch.distributed
sys.stdout.flush()
torch.distributed.barrier()
os._exit(0)
"""


def on_two_processes(code: str, folder: Path) -> str:
    """What the two print; the code can import helpers and tests of models."""
    script = folder / "script.py"
    paths = [str(HERE), str(HERE / "size"), str(HERE / "weights")]
    script.write_text(f"import sys\nsys.path[:0] = {paths!r}\n{code}{LEAVE}")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    found = subprocess.run(launch, env=environment, check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout
