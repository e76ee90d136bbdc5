"""Live figures: the post's own network answers the reader, in the page."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError
from blogkit.charts.inputs import ModelInput, control_name
from blogkit.live import (
    MOST_MODELS,
    PARAMETER,
    PlanError,
    axes_of,
    chosen_file,
    feed_of,
    rounded_rows,
    rows_from,
)
from blogkit.recorded import KeptModel, known_models
from blogkit.tools.onnx import answer

if TYPE_CHECKING:
    import altair as alt

OutputAxes = Mapping[str, Sequence[Any] | str | None] | str


def live(
    model: str,
    *inputs: ModelInput,
    columns: Sequence[str] | str | None = None,
    over: OutputAxes | None = None,
    apply: str | None = None,
    output: str | int = 0,
    by: str | Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    start: Mapping[str, Any] | None = None,
) -> alt.Chart:
    """A chart without marks whose rows the model computes: as the figure is drawn, and again in the page.

    ``model`` is the name that ``record.model`` got; ``inputs`` are what it takes, in its order (:func:`features`,
    :func:`pick`, :func:`pad`, :func:`signal`, :func:`typed`). Rows come from its ``output`` (a place, a name, or
    "input" for what it is given), after ``apply`` ("softmax", "sigmoid"): ``columns`` names the numbers of its last
    axis, one row a place on the grid; or ``over`` unrolls its last axes to rows with a column ``value``, each axis a
    column, with its levels or None to count them; "tokens" are the ones typed.

    ``by`` names what the reader chooses the model by: a parameter of the runs, ``seed`` or ``step``. ``where`` holds
    the others; of the steps it is the last, unless said. ``start`` says where the controls begin. A control is called
    as its parameter, but ``width``, ``height`` and the like are the chart's own: ``chosen_width``.

    >>> from blogkit.charts import axis, features
    >>> grid = features(x=axis(-2, 2, 8), y=axis(-2, 2, 8))
    >>> region = live("net", grid, columns="inside", apply="sigmoid", by="step")
    >>> region.mark_rect().encode(x="x:O", y="y:O", color="inside:Q").to_dict()["mark"]["type"]
    'rect'
    """
    import altair as alt

    if (columns is None) == (over is None):
        raise ChartError("say either columns= (names for the last axis) or over= (axes that become rows).")
    if apply not in (None, "softmax", "sigmoid"):
        raise ChartError(f"apply is 'softmax' or 'sigmoid', not {apply!r}.")
    chosen = [by] if isinstance(by, str) else list(by)
    models = _chosen_models(model, chosen, dict(where or {}))
    begin = {name: value for one in inputs for name, value in one.start.items()}
    last = models[-1][0]
    controls = {name: control_name(name) for name in chosen}
    begin |= {control: last[name] if name == "step" else models[0][0][name] for name, control in controls.items()}
    asked = {control_name(name): value for name, value in (start or {}).items()}
    unknown = sorted(set(asked) - set(begin))
    if unknown:
        raise ChartError(f"no control is called {unknown[0]!r}; there are {', '.join(sorted(begin)) or 'none'}.")
    begin |= asked
    about = models[0][1].about
    plan: dict[str, Any] = {
        "models": [
            {"when": {controls[name]: value for name, value in when.items()}, "file": kept.file}
            for when, kept in models
        ],
        "inputs": _named_inputs(model, inputs, about["inputs"]),
        "output": _output_name(model, output, about["outputs"]),
        "apply": apply,
        "columns": [columns] if isinstance(columns, str) else list(columns) if columns is not None else None,
        "over": _output_axes(over),
        "start": begin,
    }
    name = f"live_{re.sub(r'[^A-Za-z0-9_]', '_', model)}_{_plan_digest(plan)}"
    plan = {"data": name, **plan}
    rows = _default_rows(model, plan, dict(models_by_file(models)))
    binds: dict[str, Any] = {key: bind for one in inputs for key, bind in one.binds.items()}
    for key in chosen:
        binds[controls[key]] = _level_bind(key, list(dict.fromkeys(when[key] for when, _ in models)))
    parameters = [
        alt.param(name=key, value=value, **({"bind": _altair_binding(binds[key])} if key in binds else {}))
        for key, value in begin.items()
    ]
    chart = alt.Chart(alt.InlineData(values=rows, name=name))
    return chart.add_params(alt.param(name=f"{PARAMETER}{name}", value=plan), *parameters)


def models_by_file(models: Sequence[tuple[Mapping[str, Any], KeptModel]]) -> dict[str, KeptModel]:
    """The models by the names of their files."""
    return {kept.file: kept for _, kept in models}


def _chosen_models(name: str, by: list[str], where: dict[str, Any]) -> list[tuple[dict[str, Any], KeptModel]]:
    """The models that the controls choose from, each with the values that choose it. Raises ChartError."""
    known = known_models()
    found = [kept for kept in known if kept.name == name]
    if not found:
        names = ", ".join(sorted({kept.name for kept in known})) or "none"
        raise ChartError(f"no model {name!r} was recorded; there are: {names}. record.model({name!r}, …) records one.")
    for key in (*by, *where):
        if not any(key in kept.when for kept in found):
            there = sorted({key for kept in found for key in kept.when})
            raise ChartError(f"the models {name!r} have no {key!r}; they have {', '.join(there) or 'no parameters'}.")
    chosen = [kept for kept in found if all(kept.when.get(key) == value for key, value in where.items())]
    if not chosen:
        raise ChartError(f"no model {name!r} has {where}.")
    if "step" not in by and "step" not in where:
        last: dict[str, KeptModel] = {}
        for kept in chosen:  # of each run, the last step
            key = repr({other: value for other, value in kept.when.items() if other != "step"})
            before = last.get(key)
            if before is None or (kept.when.get("step") or 0) >= (before.when.get("step") or 0):
                last[key] = kept
        chosen = list(last.values())
    made: dict[str, tuple[dict[str, Any], KeptModel]] = {}
    for kept in chosen:
        when = {key: kept.when.get(key) for key in by}
        if repr(when) in made:
            varying = sorted(
                key for key in kept.when if key not in by and len({repr(one.when.get(key)) for one in chosen}) > 1
            )
            raise ChartError(
                f"several models {name!r} differ in {', '.join(varying)}: say which in where=, or offer it in by=."
            )
        made[repr(when)] = (when, kept)
    if len(made) > MOST_MODELS:
        raise ChartError(f"{len(made)} models are too many for a page: at most {MOST_MODELS}.")
    return sorted(made.values(), key=lambda one: [_level_order(one[0][key]) for key in by])


def _level_order(value: Any) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def _named_inputs(model: str, inputs: Sequence[ModelInput], wanted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each input under the model's name for it, with the shape and the type that the model takes."""
    if len(inputs) != len(wanted):
        shapes = ", ".join(f"{one['name']} {one['shape']}" for one in wanted)
        raise ChartError(f"the model {model!r} takes {len(wanted)} inputs ({shapes}); {len(inputs)} are given.")
    if len(inputs) > 1 and any(axes_of(one.plan) for one in inputs):
        raise ChartError("a grid needs a model with one input: its rows are the grid.")
    made = {}
    for one, want in zip(inputs, wanted, strict=True):
        shape = [1 if size is None else int(size) for size in want["shape"]]
        made[str(want["name"])] = {
            **one.plan,
            "type": want["type"],
            "shape": _filled_shape(model, one.plan, want, shape),
        }
    return made


