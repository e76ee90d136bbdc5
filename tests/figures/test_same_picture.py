"""A figure that wakes is the same picture: every kind of chart, marks, words and legends, wherever the reader is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree, html

from blogkit.page.drawing import Point, absolute_path, optimise
from blogkit.render.finish.charts import can_wake
from blogkit.tools.vega import compile_vega, draw_svg
from tests.browser import browser, offline_page
from tests.figures.gallery import GALLERY, SAMPLE
from tests.figures.pages import finished

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ZONES = ("America/Los_Angeles", "Europe/Vienna", "Pacific/Auckland")
SVG = "{http://www.w3.org/2000/svg}"
Look = tuple[tuple[str, str], ...]


def drawn_parts(svg: str) -> tuple[dict[Look, list[list[Point]]], list[tuple[str, Point]], tuple[float, float]]:
    """What a drawing shows: the lines by their look, the words with their places, and the size."""
    root = etree.fromstring(svg.encode(), etree.XMLParser(huge_tree=True))
    shapes: dict[Look, list[list[Point]]] = {}
    words = []
    for element in root.iter():
        if element.tag == f"{SVG}path" and not any(str(up.tag).endswith("clipPath") for up in element.iterancestors()):
            keys = ("fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "stroke-opacity")
            look = tuple((key, element.get(key, "")) for key in keys)
            look = tuple((key, "gradient" if value.startswith("url(") else value) for key, value in look)
            shapes.setdefault(look, []).extend(lines(element.get("d", ""), element.get("transform", "")))
        elif element.tag == f"{SVG}text":
            words.append(("".join(element.itertext()), place(element)))
    return shapes, sorted(words), (float(root.get("width", "0")), float(root.get("height", "0")))


def place(text: etree._Element) -> Point:
    match = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", text.get("transform", ""))
    x, y = (match.group(1), match.group(2)) if match else (text.get("x", "0"), text.get("y", "0"))
    return float(x), float(y)


def lines(data: str, transform: str) -> Iterator[list[Point]]:
    """The lines of a path; of a curve, the ends and what pulls at it."""
    match = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", transform)
    dx, dy = (float(match.group(1)), float(match.group(2))) if match else (0.0, 0.0)
    line: list[Point] = []
    for kind, numbers in absolute_path(data):
        if kind == "M" and line:
            yield line
            line = []
        if kind == "Z" and line:
            line.append(line[0])
            continue
        points = numbers[5:] if kind == "A" else numbers
        line += [(points[at] + dx, points[at + 1] + dy) for at in range(0, len(points) - 1, 2)]
    if line:
        yield line


def far_apart(one: list[list[Point]], other: list[list[Point]]) -> float:
    """How far the lines of one look lie from those of another drawing: the worst point's distance to the nearest."""
    if len(one) != len(other):
        return math.inf
    return max(
        (distance for mine, theirs in zip(one, other, strict=True) for distance in stray(mine, theirs)), default=0.0
    )


def stray(one: list[Point], other: list[Point]) -> Iterator[float]:
    for points, line in ((one, other), (other, one)):
        segments = list(pairwise(line)) or [(line[0], line[0])]
        for point in points:
            yield min(to_segment(point, *segment) for segment in segments)


def to_segment(point: Point, start: Point, end: Point) -> float:
    dx, dy = end[0] - start[0], end[1] - start[1]
    long = dx * dx + dy * dy
    along = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / long if long else 0.0
    along = max(0.0, min(1.0, along))
    return math.hypot(point[0] - start[0] - along * dx, point[1] - start[1] - along * dy)


def differences(asleep: str, awake: str) -> list[str]:
    """What a reader would see change when a figure wakes."""
    (shapes, words, size), (new_shapes, new_words, new_size) = drawn_parts(asleep), drawn_parts(awake)
    found = []
    if max(abs(size[0] - new_size[0]), abs(size[1] - new_size[1])) > 1:
        found.append(f"size {size} {new_size}")
    if [word for word, _ in words] != [word for word, _ in new_words]:
        gone = sorted({w for w, _ in words} ^ {w for w, _ in new_words})
        found.append(f"words {gone[:8]}")
    else:
        moved = [(w, p, q) for (w, p), (_, q) in zip(words, new_words, strict=True) if math.dist(p, q) > 1]
        found += [f"word {moved[0]}"] if moved else []
    if shapes.keys() != new_shapes.keys():
        found.append(f"looks {sorted(shapes.keys() ^ new_shapes.keys())[:2]}")
    for look in shapes.keys() & new_shapes.keys():
        away = far_apart(shapes[look], new_shapes[look])
        if away > 1:
            found.append(f"marks {dict(look)}: {away:.2f} px, {len(shapes[look])} and {len(new_shapes[look])}")
    return found


def tidied(svg: str) -> str:
    """A drawing as the page has it: the woken one, too, without what nobody sees."""
    return optimise(svg.replace('"transparent"', '"none"'), prefix="x")


