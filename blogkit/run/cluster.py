"""A sweep on a cluster: the cluster holds the queue, the store says what is done, and nothing of ours must stay alive.

Giving the same command again is the resume: what is stored is taken, what has a job is waited for, and only what has
neither is handed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from blogkit import store
from blogkit.errors import ConfigError, Problem, StoreError
from blogkit.model import Cluster, Project, Run, RunResult, RunStatus
from blogkit.run.claims import claim
from blogkit.run.execute import Ended, OnRunEvent, Started, StopRequest, UserNote
from blogkit.run.jobs import run_job
from blogkit.run.provenance import read_failure
from blogkit.run.slots import Slot
from blogkit.store import ProjectPaths, RunPaths
from blogkit.tools.slurm import QueueFull


class Queue(Protocol):
    """What is asked of a cluster's engine."""

    def submit(self, project: str, run_id: str, number: int, call: Callable[..., Any], *arguments: Any) -> str:
        """Hands one run in; raises QueueFull when no more are taken for now."""
        ...

    def jobs(self) -> dict[str, tuple[str, str]] | None:
        """Of each run that has a job, the job's id and state; None when the engine does not answer now."""
        ...

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Takes jobs back."""
        ...

    def close(self) -> None:
        """Leaves the engine, and the jobs that it has."""
        ...


def open_queue(cluster: Cluster, project: Project) -> Queue:
    """The queue of a cluster's engine. Raises ToolMissing when its extra is not installed."""
    if cluster.engine == "slurm":
        from blogkit.tools.slurm import SlurmQueue

        return SlurmQueue(cluster, jobs_folder(project))
    if cluster.engine == "dask":
        from blogkit.tools.dask import DaskQueue

        return DaskQueue(cluster)
    message = f"the cluster {cluster.name!r} has the engine {cluster.engine!r}."
    raise ConfigError([Problem(message=message, hint="There are slurm and dask.")])


def jobs_folder(project: Project) -> Path:
    """Where jobs' own logs and our notes about them lie."""
    return ProjectPaths.of(project).runs / ".cluster"


NOT_HANDED_IN = "not handed in yet"
"""Why a run has not begun that the queue did not take."""


@dataclass(frozen=True, kw_only=True)
class _JobNote:
    """What is remembered of a job that was handed in."""

    job: str
    submitted: float
    """Seconds since 1970."""


def execute_on_cluster(
    project: Project,
    runs: Sequence[Run],
    cluster: Cluster,
    queue: Queue,
    *,
    force: bool = False,
    detach: bool = False,
    stop: StopRequest | None = None,
    on_event: OnRunEvent = lambda event: None,
    poll: float = 2.0,
) -> tuple[RunResult, ...]:
    """What came of each run, executed as a job each; with ``detach`` what is known once all that may be is handed in.

    Stopping leaves the jobs in the queue. A job that is gone without a result counts as lost after the cluster's grace
    period, in which its files may still be on their way through a network file system.
    """
    sweep = _ClusterSweep(project, cluster, queue, force, on_event)
    sweep.tidy()
    stop = stop or StopRequest()
    waiting = {run.id: run for run in runs}
    began = time.time()
    while True:
        jobs = queue.jobs()
        if jobs is not None:
            for run in list(waiting.values()):
                result = sweep.look(run, jobs, began)
                if result is not None:
                    sweep.results[run.id] = result
                    del waiting[run.id]
                    on_event(Ended(result=result))
            sweep.hand_in([run for run in waiting.values() if run.id not in jobs], len(jobs))
        if not waiting or detach or stop.soon.is_set() or stop.now.is_set():
            break
        time.sleep(poll)
    return tuple(sweep.results.get(run.id) or sweep.left(run, jobs or {}) for run in runs)


