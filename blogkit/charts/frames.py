"""The gathered table, reduced to what a figure draws."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from blogkit.intervals import t_quantile

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    Numbers = Series[float]

IntervalKind = Literal["95%", "sd", "range"]
"""What a band or a bar shows: the 95 % confidence interval of the mean (Student's t), one standard deviation, or the
smallest and largest seed."""

_OWN = ("run", "seed", "metric", "step", "value")


class ChartError(ValueError):
    """A figure was asked for that the table cannot give; the message says what the table has."""


def rows_of(metrics: DataFrame, metric: str) -> DataFrame:
    """The rows of one metric. Raises ChartError with the metrics that there are."""
    missing = [name for name in ("metric", "value") if name not in metrics.columns]
    if missing:
        raise ChartError(
            f"the table has no column {missing[0]!r}; "
            "give the gathered one: pd.read_parquet('results/metrics.parquet')."
        )
    if metrics.empty:
        raise ChartError("the table is empty: no run recorded a number, or a filter left no row of it.")
    found = metrics[metrics["metric"] == metric].reset_index(drop=True)
    if found.empty:
        raise ChartError(_unknown_name("metric", metric, sorted(map(str, metrics["metric"].unique()))))
    if not found["value"].map(_is_finite).any():
        raise ChartError(f"every value of {metric!r} is not a number or infinite, so there is nothing to draw.")
    return found


def parameters_of(metrics: DataFrame) -> list[str]:
    """The columns that are parameters of the runs."""
    return [str(name) for name in metrics.columns if name not in _OWN]


def check_columns(metrics: DataFrame, names: Sequence[str | None]) -> None:
    """Raises ChartError for a name that is no column, with the parameters that there are."""
    for name in names:
        if name is not None and name not in metrics.columns:
            raise ChartError(_unknown_name("parameter", name, parameters_of(metrics)))


def columns_of(rows: DataFrame, *names: str) -> list[str]:
    """Those of the names that are columns, each once."""
    return [name for name in dict.fromkeys(names) if name in rows.columns]


def with_level_names(rows: DataFrame, names: Sequence[str | None]) -> DataFrame:
    """The rows with ``none`` for the level ``null`` of these parameters, whose other levels become text then."""
    for name in names:
        if name is not None and rows[name].isna().any():
            rows = rows.assign(**{name: [_level_name(value) for value in rows[name]]})
    return rows


def _level_name(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_pooled(rows: DataFrame, named: Sequence[str | None], pool: str | Sequence[str]) -> None:
    """Raises ChartError when runs that differ in more than their seed would be taken for seeds of one setting.

    ``named`` are the parameters that the figure shows, ``pool`` those that it averages over on purpose.
    """
    pooled = [pool] if isinstance(pool, str) else list(pool)
    check_columns(rows, pooled)
    shown = [name for name in named if name is not None]
    mixed = []
    for name in parameters_of(rows):
        if name in shown or name in pooled or not _is_fixed_in_run(rows, name):
            continue
        groups = rows.groupby(shown, dropna=False)[name] if shown else rows.groupby(lambda _: 0)[name]
        if groups.nunique(dropna=False).max() > 1:
            mixed.append(name)
    if mixed:
        example = rows[mixed[0]].iloc[0]
        raise ChartError(
            f"besides the seed, {', '.join(mixed)} {'varies' if len(mixed) == 1 else 'vary'} between the runs that "
            f"would be averaged. Show one setting, metrics[metrics[{mixed[0]!r}] == {_python_value(example)!r}], or "
            f"several side by side with alt.hconcat, or average over them on purpose: pool={mixed!r}."
        )


def _is_fixed_in_run(rows: DataFrame, name: str) -> bool:
    """Whether a column is one of the runs, and not of their rows, as a column of the author's own may be."""
    return "run" not in rows or bool(rows.groupby("run")[name].nunique(dropna=False).max() <= 1)


def _python_value(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def at_step(rows: DataFrame, at: str | float) -> DataFrame:
    """One row a run: at its last step, at its best, smallest or largest value, or at a step by number.

    A run without any finite value keeps one row, whose value is not a number, so that it can be counted.
    """
    if at == "last":
        if rows["step"].isna().all():
            return rows
        return _least_of_each_run(rows, -rows["step"].astype("float64"))
    if at in ("best", "smallest", "largest"):
        smaller = at == "smallest" or (at == "best" and smaller_is_better(str(rows["metric"].iloc[0])))
        return _least_of_each_run(rows, rows["value"] if smaller else -rows["value"])
    chosen = rows[rows["step"] == at]
    if chosen.empty:
        steps = sorted(rows["step"].dropna().unique())
        if not steps:
            raise ChartError(f"no run has a value at step {at!r}: it was recorded without steps.")
        raise ChartError(f"no run has a value at step {at!r}; the steps go from {steps[0]:g} to {steps[-1]:g}.")
    return chosen


def _least_of_each_run(rows: DataFrame, key: Numbers) -> DataFrame:
    """The row of each run with the smallest key; one whose key is no number only where the run has no other."""
    finite = key.where(key.map(_is_finite))
    order = finite.sort_values(kind="stable", na_position="last").index
    return rows.loc[order].drop_duplicates("run").sort_index()


_SMALLER = frozenset(
    [
        "loss",
        "error",
        "err",
        "errors",
        "perplexity",
        "ppl",
        "nll",
        "mse",
        "rmse",
        "mae",
        "bce",
        "regret",
        "distance",
        "divergence",
        "kl",
        "cost",
        "fid",
        "seconds",
        "time",
        "latency",
        "memory",
        "energy",
        "params",
        "parameters",
        "gap",
    ]
)
_LARGER = frozenset(
    [
        "accuracy",
        "acc",
        "score",
        "f1",
        "auc",
        "auroc",
        "auprc",
        "r2",
        "bleu",
        "rouge",
        "reward",
        "return",
        "returns",
        "precision",
        "recall",
        "likelihood",
        "iou",
        "dice",
        "psnr",
        "ssim",
        "map",
        "top1",
        "top5",
        "wins",
        "throughput",
    ]
)


def smaller_is_better(metric: str) -> bool:
    """Whether the best value of a metric is its smallest, by the metric's name. Raises ChartError when it says none."""
    words = set(re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", metric).lower()))
    smaller, larger = bool(words & _SMALLER), bool(words & _LARGER)
    if smaller == larger:
        raise ChartError(
            f"the name {metric!r} does not say whether a smaller or a larger value is better: write at='smallest' or "
            "at='largest'."
        )
    return smaller


def summary(rows: DataFrame, by: Sequence[str], interval: IntervalKind) -> DataFrame:
    """Mean, interval and number of seeds of each group: columns ``by``, ``mean``, ``low``, ``high``, ``seeds``.

    A single seed has no interval, so that ``low`` and ``high`` are missing. Values that are no numbers are left out.
    """
    if interval not in ("95%", "sd", "range"):
        raise ChartError(f"an interval is '95%', 'sd' or 'range', not {interval!r}.")
    finite = rows[rows["value"].map(_is_finite)]
    groups = finite.groupby(list(by), sort=True, dropna=False)["value"]
    made = groups.agg(mean="mean", sd="std", low="min", high="max", seeds="count").reset_index()
    if interval != "range":
        width = made["sd"]  # of a single seed there is none
        if interval == "95%":
            width = width * made["seeds"].map(_half_width)
        made["low"], made["high"] = made["mean"] - width, made["mean"] + width
    return made.drop(columns="sd")


_INTERVALS = {"95%": "95 % interval", "sd": "standard deviation", "range": "range"}


def spread_words(table: DataFrame, rows: DataFrame, interval: IntervalKind | None, pool: str | Sequence[str]) -> str:
    """What a mean and its interval stand on: ``Mean and 95 % interval over 6 seeds``, and how many runs diverged."""
    counts = table["seeds"][table["seeds"] > 0]
    low, high = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
    each = f"{low}" if low == high else f"{low} to {high}"
    pooled = [pool] if isinstance(pool, str) else list(pool)
    what = "runs" if pooled else "seed" if high == 1 else "seeds"
    over = f" ({', '.join(pooled)} and seeds together)" if pooled else ""
    if high <= 1:
        words = "One seed each, so no interval" if interval else "One seed each"
    elif interval:
        words = f"Mean and {_INTERVALS[interval]} over {each} {what}{over}"
    else:
        words = f"Mean over {each} {what}{over}"
    diverged = rows.loc[~rows["value"].map(_is_finite), "run"].nunique() if "run" in rows else 0
    if diverged:
        words += f"; {diverged} run{' diverged and is' if diverged == 1 else 's diverged and are'} left out"
    return words


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except TypeError:  # pandas' missing value
        return False


def naming_runs(chart: Any, rows: DataFrame) -> Any:
    """The chart with a parameter that names the runs behind its means, since their rows name none.

    `gather` takes it out again and writes the runs into the figure's origin; in plain Jupyter it does nothing.
    """
    import altair as alt

    if "run" not in rows:
        return chart
    runs = sorted({str(run) for run in rows["run"]})
    name = f"blogkit_runs_{hashlib.sha256(' '.join(runs).encode('utf-8')).hexdigest()[:12]}"
    return chart.add_params(alt.param(name=name, value=runs))


def _half_width(count: int) -> float:
    """Half the 95 % interval of a mean of ``count`` values, in standard deviations of the values."""
    return quantile(count - 1) / math.sqrt(count) if count > 1 else 0.0


def quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t."""
    return t_quantile(0.975, freedom)


def is_number(column: Any) -> bool:
    """Whether a column holds numbers, so that its axis is continuous."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(column) and not is_bool_dtype(column)


def spans_decades(column: Any) -> bool:
    """Whether a positive quantity is better shown on a logarithmic axis."""
    return is_number(column) and bool(column.min() > 0) and bool(column.max() / column.min() >= 10)


def _unknown_name(kind: str, name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"the table has no {kind} {name!r}{meant} It has: {', '.join(known) or 'none'}."
