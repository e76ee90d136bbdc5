"""Notebooks as posts: cells become the Markdown that Quarto makes of them; nothing is executed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nh3

from blogkit.config import did_you_mean, load_yaml
from blogkit.errors import NotebookError, ToolFailed
from blogkit.notebook import read_notebook
from blogkit.tools.vega import chart_in, compile_vega, draw_svg, forbidden_parts

_OPTION = re.compile(r"^\s*(?:#|//|--|%)\|\s?(.*)$")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_IMAGES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_ORDER = ("text/html", "text/markdown", *_IMAGES, "text/latex", "text/plain")
_LAYOUT = ("layout-ncol", "layout-nrow", "layout", "layout-valign", "layout-align")
_FLOATS = ("fig-", "tbl-", "lst-")
_WHITE_SPACE = re.compile(r"\s+")
NOT_DRAWN = "an output is drawn by a script (as Plotly, Bokeh and widgets do), which the page does not run"
HOW_TO_DRAW = (
    "Show an Altair chart or an image instead; of a Plotly figure in figures.ipynb `blogkit gather` makes a drawing."
)
_FRONT = re.compile(r"---[ \t]*\n.*?^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)


__all__ = ["Cell", "cell_lines", "cells", "front_matter_text", "notebook_rows", "read_notebook", "unheeded"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: prose where ``language`` is empty, otherwise code with the outputs that are stored with it."""

    language: str
    source: str
    outputs: Sequence[Mapping[str, Any]]
    line: int = 1
    """Counted from 1: the cell's number in a notebook, the line of its fence in a post."""
    tags: Sequence[str] = ()
    attachments: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """What the comments ``#| key: value`` at its head say."""
        lines = []
        for line in self.source.splitlines():
            match = _OPTION.match(line)
            if not match:
                break
            lines.append(match.group(1))
        if not lines:
            return {}
        data = load_yaml("\n".join(lines), Path("cell"))
        return data if isinstance(data, dict) else {}

    @property
    def code(self) -> str:
        """The source without its options."""
        lines = self.source.splitlines()
        while lines and _OPTION.match(lines[0]):
            lines.pop(0)
        return "\n".join(lines).strip("\n")


@dataclass(frozen=True, kw_only=True)
class _Output:
    """One output of a cell, and what its Markdown depends on."""

    cell: Cell
    number: int
    """Counted from 1."""
    metadata: Mapping[str, Any]
    files: dict[str, bytes]
    """Takes the pictures, by their path from the page's folder."""
    path: Path
    page: Path | None
    """The page that embeds the cell; None where the notebook itself is the page."""
    asis: bool
    """The text is Markdown itself."""

    @property
    def options(self) -> Mapping[str, Any]:
        return self.cell.options


_HEEDED = frozenset({
    "include", "echo", "output", "label", "id", "classes", "column", "panel", "warning", "code-fold", "code-summary",
    "code-line-numbers", "filename", "lst-label", "lst-cap", "fig-cap", "fig-alt", "fig-subcap", "fig-align",
    "fig-cap-location", "tbl-cap", "tbl-subcap",
    "tbl-colwidths", "tbl-cap-location", *_LAYOUT, "out-width", "out-height",
})  # fmt: skip
_OF_OTHERS = frozenset({
    "eval", "error", "message", "cache", "freeze", "fig-width", "fig-height", "fig-format", "fig-dpi", "fig-asp",
    "fig-pos", "fig-env", "fig-scap", "fig-show", "fig-keep", "tags", "export", "slideshow", "autorun", "kernel",
    "results",
})  # fmt: skip
"""Options of the run, of paper or of slides: they say nothing of a page whose outputs are there already."""


