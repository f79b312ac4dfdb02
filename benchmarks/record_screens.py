"""Record what report and explorer look like, for the documentation; and paths to explore oneself.

    python benchmarks/record_screens.py
    continuum explore benchmarks.record_screens:digits     # or chairs, or sentiment

Writes docs/_static/report.png, report_phone.png, explore_digits.png, explore_chair.png and explore_sentiment.png. Needs
Chromium, the extras `explore` and `dev`, and what `continuum fetch furniture smollm2 sentiment-text` brings.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from continuum import Interval, along, from_function
from continuum.compute import load_furniture
from continuum.core import Interpolant
from continuum.datasets import LabelledDataset, McCann, load
from continuum.demo.images import ImageScene
from continuum.explorer import Ask, explore, show
from continuum.harness import Results, keep_exhibits, kept_exhibits
from continuum.measures import solve
from continuum.models import WeightPath, attribute_texts, fine_tune_lora, load_language_model
from continuum.models.weights import LoraRecipe
from continuum.report import write_page

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "_static"
_CHAIR, _TABLE = 11, 25  # rows of the furniture, both by Scopia
_POINTS = 1000  # of an object
DESK, PHONE = {"width": 860, "height": 900}, {"width": 390, "height": 780}


def digits() -> Interpolant[LabelledDataset]:
    """From the digits 0 to 4 to the digits 5 to 9."""
    x, y = load("digits", n=400, seed=0).to_numpy()
    return McCann(*(LabelledDataset(x[part][:150], y[part][:150]) for part in (y < 5, y >= 5)))


def chairs() -> Interpolant[np.ndarray]:
    """From a chair to a table, each point on the straight line to where transport takes it."""
    objects = load_furniture()
    first, second = (_points(objects.points[row]) for row in (_CHAIR, _TABLE))
    plan = solve(np.square(first[:, None] - second[None]).sum(2)).coupling.tocsr()
    partner = second[np.asarray(plan.argmax(axis=1)).ravel()]
    return from_function(Interval(), lambda t: (1 - t) * first + t * partner)


def sentiment() -> Interpolant[Any]:
    """From an adapter of unfavourable reviews to one of favourable ones."""
    found, recipe = load_language_model("smollm2"), LoraRecipe(steps=32, batch_size=8)
    folder = ROOT / "runs" / "screens"
    for name, texts in zip(("favourable", "unfavourable"), attribute_texts("sentiment"), strict=True):
        short = [text for text in texts.train if len(text) <= 90][: recipe.texts]
        fine_tune_lora(found.model, found.tokenizer, short, folder / name, recipe=recipe)
    return WeightPath.from_adapters(found.model, folder / "favourable", folder / "unfavourable", bounds=(-0.5, 1.5))


def _points(cloud: np.ndarray) -> np.ndarray:
    """Some of the points, with the third coordinate upwards."""
    x, y, z = cloud[:_POINTS].T.astype(float)
    return np.column_stack([x, -z, y])


def _report(folder: Path) -> str:
    """The address of a report on the first scene of the demo, at half its size."""
    scene, store = ImageScene("digits", ("animals", "optdigits"), n=300, seeds=4), folder / "digits.db"
    scene.run(folder, store, 1)
    line = {name: along(path, (1, 0), (0, 1)) for name, path in (("", scene.geodesic), ("Mixup", scene.rival))}
    options = {"store": store, "study": scene.title, "baselines": {"Mixup": line["Mixup"]}}
    keep_exhibits(line[""], lambda data: show(data, Ask(items=8))[:1], **options)
    return write_page(Results.load(store), folder / "digits.html", exhibits=kept_exhibits(store)).as_uri()


@contextmanager
def _served(path: Any, title: str, ask: Ask) -> Iterator[str]:
    page = explore(path, title=title, ask=ask, block=False)
    yield str(page.local_url)
    page.close(verbose=False)


def _shoot(browser: Any, address: str, name: str, window: dict[str, int], before: Callable[[Any], None]) -> None:
    context = browser.new_context(viewport=window, device_scale_factor=1.5)
    page = context.new_page()
    page.goto(address)
    before(page)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(128).save(PICTURES / f"{name}.png", optimize=True)
    context.close()
    print(name, (PICTURES / f"{name}.png").stat().st_size // 1024, "KiB")


def _at(share: float) -> Callable[[Any], None]:
    """Wait until there is something to see, move the first slider, and wait until something else is seen."""

    def move(page: Any) -> None:
        before = page.locator("#seen .look h3").inner_text()
        box = page.locator("input[type=range]").first.bounding_box()
        page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_function("old => document.querySelector('#seen .look h3').innerText !== old", arg=before)
        page.mouse.move(0, 0)

    return move


def _top(page: Any) -> None:
    page.evaluate("document.querySelector('h2').scrollIntoView()")


def main() -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        address = _report(Path(folder))
        _shoot(browser, address, "report", DESK, _top)
        _shoot(browser, address, "report_phone", PHONE, _top)
        for path, title, ask, share in (
            (digits(), "Digits 0–4 to 5–9", Ask(items=18), 0.4),
            (chairs(), "Chair to table", Ask(), 0.25),
            (sentiment(), "Sentiment of reviews", Ask(prompt="The movie was", tokens=24), 0.8),
        ):
            with _served(path, title, ask) as served:
                _shoot(browser, served, f"explore_{title.split()[0].lower()}", PHONE, _at(share))
        browser.close()


if __name__ == "__main__":
    main()
