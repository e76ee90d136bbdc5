"""How far a sweep is, read from the store alone: the same in another terminal, after a crash, and for a cluster."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import Any

from blogkit import store
from blogkit.model import Project, Run
from blogkit.run.claims import is_claimed
from blogkit.store import ProjectPaths, RunPaths


class RunPhase(StrEnum):
    """Where a planned run stands."""

    WAITING = "waiting"
    QUEUED = "queued"
    """It has a job on a cluster that has not begun."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The last number that a run recorded."""

    name: str
    value: float
    step: float | None


@dataclass(frozen=True, kw_only=True)
class RunState:
    """One planned run, as the store shows it."""

    run: Run
    state: RunPhase
    seconds: float | None = None
    """How long it took, or has been running."""
    cell: int | None = None
    cells: int | None = None
    metric: Metric | None = None
    reason: str = ""
    """What went wrong, of a failed one."""
    folder: Path | None = None
    stopped: bool = False
    """A failed one that was stopped, by whoever ran it or by the machine."""
    gathered: bool = False
    """Its results are in ``results/``, and its folder is not here."""


@dataclass(frozen=True, kw_only=True)
class SweepState:
    """All runs of a sweep."""

    project: str
    runs: tuple[RunState, ...]

    def count(self, state: RunPhase) -> int:
        """How many runs stand there."""
        return sum(run.state is state for run in self.runs)


def read_status(project: Project, runs: Sequence[Run], jobs: Mapping[str, tuple[str, str]] | None = None) -> SweepState:
    """Where each planned run stands now; ``jobs`` are those of a cluster, their ids and states by run."""
    jobs = jobs or {}
    paths = ProjectPaths.of(project)
    stored, gathered = store.stored_ids(paths), store.gathered_runs(paths)
    working = _work_folders(paths)
    states: list[RunState] = []
    whole = paths.runs
    for run in runs:
        if run.id in stored:
            folder = whole / run.id
            states.append(RunState(run=run, state=RunPhase.DONE, seconds=_run_seconds(folder), folder=folder))
        elif run.id in working and (is_claimed(paths.claim(run.id)) or run.id in jobs):
            states.append(running_state(run, working[run.id]))
        elif run.id in jobs:
            job, state = jobs[run.id]
            known = RunPhase.RUNNING if state == "running" else RunPhase.QUEUED
            states.append(RunState(run=run, state=known, reason=f"job {job}"))
        elif run.id in gathered:
            seconds = gathered[run.id].get("seconds")
            states.append(RunState(run=run, state=RunPhase.DONE, seconds=seconds, gathered=True))
        elif (paths.failed / run.id).is_dir():
            folder = paths.failed / run.id
            record = _run_record(folder)
            reason = f"{record.get('status', 'failed')}: {record.get('reason', 'see its log')}"
            seconds = record.get("seconds")
            stopped = record.get("status") == "interrupted"
            states.append(
                RunState(
                    run=run,
                    state=RunPhase.FAILED,
                    seconds=seconds,
                    cell=record.get("cell"),
                    reason=reason,
                    stopped=stopped,
                    folder=folder,
                )
            )
        else:
            states.append(RunState(run=run, state=RunPhase.WAITING))
    return SweepState(project=project.name, runs=tuple(states))


def with_metrics(state: SweepState) -> SweepState:
    """The same with the last number of every run that is done, for those who list them all."""
    return replace(
        state,
        runs=tuple(
            replace(run, metric=last_metric(run.folder)) if run.folder and run.metric is None else run
            for run in state.runs
        ),
    )


def running_state(run: Run, folder: Path) -> RunState:
    """A run under way, as its work folder shows it."""
    progress: Any = {}
    with suppress(OSError, ValueError):
        progress = json.loads(RunPaths(folder=folder).progress.read_text(encoding="utf-8"))
    began = progress.get("began")
    return RunState(
        run=run,
        state=RunPhase.RUNNING,
        seconds=max(0.0, time.time() - began) if began else None,
        cell=progress.get("cell"),
        cells=progress.get("cells"),
        metric=last_metric(folder),
        folder=folder,
    )


