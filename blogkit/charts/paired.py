"""Settings compared seed by seed: a line a seed, the interval of the difference, and a forest of many differences."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blogkit import intervals
from blogkit.charts.frames import (
    ChartError,
    _is_finite,
    at_step,
    check_columns,
    check_pooled,
    naming_runs,
    rows_of,
    with_level_names,
)
from blogkit.charts.look import (
    PALETTE,
    SHAPES,
    _plain_value,
    heading,
    level_words,
    setting_words,
    signed,
    sized,
    titled,
)
from blogkit.charts.panels import ordered_levels

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame

_ROW, _WIDTH = 30, 380
"""Pixels of a forest: a row's height, and the panel's width."""


@dataclass(frozen=True, kw_only=True)
class _SeedComparison:
    """One setting against the baseline, at one level of the other parameters."""

    setting: Any
    where: Mapping[str, Any]
    pairs: Mapping[Hashable, tuple[float, float]]
    """By seed: the setting's value and the baseline's."""
    diverged: int
    """Pairs that are left out because a run of them has no finite value."""
    found: intervals.Interval

    @property
    def place(self) -> str:
        """The levels of the other parameters in words."""
        return ", ".join(setting_words(name, value) for name, value in self.where.items())


def paired(
    metrics: DataFrame,
    metric: str,
    between: str,
    *,
    baseline: Any = None,
    by: str | Sequence[str] = (),
    at: str | float = "last",
    level: float = 0.95,
    margin: float | None = None,
    order: Sequence[Any] | None = None,
    title: str | None = None,
    unit: str | None = None,
    finding: str | None = None,
) -> alt.HConcatChart | alt.LayerChart:
    """What settings have over a baseline, seed by seed: runs of one seed share data, first weights and order.

    ``between`` is the parameter that is compared, ``baseline`` its level that the others are measured against. With
    one other level and no ``by``, a line for each seed stands beside the difference; else each comparison is a row of
    a forest, a row for each level of ``by``. Small marks are seeds, the large mark is their mean, and its bar the
    confidence interval of the difference (`intervals.paired`); a hollow mark is one whose interval holds zero.
    ``margin`` shades the differences that would not matter, stated before the runs. The line above the chart says
    over how many seeds; a seed without a partner is refused, and a pair with a run that diverged is counted there.

    >>> from blogkit.charts import paired, samples
    >>> metrics = samples.metrics()
    >>> chart = paired(metrics, "test_error", between="optimiser", baseline="sgd", by="width", margin=0.02)
    >>> chart.title.text
    'adam − sgd, seed by seed: mean and 95 % interval over 5 seeds'
    """
    import altair as alt

    others = [by] if isinstance(by, str) else list(by)
    check_columns(metrics, [between, *others])
    rows = with_level_names(at_step(rows_of(metrics, metric), at), [between, *others])
    check_pooled(rows, [between, *others], ())
    base, settings = _settings(rows, between, baseline, order)
    found = list(_comparisons(rows, between, base, settings, others, level))
    shown = titled(metric, title, unit)
    if not others and len(settings) == 1:
        parts = [_slopes(found[0], base, between, shown), _difference(found[0], base, shown, margin)]
        drawn: Any = alt.hconcat(*parts, spacing=40)
    else:
        drawn = _forest(found, base, between, shown, margin)
    words = finding or _interval_words(found, settings, base)
    return naming_runs(sized(drawn, title=heading(words)), rows)  # type: ignore[no-any-return]


def _settings(rows: DataFrame, between: str, baseline: Any, order: Sequence[Any] | None) -> tuple[Any, list[Any]]:
    """The baseline and the levels that are measured against it."""
    levels = [
        _plain_value(value) for value in sorted(rows[between].unique(), key=lambda value: (str(type(value)), value))
    ]
    if len(levels) < 2:
        raise ChartError(f"{between!r} has one level, {levels[0]!r}: there is nothing to compare it with.")
    if baseline is None:
        raise ChartError(f"say which level of {between!r} the others are measured against: baseline={levels[0]!r}.")
    if baseline not in levels:
        raise ChartError(f"{between!r} has no level {baseline!r}; it has: {', '.join(map(repr, levels))}.")
    return baseline, [level for level in ordered_levels(levels, order) if level != baseline]


def _comparisons(
    rows: DataFrame, between: str, base: Any, settings: Sequence[Any], others: Sequence[str], level: float
) -> Iterator[_SeedComparison]:
    if "seed" not in rows:
        raise ChartError("a comparison seed by seed needs the column 'seed'.")
    groups = rows.groupby(list(others), sort=True) if others else [((), rows)]
    for key, part in groups:
        where = dict(zip(others, [_plain_value(value) for value in key], strict=True))
        values = {name: dict(zip(one["seed"], one["value"], strict=True)) for name, one in part.groupby(between)}
        twice = part.duplicated([between, "seed"])
        if twice.any():
            raise ChartError(f"seed {part.loc[twice, 'seed'].iloc[0]} has two runs of one setting; show one of them.")
        for setting in settings:
            yield _comparison(values, base, setting, where, level)


def _comparison(
    values: Mapping[Any, Mapping[Hashable, float]], base: Any, setting: Any, where: Mapping[str, Any], level: float
) -> _SeedComparison:
    here = " at " + ", ".join(setting_words(name, value) for name, value in where.items()) if where else ""
    left, right = values.get(setting, {}), values.get(base, {})
    alone = sorted(map(str, left.keys() ^ right.keys()))
    if alone:
        raise ChartError(
            f"{setting!r} and {base!r}{here} are not of the same seeds: {', '.join(alone)} on one side only. "
            "Run the missing ones, or show the seeds that both have."
        )
    pairs = {seed: (left[seed], right[seed]) for seed in left}
    kept = {seed: pair for seed, pair in pairs.items() if all(map(_is_finite, pair))}
    if len(kept) < 2:
        raise ChartError(f"an interval of {setting!r} − {base!r}{here} needs two seeds or more; there are {len(kept)}.")
    found = intervals.mean([one - other for one, other in kept.values()], level)
    return _SeedComparison(setting=setting, where=where, pairs=kept, diverged=len(pairs) - len(kept), found=found)


def _interval_words(found: Sequence[_SeedComparison], settings: Sequence[Any], base: Any) -> str:
    """The line above the chart: what is subtracted, the interval, over how many seeds, and what is left out."""
    counts = sorted({one.found.n for one in found})
    seeds = f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    what = f"{level_words(settings[0])} − {level_words(base)}" if len(settings) == 1 else f"Minus {level_words(base)}"
    interval = f"{found[0].found.level * 100:g} % interval over {seeds}"
    said = f"{what}, seed by seed: mean and {interval}"
    if len(found) == 1:
        said = f"{what} = {estimate_words(found[0].found)}, {interval}"
    left = sum(one.diverged for one in found)
    return said + (f"; {left} pair{'s' if left > 1 else ''} left out, of which a run diverged" if left else "")


def estimate_words(found: intervals.Interval) -> str:
    """An estimate and half its interval with the digits that the interval allows, which never round it over zero."""
    digits = max(0, 1 - math.floor(math.log10(found.half))) if found.half > 0 else 3
    for more in range(digits, digits + 4):
        half = round(found.half, more)
        if found.excludes() == (abs(round(found.estimate, more)) > half):
            break
    return f"{signed(found.estimate, more)} ± {half:.{more}f}"


# --- drawing --------------------------------------------------------------------------------------------------------


def _slopes(one: _SeedComparison, base: Any, between: str, shown: str) -> alt.LayerChart:
    """A line for each seed from the baseline to the setting, and the line of the means."""
    import altair as alt
    import pandas as pd

    names = [level_words(base), level_words(one.setting)]
    rows = [
        {"seed": seed, "setting": name, "value": value}
        for seed, (here, there) in one.pairs.items()
        for name, value in zip(names, (there, here), strict=True)
    ]
    each = pd.DataFrame(rows)
    means = each.groupby("setting", sort=False)["value"].mean().rename("mean").reset_index()
    x = alt.X("setting:N", title=titled(between), sort=names, axis=alt.Axis(labelAngle=0), scale=alt.Scale(padding=0.4))
    y = alt.Y("value:Q", title=shown, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6))
    where = alt.Tooltip("setting:N", title=titled(between))
    seeds = alt.Chart(each).encode(x=x, y=y, detail="seed:N")
    lines = seeds.mark_line(color=PALETTE[0], opacity=0.75, strokeWidth=1.2)
    dots = seeds.mark_point(color=PALETTE[0], filled=True, size=40, opacity=0.8).encode(
        tooltip=[alt.Tooltip("seed:N", title="Seed"), where, alt.Tooltip("value:Q", title=shown, format=".4~g")]
    )
    both = alt.Chart(means).encode(x=x, y=alt.Y("mean:Q", title=shown))
    ends = both.mark_point(color=PALETTE[1], shape="square", filled=True, size=90, opacity=1).encode(
        tooltip=[where, alt.Tooltip("mean:Q", title=f"{shown}, mean", format=".4~g")]
    )
    drawn = alt.layer(lines, dots, both.mark_line(color=PALETTE[1], strokeWidth=3.5), ends)
    return sized(drawn, width=230, height=260)


def _row(one: _SeedComparison) -> dict[str, Any]:
    """A comparison as the row of data behind its mark."""
    return {
        **one.where, "place": one.place, "setting": level_words(one.setting), "difference": one.found.estimate,
        "low": one.found.low, "high": one.found.high, "seeds": one.found.n,
        "zero": "outside" if one.found.excludes() else "inside", "words": estimate_words(one.found),
    }  # fmt: skip


def _tables(found: Sequence[_SeedComparison]) -> tuple[DataFrame, DataFrame]:
    """The comparisons, and the differences by seed."""
    import pandas as pd

    seeds = [
        {
            **one.where, "place": one.place, "setting": level_words(one.setting), "seed": seed,
            "value": pair[0], "baseline": pair[1], "difference": pair[0] - pair[1],
        }
        for one in found
        for seed, pair in one.pairs.items()
    ]  # fmt: skip
    return pd.DataFrame([_row(one) for one in found]), pd.DataFrame(seeds)


def _mean_tooltip(found: intervals.Interval) -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("difference:Q", title="Difference, mean", format=".4~g"),
        alt.Tooltip("low:Q", title=f"{found.level * 100:g} % interval, low", format=".4~g"),
        alt.Tooltip("high:Q", title="high", format=".4~g"),
        alt.Tooltip("seeds:Q", title="seeds"),
        alt.Tooltip("zero:N", title="Zero is"),
    ]


def _seed_tooltip(base: Any, between: str) -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("setting:N", title=titled(between)),
        alt.Tooltip("seed:N", title="Seed"),
        alt.Tooltip("value:Q", title="Value", format=".4~g"),
        alt.Tooltip("baseline:Q", title=level_words(base), format=".4~g"),
        alt.Tooltip("difference:Q", title="Difference", format=".4~g"),
    ]


def _hollow() -> Any:
    """A mark whose interval holds zero is hollow: a cue that needs no colour."""
    import altair as alt

    return alt.condition("datum.zero == 'outside'", alt.value(1), alt.value(0))


def _lines_of(margin: float | None, vertical: bool) -> list[alt.Chart]:
    """Zero, and the band of differences that would not matter."""
    import altair as alt
    import pandas as pd

    channel, upto = (alt.X, alt.X2) if vertical else (alt.Y, alt.Y2)
    zero = alt.Chart(pd.DataFrame([{"zero": 0}])).mark_rule(strokeDash=[3, 3]).encode(channel("zero:Q"))
    if margin is None:
        return [zero]
    band = alt.Chart(pd.DataFrame([{"from": -margin, "to": margin}])).mark_rect(color="#808080", opacity=0.18)
    return [band.encode(channel("from:Q"), upto("to")), zero]


def _difference(one: _SeedComparison, base: Any, shown: str, margin: float | None) -> alt.LayerChart:
    """The difference: a mark a seed, their mean, its interval, and zero."""
    import altair as alt

    table, seeds = _tables([one])
    y = alt.Y(
        "difference:Q",
        title=f"Difference: {level_words(one.setting)} − {level_words(base)}",
        axis=alt.Axis(tickCount=6),
    )
    dots = alt.Chart(seeds).mark_point(color=PALETTE[0], filled=True, size=40, opacity=0.8)
    mean = alt.Chart(table).encode(x=alt.value(88))
    layers = [
        *_lines_of(margin, vertical=False),
        dots.encode(x=alt.value(42), y=y, tooltip=_seed_tooltip(base, "setting")),
        mean.mark_rule(color=PALETTE[1], strokeWidth=2.5).encode(y=alt.Y("low:Q"), y2="high:Q"),
        mean.mark_point(color=PALETTE[1], shape="square", size=110, strokeWidth=2, opacity=1, fill=PALETTE[1]).encode(
            y=y, fillOpacity=_hollow(), tooltip=_mean_tooltip(one.found)
        ),
    ]
    return sized(alt.layer(*layers), width=130, height=260)


def _forest(
    found: Sequence[_SeedComparison], base: Any, between: str, shown: str, margin: float | None
) -> alt.LayerChart:
    """A row a comparison: seeds, mean, interval, and the numbers in words at the right."""
    import altair as alt

    table, seeds = _tables(found)
    settings, places = (list(dict.fromkeys(table[name])) for name in ("setting", "place"))
    several = len(settings) > 1 and len(places) > 1
    names = places if len(places) > 1 else settings
    ticks = alt.Axis(grid=False, ticks=False, domain=False, labelLimit=240, labelPadding=8)
    y = alt.Y(
        "place:N" if names is places else "setting:N",
        title=None, sort=names, axis=ticks, scale=alt.Scale(paddingInner=0.3),
    )  # fmt: skip
    minus = f": {settings[0]} − {level_words(base)}" if len(settings) == 1 else f", minus {level_words(base)}"
    what = shown + minus
    x = alt.X("difference:Q", title=what, axis=alt.Axis(tickCount=5), scale=alt.Scale(padding=8))
    channels = _setting_channels(settings, titled(between)) if several else {"color": alt.value(PALETTE[0])}
    plain_channels = {name: value for name, value in channels.items() if name not in ("shape", "fill")}
    tall = _ROW * len(names) * (max(1.0, 0.7 * len(settings)) if several else 1)
    where = [alt.Tooltip("place:N", title="Where")] if len(places) > 1 else []
    means, each = alt.Chart(table).encode(y=y), alt.Chart(seeds).encode(y=y, x=x)
    solid: dict[str, Any] = {} if several else {"fill": PALETTE[0]}
    layers = [
        *_lines_of(margin, vertical=True),
        each.mark_tick(thickness=1.5, size=10, opacity=0.75).encode(
            tooltip=[*where, *_seed_tooltip(base, between)], **plain_channels
        ),
        means.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", title=what), x2="high:Q", **plain_channels),
        means.mark_point(size=110, strokeWidth=2, opacity=1, **solid).encode(
            x=x,
            fillOpacity=_hollow(),
            tooltip=[*where, alt.Tooltip("setting:N", title=titled(between)), *_mean_tooltip(found[0].found)],
            **channels,
        ),
        means.mark_text(align="left", fontSize=11).encode(
            x=alt.value(_WIDTH + 10), text="words:N", **({"yOffset": channels["yOffset"]} if several else {})
        ),
    ]
    return sized(alt.layer(*layers), width=_WIDTH, height=max(60, round(tall)))


def _setting_channels(settings: Sequence[str], title: str) -> dict[str, Any]:
    """Settings side by side within a row, distinguished by colour and shape."""
    import altair as alt

    colours = alt.Scale(domain=settings, range=[PALETTE[index % len(PALETTE)] for index in range(len(settings))])
    shapes = alt.Scale(domain=settings, range=[SHAPES[index % len(SHAPES)] for index in range(len(settings))])
    legend = alt.Legend(orient="top", symbolOpacity=1, symbolStrokeWidth=2)
    return {
        "yOffset": alt.YOffset("setting:N", sort=settings),
        "color": alt.Color("setting:N", title=title, legend=legend, scale=colours),
        "fill": alt.Fill("setting:N", legend=None, scale=colours),
        "shape": alt.Shape("setting:N", title=title, legend=legend, scale=shapes),
    }
