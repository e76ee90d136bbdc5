"""Stored runs as a sweep leaves them, without executing anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from blogkit.model import Project, Run
from blogkit.store import ProjectPaths, RunPaths


def store_runs(
    project: Project, runs: Sequence[Run], value: Callable[[int], float] = lambda number: 1 / (number + 2), **more: Any
) -> None:
    """Each run as done, with one number, ``value`` of its place; ``more`` goes into the records."""
    for number, run in enumerate(runs):
        paths = RunPaths(folder=project.folder / "runs" / run.id)
        paths.folder.mkdir(parents=True, exist_ok=True)
        paths.metrics.write_text(json.dumps({"metric": "error", "value": value(number), "step": None}) + "\n")
        record = {"seconds": 2.0, "device": "CPU", "status": "done", "versions": {}, **more}
        paths.record.write_text(json.dumps({**record, "id": run.id, "parameters": dict(run.parameters)}))


def store_failure(project: Project, run: Run, status: str = "failed", reason: str = "ValueError: no") -> None:
    """The run as one that did not succeed."""
    paths = RunPaths(folder=ProjectPaths.of(project).failed / run.id)
    paths.folder.mkdir(parents=True, exist_ok=True)
    paths.record.write_text(json.dumps({"id": run.id, "status": status, "reason": reason, "seconds": 1.0}))
