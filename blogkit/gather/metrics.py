"""One tidy table of all runs: what ``figures.ipynb`` reads and what the figures stand on."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.errors import NotStored
from blogkit.model import Run
from blogkit.store import RunPaths, read_jsonl

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("metric", "step", "value")
"""The columns behind ``run`` and the parameters."""


def metrics_table(runs: Sequence[Run], folders: Mapping[str, RunPaths], earlier: pd.DataFrame | None) -> pd.DataFrame:
    """One row for each number that a run recorded, in the order of runs, metrics and steps.

    Columns: ``run``, each parameter, ``metric``, ``step`` (epoch or iteration, missing for a number of the whole run),
    ``value``. Of a metric that a run recorded twice at one step, or twice without a step, the last number counts. A run
    that has no folder here, as on a fresh clone, gives the rows that were gathered from it before.
    """
    import pandas as pd

    parameters = list(dict.fromkeys(name for run in runs for name in run.parameters))
    if earlier is not None:
        earlier = earlier.astype({"step": "Float64"})
    known = {} if earlier is None else earlier.groupby("run", sort=False).indices
    chosen: list[Run] = []
    counts: list[int] = []
    cells: dict[str, list[Any]] = {key: [] for key in KEYS}
    for run in runs:
        if run.id in folders:
            entries = list(read_jsonl(folders[run.id].metrics))
            rows = {key: [entry.get(key) for entry in entries] for key in KEYS}
        elif earlier is not None and run.id in known:
            part = earlier.iloc[known[run.id]]
            rows = {key: part[key].tolist() for key in KEYS}
        else:
            continue
        if rows["metric"]:
            chosen.append(run)
            counts.append(len(rows["metric"]))
            for key in KEYS:
                cells[key] += rows[key]
    if not chosen:
        return _with_types(pd.DataFrame(columns=["run", *parameters, *KEYS]))
    # One frame for all: a frame for each of a thousand runs takes ten seconds.
    table = pd.DataFrame({"order": pd.Series(range(len(chosen))).repeat(counts).to_numpy()})
    for key, kind in zip(KEYS, ("string", "Float64", "Float64"), strict=True):
        table[key] = pd.array(cells[key], dtype=kind)  # type: ignore[call-overload]
    table = table.drop_duplicates(["order", *KEYS[:2]], keep="last")
    table = table.sort_values(["order", *KEYS[:2]], kind="stable", ignore_index=True)
    order = table.pop("order").to_numpy()
    table.insert(0, "run", pd.Series([run.id for run in chosen]).take(order).to_numpy())
    for position, name in enumerate(parameters, start=1):
        # Joined run by run, so that a column has the type which all its values share.
        values = column_values([run.parameters.get(name) for run in chosen])
        each = pd.concat([pd.Series([value]) for value in values], ignore_index=True)
        table.insert(position, name, each.take(order).array)
    return _with_types(table)


def _with_types(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the narrowest types that hold it: steps are whole numbers where they can be."""
    table = table.astype({"run": str, "metric": str, "value": "float64"})
    steps = table["step"].astype("float64")
    whole = bool(len(steps)) and bool((steps.dropna() % 1 == 0).all())
    table["step"] = (
        steps.astype("Int64") if whole and steps.isna().any() else steps.astype("int64" if whole else "float64")
    )
    return table


def _table_cell(value: Any) -> Any:
    """A parameter as a table's cell: lists and mappings, which Parquet columns of mixed rows do not take, as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def column_values(parameters: Sequence[Any]) -> list[Any]:
    """The values of one parameter as a column takes them: as text where some are text and some are numbers."""
    values = [_table_cell(value) for value in parameters]
    there = [value for value in values if value is not None]
    kinds = {str if isinstance(value, str) else bool if isinstance(value, bool) else float for value in there}
    large = any(isinstance(value, int) and abs(value) >= 2**63 for value in there)
    if len(kinds) < 2 and not large:
        return values
    return [None if value is None else str(value) for value in values]


def to_parquet(table: pd.DataFrame) -> bytes:
    """The table's Parquet bytes; the same table gives the same bytes."""
    stream = io.BytesIO()
    table.to_parquet(stream, index=False, compression="zstd")
    return stream.getvalue()


def read_parquet(path: Path) -> pd.DataFrame | None:
    """An earlier table; None when there is none. Raises NotStored when it is damaged."""
    import pandas as pd

    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise NotStored(
            f"is not readable as Parquet: {error}.", hint="Remove it and gather again.", path=path
        ) from error
