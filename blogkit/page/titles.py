"""Who wrote a page and what it is called, as it prints them, else as its metadata has them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from blogkit.page.seen import squeeze, visible_text
from blogkit.page.tree import has_class

_TITLES = (
    "//header[@id='title-block-header']//h1",
    "//d-title//h1",
    "//h1[contains(concat(' ', normalize-space(@class), ' '), ' title ') or contains(@class, 'post-title')]",
    "//header//h1",
)
_AUTHORS = (
    "//header[@id='title-block-header']//p[contains(concat(' ', normalize-space(@class), ' '), ' author ')]",
    "//header[@id='title-block-header']//div[contains(@class,'quarto-title-meta-heading')"
    " and (normalize-space()='Author' or normalize-space()='Authors')]"
    "/following-sibling::div[contains(@class,'quarto-title-meta-contents')]//p",
    "//d-byline//*[contains(@class,'author')]//*[contains(concat(' ', @class, ' '), ' name ')]",
    "//table[contains(@class,'header')]//span[contains(translate(@style,' ',''),'font-size:17px')]",
    "//*[@rel='author']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' author ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' authors ') or @id='authors']//a",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' authors ') or @id='authors']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' byline ')]",
    "//*[self::span or self::p or self::div][contains(translate(@style,' ',''),'font-size:17px')]",
)
_GIVEN_NAMES = (
    "//head/meta[@name='author' or @name='citation_author' or @name='dc.creator']/@content"
    " | //header[@id='title-block-header']//*[contains(@class, 'author')]/text()"
)
_ABSTRACT = "//header[@id='title-block-header']//div[contains(concat(' ', normalize-space(@class), ' '), ' abstract ')]"


def find_title(root: HtmlElement, main: HtmlElement) -> HtmlElement | None:
    """The element that prints the title; the site's name does not count."""
    for path in _TITLES:
        found = root.xpath(path)
        if isinstance(found, list) and found:
            return found[0]  # type: ignore[no-any-return]
    headings = list(main.iter("h1"))
    if len(headings) == 1 and next(main.iter("h2"), None) is not None:
        return headings[0]
    for span in main.iter("span"):
        match = re.search(r"font-size:\s*(\d+)\s*px", span.get("style") or "")
        if match and int(match.group(1)) >= 24:
            return span
    return None


def title_in_head(root: HtmlElement) -> str:
    """The text of the page's ``<title>``."""
    element = root.find(".//head/title")
    return squeeze(element.text or "") if element is not None else ""


def meta_contents(root: HtmlElement, name: str) -> list[str]:
    """The contents of the meta elements of this name or property."""
    return [
        (element.get("content") or "").strip()
        for element in root.iter("meta")
        if name in {(element.get("name") or "").lower(), (element.get("property") or "").lower()}
    ]


def abstract_of(root: HtmlElement) -> list[tuple[HtmlElement, str]]:
    """The paragraphs of the abstract in the title block, with their text; the abstract itself where it has none."""
    found = []
    for box in root.xpath(_ABSTRACT):
        paragraphs = list(box.iter("p"))
        found += [(one, visible_text(one)) for one in paragraphs] or [(box, _without_title(box))]
    return found


def _without_title(box: HtmlElement) -> str:
    parts = [box.text or ""]
    for child in box:
        parts.append("" if has_class(child, "block-title", "abstract-title") else visible_text(child))
        parts.append(child.tail or "")
    return squeeze("".join(parts))


def find_authors(root: HtmlElement, main: HtmlElement) -> tuple[str, ...]:
    """The authors' names, each once."""
    for names in (*_printed(root), *_declared(root)):
        if names:
            return tuple(dict.fromkeys(names))
    for element in list(main.iter("p", "div", "h2", "h3", "h4"))[:12]:
        match = re.match(r"^(?:by|authors?:)\s+(.{3,120})$", visible_text(element), re.IGNORECASE)
        if match:
            return tuple(split_names(match.group(1)))
    return ()


def names_given(root: HtmlElement) -> tuple[str, ...]:
    """Every name that the title block and the metadata give the authors, as it is written, each once."""
    found = root.xpath(_GIVEN_NAMES)
    texts = found if isinstance(found, list) else []
    return tuple(dict.fromkeys(name for text in texts if (name := squeeze(str(text)))))


def _printed(root: HtmlElement) -> Iterator[list[str]]:
    for path in _AUTHORS:
        found = root.xpath(path)
        texts = [visible_text(one) for one in found] if isinstance(found, list) else []
        yield [name for text in texts for name in split_names(text)]


def _declared(root: HtmlElement) -> Iterator[list[str]]:
    for name in ("author", "citation_author", "dc.creator", "article:author"):
        yield [one for text in meta_contents(root, name) for one in split_names(text)]


_LONGEST_LINE = 10_000
"""Signs of a line of authors that are read."""


def split_names(text: str) -> list[str]:
    """The names in a line of authors, without footnote marks and affiliations in brackets."""
    text = re.sub(r"\([^)]{0,500}\)|\[[^\]]{0,500}\]|[*†‡§¹²³⁴0-9]+|\S{1,100}@\S+", " ", text[:_LONGEST_LINE])
    text = re.sub(r"^\s*(?:by|authors?:?)\s+", "", text, flags=re.IGNORECASE)
    parts = re.split(r"[,;&·|\n]|\band\b| {3,}", text)
    suffixes = {"jr", "jr.", "sr", "sr.", "phd", "ph.d.", "ii", "iii"}
    names = [squeeze(part) for part in parts]
    return [name for name in names if re.search(r"[^\W\d_]", name) and name.lower() not in suffixes]
