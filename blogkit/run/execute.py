"""Executes the runs of a sweep that are not stored yet, several at a time, on this machine.

The store decides what is done. A run is claimed, executed in a work folder, and stored by one rename; so whatever
happens to this process, what was stored is whole, and giving the same command again goes on with the rest.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from blogkit import store
from blogkit.damage import record_digests
from blogkit.errors import StoreError
from blogkit.kernel.checkpoints import read_resumption, resumption_file
from blogkit.model import Budget, Project, Run, RunResult, RunStatus
from blogkit.notebook import code_cells, imported_modules, read_notebook
from blogkit.run.budget import Allowance, spent_on
from blogkit.run.claims import Claim, claim
from blogkit.run.kernels import warm_start
from blogkit.run.provenance import Circumstances, describe, read_failure, standing
from blogkit.run.reads import children_of, files_read
from blogkit.run.slots import Lease, Slot, make_slots, thread_environment
from blogkit.run.status import Durations
from blogkit.run.working import KEPT_FILES, KEPT_TOTAL, WorkingFolder, clear_working_folders, working_folder
from blogkit.store import ProjectPaths, RunPaths
from blogkit.tools.execution import ORDINARY, KernelStart, NotebookOutcome
from blogkit.tools.gpu import Meter, find_meter
from blogkit.tools.papermill import execute_notebook, load_engine

_RUN_ID = re.compile(r"[0-9a-f]{12}")
_ELSEWHERE_POLL = 0.3
"""Seconds between two looks at a run that another process executes."""


# --- what happens, while it happens -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Started:
    """A run has begun."""

    run: Run
    folder: Path
    """Where its records appear while it runs."""
    slot: Slot
    attempt: int = 1


@dataclass(frozen=True, kw_only=True)
class CellBegan:
    """A run has come to a cell."""

    run: Run
    cell: int
    """Counted from 1."""
    cells: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run has ended, and is stored or kept as a failure."""

    result: RunResult
    stored: bool = False
    """Whether it was there already: from an earlier command, or from another one at the same time."""
    again: bool = False
    """Whether it will be tried once more."""


@dataclass(frozen=True, kw_only=True)
class UserNote:
    """Something the user should know once."""

    text: str


RunEvent = Started | CellBegan | Ended | UserNote
OnRunEvent = Callable[[RunEvent], None]


@dataclass(kw_only=True)
class StopRequest:
    """How a sweep is asked to end before its time, from another thread or a signal's handler."""

    soon: threading.Event = field(default_factory=threading.Event)
    """What runs is finished; nothing new begins."""
    now: threading.Event = field(default_factory=threading.Event)
    """What runs is stopped, and kept as interrupted."""
    verdict: tuple[RunStatus, str] | None = None
    """What a run that is stopped now is kept as instead, with the reason."""
    exit_code: int = 130
    """What a command that was stopped so should end with, as shells count: 128 and the signal's number."""


# --- the sweep --------------------------------------------------------------------------------------------------------


def execute_runs(
    project: Project,
    runs: Sequence[Run],
    *,
    workers: int | None = None,
    made: Sequence[Run] = (),
    force: bool = False,
    retries: int = 0,
    cold: bool = False,
    tidy: bool = True,
    stop: StopRequest | None = None,
    may_begin: Callable[[Run], str] | None = None,
    meter: Meter | None = None,
    on_event: OnRunEvent = lambda event: None,
) -> tuple[RunResult, ...]:
    """What came of each run, in the order given; those that are stored are not run again unless ``force`` is set.

    Kernels are forks of a process that has the notebook's libraries imported, unless ``cold`` is set or that is not
    possible here. ``workers`` runs go on at a time, by default as many as the machine has GPUs, or cores for. A run
    that does not succeed is tried ``retries`` more times, after the others. ``may_begin`` is asked before each run and
    gives a reason not to begin any more, or nothing; by default it holds the project's budget, in which the runs that
    were ``made`` of the sweep before count too. A run that did not begin
    has the status *not started*. Without ``tidy``, what killed commands left is not cleared. Events come one at a
    time, from several threads.

    Raises StoreError when the disk will not take what runs leave; what was stored until then stays.
    """
    sweep = _RunningSweep(
        project=project,
        made=made,
        force=force,
        retries=retries,
        cold=cold,
        tidy=tidy,
        stop=stop or StopRequest(),
        may_begin=may_begin,
        meter=meter or find_meter(),
        on_event=on_event,
    )
    return sweep.execute(runs, workers)


