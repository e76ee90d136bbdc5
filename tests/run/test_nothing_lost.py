"""Whatever is killed, and whenever: no run is lost, none is half-stored, none is done twice, nothing is left over."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.errors import StoreError
from blogkit.model import RunStatus
from blogkit.run.claims import claim, is_claimed
from blogkit.run.execute import Started, StopRequest, execute_runs
from blogkit.run.interrupts import stoppable
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, stored_ids
from tests.files import write_project

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")]

LEDGER = (
    ("parameters", "seed = 0"),
    "import os\nfrom pathlib import Path\nwith open('../p/ledger', 'a') as ledger:\n"
    "    ledger.write(Path(os.environ['BLOGKIT_RUN_FOLDER']).name.partition('-')[0] + '\\n')",
    "from blogkit import record\nfor step in range(3):\n    record.metric('error', seed + step, step=step)",
)


class Drivers:
    """Drivers of one project's sweep, one after another."""

    def __init__(self, folder: Path, kind: str, workers: int = 2) -> None:
        program = Path(__file__).with_name("driver.py")
        self._errors = open(folder / "errors.txt", "a")  # noqa: SIM115  # closed with the drivers
        self._process = subprocess.Popen(
            [sys.executable, str(program), str(folder), str(workers), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def start(self) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> int:
        """The exit status of the running command, when it has ended."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream
            stream.close()
        self._process.wait(30)


@contextmanager
def drivers(folder: Path, kind: str, workers: int = 2) -> Iterator[Drivers]:
    made = Drivers(folder, kind, workers)
    try:
        yield made
    finally:
        made.close()


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError, ValueError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_gone(pids: list[int]) -> bool:
    return not any(alive(pid) for pid in pids)


def wait_until(condition: Callable[[], Any], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def contents(folder: Path) -> dict[str, dict[str, Any]]:
    """What every stored run consists of, less what differs from one execution to the next."""
    found: dict[str, dict[str, Any]] = {}
    for run_id in stored_ids(ProjectPaths(folder=folder)):
        run = folder / "runs" / run_id
        record = json.loads((run / "run.json").read_text())
        notebook = json.loads((run / "notebook.ipynb").read_text())
        found[run_id] = {
            "files": sorted(path.name for path in run.rglob("*")),
            "metrics": (run / "metrics.jsonl").read_text(),
            "record": {name: record[name] for name in ("id", "parameters", "seed", "status", "notebook", "threads")},
            "cells": [cell["metadata"]["papermill"]["status"] for cell in notebook["cells"]],
        }
    return found


def leftovers(folder: Path) -> list[str]:
    found = [path.name for place in (".work", ".claims") for path in (folder / "runs" / place).glob("*")]
    return found + [path.name for path in folder.parent.glob(f".{folder.name}.*")]


def kill_at_random(folder: Path, kind: str, kills: int, seed: int, longest: float) -> None:
    """Kills drivers, kernels and servers; each time the sweep is complete, compares it and begins another."""
    chance = random.Random(seed)
    ledger = folder / "ledger"
    project = load_project(folder)
    every = {run.id for run in plan_runs(project)}
    with drivers(folder, kind) as made:
        made.start()
        assert made.end() == 0, (folder / "errors.txt").read_text()
        undisturbed = contents(folder)
        assert undisturbed.keys() == every

        def begin_anew() -> None:
            assert made.start() and made.end() == 0, (folder / "errors.txt").read_text()
            assert contents(folder) == undisturbed
            assert leftovers(folder) == []
            subprocess.run(["rm", "-r", str(folder / "runs")], check=True)

        begin_anew()
        stored: frozenset[str] = frozenset()
        done = 0
        while done < kills:
            before = len(ledger.read_text().split())
            pid = made.start()
            time.sleep(chance.uniform(0, longest))
            targets = [pid]
            for server in children(pid):
                targets += [server, *children(server)]
            victim = pid if chance.random() < 0.6 else chance.choice(targets)
            bystanders = [one for one in targets if one != pid]
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                done += 1
            if victim != pid:
                time.sleep(chance.uniform(0, longest / 2))
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            made.end()
            assert wait_until(functools.partial(all_gone, bystanders)), "something outlived its driver"
            begun = ledger.read_text().split()[before:]
            assert not stored & set(begun), "a stored run was done again"
            assert len(set(begun)) == len(begun), "a run was done twice by one driver"
            stored = stored_ids(ProjectPaths(folder=folder))
            for one in contents(folder):
                assert contents(folder)[one] == undisturbed[one], "half-stored"
            if stored == every:
                begin_anew()
                stored = frozenset()
        begin_anew()


def test_killing_drivers_150_times_at_random_moments_changes_nothing(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 40", ("parameters", "seed = 0"), "seed")
    kill_at_random(folder, "stand-in", kills=150, seed=20, longest=0.25)


@pytest.mark.skipif(sys.platform != "linux", reason="finds kernels in /proc")
@pytest.mark.parametrize("kills", [12, pytest.param(100, marks=pytest.mark.long)])
def test_killing_drivers_kernels_and_servers_of_real_runs_changes_nothing(tmp_path: Path, kills: int) -> None:
    folder = write_project(tmp_path, "seeds: 12", *LEDGER)
    kill_at_random(folder, "real", kills=kills, seed=3, longest=2.5)


def test_a_command_with_nothing_to_do_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    """Killed between storing its last run and giving back the claim, a command leaves a claim that nobody holds."""
    folder = write_project(tmp_path, "seeds: 2", ("parameters", "seed = 0"), "seed")
    with drivers(folder, "stand-in") as made:
        assert made.start() and made.end() == 0
        for name in stored_ids(ProjectPaths(folder=folder)):
            (folder / "runs" / ".claims" / name).touch()
        assert made.start() and made.end() == 0
    assert leftovers(folder) == []


def test_two_commands_at_once_share_the_work(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 40", ("parameters", "seed = 0"), "seed")
    with drivers(folder, "stand-in", workers=3) as one, drivers(folder, "stand-in", workers=3) as other:
        one.start()
        other.start()
        assert (one.end(), other.end()) == (0, 0)
    ledger = (folder / "ledger").read_text().split()
    assert sorted(ledger) == sorted(stored_ids(ProjectPaths(folder=folder)))
    assert leftovers(folder) == []


def test_a_claim_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "claims" / "abc"
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        claim(path)
        os.write(writing, b"x")
        time.sleep(60)
    os.read(reading, 1)
    assert claim(path) is None and is_claimed(path)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for descriptor in (reading, writing):
        os.close(descriptor)
    assert not is_claimed(path)
    mine = claim(path)
    assert mine is not None and claim(path) is None
    mine.release()
    assert not path.exists()


# --- Ctrl-C ---------------------------------------------------------------------------------------------------------


def test_the_first_ctrl_c_finishes_what_runs_and_the_second_stops_it() -> None:
    heard: list[str] = []
    with stoppable(heard.append) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.soon.is_set() and not stop.now.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.now.is_set()
    assert [text.split()[0] for text in heard] == ["finishing", "stopping"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("signals", "states"), [(1, {".": 1}), (2, {".": 0})])
def test_ctrl_c_on_the_command_says_how_to_go_on(tmp_path: Path, signals: int, states: dict[str, int]) -> None:
    wait = "from pathlib import Path\nimport time\nPath(f'../p/begun-{seed}').touch()\ntime.sleep(3 if seed else 3)"
    folder = write_project(tmp_path, "seeds: 4", ("parameters", "seed = 0"), wait)
    command = [sys.executable, "-m", "blogkit", "run", "--workers", "1"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert wait_until(lambda: list(folder.glob("begun-*")), 120)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    _, text = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "finishing what runs" in text
    assert "Give the same command again to go on." in text and "left to do" in text
    assert len(stored_ids(ProjectPaths(folder=folder))) == states["."]
    assert leftovers(folder) == []


def test_a_sweep_in_the_background_hears_a_request_to_end(tmp_path: Path) -> None:
    """A script's `blogkit run &` ignores Ctrl-C, as its shell decided; SIGTERM stops it at once."""
    wait = "from pathlib import Path\nimport time\nPath(f'../p/begun-{seed}').touch()\ntime.sleep(60)"
    folder = write_project(tmp_path, "seeds: 2", ("parameters", "seed = 0"), wait)
    script = f"{sys.executable} -m blogkit run --workers 1 2>err & echo $!; wait $!; echo $?"
    shell = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert shell.stdout
    pid = int(shell.stdout.readline())
    assert wait_until(lambda: list(folder.glob("begun-*")), 120)
    os.kill(pid, signal.SIGINT)
    time.sleep(0.5)
    assert alive(pid)
    os.kill(pid, signal.SIGTERM)
    out, _ = shell.communicate(timeout=30)
    text = (tmp_path / "err").read_text()
    assert out.strip() == "143" and "asked to end" in text and "to go on" in text, text
    (failed,) = (folder / "runs" / ".failed").iterdir()
    assert json.loads((failed / "run.json").read_text())["status"] == "interrupted"
    assert leftovers(folder) == []


# --- the disk -------------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, size: str = "1m") -> Iterator[Path]:
    """A file system of its own; skips where this user may not make one."""
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("making a small file system needs root and mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_the_sweep_with_an_error_message_and_leaves_nothing_half_stored(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        fill = "import os, pathlib\npathlib.Path(os.environ['BLOGKIT_RUN_FOLDER'], 'big').write_bytes(bytes(300_000))"
        folder = write_project(disk, "seeds: 8", ("parameters", "seed = 0"), fill)
        project = load_project(folder)
        with suppress(StoreError):
            results = execute_runs(project, plan_runs(project), workers=1)
            assert any(result.status is not RunStatus.DONE for result in results)
        stored = stored_ids(ProjectPaths(folder=folder))
        assert 1 <= len(stored) <= 3
        for run_id in stored:
            assert json.loads((folder / "runs" / run_id / "run.json").read_text())["status"] == "done"
            assert (folder / "runs" / run_id / "big").stat().st_size == 300_000
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        assert all(result.status is RunStatus.DONE for result in execute_runs(project, plan_runs(project)))
        assert leftovers(folder) == []


def test_a_store_that_cannot_be_written_is_reported_before_anything_runs(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        folder = write_project(disk, "", ("parameters", "seed = 0"), "seed")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        project = load_project(folder)
        events: list[Any] = []
        with pytest.raises(StoreError, match="Read-only file system"):
            execute_runs(project, plan_runs(project), on_event=events.append)
        assert not any(isinstance(event, Started) for event in events)


def test_stop_is_heard_while_waiting_for_another_command(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "", ("parameters", "seed = 0"), "seed")
    project = load_project(folder)
    (run,) = plan_runs(project)
    held = claim(ProjectPaths(folder=folder).claim(run.id))
    assert held is not None
    stop = StopRequest()
    threading.Timer(0.5, stop.soon.set).start()
    (result,) = execute_runs(project, [run], stop=stop)
    assert result.status is RunStatus.NOT_STARTED
    held.release()


# --- the memory -----------------------------------------------------------------------------------------------------


@contextmanager
def small_memory(name: str, limit: int) -> Iterator[Path]:
    """A group of processes that may have so many bytes together; skips where this user may not make one."""
    group = Path("/sys/fs/cgroup/memory" if Path("/sys/fs/cgroup/memory").is_dir() else "/sys/fs/cgroup") / name
    maximum = group / ("memory.limit_in_bytes" if group.parent.name == "memory" else "memory.max")
    try:
        group.mkdir()
        maximum.write_text(str(limit))
    except OSError:
        with suppress(OSError):
            group.rmdir()
        pytest.skip("a limit on memory needs root and a control group")
    try:
        yield group
    finally:
        assert wait_until(lambda: not (group / "cgroup.procs").read_text().split())
        group.rmdir()


def test_a_run_that_takes_all_memory_is_a_result_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    eat = "eaten = []\nwhile seed == 1:\n    eaten.append(bytearray(10_000_000))"
    folder = write_project(tmp_path, "seeds: 3", ("parameters", "seed = 0"), eat)
    with small_memory(f"blogkit-test-{os.getpid()}", 350_000_000) as group:
        script = f"echo $$ > {group}/cgroup.procs && exec {sys.executable} -m blogkit run --workers 1 --retries 1"
        done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    if "cgroup.procs" in done.stderr:
        pytest.skip("this process may not join a control group")
    assert "out of memory: the system killed the kernel" in done.stderr, done
    assert done.stderr.count("will be tried again") == 1
    assert len(stored_ids(ProjectPaths(folder=folder))) == 2
    assert leftovers(folder) == []
