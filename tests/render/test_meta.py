"""What machines read of a post is what its front matter says, and none of it ends the page's script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml.html import HtmlElement

from blogkit.model import Site, SiteConfig
from blogkit.render.finish import FinishContext, page_text, parse_page
from blogkit.render.finish.meta import describe

WORDS = "A paragraph of more than forty characters says what the post is about."
BODY = f"<header><p>{'A header is no description of a post. ' * 3}</p></header><p>Short.</p><p>{WORDS}</p>"
ADDRESS = "https://example.org/blog"


def described(
    tmp_path: Path, metadata: dict[str, Any], *, head: str = "", body: str = BODY, address: str = ADDRESS
) -> HtmlElement:
    """A page of a post with its metadata."""
    quarto = {"website": {"title": "A Blog", "site-url": address}}
    site = Site(root=tmp_path, quarto=quarto, config=SiteConfig(), projects=())
    output = tmp_path / "_site" / "projects" / "one" / "index.html"
    context = FinishContext(site=site, source=tmp_path / "index.qmd", output=output, prefix="", metadata=metadata)
    text = (
        f"<html><head>{head}</head><body><main id='quarto-document-content'><h1>A title</h1>{body}</main></body></html>"
    )
    page = parse_page(text)
    describe(page, context)
    return page


def contents(page: HtmlElement, name: str) -> list[str]:
    return [str(one.get("content")) for one in page.xpath(f"//meta[@name='{name}' or @property='{name}']")]


def linked_data(page: HtmlElement) -> dict[str, Any]:
    (script,) = page.xpath("//script[@type='application/ld+json']")
    data: dict[str, Any] = json.loads(str(script.text))
    return data


@pytest.mark.parametrize(
    "hostile", ["</script><script>alert(1)</script>", "<!-- <script>", "a & b &lt;/script>", "</SCRIPT >"]
)
@pytest.mark.parametrize("place", ["name", "description", "keywords", "url"])
def test_no_word_of_the_front_matter_ends_the_script_of_linked_data(tmp_path: Path, hostile: str, place: str) -> None:
    author = {"name": hostile if place == "name" else "Ada", "url": hostile if place == "url" else "https://ada.test"}
    page = described(tmp_path, {"author": author, "description": hostile, "keywords": [hostile]})
    (script,) = page.xpath("//script[@type='application/ld+json']")
    assert "<" not in script.text and "&" not in script.text
    again = parse_page(page_text(page))
    assert len(again.xpath("//script")) == 1, "the page that is read again has the one script"
    reported = linked_data(again)
    assert reported["keywords"] == [hostile]
    assert reported["author"][0]["name" if place == "name" else "url"] == (
        hostile if place in {"name", "url"} else "https://ada.test"
    )


def test_a_post_says_to_machines_what_its_front_matter_says(tmp_path: Path) -> None:
    page = described(
        tmp_path,
        {
            "author": [{"name": "Ada", "orcid": "https://orcid.org/0000-0001", "affiliation": "Home"}, "Bob"],
            "date": "2026-11-05",
            "description": "Of *widths* and [depths](https://x.test).",
            "license": {"url": "https://licence.test"},
            "lang": "de",
        },
        head="<meta property='og:image' content='card.png'><meta property='og:image' content='https://a.test/c.png'>",
    )
    assert linked_data(page) == {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "author": [
            {"@type": "Person", "name": "Ada", "identifier": "https://orcid.org/0000-0001", "affiliation": ["Home"]},
            {"@type": "Person", "name": "Bob"},
        ],
        "datePublished": "2026-11-05",
        "description": "Of widths and depths.",
        "headline": "A title",
        "image": "https://a.test/c.png",
        "inLanguage": "de",
        "license": "https://licence.test",
        "url": f"{ADDRESS}/projects/one/",
    }
    assert contents(page, "citation_author") == ["Ada", "Bob"]
    assert contents(page, "citation_publication_date") == ["2026/11/05"]
    assert contents(page, "citation_fulltext_html_url") == [f"{ADDRESS}/projects/one/"]
    assert contents(page, "og:type") == ["article"]
    assert contents(page, "twitter:card") == ["summary_large_image"]
    assert page.xpath("//link[@rel='canonical']/@href") == [f"{ADDRESS}/projects/one/"]


def test_what_a_page_says_already_is_left_as_it_is(tmp_path: Path) -> None:
    head = "<link rel='canonical' href='https://mine.test/'><meta name='viewport' content='own'>"
    page = described(tmp_path, {"author": "Ada"}, head=head + "<meta property='og:title' content='own'>")
    assert page.xpath("//link[@rel='canonical']/@href") == ["https://mine.test/"]
    assert contents(page, "viewport") == ["own"] and contents(page, "og:title") == ["own"]


def test_a_page_without_authors_is_a_website_without_linked_data(tmp_path: Path) -> None:
    page = described(tmp_path, {}, address="")
    assert not page.xpath("//script") and not page.xpath("//link[@rel='canonical']")
    assert contents(page, "og:type") == ["website"] and contents(page, "twitter:card") == ["summary"]
    assert contents(page, "og:url") == [] and contents(page, "citation_title") == []


def test_a_post_without_a_description_is_reported_by_its_first_long_paragraph(tmp_path: Path) -> None:
    assert contents(described(tmp_path, {}), "og:description") == [WORDS]
    (cut,) = contents(described(tmp_path, {}, body=f"<p>{'word ' * 80}</p>"), "og:description")
    assert cut.endswith("word…") and 190 < len(cut) <= 201
    for length, reported in ((40, False), (41, True), (200, True)):
        page = described(tmp_path, {}, body=f"<p>{'x' * length}</p>")
        assert contents(page, "og:description") == (["x" * length] if reported else [])


def test_a_page_that_is_no_document_is_left_alone(tmp_path: Path) -> None:
    site = Site(root=tmp_path, quarto={}, config=SiteConfig(), projects=())
    context = FinishContext(site=site, source=tmp_path / "a.qmd", output=tmp_path / "a.html", prefix="")
    page = parse_page("<html><head></head><body><p>Words.</p></body></html>")
    before = page_text(page)
    if not page.xpath("//main"):
        describe(page, context)
        assert page_text(page) == before
