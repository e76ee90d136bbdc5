"""Decision regions: they are where the classifier decides, whatever form it has, and wrong examples are marked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from blogkit import charts
from blogkit.charts import samples
from blogkit.kernel.altair import specification
from blogkit.render.finish.charts import can_wake
from blogkit.tools.vega import compile_vega, draw_svg

MOONS = samples.moons()
FOUR = pd.DataFrame({"a": [0.0, 1.0, 0.0, 1.0], "b": [0.0, 0.0, 1.0, 1.0], "kind": ["low", "high", "low", "low"]})


def right_half(places: Any) -> Any:
    """The probability of "low": certain on the left."""
    return 1 / (1 + np.exp(20 * (places[:, 0] - 0.5)))


def rows_in(chart: Any) -> list[dict[str, Any]]:
    return [row for rows in specification(chart)["datasets"].values() for row in rows]


def test_a_region_lies_where_its_class_is_ahead_and_wrong_examples_have_a_ring() -> None:
    chart = charts.decision(FOUR, "a", "b", "kind", of=right_half)
    edge = [row for row in rows_in(chart) if row.get("ahead") == 0 and row["a"] is not None]
    assert max(row["a"] for row in edge if row["decided"] == "low") == pytest.approx(0.5, abs=0.02)
    assert min(row["a"] for row in edge if row["decided"] == "high") == pytest.approx(0.5, abs=0.02)
    (wrong,) = [row for row in rows_in(chart) if "decided" in row and "kind" in row]
    assert wrong == {"a": 1.0, "b": 1.0, "kind": "low", "decided": "high"}
    assert chart.title.text == "Wrong for 1 of 4 examples"
    names = {row["name"]: row["a"] for row in rows_in(chart) if "name" in row}
    assert names["low"] < 0.5 < names["high"]


@pytest.mark.parametrize(
    "classifier",
    [
        lambda places: right_half(places)[:, None],
        lambda places: np.stack([1 - right_half(places), right_half(places)], axis=1),
        lambda places: np.stack([20 * (places[:, 0] - 0.5), 0 * places[:, 0]], axis=1),
        lambda places: -20 * (places[:, 0] - 0.5),
    ],
    ids=["a column", "both probabilities", "logits", "one logit"],
)
def test_a_classifier_may_give_probabilities_or_logits(classifier: Any) -> None:
    def edges(of: Any) -> list[tuple[Any, Any]]:
        rows = rows_in(charts.decision(FOUR, "a", "b", "kind", of=of, resolution=16))
        return [(row["a"], row["b"]) for row in rows if row.get("ahead") == 0]

    assert edges(classifier) == edges(right_half)


def test_a_grid_may_stand_for_the_classifier() -> None:
    grid = pd.DataFrame([{"a": a, "b": b, "low": 1 - a, "high": a} for a in (0, 0.5, 1) for b in (0, 0.5, 1)])
    chart = charts.decision(FOUR, "a", "b", "kind", of=grid)
    assert chart.title.text == "Wrong for 1 of 4 examples"
    with pytest.raises(charts.ChartError, match="not regular"):
        charts.decision(FOUR, "a", "b", "kind", of=grid.drop(index=3))


def test_several_classifiers_are_panels_or_a_film() -> None:
    of = {reach: lambda places, r=reach: samples.moons_classifier(places, r) for reach in (0.2, 1.0)}
    panels = charts.decision(MOONS, "x", "y", "moon", of=of, facet="kernel_reach", resolution=24)
    assert [panel.title.text for panel in panels.concat] == ["kernel reach 0.2", "kernel reach 1"]
    film = charts.decision(MOONS, "x", "y", "moon", of=of, over="reach", resolution=24)
    for chart in (panels, film):
        vega = compile_vega(specification(chart))
        assert "<path" in draw_svg(vega)
        assert can_wake(vega)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": "c"}, "the table has no column 'c'"),
        ({"of": lambda places: np.zeros((3, 3))}, r"wanted is \(4096, 2\)"),
        ({"of": lambda places: np.full(len(places), np.nan)}, "may have diverged"),
        ({"of": {1: right_half}}, "goes with the name of what varies"),
        ({"facet": "width"}, "goes with the name of what varies"),
        ({"points": FOUR[:0]}, "the examples need a number"),
        ({"points": FOUR.assign(b=float("nan"))}, "the examples need a number"),
        ({"points": FOUR[FOUR["kind"] == "low"]}, "one class, 'low'"),
        ({"classes": ["low"]}, "one class, 'low'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {"points": FOUR, "x": "a", "y": "b", "label": "kind", "of": right_half} | change
    with pytest.raises(charts.ChartError, match=said):
        charts.decision(**asked)
