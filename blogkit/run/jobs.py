"""What one job of a cluster does: one run, into the shared store; and what it makes of a cluster's signals.

A cluster sends its signals to all processes of a job. The kernel is shielded from the warning before the time limit;
the request to end (preemption, ``scancel``) ends the run without a trace, since it is not the run's own failure and
Slurm may start it again.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from blogkit.config import load_project
from blogkit.model import Run, RunResult, RunStatus
from blogkit.run.execute import StopRequest, execute_runs
from blogkit.store import ProjectPaths


def run_job(folder: str, run: Run, force: bool, minutes: int | None, warning: int) -> str:
    """Executes one run of the project in ``folder``, and gives the word for how it ended.

    ``minutes`` is the job's own time limit and ``warning`` how many seconds before it the cluster sends its signal, by
    by which that differs from a preemption. Exits with 143 when the
    cluster asked it to end.
    """
    stop = StopRequest()
    asked = threading.Event()
    began = time.monotonic()
    results: list[RunResult] = []
    errors: list[BaseException] = []

    def on_terminate(number: int, frame: Any) -> None:
        asked.set()
        stop.now.set()

    def on_warning(number: int, frame: Any) -> None:
        left = (minutes or 0) * 60 - (time.monotonic() - began)
        if left > warning + 75:
            on_terminate(number, frame)  # so early it is a preemption that warns first
        else:
            stop.verdict = (RunStatus.TIMED_OUT, f"stopped at the cluster's time limit of {minutes} min")
            stop.now.set()

    def work() -> None:
        try:
            project = load_project(Path(folder))
            results.extend(execute_runs(project, [run], workers=1, force=force, stop=stop, tidy=False))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="job")
    if threading.current_thread() is threading.main_thread() and sys.platform != "win32":
        # The kernel inherits the mask of the thread that starts it: the warning passes it by, and reaches this thread.
        shielded = {signal.SIGUSR1, signal.SIGUSR2}
        signal.signal(signal.SIGTERM, on_terminate)
        signal.signal(signal.SIGUSR2, on_warning)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, shielded)
        thread.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, shielded)
    else:
        thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if errors:
        raise errors[0]
    (result,) = results
    if asked.is_set() and result.status is not RunStatus.DONE:
        shutil.rmtree(ProjectPaths(folder=Path(folder)).failed / run.id, ignore_errors=True)
        sys.exit(143)
    return result.status.value
