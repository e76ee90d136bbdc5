"""A film of any chart: it plays, pauses and is scrubbed over training; its key frames stand in a row, also in print."""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError
from blogkit.charts.look import HEIGHT, WIDTH, level_words, load_altair, titled
from blogkit.tools.vega import Spec

if TYPE_CHECKING:
    import altair as alt

PLAY = "▶ "
"""How the label of a slider or menu begins that a page plays."""

_STRIP, _GAP = 560, 14
"""Pixels: the width of the row of key frames, and between two of them."""
_EXPLAINED = frozenset([
    "angle", "color", "fill", "fillOpacity", "opacity", "shape", "size", "stroke", "strokeDash", "strokeOpacity",
    "strokeWidth",
])  # fmt: skip
"""Channels that have a legend."""
_SCALED = {"x": "x", "x2": "x", "y": "y", "y2": "y"}
_SCALED |= {name: name for name in ("color", "fill", "stroke", "size", "shape", "strokeDash", "opacity")}


def film(
    chart: alt.TopLevelMixin,
    over: str = "step",
    *,
    frames: int | Sequence[float] = 4,
    start: float | None = None,
    title: str | None = None,
) -> alt.VConcatChart:
    """A chart that plays over a column of its data, such as the epoch; below a row of key frames that never move.

    ``chart`` is any chart whose data have the column ``over``; layers whose data have none of it stay. ``frames`` is
    how many key frames are shown, spread evenly from the first to the last, or which; ``start`` is the frame that is
    shown first, by default the last. Axes and colours are fixed over the whole film, so that only the marks move; an
    axis of an aggregate needs its own ``scale=alt.Scale(domain=…)``. On a page a button plays the film, a slider (a
    menu where the steps are uneven) scrubs it, and both work by keyboard. ``title`` is what the steps are called.

    >>> from blogkit.charts import film, samples
    >>> import altair as alt
    >>> points = alt.Chart(samples.features()).mark_point(filled=True).encode(
    ...     x="first:Q", y="second:Q", color="digit:N", shape="digit:N", tooltip=["digit:N", "first:Q", "second:Q"]
    ... )
    >>> chart = film(points, over="epoch", frames=[0, 2, 5, 20])
    >>> [panel["title"]["text"] for panel in chart.to_dict()["vconcat"][0]["concat"]]
    ['Epoch 0', 'Epoch 2', 'Epoch 5', 'Epoch 20']
    """
    from blogkit.kernel.altair import specification

    spec = specification(chart)
    datasets = spec.pop("datasets", {})
    for name in ("$schema", "config", "usermeta"):
        spec.pop(name, None)
    _inline_rows(spec, datasets)
    steps = _film_steps(spec, over)
    keys = _key_frames(steps, frames, over)
    first = keys[-1] if start is None else start
    if first not in steps:
        raise ChartError(f"start={start!r} is no {over} of the data; they go from {steps[0]:g} to {steps[-1]:g}.")
    _fix_scales(spec, over)
    named = title or titled(over)
    parameter = re.sub(r"\W", "_", over)
    size = _panel_size(spec)
    whole = size[0] if not _is_joined(spec) and size[0] >= 360 else _STRIP
    width = (whole - _GAP * (len(keys) - 1)) // len(keys)
    small = [
        _key_frame(spec, over, key, f"{named} {level_words(key)}", width, round(width * size[1] / size[0]))
        for key in keys
    ]
    shown = _with_frame_filter(copy.deepcopy(spec), over, f"datum[{over!r}] == {parameter}")
    _with_title(shown, {"expr": f"{named + ' '!r} + {parameter}"}, anchor="start")
    control = {"name": parameter, "value": first, "bind": _step_binding(steps, named)}
    made = {
        "vconcat": [{"concat": small, "columns": len(small), "spacing": _GAP}, shown],
        "spacing": 20,
        "params": [control],
        "resolve": {"scale": dict.fromkeys(("color", "shape", "size", "opacity", "strokeDash"), "independent")},
    }
    return _chart_of(made)  # type: ignore[no-any-return]


# --- the steps ------------------------------------------------------------------------------------------------------


def _film_steps(spec: Spec, over: str) -> list[float]:
    """The values of the column over which the film plays, in order."""
    found: set[float] = set()
    names: dict[str, None] = {}
    for rows, _ in _unit_views(spec, ()):
        names |= dict.fromkeys(name for row in rows[:1] for name in row)
        found |= {row[over] for row in rows if isinstance(row.get(over), int | float)}
    if not names:
        raise ChartError("a film needs a chart with its data: give alt.Chart a data frame.")
    if not found:
        raise ChartError(f"no data of the chart has the column {over!r}; there are: {', '.join(names)}.")
    if len(found) < 2:
        raise ChartError(f"{over!r} has one value, {next(iter(found)):g}: a film needs more.")
    return sorted(found)


