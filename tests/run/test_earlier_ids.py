"""Runs that an earlier version stored, under ids that took in every Python file, keep their place: nothing is rerun."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from blogkit.config import load_project
from blogkit.gather import gather
from blogkit.gather.metrics import read_parquet
from blogkit.model import Project, Run
from blogkit.pipeline import coverage, plan, runs_to_do
from blogkit.run.plan import earlier_id_of, plan_runs
from blogkit.store import ProjectPaths, RunPaths, gathered_runs, read_json, stored_ids, write_text
from tests.files import EXPERIMENT, write_project
from tests.gather.stores import store_runs


def make(tmp_path: Path) -> tuple[Project, list[Run]]:
    """A project with a helper and a plotting module, and its runs as that version stored them."""
    folder = write_project(
        tmp_path,
        "grid: {width: [4, 8]}\nseeds: 2\n",
        *EXPERIMENT,
        "import helper",
        **{"helper.py": "x = 1\n", "plots.py": "colour = 'red'\n"},
    )
    project = load_project(folder)
    runs = list(plan_runs(project))
    earlier = earlier_id_of(project, runs)
    from dataclasses import replace

    return project, [replace(run, id=earlier[run.id]) for run in runs]


def test_the_earlier_rule_gives_the_ids_that_it_gave() -> None:
    """Recorded with the version that had it, for the project in `frozen-modules`."""
    folder = Path(__file__).parent / "frozen-modules" / "p"
    project = load_project(folder)
    recorded = read_json(folder / "ids.json")
    runs = plan_runs(project)
    found = earlier_id_of(project, runs)
    assert [found.get(run.id, run.id) for run in runs] == recorded
    assert not {run.id for run in runs} & set(recorded)


def test_stored_runs_get_their_ids_of_today_and_nothing_is_to_do(tmp_path: Path) -> None:
    project, earlier = make(tmp_path)
    store_runs(project, earlier)
    runs = plan(project)
    assert runs_to_do(project, runs) == ()
    paths = ProjectPaths.of(project)
    assert stored_ids(paths) == {run.id for run in runs}
    for run, before in zip(runs, earlier, strict=True):
        record = read_json(RunPaths(folder=paths.runs / run.id).record)
        assert (record["id"], record["earlier_id"]) == (run.id, before.id)
    (project.folder / "plots.py").write_text("colour = 'blue'\n")
    assert runs_to_do(project, plan(project)) == (), "a module that only figures import costs no run"
    (project.folder / "helper.py").write_text("x = 2\n")
    assert len(runs_to_do(project, plan(project))) == 4


@pytest.mark.parametrize("folders", [True, False], ids=["with folders", "a clone"])
def test_gathered_results_go_along_with_their_rows(tmp_path: Path, folders: bool) -> None:
    project, earlier = make(tmp_path)
    paths = ProjectPaths.of(project)
    store_runs(project, earlier)
    gather(project, earlier)
    if not folders:
        shutil.rmtree(paths.runs)
    runs = plan(project)
    assert runs_to_do(project, runs) == ()
    assert list(gathered_runs(paths)) == [run.id for run in runs]
    found = coverage(project)
    assert found is not None and found.whole, "another id is no other execution"
    gather(project, runs)
    table = read_parquet(paths.metrics)
    assert table is not None and set(table["run"]) == {run.id for run in runs} and len(table) == 4


def test_runs_of_other_code_are_not_taken_for_todays(tmp_path: Path) -> None:
    project, earlier = make(tmp_path)
    store_runs(project, earlier)
    (project.folder / "helper.py").write_text("x = 2\n")
    assert len(runs_to_do(project, plan(project))) == 4
    assert stored_ids(ProjectPaths.of(project)) == {run.id for run in earlier}


def test_a_run_that_is_there_under_both_ids_stays(tmp_path: Path) -> None:
    project, earlier = make(tmp_path)
    store_runs(project, earlier)
    runs = plan_runs(project)
    store_runs(project, runs[:1], value=lambda number: 5.0)
    plan(project)
    paths = ProjectPaths.of(project)
    assert "5.0" in RunPaths(folder=paths.runs / runs[0].id).metrics.read_text()
    write_text(paths.runs / "note.txt", "a stranger")
    assert runs_to_do(project, plan(project)) == ()


@pytest.mark.parametrize(
    "name",
    [".ipynb_checkpoints/helper-checkpoint.py", "venv/lib/x.py", ".venv/x.py", "__pycache__/x.py", "x.py/readme"],
)
def test_what_is_hidden_cached_or_installed_makes_no_run(tmp_path: Path, name: str) -> None:
    folder = write_project(tmp_path, "seeds: 2\n", *EXPERIMENT, "import helper", **{"helper.py": "x = 1\n"})
    project = load_project(folder)
    store_runs(project, plan(project))
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("y = 1\n")
    assert runs_to_do(project, plan(project)) == ()
