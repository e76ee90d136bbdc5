"""An IPython kernel for a notebook that runs to its end while nobody watches: what a person at a keyboard needs is left
out (the debugger), and it leaves at once when it is done.

As a program it is a new Python process that stands for ``python -m ipykernel_launcher``; forks of the warm start become
the same. Nothing here changes what a cell sees: its path, arguments, environment, exit hooks and open files are those
of any kernel. Of a kernel that imports torch it saves a quarter of the processor's time, nearly all of it the taking
apart of all that was imported.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from traitlets.config.loader import DeferredConfigString

_FILE = io.IOBase.__mro__[1]
"""What every file object is made of, in C."""


@contextmanager
def without_debugger() -> Iterator[None]:
    """Makes ipykernel believe, while the block lasts, that there is no debugger: its import patches much of Python."""
    missing: Any = None
    sys.modules["debugpy"] = missing
    try:
        yield
    finally:
        del sys.modules["debugpy"]


with without_debugger():
    import ipykernel.debugger  # noqa: F401
    from ipykernel.kernelapp import IPKernelApp


class BatchKernelApp(IPKernelApp):
    """IPython's kernel, which leaves without waiting for its own threads (ipykernel 7 can wait 10 s for them)."""

    def close(self) -> None:
        """Lets exit hooks print to the log. Threads and sockets end with the process: what the driver waits for was
        sent by now, and closing a socket that another thread is using makes zmq abort.
        """
        self.reset_io()  # type: ignore[no-untyped-call]

    def parse_command_line(self, argv: Any = None) -> None:
        """Reads the two kinds of arguments that a kernel is given, without building a parser for all there could be."""
        rest: list[str] = []
        words = iter(argv or ())
        for word in words:
            trait, equals, value = word.removeprefix("--").partition("=")
            if word == "-f":
                self.connection_file = next(words, "")
            elif word.startswith("--") and equals and trait.count(".") == 1:
                name, _, key = trait.partition(".")
                self.config[name][key] = DeferredConfigString(value)
            else:
                rest.append(word)
        if rest:
            super().parse_command_line(rest)

    def init_crash_handler(self) -> None:
        """Leaves the interpreter's own hook in place, as uncaught errors of a batch kernel belong in its log."""


def live(kernel: BatchKernelApp, arguments: list[str]) -> NoReturn:
    """A kernel's life and end, given the arguments of ``ipykernel_launcher``."""
    sys.argv = ["ipykernel_launcher", *arguments]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    code = 0
    try:
        kernel.initialize(arguments)  # type: ignore[no-untyped-call]
        gc.freeze()  # what is here by now stays; the collector need not look at it again
        kernel.start()  # type: ignore[no-untyped-call]
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(bool(error.code))
    leave(code)


def leave(code: int) -> NoReturn:
    """The end of an ordinary process (threads joined, exit hooks run, files closed), without unloading each library."""
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    with suppress(BaseException):
        atexit._run_exitfuncs()
    with suppress(BaseException):
        gc.collect()  # the last of the notebook's own objects, which may have something to do at their end
    with suppress(BaseException):
        close_files()
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(Exception):
            assert stream is not None
            stream.flush()
    os._exit(code)


def close_files() -> None:
    """Closes every file that is still open, as the interpreter would, so that what was written to it is in it."""
    streams = [sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__]
    buffers = [getattr(stream, "buffer", None) for stream in streams]
    kept = {id(one) for one in (*streams, *buffers, *(getattr(buffer, "raw", None) for buffer in buffers))}
    # By type alone: asking an object for its class may wake up whatever pretends to be one.
    files = [one for one in gc.get_objects() if _FILE in type(one).__mro__ and id(one) not in kept]
    for file in sorted(files, key=_stream_depth):
        if not type(file).__module__.startswith("ipykernel"):
            with suppress(Exception):
                file.close()


def _stream_depth(file: Any) -> int:
    """Text before the bytes beneath it, and an archive before the file in which it lies."""
    if isinstance(file, io.TextIOBase):
        return 0
    if isinstance(file, io.RawIOBase):
        return 3
    return 2 if isinstance(file, io.BufferedWriter | io.BufferedRandom | io.BufferedReader) else 1


if __name__ == "__main__":
    live(BatchKernelApp.instance(), sys.argv[1:])
