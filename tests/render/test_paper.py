"""A post is printed by Chromium: its words as text, its charts as vectors."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from blogkit.errors import ToolMissing
from blogkit.render.paper import print_posts
from tests.browser import browser, chromium
from tests.render.conftest import manifest_of, write_site

POST = """---
title: Printed
---

## First

Words that are read.

![A caption.](f.svg){#fig-x fig-alt="A line."}

::: {.callout-note collapse="true" title="Folded"}
What is folded.
:::
"""
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100">'
    '<path d="M0 90 L100 10" stroke="#0e7862" fill="none"/></svg>'
)


def streams(pdf: bytes) -> bytes:
    """What a PDF's compressed streams say."""
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(match.group(1)))
        except zlib.error:
            continue
    return b"\n".join(found)


@pytest.mark.slow
def test_a_pdf_has_text_and_its_chart_is_no_raster(tmp_path: Path) -> None:
    chromium()
    write_site(tmp_path, {"index.qmd": POST, "f.svg": SVG})
    (paper,) = print_posts(manifest_of(tmp_path))
    assert paper == tmp_path / "_site" / "index.pdf"
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    assert b"/Subtype /Image" not in data
    assert b"/Subtype/Image" not in data
    assert b"/Font" in data
    said = streams(data)
    assert b" Tj" in said or b" TJ" in said
    assert re.search(rb"0?\.05\d+ 0?\.47\d+ 0?\.38\d+ RG", said), "the line of the chart, in its colour"
    assert b"(First)" in data


def test_without_a_browser_an_error_message_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOGKIT_CHROMIUM", str(tmp_path / "nothing"))
    write_site(tmp_path, {"index.qmd": POST, "f.svg": SVG})
    with pytest.raises(ToolMissing, match="Printing a PDF needs"):
        print_posts(manifest_of(tmp_path))


@pytest.mark.slow
def test_paper_has_small_captions_and_no_shadows_of_the_screen(tmp_path: Path) -> None:
    table = "\n| a | b |\n|---|---|\n| 1 | 2 |\n\n: A table. {#tbl-x}\n"
    write_site(tmp_path, {"projects/p/index.qmd": POST + table, "projects/p/f.svg": SVG})
    (made,) = manifest_of(tmp_path).pages
    with browser() as running:
        page = running.new_page(viewport={"width": 658, "height": 970})
        page.emulate_media(media="print")
        page.goto(made.output.as_uri())

        def style(selector: str, name: str) -> str:
            return str(page.evaluate("([s, n]) => getComputedStyle(document.querySelector(s))[n]", [selector, name]))

        assert style("main .bk-scroll", "backgroundImage") == "none"
        sizes = {
            s: float(style(s, "fontSize").removesuffix("px")) for s in ("main p", "figcaption", "main table", "main h2")
        }
        page.close()
    assert sizes["figcaption"] < sizes["main p"] < sizes["main h2"]
    assert sizes["main table"] <= sizes["main p"]
    assert 13 <= sizes["main p"] <= 15, "10 to 11 points"
