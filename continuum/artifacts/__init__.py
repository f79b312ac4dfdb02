"""Floor 2: pinned archives that package clients download, and the cache of what was read out of them.

It stands on the standard library and NumPy, and knows no axis: what is pinned, and what is kept of it, is a `Recipe`.
"""

from .archive import Archive, check_digest
from .clients import download
from .members import ar_member, tar_member
from .recipe import Recipe, cache_folder, cache_path, fetch

__all__ = [
    "Archive",
    "Recipe",
    "ar_member",
    "cache_folder",
    "cache_path",
    "check_digest",
    "download",
    "fetch",
    "tar_member",
]
