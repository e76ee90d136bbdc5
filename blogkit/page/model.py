"""A rendered page as its reader meets it: title, authors, sections, prose, figures, equations, links, references.

Read from Quarto's HTML, whichever engine made it, and from pages written by hand: those of the course's HTML template,
and plain ones. What is hidden, furniture, prose and a word is said in :mod:`blogkit.page.seen`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lxml.html import HtmlElement

from blogkit.page import titles
from blogkit.page.charts import Chart, find_charts
from blogkit.page.floats import Float, FloatFinder, caption_outside, make_float
from blogkit.page.notes import Footnote, ListedWork, find_footnotes, find_works, is_note_mark
from blogkit.page.parse import begins_with_doctype, declared_encoding, parse_html
from blogkit.page.seen import (
    FURNITURE_IDS,
    LINES,
    MATH,
    count_words,
    is_in_furniture,
    is_no_prose,
    squeeze,
    visible_text,
)
from blogkit.page.tree import HEADINGS, find_main, tag_of

_CODE, _PROSE = "\ue001", "\ue002"
"""Marks in collected text: code begins, code ends."""
_CODE_TAGS = frozenset({"code", "kbd", "samp", "tt"})
_HEADING_TAGS = frozenset(HEADINGS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """A piece of prose: a paragraph, a list item."""

    text: str
    """With :data:`~blogkit.page.seen.MATH` for each equation in the line."""
    said: str
    """The text without the code in it: what a rule about words reads."""
    section: int
    """Its section's number in :attr:`Page.sections`."""
    zone: str
    """``body``, ``references`` or ``appendix``."""
    words: int
    element: HtmlElement
    """The innermost block around it."""
    equations: tuple[HtmlElement, ...] = ()
    """Those in its line."""

    @property
    def line(self) -> int | None:
        """Of the HTML file."""
        return self.element.sourceline

    @property
    def shown(self) -> str:
        """The text with its equations as they are written."""
        first, *rest = self.text.split(MATH)
        return squeeze(first + "".join(map(str.__add__, map(visible_text, self.equations), rest)))

    @property
    def heading(self) -> bool:
        return tag_of(self.element) in _HEADING_TAGS


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A heading with what follows up to the next one; the first section may have no heading."""

    number: int
    level: int
    title: str
    id: str
    zone: str
    line: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Link:
    """A link in the content."""

    element: HtmlElement
    href: str
    section: int
    zone: str

    @property
    def line(self) -> int | None:
        return self.element.sourceline

    @cached_property
    def text(self) -> str:
        return visible_text(self.element)


@dataclass(frozen=True, kw_only=True)
class Page:
    """One HTML page, read once: from its bytes, or from a tree that is there already."""

    data: bytes = b""
    document: HtmlElement | None = None

    @cached_property
    def root(self) -> HtmlElement:
        return parse_html(self.data) if self.document is None else self.document

    @cached_property
    def main(self) -> HtmlElement:
        """The element that holds the post, without the site's furniture where that is known."""
        return find_main(self.root)

    # --- head ---

    @property
    def has_doctype(self) -> bool:
        return begins_with_doctype(self.data)

    @property
    def encoding(self) -> str | None:
        """The encoding that the page declares; None when it declares none."""
        return declared_encoding(self.data)

    @property
    def language(self) -> str:
        return (self.root.get("lang") or self.root.get("{http://www.w3.org/XML/1998/namespace}lang") or "").strip()

    def meta(self, name: str) -> list[str]:
        """The contents of the meta elements of this name or property."""
        return titles.meta_contents(self.root, name)

    # --- title block ---

    @property
    def head_title(self) -> str:
        return titles.title_in_head(self.root)

    @cached_property
    def title_element(self) -> HtmlElement | None:
        """What prints the title."""
        return titles.find_title(self.root, self.main)

    @property
    def title(self) -> str:
        """The title a reader sees; the browser tab's when there is no other."""
        return visible_text(self.title_element) or self.head_title

    @cached_property
    def authors(self) -> tuple[str, ...]:
        """The authors' names as the page prints them, else as its metadata has them."""
        return titles.find_authors(self.root, self.main)

    @cached_property
    def named_authors(self) -> tuple[str, ...]:
        """Every name that the page gives its authors, in its title block and its metadata, as it is written."""
        return titles.names_given(self.root)

    # --- content ---

    @cached_property
    def _survey(self) -> _Survey:
        survey = _Survey(title=self.title_element)
        survey.visit(self.main, "body", is_in_furniture(self.main), False)
        return survey

    @property
    def sections(self) -> tuple[Section, ...]:
        """All sections in their order; number 0 is what stands before the first heading."""
        return tuple(self._survey.sections)

    def place(self, element: HtmlElement) -> tuple[int, str]:
        """The section and the zone that an element stands in."""
        return self._survey.place(element)

    def tree(self, section: Section) -> list[Section]:
        """A section and those below it."""
        found = [section]
        for other in self._survey.sections[section.number + 1 :]:
            if other.level <= section.level:
                break
            found.append(other)
        return found

    @cached_property
    def floats(self) -> tuple[Float, ...]:
        """The figures and tables in their order, with the appendix's."""
        found = self._survey.floats.found
        return tuple(make_float(element, kind, *self.place(element)) for element, kind in found)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every link of the content."""
        found = []
        for element in self._survey.links:
            section, zone = self.place(element)
            href = (element.get("href") or "").strip()
            found.append(Link(element=element, href=href, section=section, zone=zone))
        return tuple(found)

    @cached_property
    def equations(self) -> tuple[HtmlElement, ...]:
        """Every equation of the content, as MathML."""
        return tuple(self.main.iter("math"))

    @cached_property
    def charts(self) -> tuple[Chart, ...]:
        """The interactive figures, each with its typed rows."""
        return tuple(find_charts(self.root, self.main))

    @cached_property
    def notes(self) -> tuple[Footnote, ...]:
        """The footnotes, each with the marks that lead to it."""
        return tuple(find_footnotes(self.main))

    @cached_property
    def references(self) -> tuple[ListedWork, ...]:
        """The works that the page lists as its references."""
        return find_works(self.main, lambda element: self.place(element)[1])

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The prose in reading order: no figures, tables, captions, code, navigation."""
        abstract = titles.abstract_of(self.root)
        found = [block for element, text in abstract for block in self._block(text, element, 0)]
        return (*found, *self._prose())

    def _block(
        self, collected: str, at: HtmlElement, section: int, equations: Sequence[HtmlElement] = ()
    ) -> Iterator[Block]:
        text = squeeze(collected)
        words = said = text
        if _CODE in text:
            words = text.replace(_CODE, "").replace(_PROSE, "")
            said = re.sub(f"{_CODE}[^{_PROSE}]*{_PROSE}?", " ", text)
        if words.strip():
            zone = self._survey.own_zone(at) or self._survey.sections[section].zone
            yield Block(
                text=words,
                said=said,
                section=section,
                zone=zone,
                words=count_words(words),
                element=at,
                equations=tuple(equations),
            )

    def _prose(self) -> list[Block]:
        """The text of the content cut at block elements, each piece in the section of the last heading before it."""
        found: list[Block] = []
        parts: list[str] = []
        equations: list[HtmlElement] = []
        section = 0
        apart = {self.title_element, *(one.element for one in self.floats), *self._captions}
        where = self._survey.where

        def flush(at: HtmlElement) -> None:
            if parts:
                found.extend(self._block("".join(parts), at, section, equations))
                parts.clear()
                equations.clear()

        def walk(node: HtmlElement, around: HtmlElement) -> None:
            nonlocal section
            tag = node.tag
            if not isinstance(tag, str) or node in apart or is_no_prose(node, tag):
                return
            if tag == "a" and is_note_mark(node):
                return  # the mark of a note is no word
            if tag == "math":
                is_in_line = node.get("display") != "block"
                parts.append(f" {MATH} " if is_in_line else " ")
                equations.extend([node] if is_in_line else [])
                return
            block, code = tag in LINES, tag in _CODE_TAGS
            if block:
                flush(around)
            section = where[node][0] if node in where else section
            if code:
                parts.append(_CODE)
            if node.text:
                parts.append(node.text)
            for child in node:
                walk(child, node if block else around)
                if child.tail:
                    parts.append(child.tail)
            if code:
                parts.append(_PROSE)
            if block:
                flush(node)

        walk(self.main, self.main)
        flush(self.main)
        return found

    @cached_property
    def _captions(self) -> set[HtmlElement]:
        """Elements that stand outside a figure and are its caption."""
        outside = (caption_outside(one.element, one.kind) for one in self.floats)
        return {one for one in outside if one is not None}

    @cached_property
    def body(self) -> tuple[Block, ...]:
        """The prose that the word limit counts."""
        return tuple(block for block in self.blocks if block.zone == "body")

    @property
    def words(self) -> int:
        """Words of the prose; an equation in the line counts for one."""
        return sum(block.words for block in self.body)

    @cached_property
    def text(self) -> str:
        """All prose of the body, captions included, in one string."""
        captions = [one.caption for one in self.floats]
        return "\n".join([*(block.text for block in self.body), *captions])

    def section_text(self, section: Section) -> str:
        """The prose of a section with its subsections."""
        numbers = {one.number for one in self.tree(section)}
        return "\n".join(block.text for block in self.blocks if block.section in numbers and not block.heading)

    @cached_property
    def ids(self) -> dict[str, list[HtmlElement]]:
        """Every id with the elements that bear it."""
        found: dict[str, list[HtmlElement]] = {}
        for element in self.root.iter():
            if isinstance(element.tag, str) and element.get("id"):
                found.setdefault(element.get("id") or "", []).append(element)
        return found

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Every place that a link can lead to."""
        names = {element.get("name") or "" for element in self.root.iter("a")}
        return frozenset(names | set(self.ids) | {"", "top"})


# --- sections and zones -----------------------------------------------------------------------------------------------

_FURNITURE_TAGS = frozenset({"nav", "template", "script", "noscript", "dialog"})
_FURNITURE_CLASSES = frozenset({"toc", "quarto-title-meta"})
_DRAWN_TAGS = frozenset({"b", "strong", "span"})
_OPAQUE = frozenset({"svg", "math", "script", "style"})
"""Elements without a part of the page inside."""


@dataclass(kw_only=True)
class _Survey:
    """One walk over the content: sections, what stands in which, figures and tables, links."""

    title: HtmlElement | None
    sections: list[Section] = field(
        default_factory=lambda: [Section(number=0, level=0, title="", id="", zone="body", line=None)]
    )
    where: dict[HtmlElement, tuple[int, str]] = field(default_factory=dict)
    """Of each element its section, and the zone that it has by where it stands. It keeps the elements alive, whose
    identity it is about."""
    floats: FloatFinder = field(default_factory=FloatFinder)
    links: list[HtmlElement] = field(default_factory=list)
    _heading_zone: str = "body"
    _closing_level: int = 0
    _holder: HtmlElement | None = None
    """The ``<section>`` that a heading of references or of an appendix opens."""
    _is_after: bool = False
    """Whether such a section has ended, and nothing came after it yet."""

    def place(self, element: HtmlElement) -> tuple[int, str]:
        """The section and the zone that an element stands in."""
        for one in (element, *element.iterancestors()):
            if one in self.where:
                section, zone = self.where[one]
                return section, self.sections[section].zone if zone == "body" else zone
        return 0, "body"

    def own_zone(self, element: HtmlElement) -> str:
        """The zone that an element has by where it stands; empty for the body."""
        zone = self.where[element][1] if element in self.where else "body"
        return "" if zone == "body" else zone

    def visit(self, element: HtmlElement, zone: str, is_furniture: bool, is_taken: bool) -> None:
        tag = element.tag
        if not isinstance(tag, str):
            return
        if self._is_after:
            self._open(1, "", "", "body", None)
            self._is_after = False
        names, ident = element.get("class"), element.get("id")
        own = names.split() if names is not None else ()
        if own or ident is not None or tag[:2] == "d-":
            zone = _zone_of(tag, ident or "", own) or zone
            is_furniture = is_furniture or ident in FURNITURE_IDS or not _FURNITURE_CLASSES.isdisjoint(own)
        is_furniture = is_furniture or tag in _FURNITURE_TAGS
        if not is_furniture:
            if tag == "a":
                if element.get("href") is not None:
                    self.links.append(element)
            elif (
                tag in _HEADING_TAGS or (tag in _DRAWN_TAGS and _is_drawn_heading(element, tag))
            ) and element is not self.title:
                self._head(element, tag, zone)
        self.where[element] = (len(self.sections) - 1, zone)
        is_taken = is_taken or self.floats.take(element, tag, ident or "", own)
        if tag not in _OPAQUE:
            for child in element:
                self.visit(child, zone, is_furniture, is_taken)
        elif tag == "svg" and not is_furniture:
            self.links += [one for one in element.iter("a") if one.get("href") is not None]
        if element is self._holder:
            self._heading_zone, self._closing_level, self._holder = "body", 0, None
            self._is_after = True

    def _open(self, level: int, title: str, ident: str, zone: str, line: int | None) -> None:
        number = len(self.sections)
        self.sections.append(Section(number=number, level=level, title=title, id=ident, zone=zone, line=line))

    def _head(self, element: HtmlElement, tag: str, zone: str) -> None:
        """Opens the section of a heading."""
        text = re.sub(r"^\s*(?:\d+(?:\.\d+)*\.?|[IVX]+\.)\s+", "", visible_text(element)).rstrip(":")
        if not text:
            return
        parent = element.getparent()
        level = int(tag[1]) if tag in _HEADING_TAGS else 6
        if level <= self._closing_level or self._heading_zone == "body":
            named = _zone_of_heading(text)
            self._heading_zone, self._closing_level = named or "body", level
            is_inside = named and parent is not None and tag_of(parent) == "section"
            self._holder = parent if is_inside else None
        ident = element.get("id") or element.get("data-anchor-id") or ""
        if not ident and parent is not None and tag_of(parent) in {"section", "div"}:
            ident = parent.get("id") or ""
        self._open(level, text, ident, zone if zone != "body" else self._heading_zone, element.sourceline)


_REFERENCE_IDS = frozenset({"refs", "references", "bibliography", "ref-list"})


_ZONE_CLASSES = {
    "references": "references", "bibliography": "references", "csl-bib-body": "references", "appendix": "appendix",
}  # fmt: skip


def _zone_of(tag: str, ident: str, own: Sequence[str]) -> str:
    """The zone that an element opens by its name, id and classes; empty for most."""
    low = ident.lower()
    if low in _REFERENCE_IDS and tag != "a" and tag not in _HEADING_TAGS:
        return "references"
    if tag == "d-bibliography" or (tag == "div" and "citation" in own):
        return "references"
    zones = {_ZONE_CLASSES[name] for name in own if name in _ZONE_CLASSES}
    if "references" in zones:
        return "references"
    if low == "footnotes" or "footnotes" in own:
        return ""
    return "appendix" if zones or low == "quarto-appendix" or tag == "d-appendix" else ""


def _zone_of_heading(text: str) -> str:
    low = text.lower().strip()
    if re.match(r"^(references?|bibliography|works cited|citations|sources)\b.{0,20}$", low):
        return "references"
    if re.match(r"^(appendix|appendices|supplement)", low):
        return "appendix"
    return ""


def _is_drawn_heading(element: HtmlElement, tag: str) -> bool:
    """A heading made of bold or large type: alone in its paragraph, short."""
    if tag == "span":
        match = re.search(r"font-size:\s*(\d+)\s*px", element.get("style") or "")
        if not match or int(match.group(1)) < 16:
            return False
    parent = element.getparent()
    if parent is None or tag_of(parent) not in {"p", "div"} or (parent.text or "").strip():
        return False
    if any(tag_of(one) != "br" for one in parent if one is not element) or (element.tail or "").strip():
        return False
    text = visible_text(element)
    return 0 < len(text.split()) <= 10 and not text.endswith(".")
