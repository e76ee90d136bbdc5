"""What a sweep may cost: asked before it begins, and held while it runs.

A budget is the sweep's, not one command's: what was made of it before counts, so that a sweep which is stopped and
taken up again ten times costs no more than one that runs through.

Runs come seed by seed, so a sweep that ends with its budget is a balanced one: every point of the grid at the seeds
that were reached.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from blogkit.errors import StoreError
from blogkit.model import Budget, Project, Run
from blogkit.run.status import Durations
from blogkit.store import ProjectPaths, RunPaths, gathered_runs, read_json, stored_ids


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What was made of a sweep before."""

    runs: int = 0
    seconds: float = 0.0
    """Wall-clock time, as the workers of now would have taken it."""


NOTHING = Spent()


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a sweep would cost beside what it may cost."""

    runs: int
    seconds: float | None
    """Wall-clock time with the given workers; None when no run has been made yet to tell it from."""
    budget: Budget
    spent: Spent = NOTHING
    """What was made of the sweep before, with its time as these workers would have taken it."""

    @property
    def exceeds(self) -> bool:
        """Whether it would cost more than it may."""
        too_many = self.budget.runs is not None and self.spent.runs + self.runs > self.budget.runs
        seconds = self.spent.seconds + (self.seconds or 0.0)
        return too_many or (self.budget.minutes is not None and seconds > self.budget.minutes * 60)


def estimate(
    runs: Sequence[Run], durations: Durations, budget: Budget, workers: int, spent: Spent = NOTHING
) -> Estimate:
    """What these runs would cost, beside what was spent before."""
    return Estimate(runs=len(runs), seconds=durations.estimate_all(runs, workers), budget=budget, spent=spent)


def spent_on(project: Project, made: Sequence[Run], workers: int) -> Spent:
    """What those runs of a sweep cost that have results, stored here or gathered."""
    paths = ProjectPaths.of(project)
    stored, gathered = stored_ids(paths), gathered_runs(paths)
    seconds = 0.0
    for run in made:
        with suppress(StoreError, KeyError, TypeError, ValueError):
            record = read_json(RunPaths(folder=paths.runs / run.id).record) if run.id in stored else gathered[run.id]
            seconds += float(record["seconds"])
    return Spent(runs=len(made), seconds=seconds / max(1, workers))


class Allowance:
    """Holds a budget while a sweep runs: asked before each run, it says why that one may not begin, or nothing.

    A run is not begun when, going by others like it, it would end after the time is over. What runs is not cut off.
    """

    def __init__(self, budget: Budget, durations: Durations, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget, self._durations, self._clock = budget, durations, clock
        self._began = clock()
        self._spent = NOTHING
        self._runs = 0
        self._lock = threading.Lock()

    def count_in(self, spent: Spent) -> None:
        """Takes into account what was made of the sweep before."""
        with self._lock:
            self._spent = spent

    def __call__(self, run: Run) -> str:
        """A reason not to begin this run, or nothing; then it is counted."""
        with self._lock:
            budget = self._budget
            if budget.runs is not None and self._spent.runs + self._runs >= budget.runs:
                return f"the budget of {budget.runs} runs is used up; `budget:` in sweep.yml sets it"
            if budget.minutes is not None:
                spent = self._spent.seconds + self._clock() - self._began
                ahead = self._durations.estimate(run) or 0.0
                if spent + ahead > budget.minutes * 60 or spent >= budget.minutes * 60:
                    return f"the budget of {budget.minutes:g} minutes is used up; `budget:` in sweep.yml sets it"
            self._runs += 1
            return ""

    def learn(self, run: Run, seconds: float) -> None:
        """Takes a run that has ended into account."""
        with self._lock:
            self._durations = self._durations.adding(run, seconds)
