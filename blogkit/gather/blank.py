"""Finds the logarithmic axes of a chart that meet zeros: Vega draws nothing there, without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from blogkit.gather.drawn import drawn_views

_CHANNELS = ("x", "y", "x2", "y2", "color", "fill", "stroke", "size")


def logarithms_of_zero(spec: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The fields on logarithmic axes with values at or below zero, each with how many values they are."""
    for view in drawn_views(spec):
        for definition in _logarithmic_channels(view.encoding):
            field = re.sub(r"\\(.)", r"\1", str(definition.get("field")))
            values = [row.get(field) for row in view.certain_rows()]
            count = sum(1 for value in values if isinstance(value, int | float) and value is not False and value <= 0)
            if count:
                yield field, count


def _logarithmic_channels(encoding: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _CHANNELS:
        definition: Any = encoding.get(name)
        scale = definition.get("scale") if isinstance(definition, Mapping) else None
        if not isinstance(scale, Mapping) or scale.get("type") != "log" or "domain" in scale or "domainMin" in scale:
            continue
        if "aggregate" not in definition and "bin" not in definition and isinstance(definition.get("field"), str):
            yield definition
