"""Looking at the runs of a project: a table of them, what differs between two, and which could be removed.

Everything is read from the store; nothing is run.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from blogkit import store
from blogkit.errors import NotStored, ProjectError, StoreError
from blogkit.model import Project
from blogkit.run.claims import is_claimed
from blogkit.run.cluster import clusters_in_use
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, RunPaths


class RunStanding(StrEnum):
    """What a run in the store is to the sweep as it stands."""

    PLANNED = "planned"
    """One of the sweep's runs, at one of its scales."""
    GATHERED = "gathered"
    """No longer planned, but ``results/`` stand on it."""
    STALE = "stale"
    """Of earlier code, or of parameters that no scale plans."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run whose folder is in the store, or whose results were gathered."""

    id: str
    standing: RunStanding
    folder: Path | None
    """None of one that is in ``results/`` alone, as on a fresh clone."""
    started: str
    """UTC, ISO 8601; empty where its record does not say."""
    seconds: float | None
    size: int
    """Bytes on disk, of all its files."""
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    """The last number of each metric."""
    reason: str = ""
    """Why it failed."""
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All that its record says."""


def list_runs(project: Project) -> tuple[StoredRun, ...]:
    """Every run in the store of a project and in its results, the newest first; a damaged record leaves fields empty.

    Raises NotStored when ``results/`` are damaged.
    """
    paths = ProjectPaths.of(project)
    planned = planned_ids(project)
    gathered = store.gathered_runs(paths)
    stored = store.stored_ids(paths)
    found = _gathered_alone(paths, {name: record for name, record in gathered.items() if name not in stored}, planned)
    for run_id in stored:
        standing = RunStanding.STALE
        if run_id in planned:
            standing = RunStanding.PLANNED
        elif run_id in gathered:
            standing = RunStanding.GATHERED
        found.append(_read_run(paths.runs / run_id, run_id, standing))
    if paths.failed.is_dir():
        found += [_read_run(folder, folder.name, RunStanding.FAILED) for folder in sorted(paths.failed.iterdir())]
    return tuple(sorted(found, key=lambda run: (run.started, run.id), reverse=True))


def _gathered_alone(
    paths: ProjectPaths, records: Mapping[str, Mapping[str, Any]], planned: Collection[str]
) -> list[StoredRun]:
    """The runs that are in ``results/`` alone."""
    metrics: dict[str, dict[str, float]] = {}
    if records and paths.metrics.is_file():
        import pandas as pd

        try:
            table = pd.read_parquet(paths.metrics, columns=["run", "metric", "value"])
        except (OSError, ValueError, KeyError) as error:
            hint = "Remove it and gather again."
            raise NotStored(f"is not readable as Parquet: {error}.", hint=hint, path=paths.metrics) from error
        last = table.drop_duplicates(["run", "metric"], keep="last")
        for run_id, metric, value in last.itertuples(index=False, name=None):
            metrics.setdefault(str(run_id), {})[str(metric)] = float(value)
    return [
        _run_of(
            record,
            run_id,
            RunStanding.PLANNED if run_id in planned else RunStanding.GATHERED,
            metrics=metrics.get(run_id, {}),
        )
        for run_id, record in records.items()
    ]


def planned_ids(project: Project) -> frozenset[str]:
    """The ids of the runs that the sweep plans, at any of its scales."""
    if project.sweep is None:
        return frozenset()
    scales: list[str | None] = [*project.sweep.scales] or [None]
    return frozenset(run.id for scale in scales for run in plan_runs(project, scale=scale))


def _read_run(folder: Path, run_id: str, standing: RunStanding) -> StoredRun:
    record: Any = {}
    with suppress(StoreError):
        record = store.read_json(RunPaths(folder=folder).record)
    if not isinstance(record, dict):
        record = {}
    return _run_of(record, run_id, standing, metrics=_last_metrics(folder), folder=folder)


def _run_of(
    record: Mapping[str, Any],
    run_id: str,
    standing: RunStanding,
    *,
    metrics: Mapping[str, float],
    folder: Path | None = None,
) -> StoredRun:
    seconds, parameters = record.get("seconds"), record.get("parameters")
    return StoredRun(
        id=run_id,
        standing=standing,
        folder=folder,
        started=str(record.get("started") or ""),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        size=folder_size(folder) if folder else 0,
        parameters=parameters if isinstance(parameters, dict) else {},
        metrics=metrics,
        reason=str(record.get("reason") or ""),
        record=record,
    )


def _last_metrics(folder: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in store.read_jsonl(RunPaths(folder=folder).metrics):
        with suppress(KeyError, TypeError, ValueError):
            found[str(entry["metric"])] = float(entry["value"])
    return found


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder; links count as themselves, and what vanishes meanwhile not at all."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(base, name)).st_size  # noqa: PTH118  # many files
    return total


# --- sorting and comparing ------------------------------------------------------------------------------------------


def sort_runs(runs: Sequence[StoredRun], column: str, *, descending: bool = False) -> list[StoredRun]:
    """Runs in the order of a parameter, a metric, or ``started``, ``seconds``, ``size``; those without it last.

    Raises ProjectError when no run has such a column.
    """
    columns = run_columns(runs)
    if column not in columns:
        raise ProjectError(f"no run has {column!r}.", hint=_some_names(columns))
    having = [run for run in runs if _column_of(run, column) is not None]
    numbers = all(isinstance(_column_of(run, column), int | float) for run in having)
    ordered = sorted(
        having,
        key=lambda run: _column_of(run, column) if numbers else str(_column_of(run, column)),
        reverse=descending,
    )
    return ordered + [run for run in runs if _column_of(run, column) is None]


def _some_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"There are: {', '.join(names[:12])}{more}."


def run_columns(runs: Sequence[StoredRun]) -> list[str]:
    """What runs can be sorted by: their parameters and metrics, and what every run has."""
    names = dict.fromkeys(name for run in runs for name in (*run.parameters, *run.metrics))
    return [*names, *(name for name in ("started", "seconds", "size") if name not in names)]


def _column_of(run: StoredRun, column: str) -> Any:
    for values in (run.parameters, run.metrics):
        if column in values:
            return values[column]
    return {"started": run.started, "seconds": run.seconds, "size": run.size}.get(column)


@dataclass(frozen=True, kw_only=True)
class RunDifference:
    """One thing in which two runs differ."""

    kind: str
    """``parameter``, ``metric``, ``version``, ``code`` or ``machine``."""
    name: str
    before: Any
    """None where the first run has no such thing."""
    after: Any


def compare_runs(first: StoredRun, second: StoredRun) -> tuple[RunDifference, ...]:
    """In what two runs differ: parameters, last metrics, versions, commit, cells of the notebook, machine."""
    records = [first.record, second.record]
    found = [*_mapping_differences("parameter", first.parameters, second.parameters)]
    found += _mapping_differences("metric", first.metrics, second.metrics)
    found += _mapping_differences("version", *(_mapping_at(record, "versions") for record in records))
    found += _mapping_differences("code", *({"commit": record.get("commit")} for record in records))
    found += _mapping_differences("code", *(_cells_of(run) for run in (first, second)))
    machines = [
        {name: record.get(name) for name in ("device", "platform", "threads") if record.get(name) is not None}
        for record in records
    ]
    return (*found, *_mapping_differences("machine", *machines))


def _mapping_differences(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[RunDifference]:
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one != other and not (one != one and other != other):
            yield RunDifference(kind=kind, name=name, before=one, after=other)


def _mapping_at(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _cells_of(run: StoredRun) -> dict[str, str]:
    """The code cells of an executed notebook, but those that name its parameters; none without its folder."""
    if run.folder is None:
        return {}
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, StoreError):
        document = store.read_json(RunPaths(folder=run.folder).notebook)
        cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
        own = [cell for cell in cells if "injected-parameters" not in cell.get("metadata", {}).get("tags", [])]
        return {f"cell {number}": "".join(cell["source"]) for number, cell in enumerate(own, start=1)}
    return {}


def find_run(runs: Sequence[StoredRun], prefix: str) -> StoredRun:
    """The run whose id begins so. Raises ProjectError when there is none, or more than one."""
    found = [run for run in runs if prefix and run.id.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ProjectError(f"no stored run's id begins with {prefix!r}.", hint="`blogkit runs list` shows them.")
    hint = f"Write more of it: {', '.join(run.id for run in found[:5])}."
    raise ProjectError(f"{len(found)} runs' ids begin with {prefix!r}.", hint=hint)


# --- what could go --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Removable:
    """A folder of the store that nothing needs any more."""

    path: Path
    what: str
    """``stale run``, ``failed run``, ``checkpoint of a stale run`` or ``left over by a command that was stopped``."""
    size: int
    """Bytes."""
    age: float
    """Seconds since it was last written."""


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """What a pruning would remove, and what it keeps although the sweep does not plan it."""

    removable: tuple[Removable, ...]
    kept: int = 0
    """Stale runs that stay, because results/ stand on them."""

    @property
    def size(self) -> int:
        return sum(one.size for one in self.removable)


def plan_pruning(project: Project, *, older_than: float = 0.0, larger_than: int = 0) -> Pruning:
    """What of a project's store nothing needs: stale runs, failures, left-over folders. Nothing is removed.

    A run that ``results/`` name is never among it, nor one that is planned at any scale or that a process executes.
    ``older_than`` is in seconds, ``larger_than`` in bytes. Raises NotStored when ``results/runs.json`` is damaged,
    since what it stands on is not known then, and ConfigError when the sweep cannot be read.
    """
    paths = ProjectPaths.of(project)
    if paths.provenance.is_file() and not isinstance(store.read_json(paths.provenance), dict):
        raise NotStored("holds no record of runs.", hint="Gather again, so that it is known what is in use.",
                        path=paths.provenance)  # fmt: skip
    away = bool(clusters_in_use(project))  # what a cluster's nodes fill is claimed on another machine
    candidates: list[tuple[Path, str]] = []
    kept = 0
    for run in list_runs(project):
        if run.folder is None:
            continue
        if run.standing is RunStanding.GATHERED:
            kept += 1
        if run.standing in {RunStanding.STALE, RunStanding.FAILED} and not is_claimed(paths.claim(run.id)):
            candidates.append((run.folder, f"{run.standing.value} run"))
    if paths.checkpoints.is_dir() and not away:
        candidates += [
            (folder, "checkpoint of a stale run")
            for folder in sorted(paths.checkpoints.iterdir())
            if folder.name not in planned_ids(project) and not is_claimed(paths.claim(folder.name))
        ]
    if paths.work.is_dir() and not away:
        candidates += [
            (folder, "left over by a command that was stopped")
            for folder in sorted(paths.work.iterdir())
            if not is_claimed(paths.claim(folder.name.partition("-")[0]))
        ]
    now = time.time()
    found = []
    for path, what in candidates:
        size, age = folder_size(path), max(0.0, now - _last_written(path))
        if age >= older_than and size >= larger_than:
            found.append(Removable(path=path, what=what, size=size, age=age))
    return Pruning(removable=tuple(sorted(found, key=lambda one: one.size, reverse=True)), kept=kept)


def prune(project: Project, pruning: Pruning) -> int:
    """Removes what a pruning names, each folder renamed first so that none is ever half there; the bytes it freed."""
    paths = ProjectPaths.of(project)
    freed = 0
    for one in pruning.removable:
        run_id = one.path.name.partition("-")[0]
        if is_claimed(paths.claim(run_id)):
            continue  # somebody began it meanwhile
        paths.work.mkdir(parents=True, exist_ok=True)
        aside = paths.work / f"{run_id}-old-pruned-{os.getpid()}"
        try:
            os.rename(one.path, aside)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"could not be removed: {error.strerror}.", path=one.path) from error
        shutil.rmtree(aside, ignore_errors=True)
        freed += one.size
    return freed


def _last_written(folder: Path) -> float:
    with suppress(OSError):
        return max([folder.stat().st_mtime, *(entry.stat().st_mtime for entry in os.scandir(folder))])
    return time.time()


# --- whether it will fit --------------------------------------------------------------------------------------------


def room_problem(project: Project, missing: int) -> str:
    """A sentence when a sweep's runs will not fit on the disk, judged by those that are stored; else nothing."""
    paths = ProjectPaths.of(project)
    sizes = [folder_size(paths.runs / run_id) for run_id in sorted(store.stored_ids(paths))[:50]]
    if not sizes or not missing:
        return ""
    needed = missing * sum(sizes) / len(sizes)
    free = shutil.disk_usage(project.folder).free
    if needed <= free:
        return ""
    return (
        f"{missing} runs will need about {needed / 1e9:.1f} GB, as those that are stored do, and {free / 1e9:.1f} GB "
        "are free; `blogkit runs prune` shows what can go"
    )


def runs_as_json(runs: Sequence[StoredRun]) -> str:
    """The runs as JSON, for other programs."""
    rows = [
        {
            "id": run.id,
            "standing": run.standing.value,
            "started": run.started,
            "seconds": run.seconds,
            "bytes": run.size,
            "parameters": dict(run.parameters),
            "metrics": {name: value if value == value and abs(value) != float("inf") else None
                        for name, value in run.metrics.items()},
            "reason": run.reason or None,
        }
        for run in runs
    ]  # fmt: skip
    return json.dumps(rows, indent=2, ensure_ascii=False, default=str)
