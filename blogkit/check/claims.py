"""What an author typed about the results that the results do not say: an interval and zero, and the number of seeds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from blogkit.check.post import Fault, Post
from blogkit.check.source import Line, Place
from blogkit.conditions import known_values
from blogkit.config import read_yaml
from blogkit.errors import ConfigError
from blogkit.store import ProjectPaths

_QUOTED = re.compile(r"\{\{<\s{0,5}meta\s{1,5}values\.([\w-]{1,100})\s{0,5}>\}\}")
_EXCLUDES = re.compile(
    r"\bexclud(?:es?|ing) (?:zero|0)\b|\bdoes not (?:include|contain|hold) (?:zero|0)\b", re.IGNORECASE
)
_INCLUDES = re.compile(r"(?<!not )\b(?:includ|contain|hold)(?:e?s|ing) (?:zero|0)\b", re.IGNORECASE)
_NUMBERS = {
    word: number
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=1
    )
}
_SEEDS = re.compile(rf"(?<![\w.,–-])(\d{{1,3}}|{'|'.join(_NUMBERS)})\s+(?:random\s+)?seeds\b", re.IGNORECASE)


def wrong_claims(post: Post) -> Iterator[Fault]:
    """Each such claim, by the line on which it stands."""
    assert post.project is not None and post.source is not None
    paths = ProjectPaths(folder=post.project)
    raw: Mapping[str, Any] = {}
    with suppress(ConfigError, OSError):
        raw, _ = known_values(read_yaml(paths.values).data)
    seeds = _count_seeds(paths)
    paragraph: list[Line] = []
    for line in (*post.source.lines, None):
        if line is not None and line.text.strip() and not line.code:
            paragraph.append(line)
            continue
        yield from _claims_of_zero(paragraph, raw)
        yield from _claims_of_seeds(paragraph, seeds)
        paragraph = []


def _claims_of_zero(paragraph: list[Line], raw: Mapping[str, Any]) -> Iterator[Fault]:
    """The words speak of the value with an interval that was quoted last before them."""
    text, starts = _joined_lines(paragraph)
    for pattern, excludes in ((_EXCLUDES, True), (_INCLUDES, False)):
        for match in pattern.finditer(text):
            before = [one.group(1) for one in _QUOTED.finditer(text) if one.end() <= match.start()]
            quoted = [name for name in before if _has_interval(raw.get(name))]
            if not quoted:
                continue
            name = quoted[-1]
            number, error = raw[name]["value"], raw[name]["error"]
            if (abs(number) > abs(error)) is not excludes and number == number and error == error:
                line = paragraph[sum(start <= match.start() for start in starts) - 1]
                what = "holds zero" if excludes else "excludes zero"
                yield Fault(
                    message=f'"{match.group()}" stands behind {name}, whose interval {what}: {number:.4g} ± {error:.4g}.',
                    place=Place(path=line.path, line=line.number),
                )


def _has_interval(value: Any) -> bool:
    numbers = [value.get(key) for key in ("value", "error")] if isinstance(value, Mapping) else [None]
    return all(isinstance(number, int | float) for number in numbers)


def _claims_of_seeds(paragraph: list[Line], seeds: int | None) -> Iterator[Fault]:
    for line in paragraph if seeds else ():
        for match in _SEEDS.finditer(line.text):
            word = match.group(1).lower()
            number = int(word) if word.isdigit() else _NUMBERS[word]
            if number != seeds and "@" not in line.text:
                yield Fault(
                    message=f'"{match.group()}" is typed by hand, and the results are of {seeds}.',
                    place=Place(path=line.path, line=line.number),
                    fix="Record the number, record.value('seeds', …), and quote it; or say which seeds are meant.",
                )


def _joined_lines(paragraph: list[Line]) -> tuple[str, list[int]]:
    """The lines as one text, and where each begins in it."""
    starts, text = [], ""
    for line in paragraph:
        starts.append(len(text))
        text += line.text + " "
    return text, starts


def _count_seeds(paths: ProjectPaths) -> int | None:
    """How many seeds the gathered runs have; None where they name none."""
    try:
        runs = json.loads(paths.provenance.read_text(encoding="utf-8"))["runs"]
        return len({run["seed"] for run in runs if run.get("seed") is not None}) or None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
