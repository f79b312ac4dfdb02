"""One look at one point: what is there, or in one sentence why nothing is."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from continuum.core import Interpolant, InvalidInputError, Point, SupportsEndpoints, lease
from continuum.harness import Clouds, Exhibit, Texts
from continuum.report.clouds import Frame
from continuum.report.exhibit_html import exhibit_html, shared_frame
from continuum.report.markup import escaped
from continuum.report.text import number, place

from .show import Ask, show

__all__ = ["Look", "Viewer"]

_ENDS = 4  # vertices that are looked at to find a frame for clouds


@dataclass(frozen=True)
class Look:
    """What there is to see at a point.

    Attributes:
        point: where.
        exhibits: what is shown.
        seconds: how long it took to get the value and to look at it.
    """

    point: Point
    exhibits: tuple[Exhibit, ...]
    seconds: float


@dataclass(eq=False)
class Viewer:
    """Looks at the values of a path, one at a time: a value that is lent must not be lent twice.

    Args:
        path: the path.
    """

    path: Interpolant[Any]
    _busy: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _frame: Frame | None = field(default=None, repr=False)

    def look(self, point: Point, ask: Ask) -> Look:
        """What is at a point; whatever the path raises goes through."""
        with self._busy:
            start = time.perf_counter()
            with lease(self.path, point) as value:
                exhibits = show(value, ask)
            return Look(point, exhibits, time.perf_counter() - start)

    def first(self, ask: Ask) -> Look:
        """A look at the middle of the domain, which says whether the path works at all.

        Raises:
            InvalidInputError: with what the path raised, if it does not.
        """
        point = self._middle()
        try:
            look = self.look(point, ask)
            self._frame = self._common_frame(look, ask)
        except Exception as error:
            kind = type(error).__name__
            raise InvalidInputError(
                f"{type(self.path).__name__} cannot be looked at: at {point} it raises {kind}: {error}"
            ) from error
        return look

    def html(self, point: Point, ask: Ask) -> str:
        """What is at a point as HTML; an error is one sentence there, and the page lives on."""
        name = escaped(place(dict(zip(self.path.domain.axes, point, strict=True)), self.path.domain.axes))
        try:
            look = self.look(point, ask)
        except Exception as error:  # noqa: BLE001 -- paths of other people fail in any way they like
            said = f"{type(error).__name__}: {error}"
            return f'<div class="look"><h3>{name}</h3><p class="failed">No value here. {escaped(said)}</p></div>'
        return self.html_of(look)

    def html_of(self, look: Look) -> str:
        """A look as HTML."""
        axes = self.path.domain.axes
        name = escaped(place(dict(zip(axes, look.point, strict=True)), axes))
        seen = exhibit_html(look.exhibits, self._frame)
        return f'<div class="look"><h3>{name}</h3>{seen}<p class="facts">took {number(look.seconds, 2)} s</p></div>'

    def speaks(self, look: Look) -> bool:
        """Whether the values write texts after a prompt."""
        return any(isinstance(item, Texts) and any(item.captions) for item in look.exhibits)

    def _middle(self) -> Point:
        points: Sequence[Point] = self.path.domain.grid(3)
        return points[len(points) // 2]

    def _common_frame(self, look: Look, ask: Ask) -> Frame | None:
        """A frame around the clouds at the ends of the path: what moves must not take its frame along."""
        if not any(isinstance(item, Clouds) for item in look.exhibits):
            return None
        ends = list(self.path.endpoints) if isinstance(self.path, SupportsEndpoints) else self.path.domain.vertices()
        looks = [self.look(self.path.domain.point(point), ask) for point in ends[:_ENDS]]
        return shared_frame(item for one in (look, *looks) for item in one.exhibits)
