"""Lays a chart out for a width in pixels: what stands beside each other goes below each other where it is narrow.

A chart is laid out, never shrunk: its plots become narrower and its words keep their size. A single view is fitted by
Vega itself; of views beside each other it is measured how wide their axes and legends are, and the plots share the
rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from blogkit.tools.vega import Spec, compile_vega, draw_svg

PHONE = 358
"""Pixels that a phone of 390 leaves to a figure."""

SMALLEST_LETTERS = 10
"""Pixels."""

_MOST_TRIES = 4
_CONTINUOUS = 300
_STEP = 20
_AXES = 55
"""About what an axis with its title takes beside a plot."""
_LEAST_PLOT = 110
_BESIDE = 0.72
"""Plots that keep this share of their width stay beside each other on a phone."""
_ROWS = ("data", "datasets", "usermeta", "values")
_ROW_LISTS = ("hconcat", "concat")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A chart at one width."""

    vega: Spec
    svg: str
    """As Vega wrote it."""

    @property
    def width(self) -> float:
        """Of the whole drawing."""
        return drawn_width(self.svg)


def drawn_width(svg: str) -> float:
    """How wide a drawing says that it is, in pixels; 0 where it does not."""
    match = re.search(r"<svg[^>]*?\swidth=\"([\d.]+)", svg)
    return float(match.group(1)) if match else 0.0


def fills_its_place(spec: Spec) -> bool:
    """Whether a chart asks for the width of what it stands in, itself or one of its views."""
    return any(view.get("width") == "container" for view in _all_views(spec))


def lay_out(spec: Spec, width: int, *, narrow: bool = False) -> Layout:
    """The chart in a width; ``narrow`` also puts its panels and legends below each other. Raises ToolFailed."""
    plain = _readable_letters(spec)
    if not narrow:
        return _fit_chart(plain, width)
    stacked = _with_legends_below(_grown_panels(_stacked_views(plain, width, spec.get("datasets") or {})))
    columns, margin = _MOST_COLUMNS, 16
    while True:
        wrapped_spec = _with_wrapped_titles(_with_config(stacked, _legend_columns(columns)), width, margin)
        laid = _fit_chart(wrapped_spec, width, patient=columns == 1)
        beyond = _words_beyond(laid.svg, width)
        if "legend" in beyond and columns > 1:
            columns = min(columns - 1, _columns_that_fit(laid.svg, width))
        elif "title" in beyond and margin < _WIDEST_MARGIN:
            margin += 60
        else:
            return laid


_MOST_COLUMNS = 5
_WIDEST_MARGIN = 136


def _legend_columns(columns: int) -> Spec:
    return {"legend": {"columns": columns}} if columns < _MOST_COLUMNS else {}


