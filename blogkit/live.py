"""What a live figure answers: inputs for a model from a reader's choices, and rows for a chart from the model's answer.

A plan is plain JSON, written by :func:`blogkit.charts.live`, kept in the figure's ``usermeta``, and read again by
`gather`, by the page's finisher and by ``render/runtime/src/plan.js``, which does in the browser what this does here.

==============  =======================================================================================================
``data``        the name of the chart's data set
``models``      ``[{"when": {parameter: value}, "file": name}]``: the one whose values the controls have is asked
``inputs``      by the model's own names, each of a kind below
``output``      the model's name for it, or ``input`` for the first input itself
``apply``       ``softmax``, ``sigmoid`` or nothing, along the last axis
``columns``     the columns of the output's last axis; or
``over``        ``[[column, levels]]``: the output's last axes, unrolled to rows whose number is in ``value``
==============  =======================================================================================================

Kinds of input: ``features`` (numbers from controls, numbers that stay, and axes, whose grid is the batch), ``row`` (of
a bundled table), ``pad`` (a drawing), ``signal`` and ``text``.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

Plan = Mapping[str, Any]
State = Mapping[str, Any]
"""What the controls have: values by the names of the chart's parameters."""

PARAMETER = "blogkit_live_"
"""How the name of a chart's parameter begins that carries a plan, until `gather` puts it into ``usermeta``."""
FOLDER = "models"
"""Where models lie, below a run's folder and below ``results/``."""
TOLERANCE = 1e-4
"""How far two answers to the same question may be apart, in parts of the output's range."""
MOST_ROWS, MOST_TOKENS, MOST_MODELS = 20_000, 64, 400
KINDS = ("features", "row", "pad", "signal", "text")
TYPES = ("float32", "float64", "int64", "int32", "bool")
BYTES_CLASS = "bk-bytes"
"""The class of a JSON script that holds the base64 of a gzipped file, in a copy that can load nothing."""
_HEAD, _TAIL = 'document.dispatchEvent(new CustomEvent("blogkit:bytes",{detail:', "}));\n"


class PlanError(ValueError):
    """A plan that cannot be followed; the message says why."""


def plans_in(spec: Mapping[str, Any]) -> list[Plan]:
    """The plans that a gathered specification carries; none from one that is not live."""
    meta = spec.get("usermeta")
    origin = meta.get("blogkit") if isinstance(meta, Mapping) else None
    found = origin.get("live") if isinstance(origin, Mapping) else None
    return [plan for plan in found if isinstance(plan, Mapping)] if isinstance(found, list) else []


RESERVED_SIGNALS = frozenset(
    {"width", "height", "padding", "autosize", "background", "cursor", "parent", "datum", "item", "event"}
)
"""Names that Vega gives to what every chart has; a control of that name would change the chart itself."""


def chosen_file(plan: Plan, state: State) -> str:
    """The file of the model that the controls choose."""
    for model in plan["models"]:
        if all(state.get(name) == value for name, value in model["when"].items()):
            return str(model["file"])
    raise PlanError(f"no model was recorded for {', '.join(f'{k} = {v!r}' for k, v in state.items())}")


def files_of(plan: Plan) -> list[str]:
    """The files of every model that the controls may choose."""
    return list(dict.fromkeys(str(model["file"]) for model in plan["models"]))


def feed_of(plan: Plan, state: State) -> dict[str, Array]:
    """The model's inputs for what the controls have."""
    return {str(name): _input_tensor(one, state) for name, one in plan["inputs"].items()}


def rows_from(plan: Plan, state: State, outputs: Mapping[str, Array]) -> list[dict[str, Any]]:
    """The chart's rows: what the model answered, with the axes of its grid."""
    import numpy as np

    asked = feed_of(plan, state)
    output = next(iter(asked.values())) if plan["output"] == "input" else outputs[plan["output"]]
    values = _after_function(plan.get("apply"), np.asarray(output, dtype=np.float64))
    batch = [dict(zip(names, level, strict=True)) for names, level in _grid_places(plan)]
    if plan.get("over"):
        return _unrolled_rows(plan, state, values, batch)
    columns = plan["columns"]
    table = values.reshape(len(batch), -1)
    if table.shape[1] != len(columns):
        raise PlanError(f"the model answers {table.shape[1]} numbers a row, and {len(columns)} columns are named")
    return [
        {**row, **dict(zip(columns, map(float, numbers), strict=True))}
        for row, numbers in zip(batch, table, strict=True)
    ]


