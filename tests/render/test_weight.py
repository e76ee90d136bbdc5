"""What a reader downloads: one HTML and one CSS file for first paint, and little in all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from blogkit.render.finish import parse_page
from tests.browser import browser
from tests.render.conftest import DATA, SITE, Render, manifest_of, write_site

LIMIT = 120_000
"""Bytes of a post without figures, everything that it loads compressed."""


def post() -> str:
    """A post of 2,500 words with sections, citations, notes and formulas."""
    words = "A network with more hidden units can represent more functions than its data need to be fitted by it. "
    sections = [
        f"## Section {number}\n\n{words * 25}\n\n$$\n\\mathcal{{L}} = \\sum_{{i=1}}^n \\ell_i\n$$ {{#eq-{number}}}\n\n"
        f"By @eq-{number} and [@knuth1984].^[A note.]\n"
        for number in range(5)
    ]
    return "---\ntitle: A post\nauthor: [Ada Example]\nbibliography: refs.bib\n---\n\n" + "\n".join(sections)


def size(path: Path) -> int:
    """The bytes of a file as they are sent; fonts are compressed already."""
    data = path.read_bytes()
    return len(data) if path.suffix == ".woff2" else len(gzip.compress(data, 9, mtime=0))


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["course", "journal"])
def test_a_post_without_figures_weighs_at_most_120_kilobytes(theme: str, tmp_path: Path) -> None:
    bib = (DATA / "corpus/projects/refs.bib").read_text() + "@book{knuth1984, title={T}, author={K, D}, year={1984}}\n"
    write_site(tmp_path, {"_quarto.yml": f"{SITE}blogkit: {{theme: {theme}}}\n", "index.qmd": post(), "refs.bib": bib})
    manifest_of(tmp_path)
    page = tmp_path / "_site" / "index.html"
    loaded: list[Path] = []
    with browser() as running:
        tab = running.new_page()
        tab.on("request", lambda request: loaded.append(Path(request.url.removeprefix("file://"))))
        tab.goto(page.as_uri())
        tab.evaluate("document.fonts.ready")
        tab.wait_for_load_state("networkidle")
    assert {one.suffix for one in loaded} >= {".html", ".css", ".js", ".woff2"}
    total = sum(size(one) for one in loaded)
    assert total <= LIMIT, {one.name: size(one) for one in loaded}


def test_first_paint_needs_one_html_and_one_css_file(render: Render) -> None:
    page = parse_page((render({"index.qmd": "---\ntitle: T\n---\n\nWords with $x$.\n"}) / "index.html").read_bytes())
    sheets = [one for one in page.iter("link") if one.get("rel") == "stylesheet"]
    assert len(sheets) == 1
    assert all(one.get("defer") is not None for one in page.iter("script") if one.get("src"))