def _columns_that_fit(svg: str, width: int) -> int:
    """How many entries of a legend fit beside each other, each as wide as the longest."""
    labels = [words.right - words.left for words in words_of(svg) if "legend-label" in words.role]
    return max(1, int(width // (max(labels, default=0.0) + 28)))


def _fit_chart(spec: Spec, width: int, *, patient: bool = True) -> Layout:
    """The chart in a width; without patience, the first try where a legend is too wide anyway."""
    return _draw_layout(_fitted_view(spec, width)) if _is_single(spec) else _fit_panels(spec, width, patient=patient)


def _draw_layout(spec: Spec) -> Layout:
    vega = compile_vega(spec)
    return Layout(vega=vega, svg=draw_svg(vega))


def _words_beyond(svg: str, width: int) -> set[str]:
    """What of a drawing has words beyond its right edge: ``legend`` or ``title``."""
    found = set()
    for words in words_of(svg):
        if words.right > width + 2 or words.left < -2:
            found |= {"legend"} if "legend" in words.role else {"title"} if "title" in words.role else set()
    return found


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text of a drawing, level or turned, with what it is for and where it begins and ends."""

    text: str
    role: str
    left: float
    right: float


_SVG = "{http://www.w3.org/2000/svg}"


def words_of(svg: str) -> Iterator[Words]:
    """The texts of a drawing by Vega."""
    root = etree.fromstring(svg.encode("utf-8"), etree.XMLParser(resolve_entities=False, huge_tree=True))
    for text in root.iter(f"{_SVG}text"):
        x, role = 0.0, ""
        turned = "rotate(" in (text.get("transform") or "")
        for one in (text, *text.iterancestors()):
            role += f" {one.get('class') or ''}"
            match = re.match(r"translate\(([-\d.e]+)", one.get("transform") or "")
            x += float(match.group(1)) if match else 0.0
        lines = ["".join(line.itertext()) for line in text] or [text.text or ""]
        size = float((text.get("font-size") or "11").removesuffix("px"))
        long = size if turned else max(text_width(line, size) for line in lines)
        left = x - long * {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor") or "", 0.0)
        yield Words(text=" ".join(lines), role=role, left=left, right=left + long)


def draw_thumbnail(spec: Spec, title: str, width: int, height: int) -> str:
    """A chart for a card: its marks thick, its title large, without axes and legends; empty for several views.

    Raises ToolFailed.
    """
    if not _is_single(spec):
        return ""
    lines = wrapped(title, width - 20, 46)
    made = _bare_view({key: value for key, value in spec.items() if key != "title"})
    size = {"width": width, "height": height, "autosize": {"type": "fit", "contains": "padding"}}
    heading = {"text": lines, "fontSize": 44, "anchor": "start", "fontWeight": "bold", "offset": 24, "limit": width}
    thick = {
        **{name: {"strokeWidth": 7} for name in ("line", "trail")},
        **{name: {"size": 420} for name in ("circle", "square")},
        "point": {"size": 420, "strokeWidth": 5},
        "rule": {"strokeWidth": 4},
        "view": {"stroke": None},
    }
    return _draw_layout(_with_config({**made, **size, "title": heading}, thick)).svg


def _bare_view(view: Any) -> Any:
    """A view without axes and legends, its own strokes and points three times as thick."""
    if not isinstance(view, dict):
        return view
    made = dict(view)
    if isinstance(made.get("encoding"), dict):
        made["encoding"] = {
            name: {**channel, **({"axis": None} if name in ("x", "y") else {"legend": None})}
            if isinstance(channel, dict) and ("field" in channel or "aggregate" in channel) and name in _GUIDED
            else channel
            for name, channel in made["encoding"].items()
        }
    if isinstance(made.get("mark"), dict):
        thicker = {"strokeWidth": 3, "size": 6}
        made["mark"] = {
            name: value * thicker[name] if name in thicker and isinstance(value, (int, float)) else value
            for name, value in made["mark"].items()
        }
    if isinstance(made.get("layer"), list):
        made["layer"] = [_bare_view(one) for one in made["layer"]]
    return made


_GUIDED = frozenset({"x", "y", "color", "fill", "stroke", "size", "shape", "opacity", "strokeDash", "strokeWidth"})


# --- one view -------------------------------------------------------------------------------------------------------


def _is_single(spec: Spec) -> bool:
    if any(name in spec for name in ("hconcat", "vconcat", "concat", "facet", "repeat")):
        return False
    encoding = spec.get("encoding")
    return not (isinstance(encoding, dict) and any(name in encoding for name in ("row", "column", "facet")))


def _fitted_view(spec: Spec, width: int) -> Spec:
    """A single view that Vega fits into a width, axes and all; what is about square stays so."""
    made = {**spec, "width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    wide, high = spec.get("width"), spec.get("height")
    if isinstance(wide, (int, float)) and not isinstance(wide, bool):
        made = _with_places(made, wide, None)
        if isinstance(high, (int, float)) and wide > width - _AXES and high:
            made["height"] = round(high * _height_share(wide, high, width - _AXES))
    return made


def _with_places(view: Any, wide: float, now: float | None, key: str = "") -> Any:
    """The view whose marks at a fixed place right of its middle keep their distance from the right edge.

    ``now`` is the new width; None where Vega alone will know it.
    """
    if isinstance(view, list):
        return [_with_places(part, wide, now, key) for part in view]
    if not isinstance(view, dict):
        return view
    made = {}
    for name, value in view.items():
        is_channel = key == "encoding" and isinstance(value, dict)
        place = value.get("value") if is_channel else value if key == "mark" else None
        if name in ("x", "x2") and isinstance(place, (int, float)) and place > wide / 2:
            moved = {"expr": f"width - {wide - place:g}"} if now is None else now - (wide - place)
            made[name] = {**value, "value": moved} if isinstance(value, dict) else moved
        else:
            made[name] = _with_places(value, wide, now, name) if name in _PLACES else value
    return made


_PLACES = frozenset({"layer", "encoding", "mark"})


def _height_share(wide: float, high: float, now: float) -> float:
    """By which share a plot's height shrinks with its width: what is square stays square, what is flat stays high."""
    return min(1.0, now / wide) if 0.8 <= wide / high <= 1.25 else 1.0


# --- several views --------------------------------------------------------------------------------------------------


def _fit_panels(spec: Spec, width: int, *, patient: bool) -> Layout:
    """Views that together are as wide as asked: after each drawing, the plots give or take what was too much."""
    budget = float(width)
    grows = fills_its_place(spec)
    tried: list[tuple[float, float]] = []
    laid = _draw_layout(_shared_width(spec, budget, width, spec.get("datasets") or {}, None))
    while len(tried) < _MOST_TRIES and (patient or "legend" not in _words_beyond(laid.svg, width)):
        over = laid.width - width
        if over <= 1 and (over > -4 or not (grows or tried)):
            break
        tried.append((budget, laid.width))
        slope = 1.0
        if len(tried) > 1:
            (b0, w0), (b1, w1) = tried[-2:]
            slope = (w1 - w0) / (b1 - b0) if b1 != b0 else 1.0
        wanted = budget - over / (slope if slope > 0.2 else 1.0) - (0.5 if over > 0 else 0)
        wanted = max(_LEAST_PLOT / 2, wanted)
        if abs(wanted - budget) < 0.5:
            break
        budget = wanted
        laid = _draw_layout(_shared_width(spec, budget, width, spec.get("datasets") or {}, None))
    return laid


def _shared_width(view: Spec, budget: float, width: int, datasets: Mapping[str, Any], rows: Any) -> Spec:
    """The view with its plots sharing ``budget`` pixels of width."""
    rows = _rows_of(view, datasets, rows)
    for name in ("hconcat", "vconcat", "concat"):
        if not isinstance(view.get(name), list):
            continue
        children = [child for child in view[name] if isinstance(child, dict)]
        columns = len(children) if name == "hconcat" else 1 if name == "vconcat" else _column_count(view, len(children))
        made = []
        for start in range(0, len(children), max(1, columns)):
            row = children[start : start + columns]
            wants = [_wanted_width(child, datasets, rows, width / columns) for child in row]
            share = min(1.0, budget / (sum(wants) or 1))
            shares = [want * share for want in wants]
            made += [_shared_width(child, own, width, datasets, rows) for child, own in zip(row, shares, strict=True)]
        return {key: value for key, value in view.items() if key != "width"} | {name: made}
    inner = view.get("spec")
    if isinstance(inner, dict):
        across = _panels_across(view, datasets, rows)
        return view | {"spec": _shared_width(inner, budget / across, width, datasets, rows)}
    across = _across_channels(view, rows)
    return _sized_view(view, budget / across, datasets, rows)


def _sized_view(view: Spec, budget: float, datasets: Mapping[str, Any], rows: Any) -> Spec:
    want = _wanted_width(view, datasets, rows, budget, panels=False)
    wide, high = view.get("width"), view.get("height")
    if want <= budget + 0.5 and wide != "container":
        return view
    made = {**view, "width": max(20, int(min(want, budget)))}
    if isinstance(wide, (int, float)) and not isinstance(wide, bool):
        made = _with_places(made, wide, made["width"])
        if isinstance(high, (int, float)) and high:
            made["height"] = round(high * _height_share(wide, high, budget))
    for name in ("layer",):
        if isinstance(view.get(name), list):
            made[name] = [
                {key: value for key, value in one.items() if key != "width"} if isinstance(one, dict) else one
                for one in view[name]
            ]
    return made


def _wanted_width(view: Spec, datasets: Mapping[str, Any], rows: Any, container: float, panels: bool = True) -> float:
    """How wide the plots of a view would be by themselves; ``container`` for one that takes what there is."""
    rows = _rows_of(view, datasets, rows)
    for name in ("hconcat", "vconcat", "concat"):
        if isinstance(view.get(name), list):
            children = [child for child in view[name] if isinstance(child, dict)]
            widths = [_wanted_width(child, datasets, rows, container) for child in children]
            columns = len(widths) if name == "hconcat" else 1 if name == "vconcat" else _column_count(view, len(widths))
            return max((sum(widths[at : at + columns]) for at in range(0, len(widths), max(1, columns))), default=0.0)
    if isinstance(view.get("spec"), dict):
        return _panels_across(view, datasets, rows) * _wanted_width(view["spec"], datasets, rows, container)
    across = _across_channels(view, rows) if panels else 1
    width = view.get("width")
    if width is None and isinstance(view.get("layer"), list):
        width = next((one["width"] for one in view["layer"] if isinstance(one, dict) and "width" in one), None)
    if width == "container":
        return container
    if isinstance(width, (int, float)) and not isinstance(width, bool):
        return across * float(width)
    step = width.get("step", _STEP) if isinstance(width, dict) else _STEP
    field = _discrete_field(view)
    if field is None and not isinstance(width, dict):
        return across * float(_CONTINUOUS)
    return across * float(step) * max(1, _level_count(rows, field))


def _column_count(view: Spec, count: int) -> int:
    columns = view.get("columns")
    return max(1, min(count, columns)) if isinstance(columns, int) and columns > 0 else max(1, count)


def _panels_across(view: Spec, datasets: Mapping[str, Any], rows: Any) -> int:
    """How many panels of a facet or a repetition stand beside each other."""
    facet, repeat = view.get("facet"), view.get("repeat")
    if isinstance(facet, dict):
        if "row" in facet or "column" in facet:
            return max(1, _level_count(rows, _field_name(facet.get("column"))))
        return _column_count(view, max(1, _level_count(rows, _field_name(facet))))
    if isinstance(repeat, list):
        return _column_count(view, len(repeat))
    if isinstance(repeat, dict) and isinstance(repeat.get("column"), list):
        return max(1, len(repeat["column"]))
    return 1


def _across_channels(view: Spec, rows: Any) -> int:
    encoding = view.get("encoding")
    if not isinstance(encoding, dict):
        return 1
    if "column" in encoding:
        return max(1, _level_count(rows, _field_name(encoding["column"])))
    facet = encoding.get("facet")
    if isinstance(facet, dict):
        return _column_count(facet, max(1, _level_count(rows, _field_name(facet))))
    return 1


def _field_name(definition: Any) -> str | None:
    field = definition.get("field") if isinstance(definition, dict) else None
    return field.replace("\\", "") if isinstance(field, str) else None


def _discrete_field(view: Spec) -> str | None:
    """The field of a horizontal axis of steps; None where it is continuous."""
    for one in _all_views(view):
        encoding = one.get("encoding")
        channel = encoding.get("x") if isinstance(encoding, dict) else None
        if isinstance(channel, dict) and channel.get("type") in ("nominal", "ordinal"):
            return _field_name(channel) or ""
    return None


def _level_count(rows: Any, field: str | None) -> int:
    """How many values a field has."""
    if field is None or not isinstance(rows, list):
        return 1
    return len({str(row.get(field)) for row in rows if isinstance(row, dict)})


def _rows_of(view: Spec, datasets: Mapping[str, Any], inherited: Any) -> Any:
    data = view.get("data")
    if not isinstance(data, dict):
        return inherited
    return data.get("values", datasets.get(str(data.get("name"))))


def _all_views(spec: Any) -> Iterator[Spec]:
    """Every view inside a specification, itself first; rows of data are left out."""
    if isinstance(spec, dict):
        yield spec
        for name in ("layer", "hconcat", "vconcat", "concat", "spec"):
            if name in spec:
                yield from _all_views(spec[name])
    elif isinstance(spec, list):
        for part in spec:
            yield from _all_views(part)


# --- for a narrow place ---------------------------------------------------------------------------------------------


def _readable_letters(value: Any, key: str = "") -> Any:
    """The specification with no letters smaller than can be read."""
    if isinstance(value, dict):
        return {name: inner if name in _ROWS else _readable_letters(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_readable_letters(part, key) for part in value]
    is_size = key.endswith(("fontSize", "FontSize")) and isinstance(value, (int, float)) and not isinstance(value, bool)
    return max(value, SMALLEST_LETTERS) if is_size else value


def _stacked_views(view: Any, width: int, datasets: Mapping[str, Any], rows: Any = None) -> Any:
    """The views below each other, where beside each other they would lose much of their width."""
    if not isinstance(view, dict):
        return view
    rows = _rows_of(view, datasets, rows)
    made = dict(view)
    for name in ("hconcat", "vconcat", "concat", "layer"):
        if isinstance(made.get(name), list):
            made[name] = [_stacked_views(child, width, datasets, rows) for child in made[name]]
    if "spec" in made:
        made["spec"] = _stacked_views(made["spec"], width, datasets, rows)
    if isinstance(made.get("hconcat"), list):
        if not _fits_beside(made, width, datasets, rows, len(made["hconcat"])):
            made["vconcat"] = made.pop("hconcat")
    elif isinstance(made.get("concat"), list):
        made["columns"] = _narrow_columns(made, made["concat"], width, datasets, rows)
    elif isinstance(made.get("repeat"), list):
        made["columns"] = _narrow_columns(made, [made.get("spec")], width, datasets, rows)
    elif isinstance(made.get("facet"), dict) and isinstance(made.get("spec"), dict):
        if not _fits_beside(made, width, datasets, rows, _panels_across(made, datasets, rows)):
            made = _facet_below(made, _narrow_columns(made, [made["spec"]], width, datasets, rows))
    elif isinstance(made.get("encoding"), dict) and (
        {"column", "facet"} & set(made["encoding"])
        and not _fits_beside(made, width, datasets, rows, _across_channels(made, rows))
    ):
        made = _channels_below(made, width, datasets, rows)
    return made


def _grown_panels(view: Any, alone: bool = False) -> Any:
    """The views whose flat panels, each alone in its row, take the whole width."""
    if not isinstance(view, dict):
        return view
    if isinstance(view.get("vconcat"), list):
        return view | {"vconcat": [_grown_panels(child, True) for child in view["vconcat"]]}
    if isinstance(view.get("concat"), list) and view.get("columns") == 1:
        return view | {"concat": [_grown_panels(child, True) for child in view["concat"]]}
    if isinstance(view.get("spec"), dict) and view.get("columns") == 1:
        return view | {"spec": _grown_panels(view["spec"], True)}
    if not alone or {"hconcat", "concat", "spec"} & set(view) or _columns_across(view) > 1:
        return view
    wide, high = view.get("width", _CONTINUOUS), view.get("height", _CONTINUOUS)
    square = isinstance(high, (int, float)) and isinstance(wide, (int, float)) and 0.8 <= wide / (high or 1) <= 1.25
    flat = isinstance(wide, (int, float)) and wide >= 140 and not square
    return view | {"width": "container"} if flat and _discrete_field(view) is None else view


def _fits_beside(view: Spec, width: int, datasets: Mapping[str, Any], rows: Any, count: int) -> bool:
    room = width - _AXES - 25 * (count - 1)
    wanted = _wanted_width(view, datasets, rows, _CONTINUOUS)
    return wanted * _BESIDE <= room and wanted / max(1, count) * min(1, room / wanted) >= 60


def _narrow_columns(view: Spec, panels: Sequence[Any], width: int, datasets: Mapping[str, Any], rows: Any) -> int:
    widest = max((_wanted_width(one, datasets, rows, width) for one in panels if isinstance(one, dict)), default=width)
    return max(1, int((width - 20) // (max(widest * 0.85, 70) + _AXES)))


def _facet_below(view: Spec, columns: int) -> Spec:
    """A facet whose columns go below each other: wrapped, or by both fields at once where it has rows as well."""
    facet = view["facet"]
    if "row" not in facet and "column" not in facet:
        return view | {"columns": columns}
    if "column" not in facet:
        return view
    made = dict(view)
    if "row" in facet:
        joined = _joined_fields(facet["row"], facet["column"])
        if joined is None:
            return view
        made["transform"] = [*(view.get("transform") or []), joined]
        made["facet"] = {"field": _PANEL, "type": "nominal", "title": None, "sort": None}
    else:
        made["facet"] = facet["column"]
    return made | {"columns": columns}


def _channels_below(view: Spec, width: int, datasets: Mapping[str, Any], rows: Any) -> Spec:
    encoding = dict(view["encoding"])
    columns = _narrow_columns(
        view, [{key: value for key, value in view.items() if key != "encoding"} | {"encoding": {
            key: value for key, value in encoding.items() if key not in ("row", "column", "facet")}}],
        width, datasets, rows,
    )  # fmt: skip
    made = dict(view)
    if "facet" in encoding:
        encoding["facet"] = {**encoding["facet"], "columns": columns}
    elif "row" in encoding:
        joined = _joined_fields(encoding["row"], encoding["column"])
        if joined is None:
            return view
        made["transform"] = [*(view.get("transform") or []), joined]
        del encoding["row"], encoding["column"]
        encoding["facet"] = {"field": _PANEL, "type": "nominal", "title": None, "sort": None, "columns": columns}
    else:
        column = encoding.pop("column")
        spacing = column.get("spacing")
        kept = {key: value for key, value in column.items() if key not in ("spacing", "align", "center")}
        encoding["facet"] = {**kept, "columns": columns, **({"spacing": spacing} if spacing is not None else {})}
    return made | {"encoding": encoding}


_PANEL = "panel of two"


def _joined_fields(row: Any, column: Any) -> Spec | None:
    """A transform that makes one field of the two of a grid of panels."""
    fields = [_field_name(row), _field_name(column)]
    if None in fields or any("bin" in one or "timeUnit" in one for one in (row, column)):
        return None
    return {"calculate": " + ' · ' + ".join(f"datum[{field!r}]" for field in fields), "as": _PANEL}


_LEGEND_BELOW: Spec = {
    "orient": "bottom", "direction": "horizontal", "titleAnchor": "start", "labelLimit": 140, "offset": 8,
    "layout": {"bottom": {"direction": "vertical", "anchor": "start"}},
}  # fmt: skip


def _with_legends_below(spec: Spec) -> Spec:
    """Legends that stand beside the plot go below it."""

    def moved(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            made = {name: inner if name in _ROWS else moved(inner, name) for name, inner in value.items()}
            if key == "legend" and made.get("orient") in ("left", "right"):
                del made["orient"]
            return made
        return [moved(part, key) for part in value] if isinstance(value, list) else value

    return _with_config(moved(spec), {"legend": _LEGEND_BELOW})


def _with_config(spec: Spec, more: Spec) -> Spec:
    """The specification with more of a configuration; it wins over what the chart's own says."""

    def merged(old: Any, new: Any) -> Any:
        if isinstance(old, dict) and isinstance(new, dict):
            return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
        return new

    return {**spec, "config": merged(spec.get("config") or {}, more)}


def _with_wrapped_titles(spec: Any, width: float, margin: float, key: str = "", channel: str = "") -> Any:
    """The specification whose long titles go on in a new line; ``margin`` is what an axis has beside its plot."""
    if isinstance(spec, list):
        if key in ("title", "text", "subtitle") and all(isinstance(part, str) for part in spec):
            return _wrapped_title(" ".join(spec), width, margin, key, channel)
        return [_with_wrapped_titles(part, width, margin, key, channel) for part in spec]
    if isinstance(spec, str):
        return _wrapped_title(spec, width, margin, key, channel)
    if not isinstance(spec, dict):
        return spec
    made = {}
    inner = width / _columns_across(spec)
    for name, value in spec.items():
        here = channel
        if name in ("x", "y", "legend", "color", "fill", "stroke", "size", "shape", "opacity", "strokeDash"):
            here = name if name in ("x", "y") else "legend"
        elif name == "title" and isinstance(value, dict):
            here = "title"
        elif name in ("encoding", "spec", "layer", "hconcat", "vconcat", "concat"):
            here = ""
        skipped = name in _ROWS or name in ("params", "transform", "mark", "config", "tooltip", "href")
        room = inner if name in ("spec", "hconcat", "concat", "encoding") else width
        made[name] = value if skipped else _with_wrapped_titles(value, room, margin, name, here)
    return made


def _columns_across(view: Spec) -> int:
    """Into how many columns a narrow layout divides a view."""
    encoding = view.get("encoding")
    facet = encoding.get("facet") if isinstance(encoding, dict) else None
    columns = facet.get("columns") if isinstance(facet, dict) else view.get("columns")
    if isinstance(view.get("hconcat"), list):
        columns = len(view["hconcat"])
    return columns if isinstance(columns, int) and columns > 0 else 1


def _wrapped_title(text: str, width: float, margin: float, key: str, channel: str) -> str | list[str]:
    if key == "title" and channel in ("x", "y"):
        return wrapped(text, max(100, width - 50 - margin) if channel == "x" else 240, 12)
    if (key == "title" and channel == "") or (key in ("text", "subtitle") and channel == "title"):
        return wrapped(text, width - margin, 14)
    return text


def wrapped(text: str, width: float, size: float) -> str | list[str]:
    """A text in lines of at most so many pixels; as it is where it is short."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines if len(lines) > 1 else text


def text_width(text: str, size: float) -> float:
    """How wide a text is in the letters of Helvetica, whose widths Arial and Liberation Sans have too."""
    known = (_ADVANCES[ord(sign) - 32] if " " <= sign <= "~" else _OTHER_ADVANCE for sign in text)
    return size * sum(known) / 1000


_OTHER_ADVANCE = 556
_ADVANCES = (
    278, 278, 355, 556, 556, 889, 667, 222, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 222, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
)  # fmt: skip
"""Of the signs from the blank to the tilde, in thousandths of the letters' size."""
