"""Settings compared seed by seed: the interval is that of the differences, and every pair is shown or counted."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from blogkit import charts, intervals
from blogkit.charts import samples
from blogkit.kernel.altair import specification
from blogkit.tools.vega import compile_vega, draw_svg

METRICS = samples.metrics()
WIDE = METRICS[METRICS["width"] == 32]


def rows_in(chart: Any) -> list[dict[str, Any]]:
    return [row for rows in specification(chart)["datasets"].values() for row in rows]


def last(optimiser: str) -> dict[int, float]:
    part = WIDE[(WIDE["optimiser"] == optimiser) & (WIDE["step"] == 29)]
    return dict(zip(part["seed"], part["value"], strict=True))


def test_the_drawn_interval_is_that_of_the_differences() -> None:
    chart = charts.paired(WIDE, "test_error", "optimiser", baseline="sgd")
    want = intervals.paired(last("adam"), last("sgd"))
    (mean,) = [row for row in rows_in(chart) if "low" in row]
    assert mean["difference"] == pytest.approx(want.estimate)
    assert (mean["low"], mean["high"], mean["seeds"]) == (pytest.approx(want.low), pytest.approx(want.high), 5)
    seeds = {row["seed"]: row["difference"] for row in rows_in(chart) if "baseline" in row}
    assert seeds == {seed: pytest.approx(value - last("sgd")[seed]) for seed, value in last("adam").items()}
    assert chart.title.text.startswith("adam − sgd = −0.0")
    assert chart.title.text.endswith(", 95 % interval over 5 seeds")


def test_a_forest_has_a_row_for_each_level_and_setting() -> None:
    third = METRICS[METRICS["optimiser"] == "adam"].assign(optimiser="lion", run=lambda t: "l" + t["run"])
    chart = charts.paired(pd.concat([METRICS, third]), "test_error", "optimiser", baseline="sgd", by="width")
    means = {(row["place"], row["setting"]) for row in rows_in(chart) if "low" in row}
    assert means == {(f"width {width}", name) for width in (8, 32, 128) for name in ("adam", "lion")}
    vega = compile_vega(specification(chart))
    assert {"shape", "stroke"} <= set(vega["legends"][0])
    assert "<path" in draw_svg(vega)


@pytest.mark.parametrize(
    ("frame", "more", "said"),
    [
        (WIDE[(WIDE["seed"] != 2) | (WIDE["optimiser"] == "sgd")], {"baseline": "sgd"}, "seeds: 2 on one side only"),
        (WIDE, {}, "say which level of 'optimiser' .* baseline='adam'"),
        (WIDE, {"baseline": "lion"}, "'optimiser' has no level 'lion'; it has: 'adam', 'sgd'"),
        (METRICS, {"baseline": "sgd"}, "besides the seed, width varies"),
        (WIDE[WIDE["optimiser"] == "sgd"], {"baseline": "sgd"}, "one level, 'sgd'"),
        (WIDE[WIDE["seed"] == 0], {"baseline": "sgd"}, "needs two seeds or more; there are 1"),
        (WIDE.drop(columns="seed"), {"baseline": "sgd"}, "needs the column 'seed'"),
        (METRICS, {"baseline": "sgd", "by": "width", "order": ["sgd"]}, "order= leaves out 'adam'"),
    ],
)
def test_what_cannot_be_paired_is_refused_with_what_to_do(frame: pd.DataFrame, more: dict[str, Any], said: str) -> None:
    with pytest.raises(charts.ChartError, match=said):
        charts.paired(frame, "test_error", "optimiser", **more)


def test_a_pair_with_a_run_that_diverged_is_counted() -> None:
    broken = WIDE.copy()
    broken.loc[(broken["seed"] == 1) & (broken["optimiser"] == "sgd"), "value"] = math.nan
    chart = charts.paired(broken, "test_error", "optimiser", baseline="sgd")
    assert chart.title.text.endswith("over 4 seeds; 1 pair left out, of which a run diverged")


def test_rounding_never_moves_an_interval_over_zero() -> None:
    words = charts.paired.__globals__["estimate_words"]
    for estimate, half in ((0.0449, 0.0451), (0.0451, 0.0449), (-0.3, 0.2999), (1e-9, 0.5)):
        found = intervals.Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, n=5)
        shown, around = words(found).replace("−", "-").split(" ± ")
        assert (abs(float(shown)) > float(around)) == found.excludes()
