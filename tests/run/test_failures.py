"""Runs that fail are grouped by what they share, with Jupyter's cell and line, and with advice that is true."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from blogkit.cli import app
from blogkit.cli import runs as runs_verbs  # noqa: F401  # adds its verbs to the app
from blogkit.config import load_project
from blogkit.model import Run, RunResult, RunStatus
from blogkit.run.failures import describe_failures, group_failures, jupyter_number
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, stored_ids
from tests.files import notebook, write_project

SWEEP = "grid:\n  norm: [none, batch]\n  batch: [2, 8]\nseeds: 2\n"
CELLS = (
    ("markdown", "# One run"),
    ("parameters", "norm = 'none'\nbatch = 8\nseed = 0"),
    "from blogkit import record\n\n\ndef step():\n"
    "    if norm == 'batch' and batch == 2:\n        raise ValueError(f'1 value, {seed}')",
    ("markdown", "## Training"),
    "record.metric('loss', 1)\nstep()",
)


def results_of(runs: tuple[Run, ...], fails: object = None) -> list[RunResult]:
    return [
        RunResult(
            run=run,
            status=RunStatus.FAILED if callable(fails) and fails(run.parameters) else RunStatus.DONE,
            seconds=1,
            reason=f"ValueError: 1 value, {run.seed}",
            cell=5,
        )
        for run in runs
    ]


def described(results: list[RunResult]) -> str:
    return describe_failures([one for one in results if one.status is not RunStatus.DONE], results)


def test_failures_that_share_their_parameters_are_one_message(tmp_path: Path) -> None:
    runs = plan_runs(load_project(write_project(tmp_path, SWEEP, *CELLS)))
    reported = described(results_of(runs, lambda at: at["norm"] == "batch" and at["batch"] == 2))
    assert reported.count("ValueError") == 1
    assert "failed in cell [3]: ValueError: 1 value" in reported
    assert "all 2 runs with norm=batch batch=2, such as" in reported
    assert 'exclude: [{"norm": "batch", "batch": 2}]' in reported


def test_failures_at_some_levels_of_a_parameter_name_them(tmp_path: Path) -> None:
    sweep = "grid:\n  norm: [none, batch]\n  batch: [2, 4, 8]\nseeds: 2\n"
    runs = plan_runs(load_project(write_project(tmp_path, sweep, *CELLS)))
    told = described(results_of(runs, lambda at: at["norm"] == "batch" and at["batch"] < 8))
    assert "all 4 runs with norm=batch batch=2 or 4" in told
    assert 'exclude: [{"norm": "batch", "batch": [2, 4]}]' in told
    (tmp_path / "projects" / "p" / "sweep.yml").write_text(sweep + 'exclude: [{"norm": "batch", "batch": [2, 4]}]\n')
    assert len(plan_runs(load_project(tmp_path / "projects" / "p"))) == len(runs) - 4


def test_where_others_with_these_parameters_succeed_nothing_is_to_be_left_out(tmp_path: Path) -> None:
    runs = plan_runs(load_project(write_project(tmp_path, SWEEP.replace("seeds: 2", "seeds: 3"), *CELLS)))
    reported = described(results_of(runs, lambda at: at["norm"] == "batch" and at["batch"] == 2 and at["seed"] > 0))
    assert "2 of the 3 runs with norm=batch batch=2" in reported and "exclude" not in reported
    reported = described(results_of(runs, lambda at: at["norm"] == "batch" and at["batch"] == 2 and at["seed"] == 1))
    assert "batch=2 norm=batch" in reported or "norm=batch batch=2" in reported
    everything = described(results_of(runs, lambda at: True))
    assert "12 runs, such as" in everything and "exclude" not in everything


def test_different_errors_are_different_groups_and_the_largest_comes_first(tmp_path: Path) -> None:
    runs = plan_runs(load_project(write_project(tmp_path, SWEEP, *CELLS)))
    results = results_of(runs, lambda at: at["batch"] == 2)
    odd = RunResult(run=runs[-1], status=RunStatus.DIED, seconds=1, reason="out of memory", cell=3)
    failed = [one for one in results if one.status is not RunStatus.DONE and one.run is not odd.run]
    groups = list(group_failures([odd, *failed], [*results, odd]))
    assert [len(group.results) for group in groups] == sorted((len(group.results) for group in groups), reverse=True)
    assert {group.results[0].reason for group in groups} >= {"out of memory"}


def test_cells_are_counted_as_jupyter_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(notebook(("markdown", "a"), "x = 1", "", ("markdown", "b"), "y = 2"))
    assert jupyter_number(path, 2) == 1
    assert jupyter_number(path, 5) == 2
    assert jupyter_number(path, 4) is None
    assert jupyter_number(tmp_path / "none.ipynb", 1) is None


@pytest.mark.slow
def test_the_advice_is_true_when_it_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_project(tmp_path, SWEEP, *CELLS)
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["run", "--workers", "2", *arguments])
        return done.exit_code, str(done.exception or "") + done.stdout + done.stderr

    code, reported = run()
    assert code == 1, reported
    assert "2 of 8 runs did not succeed" in reported
    assert "failed in cell [3], line 2: ValueError: 1 value" in reported
    assert "all 2 runs with norm=batch batch=2" in reported
    paths = ProjectPaths(folder=folder)
    before = stored_ids(paths)
    assert len(before) == 6
    assert "2 of 2 runs did not succeed" in run()[1], "the same command tries these alone again"
    edited = (folder / "experiment.ipynb").read_text()
    (folder / "experiment.ipynb").write_text(edited.replace("norm == 'batch'", "norm == 'never'"))
    assert not before & {one.id for one in plan_runs(load_project(folder))}, "after an edit every run is made anew"
    (folder / "experiment.ipynb").write_text(edited)
    (folder / "sweep.yml").write_text(SWEEP + 'exclude: [{"norm": "batch", "batch": 2}]\n')
    code, reported = run()
    assert code == 0 and "nothing to do" in reported and stored_ids(paths) == before
