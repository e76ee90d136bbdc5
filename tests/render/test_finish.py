"""The finishing pass makes a page from either engine work without a network."""

from __future__ import annotations

import html
import io
import json
import re
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from blogkit.model import Site, SiteConfig
from blogkit.render.dom import page_text, parse_page
from blogkit.render.finish import Assets, FinishContext, finish
from blogkit.render.finish.meta import describe
from blogkit.render.finish.offline import cut_network
from blogkit.render.finish.picture import card_svg
from blogkit.tools.vega import draw_png
from tests.render.conftest import SITE, manifest_of, write_site


def context(tmp_path: Path, prefix: str = "../../") -> FinishContext:
    site = Site(root=tmp_path, quarto={}, config=SiteConfig(), projects=())
    source = tmp_path / "projects" / "one" / "index.qmd"
    output = tmp_path / "_site" / "projects" / "one" / "index.html"
    return FinishContext(site=site, source=source, output=output, prefix=prefix)


def test_scripts_and_stylesheets_from_elsewhere_are_cut(tmp_path: Path) -> None:
    page = """<!DOCTYPE html><html lang="en"><head><title>T</title>
    <script src="https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.6/require.min.js"></script>
    <link rel="stylesheet" href="//fonts.googleapis.com/css?family=Lato">
    <link rel="canonical" href="https://example.org/"><script src="own/reader.js"></script>
    </head><body><main id="quarto-document-content"><p>Words.</p></main></body></html>"""
    finished = finish(page, context(tmp_path))
    assert "cdnjs" not in finished
    assert "googleapis" not in finished
    assert 'src="own/reader.js"' in finished
    assert 'rel="canonical"' in finished
    assert finished.startswith("<!DOCTYPE html>")


def test_an_asset_is_copied_only_when_a_page_asks_for_it(tmp_path: Path) -> None:
    assets = Assets()
    assert assets.want("made.css", b"p {}") == "site_libs/blogkit/made.css"
    assets.copy_to(tmp_path / "_site")
    assert (tmp_path / "_site/site_libs/blogkit/made.css").read_bytes() == b"p {}"
    assert assets.names == {"made.css"}


def test_an_asset_is_addressed_from_the_page(tmp_path: Path) -> None:
    assert context(tmp_path).asset("made.css", b"") == "../../site_libs/blogkit/made.css"
    assert context(tmp_path, prefix="").asset("made.css", b"") == "site_libs/blogkit/made.css"


@pytest.mark.parametrize(("words", "minutes"), [(1, 1), (200, 1), (201, 2), (2500, 13)])
def test_the_reading_time_counts_what_is_read_line_by_line(words: int, minutes: int, tmp_path: Path) -> None:
    """200 words a minute; code, tables, captions and the appendix are looked at, not read."""
    text = " ".join(["word"] * words)
    beside = "```python\n" + "code = 1\n" * 400 + "```\n\n| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 300
    figure = f"\n\n![{'caption ' * 300}](f.svg){{#fig-f}}\n\n## More {{.appendix}}\n\n{'appendix ' * 300}\n"
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"/>'
    write_site(tmp_path, {"index.qmd": f"---\ntitle: T\n---\n\n{text}\n\n{beside}{figure}", "f.svg": drawing})
    manifest_of(tmp_path)
    assert f">{minutes} min read<" in (tmp_path / "_site/index.html").read_text()


def test_a_shared_post_shows_its_first_figure_and_the_picture_is_made_once(tmp_path: Path) -> None:
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100">'
        '<path d="M0 90 L100 10" style="stroke: var(--fg, #222)"/></svg>'
    )
    config = SITE.replace('title: "A Blog"', 'title: "A Blog", site-url: "https://example.org/blog"')
    post = "---\ntitle: T\n---\n\n![Caption.](results/charts/f.svg){#fig-x fig-alt='Alternative.'}\n"
    write_site(
        tmp_path, {"_quarto.yml": config, "projects/a/index.qmd": post, "projects/a/results/charts/f.svg": drawing}
    )
    manifest_of(tmp_path)
    page = (tmp_path / "_site/projects/a/index.html").read_text()
    (picture,) = (tmp_path / "_site/projects/a").glob("card-*.png")
    assert f'content="https://example.org/blog/projects/a/{picture.name}"' in page
    assert 'content="summary_large_image"' in page
    assert 'content="Alternative."' in page
    first = picture.read_bytes()
    assert struct.unpack(">II", first[16:24]) == (1200, 630)
    made = picture.stat().st_mtime_ns
    (tmp_path / "projects/a/index.qmd").write_text(post + "\nMore words.\n")
    manifest_of(tmp_path)
    assert picture.stat().st_mtime_ns == made
    picture.unlink()
    (tmp_path / "projects/a/index.qmd").write_text(post)
    manifest_of(tmp_path)
    assert picture.read_bytes() == first


