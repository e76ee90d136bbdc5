"""A sweep's runs are executed side by side, each is stored whole or kept as a failure, and none is done twice."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.model import Run, RunResult, RunStatus
from blogkit.run.execute import Ended, RunEvent, Started, StopRequest, UserNote, execute_runs, recover
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, RunPaths, stored_ids
from tests.files import write_project

pytestmark = pytest.mark.slow
FOUR = "grid: {x: [1, 2]}\nseeds: 2\n"
CELLS = (
    ("parameters", "x = 1\nseed = 0"),
    "from blogkit import record\nrecord.metric('double', 2 * x + seed)",
)


def sweep(folder: Path, runs: tuple[Run, ...] | None = None, **how: Any) -> tuple[RunResult, ...]:
    project = load_project(folder)
    return execute_runs(project, runs if runs is not None else plan_runs(project), **how)


def paths(folder: Path) -> ProjectPaths:
    return ProjectPaths(folder=folder)


def leftovers(folder: Path) -> list[str]:
    return [path.name for place in (".work", ".claims") for path in (folder / "runs" / place).glob("*")]


def test_each_run_is_stored_with_its_records_and_provenance(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FOUR, *CELLS)
    results = sweep(folder, workers=2)
    assert [result.status for result in results] == [RunStatus.DONE] * 4
    assert stored_ids(paths(folder)) == {result.run.id for result in results}
    for result in results:
        assert result.folder is not None
        stored = RunPaths(folder=result.folder)
        x, seed = result.run.parameters["x"], result.run.parameters["seed"]
        assert json.loads(stored.metrics.read_text()) == {"metric": "double", "value": 2 * x + seed, "step": None}
        record = json.loads(stored.record.read_text())
        assert record["parameters"] == {"x": x, "seed": seed} and record["seed"] == seed
        assert record["status"] == "done" and record["seconds"] > 0 and record["peak_memory"] > 10e6
        assert record["device"] and record["started"].endswith("+00:00") and record["versions"]["python"]
        assert sorted(path.name for path in result.folder.iterdir()) == [
            "log.txt",
            "metrics.jsonl",
            "notebook.ipynb",
            "run.json",
        ]
    assert leftovers(folder) == []


def test_what_is_stored_is_not_run_again_and_force_replaces_it(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "", *CELLS)
    events: list[RunEvent] = []
    sweep(folder)
    (result,) = sweep(folder, on_event=events.append)
    assert result.status is RunStatus.DONE and events == []
    before = (paths(folder).runs / result.run.id / "run.json").stat().st_ino
    sweep(folder, force=True, on_event=events.append)
    assert any(isinstance(event, Started) for event in events)
    assert (paths(folder).runs / result.run.id / "run.json").stat().st_ino != before
    assert leftovers(folder) == []


def test_a_failed_run_is_kept_apart_and_the_others_go_on(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FOUR, *CELLS, "assert x != 2, 'two\\nis bad'")
    results = sweep(folder)
    assert [result.status.value for result in results] == ["done", "failed", "done", "failed"]
    failed = results[1]
    assert (failed.cell, failed.reason) == (3, "AssertionError: two")
    assert failed.folder == paths(folder).failed / failed.run.id
    assert "is bad" in (failed.folder / "log.txt").read_text()
    assert json.loads((failed.folder / "run.json").read_text())["reason"] == "AssertionError: two"
    assert len(stored_ids(paths(folder))) == 2
    assert leftovers(folder) == []


def test_a_failure_that_is_mended_is_gone(tmp_path: Path) -> None:
    flaky = "from pathlib import Path\nhere = Path('../p/tried').exists()\nPath('../p/tried').touch()\nassert here"
    folder = write_project(tmp_path, "", *CELLS, flaky)
    (first,) = sweep(folder)
    (second,) = sweep(folder)
    assert (first.status, second.status) == (RunStatus.FAILED, RunStatus.DONE)
    assert not (paths(folder).failed / first.run.id).exists()


def test_a_run_that_fails_is_tried_again_as_often_as_asked(tmp_path: Path) -> None:
    flaky = "from pathlib import Path\nn = len(list(Path('..').glob('try-*')))\nPath(f'../try-{n}').touch()\n"
    flaky += "assert n >= 2"
    folder = write_project(tmp_path, "", *CELLS, flaky)
    events: list[RunEvent] = []
    (result,) = sweep(folder, retries=2, on_event=events.append)
    assert result.status is RunStatus.DONE
    assert [(event.result.status.value, event.again) for event in events if isinstance(event, Ended)] == [
        ("failed", True),
        ("failed", True),
        ("done", False),
    ]
    assert json.loads((paths(folder).runs / result.run.id / "run.json").read_text())["attempt"] == 3


def test_stopping_soon_finishes_what_runs_and_begins_nothing_new(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FOUR, *CELLS)
    stop = StopRequest()
    results = sweep(folder, workers=1, stop=stop, on_event=lambda event: stop.soon.set())
    assert [result.status for result in results] == [RunStatus.DONE, *[RunStatus.NOT_STARTED] * 3]
    assert len(stored_ids(paths(folder))) == 1


def test_stopping_now_keeps_what_ran_as_interrupted(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "", *CELLS, "import time\nprint('begun', flush=True)\ntime.sleep(60)")
    stop = StopRequest()

    def on_event(event: RunEvent) -> None:
        if getattr(event, "cell", None) == 3:
            threading.Timer(0.5, stop.now.set).start()

    (result,) = sweep(folder, stop=stop, on_event=on_event)
    assert result.status is RunStatus.INTERRUPTED
    assert result.folder is not None and "begun" in (result.folder / "log.txt").read_text()
    assert stored_ids(paths(folder)) == frozenset()


def test_leave_to_begin_is_asked_before_each_run_and_its_refusal_reported_once(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FOUR, *CELLS)
    left = [1, 1]
    events: list[RunEvent] = []
    results = sweep(
        folder, workers=2, may_begin=lambda run: "" if left and left.pop() else "enough", on_event=events.append
    )
    assert [result.status.value for result in results].count("done") == 2
    assert [event.text for event in events if isinstance(event, UserNote)] == ["enough"]
    assert {result.reason for result in results if result.status is RunStatus.NOT_STARTED} == {"enough"}


def test_threads_and_the_run_folder_reach_the_kernel(tmp_path: Path) -> None:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLOGKIT_RUN_FOLDER")
    code = f"import os\nfor name in {names}:\n    print(os.environ[name])"
    folder = write_project(tmp_path, "threads: 2", *CELLS, code)
    (result,) = sweep(folder)
    assert result.folder is not None
    omp, mkl, work = (result.folder / "log.txt").read_text().split()
    assert (omp, mkl) == ("2", "2")
    assert Path(work).parent == paths(folder).work


def test_what_a_killed_command_left_is_cleared_and_a_whole_run_among_it_is_kept(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FOUR, *CELLS)
    results = sweep(folder)
    one, two = (paths(folder).runs / result.run.id for result in results[:2])
    one.rename(paths(folder).work / f"{one.name}-11111111")
    two.rename(paths(folder).work / f"{two.name}-22222222")
    (paths(folder).work / f"{two.name}-22222222" / "run.json").unlink()
    events: list[RunEvent] = []
    sweep(folder, on_event=events.append)
    assert {event.run.id for event in events if isinstance(event, Started)} == {two.name}
    assert leftovers(folder) == []
    assert len(stored_ids(paths(folder))) == 4


def test_a_failure_of_a_killed_command_is_kept_and_one_that_was_mended_is_cleared(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FOUR, *CELLS, "assert x != 2")
    results = sweep(folder)
    done, failed = results[0].run.id, results[1].run.id
    (paths(folder).failed / failed).rename(paths(folder).work / f"{failed}-11111111")
    (paths(folder).failed / done).mkdir()
    (paths(folder).work / "verify-22222222").mkdir()
    os.utime(paths(folder).work / "verify-22222222", (1, 1))
    recover(paths(folder))
    assert (paths(folder).failed / failed / "run.json").is_file()
    assert not (paths(folder).failed / done).exists()
    assert leftovers(folder) == []


@pytest.mark.slow
def test_a_notebook_with_a_byte_order_mark_runs(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 1\n")
    path = folder / "experiment.ipynb"
    path.write_text("\ufeff" + path.read_text(encoding="utf-8"), encoding="utf-8")
    project = load_project(folder)
    (result,) = execute_runs(project, plan_runs(project))
    assert result.status is RunStatus.DONE
