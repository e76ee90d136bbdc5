"""States of a figure that the text argues from: steps beside it, words that drive it, and the figure above all.

``::: {.steps figure="fig-x"}`` holds ``::: {.step set="epoch=40"}`` blocks: the figure stays in view and takes each
step's state. ``[words]{set="fig-x: epoch=40"}`` is a button for that state. Each state is drawn here as well, for
print and for readers without scripts. ``hero: fig-x`` in the front matter puts a figure above the introduction.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml.html import HtmlElement

from blogkit.errors import Problem, RenderError
from blogkit.live import RESERVED_SIGNALS
from blogkit.render.dom import by_id, take_out, with_class
from blogkit.render.finish import FinishContext
from blogkit.render.finish.tree import element
from blogkit.tools.vega import Spec

StateDrawing = Callable[[Spec, str, str], HtmlElement]
"""Draws a specification for a phone: with the prefix of its ids, and what it is called."""


@dataclass(frozen=True, kw_only=True)
class StatefulFigure:
    """A figure of the page that has states."""

    id: str
    """Of its box."""
    spec: Spec
    vega: Spec
    awake: bool
    draw: StateDrawing


def place_stages(page: HtmlElement, context: FinishContext) -> None:
    """Moves the hero above the introduction, and each figure that steps drive beside its steps."""
    hero = context.metadata.get("hero")
    if isinstance(hero, str) and hero:
        figure, header = by_id(page, hero), by_id(page, "title-block-header")
        if figure is None:
            hint = "Name a figure of this post, as `hero: fig-loss`."
            message = f"The post has no figure {hero!r}, which `hero` names."
            raise RenderError([Problem(message=message, path=context.source, hint=hint)])
        if header is not None:
            take_out(figure)
            header.addnext(figure)
            figure.set("class", f"{figure.get('class') or ''} bk-hero".strip())
    for steps in _all_steps(page):
        figure = by_id(page, _attribute_of(steps, "figure"))
        stage = element("div", {"class": "bk-stage"})
        texts = element("div", {"class": "bk-step-list"})
        texts.extend(list(steps))
        steps[:] = [texts]
        steps.text = None
        steps.set("class", f"{steps.get('class')} bk-steps")
        if figure is not None and not _is_on_stage(figure):
            take_out(figure)
            stage.append(figure)
            steps.insert(0, stage)


def _is_on_stage(figure: HtmlElement) -> bool:
    return any(
        {"bk-stage", "bk-hero"} & set((one.get("class") or "").split()) for one in (figure, *figure.iterancestors())
    )


def add_states(page: HtmlElement, figures: Mapping[str, StatefulFigure], context: FinishContext) -> bool:
    """Gives steps and words the states of the figures that they drive; whether there are any.

    Raises RenderError, with every problem, where a figure, a parameter or a value is not there.
    """
    problems: list[Problem] = []
    found = False
    for steps in _all_steps(page):
        name = _attribute_of(steps, "figure")
        blocks = list(with_class(steps, "step"))
        for number, step in enumerate(blocks, start=1):
            found = True
            try:
                figure = _figure_named(page, figures, name)
                still = _give_state(step, figure, _attribute_of(step, "set"))
            except ValueError as error:
                problems.append(Problem(message=f"Step {number}: {error}", path=context.source, hint=_HINT))
                continue
            step.set("class", f"{step.get('class')} bk-step")
            step.set("tabindex", "0")
            step.set("role", "group")
            step.set("aria-label", f"Step {number} of {len(blocks)}")
            step.append(still)
    for words in page.xpath("//main//span[@data-set or @set]"):
        found = True
        name, _, wanted = _attribute_of(words, "set").partition(":")
        try:
            figure = _figure_named(page, figures, name.strip())
            still = _give_state(words, figure, wanted)
        except ValueError as error:
            said = " ".join(words.text_content().split())[:60]
            problems.append(Problem(message=f"The words {said!r}: {error}", path=context.source, hint=_HINT))
            continue
        words.set("class", f"{words.get('class') or ''} bk-drive".strip())
        box = by_id(page, figure.id)
        drawn = {one.get("data-state") for one in box.iter("div")} if box is not None else set()
        if box is not None and words.get("data-state") not in drawn:
            still.set("data-state", words.get("data-state") or "")
            still.insert(0, element("p", {}, " ".join(words.text_content().split())))
            box.append(still)
    if problems:
        raise RenderError(problems)
    return found


_HINT = (
    'Write `::: {.step set="epoch=40 width=8"}` or `[words]{set="fig-loss: epoch=40"}` with the figure\'s parameters.'
)


def _all_steps(page: HtmlElement) -> Iterator[HtmlElement]:
    yield from page.xpath("//div[contains(concat(' ', @class, ' '), ' steps ')][@data-figure or @figure]")


def _attribute_of(node: HtmlElement, name: str) -> str:
    return str(node.get(f"data-{name}") or node.get(name) or "")


def _figure_named(page: HtmlElement, figures: Mapping[str, StatefulFigure], name: str) -> StatefulFigure:
    """Raises ValueError where there is no such figure, or it has no states."""
    holder = by_id(page, name)
    if holder is None:
        raise ValueError(f"the post has no figure {name!r}.")
    box = next((one for one in with_class(holder, "bk-figure") if one.get("id") in figures), None)
    if box is None or not figures[str(box.get("id"))].awake:
        raise ValueError(f"{name!r} is a picture, which has no states.")
    return figures[str(box.get("id"))]


def _give_state(node: HtmlElement, figure: StatefulFigure, text: str) -> HtmlElement:
    """Writes the state that an attribute names at its element; its drawing. Raises ValueError."""
    wanted = read_state(text)
    spec, signals = with_state(figure.spec, figure.vega, wanted)
    for name in ("set", "data-set"):
        node.attrib.pop(name, None)
    node.set("data-figure", figure.id)
    node.set("data-state", json.dumps(signals, separators=(",", ":")))
    said = ", ".join(f"{name} = {value}" for name, value in wanted.items())
    digest = hashlib.sha256(json.dumps([node.tag, signals]).encode()).hexdigest()[:6]
    return element("div", {"class": "bk-still"}, figure.draw(spec, f"{figure.id}-s{digest}", said))


def read_state(text: str) -> dict[str, str]:
    """``epoch=40 width=8 start="twice as far"`` as names and values. Raises ValueError."""
    wanted = {}
    for part in shlex.split(text):
        name, sign, value = part.partition("=")
        if not sign or not name:
            raise ValueError(f"{part!r} does not set anything: a name, an equals sign and a value belong there.")
        wanted[name] = value
    if not wanted:
        raise ValueError("no state is named.")
    return wanted


def with_state(spec: Spec, vega: Spec, wanted: Mapping[str, str]) -> tuple[Spec, dict[str, Any]]:
    """The specification that begins in a state, and the values of the signals that bring a woken figure there.

    Raises ValueError where the chart has no such parameter or value.
    """
    made = _with_own_params(spec)
    params = list(_params_of(made))
    signals: dict[str, Any] = {}
    for name, text in wanted.items():
        param, field = _param_named(params, name)
        if param is None:
            known = sorted({*_settable_names(params)})
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise ValueError(f"the figure has no parameter {name!r}; {has}.")
        if field is None:
            value = _value_of_text(text, _choices_of(param.get("bind")), name)
            param["value"] = value
            param.pop("expr", None)
            signals[str(param["name"])] = value
        else:
            signals |= _select_field(param, field, text, spec, vega)
    return made, signals


def _select_field(param: Spec, field: str, text: str, spec: Spec, vega: Spec) -> dict[str, Any]:
    """Lets a selection begin with a value of a field; the signal that does the same in a woken figure."""
    bind = param.get("bind")
    own = bind.get(field, bind) if isinstance(bind, dict) else None
    levels = list(_choices_of(own)) or list(_levels_of(spec, field))
    value = None if text == "all" and "all" not in levels else _value_of_text(text, levels, field)
    before = param.get("value")
    row = dict(before[0]) if isinstance(before, list) and before and isinstance(before[0], dict) else {}
    row[field] = value
    param["value"] = None if value is None else [row]
    plain = re.sub(r"\W", "_", field)
    names = {str(signal.get("name")): signal for signal in vega.get("signals", [])}
    for known in (f"{param['name']}_{plain}", f"{param['name']}_{plain}_legend"):
        if known in names:
            return {known: value}
    fields = names.get(f"{param['name']}_tuple_fields", {}).get("value")
    if fields and f"{param['name']}_tuple" in names and len(fields) == 1:
        chosen = None if value is None else {"unit": "", "fields": fields, "values": [value]}
        return {f"{param['name']}_tuple": chosen}
    raise ValueError(f"the selection {param['name']!r} cannot be set from the text.")


def _with_own_params(spec: Any) -> Any:
    """The specification with parameters that may be changed without changing the original's."""
    if isinstance(spec, list):
        return [_with_own_params(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    made = {}
    for key, value in spec.items():
        if key == "params" and isinstance(value, list):
            made[key] = [dict(one) if isinstance(one, dict) else one for one in value]
        elif key in ("layer", "hconcat", "vconcat", "concat", "spec"):
            made[key] = _with_own_params(value)
        else:
            made[key] = value
    return made


def _params_of(spec: Any) -> Iterator[Spec]:
    if isinstance(spec, list):
        for part in spec:
            yield from _params_of(part)
    elif isinstance(spec, dict):
        yield from (one for one in spec.get("params") or [] if isinstance(one, dict) and "name" in one)
        for key in ("layer", "hconcat", "vconcat", "concat", "spec"):
            yield from _params_of(spec.get(key))


def touched_by(spec: Spec) -> str:
    """What a finger does in a chart: ``x``, ``y`` or ``xy`` for a brush, ``zoom`` for axes that move; else nothing."""
    directions: set[str] = set()
    for param in _params_of(spec):
        select = param.get("select")
        kind, more = (select.get("type"), select) if isinstance(select, dict) else (select, {})
        if kind == "interval":
            if param.get("bind") == "scales":
                return "zoom"
            directions |= set(more.get("encodings") or ("x", "y"))
    return "".join(sorted(directions & {"x", "y"}))


def _selected_fields(param: Spec) -> list[str]:
    select = param.get("select")
    if not isinstance(select, dict) or select.get("type") != "point":
        return []
    return [str(field) for field in select.get("fields") or []]


def _param_named(params: list[Spec], name: str) -> tuple[Spec | None, str | None]:
    """The parameter of a name, or the selection of it or of a field of it, with that field."""
    called = {name, f"chosen_{name}"} if name in RESERVED_SIGNALS else {name}  # as charts.live calls it
    for param in params:
        fields = _selected_fields(param)
        if param["name"] in called and "select" not in param:
            return param, None
        if fields and (name in fields or (param["name"] == name and len(fields) == 1)):
            return param, name if name in fields else fields[0]
    return None, None


def _settable_names(params: list[Spec]) -> Iterator[str]:
    for param in params:
        if "select" not in param:
            yield str(param["name"])
        yield from _selected_fields(param)


def _choices_of(bind: Any) -> list[Any]:
    if not isinstance(bind, dict):
        return []
    if bind.get("input") == "checkbox":
        return [True, False]
    return list(bind.get("options") or [])


def _levels_of(spec: Any, field: str, depth: int = 0) -> Iterator[Any]:
    """The values that a field has in the rows of a specification."""
    if isinstance(spec, dict):
        rows = spec.get("values")
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and field in row:
                yield row[field]
        for key, value in spec.items():
            if key == "datasets" and isinstance(value, dict):
                for one in value.values():
                    yield from _levels_of({"values": one}, field)
            elif key in ("data", "layer", "hconcat", "vconcat", "concat", "spec") and depth < 12:
                yield from _levels_of(value, field, depth + 1)
    elif isinstance(spec, list):
        for part in spec:
            yield from _levels_of(part, field, depth + 1)


def _value_of_text(text: str, choices: list[Any], name: str) -> Any:
    """A value as the text writes it; of given ones, the one of that name. Raises ValueError."""
    for choice in choices:
        if text == str(choice) or text == json.dumps(choice):
            return choice
    number = _number_of_text(text)
    if choices:
        same = [one for one in choices if number is not None and isinstance(one, (int, float)) and one == number]
        if same:
            return same[0]
        known = ", ".join(dict.fromkeys(str(one) for one in choices if one is not None))[:200]
        raise ValueError(f"{name!r} is never {text!r}; it is one of {known}.")
    return text if number is None else number


def _number_of_text(text: str) -> float | int | None:
    try:
        number = json.loads(text)
    except ValueError:
        return None
    return number if isinstance(number, (int, float)) and not isinstance(number, bool) else None
