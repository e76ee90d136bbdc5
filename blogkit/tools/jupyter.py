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
import orjson
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager
from papermill.exceptions import PapermillException
from papermill.execute import remove_error_markers
from papermill.log import logger as papermill_log
from papermill.parameterize import parameterize_notebook

from blogkit.errors import NotebookError, StoreError
from blogkit.kernel import facts
from blogkit.model import Parameters, RunStatus
from blogkit.notebook import imported_modules, read_notebook
from blogkit.tools.execution import ORDINARY, KernelStart, Outcome
from blogkit.tools.python import batch_kernel

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ARROW = re.compile(r"^-+> *\d+ (.*)$", re.MULTILINE)
"""The line of a traceback that raised."""
_POLL = 0.2
"""Seconds between two looks at whether the kernel lives and the run is still wanted."""
_START_TIMEOUT = 120.0
"""Seconds for a kernel to answer: a cold start on a busy network file system takes its time."""
_SILENCE = 10.0
"""Seconds without a word after which a cell that has ended is not expected to say more."""

_ENDED_BY_REQUEST = {-getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)}
"""Exit statuses of a kernel whose whole job was asked to end. Windows has no SIGHUP."""

papermill_log.disabled = True  # its lines repeat what our events say, and would land between a table's rows


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where and how a kernel runs."""

    cwd: Path
    stands_for: Path | None = None
    """The folder that outputs name instead of ``cwd``."""
    env: Mapping[str, str]
    log: Path | None
    start: KernelStart


# --- before -----------------------------------------------------------------------------------------------------------


def prepare(source: Path, output: Path, parameters: Parameters) -> nbformat.NotebookNode:
    """The notebook with its parameters in place, as Papermill's command puts them. Raises NotebookError."""
    read_notebook(source)
    try:
        notebook = nbformat.reads(source.read_text(encoding="utf-8"), as_version=4)
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


# --- the books --------------------------------------------------------------------------------------------------------


