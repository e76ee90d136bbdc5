"""Reads a post for the embedded engine: front matter, includes, shortcodes and outputs become one Markdown text.

Every line of that text remembers the file and line it came from, so that what is wrong in it can be said where the
author wrote it.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blogkit.config import did_you_mean, is_inside_site, outside_problem
from blogkit.errors import BlogkitError, ConfigError, Problem
from blogkit.model import Site
from blogkit.page.values import FILES, RESULTS, ShownValue, file_mark
from blogkit.render import marks, notebooks
from blogkit.render.metadata import (
    as_list,
    flatten,
    folder_layers,
    line_of,
    load_yaml_file,
    merge,
    shown,
    site_layer,
    split_front_matter,
    with_metadata_files,
)

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?:>[ \t]?)*(?P<mark>`{3,}|~{3,})(?P<info>[ \t]*\{.*\}[ \t]*|[^`]*)$")
_EXECUTABLE = re.compile(r"^\{([A-Za-z][\w+-]*)([ ,].*)?\}\s*$")
_ESCAPED_CELL = re.compile(r"^\{(\{+[^{}<]+\}+)\}\s*$")
_SHORTCODE = re.compile(r"\{\{<\s*(?P<close>/?)(?P<body>(?:[^>]|>(?!\}\}))*?)\s*>\}\}")
_ESCAPED = re.compile(r"\{\{\{(<.*?>)\}\}\}|\{\{<\s*/\*(.*?)\*/\s*>\}\}")
_INCLUDE = re.compile(r"^[ \t]*\{\{<\s*(include|embed)\s+(.+?)\s*>\}\}[ \t]*$")
_MARKS = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)]|>|:(?!:))[ \t]+)*(?=:::)")
"""What may stand before ``:::`` in its line: the marks of list items, quotes and definitions that it opens in."""
_DIV = re.compile(r"^(?P<colons>:{3,})[ \t]*(?P<attributes>[^:\s].*?)?[ \t]*:*[ \t]*$")
_EQUATION = re.compile(
    r"\$\$(?P<tex>(?:(?!\$\$)(?!\n[ \t]*\n).)+?)\$\$(?P<gap>[ \t]*\n?[ \t]*)\{#(?P<id>eq-[^\s}]+)(?P<rest>[^}]*)\}",
    re.DOTALL,
)
_SAFE = re.compile(r"[\w\N{NO-BREAK SPACE} .,±×%/()°µμ≈≤≥<+=−–—:;-]*", re.UNICODE)
_STARTS_BLOCK = re.compile(r"\s*(?:\d+[.)]|[-+=:(]|#)")
_WORD = re.compile(r"""([\w.-]+)=("[^"]*"|'[^']*'|\S+)|("[^"]*"|'[^']*'|\S+)""")
_NESTED = re.compile(r"[ \t]*(?:>[ \t]*|(?:[-*+]|\d{1,9}[.)])[ \t]+){100}")
"""A line that opens a hundred quotes and lists: no reader of Markdown takes it apart in a sensible time."""
_UNDERLINE = re.compile(r"[ \t]*(?:=+|-+)[ \t]*")
_CALLOUT = re.compile(r"\.callout-([\w-]+)")

KNOWN_SHORTCODES = ("include", "embed", "meta", "var", "env", "video", "kbd", "pagebreak", "version")


@dataclass(frozen=True, kw_only=True)
class ShortcodeValue:
    """What a shortcode stands for, when it is more than plain words."""

    text: str = ""
    markdown: str | None = None
    html: str | None = None
    block: bool = False

    def request(self) -> dict[str, Any]:
        """The value as the engine's program reads it."""
        entry: dict[str, Any] = {"text": self.text, "block": self.block}
        if self.markdown is not None:
            entry["markdown"] = self.markdown
        if self.html is not None:
            entry["html"] = self.html
        return entry


