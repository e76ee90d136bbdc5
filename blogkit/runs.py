"""What the runs of a sweep recorded, by their parameters, for ``figures.ipynb``::

    from blogkit import runs

    hidden = runs.array("activations", where={"width": 8}, step="last")    # an array a run, loaded as it is asked for
    dead = hidden.measure(dead=lambda a: (a <= 0).all(axis=0).mean())      # a table: the parameters, and a number a run
    weights = runs.histogram("weights", where={"seed": 0})                 # a table: a row a bin

``where`` picks runs by their parameters: a value, or a list of values, for each name. ``step`` is a step, ``"first"``,
``"last"``, or None for all of them. Each function gives a pandas data frame with a row a record (``array``: a
sequence of arrays that has one, as ``.frame``), whose first columns are ``run`` and the parameters. Raises RunsError, a
ValueError, for a name, a parameter or a value that no run has, with those that there are: nothing is empty in silence.

`blogkit gather` makes what is read here before it runs ``figures.ipynb``. Charts, values, tables, histograms and texts
are there on a clone too, arrays and pictures up to 10 MB; files stay with their runs.
"""

from __future__ import annotations

import base64
import difflib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from blogkit.store import ProjectPaths, RunPaths

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

Where = Mapping[str, Any]
Step = float | str | None

TIDY_ROWS = 1_000_000
"""Rows of a table that is made of arrays."""


class RunsError(ValueError):
    """Something was asked for that no run recorded; the message says what there is."""


# --- arrays -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RecordedArrays(Sequence["NDArray[Any]"]):
    """The arrays that runs recorded under one name: ``frame`` has a row for each, in the same order.

    ``arrays[0]`` loads one, ``np.asarray(arrays)`` and :meth:`stack` all of them; until then nothing is read.
    """

    name: str
    frame: DataFrame
    _run_places: tuple[tuple[Path, str], ...]
    """A file of one array, or an archive and the key in it."""

    def __len__(self) -> int:
        return len(self._run_places)

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> RecordedArrays: ...
    def __getitem__(self, index: int | slice) -> NDArray[Any] | RecordedArrays:
        if isinstance(index, slice):
            frame = self.frame.iloc[index].reset_index(drop=True)
            return RecordedArrays(name=self.name, frame=frame, _run_places=self._run_places[index])
        return _load_array(*self._run_places[index])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        made = self.stack()
        return made if dtype is None else made.astype(dtype)

    def stack(self) -> NDArray[Any]:
        """All of them in one array, the first axis in the order of ``frame``. Raises RunsError for unequal shapes."""
        import numpy as np

        loaded = list(self)
        shapes: dict[tuple[int, ...], int] = {}
        for place, one in enumerate(loaded):
            shapes.setdefault(one.shape, place)
        if len(shapes) > 1:
            explained = ", ".join(f"{shape} in run {self.frame['run'].iloc[place]}" for shape, place in shapes.items())
            raise RunsError(
                f"the arrays {self.name!r} are of different shapes ({explained}), so they do not stack; "
                "pick runs of one shape with where=…, or take one number of each with .measure(…)."
            )
        return np.stack(loaded)

    def measure(self, **measures: Callable[[NDArray[Any]], Any]) -> DataFrame:
        """The frame with a column for each function, of what it gives for each array."""
        found: dict[str, list[Any]] = {name: [] for name in measures}
        for one in self:
            for name, function in measures.items():
                given = function(one)
                found[name].append(given.item() if hasattr(given, "item") and getattr(given, "size", 1) == 1 else given)
        return _with_columns(self.frame, found)

    def tidy(self, value: str = "value", axes: Sequence[str] = ()) -> DataFrame:
        """A row for each number, with a column for its place along each axis (``axes`` names them: ``axis_0``, …).

        Raises RunsError for more than a million rows.
        """
        import numpy as np
        import pandas as pd

        loaded = list(self)
        total = sum(one.size for one in loaded)
        if total > TIDY_ROWS:
            raise RunsError(
                f"the arrays {self.name!r} hold {total:,} numbers, and a table of {TIDY_ROWS:,} rows is the most; pick "
                "runs or a step, or take a part or a mean of each array with .measure(…)."
            )
        parts = []
        for place, one in enumerate(loaded):
            if axes and len(axes) != one.ndim:
                raise RunsError(f"the arrays {self.name!r} have {one.ndim} axes, and {len(axes)} were named.")
            names = axes or [f"axis_{number}" for number in range(one.ndim)]
            columns = dict(zip(names, (index.ravel() for index in np.indices(one.shape)), strict=True))
            rows = self.frame.iloc[[place] * one.size].reset_index(drop=True)
            parts.append(_with_columns(rows, {**columns, value: one.ravel()}))
        return pd.concat(parts, ignore_index=True)