class Books(NotebookExecutionManager):  # type: ignore[misc]
    """Papermill's record of an execution, saved whole after each cell.

    A finished cell is turned into JSON once, so that a notebook with large charts costs what it is long, not the
    square of it. Between saves at cells, Papermill's own autosave keeps a long cell's output every 30 s.
    """

    def __init__(self, notebook: nbformat.NotebookNode, output: Path) -> None:
        self.numbers = [cell.metadata.pop("blogkit_cell", None) for cell in notebook.cells]
        self.output = output
        self._cells: dict[int, bytes] = {}
        self._finished: set[int] = set()
        super().__init__(notebook, output_path=str(output), progress_bar=False)

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Marks a cell as running; the file on disk hears of it with the next save."""
        cell.metadata.papermill["start_time"] = self.now().isoformat()
        cell.metadata.papermill["status"] = self.RUNNING
        cell.metadata.papermill["exception"] = False

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Marks a cell as done, and saves."""
        if cell_index is not None:
            self._finished.add(cell_index)
        super().cell_complete(cell, cell_index, **kwargs)

    def cell_cut(self, cell: Any) -> None:
        """Marks a cell that never came to its end: Papermill itself would call it completed."""
        cell.metadata.papermill["end_time"] = self.now().isoformat()
        cell.metadata.papermill["status"] = self.FAILED
        cell.metadata.papermill["exception"] = True
        self.nb.metadata.papermill["exception"] = True

    def forget(self, cell_index: int) -> None:
        """A finished cell's output has changed after all (a display was updated)."""
        self._cells.pop(cell_index, None)

    def save(self, **kwargs: Any) -> None:
        """The notebook as it stands, whole."""
        parts: list[bytes] = []
        for index, cell in enumerate(self.nb.cells):
            data = self._cells.get(index)
            if data is None:
                data = _to_json(cell)
                if index in self._finished:
                    self._cells[index] = data
            parts.append(data)
        head = {key: value for key, value in self.nb.items() if key != "cells"}
        self._write(b'{"cells":[' + b",\n".join(parts) + b"]," + _to_json(head)[1:])
        self.last_save_time = self.now()

    def finish(self) -> None:
        """The last save, laid out as a person would read it. Cells that were never reached stay pending."""
        papermill = self.nb.metadata.papermill
        papermill["end_time"] = self.now().isoformat()
        papermill["duration"] = (self.now() - self.start_time).total_seconds()
        self._write(_to_json(self.nb, orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")

    def _write(self, data: bytes) -> None:
        beside = self.output.with_name(f".{self.output.name}.part")
        try:
            beside.write_bytes(data)
            os.replace(beside, self.output)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            hint = "Make room, or check who may write here."
            raise StoreError(f"could not be written: {error.strerror}.", hint=hint, path=self.output) from error


def _to_json(value: Any, option: int = 0) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except (TypeError, ValueError):  # integers beyond 64 bits, a lone surrogate: legal in a notebook, not in orjson
        return json.dumps(value, default=str, ensure_ascii=True).encode("ascii")


# --- the kernel -------------------------------------------------------------------------------------------------------


class _Client(AsyncKernelClient):
    """A client that is ready when the kernel is: when it has answered, and its first broadcast has come through."""

    info: Mapping[str, Any]
    """What the kernel answered when it was first asked about itself."""

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or _START_TIMEOUT)
        answered = heard = False
        wait = 0.25  # a cold kernel takes half a second; one that is slow to subscribe is asked again
        while not (answered and heard):
            asked = self.kernel_info()
            again = time.monotonic() + wait
            while time.monotonic() < again and not (answered and heard):
                channel = self.iopub_channel if answered else self.shell_channel
                try:
                    message = await channel.get_msg(timeout=min(_POLL, max(0.0, again - time.monotonic())))
                except Empty:
                    if not await self._async_is_alive():
                        raise DeadKernelError("Kernel died") from None
                    continue
                if not answered:
                    answered = message["msg_type"] == "kernel_info_reply"
                    if answered:
                        self._handle_kernel_info_reply(message)
                        self.info = message["content"]
                elif message["msg_type"] == "iopub_welcome" or message["parent_header"].get("msg_id") == asked:
                    heard = True
            wait = min(wait * 2, 4.0)
            if time.monotonic() > deadline:
                raise TimeoutError

    wait_for_ready = _async_wait_for_ready


class _Manager(AsyncKernelManager):
    """A kernel's process, started as it is told, on Unix sockets where there are any."""

    def __init__(self, name: str, folder: Path, start: KernelStart) -> None:
        super().__init__(kernel_name=name)
        self.client_factory = _Client
        self.connection_file = str(folder / "k.json")
        self.shutdown_wait_time = 10.0  # ipykernel 7 can wait that long for its own threads; twice half of it is given
        if hasattr(os, "fork"):
            self.transport = "ipc"
            self.ip = str(folder / "k")
        assert self.kernel_spec is not None
        self.kernel_spec.metadata["kernel_provisioner"] = {
            "provisioner_name": start.provisioner,
            "config": dict(start.config),
        }
        self._batch = start.batch and start.provisioner == ORDINARY.provisioner

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The command of the kernel's process."""
        command: list[str] = super().format_kernel_cmd(extra_arguments)
        return batch_kernel(command) if self._batch else command

    async def _async_finish_shutdown(
        self, waittime: float | None = None, pollinterval: float = 0.01, restart: bool = False
    ) -> None:
        await super()._async_finish_shutdown(waittime, pollinterval, restart)


class _Session(PapermillNotebookClient):  # type: ignore[misc]
    """nbclient's session, which also ends when it is told to stop, and has one deadline for all cells together."""

    def __init__(
        self,
        books: Books,
        manager: _Manager,
        surroundings: Surroundings,
        log: IO[str] | None,
        deadline: float | None,
        stop: Event,
    ) -> None:
        super().__init__(
            books,
            km=manager,
            kernel_name=manager.kernel_name,
            startup_timeout=_START_TIMEOUT,
            iopub_timeout=86_400,  # see _rest_of_output
            stdout_file=log,
            stderr_file=log,
            log=papermill_log,
            timeout_func=lambda cell: None if deadline is None else max(deadline - time.monotonic(), 0.05),
        )
        self.stop = stop
        self.stopped = False
        self.surroundings = surroundings
        self._heard = 0

    async def _async_poll_for_reply(
        self,
        msg_id: str,
        cell: nbformat.NotebookNode,
        timeout: int | None,
        task_poll_output_msg: Any,
        task_poll_kernel_alive: Any,
    ) -> dict[str, Any]:
        rest = self._rest_of_output(task_poll_output_msg)
        try:
            reply: dict[str, Any] = await super()._async_poll_for_reply(
                msg_id, cell, timeout, rest, task_poll_kernel_alive
            )
            return reply
        finally:
            rest.close()

    async def _rest_of_output(self, output: asyncio.Future[None]) -> None:
        """Waits for what a cell that has ended printed, as long as it keeps coming.

        nbclient gives it four seconds in all: a run that prints much on a busy machine would count as timed out. What
        was lost on the way (ZeroMQ drops what it cannot queue) is said in the log, and is no reason to lose the run.
        """
        while not output.done():
            heard = self._heard
            await asyncio.wait([output], timeout=_SILENCE)
            if self._heard == heard and not output.done():
                output.cancel()
                if self.stderr_file is not None:
                    self.stderr_file.write("\n(a part of this cell's output was lost)\n")
                return
        await output

    def process_message(self, msg: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        """Counts what it passes on, and names the project's folder where a kernel names the one that stands for it."""
        self._heard += 1
        if self.surroundings.stands_for is not None:
            said, meant = str(self.surroundings.cwd), str(self.surroundings.stands_for)
            _rename_folder(msg["content"], said, meant)
        return super().process_message(msg, *arguments, **named)

    async def _async_poll_kernel_alive(self) -> None:
        while True:
            await asyncio.sleep(_POLL)
            self.stopped = self.stop.is_set()
            try:
                if self.stopped:
                    raise DeadKernelError("no longer wanted")
                await self._async_check_alive()
            except DeadKernelError:
                assert self.task_poll_for_reply is not None
                self.task_poll_for_reply.cancel()
                return

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        super()._update_display_id(display_id, msg)
        for index in self._display_id_map.get(display_id, {}):
            self.nb_man.forget(index)


def _rename_folder(content: dict[str, Any], said: str, meant: str) -> None:
    """Replaces a folder's name in what a message shows as text."""
    for place, key in ((content, "text"), (content, "evalue"), (content.get("data"), "text/plain")):
        if isinstance(place, dict) and isinstance(place.get(key), str) and said in place[key]:
            place[key] = place[key].replace(said, meant)
    if isinstance(content.get("traceback"), list):
        content["traceback"] = [str(line).replace(said, meant) for line in content["traceback"]]


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
) -> Outcome:
    """Runs a prepared notebook from its first cell to its last; see ``execute_notebook``, which calls this."""
    began = time.monotonic()
    books = Books(notebook, output)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_socket_folder())
        log: IO[str] | None = None
        if surroundings.log is not None:
            log = stack.enter_context(open(surroundings.log, "a", encoding="utf-8", errors="replace"))
        manager = _Manager(notebook.metadata.kernelspec["name"], folder, surroundings.start)
        deadline = None if time_limit is None else began + time_limit
        session = _Session(books, manager, surroundings, log, deadline, stop or Event())
        books.notebook_start()
        end = asyncio.run(_live(session, surroundings, log, time_limit, on_cell, on_kernel))
        books.finish()
        if log is not None and end.traceback:
            log.write(f"\n{end.traceback}\n")
        elif log is not None and end.reason:
            log.write(f"\n{end.reason}\n")
    return Outcome(
        status=end.status,
        seconds=time.monotonic() - began,
        reason=end.reason,
        cell=end.cell,
        traceback=end.traceback,
        facts=end.facts or {},
    )


