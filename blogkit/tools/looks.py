"""How any Altair chart of a post looks: quiet grids, words for names, level labels, and colours for every reader.

What a chart says itself wins; this fills in what it leaves open, before Vega-Lite compiles it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

LookSpec = dict[str, Any]

CATEGORIES = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#3858fa", "#e0064e", "#8c6d1f", "#7a7a7a", "#8e5bd0",
)  # fmt: skip
"""Each has a contrast of 3 to a white and to a dark page."""
_RAMP = ["#0072b2", "#8a5fc0", "#c2508f", "#d55e00"]

QUIET: LookSpec = {
    "axis": {"labelPadding": 5, "tickSize": 4},
    "axisLeft": {"domain": False, "ticks": False},
    "axisXQuantitative": {"grid": False},
    "axisXTemporal": {"grid": False},
    "view": {"stroke": None},
    "mark": {"color": CATEGORIES[0]},
    "range": {"category": list(CATEGORIES), "ordinal": _RAMP, "ramp": {"scheme": "cividis"}},
    "title": {"anchor": "start", "fontWeight": "normal"},
}
"""Configuration of Vega-Lite besides the colours by CSS variable."""

LEVEL_TITLE: LookSpec = {
    "titleAngle": 0, "titleAlign": "left", "titleBaseline": "bottom", "titleX": -34, "titleY": -9,
}  # fmt: skip
"""The title of a left axis above it, where nobody has to turn their head."""

_LETTER = 6.6
"""Pixels of a letter of an axis label."""
_TITLED = ("x", "y", "color", "fill", "stroke", "shape", "size", "opacity", "strokeDash", "row", "column", "facet")
_DISCRETE = ("nominal", "ordinal")


def with_words(spec: LookSpec) -> LookSpec:
    """The chart with words for its columns' names, and labels that lie level where there is room for them."""
    made: LookSpec = _looked_over(spec, spec.get("datasets") or {}, (), None)
    return made


def without_idle_config(vega: LookSpec) -> LookSpec:
    """A compiled chart without the configuration that nothing in it uses: each page carries it for every chart."""
    config = vega.get("config")
    if not isinstance(config, dict):
        return vega
    text = json.dumps({key: value for key, value in vega.items() if key not in ("config", "data")})
    kept = {key: value for key, value in config.items() if key != "legend" or '"legends"' in text}
    if isinstance(kept.get("range"), dict):
        kept["range"] = {name: value for name, value in kept["range"].items() if f'"range": "{name}"' in text}
        if not kept["range"]:
            del kept["range"]
    _drop_axis_defaults(vega)
    return {**vega, "config": kept}


def _drop_axis_defaults(group: Any) -> None:
    """What Vega does by itself goes from the axes."""
    for axis in group.get("axes") or ():
        for name, default in (("zindex", 0), ("grid", False), ("aria", False)):
            if name in axis and axis[name] == default:
                del axis[name]
    for mark in group.get("marks") or ():
        if isinstance(mark, dict):
            _drop_axis_defaults(mark)


def title_lies_level(spec: Any) -> bool:
    """Whether the title of a left axis can stand above it: not where the headers of panels stand."""
    if isinstance(spec, Mapping):
        if "facet" in spec or "repeat" in spec:
            return False
        encoding = spec.get("encoding")
        if isinstance(encoding, Mapping) and {"row", "column", "facet"} & set(encoding):
            return False
        return all(title_lies_level(value) for key, value in spec.items() if key not in ("data", "datasets"))
    return not isinstance(spec, list) or all(map(title_lies_level, spec))


def words_of(name: str) -> str:
    """A column's name in words: ``learning rate`` for ``learning_rate``; others as they are."""
    return re.sub(r"(?<=\w)_+(?=\w)", " ", name) if re.fullmatch(r"[A-Za-z][\w ]*", name) else name


def _looked_over(view: Any, datasets: Mapping[str, Any], rows: Sequence[Any], width: Any) -> Any:
    if isinstance(view, list):
        return [_looked_over(part, datasets, rows, width) for part in view]
    if not isinstance(view, dict):
        return view
    data = view.get("data")
    if isinstance(data, dict):
        found = data.get("values", datasets.get(str(data.get("name"))))
        rows = found if isinstance(found, list) else ()
    width = view.get("width", width)
    made = dict(view)
    if isinstance(view.get("encoding"), dict):
        made["encoding"] = {
            name: _worded_channel(name, channel, rows, width) for name, channel in view["encoding"].items()
        }
    for name in ("layer", "hconcat", "vconcat", "concat", "spec"):
        if name in view:
            made[name] = _looked_over(view[name], datasets, rows, width)
    return made


def _worded_channel(name: str, channel: Any, rows: Sequence[Any], width: Any) -> Any:
    if name in ("tooltip", "detail") and isinstance(channel, list):
        return [_worded_channel(name, one, rows, width) for one in channel]
    if not isinstance(channel, dict):
        return channel
    made = dict(channel)
    field = channel.get("field")
    if name in (*_TITLED, "tooltip") and isinstance(field, str) and not _is_titled(channel):
        words = words_of(field)
        plain = not any(key in channel for key in ("aggregate", "bin", "timeUnit"))
        if words != field and plain:
            made["title"] = words
        elif words != field and isinstance(channel.get("aggregate"), str):
            made["title"] = f"{channel['aggregate'].capitalize()} of {words}"
    if name == "x" and channel.get("type") in _DISCRETE and isinstance(field, str):
        axis = channel.get("axis", {})
        if isinstance(axis, dict) and "labelAngle" not in axis and _labels_fit(field, rows, width):
            made["axis"] = {**axis, "labelAngle": 0}
    return made


def _is_titled(channel: Mapping[str, Any]) -> bool:
    places = [channel, *(channel[key] for key in ("axis", "legend", "header") if isinstance(channel.get(key), dict))]
    return any("title" in place for place in places)


def _labels_fit(field: str, rows: Sequence[Any], width: Any) -> bool:
    """Whether the labels of a discrete axis have room beside each other."""
    levels = {str(row.get(field)) for row in rows if isinstance(row, Mapping) and field in row}
    if not levels:
        return False
    longest = max(map(len, levels)) * _LETTER + 6
    step = width.get("step", 20) if isinstance(width, Mapping) else None
    room = width / len(levels) if isinstance(width, int | float) else step if isinstance(step, int | float) else 20
    return longest <= room
