"""What of a page is hidden, what is furniture, what is prose, and what is a word: said here, once for every reader.

*Hidden* is what no reader sees. What is hidden from screen readers alone (``aria-hidden``) is seen, and what stands in
a closed ``<details>`` is, too: a click shows it. *Furniture* is the site's, not the post's: navigation, buttons,
controls of a chart, marks beside a heading. What is neither is the page's text. *Prose* is what of the text is read
line by line: no figures, tables, captions, code.

``review/interface/src/page.ts`` has the same lists for the browser, and a test holds the two together.
"""

from __future__ import annotations

import re

from lxml.html import HtmlElement

from blogkit.page.tree import HEADINGS, has_class, tag_of

UNSEEN = "data-unseen"
"""Set on an element that the page's own style hides, by whoever worked that out."""
_SKIP = "data-review-skip"

NEVER_SHOWN = frozenset(
    {"script", "style", "template", "noscript", "head", "title", "meta", "link", "base", "annotation", "annotation-xml"}
)
"""Elements whose text no browser shows."""
_CONTROLS = frozenset({"nav", "button", "select", "textarea", "input", "output", "dialog", "datalist"})
_DRAWINGS = frozenset({"svg"})
NO_TEXT_TAGS = NEVER_SHOWN | _CONTROLS | _DRAWINGS
"""Elements that hold none of the page's text."""

HIDDEN_CLASSES = frozenset(
    {"visually-hidden", "screen-reader-only", "sr-only", "d-none", "invisible", "bk-visibility-hidden"}
)
"""With which Bootstrap and Quarto hide."""
FURNITURE_CLASSES = frozenset(
    {"anchorjs-link", "code-copy-button", "footnote-back", "vega-actions", "quarto-title-meta", "quarto-categories"}
    | {"quarto-listing", "bk-drawing", "bk-controls", "bk-data", "bk-origin"}
)
NO_TEXT_CLASSES = HIDDEN_CLASSES | FURNITURE_CLASSES
FURNITURE_IDS = frozenset(
    {"TOC", "toc", "title-block-header", "quarto-citation", "quarto-margin-sidebar", "quarto-header"}
)
"""What stands around the prose: contents, title block, how to cite, the site's bars."""

MEDIA = frozenset(
    {"img", "svg", "video", "audio", "canvas", "iframe", "object", "embed", "picture", "map", "model-viewer"}
)
"""Elements that show something else than text; what text they hold is for browsers that cannot."""
_NO_PROSE_TAGS = NO_TEXT_TAGS | MEDIA | {"pre", "figcaption", "caption"}
_NO_PROSE_CLASSES = NO_TEXT_CLASSES | {
    "sourceCode", "cell-code", "code-with-filename-file", "citation-bibtex",
    "guidance",  # what the course's template tells its author
}  # fmt: skip

BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "div", "dl", "dt"}
    | {"figcaption", "figure", "footer", "form", "header", "hr", "li", "main", "math", "ol", "p", "pre", "section"}
    | {"summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", *HEADINGS}
)
"""Elements whose border ends a word."""
LINES = BLOCKS - {"math", "figcaption", "figure", "pre", "tbody", "tfoot", "thead", "address", "form", "caption"}
"""Those that end a piece of prose."""

SPACE = re.compile(r"[ \t\n\r\f\u00a0\u200b]+")
"""What a browser shows as one space; thinner ones are characters of the text."""
PIECE = re.compile(r"[^ \t\n\r\f\u00a0\u200b]+")
WORD = re.compile(r"[^\W_]+(?:[.,'’\-–][^\W_]+)*", re.UNICODE)
MATH = "\ue000"
"""Stands in collected text for an equation in the line, from the range that no page uses."""

_HIDING_STYLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE)


def is_hidden(element: HtmlElement) -> bool:
    """Whether no reader sees an element, by its attributes or the page's own style."""
    if element.get("hidden") is not None or element.get(UNSEEN) is not None:
        return True
    names = element.get("class")
    if names is not None and not HIDDEN_CLASSES.isdisjoint(names.split()):
        return True
    style = element.get("style")
    return style is not None and _HIDING_STYLE.search(style) is not None


def has_no_text(element: HtmlElement) -> bool:
    """Whether an element holds none of the page's text: hidden, furniture, or a drawing."""
    if element.tag in NO_TEXT_TAGS or element.get("hidden") is not None or element.get(UNSEEN) is not None:
        return True
    names = element.get("class")
    if names is not None and not NO_TEXT_CLASSES.isdisjoint(names.split()):
        return True
    style = element.get("style")
    if style is not None and _HIDING_STYLE.search(style) is not None:
        return True
    return element.get(_SKIP) is not None