def unheeded(cell: Cell) -> list[tuple[str, int]]:
    """What the page will not show of a cell's options: a sentence, and the line within the cell, from 1."""
    said = []
    for name, value in cell.options.items():
        line = next((n for n, text in enumerate(cell.source.splitlines(), 1) if f"{name}:" in text), 1)
        if str(name) not in _HEEDED | _OF_OTHERS:
            near = did_you_mean(str(name), sorted(_HEEDED))
            said.append((f"the cell option '{name}' is not supported, and has no effect. {near}".rstrip(), line))
        elif name == "echo" and value not in (True, False, "fenced"):
            said.append(
                (f"`echo: {value}` is not supported; all of the code is shown. Known: true, false, fenced.", line)
            )
        elif name == "output" and value not in (True, False, "asis"):
            said.append((f"`output: {value}` is not supported; the output is shown. Known: true, false, asis.", line))
        elif name == "panel" and value not in ("tabset", "fill", "center", "input", "sidebar"):
            said.append((f"`panel: {value}` is not supported, and has no effect. Known: tabset.", line))
    if any(_is_lost(output) for output in cell.outputs) and _option(cell, {}, "output", True) is not False:
        said.append((f"{NOT_DRAWN}. {HOW_TO_DRAW}", 1))
    return said


def _is_lost(output: Mapping[str, Any]) -> bool:
    """Whether an output is a script's work that nothing else of it shows: no picture, and no chart that is drawn."""
    data = output.get("data") or {}
    markup = _joined_text(data.get("text/html"))
    if not re.search(r"<(?:script|iframe|object|embed)\b", markup) or chart_in(data) is not None:
        return False
    clean = nh3.clean(markup, **_ALLOWED)
    empty = not re.sub(r"<[^>]*>|\s", "", clean) and "<img" not in clean and "<svg" not in clean
    return empty and not any(data.get(one) for one in _IMAGES)


def _joined_text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value or "")


def front_matter_text(notebook: Mapping[str, Any]) -> str:
    """The front matter: the first cell, when it is a YAML block."""
    for cell in notebook["cells"][:1]:
        source = _joined_text(cell.get("source")).strip()
        if cell.get("cell_type") in {"raw", "markdown"} and source.startswith("---"):
            closed = _FRONT.match(source)
            return (closed.group(0) if closed else source) + "\n"
    return ""


def cells(notebook: Mapping[str, Any], path: Path) -> tuple[Cell, ...]:
    """The cells of a notebook, without the front matter."""
    spec = notebook.get("metadata", {})
    language = spec.get("kernelspec", {}).get("language") or spec.get("language_info", {}).get("name") or "python"
    result = []
    for number, cell in enumerate(notebook["cells"], start=1):
        source = _joined_text(cell.get("source"))
        kind = cell.get("cell_type")
        if number == 1 and kind != "code" and source.strip().startswith("---"):
            closed = _FRONT.match(source.strip())
            source = source.strip()[closed.end() :] if closed else ""
            if kind == "raw" or not source.strip():
                continue
        if kind == "raw":
            mime = cell.get("metadata", {}).get("raw_mimetype") or cell.get("metadata", {}).get("format") or ""
            if "html" in mime:
                source = "```{=html}\n" + source + "\n```"
            elif (mime and "markdown" not in mime) or source.strip().startswith("---"):
                continue
        tags = cell.get("metadata", {}).get("tags") or ()
        result.append(
            Cell(
                language=str(language) if kind == "code" else "",
                source=source,
                outputs=cell.get("outputs") or (),
                line=number,
                tags=tags,
                attachments=cell.get("attachments") or {},
            )
        )
    return tuple(result)


def notebook_rows(
    notebook: Mapping[str, Any], path: Path, metadata: Mapping[str, Any], files: dict[str, bytes]
) -> list[tuple[str, Path, int]]:
    """A notebook's Markdown, line by line, each with the number of the cell that it came from."""
    rows: list[tuple[str, Path, int]] = []
    for cell in cells(notebook, path):
        lines = cell_lines(cell, path, metadata, files) if cell.language else _prose(cell, path, files)
        rows += [(line, path, cell.line) for line in ["", *lines, ""]]
    return rows


def _prose(cell: Cell, path: Path, files: dict[str, bytes]) -> list[str]:
    text = cell.source
    for name, bundle in cell.attachments.items():
        for mime, data in bundle.items():
            if mime in _IMAGES:
                target = f"{path.stem}_files/figure-html/{cell.line}-{_WHITE_SPACE.sub('-', str(name))}"
                files[target] = _bytes(mime, data)
                for written in {str(name), quote(str(name)), quote(str(name), safe="")}:
                    text = text.replace(f"<attachment:{written}>", target).replace(f"attachment:{written}", target)
    return text.splitlines()


