"""What machines read of a post: Open Graph, citation metadata, JSON-LD, a canonical address."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from lxml.html import HtmlElement

from blogkit.page import Page
from blogkit.page.seen import visible_text
from blogkit.render import language, people
from blogkit.render.dom import elements, main_of, make
from blogkit.render.finish import FinishContext
from blogkit.render.metadata import as_list, shown


def describe(page: HtmlElement, context: FinishContext) -> None:
    """Adds metadata to a page's head; what it says already is left as it is."""
    head = page.find("head")
    main = main_of(page)
    if head is None or main is None:
        return
    metadata = context.metadata
    read = context.read[-1] if context.read else Page(document=page)
    title = " ".join((visible_text(next(elements(main, "h1"), None)) or read.title).split())
    website: Mapping[str, Any] = context.site.quarto.get("website") or {}
    site_url = str(website.get("site-url") or "").rstrip("/")
    path = context.output.relative_to(context.site.output).as_posix() if _is_below(context) else context.output.name
    clean = re.sub(r"(^|/)index\.html$", r"\1", path)
    address = f"{site_url}/{clean}" if site_url else ""
    authors = people.authors(metadata)
    date = language.parse_date(metadata.get("date"), context.source)
    description = _description(read, metadata)
    have = {(meta.get("name") or meta.get("property") or "") for meta in elements(head, "meta")}

    def add(kind: str, name: str, value: str) -> None:
        if value and name not in have:
            meta = make("meta")
            meta.set(kind, name)
            meta.set("content", value)
            head.append(meta)

    if metadata.get("description"):
        add("name", "description", description)
    if "viewport" not in have:
        add("name", "viewport", "width=device-width, initial-scale=1")
    add("property", "og:title", title)
    add("property", "og:description", description)
    add("property", "og:type", "article" if authors else "website")
    add("property", "og:site_name", str(website.get("title") or ""))
    add("property", "og:url", address)
    add("name", "twitter:card", "summary_large_image" if "og:image" in have else "summary")
    if authors:
        add("name", "citation_title", title)
        for author in authors:
            meta = make("meta", name="citation_author")
            meta.set("content", author.name)
            head.append(meta)
        if date:
            add("name", "citation_publication_date", date.strftime("%Y/%m/%d"))
            add("property", "article:published_time", date.strftime("%Y-%m-%d"))
        add("name", "citation_fulltext_html_url", address)
        add("name", "citation_language", str(metadata.get("lang") or "en"))
        add("name", "citation_journal_title", str(website.get("title") or ""))
    if address and not any(link.get("rel") == "canonical" for link in elements(head, "link")):
        head.append(make("link", rel="canonical", href=address))
    pictures = [meta.get("content") or "" for meta in elements(head, "meta") if meta.get("property") == "og:image"]
    image = next((one for one in pictures if "://" in one), "")
    if authors and title:
        head.append(
            _linked_data(
                title,
                description,
                authors,
                date.strftime("%Y-%m-%d") if date else "",
                address,
                image,
                metadata,
                read.words if context.read else 0,
            )
        )


def _is_below(context: FinishContext) -> bool:
    return context.output.is_relative_to(context.site.output)


def _description(page: Page, metadata: Mapping[str, Any]) -> str:
    given = metadata.get("description") or metadata.get("abstract")
    if given:
        words = re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", r"\1", shown(given))
        return " ".join(words.split())[:300]
    for block in page.blocks:
        words = block.shown
        if any(one.tag == "header" for one in block.element.iterancestors()):
            continue
        if block.element.tag == "p" and len(words) > 40:
            return words if len(words) <= 200 else words[:200].rsplit(" ", 1)[0] + "…"
    return ""


def _linked_data(
    title: str,
    description: str,
    authors: tuple[people.Author, ...],
    date: str,
    address: str,
    image: str,
    metadata: Mapping[str, Any],
    words: int,
) -> HtmlElement:
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": title,
        "author": [
            {
                "@type": "Person",
                "name": author.name,
                **({"url": author.url} if author.url else {}),
                **({"identifier": f"https://orcid.org/{author.orcid}"} if author.orcid else {}),
                **({"affiliation": [place.name for place in author.affiliations]} if author.affiliations else {}),
            }
            for author in authors
        ],
        "inLanguage": str(metadata.get("lang") or "en"),
    }
    license_ = metadata.get("license")
    licence = shown(license_.get("url") or "" if isinstance(license_, Mapping) else "")
    further = {"description": description, "datePublished": date, "url": address, "image": image, "license": licence}
    data |= {name: value for name, value in further.items() if value}
    if words:
        data["wordCount"] = words
    keywords = [shown(word) for word in as_list(metadata.get("keywords") or metadata.get("categories"))]
    if keywords:
        data["keywords"] = keywords
    script = make("script", type="application/ld+json")
    script.text = _inert(json.dumps(data, ensure_ascii=False, sort_keys=True))
    return script


def _inert(text: str) -> str:
    """JSON as it may stand in a script element: nothing in it can end the element, or a line of a script."""
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
