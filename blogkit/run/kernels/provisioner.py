"""Jupyter's extension point for where a kernel's process comes from: here, from a fork of the warm server."""

from __future__ import annotations

import array
import asyncio
import json
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Unicode

from blogkit.run.kernels import ADDRESS_VARIABLE, tell
from blogkit.tools.python import batch_kernel, is_own_kernel

_PATIENCE = 120.0
"""Seconds for the server to import what it was asked to; a first import on a network file system is slow."""


class WarmProvisioner(LocalProvisioner):
    """Asks the server for a fork, and starts the kernel the ordinary way when it cannot have one."""

    process: Any = None
    """A process of one's own, or a fork of the server."""
    address = Unicode(help="The server's Unix socket; by default, what $BLOGKIT_WARM_START says.").tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Starts the kernel, one way or the other."""
        address = self.address or os.environ.get(ADDRESS_VARIABLE, "")
        if not is_own_kernel(cmd):
            self._say_reason(address, f"the kernel {self.kernel_spec.display_name!r} is not this Python")
            return await super().launch_kernel(cmd, **kwargs)
        try:
            if not hasattr(socket, "AF_UNIX"):
                raise _ForkRefused("this system has no Unix sockets")
            self.process = await _ask(address, cmd[3:], kwargs)
        except (OSError, ValueError, TimeoutError) as error:
            self._say_reason(
                address, str(error) if isinstance(error, _ForkRefused) else "the process to fork from is gone"
            )
            return await super().launch_kernel(batch_kernel(cmd), **kwargs)
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info

    async def wait(self) -> int | None:
        """The exit status of the kernel, as soon as it is known."""
        process = self.process
        if not isinstance(process, ForkedKernel):
            return await super().wait()
        while process.poll() is None:
            await asyncio.sleep(0.005)
        self.process = None
        process.close()
        return process.returncode

    async def cleanup(self, restart: bool = False) -> None:
        """Lets go of the kernel; one that still lives is killed by its server."""
        if isinstance(self.process, ForkedKernel):
            self.process.close()
        await super().cleanup(restart=restart)

    def _say_reason(self, address: str, reason: str) -> None:
        if not tell(address, reason):
            self.log.warning("The kernel starts the ordinary way: %s.", reason)


class _ForkRefused(OSError):
    """The server is there and will not fork; the message says why."""


class ForkedKernel:
    """A kernel's process as its driver sees it: what ``subprocess.Popen`` is for a process of one's own."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._connection = connection
        self._data = b""

    def poll(self) -> int | None:
        """The exit status, minus the signal that killed it; None while it lives. A lost server counts as killed."""
        while self.returncode is None:
            try:
                part = self._connection.recv(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            except OSError:
                part = b""
            self._data += part
            if self._data.endswith(b"\n"):
                self.returncode = int(json.loads(self._data)["code"])
            elif not part:
                self.returncode = -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """As ``poll``: whoever waits has polled before."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Sends a signal to the kernel alone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Gives it up."""
        self._connection.close()


async def _ask(address: str, arguments: Sequence[str], kwargs: dict[str, Any]) -> ForkedKernel:
    """A fork of the server. Raises _Refused when there is a reason against it, OSError when there is no server."""
    env = dict(kwargs.get("env") or os.environ)
    request = {"argv": list(arguments), "env": env, "cwd": str(kwargs.get("cwd") or Path.cwd())}
    streams = [kwargs.get("stdout"), kwargs.get("stderr")]
    if streams[1] == asyncio.subprocess.STDOUT:
        streams[1] = streams[0]
    with open(os.devnull, "wb") as nothing:
        numbers = [
            nothing.fileno()
            if stream == asyncio.subprocess.DEVNULL
            else number
            if stream is None
            else stream
            if isinstance(stream, int)
            else stream.fileno()
            for number, stream in zip((1, 2), streams, strict=True)
        ]
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(address)
            line = json.dumps(request).encode("utf-8") + b"\n"
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))]
            sent = connection.sendmsg([line], rights)
            connection.sendall(line[sent:])
            connection.setblocking(False)
            answer = await asyncio.wait_for(_line(connection), _PATIENCE)
        except BaseException:
            connection.close()
            raise
    if "pid" not in answer:
        connection.close()
        raise _ForkRefused(answer.get("refused", "no reason was given"))
    return ForkedKernel(connection, int(answer["pid"]))


async def _line(connection: socket.socket) -> dict[str, Any]:
    """One line of JSON from the server. Raises ConnectionError when it is gone."""
    loop = asyncio.get_running_loop()
    data = b""
    while not data.endswith(b"\n"):
        part = await loop.sock_recv(connection, 4096)
        if not part:
            raise ConnectionError("the server is gone")
        data += part
    answer = json.loads(data)
    return answer if isinstance(answer, dict) else {}
