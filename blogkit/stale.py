"""What is stale: asked here by every command, and by the cache of pages.

::

    sources, sweep.yml  -->  runs      a planned run has no results: its id takes in its sources
    runs, figures.ipynb -->  results/  what `gather` would make of them now is something else, or a file was changed
    results/, the post  -->  page      a file that it was made from has other contents

What a file holds decides, never its time. Each relation is looked at by itself: results are compared with the runs that
are there, and a page with the results that are there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.coverage import Coverage, coverage_of, gathered_coverage, note
from blogkit.model import Project, Run
from blogkit.notebook import code_cells, read_notebook
from blogkit.sources import sources_of
from blogkit.store import ProjectPaths, RunPaths, gathered_runs, read_results, recording_digest, stored_ids

RESULTS_FORMAT = 1
"""Raised when the same runs should give other files, so that older results count as stale."""


OTHER_RUNS = "the runs are not those that were gathered"
"""Why results are stale whose coverage says more."""


@dataclass(frozen=True, kw_only=True)
class ResultsState:
    """How gathered results stand to the runs and to the figures' code."""

    coverage: Coverage | None
    """How much of the sweep they hold; None where nothing was gathered."""
    stale: tuple[str, ...] = ()
    """Why they are not what `gather` would make now, a sentence each; empty where they are."""


@dataclass(frozen=True, kw_only=True)
class StaleParts:
    """What of a project is stale."""

    project: Project
    runs: tuple[Run, ...] = ()
    """Planned runs that have no results."""
    results: tuple[str, ...] = ()
    """Why ``results/`` is stale."""
    coverage: Coverage | None = None
    """How much of the sweep ``results/`` holds; None where nothing was gathered."""
    page: bool = False
    """The page is not what the post and all that it is made of give now, or there is none."""


# --- runs against sources ---------------------------------------------------------------------------------------------


def runs_without_results(project: Project, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The planned runs whose results are nowhere: neither in a folder here, nor gathered before."""
    paths = ProjectPaths.of(project)
    known = stored_ids(paths) | gathered_runs(paths).keys()
    return tuple(run for run in runs if run.id not in known)


# --- results against runs and figures ---------------------------------------------------------------------------------


def available_runs(paths: ProjectPaths, runs: Sequence[Run]) -> list[Run]:
    """The runs that `gather` can take: those that have a folder here, or that an earlier gathering holds."""
    known = stored_ids(paths) | (gathered_runs(paths).keys() if paths.metrics.is_file() else frozenset())
    return [run for run in runs if run.id in known]


def run_executions(paths: ProjectPaths, available: Sequence[Run]) -> dict[str, str]:
    """The digest of each run's execution: of its folder, or as noted when it was gathered; unknown ones are left out.

    Results that an earlier version gathered note none.
    """
    stored, earlier, whole = stored_ids(paths), gathered_runs(paths), paths.runs
    found: dict[str, str] = {}
    for run in available:
        if run.id in stored:
            found[run.id] = recording_digest(RunPaths(folder=whole / run.id))
        elif isinstance(noted := earlier.get(run.id, {}).get("digest"), str):
            found[run.id] = noted
    return found


def figures_notebook(project: Project) -> Path | None:
    """The notebook that draws; None where the project has none."""
    path = project.folder / (project.sweep.figures if project.sweep else "figures.ipynb")
    return path if path.is_file() else None


def results_origin(
    project: Project, available: Sequence[Run], coverage: Coverage, executions: Mapping[str, str]
) -> str:
    """A digest of what the results depend on: the very executions, what is missing, what the figures' code reads."""
    origin: list[Any] = [RESULTS_FORMAT, [run.id for run in available]]
    if executions:
        origin.append(executions)
    if coverage.missing:
        origin.append(note(coverage))
    digest = hashlib.sha256(json.dumps(origin, sort_keys=True, default=str).encode("utf-8"))
    figures = figures_notebook(project)
    if figures is not None:
        digest.update(json.dumps(code_cells(read_notebook(figures))).encode("utf-8"))
        sources = sources_of(figures, project.folder)
        for path in (*sources.modules, *sources.data):
            digest.update(Path(os.path.relpath(path, project.folder)).as_posix().encode("utf-8") + b"\0")
            digest.update(file_digest(path)[:16].encode("ascii"))
    return digest.hexdigest()[:16]


def look_at_results(project: Project, runs: Sequence[Run]) -> ResultsState:
    """How the results stand to these planned runs and to the figures' code; nothing is made for it."""
    paths = ProjectPaths.of(project)
    document = read_results(paths)
    available = available_runs(paths, runs)
    if not document:
        return ResultsState(coverage=None, stale=("nothing is gathered yet",) if available else ())
    executions = run_executions(paths, available)
    coverage = coverage_of(paths, runs, results={run.id for run in available})
    reasons: list[str] = []
    if document.get("made_from") != results_origin(project, available, coverage, executions):
        same_runs = _are_those_gathered(document, available, coverage, executions)
        figures = figures_notebook(project)
        reasons.append(
            f"{figures.name if figures else 'the figures notebook'}, or what it reads, changed"
            if same_runs
            else OTHER_RUNS
        )
    reasons += [
        f"{paths.results.name}/{name} is not what was gathered"
        for name, digest in document.get("files", {}).items()
        if file_digest(paths.results / name)[:16] != digest
    ]
    gathered = gathered_coverage(paths, runs, executions)
    return ResultsState(coverage=gathered, stale=tuple(reasons))


def _are_those_gathered(
    document: Mapping[str, Any], available: Sequence[Run], coverage: Coverage, executions: Mapping[str, str]
) -> bool:
    """Whether the results were made from these very executions."""
    noted = {str(run["id"]): run.get("digest") for run in document["runs"]}
    said = {name: document[name] for name in ("planned", "missing") if name in document}
    return (
        list(noted) == [run.id for run in available]
        and all(noted[name] in {None, digest} for name, digest in executions.items())
        and (not said or said == note(coverage))
    )


# --- pages against results and sources --------------------------------------------------------------------------------


def file_digest(path: Path) -> str:
    """A digest of a file's contents; empty where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:24]
    except OSError:
        return ""


def file_stamp(path: str | Path) -> list[int]:
    """A file's time and size; ``[0, -1]`` where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116  # asked a thousand times, and a Path costs more than the question
    except OSError:
        return [0, -1]
    return [stat.st_mtime_ns, stat.st_size]


def has_changed(path: Path, now: Sequence[int], known: list[Any]) -> bool:
    """Whether a file's contents are not those ``known`` by time, size and digest; a touched file gets its new time."""
    if now == known[:2]:
        return False
    if now[1] != known[1] or file_digest(path) != known[2]:
        return True
    known[:2] = now
    return False
