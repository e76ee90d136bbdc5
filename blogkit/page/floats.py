"""Figures and tables that stand on their own, and their captions wherever those stand.

In the course's HTML template rows hold the text in the middle and captions in the right margin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from blogkit.page.seen import FURNITURE_IDS, MEDIA, WORD, count_words, is_hidden, is_icon, visible_text
from blogkit.page.tree import HEADINGS, has_class, tag_of

_NUMBERED = re.compile(
    r"^\s*(figure|fig|table|tab|listing|algorithm)\.?\s*\(?([A-Z]?\.?\d+(?:\.\d+)*[a-z]?)", re.IGNORECASE
)
_FLOAT_ID = re.compile(r"^(fig|tbl)-")
_PICTURES = MEDIA - {"audio", "map"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Float:
    """A figure or a table that stands on its own; panels of one figure are one."""

    kind: str
    """``figure`` or ``table``."""
    element: HtmlElement
    id: str
    number: str
    """As printed: ``2``, ``A1``; empty when it has none."""
    caption: str
    section: int
    zone: str

    @property
    def line(self) -> int | None:
        return self.element.sourceline

    @property
    def images(self) -> list[HtmlElement]:
        """The pictures in it, outermost first, also when it is one."""
        found = []
        inside: set[HtmlElement] = set()
        for element in self.element.iter():
            if tag_of(element) in _PICTURES - {"picture"}:
                parent = element.getparent()
                if parent in inside:
                    inside.add(element)
                    continue
                found.append(element)
                inside.update(element.iter())
        return found

    @property
    def name(self) -> str:
        """How a message calls it."""
        kind = self.kind.capitalize()
        if self.number:
            return f"{kind} {self.number}"
        source = next((one.get("src") for one in self.images if one.get("src")), None)
        if self.id:
            return f"{kind} #{self.id}"
        if source and not source.startswith("data:"):
            return f"the {self.kind} {source.rsplit('/', 1)[-1]}"
        return f"a {self.kind} without a number"


class FloatFinder:
    """Given every element in the page's order, it finds the figures and tables among them."""

    def __init__(self) -> None:
        self.found: list[tuple[HtmlElement, str]] = []
        """Each with its kind."""
        self._last: tuple[HtmlElement, HtmlElement] | None = None

    def take(self, element: HtmlElement, tag: str, ident: str, own: Sequence[str]) -> bool:
        """Whether an element is a figure, a table, or something else whose inside holds none."""
        kind = _float_kind(element, tag, ident, own)
        if kind in {"", "none"}:
            return kind == "none"
        if tag in _PICTURES:
            holder = _block_around(element)
            if self._last is not None and holder is self._last[1] and not _words_between(self._last[0], element):
                self._last = (element, holder)
                return True
            self._last = (element, holder)
        else:
            self._last = None
        self.found.append((element, kind))
        return True


def make_float(element: HtmlElement, kind: str, section: int, zone: str) -> Float:
    """A figure or table with its number and caption."""
    caption = _caption_text(element, kind)
    match = _NUMBERED.match(caption)
    ident = element.get("id") or ""
    if not ident:
        inner = next((one.get("id") or "" for one in element.iter() if _FLOAT_ID.match(one.get("id") or "")), "")
        ident = inner if "-caption" not in inner else ""
    return Float(
        kind="table" if match and match.group(1).lower().startswith("tab") else kind,
        element=element,
        id=ident,
        number=match.group(2) if match else "",
        caption=caption,
        section=section,
        zone=zone,
    )


_NEITHER = frozenset({"script", "style", "template", "nav", "noscript", "header"})
_NEITHER_CLASSES = frozenset(
    {"callout-icon-container", "quarto-title-banner", "quarto-float-lst", "quarto-listing", "quarto-title-meta"}
    | {"quarto-categories", "vega-actions", "guidance", "bk-data", "bk-origin"}
)
_DRAWN = frozenset({"vega-embed", "vega-visualization", "plotly-graph-div", "bk-root", "mermaid"})


def _float_kind(element: HtmlElement, tag: str, ident: str, own: Sequence[str]) -> str:
    """``figure``, ``table``, ``none`` for what is neither but is no prose either, or nothing: look inside."""
    if tag in _NEITHER or is_hidden(element):
        return "none"
    if ident:
        if ident in FURNITURE_IDS or ident.startswith("lst-"):
            return "none"
        if _FLOAT_ID.match(ident) and "-caption" not in ident and tag in {"div", "figure", "table", "section"}:
            return "table" if ident.startswith("tbl-") else "figure"
    if own and not _NEITHER_CLASSES.isdisjoint(own):
        return "none"
    if tag == "figure":
        return _kind_of_figure(element)
    if tag == "table":
        return _kind_of_table(element)
    if own and not _DRAWN.isdisjoint(own):
        return "figure"
    if tag in _PICTURES:
        return "none" if is_icon(element) else "figure"
    return ""


