"""A rendered page as its reader meets it: title, authors, sections, prose, figures, links.

Read from Quarto's HTML, whichever engine made it, and from pages written by hand: those of the course's HTML template,
whose rows hold the text in the middle and captions in the right margin, and plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from blogkit.links import HtmlElement, declared_encoding, parse_html

SPACE = re.compile(r"[\s\u00a0\u200b]+")
_CODE, _PROSE, _MATH = "\ue001", "\ue002", "\ue000"
"""Marks in collected text, from the range that no page uses: code begins, code ends, an equation."""
WORD = re.compile(r"[^\W_]+(?:[.,'’\-–][^\W_]+)*", re.UNICODE)
_NUMBERED = re.compile(
    r"^\s*(figure|fig|table|tab|listing|algorithm)\.?\s*\(?([A-Z]?\.?\d+(?:\.\d+)*[a-z]?)", re.IGNORECASE
)
_MEDIA = {"img", "svg", "video", "canvas", "iframe", "object", "embed", "picture", "model-viewer"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = {
    "p", "div", "section", "article", "li", "ul", "ol", "dl", "dt", "dd", "blockquote", "td", "th", "tr", "center",
    "details", "summary", "aside", "main", "body", "header", "footer", "br", "hr", "table", *_HEADINGS,
}  # fmt: skip
_NEVER = {
    "script", "style", "template", "head", "nav", "button", "select", "textarea", "annotation", "annotation-xml",
    "noscript", "dialog", "title", "meta", "link",
}  # fmt: skip
_HIDDEN_CLASSES = {
    "visually-hidden", "screen-reader-only", "sr-only", "footnote-back", "anchorjs-link", "d-none",
    "quarto-title-meta", "quarto-categories", "quarto-listing", "vega-actions", "guidance",
}  # fmt: skip
_HIDDEN_IDS = {"TOC", "title-block-header", "quarto-citation", "quarto-margin-sidebar", "quarto-header", "toc"}


def has_class(element: HtmlElement, *names: str) -> bool:
    """Whether an element has one of these classes."""
    return not set((element.get("class") or "").split()).isdisjoint(names)


def tag_of(element: HtmlElement) -> str:
    """An element's name in lower case; empty for comments."""
    return element.tag.lower() if isinstance(element.tag, str) else ""


def visible_text(element: HtmlElement | None) -> str:
    """The words a reader sees in an element, in one line; equations as they are written, scripts left out."""
    if element is None:
        return ""
    parts: list[str] = []
    _collect_text(element, parts)
    return SPACE.sub(" ", "".join(parts)).strip()


def _collect_text(element: HtmlElement, parts: list[str]) -> None:
    tag = tag_of(element)
    if tag and tag not in _NEVER and not _is_hidden(element):
        if tag in _BLOCKS:
            parts.append(" ")
        parts.append(element.text or "")
        for child in element:
            _collect_text(child, parts)
            parts.append(child.tail or "")
        if tag in _BLOCKS:
            parts.append(" ")