@dataclass(frozen=True, kw_only=True)
class PostSource:
    """A post, ready for the engine."""

    path: Path
    metadata: Mapping[str, Any]
    text: str
    places: Sequence[tuple[Path, int]]
    """The file and line that each line of the text came from."""
    values: Sequence[ShortcodeValue]
    inputs: frozenset[Path]
    """Every file that was read for it."""
    files: Mapping[str, bytes]
    """Images that a notebook's outputs hold, by their path from the page's folder."""
    warnings: Sequence[str] = ()
    """What the page will not show, each with its file and line or cell."""
    indented: bool = False
    """Some ``:::`` does not stand at the start of its line, so that it may be mere text to pandoc."""
    shown: Sequence[ShownValue] = ()
    """The values of the results that the post quotes; marks in the text say which of them stands where."""
    listed: frozenset[int] = frozenset()
    """Those of them that stand somewhere without a mark."""

    def place_of(self, words: str) -> tuple[Path, int | None]:
        """The file and line where some words stand in the text."""
        at = self.text.find(words) if words else -1
        if at < 0:
            return self.path, None
        line = self.text.count("\n", 0, at)
        return self.places[line] if line < len(self.places) else (self.path, None)


@dataclass(kw_only=True)
class _PostReader:
    """One post while it is read."""

    site: Site
    path: Path
    metadata: Mapping[str, Any] = field(default_factory=dict)
    variables: Any = None
    lines: list[str] = field(default_factory=list)
    places: list[tuple[Path, int]] = field(default_factory=list)
    values: list[ShortcodeValue] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    inputs: set[Path] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    including: list[Path] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    indented: bool = False
    shown: dict[ShownValue, int] = field(default_factory=dict)
    listed: set[int] = field(default_factory=set)
    in_display: bool = False
    """The line stands in a formula of several lines."""
    in_heading: bool = False
    """The line is a heading that is underlined."""

    def problem(self, path: Path, line: int, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path=path, line=line, message=message, hint=hint))


def front_of(source: Path) -> dict[str, Any]:
    """A post's front matter, for what its neighbours say of it; empty where it cannot be read: rendering says why."""
    try:
        if source.suffix == ".ipynb":
            text = notebooks.front_matter_text(notebooks.read_notebook(source))
            return dict(split_front_matter(text, source)[0])
        with open(source, encoding="utf-8-sig") as stream:
            head = stream.read(20_000)
        return dict(split_front_matter(head, source)[0])
    except (BlogkitError, OSError, UnicodeDecodeError):
        return {}


def read_source(site: Site, path: Path) -> PostSource:
    """A post as one text. Raises ConfigError with every problem in its metadata, ``RenderError``-like ones included."""
    if not is_inside_site(path, path):
        raise ConfigError([outside_problem(path.name, path)])
    reading = _PostReader(site=site, path=path)
    reading.inputs.add(path)
    if path.suffix == ".ipynb":
        notebook = notebooks.read_notebook(path)
        front, text, first = split_front_matter(notebooks.front_matter_text(notebook), path)
    else:
        notebook = None
        try:
            whole = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError([Problem(path=path, message="is not UTF-8 text.", hint="Save it as UTF-8.")]) from error
        front, text, first = split_front_matter(whole, path)
    layer = with_metadata_files(flatten(front), path.parent, path)
    for name in as_list(front.get("metadata-files")):
        reading.inputs.add(path.parent / str(name))
    reading.metadata = merge(site_layer(site), *folder_layers(site, path), layer)
    reading.metadata = _resolve_metadata(reading, reading.metadata)
    if notebook is not None:
        for cell in notebooks.cells(notebook, path):
            _note_options(reading, cell, path)
        rows = notebooks.notebook_rows(notebook, path, reading.metadata, reading.files)
        if rows and not front:
            _title_from_heading(reading, rows)
        _read_rows(reading, rows)
    else:
        _read_rows(reading, [(line, path, number) for number, line in enumerate(text.splitlines(), start=first)])
    text = _mark_equations("\n".join(reading.lines) + "\n")
    if reading.problems:
        raise ConfigError(sorted(reading.problems, key=lambda one: (str(one.path), one.line or 0)))
    return PostSource(
        path=path,
        metadata=reading.metadata,
        text=text,
        places=reading.places,
        values=reading.values,
        inputs=frozenset(reading.inputs),
        files=reading.files,
        indented=reading.indented,
        warnings=tuple(reading.warnings),
        shown=tuple(reading.shown),
        listed=frozenset(reading.listed),
    )


