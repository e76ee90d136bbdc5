"""A run's record says which commit holds its code, and whether it does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from blogkit.config import load_project
from blogkit.run.provenance import standing
from blogkit.tools.git import Revision
from tests.files import write_project


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(root), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project in a repository whose one commit holds only the site's file."""
    folder = write_project(tmp_path, "seeds: 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "_quarto.yml")
    git(tmp_path, "commit", "-q", "-m", "site")
    return folder


def test_a_commit_that_holds_nothing_of_the_project_is_not_its_commit(folder: Path) -> None:
    found = standing(load_project(folder))
    assert found == Revision(commit=git(folder, "rev-parse", "HEAD"), dirty=True, untracked=True)


def test_an_ignored_project_is_untracked(folder: Path) -> None:
    """git's status says nothing of ignored files."""
    (folder.parents[1] / ".gitignore").write_text("projects/\n")
    git(folder, "add", str(folder.parents[1] / ".gitignore"))
    git(folder, "commit", "-q", "-m", "ignore")
    found = standing(load_project(folder))
    assert found is not None and found.untracked and found.dirty


def test_committed_changed_and_clean_are_kept_apart(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "project")
    assert standing(load_project(folder)) == Revision(commit=git(folder, "rev-parse", "HEAD"), dirty=False)
    (folder / "results").mkdir()
    (folder / "results" / "x").write_text("made by blogkit")
    found = standing(load_project(folder))
    assert found is not None and not found.dirty
    (folder / "experiment.ipynb").write_text((folder / "experiment.ipynb").read_text() + "\n")
    found = standing(load_project(folder))
    assert found is not None and found.dirty and not found.untracked