def last_metric(folder: Path) -> Metric | None:
    """The last number that a run has recorded so far; reads the end of the file only."""
    try:
        with open(RunPaths(folder=folder).metrics, "rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - 4096))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            entry = json.loads(line)
            return Metric(name=str(entry["metric"]), value=float(entry["value"]), step=entry.get("step"))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
    return None


# --- what it was made with --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class VersionChange:
    """A package that is installed in another version than runs were made with."""

    module: str
    before: str
    now: str
    runs: int
    """How many runs were made with it as it was before."""


def version_changes(project: Project, runs: Sequence[Run]) -> tuple[VersionChange, ...]:
    """What was upgraded, or downgraded, since these runs were made, as far as their notebook runs in this Python."""
    from blogkit.tools.jupyter_kernels import is_own_kernelspec
    from blogkit.tools.python import installed_versions

    records = _records_of(project, runs)
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        versions = record.get("versions")
        for name, version in (versions if isinstance(versions, Mapping) else {}).items():
            counts[str(name), str(version)] = counts.get((str(name), str(version)), 0) + 1
    if not counts or not is_own_kernelspec(runs[0].notebook):
        return ()
    now = installed_versions({name for name, _ in counts})
    return tuple(
        VersionChange(module=name, before=version, now=now[name], runs=count)
        for (name, version), count in sorted(counts.items())
        if name in now and not _is_same_version(version, now[name])
    )


def _records_of(project: Project, runs: Sequence[Run]) -> list[Mapping[str, Any]]:
    paths = ProjectPaths.of(project)
    stored, gathered = store.stored_ids(paths), store.gathered_runs(paths)
    whole = paths.runs
    found = (_run_record(whole / run.id) if run.id in stored else gathered.get(run.id, {}) for run in runs)
    return [record for record in found if record]


def _is_same_version(before: str, now: str) -> bool:
    """Whether two versions agree as far as both say: ``4.10.0`` and ``4.10.0.84``, ``2.9`` and ``2.9+cpu``."""
    one, other = (re.split(r"[.+]", text.partition(",")[0]) for text in (before, now))
    if "," in before:
        return any(_is_same_version(part.strip(), now) for part in before.split(","))
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


# --- how long it takes ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Durations:
    """How long runs have taken so far, by their parameters without the seed."""

    known: Mapping[str, Sequence[float]]

    @classmethod
    def of(cls, project: Project) -> Durations:
        """From the stored runs of a project, and from the gathered ones where there are no folders."""
        paths = ProjectPaths.of(project)
        records = {
            **store.gathered_runs(paths),
            **{name: _run_record(paths.runs / name) for name in store.stored_ids(paths)},
        }
        known: dict[str, list[float]] = {}
        for record in records.values():
            if isinstance(record.get("seconds"), int | float) and isinstance(record.get("parameters"), dict):
                known.setdefault(_duration_key(record["parameters"]), []).append(float(record["seconds"]))
        return cls(known=known)

    def adding(self, run: Run, seconds: float) -> Durations:
        """The same with one more run."""
        key = _duration_key(run.parameters)
        return Durations(known={**self.known, key: (*self.known.get(key, ()), seconds)})

    def estimate(self, run: Run) -> float | None:
        """Seconds that a run will take: as others with its parameters at other seeds, else as all others."""
        alike = self.known.get(_duration_key(run.parameters))
        if alike:
            return fmean(alike)
        everything = [second for seconds in self.known.values() for second in seconds]
        return fmean(everything) if everything else None

    def estimate_all(self, runs: Sequence[Run], workers: int) -> float | None:
        """Seconds that these runs will take, ``workers`` at a time; None when nothing is known yet."""
        each = [self.estimate(run) for run in runs]
        known = [seconds for seconds in each if seconds is not None]
        if len(known) < len(each) or not known:
            return None if runs else 0.0
        return max(sum(known) / max(1, workers), max(known))


def _duration_key(parameters: Mapping[str, Any]) -> str:
    return json.dumps(
        {name: value for name, value in parameters.items() if name != "seed"}, sort_keys=True, default=str
    )


_RECORD = RunPaths(folder=Path()).record.name


def _run_record(folder: Path) -> dict[str, Any]:
    try:
        with open(f"{folder}{os.sep}{_RECORD}", "rb") as stream:  # asked of 10,000 runs: a Path costs more than this
            record = store.parse_json(stream.read().decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _run_seconds(folder: Path) -> float | None:
    seconds = _run_record(folder).get("seconds")
    return float(seconds) if isinstance(seconds, int | float) else None


def _work_folders(paths: ProjectPaths) -> dict[str, Path]:
    """The newest work folder of each run that has one."""
    found: dict[str, Path] = {}
    if paths.work.is_dir():
        for folder in paths.work.iterdir():
            name = folder.name.partition("-")[0]
            if "-old-" not in folder.name and RunPaths(folder=folder).progress.exists():
                found[name] = folder
    return found
