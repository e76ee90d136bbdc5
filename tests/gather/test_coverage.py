"""The results know the very runs that they come from, and say which planned runs they lack, and why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from blogkit.check import check_project
from blogkit.check.rules import find_rule
from blogkit.cli.runs import describe_coverage, describe_gathered
from blogkit.config import load_project, load_site
from blogkit.coverage import Absence, Coverage, MissingRun, coverage_of, gathered_coverage
from blogkit.gather import gather, is_current
from blogkit.model import Project, RenderedPage
from blogkit.pipeline import coverage
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, read_json
from tests.files import notebook, write_project
from tests.gather.stores import store_failure, store_runs

SWEEP = "grid: {width: [4, 8, 16]}\nseeds: 3\n"


def project_of(tmp_path: Path, sweep: str = SWEEP) -> Project:
    return load_project(write_project(tmp_path, sweep))


def test_runs_that_were_made_again_are_gathered_again(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_runs(project, runs)
    gather(project, runs)
    assert is_current(project, runs)
    store_runs(project, runs[:2], value=lambda number: 7.0)
    assert not is_current(project, runs)
    found = coverage(project)
    assert found is not None and found.made_again == 2
    assert describe_coverage(found) == ["2 runs made again since `blogkit gather`"]
    assert "metrics.parquet" in gather(project, runs).changed
    assert is_current(project, runs)
    assert gathered_coverage(ProjectPaths.of(project), runs) == Coverage(planned=9, varying=("width", "seed"))


def test_the_same_numbers_made_again_are_other_runs(tmp_path: Path) -> None:
    """What a figure says of time and commit is of the later execution."""
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_runs(project, runs, started="2026-01-01T00:00:00+00:00")
    gather(project, runs)
    store_runs(project, runs, started="2026-01-02T00:00:00+00:00")
    assert not is_current(project, runs)


def test_results_without_run_folders_stay_current(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_runs(project, runs[:7])
    store_failure(project, runs[7])
    gather(project, runs)
    shutil.rmtree(project.folder / "runs")
    assert is_current(project, runs)
    assert gather(project, runs, force=True).changed == ()


def test_results_of_an_earlier_version_stay_current_on_a_clone(tmp_path: Path) -> None:
    """They note no execution, so that committed results need not be made again for an upgrade."""
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_runs(project, runs)
    gather(project, runs)
    path = ProjectPaths.of(project).provenance
    document = read_json(path)
    for record in document["runs"]:
        del record["digest"]
    import hashlib

    document["made_from"] = hashlib.sha256(json.dumps([1, [run.id for run in runs]]).encode()).hexdigest()[:16]
    del document["planned"], document["missing"]
    path.write_text(json.dumps(document))
    assert not is_current(project, runs), "the folders say more than the results do"
    shutil.rmtree(project.folder / "runs")
    assert is_current(project, runs)


def test_what_is_missing_is_reported_with_why(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    runs = plan_runs(project)
    wide = [run for run in runs if run.parameters["width"] == 16]
    store_runs(project, [run for run in runs if run not in wide])
    store_failure(project, wide[0])
    store_failure(project, wide[1])
    store_failure(project, wide[2], status="interrupted")
    reported = describe_gathered(gather(project, runs))
    assert "from 6 of 9 planned runs; missing: 2 failed (width=16), 1 stopped (width=16 seed=2)." in reported
    text = ProjectPaths.of(project).compute.read_text()
    assert text.startswith("The evidence stands on 6 of 9 planned runs over 3 seeds, which took 12 seconds in all")
    assert "Missing: 2 failed (width=16), 1 stopped (width=16 seed=2)." in text
    (project.folder / "sweep.yml").write_text("grid: {width: [4, 8, 16, 32]}\nseeds: 3\n")
    found = coverage(load_project(project.folder))
    assert found is not None
    assert found.count() == "6 of 12 planned runs"
    assert found.reasons().endswith("3 planned since the results were gathered (width=32)")
    store_runs(project, wide[:1])
    again = coverage(project)
    assert again is not None and "1 made since, but not gathered (width=16 seed=0)" in again.reasons()


def test_without_failures_what_is_missing_was_never_run(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_runs(project, runs[:8])
    found = gather(project, runs).coverage
    assert found.reasons() == "1 never run (width=16 seed=2)"
    assert found.missing == (MissingRun(id=runs[8].id, parameters=runs[8].parameters, absence=Absence.NEVER_RUN),)


def test_a_failure_ends_with_a_success(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_failure(project, runs[0])
    paths = ProjectPaths.of(project)
    assert coverage_of(paths, runs, results=[run.id for run in runs]).whole


def test_results_of_earlier_code_are_reported(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    store_runs(project, plan_runs(project))
    gather(project, plan_runs(project))
    experiment = project.folder / "experiment.ipynb"
    experiment.write_text(experiment.read_text().replace("1 / (width", "2 / (width"))
    found = coverage(project)
    assert found is not None and found.outside == 9 and found.count() == "0 of 9 planned runs"
    assert "results/ holds 9 runs of earlier code or other parameters" in describe_coverage(found)


@pytest.mark.parametrize("profile", ["plain", "mit-6.7960", "iclr-blogposts"])
def test_check_finds_missing_runs_in_every_venue(tmp_path: Path, profile: str) -> None:
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_runs(project, runs[:7])
    gather(project, runs)
    page = tmp_path / "_site" / "index.html"
    page.parent.mkdir()
    page.write_text("<html><body><main><h1>p</h1></main></body></html>")
    site = load_site(tmp_path)
    rendered = RenderedPage(source=project.post, output=page)
    report = check_project(site, project, rendered, profile=profile, coverage=coverage(project))
    rule = find_rule("whole-sweep")
    assert rule is not None
    (finding,) = [one for one in report.findings if one.code == rule.code]
    assert (
        finding.message == "the results hold 7 of 9 planned runs; missing: 2 never run (width=16)."
        or "7 of 9 planned runs; missing: 2 never run" in finding.message
    )
    assert finding.path == project.folder / "sweep.yml"
    whole = check_project(site, project, rendered, profile=profile, coverage=Coverage(planned=9))
    assert rule.code not in {one.code for one in whole.findings}


def test_nothing_is_reported_where_nothing_was_gathered(tmp_path: Path) -> None:
    assert coverage(project_of(tmp_path)) is None


FIGURES = (
    "import plots",
    "offset = float(open('offset.txt').read())",
    "from blogkit import record",
    "record.value('x', offset)",
)


@pytest.mark.slow
def test_results_follow_what_the_figures_notebook_imports_and_reads(tmp_path: Path) -> None:
    folder = write_project(
        tmp_path,
        "seeds: 1\n",
        **{
            "figures.ipynb": notebook(*FIGURES),
            "plots.py": "colour = 'red'\n",
            "offset.txt": "1.5",
            "unused.py": "",
            "unused.txt": "",
        },
    )
    project = load_project(folder)
    runs = plan_runs(project)
    store_runs(project, runs)
    gather(project, runs)
    (folder / "unused.py").write_text("x = 1")
    (folder / "unused.txt").write_text("2")
    assert is_current(project, runs)
    (folder / "offset.txt").write_text("2.5")
    assert not is_current(project, runs)
    assert gather(project, runs).changed == ("values.yml",)
    (folder / "plots.py").write_text("colour = 'blue'\n")
    assert not is_current(project, runs)
    assert plan_runs(project) == runs, "neither costs a run"


def test_results_are_not_current_when_what_is_missing_changed(tmp_path: Path) -> None:
    """The page says how many runs were planned and why some are missing, so either makes it old."""
    project = project_of(tmp_path)
    runs = plan_runs(project)
    store_runs(project, runs[:8])
    gather(project, runs)
    assert is_current(project, runs)
    assert not is_current(project, runs[:8])
    store_failure(project, runs[8])
    assert not is_current(project, runs)
    assert "compute.md" in gather(project, runs).changed
    assert is_current(project, runs)
