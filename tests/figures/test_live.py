"""In a real browser, from a file and without the network, a live figure answers by the post's own model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt
import pytest

from blogkit import charts, record
from tests.browser import Watched, browser, offline_page
from tests.figures.live import live_page, network, run_folder, text_network

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = pytest.mark.slow

LETTERS = ["a", "b", "c", " "]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def page_of_all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A post with a live figure of each kind of input."""
    root = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        run = run_folder(root, patch)
        for step in (1, 2, 4):
            record.model("net", network(3, 8, 1, seed=step), step=step)
        record.model("digit", network(36, 3, shape=(1, 6, 6)))
        record.model("smooth", network(8, 8))
        record.model("reader", text_network(len(LETTERS), 2))
        parts = charts.features(x=charts.axis(-2, 2, 6), y=charts.axis(-2, 2, 6), noise=charts.slider(0, 1, 0.1))
        region = charts.live("net", parts, columns="inside", apply="sigmoid", by="step")
        drawing = charts.pad([[0, 0, 1, 1, 0, 0]] * 6)
        digit = charts.live("digit", drawing, over={"digit": ["0", "1", "2"]}, apply="softmax")
        given = charts.signal([0, 1, 0, -1, 0, 1, 0, -1], low=-2, high=2)
        raw, smooth = (charts.live("smooth", given, output=one, over="t") for one in ("input", 0))
        text = charts.typed(LETTERS, "abba")
        said, each = (
            charts.live("reader", text, over="next"),
            charts.live("reader", text, output="each", over={"token": "tokens", "unit": None}),
        )
        rows = charts.pick([[0, 0, 0], [1, 1, 0.5]], ["origin", "corner"])
        point = charts.live("net", rows, columns="inside", apply="sigmoid")
        bar = {"y": alt.Y("value:Q", scale=alt.Scale(domain=[-8, 8]))}
        return live_page(root, run, {
            "a-region": region.mark_rect().encode(x="x:O", y="y:O", color="inside:Q"),
            "b-digit": digit.mark_bar().encode(x="digit:N", y=alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]))),
            "c-signal": alt.layer(raw.mark_line().encode(x="t:Q", **bar), smooth.mark_point().encode(x="t:Q", **bar)),
            "d-text": said.mark_bar().encode(x="next:N", **bar)
            | each.mark_rect().encode(x="token:N", y="unit:O", color="value:Q"),
            "e-row": point.mark_bar().encode(y=alt.Y("inside:Q", scale=alt.Scale(domain=[0, 1]))),
        })  # fmt: skip


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Watched]:
    with offline_page(chromium, viewport={"width": 900, "height": 900}) as watched:
        yield watched
        assert watched.requests == []
        assert watched.complaints == []


def answered(page: Page, name: str) -> None:
    """Touches a figure, and waits for its model's first answer."""
    page.locator(f"[id$={name}] .bk-drawing").hover()
    page.wait_for_selector(f"[id$={name}][data-answer=ready]")


def marks(page: Page, name: str) -> str:
    """What the woken figure draws."""
    return page.locator(f"[id$={name}] .bk-awake svg").first.inner_html()


def changed_marks(page: Page, name: str, before: str) -> str:
    """What the figure draws once it draws something else."""
    page.wait_for_function(
        "([name, before]) => document.querySelector(`[id$=${name}] .bk-awake svg`).innerHTML !== before",
        arg=[name, before],
    )
    return marks(page, name)


def test_every_kind_of_figure_answers_as_it_was_drawn_and_loads_nothing_before(
    opened: Watched, page_of_all_kinds: Path
) -> None:
    page = opened.page
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.rsplit("/", 1)[1]))
    page.goto(page_of_all_kinds.as_uri())
    assert not [name for name in loaded if name.startswith("figures-live") and name.endswith(".js")]
    assert not [name for name in loaded if name.startswith(("net", "digit", "smooth", "reader"))]
    for name in ("a-region", "b-digit", "c-signal", "d-text", "e-row"):
        answered(page, name)
        assert float(page.locator(f"[id$={name}]").get_attribute("data-deviation") or "inf") < 1e-4, name
    for name in ("figures-live.js", "figures-live-wasm.js"):
        assert loaded.count(name) == 1  # once for the page
    assert len([name for name in loaded if name.startswith("net-")]) == 1  # a step that nobody chose is not loaded


def test_a_slider_and_a_menu_ask_the_model_again(opened: Watched, page_of_all_kinds: Path) -> None:
    page = opened.page
    page.goto(page_of_all_kinds.as_uri())
    answered(page, "a-region")
    before = marks(page, "a-region")
    page.get_by_role("slider", name="Noise").press("ArrowRight")
    moved = changed_marks(page, "a-region", before)
    page.get_by_label("Step").select_option("1")
    changed_marks(page, "a-region", moved)


def test_a_text_is_read_as_it_is_typed(opened: Watched, page_of_all_kinds: Path) -> None:
    page = opened.page
    page.goto(page_of_all_kinds.as_uri())
    field = page.get_by_label("Text")
    field.fill("cab ccc and more")  # what is not in the vocabulary is left out
    page.wait_for_selector("[id$=d-text][data-answer=ready]")
    page.wait_for_function("document.querySelector('[id$=d-text] .bk-awake').textContent.includes('9')")
    before = marks(page, "d-text")
    field.fill("")
    changed_marks(page, "d-text", before)