def value_columns(plan: Plan) -> list[str]:
    """The columns that hold what the model answered."""
    return ["value"] if plan.get("over") else [str(name) for name in plan["columns"]]


def deviation(plan: Plan, shown: Sequence[Mapping[str, Any]], answered: Sequence[Mapping[str, Any]]) -> float:
    """The largest difference between two answers, in parts of the range of the column; infinite for other rows."""
    import numpy as np

    if len(shown) != len(answered):
        return math.inf
    worst = 0.0
    values = value_columns(plan)
    for one, other in zip(shown, answered, strict=True):
        if any(one.get(name) != other.get(name) for name in other if name not in values):
            return math.inf
    for name in values:
        first = np.array([_as_float(row.get(name)) for row in shown])
        second = np.array([_as_float(row.get(name)) for row in answered])
        same = np.isfinite(first) == np.isfinite(second)
        if not same.all():
            return math.inf
        there = np.isfinite(second)
        if there.any():
            span = float(second[there].max() - second[there].min()) or float(np.abs(second[there]).max()) or 1.0
            worst = max(worst, float(np.abs(first[there] - second[there]).max()) / span)
    return worst


def rounded_rows(plan: Plan, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with as many digits as a drawing and a comparison need: a hundred-thousandth of the column's range."""
    for name in value_columns(plan):
        there = [row[name] for row in rows if math.isfinite(row[name])]
        span = max(there) - min(there) if there else 0.0
        span = span or max(map(abs, there), default=0.0) or 1.0
        digits = 5 - math.floor(math.log10(span))
        for row in rows:
            row[name] = round(row[name], digits) if math.isfinite(row[name]) else None
    return rows


def bytes_script(name: str, data: bytes) -> str:
    """A classic script that hands bytes to whoever asks for them by this name."""
    packed = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode("ascii")
    detail = json.dumps({"name": name, "data": packed}).replace("<", "\\u003c")
    return f"{_HEAD}{detail}{_TAIL}"


def read_bytes_script(text: str) -> str:
    """The base64 that :func:`bytes_script` wrote. Raises ValueError for anything else."""
    if not (text.startswith(_HEAD) and text.endswith(_TAIL)):
        raise ValueError("it is not a script of a model")
    detail = json.loads(text[len(_HEAD) : -len(_TAIL)])
    data = detail.get("data") if isinstance(detail, dict) else None
    if not isinstance(data, str) or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", data):
        raise ValueError("it holds no bytes")
    return data


def tokens_of(text: str, one: Mapping[str, Any]) -> list[str]:
    """A reader's text as the model's tokens: those of the vocabulary, or its stand-in for what it does not know."""
    parts = text.split() if one["level"] == "words" else list(text)
    known, unknown = set(one["vocabulary"]), one.get("unknown")
    found = [part if part in known else unknown for part in parts]
    return [part for part in found if part is not None][-int(one["length"]) :]


# --- inputs ---------------------------------------------------------------------------------------------------------


def axis_values(axis: Mapping[str, Any]) -> list[float]:
    """The places along an axis of a grid."""
    low, high, count = float(axis["low"]), float(axis["high"]), int(axis["count"])
    return [low if count == 1 else float(f"{low + (high - low) * index / (count - 1):.10g}") for index in range(count)]


def axes_of(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The axes among the features of an input."""
    return [part for part in one.get("features", ()) if isinstance(part, Mapping) and "axis" in part]


def _grid_places(plan: Plan) -> Iterator[tuple[list[str], tuple[float, ...]]]:
    """The names of the grid's axes and, for each row of the batch, the place on them; one row without axes."""
    axes = [axis for one in plan["inputs"].values() for axis in axes_of(one)]
    names = [str(axis["axis"]) for axis in axes]
    for place in itertools.product(*map(axis_values, axes)):
        yield names, place


def _input_tensor(one: Mapping[str, Any], state: State) -> Array:
    import numpy as np

    kind, made = one["kind"], one["type"]
    if made not in TYPES:
        raise PlanError(f"the model takes numbers of the type {made}, which a page cannot give")
    values: Array
    if kind == "features":
        values = _feature_rows(one, state)
    elif kind == "row":
        table = one["table"]
        stored: Array = np.frombuffer(base64.b64decode(table["data"]), dtype=table["type"]).reshape(table["count"], -1)
        values = stored[int(state[one["param"]])].astype(np.float64) * table["scale"] + table["offset"]
    elif kind == "text":
        values = _token_numbers(one, str(state[one["param"]]))
    else:
        values = np.asarray(state[one["param"]], dtype=np.float64) * one.get("scale", 1) + one.get("offset", 0)
    shape = list(one["shape"])
    if kind == "features":
        shape[0] = -1
    elif kind == "text" and one.get("fill") is None:
        shape[-1] = -1
    return np.asarray(values).reshape(shape).astype(made)


def _feature_rows(one: Mapping[str, Any], state: State) -> Array:
    import numpy as np

    axes = axes_of(one)
    rows = list(itertools.product(*map(axis_values, axes)))
    if len(rows) > MOST_ROWS:
        raise PlanError(f"a grid of {len(rows):,} points is too large: at most {MOST_ROWS:,}")
    columns, place = [], 0
    for part in one["features"]:
        if isinstance(part, Mapping) and "axis" in part:
            columns.append([row[place] for row in rows])
            place += 1
        else:
            value = state[part["param"]] if isinstance(part, Mapping) else part
            columns.append([float(value)] * len(rows))
    return np.array(columns, dtype=np.float64).T


def _token_numbers(one: Mapping[str, Any], text: str) -> Array:
    import numpy as np

    place = {token: index for index, token in enumerate(one["vocabulary"])}
    numbers = [place[token] for token in tokens_of(text, one)]
    fill = one.get("fill")
    if fill is None:
        return np.array(numbers or [0])
    space = [int(fill)] * (int(one["length"]) - len(numbers))
    return np.array([*space, *numbers] if one.get("side") == "left" else [*numbers, *space])


# --- outputs --------------------------------------------------------------------------------------------------------


def _after_function(name: str | None, values: Array) -> Array:
    import numpy as np

    if name == "softmax":
        raised = np.exp(values - values.max(axis=-1, keepdims=True))
        answer: Array = raised / raised.sum(axis=-1, keepdims=True)
        return answer
    if name == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-values)))
    return values


