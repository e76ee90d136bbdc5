"""The rows of charts: written once, typed, and read back by everybody who reads a page.

A page carries rows by column, each coded the way that takes fewest bytes. A column is exact wherever that is cheap:
grid axes, few values, whole numbers, short decimals, single precision. A long column of measured numbers is too dear
for a page that most readers only look at, so the page gets what a drawing can show (12 bits over its range, or 18 over
several decades), and a script beside the page holds it in full precision. It is loaded when a reader points at the
drawing or opens the table. Columns that no chart of the page names stand in that script alone.

:func:`decode_columns` reads the columns in Python and ``render/runtime/src/tables.js`` in the browser, for figures,
data tables and review alike. A value keeps its type on the way: the text "8" is never the number 8.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blogkit.store import parse_json

MarkRows = Sequence[Mapping[str, Any]]
Column = list[Any]
"""As the page has it: the name, the kind of coding, and what that kind needs."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WORTH = 1000
"""Bytes, compressed, that a drawn column must save over the exact one."""
CHEAP = 120
"""Bytes, compressed, up to which a page carries a column that no chart names."""
LATER = "later"
"""The kind of a column that stands in the script beside the page alone."""
MOST_VALUES = 20_000_000
"""A page that claims to hold more is not read: a few bytes can name any number of rows."""

_HEAD, _TAIL = 'document.dispatchEvent(new CustomEvent("blogkit:columns",{detail:', "}));\n"

_MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows that one or more charts of a page draw."""

    rows: int
    columns: Mapping[str, Sequence[Any]]

    @property
    def id(self) -> str:
        """The same for the same rows; the id of the table's script element."""
        text = json.dumps([self.rows, list(self.columns.items())], default=str)
        return "bk-table-" + hashlib.sha256(text.encode("utf-8")).hexdigest()[:10]


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A table as a page carries it."""

    columns: tuple[Column, ...]
    exact: tuple[Column, ...]
    """In full precision, those of the columns that the page has for drawing only; empty when it is all exact."""


def as_table(values: Any) -> Table | None:
    """Rows as a table; None for what is no list of flat rows that say something, which a chart keeps as it is."""
    if not isinstance(values, list) or not any(values) or not all(isinstance(row, dict) for row in values):
        return None
    names = dict.fromkeys(name for row in values for name in row)
    columns = {name: [row.get(name, _MISSING) for row in values] for name in names}
    for column in columns.values():
        if any(isinstance(value, (dict, list)) or value is _MISSING for value in column):
            return None
    return Table(rows=len(values), columns=columns)


def code_table(table: Table, named: Iterable[str], exact_only: frozenset[str] = frozenset()) -> Coded:
    """Every column of a table, coded, in the table's order.

    ``named`` are the columns that a chart of the page names, which the page itself must hold. Those of ``exact_only``
    are never rounded: rows are matched by them. Columns that Vega-Lite made for itself (``__…``) go along when named.
    """
    wanted = frozenset(named)
    columns: list[Column] = []
    exact: list[Column] = []
    for name, values in table.columns.items():
        if name not in wanted and name.startswith("__"):
            continue
        best = [name, *min(_exact(values), key=_cost)]
        drawn = None if name in exact_only else _drawn(values)
        if name not in wanted and _cost(best) > CHEAP:
            columns.append([name, LATER])
            exact.append(best)
        elif drawn is not None and _cost(best) - _cost(drawn) >= WORTH:
            columns.append([name, *drawn])
            exact.append(best)
        else:
            columns.append(best)
    return Coded(columns=tuple(columns), exact=tuple(exact))


def csv_text(table: Table) -> str:
    """A table as CSV, for people: nothing of blogkit reads it back, since CSV has no types."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [name for name in table.columns if not name.startswith("__")]
    writer.writerow(names)
    writer.writerows(zip(*(table.columns[name] for name in names), strict=True))
    return stream.getvalue()


# --- the script beside the page -------------------------------------------------------------------------------------


