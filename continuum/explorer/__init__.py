"""A local page with live sliders over any interpolant: what lies between, as one looks at it.

`show` says what a value looks like, and can be taught a new type; `explore` opens the page and needs the extra
``explore``, which is imported only then.
"""

from .controls import Dials, dials
from .explore import explore
from .show import Ask, show

__all__ = ["Ask", "Dials", "dials", "explore", "show"]