def _is_hidden(element: HtmlElement) -> bool:
    if element.get("hidden") is not None or has_class(element, *_HIDDEN_CLASSES):
        return True
    style = (element.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or "visibility:hidden" in style


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """A piece of prose: a paragraph, a list item."""

    text: str
    said: str
    """The text without the code in it: what a rule about words reads."""
    section: int
    """Its section's number in :attr:`Page.sections`."""
    zone: str
    """``body``, ``references`` or ``appendix``."""
    words: int
    line: int | None
    """Of the HTML file."""
    heading: bool = False


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
            if tag_of(element) in _MEDIA - {"picture"}:
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Link:
    """A link in the content."""

    element: HtmlElement
    href: str
    text: str
    section: int
    zone: str

    @property
    def line(self) -> int | None:
        return self.element.sourceline


@dataclass(frozen=True, kw_only=True)
class Page:
    """One HTML page, read once."""

    data: bytes

    @cached_property
    def root(self) -> HtmlElement:
        return parse_html(self.data)

    @cached_property
    def main(self) -> HtmlElement:
        """The element that holds the post, without the site's furniture where it can be told apart."""
        for path in ("//main[@id='quarto-document-content']", "//main", "//d-article/..", "//article"):
            found = self.root.xpath(path)
            if isinstance(found, list) and len(found) == 1:
                return found[0]  # type: ignore[no-any-return]
        body = self.root.find("body")
        return body if body is not None else self.root

    # --- head ---

    @property
    def has_doctype(self) -> bool:
        return (
            re.match(rb"^(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<!doctype\s", self.data, re.I | re.S)
            is not None
        )

    @property
    def encoding(self) -> str | None:
        """The encoding that the page declares; None when it declares none."""
        return declared_encoding(self.data)

    @property
    def language(self) -> str:
        return (self.root.get("lang") or self.root.get("{http://www.w3.org/XML/1998/namespace}lang") or "").strip()

    def meta(self, name: str) -> list[str]:
        """The contents of the meta elements of this name or property."""
        return [
            (element.get("content") or "").strip()
            for element in self.root.iter("meta")
            if name in {(element.get("name") or "").lower(), (element.get("property") or "").lower()}
        ]

    @property
    def head_title(self) -> str:
        return visible_text_of_title(self.root)

    @cached_property
    def _title_element(self) -> HtmlElement | None:
        for path in (
            "//header[@id='title-block-header']//h1",
            "//d-title//h1",
            "//h1[contains(concat(' ', normalize-space(@class), ' '), ' title ') or contains(@class, 'post-title')]",
            "//header//h1",
        ):
            found = self.root.xpath(path)
            if isinstance(found, list) and found:
                return found[0]  # type: ignore[no-any-return]
        ones = list(self.main.iter("h1"))
        if len(ones) == 1 and next(self.main.iter("h2"), None) is not None:
            return ones[0]
        for span in self.main.iter("span"):
            match = re.search(r"font-size:\s*(\d+)\s*px", span.get("style") or "")
            if match and int(match.group(1)) >= 24:
                return span
        return None

    @property
    def title(self) -> str:
        """The title a reader sees; the browser tab's when there is no other."""
        return visible_text(self._title_element) or self.head_title

    @cached_property
    def authors(self) -> tuple[str, ...]:
        """The authors' names as the page prints them, else as its metadata has them."""
        paths = (
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
        for path in paths:
            found = self.root.xpath(path)
            names = [visible_text(one) for one in found] if isinstance(found, list) else []
            names = [name for text in names for name in split_names(text)]
            if names:
                return tuple(dict.fromkeys(names))
        for name in ("author", "citation_author", "dc.creator", "article:author"):
            names = [one for text in self.meta(name) for one in split_names(text)]
            if names:
                return tuple(dict.fromkeys(names))
        for element in list(self.main.iter("p", "div", "h2", "h3", "h4"))[:12]:
            match = re.match(r"^(?:by|authors?:)\s+(.{3,120})$", visible_text(element), re.IGNORECASE)
            if match:
                return tuple(split_names(match.group(1)))
        return ()

    # --- content ---

    @cached_property
    def _map(self) -> tuple[tuple[Section, ...], dict[HtmlElement, tuple[int, str]], dict[HtmlElement, str]]:
        """Sections; for each element of the content its section and zone; and the zone that it has of itself, if any.

        The map keeps the elements alive, whose identity it is about.
        """
        sections = [Section(number=0, level=0, title="", id="", zone="body", line=None)]
        where: dict[HtmlElement, tuple[int, str]] = {}
        title = self._title_element
        closing_level = 0
        heading_zone = "body"
        holder: HtmlElement | None = None  # the <section> that a heading of references or of an appendix opens
        for element in self.main.iter():
            tag = tag_of(element)
            if not tag:
                continue
            parent = element.getparent()
            zone = where[parent][1] if parent in where else "body"
            own = _zone_of(element)
            if own:
                zone = own
            if holder is not None and not any(up is holder for up in element.iterancestors()):
                heading_zone, closing_level, holder = "body", 0, None
                sections.append(Section(number=len(sections), level=1, title="", id="", zone="body", line=None))
            if (
                (tag in _HEADINGS or _is_drawn_heading(element))
                and element is not title
                and not _inside_hidden(element)
            ):
                text = re.sub(r"^\s*(?:\d+(?:\.\d+)*\.?|[IVX]+\.)\s+", "", visible_text(element)).rstrip(":")
                if text:
                    level = int(tag[1]) if tag in _HEADINGS else 6
                    if level <= closing_level or heading_zone == "body":
                        named = _zone_of_heading(text)
                        heading_zone, closing_level = named or "body", level
                        inside = named and parent is not None and tag_of(parent) == "section"
                        holder = parent if inside else None
                    ident = element.get("id") or element.get("data-anchor-id") or ""
                    if not ident and parent is not None and tag_of(parent) in {"section", "div"}:
                        ident = parent.get("id") or ""
                    here = zone if zone != "body" else heading_zone
                    sections.append(
                        Section(
                            number=len(sections), level=level, title=text, id=ident, zone=here, line=element.sourceline
                        )
                    )
            where[element] = (len(sections) - 1, zone)
        zones = [section.zone for section in sections]
        final = {
            element: (number, zone if zone != "body" else ("body" if zones[number] == "body" else zones[number]))
            for element, (number, zone) in where.items()
        }
        own_zones = {element: zone for element, (_, zone) in where.items() if zone != "body"}
        return tuple(sections), final, own_zones

    @property
    def sections(self) -> tuple[Section, ...]:
        """All sections in their order; number 0 is what stands before the first heading."""
        return self._map[0]

    def place(self, element: HtmlElement) -> tuple[int, str]:
        """The section and the zone that an element stands in."""
        return self._map[1].get(element, (0, "body"))

    def tree(self, section: Section) -> list[Section]:
        """A section and those below it."""
        found = [section]
        for other in self.sections[section.number + 1 :]:
            if other.level <= section.level:
                break
            found.append(other)
        return found

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The prose in reading order: no figures, tables, captions, code, navigation."""
        found: list[Block] = []
        header = self.root.xpath("//header[@id='title-block-header']//div[contains(@class,'abstract')]//p")
        for element in header if isinstance(header, list) else []:
            found.extend(self._block(visible_text(element), element, 0))
        floats = {one.element for one in self.floats} | self._captions
        return (*found, *self._prose(floats))

    def _block(self, collected: str, at: HtmlElement, section: int) -> Iterator[Block]:
        text = SPACE.sub(" ", collected).strip()
        words = re.sub(f"[{_CODE}{_PROSE}]", "", text)
        if not words.strip():
            return
        yield Block(
            text=words,
            said=re.sub(f"{_CODE}[^{_PROSE}]*{_PROSE}?", " ", text),
            section=section,
            zone=self._map[2].get(at) or self.sections[section].zone,
            words=_count(words),
            line=at.sourceline,
            heading=tag_of(at) in _HEADINGS,
        )

    def _prose(self, floats: set[HtmlElement]) -> list[Block]:
        """The text of the content cut at block elements, each piece in the section of the last heading before it."""
        found: list[Block] = []
        parts: list[str] = []
        section = 0
        title = self._title_element

        def flush(at: HtmlElement) -> None:
            found.extend(self._block("".join(parts), at, section))
            parts.clear()

        def walk(node: HtmlElement, around: HtmlElement) -> None:
            nonlocal section
            tag = tag_of(node)
            if not tag or node is title or node in floats or _is_no_prose(node, tag):
                return
            if tag == "math":
                parts.append(f" {_MATH} " if node.get("display") != "block" else " ")
                return
            block, code = tag in _BLOCKS, tag in {"code", "kbd", "samp", "tt"}
            if block:
                flush(around)
            section = self.place(node)[0]
            parts.append(f"{_CODE if code else ''}{node.text or ''}")
            for child in node:
                walk(child, node if block else around)
                parts.append(child.tail or "")
            if code:
                parts.append(_PROSE)
            if block:
                flush(node)

        walk(self.main, self.main)
        flush(self.main)
        return found

    @cached_property
    def floats(self) -> tuple[Float, ...]:
        """The figures and tables in their order, with the appendix's."""
        found: list[Float] = []
        taken: set[HtmlElement] = set()
        last: tuple[HtmlElement, HtmlElement] | None = None
        for element in self.main.iter():
            tag = tag_of(element)
            parent = element.getparent()
            if not tag or (parent is not None and parent in taken):
                taken.add(element)
                continue
            kind = self._float_kind(element)
            if kind == "":
                continue
            taken.add(element)
            if kind == "none":
                continue
            holder = _holder(element)
            if tag in _MEDIA and last is not None and holder is last[1] and not _words_between(last[0], element):
                last = (element, holder)
                continue
            last = (element, holder) if tag in _MEDIA else None
            number, zone = self.place(element)
            caption = _caption(element, kind)
            match = _NUMBERED.match(caption)
            ident = element.get("id") or ""
            if not ident:
                inner = next(
                    (one.get("id") or "" for one in element.iter() if re.match(r"^(fig|tbl)-", one.get("id") or "")), ""
                )
                ident = inner if "-caption" not in inner else ""
            found.append(
                Float(
                    kind="table" if match and match.group(1).lower().startswith("tab") else kind,
                    element=element,
                    id=ident,
                    number=match.group(2) if match else "",
                    caption=caption,
                    section=number,
                    zone=zone,
                )
            )
        return tuple(found)

    def _float_kind(self, element: HtmlElement) -> str:
        """``figure``, ``table``, ``none`` for what is neither but is no prose either, or nothing: look inside."""
        tag = tag_of(element)
        if tag in {"script", "style", "template", "nav", "noscript", "header"} or _is_hidden(element):
            return "none"
        if element.get("id") in _HIDDEN_IDS or has_class(element, "callout-icon-container", "quarto-title-banner"):
            return "none"
        ident = element.get("id") or ""
        classes = element.get("class") or ""
        if has_class(element, "quarto-float-lst") or re.match(r"^lst-", ident):
            return "none"
        if re.match(r"^(fig|tbl)-", ident) and "-caption" not in ident and tag in {"div", "figure", "table", "section"}:
            return "table" if ident.startswith("tbl-") else "figure"
        if tag == "figure":
            if "quarto-float-tbl" in classes:
                return "table"
            if next(element.iter(*_MEDIA), None) is None and next(element.iter("table"), None) is not None:
                return "table"
            if next(element.iter(*_MEDIA), None) is None and next(element.iter("pre"), None) is not None:
                return "none"
            return "figure"
        if tag == "table":
            if has_class(element, "header", "highlighttable", "rouge-table") or element.get("role") == "presentation":
                return ""
            if next(element.iter(*_HEADINGS), None) is not None:
                return ""
            return "figure" if next(element.iter(*_MEDIA), None) is not None else "table"
        if has_class(element, "vega-embed", "vega-visualization", "plotly-graph-div", "bk-root", "mermaid"):
            return "figure"
        if tag in _MEDIA:
            return "none" if _is_icon(element) else "figure"
        return ""

    @cached_property
    def _captions(self) -> set[HtmlElement]:
        """Elements that stand outside a figure and are its caption."""
        found: set[HtmlElement] = set()
        for one in self.floats:
            outside = _caption_outside(one.element, one.kind)
            if outside is not None:
                found.add(outside)
        return found

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every link of the content."""
        found = []
        for element in self.main.iter("a"):
            href = element.get("href")
            if href is None or _inside_hidden(element):
                continue
            number, zone = self.place(element)
            found.append(
                Link(element=element, href=href.strip(), text=visible_text(element), section=number, zone=zone)
            )
        return tuple(found)

    @property
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
        """Every id, and every name of an anchor, with the elements that bear it."""
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


def visible_text_of_title(root: HtmlElement) -> str:
    """The text of the page's ``<title>``."""
    element = root.find(".//head/title")
    return SPACE.sub(" ", element.text or "").strip() if element is not None else ""


def _is_no_prose(node: HtmlElement, tag: str) -> bool:
    """What the reader sees as something else than running text, or not at all."""
    return (
        tag in _NEVER
        or tag in _MEDIA
        or tag in {"pre", "figcaption", "caption"}
        or _is_hidden(node)
        or node.get("id") in _HIDDEN_IDS
        or (tag == "table" and has_class(node, "header"))
        or has_class(node, "sourceCode", "cell-code", "code-with-filename-file", "citation-bibtex")
    )


def split_names(text: str) -> list[str]:
    """The names in a line of authors, without footnote marks and affiliations in brackets."""
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]|[*†‡§¹²³⁴0-9]+|\S+@\S+", " ", text)
    text = re.sub(r"^\s*(?:by|authors?:?)\s+", "", text, flags=re.IGNORECASE)
    parts = re.split(r"\s*(?:,|;|&|\band\b|·|\|| {3,}|\n)\s*", text)
    suffixes = {"jr", "jr.", "sr", "sr.", "phd", "ph.d.", "ii", "iii"}
    names = [SPACE.sub(" ", part).strip() for part in parts]
    return [name for name in names if re.search(r"[^\W\d_]", name) and name.lower() not in suffixes]


def _count(text: str) -> int:
    return len(WORD.findall(text)) + text.count(_MATH)


def _zone_of(element: HtmlElement) -> str:
    ident = (element.get("id") or "").lower()
    if ident in {"refs", "references", "bibliography", "ref-list"} and tag_of(element) not in {"a", *_HEADINGS}:
        return "references"
    if has_class(element, "citation") and tag_of(element) == "div":
        return "references"
    if has_class(element, "references", "bibliography", "csl-bib-body") or tag_of(element) in {"d-bibliography"}:
        return "references"
    if ident == "footnotes" or has_class(element, "footnotes"):
        return ""
    if ident == "quarto-appendix" or has_class(element, "appendix") or tag_of(element) in {"d-appendix"}:
        return "appendix"
    return ""


def _zone_of_heading(text: str) -> str:
    low = text.lower().strip()
    if re.match(r"^(references?|bibliography|works cited|citations|sources)\b.{0,20}$", low):
        return "references"
    if re.match(r"^(appendix|appendices|supplement)", low):
        return "appendix"
    return ""


def _is_drawn_heading(element: HtmlElement) -> bool:
    """A heading made of bold or large type: alone in its paragraph, short."""
    if tag_of(element) not in {"b", "strong", "span"}:
        return False
    if tag_of(element) == "span":
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


def _inside_hidden(element: HtmlElement) -> bool:
    for one in (element, *element.iterancestors()):
        if tag_of(one) in {"nav", "template", "script", "noscript", "dialog"} or one.get("id") in _HIDDEN_IDS:
            return True
        if has_class(one, "toc", "quarto-title-meta"):
            return True
    return False


def _is_icon(element: HtmlElement) -> bool:
    """A picture in the line: an icon, a badge, an emoji."""
    if tag_of(element) == "picture":
        inner = next(element.iter("img"), None)
        return inner is not None and _is_icon(inner)
    if element.get("role") == "presentation" or element.get("aria-hidden") == "true":
        return tag_of(element) == "svg" or (element.get("alt") == "" and _length(element.get("width")) <= 64)
    width = _length(element.get("width")) or _length(_style(element, "width"))
    if 0 < width <= 64:
        return True
    if tag_of(element) == "svg":
        box = (element.get("viewbox") or element.get("viewBox") or "").split()
        if not width and len(box) == 4 and _length(box[2]) <= 64:
            return True
    return has_class(element, "emoji", "icon", "badge", "bi")


def _style(element: HtmlElement, name: str) -> str:
    match = re.search(rf"(?:^|;)\s*{name}\s*:\s*([^;]+)", element.get("style") or "", re.IGNORECASE)
    return match.group(1).strip() if match else ""


def _length(text: str | None) -> float:
    match = re.match(r"^\s*([\d.]+)\s*(px|pt|em|rem)?\s*$", text or "")
    if not match:
        return 0
    try:
        return float(match.group(1)) * {"em": 16, "rem": 16, "pt": 4 / 3}.get(match.group(2) or "px", 1)
    except ValueError:
        return 0


def shown_width(element: HtmlElement, page_width: int) -> float:
    """CSS pixels that a picture is shown wide, at most, as far as its attributes say."""
    for text in (_style(element, "max-width"), _style(element, "width"), element.get("width") or ""):
        if text.endswith("%"):
            try:
                return page_width * float(text[:-1]) / 100
            except ValueError:
                continue
        if _length(text):
            return _length(text)
    return page_width


def _holder(element: HtmlElement) -> HtmlElement:
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


def _caption(element: HtmlElement, kind: str) -> str:
    """The words of a figure's own caption, or of what stands beside it as one."""
    own = [
        one
        for one in element.iter("figcaption", "caption")
        if not any(
            tag_of(up) == "details"  # the data behind a figure has a caption of its own
            or (re.match(r"^(fig|tbl)-", up.get("id") or "") and "-caption" not in (up.get("id") or ""))
            for up in _between(one, element)
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
    outside = _caption_outside(element, kind)
    return visible_text(outside)


def _between(inner: HtmlElement, outer: HtmlElement) -> Iterator[HtmlElement]:
    for one in inner.iterancestors():
        if one is outer:
            return
        yield one


def _has_panels(element: HtmlElement) -> bool:
    return sum(1 for _ in element.iter("figcaption")) > 1


def _caption_outside(element: HtmlElement, kind: str) -> HtmlElement | None:
    if next(element.iter("figcaption", "caption"), None) is not None:
        return None
    for up in element.iterancestors():
        if has_class(up, "main-content-block"):
            row = up.getparent()
            words = len(WORD.findall(visible_text(up)))
            inside = len(WORD.findall(visible_text(element)))
            if row is not None:
                for other in row:
                    text = visible_text(other) if isinstance(other.tag, str) else ""
                    if (
                        has_class(other, "margin-right-block")
                        and text
                        and (words - inside < 40 or _NUMBERED.match(text))
                    ):
                        return other
            break
    node = element
    for _ in range(3):
        for near in (node.getnext(), node.getprevious()):
            if near is None or not isinstance(near.tag, str) or tag_of(near) in _HEADINGS:
                continue
            text = visible_text(near)
            match = _NUMBERED.match(text)
            named = has_class(near, "caption", "figure-caption", "image-caption", "fig-caption")
            same = match and (match.group(1).lower().startswith("tab") == (kind == "table") or tag_of(near) != "p")
            if (named or (same and match and len(text) > len(match.group()) + 1)) and next(
                near.iter(*_MEDIA), None
            ) is None:
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
