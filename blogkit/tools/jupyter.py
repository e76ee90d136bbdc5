"""The conversation with one kernel: start it, run the cells, hear how it ended, let it go.

nbclient and Papermill do the talking, each cell exactly as they would; here is only what they leave out. Kernels are
reached over Unix sockets where the system has them, so that two sweeps on one machine never meet on a port and nobody
else on a shared machine can listen in. Waiting is by events and short polls, not by fixed pauses. This module is heavy:
:mod:`blogkit.tools.papermill` imports it when a notebook is about to run.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from threading import Event
from typing import IO, Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillException
from papermill.parameterize import parameterize_notebook

from blogkit.errors import NotebookError
from blogkit.kernel import facts
from blogkit.model import Parameters, RunStatus
from blogkit.notebook import imported_modules, read_notebook
from blogkit.tools.execution import NotebookOutcome
from blogkit.tools.jupyter_adapter import (
    Manager,
    NotebookRecord,
    NotebookSession,
    Surroundings,
    end_kernel,
    remove_error_markers,
)

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ARROW = re.compile(r"^-+> *\d+ (.*)$", re.MULTILINE)
"""The line of a traceback that raised."""

_ENDED_BY_REQUEST = {-getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)}
"""Exit statuses of a kernel whose whole job was asked to end. Windows has no SIGHUP."""


def warm_up() -> None:
    """Compiles what checks notebooks, which takes a fifth of a second, once for all threads."""
    nbformat.validate(nbformat.v4.new_notebook())


# --- before -----------------------------------------------------------------------------------------------------------


def prepare(source: Path, output: Path, parameters: Parameters) -> nbformat.NotebookNode:
    """The notebook with its parameters in place, as Papermill's command puts them. Raises NotebookError."""
    read_notebook(source)
    try:
        notebook = nbformat.reads(source.read_text(encoding="utf-8-sig"), as_version=4)
        notebook = nbformat.v4.upgrade(notebook) or notebook
    except Exception as error:
        hint = "Open it in Jupyter and save it again."
        raise NotebookError(f"is not a notebook: {_one_line(error)}.", hint=hint, path=source) from error
    metadata = notebook.metadata
    if not metadata.get("kernelspec", {}).get("name"):
        metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    if not metadata.kernelspec.get("language") and not metadata.get("language_info", {}).get("name"):
        metadata.kernelspec["language"] = "python"
    _check_kernel(metadata.kernelspec["name"], source)
    metadata.setdefault("papermill", nbformat.from_dict({"default_parameters": {}, "environment_variables": {}}))
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata.setdefault("tags", [])
        cell.metadata["papermill"] = {}
        cell.metadata["blogkit_cell"] = number  # outlives the injected cell; taken out again before saving
    if parameters:
        try:
            notebook = parameterize_notebook(notebook, dict(parameters))
        except (PapermillException, ValueError) as error:
            raise NotebookError(f"takes no parameters: {_one_line(error)}.", path=source) from error
    notebook.metadata.papermill["input_path"] = str(source)
    notebook.metadata.papermill["output_path"] = str(output)
    cleared: nbformat.NotebookNode = remove_error_markers(notebook)
    return cleared


def _check_kernel(name: str, source: Path) -> None:
    manager = KernelSpecManager()
    try:
        manager.get_kernel_spec(name)
    except NoSuchKernel:
        known = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        hint = f"Installed are: {known}. Choose one of them in Jupyter and save the notebook."
        raise NotebookError(f"asks for the kernel {name!r}, which is not here.", hint=hint, path=source) from None


@contextlib.contextmanager
def _socket_folder() -> Any:
    """A short-lived, private folder whose path leaves room for a socket's name (107 bytes on Linux)."""
    folder = tempfile.mkdtemp(prefix="blogkit-")
    if len(folder) > 80:
        Path(folder).rmdir()
        folder = tempfile.mkdtemp(prefix="blogkit-", dir="/tmp")  # mkdtemp makes it private
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- the execution ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _End:
    """How the cells ended."""

    status: RunStatus
    reason: str = ""
    cell: int | None = None
    traceback: str = ""
    facts: Mapping[str, Any] | None = None