SourceRow = tuple[str, Path, int]
"""A line of text, and the file and line it came from."""


def _title_from_heading(reading: _PostReader, rows: list[SourceRow]) -> None:
    """A notebook without front matter is called after the level-1 heading that opens it."""
    for number, (line, _, _) in enumerate(rows):
        if match := re.match(r"#\s+(.+?)\s*$", line):
            reading.metadata = merge(reading.metadata, {"title": match.group(1)})
            del rows[number]
            return
        if line.strip():
            return


def _read_rows(reading: _PostReader, rows: Sequence[SourceRow]) -> None:
    """Adds lines to the text, with includes in place and shortcodes resolved; notes what is left open."""
    fence: tuple[str, int, Path, int] | None = None
    raw_shortcodes = False
    divs: list[tuple[Path, int]] = []
    comment = False
    number = 0
    while number < len(rows):
        line, path, at = rows[number]
        number += 1
        if fence is not None:
            if _closes(line, fence):
                fence = None
            elif not raw_shortcodes and "{{<" in line and (include := _INCLUDE.match(line)):
                _insert_text(reading, include, path, at)
                continue
            elif not raw_shortcodes and "{{" in line:
                line = _resolve(reading, line, path, at, code=True)
            _add_line(reading, line, path, at)
            continue
        if comment:
            comment = "-->" not in line
            _add_line(reading, line, path, at)
            continue
        match = _FENCE.match(line) if ("```" in line or "~~~" in line) else None
        if match:
            if escaped := _ESCAPED_CELL.match(match["info"].strip()):
                number = _escaped_cell(reading, rows, number, match, escaped.group(1))
                continue
            cell = _EXECUTABLE.match(match["info"].strip())
            if cell and cell.group(1) in {"mermaid", "dot", "ojs"}:
                hint = (
                    "Draw it once, save it as SVG beside the post, and show that: ![Caption.](figure.svg){#fig-name}."
                )
                reading.problem(
                    path, at, f"a {cell.group(1)} diagram is drawn by a program in the reader's browser.", hint
                )
            if cell and cell.group(1) not in {"=html", "verbatim"} and not cell.group(1).startswith("="):
                number = _executable(reading, rows, number, match, cell.group(1))
                continue
            fence = (match["mark"][0], len(match["mark"]), path, at)
            raw_shortcodes = bool(re.search(r"shortcodes=\"?false", match["info"]))
            _add_line(reading, line, path, at)
            continue
        if len(line) > 100 and _NESTED.match(line):
            hint = "Write it with fewer > or list marks."
            reading.problem(path, at, "quotes or lists are nested a hundred deep.", hint)
            continue
        if "<!--" in line and "-->" not in line.split("<!--", 1)[1]:
            comment = True
            _add_line(reading, line, path, at)
            continue
        if "{{<" in line and (include := _INCLUDE.match(line)):
            _insert(reading, include.group(1), include.group(2), path, at)
            continue
        if ":::" in line and (marks := _MARKS.match(line)):
            reading.indented |= not line.startswith((":::", ">"))
            _division(reading, line[marks.end() :].strip(), path, at, divs)
        if "{{" in line:
            reading.in_heading = number < len(rows) and _UNDERLINE.fullmatch(rows[number][0]) is not None
            line = _resolve(reading, line, path, at)
        reading.in_display = bool(line) and reading.in_display ^ (line.count("$$") % 2 == 1)
        _add_line(reading, line, path, at)
    if fence is not None:
        hint = f"End it with a line of {fence[0] * fence[1]}."
        reading.problem(fence[2], fence[3], "this code block is never closed.", hint)
    for path, at in divs:
        reading.problem(path, at, "this ::: block is never closed.", "End it with a line of :::.")


def _closes(line: str, fence: tuple[str, int, Path, int]) -> bool:
    bare = re.sub(r"^[ \t]*(?:>[ \t]?)*", "", line).rstrip()
    return len(bare) >= fence[1] and not bare.strip(fence[0])


def _add_line(reading: _PostReader, line: str, path: Path, at: int) -> None:
    reading.lines.append(line)
    reading.places.append((path, at))


