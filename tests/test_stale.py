"""Whether a page is stale is one question with one answer: what it is made of has other contents than it had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blogkit.config import load_site
from blogkit.pipeline import check_projects, is_stale, stale_projects
from blogkit.render import render_site
from tests.files import site_tree, write_tree

QUARTO = "project: {type: website}\nwebsite: {title: Posts}\nblogkit: {profile: plain}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    head = "---\ntitle: A\ndate: 2026-01-01\nbibliography: ../../shared.bib\n---\n"
    post = f"{head}\n{{{{< include part.txt >}}}}\n\n[d](d.csv)\n"
    files = {"index.qmd": post, "part.txt": "Words.", "d.csv": "1", "notes.md": "mine"}
    write_tree(tmp_path, site_tree({"a": files, "b": {}}, QUARTO))
    write_tree(tmp_path, {"shared.bib": "@book{k, title = {T}}\n"})
    render_site(load_site(tmp_path), engine="pandoc")
    return tmp_path


def stale(root: Path) -> list[str]:
    where = load_site(root)
    return [project.name for project in stale_projects(where, where.projects)]


def test_what_was_only_touched_or_is_no_part_of_the_page_makes_nothing_stale(root: Path) -> None:
    assert stale(root) == []
    for path in (root / "projects/a").iterdir():
        os.utime(path, (4e9, 4e9))
    (root / "projects/a/notes.md").write_text("other notes")
    assert stale(root) == []


@pytest.mark.parametrize("name", ["projects/a/index.qmd", "projects/a/part.txt", "projects/a/d.csv", "shared.bib"])
def test_a_file_with_other_contents_makes_the_page_stale_though_it_seems_older(name: str, root: Path) -> None:
    with open(root / name, "a") as stream:
        stream.write("\n\n")
    os.utime(root / name, (1, 1))
    assert stale(root) == ["a"]
    check_projects(load_site(root))
    assert stale(root) == []


def test_the_site_s_configuration_or_a_lost_file_makes_pages_stale(root: Path) -> None:
    (root / "_site/projects/a/d.csv").unlink()
    assert stale(root) == ["a"]
    (root / "_site/projects/b/index.html").unlink()
    assert stale(root) == ["a", "b"]
    render_site(load_site(root), engine="pandoc")
    write_tree(root, {"_quarto.yml": QUARTO.replace("Posts", "Papers")})
    assert stale(root) == ["a", "b"]


def test_a_draft_that_was_rendered_by_name_is_not_stale(root: Path) -> None:
    write_tree(root, {"projects/b/index.qmd": "---\ntitle: B\ndraft: true\n---\n\nWords.\n"})
    where = load_site(root)
    (draft,) = (project for project in where.projects if project.name == "b")
    assert is_stale(where, draft)
    render_site(where, engine="pandoc", only=[draft])
    assert not is_stale(where, draft)
