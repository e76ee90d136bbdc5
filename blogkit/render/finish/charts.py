"""Wakes up the figures of a page: an image that has its specification beside it becomes a drawing inside the page.

``<img src="results/charts/loss.svg">`` with ``loss.vl.json`` beside it is replaced by the drawing itself, its data by
column, controls for its parameters, the data as a table, and how it was made. Vega is loaded when a reader touches the
figure (``render/runtime``). Without scripts all of it but the controls is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from lxml import etree, html

from blogkit.config import is_inside_site
from blogkit.errors import Problem, RenderError, ToolFailed
from blogkit.live import plans_in
from blogkit.page.drawing import optimise
from blogkit.page.rows import Coded, Table, as_table, code_table, columns_script, csv_text
from blogkit.page.twins import borrow_paths
from blogkit.render.finish import FinishContext
from blogkit.render.finish.controls import control, parameters_of, place_shared_controls
from blogkit.render.finish.layout import PHONE, Layout, drawn_width, fills_its_place, lay_out
from blogkit.render.finish.live import make_live
from blogkit.render.finish.origin import made_how, said_of
from blogkit.render.finish.place import MARGIN, place_of
from blogkit.render.finish.states import StatefulFigure, add_states, place_stages, touched_by
from blogkit.render.finish.tree import element, inert_json, plain
from blogkit.render.output import write_page
from blogkit.tools.vega import Spec, compile_vega, forbidden_parts

_STATIC = frozenset({
    "contour", "crossfilter", "force", "geojson", "geopath", "geopoint", "geoshape", "graticule", "heatmap",
    "isocontour", "kde2d", "label", "linkpath", "nest", "pack", "partition", "projection", "resolvefilter", "sample",
    "stratify", "tree", "treelinks", "treemap", "wordcloud",
})  # fmt: skip
"""Transforms that the page's runtime leaves out: a chart that needs one is drawn, and stays as it is drawn."""

_SHAPES = frozenset({
    "svg", "g", "path", "text", "tspan", "defs", "clipPath", "linearGradient", "radialGradient", "stop", "image", "use",
})  # fmt: skip
_ATTRIBUTES = frozenset({
    "width", "height", "viewBox", "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity",
    "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "font-family",
    "font-size", "font-weight", "font-style", "text-anchor", "letter-spacing", "opacity", "clip-path", "transform",
    "d", "x", "y", "dx", "dy", "x1", "x2", "y1", "y2", "r", "r1", "r2", "cx", "cy", "fx", "fy", "id", "offset",
    "stop-color", "gradientUnits", "preserveAspectRatio", "href", "vector-effect",
})  # fmt: skip
PHONE_CLASS = "bk-spec-phone"
"""Of the script that says in what a figure's specification differs on a phone."""
STEPS = range(400, 1041, 40)
"""The widths from which on a figure's own drawing can be shown; the style sheet has a rule for each."""
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,")


@dataclass(kw_only=True)
class _Figure:
    """A figure of the page while it is being made."""

    image: html.HtmlElement
    name: str
    drawing: Path
    spec: Spec
    vega: Spec
    svg: str
    """The drawing for its place on the page."""
    phone: Layout | None
    """The chart laid out for a phone, where its place is wider or narrower."""
    address: str
    """Of the drawing's folder, from the page; with a final slash, or empty."""
    folder: Path
    """Where the files beside the drawing are written."""
    number: int
    tables: dict[str, Table] = field(default_factory=dict)
    """By the name of the data set in the specification."""

    @property
    def id(self) -> str:
        return f"bk-{self.number}-{self.name}"

    @property
    def awake(self) -> bool:
        return can_wake(self.vega)


def can_wake(vega: Spec) -> bool:
    """Whether the page's runtime can draw a Vega specification; without, the figure stays as it was drawn."""
    text = json.dumps({**vega, "data": _without_rows(vega)})
    used = set(re.findall(r'"type": "(\w+)"', text))
    return not (used & _STATIC or vega.get("projections") or _CHANCE.search(text))


