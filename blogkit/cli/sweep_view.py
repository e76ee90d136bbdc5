"""How a sweep looks on a terminal: a table that moves, or plain lines where nothing can move."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from blogkit.model import RunResult, RunStatus
from blogkit.run.execute import CellBegan, Ended, RunEvent, Started, UserNote, count_workers
from blogkit.run.failures import describe_failures
from blogkit.run.status import Durations, Metric, RunPhase, RunState, SweepState, last_metric

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from blogkit.model import Project, Run
    from blogkit.stale import StaleParts


_LISTED_FAILURES = 3
"""Failures that are listed one by one; more are grouped by what they share."""
_NARROW = 90
"""Columns of a terminal in which the whole table does not fit."""


class View(AbstractContextManager["View"], Protocol):
    """Something that shows a sweep while it runs."""

    def on_event(self, event: RunEvent) -> None:
        """Hears what happens; called by one thread at a time."""
        ...


def make_view(project: Project, runs: Sequence[Run], *, stored: int, workers: int | None) -> View:
    """A moving table on a terminal, otherwise lines; both on stderr."""
    sweep = Progress(project, runs, stored=stored, workers=count_workers(project, runs, workers))
    from rich.console import Console

    console = Console(stderr=True)
    return TableView(sweep, console) if console.is_terminal and not console.is_dumb_terminal else LineView(sweep)


class Progress:
    """What is known of a sweep while it runs; both views are made from it."""

    def __init__(self, project: Project, runs: Sequence[Run], *, stored: int, workers: int) -> None:
        self.name, self.stored, self.workers = project.name, stored, workers
        self.varying = varying(runs)
        self.waiting = {run.id: run for run in runs}
        self.running: dict[str, tuple[Run, Path, float]] = {}
        self.cells: dict[str, tuple[int, int]] = {}
        self.done = 0
        self.failed: list[RunResult] = []
        self.last: list[RunResult] = []
        self.notes: list[str] = []
        self.began = time.monotonic()
        self._durations = Durations.of(project)
        self.total = len(runs)

    def take(self, event: RunEvent) -> None:
        """Brings it up to date."""
        if isinstance(event, Started):
            self.waiting.pop(event.run.id, None)
            self.running[event.run.id] = (event.run, event.folder, time.monotonic())
        elif isinstance(event, CellBegan):
            self.cells[event.run.id] = (event.cell, event.cells)
        elif isinstance(event, Ended):
            result = event.result
            self.waiting.pop(result.run.id, None)
            self.running.pop(result.run.id, None)
            self.cells.pop(result.run.id, None)
            if event.again:
                self.waiting[result.run.id] = result.run
            elif result.status.value == "done":
                self.done += 1
                self.last = [*self.last, result][-3:]
                if not event.stored:
                    self._durations = self._durations.adding(result.run, result.seconds)
            else:
                self.failed.append(result)
        else:
            self.notes.append(event.text)

    def ill(self) -> list[str]:
        """How many runs ended without a result, those that were stopped apart: ``2 failed``, ``1 stopped``."""
        stopped = sum(result.status.value == "interrupted" for result in self.failed)
        counts = ((len(self.failed) - stopped, "failed"), (stopped, "stopped"))
        return [f"{number} {word}" for number, word in counts if number]

    def label(self, run: Run) -> str:
        """The parameters in which a run differs from the others."""
        return parameters_text({name: run.parameters[name] for name in self.varying if name in run.parameters})

    def seconds_left(self) -> float | None:
        """How long the rest may take; None until a run has shown it."""
        left = self._durations.estimate_all(list(self.waiting.values()), self.workers) if self.waiting else 0.0
        if left is None:
            return None
        rest = 0.0
        for run, _, began in self.running.values():
            expected = self._durations.estimate(run)
            if expected is None:
                return None
            rest = max(rest, expected - (time.monotonic() - began))
        return left + max(0.0, rest)


class LineView:
    """One line for each thing that happens, for logs and pipes."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def __enter__(self) -> LineView:
        progress = self.progress
        at_once = f", {progress.workers} at a time" if progress.workers > 1 else ""
        stored = f"; {progress.stored} are stored already" if progress.stored else ""
        self._print_line(f"{progress.name}: {_runs(progress.total)} to do{at_once}{stored}.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        progress = self.progress
        self._print_line(
            f"{progress.name}: {', '.join([f'{progress.done} done', *(progress.ill() or ['0 failed'])])}"
            f" in {duration(time.monotonic() - progress.began)}."
        )

    def on_event(self, event: RunEvent) -> None:
        progress = self.progress
        metric = _metric_of(event, progress)
        progress.take(event)
        if isinstance(event, Started):
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            device = f" on {event.slot.gpu.name}" if event.slot.gpu else ""
            self._print_line(f"  started  {event.run.id}  {progress.label(event.run)}{device}{again}")
        elif isinstance(event, Ended):
            self._print_line(self._ended(event, metric))
        elif isinstance(event, UserNote):
            self._print_line(f"  {event.text}")

    def _ended(self, event: Ended, metric: Metric | None) -> str:
        progress, result = self.progress, event.result
        word = "stored" if event.stored else result.status.value
        more = metric_text(metric) if result.status.value == "done" else _where(result)
        left = progress.seconds_left()
        ends = f", {duration(left)} left" if left and (progress.waiting or progress.running) else ""
        again = " (will be tried again)" if event.again else ""
        number = progress.done + len(progress.failed)
        return (
            f"  {word:<8} {result.run.id}  {progress.label(result.run)}  {duration(result.seconds)}  {more}{again}"
            f"  [{number}/{progress.total}{ends}]"
        )

    def _print_line(self, text: str) -> None:
        print(text.rstrip(), file=sys.stderr, flush=True)


class TableView:
    """A table of what runs now, with what is done and failed counted above it."""

    def __init__(self, progress: Progress, console: Console) -> None:
        from rich.live import Live

        self.progress, self.console = progress, console
        self._lock = threading.RLock()
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> TableView:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def on_event(self, event: RunEvent) -> None:
        with self._lock:
            self.progress.take(event)
        if isinstance(event, UserNote):
            self.console.print(f"  {event.text}", highlight=False, markup=False)
        elif isinstance(event, Ended) and event.result.status.value != "done":
            result = event.result
            again = " (will be tried again)" if event.again else ""
            text = (
                f"  {result.status.value}  {result.run.id}  {self.progress.label(result.run)}  {_where(result)}{again}"
            )
            self.console.print(text, style="red", highlight=False, markup=False)

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            progress = self.progress
            running = list(progress.running.values())
            cells = dict(progress.cells)
            ended, ill = progress.done + len(progress.failed), progress.ill()
            left = progress.seconds_left()
        narrow = self.console.width < _NARROW
        head = Table.grid(padding=(0, 1))
        words = Text.assemble((progress.name, "bold"), f"  {ended}/{progress.total}")
        for one in ill:
            words.append(f"  {one}", style="red")
        if progress.stored:
            words.append(f"  {progress.stored} stored before", style="dim")
        spent = duration(time.monotonic() - progress.began)
        ending = f"{spent}" if ended == progress.total else f"{spent}, {duration(left)} left" if left else spent
        bar = ProgressBar(total=max(1, progress.total), completed=ended, width=12 if narrow else 24)
        head.add_row(words, bar, Text(ending, "dim"))
        if not running:
            return head
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=narrow)
        for title in ("run", "parameters", "time", *(() if narrow else ("cell", "step")), "latest"):
            # Where there is little room, parameters and the latest number share it; the rest stays readable.
            share = 1 if narrow and title in {"parameters", "latest"} else None
            one_line = narrow or title != "parameters"
            table.add_column(title, no_wrap=one_line, ratio=share, justify="right" if title == "time" else "left")
        room = max(3, self.console.size.height - 6)
        for run, folder, began in running[:room]:
            metric = last_metric(folder)
            cell = cells.get(run.id)
            where = f"{cell[0]}/{cell[1]}" if cell else "starting"
            spent = duration(time.monotonic() - began)
            if narrow:
                latest = f"{metric.value:.4g} {metric.name}" if metric else f"cell {where}" if cell else where
                table.add_row(run.id[:6], progress.label(run), spent, latest)
            else:
                latest = f"{metric.name} {metric.value:.4g}" if metric else ""
                table.add_row(run.id, progress.label(run), spent, where, _step(metric), latest)
        if len(running) > room:
            table.add_row(f"and {len(running) - room} more")
        return Group(head, table)


