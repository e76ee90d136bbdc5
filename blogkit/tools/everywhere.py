"""Makes a compiled chart the same picture everywhere: when it is drawn here, and when it wakes at a reader's.

Vega reads dates and writes them by the clock of whoever draws, and the label of an axis whose values are all equal
depends on the browser. Here dates without a zone are as they are written, whatever the clock; and such a label is the
value.
"""

from __future__ import annotations

import re
from typing import Any

_LOCAL = {
    "timeFormat": "utcFormat", "timeParse": "utcParse", "timeOffset": "utcOffset", "timeSequence": "utcSequence",
    **{name: f"utc{name}" for name in (
        "year", "quarter", "month", "date", "day", "dayofyear", "week", "hours", "minutes", "seconds", "milliseconds",
    )},
}  # fmt: skip
"""The functions of Vega's expressions that ask the reader's clock, and those that do not."""
_CALL = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"|(?<![\w.$])(?P<name>datetime(?=\(\s*(?:[-+\d]|utc|year))|" + "|".join(_LOCAL) + r")(?=\()"
)
_EXPRESSIONS = frozenset({"expr", "signal", "test", "update", "init"})
_TO_DATE = re.compile(r"""toDate\((datum\[(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\])\)""")
_NUMBERS = frozenset({"linear", "log", "pow", "sqrt", "symlog"})


def same_everywhere(vega: Any) -> Any:
    """The Vega specification that no clock and no browser changes."""
    scales = set(_scales_of(vega, _NUMBERS))
    return _settled_part(vega, "", scales)


def _settled_part(value: Any, key: str, numbers: set[str]) -> Any:
    if isinstance(value, list):
        return [_settled_part(part, key, numbers) for part in value]
    if isinstance(value, str):
        return _settled_expression(value) if key in _EXPRESSIONS else value
    if not isinstance(value, dict):
        return value
    made = {name: inner if name == "values" and key == "data" else _settled_part(inner, name, numbers)
            for name, inner in value.items()}  # fmt: skip
    if key == "scales" and made.get("type") == "time":
        made["type"] = "utc"
    if made.get("formatType") == "time":
        made["formatType"] = "utc"
    if key == "transform" and made.get("type") == "timeunit":
        made["timezone"] = "utc"
    if key == "parse":
        made = {name: _utc_format(kind) for name, kind in made.items()}
    if key in ("axes", "legends", "title"):
        made |= {name: _field_as_written(made[name]) for name in ("title", "text") if name in made}
    if key in ("axes", "legends"):
        _name_equal_values(made, numbers)
    return made


def _field_as_written(title: Any) -> Any:
    """A title without the signs that Vega-Lite needs before the brackets and dots of a field's name."""
    return re.sub(r"\\([\[\].])", r"\1", title) if isinstance(title, str) else title


def _utc_format(kind: Any) -> Any:
    return re.sub(r"^date:", "utc:", kind) if isinstance(kind, str) else kind


def _settled_expression(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        name = match.group("name")
        return match.group() if name is None else "utc" if name == "datetime" else _LOCAL[name]

    return _TO_DATE.sub(_date_as_written, _CALL.sub(replaced, text))


def _date_as_written(match: re.Match[str]) -> str:
    """Reads a date: with a zone as that instant, without as it is written."""
    date = match.group(1)
    parts = ", ".join(
        f"{part}(toDate({date}))" for part in ("year", "month", "date", "hours", "minutes", "seconds", "milliseconds")
    )
    zoned = f"test(regexp('^[0-9]{{4}}(-[0-9]{{2}}){{0,2}}$|(Z|UTC|GMT|[+-][0-9]{{2}}:?[0-9]{{2}})$', 'i'), {date})"
    plain = f"test(regexp('^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:.]+$'), {date})"
    return f"(!isString({date}) || {zoned} ? toDate({date}) : {plain} ? toDate({date} + 'Z') : utc({parts}))"


def _scales_of(vega: Any, types: frozenset[str]) -> set[str]:
    """The names of the scales of some types, wherever they stand."""
    if isinstance(vega, list):
        return {name for part in vega for name in _scales_of(part, types)}
    if not isinstance(vega, dict):
        return set()
    own = {str(one["name"]) for one in vega.get("scales", []) if one.get("type", "linear") in types}
    return own | _scales_of(vega.get("marks", []), types)


def _name_equal_values(guide: dict[str, Any], numbers: set[str]) -> None:
    """An axis or a legend of numbers that are all equal is labelled with the number."""
    channels = ("scale", "fill", "stroke", "size", "opacity", "strokeWidth", "strokeDash")
    scale = next((str(guide[name]) for name in channels if guide.get(name) in numbers), "")
    if not scale or guide.get("labels") is False or "format" in guide:
        return
    encode = dict(guide.get("encode") or {})
    labels = dict(encode.get("labels") or {})
    update = dict(labels.get("update") or {})
    if "text" in update:
        return
    update["text"] = {"signal": f"span(domain({scale!r})) ? datum.label : '' + datum.value"}
    guide["encode"] = {**encode, "labels": {**labels, "update": update}}
