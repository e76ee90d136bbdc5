"""The gathered table, reduced to what a figure draws."""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from blogkit.intervals import t_quantile

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    Numbers = Series[float]

Interval = Literal["95%", "sd", "range"]
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
    found = metrics[metrics["metric"] == metric]
    if found.empty:
        raise ChartError(_unknown("metric", metric, sorted(map(str, metrics["metric"].unique()))))
    return found


def parameters_of(metrics: DataFrame) -> list[str]:
    """The columns that are parameters of the runs."""
    return [str(name) for name in metrics.columns if name not in _OWN]


def check_columns(metrics: DataFrame, names: Sequence[str | None]) -> None:
    """Raises ChartError for a name that is no column, with the parameters that there are."""
    for name in names:
        if name is not None and name not in metrics.columns:
            raise ChartError(_unknown("parameter", name, parameters_of(metrics)))


def columns_of(rows: DataFrame, *names: str) -> list[str]:
    """Those of the names that are columns, each once."""
    return [name for name in dict.fromkeys(names) if name in rows.columns]


def at_step(rows: DataFrame, at: str | float) -> DataFrame:
    """One row a run: at its last step, at its best (smallest) value, or at a step by number."""
    if at == "last":
        if rows["step"].isna().all():
            return rows
        return rows.loc[rows.groupby("run")["step"].idxmax()]
    if at == "best":
        return rows.loc[rows.groupby("run")["value"].idxmin()]
    chosen = rows[rows["step"] == at]
    if chosen.empty:
        steps = sorted(rows["step"].dropna().unique())
        raise ChartError(f"no run has a value at step {at!r}; the steps go from {steps[0]:g} to {steps[-1]:g}.")
    return chosen


def summary(rows: DataFrame, by: Sequence[str], interval: Interval) -> DataFrame:
    """Mean, interval and number of seeds of each group: columns ``by``, ``mean``, ``low``, ``high``, ``seeds``."""
    if interval not in ("95%", "sd", "range"):
        raise ChartError(f"an interval is '95%', 'sd' or 'range', not {interval!r}.")
    finite = rows[rows["value"].map(math.isfinite)]
    groups = finite.groupby(list(by), sort=True, dropna=False)["value"]
    made = groups.agg(mean="mean", sd="std", low="min", high="max", seeds="count").reset_index()
    if interval != "range":
        width = made["sd"].fillna(0.0)
        if interval == "95%":
            width = width * made["seeds"].map(_half_width)
        made["low"], made["high"] = made["mean"] - width, made["mean"] + width
    return made.drop(columns="sd")


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


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"the table has no {kind} {name!r}{meant} It has: {', '.join(known) or 'none'}."