def _bytes(mime: str, data: Any) -> bytes:
    text = _joined_text(data)
    return text.encode("utf-8") if mime == "image/svg+xml" else base64.b64decode(text)


def _option(cell: Cell, metadata: Mapping[str, Any], name: str, default: Any) -> Any:
    """What the cell says, or the document's ``execute:``, or the document."""
    options = cell.options
    if name in options:
        return options[name]
    execute = metadata.get("execute")
    if isinstance(execute, Mapping) and name in execute:
        return execute[name]
    return default


def _quoted(value: Any) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{text}"'


def _attribute(options: Mapping[str, Any], *names: str) -> str:
    parts = []
    for name in names:
        value = options.get(name)
        if value is None:
            continue
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, list):
            value = json.dumps(value)
        parts.append(f" {name}={_quoted(value)}")
    return "".join(parts)


def cell_lines(
    cell: Cell,
    path: Path,
    metadata: Mapping[str, Any],
    files: dict[str, bytes],
    *,
    echo: bool | None = None,
    page: Path | None = None,
) -> list[str]:
    """A code cell as Quarto's Markdown: its code, its outputs, its label and captions."""
    options = cell.options
    if options.get("include", True) is False or "remove-cell" in cell.tags:
        return []
    if "parameters" in cell.tags and options.get("include") is not True and echo is None and not cell.code:
        return []
    show_code = echo if echo is not None else _option(cell, metadata, "echo", True)
    show_output = _option(cell, metadata, "output", True)
    if "remove-input" in cell.tags:
        show_code = False
    if "remove-output" in cell.tags:
        show_output = False
    label = str(options.get("label") or options.get("id") or "")
    lines: list[str] = []
    if show_code is not False and cell.code:
        lines += _code(cell, options, metadata, show_code, label)
    outputs: list[list[str]] = []
    displays = 0
    if show_output is not False:
        for number, output in enumerate(_merged_outputs(cell.outputs), start=1):
            about = _Output(
                cell=cell,
                number=number,
                metadata=metadata,
                files=files,
                path=path,
                page=page,
                asis=show_output == "asis",
            )
            shown = _output(output, about)
            if shown:
                outputs.append(shown)
                displays += output.get("output_type") in {"display_data", "execute_result"}
    if not lines and not outputs:
        return []
    attributes = _cell_attributes(label, options, displays)
    fence = ":::::"
    body = ["", *lines]
    for shown in outputs:
        body += ["", *shown]
    return [f"{fence} {{{attributes}}}", *body, "", fence]


def _cell_attributes(label: str, options: Mapping[str, Any], displays: int) -> str:
    parts = []
    subcaptions = any(key.endswith("-subcap") for key in options)
    layout = any(key.startswith("layout") for key in options)
    prefix = next((one for one in _FLOATS if label.startswith(one)), "")
    if prefix == "fig-" and isinstance(options.get("fig-cap"), list) and not subcaptions:
        label = prefix = ""  # each picture is a figure of its own
    if (prefix and (prefix != "fig-" or displays != 1 or subcaptions or layout) and prefix != "lst-") or (
        label and not prefix
    ):
        parts.append(f"#{label}")
    parts.append(".cell")
    parts += ["." + word.lstrip(".") for word in str(options.get("classes") or "").replace(",", " ").split()]
    if options.get("panel"):
        parts.append(f".panel-{options['panel']}")
    if layout:
        parts += [f".column-{word}" for word in str(options.get("column") or "").split()]
    attributes = " ".join(parts)
    if prefix == "tbl-" or (prefix == "fig-" and f"#{label}" in parts):
        attributes += _attribute(options, prefix + "cap", *_LAYOUT, "tbl-colwidths")
        attributes += _attribute(options, prefix + "cap-location")
    elif layout:
        attributes += _attribute(options, *_LAYOUT)
    return attributes


