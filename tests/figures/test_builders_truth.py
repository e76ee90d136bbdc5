"""A builder draws what it says: no setting passes for a seed, and what cannot be drawn is reported or refused."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from blogkit import charts
from blogkit.charts import frames
from blogkit.kernel.altair import specification
from blogkit.tools.vega import compile_vega, draw_svg
from tests.figures.sweep import gathered

METRICS = gathered()
BUILDERS: dict[str, Any] = {
    "learning_curves": lambda frame, **more: charts.learning_curves(frame, "test_error", by="width", **more),
    "metric_over_axis": lambda frame, **more: charts.metric_over_axis(frame, "test_error", over="width", **more),
    "heat_map": lambda frame, **more: charts.heat_map(frame, "test_error", x="width", y="optimiser", **more),
    "scaling_law": lambda frame, **more: charts.scaling_law(frame, "test_error", size="width", **more),
}


def rows_in(chart: Any) -> list[dict[str, Any]]:
    return [row for rows in specification(chart)["datasets"].values() for row in rows]


def table(*rows: tuple[str, float | None, int, str, float | None, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["run", "lr", "seed", "metric", "step", "value"])


@pytest.mark.parametrize("name", BUILDERS)
def test_what_varies_besides_the_seed_is_named_or_refused(name: str) -> None:
    with pytest.raises(charts.ChartError, match=r"besides the seed, rate varies .* pool=\['rate'\]"):
        BUILDERS[name](METRICS)
    assert BUILDERS[name](METRICS, pool="rate")
    assert BUILDERS[name](METRICS, pool=["rate"])
    assert BUILDERS[name](METRICS[METRICS["rate"] == 0.1])
    with pytest.raises(charts.ChartError, match="did you mean 'rate'"):
        BUILDERS[name](METRICS, pool="rates")


def test_all_that_varies_is_named_at_once() -> None:
    with pytest.raises(charts.ChartError, match="besides the seed, width, rate vary between"):
        charts.learning_curves(METRICS, "test_error")


def test_a_parameter_that_follows_another_and_a_column_of_rows_are_no_mixture() -> None:
    frame = METRICS[METRICS["rate"] == 0.1]
    frame = frame.assign(hidden=frame["width"] * 2, hours=range(len(frame)))
    assert charts.learning_curves(frame, "test_error", by="width")


@pytest.mark.parametrize(
    ("seeds", "interval", "words"),
    [
        (range(5), "95%", "Mean and 95 % interval over 5 seeds"),
        (range(2), "sd", "Mean and standard deviation over 2 seeds"),
        (range(3), "range", "Mean and range over 3 seeds"),
        (range(1), "95%", "One seed each, so no interval"),
    ],
)
def test_an_interval_says_over_how_many_seeds(seeds: range, interval: frames.IntervalKind, words: str) -> None:
    frame = METRICS[(METRICS["rate"] == 0.1) & METRICS["seed"].isin(seeds)]
    for builder in ("learning_curves", "metric_over_axis"):
        assert BUILDERS[builder](frame, interval=interval).title.text == words
    uneven = frame[(frame["width"] != 8) | (frame["seed"] == 0)]
    if len(seeds) > 1:
        assert f"over 1 to {len(seeds)} seeds" in BUILDERS["metric_over_axis"](uneven).title.text


def test_a_single_seed_has_no_interval_and_its_line_is_drawn() -> None:
    frame = METRICS[(METRICS["rate"] == 0.1) & (METRICS["seed"] == 0)]
    chart = BUILDERS["metric_over_axis"](frame)
    means = [row for row in rows_in(chart) if "mean" in row]
    assert means and all(row["low"] is None and row["high"] is None for row in means)
    assert "NaN" not in draw_svg(compile_vega(specification(chart)))


@pytest.mark.parametrize(
    ("metric", "at", "values"),
    [
        ("test_error", "best", [1.0, 3.0]),
        ("accuracy", "best", [2.0, 4.0]),
        ("val/top1", "best", [2.0, 4.0]),
        ("weight_norm", "smallest", [1.0, 3.0]),
        ("weight_norm", "largest", [2.0, 4.0]),
        ("weight_norm", "last", [1.0, 3.0]),
        ("accuracy", "smallest", [1.0, 3.0]),
    ],
)
def test_the_best_value_is_the_one_that_the_metrics_name_means(metric: str, at: str, values: list[float]) -> None:
    frame = table(
        ("a", 0.1, 0, metric, 0, 2.0),
        ("a", 0.1, 0, metric, 1, 1.0),
        ("b", 1.0, 0, metric, 0, 4.0),
        ("b", 1.0, 0, metric, 1, 3.0),
    )
    assert frames.at_step(frames.rows_of(frame, metric), at)["value"].tolist() == values


@pytest.mark.parametrize("metric", ["weight_norm", "x", "error_or_accuracy"])
def test_where_the_name_does_not_say_it_is_asked(metric: str) -> None:
    frame = table(("a", 0.1, 0, metric, 0, 2.0))
    with pytest.raises(charts.ChartError, match=r"at='smallest' or at='largest'"):
        charts.metric_over_axis(frame, metric, "lr", at="best")


@pytest.mark.parametrize("at", ["best", "last"])
@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_run_that_diverged_is_reported_and_the_others_are_drawn(at: str, broken: float) -> None:
    frame = table(
        ("a", 0.1, 0, "loss", 1, 1.0),
        ("a", 0.1, 0, "loss", 2, 0.5),
        ("b", 10.0, 0, "loss", 1, broken),
        ("b", 10.0, 0, "loss", 2, broken),
    )
    chart = charts.metric_over_axis(frame, "loss", "lr", at=at)
    assert chart.title.text.endswith("1 run diverged and is left out")
    assert "<path" in draw_svg(compile_vega(specification(chart)))
    assert charts.run_explorer(frame, at=at)
    assert "1 run diverged" in charts.heat_map(frame.assign(k=1), "loss", "lr", "k", at=at).title.text


def test_steps_that_only_some_runs_have_are_no_error() -> None:
    frame = table(("a", 0.1, 0, "loss", 1, 1.0), ("a", 0.1, 0, "loss", 2, 0.5), ("b", 1.0, 0, "loss", None, 3.0))
    rows = frames.at_step(frames.rows_of(frame, "loss"), "last")
    assert rows["value"].tolist() == [0.5, 3.0]


def test_an_empty_table_and_a_metric_without_numbers_are_refused() -> None:
    with pytest.raises(charts.ChartError, match="the table is empty"):
        charts.learning_curves(METRICS[METRICS["width"] == 0], "test_error")
    with pytest.raises(charts.ChartError, match="every value of 'test_error' is not a number"):
        charts.learning_curves(METRICS.assign(value=math.nan), "test_error", pool=["width", "rate"])


def test_the_level_null_is_shown() -> None:
    frame = table(
        *(
            (f"{lr}-{seed}", lr, seed, "loss", step, 1.0 + seed)
            for lr in (None, 0.5)
            for seed in range(2)
            for step in range(2)
        )
    )
    for chart in (
        charts.learning_curves(frame, "loss", by="lr"),
        charts.metric_over_axis(frame, "loss", "lr"),
        charts.heat_map(frame.assign(k=1), "loss", "lr", "k"),
    ):
        assert {row["lr"] for row in rows_in(chart) if "lr" in row} == {"none", "0.5"}
        assert "none" in draw_svg(compile_vega(specification(chart)))
    explorer = rows_in(charts.run_explorer(frame.assign(k=[1, 1, 2, 2, 3, 3, 4, 4])))
    assert {row["lr as a group"] for row in explorer if "lr as a group" in row} == {"none", "0.5"}
    with pytest.raises(charts.ChartError, match="besides the seed, lr varies"):
        charts.learning_curves(frame, "loss")
