"""The site of this repository, rendered once a test run and shared by every test that only looks at it."""

from __future__ import annotations

import shutil
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


@pytest.fixture(scope="session")
def rendered_site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Site:
    """The site with its pages, by the embedded engine; whoever needs to change it copies it first."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "rendered-site"
    with FileLock(f"{shared}.lock"):
        if not shared.is_dir():
            beside = shared.with_name("rendered-site.part")
            shutil.rmtree(beside, ignore_errors=True)  # of a worker that died
            beside.mkdir()
            copy_sources(beside)
            render_site(load_site(beside), engine="pandoc")
            beside.rename(shared)
    return load_site(shared)