def _division(reading: _PostReader, line: str, path: Path, at: int, divs: list[tuple[Path, int]]) -> None:
    match = _DIV.match(line)
    if not match:
        return
    if match["attributes"]:
        divs.append((path, at))
        for kind in _CALLOUT.findall(match["attributes"]):
            if kind not in {"note", "tip", "warning", "important", "caution"}:
                known = ["note", "tip", "warning", "important", "caution"]
                near = did_you_mean(kind, known)
                hint = (
                    near.replace("'", "'callout-", 1) if near else "Known are callout-" + ", callout-".join(known) + "."
                )
                reading.problem(path, at, f"the callout 'callout-{kind}' is not known.", hint)
    elif divs:
        divs.pop()
    else:
        reading.problem(path, at, "this ::: closes nothing.", "Remove it, or open a block such as ::: {.callout-note}.")


# --- cells that a notebook would run ---------------------------------------------------------------------------------


def _executable(
    reading: _PostReader, rows: Sequence[SourceRow], number: int, opening: re.Match[str], language: str
) -> int:
    """A ``{python}`` block: shown as code, as Quarto shows it where nothing is executed."""
    _, path, at = rows[number - 1]
    fence = (opening["mark"][0], len(opening["mark"]), path, at)
    body: list[str] = []
    while number < len(rows):
        line, _, _ = rows[number]
        number += 1
        if _closes(line, fence):
            break
        body.append(line)
    else:
        hint = f"End it with a line of {opening['mark']}."
        reading.problem(path, at, "this code block is never closed.", hint)
        return number
    cell = notebooks.Cell(language=language, source="\n".join(body), outputs=(), line=at)
    _note_options(reading, cell, path)
    for line in notebooks.cell_lines(cell, path, reading.metadata, reading.files):
        _add_line(reading, line, path, at)
    return number


def _note_options(reading: _PostReader, cell: notebooks.Cell, path: Path) -> None:
    """Warns of what a code cell asks for that the page will not show."""
    for said, line in notebooks.unheeded(cell) if cell.language else []:
        where = f"{path}: cell {cell.line}" if path.suffix == ".ipynb" else f"{path}:{cell.line + line}"
        reading.warnings.append(f"{where}: {said}")


def _escaped_cell(
    reading: _PostReader, rows: Sequence[SourceRow], number: int, opening: re.Match[str], inner: str
) -> int:
    """A ``{{python}}`` block: shown with its fences, as somebody would write it."""
    _, path, at = rows[number - 1]
    fence = (opening["mark"][0], len(opening["mark"]), path, at)
    indent, mark = opening["indent"], opening["mark"]
    around = indent + mark[0] * (len(mark) + 1)
    _add_line(reading, f"{around} {{.markdown}}", path, at)
    _add_line(reading, f"{indent}{mark}{inner}", path, at)
    while number < len(rows):
        line, where, row = rows[number]
        number += 1
        _add_line(reading, line, where, row)
        if _closes(line, fence):
            _add_line(reading, around, where, row)
            return number
    reading.problem(path, at, "this code block is never closed.", f"End it with a line of {mark}.")
    return number


# --- includes --------------------------------------------------------------------------------------------------------


def _insert(reading: _PostReader, kind: str, words: str, path: Path, at: int) -> None:
    arguments, options = _shortcode_words(words)
    if not arguments:
        reading.problem(path, at, f"the shortcode {kind!r} names no file.", f"Write {{{{< {kind} FILE >}}}}.")
        return
    if kind == "embed":
        _embed(reading, arguments[0], options, path, at)
        return
    name = arguments[0]
    target = reading.site.root / name[1:] if name.startswith("/") else path.parent / name
    if not is_inside_site(target, reading.path):
        reading.problems.append(outside_problem(name, path, at))
        return
    if not target.is_file():
        hint = _nearest_file(target)
        if "results" in Path(name).parts:
            hint = "`blogkit gather` writes the results. " + hint
        reading.problem(path, at, f"there is no file {name} to include.", hint)
        return
    target = target.resolve()
    if target in reading.including:
        reading.problem(path, at, f"{name} includes itself.", "Take one of the includes out.")
        return
    reading.inputs.add(target)
    _note_results_file(reading, target)
    reading.including.append(target)
    try:
        if target.suffix == ".ipynb":
            notebook = notebooks.read_notebook(target)
            for cell in notebooks.cells(notebook, target):
                _note_options(reading, cell, target)
            rows = notebooks.notebook_rows(notebook, target, reading.metadata, reading.files)
        else:
            _, text, first = split_front_matter(target.read_text(encoding="utf-8-sig"), target)
            rows = [(line, target, n) for n, line in enumerate(text.splitlines(), start=first)]
        if target.parent != reading.path.parent:
            rows = [(_relative(line, target, reading.path), *rest) for line, *rest in rows]  # type: ignore[misc]
        _add_line(reading, "", path, at)
        _read_rows(reading, rows)
        _add_line(reading, "", path, at)
    finally:
        reading.including.pop()