_CHANCE = re.compile(r'"ci[01]"|\b(?:random|sampleUniform|sampleNormal)\(')
"""What is drawn by chance: a bootstrapped interval would be another one after a figure woke."""


def draw_figures(page: html.HtmlElement, context: FinishContext) -> None:
    """Replaces every image of a chart by the chart, and adds what it needs to the page and to its folder.

    Raises RenderError, with every problem, where a specification cannot be read, cannot be compiled, or holds what a
    page may not.
    """
    place_stages(page, context)
    figures = list(_figures(page, context))
    if not figures:
        add_states(page, {}, context)
        return
    coded = _coded([figure for figure in figures if figure.awake])
    shared = place_shared_controls(page, [parameters_of(figure.vega) for figure in figures if figure.awake])
    for figure in figures:
        _replace(figure, coded, shared, context)
    has_states = add_states(page, {figure.id: _states_of(figure) for figure in figures}, context)
    body = page.find("body")
    assert body is not None
    for identity, (table, columns) in coded.items():
        content = inert_json({"rows": table.rows, "columns": list(columns.columns)})
        body.append(element("script", {"type": "application/json", "id": identity}, content))
    head = page.find("head")
    if head is not None:
        head.append(element("link", {"rel": "stylesheet", "href": context.asset("figures.css")}))
        if any(figure.awake and plans_in(figure.spec) for figure in figures):
            head.append(element("link", {"rel": "stylesheet", "href": context.asset("figures-live.css")}))
            head.append(element("script", {"src": context.asset("figures-held.js"), "defer": "defer"}))
        head.append(element("script", {"src": context.asset("figures.js"), "defer": "defer"}))
        if has_states:
            head.append(element("link", {"rel": "stylesheet", "href": context.asset("figures-steps.css")}))
            head.append(element("script", {"src": context.asset("figures-steps.js"), "defer": "defer"}))
    context.asset("figures-runtime.js")
    context.asset("figures-table.js")


def _states_of(figure: _Figure) -> StatefulFigure:
    """What steps and words need to drive a figure, and to draw its states."""

    def draw(spec: Spec, prefix: str, said: str) -> html.HtmlElement:
        laid = _laid_out(json.dumps(spec), PHONE, True)
        svg = _svg(figure, optimise(laid.svg, prefix="d"), prefix)
        svg.set("aria-label", f"{figure.name} with {said}")
        return svg

    return StatefulFigure(id=figure.id, spec=figure.spec, vega=figure.vega, awake=figure.awake, draw=draw)


# --- finding the figures --------------------------------------------------------------------------------------------


def _figures(page: html.HtmlElement, context: FinishContext) -> Iterator[_Figure]:
    problems: list[Problem] = []
    number = 0
    for image in list(page.iter("img")):
        drawing = _drawing_of(image, context)
        if drawing is None:
            continue
        number += 1
        path = drawing.with_name(f"{drawing.stem}.vl.json")
        try:
            spec = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: None)
            if not isinstance(spec, dict):
                raise ValueError("it is no object")
            part = next(forbidden_parts(spec), None)
            if part is not None:
                message = f"The chart holds {part}."
                problems.append(Problem(message=message, path=path, hint="Give the chart its data, not an address."))
                continue
            vega, svg, phone = _layouts_of(spec, drawing, place_of(image))
        except (OSError, ValueError) as error:
            problems.append(Problem(message=f"The specification cannot be read: {error}.", path=path, hint=_AGAIN))
            continue
        except ToolFailed as error:
            problems.append(Problem(message=error.problem.message, path=path, hint=_AGAIN))
            continue
        source = image.get("src", "")
        figure = _Figure(
            image=image, name=plain(drawing.stem), drawing=drawing, spec=spec, number=number, vega=vega, svg=svg,
            phone=phone,
            address=source[: source.rfind("/") + 1],
            folder=_output_folder(drawing, context),
        )  # fmt: skip
        for data in vega.get("data", []):
            table = as_table(data.get("values")) if isinstance(data, dict) else None
            if table is not None:
                figure.tables[str(data["name"])] = table
        yield figure
    if problems:
        raise RenderError(problems)


