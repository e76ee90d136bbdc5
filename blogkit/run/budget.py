"""What a sweep may cost: asked before it begins, and held while it runs.

Runs come seed by seed, so a sweep that ends with its budget is a balanced one: every point of the grid at the seeds
that were reached.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blogkit.model import Budget, Run
from blogkit.run.status import Durations


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a sweep would cost beside what it may cost."""

    runs: int
    seconds: float | None
    """Wall-clock time with the given workers; None when no run has been made yet to tell it from."""
    budget: Budget

    @property
    def exceeds(self) -> bool:
        """Whether it would cost more than it may."""
        too_many = self.budget.runs is not None and self.runs > self.budget.runs
        minutes = self.budget.minutes
        return too_many or (minutes is not None and self.seconds is not None and self.seconds > minutes * 60)


def estimate(runs: Sequence[Run], durations: Durations, budget: Budget, workers: int) -> Estimate:
    """What these runs would cost."""
    return Estimate(runs=len(runs), seconds=durations.estimate_all(runs, workers), budget=budget)


class Allowance:
    """Holds a budget while a sweep runs: asked before each run, it says why that one may not begin, or nothing.

    A run is not begun when, going by others like it, it would end after the time is over. What runs is not cut off.
    """

    def __init__(self, budget: Budget, durations: Durations, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget, self._durations, self._clock = budget, durations, clock
        self._began = clock()
        self._runs = 0
        self._lock = threading.Lock()

    def __call__(self, run: Run) -> str:
        """A reason not to begin this run, or nothing; then it is counted."""
        with self._lock:
            budget = self._budget
            if budget.runs is not None and self._runs >= budget.runs:
                return f"the budget of {budget.runs} runs is used up"
            if budget.minutes is not None:
                spent = self._clock() - self._began
                ahead = self._durations.estimate(run) or 0.0
                if spent + ahead > budget.minutes * 60 or spent >= budget.minutes * 60:
                    return f"the budget of {budget.minutes:g} minutes is used up"
            self._runs += 1
            return ""

    def learn(self, run: Run, seconds: float) -> None:
        """Takes a run that has ended into account."""
        with self._lock:
            self._durations = self._durations.adding(run, seconds)