async def _live(
    session: _Session,
    surroundings: Surroundings,
    log: IO[str] | None,
    time_limit: float | None,
    on_cell: Callable[[int, int], None],
    on_kernel: Callable[[int | None], None],
) -> _End:
    """Kernel, cells, facts, end of kernel."""
    manager: _Manager = session.km
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
        await _let_go(session, politely=ended)


async def _is_stopped(session: _Session) -> bool:
    """Whether the kernel's end was wanted. Who ends a whole job (a cluster, a shutdown) may reach the kernel first."""
    code = await _exit_code(session.km)
    if not session.stopped and code in _ENDED_BY_REQUEST:
        for _ in range(20):
            if session.stop.is_set():
                return True
            await asyncio.sleep(0.05)
    return session.stopped


async def _let_go(session: _Session, *, politely: bool) -> None:
    """The end of the kernel: a finished one may run its exit hooks, any other is killed with all its children."""
    manager: _Manager = session.km
    try:
        with contextlib.suppress(RuntimeError, ProcessLookupError):
            if manager.has_kernel:
                if politely:
                    # As `shutdown_kernel` does, without its interrupt first: nothing is running any more.
                    manager.shutting_down = True
                    await manager._async_request_shutdown()
                    await manager._async_finish_shutdown()
                else:
                    await manager._async_kill_kernel()
    finally:
        await manager._async_cleanup_resources()
        if session.kc is not None:
            session.kc.stop_channels()


async def _cells(session: _Session, on_cell: Callable[[int, int], None]) -> _End:
    """Every cell in turn, until one does not end well."""
    books: Books = session.nb_man
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


async def _exit_code(manager: _Manager) -> int | None:
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


async def _ask_facts(session: _Session) -> dict[str, Any]:
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
                told = json.loads(ast.literal_eval(text))
                return told if isinstance(told, dict) else {}
    except (KeyError, ValueError, SyntaxError, TypeError, RuntimeError, OSError):
        pass
    return {}
