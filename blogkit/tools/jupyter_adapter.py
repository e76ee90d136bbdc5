"""What blogkit uses of jupyter_client, nbclient and Papermill that those do not promise to keep, in this one place.

``missing_names`` says which of it an installation lacks; then notebooks are run by Papermill as it is, more slowly (see
:mod:`blogkit.tools.plain_papermill`). The packages are capped in pyproject.toml, and a test holds each name and what it
does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from threading import Event
from typing import IO, Any

import nbformat
import orjson
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager
from papermill.execute import remove_error_markers as remove_error_markers
from papermill.log import logger as papermill_log

from blogkit.errors import StoreError
from blogkit.tools.execution import ORDINARY, KernelStart
from blogkit.tools.python import batch_kernel

PRIVATE_NAMES: tuple[tuple[type, str], ...] = (
    (AsyncKernelClient, "_async_wait_for_ready"),
    (AsyncKernelClient, "_async_is_alive"),
    (AsyncKernelClient, "_handle_kernel_info_reply"),
    (AsyncKernelManager, "_async_finish_shutdown"),
    (AsyncKernelManager, "_async_request_shutdown"),
    (AsyncKernelManager, "_async_kill_kernel"),
    (AsyncKernelManager, "_async_cleanup_resources"),
    (NotebookClient, "_async_poll_for_reply"),
    (NotebookClient, "_async_poll_kernel_alive"),
    (NotebookClient, "_async_check_alive"),
    (NotebookClient, "_update_display_id"),
    (NotebookClient, "_display_id_map"),
)
"""Each with the class that has it."""
POLL = 0.2
"""Seconds between two looks at whether the kernel lives and the run is still wanted."""
START_TIMEOUT = 120.0
"""Seconds for a kernel to answer: a cold start on a busy network file system takes its time."""
_SILENCE = 10.0
"""Seconds without a word after which a cell that has ended is not expected to say more."""

papermill_log.disabled = True  # its lines repeat what our events say, and would land between a table's rows


def missing_names() -> tuple[str, ...]:
    """The private names that the installed packages do not have."""
    return tuple(f"{owner.__name__}.{name}" for owner, name in PRIVATE_NAMES if not hasattr(owner, name))


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where and how a kernel runs."""

    cwd: Path
    stands_for: Path | None = None
    """The folder that outputs name instead of ``cwd``."""
    env: Mapping[str, str]
    log: Path | None
    start: KernelStart


# --- the books --------------------------------------------------------------------------------------------------------


class NotebookRecord(NotebookExecutionManager):  # type: ignore[misc]
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


class Client(AsyncKernelClient):
    """A client that is ready when the kernel is: when it has answered, and its first broadcast has come through."""

    info: Mapping[str, Any]
    """What the kernel answered when it was first asked about itself."""

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or START_TIMEOUT)
        answered = heard = False
        wait = 0.25  # a cold kernel takes half a second; one that is slow to subscribe is asked again
        while not (answered and heard):
            asked = self.kernel_info()
            again = time.monotonic() + wait
            while time.monotonic() < again and not (answered and heard):
                channel = self.iopub_channel if answered else self.shell_channel
                try:
                    message = await channel.get_msg(timeout=min(POLL, max(0.0, again - time.monotonic())))
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


class Manager(AsyncKernelManager):
    """A kernel's process, started as it is configured, on Unix sockets where there are any."""

    def __init__(self, name: str, folder: Path, start: KernelStart) -> None:
        super().__init__(kernel_name=name)
        self.client_factory = Client
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


class NotebookSession(PapermillNotebookClient):  # type: ignore[misc]
    """nbclient's session, which also ends when it is asked to stop, and has one deadline for all cells together."""

    def __init__(
        self,
        books: NotebookRecord,
        manager: Manager,
        surroundings: Surroundings,
        log: IO[str] | None,
        deadline: float | None,
        stop: Event,
    ) -> None:
        super().__init__(
            books,
            km=manager,
            kernel_name=manager.kernel_name,
            startup_timeout=START_TIMEOUT,
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
        """Counts what it passes on, and names the project's folder where a kernel names its stand-in."""
        self._heard += 1
        if self.surroundings.stands_for is not None:
            said, meant = str(self.surroundings.cwd), str(self.surroundings.stands_for)
            _rename_folder(msg["content"], said, meant)
        return super().process_message(msg, *arguments, **named)

    async def _async_poll_kernel_alive(self) -> None:
        while True:
            await asyncio.sleep(POLL)
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


async def end_kernel(session: NotebookSession, *, politely: bool) -> None:
    """The end of the kernel: a finished one may run its exit hooks, any other is killed with all its children."""
    manager: Manager = session.km
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