# --- another terminal -------------------------------------------------------------------------------------------------


def status_table(state: SweepState) -> None:
    """Prints where a sweep stands; a long one is summed up, with what runs and what failed in full."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    done, failed, running = state.count(RunPhase.DONE), state.count(RunPhase.FAILED), state.count(RunPhase.RUNNING)
    counts = [f"{done} of {_runs(len(state.runs))} done"]
    queued = state.count(RunPhase.QUEUED)
    stopped = sum(one.state is RunPhase.FAILED and one.stopped for one in state.runs)
    words = ((running, "running"), (queued, "in the queue"), (failed - stopped, "failed"), (stopped, "stopped"))
    counts += [f"{number} {word}" for number, word in words if number]
    waiting = state.count(RunPhase.WAITING)
    counts += [f"{waiting} to do"] if waiting else []
    console.print(f"[bold]{state.project}[/bold]: {', '.join(counts)}", highlight=False)
    names = varying([one.run for one in state.runs])
    shown = [one for one in state.runs if one.state in {RunPhase.RUNNING, RunPhase.FAILED}]
    if failed > _LISTED_FAILURES:
        shown = [one for one in shown if one.state is RunPhase.RUNNING]
        print(describe_failures(*_results_of(state)))
    if not shown:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in ("  run", "parameters", "state", "time", "latest"):
        table.add_column(title, overflow="fold", no_wrap=title in {"  run", "time"})
    for one in shown:
        label = parameters_text({name: one.run.parameters[name] for name in names if name in one.run.parameters})
        cell = f" cell {one.cell}/{one.cells}" if one.cell and one.cells else ""
        time_text = duration(one.seconds) if one.seconds is not None else ""
        latest = metric_text(one.metric) if one.state is RunPhase.RUNNING else one.reason
        style = "red" if one.state is RunPhase.FAILED else None
        table.add_row(f"  {one.run.id}", label, f"{one.state.value}{cell}", time_text, latest, style=style)
    console.print(table)


def _results_of(state: SweepState) -> tuple[list[RunResult], list[RunResult]]:
    """The failures of a sweep, and all its runs, as what came of them."""
    results = []
    for one in state.runs:
        word, _, reason = one.reason.partition(": ")
        status = RunStatus.DONE
        if one.state is RunPhase.FAILED:
            status = RunStatus(word) if word in set(RunStatus) else RunStatus.FAILED
        seconds = one.seconds or 0.0
        results.append(
            RunResult(run=one.run, status=status, seconds=seconds, reason=reason, cell=one.cell, folder=one.folder)
        )
    return [one for one in results if one.status is not RunStatus.DONE], results


def status_document(state: SweepState, parts: StaleParts | None = None) -> dict[str, Any]:
    """The same for a script, with what is stale."""
    document = {"project": state.project, "runs": [_state_document(one) for one in state.runs]}
    if parts is None:
        return document
    what = {"runs": [run.id for run in parts.runs], "results": list(parts.results), "page": parts.page}
    return {**document, "stale": what}


def _state_document(one: RunState) -> dict[str, Any]:
    metric = one.metric
    return {
        "id": one.run.id,
        "parameters": dict(one.run.parameters),
        "state": one.state.value,
        "seconds": one.seconds,
        "cell": one.cell,
        "metric": {"name": metric.name, "value": metric.value, "step": metric.step} if metric else None,
        "reason": one.reason,
        "folder": str(one.folder) if one.folder else None,
    }


# --- words ------------------------------------------------------------------------------------------------------------


def varying(runs: Sequence[Run]) -> tuple[str, ...]:
    """The parameters in which runs differ; all of them for a single run."""
    names = list(dict.fromkeys(name for run in runs for name in run.parameters))
    different = [name for name in names if len({repr(run.parameters.get(name)) for run in runs}) > 1]
    return tuple(different or names)


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """Parameters in a line, as they would be given to ``--set``."""
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def metric_text(metric: Metric | None) -> str:
    """The last number of a run, with the step it belongs to."""
    if metric is None:
        return ""
    return f"{metric.name} {metric.value:.4g}" + (f" at {_step(metric)}" if metric.step is not None else "")


def _step(metric: Metric | None) -> str:
    return f"{metric.step:g}" if metric is not None and metric.step is not None else ""


def duration(seconds: float) -> str:
    """Seconds as people say them: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _metric_of(event: RunEvent, progress: Progress) -> Metric | None:
    folder = event.result.folder if isinstance(event, Ended) else None
    return last_metric(folder) if folder else None


def _where(result: RunResult) -> str:
    return f"{f'in cell {result.cell}: ' if result.cell else ''}{result.reason}"


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"
