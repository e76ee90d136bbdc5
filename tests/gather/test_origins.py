"""A figure names the runs whose rows it draws, and of rows that name none it says the table, never more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from blogkit import charts
from blogkit.coverage import Absence, Coverage, MissingRun
from blogkit.gather.charts import gather_figures
from blogkit.gather.provenance import GatheredTable
from blogkit.kernel.altair import specification
from blogkit.render.finish.origin import made_how
from tests.figures.notebooks import executed

STEPS = 3


def metrics() -> pd.DataFrame:
    """12 runs: two widths, two rates, three seeds, three steps each."""
    points = [(width, rate, seed) for width in (8, 16) for rate in (0.1, 0.5) for seed in range(3)]
    rows = [
        (f"{number:012x}", width, rate, seed, "error", step, 1 / (width * rate + seed + step))
        for number, (width, rate, seed) in enumerate(points)
        for step in range(STEPS)
    ]
    return pd.DataFrame(rows, columns=["run", "width", "rate", "seed", "metric", "step", "value"])


def table_of(frame: pd.DataFrame, coverage: Coverage | None = None, **more: Any) -> GatheredTable:
    runs = frame.drop_duplicates("run")
    records = [
        {
            "id": row.run,
            "parameters": {"width": row.width, "rate": row.rate, "seed": row.seed},
            "seed": row.seed,
            "seconds": 1.0,
            "device": "CPU",
            "commit": "a" * 40,
            **more,
        }
        for row in runs.itertuples()
    ]
    return GatheredTable(
        project="p",
        notebook="figures.ipynb",
        records=records,
        coverage=coverage or Coverage(planned=len(records)),
        digest="d",
    )


def origin_of(tmp_path: Path, chart: Any, table: GatheredTable | None = None) -> dict[str, Any]:
    run = executed(tmp_path / "run", charts={"a": specification(chart)})
    gather_figures(run, tmp_path / "charts", provenance=(table or table_of(metrics())).origin_of)
    spec = json.loads((tmp_path / "charts" / "a.vl.json").read_text())
    assert "blogkit_runs" not in json.dumps(spec), "the page's chart has no parameter of ours"
    origin: dict[str, Any] = spec["usermeta"]["blogkit"]
    return origin


def words_of(origin: dict[str, Any]) -> list[str]:
    return [item.text_content() for item in made_how({"usermeta": {"blogkit": origin}}, []).iter("li")]


def test_a_chart_over_a_filtered_table_names_its_own_runs(tmp_path: Path) -> None:
    frame = metrics()
    chosen = frame[(frame["width"] == 8) & (frame["rate"] == 0.1)]
    origin = origin_of(tmp_path, alt.Chart(chosen).mark_point().encode(x="step", y="value"))
    assert origin["runs"] == sorted(chosen["run"].unique())
    assert (origin["seeds"], origin["varied"], origin["seconds"]) == (3, {}, 3.0)
    assert words_of(origin)[0] == "3 runs over 3 seeds"


@pytest.mark.parametrize(
    "builder",
    [
        lambda frame: charts.learning_curves(frame, "error", by="width"),
        lambda frame: charts.metric_over_axis(frame, "error", over="width"),
        lambda frame: charts.heat_map(frame, "error", x="width", y="rate"),
        lambda frame: charts.scaling_law(frame, "error", size="width"),
        lambda frame: charts.run_explorer(frame, parameters=["width", "rate"]),
    ],
    ids=["learning_curves", "metric_over_axis", "heat_map", "scaling_law", "run_explorer"],
)
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
def test_each_builder_names_the_runs_that_it_draws(tmp_path: Path, builder: Any, beside: bool) -> None:
    frame = metrics()
    chosen = frame[(frame["seed"] < 2) & (frame["rate"] == 0.1)]
    drawn = builder(chosen)
    if beside:
        drawn = alt.hconcat(drawn, alt.Chart(pd.DataFrame({"y": [1]})).mark_rule().encode(y="y"))
    assert origin_of(tmp_path, drawn)["runs"] == sorted(chosen["run"].unique())


def test_rows_that_were_averaged_by_hand_name_the_table_and_no_run(tmp_path: Path) -> None:
    means = metrics().groupby(["width", "step"])["value"].mean().reset_index()
    origin = origin_of(tmp_path, alt.Chart(means[means["width"] == 8]).mark_line().encode(x="step", y="value"))
    assert "runs" not in origin and origin["table_runs"] == 12
    assert words_of(origin)[0].startswith("From the gathered table of 12 runs over 3 seeds; varied: ")


def test_what_is_missing_is_reported_beside_a_figure(tmp_path: Path) -> None:
    missing = (MissingRun(id="f" * 12, parameters={}, absence=Absence.FAILED),)
    table = table_of(metrics(), Coverage(planned=13, missing=missing))
    origin = origin_of(tmp_path, alt.Chart(metrics()).mark_point().encode(x="step", y="value"), table)
    assert "The gathered table holds 12 of 13 planned runs" in words_of(origin)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "from commit aaaaaaaaaa"),
        ({"dirty": True}, "from commit aaaaaaaaaa, with changes that no commit holds"),
        ({"dirty": True, "untracked": True}, "from files that no commit holds"),
        ({"commit": None}, None),
    ],
    ids=["clean", "dirty", "untracked", "no repository"],
)
def test_the_state_of_the_code_is_reported_as_it_is(tmp_path: Path, more: dict[str, Any], words: str | None) -> None:
    chart = alt.Chart(metrics()).mark_point().encode(x="step", y="value")
    computed = words_of(origin_of(tmp_path, chart, table_of(metrics(), **more)))[1]
    assert computed == ", ".join(filter(None, ("Computed on CPU, in 12 s", words)))
    assert ("aaaa" in computed) == (not more.get("untracked") and "commit" not in more)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([alt.datum.width == 8], 6),
        ([(alt.datum.width == 8) & (alt.datum.rate < 0.3)], 3),
        (["datum.width == 8", "datum['rate'] >= 0.5"], 3),
        ([alt.FieldEqualPredicate(field="seed", equal=1)], 4),
        ([alt.FieldOneOfPredicate(field="seed", oneOf=[0, 1])], 8),
        ([alt.FieldRangePredicate(field="seed", range=[1, None])], 8),
        ([{"not": alt.FieldLTPredicate(field="seed", lt=2)}], 4),
        (
            [{"or": [alt.FieldEqualPredicate(field="seed", equal=0), alt.FieldEqualPredicate(field="width", equal=8)]}],
            8,
        ),
        ([alt.datum.metric == "error"], 12),
        (["datum.width == chosen"], 12),
        (["isValid(datum.width)"], 12),
        (["datum.width == 8 || datum.width == 16"], 12),
    ],
)
def test_a_filter_of_the_chart_itself_counts_where_it_can_be_read(
    tmp_path: Path, filters: list[Any], count: int
) -> None:
    chart = alt.Chart(metrics()).mark_point().encode(x="step", y="value")
    for one in filters:
        chart = chart.transform_filter(one)
    beside = alt.layer(chart, alt.Chart(pd.DataFrame({"y": [1]})).mark_rule().encode(y="y"))
    if "chosen" in str(filters):
        beside = beside.add_params(alt.param(name="chosen", value=8))
    assert len(origin_of(tmp_path, beside)["runs"]) == count


def test_a_filter_after_an_aggregation_says_nothing_of_the_rows(tmp_path: Path) -> None:
    chart = (
        alt.Chart(metrics())
        .transform_aggregate(value="mean(value)", groupby=["width"])
        .transform_filter("datum.value > 99")
    )
    assert len(origin_of(tmp_path, chart.mark_point().encode(y="value:Q"))["runs"]) == 12
