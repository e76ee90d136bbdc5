"""Pages as trees, by libxml2, which is fast; :mod:`blogkit.page.foreign` reads those that blogkit did not make."""

from __future__ import annotations

import codecs
import re

from lxml import etree, html
from lxml.html import HtmlElement

ONE_CLASS = etree.ElementDefaultClassLookup(
    element=HtmlElement, comment=html.HtmlComment, pi=html.HtmlProcessingInstruction, entity=html.HtmlEntity
)
"""One class for every element: lxml asks Python for the class of each otherwise, two thousand times a page."""


def parse_html(data: bytes) -> HtmlElement:
    """A page as a tree, read in the encoding that it declares (UTF-8 when it declares none and is UTF-8)."""
    parser = html.HTMLParser(encoding=encoding_of(data), huge_tree=True)
    parser.set_element_class_lookup(ONE_CLASS)
    try:
        return html.document_fromstring(data or b"<html></html>", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, LookupError):
        return html.document_fromstring("<html><body></body></html>")


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page's first bytes name, as a browser reads them; None when they name none that is known."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return name
    match = re.search(rb"<meta[^>]{0,200}?charset\s*=\s*(?:[\"']\s*)?([A-Za-z0-9_.:-]+)", data[:4096], re.IGNORECASE)
    if not match:
        return None
    try:
        name = codecs.lookup(match.group(1).decode("ascii")).name
    except LookupError:
        return None
    # A page that could be read as ASCII up to this line is not UTF-16, whatever it says.
    return {"utf-16": "utf-8", "ascii": "windows-1252", "iso8859-1": "windows-1252"}.get(name, name)


def encoding_of(data: bytes) -> str:
    """The encoding that a page declares; UTF-8 when it declares none and is UTF-8, else that of old pages."""
    return declared_encoding(data) or ("utf-8" if _is_utf8(data) else "windows-1252")


_DOCTYPE = re.compile(rb"<!doctype\s", re.IGNORECASE)
_WHITE = re.compile(rb"\s*")


def begins_with_doctype(data: bytes) -> bool:
    """Whether a page's first tag is a doctype; comments and an XML declaration may stand before it."""
    place = _skip_white(data, len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
    while not _DOCTYPE.match(data, place):
        closing = next(
            (end for start, end in ((b"<!--", b"-->"), (b"<?xml", b">")) if _has_at(data, start, place)), b""
        )
        end = data.find(closing, place + 4) if closing else -1
        if end < 0:
            return False
        place = _skip_white(data, end + len(closing))
    return True


def _has_at(data: bytes, start: bytes, place: int) -> bool:
    return data[place : place + len(start)].lower() == start


def _skip_white(data: bytes, place: int) -> int:
    match = _WHITE.match(data, place)
    return match.end() if match else place


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
