"""One tidy table of all runs: what ``figures.ipynb`` reads and what the figures stand on."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.errors import StoreError
from blogkit.model import Run
from blogkit.store import RunPaths, read_jsonl

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("metric", "step", "value")
"""The columns behind ``run`` and the parameters."""


def metrics_table(runs: Sequence[Run], folders: Mapping[str, RunPaths], earlier: pd.DataFrame | None) -> pd.DataFrame:
    """One row for each number that a run recorded, in the order of runs, metrics and steps.

    Columns: ``run``, each parameter, ``metric``, ``step`` (epoch or iteration, missing for a number of the whole run),
    ``value``. A run that has no folder here, as on a fresh clone, gives the rows that were gathered from it before.
    """
    import pandas as pd

    parameters = list(dict.fromkeys(name for run in runs for name in run.parameters))
    parts: list[pd.DataFrame] = []
    for run in runs:
        if run.id in folders:
            rows = [{key: entry.get(key) for key in KEYS} for entry in read_jsonl(folders[run.id].metrics)]
            part = pd.DataFrame(rows, columns=list(KEYS))
        elif earlier is not None:
            part = earlier.loc[earlier["run"] == run.id, list(KEYS)]
        else:
            continue
        part = part.astype({"metric": "string", "step": "Float64", "value": "Float64"})
        part = part.sort_values(["metric", "step"], kind="stable")
        described = {"run": run.id, **{name: _plain(run.parameters.get(name)) for name in parameters}}
        for position, (name, value) in enumerate(described.items()):
            part.insert(position, name, pd.Series([value] * len(part), index=part.index, dtype=None))
        parts.append(part)
    columns = ["run", *parameters, *KEYS]
    filled = [part for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)
    table = table.astype({"run": str, "metric": str, "value": "float64"})
    steps = table["step"].astype("float64")
    whole = bool(len(steps)) and bool((steps.dropna() % 1 == 0).all())
    table["step"] = (
        steps.astype("Int64") if whole and steps.isna().any() else steps.astype("int64" if whole else "float64")
    )
    return table


def _plain(value: Any) -> Any:
    """A parameter as a table's cell: lists and mappings, which Parquet columns of mixed rows do not take, as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def to_parquet(table: pd.DataFrame) -> bytes:
    """The table's Parquet bytes; the same table gives the same bytes."""
    stream = io.BytesIO()
    table.to_parquet(stream, index=False, compression="zstd")
    return stream.getvalue()


def read_parquet(path: Path) -> pd.DataFrame | None:
    """An earlier table; None when there is none. Raises StoreError when it is damaged."""
    import pandas as pd

    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"is not readable as Parquet: {error}.", hint="Remove it and gather again.", path=path
        ) from error
