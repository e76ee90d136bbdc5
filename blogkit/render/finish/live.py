"""A live figure in a page: its plans, its models as scripts, and what a reader draws on, drawn before scripts run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lxml import html

from blogkit.errors import Problem, RenderError
from blogkit.live import FOLDER, Plan, bytes_script, files_of, plans_in
from blogkit.render.finish import FinishContext
from blogkit.render.finish.tree import element, inert_json, plain
from blogkit.render.output import write_page

_LEVELS = 8
"""Of ink on a pad; ``inputs.js`` has the same."""


def make_live(
    box: html.HtmlElement, spec: Mapping[str, Any], drawing: Path, folder: Path, address: str, context: FinishContext
) -> None:
    """Adds to a figure what its answers need, where its specification has plans.

    Models lie beside the folder of the drawing, and their scripts beside ``folder``, which the page reaches by
    ``address``. Raises RenderError where a model is missing.
    """
    plans = plans_in(spec)
    if not plans:
        return
    models: dict[str, str] = {}
    for file in dict.fromkeys(file for plan in plans for file in files_of(plan)):
        source = drawing.parent.parent / FOLDER / Path(file).name
        if not source.is_file() or source.is_symlink():
            message = f"The figure asks the model {file!r}, which is not there."
            raise RenderError([Problem(message=message, path=source, hint="`blogkit gather` keeps it.")])
        name = f"{Path(file).stem}.js"
        write_page(folder.parent / FOLDER / name, bytes_script(file, source.read_bytes()).encode())
        models[file] = f"{address}../{FOLDER}/{quote(name)}"
    box.set("data-live", json.dumps([plan["data"] for plan in plans]))
    box.set("data-engine", context.asset("figures-live.js"))
    first = box.find("div")
    assert first is not None
    start = {name: value for plan in plans for name, value in plan["start"].items()}
    for one in _drawn_inputs(plans):
        first.addprevious(_drawn_input(one, start, str(box.get("id"))))
    box.append(element("output", {"class": "bk-live-status", "role": "status"}))
    for file, place in models.items():
        box.append(element("span", {"class": "bk-model", "hidden": "hidden", "data-name": file, "data-address": place}))
    content = inert_json({"plans": plans})
    box.append(element("script", {"type": "application/json", "class": "bk-live"}, content))
    context.asset("figures-live-wasm.js")
    context.asset("onnxruntime-notices.txt")


def _drawn_inputs(plans: Sequence[Plan]) -> list[Mapping[str, Any]]:
    """The inputs that a reader draws, each once."""
    found = {
        str(one["param"]): one for plan in plans for one in plan["inputs"].values() if one["kind"] in ("pad", "signal")
    }
    return list(found.values())


def _drawn_input(one: Mapping[str, Any], start: Mapping[str, Any], prefix: str) -> html.HtmlElement:
    name = str(one["param"])
    value = start[name]
    label = name.replace("_", " ").capitalize()
    box = {"class": "bk-live-input", "data-kind": str(one["kind"]), "data-draws": name}
    area = {"tabindex": "0", "id": f"{prefix}-{plain(name)}"}
    if one["kind"] == "pad":
        rows, columns = one["size"]
        paths = [
            element("path", {"d": d, "fill-opacity": f"{(level + 1) / _LEVELS:g}"})
            for level, d in enumerate(_ink_paths(value, columns))
            if d
        ]
        svg = element("svg", {"viewBox": f"0 0 {columns} {rows}", "aria-hidden": "true"}, *paths)
        keys = "Arrow keys move, space draws, Enter keeps drawing, Delete clears."
        words = f"{label}: a pad of {columns} by {rows} cells. {keys}"
        area |= {"class": "bk-pad", "role": "application", "aria-label": words}
    else:
        low, high, last = float(one["low"]), float(one["high"]), len(value) - 1
        points = " ".join(
            f"{index / last * 100:.2f},{(high - number) / (high - low) * 40:.2f}" for index, number in enumerate(value)
        )
        line = element("polyline", {"points": points})
        svg = element("svg", {"viewBox": "0 0 100 40", "preserveAspectRatio": "none", "aria-hidden": "true"}, line)
        words = f"{label}: left and right choose a point, up and down move it"
        limits = {"aria-valuemin": f"{low:g}", "aria-valuemax": f"{high:g}"}
        area |= {"class": "bk-signal", "role": "slider", "aria-label": words, **limits}
        area["aria-valuenow"] = f"{value[len(value) // 2]:g}"
    return element("div", box, element("div", area, svg))


def _ink_paths(cells: Sequence[float], columns: int) -> list[str]:
    paths = [""] * _LEVELS
    for index, ink in enumerate(cells):
        level = math.ceil(min(1.0, max(0.0, ink)) * _LEVELS)
        if level:
            paths[level - 1] += f"M{index % columns} {index // columns}h1v1h-1z"
    return paths
