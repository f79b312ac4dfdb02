"""Optional dependencies, asked for by the extra that brings them."""

from __future__ import annotations

from importlib.util import find_spec

from .errors import MissingExtraError

__all__ = ["require_extra"]


def require_extra(module: str, *, extra: str, what: str) -> None:
    """Raise `MissingExtraError` unless a module is installed; it is not imported.

    Args:
        module: name of a top-level module.
        extra: the extra of the library that brings it.
        what: what needs it, the beginning of the message.

    Example:
        >>> require_extra("numpy", extra="plots", what="drawing")  # it is installed, so nothing happens
    """
    if find_spec(module) is None:
        raise MissingExtraError(
            f'{what} needs {module}, which is not installed: pip install "continuum-interpolation[{extra}]"'
        )
