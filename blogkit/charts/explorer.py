"""The run explorer: every run as a point, and the reader chooses by menus what stands on the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import (
    ChartError,
    at_step,
    check_columns,
    is_number,
    parameters_of,
    rows_of,
    spans_decades,
    with_level_names,
)
from blogkit.charts.look import HEIGHT, PALETTE, SHAPES, WIDTH, _plain_value, sized, titled

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame


def run_explorer(
    metrics: DataFrame,
    *,
    measures: Sequence[str] | None = None,
    parameters: Sequence[str] | None = None,
    at: str | float = "last",
) -> alt.LayerChart:
    """Every run as a point; menus choose the horizontal axis, the vertical axis and the colour with the shape.

    ``measures`` and ``parameters`` say what the menus offer, by default all metrics and all parameters that vary. Of a
    positive quantity that spans decades the menus also offer the logarithm. Moving over a point shows the whole run.

    >>> from blogkit.charts import run_explorer, samples
    >>> metrics = samples.metrics()
    >>> chart = run_explorer(metrics)
    >>> [parameter.name for parameter in chart.params]
    ['horizontal', 'vertical', 'group']
    """
    import altair as alt
    import pandas as pd

    varying = [name for name in parameters_of(metrics) if metrics[name].nunique(dropna=False) > 1]
    if "seed" in metrics.columns and metrics["seed"].nunique() > 1:
        varying.append("seed")
    chosen = list(parameters) if parameters is not None else varying
    check_columns(metrics, chosen)
    metrics = with_level_names(metrics, chosen)
    known = sorted(map(str, metrics["metric"].unique())) if "metric" in metrics.columns else []
    names = list(measures) if measures is not None else known
    runs = metrics[["run", *chosen]].drop_duplicates("run").set_index("run")
    for name in names:
        runs[name] = at_step(rows_of(metrics, name), at).groupby("run")["value"].last()
    runs = runs.reset_index()
    numeric = [name for name in (*chosen, *names) if is_number(runs[name])]
    if not names or not any(name in numeric for name in chosen):
        raise ChartError("an explorer needs a metric and a parameter with numbers that varies between the runs.")
    table, choices = _run_numbers(runs, numeric)
    table = pd.concat([table, runs[["run", *[name for name in chosen if name not in table.columns]]]], axis=1)
    groups = [name for name in chosen if runs[name].nunique() <= 12] or chosen[:1]
    for name in groups:
        table[f"{name} as a group"] = runs[name].map(lambda value: str(_plain_value(value)))
    first = [name for name in choices if name in chosen or name.removeprefix("log₁₀ ") in chosen]
    horizontal = _menu_parameter("horizontal", "Horizontal", choices, first[0])
    trained = [name for name in names if metrics.loc[metrics["metric"] == name, "step"].notna().any()]
    vertical = _menu_parameter("vertical", "Vertical", choices, (trained or names)[0])
    group = _menu_parameter(
        "group", "Colour", [f"{name} as a group" for name in groups], f"{groups[0]} as a group", groups
    )
    words = [
        alt.Tooltip("run:N", title="Run"),
        *(alt.Tooltip(f"{name}:{'Q' if name in numeric else 'N'}", title=titled(name)) for name in (*chosen, *names)),
    ]
    most = max(table[f"{name} as a group"].nunique() for name in groups)
    colours = [PALETTE[index % len(PALETTE)] for index in range(most)]
    shapes = [SHAPES[(index + index // len(SHAPES)) % len(SHAPES)] for index in range(most)]
    order = alt.EncodingSortField("rank", op="min")
    points = (
        alt.Chart(table)
        .transform_calculate(across="datum[horizontal]", up="datum[vertical]", kind="datum[group]")
        .transform_calculate(rank="isFinite(+datum.kind) ? +datum.kind : 0")
        .transform_filter("isValid(datum.across) && isValid(datum.up)")
        .mark_point(size=70, filled=True, opacity=0.8)
        .encode(
            x=alt.X("across:Q", title=None, scale=alt.Scale(zero=False, padding=12)),
            y=alt.Y("up:Q", title=None, scale=alt.Scale(zero=False, padding=12)),
            color=alt.Color("kind:N", title="Group", scale=alt.Scale(range=colours), sort=order),
            shape=alt.Shape("kind:N", title="Group", scale=alt.Scale(range=shapes), sort=order),
            tooltip=words,
        )
    )
    one = alt.Chart(alt.InlineData(values=[{}]))
    below = one.mark_text(fontSize=12, text=alt.expr("horizontal")).encode(
        x=alt.value(WIDTH / 2), y=alt.value(HEIGHT + 34)
    )
    beside = one.mark_text(fontSize=12, text=alt.expr("vertical"), align="left", baseline="bottom").encode(
        x=alt.value(0), y=alt.value(-8)
    )
    layered: Any = sized(alt.layer(points, below, beside), width=WIDTH, height=HEIGHT)
    chart: alt.LayerChart = layered.add_params(horizontal, vertical, group)
    return chart


def _run_numbers(runs: DataFrame, numeric: Sequence[str]) -> tuple[Any, list[str]]:
    """The numbers of the runs, with the logarithms of those that span decades, and their names for the menus."""
    table = runs[list(numeric)].copy()
    choices: list[str] = []
    for name in numeric:
        choices.append(name)
        if spans_decades(runs[name]):
            table[f"log₁₀ {name}"] = runs[name].map(lambda value: math.log10(value) if value > 0 else None)
            choices.append(f"log₁₀ {name}")
    return table, choices


def _menu_parameter(
    name: str, label: str, options: Sequence[str], start: str, labels: Sequence[str] | None = None
) -> Any:
    import altair as alt

    shown = list(labels or options)
    return alt.param(name=name, value=start, bind=alt.binding_select(options=list(options), labels=shown, name=label))