def _note_results_file(reading: _PostReader, file: Path) -> None:
    """Has the page say which file of its results it includes, and what that file held."""
    folder = reading.path.parent.resolve()
    key = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else ""
    if key.startswith(FILES):
        included = ShownValue(key=key, text=file_mark(file.read_bytes()))
        reading.listed.add(reading.shown.setdefault(included, len(reading.shown)))


def _insert_text(reading: _PostReader, include: re.Match[str], path: Path, at: int) -> None:
    """A file in a code block: its lines are code, with the shortcodes that code may hold."""
    kind, (arguments, _) = include.group(1), _shortcode_words(include.group(2))
    name = arguments[0] if arguments else ""
    target = reading.site.root / name[1:] if name.startswith("/") else path.parent / name
    if name and not is_inside_site(target, reading.path):
        reading.problems.append(outside_problem(name, path, at))
        return
    if kind != "include" or not name or not target.is_file():
        message = f"there is no file {name} to include." if kind == "include" else "a code block embeds no cells."
        hint = _nearest_file(target) if kind == "include" else "Write the shortcode outside of the code block."
        reading.problem(path, at, message, hint)
        return
    reading.inputs.add(target.resolve())
    _note_results_file(reading, target.resolve())
    for number, line in enumerate(target.read_text(encoding="utf-8-sig").splitlines(), start=1):
        resolved = _resolve(reading, line, target, number, code=True) if "{{" in line else line
        _add_line(reading, resolved, target, number)


_TARGET = re.compile(r"(!\[[^\]]*\]\()([^)\s:/#][^)\s:]*)")


def _relative(line: str, included: Path, page: Path) -> str:
    """An image of an included file is found from that file, and addressed from the page."""
    if "![" not in line:
        return line

    def move(match: re.Match[str]) -> str:
        target = included.parent / match.group(2)
        if not target.exists() or (page.parent / match.group(2)).exists():
            return match.group(0)
        return match.group(1) + Path(os.path.relpath(target, page.parent)).as_posix()

    return _TARGET.sub(move, line)


def _nearest_file(target: Path) -> str:
    if not target.parent.is_dir():
        return f"There is no folder {target.parent.name}."
    return did_you_mean(target.name, [entry.name for entry in target.parent.iterdir()])


def _embed(reading: _PostReader, words: str, options: Mapping[str, str], path: Path, at: int) -> None:
    name, _, label = words.partition("#")
    target = reading.site.root / name[1:] if name.startswith("/") else path.parent / name
    if not is_inside_site(target, reading.path):
        reading.problems.append(outside_problem(name, path, at))
        return
    if not target.is_file():
        reading.problem(path, at, f"there is no notebook {name} to embed from.", _nearest_file(target))
        return
    reading.inputs.add(target.resolve())
    cells = notebooks.cells(notebooks.read_notebook(target), target)
    code = [cell for cell in cells if cell.language]
    chosen = code
    if label:
        chosen = [cell for cell in code if label in {cell.options.get("label"), cell.options.get("id"), *cell.tags}]
        if not chosen and label.isdigit():
            chosen = code[int(label) - 1 : int(label)]
        if not chosen:
            known = [str(cell.options["label"]) for cell in code if "label" in cell.options]
            hint = did_you_mean(label, known) or (f"Labels there: {', '.join(known)}." if known else "")
            reading.problem(path, at, f"no cell of {name} has the label {label!r}.", hint)
            return
    echo = options.get("echo", "false") == "true"
    _add_line(reading, "", path, at)
    for cell in chosen:
        _note_options(reading, cell, target)
        lines = notebooks.cell_lines(cell, target, reading.metadata, reading.files, echo=echo, page=reading.path)
        for line in lines:
            _add_line(reading, line, path, at)
    _add_line(reading, "", path, at)


