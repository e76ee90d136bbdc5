"""Each published study is its starter, filled, with results of the full sweep and a post that holds to them."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from blogkit.check import Report
from blogkit.config import front_matter, load_project, load_site
from blogkit.model import Site
from blogkit.new import init_site, new_project
from blogkit.pipeline import check_projects
from blogkit.run.plan import plan_runs
from blogkit.tools.chromium import can_browse

ROOT = Path(__file__).parents[1]
STARTERS = sorted(
    folder.name
    for folder in (ROOT / "projects").glob("*")
    if (folder / "results" / "runs.json").is_file() and (ROOT / "template" / folder.name).is_dir()
)
MADE_HERE = {"results", "runs"}

pytestmark = pytest.mark.parametrize("starter", STARTERS)


def files(folder: Path) -> dict[str, bytes]:
    """What lies in a project, by its path, without what blogkit makes there."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.relative_to(folder).parts[0] not in MADE_HERE and ".ipynb_checkpoints" not in path.parts
    }


def values(starter: str) -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "projects" / starter / "results" / "values.yml").read_text(encoding="utf-8"))
    said: dict[str, Any] = document["values"]
    return said


def provenance(starter: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "projects" / starter / "results" / "runs.json").read_text("utf-8"))
    return document


def post(starter: str) -> str:
    return (ROOT / "projects" / starter / "index.qmd").read_text(encoding="utf-8")


def test_the_published_project_is_the_filled_template_byte_for_byte(starter: str, tmp_path: Path) -> None:
    project = ROOT / "projects" / starter
    head = front_matter(project / "index.qmd").data
    written = datetime.date.fromisoformat(head["date"])
    site = init_site(tmp_path / "site")
    made = new_project(
        load_site(site),
        starter,
        starter=starter,
        title=head["title"],
        authors=[author["name"] for author in head["author"]],
        template=ROOT / "template",
        today=written,
    )
    expected, found = files(made.folder), files(project)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == [], "make one from the other"


def test_its_notebooks_are_committed_without_outputs(starter: str) -> None:
    for path in (ROOT / "template" / starter).glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert all(cell["id"] for cell in cells)
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_its_small_sweep_is_what_a_newcomer_runs_and_the_full_one_has_five_seeds(starter: str) -> None:
    project = load_project(ROOT / "projects" / starter)
    assert project.sweep is not None
    assert project.sweep.scale == "small"
    small, full = plan_runs(project, scale="small"), plan_runs(project, scale="full")
    assert len(small) * 2 <= len(full)  # and each of its runs may be smaller too
    assert len({run.seed for run in full}) >= 5


def test_its_results_hold_every_run_of_the_full_sweep_as_the_code_is_now(starter: str) -> None:
    project = load_project(ROOT / "projects" / starter)
    document = provenance(starter)
    assert document["scale"] == "full"
    wanted = {run.id for run in plan_runs(project, scale="full")}
    assert {run["id"] for run in document["runs"]} == wanted
    table = pd.read_parquet(project.folder / "results" / "metrics.parquet")
    assert set(table["run"]) == wanted
    assert all(run["status"] == "done" and run["seconds"] > 0 and run["device"] for run in document["runs"])
    assert all(run["commit"] and not run["dirty"] for run in document["runs"]), "publish runs of committed code"


def test_its_post_quotes_only_values_that_the_results_have_and_shows_every_figure_and_table(starter: str) -> None:
    text, results = post(starter), ROOT / "projects" / starter / "results"
    quoted = set(re.findall(r"\{\{< meta values\.([A-Za-z0-9_-]+) >\}\}", text))
    assert quoted
    assert sorted(quoted - values(starter).keys()) == []
    charts = {path.stem for path in (results / "charts").glob("*.svg")}
    tables = {path.stem for path in (results / "tables").glob("*.md")}
    assert set(re.findall(r"\(results/charts/([\w-]+)\.(?:svg|png)\)", text)) == charts
    assert set(re.findall(r"results/tables/([\w-]+)\.md", text)) == tables
    assert 4 <= len(charts) + len(tables) <= 6


def test_at_least_two_of_its_figures_are_interactive(starter: str) -> None:
    charts = ROOT / "projects" / starter / "results" / "charts"
    awake = [path.name for path in charts.glob("*.vl.json") if json.loads(path.read_text("utf-8")).get("params")]
    assert len(awake) >= 2


def test_every_reference_can_be_looked_up_and_is_cited(starter: str) -> None:
    text = (ROOT / "projects" / starter / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{([\w-]+),", text, re.MULTILINE)
    assert len(keys) >= 5
    assert len(set(keys)) == len(keys)
    assert set(keys) == {key for key in re.findall(r"@([a-z]+\d{4}\w*)", post(starter)) if not key.startswith("fig")}
    for entry in re.split(r"^@", text, flags=re.MULTILINE)[1:]:
        assert all(re.search(rf"^\s*{field}\s*=", entry, re.MULTILINE) for field in ("title", "author", "year")), entry


@pytest.fixture(scope="module")
def reports(rendered_site: Site) -> dict[str, Report]:
    """What is said of every post, rendered from its committed results and opened in one browser where there is one."""
    return {report.name: report for report in check_projects(rendered_site, profile="mit-6.7960", browser=can_browse())}


@pytest.mark.slow
@pytest.mark.xdist_group("published-posts")
def test_its_post_passes_the_courses_check_without_a_finding_in_a_browser_too(
    starter: str, reports: dict[str, Report]
) -> None:
    report = reports[starter]
    assert [f"{one.level} {one.code} {one.message}" for one in report.standing] == []
    assert 2_000 <= report.facts["words"] <= 3_000
    assert 4 <= report.facts["figures"] + report.facts["tables"] <= 6