def _key_frames(steps: Sequence[float], frames: int | Sequence[float], over: str) -> list[float]:
    if isinstance(frames, int):
        count = max(2, min(frames, len(steps)))
        return [steps[round(index * (len(steps) - 1) / (count - 1))] for index in range(count)]
    strange = [frame for frame in frames if frame not in steps]
    if strange or not frames:
        said = ", ".join(f"{step:g}" for step in steps[:12]) + (", …" if len(steps) > 12 else "")
        raise ChartError(f"frames={list(frames)!r}: {over!r} has the values {said}.")
    return list(frames)


def _step_binding(steps: Sequence[float], named: str) -> Spec:
    """A slider where the steps are evenly spaced, else a menu of them."""
    apart = {round(after - before, 9) for before, after in itertools.pairwise(steps)}
    if len(apart) == 1:
        return {"input": "range", "min": steps[0], "max": steps[-1], "step": apart.pop(), "name": PLAY + named}
    return {"input": "select", "options": list(steps), "name": PLAY + named}


# --- the chart's views ----------------------------------------------------------------------------------------------


def _inline_rows(view: Any, datasets: Mapping[str, Any]) -> None:
    """Puts named rows where they are used, so that the film can stand inside another chart."""
    if isinstance(view, list):
        for part in view:
            _inline_rows(part, datasets)
    elif isinstance(view, dict):
        data = view.get("data")
        if isinstance(data, dict) and data.get("name") in datasets:
            view["data"] = {"values": datasets[data["name"]]}
        for name, part in view.items():
            if name != "data":
                _inline_rows(part, datasets)


def _chart_of(view: Spec) -> Any:
    """A specification as Altair's own objects, which write rows once though several views have them."""
    alt = load_altair()
    own = dict(view)
    if isinstance(own.get("encoding"), dict):
        own["encoding"] = alt.FacetedEncoding.from_dict(own["encoding"], validate=False)
    if isinstance(own.get("data"), dict) and "values" in own["data"]:
        own["data"] = alt.InlineData(own["data"]["values"])
    if isinstance(own.get("params"), list):
        own["params"] = [
            alt.TopLevelSelectionParameter(**one) if "select" in one else alt.VariableParameter(**one)
            for one in own["params"]
        ]
    for name, kind in (
        ("layer", alt.LayerChart), ("hconcat", alt.HConcatChart), ("vconcat", alt.VConcatChart),
        ("concat", alt.ConcatChart),
    ):  # fmt: skip
        if name in own:
            made: Any = kind(**{name: [_chart_of(part) for part in own.pop(name)]})
            for key, value in own.items():
                made[key] = value
            return made
    if isinstance(own.get("spec"), dict) and "facet" in own:
        return alt.FacetChart(own.pop("data"), _chart_of(own.pop("spec")), **own)
    return alt.Chart(own.pop("data", alt.Undefined), **own)


def _inner_views(view: Spec) -> list[Spec]:
    parts = [part for name in ("layer", "hconcat", "vconcat", "concat") for part in view.get(name, [])]
    return [*parts, *([view["spec"]] if isinstance(view.get("spec"), dict) else [])]


def _unit_views(view: Spec, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Sequence[Mapping[str, Any]], Spec]]:
    """Each view that draws, with the rows that it draws from."""
    if isinstance(view.get("data"), dict):
        rows = view["data"].get("values") or ()
    parts = _inner_views(view)
    if not parts:
        yield rows, view
    for part in parts:
        yield from _unit_views(part, rows)


def _with_frame_filter(spec: Spec, over: str, test: str) -> Spec:
    """The chart with only the rows of one frame, in each view whose rows have the column."""
    for rows, view in _unit_views(spec, ()):
        if any(over in row for row in rows[:50]):
            view["transform"] = [{"filter": test}, *view.get("transform", [])]
    return spec


def _fix_scales(spec: Spec, over: str) -> None:
    """Gives every scale the domain of the whole film."""
    spans: dict[str, list[Any]] = {}
    for rows, view in _unit_views(spec, ()):
        for name, definition in _encodings_of(spec, view):
            field = definition.get("field")
            if name in _SCALED and isinstance(field, str) and _own_domain(definition) is None:
                spans.setdefault(_SCALED[name], []).extend(_scale_values(rows, field, over, definition, name))
    for _, view in _unit_views(spec, ()):
        for name, definition in _encodings_of(spec, view):
            values = spans.get(name)
            if values and isinstance(definition.get("field"), str) and _own_domain(definition) is None:
                _set_domain(definition, values, name, _mark_type(view))


def _encodings_of(spec: Spec, view: Spec) -> Iterator[tuple[str, Spec]]:
    """The encodings of a view; those that it takes over from its layer are read where they stand."""
    seen: set[int] = set()
    for one in (view, *_layers_above(spec, view)):
        for name, definition in (one.get("encoding") or {}).items():
            if isinstance(definition, dict) and id(definition) not in seen:
                seen.add(id(definition))
                yield name, definition


def _layers_above(spec: Spec, view: Spec) -> list[Spec]:
    for part in _inner_views(spec):
        if part is view:
            return [spec]
        found = _layers_above(part, view)
        if found:
            return [*found, spec]
    return []


def _own_domain(definition: Spec) -> Any:
    scale = definition.get("scale", {})
    return "none" if scale is None else scale.get("domain")


