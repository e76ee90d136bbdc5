"""Gathers the figures of an executed notebook: what it recorded, and what its cells drew, whatever drew it.

A Vega-Lite chart becomes ``NAME.svg`` and beside it ``NAME.vl.json``, which makes the figure interactive and says in
``usermeta`` where it comes from. Drawings by matplotlib, Plotly or anything else, and pictures, become ``NAME.svg`` or
``NAME.png``. A notebook needs no blogkit for that, only names: ``#| label: fig-loss`` at the top of a cell, or the cell
tag ``fig-loss``, names the figure ``loss``; without either it is called after the cell's place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blogkit.errors import NotebookError, ToolFailed
from blogkit.gather.blank import logarithms_of_zero
from blogkit.gather.drawn import names_runs
from blogkit.gather.foreign import clean
from blogkit.gather.live import carries_plan, plans_of
from blogkit.live import RESERVED_SIGNALS
from blogkit.page.drawing import optimise
from blogkit.store import RunPaths, write_if_changed
from blogkit.tools.vega import Spec, chart_in, compile_vega, draw_svg, forbidden_parts

ORIGIN = "blogkit"
"""The key of ``usermeta`` under which a figure says where it comes from."""

_LABEL = re.compile(r"^\s*#\|\s*label\s*:\s*(.+?)\s*$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLOTLY = "application/vnd.plotly.v1+json"


Provenance = Mapping[str, Any] | Callable[[Spec], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class GatheredFigure:
    """A figure that was written."""

    name: str
    code: str
    """Of the cell that draws it; empty for a recorded chart."""
    placed: bool
    """Whether it has no name but that of its cell's place."""


@dataclass(frozen=True, kw_only=True)
class _FoundFigure:
    """A figure before it is written: a specification, or a picture's bytes with its suffix."""

    name: str
    place: str
    """For messages: "cell 5" or the file it was recorded in."""
    cell: int | None
    """Counted from 1 among all cells; None for a recorded chart whose cell is not known."""
    spec: Spec | None = None
    picture: bytes = b""
    suffix: str = ".svg"
    code: str = ""
    """Of the cell that draws it; empty for a recorded chart."""
    placed: bool = False
    """Whether it has no name but that of its cell's place."""


def gather_figures(executed: RunPaths, into: Path, *, provenance: Provenance) -> tuple[str, ...]:
    """Writes every figure of an executed notebook into a folder and returns their names, in the notebook's order."""
    return tuple(figure.name for figure in write_figures(executed, into, provenance=provenance))


def write_figures(executed: RunPaths, into: Path, *, provenance: Provenance) -> tuple[GatheredFigure, ...]:
    """Writes every figure of an executed notebook into a folder, and says what drew each, in the notebook's order.

    ``provenance`` is what ``usermeta.blogkit`` of a specification says besides the cell and a hash of the chart's
    data: run ids, notebook, commit; the same for all, or what a function says of each. A file whose contents are the
    same is not touched.

    Raises NotebookError when the notebook cannot be read, two figures want one name, or a chart holds what a page may
    not: data or pictures by address, links that run code.
    """
    found = _unique_figures([*_recorded_figures(executed), *_drawn_figures(executed.notebook)], executed.notebook)
    for figure in found:
        _write_figure(figure, into, provenance, executed.notebook)
    return tuple(GatheredFigure(name=figure.name, code=figure.code, placed=figure.placed) for figure in found)


def gather_run_chart(executed: RunPaths, name: str, figure: str, into: Path, *, provenance: Provenance) -> None:
    """Writes one chart that a run of a sweep recorded, as the figure of another name. Raises as `gather_figures`."""
    for found in _recorded_figures(executed, name):
        _write_figure(replace(found, name=figure), into, provenance, executed.notebook)


