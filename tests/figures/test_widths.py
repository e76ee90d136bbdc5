"""A figure is laid out for the place that it stands in and for a phone: nothing is cut, and every word is readable."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from blogkit.page.drawing import optimise
from blogkit.page.twins import borrow_paths
from blogkit.render.finish.charts import differences
from blogkit.render.finish.layout import PHONE, draw_thumbnail, drawn_width, lay_out, words_of
from blogkit.render.finish.place import COLUMN, MARGIN, PAGE, place_of
from tests.browser import browser, offline_page
from tests.figures.pages import curve_chart, curves, finished

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONG = "A title that says in one whole sentence what the reader of this figure can see in it"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.1.0.json"


def panel(**more: Any) -> dict[str, Any]:
    """A plot that stands among others."""
    chart = curve_chart(curves(100))
    return {key: chart[key] for key in ("mark", "encoding")} | {"width": 260, "height": 200} | more


def charts() -> dict[str, dict[str, Any]]:
    """Charts of every composition, each much wider than a phone."""
    data = {"$schema": SCHEMA, "data": {"values": curves(100)}}
    by_run = {"field": "run", "type": "nominal", "title": None}
    square = panel(width=150, height=150)
    channels = {**square, "encoding": {**square["encoding"], "column": by_run}}
    wrapped = {**square, "encoding": {**square["encoding"], "facet": {**by_run, "columns": 3}}}
    scatter = {"mark": "point", "width": 170, "height": 150, "encoding": {
        "x": {"field": {"repeat": "column"}, "type": "quantitative"}, "y": {"field": "loss", "type": "quantitative"},
    }}  # fmt: skip
    names = [{"name": f"A category with a long name, number {n}", "value": n} for n in range(6)]
    bars = {"y": {"field": "name", "type": "nominal"}, "x": {"field": "value", "type": "quantitative"}}
    return {
        "one": curve_chart(curves(100), title=LONG),
        "container": curve_chart(curves(100), width="container"),
        "beside": {**data, "hconcat": [panel(), panel(width="container")]},
        "wrapped": {**data, "concat": [panel(), panel(), panel()], "columns": 3},
        "below": {**data, "vconcat": [panel(width="container"), {"hconcat": [panel(), panel()]}]},
        "columns": {**data, "facet": {"column": by_run}, "spec": square},
        "grid": {**data, "facet": {"column": by_run, "row": {"field": "run"}}, "spec": panel(width=90, height=60)},
        "facets": {**data, "facet": by_run, "columns": 3, "spec": square},
        "channel": {**data, **channels},
        "channels": {**data, **wrapped},
        "repeated": {**data, "repeat": {"column": ["epoch", "loss"]}, "spec": scatter},
        "names": {"$schema": SCHEMA, "data": {"values": names}, "mark": "bar", "width": 600, "encoding": bars},
        "tiny": curve_chart(curves(100), config={"axis": {"labelFontSize": 6}, "title": {"fontSize": 9}}, title="T"),
    }


@pytest.mark.parametrize("name", charts())
def test_a_chart_laid_out_for_a_phone_fits_it(name: str) -> None:
    laid = lay_out(charts()[name], PHONE, narrow=True)
    assert 200 <= laid.width <= PHONE + 1
    beyond = [words.text for words in words_of(laid.svg) if words.left < -2 or words.right > PHONE + 2]
    assert beyond == []


def test_panels_that_do_not_fit_beside_each_other_go_below_each_other() -> None:
    laid = lay_out(charts()["beside"], PHONE, narrow=True)
    groups = [mark for mark in laid.vega["marks"] if mark.get("type") == "group"]
    assert laid.vega["layout"].get("columns") == 1 and len(groups) == 2


def test_a_panel_that_takes_the_width_of_its_container_has_one() -> None:
    laid = lay_out(charts()["beside"], COLUMN)
    assert COLUMN - 6 <= laid.width <= COLUMN + 1
    sizes = {signal["name"]: signal.get("value") for signal in laid.vega["signals"]}
    sizes |= {key: value for key, value in laid.vega.items() if key == "width"}
    assert all(value > 150 for name, value in sizes.items() if name.endswith("width"))


def test_a_words_at_a_fixed_place_stays_at_its_edge() -> None:
    rule = {"mark": {"type": "text", "text": "chance"}, "encoding": {"x": {"value": 560}, "y": {"datum": 1}}}
    chart = curve_chart(curves(100))
    layers = [{"mark": "line", "encoding": chart["encoding"]}, rule]
    spec = {"$schema": SCHEMA, "data": chart["data"], "width": 600, "height": 300, "layer": layers}
    chances = [words for words in words_of(lay_out(spec, PHONE, narrow=True).svg) if words.text == "chance"]
    assert chances and all(PHONE - 70 < words.right <= PHONE for words in chances)


@pytest.mark.parametrize(
    ("around", "width"),
    [
        ("<div>{}</div>", COLUMN),
        ('<div class="column-page"><figure>{}</figure></div>', PAGE),
        ('<div class="column-screen-inset-right">{}</div>', PAGE),
        ('<div class="no-row-height column-margin">{}</div>', MARGIN),
        ('<div class="callout callout-note">{}</div>', COLUMN - 34),
        (
            '<div class="quarto-layout-row"><div class="quarto-layout-cell" style="flex-basis: 50.0%">{}</div></div>',
            324,
        ),
    ],
)
def test_the_place_of_a_figure_is_known_by_what_is_around_it(around: str, width: int) -> None:
    image = html.fragment_fromstring(around.format("<img>")).xpath("descendant-or-self::img")[0]
    assert place_of(image) == width


def test_what_changes_on_a_phone_is_reported_as_paths_and_values() -> None:
    one = {"a": [1, {"b": 2}], "c": 3, "d": [1, 2]}
    other = {"a": [1, {"b": 5}], "d": [1], "e": None}
    changes = list(differences(one, other))
    assert sorted(changes, key=str) == [[["a", 1, "b"], 5], [["c"]], [["d"], [1]], [["e"], None]]


def test_the_phones_drawing_borrows_curves_and_no_others() -> None:
    spec = curve_chart(curves(1000))
    wide, narrow = (optimise(lay_out(spec, width).svg, prefix="x") for width in (680, 358))
    lending, borrowing = borrow_paths(wide, narrow, prefix="l")
    assert borrowing.count("<use ") == 5 and lending.count("non-scaling-stroke") == 5
    assert len(gzip.compress(borrowing.encode())) < len(gzip.compress(narrow.encode())) / 2
    planted = narrow.replace("1.5 11.1", "1.5 14.1")
    assert borrow_paths(wide, planted, prefix="l")[1].count("<use ") == 5 - (planted != narrow)


def test_a_thumbnail_has_a_title_and_thick_marks_and_no_axes() -> None:
    svg = draw_thumbnail(curve_chart(curves(100)), "What the title of the post says", 1120, 550)
    assert [words.text for words in words_of(svg)] == ["What the title of the post says"]
    assert 'stroke-width="7"' in svg and "role-axis" not in svg and "role-legend" not in svg
    assert drawn_width(svg) == 1120
    assert draw_thumbnail(charts()["beside"], "Two views", 1120, 550) == ""


# --- in a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


CUT = """() => [...document.querySelectorAll('.bk-figure')].filter(figure => {
  const box = figure.querySelector('.bk-drawing');
  return box.scrollWidth > box.clientWidth + 1 || [...box.querySelectorAll('text')].some(text => {
    const place = text.getBoundingClientRect();
    return place.width && (place.right > innerWidth || place.left < 0);
  });
}).map(figure => figure.id)"""
SMALL = """() => [...document.querySelectorAll('.bk-drawing text')].filter(text => {
  const scale = text.ownerSVGElement.getBoundingClientRect().width / text.ownerSVGElement.viewBox.baseVal.width;
  return text.getBoundingClientRect().width && parseFloat(getComputedStyle(text).fontSize) * scale < 9.99;
}).map(text => text.textContent)"""
"""A hair below 10: Chromium rounds a box to a 64th of a pixel."""


@pytest.mark.slow
def test_on_a_phone_no_figure_is_cut_and_no_word_is_small_asleep_and_awake(chromium: Browser, tmp_path: Path) -> None:
    made = charts()
    path = finished(tmp_path, made)
    with offline_page(chromium, viewport={"width": 390, "height": 800}, has_touch=True) as watched:
        page = watched.page
        page.goto(path.as_uri())
        page.evaluate("document.body.style.margin = '0 16px'")
        page.evaluate("document.querySelectorAll('figure').forEach(one => { one.style.margin = 0; })")
        assert page.locator(".bk-drawing svg:visible").count() == len(made)
        assert page.evaluate(CUT) == [] and page.evaluate(SMALL) == []
        for name in page.locator(".bk-figure").evaluate_all("all => all.map(one => one.id)"):
            page.locator(f"#{name} .bk-drawing").focus()
            page.wait_for_selector(f"#{name}[data-state=awake]")
        assert page.locator(".bk-awake svg:visible").count() == len(made)
        assert page.evaluate(CUT) == [] and page.evaluate(SMALL) == []
        assert watched.complaints == []


@pytest.mark.slow
def test_a_woken_figure_follows_when_its_place_becomes_narrow(chromium: Browser, tmp_path: Path) -> None:
    with offline_page(chromium, viewport={"width": 900, "height": 700}) as watched:
        page = watched.page
        page.goto(finished(tmp_path, {"loss": curve_chart(curves(100))}).as_uri())
        page.locator(".bk-drawing").focus()
        page.wait_for_selector(".bk-place .bk-awake svg")
        page.set_viewport_size({"width": 390, "height": 700})
        page.wait_for_selector(".bk-phone .bk-awake svg")
        assert page.locator(".bk-drawing svg:visible").count() == 1
        page.set_viewport_size({"width": 900, "height": 700})
        page.wait_for_selector(".bk-place .bk-awake svg", state="visible")
        assert watched.complaints == []


def test_a_figure_in_the_margin_has_a_drawing_for_it(tmp_path: Path) -> None:
    image = '<div class="column-margin"><p><img src="results/charts/loss.svg" alt="a"></p></div>'
    page = html.document_fromstring(finished(tmp_path, {"loss": curve_chart(curves(100))}, images=image).read_bytes())
    place, phone = page.xpath("//svg/@width")
    assert float(place) <= MARGIN + 1 and float(phone) == PHONE
    (changes,) = page.xpath("//script[@class='bk-spec-phone']/text()")
    assert [["width"], PHONE] in json.loads(changes)
