"""The process that imports once and forks many times. It has one thread, computes nothing, and touches no GPU.

Started with the descriptor of a Unix socket that listens already, and the modules to import. Each connection asks for
one kernel: a line of JSON (``argv``, ``env``, ``cwd``) with the descriptors of stdout and stderr, answered by
``{"pid": …}`` or ``{"refused": reason}``, and at the end of the kernel by ``{"code": …}``. When the connection closes
before, the kernel and all its children are killed; when standard input closes, the driver is gone: all are killed.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from blogkit.kernel import fork, imports

_SAFE_THREADS = {"jemalloc_bg_thd"}
"""Arrow's allocator, which pandas brings: it stops its thread before a fork and starts it again on both sides."""
_REQUEST_LIMIT = 1 << 20
"""Bytes of one request: an environment of a megabyte is somebody's mistake."""


def main(listener: socket.socket, modules: list[str]) -> NoReturn:
    """Imports, serves; never returns. Who asks before the imports are done waits in the socket's queue."""
    before = dict(os.environ)
    prepare(modules)
    imports.pass_over_imports()
    fork.make_log()
    fork.remember_modules()
    fork.IMPORTED_VARIABLES.update({name: text for name, text in os.environ.items() if before.get(name) != text})
    reason = hazard()
    gc.collect()
    gc.freeze()  # what is here now is never looked at again by a child's collector, so its pages stay shared
    ForkServer(listener, reason).serve()


def prepare(modules: list[str]) -> None:
    """Imports what a kernel and its notebook will import. What cannot be imported is the notebook's to find out."""
    _import_each(
        "blogkit.kernel.batch",
        "ipykernel.comm.manager",
        "ipykernel.subshell_manager",
        "IPython.core.completer",
        "IPython.core.completerlib",
        "IPython.core.debugger",
        "IPython.core.logger",
        "IPython.core.oinspect",
        "IPython.extensions.storemagic",
        "tornado.platform.asyncio",
        "IPython.core.pylabtools",
        "IPython.core.magics",
        "IPython.lib.display",
        "psutil",
        "sqlite3",
        "comm",
        "blogkit.record",
    )
    imports.begin_imports()
    _import_each(*modules)
    imports.note_imports()
    _import_each("matplotlib_inline.config")  # brings matplotlib, which the notebook may not have asked for
    prepare_matplotlib()
    torch = sys.modules.get("torch")
    if torch is not None and torch.version.cuda is None:
        # The first optimiser imports it, for longer than all else together. With CUDA it might touch the device.
        before = dict(os.environ)
        with suppress(Exception):
            importlib.import_module("torch._dynamo")
        for name in os.environ.keys() - before.keys():  # a new process has these only once it makes an optimiser
            del os.environ[name]


def _import_each(*names: str) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as error:  # a library may raise anything, even SystemExit
            if not isinstance(error, ImportError):
                traceback.print_exception(error)


def prepare_matplotlib() -> None:
    """Imports what matplotlib's inline backend needs, where matplotlib is there, but not the backend itself.

    The backend joins the shell that is there when it is imported, and there is none before the fork.
    """
    if "matplotlib" in sys.modules:
        with suppress(ImportError):
            importlib.import_module("matplotlib.backends.backend_agg")
    sys.modules.pop("matplotlib_inline.backend_inline", None)


def hazard() -> str:
    """Why this process must not fork kernels, or nothing."""
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
        return f"importing the notebook's libraries started threads ({names})"
    native = native_threads()
    if native:
        return f"importing the notebook's libraries started threads ({', '.join(native)})"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "importing the notebook's libraries initialised CUDA"
    return _probe_cuda()


def native_threads() -> list[str]:
    """The names of this process's other threads, but for those that are known to come through a fork."""
    names: list[str] = []
    with suppress(OSError):
        tasks = [task for task in Path("/proc/self/task").iterdir() if int(task.name) != os.getpid()]
        names = [(task / "comm").read_text().strip() for task in tasks]
    return [name for name in names if name not in _SAFE_THREADS]


def _probe_cuda() -> str:
    """Forks once and asks torch in the child whether CUDA could still be used there."""
    in_bad_fork = getattr(getattr(sys.modules.get("torch"), "_C", None), "_cuda_isInBadFork", None)
    if in_bad_fork is None:
        return ""
    pid = os.fork()
    if pid == 0:
        os._exit(1 if in_bad_fork() else 0)
    _, status = os.waitpid(pid, 0)
    return "importing the notebook's libraries touched CUDA, which does not survive a fork" if status else ""


