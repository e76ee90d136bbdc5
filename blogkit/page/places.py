"""What a reader can point at in a page: its text, named blocks, equations, pictures, tables and charts.

The browser builds the same (``review/interface/src/page.ts``), and a test holds the two together. The text is what is
visible in ``main``, each run of white space one space, each block's border a line feed. It is counted in UTF-16 units,
as JavaScript counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import html
from lxml.html import HtmlElement

from blogkit.page.charts import Chart, DataSet, chart_runs, chart_sets, is_chart
from blogkit.page.model import Page
from blogkit.page.seen import BLOCKS, PIECE, SPACE, has_no_text, visible_text

_PIECES = re.compile(rf"{SPACE.pattern}|{PIECE.pattern}")
_PLUMBING = re.compile(r"^(bk-|cb\d|fn|cite|ref-|quarto-|TOC|toc-|annotated-|title-block)")
"""Ids of Quarto's own machinery: no reader would say that a passage stands there."""


@dataclass(frozen=True, kw_only=True)
class NamedBlock:
    """An element with an id: a place in the post that survives a revision by name."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class EquationPlace:
    """A formula: its visible text, and the block that it stands in."""

    text: str
    block: str | None
    start: int = 0
    """Where it begins in the page's text; of what follows too."""


@dataclass(frozen=True, kw_only=True)
class PicturePlace:
    """A picture: a hash of what it shows, and the block that it stands in."""

    source: str
    block: str | None
    start: int = 0


@dataclass(frozen=True, kw_only=True)
class TablePlace:
    """A table, cell by cell; the first row is its heading."""

    rows: tuple[tuple[str, ...], ...]
    block: str | None
    start: int = 0

    def key_of(self, number: int) -> tuple[str, ...]:
        """The first cells of a row, as many as no other row begins with; empty when another row is all the same."""
        row = self.rows[number]
        for length in range(1, len(row) + 1):
            if sum(other[:length] == row[:length] for other in self.rows) == 1:
                return row[:length]
        return ()


@dataclass(frozen=True, kw_only=True)
class ChartPlace:
    """An interactive figure: the data that its marks show, row by row."""

    block: str
    rows: tuple[Mapping[str, Any], ...]
    start: int = 0
    sets: tuple[DataSet, ...] = ()
    """The same rows, as the chart's specification has them: one data set after the other."""
    runs: tuple[Mapping[str, Any], ...] = ()
    """The runs behind the figure, where a review copy lists them."""


@dataclass(frozen=True, kw_only=True)
class PageText:
    """Everything that a comment can be anchored to."""

    text: str
    title: str = ""
    blocks: tuple[NamedBlock, ...] = ()
    """In the order in which they end: of two around one place, the inner one comes first."""
    equations: tuple[EquationPlace, ...] = ()
    images: tuple[PicturePlace, ...] = ()
    tables: tuple[TablePlace, ...] = ()
    charts: tuple[ChartPlace, ...] = ()

    def block(self, name: str) -> NamedBlock | None:
        return next((block for block in self.blocks if block.id == name), None)

    def block_at(self, start: int, end: int) -> NamedBlock | None:
        """The innermost block around a passage."""
        return next((block for block in self.blocks if block.start <= start and end <= block.end), None)


@dataclass
class _Walk:
    """The state of one walk over a page."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    pending: str = ""
    """White space that is written once something follows it."""
    blocks: list[NamedBlock] = field(default_factory=list)
    equations: list[EquationPlace] = field(default_factory=list)
    images: list[PicturePlace] = field(default_factory=list)
    tables: list[TablePlace] = field(default_factory=list)
    charts: list[ChartPlace] = field(default_factory=list)
    charts_read: Mapping[HtmlElement, Chart] = field(default_factory=dict)
    """By the figure's element."""

    def text(self, text: str | None) -> None:
        for piece in _PIECES.findall(utf16(text or "")):
            if SPACE.match(piece):
                self.pending = self.pending or " "
                continue
            if self.pending and self.length:
                self._write(self.pending)
            self._write(piece)
            self.pending = ""

    def _write(self, piece: str) -> None:
        self.parts.append(piece)
        self.length += len(piece)

    @property
    def next_place(self) -> int:
        """Where the next character will stand."""
        return self.length + (1 if self.pending and self.length else 0)


def utf16(text: str) -> str:
    """The text with each character outside the basic plane as its two surrogates: as JavaScript counts."""
    if text.isascii() or not any(ord(character) > 0xFFFF for character in text):
        return text
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(data[place : place + 2], "little")) for place in range(0, len(data), 2))


def characters(text: str) -> str:
    """The text that :func:`utf16` was given; half a character becomes the sign for an unknown one."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def read_page(source: str) -> PageText:
    """What can be pointed at in an HTML text."""
    return read_tree(html.document_fromstring(source or "<html></html>"))


def read_tree(document: HtmlElement) -> PageText:
    """What can be pointed at in a parsed page; what stands outside its main column is not read."""
    page = Page(document=document)
    root = page.main
    reading = _Walk(charts_read={chart.element: chart for chart in page.charts})
    _walk(root, None, reading)
    headings = root.xpath(".//h1")
    return PageText(
        text="".join(reading.parts),
        title=visible_text(headings[0]) if headings else "",
        blocks=tuple(reading.blocks),
        equations=tuple(reading.equations),
        images=tuple(reading.images),
        tables=tuple(reading.tables),
        charts=tuple(reading.charts),
    )


def _walk(element: HtmlElement, block: str | None, reading: _Walk) -> None:
    if not isinstance(element.tag, str):
        return
    name = element.get("id") or ""
    chart = is_chart(element)
    owner = (block if block and block.startswith(("fig-", "tbl-")) else name) or block
    if chart and owner:
        read = reading.charts_read[element]
        sets = chart_sets(element, read.read_tables())
        runs = chart_runs(element)
        reading.charts.append(ChartPlace(block=owner, rows=read.rows, start=reading.next_place, sets=sets, runs=runs))
    inner = name if name and not _PLUMBING.match(name) else block
    picture = element.get("data-review-image")
    if not chart and (picture or element.tag == "img"):
        source = picture or digest((element.get("src") or "").encode())
        reading.images.append(PicturePlace(source=source, block=inner, start=reading.next_place))
    if has_no_text(element):
        return
    is_block = element.tag in BLOCKS
    if is_block and reading.length:
        reading.pending = "\n"
    start = reading.next_place
    if element.tag == "math":
        text = visible_text(element)
        if text:
            reading.equations.append(EquationPlace(text=utf16(text), block=inner, start=start))
    elif element.tag == "table":
        reading.tables.append(TablePlace(rows=tuple(_rows(element)), block=inner, start=start))
    reading.text(element.text)
    for child in element:
        _walk(child, inner, reading)
        reading.text(child.tail)
    if is_block and reading.length:
        reading.pending = "\n"
    if inner == name and name and reading.length > start:
        reading.blocks.append(NamedBlock(id=name, start=start, end=reading.length))


def _rows(table: HtmlElement) -> Iterator[tuple[str, ...]]:
    for row in table.iter("tr"):
        yield tuple(utf16(visible_text(cell)) for cell in row if cell.tag in {"th", "td"})


def digest(data: bytes) -> str:
    """A name for what a picture shows."""
    return hashlib.sha256(data).hexdigest()[:16]
