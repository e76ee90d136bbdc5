"""Handles other people's work in processes that may die: each item has a limit of time and of memory.

::

    for outcome in run_bounded(open_worker, paths, limits=Limits(seconds=60), workers=2):
        print(outcome.value if outcome.stop is None else outcome.reason)

A worker that exceeds a limit, or dies, is replaced, and the item that it had gets an outcome that says so; the other
items are not touched. Time is limited on every system. Memory is limited where the system offers it (Linux).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import connection, get_context, parent_process
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from blogkit.errors import ToolFailed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

T = TypeVar("T")
R = TypeVar("R")

OpenWorker = Callable[[], AbstractContextManager[Callable[[T], R]]]
"""Makes ready what a worker needs for all of its items, and gives the function that handles one. It is pickled."""

_START_SECONDS = 120.0
"""How long a worker may take to import what it needs; a loaded machine takes its time."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one item may take."""

    seconds: float
    memory: int | None = None
    """Bytes beyond what the worker holds when it is ready; None for no limit."""


class ItemStop(StrEnum):
    """Why an item has no value."""

    TIME = "time"
    MEMORY = "memory"
    DIED = "died"


@dataclass(frozen=True, kw_only=True)
class ItemOutcome(Generic[R]):
    """What came of one item: a value, an error that its function raised, or the reason why it was stopped."""

    value: R | None = None
    error: Exception | None = None
    stop: ItemStop | None = None
    reason: str = ""
    """For a stopped item, the end of a sentence: ``took longer than 60 seconds``."""


def run_bounded(
    open_worker: OpenWorker[T, R], items: Sequence[T], *, limits: Limits, workers: int = 1
) -> Iterator[ItemOutcome[R]]:
    """The outcome of each item, in their order; ``workers`` processes share the items.

    Raises what ``open_worker`` raises, and ToolFailed when no worker can be started.
    """
    waiting = deque(range(len(items)))
    done: dict[int, ItemOutcome[R]] = {}
    slots: list[_WorkerSlot[T, R]] = []
    following = 0
    try:
        while following < len(items):
            while waiting and len(slots) < workers:
                slots.append(_WorkerSlot(open_worker, limits))
            for slot in slots:
                if slot.ready and slot.item is None and waiting:
                    slot.give(waiting.popleft(), items)
            for slot in _speaking_slots(slots):
                outcome = slot.collect()
                if outcome is not None and slot.item is not None:
                    done[slot.item] = outcome
                    slot.item = None
                if slot.over or (slot.ready and slot.item is None and not waiting):
                    slot.end()
                    slots.remove(slot)
            while following in done:
                yield done.pop(following)
                following += 1
    finally:
        for slot in slots:
            slot.end()


def _speaking_slots(slots: Sequence[_WorkerSlot[T, R]]) -> list[_WorkerSlot[T, R]]:
    """The slots that have something to say or are late, after waiting for one."""
    now = time.monotonic()
    patience = min((slot.deadline for slot in slots if slot.deadline is not None), default=now + 1) - now
    speaking = connection.wait([slot.pipe for slot in slots], timeout=max(0.0, patience))
    now = time.monotonic()
    return [slot for slot in slots if slot.pipe in speaking or (slot.deadline is not None and slot.deadline <= now)]


class _WorkerSlot(Generic[T, R]):
    """One worker process, seen from the parent."""

    def __init__(self, open_worker: OpenWorker[T, R], limits: Limits) -> None:
        context = get_context("spawn")
        self.pipe: Connection[Any, Any]
        self.pipe, other = context.Pipe()
        self.limits = limits
        self.item: int | None = None
        self.ready = False
        self.over = False
        self.process: SpawnProcess = context.Process(target=_work, args=(other, open_worker, limits), daemon=False)
        self.process.start()
        other.close()
        self.deadline: float | None = time.monotonic() + _START_SECONDS

    def give(self, number: int, items: Sequence[T]) -> None:
        """Hands an item over; a worker that is gone is noticed when its answer is collected."""
        self.item = number
        self.deadline = time.monotonic() + self.limits.seconds
        with suppress(OSError):
            self.pipe.send(items[number])

    def collect(self) -> ItemOutcome[R] | None:
        """What the worker has to say: an outcome, or None when it is ready. Raises what kept it from its work."""
        try:
            if not self.pipe.poll():
                return self._late_outcome()
            kind, said = self.pipe.recv()
        except (EOFError, OSError):
            return self._died_outcome()
        self.deadline = None
        if kind == "ready":
            self.ready = True
            return None
        if kind == "unready":
            raise said
        self.over = kind == ItemStop.MEMORY
        if kind == ItemStop.MEMORY:
            return ItemOutcome(stop=ItemStop.MEMORY, reason=_memory_reason(self.limits))
        return ItemOutcome(error=said) if kind == "error" else ItemOutcome(value=said)

    def _late_outcome(self) -> ItemOutcome[R]:
        self.over = True
        if not self.ready:
            raise ToolFailed("A worker process did not start in time.", hint="Close other programs, and try again.")
        return ItemOutcome(stop=ItemStop.TIME, reason=f"took longer than {self.limits.seconds:g} seconds")

    def _died_outcome(self) -> ItemOutcome[R]:
        self.over = True
        self.process.join(5)
        code = self.process.exitcode
        if not self.ready:
            raise ToolFailed(f"A worker process ended with {code} before it began.", hint="Is there enough memory?")
        if code is not None and code < 0 and -code == getattr(signal, "SIGALRM", 0):
            return ItemOutcome(stop=ItemStop.TIME, reason=f"took longer than {self.limits.seconds:g} seconds")
        return ItemOutcome(stop=ItemStop.DIED, reason=f"ended the process that looked at it ({_death(code)})")

    def end(self) -> None:
        """Ends the process at once, with what it started."""
        self.pipe.close()
        if self.process.pid is not None and hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join(10)
        with suppress(ValueError):
            self.process.close()


def _memory_reason(limits: Limits) -> str:
    return f"needs more than {limits.memory / 1e9:.1f} GB of memory" if limits.memory else "needs too much memory"


def _death(code: int | None) -> str:
    """How a process ended, in a word."""
    if code is not None and code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


# --- in the worker --------------------------------------------------------------------------------------------------


def _work(pipe: Connection[Any, Any], open_worker: OpenWorker[Any, Any], limits: Limits) -> None:
    """Takes items from the pipe until it closes."""
    if hasattr(os, "setsid"):
        with suppress(OSError):
            os.setsid()  # so that the parent can end it together with what it started
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        with open_worker() as handle:
            _limit_memory(limits.memory)
            pipe.send(("ready", None))
            while True:
                item = pipe.recv()
                pipe.send(_handled(handle, item, limits))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        with suppress(OSError):
            pipe.send(("unready", error))


def _handled(handle: Callable[[Any], Any], item: Any, limits: Limits) -> tuple[str, Any]:
    """The item's outcome as it is sent to the parent."""
    _set_alarm(limits.seconds + 10)
    try:
        return "value", handle(item)
    except MemoryError:
        return ItemStop.MEMORY, None
    except Exception as error:
        return "error", error
    finally:
        _set_alarm(0)


def _set_alarm(seconds: float) -> None:
    """Has the system end this process later: it does so even in a loop that lets no other thread run.

    The parent ends a late worker before; this is for a parent that was killed meanwhile.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(more: int | None) -> None:
    """Lets this process take so many bytes more than it holds; where the system offers no such limit, nothing."""
    if more is None or not sys.platform.startswith("linux"):
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (held + more, held + more))


def _leave_with_parent() -> None:
    """Ends this process when its parent is gone."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
