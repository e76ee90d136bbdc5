"""Where a surface over a plane is high: closed outlines with their holes, as rows that a filled line draws."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from blogkit.page.drawing import simplify

Array = Any
"""A NumPy array."""
Ring = list[tuple[float, float]]
_FINE = 1 / 500
"""Share of an axis that an outline may stray, and to which its points are rounded."""


def outlines(x: Array, y: Array, height: Array, low: float, high: float) -> Iterator[Ring]:
    """The rings around the places where ``low <= height < high``, outer ones and holes in opposite directions.

    ``height[row, column]`` stands over ``y[row]`` and ``x[column]``. The first point of a ring is also its last.
    """
    from contourpy import FillType, contour_generator

    generator: Any = contour_generator(x, y, height, fill_type=FillType.OuterOffset)
    parts, offsets = generator.filled(low, high)
    for points, bounds in zip(parts, offsets, strict=True):
        for start, end in itertools.pairwise(bounds):
            yield [(float(a), float(b)) for a, b in points[start:end]]


def ring_rows(
    rings: Iterable[Ring], names: tuple[str, str], common: dict[str, Any], spans: tuple[float, float]
) -> Iterator[dict[str, Any]]:
    """The rings as rows in the order of drawing, with a row without a place between two.

    ``spans`` are the lengths of the axes; points that the drawing does not need go.
    """
    order = 0
    for ring in rings:
        middle = len(ring) // 2  # a closed line has no ends to keep, so its halves are simplified
        units = [(a / spans[0], b / spans[1]) for a, b in ring]
        for a, b in [*simplify(units[: middle + 1], _FINE)[:-1], *simplify(units[middle:], _FINE)]:
            place = (round(a / _FINE * 2) * _FINE / 2 * spans[0], round(b / _FINE * 2) * _FINE / 2 * spans[1])
            yield {**common, names[0]: float(f"{place[0]:.6g}"), names[1]: float(f"{place[1]:.6g}"), "order": order}
            order += 1
        yield {**common, names[0]: None, names[1]: None, "order": order}
        order += 1
