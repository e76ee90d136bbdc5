"""Vega-Lite through vl-convert: specification to Vega, Vega to SVG. At build time only, and never over the network.

The JavaScript inside vl-convert 1.9 has known holes (CVE-2025-59840, CVE-2025-66648), so nothing of it reaches a
reader: a page carries blogkit's own small runtime, and this module only draws. A specification is untrusted; what it
may not hold, :func:`forbidden_parts` names.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from blogkit.errors import ToolFailed, ToolMissing
from blogkit.tools.everywhere import same_everywhere
from blogkit.tools.looks import LEVEL_TITLE, QUIET, title_lies_level, with_words, without_idle_config

Spec = dict[str, Any]
"""A Vega-Lite or Vega specification: JSON as Python has it."""

CONTAINER_WIDTH, CONTAINER_HEIGHT = 680, 300
"""Pixels, for a chart that asks for the width of its container: a drawing made before the page has none."""

_INK = "var(--bk-chart-ink, #222)"
_SOFT = "var(--bk-chart-soft, #555)"
_LINE = "var(--bk-chart-line, #888)"
_GRID = "var(--bk-chart-grid, #ddd)"

THEME: Spec = {
    "background": "transparent",
    "axis": {
        "labelColor": _SOFT, "titleColor": _INK, "tickColor": _LINE, "domainColor": _LINE, "gridColor": _GRID,
        "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": _SOFT, "titleColor": _INK, "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal",
        "gradientStrokeColor": _GRID,
    },
    "header": {"labelColor": _SOFT, "titleColor": _INK},
    "title": {"color": _INK, "subtitleColor": _SOFT},
    "text": {"color": _INK},
    "rule": {"color": _LINE},
}  # fmt: skip
"""Colours by CSS variable, so that a drawing follows the page's dark mode and print; what a chart says itself wins."""

_MIME = re.compile(r"application/vnd\.vegalite\.v([456])[+.]json")
_SCHEMA = re.compile(r"vega-lite/v(\d+)")
_COMPILERS = {4: "5.8", 5: "5.21", 6: "6.4"}
"""Which of vl-convert's compilers reads which major version of the language."""


def chart_in(bundle: Mapping[str, Any]) -> Spec | None:
    """The Vega-Lite specification in a cell's output, wherever Altair's renderers put it; None where there is none."""
    for mime, value in bundle.items():
        if _MIME.fullmatch(mime):
            spec = json.loads(_text(value)) if isinstance(value, (str, list)) else value
            return spec if isinstance(spec, dict) else None
    html = _text(bundle.get("text/html", ""))
    if "vega-lite" not in html:
        return None
    decoder = json.JSONDecoder()
    for match in re.finditer(r"[(=,]\s*(?=\{)", html):
        try:
            spec, _ = decoder.raw_decode(html, match.end())
        except ValueError:
            continue
        if isinstance(spec, dict) and _SCHEMA.search(str(spec.get("$schema", ""))):
            return dict(spec)
    return None


def compile_vega(spec: Spec) -> Spec:
    """The Vega specification of a Vega-Lite one, coloured by CSS variables.

    Raises ToolFailed with the compiler's words, ToolMissing without vl-convert.
    """
    version = _SCHEMA.search(str(spec.get("$schema", "")))
    major = int(version.group(1)) if version else 6
    level = LEVEL_TITLE if title_lies_level(spec) else {}
    config = _with_theme(_joined_configs(_joined_configs(THEME, {"axisLeft": level}), QUIET), spec)
    spec = _sized({key: value for key, value in spec.items() if key != "usermeta"})
    spec = with_words(spec)
    if major == 4:
        spec = _with_parameters(spec)
    try:
        with _vl_convert() as converter:
            compiled: Spec = converter.vegalite_to_vega(spec, vl_version=_COMPILERS.get(major, "6.4"), config=config)
    except (ValueError, TypeError) as error:
        raise ToolFailed(_first_lines(error), hint="Draw the chart in Jupyter; Vega-Lite refused it.") from error
    _correct_nearest_tooltips(compiled.get("marks"))
    settled: Spec = same_everywhere(without_idle_config(compiled))
    return settled


def _correct_nearest_tooltips(marks: Any) -> None:
    """Has the cells around points, by which ``nearest=True`` chooses, tell the row of their point.

    Vega-Lite reads a number there from the point's row, and a word from the cell, which has none: "undefined".
    """
    for mark in marks if isinstance(marks, list) else ():
        _correct_nearest_tooltips(mark.get("marks"))
        update = (mark.get("encode") or {}).get("update") or {}
        tooltip = update.get("tooltip")
        if "isVoronoi" in update and isinstance(tooltip, dict) and isinstance(tooltip.get("signal"), str):
            tooltip["signal"] = re.sub(r"(?<![\w.])datum\[", "datum.datum[", tooltip["signal"])


def _joined_configs(one: Spec, other: Spec) -> Spec:
    """Two configurations as one; what both say, the first says."""
    made = {**other, **one}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            made[name] = {**other[name], **one[name]}
    return made


def _with_theme(config: Spec, spec: Spec) -> Spec:
    """The configuration with the theme that the notebook named, as ``alt.theme.enable("ggplot2")`` does.

    Its colours are made for its background, so that the page's own do not mix in.
    """
    options = (spec.get("usermeta") or {}).get("embedOptions")
    name = options.get("theme") if isinstance(options, dict) else None
    if not isinstance(name, str):
        return config
    with _vl_convert() as converter:
        themes = converter.get_themes()
    theme = themes.get(name)
    if not isinstance(theme, dict):
        return config
    return {"background": "#fff", **theme}


