"""A template may be a stranger's: it is filled in a sandbox within limits, links are refused, mistakes have a line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from blogkit.config import load_site
from blogkit.errors import NotebookError, ProjectError
from blogkit.model import Site
from blogkit.new import add_workflow, adopt_notebook, fill, init_site, new_project
from blogkit.tools.workers import Limits
from tests.files import EXPERIMENT, notebook, write_tree

POST = "---\ntitle: << title | yaml >>\n---\n\nWords.\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return load_site(init_site(tmp_path / "site", title="T"))


def own_starter(site: Site, post: str = POST, **more: str) -> Path:
    """A starter called `blank` in the site's own templates."""
    files = {"index.qmd.jinja": post, "sweep.yml": "seeds: [1]\n", "experiment.ipynb": notebook(*EXPERIMENT), **more}
    return write_tree(site.root / "template" / "blank", files)


HARMFUL = {
    "the classes of Python": "<< ''.__class__.__mro__[1].__subclasses__() >>",
    "the globals of a function": "<< lipsum.__globals__['os'].popen('touch ran').read() >>",
    "the globals of a filter's helper": "<< cycler.__init__.__globals__.os.system('touch ran') >>",
    "a format string": "<< '{0.__class__.__init__.__globals__}'.format(title) >>",
    "what was asked for": "<% set _ = authors.append('Mallory') %>",
    "another file": "<% include '/etc/passwd' %>",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_template_reaches_nothing_beyond_its_values(
    name: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    post = own_starter(site, f"---\ntitle: << title | yaml >>\n---\n\n{HARMFUL[name]}\n") / "index.qmd.jinja"
    with pytest.raises(ProjectError) as caught:
        new_project(site, "x")
    assert caught.value.problem.path == post
    assert caught.value.problem.line == 5
    assert not (tmp_path / "ran").exists()
    assert not (site.root / "projects" / "x").exists()


ENDLESS = {
    "time": "<% for a in range(99999) %><% for b in range(99999) %><% endfor %><% endfor %>",
    "memory": "<< 'x' * 9000000000 >>",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_template_that_takes_too_much_is_stopped(name: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    own_starter(site, POST + ENDLESS[name])
    monkeypatch.setattr(fill, "_LIMITS", Limits(seconds=2, memory=300_000_000))
    begun = time.monotonic()
    with pytest.raises(
        ProjectError, match=r"cannot be filled: it (took longer than 2 seconds|needs more than 0\.3 GB)"
    ):
        new_project(site, "x")
    assert time.monotonic() - begun < 30


MISTAKES = {
    "a name that it does not know": ("<< titel >>", "'titel' is undefined", "Did you mean"),
    "a block that is not closed": ("<% for author in authors %>", "Unexpected end of template", "A value is written"),
    "a filter that there is not": ("<< title | upcase >>", "No filter named 'upcase'", "A value is written"),
    "a sum of unlike things": ("<< title + 1 >>", "can only concatenate str", "A value is written"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_starter_is_reported_with_its_line(name: str, site: Site) -> None:
    text, said, hint = MISTAKES[name]
    post = own_starter(site, f"---\ntitle: << title | yaml >>\n---\n\nWords.\n\n{text}\n") / "index.qmd.jinja"
    with pytest.raises(ProjectError) as caught:
        new_project(site, "x")
    problem = caught.value.problem
    assert (problem.path, problem.line) == (post, 7)
    assert said in problem.message
    assert hint in problem.hint


def test_a_starter_that_is_no_utf8_is_reported_with_its_line(site: Site) -> None:
    post = own_starter(site) / "index.qmd.jinja"
    post.write_bytes(b"---\ntitle: x\n---\n\nM\xfcller\n")
    with pytest.raises(ProjectError, match="is not UTF-8") as caught:
        new_project(site, "x")
    assert caught.value.problem.line == 5


def test_a_starter_of_the_sites_own_may_use_loops_conditions_and_filters(site: Site) -> None:
    own_starter(site, POST + "<% for a in authors %>\n- << a | upper >>\n<% endfor %>\n")
    project = new_project(site, "x", authors=["Ada", "Bo"])
    assert project.post.read_text().endswith("Words.\n- ADA\n- BO\n")


def linked(kind: str, site: Site, secret: Path) -> None:
    """Puts a link into the site's own starter, or in its place."""
    starter = own_starter(site)
    target = secret if kind == "a folder" else secret / "key"
    if kind in {"the starter", "the templates"}:
        place = starter if kind == "the starter" else starter.parent
        os.rename(place, secret / "moved")
        place.symlink_to(secret / "moved", target_is_directory=True)
    else:
        name = "index.qmd.jinja" if kind == "a file to fill" else "data"
        (starter / name).unlink(missing_ok=True)
        (starter / name).symlink_to(target)
        if kind == "a file to fill":
            (starter / "index.qmd").write_text("x")


@pytest.mark.parametrize("kind", ["a file", "a file to fill", "a folder", "the starter", "the templates"])
def test_a_link_in_a_sites_templates_is_refused_by_name(kind: str, site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    write_tree(secret, {"key": "PRIVATE"})
    linked(kind, site, secret)
    with pytest.raises(ProjectError, match="is a link") as caught:
        new_project(site, "x")
    assert caught.value.problem.path is not None
    assert caught.value.problem.path.is_symlink()
    assert not (site.root / "projects" / "x").exists()


def test_a_link_is_refused_in_a_sites_template_and_in_a_workflow(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("PRIVATE")
    templates = write_tree(tmp_path / "t", {"site/_quarto.yml": "project:\n  type: website\n", "ci-github/x": "y"})
    for folder in ("site", "ci-github"):
        (templates / folder / "linked.yml").symlink_to(tmp_path / "key")
    with pytest.raises(ProjectError, match="is a link"):
        init_site(tmp_path / "new", template=templates)
    with pytest.raises(ProjectError, match="is a link"):
        add_workflow(tmp_path, "github", template=templates)
    assert not (tmp_path / "new" / "_quarto.yml").exists()


def test_a_link_is_refused_in_what_is_put_around_a_notebook_and_as_the_notebook(site: Site, tmp_path: Path) -> None:
    tree = {"own.ipynb": notebook(*EXPERIMENT), "t/from-notebook/index.qmd.jinja": "x", "key": "PRIVATE"}
    write_tree(tmp_path, tree)
    (tmp_path / "linked.ipynb").symlink_to(tmp_path / "own.ipynb")
    with pytest.raises(NotebookError, match="is a link"):
        adopt_notebook(site, "x", tmp_path / "linked.ipynb")
    (tmp_path / "t" / "from-notebook" / "data").symlink_to(tmp_path / "key")
    with pytest.raises(ProjectError, match="is a link"):
        adopt_notebook(site, "x", tmp_path / "own.ipynb", template=tmp_path / "t")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "cloned"
    folder.mkdir()
    (folder / ".gitignore").symlink_to(outside / "made")
    init_site(folder)
    assert not (outside / "made").exists()
    (folder / ".github").symlink_to(outside, target_is_directory=True)
    with pytest.raises(ProjectError, match="is a link"):
        add_workflow(folder, "github")
    assert list(outside.iterdir()) == []


def test_a_pipe_in_a_template_is_refused_and_not_waited_for(site: Site) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(own_starter(site) / "data")
    with pytest.raises(ProjectError, match="is no ordinary file"):
        new_project(site, "x")


def test_a_template_of_too_many_bytes_is_not_copied(site: Site) -> None:
    with (own_starter(site) / "data.bin").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(ProjectError, match="holds more than"):
        new_project(site, "x")
