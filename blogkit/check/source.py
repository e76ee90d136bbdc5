"""The post's source, so that a finding names the line that its author edits and not one of the rendered page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from blogkit.config import Yaml, front_matter, is_inside_site
from blogkit.errors import ConfigError

_INCLUDE = re.compile(r"\{\{<\s*include\s+([^\s>]+)\s*>\}\}")
_WORD = re.compile(r"\w+")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")


def _heading_in(line: str) -> str:
    """The words of a heading, without its attributes; empty for another line."""
    match = re.match(r"#{1,6}\s+(\S.*)", line)
    title = match.group(1).rstrip() if match else ""
    if not title.endswith("}"):
        return title
    before = title.rfind("}", 0, -1) + 1
    start = title.find("{", before)
    return title[:start].rstrip() if start >= 0 else title


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a file."""

    path: Path
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the post or of a file that it includes."""

    path: Path
    number: int
    text: str
    code: bool = False
    """Whether it stands in a fenced block."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A post's source file with the files that it includes."""

    path: Path

    @cached_property
    def front(self) -> Yaml:
        """The front matter with its lines; empty where it cannot be read, which rendering has reported by then."""
        try:
            return front_matter(self.path)
        except (ConfigError, OSError, ValueError):
            return Yaml(data={}, path=self.path, lines={})

    @property
    def metadata(self) -> Mapping[str, Any]:
        data = self.front.data
        return data if isinstance(data, Mapping) else {}

    def entry(self, *keys: str | int) -> Place:
        """Where an entry of the front matter stands."""
        return Place(path=self.path, line=self.front.line(keys) if self.front.lines else 1)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every line, with included files in their place."""
        return tuple(self._read(self.path, 0))

    def _read(self, path: Path, depth: int) -> Iterator[Line]:
        try:
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return
        if path.suffix == ".ipynb":
            yield from _notebook_lines(path, text)
            return
        fence = ""
        for number, row in enumerate(text.splitlines(), start=1):
            match = _FENCE.match(row)
            if match and not fence:
                fence = match.group(1)
            elif match and fence and match.group(1).startswith(fence) and row.strip() == match.group(1):
                fence = ""
            yield Line(path=path, number=number, text=row, code=bool(fence))
            included = _INCLUDE.search(row)
            if included and depth < 8 and not fence:
                other = (path.parent / included.group(1)).resolve()
                if other.is_file() and is_inside_site(other, path):
                    yield from self._read(other, depth + 1)

    @cached_property
    def _words(self) -> tuple[list[str], list[int]]:
        words: list[str] = []
        at: list[int] = []
        for index, line in enumerate(self.lines):
            for word in _WORD.findall(line.text.lower()):
                words.append(word)
                at.append(index)
        return words, at

    def find(self, *needles: str) -> Place | None:
        """The first line that holds one of these strings, tried in their order."""
        for needle in needles:
            if not needle.strip():
                continue
            for line in self.lines:
                if needle in line.text:
                    return Place(path=line.path, line=line.number)
        return None

    def find_text(self, text: str) -> Place | None:
        """The line on which words of the rendered page stand in the source; marks, wraps and numbers may differ."""
        wanted = _WORD.findall(text.lower())[:12]
        words, at = self._words
        for length in (min(len(wanted), 8), 5, 3, 2, 1):
            if length > len(wanted):
                continue
            for offset in range(max(1, len(wanted) - length + 1)):
                run = wanted[offset : offset + length]
                if length <= 2 and max(map(len, run), default=0) < 4 and len(wanted) > length:
                    continue
                index = _find_run(words, run)
                if index is not None:
                    line = self.lines[at[index]]
                    return Place(path=line.path, line=line.number)
            if length == len(wanted) == 1:
                break
        return None

    def find_heading(self, text: str) -> Place | None:
        """The line of a heading."""
        wanted = _WORD.findall(re.sub(r"^[\d.]+\s+", "", text).lower())
        for line in self.lines:
            title = _heading_in(line.text)
            if title and not line.code and _WORD.findall(title.lower()) == wanted:
                return Place(path=line.path, line=line.number)
        return self.find_text(text)

    @property
    def bibliographies(self) -> tuple[Path, ...]:
        """The files that the front matter names, or that its site gives to every post."""
        named = self.metadata.get("bibliography") or []
        names = [named] if isinstance(named, str) else [str(one) for one in named]
        return tuple((self.path.parent / name).resolve() for name in names)


def _notebook_lines(path: Path, text: str) -> Iterator[Line]:
    """A notebook's Markdown; lines are those of the JSON file, which is what an editor can open at."""
    try:
        cells = json.loads(text).get("cells", [])
    except (ValueError, AttributeError):
        return
    rows = text.splitlines()
    position = 0
    for cell in cells:
        source = cell.get("source", "")
        for piece in source if isinstance(source, list) else source.splitlines():
            encoded = json.dumps(str(piece), ensure_ascii=False)[1:-1]
            for number in range(position, len(rows)):
                if encoded and (encoded in rows[number] or json.dumps(str(piece))[1:-1] in rows[number]):
                    position = number
                    break
            kind = cell.get("cell_type")
            yield Line(path=path, number=position + 1, text=str(piece).rstrip("\n"), code=kind == "code")


def _find_run(words: list[str], run: list[str]) -> int | None:
    if not run:
        return None
    start = 0
    while True:
        try:
            index = words.index(run[0], start)
        except ValueError:
            return None
        if words[index : index + len(run)] == run:
            return index
        start = index + 1
