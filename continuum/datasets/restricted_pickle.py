"""Reads a pickled numpy array without the power of pickle to run code.

A pickle names functions and calls them. Only the three names that an array needs are known here; every other name is
refused before it is looked up, so nothing is imported and nothing is called.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core.errors import UntrustedArtifactError

__all__ = ["load_array"]

# The function moved from `numpy.core` to `numpy._core` in numpy 2; an array itself tells where it lives today.
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def load_array(data: bytes, *, where: str = "data") -> NDArray[Any]:
    """The numeric array that a pickle holds.

    Args:
        data: the pickle.
        where: the name of the file, for messages.

    Raises:
        UntrustedArtifactError: if the pickle asks for anything but an array of numbers, or is damaged.
    """
    try:
        array = _ArrayUnpickler(io.BytesIO(data)).load()
    except UntrustedArtifactError as error:
        raise UntrustedArtifactError(f"`{where}`: {error}") from None
    except Exception as error:  # a damaged pickle may raise nearly anything, says the pickle documentation
        raise UntrustedArtifactError(f"`{where}` is not a whole pickle of an array: {error!r}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        kind = f"array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise UntrustedArtifactError(f"`{where}` holds an object of kind `{kind}`; expected an array of numbers")
    return array


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise UntrustedArtifactError(
                f"the pickle asks for `{module}.{name}`, which an array does not need: do not use this file"
            ) from None
