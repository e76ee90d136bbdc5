"""What leaves a site, or is a draft, is in no output; after any changes the output is what a fresh build makes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from blogkit.cli import app, build, projects, publishing, runs, site  # noqa: F401  # each adds its verbs
from blogkit.config import load_site
from blogkit.pipeline import check_projects, publish_projects, publish_site
from blogkit.render import render_site
from tests.files import write_tree

SITE = """
project: {type: website}
website: {title: Posts, site-url: "https://example.org/blog"}
blogkit: {profile: plain}
"""
HOME = "---\ntitle: Posts\nlisting: {contents: projects, type: grid, categories: true}\n---\n"
POST = """---
title: Post {name}
author: [Ada {name}]
date: 2026-01-0{day}
categories: [{name}-nets]
{more}---

## Introduction

Words of {name}. See [the data](data-{name}.csv) and ![A drawing.](drawing-{name}.svg).
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><path d="M0 90 L100 10"/></svg>'
"""Every file of a post has its name, so that a search for the name finds whatever is left of it."""


def write_post(root: Path, name: str, day: int = 1, more: str = "", folder: str = "") -> None:
    place = f"projects/{folder or name}"
    text = POST.format(name=name, day=day, more=more)
    write_tree(
        root,
        {f"{place}/index.qmd": text, f"{place}/data-{name}.csv": "a\n1\n", f"{place}/drawing-{name}.svg": SVG},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = write_tree(tmp_path / "work", {"_quarto.yml": SITE, "index.qmd": HOME, ".gitignore": "_site/\n.blogkit/\n"})
    for day, name in enumerate(("ant", "bee", "cow"), start=1):
        write_post(made, name, day)
    return made


def output_of(root: Path) -> dict[str, bytes]:
    out = root / "_site"
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def render(root: Path, *names: str) -> None:
    where = load_site(root)
    render_site(where, engine="pandoc", only=[one for one in where.projects if one.name in names])


def fresh(root: Path, tmp_path: Path) -> dict[str, bytes]:
    """What a build of the same sources makes where nothing was built before."""
    copy = tmp_path / "fresh"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("_site", ".blogkit"))
    render(copy)
    return output_of(copy)


def draft(root: Path, name: str = "bee", day: int = 2) -> None:
    write_post(root, name, day, more="draft: true\n")


def remove(root: Path, name: str = "bee") -> None:
    shutil.rmtree(root / "projects" / name)


def rename(root: Path) -> None:
    (root / "projects/bee").rename(root / "projects/wasp")


def unlink(root: Path) -> None:
    text = (root / "projects/bee/index.qmd").read_text()
    (root / "projects/bee/index.qmd").write_text(text.replace("[the data](data-bee.csv)", "nothing"))


def draft_by_its_folder(root: Path) -> None:
    write_tree(root, {"projects/bee/_metadata.yml": "draft: true\n"})


def draft_by_the_site(root: Path) -> None:
    write_tree(root, {"_quarto.yml": SITE.replace("{title:", "{drafts: [projects/bee/index.qmd], title:")})


CHANGES: dict[str, Callable[[Path], None]] = {
    "removed": remove,
    "a draft": draft,
    "a draft by its folder": draft_by_its_folder,
    "a draft by the site": draft_by_the_site,
    "renamed": rename,
    "unlinked": unlink,
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_the_output_is_that_of_a_fresh_build(change: str, root: Path, tmp_path: Path) -> None:
    render(root)
    assert "bee-nets" in str(sorted(output_of(root)))
    CHANGES[change](root)
    render(root)
    assert output_of(root) == fresh(root, tmp_path)


@pytest.mark.parametrize("change", ["removed", "a draft"])
def test_rendering_another_post_takes_what_is_gone_away_too(change: str, root: Path) -> None:
    render(root)
    CHANGES[change](root)
    render(root, "ant")
    found = [name for name, data in output_of(root).items() if "bee" in name or b"bee" in data]
    assert found == []


def test_a_long_history_of_changes_ends_in_what_a_fresh_build_makes(root: Path, tmp_path: Path) -> None:
    render(root)
    draft(root)
    render(root)
    write_post(root, "bee", 2)
    render(root, "bee")
    rename(root)
    write_post(root, "doe", 4)
    render(root)
    remove(root, "ant")
    draft(root, "doe", 4)
    render(root, "doe")
    render(root)
    assert output_of(root) == fresh(root, tmp_path)
    write_post(root, "doe", 4)
    render(root)
    assert output_of(root) == fresh(root, tmp_path)


def test_what_blogkit_did_not_make_stays_and_is_not_published(root: Path, tmp_path: Path) -> None:
    render(root)
    mine = write_tree(root / "_site", {"projects/bee/mine.txt": "of my own", "mine.txt": "of my own"})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "index.html").write_text("elsewhere")
    remove(root)
    for name in ("index.html", "data-bee.csv", "drawing-bee.svg"):
        (root / "_site/projects/bee" / name).unlink()
    shutil.move(root / "_site/projects/bee/mine.txt", root / "_site/mine-too.txt")
    shutil.rmtree(root / "_site/projects/bee")
    (root / "_site/projects/bee").symlink_to(outside)  # leads out of the folder
    render(root)
    assert (outside / "index.html").read_text() == "elsewhere"
    assert (mine / "mine.txt").is_file() and (mine / "mine-too.txt").is_file()
    names = published(root, tmp_path)
    assert "projects/ant/index.html" in names and not [name for name in names if "mine" in name]