def array(name: str, where: Where | None = None, step: Step = None) -> RecordedArrays:
    """The arrays that runs recorded with ``record.array``: loaded one by one, stacked, or as a table."""
    found = _find_records("array", name, where, step)
    return RecordedArrays(name=name, frame=found.frame(), _run_places=tuple(map(found.array_place, found.rows)))


def _load_array(path: Path, key: str) -> NDArray[Any]:
    import numpy as np

    try:
        if not key:
            made: NDArray[Any] = np.load(path, allow_pickle=False)
            return made
        with np.load(path, allow_pickle=False) as packed:
            return np.asarray(packed[key])
    except (OSError, KeyError, ValueError) as error:
        raise RunsError(f"{path} is not readable as an array: {error}. Make its run again.") from error


# --- everything else --------------------------------------------------------------------------------------------------


def histogram(name: str, where: Where | None = None, step: Step = None) -> DataFrame:
    """What runs recorded with ``record.histogram``, a row a bin.

    Columns: ``run``, the parameters, ``step``, ``bin_from``, ``bin_to``, ``count``, and ``share`` of all the values
    that were given. What was below the first bin, above the last, or no finite number is in none; the columns
    ``below``, ``above`` and ``missing`` count it.
    """
    found = _find_records("histogram", name, where, step)
    rows: list[dict[str, Any]] = []
    for base, contents in zip(found.bases(), found.contents(), strict=True):
        outside = {key: contents[key] for key in ("below", "above", "missing")}
        total = sum(contents["counts"]) + sum(outside.values())
        for low, high, count in zip(contents["edges"], contents["edges"][1:], contents["counts"], strict=False):
            share = count / total if total else math.nan
            rows.append(
                _joined_columns(base, {"bin_from": low, "bin_to": high, "count": count, "share": share, **outside})
            )
    return _data_frame(rows)


def value(name: str, where: Where | None = None) -> DataFrame:
    """What runs recorded with ``record.value``: columns ``run``, the parameters, ``value`` and ``error``."""
    found = _find_records("value", name, where, None)
    return _data_frame(
        _joined_columns(base, {"value": one.get("text", one.get("number")), "error": one.get("error")})
        for base, one in zip(found.bases(), found.contents(), strict=True)
    )


def table(name: str, where: Where | None = None) -> DataFrame:
    """What runs recorded with ``record.table``, one below the other, after ``run`` and the parameters."""
    found = _find_records("table", name, where, None)
    rows = []
    for base, one in zip(found.bases(), found.contents(), strict=True):
        if not isinstance(one, dict):
            raise RunsError(f"the table {name!r} was recorded by an earlier version of blogkit; make its runs again.")
        rows += [_joined_columns(base, dict(zip(one["columns"], row, strict=True))) for row in one["rows"]]
    return _data_frame(rows)


def text(name: str, where: Where | None = None, step: Step = None) -> DataFrame:
    """What runs recorded with ``record.text``: columns ``run``, the parameters, ``step`` and ``text``."""
    found = _find_records("text", name, where, step)
    return _data_frame(
        _joined_columns(base, {"text": one}) for base, one in zip(found.bases(), found.contents(), strict=True)
    )


