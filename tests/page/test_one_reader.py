"""Whoever reads a rendered page asks the one model: nothing else turns a page into text or reads style sheets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import blogkit

PACKAGE = Path(blogkit.__file__).parent
PARSERS = re.compile(r"\bdocument_fromstring\b|\bhtml\.fromstring\b|\bHTMLParser\b|\bLexborHTMLParser\b|\bhtml5lib\b")
TEXTS = re.compile(r"\.itertext\(|\.text_content\(")
STYLES = re.compile(r"""@import\\s|url\\\(\\s""")
PARSING = {
    "render/dom.py": "reads back what an engine wrote, to finish it",
}
READING = {
    "render/engines/typeset.py": "the TeX source of a formula",
    "render/finish/layout.py": "the lines of a drawing",
    "render/finish/states.py": "the words of a drawing",
    "render/marks.py": "the exact text of one value",
    "review/leaks.py": "the words of a drawing",
}
"""Modules that take text out of something else than a page as its reader sees it, and what it is."""


def modules_with(pattern: re.Pattern[str]) -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if "node_modules" not in path.parts and pattern.search(path.read_text(encoding="utf-8")):
            found.add(path.relative_to(PACKAGE).as_posix())
    return found


def test_a_page_is_parsed_in_one_place() -> None:
    assert {name for name in modules_with(PARSERS) if not name.startswith("page/")} == set(PARSING)


def test_what_a_page_says_is_asked_of_its_model() -> None:
    assert {name for name in modules_with(TEXTS) if not name.startswith("page/")} == set(READING)


def test_style_sheets_are_read_by_the_grammar_of_css() -> None:
    assert modules_with(STYLES) == set()


@pytest.mark.parametrize("line", ['html.document_fromstring("")', '"".join(p.itertext())', 'r"@import\\s+"'])
def test_these_rules_see_what_they_forbid(line: str) -> None:
    assert any(pattern.search(line) for pattern in (PARSERS, TEXTS, STYLES))