def slots_for(project: Project, runs: Sequence[Run], workers: int | None, meter: Meter) -> tuple[Slot, ...]:
    """The places on this machine where these runs go on at the same time."""
    return make_slots(
        gpus=meter.devices(),
        runs_per_gpu=project.sweep.runs_per_gpu if project.sweep else 1,
        workers=workers,
        threads=max((run.threads for run in runs), default=1),
    )[: len(runs)]


def count_workers(project: Project, runs: Sequence[Run], workers: int | None) -> int:
    """How many of these runs would go on at the same time."""
    return len(slots_for(project, runs, workers, find_meter()))


class _RunningSweep:
    """One call of ``execute_runs``: its queue, its results, its threads."""

    def __init__(
        self,
        *,
        project: Project,
        made: Sequence[Run],
        force: bool,
        retries: int,
        cold: bool,
        tidy: bool,
        stop: StopRequest,
        may_begin: Callable[[Run], str] | None,
        meter: Meter,
        on_event: OnRunEvent,
    ) -> None:
        self.project, self.force, self.retries, self.cold = project, force, retries, cold
        self.start, self.tidy, self.made = ORDINARY, tidy, list(made)
        self.stop, self.meter = stop, meter
        budget = project.sweep.budget if project.sweep else Budget()
        self.allowance = Allowance(budget, Durations.of(project) if budget.minutes else Durations(known={}))
        self.may_begin = may_begin or self.allowance
        self.paths = ProjectPaths.of(project)
        self._on_event, self._telling = on_event, threading.RLock()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Run, int]] = deque()
        self._results: dict[str, RunResult] = {}
        self._elsewhere: set[str] = set()
        """Runs that another process was seen to execute."""
        self._began = time.time()
        self._error: BaseException | None = None
        self._reason = ""
        self._known: frozenset[str] = frozenset()

    # -- the whole

    def execute(self, runs: Sequence[Run], workers: int | None) -> tuple[RunResult, ...]:
        """All of it."""
        if self.tidy:
            with suppress(StoreError):  # a store that is read-only has nothing to clear that would do harm
                recover(self.paths)
        stored = frozenset() if self.force else store.stored_ids(self.paths)
        for run in runs:
            if run.id in stored:
                self._results[run.id] = self._stored_result(run)
                self.made.append(run)
            else:
                self._waiting.append((run, 1))
        if self._waiting:
            self._run_all(workers)
        if self._error is not None:
            raise self._error
        return tuple(self._results.get(run.id) or self._not_begun(run) for run in runs)

    def _run_all(self, workers: int | None) -> None:
        check_writable(self.paths)
        with self._kernel_start() as self.start:
            # While the warm process imports the notebook's libraries, this one imports Papermill.
            plain = load_engine()
            if plain:
                self.start = ORDINARY
                self.tell(UserNote(text=plain))
            self.revision = standing(self.project)
            slots = slots_for(self.project, [run for run, _ in self._waiting], workers, self.meter)
            self._lease = Lease(slots)
            if self.project.sweep and self.project.sweep.budget != Budget():
                self.allowance.count_in(spent_on(self.project, self.made, len(slots)))
            self._start_workers(slots)

    def _kernel_start(self) -> AbstractContextManager[KernelStart]:
        """Forks of a process that has imported what the notebook imports; for a single run that would not pay."""
        if self.cold or len(self._waiting) < 2:
            return nullcontext(ORDINARY)
        first = self._waiting[0][0]
        document = read_notebook(first.notebook)
        # record.model will import it, in each kernel again where nobody has before.
        later = ["onnx"] if any("record.model(" in source for source in code_cells(document)) else []
        return warm_start(
            [*imported_modules(document, ahead=True), *later],
            own_folders=[self.project.folder, first.notebook.parent],
            env=thread_environment(first.threads),
            on_note=lambda text: self.tell(UserNote(text=text)),
        )

    def _start_workers(self, slots: Sequence[Slot]) -> None:
        crew = [threading.Thread(target=self._take_runs, name=f"run-{slot.number}", daemon=True) for slot in slots]
        for thread in crew:
            thread.start()
        for thread in crew:
            # Joined in short steps, so that the main thread stays open to signals.
            while thread.is_alive():
                thread.join(0.2)

    def tell(self, event: RunEvent) -> None:
        """Passes an event on, one at a time."""
        with self._telling:
            self._on_event(event)

    # -- one worker

    def _take_runs(self) -> None:
        try:
            while (chosen := self._choose_run()) is not None:
                run, attempt, claimed = chosen
                with claimed:
                    result, stored = self._execute_claimed(run, attempt)
                again = result.status is not RunStatus.DONE and self._try_again(result, attempt)
                if result.status is RunStatus.DONE and not stored:
                    self.allowance.learn(run, result.seconds)
                if not again:
                    with self._lock:
                        self._results[run.id] = result
                self.tell(Ended(result=result, stored=stored, again=again))
        except BaseException as error:
            # Whatever goes wrong here concerns all runs (a full disk, a bug), so nothing new is begun.
            with self._lock:
                self._error = self._error or error
            self.stop.soon.set()

    def _choose_run(self) -> tuple[Run, int, Claim] | None:
        """The next run that nobody else executes; waits while all that are left are executed elsewhere."""
        while not (self.stop.soon.is_set() or self.stop.now.is_set()):
            with self._lock:
                candidates = list(self._waiting)
            for run, attempt in candidates:
                claimed = claim(self.paths.claim(run.id))
                if claimed is None:
                    self._elsewhere.add(run.id)
                    continue
                with self._lock:
                    if (run, attempt) not in self._waiting:
                        claimed.release()
                        continue
                    if not self._has_leave(run):
                        claimed.release()
                        return None
                    self._waiting.remove((run, attempt))
                return run, attempt, claimed
            if not candidates:
                return None
            time.sleep(_ELSEWHERE_POLL)
        return None

    def _has_leave(self, run: Run) -> bool:
        reason = self._reason or self.may_begin(run)
        if reason and not self._reason:
            self._reason = reason
            self.tell(UserNote(text=reason))
        return not reason

    def _try_again(self, result: RunResult, attempt: int) -> bool:
        if attempt > self.retries or result.status is RunStatus.INTERRUPTED or self.stop.soon.is_set():
            return False
        with self._lock:
            self._waiting.append((result.run, attempt + 1))
        return True

    # -- one run

    def _execute_claimed(self, run: Run, attempt: int) -> tuple[RunResult, bool]:
        """A claimed run's result, and whether it was stored in the meantime by someone else."""
        if not self.force and (self.paths.runs / run.id).is_dir():
            return self._stored_result(run), True
        if run.id in self._elsewhere and attempt == 1 and (failed := self._failed_elsewhere(run)) is not None:
            return failed, True
        if self.force and attempt == 1:
            store.drop_checkpoints(self.paths, run.id)
        work = store.new_work_folder(self.paths, run.id)
        with ExitStack() as stack:
            slot = stack.enter_context(self._lease.take())
            self.tell(Started(run=run, folder=work.folder, slot=slot, attempt=attempt))
            try:
                result = self._run_once(run, work, slot, attempt)
            except BaseException:
                shutil.rmtree(work.folder, ignore_errors=True)
                raise
        return result, False

    def _run_once(self, run: Run, work: RunPaths, slot: Slot, attempt: int) -> RunResult:
        watch = _RunWatch(self, run, work, slot)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        energy = self.meter.energy(slot.gpu) if slot.gpu else None
        shared = self.project.sweep.shared if self.project.sweep else ()
        with watch, working_folder(self.project.folder, work, shared=shared, on_note=self._tell_once) as place:
            outcome = execute_notebook(
                run.notebook,
                work.notebook,
                run.parameters,
                cwd=place.folder,
                stands_for=self.project.folder,
                env={
                    **thread_environment(run.threads),
                    **slot.environment,
                    **place.environment,
                    store.RUN_FOLDER_VARIABLE: str(work.folder),
                },
                time_limit=run.time_limit,
                log=work.log,
                start=self.start,
                stop=self.stop.now,
                on_cell=watch.on_cell,
                on_kernel=watch.on_kernel,
            )
            children = children_of(work)
            read = files_read(place, (outcome.facts, *children))
            self._keep_files(place, work)
        if outcome.status is RunStatus.INTERRUPTED and self.stop.verdict is not None:
            outcome = replace(outcome, status=self.stop.verdict[0], reason=self.stop.verdict[1])
        if slot.gpu and energy is not None and (after := self.meter.energy(slot.gpu)) is not None:
            energy = (after - energy) / max(1.0, watch.shared)
        circumstances = Circumstances(
            started=started,
            revision=self.revision,
            gpu=slot.gpu.name if slot.gpu else None,
            energy=energy,
            gpu_memory=watch.gpu_memory or None,
            attempt=attempt,
            children=children,
            read=read,
            resumed=read_resumption(work),
        )
        resumption_file(work).unlink(missing_ok=True)
        return self._keep_result(run, work, outcome, describe(run, outcome, circumstances))

    def _keep_files(self, place: WorkingFolder, work: RunPaths) -> None:
        """Keeps what a run wrote, and says what was not its own or too much."""
        for name in place.changed_links():
            self._tell_once(
                f"a run wrote to {name}, which is the project's own, since it is too large for a copy for each run; "
                "what runs read from it may not be their own. Let the notebook write to another path"
            )
        for name, size in place.keep(work.files):
            self._tell_once(
                f"{name} ({size / 1e6:.0f} MB) was not kept: of what a run writes, {KEPT_TOTAL // 10**6} MB and "
                f"{KEPT_FILES} files are; `shared: [{PurePosixPath(name).parts[0]}]` in sweep.yml keeps one for all"
            )

    def _tell_once(self, text: str) -> None:
        with self._lock:
            known, self._known = text in self._known, self._known | {text}
        if not known:
            self.tell(UserNote(text=text))

    def _keep_result(self, run: Run, work: RunPaths, outcome: NotebookOutcome, record: Mapping[str, Any]) -> RunResult:
        """Stores what a run left: whole under its id when it is done, apart from the others when it is not."""
        result = RunResult(
            run=run, status=outcome.status, seconds=outcome.seconds, reason=outcome.reason, cell=outcome.cell
        )
        with suppress(OSError):
            work.progress.unlink()
        if not outcome.done:
            with suppress(StoreError):
                store.write_text(work.record, store.to_json(record))
            try:
                return replace(result, folder=store.keep_failure(self.paths, run.id, work).folder)
            except StoreError:
                return replace(result, folder=work.folder if work.folder.exists() else None)
        store.write_text(work.record, store.to_json({**record, "records": record_digests(work)}))
        store.sync_folder(work.folder)
        if self.force:
            store.set_aside(self.paths, run.id)
        return replace(result, folder=store.keep_run(self.paths, run.id, work).folder)

    def _stored_result(self, run: Run) -> RunResult:
        return RunResult(run=run, status=RunStatus.DONE, seconds=0.0, folder=self.paths.runs / run.id)

    def _failed_elsewhere(self, run: Run) -> RunResult | None:
        """The failure that another command has met with this run while this one went on; it need not be met twice."""
        return read_failure(self.paths, run, since=self._began)

    def _not_begun(self, run: Run) -> RunResult:
        reason = self._reason or "the sweep was stopped before it began"
        return RunResult(run=run, status=RunStatus.NOT_STARTED, seconds=0.0, reason=reason)


