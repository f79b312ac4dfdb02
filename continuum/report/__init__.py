"""Floor 4: pictures and one HTML page of results. Reads `Results`, computes nothing on values."""

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    from continuum.core import MissingExtraError

    raise MissingExtraError(
        'drawing needs matplotlib, which is not installed: pip install "continuum-interpolation[plots]"'
    ) from error

from .clouds import cloud_strip
from .dataset_map import NamedCoordinates, dataset_map
from .images import image_strip
from .link_map import plot_link
from .page import write_page
from .plot import plot_results

__all__ = ["NamedCoordinates", "cloud_strip", "dataset_map", "image_strip", "plot_link", "plot_results", "write_page"]
