"""What a live figure's model is given: numbers from controls, a grid, a drawing, a signal, a text, a row of a table."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from blogkit.charts.frames import ChartError
from blogkit.live import MOST_ROWS, MOST_TOKENS, RESERVED_SIGNALS

_MOST_TABLE = 400_000
"""Bytes of a bundled table: they stand in the page."""
_MOST_CELLS = 4096
"""Of a pad, or points of a signal."""


_OF_VEGA = RESERVED_SIGNALS | {
    "style", "unit", "facet", "x_step", "y_step", "child_width", "child_height", "scale", "data", "name", "value",
}  # fmt: skip


def control_name(name: str) -> str:
    """What a control is called in a chart: as its parameter, unless the chart has something else of that name."""
    plain = "".join(sign if sign.isalnum() else "_" for sign in name)
    return f"chosen_{plain}" if plain in _OF_VEGA or not plain[:1].isalpha() else plain


@dataclass(frozen=True, kw_only=True)
class GridAxis:
    """Places along an axis of a grid."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, kw_only=True)
class SliderInput:
    """A number that the reader sets."""

    low: float
    high: float
    step: float
    start: float
    title: str | None


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """One input of a model: the part of the plan that says how it is made, and the controls that it needs."""

    plan: Mapping[str, Any]
    start: Mapping[str, Any] = field(default_factory=dict)
    """The controls' values, by parameter, before a reader touches them."""
    binds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Vega's description of each control that is an ordinary one."""


def axis(low: float, high: float, count: int = 32) -> GridAxis:
    """``count`` places from ``low`` to ``high``, along which the model is asked: one or two make a line or a region.

    >>> axis(-2, 2, 5).count
    5
    """
    if not 2 <= count <= MOST_ROWS or not low < high:
        raise ChartError(f"an axis needs a low end below its high one, and 2 to {MOST_ROWS:,} places.")
    return GridAxis(low=float(low), high=float(high), count=int(count))


def slider(
    low: float, high: float, step: float | None = None, *, start: float | None = None, title: str | None = None
) -> SliderInput:
    """A number from ``low`` to ``high`` that the reader sets; it begins at ``start``, or in the middle.

    >>> slider(0, 1, 0.1).start
    0.5
    """
    if not low < high:
        raise ChartError("a slider needs a low end below its high one.")
    stride = float(step) if step is not None else (high - low) / 100
    begin = float(start) if start is not None else low + round((high - low) / 2 / stride) * stride
    if not low <= begin <= high:
        raise ChartError(f"a slider from {low:g} to {high:g} cannot begin at {begin:g}.")
    return SliderInput(low=float(low), high=float(high), step=stride, start=float(f"{begin:.10g}"), title=title)


def features(**parts: GridAxis | SliderInput | float) -> ModelInput:
    """Numbers in the order that the model takes them: places along an axis, sliders, or numbers that stay.

    >>> region = features(x=axis(-2, 2), y=axis(-2, 2), noise=slider(0, 1))
    >>> [part.get("axis", part.get("param")) for part in region.plan["features"]]
    ['x', 'y', 'noise']
    """
    if not parts:
        raise ChartError("features() needs at least one: features(x=axis(-2, 2), noise=slider(0, 1)).")
    made: list[Any] = []
    start: dict[str, Any] = {}
    binds: dict[str, Any] = {}
    for name, part in parts.items():
        if isinstance(part, GridAxis):
            made.append({"axis": name, "low": part.low, "high": part.high, "count": part.count})
        elif isinstance(part, SliderInput):
            control = control_name(name)
            made.append({"param": control})
            start[control] = part.start
            title = part.title or name.replace("_", " ").capitalize()
            binds[control] = {"input": "range", "min": part.low, "max": part.high, "step": part.step, "name": title}
        else:
            made.append(float(part))
    return ModelInput(plan={"kind": "features", "features": made}, start=start, binds=binds)


def pad(start: Any, *, name: str = "drawing", mean: float = 0.0, std: float = 1.0) -> ModelInput:
    """A pad to draw on. ``start`` is the picture that stands there first: rows of numbers from 0 (empty) to 1 (ink).

    The model is given ``(ink - mean) / std`` of every cell.

    >>> pad([[0, 1, 0]] * 4).plan["size"]
    [4, 3]
    """
    cells = [[min(1.0, max(0.0, float(cell))) for cell in row] for row in start]
    if not cells or len({len(row) for row in cells}) != 1 or not 4 <= len(cells) * len(cells[0]) <= _MOST_CELLS:
        raise ChartError(f"a pad's start is a picture of rows of equal length, of at most {_MOST_CELLS:,} cells.")
    name = control_name(name)
    flat = [round(cell, 3) for row in cells for cell in row]
    size = [len(cells), len(cells[0])]
    plan = {"kind": "pad", "param": name, "size": size, "scale": 1 / std, "offset": -mean / std}
    return ModelInput(plan=plan, start={name: flat})


