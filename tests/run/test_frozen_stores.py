"""The six posts' sweeps, frozen with what was gathered: a later version finds every one of their runs again."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.config import load_project
from blogkit.pipeline import plan, runs_to_do
from blogkit.store import ProjectPaths, gathered_runs

FROZEN = Path(__file__).parent / "frozen"
RUNS = {
    "architectures": 35,
    "dead-relu": 360,
    "double-descent": 180,
    "perceptron": 180,
    "scaling-laws": 40,
    "transfer": 20,
}


@pytest.mark.parametrize(("name", "count"), RUNS.items())
def test_every_run_of_a_frozen_store_is_planned_under_its_id(name: str, count: int) -> None:
    project = load_project(FROZEN / name)
    runs = plan(project)
    assert len(runs) == count
    assert {run.id for run in runs} == set(gathered_runs(ProjectPaths.of(project)))
    assert runs_to_do(project, runs) == ()
