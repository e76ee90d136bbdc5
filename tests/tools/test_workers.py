"""Each item is handled within limits, in a process that may die; the others get their outcome all the same."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from blogkit.errors import ToolMissing
from blogkit.tools.workers import ItemStop, Limits, run_bounded


def treat(item: str) -> str:
    """What a submission could do to the process that looks at it."""
    if item == "loop":
        re.match(r"(a|a)*b", "a" * 200)  # holds the interpreter's lock, so that no thread of it can stop it
    if item == "memory":
        return "x" * 10**12
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "exit":
        os._exit(7)
    if item == "raise":
        raise ValueError("boom")
    if item.startswith("child"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(item.partition(" ")[2]).write_text(str(child.pid))
        time.sleep(600)
    return f"{item} in {os.getpid()}"


@contextmanager
def open_worker() -> Iterator[Callable[[str], str]]:
    yield treat


def cannot_open() -> AbstractContextManager[Callable[[str], str]]:
    raise ToolMissing("There is no browser.")


def test_each_item_has_an_outcome_in_its_place_whatever_the_others_do() -> None:
    items = ["a", "loop", "b", "die", "raise", "c", "exit", "d"]
    found = list(run_bounded(open_worker, items, limits=Limits(seconds=2), workers=2))
    assert [one.stop for one in found] == [None, ItemStop.TIME, None, ItemStop.DIED, None, None, ItemStop.DIED, None]
    assert [(one.value or "").partition(" ")[0] for one in found] == ["a", "", "b", "", "", "c", "", "d"]
    assert str(found[4].error) == "boom"
    assert found[1].reason == "took longer than 2 seconds"
    assert "SIGKILL" in found[3].reason and "exit code 7" in found[6].reason


def test_a_worker_handles_many_items() -> None:
    found = list(run_bounded(open_worker, ["a", "b", "c"], limits=Limits(seconds=20)))
    assert len({(one.value or "").rpartition(" ")[2] for one in found}) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits the memory of a process")
def test_an_item_that_needs_too_much_memory_is_reported_and_the_next_one_is_handled() -> None:
    limits = Limits(seconds=20, memory=200_000_000)
    first, second = run_bounded(open_worker, ["memory", "a"], limits=limits)
    assert (first.stop, first.reason) == (ItemStop.MEMORY, "needs more than 0.2 GB of memory")
    assert (second.value or "").startswith("a in")


def test_what_a_worker_cannot_begin_with_is_raised() -> None:
    with pytest.raises(ToolMissing, match="There is no browser"):
        list(run_bounded(cannot_open, ["a"], limits=Limits(seconds=5)))


def is_running(process: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_what_a_late_item_started_is_ended_with_it(tmp_path: Path) -> None:
    (found,) = run_bounded(open_worker, [f"child {tmp_path}/pid"], limits=Limits(seconds=2))
    assert found.stop is ItemStop.TIME
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


def test_a_caller_that_stops_early_leaves_no_worker() -> None:
    outcomes = run_bounded(open_worker, ["a", "loop"], limits=Limits(seconds=60))
    worker = int((next(outcomes).value or "").rpartition(" ")[2])
    begun = time.monotonic()
    outcomes.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 20
    assert not is_running(worker)