# --- shortcodes ------------------------------------------------------------------------------------------------------


def _shortcode_words(text: str) -> tuple[list[str], dict[str, str]]:
    """The arguments and the named options of a shortcode."""
    arguments: list[str] = []
    options: dict[str, str] = {}
    for match in _WORD.finditer(text):
        if match.group(1):
            options[match.group(1)] = match.group(2).strip("\"'")
        else:
            arguments.append(match.group(3).strip("\"'"))
    return arguments, options


def _token(reading: _PostReader, value: ShortcodeValue) -> str:
    reading.values.append(value)
    digits = "".join(chr(0xE010 + int(digit)) for digit in str(len(reading.values)))
    return f"\ue000{digits}\ue001"


def _resolve(reading: _PostReader, line: str, path: Path, at: int, *, code: bool = False) -> str:
    """A line with its shortcodes resolved: plain values in place, others as tokens for the engine."""

    def escaped(match: re.Match[str]) -> str:
        inner = match.group(1) if match.group(1) is not None else f"<{match.group(2)}>"
        return _token(reading, ShortcodeValue(text="{{" + inner + "}}"))

    def one(match: re.Match[str]) -> str:
        arguments, options = _shortcode_words(match["body"])
        if not arguments:
            return match.group(0)
        name, arguments = arguments[0], arguments[1:]
        handler = _HANDLERS.get(name)
        if handler is None or match["close"]:
            if code:
                return match.group(0)
            hint = did_you_mean(name, KNOWN_SHORTCODES) or f"Known are: {', '.join(KNOWN_SHORTCODES)}."
            reading.problem(path, at, f"the shortcode {name!r} is not known.", hint)
            return ""
        value = handler(reading, arguments, options, path, at)
        if value is None:
            return ""
        begins = not line[: match.start()].strip()
        plain = value.text if value.html is None and not value.block else None
        if (
            plain is not None
            and _SAFE.fullmatch(plain)
            and "<" not in plain
            and "--" not in plain
            and value.markdown in {None, plain}
            and not (begins and _STARTS_BLOCK.match(plain))
        ):
            put = plain
        else:
            put = _token(reading, value)
        if name != "meta" or not _is_result(arguments[0]):
            return put
        number = _note_shown(reading, arguments[0], value)
        if not code and not value.block and put and _can_be_marked(reading, line, match, put):
            return marks.mark(number, put)
        reading.listed.add(number)
        return put

    line = _ESCAPED.sub(escaped, line)
    resolved = _SHORTCODE.sub(one, line)
    if marks.is_too_long(resolved):
        reading.listed.update(marks.marks_in(resolved))
        return marks.unmark(resolved)
    return resolved


def _is_result(key: str) -> bool:
    return key.split(".")[0] in RESULTS


def _note_shown(reading: _PostReader, key: str, value: ShortcodeValue) -> int:
    """The number of a value that the page shows."""
    shown_value = ShownValue(key=key, text=value.markdown if value.markdown is not None else value.text)
    return reading.shown.setdefault(shown_value, len(reading.shown))


def _can_be_marked(reading: _PostReader, line: str, match: re.Match[str], put: str) -> bool:
    """Whether a shortcode stands in running text, where ``put`` takes its place."""
    if reading.in_display or reading.in_heading:
        return False
    before, after = (_SHORTCODE.sub("0", part) for part in (line[: match.start()], line[match.end() :]))
    return marks.can_be_marked(before, put, after, reading.lines)


