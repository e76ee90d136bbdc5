"""What is known of a run when it has ended: ``run.json``, which says of any number where it comes from."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from blogkit import __version__
from blogkit.errors import StoreError
from blogkit.model import Project, Run, RunResult, RunStatus, Sweep
from blogkit.run.plan import source_files
from blogkit.run.reads import versions_of
from blogkit.store import ProjectPaths, RunPaths, read_json
from blogkit.tools.execution import NotebookOutcome
from blogkit.tools.git import Revision, revision


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a sweep knows of a run beside its outcome."""

    started: str
    """UTC, ISO 8601."""
    revision: Revision | None
    gpu: str | None = None
    """The name of the GPU that was leased to it."""
    energy: float | None = None
    """Joules of that GPU while it ran; None where it cannot be counted alone."""
    gpu_memory: int | None = None
    """Bytes on the GPU, at their peak, as its driver counts them."""
    attempt: int = 1
    children: Sequence[Mapping[str, Any]] = ()
    """What the Python processes that it started said of themselves."""
    read: Mapping[str, str] = field(default_factory=dict)
    """The data that it read and did not make, with digests."""
    resumed: Mapping[str, Any] = field(default_factory=dict)
    """How often it went on from a checkpoint (``times``), and the ``seconds`` spent before the last one."""


def describe(run: Run, outcome: NotebookOutcome, circumstances: Circumstances) -> dict[str, Any]:
    """The record of one run. Sizes are bytes, energy is joules, ``seconds`` is wall-clock time.

    Of a run that went on from a checkpoint, the seconds before that checkpoint count too.
    """
    facts = outcome.facts
    cuda = facts.get("cuda") or []
    device = str(cuda[0]) if cuda else (circumstances.gpu if circumstances.gpu_memory else None) or processor()
    record: dict[str, Any] = {
        "id": run.id,
        "project": run.project,
        "notebook": run.notebook.name,
        "parameters": dict(run.parameters),
        "seed": run.seed,
        "threads": run.threads,
        "status": outcome.status.value,
        "started": circumstances.started,
        "seconds": round(outcome.seconds + circumstances.resumed.get("seconds", 0.0), 3),
        "device": device,
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": versions(facts, circumstances.children),
        "commit": circumstances.revision.commit if circumstances.revision else None,
        "dirty": circumstances.revision.dirty if circumstances.revision else None,
        "untracked": (circumstances.revision.untracked or None) if circumstances.revision else None,
        "peak_memory": int(facts["memory_mb"] * 1024 * 1024) if "memory_mb" in facts else None,
        "peak_gpu_memory": circumstances.gpu_memory or (int(facts["gpu_memory_mb"] * 1e6) if cuda else None),
        "energy": round(circumstances.energy, 1) if circumstances.energy is not None else None,
        "warm": bool(facts.get("warm")),
        "attempt": circumstances.attempt,
        "read": dict(circumstances.read) or None,
    }
    if circumstances.resumed.get("times"):
        record["resumed"] = circumstances.resumed["times"]
    if not outcome.done:
        record |= {"reason": outcome.reason, "cell": outcome.cell}
    return record


def read_failure(paths: ProjectPaths, run: Run, *, since: float) -> RunResult | None:
    """What the record of a run's failure says, if it was written after ``since`` (seconds since 1970); else None."""
    folder = paths.failed / run.id
    with suppress(OSError, StoreError, KeyError, TypeError, ValueError):
        path = RunPaths(folder=folder).record
        if path.stat().st_mtime >= since:
            record = read_json(path)
            return RunResult(
                run=run,
                status=RunStatus(record["status"]),
                seconds=float(record["seconds"]),
                reason=str(record.get("reason", "")),
                cell=record.get("cell"),
                folder=folder,
            )
    return None


def versions(facts: Mapping[str, Any], children: Sequence[Mapping[str, Any]] = ()) -> dict[str, str]:
    """The versions that a run's numbers may depend on, by module, with ``python`` and ``blogkit``."""
    found = {"python": platform.python_version(), "blogkit": __version__}
    if facts.get("cuda_version"):
        found["cuda"] = str(facts["cuda_version"])
    return found | versions_of(facts, children)


def standing(project: Project) -> Revision | None:
    """The commit that a project's code stands at, and whether it holds that code as it is.

    What blogkit itself writes does not make it dirty.
    """
    notebook = project.folder / (project.sweep.notebook if project.sweep else Sweep.notebook)
    return revision(project.folder, ignore=["runs", "results"], files=[notebook, *source_files(project)])


@cache
def processor() -> str:
    """The processor's name as its maker gives it, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
