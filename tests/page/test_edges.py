"""Where hidden, inline and charted begin and end: the first value on each side of every bound."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import html

from blogkit.page.charts import chart_rows
from blogkit.page.parse import begins_with_doctype
from blogkit.page.seen import is_icon


@pytest.mark.parametrize(
    ("picture", "icon"),
    [
        ("<img width=64>", True),
        ("<img width=65>", False),
        ("<img width=1>", True),
        ("<img width=0>", False),
        ("<img>", False),
        ("<img style='width: 64px'>", True),
        ("<img role=presentation alt='' width=64>", True),
        ("<img role=presentation alt='' width=65>", False),
        ("<img role=presentation alt='a' width=65>", False),
        ("<svg viewBox='0 0 64 64'></svg>", True),
        ("<svg viewBox='0 0 65 64'></svg>", False),
        ("<svg viewBox='0 0 16 16' width=300></svg>", False),
        ("<svg aria-hidden=true width=300></svg>", True),
        ("<picture><img width=16></picture>", True),
        ("<picture></picture>", False),
        ("<img class=emoji width=300>", True),
    ],
)
def test_a_picture_of_at_most_64_pixels_stands_in_the_line(picture: str, icon: bool) -> None:
    assert is_icon(html.fragment_fromstring(picture)) is icon


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        (b"<!doctype html><p>", True),
        (b"\xef\xbb\xbf <!DOCTYPE html>", True),
        (b"<!-- <p> --> <?xml version='1.0'?>\n<!doctype html>", True),
        (b"<!-- a --><!-- b --><!doctype html>", True),
        (b"<!-- never ends <!doctype html>", False),
        (b"<p><!doctype html>", False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_a_doctype_comes_before_every_tag_and_after_comments(data: bytes, begins: bool) -> None:
    assert begins_with_doctype(data) is begins


def figure_of(specification: Any) -> html.HtmlElement:
    script = json.dumps(specification)
    return html.fragment_fromstring(f"<figure><script type='application/json'>{script}</script></figure>")


def nested(depth: int) -> Any:
    node: Any = {"values": [{"x": 1}]}
    for _ in range(depth):
        node = {"layer": node}
    return node


@pytest.mark.parametrize(("depth", "rows"), [(0, 1), (12, 1), (13, 0), (40, 0)])
def test_rows_are_looked_for_twelve_deep_and_no_deeper(depth: int, rows: int) -> None:
    assert len(list(chart_rows(figure_of(nested(depth)), {}))) == rows


def test_columns_are_rows_once_and_what_they_hold_is_not_looked_into() -> None:
    columns = {"columns": {"a": [{"values": [{"x": 1}]}], "b": [2]}}
    assert list(chart_rows(figure_of(columns), {})) == [{"a": {"values": [{"x": 1}]}, "b": 2}]
    runs = {"runs": [{"values": [{"x": 1}]}], "data": {"values": [{"y": 2}]}}
    assert list(chart_rows(figure_of(runs), {})) == [{"y": 2}]
