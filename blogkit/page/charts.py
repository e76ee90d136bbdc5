"""The rows of a page's charts, typed as the page carries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from lxml.html import HtmlElement

from blogkit.page.rows import Table, decode_table
from blogkit.store import parse_json

TABLE_ID = "bk-table-"
"""How the ids of the scripts begin that hold a page's tables."""
EXACT_CLASS = "review-exact"
"""The class of the script that holds full-precision columns by table, in a copy that can load nothing."""
_PHONE_CLASS = "bk-spec-phone"
"""Of the script that says in what the chart differs on a phone: its rows are the same."""
_DEEPEST = 12


def page_tables(document: HtmlElement) -> dict[str, Table]:
    """The tables that a page's figures share, by id, in full precision where the page itself has it.

    One that cannot be read is left out: its figure has no rows.
    """
    exact: dict[str, Any] = {}
    for script in document.xpath(f"//script[@class='{EXACT_CLASS}']"):
        found = _json_of(script)
        exact |= found if isinstance(found, dict) else {}
    tables = {}
    for script in document.xpath(f"//script[starts-with(@id, '{TABLE_ID}')]"):
        columns = exact.get(script.get("id"))
        try:
            table = decode_table(_json_of(script), columns if isinstance(columns, list) else ())
        except ValueError:
            continue
        tables[str(script.get("id"))] = table
    return tables


def chart_rows(figure: HtmlElement, tables: Mapping[str, Table]) -> Iterator[Mapping[str, Any]]:
    """The rows of every data set that a chart draws: the page's tables, and what its specification holds itself."""
    scripts = [script for script in figure.iter("script") if script.get("class") != _PHONE_CLASS]
    documents = [_json_of(script) for script in scripts if "json" in (script.get("type") or "")]
    if any(isinstance(document, dict) and isinstance(document.get("columns"), dict) for document in documents):
        tables = {}  # a copy that an earlier blogkit made holds the same rows by column
    for document in documents:
        yield from _rows_in(document, tables)


def table_rows(table: Table) -> Iterator[Mapping[str, Any]]:
    """A table row by row."""
    for row in zip(*table.columns.values(), strict=True):
        yield dict(zip(table.columns, row, strict=True))


def _json_of(script: HtmlElement) -> Any:
    try:
        return parse_json(script.text or "")
    except ValueError:
        return None


def _rows_in(node: Any, tables: Mapping[str, Table], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Rows anywhere in a specification: a table's id or a list of objects under ``values``, lists under ``columns``."""
    if depth > _DEEPEST:
        return
    if isinstance(node, dict):
        values, columns = node.get("values"), node.get("columns")
        if isinstance(values, str) and values in tables:
            yield from table_rows(tables[values])
        elif _is_rows(values):
            yield from values
        if isinstance(columns, dict) and columns and all(isinstance(column, list) for column in columns.values()):
            for row in zip(*columns.values(), strict=False):
                yield dict(zip(columns, row, strict=True))
            return
        for name, value in node.items():
            if name != "runs":
                yield from _rows_in(value, tables, depth + 1)
    elif isinstance(node, list):
        for value in node:
            if isinstance(value, dict | list):
                yield from _rows_in(value, tables, depth + 1)


def _is_rows(values: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return isinstance(values, Sequence) and bool(values) and all(isinstance(row, dict) for row in values)