def test_a_row_of_the_table_is_picked(opened: Watched, page_of_all_kinds: Path) -> None:
    page = opened.page
    page.goto(page_of_all_kinds.as_uri())
    answered(page, "e-row")
    before = marks(page, "e-row")
    page.locator("[id$=e-row] select").select_option(label="corner")
    changed_marks(page, "e-row", before)


def test_a_pad_is_drawn_on_by_pointer_and_by_keys(opened: Watched, page_of_all_kinds: Path) -> None:
    page = opened.page
    page.goto(page_of_all_kinds.as_uri())
    pad = page.locator(".bk-pad")
    example = pad.locator("svg").inner_html()
    answered(page, "b-digit")
    before = marks(page, "b-digit")
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] - 10, steps=4)
    page.mouse.up()
    drawn = changed_marks(page, "b-digit", before)
    page.get_by_role("button", name="Clear").click()
    empty = changed_marks(page, "b-digit", drawn)
    assert pad.locator("path[d^=M]").count() == 0
    pad.focus()
    for key in ("ArrowLeft", "ArrowUp", " "):
        pad.press(key)
    changed_marks(page, "b-digit", empty)
    assert pad.locator("path[d^=M]").count() > 0
    page.locator("[id$=b-digit]").get_by_role("button", name="Example").click()
    assert pad.locator("svg").inner_html().count("M") == example.count("M")


def test_a_signal_is_drawn_by_pointer_and_by_keys(opened: Watched, page_of_all_kinds: Path) -> None:
    page = opened.page
    page.goto(page_of_all_kinds.as_uri())
    answered(page, "c-signal")
    before = marks(page, "c-signal")
    area = page.get_by_role("slider", name="Signal")
    box = area.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 4, steps=3)
    page.mouse.up()
    drawn = changed_marks(page, "c-signal", before)
    area.focus()
    area.press("Home")
    assert (area.get_attribute("aria-valuetext") or "").startswith("point 1 of 8")
    area.press("PageDown")
    changed_marks(page, "c-signal", drawn)


def stroke(finger: CDPSession, *places: tuple[float, float]) -> None:
    """A finger's way over the screen, which the browser cannot tell from a real one."""
    for kind, place in zip(("touchStart", *("touchMove" for _ in places[1:])), places, strict=True):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": place[0], "y": place[1]}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_first_tap_draws_and_a_stroke_does_not_scroll_the_page(chromium: Browser, page_of_all_kinds: Path) -> None:
    with offline_page(chromium, viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True) as watched:
        page = watched.page
        page.goto(page_of_all_kinds.as_uri())
        pad = page.locator(".bk-pad")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box is not None
        before = pad.locator("path[d^=M]").count()
        left, top = box["x"] + 12, box["y"] + 12
        finger = page.context.new_cdp_session(page)
        stroke(finger, (left, top))  # nothing of the figure is awake yet
        page.wait_for_selector("[id$=b-digit][data-answer=ready]")
        page.wait_for_function("before => document.querySelectorAll('.bk-pad path[d^=M]').length > before", arg=before)
        scrolled = page.evaluate("scrollY")
        drawn = marks(page, "b-digit")
        bottom = top + box["height"] - 30
        stroke(finger, *((left + 10, bottom - step * 15) for step in range(8)))
        changed_marks(page, "b-digit", drawn)
        assert page.evaluate("scrollY") == scrolled
        assert watched.complaints == []


def test_without_scripts_and_in_print_the_answered_example_stands(chromium: Browser, page_of_all_kinds: Path) -> None:
    with offline_page(chromium, java_script_enabled=False) as watched:
        page = watched.page
        page.goto(page_of_all_kinds.as_uri())
        page.emulate_media(media="print")
        assert page.locator(".bk-pad path").count() >= 1
        assert page.locator(".bk-signal polyline").is_visible()
        assert page.locator(".bk-drawing svg").count() >= 5
        assert not page.get_by_role("button", name="Clear").count()


def test_a_model_that_is_not_there_leaves_the_example_and_says_so(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_folder(tmp_path, monkeypatch)
    record.model("net", network(2, 3, 1))
    parts = charts.features(x=charts.axis(-1, 1, 5), rate=charts.slider(0, 1))
    line = charts.live("net", parts, columns="y").mark_line().encode(x="x:Q", y="y:Q")
    page_file = live_page(tmp_path, run, {"line": line})
    for script in (page_file.parent / "results" / "models").glob("*.js"):
        script.unlink()
    with offline_page(chromium) as watched:
        page = watched.page
        page.goto(page_file.as_uri())
        page.locator("[id$=line] .bk-drawing").hover()
        page.wait_for_selector("[id$=line][data-answer=failed]")
        assert "shows its example" in page.locator(".bk-live-status").inner_text()
        assert page.locator(".bk-awake .mark-line path").count() == 1