def _resolve_metadata(reading: _PostReader, value: Any) -> Any:
    """Metadata with the shortcodes in their words resolved."""
    if isinstance(value, Mapping):
        return {key: _resolve_metadata(reading, entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_resolve_metadata(reading, entry) for entry in value]
    if not isinstance(value, str) or "{{<" not in value:
        return value

    def one(match: re.Match[str]) -> str:
        arguments, options = _shortcode_words(match["body"])
        line = line_of(reading.path, match.group(0)) or 1
        handler = _HANDLERS.get(arguments[0]) if arguments else None
        if handler is None:
            name = arguments[0] if arguments else ""
            hint = did_you_mean(name, KNOWN_SHORTCODES) or f"Known are: {', '.join(KNOWN_SHORTCODES)}."
            reading.problem(reading.path, line, f"the shortcode {name!r} is not known.", hint)
            return ""
        found = handler(reading, arguments[1:], options, reading.path, line)
        if found is not None and arguments[0] == "meta" and _is_result(arguments[1]):
            reading.listed.add(_note_shown(reading, arguments[1], found))
        return "" if found is None else found.markdown or found.text

    escaped = _ESCAPED.sub(lambda match: "\ue002" + (match.group(1) or f"<{match.group(2)}>") + "\ue003", value)
    resolved = _SHORTCODE.sub(one, escaped)
    return resolved.replace("\ue002", "{{").replace("\ue003", "}}")


def _look_up(data: Any, path: str) -> Any:
    """A value in nested mappings by its dotted path; KeyError with the keys that are there."""
    parts = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]
    for part in parts:
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdigit() and 0 < int(part) <= len(data):
            data = data[int(part) - 1]
        else:
            raise KeyError(sorted(map(str, data)) if isinstance(data, Mapping) else [])
    return data


def _handler_from(kind: str, find: Callable[[_PostReader], Any]) -> Callable[..., ShortcodeValue | None]:
    def handle(
        reading: _PostReader, arguments: list[str], options: Mapping[str, str], path: Path, at: int
    ) -> ShortcodeValue | None:
        if not arguments:
            reading.problem(path, at, f"the shortcode {kind!r} names no key.", f"Write {{{{< {kind} KEY >}}}}.")
            return None
        name = arguments[0]
        try:
            value = _look_up(find(reading), name)
        except KeyError as error:
            known = error.args[0]
            hint = did_you_mean(name.rpartition(".")[2], known) or (
                f"There are: {', '.join(known[:12])}." if known and "." in name else ""
            )
            if name.startswith("values."):
                hint = (
                    f"`blogkit gather` writes the values; front matter: `metadata-files: [results/values.yml]`. {hint}"
                )
            reading.problem(path, at, f"there is no {kind} value {name!r}.", hint.strip())
            return None
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, list | Mapping):
            reading.problem(path, at, f"{name!r} is not one value but several.", "Name one of them.")
            return None
        words = shown(value)
        if isinstance(value, str):
            return ShortcodeValue(text=_strip(words), markdown=words.strip(), block="\n\n" in words.strip())
        return ShortcodeValue(text=words)

    return handle


def _strip(markdown: str) -> str:
    """Markdown's words, for places where only words can stand."""
    return re.sub(r"[*_`]|\$|\\(?=[^\w\s])", "", markdown).strip()


def _variables(reading: _PostReader) -> Any:
    if reading.variables is None:
        path = reading.site.root / "_variables.yml"
        if not is_inside_site(path, path):
            raise ConfigError([outside_problem(path.name, path)])
        reading.inputs.add(path)
        reading.variables = (load_yaml_file(path) if path.is_file() else {}) or {}
    return reading.variables


def _env(
    reading: _PostReader, arguments: list[str], options: Mapping[str, str], path: Path, at: int
) -> ShortcodeValue | None:
    name = arguments[0] if arguments else ""
    allowed = name in reading.site.config.env
    value = os.environ.get(name) if allowed else None
    if value is None and len(arguments) > 1:
        value = arguments[1]
    if value is None and name and not allowed:
        hint = (
            f"List it in _quarto.yml, `blogkit: {{env: [{name}]}}`, or give a default: {{{{< env {name} default >}}}}."
        )
        reading.problem(path, at, f"a page does not show the environment variable {name}.", hint)
        return None
    if value is None:
        reading.problem(path, at, "the environment variable is not set.", "Give a default: {{< env NAME default >}}.")
        return None
    return ShortcodeValue(text=value)


