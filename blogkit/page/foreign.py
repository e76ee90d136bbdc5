"""Pages that others made, read as browsers read them: by HTML5's rules, with lexbor, into lxml's tree."""

from __future__ import annotations

import re

from lxml import etree, html
from lxml.html import HtmlElement
from selectolax.lexbor import LexborHTMLParser, LexborNode

from blogkit.page.parse import ONE_CLASS, encoding_of, parse_html
from blogkit.page.seen import UNSEEN
from blogkit.page.styles import SheetReader, hidden_nodes

_ATTRIBUTES = r"""[^>"']*+(?:"[^"]*+(?:"|\Z)[^>"']*+|'[^']*+(?:'|\Z)[^>"']*+)*+(?:>|\Z)"""
"""What is left open goes on to the end of the page, as in a browser; so no sign is read twice."""
_ATTRIBUTES = r"""[^>"']*(?:"[^"]*(?:"|\Z)[^>"']*|'[^']*(?:'|\Z)[^>"']*)*(?:>|\Z)"""
_START_TAG = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|(?P<raw><(?P<name>script|style|textarea|title|xmp|iframe|noembed|noframes|noscript)(?=[\s/>]))"
    rf"{_ATTRIBUTES}.*?(?:</(?P=name)|\Z)"
    rf"|(?P<tag><[a-zA-Z][^\s/>]*){_ATTRIBUTES}",
    re.DOTALL | re.IGNORECASE,
)
"""A comment, an element whose inside is text, or a start tag; what has no end goes to the end of the page."""
_LINE = "data-line-read"
"""The attribute in which a start tag carries its line through the parser."""
_MARK = re.compile(rf' {_LINE}="\d+"')
_DEEPEST = 512
"""Elements inside each other: what is nested deeper stands at this depth, as in Chromium."""
_LAST_LINE = 65_535
"""The greatest line that a node of lxml can have."""
_MAKER = html.HTMLParser()
_MAKER.set_element_class_lookup(ONE_CLASS)
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNFIT_NAME = re.compile(r"[\s&<>/\"'\x00-\x1f]")


def parse_foreign(data: bytes, read_sheet: SheetReader = lambda address: "") -> HtmlElement:
    """A page that others made, as a browser reads it with scripts on: by HTML5's rules, whatever is left open, closed
    twice, or stands behind ``</body>``.

    What its style sheets hide, those in the page and those that ``read_sheet`` finds beside it, is marked as
    :data:`~blogkit.page.seen.UNSEEN`. Lines are those of the file.
    """
    text = data.decode(encoding_of(data), "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    parser = LexborHTMLParser(_with_lines(text), scripting=True)
    if parser.root is None:
        return parse_html(b"")
    for node in hidden_nodes(parser, read_sheet):
        node.attrs[UNSEEN] = ""
    return _as_lxml(parser.root)


def _with_lines(text: str) -> str:
    """The page with each start tag's line in an attribute of it."""
    parts: list[str] = []
    last, line = 0, 1
    for match in _START_TAG.finditer(text):
        end = match.end("tag") if match["tag"] else match.end("raw")
        if end == -1:
            continue
        line += text.count("\n", last, end)
        parts += (text[last:end], f' {_LINE}="{line}"')
        last = end
    return "".join(parts) + text[last:]


def _as_lxml(root: LexborNode) -> HtmlElement:
    """A parsed page as a tree of lxml; comments are left out, and what is nested too deeply is flattened."""
    attributes, line = _attributes(root)
    top: HtmlElement = _MAKER.makeelement(
        "html", {name: _fit(value) for name, value in attributes.items() if not _UNFIT_NAME.search(name)}
    )
    top.sourceline = min(int(line or 0), _LAST_LINE)  # type: ignore[misc]
    around: list[tuple[HtmlElement, HtmlElement | None, LexborNode | None]] = [(top, None, root.first_child)]
    while around:
        parent, last, node = around.pop()
        while node is not None:
            if node.is_text_node:
                _add_text(parent, last, node.text_content or "")
            elif node.is_element_node:
                last = _add_element(parent, node)
                child = _first_inside(node)
                if child is not None:
                    around.append((parent, last, node.next))
                    if len(around) < _DEEPEST:
                        parent, last = last, None
                    node = child
                    continue
            node = node.next
    return top


def _first_inside(node: LexborNode) -> LexborNode | None:
    """The first node in an element; in a template or a noscript, of what it would show."""
    if node.tag == "template":
        return next((fragment.first_child for fragment in node.template_fragments()), None)
    if node.tag == "noscript" and node.first_child is not None:
        return LexborHTMLParser(node.text(), is_fragment=True).root
    return node.first_child


def _add_element(parent: HtmlElement, node: LexborNode) -> HtmlElement:
    tag, (attributes, line) = str(node.tag), _attributes(node)
    try:
        made: HtmlElement = etree.SubElement(parent, tag, attributes)
    except ValueError:  # lxml takes fewer names and letters than a browser does
        kept = {name: _fit(value) for name, value in attributes.items() if not _UNFIT_NAME.search(name)}
        made = etree.SubElement(parent, _UNFIT_NAME.sub("_", tag), kept)
    if line is not None:
        made.sourceline = min(int(line), _LAST_LINE)  # type: ignore[misc]
    return made


def _attributes(node: LexborNode) -> tuple[dict[str, str], str | None]:
    """The attributes of an element, and its line; a mark that got into another attribute is taken out again."""
    given = node.attributes
    line = given.pop(_LINE, None)
    return {
        name: (_MARK.sub("", value) if _LINE in value else value) if value else "" for name, value in given.items()
    }, line


def _unmarked(text: str) -> str:
    return _MARK.sub("", text) if _LINE in text else text


def _add_text(parent: HtmlElement, last: HtmlElement | None, text: str) -> None:
    """Adds text behind the last child of a parent."""
    if _LINE in text or _UNFIT.search(text):
        text = _fit(_unmarked(text))
    if last is not None:
        last.tail = last.tail + text if last.tail else text
    else:
        parent.text = parent.text + text if parent.text else text


def _fit(text: str) -> str:
    return _UNFIT.sub(lambda match: " " if match[0] == "\f" else "\ufffd", text)