def is_no_prose(element: HtmlElement, tag: str) -> bool:
    """Whether the reader sees an element as something else than running text, or not at all."""
    if tag in _NO_PROSE_TAGS or element.get("hidden") is not None or element.get(UNSEEN) is not None:
        return True
    names = element.get("class")
    if names is not None:
        own = names.split()
        if not _NO_PROSE_CLASSES.isdisjoint(own) or (tag == "table" and "header" in own):
            return True
    if element.get("id") in FURNITURE_IDS:
        return True
    style = element.get("style")
    return style is not None and _HIDING_STYLE.search(style) is not None


def is_in_furniture(element: HtmlElement) -> bool:
    """Whether an element stands in what is around the post: contents, navigation, the title block."""
    for one in (element, *element.iterancestors()):
        if one.tag in {"nav", "template", "script", "noscript", "dialog"} or one.get("id") in FURNITURE_IDS:
            return True
        if has_class(one, "toc", "quarto-title-meta"):
            return True
    return False


def squeeze(text: str) -> str:
    """A text in one line, each run of white space one space, none at its ends."""
    return " ".join(PIECE.findall(text))


def visible_text(element: HtmlElement | None) -> str:
    """The words a reader sees in an element, in one line; equations as they are written, scripts left out."""
    if element is None:
        return ""
    parts: list[str] = []
    _collect_text(element, parts)
    return squeeze("".join(parts))


def _collect_text(element: HtmlElement, parts: list[str]) -> None:
    tag = element.tag
    if not isinstance(tag, str) or has_no_text(element):
        return
    apart = tag in BLOCKS and tag != "math"
    if apart:
        parts.append(" ")
    if element.text:
        parts.append(element.text)
    for child in element:
        _collect_text(child, parts)
        if child.tail:
            parts.append(child.tail)
    if apart:
        parts.append(" ")


INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark", "q", "s"}
    | {"samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr"}
)
"""What stands within a word or a line: the text around any other element is another word."""


def all_text(element: HtmlElement) -> str:
    """All text of an element in one line, whoever gets it: drawings', hidden, for screen readers; no scripts."""
    parts: list[str] = []
    _collect_all(element, parts)
    return squeeze("".join(parts))


def _collect_all(element: HtmlElement, parts: list[str]) -> None:
    if not isinstance(element.tag, str) or element.tag in {"script", "style"}:
        return
    parts.append(element.text or "")
    for child in element:
        apart = "" if child.tag in INLINE else " "
        parts.append(apart)
        _collect_all(child, parts)
        parts += (apart, child.tail or "")


def count_words(text: str) -> int:
    """The words of a text; an equation in the line counts for one."""
    return len(WORD.findall(text)) + text.count(MATH)


def length_of(text: str | None) -> float:
    """CSS pixels of a length as an attribute or a style gives it; 0 where it is none."""
    match = re.fullmatch(r"([\d.]+)\s*(px|pt|em|rem)?", (text or "").strip())
    if not match:
        return 0
    try:
        return float(match.group(1)) * {"em": 16, "rem": 16, "pt": 4 / 3}.get(match.group(2) or "px", 1)
    except ValueError:
        return 0


def style_of(element: HtmlElement, name: str) -> str:
    """One property of an element's ``style`` attribute."""
    match = re.search(rf"(?:^|;)\s*{name}\s*:\s*([^;]+)", element.get("style") or "", re.IGNORECASE)
    return match.group(1).strip() if match else ""


def shown_width(element: HtmlElement, page_width: int) -> float:
    """CSS pixels that a picture is shown wide, at most, as far as its attributes say."""
    for text in (style_of(element, "max-width"), style_of(element, "width"), element.get("width") or ""):
        if text.endswith("%"):
            try:
                return page_width * float(text[:-1]) / 100
            except ValueError:
                continue
        if length_of(text):
            return length_of(text)
    return page_width


def is_icon(element: HtmlElement) -> bool:
    """Whether a picture stands in the line: an icon, a badge, an emoji."""
    if tag_of(element) == "picture":
        inner = next(element.iter("img"), None)
        return inner is not None and is_icon(inner)
    if element.get("role") == "presentation" or element.get("aria-hidden") == "true":
        return tag_of(element) == "svg" or (element.get("alt") == "" and length_of(element.get("width")) <= 64)
    width = length_of(element.get("width")) or length_of(style_of(element, "width"))
    if 0 < width <= 64:
        return True
    if tag_of(element) == "svg":
        box = (element.get("viewbox") or element.get("viewBox") or "").split()
        if not width and len(box) == 4 and length_of(box[2]) <= 64:
            return True
    return has_class(element, "emoji", "icon", "badge", "bi")
