"""`results/` is made from runs and the figures notebook: whole, the same each time, lasting without the runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from blogkit.cli.runs import describe_gathered
from blogkit.config import load_project
from blogkit.errors import NotebookError, ProjectError
from blogkit.gather import gather, is_current
from blogkit.gather.metrics import metrics_table
from blogkit.model import Project
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, RunPaths, gathered_scale
from tests.files import notebook, write_project
from tests.gather.stores import store_runs

SWEEP = "grid: {width: [4, 8]}\nseeds: 2\nscales:\n  full: {seeds: 3}\n"
FIGURES = (
    "import pandas as pd\nfrom blogkit import record\nmetrics = pd.read_parquet('results/metrics.parquet')",
    "final = metrics.groupby('width')['value'].mean()\nrecord.value('best', final.min(), error=0.01)",
    "record.table('summary', final.reset_index(), caption='Errors')",
    "record.chart('errors', {'data': {'values': final.reset_index().to_dict('records')}, 'mark': 'point',"
    " 'encoding': {'x': {'field': 'width', 'type': 'quantitative'}, 'y': {'field': 'value', 'type': 'quantitative'}}})",
)


def make(tmp_path: Path, *figures: str) -> Project:
    """A project whose runs are stored, as if they had been executed."""
    folder = write_project(tmp_path, SWEEP, **{"figures.ipynb": notebook(*(figures or FIGURES))})
    project = load_project(folder)
    for number, run in enumerate(plan_runs(project)):
        paths = RunPaths(folder=folder / "runs" / run.id)
        paths.folder.mkdir(parents=True)
        paths.metrics.write_text(json.dumps({"metric": "error", "value": 1 / (number + 2), "step": None}) + "\n")
        paths.record.write_text(json.dumps({"seconds": 2.0, "device": "CPU", "status": "done", "versions": {}}))
    return project


def contents(project: Project) -> dict[str, bytes]:
    root = ProjectPaths.of(project).results
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes_also_without_their_folders(tmp_path: Path) -> None:
    project = make(tmp_path)
    runs = plan_runs(project)
    assert not is_current(project, runs)
    first = gather(project, runs)
    assert first.missing == 0
    made = contents(project)
    assert sorted(made) == [
        "charts/errors.svg",
        "charts/errors.vl.json",
        "compute.md",
        "metrics.parquet",
        "runs.json",
        "tables/summary.md",
        "values.yml",
    ]
    assert yaml.safe_load(made["values.yml"])["values"] == {"best": "0.267\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.010"}
    assert b"4 runs over 2 seeds, which took 8.0 seconds in all" in made["compute.md"]
    assert is_current(project, runs)
    assert gather(project, runs).changed == ()
    assert gather(project, runs, force=True).changed == ()
    assert contents(project) == made
    shutil.rmtree(project.folder / "runs")
    assert is_current(project, runs), "a clone without run folders has current results"
    assert gather(project, runs, force=True).changed == ()
    assert contents(project) == made


@pytest.mark.slow
def test_results_follow_an_edit_a_lost_file_and_a_renamed_table(tmp_path: Path) -> None:
    project = make(tmp_path)
    runs = plan_runs(project)
    gather(project, runs)
    paths = ProjectPaths.of(project)
    paths.values.write_text("values: {best: '0.1'}")
    assert not is_current(project, runs), "a number changed by hand is not a result"
    assert gather(project, runs).changed == ("values.yml",)
    renamed = [cell.replace("'summary'", "'all'") for cell in FIGURES]
    (project.folder / "figures.ipynb").write_text(notebook(*renamed))
    assert not is_current(project, runs)
    assert gather(project, runs).changed == ("tables/all.md", "tables/summary.md")
    assert [path.name for path in paths.tables.iterdir()] == ["all.md"], "what is not made any more goes"


@pytest.mark.slow
def test_a_scale_is_noted_and_missing_runs_are_counted(tmp_path: Path) -> None:
    project = make(tmp_path)
    gathered = gather(project, plan_runs(project, scale="full"), scale="full")
    assert (gathered.runs, gathered.missing) == (4, 2)
    assert gathered_scale(ProjectPaths.of(project)) == "full"


@pytest.mark.slow
def test_a_figures_notebook_that_raises_is_an_error_message_and_leaves_its_traces(tmp_path: Path) -> None:
    project = make(tmp_path, "x = 1", "1 / 0")
    with pytest.raises(NotebookError, match=r"cell 2: .*ZeroDivisionError") as caught:
        gather(project, plan_runs(project))
    assert caught.value.problem.path == project.folder / "figures.ipynb"
    assert (ProjectPaths.of(project).drawn / "notebook.ipynb").is_file()
    assert not ProjectPaths.of(project).provenance.exists()


@pytest.mark.slow
def test_a_gathering_that_fails_changes_nothing(tmp_path: Path) -> None:
    project = make(tmp_path)
    runs = plan_runs(project)
    gather(project, runs)
    before = contents(project)
    store_runs(project, runs, value=lambda number: 5.0 + number)
    figures = project.folder / "figures.ipynb"
    good = figures.read_text()
    figures.write_text(notebook(*FIGURES, "1 / 0"))
    with pytest.raises(NotebookError, match="ZeroDivisionError"):
        gather(project, runs)
    assert contents(project) == before
    figures.write_text(good)
    (project.folder / "index.qmd").write_text("---\ntitle: p\n---\n\nBest: {{< meta values.best >}}.\n")
    reported = describe_gathered(gather(project, runs)).replace("\N{NO-BREAK SPACE}", " ")
    assert "\n  best: 0.267 ± 0.010 → 6.000 ± 0.010  (quoted in index.qmd:5)" in reported
    assert contents(project)["metrics.parquet"] != before["metrics.parquet"]


@pytest.mark.parametrize("step", [None, 3])
def test_of_a_metric_that_was_recorded_twice_the_last_number_counts(tmp_path: Path, step: int | None) -> None:
    project = make(tmp_path)
    (run, *_) = plan_runs(project)
    paths = RunPaths(folder=project.folder / "runs" / run.id)
    rows = [("error", 1.0, step), ("error", 2.0, step), ("other", 9.0, step), ("error", 3.0, step)]
    paths.metrics.write_text(
        "".join(json.dumps({"metric": metric, "value": value, "step": at}) + "\n" for metric, value, at in rows)
    )
    table = metrics_table([run], {run.id: paths}, None)
    assert list(zip(table["metric"], table["value"], strict=True)) == [("error", 3.0), ("other", 9.0)]


def test_without_any_run_there_is_nothing_to_gather(tmp_path: Path) -> None:
    project = make(tmp_path)
    shutil.rmtree(project.folder / "runs")
    with pytest.raises(ProjectError, match="blogkit run p"):
        gather(project, plan_runs(project))
