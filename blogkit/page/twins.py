"""Lets the second drawing of a chart, at another width, borrow the long paths of the first: it then weighs a third.

A curve that is drawn in a narrower plot is the same curve, shifted and scaled along each axis. Where that holds to half
a pixel, the second drawing refers to the first one's path; its stroke is as wide as before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lxml import etree

from blogkit.page.drawing import Point, absolute_path

_SVG = "{http://www.w3.org/2000/svg}"
_WORTH = 120
"""Letters of a path from which on a reference is shorter."""
_STRAY = 0.5
"""Pixels."""
_LOOKS_AHEAD = 60
_PathShift = tuple[float, float, float, float]
"""How far x and y are scaled, and then moved."""


def borrow_paths(first: str, second: str, *, prefix: str) -> tuple[str, str]:
    """Both drawings; the second one's long paths are references to the first one's where they are the same curves."""
    one, other = _parsed_svg(first), _parsed_svg(second)
    lenders = [path for path in one.iter(f"{_SVG}path") if len(path.get("d", "")) >= _WORTH]
    count = 0
    for path in list(other.iter(f"{_SVG}path")):
        if len(path.get("d", "")) < _WORTH or path.get("transform"):
            continue
        mine = _lines_of_path(path.get("d", ""))
        for lender in lenders:
            if mine is None or _path_look(lender) != _path_look(path) or lender.get("transform"):
                continue
            theirs = _lines_of_path(lender.get("d", ""))
            shift = _shift_between(theirs, mine) if theirs is not None else None
            if shift is None:
                continue
            if lender.get("id") is None:
                lender.set("id", f"{prefix}{count}")
                lender.set("vector-effect", "non-scaling-stroke")
                count += 1
            _refer_to_path(path, str(lender.get("id")), shift)
            break
    return etree.tostring(one, encoding="unicode") + "\n", etree.tostring(other, encoding="unicode") + "\n"


def _parsed_svg(svg: str) -> etree._Element:
    return etree.fromstring(
        svg.encode("utf-8"), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    )


def _path_look(path: etree._Element) -> dict[str, str]:
    return {str(key): str(value) for key, value in path.attrib.items() if key not in ("d", "id", "vector-effect")}


def _refer_to_path(path: etree._Element, lender: str, shift: _PathShift) -> None:
    sx, sy, dx, dy = shift
    parent = path.getparent()
    assert parent is not None
    numbers = ",".join(f"{round(number, 4) or 0:g}" for number in (sx, 0, 0, sy, round(dx, 2), round(dy, 2)))
    made = etree.Element(f"{_SVG}use", {"href": f"#{lender}", "transform": f"matrix({numbers})"})
    parent.replace(path, made)


def _lines_of_path(data: str) -> list[list[Point]] | None:
    """The lines of a path, each closed one with its first point again; None for a path that has curves."""
    lines: list[list[Point]] = []
    for kind, numbers in absolute_path(data):
        if kind == "M":
            lines.append([(numbers[0], numbers[1])])
        elif kind == "L" and lines:
            lines[-1].append((numbers[0], numbers[1]))
        elif kind == "Z" and lines:
            lines[-1].append(lines[-1][0])
        else:
            return None
    return lines


def _shift_between(one: list[list[Point]], other: list[list[Point]]) -> _PathShift | None:
    """How one path becomes the other; None where they are not the same curves."""
    if len(one) != len(other) or not one:
        return None
    (left, right), (top, bottom) = _span_of_lines(one, 0), _span_of_lines(one, 1)
    (new_left, new_right), (new_top, new_bottom) = _span_of_lines(other, 0), _span_of_lines(other, 1)
    sx = (new_right - new_left) / (right - left) if right - left > 1 else 1.0
    sy = (new_bottom - new_top) / (bottom - top) if bottom - top > 1 else 1.0
    dx, dy = new_left - sx * left, new_top - sy * top
    for mine, theirs in zip(one, other, strict=True):
        moved = [(sx * x + dx, sy * y + dy) for x, y in mine]
        if _strays_from(moved, theirs) or _strays_from(theirs, moved):
            return None
    return sx, sy, dx, dy


def _span_of_lines(lines: list[list[Point]], axis: int) -> tuple[float, float]:
    places = [point[axis] for line in lines for point in line]
    return min(places), max(places)


def _strays_from(points: Sequence[Point], line: Sequence[Point]) -> bool:
    """Whether some point lies off a line that is walked in the same order."""
    at = 0
    if len(line) == 1:
        return any(math.dist(point, line[0]) > _STRAY for point in points)
    for point in points:
        for step in range(at, min(at + _LOOKS_AHEAD, len(line) - 1)):
            if _distance_to_line(point, line[step], line[step + 1]) <= _STRAY:
                at = step
                break
        else:
            return True
    return False


def _distance_to_line(point: Point, start: Point, end: Point) -> float:
    (x, y), (x1, y1), (x2, y2) = point, start, end
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = max(0.0, min(1.0, ((x - x1) * dx + (y - y1) * dy) / length)) if length else 0.0
    return math.hypot(x - x1 - along * dx, y - y1 - along * dy)
