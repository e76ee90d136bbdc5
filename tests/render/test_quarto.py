"""A page of Quarto's shape is made offline too, and dressed as the embedded engine's pages are."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.errors import ToolFailed, ToolMissing
from blogkit.render import render_site
from blogkit.render.dom import by_id
from blogkit.render.engines.program import PROGRAM
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


CONFIG = """
project: {type: website, output-dir: _site, render: [index.qmd, "projects/*/index.qmd"]}
website: {title: A Blog, site-url: "https://example.org"}
"""
BLOG = {
    "_quarto.yml": CONFIG,
    "index.qmd": "---\ntitle: Posts\nlisting: {contents: projects, type: grid, categories: true}\n---\n",
    "projects/a/index.qmd": "---\ntitle: First\ndate: 2026-01-01\ncategories: [nets]\n---\n\nAlpha.\n",
    "projects/b/index.qmd": "---\ntitle: Second\ndate: 2026-01-02\ncategories: [nets, odd & even]\n---\n\nBeta.\n",
    "projects/c/index.qmd": "---\ntitle: Third\ndate: 2026-01-03\ndraft: true\n---\n\nGamma.\n",
}
FRAME = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>T</title>
<script src="{up}site_libs/quarto-nav/quarto-nav.js"></script></head><body class="nav-fixed">
<header id="quarto-header" class="headroom fixed-top"><nav class="navbar"><div class="navbar-container container-fluid">
<a class="navbar-brand" href="{up}index.html">A Blog</a><button class="navbar-toggler" type="button"></button>
</div></nav></header>
<header id="title-block-header" class="quarto-title-block default page-columns"><div class="quarto-title-banner">
<h1 class="title">{title}</h1><div class="quarto-categories">{categories}</div></div></header>
<div id="quarto-content"><div id="quarto-margin-sidebar" class="sidebar margin-sidebar">{side}</div>
<main class="content" id="quarto-document-content">{text}</main></div></body></html>"""
LISTING = """<div id="listing-listing" class="quarto-listing quarto-listing-container-grid">
<div class="list grid quarto-listing-cols-3"><div class="g-col-1" data-index="0" data-categories="bmV0cw==">
<a href="./projects/a/index.html" class="quarto-grid-link"><div class="quarto-grid-item card h-100"><h5>First</h5>
<div class="listing-category" onclick="window.quartoListingCategory('bmV0cw=='); return false;">nets</div>
</div></a></div></div></div>"""
SIDE = """<h5 class="quarto-listing-category-title">Categories</h5>
<div class="quarto-listing-category category-default">
<div class="category" data-category="">All <span class="quarto-category-count">(1)</span></div></div>"""


def as_quarto(out: Path, metadata: Mapping[str, str]) -> None:
    """What Quarto leaves: a page for each post, an empty one for a draft unless it is shown."""

    def put(name: str, up: str, **parts: str) -> None:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FRAME.format(up=up, **{"side": "", "categories": "", **parts}))

    for name, title, categories in (("a", "First", ["nets"]), ("b", "Second", ["nets", "odd &amp; even"])):
        boxes = "".join(f'<div class="quarto-category">{one}</div>' for one in categories)
        copy = '<pre class="sourceCode"><code>x</code></pre><button class="code-copy-button"></button>'
        put(f"projects/{name}/index.html", "../../", title=title, text=f"<p>Words.</p>{copy}", categories=boxes)
    if metadata.get("draft-mode") == "visible":
        put("projects/c/index.html", "../../", title="Third", text="<p>Gamma.</p>")
    else:
        (out / "projects/c").mkdir(parents=True, exist_ok=True)
        (out / "projects/c/index.html").write_text("<!DOCTYPE html><html></html>")
    put("index.html", "", title="Posts", text=LISTING, side=SIDE)


