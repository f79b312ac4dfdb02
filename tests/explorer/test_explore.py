"""The explorer in a browser: sliders move what is shown, and what goes wrong is one sentence."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("gradio")

from pages import DESK, PHONE, visit

from continuum import Interval, Levels, Simplex, from_function, product
from continuum.core import InvalidInputError, MissingExtraError
from continuum.explorer import Ask, explore
from continuum.explorer.budget import budgets_of, point_within
from continuum.explorer.view import Viewer
from continuum.models import LanguageModel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from tiny import tiny_llama, tiny_tokenizer

SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.5]])


def moving(t: float) -> Any:
    return SQUARE + 3 * t


def half_broken(t: float) -> float:
    if t > 0.75:
        raise ZeroDivisionError("<b>nothing</b> there")
    return t


class Sized:
    """A path over levels that knows the largest value within a budget."""

    domain = Levels((0, 0.25, 1), axis="size")

    def at(self, t: Any) -> str:
        (t,) = self.domain.point(t)
        return f"{100 * t:g} layers"

    def at_budget(self, *, layers: int) -> tuple[float]:
        return (max(t for t in self.domain.values if 100 * t <= layers),)


@pytest.fixture
def serve() -> Any:
    pages = []

    def start(path: Any, **options: Any) -> str:
        pages.append(explore(path, block=False, **options))
        return str(pages[-1].local_url)

    yield start
    for page in pages:
        page.close(verbose=False)


def seen_after(page: Any, text: str) -> str:
    """What is shown once it holds `text`."""
    page.locator("#seen", has_text=text).wait_for()
    return str(page.locator("#seen").inner_html())


def test_a_slider_moves_the_picture(browser: Any, serve: Any) -> None:
    with visit(browser, serve(from_function(Interval(), moving), title="Moving"), window=PHONE) as seen:
        before = seen_after(seen.page, "t = 0.5")
        assert seen.page.locator("h1").inner_text() == "Moving"
        seen.move(1.0)
        after = seen_after(seen.page, "t = 1")
        assert "<img" in after
        assert after.split("<dl")[0] != before.split("<dl")[0]
        assert seen.overflow <= 0
        assert seen.errors == []
        assert seen.strangers == []


def test_a_point_without_a_value_is_told_and_the_page_lives_on(browser: Any, serve: Any) -> None:
    with visit(browser, serve(from_function(Interval(), half_broken)), window=DESK) as seen:
        seen.move(1.0)
        assert "&lt;b&gt;nothing&lt;/b&gt; there" in seen_after(seen.page, "ZeroDivisionError")
        seen.move(0.0)
        seen_after(seen.page, "t = 0")
        assert seen.errors == []


def test_levels_snap_and_a_budget_finds_the_largest_value(browser: Any, serve: Any) -> None:
    with visit(browser, serve(Sized()), window=PHONE) as seen:
        seen.move(0.9)
        seen_after(seen.page, "100 layers")
        seen.page.get_by_label("at most").fill("50")
        seen.page.get_by_role("button", name="Go").click()
        assert "25 layers" in seen_after(seen.page, "size = 0.25")
        assert seen.page.locator("input[type=range]").first.input_value() == "0.25"
        assert seen.overflow <= 0


def test_language_models_write_what_the_prompt_begins(browser: Any, serve: Any) -> None:
    models = [LanguageModel(tiny_llama(seed), tiny_tokenizer()) for seed in (0, 1)]
    path = from_function(Levels((0, 1)), lambda t: models[int(t)])
    with visit(browser, serve(path, ask=Ask(prompt="the movie", tokens=8)), window=PHONE) as seen:
        before = seen_after(seen.page, "the movie")
        seen.move(0.0)
        assert seen_after(seen.page, "level = 0").split("<dl")[0] != before.split("<dl")[0]
        seen.page.get_by_label("prompt").fill("a story")
        seen_after(seen.page, "a story")
        assert seen.overflow <= 0
        assert seen.errors == []


def test_the_weights_of_several_axes_have_a_slider_each(browser: Any, serve: Any) -> None:
    mixture = from_function(Simplex(("a", "b", "c")), lambda *shares: np.array(shares))
    path = product(data=mixture, t=from_function(Interval(), moving))
    with visit(browser, serve(path), window=PHONE) as seen:
        seen_after(seen.page, "data.a")
        assert seen.page.locator("input[type=range]").count() == 4
        assert seen.overflow <= 0


def test_a_path_that_is_broken_is_one_message() -> None:
    broken = from_function(Interval(), lambda t: 1 / 0)
    with pytest.raises(InvalidInputError, match=r"at \(0.5,\) it raises ZeroDivisionError"):
        explore(broken, block=False)
    with pytest.raises(InvalidInputError, match="only paths can be explored"):
        explore(3, block=False)  # type: ignore[arg-type]


def test_a_port_in_use_is_one_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInputError, match="in use"):
            explore(Sized(), port=taken.getsockname()[1], block=False)
    with pytest.raises(InvalidInputError, match="65535"):
        explore(Sized(), port=70000, block=False)


def test_a_missing_extra_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("continuum.core.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"continuum-interpolation\[explore\]"):
        explore(Sized(), block=False)


def test_clouds_are_seen_in_one_frame() -> None:
    viewer = Viewer(from_function(Interval(), moving))
    viewer.first(Ask())
    pictures = {viewer.html((t,), Ask()).split("<dl")[0].split("src=")[1] for t in (0.0, 0.5, 1.0)}
    assert len(pictures) == 3


def test_budgets_are_those_of_the_path() -> None:
    assert budgets_of(Sized()) == ("layers",)
    assert budgets_of(from_function(Interval(), moving)) == ()
    assert point_within(Sized(), "layers", "30") == (0.25,)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        point_within(Sized(), "layers", "many")
