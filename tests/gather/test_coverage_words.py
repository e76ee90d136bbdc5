"""The commands say how much of the sweep the results hold: status, check, publish, and a run with nothing to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from blogkit.cli import app, publishing, runs
from blogkit.config import load_project
from blogkit.gather import gather
from blogkit.model import Project
from blogkit.run.plan import plan_runs
from tests.files import EXPERIMENT, write_project
from tests.gather.stores import store_failure, store_runs


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Nine planned runs, of which two failed; their results are gathered."""
    project = load_project(write_project(tmp_path, "grid: {width: [4, 8, 16]}\nseeds: 3\n"))
    planned = plan_runs(project)
    store_runs(project, planned[:7])
    for run in planned[7:]:
        store_failure(project, run)
    gather(project, planned)
    monkeypatch.chdir(tmp_path)
    return project


VERBS = (publishing, runs)
"""Each adds its verbs to the app."""


def blogkit(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_status_says_what_the_results_lack(project: Project) -> None:
    reported = blogkit("status").stdout
    assert reported.startswith("p: 7 of 9 runs done, 2 failed\n")
    assert "  results/ holds 7 of 9 planned runs; missing: 2 failed (seed=2)\n" in reported


@pytest.mark.slow
def test_check_and_publish_say_it_and_publish_goes_on(project: Project) -> None:
    assert "7 of 9 planned runs; missing: 2 failed (seed=2)" in blogkit("check", "--profile", "plain").stdout
    done = blogkit("publish", "--to", "folder", "--profile", "plain", "--no-browser")
    assert done.exit_code == 0
    assert "warning: p: the results hold 7 of 9 planned runs; missing: 2 failed (seed=2)." in done.stderr


def test_runs_whose_folders_are_gone_are_not_in_the_store(project: Project) -> None:
    store_runs(project, plan_runs(project))
    assert blogkit("run").stdout == "p: nothing to do, 9 runs in the store.\n"
    gather(project, plan_runs(project))
    shutil.rmtree(project.folder / "runs")
    assert blogkit("run").stdout == "p: nothing to do, 9 runs in results/ alone (their folders are not here).\n"
    store_runs(project, plan_runs(project)[:4])
    reported = blogkit("run").stdout
    assert reported == "p: nothing to do, 4 runs in the store, 5 runs in results/ alone (their folders are not here).\n"


def test_a_file_that_the_experiment_names_and_no_input_covers_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"data.csv": "1", "other.csv": "1"}
    folder = write_project(tmp_path, "seeds: 1\n", *EXPERIMENT, "open('data.csv')", **files)
    monkeypatch.chdir(tmp_path)
    reported = blogkit("run", "--dry-run").stderr
    assert reported.startswith(
        "p: the experiment names data.csv, which is no input of sweep.yml: a change makes no new run."
    )
    assert "inputs: [data.csv]" in reported and "other" not in reported
    (folder / "sweep.yml").write_text("seeds: 1\ninputs: [data.csv]\n")
    assert blogkit("run", "--dry-run").stderr == ""
