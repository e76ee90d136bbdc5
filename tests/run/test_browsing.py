"""Stored runs can be listed, sorted, filtered, compared and pruned, and what results stand on is never removed."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blogkit.cli import app, browsing
from blogkit.config import load_project
from blogkit.errors import NotStored, ProjectError
from blogkit.gather import gather
from blogkit.model import Project
from blogkit.run.browsing import compare_runs, find_run, list_runs, plan_pruning, prune, room_problem, sort_runs
from blogkit.run.claims import claim
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, RunPaths
from tests.files import notebook, write_project
from tests.gather.stores import store_failure, store_runs

VERBS = browsing
"""Adds its verbs to the app."""
SWEEP = "grid: {width: [4, 8, 16]}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three planned runs, all stored; the wider, the smaller its error."""
    project = load_project(write_project(tmp_path, SWEEP))
    store_runs(project, plan_runs(project))
    monkeypatch.chdir(tmp_path)
    return project


def replan(project: Project, sweep: str) -> Project:
    (project.folder / "sweep.yml").write_text(sweep)
    return load_project(project.folder)


def blogkit(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["runs", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.stdout
    return done.stdout


def test_runs_are_sorted_by_a_parameter_a_metric_or_what_every_run_has(project: Project) -> None:
    runs = list_runs(project)
    assert [run.parameters["width"] for run in sort_runs(runs, "error")] == [16, 8, 4]
    assert [run.parameters["width"] for run in sort_runs(runs, "width", descending=True)] == [16, 8, 4]
    assert len(sort_runs(runs, "seconds")) == 3
    with pytest.raises(ProjectError, match="no run has 'erorr'") as caught:
        sort_runs(runs, "erorr")
    assert "width, seed, error" in str(caught.value) or "error" in str(caught.value)


def test_a_run_without_the_column_comes_last(project: Project) -> None:
    first = plan_runs(project)[0]
    RunPaths(folder=project.folder / "runs" / first.id).metrics.unlink()
    assert [run.id == first.id for run in sort_runs(list_runs(project), "error")] == [False, False, True]


def test_the_list_shows_what_each_run_is_to_the_sweep(project: Project) -> None:
    gather(project, plan_runs(project))
    smaller = replan(project, "grid: {width: [4, 32]}\n")
    store_failure(smaller, plan_runs(smaller)[1])
    said = blogkit("list", "--sort", "width")
    assert said.startswith("p: 4 runs, ")
    lines = {line.split()[0]: line for line in said.splitlines()[2:]}
    standings = {line.split()[1] for line in lines.values()}
    assert standings == {"planned", "gathered", "failed"} and "0.5" in said
    chosen = blogkit("list", "--only", "width=8")
    assert "width=8" in chosen and "width=4" not in chosen
    assert "no stored runs with these values" in blogkit("list", "--only", "width=5")


def test_a_fresh_clone_lists_the_runs_that_its_results_hold(project: Project) -> None:
    gather(project, plan_runs(project))
    shutil.rmtree(project.folder / "runs")
    rows = json.loads(blogkit("list", "--json"))
    assert sorted((row["parameters"]["width"], round(row["metrics"]["error"], 3)) for row in rows) == [
        (4, 0.5), (8, 0.333), (16, 0.25)
    ]  # fmt: skip
    assert "in results/" in blogkit("list")


def test_text_that_a_run_recorded_does_not_act_in_the_terminal(project: Project) -> None:
    run = RunPaths(folder=project.folder / "runs" / plan_runs(project)[0].id)
    run.metrics.write_text(json.dumps({"metric": "\x1b[2Jerror", "value": 1.0, "step": None}) + "\n")
    assert "\x1b" not in blogkit("list")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda first, second: None, []),
        (lambda first, second: _edit(second, versions={"torch": "2.9"}), [("version", "torch", None, "2.9")]),
        (lambda first, second: _edit(second, commit="abc"), [("code", "commit", None, "abc")]),
        (lambda first, second: _edit(second, threads=4), [("machine", "threads", None, 4)]),
        (lambda first, second: _both_cells(first, second), [("code", "cell 1", "a = 1", "a = 2")]),
    ],
)
def test_two_runs_are_compared(project: Project, change: Any, expected: list[tuple[Any, ...]]) -> None:
    one, other = (RunPaths(folder=project.folder / "runs" / run.id) for run in plan_runs(project)[:2])
    change(one, other)
    runs = list_runs(project)
    found = compare_runs(find_run(runs, one.folder.name), find_run(runs, other.folder.name[:8]))
    always = [("parameter", "width", 4, 8), ("metric", "error", 0.5, 1 / 3)]
    assert [(each.kind, each.name, each.before, each.after) for each in found] == always + expected