class _ClusterSweep:
    """One call of ``execute_on_cluster``."""

    def __init__(self, project: Project, cluster: Cluster, queue: Queue, force: bool, on_event: OnRunEvent) -> None:
        self.project, self.cluster, self.queue, self.force, self.on_event = project, cluster, queue, force, on_event
        self.paths = ProjectPaths.of(project)
        self.results: dict[str, RunResult] = {}
        self._missing_since: dict[str, float] = {}
        self._running: set[str] = set()
        self._full = False

    def look(self, run: Run, jobs: dict[str, tuple[str, str]], began: float) -> RunResult | None:
        """What came of a run, or None while it is on its way."""
        note = self._read(run.id)
        if self._is_stored(run, note):
            self._forget(run.id)
            if note is not None:
                _clear(self.project, note.job)  # the run's own log is in its folder
            folder = self.paths.runs / run.id
            seconds = 0.0
            with suppress(StoreError, KeyError, TypeError, ValueError):
                seconds = float(store.read_json(RunPaths(folder=folder).record)["seconds"])
            return RunResult(run=run, status=RunStatus.DONE, seconds=seconds, folder=folder)
        if run.id in jobs:
            self._missing_since.pop(run.id, None)
            if jobs[run.id][1] == "running" and run.id not in self._running:
                self._running.add(run.id)
                self.on_event(Started(run=run, folder=self._work(run.id), slot=Slot(number=0)))
            return None
        since = note.submitted if note else began
        failed = read_failure(self.paths, run, since=since - 1)  # the file server's clock may differ a little
        if failed is not None:
            self._forget(run.id)
            return failed
        if note is None:
            return None
        since = self._missing_since.setdefault(run.id, time.time())
        if time.time() - since < self.cluster.grace:
            return None
        self._forget(run.id)
        reason = f"job {note.job} is gone from the queue without a result: cancelled, killed, or its node failed"
        return RunResult(run=run, status=RunStatus.DIED, seconds=0.0, reason=reason, folder=jobs_folder(self.project))

    def tidy(self) -> None:
        """Forgets the jobs whose runs have been stored since, while nobody waited for them."""
        for path in sorted(jobs_folder(self.project).glob("*.json")):
            note = self._read(path.stem)
            if note is not None and _is_settled(self.paths, path.stem, note.submitted):
                self._forget(path.stem)
                _clear(self.project, note.job)

    def left(self, run: Run, jobs: dict[str, tuple[str, str]]) -> RunResult:
        """A run without a result yet: it has a job, or it waits until the queue takes more."""
        has_job = run.id in jobs or self._read(run.id) is not None
        reason = f"in the queue of {self.cluster.name}" if has_job else NOT_HANDED_IN
        return RunResult(run=run, status=RunStatus.NOT_STARTED, seconds=0.0, reason=reason)

    def hand_in(self, runs: Sequence[Run], queued: int) -> None:
        """Hands in the runs that have no job, as many as the queue may hold."""
        wanted = [run for run in runs if self._read(run.id) is None]
        room = self.cluster.max_queued - queued if self.cluster.max_queued else len(wanted)
        if not wanted or room <= 0:
            return
        turn = claim(self.paths.claim("cluster"))  # two commands at once must not hand in the same run
        if turn is None:
            return
        with turn:
            here = self.queue.jobs()
            if here is None:
                return
            for number, run in enumerate(wanted[:room], start=queued):
                if run.id in here or self._read(run.id) is not None:
                    continue
                try:
                    minutes = self.cluster.minutes if self.cluster.engine == "slurm" else None
                    arguments = (str(self.project.folder), run, self.force, minutes, self.cluster.warning)
                    job = self.queue.submit(self.project.name, run.id, number, run_job, *arguments)
                except QueueFull:
                    if not self._full:
                        self._full = True
                        self.on_event(UserNote(text="the queue takes no more for now; the rest follows as runs end"))
                    return
                text = store.to_json({"job": job, "cluster": self.cluster.name, "submitted": time.time()})
                store.write_text(self._note(run.id), text)

    def _is_stored(self, run: Run, note: _JobNote | None) -> bool:
        folder = self.paths.runs / run.id
        if not folder.is_dir():
            return False
        return not self.force or (note is not None and _is_settled(self.paths, run.id, note.submitted))

    def _work(self, run_id: str) -> Path:
        found = sorted(self.paths.work.glob(f"{run_id}-*")) if self.paths.work.is_dir() else []
        return found[-1] if found else self.paths.work / run_id

    def _note(self, run_id: str) -> Path:
        return jobs_folder(self.project) / f"{run_id}.json"

    def _read(self, run_id: str) -> _JobNote | None:
        path = self._note(run_id)
        if not path.exists():
            return None
        try:
            said = store.read_json(path)
            return _JobNote(job=str(said["job"]), submitted=float(said["submitted"]))
        except (StoreError, KeyError, TypeError, ValueError):
            return None

    def _forget(self, run_id: str) -> None:
        self._missing_since.pop(run_id, None)
        self._note(run_id).unlink(missing_ok=True)


def _is_settled(paths: ProjectPaths, run_id: str, submitted: float) -> bool:
    """Whether the store has a result of a job that was handed in then. The file server's clock may differ a little."""
    with suppress(OSError):
        return RunPaths(folder=paths.runs / run_id).record.stat().st_mtime >= submitted - 1
    return False


def _clear(project: Project, job: str) -> None:
    """Removes what a job was given and what it printed."""
    for path in jobs_folder(project).glob(f"{job}_*"):
        path.unlink(missing_ok=True)


def clusters_in_use(project: Project) -> tuple[str, ...]:
    """The names of the clusters where runs of a project were handed in and have not come back."""
    names: dict[str, None] = {}
    for path in sorted(jobs_folder(project).glob("*.json")):
        with suppress(StoreError, KeyError, TypeError, ValueError):
            said = store.read_json(path)
            if not _is_settled(ProjectPaths.of(project), path.stem, float(said["submitted"])):
                names[str(said["cluster"])] = None
    return tuple(names)


def cancel_jobs(project: Project, runs: Sequence[Run], queue: Queue) -> int:
    """Takes the jobs of these runs out of the queue, and says how many there were."""
    jobs = queue.jobs() or {}
    mine = {run.id: jobs[run.id][0] for run in runs if run.id in jobs}
    queue.cancel(list(mine.values()))
    for run_id, job in mine.items():
        (jobs_folder(project) / f"{run_id}.json").unlink(missing_ok=True)
        _clear(project, job)
    return len(mine)