def converse(
    notebook: nbformat.NotebookNode,
    surroundings: Surroundings,
    *,
    output: Path,
    time_limit: float | None,
    stop: Event | None,
    on_cell: Callable[[int, int], None],
    on_kernel: Callable[[int | None], None],
) -> NotebookOutcome:
    """Runs a prepared notebook from its first cell to its last; see ``execute_notebook``, which calls this."""
    began = time.monotonic()
    books = NotebookRecord(notebook, output)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_socket_folder())
        log: IO[str] | None = None
        if surroundings.log is not None:
            log = stack.enter_context(open(surroundings.log, "a", encoding="utf-8", errors="replace"))
        manager = Manager(notebook.metadata.kernelspec["name"], folder, surroundings.start)
        deadline = None if time_limit is None else began + time_limit
        session = NotebookSession(books, manager, surroundings, log, deadline, stop or Event())
        books.notebook_start()
        end = asyncio.run(_live_session(session, surroundings, log, time_limit, on_cell, on_kernel))
        books.finish()
        if log is not None and end.traceback:
            log.write(f"\n{end.traceback}\n")
        elif log is not None and end.reason:
            log.write(f"\n{end.reason}\n")
    return NotebookOutcome(
        status=end.status,
        seconds=time.monotonic() - began,
        reason=end.reason,
        cell=end.cell,
        traceback=end.traceback,
        facts=end.facts or {},
    )


async def _live_session(
    session: NotebookSession,
    surroundings: Surroundings,
    log: IO[str] | None,
    time_limit: float | None,
    on_cell: Callable[[int, int], None],
    on_kernel: Callable[[int | None], None],
) -> _End:
    """Kernel, cells, facts, end of kernel."""
    manager: Manager = session.km
    killed = _oom_kills()
    environment = {**os.environ, **surroundings.env}
    # The kernel's own stdout and stderr: what it says before it can speak Jupyter, and what C code prints as it dies.
    raw: Any = log.fileno() if log is not None else asyncio.subprocess.DEVNULL
    ended = False
    try:
        try:
            await session.async_start_new_kernel(
                cwd=str(surroundings.cwd), env=environment, stdout=raw, stderr=asyncio.subprocess.STDOUT
            )
            on_kernel(getattr(manager.provisioner, "pid", None))
            await session.async_start_new_kernel_client()
        except (DeadKernelError, RuntimeError, OSError) as error:
            reason = "the kernel did not answer in time" if isinstance(error, TimeoutError) else ""
            code = await _exit_code(manager)
            reason = reason or f"no kernel could be started ({_death(code, killed) if code else _one_line(error)})"
            return _End(status=RunStatus.NOT_STARTED, reason=reason)
        end = await _cells(session, on_cell)
        if end.status is RunStatus.DIED:
            if await _is_stopped(session):
                end = _End(status=RunStatus.INTERRUPTED, reason="stopped before its end", cell=end.cell)
            else:
                reason = _death(await _exit_code(manager), killed)
                end = _End(status=RunStatus.DIED, reason=reason, cell=end.cell)
        elif end.status is RunStatus.TIMED_OUT:
            limit = f"{time_limit / 60:g} min" if time_limit and time_limit >= 60 else f"{time_limit:g} s"
            end = _End(status=RunStatus.TIMED_OUT, reason=f"stopped at its time limit of {limit}", cell=end.cell)
        else:
            facts = await _ask_facts(session)
            end = _End(status=end.status, reason=end.reason, cell=end.cell, traceback=end.traceback, facts=facts)
            ended = True
        return end
    finally:
        await end_kernel(session, politely=ended)


async def _is_stopped(session: NotebookSession) -> bool:
    """Whether the kernel's end was wanted. Who ends a whole job (a cluster, a shutdown) may reach the kernel first."""
    code = await _exit_code(session.km)
    if not session.stopped and code in _ENDED_BY_REQUEST:
        for _ in range(20):
            if session.stop.is_set():
                return True
            await asyncio.sleep(0.05)
    return session.stopped


