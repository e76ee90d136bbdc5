"""Which values a page shows: it says so itself, by key, so that nobody has to look for digits in its text.

A value in running text stands in ``<span data-value="KEY">``. Where no such element can stand (an attribute, a title, a
heading, code, mathematics), a list on the page says the key and the value that it was shown as. Of a file of the
results that the page includes, the list has a digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import html
from lxml.html import HtmlElement

from blogkit.store import parse_json

KEY = "data-value"
"""Names the value that an element of running text shows."""
RESULTS = frozenset({"values", "values-raw"})
"""How the keys of gathered values begin; other metadata of a post are no results."""
FILES = "results/"
"""How the keys of gathered files begin that a page includes whole, such as the compute statement or a table."""
LIST = "bk-values"
"""The id of the list."""
_MOST_VALUES = 10_000
_MOST_BYTES = 2_000_000
_MARKUP = re.compile(r"[*_`]|\$|\\(?=[^\w\s])")


@dataclass(frozen=True, kw_only=True)
class ShownValue:
    """A value that a page shows."""

    key: str
    """As the shortcode names it: ``values.best``."""
    text: str | None
    """As the page shows it; None where the page does not show what the key stood for."""


def read_shown_values(root: HtmlElement) -> tuple[ShownValue, ...]:
    """The values that a page says it shows; none from a page that says nothing, or nonsense."""
    return tuple(_shown_values(root))


def _shown_values(root: HtmlElement) -> Iterator[ShownValue]:
    for number, element in enumerate(root.iterfind(f".//span[@{KEY}]")):
        if number >= _MOST_VALUES:
            return
        yield ShownValue(key=element.get(KEY) or "", text="".join(element.itertext()))
    for script in root.iterfind(f".//script[@id='{LIST}']"):
        yield from _listed_values(script.text or "")


def _listed_values(text: str) -> Iterator[ShownValue]:
    try:
        entries = parse_json(text) if len(text) < _MOST_BYTES else []
    except ValueError:
        return
    for entry in entries[:_MOST_VALUES] if isinstance(entries, list) else ():
        match entry:
            case [str(key), str() | None as shown]:
                yield ShownValue(key=key, text=shown)


def drop_value_elements(element: HtmlElement) -> None:
    """Takes the elements of values out of a piece of a page that is shown elsewhere; their text stays."""
    for one in list(element.iterfind(f".//span[@{KEY}]")):
        one.drop_tag()


def list_shown_values(root: HtmlElement, values: Sequence[ShownValue]) -> None:
    """Writes the list of the values that stand in no element of their own into a page's head."""
    head = root.find(".//head")
    entries = list(dict.fromkeys((one.key, one.text) for one in values))
    if not entries or head is None:
        return
    script = html.Element("script")
    script.set("type", "application/json")
    script.set("id", LIST)
    text = json.dumps(entries, ensure_ascii=True, separators=(",", ":"))
    script.text = text.replace("<", "\\u003c").replace("&", "\\u0026")
    head.append(script)


def shown(value: Any) -> str:
    """A scalar as Quarto prints it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def file_mark(data: bytes) -> str:
    """What stands for the contents of a gathered file that a page includes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()[:16]}"


def plain_value(text: str) -> str:
    """A value as it may be compared: without white space and Markdown's marks, its minus signs alike."""
    return re.sub(r"[\s\u200b]+", "", _MARKUP.sub("", text)).replace("−", "-").replace("–", "-")
