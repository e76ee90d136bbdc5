"""The rules, by family. A rule is a small function over a post that yields a fault for each place that breaks it.

Its first docstring line says what must hold; its code never changes and its name is what profiles and waivers use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.check.files import Files
from blogkit.check.page import Page
from blogkit.check.profile import Profile
from blogkit.check.source import Place, Source

if TYPE_CHECKING:
    from blogkit.check.reach import Reference


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One place that breaks a rule, before the profile says how much it weighs."""

    message: str
    place: Place | None = None
    fix: str = ""
    """What to do here; empty when the rule's own advice says it."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """What the rules look at: a page with its files, and its source where blogkit made it."""

    path: Path
    """What was asked about: the project's folder, a zip, a page. Findings that fit nowhere else name it."""
    files: Files
    page: Page
    """An empty page when there is none."""
    page_name: str | None
    """The page's name among the files; None when there is no page."""
    submission: bool
    """Whether the files are all that is handed in, and not a whole site with other posts."""
    source: Source | None = None
    project: Path | None = None
    """The project's folder, with its results."""
    root: Path | None = None
    """The folder that the files lie in; None for a zip."""
    slug: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict)
    """What a browser saw, when one was asked."""

    def at(self, line: int | None = None) -> Place:
        """A line of the rendered page; the best there is where no source is known."""
        if self.page_name is None:
            return Place(path=self.path)
        if self.root is not None:
            return Place(path=self.root / self.page_name, line=line)
        return Place(path=self.path / self.page_name, line=line)

    def file(self, name: str, line: int | None = None) -> Place:
        """A file of the submission."""
        return Place(path=(self.root or self.path) / name, line=line)

    def where(self, *needles: str, text: str = "", heading: str = "", line: int | None = None) -> Place:
        """The source line that holds one of these, else the page's line."""
        if self.source is not None:
            found = self.source.find(*needles) if needles else None
            found = found or (self.source.find_heading(heading) if heading else None)
            found = found or (self.source.find_text(text) if text else None)
            if found is not None:
                return found
            return Place(path=self.source.path)
        return self.at(line)

    def entry(self, key: str) -> Place:
        """A front matter entry, or the page where there is no source."""
        return self.source.entry(key) if self.source is not None else self.at()

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every address of the page, and of the files that it loads in turn."""
        from blogkit.check.reach import references

        return tuple(references(self))

    @cached_property
    def reached(self) -> frozenset[str]:
        """Every local file that the page reaches, itself included."""
        from blogkit.check.reach import reach

        return frozenset(reach(self))


Check = Callable[[Post, Profile], Iterator[Fault]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a venue's format."""

    code: str
    name: str
    says: str
    """What must hold, one sentence."""
    why: str
    """What happens to a post that breaks it."""
    fix: str
    """How to mend it."""
    check: Check
    mends: bool = False
    """Whether ``--fix`` can mend it safely."""
    browser: bool = False
    """Whether only a browser can tell."""


_RULES: dict[str, Rule] = {}


def rule(
    code: str, name: str, *, why: str, fix: str, mends: bool = False, browser: bool = False
) -> Callable[[Check], Check]:
    """Registers a function as a rule; its docstring's first line says what must hold."""

    def register(check: Check) -> Check:
        says = (check.__doc__ or "").strip().splitlines()[0]
        assert name not in _RULES, name
        _RULES[name] = Rule(
            code=code, name=name, says=says, why=why, fix=fix, check=check, mends=mends, browser=browser
        )
        return check

    return register


def all_rules() -> Mapping[str, Rule]:
    """Every rule by name, in the order of the codes."""
    from blogkit.check.rules import (  # noqa: F401  # each registers its rules
        citations,
        document,
        figures,
        package,
        screen,
        track,
        writing,
    )

    return dict(sorted(_RULES.items(), key=lambda item: item[1].code))


def find_rule(name: str) -> Rule | None:
    """A rule by its code or its name, in any letter case."""
    wanted = name.strip().lower()
    return next((one for one in all_rules().values() if wanted in {one.code.lower(), one.name}), None)