def columns_script(tables: Mapping[str, Sequence[Column]]) -> str:
    """The script that hands full-precision columns to a page, by the id of their table."""
    detail = [{"table": identity, "columns": list(columns)} for identity, columns in tables.items()]
    text = json.dumps(detail, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f"{_HEAD}{text}{_TAIL}"


def read_columns_script(text: str) -> dict[str, list[Column]]:
    """The columns that :func:`columns_script` wrote, by the id of their table. Raises ValueError for anything else."""
    if not (text.startswith(_HEAD) and text.endswith(_TAIL)):
        raise ValueError("it is not a script of a figure's columns")
    detail = parse_json(text[len(_HEAD) : -len(_TAIL)])
    if not isinstance(detail, list) or not all(isinstance(entry, dict) for entry in detail):
        raise ValueError("it holds no tables")
    return {str(entry["table"]): list(entry["columns"]) for entry in detail if "table" in entry and "columns" in entry}


# --- reading --------------------------------------------------------------------------------------------------------


def decode_table(document: Any, exact: Sequence[Column] = ()) -> Table:
    """The table of a page's ``bk-table-…`` script, in full precision where ``exact`` has the columns.

    Raises ValueError when it is none, or claims more than :data:`MOST_VALUES`.
    """
    try:
        rows, coded = document["rows"], {column[0]: column for column in document["columns"]}
        coded |= {column[0]: column for column in exact}
        if type(rows) is not int or rows < 0 or rows * max(1, len(coded)) > MOST_VALUES:
            raise ValueError("it has too many rows")
        columns = {
            str(name): decode_column(rows, column[1], column[2:])
            for name, column in coded.items()
            if column[1] != LATER
        }
    except (TypeError, KeyError, IndexError, ZeroDivisionError, OverflowError, struct.error) as error:
        raise ValueError(f"it is no table of a figure: {error}") from error
    return Table(rows=rows, columns=columns)


def decode_column(rows: int, kind: str, rest: Sequence[Any]) -> list[Any]:
    """A coded column's values. Raises ValueError for a kind that is not known, or another number of values."""
    if kind == "values":
        values = list(rest[0])
    elif kind == "single":
        values = [None if value is None else struct.unpack("f", struct.pack("f", value))[0] for value in rest[0]]
    elif kind == "choice":
        values = [rest[0][LETTERS.index(letter)] for letter in rest[1]]
    elif kind == "axis":
        values = [rest[0][index // rest[1] % len(rest[0])] for index in range(rows)]
    elif kind == "steps":
        values = [total if rest[0] == 1 else total / rest[0] for total in itertools.accumulate(rest[1])]
    elif kind == "drawn":
        values = list(_undrawn(*rest))
    else:
        raise ValueError(f"it has a column of the unknown kind {kind!r}")
    if len(values) != rows:
        raise ValueError("it has a column of another length")
    return values


def _undrawn(width: int, low: float, high: float, logarithmic: bool, text: str) -> Iterable[float]:
    """The numbers of a column that was coded for drawing, as :func:`_drawn` coded it."""
    if width not in (1, 2, 3, 4):
        raise ValueError("it has a column of numbers of an unknown width")
    top, code = 64**width - 1, 0
    for start in range(0, len(text), width):
        zigzag = 0
        for letter in text[start : start + width]:
            zigzag = zigzag * 64 + LETTERS.index(letter)
        code = (code + (-(zigzag + 1) // 2 if zigzag % 2 else zigzag // 2)) % (top + 1)
        value = low + (high - low) * code / top
        yield math.exp(value) if logarithmic else value


# --- coding ---------------------------------------------------------------------------------------------------------


def _cost(column: Column) -> int:
    return len(zlib.compress(json.dumps(column, separators=(",", ":")).encode("utf-8"), 9))


def _exact(values: Sequence[Any]) -> Iterable[Column]:
    """Every coding that gives a column back bit for bit."""
    yield ["values", list(values)]
    # True is not 1, 1 is not 1.0, and 0.0 is not -0.0
    keys = [(type(value), value if value or type(value) is not float else str(value)) for value in values]
    levels = list(dict.fromkeys(keys))
    if len(levels) <= len(LETTERS):
        place = {key: index for index, key in enumerate(levels)}
        codes = [place[key] for key in keys]
        first = dict(zip(reversed(keys), reversed(values), strict=True))
        shown = [first[key] for key in levels]
        repeat = next((n for n, code in enumerate(codes) if code != codes[0]), len(codes))
        if all(code == index // repeat % len(levels) for index, code in enumerate(codes)):
            yield ["axis", shown, repeat]
        yield ["choice", shown, "".join(LETTERS[code] for code in codes)]
    elif all(kind is int for kind, _ in keys):
        repeat = next(n for n, key in enumerate(keys) if key != keys[0])
        if all(keys[index] == levels[index // repeat % len(levels)] for index in range(len(keys))):
            yield ["axis", [value for _, value in levels], repeat]
    if all(kind in (int, float) for kind, _ in keys):
        steps = _steps(values)
        if steps is not None:
            yield steps
        single = [_single(value) for value in values]
        if all(value is not None for value in single):
            yield ["single", single]


def _steps(values: Sequence[Any]) -> Column | None:
    """Numbers with few decimals as the differences of whole numbers."""
    for decimals in range(7):
        scale = 10**decimals
        if any(abs(value) * scale >= 2**52 for value in values):
            return None
        whole = [round(value * scale) for value in values]
        if all(number / scale == value for number, value in zip(whole, values, strict=True)):
            if any(value == 0 and math.copysign(1, value) < 0 for value in values):
                return None
            return ["steps", scale, [after - before for before, after in itertools.pairwise([0, *whole])]]
    return None


def _single(value: float) -> float | None:
    """The shortest decimal that single precision reads as this number; None when it needs double."""
    try:
        if struct.unpack("f", struct.pack("f", value))[0] != value:
            return None
    except OverflowError:
        return None
    for digits in range(6, 10):
        short = float(f"{value:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == value:
            return short
    return None


def _drawn(values: Sequence[Any]) -> Column | None:
    """A measured column as a drawing needs it; None for what is not measured numbers."""
    if not all(type(value) in (int, float) and math.isfinite(value) for value in values):
        return None
    low, high = min(values), max(values)
    logarithmic = low > 0 and high / low > 10
    width = 2 if (low > 0 and not logarithmic) or (low <= 0 and _spread(values)) else 3
    if logarithmic:
        low, high = math.log(low), math.log(high)
    top = 64**width - 1
    span = (high - low) or 1.0
    codes = [round(((math.log(value) if logarithmic else value) - low) / span * top) for value in values]
    text = []
    for before, after in itertools.pairwise([0, *codes]):
        step = (after - before + (top + 1) // 2) % (top + 1) - (top + 1) // 2
        zigzag = 2 * step if step >= 0 else -2 * step - 1
        text.append("".join(LETTERS[zigzag >> 6 * shift & 63] for shift in reversed(range(width))))
    return ["drawn", width, low, high, logarithmic, "".join(text)]


def _spread(values: Sequence[float]) -> bool:
    """Whether numbers around zero are spread over their range, so that no chart of them is logarithmic."""
    middle = sorted(abs(value) for value in values)[len(values) // 2]
    return middle * 50 > max(abs(value) for value in values)