def _write_figure(figure: _FoundFigure, into: Path, provenance: Provenance, notebook: Path) -> None:
    if figure.spec is None:
        write_if_changed(into / f"{figure.name}{figure.suffix}", figure.picture)
        _remove_spec(into / f"{figure.name}.vl.json")
        return
    zeros = next(logarithms_of_zero(figure.spec), None)
    if zeros is not None:
        field, count = zeros
        values = "a value" if count == 1 else f"{count:,} values"
        message = (
            f"{figure.place} draws {figure.name!r} with {values} of {field!r} at or below zero on a logarithmic axis."
        )
        raise NotebookError(message, hint=_NO_LOGARITHM, path=notebook)
    origin = provenance if isinstance(provenance, Mapping) else provenance(figure.spec)
    live = {plan["data"]: plan for plan in plans_of(figure.spec)}
    origin = {**origin, **({"cell": figure.cell} if figure.cell else {})}
    origin |= {"live": list(live.values())} if live else {}
    spec = with_origin(without_runs(figure.spec), origin)
    try:
        svg = optimise(draw_svg(compile_vega(spec)), prefix=f"bk-{figure.name}")
    except ToolFailed as error:
        message = f"{figure.place} draws {figure.name!r}, which cannot be drawn: {error.problem.message}"
        raise NotebookError(message, hint=error.problem.hint, path=notebook) from error
    write_if_changed(into / f"{figure.name}.svg", svg)
    write_if_changed(into / f"{figure.name}.vl.json", specification_text(spec))


_NO_LOGARITHM = (
    "Zero has no logarithm, and the axis would stay blank: leave these rows out, as in "
    "`.transform_filter('datum.loss > 0')`, or take `alt.Scale(type='symlog')`."
)


