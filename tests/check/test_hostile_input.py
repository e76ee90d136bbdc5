"""What somebody else wrote is read in a time that grows with its length: no expression over it doubles or squares."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from blogkit import css, links
from blogkit.page.parse import begins_with_doctype
from blogkit.page.titles import split_names
from tests.check.patterns import find_patterns, modules_below, slow_text

READERS = ("blogkit.css", "blogkit.links", "blogkit.check", "blogkit.page")
"""The modules that read what others wrote; every regular expression in them is tried."""


@pytest.mark.parametrize("name", [module.__name__ for module in modules_below(*READERS)])
def test_no_regular_expression_takes_longer_than_its_input_grows(name: str) -> None:
    (module,) = [one for one in modules_below(name) if one.__name__ == name]
    slow = {str(found): text for found in find_patterns(module) if (text := slow_text(found))}
    assert slow == {}


@pytest.mark.parametrize(
    ("pattern", "how"),
    [(r"^(?:<!--.*?-->\s*)*<!doctype", "match"), (r"\s*,", "search"), (r"(a|a)*b", "search"), (r"/\*.*?\*/", "search")],
)
def test_the_finder_knows_a_slow_expression(pattern: str, how: str) -> None:
    import re

    from tests.check.patterns import Found

    assert slow_text(Found(where="here", pattern=re.compile(pattern, re.DOTALL), anchored=how == "match"))


def count_addresses(reader: Callable[[str], object]) -> Callable[[str], None]:
    def read(text: str) -> None:
        list(reader(text))  # type: ignore[call-overload]

    return read


def read_css(text: str) -> None:
    css.parsed_addresses.cache_clear()
    list(links.css_addresses(text))


READ: dict[str, tuple[Callable[[str], object], str, str]] = {
    "comments before a doctype": (lambda text: begins_with_doctype(text.encode()), "<!---->", "x"),
    "declarations before a doctype": (lambda text: begins_with_doctype(text.encode()), "<?xml >\n", "x"),
    "comments in a style sheet": (read_css, "/* x */ ", "url(a)"),
    "openings of comments in a style sheet": (read_css, "/* ", "url(a)"),
    "addresses in a style sheet": (read_css, ".a{background:url(a.png)}\n", ""),
    "an address that does not end": (read_css, "url(\n", ""),
    "brackets in a style sheet": (read_css, "((", "url(a)"),
    "data in a style sheet": (read_css, "QUJDREVG", ""),
    "line feeds in a script": (count_addresses(links.script_addresses), "\n", "import 'https://a.edu/b.js'"),
    "addresses on lines of a script": (count_addresses(links.script_addresses), "fetch('https://a.edu/b')\n", ""),
    "names that a script opens": (count_addresses(links.script_addresses), "fetch(a);b='c';", ""),
    "comments in a script": (count_addresses(links.script_addresses), "/* x */ fetch('a.json');", ""),
    "openings of comments in a script": (count_addresses(links.script_addresses), "/* ", "fetch('a.json')"),
    "commas between authors": (split_names, " , ", "Ada"),
    "white space between authors": (split_names, "\t", "Ada"),
}


@pytest.mark.parametrize("name", READ)
def test_reading_takes_as_long_as_its_input_is(name: str) -> None:
    read, piece, end = READ[name]
    few, many = 20_000 // len(piece), 160_000 // len(piece)

    def seconds(count: int) -> float:
        text = piece * count + end
        begun = time.thread_time()
        read(text)
        return time.thread_time() - begun

    seconds(10)
    gc.disable()  # its passes over all that lives grow faster than the input
    try:
        most = max(0.1, 24 * min(seconds(few) for _ in range(3)))  # eight times the input; the square would be 64
        assert any(seconds(many) < most for _ in range(3))
    finally:
        gc.enable()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"datasets":', "}")])
def test_data_that_is_nested_deeper_than_a_chart_holds_no_address(
    opening: str, closing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    nested: object = {"data": {"url": "https://a.edu/x.csv"}}
    for _ in range(5_000):
        nested = [nested] if opening == "[" else {opening[2:-2]: nested}
    monkeypatch.setattr(json, "loads", lambda text: nested)  # as a Python whose reader has no limit
    assert list(links.json_addresses('{"data": {"url": "https://a.edu/x.csv"}}')) == []
