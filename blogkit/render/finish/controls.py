"""The controls of a figure: a chart's bound parameters as labelled native inputs, of the figure or of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lxml import html

from blogkit.render.finish.tree import element, plain

Parameter = Mapping[str, Any]
"""A signal that a reader sets: its ``name`` and ``value``, and its ``bind`` or the page's ``element`` and ``event``."""


def parameters_of(vega: Mapping[str, Any]) -> list[Parameter]:
    """The signals that a reader sets: each by a control of the figure, or by an element of the page."""
    found: list[Parameter] = []
    for signal in vega.get("signals", []):
        bind = signal.get("bind") if isinstance(signal, dict) else None
        if isinstance(signal, dict) and bind is None:
            bind = _legend_menu(signal, vega)
        if not isinstance(bind, dict):
            continue
        entry = {"name": str(signal["name"]), "value": _start_value(signal, vega)}
        if "element" in bind:
            found.append(entry | {"element": str(bind["element"]), "event": str(bind.get("event", "input"))})
        elif "input" in bind:
            found.append(entry | {"bind": bind})
    return found


def _start_value(signal: Mapping[str, Any], vega: Mapping[str, Any]) -> Any:
    """What a parameter is when the figure is drawn: its value, or what its selection begins with."""
    if "init" in signal:
        try:
            return json.loads(signal["init"])
        except (TypeError, ValueError):
            return signal.get("value")
    name = str(signal.get("name"))
    if not name.endswith("_legend"):
        return signal.get("value")
    for data in vega.get("data", []):
        store = str(data.get("name", ""))
        if store.endswith("_store") and name.startswith(store.removesuffix("store")):
            chosen = [row["values"][0] for row in data.get("values") or [] if row.get("values")]
            return chosen[0] if len(chosen) == 1 else SeveralViews(chosen) if chosen else None
    return signal.get("value")


class SeveralViews(tuple[Any, ...]):
    """Several series with which a selection begins: no option of a menu is that."""


_MOST_SERIES = 40
"""A menu of more series than these would help nobody."""


