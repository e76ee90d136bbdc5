"""Finds what a run printed, wherever the run stands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blogkit.errors import ProjectError
from blogkit.model import Project
from blogkit.run.claims import is_claimed
from blogkit.store import ProjectPaths, RunPaths


@dataclass(frozen=True, kw_only=True)
class Log:
    """The log of one run."""

    path: Path
    claim: Path | None
    """Held while the run goes on; None when it has ended."""

    def read(self) -> str:
        """All that was printed so far."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""


def find_log(projects: Sequence[Project], run_id: str) -> Log:
    """The log of the run whose id begins so; of several folders the one under way, else the stored, else the failed.

    Raises ProjectError when there is none, or when several runs begin so.
    """
    found: dict[str, Log] = {}
    for project in projects:
        paths = ProjectPaths.of(project)
        for place in (paths.failed, paths.runs, paths.work):
            folders = sorted(place.glob(f"{run_id}*")) if place.is_dir() and run_id and run_id.isalnum() else []
            for folder in folders:
                name = folder.name.partition("-")[0]
                running = place == paths.work and is_claimed(paths.claim(name))
                if place != paths.work or running:
                    path = RunPaths(folder=folder).log
                    found[f"{project.name}/{name}"] = Log(path=path, claim=paths.claim(name) if running else None)
        for note in sorted((paths.runs / ".cluster").glob(f"{run_id}*.json")) if run_id.isalnum() else []:
            # Not begun, or ended before its kernel was there: what Slurm and the job itself said.
            job = json.loads(note.read_text(encoding="utf-8")).get("job", "")
            for path in sorted(note.parent.glob(f"{job}_*log.out")):
                found.setdefault(f"{project.name}/{note.stem}", Log(path=path, claim=None))
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        hint = f"Say more of the id: {', '.join(sorted(found))}."
        raise ProjectError(f"{len(found)} runs begin with {run_id!r}.", hint=hint)
    hint = "`blogkit status` lists the runs with their ids."
    raise ProjectError(f"No run that begins with {run_id!r} has left a log here.", hint=hint)


def follow_log(log: Log) -> Iterator[str]:
    """What is printed, as it comes, until the run has ended."""
    try:
        with open(log.path, encoding="utf-8", errors="replace") as stream:
            while True:
                over = log.claim is None or not is_claimed(log.claim)
                yield stream.read()
                if over:
                    return
                time.sleep(0.3)
    except FileNotFoundError:
        return
