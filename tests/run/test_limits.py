"""Minutes that a user writes are sixty seconds each, wherever they are counted."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.model import Run, RunResult, RunStatus
from blogkit.run import jobs
from blogkit.run.execute import StopRequest
from blogkit.run.plan import plan_runs
from blogkit.tools.papermill import execute_notebook
from tests.files import notebook, write_project


@pytest.mark.parametrize(("written", "seconds"), [("1.5", 90), ("30", 1800), ("0.01", 0.6)])
def test_the_time_limit_of_a_sweep_is_in_minutes_and_that_of_a_run_in_seconds(
    tmp_path: Path, written: str, seconds: float
) -> None:
    folder = write_project(tmp_path, f"time_limit: {written}")
    assert [run.time_limit for run in plan_runs(load_project(folder))] == [pytest.approx(seconds)]


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "text"), [(1.0, "1 s"), (0.5, "0.5 s")])
def test_a_run_is_stopped_after_as_many_seconds_as_it_has(tmp_path: Path, limit: float, text: str) -> None:
    source = tmp_path / "a.ipynb"
    source.write_text(notebook("import time\ntime.sleep(20)"))
    began = time.monotonic()
    outcome = execute_notebook(source, tmp_path / "b.ipynb", {}, cwd=tmp_path, time_limit=limit)
    assert (outcome.status, outcome.reason) == (RunStatus.TIMED_OUT, f"stopped at its time limit of {text}")
    assert time.monotonic() - began < 15


@pytest.mark.skipif(sys.platform == "win32", reason="Slurm's signals are Unix's")
@pytest.mark.parametrize(
    ("minutes", "warning", "at_the_limit"),
    [(2, 60, True), (3, 60, False), (1, 30, True), (None, 60, True), (4, 200, True), (5, 200, False)],
)
def test_a_clusters_warning_long_before_the_jobs_end_is_a_preemption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: int | None, warning: int, at_the_limit: bool
) -> None:
    """The job has just begun, so all its minutes are left; Slurm may warn up to a minute and a quarter early."""
    folder = write_project(tmp_path, "")
    project = load_project(folder)
    (run,) = plan_runs(project)

    def stand_in(project: Any, runs: list[Run], *, stop: StopRequest, **how: Any) -> tuple[RunResult, ...]:
        os.kill(os.getpid(), signal.SIGUSR2)
        assert stop.now.wait(10)
        status = stop.verdict[0] if stop.verdict else RunStatus.INTERRUPTED
        return (RunResult(run=run, status=status, seconds=0.0, reason=stop.verdict[1] if stop.verdict else ""),)

    monkeypatch.setattr(jobs, "execute_runs", stand_in)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)}
    assert threading.current_thread() is threading.main_thread()
    try:
        if at_the_limit:
            assert jobs.run_job(str(folder), run, False, minutes, warning) == RunStatus.TIMED_OUT.value
        else:
            with pytest.raises(SystemExit) as left:
                jobs.run_job(str(folder), run, False, minutes, warning)
            assert left.value.code == 143
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
