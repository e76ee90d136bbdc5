"""What a notebook's cells put out reaches the page as tables, text and figures, and never as something that runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nh3
import pytest
from lxml import html

from blogkit.config import load_site
from blogkit.errors import BlogkitError
from blogkit.model import Site, SiteConfig
from blogkit.render import notebooks, render_site
from blogkit.render.finish import FinishContext, page_text, parse_page
from blogkit.render.finish.sanitise import clean_outputs
from tests.figures.notebooks import V6, cell, chart
from tests.files import write_tree

HOSTILE = "</script><img src=x onerror=alert(1)>"


def post(tmp_path: Path, *cells: Any) -> html.HtmlElement:
    """A notebook as a post, rendered by the embedded engine."""
    title = {"cell_type": "raw", "metadata": {}, "source": "---\ntitle: A post\n---"}
    notebook = {"cells": [title, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    config = "project:\n  type: website\n  render: [index.ipynb]\n"
    write_tree(tmp_path, {"_quarto.yml": config, "index.ipynb": json.dumps(notebook)})
    render_site(load_site(tmp_path), engine="pandoc")
    return html.document_fromstring((tmp_path / "_site/index.html").read_bytes())


def test_a_chart_of_a_notebook_that_is_a_post_is_a_figure_that_wakes(tmp_path: Path) -> None:
    shown = {V6: chart(title=HOSTILE), "text/plain": "alt.Chart(...)", "text/html": "<script>vegaEmbed()</script>"}
    source = '#| label: fig-loss\n#| fig-cap: "The loss."\n#| fig-alt: "The loss falls."\nalt.Chart()'
    page = post(tmp_path, cell(source, a=shown))
    (figure,) = page.xpath("//*[@id='fig-loss']//div[@data-awake]")
    assert figure.xpath(".//svg/title/text()") == ["The loss falls."]
    assert not page.xpath("//img") and "vegaEmbed" not in page.text_content()
    links = figure.xpath(".//a/@href")
    assert len(links) == 2 and all((tmp_path / "_site" / link).is_file() for link in links)


def test_a_chart_of_a_post_that_loads_its_data_is_an_error_that_names_the_cell(tmp_path: Path) -> None:
    spec = chart() | {"data": {"url": "https://x.test/a.csv"}}
    with pytest.raises(BlogkitError, match="cell 2 draws a chart with data or a picture from https://x.test/a.csv"):
        post(tmp_path, cell(a={V6: spec}))


def test_the_html_of_an_output_keeps_its_table_and_nothing_that_runs(tmp_path: Path) -> None:
    table = (
        "<style>td {color: red}</style><table onclick='a()'><tr><td>7</td></tr></table><script>a()</script>"
        "<a href='java\nscript:a()'>x</a><iframe src='https://x.test'></iframe>"
    )
    page = post(tmp_path, cell(a={"text/html": table}))
    (output,) = page.xpath("//*[contains(@class, 'cell-output-display')]")
    assert output.xpath(".//td/text()") == ["7"]
    text = html.tostring(output, encoding="unicode")
    assert not [word for word in ("script", "onclick", "iframe", "style", "x.test") if word in text]


QUARTOS = """<html><head></head><body><div class="cell-output cell-output-display">
<div onmouseover="a()"><script>a()</script><p>kept <a href="https://x.test/">link</a> <a href="#here">place</a></p>
<a href=" java&#10;script:a()">bad</a><img src="files/a.png" onerror="a()"><iframe srcdoc="x"></iframe>
<svg><script>a()</script><path d="M0 0h1" onload="a()"></path><set attributeName="href"></set></svg>
<a href="data:text/html,<script>a()</script>">worse</a></div></div>
<div class="mine"><script src="mine.js"></script></div></body></html>"""


def test_an_output_that_quarto_passed_through_is_cleaned_and_the_authors_own_html_is_not(tmp_path: Path) -> None:
    site = Site(root=tmp_path, quarto={}, config=SiteConfig(), projects=())
    context = FinishContext(site=site, source=tmp_path / "a.qmd", output=tmp_path / "a.html", prefix="")
    page = parse_page(QUARTOS)
    clean_outputs(page, context)
    text = page_text(page)
    assert page.xpath("//script/@src") == ["mine.js"]
    assert page.xpath("//a/@href") == ["https://x.test/", "#here"]
    assert page.xpath("//img/@src") == ["files/a.png"]
    assert "kept" in text and "bad" in text and 'd="M0 0h1"' in text
    assert not [word for word in ("onerror", "onmouseover", "onload", "iframe", "<set", "javascript") if word in text]


EVENTS = [
    "onabort",
    "onafterprint",
    "onanimationend",
    "onbeforeinput",
    "onbegin",
    "onblur",
    "oncanplay",
    "onclick",
    "oncopy",
    "ondrag",
    "onend",
    "onerror",
    "onfocus",
    "onfocusin",
    "onhashchange",
    "oninput",
    "onkeydown",
    "onload",
    "onmessage",
    "onmouseover",
    "onpaste",
    "onpointerdown",
    "onrepeat",
    "onresize",
    "onscroll",
    "onsubmit",
    "ontoggle",
    "ontouchstart",
    "ontransitionend",
    "onunload",
    "onwheel",
    "ONCLICK",
]
ADDRESSES = [
    "action",
    "archive",
    "background",
    "by",
    "cite",
    "classid",
    "codebase",
    "data",
    "dynsrc",
    "formaction",
    "from",
    "href",
    "icon",
    "imagesrcset",
    "longdesc",
    "lowsrc",
    "manifest",
    "ping",
    "poster",
    "profile",
    "src",
    "srcset",
    "to",
    "usemap",
    "values",
    "xlink:href",
    "HREF",
    "FormAction",
]
PASSING = [
    "abbr",
    "align",
    "alt",
    "charset",
    "class",
    "colspan",
    "content",
    "d",
    "dir",
    "download",
    "enterkeyhint",
    "fill",
    "for",
    "headers",
    "height",
    "hreflang",
    "id",
    "lang",
    "media",
    "name",
    "rel",
    "role",
    "rowspan",
    "scope",
    "shape",
    "sizes",
    "style",
    "summary",
    "target",
    "title",
    "transform",
    "type",
    "value",
    "viewbox",
    "width",
    "x",
    "y",
]
RUNNING = [
    "javascript:alert(1)", " java\nscript:alert(1)", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", "vbscript:x",
    "data:text/html,<script>alert(1)</script>", "data:application/xhtml+xml,x", "data:,x",
]  # fmt: skip
TAGS = "a area audio b button circle col div form g image img input math p path q source span svg td text th use video"
LETS_THROUGH = {
    "align", "alt", "aria-label", "char", "charoff", "cite", "class", "colspan", "datetime", "dir", "headers", "height",
    "href", "hreflang", "id", "lang", "rel", "role", "rowspan", "scope", "size", "span", "src", "start", "summary",
    "title", "width",
}  # fmt: skip


def _running(page: html.HtmlElement) -> list[tuple[str, str, str]]:
    """The attributes of a page's outputs that run something, or lead to what does."""
    found = []
    for element in page.xpath("//*[contains(@class, 'cell-output-display')]//*"):
        for name, value in element.attrib.items():
            address = "".join(sign for sign in value.lower() if sign > " ")
            runs = address.startswith(("javascript:", "vbscript:", "data:")) and not address.startswith("data:image/")
            if name.lower().startswith("on") or name.lower() == "srcdoc" or runs:
                found.append((element.tag, name, value))
    return found


