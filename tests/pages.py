"""A page in a browser that notes everything that goes wrong there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1100, "height": 900}


class Visit:
    """An open page, the errors that it gave, and every address that it asked."""

    def __init__(self, page: Any) -> None:
        self.page, self.errors, self.asked = page, [], []
        page.on("console", lambda said: self.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    @property
    def strangers(self) -> list[str]:
        """Addresses that are neither a file, nor data, nor this machine."""
        ours = ("file:", "data:", "blob:", "http://127.0.0.1")
        return [address for address in self.asked if not address.startswith(ours)]

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def move(self, to: float) -> None:
        """Move the first slider to a share of its way, as a finger would."""
        box = self.page.locator("input[type=range]").first.bounding_box()
        self.page.mouse.click(box["x"] + 1 + to * (box["width"] - 2), box["y"] + box["height"] / 2)


@contextmanager
def visit(browser: Any, address: str, *, window: dict[str, int] = PHONE, dark: bool = False) -> Iterator[Visit]:
    """Open an address."""
    context = browser.new_context(viewport=window, color_scheme="dark" if dark else "light", has_touch=True)
    seen = Visit(context.new_page())
    seen.page.goto(address)
    yield seen
    context.close()