def _layouts_of(spec: Spec, drawing: Path, place: int) -> tuple[Spec, str, Layout | None]:
    """A chart for its place, as a specification and a drawing, and for a phone where that is another layout.

    What `gather` drew is taken where it fits.
    """
    svg = drawing.read_text(encoding="utf-8", errors="replace")
    width = drawn_width(svg)
    if width > place + 1 or (fills_its_place(spec) and abs(width - place) > 2):
        laid = _laid_out(json.dumps(spec), place, place < PHONE)
        vega, svg, width = laid.vega, optimise(laid.svg, prefix=f"bk-{drawing.stem}"), laid.width
    else:
        vega = compile_vega(spec)
    phone = None
    if width > PHONE + 1 or place < PHONE:
        laid = _laid_out(json.dumps(spec), PHONE, True)
        narrow = optimise(laid.svg, prefix=f"bk-{drawing.stem}-p")
        with suppress(etree.XMLSyntaxError):  # what was spoilt is reported when the drawing is read
            svg, narrow = borrow_paths(svg, narrow, prefix="l")
        phone = Layout(vega=_lean(laid.vega), svg=narrow)
    return _lean(vega), svg, phone


@lru_cache(maxsize=128)
def _laid_out(spec: str, width: int, narrow: bool) -> Layout:
    """A preview draws a post anew with each change of its text: its figures stay."""
    return lay_out(json.loads(spec), width, narrow=narrow)


_AGAIN = "`blogkit gather` writes it anew."


def _drawing_of(image: html.HtmlElement, context: FinishContext) -> Path | None:
    """The file of a chart's drawing; None where an image is something else or a preview of a post.

    Beside the source are the results; beside the page, what a notebook that is a post drew itself.
    """
    source = image.get("src", "")
    if not source.endswith(".svg") or re.match(r"[a-z][a-z0-9+.-]*:|//|/", source, re.IGNORECASE):
        return None
    if "thumbnail" in image.get("class", "") or image.xpath("ancestor::*[contains(@class, 'quarto-listing')]"):
        return None
    for folder, root in ((context.source.parent, context.site.root), (context.output.parent, context.site.output)):
        path = (folder / unquote(source)).resolve()
        if path.is_relative_to(root.resolve()) and path.is_file():
            specification = path.with_name(f"{path.stem}.vl.json")
            return path if specification.is_file() and is_inside_site(specification, context.source) else None
    return None


def _output_folder(drawing: Path, context: FinishContext) -> Path:
    """The folder of the page's own files that stand for the drawing's folder."""
    if drawing.is_relative_to(context.output.parent.resolve()):
        return drawing.parent
    return context.output.parent / os.path.relpath(drawing.parent, context.source.resolve().parent)