@pytest.fixture
def blog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def render(
        folder: Path,
        files: Sequence[Path] = (),
        metadata: Mapping[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        as_quarto(output or folder / "_site", metadata or {})

    monkeypatch.setattr(quarto, "render", render)
    write_site(tmp_path, BLOG)
    return tmp_path


def test_a_site_of_quarto_gets_what_readers_find_on_ours(blog: Path) -> None:
    render_site(load_site(blog), engine="quarto")
    out = blog / "_site"
    post = parse_page((out / "projects/a/index.html").read_bytes())
    assert {link.get("rel"): link.get("href") for link in post.iter("a") if link.get("rel")} == {
        "next": "../../projects/b/index.html"
    }
    assert 'data-index="../../search.js"' in page_text(post)
    assert "code-copy-button" not in page_text(post)
    assert "navbar-toggler" not in page_text(post)
    title = by_id(post, "title-block-header")
    assert title is not None
    assert next(one.tag for one in title.iterancestors()) == "main", "no banner above the columns"
    listed = (out / "categories/odd-even.html").read_text()
    assert "Second" in listed
    assert "First" not in listed
    assert 'href="../../categories/nets.html"' in page_text(post)
    assert "Words." in (out / "index.xml").read_text()
    assert "https://example.org/projects/b/index.html" in (out / "sitemap.xml").read_text()
    assert '"title":"First"' in (out / "search.js").read_text()


def test_a_listing_of_quarto_is_one_of_ours_with_every_post(blog: Path) -> None:
    render_site(load_site(blog), engine="quarto")
    page = parse_page((blog / "_site/index.html").read_bytes())
    items = [one for one in page.iter("div") if one.get("data-categories")]
    assert [json.loads(one.get("data-categories") or "") for one in items] == [["nets"], ["nets", "odd & even"]]
    assert "onclick" not in page_text(page)
    counts = [one.text_content() for one in page.iter("div") if "category" in (one.get("class") or "").split()]
    assert counts == ["All (2)", "nets (2)", "odd & even (1)"]


@pytest.mark.parametrize("named", [False, True])
def test_a_draft_of_quarto_is_gone_or_has_the_banner(named: bool, blog: Path) -> None:
    site = load_site(blog)
    only = [one for one in site.projects if one.name == "c"] if named else []
    render_site(site, engine="quarto")
    manifest = render_site(site, engine="quarto", only=only)
    page = blog / "_site/projects/c/index.html"
    assert page.is_file() is named
    assert ("This is a draft." in page.read_text()) if named else True
    assert [one.project for one in manifest.pages] == (["c"] if named else [None, "a", "b"])
    assert "hird" not in (blog / "_site/index.html").read_text()
    assert "Second" in (blog / "_site/categories/nets.html").read_text()


def test_the_site_stays_as_it_was_until_quarto_has_made_all_of_it(blog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render_site(load_site(blog), engine="quarto")
    before = {path: path.read_bytes() for path in (blog / "_site").rglob("*") if path.is_file()}

    def fails(folder: Path, files: object = (), metadata: object = None, output: Path | None = None) -> None:
        assert output is not None
        as_quarto(output, {})
        (output / "index.html").unlink()

    monkeypatch.setattr(quarto, "render", fails)
    with pytest.raises(ToolFailed, match="Quarto made no"):
        render_site(load_site(blog), engine="quarto")
    assert {path: path.read_bytes() for path in (blog / "_site").rglob("*") if path.is_file()} == before


def test_of_quarto_too_the_output_holds_no_draft_no_removed_post_and_the_author_s_own_files(
    blog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(
        folder: Path,
        files: Sequence[Path] = (),
        metadata: Mapping[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        out = output or folder / "_site"
        as_quarto(out, metadata or {})
        for name in "abc":
            write_site(out, {f"projects/{name}/data-{name}.csv": "a\n"})
            if not (folder / f"projects/{name}").is_dir() or (
                files and f"projects/{name}/index.qmd" not in map(str, files)
            ):
                shutil.rmtree(out / "projects" / name)

    monkeypatch.setattr(quarto, "render", render)
    out = blog / "_site"
    manifest = render_site(load_site(blog), engine="quarto")
    (out / "mine.txt").write_text("of my own")
    assert manifest.files is not None
    assert {"projects/b/index.html", "projects/b/data-b.csv", "search.js"} <= manifest.files
    assert not (out / "projects/c").exists() or not list((out / "projects/c").iterdir())
    shutil.rmtree(blog / "projects/b")
    manifest = render_site(load_site(blog), engine="quarto")
    assert not (out / "projects/b").exists()
    assert (out / "mine.txt").is_file() and "mine.txt" not in (manifest.files or ())
    site = load_site(blog)
    render_site(site, engine="quarto", only=[one for one in site.projects if one.name == "c"])
    assert (out / "projects/c/data-c.csv").is_file()
    render_site(site, engine="pandoc")
    assert {path.name for path in (out / "projects").iterdir()} == {"a"} and (out / "mine.txt").is_file()


def test_the_engines_do_not_take_each_others_pages_for_their_own(blog: Path) -> None:
    render_site(load_site(blog), engine="pandoc")
    render_site(load_site(blog), engine="quarto")
    assert "Words." in (blog / "_site/projects/a/index.html").read_text()
    render_site(load_site(blog), engine="pandoc")
    assert "Alpha." in (blog / "_site/projects/a/index.html").read_text()


LOST = """<div class="cell" id="{id}"><div class="cell-output cell-output-display">{html}</div></div>"""


def test_the_author_is_reported_what_only_a_script_would_draw(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.qmd": "---\ntitle: T\n---\n"})
    plotly = '<div id="p" class="plotly-graph-div"></div><script>Plotly.newPlot("p", [])</script>'
    cells = LOST.format(id="lost", html=plotly) + LOST.format(id="kept", html="<p>Words.</p><script>f()</script>")
    page = parse_page(FRAME.format(up="", title="T", side="", categories="", text=cells))
    source = tmp_path / "index.qmd"
    context = FinishContext(
        site=load_site(tmp_path), source=source, output=tmp_path / "_site/index.html", prefix="", metadata={}
    )
    for finisher in finishers():
        finisher(page, context)
    (said,) = context.warnings
    assert "cell #lost: an output is drawn by a script" in said
    assert "plotly" not in page_text(page)
    assert "Words." in page_text(page)


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
