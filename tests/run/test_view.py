"""A sweep can be followed on any terminal: a moving table where there is room, plain lines where nothing can move."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from blogkit.cli.sweep_view import LineView, Progress, TableView, make_view, status_document, status_table
from blogkit.config import load_project
from blogkit.model import Project, Run, RunResult, RunStatus
from blogkit.run.claims import claim
from blogkit.run.execute import CellBegan, Ended, Started
from blogkit.run.plan import plan_runs
from blogkit.run.slots import Slot
from blogkit.run.status import RunPhase, read_status
from blogkit.store import ProjectPaths, RunPaths, new_work_folder
from tests.files import write_project

SWEEP = "grid: {optimizer: [a rather long word for an optimiser, b]}\nseeds: 2\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return load_project(write_project(tmp_path, SWEEP, ("parameters", "optimizer = 'b'\nseed = 0"), "seed"))


def begun(project: Project, run: Run) -> Path:
    """A run in its second cell that has recorded an epoch, as its work folder shows it."""
    work = new_work_folder(ProjectPaths.of(project), run.id)
    work.metrics.write_text('{"metric": "validation_error", "value": 0.0625, "step": 8}\n')
    said = {"id": run.id, "began": time.time() - 3, "host": "x", "pid": 1, "cell": 2, "cells": 4}
    work.progress.write_text(json.dumps(said))
    return work.folder


def drawn(project: Project, width: int) -> list[str]:
    """The table of a sweep with one run done, one stopped, one failed and one under way, on a terminal so wide."""
    runs = plan_runs(project)
    progress = Progress(project, runs, stored=0, workers=2)
    for run, status in zip(runs, (RunStatus.DONE, RunStatus.INTERRUPTED, RunStatus.FAILED), strict=False):
        progress.take(Started(run=run, folder=project.folder, slot=Slot(number=0)))
        progress.take(Ended(result=RunResult(run=run, status=status, seconds=2.0)))
    progress.take(Started(run=runs[3], folder=begun(project, runs[3]), slot=Slot(number=0)))
    progress.take(CellBegan(run=runs[3], cell=2, cells=4))
    out = io.StringIO()
    console = Console(file=out, width=width, height=24, force_terminal=True, color_system=None)
    console.print(TableView(progress, console)._draw())
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_the_moving_table_keeps_a_run_to_a_line_on_a_terminal_of_any_width(project: Project, width: int) -> None:
    *head, titles, row = drawn(project, width)
    last = plan_runs(project)[3]
    assert max(map(len, (*head, titles, row))) <= width
    assert head[0].startswith("p  3/4") and (head[0].startswith("p  3/4  1 failed  1 stopped") or width < 80)
    assert titles.split()[:2] == ["run", "parameters"] and row.startswith(last.id[:6])
    assert "optimi" in row and "0.06" in row
    if width >= 100:
        assert re.search(rf"{last.id}  optimizer=b seed=1  +\S+ s  2/4 +8 +validation_error 0.0625", row), row


def test_where_nothing_can_move_there_are_plain_lines(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = plan_runs(project)
    assert isinstance(make_view(project, runs, stored=0, workers=1), LineView)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(make_view(project, runs, stored=0, workers=1), TableView)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_view(project, runs, stored=0, workers=1), LineView)


def test_no_color_is_heeded(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    (run, *_) = runs = plan_runs(project)
    with make_view(project, runs, stored=0, workers=1) as view:
        view.on_event(Ended(result=RunResult(run=run, status=RunStatus.FAILED, seconds=1.0, reason="boom")))
    text = capsys.readouterr().err
    assert "boom" in text and not re.search(r"\x1b\[[\d;]*3\d", text)


def test_lines_say_what_began_what_ended_and_how_long_the_rest_takes(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = plan_runs(project)
    folder = begun(project, runs[0])
    with LineView(Progress(project, runs, stored=0, workers=1)) as view:
        view.on_event(Started(run=runs[0], folder=folder, slot=Slot(number=0)))
        view.on_event(Ended(result=RunResult(run=runs[0], status=RunStatus.DONE, seconds=2.0, folder=folder)))
        view.on_event(Ended(result=RunResult(run=runs[1], status=RunStatus.FAILED, seconds=1.0, cell=3, reason="boom")))
    lines = capsys.readouterr().err.splitlines()
    assert f"started  {runs[0].id}  optimizer=a rather long word for an optimiser seed=0" in lines[-4]
    assert "validation_error 0.0625 at 8  [1/4, 6.0 s left]" in lines[-3]
    assert f"failed   {runs[1].id}  optimizer=b seed=0  1.0 s  in cell 3: boom  [2/4" in lines[-2]
    assert lines[-1].startswith("p: 1 done, 1 failed in ")


@pytest.mark.parametrize("width", ["60", "100"])
def test_another_terminal_sees_the_same_sweep(
    project: Project, width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    runs = plan_runs(project)
    begun(project, runs[1])
    failed = ProjectPaths.of(project).failed / runs[0].id
    failed.mkdir(parents=True)
    RunPaths(folder=failed).record.write_text('{"status": "died", "reason": "out of memory", "seconds": 2}')
    held = claim(ProjectPaths.of(project).claim(runs[1].id))
    assert held is not None
    with held:
        state = read_status(project, runs)
    assert [one.state for one in state.runs] == [RunPhase.FAILED, RunPhase.RUNNING, RunPhase.WAITING, RunPhase.WAITING]
    status_table(state)
    text = capsys.readouterr().out
    assert text.startswith("p: 0 of 4 runs done, 1 running, 1 failed, 2 to do\n")
    assert max(map(len, text.splitlines())) <= int(width)
    assert runs[0].id in text and runs[1].id in text, "an id is never broken: it is copied into `blogkit logs`"
    assert re.search(r"out of\s+memory|out of.*\n.*memory", text)
    document = status_document(state)["runs"][1]
    assert (document["cell"], document["metric"]) == (2, {"name": "validation_error", "value": 0.0625, "step": 8})
