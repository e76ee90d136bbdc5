"""The ways of a value that CONTRIBUTING lists are those of the code: at most nine stops from a cell to a comment."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_PLACE = re.compile(r"`(blogkit/[\w/.]+): (\w+)`")


@dataclass(frozen=True)
class WayStop:
    """One row of a table."""

    places: tuple[tuple[str, str], ...]
    """File and function of the stop, then of what it calls and gets back from."""
    hands_on_by: str

    def holds(self, word: str) -> bool:
        """Whether a word stands in the code of the stop."""
        return any(word in text_of(file) for file, _ in self.places)


@cache
def text_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def read_ways() -> dict[str, tuple[int, int, list[WayStop]]]:
    """Each way by what travels on it, with the numbers of stops and functions that its title says."""
    section = text_of("CONTRIBUTING.md").split("## A value's way")[1]
    found: dict[str, tuple[int, int, list[WayStop]]] = {}
    name = ""
    for line in section.splitlines():
        title = re.match(r"An? (\w+), .*\((\d+) stops, (\d+) functions", line)
        if title:
            name = title[1]
            found[name] = (int(title[2]), int(title[3]), [])
        elif line.startswith("| `"):
            _, stop, more, by, _ = line.split("|")
            found[name][2].append(WayStop(tuple(_PLACE.findall(stop + more)), by.strip().strip("`")))
    return found


def defined_names(file: str) -> set[str]:
    """The functions and classes of a module, in Python or in a language of browsers."""
    if not file.endswith(".py"):
        pattern = r"(?:function\*?|const|class)\s+(\w+)|^\s+(?:async )?(\w+)\("
        return {one for pair in re.findall(pattern, text_of(file), re.MULTILINE) for one in pair if one}
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(text_of(file))) if isinstance(node, kinds)}


def used_names(file: str) -> set[str]:
    """The names that the code of a module uses: not those that only a text or a comment holds."""
    if not file.endswith(".py"):
        return set(re.findall(r"\w+", re.sub(r"//.*", "", text_of(file))))
    found: set[str] = set()
    for node in ast.walk(ast.parse(text_of(file))):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


WAYS = read_ways()


def test_a_parameter_a_metric_a_chart_and_a_finding_have_a_way() -> None:
    assert set(WAYS) == {"parameter", "metric", "chart", "finding"}


@pytest.mark.parametrize("name", WAYS)
def test_a_way_has_as_many_stops_as_it_says_and_at_most_nine(name: str) -> None:
    said, functions, stops = WAYS[name]
    assert len(stops) == said <= 9
    assert len({place for stop in stops for place in stop.places}) == functions
    assert all(stop.hands_on_by for stop in stops[:-1])


@pytest.mark.parametrize("name", WAYS)
def test_every_function_of_a_way_exists(name: str) -> None:
    missing = [
        f"{file}: {one}" for stop in WAYS[name][2] for file, one in stop.places if one not in defined_names(file)
    ]
    assert missing == []


@pytest.mark.parametrize("name", WAYS)
def test_what_a_stop_is_listed_with_is_called_from_it(name: str) -> None:
    """By the stop itself, or by something else that it is listed with."""
    strange = []
    for stop in WAYS[name][2]:
        for file, one in stop.places[1:]:
            if not any(one in used_names(other) for other, _ in stop.places if other != file):
                strange.append(f"{file}: {one}")
    assert strange == []


@pytest.mark.parametrize("name", WAYS)
def test_each_stop_names_what_it_hands_the_value_on_by_and_so_does_the_next(name: str) -> None:
    for stop, following in pairwise(WAYS[name][2]):
        assert stop.holds(stop.hands_on_by), stop
        assert following.holds(stop.hands_on_by), (stop.hands_on_by, following)
