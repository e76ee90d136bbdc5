"""Ctrl-C and its like, heard while a sweep runs: once finishes what runs, twice stops now."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from blogkit.run.execute import StopRequest


@contextmanager
def stoppable(tell: Callable[[str], None]) -> Iterator[StopRequest]:
    """A way to stop that the terminal works while the block lasts.

    The first Ctrl-C lets the runs under way finish and begins no other; the second stops them. A request to terminate,
    or a terminal that is closed, stops them at once: whoever asks so (a scheduler, a shutdown) does not wait for a run
    that may take an hour. ``tell`` hears what was understood.
    """
    stop = StopRequest()

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if stop.soon.is_set():
            stop.now.set()
            tell("stopping now.")
        else:
            stop.soon.set()
            tell("finishing what runs; Ctrl-C once more stops it now.")

    def on_terminate(number: int, frame: FrameType | None) -> None:
        stop.exit_code = 128 + number
        stop.soon.set()
        stop.now.set()
        tell("asked to end: stopping now.")

    wanted: dict[int, Any] = {signal.SIGINT: on_interrupt, signal.SIGTERM: on_terminate}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = on_terminate
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in wanted.items():
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                before[number] = signal.signal(number, handler)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
