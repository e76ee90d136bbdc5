"""A film: key frames that stand still, one frame that a control chooses, axes that do not move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from blogkit import charts
from blogkit.charts import samples
from blogkit.kernel.altair import specification
from blogkit.render.finish.charts import can_wake
from blogkit.tools.vega import compile_vega, draw_svg
from tests.browser import browser, offline_page
from tests.figures.pages import finished

ROWS = samples.features()
POINTS: Any = (
    alt.Chart(ROWS)
    .mark_point(filled=True)
    .encode(x="first:Q", y="second:Q", color="digit:N", shape="digit:N", tooltip=["example:N", "first:Q"])
)


def test_the_key_frames_and_the_frame_of_the_control_each_draw_their_own_rows() -> None:
    spec = specification(charts.film(POINTS, "epoch", frames=3))
    strip, main = spec["vconcat"]
    assert [part["transform"][0]["filter"] for part in strip["concat"]] == [
        f"datum['epoch'] == {epoch}" for epoch in (0, 10, 20)
    ]
    assert main["transform"] == [{"filter": "datum['epoch'] == epoch"}]
    (param,) = spec["params"]
    assert param == {
        "name": "epoch",
        "value": 20,
        "bind": {"input": "range", "min": 0, "max": 20, "step": 1, "name": "▶ Epoch"},
    }
    vega = compile_vega(spec)
    assert "<path" in draw_svg(vega)
    assert can_wake(vega)


def test_every_scale_has_the_domain_of_the_whole_film() -> None:
    strip, main = specification(charts.film(POINTS, "epoch"))["vconcat"]
    for part in (*strip["concat"], main):
        for name, column in (("x", "first"), ("y", "second")):
            low, high = part["encoding"][name]["scale"]["domain"]
            assert (low, high) == (ROWS[column].min(), ROWS[column].max())
        assert part["encoding"]["color"]["scale"]["domain"] == ["3", "5", "8"]


def test_a_layer_without_the_column_stays_and_uneven_steps_make_a_menu() -> None:
    rule = alt.Chart(pd.DataFrame({"at": [0]})).mark_rule().encode(x="at:Q")
    uneven = POINTS.properties(data=samples.features([0, 1, 5]))
    spec = specification(charts.film(alt.layer(uneven, rule), "epoch", frames=[0, 5], start=1))
    drawn, ruled = spec["vconcat"][1]["layer"]
    assert drawn["transform"] and "transform" not in ruled
    assert spec["params"][0]["bind"]["options"] == [0, 1, 5]
    assert spec["params"][0]["value"] == 1


def test_a_film_stands_beside_another_chart() -> None:
    both = alt.vconcat(charts.film(POINTS, "epoch"), POINTS)
    assert "<path" in draw_svg(compile_vega(specification(both)))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: charts.film(POINTS, "epohc"), "no data of the chart has the column 'epohc'; there are: .*epoch"),
        (lambda: charts.film(POINTS, "epoch", frames=[0, 99]), "'epoch' has the values 0, 1, 2"),
        (lambda: charts.film(POINTS, "epoch", start=99), "they go from 0 to 20"),
        (lambda: charts.film(POINTS.properties(data=samples.features([3])), "epoch"), "'epoch' has one value, 3"),
        (lambda: charts.film(POINTS.encode(y="mean(second):Q"), "epoch"), "would move with the film"),
    ],
)
def test_a_film_that_cannot_be_is_refused(ask: Any, said: str) -> None:
    with pytest.raises(charts.ChartError, match=said):
        ask()


@pytest.mark.slow
def test_a_button_plays_the_film_to_its_end_and_a_hand_on_the_slider_pauses_it(tmp_path: Path) -> None:
    few = POINTS.properties(data=samples.features([0, 1, 2, 3]))
    spec = specification(charts.film(few, "epoch"))
    with browser() as running, offline_page(running) as watched:
        page = watched.page
        page.goto(finished(tmp_path, {"film": spec}).as_uri())
        page.evaluate(
            "() => { window.seen = []; document.querySelector('[type=range]')"
            ".addEventListener('input', event => seen.push(event.target.value)); }"
        )
        button = page.get_by_role("button", name="Play Epoch")
        button.click()
        page.wait_for_function("() => seen.length === 4")
        page.wait_for_selector(".bk-play[aria-pressed=false]")
        assert page.evaluate("seen") == ["0", "1", "2", "3"]
        page.wait_for_selector("[data-state=awake]")
        page.get_by_role("slider", name="Epoch").press("Home")
        page.locator(".bk-awake text", has_text="Epoch 0").nth(1).wait_for()
        button.click()
        page.wait_for_selector(".bk-play[aria-pressed=true]")
        page.get_by_role("slider", name="Epoch").press("Home")
        page.wait_for_selector(".bk-play[aria-pressed=false]")
        assert watched.complaints == []