async def _cells(session: NotebookSession, on_cell: Callable[[int, int], None]) -> _End:
    """Every cell in turn, until one does not end well."""
    books: NotebookRecord = session.nb_man
    total = len(books.nb.cells)
    assert session.kc is not None
    for index, cell in enumerate(books.nb.cells):
        number = books.numbers[index]
        if number is not None:
            on_cell(number, total - books.numbers.count(None))
        books.cell_start(cell, index)
        try:
            await session.async_execute_cell(cell, index)
        except CellTimeoutError:
            books.cell_cut(cell)
            return _End(status=RunStatus.TIMED_OUT, cell=number)
        except DeadKernelError:
            books.cell_cut(cell)
            return _End(status=RunStatus.DIED, cell=number)
        except CellExecutionError as error:
            if error.ename == "SystemExit" and error.evalue in {"", "0", "None"}:
                books.cell_complete(cell, index)  # sys.exit() is a way to end well, as for Papermill
                break
            books.cell_exception(cell, cell_index=index, exception=error)
            books.cell_complete(cell, index)
            reason = f"{error.ename}: {_ANSI.sub('', error.evalue)}".strip().splitlines()[0][:300].rstrip(": ")
            traceback = _traceback(cell)
            if not error.evalue.strip() and (lines := _ARROW.findall(traceback)):
                reason = f"{reason}: {lines[-1].strip()}"  # a bare `assert` says nothing but its line
            interrupted = error.ename == "KeyboardInterrupt"
            status = RunStatus.INTERRUPTED if interrupted else RunStatus.FAILED
            return _End(status=status, reason=reason, cell=number, traceback=traceback)
        books.cell_complete(cell, index)
        if session.stop.is_set() and index + 1 < total:
            session.stopped = True
            return _End(status=RunStatus.DIED, cell=number)
    books.nb.metadata["language_info"] = session.kc.info["language_info"]
    session.set_widgets_metadata()
    return _End(status=RunStatus.DONE)


def _traceback(cell: Any) -> str:
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            return _ANSI.sub("", "\n".join(output.get("traceback", [])))
    return ""


def _one_line(error: BaseException) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__).rstrip(".")[:300]


# --- how it died ------------------------------------------------------------------------------------------------------


async def _exit_code(manager: Manager) -> int | None:
    """The kernel's exit status, minus the signal when one killed it; None while it lives or when nobody knows."""
    if manager.provisioner is None:
        return None
    for _ in range(20):
        code = await manager.provisioner.poll()
        if code is not None:
            return int(code)
        await asyncio.sleep(0.05)
    return None


def _death(code: int | None, kills_before: int) -> str:
    """One line about a kernel that is no more."""
    if code is None or code >= 0:
        return "the kernel ended by itself" + (f" with exit status {code}" if code else "")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if -code == getattr(signal, "SIGKILL", 9):
        if _oom_kills() > kills_before:
            return "out of memory: the system killed the kernel (SIGKILL)"
        return "the kernel was killed (SIGKILL), as the system does when memory runs out"
    if name in {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"}:
        return f"the kernel crashed ({name}) in compiled code; the end of its log may say where"
    return f"the kernel was ended by {name}"


def _oom_kills() -> int:
    """How many processes the system has killed for memory so far; 0 where it does not say."""
    for path, key in (("/proc/vmstat", "oom_kill "), ("/sys/fs/cgroup/memory.events", "oom_kill ")):
        try:
            for line in Path(path).read_text().splitlines():
                if line.startswith(key):
                    return int(line.split()[1])
        except (OSError, ValueError):
            continue
    return 0


# --- what it says of itself -------------------------------------------------------------------------------------------

_FACTS = Path(facts.__file__)
"""Sent as source, so that any Python kernel can answer, also one of an environment without blogkit."""


async def _ask_facts(session: NotebookSession) -> dict[str, Any]:
    """What a Python kernel knows of its run; nothing when it does not answer in 5 s, or speaks another language."""
    spec = session.nb.metadata.kernelspec
    language = spec.get("language") or session.nb.metadata.get("language_info", {}).get("name")
    if str(language).lower() != "python" or session.kc is None:
        return {}
    names = list(dict.fromkeys(name.split(".")[0] for name in imported_modules({"cells": session.nb.cells})))
    source = _FACTS.read_text(encoding="utf-8")
    expression = f"(lambda scope: (exec({source!r}, scope), scope['tell_facts']({names!r}, globals()))[1])({{}})"
    try:
        asked = session.kc.execute("", silent=True, store_history=False, user_expressions={"facts": expression})
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                reply = await session.kc.shell_channel.get_msg(timeout=0.25)
            except Empty:
                if not await session.km.is_alive():
                    return {}
                continue
            if reply["parent_header"].get("msg_id") == asked:
                text = reply["content"]["user_expressions"]["facts"]["data"]["text/plain"]
                found = json.loads(ast.literal_eval(text))
                return found if isinstance(found, dict) else {}
    except (KeyError, ValueError, SyntaxError, TypeError, RuntimeError, OSError):
        pass
    return {}
