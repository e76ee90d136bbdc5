"""A page's charts: the specification of each, and its rows, typed as the page carries them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeGuard

from lxml.html import HtmlElement

from blogkit.page.rows import Table, decode_table
from blogkit.page.tree import tag_of
from blogkit.store import parse_json

TABLE_ID = "bk-table-"
"""How the ids of the scripts begin that hold a page's tables."""
EXACT_CLASS = "review-exact"
"""The class of the script that holds full-precision columns by table, in a copy that can load nothing."""
_PHONE_CLASS = "bk-spec-phone"
"""Of the script that says in what the chart differs on a phone: its rows are the same."""
_DEEPEST = 12
_MOST_STARTS = 3
"""Places of a script at which a specification is looked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """An interactive figure."""

    element: HtmlElement
    """The figure; the script that draws it where no figure of ours is around it."""
    specification: Mapping[str, Any] | None
    """In Vega-Lite, where the page itself holds it."""
    read_tables: Callable[[], Mapping[str, Table]]

    @property
    def line(self) -> int | None:
        """Of the HTML file."""
        return self.element.sourceline

    @cached_property
    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """What its marks show, row by row; a text stays a text, a number a number."""
        if tag_of(self.element) == "script":
            return tuple(_rows_in(self.specification, {}))
        return tuple(chart_rows(self.element, self.read_tables()))


def find_charts(document: HtmlElement, main: HtmlElement) -> Iterator[Chart]:
    """The charts of a page in their order: figures that blogkit made, and scripts that hold a specification."""

    @cache
    def read_tables() -> Mapping[str, Table]:
        return page_tables(document)

    taken: set[HtmlElement] = set()
    for element in main.iter():
        if not isinstance(element.tag, str) or element in taken:
            continue
        if is_chart(element):
            scripts = list(element.iter("script"))
            taken.update(scripts)
            specification = next((found for script in scripts for found in _script_specifications(script)), None)
            yield Chart(element=element, specification=specification, read_tables=read_tables)
        elif tag_of(element) == "script":
            for found in _script_specifications(element):
                yield Chart(element=element, specification=found, read_tables=read_tables)


def is_chart(element: HtmlElement) -> bool:
    """Whether an element is a figure whose marks a reader can point at."""
    return element.get("data-review-chart") is not None or element.get("data-blogkit-chart") is not None


def _script_specifications(script: HtmlElement) -> Iterator[Mapping[str, Any]]:
    """The Vega-Lite specifications in a script: its JSON, or the arguments of a call that draws one."""
    text = script.text or ""
    if "json" in (script.get("type") or "").lower():
        found = [_json_of(script)]
    elif "vegaEmbed" in text:
        found = [_json_at(text, match.start()) for match in re.finditer(r'\{\s*"', text)][:_MOST_STARTS]
    else:
        return
    for one in found:
        if isinstance(one, dict) and "vega-lite" in str(one.get("$schema", "")):
            yield one


def _json_at(text: str, start: int) -> Any:
    try:
        return json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One of the data sets that a chart's specification names, and the titles of the panels that draw it."""

    rows: tuple[Mapping[str, Any], ...]
    panels: frozenset[str] = frozenset()


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


def chart_sets(figure: HtmlElement, tables: Mapping[str, Table]) -> tuple[DataSet, ...]:
    """The data sets that a chart's specification holds or names, in its order, as the browser counts them."""
    spec = next((_json_of(script) for script in figure.xpath(".//script[@class='bk-spec']")), None)
    if not isinstance(spec, dict) or not isinstance(spec.get("data"), list):
        return ()
    data = spec["data"]
    panels = _panels_by_data(spec)
    found = []
    for definition in data:
        values = definition.get("values") if isinstance(definition, dict) else None
        if not isinstance(values, str | list):
            continue
        if isinstance(values, str):
            rows = tuple(table_rows(tables[values])) if values in tables else ()
        else:
            rows = tuple(row for row in values if isinstance(row, dict))
        found.append(DataSet(rows=rows, panels=frozenset(panels.get(str(definition.get("name")), ()))))
    return tuple(found)


def chart_runs(figure: HtmlElement) -> tuple[Mapping[str, Any], ...]:
    """The runs that a review copy lists beside a chart: each with its id, its parameters and its seed."""
    for script in figure.xpath(".//script[@class='review-chart-data']"):
        document = _json_of(script)
        if isinstance(document, dict) and _is_rows(document.get("runs")):
            return tuple(document["runs"])
    return ()


def _panels_by_data(spec: Mapping[str, Any]) -> dict[str, set[str]]:
    """The titles of the panels that draw from each data set of a Vega specification, by the data set's name."""
    found: dict[str, set[str]] = {}

    def visit(group: Mapping[str, Any], origins: Mapping[str, str], panel: str, depth: int) -> None:
        for mark in group.get("marks") or () if depth <= _DEEPEST else ():
            if not isinstance(mark, dict):
                continue
            come = mark.get("from")
            come = come if isinstance(come, dict) else {}
            if mark.get("type") != "group":
                found.setdefault(origins.get(str(come.get("data")), ""), set()).add(panel)
                continue
            inner, facet = dict(origins), come.get("facet")
            if isinstance(facet, dict):
                inner[str(facet.get("name"))] = origins.get(str(facet.get("data")), "")
            label = " / ".join(one for one in (panel, _title_words(mark.get("title"))) if one)[:300]
            visit(mark, _data_origins(mark.get("data"), inner), label, depth + 1)

    visit(spec, _data_origins(spec.get("data"), {}), "", 0)
    return found


def _data_origins(data: Any, outer: Mapping[str, str]) -> dict[str, str]:
    """The data set of the specification that each name means within a group: what it was derived from, step by step."""
    found = dict(outer)
    for definition in data if isinstance(data, list) else ():
        if isinstance(definition, dict):
            source = definition.get("source")
            first = source[0] if isinstance(source, list) and source else source
            name = str(definition.get("name"))
            found[name] = found.get(str(first), "") if first else name
    return found


def _title_words(title: Any) -> str:
    text: Any = title.get("text") if isinstance(title, dict) else title
    lines = text if isinstance(text, list) else [text]
    return " ".join(lines) if all(isinstance(line, str) for line in lines) else ""


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
