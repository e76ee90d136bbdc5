"""A run whose records are damaged is told with file and line, is no evidence, and is made again as the message says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from blogkit.config import load_project
from blogkit.coverage import Absence, gathered_coverage
from blogkit.damage import damage_of, record_digests
from blogkit.errors import ProjectError
from blogkit.gather import gather
from blogkit.model import Project
from blogkit.pipeline import runs_to_do
from blogkit.run.execute import execute_runs
from blogkit.run.plan import plan_runs
from blogkit.run.status import RunPhase, read_status
from blogkit.store import ProjectPaths, RunPaths
from tests.files import EXPERIMENT, write_project
from tests.gather.stores import store_runs

DAMAGES: dict[str, tuple[Callable[[RunPaths], object], str]] = {
    "no JSON": (lambda run: run.metrics.write_text("no JSON\n"), "metrics.jsonl, line 1, is no record"),
    "half a line": (
        lambda run: run.metrics.write_text(run.metrics.read_text() + '{"metric": "err'),
        "metrics.jsonl, line 2, is no record",
    ),
    "a list": (lambda run: run.metrics.write_text("[1]\n"), "metrics.jsonl, line 1, is no record"),
    "a word for a number": (
        lambda run: run.metrics.write_text('{"metric": "error", "value": "x"}\n'),
        "metrics.jsonl, line 1, is no record",
    ),
    "too deep": (lambda run: run.metrics.write_text("[" * 50_000), "metrics.jsonl, line 1, is no record"),
    "bytes": (lambda run: run.metrics.write_bytes(b"\xff\xfe\x00"), "metrics.jsonl, line 1, is no record"),
    "emptied": (lambda run: run.metrics.write_text(""), "metrics.jsonl is not what the run recorded"),
    "another number": (
        lambda run: run.metrics.write_text(run.metrics.read_text().replace("0.", "9.")),
        "metrics.jsonl is not what the run recorded",
    ),
    "gone": (lambda run: run.metrics.unlink(), "metrics.jsonl is missing"),
    "values": (lambda run: run.values.write_text('{"value": 1}\n'), "values.jsonl, line 1, is no record"),
    "what was recorded": (lambda run: run.index.write_text("{}\n"), "recorded.jsonl, line 1, is no record"),
    "a list as the record": (lambda run: run.record.write_text("[]"), "run.json is no record of a run"),
    "half a record": (lambda run: run.record.write_text('{"id": '), "run.json is not readable"),
    "no record": (lambda run: run.record.unlink(), "run.json is missing"),
    "another run's record": (lambda run: _edit(run, id="0123456789ab"), "run.json is the record of another run"),
    "other parameters": (lambda run: _edit(run, parameters={"width": 64}), "run.json states other parameters"),
}


def _edit(run: RunPaths, **more: object) -> None:
    run.record.write_text(json.dumps({**json.loads(run.record.read_text()), **more}))


def project_of(tmp_path: Path) -> Project:
    """Three runs, stored with the digests of what they recorded."""
    project = load_project(write_project(tmp_path, "grid: {width: [4, 8, 16]}\n"))
    runs = plan_runs(project)
    store_runs(project, runs)
    for run in runs:
        folder = RunPaths(folder=project.folder / "runs" / run.id)
        _edit(folder, records=record_digests(folder))
    return project


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_run_is_told_set_aside_and_made_again(tmp_path: Path, kind: str) -> None:
    project = project_of(tmp_path)
    damage, expected = DAMAGES[kind]
    runs = plan_runs(project)
    paths = ProjectPaths.of(project)
    damage(RunPaths(folder=paths.runs / runs[1].id))
    gathered = gather(project, runs)
    (note,) = gathered.notes
    assert f"run {runs[1].id} (width=8 seed=0) is damaged: {expected}" in note
    assert "`blogkit run p` makes it again" in note and (paths.failed / runs[1].id).is_dir()
    assert sorted(set(pd.read_parquet(paths.metrics)["width"])) == [4, 16]
    assert [run.id for run in runs_to_do(project, runs)] == [runs[1].id]  # what the message says works
    (missing,) = gathered.coverage.missing
    assert missing.absence is Absence.DAMAGED and expected in missing.reason
    state = read_status(project, runs).runs[1]
    assert state.state is RunPhase.FAILED and state.reason.startswith(f"damaged: {expected}")
    assert gather(project, runs).notes == ()  # it is told once
    coverage = gathered_coverage(paths, runs)
    assert coverage is not None and coverage.reasons() == "1 damaged (width=8)"


def test_sound_runs_are_sound_also_those_of_versions_that_noted_no_digests(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    (first, second, third) = plan_runs(project)
    _edit(RunPaths(folder=project.folder / "runs" / first.id), records=None)
    metrics = RunPaths(folder=project.folder / "runs" / second.id).metrics
    metrics.write_text('{"metric": "loss", "value": NaN, "step": 1}\n{"metric": "loss", "value": Infinity}\n')
    _edit(RunPaths(folder=metrics.parent), records=record_digests(RunPaths(folder=metrics.parent)))
    for run in (first, second, third):
        assert damage_of(run, RunPaths(folder=project.folder / "runs" / run.id)) == ""


def test_where_every_run_is_damaged_the_error_message_says_so(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    for run in plan_runs(project):
        RunPaths(folder=project.folder / "runs" / run.id).metrics.write_text("x\n")
    with pytest.raises(ProjectError, match=r"no run .* is sound.*metrics.jsonl, line 1"):
        gather(project, plan_runs(project))


@pytest.mark.slow
def test_a_run_notes_the_digests_of_what_it_recorded(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path, "seeds: 1\n", *EXPERIMENT))
    (result,) = execute_runs(project, plan_runs(project))
    assert result.folder is not None
    folder = RunPaths(folder=result.folder)
    assert json.loads(folder.record.read_text())["records"] == record_digests(folder)
    assert damage_of(result.run, folder) == ""
