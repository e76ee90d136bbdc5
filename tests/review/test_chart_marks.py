"""A comment on a chart's mark is on the row that the chart draws, with the types that the row has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from blogkit.page.places import read_page
from blogkit.review.anchor import AnchorState, anchor, fragment
from blogkit.review.posts import add_revision, prepare_post
from blogkit.review.record import to_lines
from blogkit.review.roster import read_roster
from blogkit.review.server.app import Origins
from blogkit.review.server.serve import build
from tests.browser import browser as launched
from tests.browser import steady_box
from tests.figures.pages import curve_chart, curves, finished
from tests.review.running import running
from tests.review.school import open_school
from tests.review.test_browser import wake_figure

ROWS: list[dict[str, Any]] = [
    {"width": width, "day": day, "error": error, "run": f"run{number}", "code": "007", "flag": True, "note": None}
    for number, (width, day, error) in enumerate(
        [("8", "2026-11-01", 0.5), ("8", "2026-11-02", 0.25), ("16", "2026-11-01", 0.75), ("True", "2026-11-02", 1.0)]
    )
]


def dots(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.1.0.json",
        "data": {"values": rows},
        "width": 400,
        "height": 200,
        "mark": {"type": "point", "size": 200, "filled": True},
        "encoding": {
            "x": {"field": "width", "type": "nominal"},
            "y": {"field": "error", "type": "quantitative"},
            "color": {"field": "day", "type": "temporal"},
            "tooltip": [{"field": "width"}],
        },
    }


def prepared(tmp_path: Path, charts: dict[str, Any], site: str = "made") -> tuple[Any, str]:
    """A class's folder and the review copy of a page with these charts."""
    folder = open_school(tmp_path / "class")
    page = finished(tmp_path / site, charts)
    made = prepare_post("alpha", page, tmp_path / site / "site", read_roster(folder.roster, folder.secret()))
    add_revision(folder, made)
    return folder, made.html


def test_the_rows_of_a_review_copy_have_the_types_that_the_cell_gave_them(tmp_path: Path) -> None:
    _, copy = prepared(tmp_path, {"widths": dots(ROWS)})
    (chart,) = read_page(copy).charts
    assert [dict(row) for row in chart.rows] == ROWS
    assert [type(value) for value in chart.rows[0].values()] == [type(value) for value in ROWS[0].values()]


def test_a_comment_on_a_category_that_is_the_text_8_attaches(tmp_path: Path) -> None:
    _, copy = prepared(tmp_path, {"widths": dots(ROWS)})
    page = read_page(copy)
    block = page.charts[0].block
    for fields, state in (
        ({"width": "8", "day": "2026-11-01"}, AnchorState.ATTACHED),
        ({"width": "True"}, AnchorState.ATTACHED),
        ({"code": "007"}, AnchorState.ATTACHED),
        ({"width": 8}, AnchorState.UNANCHORED),
        ({"code": 7}, AnchorState.UNANCHORED),
    ):
        mark = {"type": "blogkit:MarkSelector", "part": "mark", "fields": fields, "value": {}}
        assert anchor(page, [fragment(block), mark]).state is state, fields


def test_every_data_set_of_a_figure_comes_in_full_precision(tmp_path: Path) -> None:
    one, other = curves(1000, 0, exact=True), curves(1000, 1, exact=True)
    layers = [{key: curve_chart(rows)[key] for key in ("data", "mark", "encoding")} for rows in (one, other)]
    spec = {"$schema": curve_chart(one)["$schema"], "width": 600, "height": 300, "layer": layers}
    _, copy = prepared(tmp_path, {"loss": spec})
    (chart,) = read_page(copy).charts
    assert {row["loss"] for row in chart.rows} == {row["loss"] for row in [*one, *other]}


def test_a_script_that_is_none_of_ours_gives_no_columns(tmp_path: Path) -> None:
    page = finished(tmp_path / "made", {"loss": curve_chart(curves(1000, exact=True))})
    (script,) = page.parent.glob("results/charts/table-*.js")
    script.write_text("fetch('https://x.test'); " + script.read_text())
    folder = open_school(tmp_path / "class")
    roster = read_roster(folder.roster, folder.secret())
    copy = prepare_post("alpha", page, tmp_path / "made" / "site", roster).html
    assert not html.document_fromstring(copy).xpath("//script[@class='review-exact']")
    assert "x.test" not in copy


@pytest.fixture
def browser() -> Iterator[Any]:
    with launched() as one:
        yield one


@pytest.mark.slow
def test_a_mark_that_is_clicked_is_stored_with_its_rows_own_values_and_attaches(tmp_path: Path, browser: Any) -> None:
    folder, _ = prepared(tmp_path, {"widths": dots(ROWS)})
    with running(folder) as server:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(server.link("cy"))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/home")
        page.goto(f"{server.app}/read/alpha")
        frame = page.frame_locator("#post")
        wake_figure(frame, frame.locator(".bk-drawing").first)
        for number in range(len(ROWS)):
            box = steady_box(frame.locator(".bk-awake .mark-symbol.role-mark path").nth(number))
            page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.locator("#composer textarea").fill(f"Why {number}?")
            page.locator("#composer button.primary").click()
            page.locator(".thread").nth(number).wait_for()
        assert "newest revision" not in page.locator("#panel").inner_text()
    served = build(folder, Origins(app="http://app.example", posts="http://posts.example"))
    try:
        events = [json.loads(line) for line in to_lines(served.database.all()).splitlines()]
    finally:
        served.database.close()
    marks = [
        selector["fields"]
        for event in events
        if event["type"] == "Annotation"
        for selector in event["target"]["selector"]
        if selector["type"] == "blogkit:MarkSelector"
    ]
    wanted = [{"day": row["day"], "width": row["width"]} for row in ROWS]
    assert sorted(marks, key=str) == sorted(wanted, key=str)
