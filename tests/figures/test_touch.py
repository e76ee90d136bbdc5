"""With real touches, a tap shows a tooltip, a brush takes the whole stroke, and two fingers zoom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from blogkit.render.finish.states import touched_by
from tests.browser import browser, offline_page
from tests.figures.gallery import GALLERY, POINTS, XY, chart, select
from tests.figures.pages import finished

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

DOTS = {"type": "point", "filled": True, "size": 60, "tooltip": True}
SIZE = {"width": 260, "height": 200}
CHARTS = {
    "a-brush": chart(POINTS, DOTS, SIZE | {"params": [select("interval")]}, **XY),
    "b-plain": chart(POINTS, DOTS, SIZE, **XY),
    "c-zoom": chart(POINTS, DOTS, SIZE | {"params": [select("interval", bind="scales")]}, **XY),
}
BRUSH = ".chosen_brush path"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


class Fingers:
    """Fingers on a page, by Chromium's own input events."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._page = page

    def put(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self._page.evaluate("() => new Promise(done => requestAnimationFrame(() => done()))")

    def tap(self, x: float, y: float) -> None:
        self.put("touchStart", (x, y))
        self.put("touchEnd")

    def stroke(self, x: float, y: float, dx: float, dy: float, lift: bool = True) -> None:
        self.put("touchStart", (x, y))
        for step in range(1, 11):
            self.put("touchMove", (x + dx * step / 10, y + dy * step / 10))
        if lift:
            self.put("touchEnd")


@pytest.fixture
def phone(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    path = finished(tmp_path, CHARTS)
    with offline_page(chromium, viewport={"width": 390, "height": 700}, has_touch=True) as watched:
        watched.page.goto(path.as_uri())
        watched.page.evaluate("document.body.style.margin = '0'; document.body.style.paddingBottom = '900px'")
        watched.page.evaluate("document.querySelectorAll('figure').forEach(one => { one.style.margin = '0 16px'; })")
        yield watched.page
        assert watched.complaints == []


def middle(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def wake(page: Page, ident: str) -> None:
    page.locator(f"#{ident} .bk-drawing").evaluate("drawing => drawing.scrollIntoView({block: 'center'})")
    page.locator(f"#{ident} .bk-drawing").focus()
    page.wait_for_selector(f"#{ident}[data-state=awake]")


def brush_width(page: Page) -> float:
    return float(page.locator(f"#bk-1-a-brush {BRUSH}").first.evaluate("path => path.getBBox().width"))


def test_a_tap_beside_a_small_mark_shows_its_tooltip_and_a_tap_elsewhere_hides_it(phone: Page) -> None:
    wake(phone, "bk-2-b-plain")
    x, y = middle(phone, "#bk-2-b-plain .mark-symbol path >> nth=5")
    fingers = Fingers(phone)
    fingers.tap(x + 5, y + 4)
    phone.wait_for_selector(".bk-tooltip:not([hidden])")
    box = phone.locator("#bk-2-b-plain .bk-awake svg").bounding_box()
    assert box is not None
    fingers.tap(box["x"] + 3, box["y"] + box["height"] - 3)
    phone.wait_for_selector(".bk-tooltip[hidden]", state="attached")


def test_the_tap_that_wakes_a_figure_shows_the_tooltip_too(phone: Page) -> None:
    wake(phone, "bk-2-b-plain")
    x, y = middle(phone, "#bk-2-b-plain .mark-symbol path >> nth=5")
    phone.reload()
    phone.evaluate("document.body.style.margin = '0'")
    phone.evaluate("document.querySelectorAll('figure').forEach(one => { one.style.margin = '0 16px'; })")
    phone.locator("#bk-2-b-plain .bk-drawing").evaluate("drawing => drawing.scrollIntoView({block: 'center'})")
    Fingers(phone).tap(x, y)
    phone.wait_for_selector("#bk-2-b-plain[data-state=awake]")
    phone.wait_for_selector(".bk-tooltip:not([hidden])")


def test_a_brush_takes_the_whole_stroke_and_the_page_stays(phone: Page) -> None:
    wake(phone, "bk-1-a-brush")
    before = phone.evaluate("scrollY")
    x, y = middle(phone, "#bk-1-a-brush .mark-symbol")
    Fingers(phone).stroke(x - 60, y - 50, 100, 90)
    phone.wait_for_function(f"() => document.querySelector('#bk-1-a-brush {BRUSH}').getBBox().width > 95")
    assert brush_width(phone) == pytest.approx(100, abs=4)
    assert phone.evaluate("scrollY") == before


def test_a_stroke_that_wakes_the_figure_is_its_brush(phone: Page) -> None:
    x, y = middle(phone, "#bk-1-a-brush .bk-drawing svg >> visible=true")
    fingers = Fingers(phone)
    fingers.stroke(x - 60, y - 40, 100, 60, lift=False)
    phone.wait_for_selector("#bk-1-a-brush[data-state=awake]")
    fingers.put("touchMove", (x + 42, y + 21))
    fingers.put("touchEnd")
    phone.wait_for_function(f"() => document.querySelector('#bk-1-a-brush {BRUSH}').getBBox().width > 95")


def test_a_finger_on_a_figure_without_a_brush_scrolls_the_page(phone: Page) -> None:
    wake(phone, "bk-2-b-plain")
    before = phone.evaluate("scrollY")
    x, y = middle(phone, "#bk-2-b-plain .bk-drawing")
    Fingers(phone).stroke(x, y, 0, -150)
    phone.wait_for_function("before => scrollY > before + 50", arg=before)


def test_two_fingers_zoom_axes_that_can_be_zoomed(phone: Page) -> None:
    wake(phone, "bk-3-c-zoom")
    labels = (
        "() => [...document.querySelectorAll('#bk-3-c-zoom .role-axis-label text')].map(one => one.textContent).join()"
    )
    before = phone.evaluate(labels)
    x, y = middle(phone, "#bk-3-c-zoom .mark-symbol")
    fingers = Fingers(phone)
    fingers.put("touchStart", (x - 20, y), (x + 20, y))
    for apart in range(24, 84, 6):
        fingers.put("touchMove", (x - apart, y), (x + apart, y))
    fingers.put("touchEnd")
    phone.wait_for_function(f"before => ({labels})() !== before", arg=before)


def test_what_a_finger_does_depends_on_the_chart() -> None:
    known = {name: touched_by(GALLERY[name]) for name in ("bar", "brush-start", "zoom-start", "legend-start")}
    assert known == {"bar": "", "brush-start": "xy", "zoom-start": "zoom", "legend-start": ""}
    along: Any = {**GALLERY["brush-start"], "params": [select("interval", encodings=["x"])]}
    assert touched_by(along) == "x"
