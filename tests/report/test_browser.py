"""The page in a browser: its slider moves, pictures and numbers follow, and nothing is asked of anybody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from pages import DESK, PHONE, visit
from studies import COST, DOMAINS, SCORE, Arc, study

from continuum.harness import Clouds, Facts, Images, Results, Texts, keep_exhibits, kept_exhibits
from continuum.report import write_page


def show(value: tuple[float, ...]) -> Any:
    height, *point = value
    cloud = np.random.default_rng(0).normal(size=(200, 3)) + 3 * point[-1]
    pixels = np.full((3, 8, 8), point[-1])
    return (
        Images(pixels, ("a", "b", "c")),
        Texts((f"height {height:g} at {point[-1]:g}",), ("It was",)),
        Clouds((cloud,)),
        Facts({"t": f"{point[-1]:g}"}),
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page with two studies, one of which has something to look at."""
    folder = tmp_path_factory.mktemp("page")
    store = folder / "arc.db"
    study(store=store, metrics=(SCORE, COST))
    study(DOMAINS["triangle"], store=store, name="triangle", points=3)
    beside = {f"baseline {i}": Arc(height=-0.5 * i) for i in range(2)}
    keep_exhibits(Arc(), show, store=store, study="arc", baselines=beside, references={"teacher": Arc().at(0)})
    written = write_page(Results.load(store), folder / "arc.html", exhibits=kept_exhibits(store))
    return written.as_uri()


def shown(page: Any) -> Any:
    return page.locator(".stop:visible").first


def test_the_slider_moves_pictures_and_numbers(browser: Any, page: str) -> None:
    with visit(browser, page, window=DESK) as seen:
        before = shown(seen.page).inner_html()
        assert shown(seen.page).get_attribute("data-name") == "t = 0.5"
        seen.move(1.0)
        after = shown(seen.page)
        assert after.get_attribute("data-name") == "t = 1"
        assert seen.page.locator(".dial output").first.inner_text() == "t = 1"
        assert "height 1 at 1" in after.inner_text()
        assert after.inner_html() != before
        assert seen.page.locator(".tour").first.locator(".stop:visible").count() == 1
        assert seen.errors == []
        assert seen.strangers == []


def test_the_marks_of_the_point_are_ringed_in_every_picture(browser: Any, page: str) -> None:
    with visit(browser, page, window=DESK) as seen:
        seen.move(0.0)
        ringed = seen.page.locator("section").first.locator("use.here")
        # Per metric three labels at t = 0 and the endpoint there; and three labels among what quality costs.
        assert ringed.count() == 2 * 4 + 3


def test_a_tap_on_a_mark_goes_to_its_point_and_its_value_stays_to_be_read(browser: Any, page: str) -> None:
    with visit(browser, page) as seen:
        tour, section = seen.page.locator(".tour").nth(1), seen.page.locator("section").nth(1)
        tour.locator("input").fill("0")
        mark = section.locator("svg.plot use.here").first.element_handle()
        tour.locator("input").fill("3")
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        seen.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        place = tour.locator(".stop").first.get_attribute("data-tip")
        assert tour.locator(".stop:visible").get_attribute("data-tip") == place
        assert place in seen.page.locator("#tip").inner_text()
        seen.page.touchscreen.tap(5, 5)
        assert seen.page.locator("#tip").is_hidden()
        assert seen.errors == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("window", [PHONE, DESK], ids=["phone", "desk"])
def test_no_window_has_to_be_scrolled_sideways(browser: Any, page: str, window: Any, dark: bool) -> None:
    with visit(browser, page, window=window, dark=dark) as seen:
        for summary in seen.page.locator("details > summary").all():
            summary.click()
        assert seen.overflow <= 0
        assert seen.errors == []


def test_no_baseline_can_be_hidden(browser: Any, page: str) -> None:
    with visit(browser, page, window=DESK) as seen:
        controls = seen.page.locator("button, input:not([type=range]), select")
        assert controls.count() == 0
        text = seen.page.locator("section").first.locator("svg.plot").first.text_content()
        for label in ("baseline 0", "baseline 1", "teacher", "best endpoint (choosing)"):
            assert label in text


def test_without_scripts_the_numbers_are_there(browser: Any, page: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(page)
    assert plain.locator(".dial").first.is_hidden()
    assert plain.locator(".stop").first.is_visible()
    context.close()