def _pagebreak(
    reading: _PostReader, arguments: list[str], options: Mapping[str, str], path: Path, at: int
) -> ShortcodeValue | None:
    return ShortcodeValue(html='<div class="page-break"></div>', block=True)


def _kbd(
    reading: _PostReader, arguments: list[str], options: Mapping[str, str], path: Path, at: int
) -> ShortcodeValue | None:
    keys = " ".join(arguments) or next(iter(options.values()), "")
    data = "".join(f' data-{name}="{html.escape(value)}"' for name, value in options.items())
    return ShortcodeValue(text=keys, html=f"<kbd{data}>{html.escape(keys)}</kbd>")


def _video(
    reading: _PostReader, arguments: list[str], options: Mapping[str, str], path: Path, at: int
) -> ShortcodeValue | None:
    if not arguments:
        reading.problem(path, at, "the shortcode 'video' names no file.", "Write {{< video FILE >}}.")
        return None
    source = arguments[0]
    title = options.get("title", "")
    size = "".join(f' {name}="{html.escape(options[name])}"' for name in ("width", "height") if name in options)
    label = html.escape(title or f"Video {Path(source).stem}")
    if re.match(r"https?://", source):
        address = html.escape(_player(source))
        inner = (
            f'<iframe data-external="1" src="{address}"{size} title="{html.escape(title)}" allowfullscreen=""></iframe>'
        )
    else:
        inner = (
            f'<video class="quarto-video" src="{html.escape(source)}"{size} controls="" aria-label="{label}"></video>'
        )
    return ShortcodeValue(html=f'<div class="quarto-video ratio ratio-16x9">{inner}</div>', block=True)


def _player(address: str) -> str:
    for pattern, player in (
        (r"https?://(?:www\.)?youtube\.com/watch\?v=([\w-]+).*", "https://www.youtube.com/embed/{}"),
        (r"https?://youtu\.be/([\w-]+).*", "https://www.youtube.com/embed/{}"),
        (r"https?://vimeo\.com/(\d+).*", "https://player.vimeo.com/video/{}"),
    ):
        if match := re.fullmatch(pattern, address):
            return player.format(match.group(1))
    return address


def _version(
    reading: _PostReader, arguments: list[str], options: Mapping[str, str], path: Path, at: int
) -> ShortcodeValue | None:
    return ShortcodeValue(text="1.10")


def _block_only(name: str) -> Callable[..., ShortcodeValue | None]:
    def handle(
        reading: _PostReader, arguments: list[str], options: Mapping[str, str], path: Path, at: int
    ) -> ShortcodeValue | None:
        reading.problem(
            path, at, f"{{{{< {name} … >}}}} must stand on a line of its own.", "Put an empty line around it."
        )
        return None

    return handle


_HANDLERS: Mapping[str, Callable[..., ShortcodeValue | None]] = {
    "meta": _handler_from("meta", lambda reading: reading.metadata),
    "var": _handler_from("var", _variables),
    "env": _env,
    "pagebreak": _pagebreak,
    "kbd": _kbd,
    "video": _video,
    "version": _version,
    "include": _block_only("include"),
    "embed": _block_only("embed"),
}


# --- equations -------------------------------------------------------------------------------------------------------


def _mark_equations(text: str) -> str:
    """Puts a span around display mathematics that carries an id, on the same lines, outside code."""
    if "{#eq-" not in text:
        return text

    def mark(match: re.Match[str]) -> str:
        lines = "\n" * match["gap"].count("\n")
        return f"[$${match['tex']}$$]{{#{match['id']} .bk-equation{match['rest']}}}{lines}"

    parts = re.split(r"(^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?^[ \t]*\2[`~]*[ \t]*$)", text, flags=re.MULTILINE | re.DOTALL)
    # split with two groups: text, fence, mark, text, …
    out: list[str] = []
    for number, part in enumerate(parts):
        if number % 3 == 0:
            out.append(_EQUATION.sub(mark, part))
        elif number % 3 == 1:
            out.append(part)
    return "".join(out)
