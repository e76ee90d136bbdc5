"""Sites that are made once a test run and shared by every test that only looks at them.

This repository's, rendered; and a newcomer's, of which the project that `blogkit new` makes was run and built.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from blogkit.config import load_site
from blogkit.model import Site
from blogkit.render import render_site

ROOT = Path(__file__).parents[1]
SOURCES = ("_quarto.yml", "index.qmd", "about.qmd", "docs", "projects")


def copy_sources(root: Path) -> None:
    """The sources of the site, without what runs left and without the project that `make site` makes."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("runs", ".*", "myproject"))
        else:
            shutil.copy(ROOT / name, root / name)


def made_once(factory: pytest.TempPathFactory, worker: str, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker to ask makes, and that all others get."""
    base = factory.getbasetemp()
    shared = (base if worker == "master" else base.parent) / name
    with FileLock(f"{shared}.lock"):
        if not shared.is_dir():
            beside = shared.with_name(f"{name}.part")
            shutil.rmtree(beside, ignore_errors=True)  # of a worker that died
            beside.mkdir()
            make(beside)
            beside.rename(shared)
    return shared


@pytest.fixture(scope="session")
def rendered_site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Site:
    """The site with its pages, by the embedded engine; whoever needs to change it copies it first."""

    def make(folder: Path) -> None:
        copy_sources(folder)
        render_site(load_site(folder), engine="pandoc")

    return load_site(made_once(tmp_path_factory, worker_id, "rendered-site", make))


@dataclass(frozen=True)
class NewcomersSite:
    """A site with the project that `blogkit new` makes, built twice; whoever needs to change it copies it first."""

    root: Path
    seconds: float
    """How long the first build took."""
    seconds_again: float
    """How long a second build took, with nothing changed."""
    said_again: str

    @property
    def project(self) -> Path:
        return self.root / "projects" / "does-width-help"


def blogkit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that has to succeed, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "blogkit", *arguments], cwd=folder, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, f"blogkit {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done


def _build_newcomers_site(folder: Path) -> None:
    blogkit(folder, "init", "site", "--title", "Class of 2026")
    site = folder / "site"
    blogkit(site, "new", "Does Width Help?", "--author", "Ada Example")
    begun = time.perf_counter()
    blogkit(site, "build", "--engine", "pandoc")
    between = time.perf_counter()
    again = blogkit(site, "build", "--engine", "pandoc")
    ended = time.perf_counter()
    made = NewcomersSite(site, between - begun, ended - between, again.stderr + again.stdout)
    (folder / "made.json").write_text(json.dumps({**asdict(made), "root": "site"}), encoding="utf-8")


@pytest.fixture(scope="session")
def newcomers_site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> NewcomersSite:
    """The fifteen runs of the blank starter, trained once for all tests."""
    os.environ.pop("BLOGKIT_QUARTO", None)
    shared = made_once(tmp_path_factory, worker_id, "newcomers-site", _build_newcomers_site)
    made = json.loads((shared / "made.json").read_text(encoding="utf-8"))
    return NewcomersSite(**{**made, "root": shared / made["root"]})