class ForkServer:
    """Connections and the kernels behind them."""

    def __init__(self, listener: socket.socket, refusal: str) -> None:
        self.listener, self.refusal = listener, refusal
        self.kernels: dict[int, socket.socket] = {}
        """By process id."""
        self.connections: dict[int, tuple[socket.socket, bytearray, list[int]]] = {}
        """By descriptor: those whose request has not come in whole."""
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken, False)

    def serve(self) -> NoReturn:
        """One thing after another, for ever."""
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
        self.poll = select.poll()
        for descriptor in (0, self._wake, self.listener.fileno()):
            self.poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in self.poll.poll():
                if descriptor == 0:
                    if not os.read(0, 1):
                        self.leave()
                elif descriptor == self._wake:
                    with suppress(BlockingIOError):
                        os.read(self._wake, 4096)
                elif descriptor == self.listener.fileno():
                    connection, _ = self.listener.accept()
                    self.connections[connection.fileno()] = (connection, bytearray(), [])
                    self.poll.register(connection.fileno(), select.POLLIN)
                elif descriptor in self.connections:
                    self.receive(descriptor)
                else:
                    self.abandon(descriptor)
            self.reap()

    def leave(self) -> NoReturn:
        """The driver is gone: so is everything."""
        for pid in self.kernels:
            kill_group(pid)
        os._exit(0)

    def receive(self, descriptor: int) -> None:
        """A part of a request."""
        connection, data, passed = self.connections[descriptor]
        size = array.array("i").itemsize
        try:
            part, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_LEN(2 * size))
        except OSError:
            part, ancillary = b"", []
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                usable = len(content) - len(content) % size
                passed.extend(struct.unpack(f"{usable // size}i", content[:usable]))
        data += part
        if not part or len(data) > _REQUEST_LIMIT:
            self.forget(descriptor, passed)
            connection.close()
        elif data.endswith(b"\n"):
            del self.connections[descriptor]
            self.start(connection, bytes(data), passed)
            for one in passed:
                os.close(one)

    def forget(self, descriptor: int, passed: list[int]) -> None:
        """Drops a connection that never asked."""
        self.poll.unregister(descriptor)
        del self.connections[descriptor]
        for one in passed:
            os.close(one)

    def start(self, connection: socket.socket, data: bytes, passed: list[int]) -> None:
        """Forks a kernel for a whole request."""
        answer: dict[str, Any]
        pid = 0
        if self.refusal:
            answer = {"refused": self.refusal}
        else:
            try:
                request = json.loads(data)
                pid = os.fork()
            except (OSError, ValueError) as error:
                answer = {"refused": f"the fork failed ({error})"}
            else:
                if pid == 0:
                    self.become_kernel(connection, request, passed)
                answer = {"pid": pid}
        reply(connection, answer)
        if pid:
            self.kernels[pid] = connection
        else:
            self.poll.unregister(connection.fileno())
            connection.close()

    def become_kernel(self, connection: socket.socket, request: dict[str, Any], passed: list[int]) -> NoReturn:
        """In the child: lets go of all that is the server's, then becomes a kernel."""
        try:
            signal.set_wakeup_fd(-1)
            for sock in (self.listener, connection, *self.kernels.values()):
                os.close(sock.detach())
            for waiting, _, others in self.connections.values():
                os.close(waiting.detach())
                for one in others:
                    os.close(one)
            os.close(self._wake)
            os.close(self._woken)
            fork.become_kernel(request, passed)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)

    def abandon(self, descriptor: int) -> None:
        """A kernel's connection has closed: nobody wants it any more."""
        for pid, connection in self.kernels.items():
            if connection.fileno() == descriptor:
                try:
                    if connection.recv(4096):
                        return
                except OSError:
                    pass
                kill_group(pid)
                self.poll.unregister(descriptor)
                return

    def reap(self) -> None:
        """Says of each kernel that ended how it did."""
        for pid in list(self.kernels):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            connection = self.kernels.pop(pid)
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)  # what it left behind, such as loaders of data
            reply(connection, {"code": os.waitstatus_to_exitcode(status)})
            with suppress(KeyError, ValueError, OSError):
                self.poll.unregister(connection.fileno())
            connection.close()


def reply(connection: socket.socket, answer: dict[str, Any]) -> None:
    """A line of JSON to whoever still listens."""
    with suppress(OSError):
        connection.sendall(json.dumps(answer).encode("utf-8") + b"\n")


def kill_group(pid: int) -> None:
    """Kills a kernel and all in its session; a fork that has no session yet is killed alone."""
    for kill in (os.killpg, os.kill):
        with suppress(OSError):
            kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
