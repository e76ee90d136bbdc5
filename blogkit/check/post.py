"""What the rules look at, and what they say of it: a post with its page, its files and its source; a fault with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from blogkit.check.files import Files
from blogkit.check.reach import Reference, references
from blogkit.check.source import Place, Source
from blogkit.coverage import Coverage
from blogkit.page import Page


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
    coverage: Coverage | None = None
    """How much of the project's sweep its results hold, where that is known."""
    stale_results: tuple[str, ...] = ()
    """Why the project's results are stale; empty where they are current."""
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
        return tuple(references(self.page.root, self.page_name, self.files)) if self.page_name is not None else ()

    @cached_property
    def reached(self) -> frozenset[str]:
        """Every local file that the page reaches, itself included."""
        targets = {one.target for one in self.references if one.target and self.files.exists(one.target)}
        return frozenset(targets | {self.page_name} if self.page_name is not None else targets)
