"""Keeps the charts of a notebook that another engine passed on as scripts: Altair's own output loads Vega from a CDN.

The specification that the script holds becomes a drawing beside the page with the specification beside it, which is
what :mod:`blogkit.render.finish.charts` makes a figure of. The embedded engine does the same when it reads a notebook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from lxml.html import HtmlElement

from blogkit.errors import Problem, RenderError, ToolFailed
from blogkit.page.drawing import optimise
from blogkit.render.dom import by_id, elements, make
from blogkit.render.finish import FinishContext
from blogkit.render.output import write_page
from blogkit.tools.vega import chart_in, compile_vega, draw_svg, forbidden_parts

_PLACE = re.compile(r"(?:getElementById\(\s*|vegaEmbed\(\s*)[\"']#?([\w-]+)[\"']")


def keep_charts(page: HtmlElement, context: FinishContext) -> None:
    """Puts a drawing where a script would put a chart. Raises RenderError for a chart that cannot be drawn."""
    problems: list[Problem] = []
    number = 0
    for script in list(elements(page, "script")):
        text = script.text or ""
        chart = chart_in({"text/html": text}) if "vegaEmbed" in text else None
        if chart is None:
            continue
        number += 1
        problem = _keep_chart(page, script, chart, number, context)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise RenderError(problems)


def _keep_chart(
    page: HtmlElement, script: HtmlElement, chart: Mapping[str, Any], number: int, context: FinishContext
) -> Problem | None:
    part = next(forbidden_parts(dict(chart)), None)
    if part is not None:
        hint = "A page must work without the network: read the data in the notebook, and give the frame to the chart."
        return Problem(path=context.source, message=f"a cell draws a chart with {part}.", hint=hint)
    name = f"{context.source.stem}_files/figure-html/bk-chart-{number}"
    try:
        svg = optimise(draw_svg(compile_vega(dict(chart))), prefix=f"bk-{context.source.stem}-{number}")
    except ToolFailed as error:
        message = f"a cell draws a chart that cannot be drawn: {error.problem.message}"
        return Problem(path=context.source, message=message, hint=error.problem.hint)
    write_page(context.output.parent / f"{name}.svg", svg.encode("utf-8"))
    write_page(context.output.parent / f"{name}.vl.json", json.dumps(chart, ensure_ascii=False).encode("utf-8"))
    title = chart.get("title")
    words = chart.get("description") or (title.get("text") if isinstance(title, Mapping) else title) or ""
    image = make("img", src=f"{name}.svg", alt=str(words), class_="img-fluid figure-img")
    match = _PLACE.search(script.text or "")
    place = by_id(page, match.group(1)) if match else None
    if place is None:
        place = script
    else:
        script.drop_tree()
    parent = place.getparent()
    if parent is not None:
        image.tail, place.tail = place.tail, None
        parent.replace(place, image)
    return None