def woken(chromium: Browser, path: Path, zone: str) -> dict[str, tuple[str, str]]:
    """Every figure of a page, asleep and awake, as its drawing for a wide page."""
    found = {}
    with offline_page(chromium, viewport={"width": 1100, "height": 700}, timezone_id=zone) as watched:
        page = watched.page
        page.goto(path.as_uri())
        still = "figure => new XMLSerializer().serializeToString(figure.querySelector('svg'))"
        for ident in page.locator(".bk-figure[data-awake]").evaluate_all("all => all.map(one => one.id)"):
            figure = page.locator(f"#{ident}")
            asleep = figure.evaluate(still)
            figure.locator(".bk-drawing").focus()
            page.wait_for_selector(f"#{ident}[data-state=awake]")
            awake = figure.evaluate(
                "figure => new XMLSerializer().serializeToString(figure.querySelector('.bk-awake svg'))"
            )
            found[ident.split("-", 2)[2]] = (tidied(asleep), tidied(awake))
        assert watched.complaints == []
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


def changed(chromium: Browser, charts: Mapping[str, Any], root: Path, zone: str) -> dict[str, list[str]]:
    figures = woken(chromium, finished(root, charts), zone)
    assert set(figures) == set(charts)
    return {name: found for name, pair in figures.items() if (found := differences(*pair))}


BY_CHANCE = frozenset({"error-band"})
"""Bootstrapped anew with each drawing: such a chart stays as it is drawn."""


@pytest.mark.slow
def test_a_chart_of_every_kind_wakes_to_the_same_picture(chromium: Browser, tmp_path: Path) -> None:
    assert changed(chromium, {name: GALLERY[name] for name in SAMPLE}, tmp_path, ZONES[0]) == {}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_every_chart_of_the_gallery_wakes_to_the_same_picture(chromium: Browser, tmp_path: Path, zone: str) -> None:
    charts = {name: spec for name, spec in GALLERY.items() if name not in BY_CHANCE}
    assert len(charts) >= 60
    assert changed(chromium, charts, tmp_path, zone) == {}


def test_a_chart_that_is_drawn_by_chance_stays_as_it_is() -> None:
    assert not any(can_wake(compile_vega(GALLERY[name])) for name in BY_CHANCE)


@pytest.mark.parametrize("name", ["scatter", "bar", "line", "heat-map", "beside"])
def test_a_shift_of_two_percent_is_seen(name: str) -> None:
    svg = optimise(draw_svg(compile_vega(GALLERY[name])), prefix="x")
    assert differences(svg, svg) == []
    wide = float(etree.fromstring(svg.encode()).get("width", "0"))
    shifted = svg.replace(">", f'><g transform="translate({wide * 0.02:.2f},0)">', 1).replace("</svg>", "</g></svg>")
    assert any(found.startswith(("marks", "word")) for found in differences(svg, optimise(shifted, prefix="x")))


def test_another_word_is_seen() -> None:
    svg = optimise(draw_svg(compile_vega(GALLERY["bar"])), prefix="x")
    assert differences(svg, svg.replace(">Train<", ">Tram<")) == ["words ['Train', 'Tram']"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("slider", ["7"]),
        ("slider-selection", ["5"]),
        ("menu-selection", ["run 1"]),
        ("radio-selection", ["run 2"]),
        ("two-fields", ["4", "run 1"]),
        ("checkbox", ["checked"]),
        ("text-input", ["p1"]),
        ("legend-start", ["run 1"]),
    ],
)
def test_a_control_stands_where_the_figure_is(tmp_path: Path, name: str, shown: list[str]) -> None:
    page = html.document_fromstring(finished(tmp_path, {"a": GALLERY[name]}).read_bytes())
    controls = page.xpath("//div[@class='bk-controls']//*[@data-param]")
    assert sorted(shows(control) for control in controls) == shown


def test_a_control_that_nothing_starts_says_so(tmp_path: Path) -> None:
    spec = GALLERY["two-fields"]
    (param,) = spec["params"]
    page = html.document_fromstring(
        finished(tmp_path, {"a": {**spec, "params": [{**param, "value": None}]}}).read_bytes()
    )
    assert page.xpath("//output/text()") == ["–"] and page.xpath("//option[@selected]/text()") == ["–"]


def test_a_legend_that_starts_with_two_series_names_them(tmp_path: Path) -> None:
    spec = GALLERY["legend-start"]
    (param,) = spec["params"]
    both = {**param, "value": [{"run": "run 0"}, {"run": "run 2"}]}
    page = html.document_fromstring(finished(tmp_path, {"a": {**spec, "params": [both]}}).read_bytes())
    assert page.xpath("//option[@selected]/text()") == ["run 0, run 2"]


def test_a_field_with_brackets_is_named_as_it_is_written(tmp_path: Path) -> None:
    page = finished(tmp_path, {"a": GALLERY["brackets"]}, alt="").read_text(encoding="utf-8")
    assert "a.b over loss [nats]" in page and "\\[nats" not in page.partition("bk-spec")[0]


def shows(control: html.HtmlElement) -> str:
    if control.tag == "select":
        return "".join(control.xpath("option[@selected]/text()"))
    return "checked" if control.get("checked") else control.get("value", "")
