"""The explorer: a local page of sliders over the domain of a path, and what is there."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from continuum.core import ContinuumError, Interpolant, InvalidInputError, require_extra

from .budget import budgets_of, point_within
from .controls import Dials, dials
from .show import Ask
from .view import Look, Viewer

if TYPE_CHECKING:
    from gradio import Blocks

__all__ = ["explore", "page_of"]

_HOST = "127.0.0.1"  # never an address that others can reach
_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_ASK = Ask()


def explore(
    interpolant: Interpolant[Any],
    *,
    title: str | None = None,
    port: int | None = None,
    ask: Ask = _ASK,
    open_browser: bool = False,
    block: bool = True,
) -> Any:
    """Open a local page with a slider for each coordinate of a path, and what its value there looks like.

    The page is served to this machine alone, and asks no other. A point at which the path raises shows the error.

    Args:
        interpolant: any path.
        title: title of the page; the name of the class of the path by default.
        port: port of this machine; None for the first that is free from 7860 on.
        ask: what is wanted of the values, such as the prompt of language models.
        open_browser: whether to open the page in a browser.
        block: whether to serve until interrupted; if not, the served page is returned, and its `close()` ends it.

    Returns:
        The page that is served, a `gradio.Blocks`.

    Raises:
        InvalidInputError: if it is no path, its value in the middle of the domain cannot be had, or the port is in use.
        MissingExtraError: if gradio is not installed.
    """
    require_extra("gradio", extra="explore", what="the explorer")
    if not isinstance(interpolant, Interpolant):
        raise InvalidInputError(f"only paths can be explored, with `domain` and `at(point)`; got {interpolant!r:.80}.")
    chosen = _free_port() if port is None else _checked_port(port)
    viewer = Viewer(interpolant)
    page = page_of(viewer, viewer.first(ask), title or type(interpolant).__name__, ask)
    page.launch(
        server_name=_HOST,
        server_port=chosen,
        inbrowser=open_browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        footer_links=[],
        ssr_mode=False,
        theme=_theme(),
        css=_css(),
    )
    if block:
        page.block_thread()
    return page


def page_of(viewer: Viewer, look: Look, title: str, ask: Ask) -> Blocks:
    """The page, before it is served."""
    import gradio

    controls = dials(viewer.path.domain)
    start = controls.places(look.point)
    page: Blocks
    with gradio.Blocks(title=f"{title} · continuum", analytics_enabled=False) as page:
        gradio.Markdown(f"# {title}\n\nEvery point has a value: move to it. Nothing leaves this machine.")
        sliders = [
            gradio.Slider(dial.low, dial.high, value=at, step=dial.step, label=dial.label)
            for dial, at in zip(controls.dials, start, strict=True)
        ]
        asked = _questions(ask, shown=viewer.speaks(look))
        seen = gradio.HTML(viewer.html_of(look), elem_id="seen")
        _Wiring(viewer, controls, ask, sliders, asked, seen).connect()
    return page


class _Wiring:
    """What happens when something is moved."""

    def __init__(
        self, viewer: Viewer, controls: Dials, ask: Ask, sliders: list[Any], asked: list[Any], seen: Any
    ) -> None:
        self.viewer, self.controls, self.ask = viewer, controls, ask
        self.sliders, self.asked, self.seen = sliders, asked, seen

    def connect(self) -> None:
        import gradio

        inputs, options = [*self.sliders, *self.asked], {"show_progress": "hidden", "trigger_mode": "always_last"}
        for slider in self.sliders:
            slider.input(self._html, inputs, self.seen, **options)
            slider.release(self._snapped, self.sliders, self.sliders, show_progress="hidden")
        for field in self.asked:
            field.change(self._html, inputs, self.seen, **options)
        if kinds := budgets_of(self.viewer.path):
            with gradio.Row():
                kind = gradio.Dropdown(list(kinds), value=kinds[0], label="budget")
                amount = gradio.Textbox(label="at most", placeholder="such as 150M", submit_btn="Go")
            amount.submit(self._within, [kind, amount, *self.asked], [*self.sliders, self.seen])

    def _html(self, *given: Any) -> str:
        places, asked = given[: len(self.sliders)], given[len(self.sliders) :]
        return self.viewer.html(self.controls.point(places), self._asking(asked))

    def _snapped(self, *places: float) -> Any:
        """Sliders where the point truly is: on a level, and on the simplex."""
        found = self.controls.places(self.controls.point(places))
        return found[0] if len(found) == 1 else list(found)

    def _within(self, kind: str, amount: str, *asked: Any) -> list[Any]:
        import gradio

        try:
            point = point_within(self.viewer.path, kind, amount)
        except ContinuumError as error:
            raise gradio.Error(str(error)) from error
        return [*self.controls.places(point), self.viewer.html(point, self._asking(asked))]

    def _asking(self, asked: Sequence[Any]) -> Ask:
        if not asked:
            return self.ask
        prompt, tokens, seed = asked
        return Ask(str(prompt) or self.ask.prompt, int(seed or 0), int(tokens), self.ask.items)


def _questions(ask: Ask, *, shown: bool) -> list[Any]:
    """Fields for what language models are asked; none for other values."""
    import gradio

    if not shown:
        return []
    prompt = gradio.Textbox(ask.prompt, label="prompt")
    with gradio.Row():
        tokens = gradio.Slider(4, 128, value=ask.tokens, step=4, label="tokens")
        seed = gradio.Number(ask.seed, label="seed of the noise", precision=0, minimum=0)
    return [prompt, tokens, seed]


def _theme() -> Any:
    import gradio

    # Fonts of the system: others would be asked of another machine.
    return gradio.themes.Base(font=_FONTS, font_mono=["ui-monospace", "monospace"], primary_hue="blue")


def _css() -> str:
    places = ("continuum.report", "exhibit.css"), (__package__, "explore.css")
    return "".join(files(package).joinpath(name).read_text("utf-8") for package, name in places)


def _checked_port(port: int) -> int:
    if not 0 <= port < 2**16:
        raise InvalidInputError(f"`port` must be from 0 to 65535, got {port}.")
    if port == 0:
        return _free_port()
    if not _is_free(port):
        raise InvalidInputError(f"port {port} of this machine is in use: end what uses it, or name another `--port`.")
    return port


def _free_port() -> int:
    for port in range(7860, 7960):
        if _is_free(port):
            return port
    with socket.socket() as any_port:
        any_port.bind((_HOST, 0))
        return int(any_port.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((_HOST, port))
        except OSError:
            return False
    return True
