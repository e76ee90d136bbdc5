"""A page of Quarto's shape is made offline too, and dressed as the embedded engine's pages are."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.errors import ToolMissing
from blogkit.render import render_site
from blogkit.render.dom import by_id
from blogkit.render.engines.pandoc import PROGRAM
from blogkit.render.engines.typeset import typeset
from blogkit.render.finish import FinishContext, finishers, page_text, parse_page
from blogkit.tools import quarto
from blogkit.tools.pandoc import PandocPool
from tests.render.conftest import DATA, write_site
from tests.render.facts import differences, facts
from tests.render.test_corpus import EXPECTED, PAGES


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("quarto")
    write_site(root, {"projects/one/index.qmd": "---\ntitle: T\n---\n"})
    page = parse_page((DATA / "quarto-page.html").read_bytes())
    source = root / "projects/one/index.qmd"
    with PandocPool(PROGRAM, 1) as pool:
        typeset(page, pool.ask, source)
    site = load_site(root)
    context = FinishContext(
        site=site, source=source, output=root / "_site/projects/one/index.html", prefix="../../", metadata={}
    )
    for finisher in finishers():
        finisher(page, context)
    return page_text(page)


def test_nothing_is_loaded_from_the_network(finished: str) -> None:
    loaded = re.findall(r'<(?:script|link|iframe|img)\b[^>]*?(?:src|href)="(https?:)?//[^"]*"', finished)
    assert not loaded
    for word in (
        "mathjax",
        "require",
        "jquery",
        "vega@5",
        "googleapis",
        "polyfill",
        "katex",
        "mermaid",
        "html-manager",
        "gstatic",
        "esm.",
    ):
        assert word not in finished.lower(), word


def test_the_theme_is_ours_alone(finished: str) -> None:
    assert "bootstrap.min.css" not in finished
    assert 'href="../../site_libs/blogkit/course.css"' in finished
    assert finished.count("<style") == 0
    assert 'style="' not in finished


def test_formulas_are_mathml_with_their_numbers(finished: str) -> None:
    page = parse_page(finished)
    assert len(list(page.iter("math"))) == 2
    equation = by_id(page, "eq-a")
    assert equation is not None
    assert (equation.text_content() or "").endswith("(1)")
    assert "\\(" not in (page.text_content() or "")


def test_a_chart_that_a_script_would_draw_is_a_figure_that_needs_no_network(finished: str) -> None:
    page = parse_page(finished)
    cell = by_id(page, "cell-2")
    assert cell is not None
    drawing = next(cell.iter("{*}svg", "svg"), None)
    assert drawing is not None
    assert "Error by depth." in finished
    assert "altair-viz" not in finished
    assert not [one for one in page.iter("script") if "cdn" in (one.text or "")]
    cells = [one.text_content() for one in cell.iter("td")]
    assert "0.25" in cells, "the data are there as a table"


def test_a_film_of_another_site_is_a_link(finished: str) -> None:
    assert 'href="https://www.youtube.com/watch?v=abc"' in finished


def test_without_quarto_its_engine_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarto, "find_quarto", lambda: None)
    write_site(tmp_path, {"index.qmd": "---\ntitle: T\n---\n"})
    with pytest.raises(ToolMissing, match="--engine pandoc"):
        render_site(load_site(tmp_path), engine="quarto")


@pytest.mark.slow
@pytest.mark.skipif(quarto.find_quarto() is None, reason="quarto is not on PATH: the engines cannot be compared")
def test_both_engines_show_the_same_facts(tmp_path: Path, corpus: Path) -> None:
    shutil.copytree(DATA / "corpus", tmp_path / "site")
    render_site(load_site(tmp_path / "site"), engine="quarto")
    wrong = []
    for page in PAGES:
        expected: Mapping[str, Any] = json.loads((EXPECTED / f"{page}.json").read_text())
        theirs = facts(tmp_path / "site/_site" / f"{page}.html")
        ours = facts(corpus / f"{page}.html")
        wrong += [f"{page}: {name}" for name, _, _ in differences(theirs, ours) if name.split("[")[0] in expected]
    assert not wrong, "\n".join(wrong)
