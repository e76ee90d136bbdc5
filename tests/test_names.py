"""A name leads a reader of the code to one thing, and a private helper is found by a search for its name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "blogkit"
ONE_WORD = re.compile(r"_[a-z0-9]+")
ONE_WORD_LIST = Path(__file__).with_name("one-word-helpers.txt")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "node_modules" not in path.parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def type_names(tree: ast.Module) -> Iterator[str]:
    """The classes of a module, and what it names at its top as a type is named: ``Rows = Sequence[Row]``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        for target in targets:
            if isinstance(target, ast.Name) and re.fullmatch(r"_?[A-Z]\w*[a-z]\w*", target.id):
                yield target.id


def one_word_helpers() -> set[str]:
    """Every private function whose name is one word, as ``module.py: _word``."""
    return {
        f"{path.relative_to(PACKAGE).as_posix()}: {node.name}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ONE_WORD.fullmatch(node.name)
    }


def test_a_class_name_has_one_meaning_in_the_whole_package() -> None:
    """No two classes or type names are the same, not even but for an underscore."""
    places = defaultdict(set)
    for path, tree in modules():
        for name in type_names(tree):
            places[name.lstrip("_")].add(path.relative_to(ROOT).as_posix())
    assert {name: sorted(where) for name, where in places.items() if len(where) > 1} == {}


def test_a_new_private_helper_has_a_noun_in_its_name() -> None:
    """`_cached_page` is found by a search, `_known` is not: the list of one-word helpers only becomes shorter."""
    listed = set(ONE_WORD_LIST.read_text(encoding="utf-8").splitlines())
    assert sorted(one_word_helpers() - listed) == [], "give these a name of two words or more"


ODD_WORDS = {
    "mend": r"\bmend(s|ed|ing)?\b",
    "letter for an error message": r"\b(get|gets|refused with) a letter\b|_a_letter\b",
    "told": r"\btold\b|_told\b|\b_?told_",
    "the one that": r"\bthe ones? that\b",
}


@pytest.mark.parametrize("words", ODD_WORDS.values(), ids=ODD_WORDS)
def test_code_output_and_documentation_use_plain_words(words: str) -> None:
    """ "Fix", "error message": the words of the field, in code, output, docs and changelog."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in written_files()
        if words != ODD_WORDS["told"]
        or (path.suffix != ".ts" and path.parts[len(ROOT.parts)] not in {"tests", "benchmarks"})
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(words, line, re.IGNORECASE)
    ]
    assert found == []


def written_files() -> Iterator[Path]:
    """What people wrote: code, tests, docs and pages of this repository."""
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))
    for folder in ("blogkit", "tests", "docs", "benchmarks", "template"):
        for path in sorted((ROOT / folder).rglob("*")):
            written = path.suffix in {".py", ".md", ".qmd", ".ts"} and "node_modules" not in path.parts
            if written and path != Path(__file__):
                yield path
