"""Papermill as it is, in a process of its own: what is left when the adapter lacks a name that it builds on.

Slower, without a warm start and without what a kernel says of itself, but with the same results: statuses, records and
outputs are those of :func:`blogkit.tools.papermill.execute_notebook`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from blogkit.model import Parameters, RunStatus
from blogkit.tools.execution import NotebookOutcome
from blogkit.tools.python import module_command

_POLL = 0.1


def execute_plainly(
    source: Path,
    output: Path,
    parameters: Parameters,
    *,
    cwd: Path,
    stands_for: Path | None,
    env: Mapping[str, str],
    time_limit: float | None,
    log: Path | None,
    stop: Event | None,
    on_kernel: Callable[[int | None], None],
) -> NotebookOutcome:
    """Runs a notebook by ``papermill.execute_notebook``; see ``execute_notebook``."""
    began = time.monotonic()
    said = output.with_name(f".{output.name}.said")
    request = {"source": str(source), "output": str(output), "parameters": dict(parameters), "cwd": str(cwd)}
    with open(log or os.devnull, "ab") as stream:
        process = subprocess.Popen(
            [*module_command("blogkit.tools.plain_papermill"), json.dumps(request), str(said)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, **env},
            start_new_session=True,
        )
        on_kernel(process.pid)
        status, reason = _wait(process, began, time_limit, stop)
    ending: dict[str, Any] = {"status": RunStatus.DIED.value, "reason": "Papermill ended without a word"}
    with suppress(OSError, ValueError):
        ending = json.loads(said.read_text(encoding="utf-8"))
    with suppress(OSError):
        said.unlink()
    if stands_for is not None:
        _rename_in([output, *([log] if log else [])], cwd, stands_for)
    return NotebookOutcome(
        status=status or RunStatus(ending["status"]),
        seconds=time.monotonic() - began,
        reason=reason or str(ending.get("reason", "")),
        cell=ending.get("cell"),
        traceback=str(ending.get("traceback", "")),
    )


def _wait(
    process: subprocess.Popen[bytes], began: float, time_limit: float | None, stop: Event | None
) -> tuple[RunStatus | None, str]:
    """Until the process has ended, or was made to, and then how and why."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
            return None, ""
        if stop is not None and stop.is_set():
            _kill(process)
            return RunStatus.INTERRUPTED, "stopped before its end"
        if time_limit is not None and time.monotonic() - began > time_limit:
            _kill(process)
            limit = f"{time_limit / 60:g} min" if time_limit >= 60 else f"{time_limit:g} s"
            return RunStatus.TIMED_OUT, f"stopped at its time limit of {limit}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills Papermill and what it started; its kernel notices that its parent is gone."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _rename_in(files: list[Path], cwd: Path, stands_for: Path) -> None:
    for path in files:
        with suppress(OSError):
            data = path.read_bytes()
            if str(cwd).encode() in data:
                beside = path.with_name(f".{path.name}.part")
                beside.write_bytes(data.replace(str(cwd).encode(), str(stands_for).encode()))
                os.replace(beside, path)


def main(request: Mapping[str, Any], said: Path) -> None:
    """In the process: runs one notebook, and writes how it ended."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    ending: dict[str, Any] = {"status": RunStatus.DONE.value}
    try:
        papermill.execute_notebook(
            request["source"],
            request["output"],
            request["parameters"],
            cwd=request["cwd"],
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
        )
    except PapermillExecutionError as error:
        text = f"{error.ename}: {error.evalue}".strip().splitlines()[0][:300].rstrip(": ")
        ending = {"status": RunStatus.FAILED.value, "reason": text, "cell": _cell_of(error, Path(request["output"]))}
        ending["traceback"] = "\n".join(error.traceback)
    except Exception as error:  # a dead kernel, and whatever another version of Papermill makes of it
        ending = {
            "status": RunStatus.DIED.value,
            "reason": f"the kernel ended by itself: {error}".splitlines()[0][:300],
        }
    said.write_text(json.dumps(ending), encoding="utf-8")


def _cell_of(error: Any, output: Path) -> int | None:
    """The number of the failing cell in the notebook that was given, which has no injected cell and no marks."""
    number = 0
    for cell in json.loads(output.read_text(encoding="utf-8"))["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "injected-parameters" in tags or "papermill-error-cell-tag" in tags:
            continue
        number += 1
        if cell["metadata"].get("papermill", {}).get("exception"):
            return number
    return None


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
