"""What a fork of the server does to become the kernel that a new Python would have been."""

from __future__ import annotations

import ctypes
import logging
import os
import random
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from ipykernel import ipkernel
from IPython.core import shellapp

from blogkit.kernel.batch import BatchKernelApp, live

_PR_SET_PDEATHSIG = 1
MODULE_NAMES: dict[str, None] = {}
"""What the server had imported when it began to fork."""
IMPORTED_VARIABLES: dict[str, str] = {}
"""What libraries set in the environment when the server imported them, as they would have in a new process."""
_OPENBLAS_SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")
_LIBC = ctypes.CDLL(None, use_errno=True)


class WarmKernelApp(BatchKernelApp):
    """A kernel that leaves the pages which it shares with the server as they are."""

    def init_kernel(self) -> None:
        """Makes the kernel without the list of all modules' files, which only a debugger needs."""
        with other_modules(ipkernel, {}):
            super().init_kernel()  # type: ignore[no-untyped-call]

    def init_code(self) -> None:
        """Runs what a kernel runs before its first cell; IPython's note of the modules by then is a copy."""
        renew_backend()
        with other_modules(shellapp, MODULE_NAMES):
            super().init_code()  # type: ignore[no-untyped-call]

    def _configure_logging(self) -> None:
        """Keeps to the log that was made before the fork, unless a configuration asks for another.

        Making one visits every logger of every library, and so writes to their pages.
        """
        if self.logging_config or self.log_level != logging.WARNING:
            super()._configure_logging()
        self._logging_configured = True


def renew_backend() -> None:
    """Lets pyplot load its backend again where a library's import made it load one, when there was no shell to join."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and getattr(pyplot, "_backend_mod", None) is not None:
        with suppress(Exception):  # a notebook without figures is not stopped for a backend
            pyplot.switch_backend(pyplot.get_backend())


class _SysWithModules:
    """``sys`` with another list of modules."""

    def __init__(self, modules: Mapping[str, Any]) -> None:
        self.__dict__["modules"] = modules

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(sys, name, value)


@contextmanager
def other_modules(where: Any, modules: Mapping[str, Any]) -> Iterator[None]:
    """Lets the code of one module see another list of modules than there is, while the block lasts.

    Looking at an object writes to it (its reference count). Going through all modules of the server would make a
    private copy of the page that each lies in: 22 MB of a kernel's 37.
    """
    seen, where.sys = where.sys, _SysWithModules(modules)
    try:
        yield
    finally:
        where.sys = seen


def remember_modules() -> None:
    """Copies the names of the modules that are imported, one beside the other, for all kernels to look at."""
    MODULE_NAMES.update({name.encode().decode(): None for name in sys.modules})


def make_log() -> None:
    """The log of a kernel's application, for all kernels alike: warnings, to stderr."""
    log = logging.getLogger(WarmKernelApp.__name__)
    log.setLevel(logging.WARNING)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("[%(name)s] %(levelname)s | %(message)s"))
    log.addHandler(handler)


def become_kernel(request: dict[str, Any], passed: list[int]) -> NoReturn:
    """Everything that differs between a fork and a new process, then the kernel's life, then its end."""
    parent = os.getppid()
    os.setsid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died between the fork and the line above
        os._exit(1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGPIPE else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    put_streams(passed)
    os.environ.clear()
    os.environ.update({**IMPORTED_VARIABLES, **request["env"]})
    os.chdir(request["cwd"])
    set_threads(os.environ.get("OMP_NUM_THREADS", ""))
    reseed()
    # 1 stands for "a parent that needs no watching": the server and the driver's connection see to that.
    live(WarmKernelApp.instance(parent_handle=1), list(request["argv"]))


def put_streams(passed: list[int]) -> None:
    """Stdin is empty; stdout and stderr are those that the driver passed."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    for target, source in zip((1, 2), [*passed, nothing, nothing][:2], strict=True):
        os.dup2(source, target)
    for one in (*passed, nothing):
        if one > 2:
            os.close(one)


def set_threads(count: str) -> None:
    """The number of threads of libraries that have read it already, in case this kernel's differs."""
    torch = sys.modules.get("torch")
    if torch is not None and count.isdigit() and torch.get_num_threads() != int(count):
        torch.set_num_threads(int(count))
    blas = os.environ.get("OPENBLAS_NUM_THREADS") or count
    if blas != "1" and "numpy" in sys.modules:
        set_openblas_threads(int(blas) if blas.isdigit() else len(os.sched_getaffinity(0)))


def set_openblas_threads(count: int) -> None:
    """As ``OPENBLAS_NUM_THREADS`` would have, had it been read after the fork."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        paths = {line.split(maxsplit=5)[-1].strip() for line in stream if "openblas" in line}
    for path in paths:
        with suppress(OSError):
            library = ctypes.CDLL(path)
            for name in (
                "scipy_openblas_set_num_threads64_",
                "openblas_set_num_threads64_",
                "openblas_set_num_threads",
            ):
                if hasattr(library, name):
                    getattr(library, name)(count)
                    break


def reseed() -> None:
    """New random numbers for whoever does not seed: forks would all draw the same."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.default_generator.seed()
