"""Elements for a page's tree."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from lxml import html


def element(tag: str, attributes: Mapping[str, str], *content: html.HtmlElement | str) -> html.HtmlElement:
    """An element with attributes, texts and children, in the order given. Everything is escaped when it is written."""
    made = html.Element(tag)
    for key, value in attributes.items():
        made.set(key, _allowed(value))
    last: html.HtmlElement | None = None
    for part in content:
        if isinstance(part, str):
            if last is None:
                made.text = (made.text or "") + _allowed(part)
            else:
                last.tail = (last.tail or "") + _allowed(part)
        else:
            made.append(part)
            last = part
    return made


def inert_json(value: Any) -> str:
    """JSON as it may stand in a script element: no ``<`` that could end it, no line separators that end a line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def plain(name: str) -> str:
    """A name as it may stand in an id."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _allowed(text: str) -> str:
    """A text without the control characters that no document may hold."""
    return "".join(sign for sign in text if sign >= " " or sign in "\t\n\r") if not text.isprintable() else text
