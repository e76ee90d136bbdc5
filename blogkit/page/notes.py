"""Footnotes, and the works that a page lists as its references."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from blogkit.page.seen import visible_text
from blogkit.page.tree import classes, has_class, tag_of

_NOTE_ID = re.compile(r"^(?:user-content-)?(?:fn|footnote)[-:_]?(?!ref|s$|note)\w")
_NOTE_ROLES = frozenset({"doc-footnote", "doc-endnote"})
_NOTE_LISTS = frozenset({"footnotes", "endnotes"})
_MARK_CLASSES = frozenset({"footnote-ref", "footnote-reference"})
_BACK_SIGNS = " \u00a0\u21a9\ufe0e^"
_LIST_IDS = frozenset({"references", "refs", "bibliography"})
_NUMBER = re.compile(r"\s*\[?(\d{1,3})[\].]")


@dataclass(frozen=True, kw_only=True, eq=False)
class Footnote:
    """A note at the page's end, in its margin, or in the line."""

    id: str
    """Empty for a note in the line."""
    text: str
    element: HtmlElement
    marks: tuple[HtmlElement, ...]
    """The links in the text that lead to it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ListedWork:
    """An entry of the list of references."""

    id: str
    text: str
    number: str
    """As printed; empty where the list has none."""
    element: HtmlElement

    @property
    def line(self) -> int | None:
        """Of the HTML file."""
        return self.element.sourceline


def is_note_mark(element: HtmlElement) -> bool:
    """Whether a link is the mark of a footnote, which is no word of the text."""
    return element.get("role") == "doc-noteref" or not _MARK_CLASSES.isdisjoint(classes(element))


def find_footnotes(main: HtmlElement) -> Iterator[Footnote]:
    """The footnotes of a page, in its order."""
    links: dict[str, list[HtmlElement]] = {}
    for link in main.iter("a"):
        href = link.get("href") or ""
        if href.startswith("#"):
            links.setdefault(href[1:], []).append(link)
    for element in main.iter():
        if isinstance(element.tag, str) and _is_note(element):
            name = element.get("id") or ""
            marks = [link for link in links.get(name, []) if element not in link.iterancestors()] if name else []
            text = visible_text(element).rstrip(_BACK_SIGNS)
            yield Footnote(id=name, text=text, element=element, marks=tuple(marks))


def _is_note(element: HtmlElement) -> bool:
    tag = tag_of(element)
    if tag == "d-footnote" or element.get("role") in _NOTE_ROLES:
        return True
    if tag == "li":
        above = element.getparent()
        holder = above.getparent() if above is not None else None
        if holder is not None and (has_class(holder, *_NOTE_LISTS) or holder.get("role") == "doc-endnotes"):
            return True
    return tag in {"li", "div", "p", "aside"} and _NOTE_ID.match(element.get("id") or "") is not None


def find_works(main: HtmlElement, zone_of: Callable[[HtmlElement], str]) -> tuple[ListedWork, ...]:
    """The entries of the list of references, each id once: those of a citation processor, else those of a list."""
    found: dict[str, ListedWork] = {}
    for work in _processed_works(main):
        found[work.id] = work
    if not found:
        for work in _written_works(main, zone_of):
            found.setdefault(work.id, work)
    return tuple(found.values())


def _processed_works(main: HtmlElement) -> Iterator[ListedWork]:
    for element in main.iter():
        name = element.get("id")
        if not name or not has_class(element, "csl-entry"):
            continue
        if not any(up.get("id") == "quarto-citation" for up in element.iterancestors()):
            text = visible_text(element)
            yield ListedWork(id=name, text=text, number=_number_of(text), element=element)


def _written_works(main: HtmlElement, zone_of: Callable[[HtmlElement], str]) -> Iterator[ListedWork]:
    """What stands as an entry among the references: list items, anchors, paragraphs with an id."""
    items = 0
    for element in main.iter("li", "p", "div", "a", "td"):
        if zone_of(element) != "references":
            continue
        name = element.get("id") or ""
        if element.tag == "li" and element.getparent() is not None:
            items += 1
            text, number = visible_text(element), str(items)
            yield ListedWork(id=name or f"(item {items})", text=text, number=number, element=element)
        elif element.tag == "a" and (name or element.get("name")) and not element.get("href"):
            name = name or element.get("name") or ""
            following = (element.text_content() + (element.tail or "")).strip()
            other = element.getnext()
            title = visible_text(other) if other is not None else ""
            text = f"{following} {title}".strip() or name
            yield ListedWork(id=name, text=text, number=_number_of(following), element=element)
        elif _is_entry(element, name):
            text = visible_text(element)
            yield ListedWork(id=name, text=text, number=_number_of(text), element=element)


def _is_entry(element: HtmlElement, name: str) -> bool:
    if element.tag not in {"p", "div", "td"} or not re.match(r"^ref|^bib|^cite", name, re.I):
        return False
    return name.lower() not in _LIST_IDS and not (element.tag == "div" and has_class(element, "citation"))


def _number_of(text: str) -> str:
    match = _NUMBER.match(text)
    return match[1] if match else ""