# --- one run while it runs --------------------------------------------------------------------------------------------


class _RunWatch:
    """Follows one run: tells its cells, and samples what its kernel holds on a GPU."""

    def __init__(self, sweep: _RunningSweep, run: Run, work: RunPaths, slot: Slot) -> None:
        self.sweep, self.run, self.work, self.slot = sweep, run, work, slot
        self.gpu_memory = 0
        self.shared = 1.0
        """How many runs used the GPU at the same time, on average."""
        self._pid: int | None = None
        self._over = threading.Event()
        self._began = time.time()
        self._sampler: threading.Thread | None = None

    def __enter__(self) -> _RunWatch:
        self._write_progress(None, None)
        if self.slot.gpu is not None:
            self._sampler = threading.Thread(target=self._sample_gpu, daemon=True)
            self._sampler.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        if self._sampler is not None:
            self._sampler.join()

    def on_cell(self, cell: int, cells: int) -> None:
        self._write_progress(cell, cells)
        self.sweep.tell(CellBegan(run=self.run, cell=cell, cells=cells))

    def on_kernel(self, pid: int | None) -> None:
        self._pid = pid

    def _write_progress(self, cell: int | None, cells: int | None) -> None:
        state = {
            "id": self.run.id,
            "parameters": dict(self.run.parameters),
            "began": self._began,
            "host": platform.node(),
            "pid": os.getpid(),
            "cell": cell,
            "cells": cells,
        }
        path = self.work.progress
        with suppress(OSError):  # a view, not evidence: it need not survive a crash, nor stop a run
            beside = path.with_suffix(".part")
            beside.write_text(json.dumps(state), encoding="utf-8")
            os.replace(beside, path)

    def _sample_gpu(self) -> None:
        gpu = self.slot.gpu
        assert gpu is not None
        total = samples = 0
        users = _GPU_USERS
        with users.join(gpu.uuid or gpu.index):
            while True:
                samples += 1
                total += users.count(gpu.uuid or gpu.index)
                self.shared = total / samples
                if self._pid is not None:
                    used = self.sweep.meter.memory(gpu, _process_family(self._pid))
                    self.gpu_memory = max(self.gpu_memory, used or 0)
                if self._over.wait(0.5):
                    return


