"""A data frame as a pipe table that shows its cells as they are, whatever they would mean in Markdown.

Row names are kept where they say something, and the numbers of a column end at one digit. Only the standard library is
imported: a frame is whatever has columns and gives its rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

_SIGNIFICANT = 4
_WIDEST_RANGE = 1000
"""How many times the largest number of a column may be its smallest, so that the digits of all are alike."""
_MARKUP = re.compile(r"""[\\`*<>|~^$@{}\[\]"'&]|(?<![^\W_])_|_(?![^\W_])|--+|\.\.\.|^[#:]""")


def frame_rows(frame: Any, index: bool | None) -> tuple[list[str], list[list[Any]]]:
    """The header of a frame and its rows; with its row names in front, or, by default, where they say something."""
    header = [_column_name(column) for column in frame.columns]
    named = _index_names(frame) if index is None or index else []
    if index and not named:
        named = [""]
    if not named:
        return header, [list(row) for row in frame.itertuples(index=False, name=None)]
    rows = []
    for first, *rest in frame.itertuples(index=True, name=None):
        rows.append([*(first if isinstance(first, tuple) else [first]), *rest])
    return [*named, *header], rows


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """The lines of the table."""
    columns = [_cells_of([row[place] for row in rows]) for place in range(len(header))]
    numeric = [bool(rows) and all(_looks_numeric(cell) for cell in column) for column in columns]
    return [
        _table_line(header),
        "|" + "|".join("---:" if right else "---" for right in numeric) + "|",
        *(_table_line(row) for row in zip(*columns, strict=True)),
    ]


def _table_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_as_text, cells)) + " |"


def _as_text(cell: str) -> str:
    """A cell without meaning in Markdown."""
    flat = " ".join(cell.split("\n")) if "\n" in cell else cell
    return _MARKUP.sub(lambda match: "".join(f"\\{character}" for character in match.group()), flat)


def _column_name(column: Any) -> str:
    """The name of a column; of one with several levels, the words of all."""
    return " ".join(str(part) for part in column if str(part)) if isinstance(column, tuple) else str(column)


def _index_names(frame: Any) -> list[str]:
    """The names of a frame's index, where it says more than the place of a row; empty where it does not."""
    index = getattr(frame, "index", None)
    if index is None:
        return []
    names = list(getattr(index, "names", [getattr(index, "name", None)]))
    if len(names) > 1:
        return [str(name) if name is not None else "" for name in names]
    if names[0] is not None:
        return [str(names[0])]
    labels = list(index)
    return [] if all(isinstance(label, int) or hasattr(label, "__index__") for label in labels) else [""]


def _cells_of(values: Sequence[Any]) -> list[str]:
    """The cells of a column; of numbers with a point, all to one digit."""
    decimals = _shared_decimals(values)
    return [_cell_text(value, decimals) for value in values]


def _cell_text(value: Any, decimals: int | None) -> str:
    if not isinstance(value, float):
        return str(value)
    if decimals is None or not math.isfinite(value):
        return f"{value:.{_SIGNIFICANT}g}"
    return f"{value:.{decimals}f}"


def _shared_decimals(values: Sequence[Any]) -> int | None:
    """How many digits after the point the numbers of a column have; None where each has its own.

    Whole numbers among others stay whole, but where most of the column are not.
    """
    numbers = [float(value) for value in values if isinstance(value, float) and math.isfinite(value)]
    broken = [number for number in numbers if not number.is_integer()]
    if not broken or 2 * len(broken) <= len(numbers):
        return None
    sizes = [abs(number) for number in broken]
    texts = [f"{number:.{_SIGNIFICANT}g}" for number in broken]
    if max(sizes) > _WIDEST_RANGE * min(sizes) or any("e" in text for text in texts):
        return None
    return max(len(text.partition(".")[2]) for text in texts)


def _looks_numeric(cell: str) -> bool:
    return bool(re.match(r"^[-−+×]?[\d.]+", cell)) or cell in {"", "nan", "–"}
