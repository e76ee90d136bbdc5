"""In a real browser, from a file and without the network, a figure is there at once and wakes when it is touched."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd
import pytest

from blogkit import charts
from blogkit.gather.charts import without_runs
from blogkit.kernel.altair import specification
from tests.browser import Watched, browser, offline_page
from tests.figures.notebooks import chart
from tests.figures.pages import curve_chart, curves, finished, legend_chart, slider_chart
from tests.figures.sweep import gathered

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Watched]:
    with offline_page(chromium, viewport={"width": 900, "height": 700}) as watched:
        yield watched
        assert watched.requests == []
        assert watched.complaints == []


def wake(page: Any, name: str) -> None:
    page.locator(f"#{name} .bk-drawing").hover()
    page.wait_for_selector(f"#{name}[data-state=awake]")


def point_at_a_line(page: Any, name: str) -> str:
    """Moves over the drawing until a tooltip shows; its text."""
    box = page.locator(f"#{name} .bk-drawing svg:visible").bounding_box()
    for share in range(20, 90):
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * share / 100)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        tooltip = page.locator(".bk-tooltip:not([hidden])")
        if tooltip.count():
            return str(tooltip.inner_text())
    raise AssertionError("no tooltip")


def test_nothing_of_vega_is_loaded_before_a_touch(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.url.rsplit("/", 1)[1]))
    page.goto(finished(tmp_path, {"loss": curve_chart(curves(1000))}).as_uri())
    assert page.locator(".bk-drawing svg path").first.is_visible()
    assert "figures-runtime.js" not in scripts
    wake(page, "bk-1-loss")
    assert "figures-runtime.js" in scripts


def test_nothing_moves_when_a_figure_wakes(opened: Watched, tmp_path: Path) -> None:
    """Rows of charts stand as far apart, and symbols of a legend, as in the drawing: both are by the same Vega."""
    rows = [{"width": w, "error": 1 / w + seed / 50, "seed": seed} for w in (8, 16, 32) for seed in range(4)]
    encoding = {
        "x": {"field": "error", "type": "quantitative"},
        "y": {"field": "seed", "type": "nominal"},
        "size": {"field": "error", "type": "quantitative"},
    }
    faceted = {
        "data": {"values": rows},
        "facet": {"field": "width", "type": "nominal"},
        "columns": 1,
        "spec": {"mark": {"type": "point", "strokeWidth": 4}, "height": {"step": 10}, "encoding": encoding},
    }
    page = opened.page
    page.goto(finished(tmp_path, {"facets": faceted}).as_uri())
    drawing = page.locator("#bk-1-facets .bk-drawing svg").first
    before = drawing.get_attribute("viewBox")
    wake(page, "bk-1-facets")
    assert page.locator("#bk-1-facets .bk-awake svg").get_attribute("viewBox") == before


def test_a_tooltip_quotes_the_number_in_full(opened: Watched, tmp_path: Path) -> None:
    rows = curves(1000, exact=True)
    opened.page.goto(finished(tmp_path, {"loss": curve_chart(rows)}).as_uri())
    wake(opened.page, "bk-1-loss")
    words = dict(line.rsplit(" ", 1) for line in point_at_a_line(opened.page, "bk-1-loss").splitlines())
    place = {"epoch": int(words["epoch"]), "run": "run " + words["run run"]}
    (loss,) = [row["loss"] for row in rows if row.items() >= place.items()]
    assert float(words["loss"]) == pytest.approx(loss, rel=1e-11)


def test_the_data_table_opens_in_full(opened: Watched, tmp_path: Path) -> None:
    rows = curves(1000, exact=True)
    page = opened.page
    page.goto(finished(tmp_path, {"loss": curve_chart(rows)}).as_uri())
    page.get_by_text("Data", exact=True).click()
    page.get_by_role("button", name="more rows").click()
    shown = page.locator("tbody tr td:nth-child(3)").all_inner_texts()
    assert [float(text) for text in shown] == [row["loss"] for row in rows]


def test_every_data_set_of_a_figure_is_shown_with_numbers_as_people_write_them(opened: Watched, tmp_path: Path) -> None:
    points = [{"x": 0.1 + 0.2, "y": 1 / 3, "kind": f"k{number}"} for number in range(12)]
    layered = alt.Chart(pd.DataFrame(points)).mark_point().encode(x="x", y="y", color="kind")
    rule = alt.Chart(pd.DataFrame({"at": [0.7], "picture": ["data:image/png;base64,AA=="]})).mark_rule().encode(x="at")
    page = opened.page
    path = finished(tmp_path, {"loss": specification(layered + rule)})
    page.goto(path.as_uri())
    page.get_by_text("Data", exact=True).click()
    page.locator(".bk-table").nth(0).locator("tbody tr").nth(11).wait_for()
    first, second = (page.locator(".bk-table").nth(number).inner_text().split() for number in range(2))
    assert {"0.3", "0.3333333333333333", "k11"} <= set(first)
    assert {"0.7", "(picture)"} <= set(second)
    assert page.locator(".bk-table").nth(1).get_attribute("aria-label") == "Data table 2 of 2"
    written = sorted(one.name for one in (path.parent / "results" / "charts").glob("*.csv"))
    assert written == ["loss-2.csv", "loss.csv"]


def test_a_slider_moves_the_chart_by_keyboard(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    page.goto(finished(tmp_path, {"loss": slider_chart(name_of_the_control="x")}).as_uri())
    slider = page.get_by_role("slider", name="last")
    slider.focus()
    page.wait_for_selector("[data-state=awake]")
    before = page.locator(".mark-line path").first.get_attribute("d")
    for _ in range(5):
        slider.press("ArrowLeft")
    page.wait_for_function("d => document.querySelector('.mark-line path').getAttribute('d') !== d", arg=before)
    assert page.locator("output").inner_text() == "35"


def test_a_series_is_chosen_from_a_menu_or_by_a_click_on_the_legend(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    page.goto(finished(tmp_path, {"loss": legend_chart()}).as_uri())
    menu = page.get_by_role("combobox", name="Run")
    assert menu.locator("option").all_inner_texts() == ["all", *(f"run {number}" for number in range(5))]
    menu.focus()
    page.wait_for_selector("[data-state=awake]")
    menu.press("ArrowDown")
    faint = "() => [...document.querySelectorAll('.mark-line path')].map(line => line.getAttribute('opacity'))"
    page.wait_for_function(f"() => ({faint})().filter(opacity => opacity === '0.2').length === 4")
    assert page.evaluate(faint)[0] != "0.2"
    page.locator(".role-legend-label text", has_text="run 3").click()
    page.wait_for_function("() => document.querySelector('select').selectedOptions[0].textContent === 'run 3'")
    menu.select_option("all")
    page.wait_for_function(f"() => !({faint})().includes('0.2')")


def until_nine_steps(page: Any, line: str) -> None:
    """Waits until a line goes on to the tenth epoch and no further."""
    page.wait_for_function("line => document.querySelector(line).getAttribute('d').split('L').length === 10", arg=line)


def test_one_control_of_the_page_moves_two_figures(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    place = '<div class="control" data-param="last"></div>'
    page.goto(finished(tmp_path, {"one": slider_chart(), "two": slider_chart()}, before=place).as_uri())
    page.get_by_role("slider").fill("10")
    for name in ("bk-1-one", "bk-2-two"):
        page.wait_for_selector(f"#{name}[data-state=awake]")
        until_nine_steps(page, f"#{name} .mark-line path")


def test_an_element_of_the_post_moves_the_figures_that_name_it(opened: Watched, tmp_path: Path) -> None:
    spec = slider_chart()
    spec["params"][0]["bind"] = {"element": "#mine", "event": "input"}
    page = opened.page
    own = '<label>Epoch <input type="range" id="mine" min="1" max="40" value="40"></label>'
    page.goto(finished(tmp_path, {"one": spec}, before=own).as_uri())
    page.locator("#mine").fill("10")
    page.wait_for_selector("[data-state=awake]")
    until_nine_steps(page, ".mark-line path")


def test_ten_charts_are_drawn_without_scripts_and_in_print(chromium: Browser, tmp_path: Path) -> None:
    path = finished(tmp_path, {f"c{n}": curve_chart(curves(200, n)) for n in range(10)})
    with offline_page(chromium, java_script_enabled=False) as watched:
        watched.page.goto(path.as_uri())
        assert watched.page.locator(".bk-drawing svg:visible").count() == 10
        assert all(box.is_visible() for box in watched.page.locator(".bk-drawing svg:visible").all())
        assert not watched.page.locator(".bk-controls").count()
        pdf = watched.page.pdf()
    assert pdf.count(b"/Subtype /Image") == 0


def test_the_drawing_and_the_awake_chart_are_equally_large(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    page.goto(finished(tmp_path, {"loss": curve_chart(curves(200), title="Title")}).as_uri())
    before = page.locator(".bk-drawing svg:visible").bounding_box()
    wake(page, "bk-1-loss")
    after = page.locator(".bk-drawing svg:visible").bounding_box()
    assert before is not None and after is not None
    assert abs(before["width"] - after["width"]) <= 6 and abs(before["height"] - after["height"]) <= 6


def test_a_words_share_of_the_drawing_is_the_same_at_every_width(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    page.goto(finished(tmp_path, {"loss": curve_chart(curves(200), title="A title of several words")}).as_uri())
    lengths = "[...document.querySelectorAll('.bk-place text')].map(text => text.getComputedTextLength())"
    wide = page.evaluate(lengths)
    page.set_viewport_size({"width": 750, "height": 800})
    assert page.evaluate(lengths) == pytest.approx(wide, abs=0.01)


def test_colours_follow_the_page_before_and_after_waking(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    page.goto(finished(tmp_path, {"loss": curve_chart(curves(200))}).as_uri())
    title = "[...document.querySelectorAll('.bk-drawing text')].find(text => text.textContent === 'Epoch')"
    colour = f"getComputedStyle({title}).fill"
    page.evaluate("document.body.style.color = 'rgb(250, 240, 230)'")
    assert page.evaluate(colour) == "rgb(250, 240, 230)"
    wake(page, "bk-1-loss")
    assert page.evaluate(colour) == "rgb(250, 240, 230)"


def test_axe_finds_nothing_before_and_after_waking(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    source = resources.files("blogkit.check").joinpath("vendor", "axe-core", "axe.min.js").read_text(encoding="utf-8")
    page.goto(finished(tmp_path, {"one": curve_chart(curves(200)), "two": slider_chart()}).as_uri())
    page.evaluate(source)
    run = "() => axe.run(document, {preload: false}).then(all => all.violations.map(one => one.id))"
    assert page.evaluate(run) == []
    for name in ("bk-1-one", "bk-2-two"):
        wake(page, name)
    for summary in page.locator("summary").all():
        summary.click()
    page.locator("tbody tr").nth(50).wait_for()
    assert page.evaluate(run) == []


def test_a_broken_runtime_leaves_the_drawing(chromium: Browser, tmp_path: Path) -> None:
    path = finished(tmp_path, {"loss": curve_chart(curves(200))})
    (tmp_path / "site/site_libs/blogkit/figures-runtime.js").unlink()
    with offline_page(chromium) as watched:
        watched.page.goto(path.as_uri())
        with watched.page.expect_event("requestfailed"):
            watched.page.locator(".bk-drawing").hover()
        assert watched.page.locator(".bk-drawing svg path").first.is_visible()


HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_hostile_data_does_nothing_anywhere(opened: Watched, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"epoch": n, "loss": n, HOSTILE: HOSTILE} for n in range(60)]
    bind = {"input": "select", "options": [HOSTILE, "b"], "name": HOSTILE}
    spec = chart(rows, title=HOSTILE, params=[{"name": "p", "value": HOSTILE, "bind": bind}], width=500)
    spec["mark"] = {"type": "line", "strokeWidth": 30, "tooltip": {"content": "data"}}
    spec["encoding"]["color"] = {"field": HOSTILE, "title": HOSTILE, "type": "nominal"}
    spec["encoding"]["href"] = {"value": "https://x.test/"}
    page = opened.page
    page.on("dialog", lambda dialog: opened.complaints.append("the hostile word ran"))
    page.goto(finished(tmp_path, {"loss": spec}, alt="").as_uri())
    wake(page, "bk-1-loss")
    assert HOSTILE in point_at_a_line(page, "bk-1-loss")
    page.get_by_role("combobox").select_option("b")
    page.get_by_text("Data", exact=True).click()
    page.locator("td").first.wait_for()
    page.wait_for_timeout(200)  # nothing of the hostile words is drawn late
    assert page.locator("img").count() == 0
    assert page.evaluate("['vega', 'View', 'VEGA_DEBUG', 'view'].filter(name => name in window)") == []


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
def test_a_click_on_the_legend_brings_a_group_of_learning_curves_forward(
    opened: Watched, tmp_path: Path, beside: bool
) -> None:
    drawn: Any = charts.learning_curves(gathered(), "test_error", by="width", pool="rate")
    if beside:
        drawn = alt.hconcat(drawn, alt.Chart(pd.DataFrame({"y": [1]})).mark_rule().encode(y="y"))
    page = opened.page
    page.goto(finished(tmp_path, {"loss": without_runs(specification(drawn))}).as_uri())
    wake(page, "bk-1-loss")
    faint = (
        "() => [...document.querySelectorAll('.mark-line path')]"
        ".filter(line => Number(line.getAttribute('opacity') ?? 1) < 0.5).length"
    )
    lines = page.locator(".mark-line path").count()
    assert lines > 2 and page.evaluate(faint) == 0
    page.locator(".role-legend-label text").first.click()
    page.wait_for_function(f"most => ({faint})() >= most", arg=len(gathered()["width"].unique()) - 1)
