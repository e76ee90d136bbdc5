"""What a rendering makes: decided before anything is made, for both engines, from what it is given.

The plan says which sources are pages, where they go, what becomes of drafts, which posts stand before and after each
other, and which pages can be left as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blogkit.errors import ConfigError, Problem
from blogkit.model import Project, Site
from blogkit.render import language
from blogkit.render.metadata import as_list, flatten, folder_layers, line_of, shown

PAGE_SUFFIXES = (".qmd", ".ipynb", ".md")
NO_PAGES = {"README.md", "README.qmd", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE.md", "AGENTS.md"}
DRAFT_MODES = ("gone", "unlinked", "visible")


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The posts before and after a post in time: address from the site's root, and title."""

    previous: tuple[str, str] | None = None
    following: tuple[str, str] | None = None

    def record(self) -> list[Any]:
        """As JSON keeps it."""
        return [list(one) if one else None for one in (self.previous, self.following)]


NO_NEIGHBOURS = Neighbours()


@dataclass(frozen=True, kw_only=True)
class PlannedPage:
    """One source that is a page."""

    source: Path
    output: Path
    front: Mapping[str, Any]
    """The front matter; empty where it cannot be read: rendering the page says why."""
    is_draft: bool = False
    project: str | None = None
    """The project whose post it is."""
    neighbours: Neighbours = NO_NEIGHBOURS


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """What a rendering makes."""

    site: Site
    mode: str
    """What becomes of drafts: one of ``DRAFT_MODES``."""
    pages: tuple[PlannedPage, ...]
    """What is asked for, in the order of the sources."""
    others: tuple[PlannedPage, ...] = ()
    """The pages of the site that are not asked for, and stay as they are."""
    gone: tuple[Path, ...] = ()
    """Outputs of drafts, which are no pages."""
    outputs: Mapping[Path, Path]
    """Where each page that may be linked to lies, by its source without links."""
    unlinked: frozenset[Path] = frozenset()
    """Sources, without links, that nothing may lead to."""
    drafts_shown: bool = False
    """Drafts are made too, whatever the site says."""
    named: bool = False
    """Only the posts of some projects were asked for."""

    @property
    def held(self) -> list[Path]:
        """The sources of all pages that the site holds, made now or before."""
        return [
            *(page.source for page in self.pages),
            *(page.source for page in self.others if self.mode != "gone" or not self.is_hidden(page.source)),
        ]

    def is_hidden(self, source: Path) -> bool:
        """Whether a source is a draft that no list names."""
        return bool(self.unlinked) and source.resolve() in self.unlinked

    def surroundings(self, page: PlannedPage) -> list[Any]:
        """What a page is made of beside its files, as JSON keeps it."""
        return [*page.neighbours.record(), sorted(str(source) for source in self.unlinked)]

    def without(self, lost: Collection[Path]) -> RenderPlan:
        """The same plan where some sources became no pages: no post leads to them."""
        left = [page for page in [*self.pages, *self.others] if page.source not in lost]
        around = neighbours(self.site, [page for page in left if not self.is_hidden(page.source)])
        pages = tuple(
            replace(page, neighbours=around.get(page.source, NO_NEIGHBOURS)) for page in self.pages if page in left
        )
        return replace(self, pages=pages)


def plan_site(
    site: Site,
    sources: Sequence[Path],
    fronts: Mapping[Path, Mapping[str, Any]],
    *,
    only: Sequence[Project] = (),
    also: Collection[Path] = (),
    drafts: str | None = None,
) -> RenderPlan:
    """What is to be made of these sources, given their front matter.

    ``also`` are further sources to make beside those of ``only``. ``drafts`` says what becomes of drafts, whatever the
    site says; a draft that is named in ``only`` is made too.
    Raises ConfigError for a ``draft-mode`` that there is not.
    """
    mode = drafts or draft_mode(site)
    marked = drafts_of(site, fronts)
    hidden = frozenset[Path]() if mode == "visible" else marked
    real = _without_links([*sources, *(project.folder for project in site.projects)])
    names = {real[project.folder]: project.name for project in site.projects}
    every = [
        PlannedPage(
            source=source,
            output=output_of(site, source),
            front=fronts[source],
            is_draft=source in marked,
            project=names.get(real[source].parent),
        )
        for source in sources
    ]
    around = neighbours(site, [page for page in every if page.source not in hidden])
    every = [replace(page, neighbours=around.get(page.source, NO_NEIGHBOURS)) for page in every]
    wanted = {*wanted_sources(sources, only), *also}
    gone = [page for page in every if page.source in marked] if mode == "gone" and not only else []
    lost = {page.output for page in gone}
    pages = tuple(page for page in every if page.source in wanted and page.output not in lost)
    others = tuple(page for page in every if page.source not in wanted)
    return RenderPlan(
        site=site,
        mode=mode,
        pages=pages,
        others=others,
        gone=tuple(page.output for page in gone),
        outputs={real[page.source]: page.output for page in every if page.output not in lost},
        unlinked=frozenset(real[source] for source in hidden),
        drafts_shown=bool(only) or drafts == "visible",
        named=bool(only),
    )


def _without_links(paths: Iterable[Path]) -> dict[Path, Path]:
    """Each path as it lies on the disk; the folders that they share are asked for once."""
    known: dict[str, str] = {}

    def real(text: str) -> str:
        if text not in known:
            folder, name = os.path.split(text)
            if folder == text or not name or name == ".." or os.path.islink(text):  # noqa: PTH114
                known[text] = os.path.realpath(text)
            else:
                known[text] = f"{real(folder).rstrip(os.sep)}{os.sep}{name}"
        return known[text]

    return {
        path: Path(real(os.path.abspath(path)) if ".." not in path.parts else os.path.realpath(path)) for path in paths
    }


