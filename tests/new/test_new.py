"""`new` makes a project that is whole and well named, or says why not; nothing that is there is touched."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from blogkit.config import front_matter, load_site
from blogkit.errors import ProjectError
from blogkit.model import Site
from blogkit.new import init_site, new_project, slug
from blogkit.run.plan import plan_runs

TODAY = datetime.date(2026, 11, 3)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return load_site(init_site(tmp_path / "site", title="Deep: learning"))


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("myproject", "myproject"),
        ("My Project", "my-project"),
        ("Does ReLU die?", "does-relu-die"),
        ("v1.2.final", "v1-2-final"),
        ("Überanpassung", "uberanpassung"),
        ("--x--", "x"),
    ],
)
def test_a_name_becomes_a_clean_folder(name: str, folder: str) -> None:
    assert slug(name) == folder


@pytest.mark.parametrize("name", ["", "...", "神经网络", "a/b", "..", "../../etc", "a\\b", "con", "x" * 200])
def test_a_name_that_could_break_something_is_refused(name: str) -> None:
    with pytest.raises(ProjectError):
        slug(name)


@given(st.text(max_size=100))
def test_no_name_whatever_makes_a_folder_outside_or_an_odd_one(name: str) -> None:
    try:
        made = slug(name)
    except ProjectError:
        return
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)


def test_a_new_project_can_be_planned_at_once(site: Site) -> None:
    project = new_project(site, "My Project", authors=["Ada: Example", "Bo"], today=TODAY)
    assert project.folder == site.root / "projects" / "my-project"
    assert len(plan_runs(project)) == 15
    head = front_matter(project.post).data
    assert head["title"] == "My Project"
    assert head["author"] == [{"name": "Ada: Example"}, {"name": "Bo"}]
    assert datetime.date.fromisoformat(head["date"]) == TODAY


def test_a_title_may_hold_anything(site: Site) -> None:
    title = 'A "quoted": {{< title >}} — 神经 \\ #1'
    project = new_project(site, "x", title=title, today=TODAY)
    assert front_matter(project.post).data["title"] == title


def test_the_templates_notebooks_hold_no_outputs_and_each_cell_has_an_id(site: Site) -> None:
    project = new_project(site, "x")
    for path in project.folder.glob("*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        assert all(cell["id"] for cell in cells)
        assert not any(cell.get("outputs") for cell in cells)


def test_an_existing_project_is_never_touched(site: Site) -> None:
    project = new_project(site, "x")
    project.post.write_text("mine")
    with pytest.raises(ProjectError, match="already"):
        new_project(site, "X")
    assert project.post.read_text() == "mine"
    assert [path.name for path in (site.root / "projects").iterdir()] == ["x"], "nothing half made is left"


def test_an_unknown_starter_is_an_error_message(site: Site) -> None:
    with pytest.raises(ProjectError, match="Did you mean 'blank'"):
        new_project(site, "x", starter="blnk")
    with pytest.raises(ProjectError, match="There is no starter"):
        new_project(site, "x", starter="site")


def test_a_template_of_ones_own_is_used(site: Site, tmp_path: Path) -> None:
    own = tmp_path / "own" / "ours"
    own.mkdir(parents=True)
    (own / "index.qmd.jinja").write_text("---\ntitle: << title | yaml >>\n---\n{{< meta title >}} {% raw %}\n")
    project = new_project(site, "x", starter="ours", template=tmp_path / "own")
    assert project.post.read_text() == '---\ntitle: "X"\n---\n{{< meta title >}} {% raw %}\n'


def test_a_site_is_made_around_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "index.qmd").write_text("mine")
    root = init_site(tmp_path)
    assert (root / "index.qmd").read_text() == "mine"
    assert yaml.safe_load((root / "_quarto.yml").read_text())["project"]["type"] == "website"
    assert "runs/" in (root / ".gitignore").read_text()
    with pytest.raises(ProjectError, match="a site already"):
        init_site(tmp_path)