def _filled_shape(model: str, plan: Mapping[str, Any], want: Mapping[str, Any], shape: list[int]) -> list[int]:
    """The shape of an input, with the sizes that the model leaves open taken from what it is given."""
    asked = "×".join("any" if size is None else str(size) for size in want["shape"])
    if plan["kind"] == "pad" and len(shape) >= 2:
        shape[-2:] = [size if old is None else old for size, old in zip(plan["size"], want["shape"][-2:], strict=True)]
        if shape[-2:] != list(plan["size"]):
            raise ChartError(f"the model {model!r} takes {asked} numbers, and the pad has {plan['size']}.")
    if plan["kind"] == "text" and shape and want["shape"][-1] is not None and plan["fill"] is None:
        raise ChartError(f"the model {model!r} reads just {shape[-1]} tokens: say fill=, the number for no token.")
    if plan["kind"] == "text" and shape and plan["fill"] is not None:
        shape[-1] = int(plan["length"])
    return shape


def _output_name(model: str, output: str | int, there: Sequence[Mapping[str, Any]]) -> str:
    names = [str(one["name"]) for one in there]
    if output == "input" or output in names:
        return str(output)
    if isinstance(output, int) and 0 <= output < len(names):
        return names[output]
    raise ChartError(f"the model {model!r} has no output {output!r}; it has {', '.join(names)}.")


def _output_axes(over: OutputAxes | None) -> list[list[Any]] | None:
    if over is None:
        return None
    if isinstance(over, str):
        return [[over, None]]
    return [
        [name, levels if levels is None or isinstance(levels, str) else list(levels)] for name, levels in over.items()
    ]


def _default_rows(model: str, plan: Mapping[str, Any], kept: Mapping[str, KeptModel]) -> list[dict[str, Any]]:
    """What the model answers before a reader touches the figure."""
    state = plan["start"]
    try:
        file = chosen_file(plan, state)
        return rounded_rows(plan, rows_from(plan, state, answer(kept[file].data(), feed_of(plan, state))))
    except (PlanError, ValueError, RuntimeError) as error:
        lines = str(error).splitlines()
        raise ChartError(f"the model {model!r} does not answer these inputs: {lines[0] if lines else error}") from error


def _level_bind(name: str, levels: list[Any]) -> dict[str, Any]:
    """A slider over numbers that are evenly apart, a menu over anything else."""
    title = name.replace("_", " ").capitalize()
    if len(levels) > 3 and all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels):
        gaps = {round(after - before, 9) for before, after in itertools.pairwise(levels)}
        if len(gaps) == 1:
            return {"input": "range", "min": levels[0], "max": levels[-1], "step": gaps.pop(), "name": title}
    return {"input": "select", "options": levels, "name": title}


def _altair_binding(bind: Mapping[str, Any]) -> Any:
    import altair as alt

    inner = {key: value for key, value in bind.items() if key != "input"}
    if bind["input"] == "range":
        return alt.binding_range(**inner)
    return alt.binding_select(**inner) if bind["input"] == "select" else alt.binding(**bind)


def _plan_digest(plan: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True, default=str).encode("utf-8")).hexdigest()[:8]