def _legend_menu(signal: Mapping[str, Any], vega: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a reader chooses by a click on the legend, as a menu: a legend is a drawing, out of a keyboard's reach.

    Vega-Lite makes of ``selection_point(fields=["FIELD"], bind="legend")`` named NAME the signal ``NAME_FIELD_legend``.
    """
    if not str(signal.get("name")).endswith("_legend") or "_legend_symbols" not in json.dumps(signal.get("on", "")):
        return None
    signals = [other for other in vega.get("signals", []) if isinstance(other, dict)]
    fields = [
        other.get("value")
        for other in signals
        if str(other.get("name", "")).endswith("_tuple_fields")
        and str(signal["name"]).startswith(str(other["name"]).removesuffix("tuple_fields"))
    ]
    if len(fields) != 1 or not isinstance(fields[0], list) or len(fields[0]) != 1:
        return None
    field = re.sub(r"\\(.)", r"\1", str(fields[0][0].get("field")))
    rows = (row for data in vega.get("data", []) for row in data.get("values") or [] if isinstance(row, dict))
    series = list(dict.fromkeys(row[field] for row in rows if isinstance(row.get(field), str | int | float)))
    if not 2 <= len(series) <= _MOST_SERIES:
        return None
    named = [str(one["title"]) for one in vega.get("legends", []) if isinstance(one.get("title"), str)]
    title = named[0] if len(set(named)) == 1 else field
    if not any(isinstance(one, str) for one in series):
        series.sort()
    return {"input": "select", "options": [None, *series], "name": title}


def place_shared_controls(page: html.HtmlElement, parameters: Iterable[list[Parameter]]) -> frozenset[str]:
    """Fills ``::: {.control param="epoch"}`` of the post with one control for every figure that has this parameter.

    ``parameters`` are those of each figure. Returns the names of the parameters that have such a control.
    """
    known: dict[str, Parameter] = {}
    for entry in (entry for figure in parameters for entry in figure):
        if "bind" in entry:
            known.setdefault(entry["name"], entry)
    shared: set[str] = set()
    for place in page.xpath("//div[contains(concat(' ', @class, ' '), ' control ')][@data-param or @param]"):
        name = place.get("data-param") or place.get("param")
        if name in known:
            shared.add(name)
            for attribute in ("data-param", "param"):
                place.attrib.pop(attribute, None)
            place.append(element("div", {"class": "bk-controls", "hidden": "hidden"}, control(known[name], "bk-page")))
    return frozenset(shared)


_PLAY = "▶"
"""How the label of a slider or menu begins that the page plays; `charts.film` writes it."""


def control(parameter: Parameter, prefix: str) -> html.HtmlElement:
    """A labelled native control for a parameter, as its ``bind`` describes it, with a button where it plays."""
    label = str(parameter["bind"].get("name") or parameter["name"]).strip()
    if not label.startswith(_PLAY):
        return _labelled_control(parameter, prefix, label)
    label = label.removeprefix(_PLAY).strip() or str(parameter["name"])
    made = _labelled_control(parameter, prefix, label)
    if parameter["bind"]["input"] not in ("range", "select"):
        return made
    attributes = {
        "type": "button",
        "class": "bk-play",
        "aria-label": f"Play {label.rstrip(':')}",
        "aria-pressed": "false",
    }
    return element("span", {"class": "bk-player"}, element("button", attributes), made)


def _labelled_control(parameter: Parameter, prefix: str, label: str) -> html.HtmlElement:
    bind, value, name = parameter["bind"], parameter["value"], parameter["name"]
    label = label.rstrip(":")
    attributes = {"data-param": name, "id": f"{prefix}-{plain(name)}"}
    kind = str(bind["input"])
    if kind in ("select", "radio"):
        labels = list(bind.get("labels") or [])
        options = []
        choices = list(bind.get("options") or [])
        if isinstance(value, SeveralViews) or not any(_is_same(option, value) for option in choices):
            words = ", ".join(map(_option, value)) if isinstance(value, SeveralViews) else "\N{EN DASH}"
            options.append(element("option", {"value": "null", "selected": "selected"}, words))
        for index, option in enumerate(choices):
            text = str(labels[index]) if index < len(labels) and labels[index] is not None else _option(option)
            chosen = {"selected": "selected"} if _is_same(option, value) else {}
            options.append(element("option", {"value": json.dumps(option), **chosen}, text))
        control = element("select", {**attributes, "data-json": ""}, *options)
        return element("label", {}, f"{label} ", control)
    if kind == "checkbox":
        ticked = {"checked": "checked"} if value else {}
        return element("label", {}, element("input", {**attributes, "type": "checkbox", **ticked}), f" {label}")
    limits = {key: str(bind[key]) for key in ("min", "max", "step", "placeholder") if bind.get(key) is not None}
    if kind == "range":
        low, high = bind.get("min", 0), bind.get("max", 100)
        start = value if isinstance(value, (int, float)) else low
        limits = {"min": str(low), "max": str(high), "step": str(bind.get("step") or "any"), "value": str(start)}
        shown = str(start) if isinstance(value, (int, float)) else "\N{EN DASH}"
        output = element("output", {"for": attributes["id"]}, shown)
        return element("label", {}, f"{label} ", element("input", {**attributes, "type": "range", **limits}), output)
    kind = kind if kind in ("number", "text", "search", "color", "date", "time", "month", "week") else "text"
    start = {} if value is None else {"value": str(value)}
    return element("label", {}, f"{label} ", element("input", {**attributes, "type": kind, **limits, **start}))


def _is_same(option: Any, value: Any) -> bool:
    """Whether an option is a value; 1 is not true."""
    return bool(option == value) and isinstance(option, bool) == isinstance(value, bool)


def _option(option: Any) -> str:
    return "all" if option is None else option if isinstance(option, str) else json.dumps(option)
