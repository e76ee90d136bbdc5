"""A figure for each level of a parameter, beside each other on the same axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError, check_columns, with_level_names
from blogkit.charts.look import _plain_value, heading, load_altair, setting_words

if TYPE_CHECKING:
    from pandas import DataFrame

_WHOLE, _GAP = 640, 30
"""Pixels: of all panels of a row, and between two."""


def in_panels(metrics: DataFrame, facet: str, draw: Callable[[DataFrame, int], Any]) -> Any:
    """What ``draw`` makes of each level's rows and its number: a title names the level above what stood there."""
    alt = load_altair()
    check_columns(metrics, [facet])
    metrics = with_level_names(metrics, [facet])
    levels = sorted({_plain_value(value) for value in metrics[facet]}, key=lambda value: (str(type(value)), value))
    if len(levels) > 12:
        raise ChartError(f"facet={facet!r} would make {len(levels)} panels; show 12 or fewer levels of it.")
    columns = min(len(levels), 3)
    width = (_WHOLE - _GAP * (columns - 1)) // columns - 40
    panels = []
    for number, level in enumerate(levels):
        panel = draw(metrics[metrics[facet] == level], number)
        title = heading(setting_words(facet, level), str(panel.title.text))
        panels.append(panel.properties(title=title, width=width, height=round(width * 0.75)))
    return alt.concat(*panels, columns=columns, spacing=_GAP).resolve_scale(x="shared", y="shared", color="shared")


def ordered_levels(levels: Sequence[Any], order: Sequence[Any] | None) -> list[Any]:
    """The levels in the order that was asked for. Raises ChartError when it leaves one out."""
    if order is None:
        return list(levels)
    missing = [level for level in levels if level not in order]
    if missing:
        raise ChartError(f"order= leaves out {', '.join(map(repr, missing))}; filter the table to leave a level out.")
    return [level for level in order if level in levels]


def group_levels(rows: DataFrame, by: str | None, order: Sequence[Any] | None) -> list[Any]:
    """The levels of a group, in the order that was asked for or their own; none without a group."""
    if by is None:
        return []
    named = with_level_names(rows, [by])
    found = sorted(map(_plain_value, named[by].unique()), key=lambda value: (str(type(value)), value))
    return ordered_levels(found, order)
