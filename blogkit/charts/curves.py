"""Learning curves: a metric over the steps of training, with what the seeds say of its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import (
    ChartError,
    IntervalKind,
    check_columns,
    check_pooled,
    is_number,
    naming_runs,
    rows_of,
    spread_words,
    summary,
    with_level_names,
)
from blogkit.charts.look import HEIGHT, WIDTH, field_name, group_channels, heading, sized, titled, value_scale
from blogkit.charts.panels import group_levels, in_panels

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame

_INTERVALS = {"95%": "95 % interval", "sd": "standard deviation", "range": "all seeds"}


def learning_curves(
    metrics: DataFrame,
    metric: str,
    *,
    by: str | None = None,
    pool: str | Sequence[str] = (),
    interval: IntervalKind = "95%",
    title: str | None = None,
    unit: str | None = None,
    step: str = "Epoch",
    by_title: str | None = None,
    log: bool = False,
    facet: str | None = None,
    order: Sequence[Any] | None = None,
    colours: Mapping[Any, str] | Sequence[str] | None = None,
) -> alt.LayerChart:
    """The mean of a metric over the steps, one line a group, with a band over the seeds.

    ``by`` names the parameter that makes the groups. What else varies besides the seed must be filtered, or named in
    ``pool`` to be averaged over; the line above the chart says over how many seeds. A click in the legend brings one
    forward; moving over the drawing shows the numbers of the nearest step. ``step`` is the title of the horizontal
    axis. ``facet`` names a parameter that gets a panel a level (an ``alt.ConcatChart``). ``order`` is that of the
    groups, ``colours`` theirs, as a list or by level; without, a level keeps its colour in all figures of a notebook.

    >>> from blogkit.charts import learning_curves, samples
    >>> metrics = samples.metrics()
    >>> chart = learning_curves(metrics, "test_error", by="width", pool="optimiser", unit="fraction")
    >>> chart.to_dict()["layer"][0]["encoding"]["x"]["title"]
    'Epoch'
    >>> chart.title.text
    'Mean and 95 % interval over 10 runs (optimiser and seeds together)'
    """
    check_columns(metrics, [by])
    asked: dict[str, Any] = {
        "by": by, "pool": pool, "interval": interval, "shown": titled(metric, title, unit), "step": step,
        "by_title": by_title, "log": log, "levels": group_levels(rows_of(metrics, metric), by, order), "order": order,
        "colours": colours,
    }  # fmt: skip
    if facet is None:
        return _curves_chart(metrics, metric, **asked)
    drawn: Any = in_panels(metrics, facet, lambda part, number: _curves_chart(part, metric, panel=number, **asked))
    return drawn  # type: ignore[no-any-return]


def _curves_chart(
    metrics: DataFrame,
    metric: str,
    *,
    by: str | None,
    pool: str | Sequence[str],
    interval: IntervalKind,
    shown: str,
    step: str,
    by_title: str | None,
    log: bool,
    levels: Sequence[Any],
    order: Sequence[Any] | None,
    colours: Mapping[Any, str] | Sequence[str] | None,
    panel: int | None = None,
) -> alt.LayerChart:
    """Learning curves on one pair of axes; of several panels, none has a legend to click."""
    import altair as alt

    rows = rows_of(metrics, metric)
    rows = rows[rows["step"].notna()]
    if rows.empty:
        raise ChartError(f"{metric!r} was recorded without steps: record.metric({metric!r}, value, step=epoch).")
    rows = with_level_names(rows, [by])
    check_pooled(rows, [by], pool)
    groups = [by] if by else []
    table = summary(rows, [*groups, "step"], interval)
    scale = value_scale(rows["value"], table["high"], log=log)
    x = alt.X("step:Q", title=step, scale=alt.Scale(nice=False))
    named: dict[str, Any] = {} if panel is None else {"name": f"near_{panel}"}
    near = alt.selection_point(
        **named, nearest=True, on="pointermove", fields=["step"], clear="pointerout", empty=False
    )
    base = alt.Chart(table).encode(x=x)
    bands = base.mark_area(opacity=0.2, clip=True).encode(y=alt.Y("low:Q", title=shown, scale=scale), y2="high:Q")
    lines = base.mark_line(strokeWidth=2).encode(y=alt.Y("mean:Q", title=shown, scale=scale))
    dots = base.mark_point(filled=True, size=60).encode(
        y=alt.Y("mean:Q", title=shown, scale=scale),
        opacity=alt.condition(near, alt.value(1), alt.value(0)),
        tooltip=[
            *([alt.Tooltip(field_name(by), title=titled(by, by_title))] if by else []),
            alt.Tooltip("step:Q", title=step),
            alt.Tooltip("mean:Q", title=shown, format=".4~g"),
            alt.Tooltip("low:Q", title=f"{_INTERVALS[interval]}, low", format=".4~g"),
            alt.Tooltip("high:Q", title="high", format=".4~g"),
            alt.Tooltip("seeds:Q", title="seeds"),
        ],
    )
    if by:
        ordered = is_number(table[by])
        channels = group_channels(
            by, titled(by, by_title), levels, ordered=ordered, marks="line", colours=colours, order=order
        )
        bands, lines = bands.encode(color=channels["color"]), lines.encode(**channels)
        dots = dots.encode(color=channels["color"])
        if panel is None:
            chosen = alt.selection_point(fields=[by], bind="legend")
            bands = bands.encode(opacity=alt.condition(chosen, alt.value(0.2), alt.value(0.03)))
            lines = lines.encode(opacity=alt.condition(chosen, alt.value(1), alt.value(0.15)))
            # Both selections on one layer: beside another chart, Vega-Lite takes two layers' for one's, twice.
            dots = dots.add_params(chosen)
    drawn = naming_runs(alt.layer(bands, lines, dots.add_params(near)), rows)
    words = spread_words(table, rows, interval, pool)
    return sized(drawn, width=WIDTH, height=HEIGHT, title=heading(words))
