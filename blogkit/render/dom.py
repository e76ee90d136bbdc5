"""Small questions about a page's tree that the renderer and the finishers share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from lxml import etree, html
from lxml.html import HtmlElement, fragments_fromstring

_MAY_HAVE_CLASS: Any = etree.XPath("descendant-or-self::*/@class[contains(., $name)]/..")
_BY_ID: Any = etree.XPath("id($identity)")
_WITH_ID: Any = etree.XPath("/descendant::*[@id=$identity]")
WORDS_A_MINUTE = 200
"""What somebody reads who wants to understand."""

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


_ESCAPED_FRAGMENT = re.compile(r'href="(#[^"]*%(?!2[02267]|3[cCeE])[^"]*)"')
"""The serialiser escapes letters of other scripts in addresses; a fragment must stay the id that it names."""


_CLASSES = etree.ElementDefaultClassLookup(
    element=HtmlElement,
    comment=html.HtmlComment,
    pi=html.HtmlProcessingInstruction,
    entity=html.HtmlEntity,
)
"""One class for every element: lxml asks Python for the class of each otherwise, two thousand times a page."""


def parse_page(text: str | bytes) -> HtmlElement:
    """A page's tree, as :func:`page_text` writes it back."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    parser.set_element_class_lookup(_CLASSES)
    return html.document_fromstring(data, parser=parser)


def page_text(page: HtmlElement) -> str:
    """A tree as an HTML document."""
    text = html.tostring(page, encoding="unicode", with_tail=False)
    text = _ESCAPED_FRAGMENT.sub(lambda match: f'href="{unquote(match.group(1))}"', text)
    return f"<!DOCTYPE html>\n{text}\n"


def classes(element: HtmlElement) -> list[str]:
    """An element's classes."""
    return (element.get("class") or "").split()


def has_class(element: HtmlElement, name: str) -> bool:
    """Whether an element has a class."""
    return name in classes(element)


def add_class(element: HtmlElement, *names: str) -> None:
    """Gives classes to an element, each once."""
    own = classes(element)
    own += [name for name in names if name not in own]
    element.set("class", " ".join(own))


def drop_class(element: HtmlElement, *names: str) -> None:
    """Takes classes from an element."""
    left = [name for name in classes(element) if name not in names]
    if left:
        element.set("class", " ".join(left))
    elif "class" in element.attrib:
        del element.attrib["class"]


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


def text_of(element: HtmlElement) -> str:
    """An element's words, spaces joined; TeX sources of formulas are left out."""
    parts: list[str] = []
    _gather(element, parts)
    return " ".join("".join(parts).split())


def _gather(element: etree._Element, parts: list[str]) -> None:
    if not isinstance(element.tag, str) or element.tag in {"script", "style", "annotation"}:
        return
    parts.append(element.text or "")
    for child in element:
        _gather(child, parts)
        parts.append(child.tail or "")


_WORD = re.compile(r"\w[\w'’.-]*")
_NO_PROSE = frozenset(
    {"figure", "table", "pre", "figcaption", "caption", "header", "nav", "svg", "script", "style", "button", "template"}
)
_NO_PROSE_CLASSES = frozenset({"quarto-float", "footnotes", "references", "appendix", "code-with-filename-file"})


def prose_words(main: HtmlElement) -> int:
    """The words that are read line by line: no figures, tables, captions, code, notes, references or appendix.

    An equation in the line counts for one word.
    """
    parts: list[str] = []
    _gather_prose(main, parts)
    return len(_WORD.findall("".join(parts)))


def _gather_prose(element: etree._Element, parts: list[str]) -> None:
    parts.append(element.text or "")
    for child in element:
        tag = child.tag
        if tag == "math":
            parts.append(" x " if child.get("display") != "block" else " ")
        elif isinstance(tag, str) and tag not in _NO_PROSE and child.get("id") not in {"quarto-appendix", "refs"}:
            names = child.get("class")
            if names is None or _NO_PROSE_CLASSES.isdisjoint(names.split()):
                parts.append("" if tag in _INLINE else " ")
                _gather_prose(child, parts)
        parts.append(child.tail or "")


_INLINE = frozenset({"a", "em", "strong", "span", "code", "sub", "sup", "mark", "i", "b", "u", "s", "del", "small"})


def take_out(element: HtmlElement) -> HtmlElement:
    """Removes an element from its place and leaves the text behind it there."""
    parent = element.getparent()
    if parent is not None:
        tail = element.tail
        if tail:
            before = element.getprevious()
            if before is not None:
                before.tail = (before.tail or "") + tail
            else:
                parent.text = (parent.text or "") + tail
        element.tail = None
        parent.remove(element)
    return element


def put_after(element: HtmlElement, new: HtmlElement) -> None:
    """Puts an element right behind another, before the text that follows that one."""
    new.tail, element.tail = element.tail, None
    element.addnext(new)


def put_before(element: HtmlElement, new: HtmlElement) -> None:
    """Puts an element right before another."""
    new.tail = None
    element.addprevious(new)


def make(tag: str, *children: HtmlElement | str, **attributes: str) -> HtmlElement:
    """A new element; ``class_`` and ``aria_label`` are written with a hyphen or without the underscore."""
    element = HtmlElement()
    element.tag = tag
    for name, value in attributes.items():
        element.set(name.rstrip("_").replace("_", "-"), value)
    for child in children:
        if isinstance(child, str):
            if len(element):
                element[-1].tail = (element[-1].tail or "") + child
            else:
                element.text = (element.text or "") + child
        else:
            element.append(child)
    return element


def set_html(element: HtmlElement, html: str) -> None:
    """Gives an element new children from HTML."""
    for child in list(element):
        element.remove(child)
    element.text = None
    for part in fragments_fromstring(html):
        if isinstance(part, str):
            element.text = part
        else:
            element.append(part)