def image(name: str, where: Where | None = None, step: Step = None) -> DataFrame:
    """What runs recorded with ``record.image``: columns ``run``, the parameters, ``step``, ``path`` and ``url``.

    ``url`` holds the picture itself, for ``alt.Chart(frame).mark_image().encode(url="url")``.
    """
    found = _find_records("image", name, where, step)
    rows = []
    for base, row in zip(found.bases(), found.rows, strict=True):
        path = found.path(row)
        kind = "jpeg" if path.suffix == ".jpg" else "png"
        url = f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
        rows.append(_joined_columns(base, {"path": path, "url": url}))
    return _data_frame(rows)


def chart(name: str, where: Where | None = None) -> DataFrame:
    """What runs recorded with ``record.chart``: columns ``run``, the parameters, and ``chart``, a specification.

    ``alt.Chart.from_dict(frame.chart[0])`` is the chart again; a drawing by matplotlib is the text of its SVG.
    """
    found = _find_records("chart", name, where, None)
    rows = []
    for base, row in zip(found.bases(), found.rows, strict=True):
        path = found.path(row)
        interactive = path.with_suffix("").with_suffix(".vl.json") if path.suffix == ".json" else path
        if path.suffix == ".svg" and path.with_suffix(".vl.json").is_file():
            interactive = path.with_suffix(".vl.json")
        contents = interactive.read_text(encoding="utf-8")
        rows.append(
            _joined_columns(base, {"chart": json.loads(contents) if interactive.suffix == ".json" else contents})
        )
    return _data_frame(rows)


def file(name: str, where: Where | None = None) -> DataFrame:
    """What runs recorded with ``record.file``: columns ``run``, the parameters, and ``path``."""
    found = _find_records("file", name, where, None)
    return _data_frame(
        _joined_columns(base, {"path": found.path(row)}) for base, row in zip(found.bases(), found.rows, strict=True)
    )


# --- finding them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The records that were asked for."""

    kind: str
    name: str
    paths: ProjectPaths
    rows: list[dict[str, Any]]

    def bases(self) -> list[dict[str, Any]]:
        """The first columns of each record: the run, its parameters, and the step where there is one."""
        stepped = any(row["step"] is not None for row in self.rows)
        return [
            {"run": row["run"], **row["parameters"], **({"step": _whole_number(row["step"])} if stepped else {})}
            for row in self.rows
        ]

    def frame(self) -> DataFrame:
        return _data_frame(self.bases())

    def contents(self) -> list[Any]:
        return [None if row["content"] is None else json.loads(row["content"]) for row in self.rows]

    def path(self, row: Mapping[str, Any]) -> Path:
        """Where a record lies: in its run's folder, else among the results. Raises RunsError where it is in neither."""
        for place in self._run_places(row):
            if place.is_file():
                return place
        raise RunsError(
            f"the {self.kind} {self.name!r} of run {row['run']} is not here: it stays with its run, and a clone has no "
            "runs. `blogkit run` makes them, `blogkit runs unpack` brings them from another machine."
        )

    def array_place(self, row: Mapping[str, Any]) -> tuple[Path, str]:
        """A file of one array, or an archive and the key in it."""
        own = RunPaths(folder=self.paths.runs / row["run"]).folder / str(row["file"])
        archive, _, key = str(row["gathered"] or "").partition("#")
        if not own.is_file() and key and (self.paths.results / archive).is_file():
            return self.paths.results / archive, key
        return self.path(row), ""

    def _run_places(self, row: Mapping[str, Any]) -> Iterator[Path]:
        if row["file"]:
            yield self.paths.runs / row["run"] / row["file"]
        if row["gathered"]:
            yield self.paths.results / row["gathered"]


def _find_records(kind: str, name: str, where: Where | None, step: Step) -> _Found:
    paths = ProjectPaths(folder=Path.cwd())
    rows = _recorded_rows(paths)
    there = sorted({row["name"] for row in rows if row["kind"] == kind})
    if name not in there:
        raise RunsError(_unknown_name_text(kind, name, there) + (_other_kind_text(rows, kind, name) if rows else ""))
    chosen = [row for row in rows if row["kind"] == kind and row["name"] == name]
    for parameter, wanted in (where or {}).items():
        chosen = _rows_where(chosen, parameter, wanted)
    return _Found(kind=kind, name=name, paths=paths, rows=_rows_at_step(chosen, step, kind, name))


