"""A build executes what has no results yet, also where what is there is whole and current."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from blogkit.config import load_project, load_site
from blogkit.model import Project, Run, RunResult
from blogkit.pipeline import build, gather, plan
from blogkit.store import RunPaths
from tests.files import write_project


class AskedToRun(Exception):
    """What a build wanted to execute."""


def execute(project: Project, missing: Sequence[Run], *, made: Sequence[Run]) -> Sequence[RunResult]:
    raise AskedToRun([run.parameters["width"] for run in missing], len(made))


def test_a_value_that_is_added_to_the_grid_is_run_by_the_next_build(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "grid: {width: [4, 8]}\nseeds: 1\n")
    project = load_project(folder)
    for run in plan(project):
        paths = RunPaths(folder=folder / "runs" / run.id)
        paths.folder.mkdir(parents=True)
        paths.metrics.write_text(json.dumps({"metric": "error", "value": 0.5, "step": None}) + "\n")
        paths.record.write_text(json.dumps({"seconds": 2.0, "device": "CPU", "status": "done", "versions": {}}))
    gather(project)
    (folder / "sweep.yml").write_text("grid: {width: [4, 8, 16]}\nseeds: 1\n")
    with pytest.raises(AskedToRun) as asked:
        build(load_site(tmp_path), execute=execute)
    assert asked.value.args == ([16], 2)
