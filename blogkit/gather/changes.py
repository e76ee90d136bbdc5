"""Which numbers of the prose a gathering changed, and which lines of the post quote them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from blogkit.conditions import ConditionError, bound_sentences, judge_condition, known_values
from blogkit.config import load_yaml
from blogkit.errors import ConfigError

_QUOTE = re.compile(r"\{\{<\s*meta\s+values\.([\w.\-]+)\s*>\}\}")


@dataclass(frozen=True, kw_only=True)
class ChangedValue:
    """A number for the prose that is new, different or gone."""

    name: str
    before: str | None
    now: str | None
    quoted: tuple[tuple[Path, int], ...] = ()
    """The lines of the project's sources that quote it."""


def shown_values(path: Path) -> dict[str, str]:
    """The values of a ``values.yml`` as the prose shows them; none from a file that is none."""
    try:
        document = load_yaml(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError, ConfigError):
        return {}
    values = document.get("values") if isinstance(document, dict) else None
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}


def changed_values(before: Mapping[str, str], now: Mapping[str, str], folder: Path) -> tuple[ChangedValue, ...]:
    """What differs between two states, with the lines of the project's ``.qmd`` and ``.md`` files that quote it."""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    quoted: dict[str, list[tuple[Path, int]]] = {name: [] for name in names}
    for name, path, line in _quoted_values(folder) if names and before else ():
        if name in quoted:
            quoted[name].append((path, line))
    return tuple(
        ChangedValue(name=name, before=before.get(name), now=now.get(name), quoted=tuple(quoted[name]))
        for name in names
    )


def _quoted_values(folder: Path) -> Iterator[tuple[str, Path, int]]:
    for path, number, line in _source_lines(folder):
        for match in _QUOTE.finditer(line):
            yield match[1], path, number


def _source_lines(folder: Path, *, code: bool = True) -> Iterator[tuple[Path, int, str]]:
    """Every line of a post's sources; without ``code``, what stands in a fenced block is an empty line."""
    for path in sorted([*folder.glob("*.qmd"), *folder.glob("*.md"), *folder.glob("index.ipynb")]):
        fenced = False
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            fenced = fenced != line.lstrip().startswith(("```", "~~~"))
            yield path, number, line if code or not fenced else ""


def broken_sentences(values: Path, folder: Path) -> tuple[str, ...]:
    """The sentences of the project's sources that are bound to a condition which the values do not meet, in words."""
    sentences = list(bound_sentences(_source_lines(folder, code=False)))
    if not sentences:
        return ()
    try:
        document = load_yaml(values.read_text(encoding="utf-8"), values)
    except (OSError, UnicodeDecodeError, ConfigError):
        document = {}
    raw, texts = known_values(document)
    found = []
    for one in sentences:
        with suppress(ConditionError):
            verdict = judge_condition(one.condition, raw, texts)
            if not verdict.holds:
                place, known = f"{one.path.name}:{one.line}", verdict.shown_values_text()
                found.append(f'{place} "{one.words}": {one.condition}, with {known}')
    return tuple(found)
