"""Small questions about a page's tree that every reader of pages asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")

_MAY_HAVE_CLASS: Any = etree.XPath("descendant-or-self::*/@class[contains(., $name)]/..")
_BY_ID: Any = etree.XPath("id($identity)")
_WITH_ID: Any = etree.XPath("/descendant::*[@id=$identity]")


def tag_of(element: HtmlElement) -> str:
    """An element's name in lower case; empty for comments."""
    return element.tag.lower() if isinstance(element.tag, str) else ""


def classes(element: HtmlElement) -> list[str]:
    """An element's classes."""
    return (element.get("class") or "").split()


def has_class(element: HtmlElement, *names: str) -> bool:
    """Whether an element has one of these classes."""
    own = element.get("class")
    return own is not None and not set(own.split()).isdisjoint(names)


def with_class(root: HtmlElement, name: str) -> list[HtmlElement]:
    """Every element below a root that has a class, in document order."""
    return [element for element in _MAY_HAVE_CLASS(root, name=name) if name in element.get("class").split()]


def elements(root: HtmlElement, *tags: str) -> Iterator[HtmlElement]:
    """The elements below a root, in document order, the root included; comments are passed over."""
    for element in root.iter(*tags):
        if isinstance(element.tag, str):
            yield element


def by_id(root: HtmlElement, identity: str) -> HtmlElement | None:
    """The element with an id, or None."""
    found: list[HtmlElement] = _BY_ID(root, identity=identity)  # what the parser saw, in no time
    if not found or found[0].get("id") != identity:
        found = _WITH_ID(root, identity=identity)
    return found[0] if found else None


def main_of(page: HtmlElement) -> HtmlElement | None:
    """The page's main column."""
    main = by_id(page, "quarto-document-content")
    return main if main is not None else next(elements(page, "main"), None)


def find_main(root: HtmlElement) -> HtmlElement:
    """The element that holds the post; the body where nothing tells it apart."""
    for path in ("//main[@id='quarto-document-content']", "//main", "//d-article/..", "//article"):
        found = root.xpath(path)
        if isinstance(found, list) and len(found) == 1:
            return found[0]  # type: ignore[no-any-return]
    body = root.find("body")
    return body if body is not None else root
