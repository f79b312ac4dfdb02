"""Floor 4: pictures and one HTML page of results. Reads `Results`, computes nothing on values."""

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    from continuum.core import MissingExtraError

    raise MissingExtraError(
        'drawing needs matplotlib, which is not installed: pip install "continuum-interpolation[plots]"'
    ) from error

from .dataset_map import NamedCoordinates, dataset_map
from .images import image_strip
from .page import write_page
from .plot import plot_results

__all__ = ["NamedCoordinates", "dataset_map", "image_strip", "plot_results", "write_page"]
