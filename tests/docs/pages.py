"""Reads the pages of the documentation: their code blocks, what is said about each, and the commands they show.

What a test needs to know about a block stands in an HTML comment before it, which readers do not see::

    <!-- not run: why -->      never executed; a command in it must still exist
    <!-- slow: why -->         the page's commands are run by a test marked slow
    <!-- fails: why -->        the commands exit with an error
    <!-- not output: why -->   a text that is not the output of the block before it
    <!-- before: commands -->  run before the next block, in its language
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "about.qmd", *sorted((ROOT / "docs").glob("*.qmd")))
_FENCE = re.compile(r"^(?P<mark>```+)(?P<info>.*)$")
_COMMENT = re.compile(r"<!--\s*(not run|slow|fails|not output|before):(.*?)-->", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A code block of a page."""

    page: Path
    line: int
    language: str
    file: str
    """The file that the reader should write it to; empty for most."""
    text: str
    marks: Mapping[str, str] = field(default_factory=dict)
    follows: bool = False
    """Whether nothing that a reader sees stands between this block and the one before it."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> tuple[Block, ...]:
    """The code blocks of a page, in order."""
    found: list[Block] = []
    between: list[str] = []
    inside: list[str] | None = None
    start, mark, info = 0, "", ""
    for number, row in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(row)
        if inside is not None:
            if row.startswith(mark) and not row.strip("`"):
                found.append(_block(page, start, info, inside, "\n".join(between)))
                inside, between = None, []
            else:
                inside.append(row)
        elif fence:
            inside, start, mark, info = [], number, fence["mark"], fence["info"].strip()
        else:
            between.append(row)
    return tuple(found)


def _block(page: Path, line: int, info: str, rows: list[str], before: str) -> Block:
    marks: dict[str, str] = {}
    for match in _COMMENT.finditer(before):
        marks[match[1]] = f"{marks.get(match[1], '')}\n{dedent(match[2]).strip()}".strip()
    seen = re.sub(r"<!--.*?-->", "", before, flags=re.DOTALL)
    name = re.match(r"\{?\.?([\w=]*)", info)
    file = re.search(r'filename="([^"]*)"', info)
    return Block(
        page=page,
        line=line,
        language=name[1] if name else "",
        file=file[1] if file else "",
        text="\n".join(rows) + "\n" if rows else "",
        marks=marks,
        follows=not seen.strip(),
    )


def command_lines(page: Path) -> Iterator[tuple[int, list[str], bool]]:
    """Each command of blogkit that a page shows: its line, its words, and whether it stands inside a sentence."""
    for block in blocks(page):
        if block.language in {"sh", "python"}:
            for offset, words in shell_commands(block.text):
                yield block.line + offset, words, False
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```+$", lambda match: "\n" * match[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    for match in re.finditer(r"`(blogkit [^`]+)`", prose):
        yield prose.count("\n", 0, match.start()) + 1, _split(" ".join(match[1].split())), True


def shell_commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """The words of each ``blogkit`` in shell lines, also those of a notebook that begin with ``!``."""
    lines = text.replace("\\\n", "  ").splitlines()
    for number, line in enumerate(lines, start=1):
        if not re.search(r"\bblogkit\b", line) or line.lstrip().startswith(("#", "from ", "import ")):
            continue
        command: list[str] = []
        for word in [*_split(line.strip().removeprefix("!")), ";"]:
            if word and set(word) <= set("();<>|&"):
                if command[:1] == ["blogkit"]:
                    yield number, command
                command = []
            else:
                command.append(word)


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


@cache
def generator() -> Any:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
