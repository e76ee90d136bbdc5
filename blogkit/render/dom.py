"""How the renderer and the finishers write a page's tree; how it is read stands in :mod:`blogkit.page.tree`."""

from __future__ import annotations

import re
from urllib.parse import unquote

from lxml import html
from lxml.html import HtmlElement, fragments_fromstring

from blogkit.page.parse import ONE_CLASS
from blogkit.page.tree import HEADINGS, by_id, classes, elements, has_class, main_of, with_class

__all__ = [
    "HEADINGS",
    "WORDS_A_MINUTE",
    "add_class",
    "by_id",
    "classes",
    "drop_class",
    "elements",
    "has_class",
    "main_of",
    "make",
    "page_text",
    "parse_page",
    "put_after",
    "put_before",
    "set_html",
    "take_out",
    "with_class",
]

WORDS_A_MINUTE = 200
"""What somebody reads who wants to understand."""


_ESCAPED_FRAGMENT = re.compile(r'href="(#[^"]*%(?!2[02267]|3[cCeE])[^"]*)"')
"""The serialiser escapes letters of other scripts in addresses; a fragment must stay the id that it names."""


def parse_page(text: str | bytes) -> HtmlElement:
    """A page's tree, as :func:`page_text` writes it back."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    parser.set_element_class_lookup(ONE_CLASS)
    return html.document_fromstring(data, parser=parser)


def page_text(page: HtmlElement) -> str:
    """A tree as an HTML document."""
    text = html.tostring(page, encoding="unicode", with_tail=False)
    text = _ESCAPED_FRAGMENT.sub(lambda match: f'href="{unquote(match.group(1))}"', text)
    return f"<!DOCTYPE html>\n{text}\n"


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
