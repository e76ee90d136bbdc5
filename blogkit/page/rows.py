"""The rows of charts as a page carries them: by column, each coded the way that takes fewest bytes.

A column is exact wherever that is cheap: grid axes, few values, whole numbers, short decimals, single precision. A long
column of measured numbers is too dear for a page that most readers only look at, so the page gets what a drawing can
show (12 bits over its range, or 18 over several decades) and a script beside the page holds it in full precision,
which is loaded when a reader points at the drawing or opens the table. ``runtime/src/tables.js`` reads both.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Column = list[Any]
"""As the page has it: the name, the kind of coding, and what that kind needs."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WORTH = 1000
"""Bytes, compressed, that a drawn column must save over the exact one."""

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


def code_table(table: Table, names: Iterable[str], exact_only: frozenset[str] = frozenset()) -> Coded:
    """The named columns of a table, coded. Those of ``exact_only`` are never rounded: rows are matched by them."""
    columns: list[Column] = []
    exact: list[Column] = []
    for name in names:
        values = table.columns[name]
        best = [name, *min(_exact(values), key=_cost)]
        drawn = None if name in exact_only else _drawn(values)
        if drawn is not None and _cost(best) - _cost(drawn) >= WORTH:
            columns.append([name, *drawn])
            exact.append(best)
        else:
            columns.append(best)
    return Coded(columns=tuple(columns), exact=tuple(exact))


def _cost(column: Column) -> int:
    return len(zlib.compress(json.dumps(column, separators=(",", ":")).encode("utf-8"), 9))


def _exact(values: Sequence[Any]) -> Iterable[Column]:
    """Every coding that gives a column back bit for bit."""
    yield ["values", list(values)]
    keys = [(type(value), value) for value in values]  # True is not 1, and 1 is not 1.0
    levels = list(dict.fromkeys(keys))
    if len(levels) <= len(LETTERS):
        place = {key: index for index, key in enumerate(levels)}
        codes = [place[key] for key in keys]
        shown = [value for _, value in levels]
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