def _code(cell: Cell, options: Mapping[str, Any], metadata: Mapping[str, Any], echo: Any, label: str) -> list[str]:
    source = cell.code
    attributes = f".{cell.language} .cell-code"
    if echo == "fenced":
        kept = [line for line in cell.source.splitlines() if _OPTION.match(line) and "echo: fenced" not in line]
        source = "\n".join(["```{{%s}}" % cell.language, *kept, cell.code, "```"])  # noqa: UP031  # braces are text here
        attributes = ".markdown .cell-code"
    listing = str(options.get("lst-label") or label)
    if listing.startswith("lst-"):
        attributes = f"#{listing} " + attributes
    attributes += _attribute(options, "code-fold", "code-summary", "code-line-numbers", "lst-cap", "filename")
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", source)), default=0))
    return [f"{ticks} {{{attributes}}}", *source.splitlines(), ticks]


def _merged_outputs(outputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Outputs with the parts of one stream joined, as Jupyter shows them."""
    merged: list[dict[str, Any]] = []
    for output in outputs:
        entry = dict(output)
        if entry.get("output_type") == "stream":
            entry["text"] = _joined_text(entry.get("text"))
            last = merged[-1] if merged else {}
            if last.get("output_type") == "stream" and last.get("name") == entry.get("name"):
                last["text"] += entry["text"]
                continue
        merged.append(entry)
    return list(merged)


def _block(text: str) -> list[str]:
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return [ticks, *text.rstrip("\n").splitlines(), ticks]


def _output(output: Mapping[str, Any], about: _Output) -> list[str]:
    kind = output.get("output_type")
    if kind == "stream":
        name = str(output.get("name") or "stdout")
        if name == "stderr" and _option(about.cell, about.metadata, "warning", True) is False:
            return []
        text = _ANSI.sub("", _joined_text(output.get("text")))
        if not text.strip():
            return []
        if about.asis:
            return text.splitlines()
        return [f":::: {{.cell-output .cell-output-{name}}}", *_block(text), "::::"]
    if kind == "error":
        text = _error_text(output)
        return [":::: {.cell-output .cell-output-error}", *_block(text), "::::"]
    data = output.get("data") or {}
    chart = chart_in(data)
    mime = next((one for one in _ORDER if data.get(one)), None)
    if chart is not None:
        shown = _chart(chart, about)
    elif mime is not None:
        shown = _data(mime, data, about)
    else:
        return []
    if not shown:
        return []
    if about.asis:
        return shown
    options = about.options
    part = _table_part(about)
    if part:
        shown = [f"::: {{{part}}}", "", *shown, "", ":::"]
    column = str(options.get("column") or "") if not any(key.startswith("layout") for key in options) else ""
    return [f":::: {{.cell-output .cell-output-display{f' .column-{column}' if column else ''}}}", *shown, "::::"]


def _table_part(about: _Output) -> str:
    """The id and the caption of one of the tables that a cell shows under captions of their own."""
    label, captions = str(about.options.get("label") or ""), about.options.get("tbl-subcap")
    if not label.startswith("tbl-") or not isinstance(captions, list):
        return ""
    before = _merged_outputs(about.cell.outputs)[: about.number - 1]
    place = sum(one.get("output_type") in {"display_data", "execute_result"} for one in before)
    return f"#{label}-{place + 1} tbl-cap={_quoted(captions[place])}" if place < len(captions) else ""


def _error_text(output: Mapping[str, Any]) -> str:
    """What a failed cell says: the error's name, unless the coloured traceback says it already, and the traceback."""
    said = f"{output.get('ename')}: {output.get('evalue')}"
    traceback = "\n".join(str(line) for line in output.get("traceback") or ())
    if _ANSI.search(said + traceback) and traceback:
        return _ANSI.sub("", traceback)
    return _ANSI.sub("", f"{said}\n{traceback}".strip())


def _data(mime: str, data: Mapping[str, Any], about: _Output) -> list[str]:
    text = _joined_text(data[mime])
    if mime == "text/html":
        clean = nh3.clean(text, **_ALLOWED)
        if not re.sub(r"<[^>]*>|\s", "", clean) and "<img" not in clean and "<svg" not in clean:
            rest = {key: value for key, value in data.items() if key != mime}
            other = next((one for one in _ORDER if rest.get(one)), None)
            return _data(other, rest, about) if other else []
        return ["```{=html}", *re.sub(r"\n\s*\n", "\n", clean).splitlines(), "```"]
    if mime == "text/markdown":
        return text.splitlines()
    if mime == "text/latex":
        return text.splitlines()
    if mime == "text/plain":
        return _block(_ANSI.sub("", text))
    return _image(mime, data[mime], about)


def _image(mime: str, data: Any, about: _Output) -> list[str]:
    cell, options, path, page = about.cell, about.options, about.path, about.page
    label = str(options.get("label") or options.get("id") or "")
    stem = re.sub(r"[^\w-]", "-", label) or f"cell-{cell.line}"
    home = (page or path).stem
    part = f"{path.stem}-" if page is not None and page != path else ""
    target = f"{home}_files/figure-html/{part}{stem}-output-{about.number}.{_IMAGES[mime]}"
    about.files[target] = _bytes(mime, data)
    caption = options.get("fig-cap")
    alt = options.get("fig-alt")
    subcaptions = options.get("fig-subcap")
    displays = [
        one for one in _merged_outputs(cell.outputs) if one.get("output_type") in {"display_data", "execute_result"}
    ]
    before = [one for one in _merged_outputs(cell.outputs)[: about.number - 1] if one.get("output_type") != "stream"]
    place = sum(one.get("output_type") in {"display_data", "execute_result"} for one in before)
    single = len(displays) == 1 and not subcaptions and not any(key.startswith("layout") for key in options)
    words = ""
    attributes: list[str] = []
    if single:
        words = str(caption[0] if isinstance(caption, list) and caption else caption or "")
        if label.startswith("fig-"):
            attributes.append(f"#{label}")
    elif isinstance(subcaptions, list) and place < len(subcaptions):
        words = str(subcaptions[place])
        attributes.append(f"#{label}-{place + 1}")
    elif isinstance(caption, list) and place < len(caption):
        words = str(caption[place])
        if label.startswith("fig-"):
            attributes.append(f"#{label}-{place + 1}")
    if isinstance(alt, list):
        alt = alt[place] if place < len(alt) else None
    if alt:
        attributes.append(f"fig-alt={_quoted(alt)}")
    if options.get("fig-align"):
        attributes.append(f"fig-align={_quoted(options['fig-align'])}")
    for name, width in (("width", options.get("out-width")), ("height", options.get("out-height"))):
        if width:
            attributes.append(f"{name}={_quoted(width)}")
    tail = "{" + " ".join(attributes) + "}" if attributes else ""
    return [f"![{words}]({target}){tail}"]


def _chart(chart: Mapping[str, Any], about: _Output) -> list[str]:
    """A Vega-Lite chart as its drawing, with the specification beside it, which makes it a figure that wakes."""
    from blogkit.page.drawing import optimise

    part = next(forbidden_parts(chart), None)
    if part is not None:
        hint = "A page must work without the network: read the data in the notebook, and give the frame to the chart."
        raise NotebookError(f"cell {about.cell.line} draws a chart with {part}.", hint=hint, path=about.path)
    try:
        svg = optimise(
            draw_svg(compile_vega(dict(chart))), prefix=f"bk-{about.path.stem}-{about.cell.line}-{about.number}"
        )
    except ToolFailed as error:
        message = f"cell {about.cell.line} draws a chart that cannot be drawn: {error.problem.message}"
        raise NotebookError(message, hint=error.problem.hint, path=about.path) from error
    before = set(about.files)
    shown = _image("image/svg+xml", svg, about)
    for name in set(about.files) - before:
        about.files[f"{name.removesuffix('.svg')}.vl.json"] = json.dumps(chart, ensure_ascii=False).encode("utf-8")
    return shown


_ALLOWED: dict[str, Any] = {
    "tags": set(nh3.ALLOWED_TAGS)
    | {"svg", "g", "path", "rect", "circle", "line", "text", "section", "style"} - {"style"},
    "attributes": {
        **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
        "*": {"class", "id", "title", "lang", "dir", "role", "aria-label", "width", "height"},
        "td": {"colspan", "rowspan", "headers"},
        "th": {"colspan", "rowspan", "headers", "scope"},
        "table": {"class", "id"},
        "img": {"src", "alt", "width", "height"},
    },
    "url_schemes": {"http", "https", "mailto", "data"},
}