class _GpuUsers:
    """How many runs of this process use which GPU now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def join(self, name: str) -> ExitStack:
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + 1
        stack = ExitStack()
        stack.callback(self._leave_gpu, name)
        return stack

    def _leave_gpu(self, name: str) -> None:
        with self._lock:
            self._counts[name] -= 1

    def count(self, name: str) -> int:
        with self._lock:
            return self._counts.get(name, 0)


_GPU_USERS = _GpuUsers()


def _process_family(pid: int) -> list[int]:
    """A process and all below it, as Linux lists them; the process alone elsewhere."""
    found = [pid]
    for parent in found:
        with suppress(OSError, ValueError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(word) for word in (task / "children").read_text().split() if int(word) not in found]
    return found


# --- before the first run ---------------------------------------------------------------------------------------------


def check_writable(paths: ProjectPaths) -> None:
    """Raises StoreError when runs could not be stored, before any time is spent on one."""
    probe = claim(paths.claim("probe"))
    if probe is None:
        return  # another command is trying just that
    with probe:
        try:
            paths.work.mkdir(parents=True, exist_ok=True)
            probe.path.write_bytes(bytes(4096))
        except OSError as error:
            hint = "Make room, or check who may write here."
            raise StoreError(f"could not be written: {error.strerror}.", hint=hint, path=paths.runs) from error


def recover(paths: ProjectPaths) -> None:
    """Puts right what a command that was killed left behind.

    A work folder whose run nobody claims any more is removed; one that is whole (its record is written last) and whose
    name is still free gets it after all, among the stored runs or among the failures.
    """
    for run_id, claimed in _unclaimed_runs(paths):
        with claimed:
            for work in sorted(paths.work.glob(f"{run_id}-*")):
                if _is_abandoned(work) and not _finish_rename(paths, run_id, RunPaths(folder=work)):
                    shutil.rmtree(work, ignore_errors=True)
    for run_id in store.stored_ids(paths) & _folder_names(paths.failed):
        shutil.rmtree(paths.failed / run_id, ignore_errors=True)  # it has succeeded since
    for work in paths.work.glob("*"):
        with suppress(OSError):
            # Other stages' folders have no claims: a verification or a gathering that was killed.
            if not _RUN_ID.fullmatch(work.name.partition("-")[0]) and time.time() - work.stat().st_mtime > 86_400:
                shutil.rmtree(work, ignore_errors=True)
    clear_working_folders(paths.folder, paths.work)


def _finish_rename(paths: ProjectPaths, run_id: str, work: RunPaths) -> bool:
    """Does the last step of a run that was killed before it: gives its folder the name. False when it was not whole."""
    with suppress(StoreError, OSError, KeyError, TypeError):
        status = store.read_json(work.record)["status"]
        if (paths.runs / run_id).is_dir():
            return False
        if status == RunStatus.DONE.value:
            store.keep_run(paths, run_id, work)
            return True
        if not (paths.failed / run_id).is_dir():
            store.keep_failure(paths, run_id, work)
            return True
    return False


def _is_abandoned(work: Path) -> bool:
    """Whether nobody fills a work folder any more, given that nobody on this machine does.

    Locks on a network file system may hold on one machine only, so another machine's folder is left alone for a day.
    """
    try:
        progress = json.loads(RunPaths(folder=work).progress.read_text(encoding="utf-8"))
        if progress.get("host") not in {None, platform.node()}:
            return time.time() - max(path.stat().st_mtime for path in (work, *work.iterdir())) > 86_400
    except (OSError, ValueError, AttributeError):
        pass
    return True


def _unclaimed_runs(paths: ProjectPaths) -> Iterable[tuple[str, Claim]]:
    """The runs that a process left something of and no process executes, each claimed until the next is asked for."""
    names = {name.partition("-")[0] for name in _folder_names(paths.work)}
    ids = {name for name in names if _RUN_ID.fullmatch(name)}  # other stages have work folders there too
    for run_id in sorted(ids | _folder_names(paths.claims)):
        claimed = claim(paths.claim(run_id))
        if claimed is not None and not claimed.locked:
            claimed.release()
        elif claimed is not None:
            yield run_id, claimed


def _folder_names(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()
