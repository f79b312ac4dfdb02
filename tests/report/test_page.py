"""Laws of the page: complete, self-contained, safe, whole or absent."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

import numpy as np
from studies import COST, DOMAINS, EVIL, SCORE, study

from continuum.core import InvalidInputError, StoreError
from continuum.harness import Facts, Images, Kept, Texts
from continuum.report import image_strip, write_page

_VOID = {"meta", "link", "img", "br", "input", "hr"}


class _Page(HTMLParser):
    """What a browser would see: balanced tags, texts, addresses, scripts, ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in _VOID:
            self.open.append(tag)
        self._attributes(attrs)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self._attributes(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def _attributes(self, attrs: Any) -> None:
        for name, value in attrs:
            if name.rpartition(":")[2] in ("src", "href", "srcset", "data", "action", "poster"):
                self.addresses.append(value)
            self.handlers += [name] if name.startswith("on") else []
            self.ids += [value] if name == "id" else []
            self.addresses += re.findall(r"url\((.*?)\)", value or "")


def _write(results: Any, path: Path, **options: Any) -> tuple[str, _Page]:
    text = write_page(results, path / "page.html", **options).read_text(encoding="utf-8")
    return text, _Page(text)


@pytest.mark.parametrize("name", DOMAINS)
def test_every_domain_makes_a_page_that_parses(name: str, tmp_path: Path) -> None:
    text, page = _write(study(DOMAINS[name], points=3), tmp_path)
    assert page.open == []
    assert page.tags.count("svg") == 3  # two metrics, and what the score costs
    assert len(page.ids) == len(set(page.ids))
    assert len(text) < 10_000_000


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    text, page = _write(study(), tmp_path, pictures={"strip": image_strip({"a": np.zeros((1, 4, 4))}, columns=[0])})
    assert page.addresses
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_the_page_is_complete(tmp_path: Path) -> None:
    results = study(name="arc")
    _, page = _write(replace(results, missing=3), tmp_path, title="My study")
    facts = ["My study", "arc", "score [points]", "cost", "baseline 0", "teacher", "best endpoint (choosing)"]
    facts += ["higher is better", f"{len(results.frame)} records", "3 planned", "monotonicity"]
    facts += [results.provenance[0]["time"], "commit", "command", "packages.numpy"]
    for fact in facts:
        assert fact in page.text


def test_every_mark_says_its_value(tmp_path: Path) -> None:
    _, page = _write(study(points=5), tmp_path)
    # Per metric: 5 points of 3 labels, 2 endpoints, the reference, choosing. Among what the score costs, the 15 points.
    assert page.tags.count("title") == 1 + 2 * (3 * 5 + 2 + 1 + 1) + 3 * 5


def test_labels_are_text_never_markup(tmp_path: Path) -> None:
    metric = replace(SCORE, name=EVIL, unit=EVIL, fn=lambda value, rng: 1 / 0 if value[-1] == 1 else 1.0)
    results = study(metrics=[metric], name=EVIL, references={f"r {EVIL}": (1.0, 0.5)}, on_error="record")
    renamed = results.frame.assign(error=results.frame["error"].where(results.frame["error"].isna(), EVIL))
    provenance = ({**results.provenance[0], EVIL: EVIL, "command": f"run '{EVIL}'"},)
    picture = {EVIL: image_strip({EVIL: np.zeros((1, 4, 4))}, columns=[EVIL])}
    text, page = _write(replace(results, frame=renamed, provenance=provenance), tmp_path, title=EVIL, pictures=picture)
    assert "<script>alert" not in text
    assert page.tags.count("script") == 1
    assert page.handlers == []
    assert EVIL in page.text
    assert page.open == []


@pytest.mark.parametrize("label", ["a\x00b", "a\ud800b", "日本語", "]]>", "--><b>", "tips:[1]", "x" * 5000])
def test_any_label_makes_a_page(label: str, tmp_path: Path) -> None:
    results = study(seeds=1)
    # Put in after the fact: results may come from a file that another program wrote.
    _, page = _write(replace(results, frame=results.frame.replace({"arc": label})), tmp_path)
    assert page.open == []


def test_a_front_needs_a_quality_and_a_cost(tmp_path: Path) -> None:
    assert "score against cost" in _write(study(), tmp_path)[1].text
    assert "against" not in _write(study(metrics=[SCORE]), tmp_path)[1].text
    seconds = replace(COST, name="how long", unit="s", goal=None)
    assert "score against how long" in _write(study(metrics=[SCORE, seconds]), tmp_path)[1].text


def test_a_front_without_numbers_is_left_out(tmp_path: Path) -> None:
    broken = replace(COST, fn=lambda value: float("nan"))
    assert "score against cost" not in _write(study(metrics=[SCORE, broken]), tmp_path)[1].text


def test_every_point_is_a_stop_of_the_tour_with_all_its_numbers(tmp_path: Path) -> None:
    results = study(points=5)
    text, page = _write(results, tmp_path)
    assert page.tags.count("input") == 1
    assert re.findall(r'data-name="(t = [^"]*)"', text) == ["t = 0", "t = 0.25", "t = 0.5", "t = 0.75", "t = 1"]
    for label in ("arc", "baseline 0", "baseline 1"):
        mean = results.curve(label, "score")["mean"].iloc[2]
        assert text.count(f"{mean:.4g}"[:6]) >= 2  # at its stop, and in the table of all points


def test_a_tour_of_many_points_stops_at_some_of_them(tmp_path: Path) -> None:
    text, _ = _write(study(points=300, seeds=1, baselines=0, metrics=[COST]), tmp_path)
    names = re.findall(r'data-name="t = ([^"]*)"', text)
    assert len(names) == 101
    assert (names[0], names[-1]) == ("0", "1")


def test_what_values_look_like_is_on_the_page_in_the_study_that_it_belongs_to(tmp_path: Path) -> None:
    looks = [
        Kept("arc", "arc", (0.5,), (Texts(("<b>one</b>\ntwo",), ("prompt",)), Facts({"size": EVIL}))),
        Kept("arc", "teacher", (), (Images(np.zeros((2, 4, 4)), ("a", "b")),)),
        Kept("other", "arc", (0.5,), (Texts(("of another study",)),)),
    ]
    text, page = _write(study(), tmp_path, exhibits=looks)
    assert "&lt;b&gt;one&lt;/b&gt;\ntwo" in text
    assert EVIL in page.text
    assert page.tags.count("img") == 2
    assert "of another study" not in text
    assert page.open == []


def test_what_a_study_costs_is_told_by_label(tmp_path: Path) -> None:
    results = study(points=3, seeds=2, metrics=[SCORE])
    slow = results.frame.assign(build_s=2.0, metric_s=0.25)
    text, _ = _write(replace(results, frame=slow), tmp_path)
    table = text.split("What it cost, in seconds of one process</span>")[1]
    cells = re.search(r'scope="row">arc</th>(<td class="text">path</td>.*?)</tr>', table)
    assert cells is not None
    # 3 values of 2 s each, measured under 2 seeds.
    assert re.findall(r">([^<]+)</td>", cells[1]) == ["path", "3", "2", "6", "1.5"]


def test_failures_are_listed_with_what_went_wrong(tmp_path: Path) -> None:
    broken = replace(SCORE, fn=lambda value, rng: 1 / 0)
    _, page = _write(study(metrics=[broken], on_error="record"), tmp_path)
    assert "What failed" in page.text
    assert "ZeroDivisionError" in page.text
    assert "What failed" not in _write(study(), tmp_path)[1].text


def test_undefined_numbers_are_em_dashes(tmp_path: Path) -> None:
    text, page = _write(study(metrics=[replace(SCORE, fn=lambda value, rng: float("nan"))]), tmp_path)
    assert "—" in page.text
    assert not re.search(r">\s*(nan|NaN|None)\s*<", text)


def test_the_same_results_make_the_same_page(tmp_path: Path) -> None:
    results = study()
    assert _write(results, tmp_path)[0] == _write(results, tmp_path)[0]


def test_the_page_ignores_the_style_of_the_user(tmp_path: Path) -> None:
    import matplotlib

    results = study(seeds=1)
    plain = _write(results, tmp_path)[0]
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "font.size": 30}):
        assert _write(results, tmp_path)[0] == plain


def test_pictures_are_embedded(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 20
    _, page = _write(study(), tmp_path, pictures={"first": png})
    assert page.tags.count("img") == 1
    with pytest.raises(InvalidInputError, match="'second' must be a matplotlib Figure or PNG"):
        write_page(study(), tmp_path / "other.html", pictures={"second": b"GIF89a"})
    assert not (tmp_path / "other.html").exists()


def test_the_folder_is_made_and_holds_the_page_alone(tmp_path: Path) -> None:
    path = write_page(study(), tmp_path / "a" / "b" / "page.html")
    assert [item.name for item in path.parent.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_page(study(), tmp_path / "page.html")
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="cannot be written"):
        write_page(study(name="other"), path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("where", ["file/page.html", "folder"])
def test_a_path_that_is_no_place_for_a_file_is_a_store_error(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_page(study(), tmp_path / where)


def test_empty_results_make_no_page(tmp_path: Path) -> None:
    results = study()
    with pytest.raises(InvalidInputError, match="nothing to show"):
        write_page(replace(results, frame=results.frame.iloc[:0]), tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
