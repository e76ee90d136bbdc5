"""A metric over the parameters that a sweep varies: over one axis with its uncertainty, over two as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import (
    IntervalKind,
    at_step,
    check_columns,
    check_pooled,
    columns_of,
    is_number,
    naming_runs,
    rows_of,
    spans_decades,
    spread_words,
    summary,
    with_level_names,
)
from blogkit.charts.look import (
    HEIGHT,
    PALETTE,
    WIDTH,
    axis,
    field_name,
    group_channels,
    heading,
    sized,
    titled,
    value_scale,
)
from blogkit.charts.panels import group_levels, in_panels

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame


def metric_over_axis(
    metrics: DataFrame,
    metric: str,
    over: str,
    *,
    by: str | None = None,
    pool: str | Sequence[str] = (),
    at: str | float = "last",
    interval: IntervalKind = "95%",
    title: str | None = None,
    unit: str | None = None,
    over_title: str | None = None,
    over_unit: str | None = None,
    by_title: str | None = None,
    facet: str | None = None,
    order: Sequence[Any] | None = None,
    colours: Mapping[Any, str] | Sequence[str] | None = None,
) -> alt.LayerChart:
    """A metric over one parameter: each seed as a point, their mean as a line, its interval as a bar.

    ``at`` is "last" (each run's last step), "best" (its smallest value, or its largest where the metric's name says
    that more is better), "smallest", "largest" or a step. What varies besides the seed and is not on the figure must be
    filtered, or named in ``pool`` to be averaged over. A positive parameter that spans a factor of ten stands on a
    logarithmic axis. ``facet`` names a parameter that gets a panel a level (an ``alt.ConcatChart``); ``order`` and
    ``colours`` are those of the groups, as for `learning_curves`.

    >>> from blogkit.charts import metric_over_axis, samples
    >>> metrics = samples.metrics()
    >>> chart = metric_over_axis(metrics, "test_error", over="width", by="optimiser", over_unit="hidden units")
    >>> chart.to_dict()["layer"][0]["encoding"]["x"]["title"]
    'Width (hidden units)'
    """
    import altair as alt

    check_columns(metrics, [over, by])
    levels = group_levels(rows_of(metrics, metric), by, order)
    if facet is not None:
        drawn: Any = in_panels(
            metrics, facet,
            lambda part, _: metric_over_axis(
                part, metric, over, by=by, pool=pool, at=at, interval=interval, title=title, unit=unit,
                over_title=over_title, over_unit=over_unit, by_title=by_title, order=levels, colours=colours,
            ),
        )  # fmt: skip
        return drawn  # type: ignore[no-any-return]
    rows = with_level_names(at_step(rows_of(metrics, metric), at), [over, by])
    check_pooled(rows, [over, by], pool)
    groups = [by] if by else []
    table = summary(rows, [over, *groups], interval)
    shown, across = titled(metric, title, unit), titled(over, over_title, over_unit)
    number = is_number(rows[over])
    x = axis(over, across, log=spans_decades(rows[over]), number=number, levels=rows[over])
    height: dict[str, Any] = {"title": shown, "scale": value_scale(rows["value"], table["high"].fillna(0))}
    channels: dict[str, Any] = {"color": alt.value(PALETTE[0])}
    dashes: dict[str, Any] = dict(channels)
    if by:
        look: dict[str, Any] = {"ordered": is_number(rows[by]), "colours": colours, "order": order}
        channels = group_channels(by, titled(by, by_title), levels, marks="point", **look)
        dashes = group_channels(by, titled(by, by_title), levels, marks="line", **look)
        dashes["strokeDash"].legend = None
    words = [
        *([alt.Tooltip(field_name(by), title=titled(by, by_title))] if by else []),
        alt.Tooltip(field_name(over), title=across),
    ]
    seeds = (
        alt.Chart(rows[columns_of(rows, "run", over, *groups, "seed", "value")])
        .mark_point(size=35, filled=True, opacity=0.45)
        .encode(
            x=x,
            y=alt.Y("value:Q", **height),
            tooltip=[
                *words,
                *([alt.Tooltip("seed:O", title="Seed")] if "seed" in rows else []),
                alt.Tooltip("value:Q", title=shown, format=".4~g"),
            ],
            **channels,
        )
    )
    base = alt.Chart(table).encode(x=x)
    bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", **height), y2="high:Q", color=channels["color"])
    line = base.mark_line(strokeWidth=2).encode(y=alt.Y("mean:Q", **height), **dashes)
    means = base.mark_point(size=110, filled=True, opacity=1).encode(
        y=alt.Y("mean:Q", **height),
        tooltip=[
            *words,
            alt.Tooltip("mean:Q", title=f"{shown}, mean", format=".4~g"),
            alt.Tooltip("low:Q", title="low", format=".4~g"),
            alt.Tooltip("high:Q", title="high", format=".4~g"),
            alt.Tooltip("seeds:Q", title="seeds"),
        ],
        **channels,
    )
    layers = [seeds, bars, line, means] if number else [seeds, bars, means]
    above = heading(spread_words(table, rows, interval, pool))
    return sized(alt.layer(*layers), width=WIDTH, height=HEIGHT, title=above)


def heat_map(
    metrics: DataFrame,
    metric: str,
    x: str,
    y: str,
    *,
    pool: str | Sequence[str] = (),
    at: str | float = "last",
    title: str | None = None,
    unit: str | None = None,
    x_title: str | None = None,
    x_unit: str | None = None,
    y_title: str | None = None,
    y_unit: str | None = None,
    format: str = ".3~g",
) -> alt.LayerChart:
    """A metric's mean over the seeds, over two parameters; the numbers stand in the cells while there is room.

    What varies besides ``x``, ``y`` and the seed must be filtered, or named in ``pool`` to be averaged over.
    The colours (cividis) are read alike by readers with and without a colour vision deficiency, and in grey.

    >>> from blogkit.charts import heat_map, samples
    >>> metrics = samples.metrics()
    >>> chart = heat_map(metrics, "test_error", x="width", y="optimiser", x_unit="hidden units")
    >>> chart.to_dict()["layer"][0]["encoding"]["color"]["title"]
    'Test error'
    """
    import altair as alt

    check_columns(metrics, [x, y])
    chosen = with_level_names(at_step(rows_of(metrics, metric), at), [x, y])
    check_pooled(chosen, [x, y], pool)
    table = summary(chosen, [x, y], "range")
    shown = titled(metric, title, unit)
    across, up = titled(x, x_title, x_unit), titled(y, y_title, y_unit)
    columns, rows = table[x].nunique(), table[y].nunique()
    base = alt.Chart(table).encode(
        x=alt.X(f"{field_name(x)}:O", title=across, axis=alt.Axis(labelAngle=0)),
        y=alt.Y(f"{field_name(y)}:O", title=up, sort="descending" if is_number(table[y]) else "ascending"),
    )
    cells = base.mark_rect().encode(
        color=alt.Color("mean:Q", title=shown, scale=alt.Scale(scheme="cividis", zero=False)),
        tooltip=[
            alt.Tooltip(field_name(x), title=across),
            alt.Tooltip(field_name(y), title=up),
            alt.Tooltip("mean:Q", title=f"{shown}, mean", format=".4~g"),
            alt.Tooltip("low:Q", title="smallest seed", format=".4~g"),
            alt.Tooltip("high:Q", title="largest seed", format=".4~g"),
            alt.Tooltip("seeds:Q", title="seeds"),
        ],
    )
    layers: list[alt.Chart] = [cells]
    if columns <= 12 and rows <= 16:
        middle = float((table["mean"].min() + table["mean"].max()) / 2)
        light = alt.condition(f"datum.mean > {middle!r}", alt.value("#111"), alt.value("#fff"))
        layers.append(base.mark_text(fontSize=11).encode(text=alt.Text("mean:Q", format=format), color=light))
    size = {"width": max(240, min(WIDTH, 52 * columns)), "height": max(120, min(480, 32 * rows))}
    words = heading(spread_words(table, chosen, None, pool))
    return sized(naming_runs(alt.layer(*layers), chosen), title=words, **size)