def _unrolled_rows(plan: Plan, state: State, values: Array, batch: list[dict[str, float]]) -> list[dict[str, Any]]:
    over = plan["over"]
    shape = values.shape[max(0, values.ndim - len(over)) :]
    if len(shape) != len(over) or math.prod(values.shape) != len(batch) * math.prod(shape):
        raise PlanError(f"the model answers {'×'.join(map(str, values.shape))} numbers, not {len(over)} axes of them")
    levels = [_axis_levels(plan, state, named, size) for (_, named), size in zip(over, shape, strict=True)]
    there = [[place for place, level in enumerate(known[:size]) if level is not None]
             for size, known in zip(shape, levels, strict=True)]  # fmt: skip
    places = list(itertools.product(*there))
    each = values.reshape(len(batch), *shape)
    return [
        {
            **row,
            **{name: levels[axis][place[axis]] for axis, (name, _) in enumerate(over)},
            "value": float(each[(index, *place)]),
        }
        for index, row in enumerate(batch)
        for place in places
    ]


def _axis_levels(plan: Plan, state: State, named: Any, size: int) -> Sequence[Any]:
    """The names of the places along an axis of the output: given, counted, or the tokens that the reader typed."""
    if named is None:
        return range(size)
    if named != "tokens":
        return list(named)
    one = next(one for one in plan["inputs"].values() if one["kind"] == "text")
    tokens = [f"{place + 1} {token}" for place, token in enumerate(tokens_of(str(state[one["param"]]), one))]
    if one.get("fill") is not None and one.get("side") == "left":
        return [*(None for _ in range(size - len(tokens))), *tokens]
    return tokens


def _as_float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
