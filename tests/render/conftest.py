"""What the tests of rendering share: small sites from a dict of files, and the corpus rendered once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from blogkit.config import load_site
from blogkit.model import Manifest
from blogkit.render import render_site

DATA = Path(__file__).parent / "data"
SITE = """
project: {type: website, output-dir: _site}
website: {title: "A Blog"}
format: {html: {toc: true, html-math-method: mathml}}
execute: {enabled: false}
"""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the corpus, rendered with the embedded engine."""
    root = tmp_path_factory.mktemp("corpus") / "site"
    shutil.copytree(DATA / "corpus", root)
    render_site(load_site(root), engine="pandoc")
    return root / "_site"


Render = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """Renders a site from a dict of files; returns the folder of the pages."""

    def make(files: Mapping[str, str | bytes]) -> Path:
        write_site(tmp_path, files)
        render_site(load_site(tmp_path), engine="pandoc")
        return tmp_path / "_site"

    return make


def write_site(root: Path, files: Mapping[str, str | bytes]) -> None:
    """A dict is a file tree; ``_quarto.yml`` is there unless given."""
    for name, content in {"_quarto.yml": SITE, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def manifest_of(root: Path) -> Manifest:
    """Renders the site at a folder with the embedded engine."""
    return render_site(load_site(root), engine="pandoc")
