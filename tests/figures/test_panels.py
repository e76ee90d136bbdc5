"""Panels a level, the order and colours of groups: a level looks the same in every figure of a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from blogkit import charts
from blogkit.charts import look, samples
from blogkit.kernel.altair import specification
from blogkit.tools.vega import compile_vega, draw_svg

METRICS = samples.metrics()
CURVES: Any = charts.learning_curves
OVER: Any = charts.metric_over_axis


@pytest.fixture(autouse=True)
def fresh_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "_GIVEN_COLOURS", {})


def scale_of(chart: Any, channel: str = "color") -> dict[Any, str]:
    for layer in specification(chart)["layer"]:
        found = layer.get("encoding", {}).get(channel)
        if isinstance(found, dict) and "scale" in found:
            return dict(zip(map(str, found["scale"]["domain"]), found["scale"]["range"], strict=True))
    raise AssertionError("no such scale")


def test_a_panel_for_each_level_on_the_same_axes() -> None:
    for chart in (
        CURVES(METRICS, "test_error", by="width", facet="optimiser"),
        OVER(METRICS, "test_error", "width", facet="optimiser"),
    ):
        assert [panel.title.text for panel in chart.concat] == ["optimiser adam", "optimiser sgd"]
        assert all("over 5 seeds" in panel.title.subtitle for panel in chart.concat)
        vega = compile_vega(specification(chart))
        assert "<path" in draw_svg(vega)
        assert {scale["name"] for scale in vega["scales"]} >= {"x", "y"}


def test_a_facet_is_no_pool_and_what_else_varies_is_still_named() -> None:
    with pytest.raises(charts.ChartError, match="besides the seed, width varies"):
        CURVES(METRICS, "test_error", facet="optimiser")
    with pytest.raises(charts.ChartError, match="did you mean 'optimiser'"):
        CURVES(METRICS, "test_error", by="width", facet="optimizer")


def test_a_level_keeps_its_colour_in_all_figures_of_a_notebook() -> None:
    whole = scale_of(CURVES(METRICS, "test_error", by="optimiser", pool="width"))
    part = scale_of(CURVES(METRICS[METRICS["optimiser"] == "sgd"], "test_error", by="optimiser", pool="width"))
    assert part == {"sgd": whole["sgd"]}
    other = METRICS[METRICS["optimiser"] == "adam"].assign(optimiser="lion")
    new = scale_of(OVER(other, "test_error", "width", by="optimiser"))
    assert new["lion"] not in whole.values()
    wide = scale_of(CURVES(METRICS[METRICS["optimiser"] == "sgd"], "test_error", by="width"))
    assert scale_of(OVER(METRICS[METRICS["width"] != 8], "test_error", "optimiser", by="width"))["32"] == wide["32"]


def test_order_and_colours_are_those_asked_for() -> None:
    chart = CURVES(
        METRICS, "test_error", by="width", pool="optimiser", order=[128, 8, 32], colours=["#111", "#222", "#333"]
    )
    assert list(scale_of(chart).items()) == [("128", "#111"), ("8", "#222"), ("32", "#333")]
    named = CURVES(METRICS, "test_error", by="optimiser", pool="width", colours={"sgd": "#123456", "adam": "#654321"})
    assert scale_of(named) == {"adam": "#654321", "sgd": "#123456"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"order": [8, 32]}, "order= leaves out 128"),
        ({"colours": ["#111"]}, "colours= has 1 for 3 levels of 'width'"),
        ({"colours": {8: "#111"}}, "colours= has none for 32, 128"),
    ],
)
def test_an_order_or_colours_that_leave_a_level_out_are_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(charts.ChartError, match=said):
        CURVES(METRICS, "test_error", by="width", pool="optimiser", **more)


def test_the_axis_of_an_accuracy_ends_at_one_however_far_its_interval_reaches() -> None:
    high = METRICS.assign(metric="accuracy", value=1 - 0.5 * (METRICS["seed"] == 0))
    chart = OVER(high, "accuracy", "width", by="optimiser", interval="sd")
    rows = [row for rows in specification(chart)["datasets"].values() for row in rows]
    assert max(row["high"] for row in rows if "high" in row) > 1
    assert all(
        layer["encoding"]["y"]["scale"]["domainMax"] == 1
        for layer in specification(chart)["layer"]
        if "scale" in layer["encoding"].get("y", {})
    )


def test_few_levels_of_a_size_are_the_ticks_of_its_axis() -> None:
    for chart in (
        OVER(METRICS, "test_error", "width", by="optimiser"),
        OVER(METRICS, "test_error", "width", pool="optimiser"),
    ):
        axes = compile_vega(specification(chart))["axes"]
        assert [8, 32, 128] in [axis.get("values") for axis in axes if axis["orient"] == "bottom"]
