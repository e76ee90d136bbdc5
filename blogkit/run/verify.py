"""Runs a sample of stored runs again, in new kernels, and says which metrics agree: the proof that a post's evidence
can be made again.
"""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from blogkit import store
from blogkit.errors import ProjectError
from blogkit.model import Project, Run, RunStatus
from blogkit.run.slots import thread_environment
from blogkit.run.working import working_folder
from blogkit.store import ProjectPaths, RunPaths
from blogkit.tools.papermill import execute_notebook

Series = Mapping[tuple[str, float | None], list[float]]
"""The values of each metric at each step, in the order in which they were recorded."""


class Agreement(StrEnum):
    """How a metric of a run that was made again compares with what is stored."""

    EXACT = "exactly"
    CLOSE = "within tolerance"
    DIFFERENT = "differs"


@dataclass(frozen=True, kw_only=True)
class MetricComparison:
    """One metric of one run, all its steps together."""

    metric: str
    agreement: Agreement
    values: int
    worst: float
    """The largest relative difference; infinite where values are missing."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One run that was made again."""

    run: Run
    comparisons: tuple[MetricComparison, ...]
    failure: str = ""
    """Why there is nothing to compare."""

    @property
    def agrees(self) -> bool:
        return not self.failure and all(one.agreement is not Agreement.DIFFERENT for one in self.comparisons)


def verify_runs(
    project: Project,
    runs: Sequence[Run],
    *,
    sample: int = 3,
    seed: int = 0,
    tolerance: float | None = None,
    on_run: Callable[[Run], None] = lambda run: None,
) -> tuple[Verified, ...]:
    """Makes a seeded sample of those ``runs`` that have results again, one by one, and compares their metrics.

    Nothing is stored. ``tolerance`` is the relative difference that still counts as agreement; by default none where a
    run was made on this kind of CPU, and 1 % where it was made on a GPU or on another device. Raises ProjectError when
    no run has results.
    """
    from blogkit.run.provenance import processor

    paths = ProjectPaths.of(project)
    stored, gathered = store.stored_ids(paths), store.gathered_runs(paths)
    candidates = [run for run in runs if run.id in stored or run.id in gathered]
    if not candidates:
        hint = f"`blogkit run {project.name}` makes them."
        raise ProjectError("has no results of the runs as they are planned now.", hint=hint, path=project.folder)
    chosen = random.Random(seed).sample(candidates, min(sample, len(candidates)))  # noqa: S311  # a sample, no secret
    table = _gathered_series(paths) if any(run.id not in stored for run in chosen) else {}
    verified: list[Verified] = []
    for run in chosen:
        on_run(run)
        kept = RunPaths(folder=paths.runs / run.id)
        before = read_series(kept) if run.id in stored else table.get(run.id, {})
        record = store.read_json(kept.record) if run.id in stored else gathered[run.id]
        allowed = tolerance if tolerance is not None else (0.0 if record.get("device") == processor() else 0.01)
        verified.append(_make_again(project, run, before, allowed))
    return tuple(verified)


def _make_again(project: Project, run: Run, before: Series, tolerance: float) -> Verified:
    paths = ProjectPaths.of(project)
    work = store.new_work_folder(paths, "verify")
    try:
        shared = project.sweep.shared if project.sweep else ()
        with working_folder(project.folder, work, shared=shared) as place:
            outcome = execute_notebook(
                run.notebook,
                work.notebook,
                run.parameters,
                cwd=place.folder,
                stands_for=project.folder,
                env={
                    **thread_environment(run.threads),
                    **place.environment,
                    store.RUN_FOLDER_VARIABLE: str(work.folder),
                },
                time_limit=run.time_limit,
                log=work.log,
            )
        if outcome.status is not RunStatus.DONE:
            return Verified(run=run, comparisons=(), failure=f"{outcome.status.value}: {outcome.reason}")
        return Verified(run=run, comparisons=compare(before, read_series(work), tolerance))
    finally:
        shutil.rmtree(work.folder, ignore_errors=True)


def compare(before: Series, after: Series, tolerance: float) -> tuple[MetricComparison, ...]:
    """Each metric of two executions of one run."""
    found: list[MetricComparison] = []
    for metric in sorted({name for name, _ in (*before, *after)}):
        keys = {key for key in (*before, *after) if key[0] == metric}
        pairs: list[tuple[float, float]] = []
        missing = False
        for key in keys:
            old, new = before.get(key, []), after.get(key, [])
            missing = missing or len(old) != len(new)
            pairs += zip(old, new, strict=False)
        worst = math.inf if missing else max((_difference(old, new) for old, new in pairs), default=0.0)
        agreement = Agreement.EXACT if worst == 0 else Agreement.CLOSE if worst <= tolerance else Agreement.DIFFERENT
        found.append(MetricComparison(metric=metric, agreement=agreement, values=len(pairs), worst=worst))
    return tuple(found)


def _difference(old: float, new: float) -> float:
    if old == new or (math.isnan(old) and math.isnan(new)):
        return 0.0
    if not (math.isfinite(old) and math.isfinite(new)):
        return math.inf
    return abs(old - new) / max(abs(old), abs(new))


def read_series(run: RunPaths) -> Series:
    """What a run recorded."""
    series: dict[tuple[str, float | None], list[float]] = {}
    for entry in store.read_jsonl(run.metrics):
        _add_value(series, entry.get("metric"), entry.get("step"), entry.get("value"))
    return series


def _gathered_series(paths: ProjectPaths) -> dict[str, Series]:
    """What the gathered table says of each run, for a clone without run folders."""
    import pandas as pd

    found: dict[str, dict[tuple[str, float | None], list[float]]] = {}
    table = pd.read_parquet(paths.metrics, columns=["run", "metric", "step", "value"])
    for run_id, metric, step, value in table.itertuples(index=False, name=None):
        _add_value(found.setdefault(str(run_id), {}), metric, None if pd.isna(step) else float(step), value)
    return dict(found)


def _add_value(series: dict[tuple[str, float | None], list[float]], metric: Any, step: Any, value: Any) -> None:
    key = (str(metric), None if step is None else float(step))
    series.setdefault(key, []).append(math.nan if value is None else float(value))