def _scale_values(
    rows: Sequence[Mapping[str, Any]], field: str, over: str, definition: Spec, name: str
) -> Iterator[Any]:
    column = re.sub(r"\\(.)", r"\1", field)
    if name in _SCALED and _SCALED[name] in ("x", "y") and _is_number(definition):
        moved = (
            definition.get("aggregate") or definition.get("bin") or (rows and not any(column in row for row in rows))
        )
        if moved and column != over:
            raise ChartError(
                f"the axis {name} of {field!r} is computed from the rows of a frame, so it would move with the film: "
                "give it scale=alt.Scale(domain=[low, high])."
            )
    if not definition.get("aggregate"):
        yield from (row[column] for row in rows if row.get(column) is not None)


def _is_number(definition: Spec) -> bool:
    return definition.get("type") in ("quantitative", "temporal")


def _set_domain(definition: Spec, values: Sequence[Any], name: str, mark: str) -> None:
    scale = dict(definition.get("scale") or {})
    if definition.get("type") == "quantitative":
        numbers = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
        if not numbers:
            return
        low, high = min(numbers), max(numbers)
        zero = scale.pop("zero", mark in ("bar", "area") and name in ("x", "y"))
        if zero and scale.get("type", "linear") == "linear":
            low, high = min(low, 0), max(high, 0)
        scale.setdefault("nice", name in ("x", "y"))
        scale["domain"] = [low, high] if high > low else [low - 0.5, high + 0.5]
    elif definition.get("type") in ("nominal", "ordinal"):
        levels = list(dict.fromkeys(values))
        scale["domain"] = levels if any(isinstance(level, str) for level in levels) else sorted(levels)
    definition["scale"] = scale


def _mark_type(view: Spec) -> str:
    mark = view.get("mark")
    return str(mark.get("type") if isinstance(mark, dict) else mark)


# --- the key frames -------------------------------------------------------------------------------------------------


def _is_joined(spec: Spec) -> bool:
    return any(name in spec for name in ("hconcat", "vconcat", "concat"))


def _panel_size(spec: Spec) -> tuple[int, int]:
    """The size of the chart's first panel, which a chart without one is given."""
    if not _is_joined(spec) and "spec" not in spec:
        spec.setdefault("width", WIDTH)
        spec.setdefault("height", HEIGHT)
    while _is_joined(spec):
        spec = _inner_views(spec)[0]
    found = [spec, *_inner_views(spec)]
    width, height = (
        next((one[name] for one in found if isinstance(one.get(name), int | float)), default)
        for name, default in (("width", 300), ("height", 300))
    )
    return int(width), int(height)


def _key_frame(spec: Spec, over: str, key: float, title: str, width: int, height: int) -> Spec:
    """The first panel at one step: small, without axes, legends, words and tooltips."""
    data = spec.get("data")
    while _is_joined(spec):
        spec = _inner_views(spec)[0]
        data = spec.get("data", data)
    made = _with_frame_filter(
        copy.deepcopy({**spec, **({"data": data} if data else {})}), over, f"datum[{over!r}] == {key!r}"
    )
    _make_small(made)
    made |= {"width": width, "height": height, "view": {"stroke": "var(--bk-chart-grid, #ddd)"}}
    _with_title(made, title, anchor="middle")
    return made


def _make_small(view: Spec) -> None:
    for name in ("width", "height", "params", "title"):
        view.pop(name, None)
    view["encoding"] = {
        name: _quiet_encoding(name, definition)
        for name, definition in (view.get("encoding") or {}).items()
        if name not in ("tooltip", "href", "description", "url")
    }
    if isinstance(view.get("layer"), list):
        view["layer"] = [part for part in view["layer"] if _mark_type(part) != "text"]
    if "mark" in view:
        mark = dict(view["mark"]) if isinstance(view["mark"], dict) else {"type": view["mark"]}
        for name, most in (("size", 12), ("strokeWidth", 1)):
            if isinstance(mark.get(name), int | float):
                mark[name] = max(min(mark[name], most), mark[name] / 4)
            elif name == "size" and mark["type"] in ("point", "circle", "square"):
                mark[name] = most
        mark.pop("tooltip", None)
        view["mark"] = mark
    for part in _inner_views(view):
        _make_small(part)


def _quiet_encoding(name: str, definition: Any) -> Any:
    if not isinstance(definition, dict):
        return definition
    quiet = {key: value for key, value in definition.items() if key not in ("title", "condition")}
    if "condition" in definition and not isinstance(definition["condition"], list):
        condition = definition["condition"]
        if "test" in condition or not ("param" in condition or "selection" in condition):
            quiet["condition"] = condition
        elif "field" in condition:
            quiet = {key: value for key, value in condition.items() if key not in ("param", "empty", "title")}
    if name in ("x", "y"):
        quiet["axis"] = None
    elif name in _EXPLAINED and ("field" in quiet or "aggregate" in quiet):
        quiet["legend"] = None
    return quiet


def _with_title(view: Spec, words: Any, anchor: str) -> None:
    view["title"] = {"text": words, "anchor": anchor, "fontSize": 12, "fontWeight": "normal"}
