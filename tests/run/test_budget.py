"""A budget holds to its edge: exactly what it allows may be spent, and nothing more; minutes are sixty seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blogkit.config import load_project
from blogkit.model import Budget, Run
from blogkit.run.budget import NOTHING, Allowance, Spent, estimate, spent_on
from blogkit.run.plan import plan_runs
from blogkit.run.status import Durations
from tests.files import write_project


def runs_of(tmp_path: Path, count: int) -> tuple[Run, ...]:
    return plan_runs(load_project(write_project(tmp_path, f"seeds: {count}\n")))


def known(runs: tuple[Run, ...], seconds: float) -> Durations:
    return Durations(known={}).adding(runs[0], seconds)


@pytest.mark.parametrize(
    ("budget", "spent", "exceeds"),
    [
        (Budget(runs=4), NOTHING, False),
        (Budget(runs=3), NOTHING, True),
        (Budget(runs=6), Spent(runs=2), False),
        (Budget(runs=5), Spent(runs=2), True),
        (Budget(minutes=2), NOTHING, False),
        (Budget(minutes=1.99), NOTHING, True),
        (Budget(minutes=3), Spent(seconds=60), False),
        (Budget(minutes=3), Spent(seconds=61), True),
        (Budget(), Spent(runs=99, seconds=1e9), False),
    ],
)
def test_an_estimate_exceeds_a_budget_only_beyond_its_edge(
    tmp_path: Path, budget: Budget, spent: Spent, exceeds: bool
) -> None:
    """Four runs of a minute, two at a time: two minutes."""
    runs = runs_of(tmp_path, 4)
    assert estimate(runs, known(runs, 60), budget, 2, spent).exceeds is exceeds


@pytest.mark.parametrize(("workers", "seconds"), [(0, 240), (1, 240), (2, 120), (3, 80), (4, 60), (9, 60)])
def test_runs_side_by_side_share_the_time_and_none_is_split(tmp_path: Path, workers: int, seconds: float) -> None:
    runs = runs_of(tmp_path, 4)
    assert known(runs, 60).estimate_all(runs, workers) == seconds


def test_an_allowance_of_runs_is_used_to_the_last(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, 4)
    allow = Allowance(Budget(runs=3), Durations(known={}))
    allow.count_in(Spent(runs=1))
    assert [bool(allow(run)) for run in runs] == [False, False, True, True]


@pytest.mark.parametrize(("now", "refused"), [(0.0, False), (59.9, False), (60.0, False), (60.1, True)])
def test_a_run_begins_when_it_would_end_within_the_minutes(tmp_path: Path, now: float, refused: bool) -> None:
    """Two minutes, and runs of one."""
    runs = runs_of(tmp_path, 2)
    times = iter([0.0, now])
    allow = Allowance(Budget(minutes=2), known(runs, 60), clock=lambda: next(times))
    assert bool(allow(runs[0])) is refused


@pytest.mark.parametrize(("now", "refused"), [(119.9, False), (120.0, True)])
def test_a_run_of_unknown_time_begins_until_the_minutes_are_over(tmp_path: Path, now: float, refused: bool) -> None:
    times = iter([0.0, now])
    allow = Allowance(Budget(minutes=2), Durations(known={}), clock=lambda: next(times))
    assert bool(allow(runs_of(tmp_path, 1)[0])) is refused


def test_what_was_spent_counts_as_these_workers_would_have_taken_it(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path, "seeds: 3\n"))
    runs = plan_runs(project)
    for run in runs[:2]:
        (project.folder / "runs" / run.id).mkdir(parents=True)
        (project.folder / "runs" / run.id / "run.json").write_text(json.dumps({"seconds": 30.0}))
    assert spent_on(project, runs[:2], 2) == Spent(runs=2, seconds=30.0)
    assert spent_on(project, runs[:2], 1) == Spent(runs=2, seconds=60.0)
    assert spent_on(project, runs[:2], 0) == Spent(runs=2, seconds=60.0)