def rows_hash(spec: Spec) -> str:
    """12 hexadecimal digits for the rows of a chart: another draw of the same rows has the same."""
    rows = [value for _, value in _row_lists(spec)]
    text = json.dumps(rows, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def with_origin(spec: Spec, origin: Mapping[str, Any]) -> Spec:
    """The specification with ``usermeta.blogkit`` saying where it comes from; the chart's own usermeta stays."""
    own = spec.get("usermeta")
    meta = dict(own) if isinstance(own, dict) else {}
    meta[ORIGIN] = {**origin, "rows": rows_hash(spec)}
    return {**spec, "usermeta": meta}


def without_runs(spec: Any) -> Any:
    """The specification without the parameters by which builders name its runs and plans: those are for the origin."""
    if isinstance(spec, list):
        return [without_runs(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    made = {
        name: value if name in {"data", "datasets", "usermeta"} else without_runs(value) for name, value in spec.items()
    }
    if isinstance(made.get("params"), list):
        made["params"] = [one for one in made["params"] if not names_runs(one) and not carries_plan(one)]
        if not made["params"]:
            del made["params"]
    return made


def specification_text(spec: Spec) -> str:
    """The JSON of a specification as it is stored: one row of data a line, so that git shows which rows changed."""
    rows: dict[str, str] = {}

    def held(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: held(inner) for key, inner in value.items()}
        if _is_table(value):
            mark = f"rows of blogkit {len(rows)}"
            lines = (json.dumps(row, ensure_ascii=False, separators=(", ", ": ")) for row in value)
            rows[mark] = "[\n" + ",\n".join(lines) + "\n]"
            return mark
        return [held(inner) for inner in value] if isinstance(value, list) else value

    text = json.dumps(held(_finite_json(spec)), ensure_ascii=False, indent=1)
    for mark, lines in rows.items():
        text = text.replace(f'"{mark}"', lines, 1)
    return text + "\n"


def _is_table(value: Any) -> bool:
    """Whether a value is a list of flat rows."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(row, dict) for row in value)
        and not any(isinstance(cell, (dict, list)) for row in value for cell in row.values())
    )


def _finite_json(value: Any) -> Any:
    """JSON has no NaN: what is not a number is null, which Vega leaves out of a drawing."""
    if isinstance(value, dict):
        return {key: _finite_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite_json(inner) for inner in value]
    return None if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))) else value


def _row_lists(spec: Any, key: str = "") -> Iterator[tuple[str, list[Any]]]:
    if isinstance(spec, dict):
        for name, value in spec.items():
            if name == "datasets" and isinstance(value, dict):
                for data_name in sorted(value):
                    yield data_name, value[data_name]
            elif name == "values" and key == "data" and isinstance(value, list):
                yield name, value
            elif name != "usermeta":
                yield from _row_lists(value, name)
    elif isinstance(spec, list):
        for part in spec:
            yield from _row_lists(part, key)


# --- finding them ---------------------------------------------------------------------------------------------------


def _recorded_figures(executed: RunPaths, name: str = "*") -> Iterator[_FoundFigure]:
    """The charts that ``record.chart`` wrote, all or the one of a name."""
    for path in sorted(executed.charts.glob(f"{name}.vl.json")):
        try:
            spec = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            message = f"The recorded chart cannot be read: {error}."
            raise NotebookError(message, hint="Run the notebook again.", path=path) from error
        stem = path.name.removesuffix(".vl.json")
        yield _FoundFigure(
            name=stem, place=f"record.chart({stem!r})", cell=None, spec=_inline_data(_allowed_spec(spec, stem, path))
        )
    for path in sorted(executed.charts.glob(f"{name}.svg")):
        svg = clean(path.read_text(encoding="utf-8", errors="replace"), prefix=f"bk-{path.stem}")
        yield _FoundFigure(name=path.stem, place=f"record.chart({path.stem!r})", cell=None, picture=svg.encode("utf-8"))


def _drawn_figures(notebook: Path) -> Iterator[_FoundFigure]:
    """The figures among the outputs of a notebook's cells."""
    if not notebook.is_file():
        return
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotebookError(f"The notebook cannot be read: {error}.", "Run it again.", notebook) from error
    written = (cell for cell in cells if "injected-parameters" not in (cell.get("metadata") or {}).get("tags", []))
    for place, cell in enumerate(written, start=1):  # as the author's own notebook counts them
        outputs = [output for output in cell.get("outputs", []) if isinstance(output, dict)]
        count = 0
        for output in outputs:
            bundle = output.get("data")
            if not isinstance(bundle, dict):
                continue
            base = _figure_name(cell, place, notebook)
            name = base if count == 0 else f"{base}-{count + 1}"
            found = _output_figure(bundle, name, place, notebook)
            if found is not None:
                count += 1
                yield replace(found, code=_cell_text(cell.get("source", "")), placed=base == f"cell-{place}")


def _figure_name(cell: Mapping[str, Any], place: int, notebook: Path) -> str:
    """A figure's name: the cell's label, or a tag like ``fig-NAME``, or the cell's place."""
    match = _LABEL.search(_cell_text(cell.get("source", "")))
    tags = [str(tag) for tag in (cell.get("metadata") or {}).get("tags", []) if str(tag).startswith(("fig-", "fig:"))]
    given = match.group(1).strip("\"'") if match else tags[0] if tags else ""
    name = given.removeprefix("fig-").removeprefix("fig:")
    if not given:
        return f"cell-{place}"
    if not _NAME.fullmatch(name):
        hint = "A figure's name becomes a file's: letters, digits, - and _ only."
        raise NotebookError(f"Cell {place} has the label {given!r}, which cannot name a file.", hint, notebook)
    return name


def _output_figure(bundle: Mapping[str, Any], name: str, place: int, notebook: Path) -> _FoundFigure | None:
    """The best figure in one output: a chart before a drawing, a drawing before pixels."""
    where = f"Cell {place}"
    spec = chart_in(bundle)
    if spec is not None:
        allowed = _inline_data(_allowed_spec(spec, name, notebook, where))
        return _FoundFigure(name=name, place=where, cell=place, spec=allowed)
    if "image/svg+xml" in bundle:
        svg = clean(_cell_text(bundle["image/svg+xml"]), prefix=f"bk-{name}")
        return _FoundFigure(name=name, place=where, cell=place, picture=svg.encode("utf-8"))
    for mime, suffix in (("image/png", ".png"), ("image/jpeg", ".jpg"), ("image/webp", ".webp")):
        if mime in bundle:
            try:
                picture = base64.b64decode(_cell_text(bundle[mime]), validate=False)
            except ValueError:
                continue
            return _FoundFigure(name=name, place=where, cell=place, picture=picture, suffix=suffix)
    if _PLOTLY in bundle:
        from blogkit.tools.plotly import draw_plotly

        svg = clean(draw_plotly(bundle[_PLOTLY], f"{where} of {notebook.name}"), prefix=f"bk-{name}")
        return _FoundFigure(name=name, place=where, cell=place, picture=svg.encode("utf-8"))
    return None


def _allowed_spec(spec: Any, name: str, path: Path, place: str = "The notebook") -> Spec:
    if not isinstance(spec, dict):
        raise NotebookError(f"The chart {name!r} is not a Vega-Lite specification.", "Give an Altair chart.", path)
    part = next(forbidden_parts(spec), None)
    if part is not None:
        hint = (
            "A page must work without the network and years from now: read the data in the notebook, as in "
            "`frame = pd.read_csv(address)`, and give the frame to the chart; give pictures as data:image/png;base64,…"
        )
        raise NotebookError(f"{place} draws the chart {name!r} with {part}.", hint, path)
    taken = next((one for one in _parameter_names(spec) if one in RESERVED_SIGNALS), None)
    if taken is not None:
        message = f"{place} draws the chart {name!r} with a parameter called {taken!r}, which Vega uses itself."
        hint = f"Call it alt.param(name='chosen_{taken}', …), say: with this name the control changes the chart's own."
        raise NotebookError(message, hint, path)
    return spec


def _parameter_names(spec: Any) -> Iterator[str]:
    """The names of the parameters of a chart and of its parts."""
    if isinstance(spec, dict):
        for one in spec.get("params") or []:
            if isinstance(one, dict) and "name" in one:
                yield str(one["name"])
        parts = [spec.get(key) for key in ("layer", "hconcat", "vconcat", "concat")]
        for part in (*(one for group in parts if isinstance(group, list) for one in group), spec.get("spec")):
            yield from _parameter_names(part)


def _inline_data(spec: Spec) -> Spec:
    return {**spec, "$schema": spec.get("$schema", "https://vega.github.io/schema/vega-lite/v6.json")}


def _cell_text(value: Any) -> str:
    """A text of a notebook, which may be stored as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _unique_figures(found: Sequence[_FoundFigure], notebook: Path) -> list[_FoundFigure]:
    """Each figure once: a chart that was recorded and shown is one figure, two figures of one name are an error."""
    kept: dict[str, _FoundFigure] = {}
    looks: set[str] = set()
    for figure in found:
        look = _spec_look(figure.spec) if figure.spec is not None else ""
        recorded = figure.cell is None
        if look and look in looks and not recorded:
            continue
        if recorded:
            looks.add(look)
        if figure.name in kept:
            first = kept[figure.name]
            message = f"{first.place} and {figure.place} both draw a figure called {figure.name!r}."
            raise NotebookError(message, "Give each its own `#| label:`.", notebook)
        kept[figure.name] = figure
    return list(kept.values())


def _spec_look(spec: Spec) -> str:
    """A chart without what differs each time it is written: the names that Altair counts up, and the usermeta."""
    text = json.dumps({key: value for key, value in spec.items() if key != "usermeta"}, sort_keys=True, default=str)
    seen: dict[str, str] = {}
    return re.sub(r"\b(view|param)_\d+\b", lambda match: seen.setdefault(match.group(), f"name{len(seen)}"), text)


def _remove_spec(path: Path) -> None:
    """Removes the specification of a figure that is no chart any more."""
    path.unlink(missing_ok=True)
