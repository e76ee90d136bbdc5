"""Which runs a chart draws: those that its rows name, after the filters that the chart itself says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RUNS_PARAMETER = "blogkit_runs_"
"""How the name of a chart's parameter begins that names the runs behind aggregated rows; builders add it."""
_CHILDREN = ("layer", "hconcat", "vconcat", "concat", "spec")
_COMPARISON = re.compile(r"""datum(?:\.(\w+)|\[(['"])(.+?)\2\])\s*(===?|!==?|<=|>=|<|>)\s*(\S.*)""")

RunRow = Mapping[str, Any]
RunRows = Sequence[RunRow]


def runs_drawn(spec: Mapping[str, Any], known: set[str]) -> set[str]:
    """The runs that a chart's rows name, or that its builder named for rows that are means over runs."""
    found: set[str] = set()
    for parameter in runs_parameters(spec):
        found.update(name for name in parameter.get("value") or [] if isinstance(name, str))
    for rows, filters in _drawn_rows(spec, spec.get("datasets") or {}, (), ()):
        for row in rows:
            if isinstance(row, Mapping):
                named = {cell for cell in row.values() if isinstance(cell, str) and cell in known}
                if named - found and all(_passes(one, row) is not False for one in filters):
                    found |= named
    return found & known


def runs_parameters(spec: Any) -> Iterator[Mapping[str, Any]]:
    """The parameters by which builders name the runs of a chart, wherever it stands in another one."""
    if isinstance(spec, Mapping):
        for name, value in spec.items():
            if name == "params" and isinstance(value, list):
                yield from (one for one in value if names_runs(one))
            elif name not in {"datasets", "data", "usermeta"}:
                yield from runs_parameters(value)
    elif isinstance(spec, list):
        for part in spec:
            yield from runs_parameters(part)


def names_runs(parameter: object) -> bool:
    """Whether a chart's parameter is one of a builder's, that names runs."""
    return isinstance(parameter, Mapping) and str(parameter.get("name", "")).startswith(RUNS_PARAMETER)


@dataclass(frozen=True, kw_only=True)
class DrawnView:
    """A view that draws rows as they are, after filters that are understood."""

    encoding: Mapping[str, Any]
    rows: RunRows
    filters: tuple[Any, ...]

    def certain_rows(self) -> Iterator[RunRow]:
        """The rows that are drawn whatever a reader chooses."""
        for row in self.rows:
            if isinstance(row, Mapping) and all(_passes(one, row) is True for one in self.filters):
                yield row


def drawn_views(
    view: Any,
    datasets: Mapping[str, Any] | None = None,
    above: DrawnView = DrawnView(encoding={}, rows=(), filters=()),
) -> Iterator[DrawnView]:
    """The views of a chart with what they encode, those left out whose transforms make other rows."""
    if isinstance(view, list):
        for part in view:
            yield from drawn_views(part, datasets, above)
        return
    if not isinstance(view, Mapping):
        return
    datasets = view.get("datasets") or {} if datasets is None else datasets
    rows, filters = (_rows_of(view["data"], datasets), ()) if "data" in view else (above.rows, above.filters)
    transforms: Any = view.get("transform") or []
    if any(not isinstance(one, Mapping) or not {"filter", "calculate"} & set(one) for one in transforms):
        return
    own: Any = view.get("encoding") or {}
    here = DrawnView(encoding={**above.encoding, **own}, rows=rows, filters=(*filters, *_leading_filters(transforms)))
    children = [view[name] for name in _CHILDREN if name in view]
    if not children:
        yield here
    for child in children:
        yield from drawn_views(child, datasets, here)