def _lean(vega: Spec) -> Spec:
    """A Vega specification without what the page says itself, in its title and description: what each mark is."""

    def lean(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            spoken = ("description", "aria", "ariaRole", "ariaRoleDescription")
            kept = {name: inner for name, inner in value.items() if name not in spoken or key != "update"}
            made = {name: inner if name == "values" else lean(inner, name) for name, inner in kept.items()}
            return {**made, "aria": False} if key == "marks" else made
        return [lean(part, key) for part in value] if isinstance(value, list) else value

    made: Spec = lean(
        {name: value for name, value in vega.items() if name not in ("$schema", "usermeta", "description")}
    )
    made["config"] = {**made.get("config", {}), "aria": False}
    return made


def _mark_types(vega: Any) -> set[str]:
    """What a Vega specification draws with, axes and legends apart."""
    found: set[str] = set()
    for mark in vega.get("marks") or ():
        found |= _mark_types(mark) if mark.get("type") == "group" else {str(mark.get("type"))}
    return found


def _without_rows(vega: Spec) -> list[Any]:
    return [{key: value for key, value in data.items() if key != "values"} for data in vega.get("data", [])]


# --- data -----------------------------------------------------------------------------------------------------------


def _coded(figures: list[_Figure]) -> dict[str, tuple[Table, Coded]]:
    """Each table that some figure draws, coded once for all of them."""
    tables: dict[str, Table] = {}
    wanted: dict[str, set[str]] = {}
    matched: dict[str, set[str]] = {}
    for figure in figures:
        text = json.dumps({**figure.vega, "data": _without_rows(figure.vega)})
        whole = '"signal": "datum"' in text
        answered = {str(plan["data"]) for plan in plans_in(figure.spec)}
        for data, table in figure.tables.items():
            known = tables.setdefault(table.id, table)
            named = {name for name in known.columns if whole or not name.isidentifier() or name in text}
            wanted.setdefault(known.id, set()).update(named)
            exact = known.columns if data in answered else _matched_columns(figure.vega, known.columns)
            matched.setdefault(known.id, set()).update(exact)
    return {
        identity: (table, code_table(table, wanted[identity], frozenset(matched[identity])))
        for identity, table in tables.items()
    }


def _matched_columns(vega: Any, names: Mapping[str, Any], key: str = "") -> set[str]:
    """The columns by which rows are grouped or looked up: a rounded number would fall into the wrong group."""
    found: set[str] = set()
    if isinstance(vega, dict):
        for name, value in vega.items():
            found |= set() if name == "values" else _matched_columns(value, names, name)
    elif isinstance(vega, list):
        for value in vega:
            found |= _matched_columns(value, names, key)
    elif isinstance(vega, str) and key in ("groupby", "key", "fields") and vega in names:
        found.add(vega)
    return found


# --- writing a figure -----------------------------------------------------------------------------------------------


def _replace(
    figure: _Figure, coded: dict[str, tuple[Table, Coded]], shared: frozenset[str], context: FinishContext
) -> None:
    """Puts the figure where its image was, and its files beside the drawing."""
    folder, name = figure.folder, figure.drawing.stem
    write_page(folder / f"{name}.vl.json", figure.drawing.with_name(f"{name}.vl.json").read_bytes())
    downloads = []
    tables = sorted(figure.tables.values(), key=lambda table: -table.rows)
    for index, table in enumerate(tables):
        stem = f"{name}.csv" if index == 0 else f"{name}-{index + 1}.csv"
        write_page(folder / stem, csv_text(table).encode())
        downloads.append((figure.address + quote(stem), "Data (CSV)" if index == 0 else f"Data {index + 1} (CSV)"))
    downloads.append((figure.address + quote(f"{name}.vl.json"), "Specification (Vega-Lite)"))
    exact = _write_exact(figure, coded)

    title, description = said_of(figure.spec, figure.image, tables[0] if tables else None)
    attributes = {"class": "bk-figure", "id": figure.id, "data-drawing": f"{figure.address}{quote(name)}.svg"}
    drawing = element("div", {"class": "bk-drawing"}, _drawings_of(figure, title, description))
    box = element("div", attributes, drawing)
    if figure.awake:
        drawing.set("tabindex", "0")
        drawing.set("role", "group")
        drawing.set("aria-label", f"Chart: {title}")
        if touch := touched_by(figure.spec):
            drawing.set("data-touch", touch)
        parameters = parameters_of(figure.vega)
        box.set("data-awake", "")
        if parameters:
            named = [{key: entry[key] for key in ("name", "element", "event") if key in entry} for entry in parameters]
            box.set("data-params", json.dumps(named, separators=(",", ":")))
        if exact:
            box.set("data-exact", exact)
        controls = [
            control(entry, figure.id) for entry in parameters if "bind" in entry and entry["name"] not in shared
        ]
        if controls:
            box.append(element("div", {"class": "bk-controls", "hidden": "hidden"}, *controls))
        spec = _page_spec(figure, figure.vega)
        box.append(element("script", {"type": "application/json", "class": "bk-spec"}, inert_json(spec)))
        if figure.phone is not None:
            changes = list(differences(spec, _page_spec(figure, figure.phone.vega)))
            box.append(element("script", {"type": "application/json", "class": PHONE_CLASS}, inert_json(changes)))
        make_live(box, figure.spec, figure.drawing, figure.folder, figure.address, context)
        if _mark_types(figure.vega) == {"rect"}:
            box.set("class", "bk-figure bk-tiles")
    if tables:
        details = element("details", {"class": "bk-data"}, element("summary", {}, "Data"))
        for number, table in enumerate(tables):
            said = "Data table" if len(tables) == 1 else f"Data table {number + 1} of {len(tables)}"
            shown = _summary(table, said)
            if figure.awake and number:
                shown.set("data-table", table.id)
            details.append(shown)
        if figure.awake:
            details.set("data-table", tables[0].id)
            if exact:
                details.set("data-exact", exact)
        box.append(details)
    box.append(made_how(figure.spec, downloads))
    _put_box(figure.image, box)


def _write_exact(figure: _Figure, coded: dict[str, tuple[Table, Coded]]) -> str:
    """Writes the script with the full-precision columns of a figure's tables; its address, empty without any."""
    known = {table.id: coded[table.id][1].exact for table in figure.tables.values() if table.id in coded}
    exact = {identity: columns for identity, columns in known.items() if columns}
    if not exact:
        return ""
    names = [identity.removeprefix("bk-") for identity in exact]
    name = names[0] if len(names) == 1 else f"tables-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:10]}"
    write_page(figure.folder / f"{name}.js", columns_script(exact).encode())
    return f"{figure.address}{name}.js"


def _page_spec(figure: _Figure, vega: Spec) -> Spec:
    """The specification as the page carries it: tables by id, parameters without the controls that Vega would make."""
    data = [
        {**entry, "values": figure.tables[entry["name"]].id} if entry.get("name") in figure.tables else entry
        for entry in vega.get("data", [])
    ]
    signals = [{key: value for key, value in signal.items() if key != "bind"} for signal in vega.get("signals", [])]
    return {**vega, "data": data, **({"signals": signals} if signals else {})}


def differences(one: Any, other: Any, path: tuple[str | int, ...] = ()) -> Iterator[list[Any]]:
    """What makes one JSON value the other: ``[path, value]`` for what changes, ``[path]`` for what goes."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() - other.keys():
            yield [[*path, key]]
        for key, value in other.items():
            if key in one:
                yield from differences(one[key], value, (*path, key))
            else:
                yield [[*path, key], value]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, value) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, value, (*path, index))
    elif one != other or type(one) is not type(other):
        yield [[*path], other]


def _put_box(image: html.HtmlElement, box: html.HtmlElement) -> None:
    """Puts a box where an image is; a link around the image goes, and a paragraph around it becomes a division."""
    place = image
    parent = place.getparent()
    assert parent is not None
    if parent.tag == "a":
        place, parent = parent, parent.getparent()
        assert parent is not None
    if parent.tag == "p":
        parent.tag = "div"
    box.tail = place.tail
    parent.replace(place, box)


def _drawings_of(figure: _Figure, title: str, description: str) -> html.HtmlElement:
    """The drawings of a figure; the page's style sheet shows what fits."""
    place = _svg(figure, figure.svg, figure.id)
    place.set("aria-labelledby", f"{figure.id}-title")
    place.insert(0, element("title", {"id": f"{figure.id}-title"}, title))
    if description:
        place.set("aria-describedby", f"{figure.id}-desc")
        place.insert(1, element("desc", {"id": f"{figure.id}-desc"}, description))
    if figure.phone is None:
        return element("div", {"class": "bk-fit"}, element("div", {"class": "bk-layout"}, place))
    phone = _svg(figure, figure.phone.svg, f"{figure.id}-p", lender=figure.id)
    for name in ("aria-labelledby", "aria-describedby"):
        if name in place.attrib:
            phone.set(name, place.attrib[name])
    width = float(place.get("width", "0"))
    kind = "bk-to-margin" if width <= MARGIN + 1 else f"bk-from-{_shown_from(width)}"
    both = (("bk-place", place), ("bk-phone", phone))
    return element(
        "div", {"class": f"bk-fit {kind}"}, *(element("div", {"class": f"bk-layout {one}"}, svg) for one, svg in both)
    )


def _shown_from(width: float) -> int:
    """From which width of its box on a drawing is shown: a little less than its own, where its words are readable."""
    return max(STEPS[0], next((step for step in STEPS if step >= width * 0.91), STEPS[-1]))


def _svg(figure: _Figure, text: str, prefix: str, lender: str = "") -> html.HtmlElement:
    """A drawing as elements of the page, with only what a drawing needs; it may refer to what ``lender`` prefixes."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True)
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise RenderError(
            [Problem(message=f"The drawing is not XML: {error}.", path=figure.drawing, hint=_AGAIN)]
        ) from error

    def copied(node: etree._Element) -> html.HtmlElement | None:
        name = etree.QName(node).localname if isinstance(node.tag, str) else ""
        if name not in _SHAPES:
            return None
        made = element(name, {})
        for key, value in node.attrib.items():
            text = str(value)
            refers = key == "href" and name == "use" and text.startswith("#") and lender
            if refers:
                text = f"#{lender}-{text[1:]}"
            loads = re.search(r"url\((?!#)", text) or (key == "href" and not refers and not _PICTURE.match(text))
            if key not in _ATTRIBUTES or loads:
                continue
            text = f"{prefix}-{text}" if key == "id" else re.sub(r"url\(#", f"url(#{prefix}-", text)
            made.set(key, text)
        made.text = node.text
        for child in node:
            if (inner := copied(child)) is not None:
                inner.tail = child.tail
                made.append(inner)
        return made

    svg = copied(root)
    if svg is None:
        raise RenderError([Problem(message="The drawing is no SVG.", path=figure.drawing, hint=_AGAIN)])
    svg.set("role", "img")
    return svg


def _summary(table: Table, said: str) -> html.HtmlElement:
    """The data of a small table; of a large one, what each column holds, until a script shows it all."""
    names = [name for name in table.columns if not name.startswith("__")]
    if table.rows * len(names) <= 30:
        head = names
        rows = [[_shown_cell(table.columns[name][row]) for name in names] for row in range(table.rows)]
        caption = f"{table.rows} rows"
    else:
        head = ["Column", "Values"]
        rows = [[name, _range(table.columns[name])] for name in names[:10]]
        caption = f"{table.rows:,} rows of {len(names)} columns"
    body = []
    for row in rows:
        first = element("th", {"scope": "row"}, row[0]) if head[0] == "Column" else element("td", {}, row[0])
        body.append(element("tr", {}, first, *(element("td", {}, cell) for cell in row[1:])))
    header = element("tr", {}, *(element("th", {"scope": "col"}, name) for name in head))
    content = [element("caption", {}, caption), element("thead", {}, header), element("tbody", {}, *body)]
    box = {"class": "bk-table", "tabindex": "0", "role": "group", "aria-label": said}
    return element("div", box, element("table", {}, *content))


def _shown_cell(value: Any) -> str:
    if isinstance(value, str) and _PICTURE.match(value):
        return "(picture)"
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _range(values: Any) -> str:
    """A column in a few words."""
    levels = list(dict.fromkeys(value for value in values if value is not None))
    if levels and all(isinstance(value, (int, float)) for value in levels):
        if len(levels) <= 8:
            return ", ".join(_shown_cell(value) for value in sorted(levels))
        return f"{_shown_cell(min(levels))} to {_shown_cell(max(levels))}"
    shown = ", ".join(dict.fromkeys(_shown_cell(value)[:60] for value in levels[:8]))
    return shown + (f", … ({len(levels)} different)" if len(levels) > 8 else "")