def _recorded_rows(paths: ProjectPaths) -> list[dict[str, Any]]:
    import pandas as pd

    if not paths.recorded.is_file():
        if paths.metrics.is_file():
            return []
        raise RunsError(f"there is no {paths.recorded} yet: `blogkit gather` makes it, after `blogkit run`.")
    table = pd.read_parquet(paths.recorded)
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    named = [{str(key): cell for key, cell in row.items()} for row in rows]
    return [{**row, "parameters": json.loads(row["parameters"])} for row in named]


def _rows_where(rows: list[dict[str, Any]], parameter: str, wanted: Any) -> list[dict[str, Any]]:
    """The records of runs whose parameter is the wanted value, or one of a list of them."""
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    if parameter not in names:
        raise RunsError(_unknown_name_text("parameter", parameter, list(names)))
    kept = [row for row in rows if _is_level(row["parameters"].get(parameter), wanted)]
    if not kept:
        levels = list(dict.fromkeys(repr(row["parameters"].get(parameter)) for row in rows))
        raise RunsError(f"no run that is left has {parameter}={wanted!r}; there are {', '.join(levels[:20])}.")
    return kept


def _is_level(level: Any, wanted: Any) -> bool:
    wanted = wanted.tolist() if hasattr(wanted, "tolist") else wanted
    if isinstance(wanted, (list, tuple, set, frozenset, range)):
        return str(list(wanted)) == str(level) or any(_is_level(level, one) for one in wanted)
    if wanted is None or (isinstance(wanted, float) and math.isnan(wanted)):
        return level is None
    return bool(level == wanted) or (isinstance(level, str) and level == str(wanted))


def _rows_at_step(rows: list[dict[str, Any]], step: Step, kind: str, name: str) -> list[dict[str, Any]]:
    if step is None:
        return rows
    steps = [row["step"] for row in rows if row["step"] is not None]
    if not steps:
        raise RunsError(
            f"the {kind} {name!r} was recorded without steps, so step={step!r} picks nothing; leave it out."
        )
    if step in ("first", "last"):
        picked: dict[str, dict[str, Any]] = {}
        for row in rows:
            other = picked.get(row["run"])
            if row["step"] is not None and (other is None or (row["step"] < other["step"]) == (step == "first")):
                picked[row["run"]] = row
        return list(picked.values())
    kept = [row for row in rows if row["step"] == step]
    if not kept:
        explained = f"the steps go from {min(steps):g} to {max(steps):g}"
        raise RunsError(f"no run recorded the {kind} {name!r} at step {step!r}; {explained}.")
    return kept


def _unknown_name_text(what: str, name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    listed = f"there are {', '.join(map(repr, known))}." if known else "there is none."
    return f"no {what} of these runs is called {name!r}; {listed}{guess}"


def _other_kind_text(rows: Iterable[Mapping[str, Any]], kind: str, name: str) -> str:
    kinds = sorted({row["kind"] for row in rows if row["name"] == name and row["kind"] != kind})
    return f" It was recorded as {kinds[0]}: runs.{kinds[0]}({name!r})." if kinds else ""


def _joined_columns(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    twice = [name for name in more if name in base]
    if twice:
        raise RunsError(f"the runs have a parameter called {twice[0]!r}, as a column here has; rename the parameter.")
    return {**base, **more}


def _with_columns(frame: DataFrame, columns: Mapping[str, Any]) -> DataFrame:
    _joined_columns(dict.fromkeys(map(str, frame.columns)), columns)
    return frame.assign(**columns)


def _data_frame(rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows))


def _whole_number(step: Any) -> Any:
    return int(step) if step is not None and float(step).is_integer() else step