def unchanged_pages(
    plan: RenderPlan, find: Callable[[PlannedPage], Mapping[str, Any] | None]
) -> dict[Path, Mapping[str, Any]]:
    """What is known of the pages that can be left as they are, by their source.

    ``find`` gives what is known of a page whose files did not change since it was made, or None. A page that lists
    others is among them only where nothing else is made anew.
    """
    known: dict[Path, Mapping[str, Any]] = {}
    for page in plan.pages:
        record = find(page)
        if record is not None and record["around"] == plan.surroundings(page):
            known[page.source] = record
    if len(known) < len(plan.pages):
        known = {source: record for source, record in known.items() if not record["listing"]}
    return known


# --- which pages ------------------------------------------------------------------------------------------------------


def site_sources(site: Site) -> tuple[Path, ...]:
    """The files that become pages, as ``project.render`` lists them; the posts and the site's own pages without it."""
    patterns = (site.quarto.get("project") or {}).get("render")
    output = site.output
    if not patterns:
        patterns = ["*.qmd", "*.ipynb", "projects/**/index.qmd", "projects/**/index.ipynb"]
    found: dict[Path, None] = {}
    for pattern in [str(one) for one in patterns]:
        if pattern.startswith("!"):
            for path in _matching_files(site.root, pattern[1:], anywhere=True):
                found.pop(path, None)
            continue
        for path in _matching_files(site.root, pattern):
            if _is_page(path, site.root, output):
                found[path] = None
    return tuple(found)


def _matching_files(root: Path, pattern: str, *, anywhere: bool = False) -> list[Path]:
    """The files that a pattern of ``project.render`` names.

    As in Quarto, one with wildcards that does not begin with ``/`` or ``./`` is sought in every folder, and a folder
    stands for all in it. Without wildcards it is one path, unless it is to be sought ``anywhere``.
    """
    place = pattern.removeprefix(".") if pattern.startswith("./") else pattern
    pattern = place.strip("/")
    wild = anywhere or any(character in pattern for character in "*?[")
    if place.endswith("/") or (root / pattern).is_dir():
        pattern += "/**/*"
    elif not wild:
        path = root / pattern
        return [path] if path.is_file() else []
    if wild and not place.startswith("/"):
        pattern = "**/" + pattern
    return sorted(path for path in root.glob(pattern) if path.is_file())


def _is_page(path: Path, root: Path, output: Path) -> bool:
    relative = path.relative_to(root)
    if path.suffix not in PAGE_SUFFIXES or path.name in NO_PAGES or output in path.parents:
        return False
    return not any(part.startswith(("_", ".")) for part in relative.parts) and "runs" not in relative.parts[:-1]


def output_of(site: Site, source: Path) -> Path:
    """Where a source's page is written."""
    return site.output / source.relative_to(site.root).with_suffix(".html")


def wanted_sources(sources: Sequence[Path], only: Sequence[Project]) -> list[Path]:
    """The sources of some projects; all of them where no project is named."""
    if not only:
        return list(sources)
    folders = {project.folder.resolve() for project in only}
    return [source for source in sources if folders & {source.resolve().parent, *source.resolve().parents}]


# --- drafts -----------------------------------------------------------------------------------------------------------


def draft_mode(site: Site) -> str:
    """What the site does with drafts, as Quarto has it; ``gone`` by default. Raises ConfigError for another word."""
    mode = str((site.quarto.get("website") or {}).get("draft-mode") or "gone")
    if mode not in DRAFT_MODES:
        path = site.root / "_quarto.yml"
        message = f"the draft-mode {mode!r} is not known."
        hint = f"Known are {', '.join(DRAFT_MODES)}."
        raise ConfigError([Problem(path=path, line=line_of(path, "draft-mode"), message=message, hint=hint)])
    return mode


def drafts_of(site: Site, fronts: Mapping[Path, Mapping[str, Any]]) -> frozenset[Path]:
    """The sources that are drafts: by their front matter or their folder's, or named in ``website: drafts:``."""
    named = {(site.root / str(one)).resolve() for one in as_list((site.quarto.get("website") or {}).get("drafts"))}
    whole = flatten(site.quarto)
    return frozenset(
        source
        for source, front in fronts.items()
        if (named and source.resolve() in named) or _says_draft(site, whole, source, front)
    )


def _says_draft(site: Site, whole: Mapping[str, Any], source: Path, front: Mapping[str, Any]) -> bool:
    """Whether a page's metadata say that it is a draft: its own, else those of the folders around it and the site."""
    said = flatten(front).get("draft")
    if said is None:
        layers = [layer for layer in (whole, *folder_layers(site, source)) if "draft" in layer]
        said = layers[-1]["draft"] if layers else None
    return str(said).lower() not in {"none", "false", "no", "off", ""}


# --- before and after -------------------------------------------------------------------------------------------------


def neighbours(site: Site, pages: Sequence[PlannedPage]) -> dict[Path, Neighbours]:
    """Which post comes before and after each, oldest first; drafts, listings and pages without a date stand apart."""
    dated = []
    for page in pages:
        date = language.parse_date(page.front.get("date"), page.source)
        if date is None or page.front.get("listing") or page.front.get("draft"):
            continue
        title = re.sub(r"[*_`]", "", shown(page.front.get("title")) or page.source.parent.name)
        dated.append((date, title, page.source, page.output.relative_to(site.output).as_posix()))
    dated.sort(key=lambda one: (one[0], one[1]))
    result = {}
    for number, (_, _, source, _) in enumerate(dated):
        before = dated[number - 1] if number else None
        after = dated[number + 1] if number + 1 < len(dated) else None
        result[source] = Neighbours(
            previous=(before[3], before[1]) if before else None, following=(after[3], after[1]) if after else None
        )
    return result