def test_a_site_without_an_address_names_no_picture(tmp_path: Path) -> None:
    post = "---\ntitle: T\n---\n\n![Caption.](f.svg){#fig-x}\n"
    write_site(tmp_path, {"index.qmd": post, "f.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"/>'})
    manifest_of(tmp_path)
    assert "og:image" not in (tmp_path / "_site/index.html").read_text()
    assert not list((tmp_path / "_site").glob("card-*.png"))


SPILLING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100">'
    b'<rect x="-900" y="-900" width="2000" height="2000" fill="#f00"/></svg>'
)


def test_a_card_shows_a_drawing_in_a_white_frame_whatever_lies_beyond_its_edges() -> None:
    picture = Image.open(io.BytesIO(draw_png(card_svg(SPILLING)))).convert("RGB")
    assert picture.size == (1200, 630)
    for edge in ((1, 1), (1198, 1), (1198, 628), (600, 30), (30, 300), (1170, 300), (600, 600)):
        assert picture.getpixel(edge) == (255, 255, 255), edge
    assert picture.getpixel((600, 300)) == (255, 0, 0)


def test_a_card_is_drawn_in_half_the_time_of_one_that_is_cut_off() -> None:
    """Each post's first figure becomes one: 45 of the 50 ms went into cutting off what nobody draws."""
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><path d="M0 90L200 10"/></svg>'
    card = card_svg(drawing)
    cut_off = card.replace(' overflow="visible"', "")
    assert cut_off != card

    def seconds(svg: str) -> float:
        times = []
        for _ in range(4):
            start = time.process_time()
            draw_png(svg)
            times.append(time.process_time() - start)
        return min(times)

    assert seconds(card) < 0.5 * seconds(cut_off)


HOSTILE_WORDS = [
    "</script><script>alert(1)</script>", "<!--<script>", "]]>", "a & b &lt;/script&gt;", "x\u2028y\u2029z",
    'quotes " and \\ slashes', "</SCRIPT >", "{{7*7}}",
]  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE_WORDS)
def test_no_words_of_the_front_matter_end_the_script_that_machines_read(words: str, tmp_path: Path) -> None:
    """A title, a description, a name, an affiliation, a licence and a keyword come back as they were written."""
    metadata = {
        "author": [{"name": words, "url": words, "orcid": words, "affiliations": [{"name": words}]}],
        "description": words, "license": {"url": words}, "keywords": [words],
    }  # fmt: skip
    main = f'<main id="quarto-document-content"><h1>{html.escape(words)}</h1></main>'
    page = parse_page(f"<html><head><title>T</title></head><body>{main}</body></html>")
    describe(page, replace(context(tmp_path), metadata=metadata))
    text = page_text(page)
    (script,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert text.count("<script") == 1
    assert not [sign for sign in "<>&\u2028\u2029" if sign in script]
    data = json.loads(script)
    assert data["headline"] == " ".join(words.split())
    assert data["author"][0]["name"] == words
    assert data["author"][0]["affiliation"] == [words]
    assert data["license"] == words
    assert data["keywords"] == [words]


@pytest.mark.parametrize(
    ("style", "left"),
    [
        ("@import url(https://fonts.test/a.css) screen;a{b:c}", "a{b:c}"),
        (r"@import 'https\3a //fonts.test/a;b.css';a{b:c}", "a{b:c}"),
        ("@IMPORT/**/'//fonts.test/a.css'", ""),
        ("@import 'own.css';/* @import 'https://fonts.test/a.css'; */", None),
    ],
)
def test_a_style_sheet_imports_nothing_from_the_network(style: str, left: str | None, tmp_path: Path) -> None:
    """However the address is written; an import of the site's own and a comment stay."""
    page = parse_page(f"<html><head><style>{style}</style></head><body><main></main></body></html>")
    cut_network(page, context(tmp_path))
    assert page.findtext(".//style") == (style if left is None else left)