@pytest.mark.parametrize("tag", TAGS.split())
def test_no_attribute_of_an_output_runs_or_leads_to_what_does(tag: str, tmp_path: Path) -> None:
    """Every attribute on every element that an output may hold, with what would run in it, by both engines' ways."""
    values = [(name, "alert(1)") for name in [*EVENTS, "srcdoc"]]
    values += [(name, value) for name in [*ADDRESSES, *PASSING] for value in RUNNING]
    hostile = "".join(f"<{tag} {name}='{value}' title='kept'>x</{tag}>" for name, value in values)
    site = Site(root=tmp_path, quarto={}, config=SiteConfig(), projects=())
    context = FinishContext(site=site, source=tmp_path / "a.qmd", output=tmp_path / "a.html", prefix="")
    for text in (hostile, nh3.clean(hostile, **notebooks._ALLOWED)):
        page = parse_page(f"<body><div class='cell-output cell-output-display'><p>{text}</p></div></body>")
        clean_outputs(page, context)
        assert _running(page) == []


def test_an_output_s_html_keeps_the_attributes_of_a_list_and_no_other() -> None:
    """Whoever lets another attribute through has to write it here, and think of what it may lead to."""
    allowed = {name for names in notebooks._ALLOWED["attributes"].values() for name in names}
    assert allowed <= LETS_THROUGH
    assert not [
        name for name in allowed if name.startswith("on") or name in {"style", "srcdoc", "formaction", "srcset"}
    ]
    assert notebooks._ALLOWED["url_schemes"] == {"http", "https", "mailto", "data"}
    assert not {"script", "iframe", "form", "input", "button", "style", "base", "meta"} & notebooks._ALLOWED["tags"]


@pytest.mark.parametrize("tag", ["script", "iframe", "object", "embed"])
def test_an_output_that_is_nothing_but_what_runs_goes_and_the_author_is_warned(tag: str, tmp_path: Path) -> None:
    site = Site(root=tmp_path, quarto={}, config=SiteConfig(), projects=())
    for beside, kept in (("", 0), ("<p>words</p>", 1), ("<hr>", 1)):
        context = FinishContext(site=site, source=tmp_path / "a.qmd", output=tmp_path / "a.html", prefix="")
        page = parse_page(f"<body><div class='cell-output-display'><{tag}></{tag}>{beside}</div></body>")
        clean_outputs(page, context)
        assert len(page.xpath("//*[@class='cell-output-display']")) == kept
        assert len(context.warnings) == 1 - kept and not page.xpath(f"//{tag}")


@pytest.mark.parametrize("name", ["action", "formaction", "href", "src", "srcset", "poster", "ping", "background"])
def test_an_address_of_an_output_has_a_scheme_that_is_known_to_be_safe(name: str, tmp_path: Path) -> None:
    site = Site(root=tmp_path, quarto={}, config=SiteConfig(), projects=())
    context = FinishContext(site=site, source=tmp_path / "a.qmd", output=tmp_path / "a.html", prefix="")
    for address, stays in (("unknown:x", False), ("file:///etc/passwd", False), ("https://x.test/", True)):
        page = parse_page(f"<body><div class='cell-output-display'><p {name}='{address}'>x</p></div></body>")
        clean_outputs(page, context)
        assert bool(page.xpath(f"//p/@{name}")) is stays, address