def test_where_sources_are_the_output_no_source_is_removed(root: Path) -> None:
    (root / "_quarto.yml").write_text(SITE.replace("{type: website}", '{type: website, output-dir: "."}'))
    render(root)
    unlink(root)
    render(root)
    assert (root / "projects/bee/data-bee.csv").read_text() == "a\n1\n"


def test_a_named_post_is_checked_or_published_though_it_is_a_draft_and_that_is_reported(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft(root)
    monkeypatch.chdir(root)
    command = ["publish", "--to", "zip", "--no-browser"]
    every = CliRunner().invoke(app, command)
    assert every.exit_code == 0, every.output
    assert "bee: a draft, left out." in every.output
    assert sorted(path.name for path in (root / "_submissions").iterdir()) == ["ant.zip", "cow.zip"]
    named = CliRunner().invoke(app, [*command, "bee"])
    assert named.exit_code == 0, named.output
    assert "bee is a draft, published since it was named." in named.output
    assert (root / "_submissions/bee.zip").is_file()


@pytest.mark.parametrize("target", ["zip", "folder", "single-html"])
def test_a_draft_is_published_nowhere_unless_it_is_named(target: str, root: Path) -> None:
    draft(root)
    made = publish_projects(load_site(root), target=target, browser=False)
    assert [release.project for release in made] == ["ant", "cow"]


def test_a_check_of_all_posts_makes_no_page_of_a_draft(root: Path) -> None:
    draft(root)
    render(root)
    reports = check_projects(load_site(root))
    assert len(reports) == 2
    assert not [name for name in output_of(root) if "bee" in name]


def test_the_pdf_of_a_post_goes_with_the_post_and_not_before(root: Path) -> None:
    from blogkit.render.made import add_papers

    where = load_site(root)
    manifest = render_site(where, engine="pandoc")
    papers = [page.output.with_suffix(".pdf") for page in manifest.pages if page.project]
    for paper in papers:
        paper.write_bytes(b"%PDF")
    add_papers(where, manifest.pages, papers)
    remove(root)
    render(root)
    assert {paper.parent.name for paper in papers if paper.is_file()} == {"ant", "cow"}


# --- on the branch ----------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@host.edu")


def published(root: Path, tmp_path: Path) -> list[str]:
    if not (root / ".git").exists():
        git(tmp_path, "init", "-q", "--bare", "remote.git")
        git(root, "init", "-q", "-b", "main")
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", "Sources")
        git(root, "remote", "add", "origin", str(tmp_path / "remote.git"))
    publish_site(load_site(root))
    return git(tmp_path / "remote.git", "ls-tree", "-r", "--name-only", "gh-pages").split()


@pytest.mark.parametrize("change", ["removed", "a draft", "renamed", "unlinked"])
def test_what_is_gone_from_the_site_is_gone_from_the_branch(change: str, root: Path, tmp_path: Path) -> None:
    assert "projects/bee/index.html" in published(root, tmp_path)
    CHANGES[change](root)
    assert sorted(published(root, tmp_path)) == sorted({*fresh(root, tmp_path), ".nojekyll"})
