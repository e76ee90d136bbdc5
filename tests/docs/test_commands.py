"""Every command that the documentation shows is one that blogkit has, with options that it has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, command_lines, generator, shell_commands


def complaint(words: list[str], *, in_a_sentence: bool = False) -> str:
    """What blogkit would say against a command line before running it; empty when it would run it."""
    command: Any = generator().app_command()
    rest = words[1:]
    name = "blogkit"
    while hasattr(command, "commands"):
        if not rest or rest[0].isupper():  # `blogkit COMMAND --help` speaks of all of them
            return ""
        if rest[0].startswith("-"):
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            return "" if rest[0] in known else f"{name}: no such option: {rest[0]}"
        if rest[0] not in command.commands:
            return f"{name}: no such command: {rest[0]}"
        name, command, rest = f"{name} {rest[0]}", command.commands[rest[0]], rest[1:]
    try:
        command.make_context(name, list(rest))
    except Exception as error:  # click's, wherever typer takes it from
        kind = type(error).__name__
        if kind == "Exit" or (in_a_sentence and kind == "MissingParameter"):
            return ""
        return f"{name}: {getattr(error, 'message', None) or error}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_parses_against_the_real_command_line(page: Path) -> None:
    problems = []
    for line, words, in_a_sentence in command_lines(page):
        if said := complaint(words, in_a_sentence=in_a_sentence):
            problems.append(f"{page.name}:{line}: {' '.join(words)}\n    {said}")
    assert problems == []


def test_the_documentation_shows_enough_commands_to_be_worth_the_check() -> None:
    shown = [words for page in PAGES for _, words, _ in command_lines(page)]
    assert len(shown) > 50
    assert {"init", "new", "run", "gather", "render", "check", "publish", "build"} <= {words[1] for words in shown}


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("blogkit run --no-such-option", "--no-such-option"),
        ("blogkit rnu", "no such command: rnu"),
        ("cd x && blogkit new", "name"),
        ("blogkit check --format pdf", "pdf"),
        ("!blogkit review asign", "asign"),
        ("blogkit --verbose run", "--verbose"),
    ],
)
def test_a_command_line_that_blogkit_does_not_know_is_noticed(line: str, part: str) -> None:
    ((_, words),) = shell_commands(line)
    assert part.lower() in complaint(words).lower()


@pytest.mark.parametrize(
    "line", ["blogkit COMMAND --help", "blogkit run --help  # says more", "blogkit run --set lr=0.1 > log; true"]
)
def test_a_command_line_that_blogkit_knows_passes(line: str) -> None:
    ((_, words),) = shell_commands(line)
    assert complaint(words) == ""


def test_every_code_block_is_of_a_kind_that_some_test_looks_at() -> None:
    looked_at = {"sh", "python", "yaml", "text", "csv", "markdown"}
    strange = [str(block) for page in PAGES for block in blocks(page) if block.language not in looked_at]
    assert strange == []


def test_every_exception_has_its_reason() -> None:
    for page in PAGES:
        for block in blocks(page):
            for mark, reason in block.marks.items():
                assert len(reason.split()) >= 2, f"{block}: <!-- {mark}: … --> says no reason"


def test_the_table_of_the_house_names_only_what_there_is() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## The house", 1)[1].split("\n## ")[0]
    named = {path for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for path in re.findall(r"`([^`]+)`", row)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    modules = {f"blogkit/{path.name}" for path in (ROOT / "blogkit").glob("[a-z]*.py")}
    modules |= {f"blogkit/{path.parent.name}/" for path in (ROOT / "blogkit").glob("*/__init__.py")}
    assert modules - named == set(), "the table names every module"


def test_students_and_staff_meet_their_own_commands_alone() -> None:
    """The tutorial shows nothing that needs a roster or a class, and the staff's page nothing that makes a post."""

    def verbs(name: str) -> set[str]:
        (page,) = [page for page in PAGES if page.name == name]
        found = re.findall(r"\bblogkit (review \w+|\w+)", "\n".join(block.text for block in blocks(page)))
        return {verb.removesuffix(" review") for verb in found}

    students, staff = verbs("tutorial.qmd"), verbs("staff.qmd")
    assert {"new", "run", "build", "check", "publish", "preview"} <= students
    assert {"review assign", "review serve", "review collect"} <= staff
    shared = {"review leaks"}  # what gives an author away is for both to see
    assert not students & {verb for verb in staff if verb.startswith("review ")} - shared
    assert not staff & {"run", "gather", "build", "preview", "status", "verify"}