def draw_svg(vega: Spec) -> str:
    """The SVG of a Vega specification, as Vega writes it. No address is ever opened. Raises ToolFailed."""
    try:
        with _vl_convert() as converter:
            drawing: str = converter.vega_to_svg(vega, allowed_base_urls=[])
    except (ValueError, TypeError) as error:
        raise ToolFailed(_first_lines(error), hint="Draw the chart in Jupyter; Vega refused it.") from error
    return drawing


def draw_png(svg: str) -> bytes:
    """A drawing as a PNG of the size that it names, in pixels. Raises ToolFailed when it cannot be drawn."""
    try:
        with _vl_convert() as converter:
            picture: bytes = converter.svg_to_png(svg, scale=1)
    except ValueError as error:
        raise ToolFailed(f"a drawing could not be made a picture: {_first_lines(error)}") from error
    return picture


def forbidden_parts(spec: object) -> Iterator[str]:
    """What a specification may not hold in a page, each as the end of a sentence: "data from https://…".

    Data by address is not fetched, a picture by address would tell a stranger who reads the page, and a link that runs
    code is never meant well. Works on Vega-Lite and on Vega; addresses in the rows count where a channel shows them.
    """
    rows: list[object] = []
    shown: dict[str, set[object]] = {"href": set(), "url": set()}
    values: list[tuple[str, str]] = []
    for path, value in _walk(spec):
        if path[-1:] in (("values",), ("datasets",)):
            rows.append(value)
        channel = next((name for name in shown if name in path[-4:]), "")
        if channel and path[-1] == "field":
            shown[channel].add(value)
        elif channel and path[-1] in (channel, "value") and isinstance(value, str):
            values.append((channel, value))
    if shown["href"] or shown["url"]:
        for path, value in _walk(rows, into_rows=True):
            channel = next((name for name, fields in shown.items() if path and path[-1] in fields), "")
            if channel and isinstance(value, str):
                values.append((channel, value))
    for channel, value in values:
        if channel == "href" and _scheme(value) not in ("", "http", "https", "mailto"):
            yield f"a link to {value[:120]!r}"
        elif channel == "url" and not _is_picture(value):
            yield f"data or a picture from {value[:120]}"


def _walk(value: object, into_rows: bool = False) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value inside a value, each with the keys that lead to it; list positions and rows of data are left out."""
    stack: list[tuple[tuple[str, ...], object]] = [((), value)]
    while stack:
        path, value = stack.pop()
        yield path, value
        if path[-1:] in (("values",), ("datasets",)) and not into_rows:
            continue
        if isinstance(value, Mapping):
            stack.extend(((*path, str(key)), inner) for key, inner in value.items())
        elif isinstance(value, (list, tuple)):
            stack.extend((path, inner) for inner in value)


def _scheme(address: str) -> str:
    """The scheme of an address as a browser reads it: control characters and blanks inside it do not count."""
    head, colon, _ = re.sub(r"[\x00-\x20]", "", address[:200]).partition(":")
    return head.lower() if colon and head.isalnum() else ""


def _is_picture(address: str) -> bool:
    return re.match(r"data:image/(png|jpeg|gif|webp);base64,", address) is not None


def _sized(spec: Spec) -> Spec:
    """A chart as wide as its container gets a width in pixels."""
    sizes = {"width": CONTAINER_WIDTH, "height": CONTAINER_HEIGHT}
    return {key: sizes[key] if key in sizes and value == "container" else value for key, value in spec.items()}


def _with_parameters(spec: Any) -> Any:
    """A version 4 specification with its ``selection``s written as the ``params`` of version 5."""
    if isinstance(spec, list):
        return [_with_parameters(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    new = {key: value if key in ("data", "datasets") else _with_parameters(value) for key, value in spec.items()}
    selections = new.pop("selection", None)
    if isinstance(selections, dict):
        params = list(new.get("params", []))
        for name, selection in selections.items():
            old = dict(selection)
            kind = old.pop("type", "interval")
            parameter: Spec = {"name": name}
            if (bind := old.pop("bind", None)) is not None:
                parameter["bind"] = bind
            if (start := old.pop("init", None)) is not None:
                parameter["value"] = start if kind == "interval" else [start] if isinstance(start, dict) else start
            old.pop("empty", None)
            parameter["select"] = {"type": "interval" if kind == "interval" else "point", **old}
            if kind == "single":
                parameter["select"]["toggle"] = False
            params.append(parameter)
        new["params"] = params
    elif isinstance(selections, str):
        new["param"] = selections
    return new


def _first_lines(error: Exception) -> str:
    """What a JavaScript error says, without the places inside its bundle."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.strip().startswith("at ")]
    return " ".join(lines[:3])[:400]


_ALONE = threading.RLock()
"""vl-convert waits for its own lock without letting other threads of Python run. So two threads in it can wait for each
other for ever: one holds its lock and wants Python's (the garbage collector ran), the other the reverse."""


@contextmanager
def _vl_convert() -> Iterator[Any]:
    """The converter, for one thread at a time."""
    try:
        import vl_convert
    except ImportError as error:
        raise ToolMissing("vl-convert is not installed.", hint="pip install vl-convert-python") from error
    with _ALONE:
        yield vl_convert


def _text(value: Any) -> str:
    """A text of a notebook, which may be stored as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
