"""A program for tests: for each line of its input it forks a driver that executes a project's sweep, so that a test can
kill hundreds of drivers without starting hundreds of Pythons. It answers with the driver's process id, then its end.

    python driver.py PROJECT WORKERS real|stand-in

A stand-in execution takes a few milliseconds, in the small steps of a real one, and starts no kernel.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import blogkit.tools.jupyter  # noqa: F401  # imported here, once for all drivers
from blogkit.config import load_project
from blogkit.model import RunStatus
from blogkit.run import execute
from blogkit.run.plan import plan_runs
from blogkit.tools.execution import NotebookOutcome
from blogkit.tools.gpu import NoGpu


def stand_in(source: Path, output: Path, parameters: Any, **how: Any) -> NotebookOutcome:
    """What a run leaves, bit by bit."""
    chance = random.Random(os.getpid() * 1000 + parameters["seed"])
    with open(how["stands_for"] / "ledger", "a") as ledger:
        ledger.write(f"{output.parent.name.partition('-')[0]}\n")
    how["on_cell"](1, 1)
    with open(output.parent / "metrics.jsonl", "w") as metrics:
        for step in range(3):
            metrics.write(f'{{"metric": "error", "value": {parameters["seed"] + step}, "step": {step}}}\n')
            metrics.flush()
            time.sleep(chance.random() * 0.004)
    output.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    how["log"].write_text("done\n")
    return NotebookOutcome(status=RunStatus.DONE, seconds=0.01)


def main() -> None:
    folder, workers, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    project = load_project(folder)
    runs = plan_runs(project)
    if kind == "stand-in":
        setattr(execute, "execute_notebook", stand_in)  # noqa: B010  # not a name of that module
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            results = execute.execute_runs(project, runs, workers=workers, cold=kind == "stand-in", meter=NoGpu())
            os._exit(0 if all(result.status is RunStatus.DONE for result in results) else 1)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