def signal(
    start: Sequence[float], *, low: float | None = None, high: float | None = None, name: str = "signal"
) -> ModelInput:
    """A curve that the reader draws anew with the pointer, or point by point with the arrow keys.

    >>> signal([0, 1, 0], low=-1, high=1).start
    {'signal': [0.0, 1.0, 0.0]}
    """
    points = [float(f"{float(point):.5g}") for point in start]
    if not 2 <= len(points) <= _MOST_CELLS:
        raise ChartError(f"a signal has 2 to {_MOST_CELLS:,} points.")
    spread = (max(points) - min(points)) or 1.0
    bottom = float(low) if low is not None else min(points) - spread / 4
    top = float(high) if high is not None else max(points) + spread / 4
    name = control_name(name)
    plan = {"kind": "signal", "param": name, "low": bottom, "high": top}
    return ModelInput(plan=plan, start={name: points})


def typed(
    vocabulary: Sequence[str],
    start: str,
    *,
    words: bool = False,
    length: int = MOST_TOKENS,
    fill: int | None = None,
    side: str = "right",
    unknown: str | None = None,
    name: str = "text",
    title: str = "Text",
) -> ModelInput:
    """A text that the reader types, as the numbers of its tokens in ``vocabulary``: characters, or ``words``.

    ``length`` is the most tokens (the last ones count). A model of one fixed length needs ``fill``, the number that
    stands for nothing, on the ``side`` where it was trained to find it. What is not in the vocabulary becomes
    ``unknown``, or is left out.

    >>> typed(["a", "b"], "abba", length=3).plan["level"]
    'characters'
    """
    tokens = [str(token) for token in vocabulary]
    if not tokens or len(set(tokens)) != len(tokens):
        raise ChartError("a vocabulary names every token once.")
    if not 1 <= length <= MOST_TOKENS:
        raise ChartError(f"a text has at most {MOST_TOKENS} tokens.")
    if unknown is not None and unknown not in tokens:
        raise ChartError(f"the token {unknown!r} for unknown words is not in the vocabulary.")
    if side not in ("left", "right"):
        raise ChartError("side is 'left' or 'right'.")
    name = control_name(name)
    plan = {
        "kind": "text", "param": name, "vocabulary": tokens, "level": "words" if words else "characters",
        "length": int(length), "fill": fill, "side": side, "unknown": unknown,
    }  # fmt: skip
    return ModelInput(plan=plan, start={name: str(start)}, binds={name: {"input": "text", "name": title}})


def pick(
    rows: Any, labels: Sequence[str] | None = None, *, start: int = 0, name: str = "example", title: str = "Example"
) -> ModelInput:
    """One of a few examples that the page carries: ``rows`` is an array, ``labels`` are their names in the menu.

    >>> pick([[0, 1], [1, 0]], ["first", "second"]).binds["example"]["labels"]
    ['first', 'second']
    """
    import numpy as np

    table = np.asarray(rows)
    if table.ndim < 2 or not len(table):
        raise ChartError("pick() needs an array with an example a row.")
    names = [str(label) for label in labels] if labels is not None else [str(n + 1) for n in range(len(table))]
    if len(names) != len(table) or not 0 <= start < len(table):
        raise ChartError(f"there are {len(table)} examples: as many labels, and a start from 0 to {len(table) - 1}.")
    bundled = {"scale": 1.0, "offset": 0.0}
    stored = np.ascontiguousarray(table.reshape(len(table), -1), dtype="<f4")
    if np.issubdtype(table.dtype, np.integer) and table.min() >= 0 and table.max() <= 255:
        stored = stored.astype("u1")
    if stored.nbytes > _MOST_TABLE:
        raise ChartError(f"the examples take {stored.nbytes / 1e6:.1f} MB, and a page carries {_MOST_TABLE / 1e6:g}.")
    data = base64.b64encode(stored.tobytes()).decode("ascii")
    held = {**bundled, "type": stored.dtype.str.lstrip("<|"), "count": len(table), "data": data}
    bind = {"input": "select", "options": list(range(len(table))), "labels": names, "name": title}
    name = control_name(name)
    plan = {"kind": "row", "param": name, "table": held}
    return ModelInput(plan=plan, start={name: start}, binds={name: bind})
