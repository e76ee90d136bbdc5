"""A site as real Quarto left it becomes, page by page, what the embedded engine makes of the same sources.

``data/recorded/pages`` is what Quarto 1.11.0 (a development version, with pandoc 3.9) made of ``data/recorded/site``,
with its defaults: MathJax, require.js and jquery from elsewhere.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.render import render_site
from blogkit.tools import quarto
from tests.render.conftest import DATA
from tests.render.facts import facts

RECORDED = DATA / "recorded"
PAGES = ("index.html", "projects/recorded/index.html")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The output folders of both engines."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:

        def render(
            folder: Path, files: Sequence[Path] = (), metadata: Mapping[str, str] | None = None, output: Any = None
        ) -> None:
            shutil.copytree(RECORDED / "pages", output)

        patch.setattr(quarto, "render", render)
        for engine in ("quarto", "pandoc"):
            root = tmp_path_factory.mktemp(engine)
            shutil.copytree(RECORDED / "site", root, dirs_exist_ok=True)
            render_site(load_site(root), engine=engine)
            found[engine] = root / "_site"
    return found


def test_quarto_s_own_page_asks_the_network() -> None:
    page = (RECORDED / "pages/projects/recorded/index.html").read_text()
    assert len(re.findall(r'src="https://', page)) == 5


@pytest.mark.parametrize("name", PAGES)
def test_the_finished_page_asks_nothing_of_the_network(sites: Mapping[str, Path], name: str) -> None:
    page = (sites["quarto"] / name).read_text()
    assert not re.findall(r'<(?:script|link|iframe|img)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]*"', page)
    assert not re.findall(r"(?:mathjax|require(?:js|\.min)|jquery|polyfill|jsdelivr|cloudflare)", page, re.IGNORECASE)


@pytest.mark.parametrize("name", PAGES)
def test_both_engines_give_the_same_facts(sites: Mapping[str, Path], name: str) -> None:
    ours, theirs = facts(sites["pandoc"] / name), facts(sites["quarto"] / name)
    assert {key: theirs[key] for key in ours if theirs[key] != ours[key]} == {}
