"""The figure builders: what their docstrings say is true, they can be drawn, and colour is never the only cue."""

from __future__ import annotations

import doctest
import importlib
import itertools
import math
import pkgutil
import random
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

import blogkit.charts
from blogkit import charts, record
from blogkit.charts import frames, look
from blogkit.kernel.altair import specification
from blogkit.render.finish.charts import can_wake
from blogkit.tools.vega import compile_vega, draw_svg
from tests.figures.live import network, run_folder
from tests.figures.sweep import gathered

METRICS = gathered()
EXAMPLES = [
    found
    for module in pkgutil.iter_modules(blogkit.charts.__path__)
    for found in doctest.DocTestFinder().find(
        importlib.import_module(f"blogkit.charts.{module.name}"), extraglobs={"metrics": METRICS}
    )
    if found.examples
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_example_in_a_docstring_is_true(
    example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if example.name.endswith(".live"):
        run_folder(tmp_path, monkeypatch)
        record.model("net", network(2, 4, 1), step=3)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example).failed == 0


def test_every_builder_has_an_example() -> None:
    shown = {example.name.rsplit(".", 1)[1] for example in EXAMPLES}
    assert shown >= {name for name in charts.__all__ if name[0].islower()}


BUILT: dict[str, Any] = {
    "curves": charts.learning_curves(METRICS, "test_error", by="width", pool="rate", interval="sd"),
    "one curve": charts.learning_curves(METRICS, "test_error", pool=["width", "rate"], unit="fraction", log=True),
    "over an axis": charts.metric_over_axis(METRICS, "test_error", "width", by="rate", interval="range"),
    "over categories": charts.metric_over_axis(METRICS, "test_error", "optimiser", pool=["width", "rate"], at=3),
    "heat map": charts.heat_map(METRICS, "test_error", "width", "rate", at="best"),
    "scaling law": charts.scaling_law(METRICS, "test_error", "width", pool="rate", size_unit="hidden units"),
    "explorer": charts.run_explorer(METRICS),
}


@pytest.mark.parametrize("name", BUILT)
def test_a_built_chart_is_altairs_and_draws_and_wakes(name: str) -> None:
    chart = BUILT[name]
    assert isinstance(chart, (alt.Chart, alt.LayerChart))
    vega = compile_vega(specification(chart))
    assert "<path" in draw_svg(vega)
    assert can_wake(vega)


@pytest.mark.parametrize("name", [name for name in BUILT if name != "explorer"])
def test_every_axis_has_a_title(name: str) -> None:
    vega = compile_vega(specification(BUILT[name]))
    titled = {axis["orient"] for axis in vega["axes"] if axis.get("title")}
    assert titled == {"left", "bottom"}


@pytest.mark.parametrize(("name", "cue"), [("curves", "strokeDash"), ("over an axis", "shape"), ("explorer", "shape")])
def test_colour_has_a_second_cue(name: str, cue: str) -> None:
    vega = compile_vega(specification(BUILT[name]))
    assert any("stroke" in legend or "fill" in legend for legend in vega["legends"])
    assert any(cue in legend for legend in vega["legends"])
    assert len(vega["legends"]) == 1


def test_columns_with_strange_names_can_be_drawn() -> None:
    strange = METRICS.rename(columns={"width": "model.width [units]"})
    for chart in (
        charts.learning_curves(strange, "test_error", by="model.width [units]", pool="rate"),
        charts.metric_over_axis(strange, "test_error", "model.width [units]", pool="rate"),
        charts.heat_map(strange, "test_error", "model.width [units]", "rate"),
        charts.scaling_law(strange, "test_error", "model.width [units]", pool="rate"),
    ):
        assert "<path" in draw_svg(compile_vega(specification(chart)))


def test_a_diverged_seed_does_not_spoil_the_figure() -> None:
    broken = METRICS.copy()
    broken.loc[broken.index[5:20], "value"] = float("nan")
    broken.loc[broken.index[25], "value"] = float("inf")
    assert "NaN" not in draw_svg(
        compile_vega(specification(charts.learning_curves(broken, "test_error", by="width", pool="rate")))
    )


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: charts.learning_curves(METRICS, "tset_error"), "did you mean 'test_error'?"),
        (lambda: charts.learning_curves(METRICS, "seconds"), "recorded without steps"),
        (lambda: charts.metric_over_axis(METRICS, "test_error", "widht"), "did you mean 'width'?"),
        (lambda: charts.metric_over_axis(METRICS, "test_error", "width", at=99), "the steps go from 0 to 29"),
        (lambda: charts.scaling_law(METRICS, "test_error", "optimiser"), "holds no numbers"),
        (
            lambda: charts.scaling_law(METRICS[METRICS["width"] == 8], "test_error", "width", pool="rate"),
            "two or more x",
        ),
        (lambda: charts.run_explorer(METRICS[METRICS["run"] == "8-0.1-0"]), "that varies between the runs"),
        (lambda: charts.learning_curves(pd.DataFrame({"a": [1]}), "a"), "the table has no column 'metric'"),
    ],
)
def test_what_the_table_cannot_give_is_said_with_what_it_has(ask: Any, said: str) -> None:
    with pytest.raises(charts.ChartError) as caught:
        ask()
    assert said in str(caught.value)


