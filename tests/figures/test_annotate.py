"""Words on a chart: names at the ends of lines, shaded stretches, arrows, and the finding as title."""

from __future__ import annotations

from typing import Any

import altair as alt
import pytest

from blogkit import charts
from blogkit.charts import samples
from blogkit.kernel.altair import specification
from blogkit.tools.vega import compile_vega, draw_svg

METRICS = samples.metrics().query("optimiser == 'adam'")
CURVES = charts.learning_curves(METRICS, "test_error", by="width")
LINES: Any = (
    alt.Chart(METRICS[METRICS["seed"] == 0]).mark_line().encode(x="step:Q", y="value:Q", color=alt.Color("width:N"))
)


def drawn(chart: Any) -> tuple[dict[str, Any], str]:
    vega = compile_vega(specification(chart))
    return vega, draw_svg(vega)


@pytest.mark.parametrize("chart", [CURVES, LINES], ids=["a builder's", "altair's"])
def test_names_at_the_ends_of_lines_take_the_place_of_a_legend(chart: Any) -> None:
    assert drawn(chart)[0].get("legends")
    vega, svg = drawn(charts.annotate(chart, ends=True))
    assert not vega.get("legends")
    for name in ("8", "32", "128"):
        assert f">{name}</text>" in svg


def test_annotations_change_no_axis_title_and_the_finding_stands_over_the_old_title() -> None:
    more: dict[str, Any] = {"regimes": {"settled": (15, 29)}, "arrows": [("here", (6, 0.7), (2, 0.5))], "ends": True}
    for chart in (CURVES, LINES):
        before = [axis.get("title") for axis in drawn(chart)[0]["axes"]]
        vega, svg = drawn(charts.annotate(chart, finding="Wider is better", **more))
        assert [axis.get("title") for axis in vega["axes"]] == before
        assert ">Wider is better</text>" in svg and ">settled</text>" in svg and ">here</text>" in svg
    title = charts.annotate(CURVES, finding="Wider is better").title
    assert (title.text, title.subtitle) == ("Wider is better", "Mean and 95 % interval over 5 seeds")


def test_names_that_would_overlap_are_moved_apart() -> None:
    spread = charts.annotate.__globals__["_spread_places"]
    moved = spread([0.5, 0.51, 0.9, 0.505], 0.1)
    assert sorted(moved) == [moved[0], moved[3], moved[1], moved[2]]
    assert all(after - before >= 0.099 for before, after in zip(sorted(moved), sorted(moved)[1:], strict=False))
    assert moved[2] == 0.9


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: charts.annotate(alt.Chart(METRICS).mark_bar(), ends=True), "no layer of lines"),
        (lambda: charts.annotate(LINES.encode(y="mean(value):Q"), ends=True), "over columns of a data frame"),
        (lambda: charts.annotate(LINES, regimes={"a": (3, 1)}), "from a smaller to a larger x"),
        (lambda: charts.annotate(alt.Chart(METRICS).mark_bar(), arrows=[("a", (0, 0), (1, 1))]), "an x and a y"),
    ],
)
def test_what_cannot_be_annotated_is_refused(ask: Any, said: str) -> None:
    with pytest.raises(charts.ChartError, match=said):
        ask()
