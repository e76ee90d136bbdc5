"""Another Python process of ours, which ends when this one does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_START = (
    "import sys; sys.path[:] = [path for path in sys.path if path]; "
    "import runpy; sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=False)"
)
"""As ``python -m MODULE``, but without the current folder on the path: a project's files must not be imported."""


def is_own_kernel(command: Sequence[str]) -> bool:
    """Whether a command is this very Python's IPython kernel."""
    return (
        len(command) > 3
        and list(command[1:3]) in (["-m", "ipykernel_launcher"], ["-m", "ipykernel"])
        and Path(command[0]).parent == Path(sys.executable).parent  # of the same environment,
        and Path(command[0]).resolve() == Path(sys.executable).resolve()  # and `python3` is as good as `python`
    )


def installed_versions(modules: Iterable[str]) -> dict[str, str]:
    """The installed versions of packages, by the modules that they bring; ``python`` is this Python's own."""
    import platform
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    owners = packages_distributions()
    found = {}
    for name in modules:
        for owner in owners.get(name, [])[:1]:
            with suppress(PackageNotFoundError):
                found[name] = version(owner)
    return found | {"python": platform.python_version()}


def batch_kernel(command: Sequence[str]) -> list[str]:
    """The command for a kernel without what nobody needs in a batch run; another environment's stays as it is."""
    if not is_own_kernel(command):
        return list(command)
    return [command[0], "-c", _START, "blogkit.kernel.batch", *command[3:]]


def module_command(module: str) -> list[str]:
    """The command that runs a module of ours as a program, without a project's files on its path."""
    return [sys.executable, "-c", _START, module]


class ServerProcess:
    """A running process that listens on its standard input, and leaves when that is closed."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def close(self, patience: float = 5.0) -> None:
        """Lets it leave, and makes it when it does not within ``patience`` seconds."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_server(
    module: str, arguments: Sequence[str], *, env: Mapping[str, str], log: Path, descriptors: Sequence[int] = ()
) -> ServerProcess:
    """Starts ``module`` as a program in a session of its own; what it prints goes to ``log``, and it is handed
    ``descriptors`` under their numbers.

    It holds the reading end of a pipe whose other end closes when this process ends, however that happens.
    """
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, module, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
            start_new_session=True,
            pass_fds=tuple(descriptors),
        )
    return ServerProcess(process)
