"""A post is printed by Chromium: its words as text, its charts as vectors."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from blogkit.errors import ToolMissing
from blogkit.render.paper import print_posts
from tests.browser import chromium
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


def test_without_a_browser_a_letter_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOGKIT_CHROMIUM", str(tmp_path / "nothing"))
    write_site(tmp_path, {"index.qmd": POST, "f.svg": SVG})
    with pytest.raises(ToolMissing, match="Printing a PDF needs"):
        print_posts(manifest_of(tmp_path))