def _drawn_rows(
    view: Any, datasets: Mapping[str, Any], rows: RunRows, filters: tuple[Any, ...]
) -> Iterator[tuple[RunRows, tuple[Any, ...]]]:
    """The rows of each view that draws, with the filters on their way to it."""
    if isinstance(view, list):
        for part in view:
            yield from _drawn_rows(part, datasets, rows, filters)
        return
    if not isinstance(view, Mapping):
        return
    if "data" in view:
        rows, filters = _rows_of(view["data"], datasets), ()
    transforms = view.get("transform")
    for transform in transforms if isinstance(transforms, list) else ():
        source = transform.get("from") if isinstance(transform, Mapping) else None
        if isinstance(source, Mapping):
            yield _rows_of(source.get("data"), datasets), ()
    filters = (*filters, *_leading_filters(transforms))
    children = [view[name] for name in _CHILDREN if name in view]
    if not children:
        yield rows, filters
    for child in children:
        yield from _drawn_rows(child, datasets, rows, filters)


def _rows_of(data: Any, datasets: Mapping[str, Any]) -> RunRows:
    values = data.get("values", datasets.get(str(data.get("name")))) if isinstance(data, Mapping) else None
    return values if isinstance(values, list) else ()


def _leading_filters(transforms: Any) -> Iterator[Any]:
    """The filters that see the rows as they are, before a transform that makes other rows of them."""
    for transform in transforms if isinstance(transforms, list) else ():
        if not isinstance(transform, Mapping):
            return
        if "filter" in transform:
            yield transform["filter"]
        elif "calculate" not in transform:
            return


def _passes(condition: Any, row: RunRow) -> bool | None:
    """Whether a row passes a filter; None where that depends on the reader or is more than is understood here."""
    if isinstance(condition, str):
        return _passes_expression(condition, row)
    if not isinstance(condition, Mapping):
        return None
    if "not" in condition:
        inner = _passes(condition["not"], row)
        return None if inner is None else not inner
    for word, enough in (("and", False), ("or", True)):
        if isinstance(condition.get(word), list):
            each = [_passes(one, row) for one in condition[word]]
            return enough if enough in each else None if None in each else not enough
    return _passes_field(condition, row)


def _passes_field(condition: Mapping[str, Any], row: RunRow) -> bool | None:
    field = condition.get("field")
    if not isinstance(field, str) or field not in row or "timeUnit" in condition:
        return None
    value = row[field]
    if isinstance(condition.get("oneOf"), list):
        return value in condition["oneOf"]
    if isinstance(condition.get("range"), list) and len(condition["range"]) == 2:
        low, high = condition["range"]
        return _both_hold(
            None if low is None else _compare(value, ">=", low), None if high is None else _compare(value, "<=", high)
        )
    signs = {"equal": "==", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
    return next((_compare(value, sign, condition[word]) for word, sign in signs.items() if word in condition), None)


def _both_hold(first: bool | None, second: bool | None) -> bool | None:
    return False if False in (first, second) else first if second is None else second


def _passes_expression(text: str, row: RunRow) -> bool | None:
    """A filter as an expression: comparisons of a field with a constant, joined by ``&&``."""
    if "||" in text or re.search(r"[\w\]]\s*\(", text):
        return None
    found: list[bool | None] = []
    for part in text.replace("(", " ").replace(")", " ").split("&&"):
        match = _COMPARISON.fullmatch(part.strip())
        name = (match[1] or match[3]) if match else None
        constant = _constant(match[5].strip()) if match else _UNKNOWN
        known = match is not None and name in row and constant is not _UNKNOWN
        found.append(_compare(row[str(name)], match[4], constant) if match is not None and known else None)
    return False if False in found else None if None in found else True


_UNKNOWN = object()


def _constant(text: str) -> Any:
    if re.fullmatch(r"'[^'\\]*'", text):
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        return _UNKNOWN


def _compare(value: Any, sign: str, constant: Any) -> bool | None:
    if isinstance(constant, Mapping | list):
        return None
    if sign in {"==", "==="}:
        return bool(value == constant)
    if sign in {"!=", "!=="}:
        return bool(value != constant)
    try:
        below, above = bool(value < constant), bool(value > constant)
    except TypeError:
        return None
    return {"<": below, "<=": not above, ">": above, ">=": not below}[sign]