def _kind_of_figure(element: HtmlElement) -> str:
    if "quarto-float-tbl" in (element.get("class") or ""):
        return "table"
    if next(element.iter(*_PICTURES), None) is None:
        if next(element.iter("table"), None) is not None:
            return "table"
        if next(element.iter("pre"), None) is not None:
            return "none"
    return "figure"


def _kind_of_table(element: HtmlElement) -> str:
    if has_class(element, "header", "highlighttable", "rouge-table") or element.get("role") == "presentation":
        return ""
    if next(element.iter(*HEADINGS), None) is not None:
        return ""
    return "figure" if next(element.iter(*_PICTURES), None) is not None else "table"


def _block_around(element: HtmlElement) -> HtmlElement:
    """The block that a picture stands in."""
    for one in element.iterancestors():
        if tag_of(one) in {"div", "p", "center", "section", "td", "li", "main", "body", "article"}:
            return one
    return element


def _words_between(first: HtmlElement, second: HtmlElement) -> bool:
    """Whether text stands between two pictures of one block."""
    text = first.tail or ""
    node = first.getnext()
    while node is not None and node is not second and second not in set(node.iter()):
        text += visible_text(node) + (node.tail or "")
        node = node.getnext()
    return bool(WORD.search(text))


def _caption_text(element: HtmlElement, kind: str) -> str:
    """The words of a figure's own caption, or of what stands beside it as one."""
    own = [
        one
        for one in element.iter("figcaption", "caption")
        if not any(
            tag_of(up) == "details"  # the data behind a figure has a caption of its own
            or (re.match(r"^(fig|tbl)-", up.get("id") or "") and "-caption" not in (up.get("id") or ""))
            for up in _elements_between(one, element)
        )
    ]
    if own:
        return visible_text(own[-1] if _has_panels(element) else own[0])
    inner = [
        one
        for one in element.iter()
        if tag_of(one) in {"p", "div", "span"} and has_class(one, "caption", "figure-caption")
    ]
    if inner:
        return visible_text(inner[0])
    outside = caption_outside(element, kind)
    return visible_text(outside)


def _elements_between(inner: HtmlElement, outer: HtmlElement) -> Iterator[HtmlElement]:
    for one in inner.iterancestors():
        if one is outer:
            return
        yield one


def _has_panels(element: HtmlElement) -> bool:
    return sum(1 for _ in element.iter("figcaption")) > 1


def caption_outside(element: HtmlElement, kind: str) -> HtmlElement | None:
    """What stands beside a figure or table without a caption of its own and reads as one."""
    if next(element.iter("figcaption", "caption"), None) is not None:
        return None
    for up in element.iterancestors():
        if has_class(up, "main-content-block"):
            margin = _caption_in_margin(element, up)
            if margin is not None:
                return margin
            break
    node = element
    for _ in range(3):
        for near in (node.getnext(), node.getprevious()):
            if near is not None and isinstance(near.tag, str) and _reads_as_caption(near, kind):
                return near
        parent = node.getparent()
        if (
            parent is None
            or tag_of(parent) not in {"p", "div", "center", "a", "figure"}
            or len(visible_text(parent)) > 600
        ):
            break
        node = parent
    return None


def _caption_in_margin(element: HtmlElement, block: HtmlElement) -> HtmlElement | None:
    """The right margin of a row of the course's template, where the row holds little else than the figure."""
    row = block.getparent()
    others = [other for other in row if isinstance(other.tag, str)] if row is not None else []
    margins = [(other, visible_text(other)) for other in others if has_class(other, "margin-right-block")]
    if not any(text for _, text in margins):
        return None
    is_short = count_words(visible_text(block)) - count_words(visible_text(element)) < 40
    return next((other for other, text in margins if text and (is_short or _NUMBERED.match(text))), None)


def _reads_as_caption(near: HtmlElement, kind: str) -> bool:
    if tag_of(near) in HEADINGS:
        return False
    text = visible_text(near)
    match = _NUMBERED.match(text)
    named = has_class(near, "caption", "figure-caption", "image-caption", "fig-caption")
    same = match and (match.group(1).lower().startswith("tab") == (kind == "table") or tag_of(near) != "p")
    reads = named or (same and match and len(text) > len(match.group()) + 1)
    return bool(reads) and next(near.iter(*_PICTURES), None) is None