def test_compare_prints_the_lines_of_code_that_differ(project: Project) -> None:
    one, other = (RunPaths(folder=project.folder / "runs" / run.id) for run in plan_runs(project)[:2])
    _cells(one, "a = 1\nb = 2")
    _cells(other, "a = 1\nb = 3")
    said = blogkit("compare", one.folder.name, other.folder.name)
    assert "parameter width: 4 → 8" in said and "- b = 2" in said and "+ b = 3" in said and "a = 1" not in said


def test_an_id_that_is_unknown_or_begins_several_is_an_error_message(project: Project) -> None:
    runs = list_runs(project)
    for prefix in ("zzz", ""):
        with pytest.raises(ProjectError, match="no stored run's id begins with"):
            find_run(runs, prefix)


def _edit(run: RunPaths, **more: Any) -> None:
    run.record.write_text(json.dumps({**json.loads(run.record.read_text()), **more}))


def _both_cells(first: RunPaths, second: RunPaths) -> None:
    _cells(first, "a = 1")
    _cells(second, "a = 2")


def _cells(run: RunPaths, source: str) -> None:
    run.notebook.write_text(notebook(source))


# --- what could go --------------------------------------------------------------------------------------------------


def test_only_what_nothing_needs_is_pruned(project: Project) -> None:
    planned = {run.parameters["width"]: run.id for run in plan_runs(project)}
    gather(project, [run for run in plan_runs(project) if run.parameters["width"] != 16])
    smaller = replan(project, "grid: {width: [4, 32]}\n")
    store_failure(smaller, plan_runs(smaller)[1])
    left_over = ProjectPaths.of(project).work / "0123456789ab-deadbeef"
    left_over.mkdir(parents=True)
    pruning = plan_pruning(smaller)
    assert {one.path.name for one in pruning.removable} == {planned[16], plan_runs(smaller)[1].id, left_over.name}
    assert pruning.kept == 1  # width 8 is planned no more, but the results stand on it
    assert prune(smaller, pruning) == pruning.size > 0
    assert {path.name for path in (project.folder / "runs").iterdir() if path.name[0] != "."} == {
        planned[4],
        planned[8],
    }
    assert not plan_pruning(smaller).removable and not list(ProjectPaths.of(project).work.iterdir())


def test_a_run_of_another_scale_and_one_that_is_being_made_stay(project: Project) -> None:
    scaled = replan(
        project, "grid: {width: [4]}\nscales:\n  small: {}\n  full: {grid: {width: [4, 8]}}\nscale: small\n"
    )
    (stale,) = plan_pruning(scaled).removable
    held = claim(ProjectPaths.of(project).claim(stale.path.name))
    assert held is not None
    with held:
        assert not plan_pruning(scaled).removable
        assert prune(scaled, plan_pruning(project)) == 0 and stale.path.is_dir()


def test_size_and_age_choose(project: Project) -> None:
    other = replan(project, "grid: {width: [64]}\n")
    for number, one in enumerate(plan_pruning(other).removable):
        (one.path / "large.bin").write_bytes(b"x" * 1000 * number)
        for path in (*one.path.iterdir(), one.path):
            os.utime(path, (time.time() - 86400 * 2 * number,) * 2)
    assert len(plan_pruning(other).removable) == 3
    assert len(plan_pruning(other, older_than=86400.0).removable) == 2
    assert len(plan_pruning(other, larger_than=2000).removable) == 1
    assert "2 folders to remove" in blogkit("prune", "--older-than", "1d")
    assert "Nothing was removed" in blogkit("prune") and len(plan_pruning(other).removable) == 3
    assert "freed" in blogkit("prune", "--larger-than", "2kB", "--yes") and len(plan_pruning(other).removable) == 2


def test_nothing_is_pruned_where_it_is_not_known_what_results_stand_on(project: Project) -> None:
    gather(project, plan_runs(project))
    ProjectPaths.of(project).provenance.write_text("{ damaged")
    with pytest.raises(NotStored):
        plan_pruning(project)


def test_a_sweep_that_will_not_fit_is_reported(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert room_problem(project, 3) == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1000, 900, 100))
    assert "3 runs will need about" in room_problem(project, 3) and room_problem(project, 0) == ""
