"""Where numbers come from: versions, machine, commit and command, fit to be published with them."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from continuum.core.version import __version__

__all__ = ["noted", "provenance", "without_home"]

_SECRET = re.compile(r"^--?[\w-]*(token|secret|password|api-?key)[\w-]*", re.IGNORECASE)

_NOTED: ContextVar[Mapping[str, Any]] = ContextVar("noted")


def provenance(**extra: Any) -> dict[str, Any]:
    """What this process is, as JSON-able facts without secrets or home paths.

    Args:
        **extra: facts that the caller adds, such as the name of the study.
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "continuum": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in ("numpy", "torch", "scipy", "ot") if name in sys.modules},
        "platform": platform.platform(),
        "threads": _threads(),
        "commit": _commit(),
        "command": " ".join(_command(sys.argv)),
        **_NOTED.get({}),
        **extra,
    }


@contextmanager
def noted(**facts: Any) -> Iterator[None]:
    """Add facts to the provenance of every run that starts in this block, such as the name of the study that is run.

    Args:
        **facts: JSON-able facts.
    """
    token = _NOTED.set({**_NOTED.get({}), **facts})
    try:
        yield
    finally:
        _NOTED.reset(token)


def without_home(text: str) -> str:
    """`text` with the home folder written as `~`, and with characters that no file can hold replaced."""
    home = str(Path.home())
    short = text.replace(home, "~") if len(home) > 1 else text
    return short.encode("utf-8", "replace").decode()


def _version(module: str) -> str:
    return str(getattr(sys.modules[module], "__version__", "unknown"))


def _threads() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    return {
        "cpus": os.cpu_count(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "torch": None if torch is None else torch.get_num_threads(),
    }


def _commit() -> str | None:
    """The commit of the working folder, with "-dirty" if files differ from it; None without a repository or git."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],  # noqa: S607 -- the user's own git
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _command(argv: Iterable[str]) -> Iterator[str]:
    """The command line without folders of the program, home paths, and values of options that look secret."""
    program, *arguments = argv or [""]
    yield Path(program).name
    hide = False
    for argument in arguments:
        secret = _SECRET.match(argument)
        if hide or (secret and "=" in argument):
            yield f"{secret.group()}=***" if secret else "***"
        else:
            yield without_home(argument)
        hide = bool(secret) and "=" not in argument