def test_the_interval_is_students_t() -> None:
    rows = pd.DataFrame({"width": 1, "value": [1.0, 2.0, 3.0, 4.0]})
    (row,) = frames.summary(rows, ["width"], "95%").to_dict("records")
    assert row["mean"] == 2.5 and row["seeds"] == 4
    assert row["high"] - row["mean"] == pytest.approx(3.182446 * 1.290994 / 2, rel=1e-5)


def test_the_power_laws_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(1)
    sizes = [2.0**n for n in range(3, 10)] * 3
    held = 0
    for _ in range(400):
        law = charts.fit_power_law(sizes, [2 * size**-0.3 * math.exp(chance.gauss(0, 0.2)) for size in sizes])
        held += abs(law.exponent + 0.3) <= law.error
    assert 0.92 <= held / 400 <= 0.98


# --- the palette ----------------------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes (2009), severity 1, over linear RGB.
VISION = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def seen(colour: str, vision: str) -> list[float]:
    """CIE L*a*b* of a colour as somebody sees it."""
    rgb = [min(1.0, max(0.0, sum(m * c for m, c in zip(row, linear(colour), strict=True)))) for row in VISION[vision]]
    matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(m * c for m, c in zip(row, rgb, strict=True)) for row in matrix]
    white = (0.95047, 1.0, 1.08883)
    x, y, z = (
        (v / w) ** (1 / 3) if v / w > 0.008856 else 7.787 * v / w + 16 / 116 for v, w in zip(xyz, white, strict=True)
    )
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_differ_for_every_reader(vision: str) -> None:
    for one, other in itertools.combinations(look.PALETTE, 2):
        assert math.dist(seen(one, vision), seen(other, vision)) >= 15, (one, other)


@pytest.mark.parametrize("page", ["#ffffff", "#1d1f21"])
def test_every_colour_stands_out_on_light_and_dark_pages(page: str) -> None:
    def light(colour: str) -> float:
        return sum(m * c for m, c in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))

    for colour in (*look.PALETTE, *look._ramp_colours(7)):
        high, low = sorted((light(colour), light(page)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3.0, colour


def test_a_control_of_a_live_figure_takes_no_name_of_the_chart_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network's width is no chart's width: Vega calls that ``width``."""
    run_folder(tmp_path, monkeypatch)
    record.model("net", network(2, 4, 1))
    parts = charts.features(x=charts.axis(-2, 2, 8), width=charts.slider(1, 64, 1))
    chart = charts.live("net", parts, columns="y", start={"width": 8}).mark_line().encode(x="x:Q", y="y:Q")
    signals = {one["name"]: one.get("value") for one in compile_vega(specification(chart))["signals"]}
    assert signals["chosen_width"] == 8
    assert compile_vega(specification(chart))["width"] == 300
