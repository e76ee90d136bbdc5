"""Runs are kept to their places: each to its GPU and its number of threads, given back whatever happens."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.model import Budget, Run, RunStatus
from blogkit.run.budget import Allowance, Spent, estimate, spent_on
from blogkit.run.execute import execute_runs
from blogkit.run.plan import plan_runs
from blogkit.run.slots import Lease, Slot, make_slots, thread_environment
from blogkit.run.status import Durations
from blogkit.tools.gpu import Gpu, NoGpu, find_meter, visible
from tests.files import write_project

TWO = (Gpu(index="0", name="Fake A", uuid="GPU-aaaa"), Gpu(index="1", name="Fake B", uuid="GPU-bbbb"))


class FakeMeter(NoGpu):
    """Two GPUs that use 100 W, and 1 MB for every process that is asked about."""

    def devices(self) -> tuple[Gpu, ...]:
        return TWO

    def energy(self, gpu: Gpu) -> float | None:
        return time.monotonic() * 100

    def memory(self, gpu: Gpu, processes: Sequence[int]) -> int | None:
        return 1_000_000 * len(processes)


def test_a_gpu_is_one_slot_or_as_many_as_the_sweep_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    slots = make_slots(gpus=TWO)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0", "1"]
    assert slots[0].environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    shared = make_slots(gpus=TWO, runs_per_gpu=2)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in shared] == ["0", "1", "0", "1"]
    assert len(make_slots(gpus=TWO, workers=1)) == 1


def test_without_gpus_a_slot_is_as_many_cores_as_a_run_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blogkit.run.slots.cores", lambda: 8)
    assert len(make_slots(threads=3)) == 2
    assert len(make_slots(threads=64)) == 1
    assert len(make_slots(workers=5)) == 5
    assert make_slots()[0].environment == {}
    assert thread_environment(3)["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (None, ["0", "1"]),
        ("1", ["1"]),
        ("1,0", ["1", "0"]),
        ("", []),
        ("-1", []),
        ("0,9,1", ["0"]),
        ("GPU-bb", ["GPU-bb"]),
    ],
)
def test_the_users_choice_of_devices_is_kept_as_cuda_reads_it(variable: str | None, expected: list[str]) -> None:
    assert [gpu.index for gpu in visible(TWO, variable)] == expected


def test_a_slot_is_given_back_when_a_run_raises() -> None:
    lease = Lease([Slot(number=0)])
    with pytest.raises(ValueError, match="boom"), lease.take():
        raise ValueError("boom")
    with lease.take() as slot:
        assert slot.number == 0


def test_no_slot_is_in_two_hands() -> None:
    lease = Lease([Slot(number=0), Slot(number=1)])
    held: Counter[int] = Counter()
    worst = 0

    def work() -> None:
        nonlocal worst
        for _ in range(50):
            with lease.take() as slot:
                held[slot.number] += 1
                worst = max(worst, held[slot.number])
                held[slot.number] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == 1


def test_a_machine_without_the_library_has_no_gpus() -> None:
    assert isinstance(find_meter().devices(), tuple)


@pytest.mark.slow
@pytest.mark.parametrize("cold", [False, True])
def test_each_run_sees_its_gpu_alone_and_its_cost_is_recorded(tmp_path: Path, cold: bool, monkeypatch: Any) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    code = (
        "import fcntl, os, time\ngpu = os.environ['CUDA_VISIBLE_DEVICES']\nprint(gpu)\n"
        "with open(f'../gpu-{gpu}.lock', 'w') as lock:\n"
        "    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n    time.sleep(0.7)"
    )
    folder = write_project(tmp_path, "seeds: 4", ("parameters", "seed = 0"), code)
    project = load_project(folder)
    results = execute_runs(project, plan_runs(project), cold=cold, meter=FakeMeter())
    assert [result.status for result in results] == [RunStatus.DONE] * 4, results
    seen: Counter[str] = Counter()
    for result in results:
        assert result.folder is not None
        record = json.loads((result.folder / "run.json").read_text())
        gpu = (result.folder / "log.txt").read_text().strip()
        seen[gpu] += 1
        assert record["device"] == {"0": "Fake A", "1": "Fake B"}[gpu]
        assert record["peak_gpu_memory"] >= 1_000_000
        assert record["energy"] >= 100 * record["seconds"] / 2  # at most two runs shared the GPU's 100 W
    assert set(seen) == {"0", "1"}


# --- budget ---------------------------------------------------------------------------------------------------------


def run(number: int, width: int = 1) -> Run:
    return Run(
        id=f"{number}", project="p", notebook=Path("x"), parameters={"width": width, "seed": number}, seed=number
    )


def test_time_is_estimated_from_the_same_point_at_other_seeds() -> None:
    durations = Durations(known={}).adding(run(0, width=1), 10.0).adding(run(0, width=9), 90.0)
    assert durations.estimate(run(5, width=9)) == 90.0
    assert durations.estimate(run(5, width=4)) == 50.0
    assert durations.estimate_all([run(1, width=1), run(1, width=9)], workers=1) == 100.0
    assert durations.estimate_all([run(1, width=1), run(1, width=9)], workers=2) == 90.0
    assert Durations(known={}).estimate_all([run(1)], workers=2) is None


def test_a_budget_is_exceeded_by_runs_or_by_minutes() -> None:
    durations = Durations(known={}).adding(run(0), 60.0)
    many = [run(number) for number in range(10)]
    assert not estimate(many, durations, Budget(), 1).exceeds
    assert estimate(many, durations, Budget(runs=9), 1).exceeds
    assert estimate(many, durations, Budget(minutes=9), 1).exceeds
    assert not estimate(many, durations, Budget(minutes=9), 2).exceeds


def test_a_budget_holds_while_a_sweep_runs() -> None:
    now = 0.0
    allowance = Allowance(Budget(minutes=2), Durations(known={}), clock=lambda: now)
    assert allowance(run(0)) == ""
    allowance.learn(run(0), 50.0)
    now = 60.0
    assert allowance(run(1)) == ""
    now = 80.0
    assert allowance(run(2)) == "the budget of 2 minutes is used up; `budget:` in sweep.yml sets it"
    counted = Allowance(Budget(runs=1), Durations(known={}))
    assert (counted(run(0)), counted(run(1))) == ("", "the budget of 1 runs is used up; `budget:` in sweep.yml sets it")


def test_what_was_made_before_counts_in_a_budget(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 4", ("parameters", "seed = 0"), "seed")
    project = load_project(folder)
    runs = plan_runs(project)
    for one in runs[:2]:
        (folder / "runs" / one.id).mkdir(parents=True)
        (folder / "runs" / one.id / "run.json").write_text('{"seconds": 60.0}')
    spent = spent_on(project, runs[:2], workers=2)
    assert spent == Spent(runs=2, seconds=60.0)
    durations = Durations(known={}).adding(runs[0], 60.0)
    assert estimate(runs[2:], durations, Budget(runs=3), 2, spent).exceeds
    assert estimate(runs[2:], durations, Budget(minutes=1.5), 2, spent).exceeds
    assert not estimate(runs[2:], durations, Budget(runs=4, minutes=2), 2, spent).exceeds
    allowance = Allowance(Budget(minutes=1.5), durations, clock=lambda: 0.0)
    assert allowance(runs[2]) == ""
    allowance.count_in(spent)
    assert "1.5 minutes is used up" in allowance(runs[3])


@pytest.mark.slow
def test_a_sweep_that_ends_with_its_budget_has_all_points_at_the_first_seed(tmp_path: Path) -> None:
    cells = (("parameters", "x = 1\nseed = 0"), "x")
    folder = write_project(tmp_path, "grid: {x: [1, 2, 3]}\nseeds: 3\nbudget: {runs: 3}\n", *cells)
    project = load_project(folder)
    results = execute_runs(project, plan_runs(project), workers=1)
    done = [result.run.parameters for result in results if result.status is RunStatus.DONE]
    assert done == [{"x": x, "seed": 0} for x in (1, 2, 3)]
    assert {result.reason for result in results[3:]} == {
        "the budget of 3 runs is used up; `budget:` in sweep.yml sets it"
    }
    again = execute_runs(project, plan_runs(project), workers=1)
    assert [result.status for result in again] == [RunStatus.DONE] * 3 + [RunStatus.NOT_STARTED] * 6
