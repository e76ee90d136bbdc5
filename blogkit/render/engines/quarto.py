"""Quarto as the engine: it renders the site in its own folder, and its pages are finished as the others are.

The pages get the same navigation, listings, indexes and finishing as those of the embedded engine, so that a reader
cannot tell which engine made a site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lxml.html import HtmlElement, tostring
from markupsafe import escape

from blogkit.errors import BlogkitError, ToolFailed
from blogkit.model import Site
from blogkit.page.seen import visible_text
from blogkit.render import marks, people
from blogkit.render.dom import by_id, elements, parse_page, with_class
from blogkit.render.engines.program import PROGRAM
from blogkit.render.engines.protocol import DrawnPage
from blogkit.render.engines.typeset import typeset
from blogkit.render.metadata import flatten, folder_layers, listings_of, merge, shown, site_layer, with_metadata_files
from blogkit.render.plan import PlannedPage, RenderPlan
from blogkit.render.posts import PostWords
from blogkit.render.source import PostSource, front_of, read_source
from blogkit.tools import quarto
from blogkit.tools.pandoc import PandocPool


class QuartoEngine:
    """Quarto's command line; pandoc typesets the formulas that Quarto leaves to a script."""

    name = "quarto"
    keeps_pages = False
    jobs = 1

    def __init__(self) -> None:
        self._pool = PandocPool(PROGRAM, 1)

    def wake(self, *, whole: bool) -> None:
        """Nothing: Quarto is started for each rendering."""

    def begin(self, plan: RenderPlan) -> None:
        """Has Quarto render the site, or the sources that are asked for. Raises ToolMissing or ToolFailed."""
        metadata = {"draft-mode": "visible"} if plan.drafts_shown else {}
        root = plan.site.root
        if plan.named:
            quarto.render(root, [page.source.relative_to(root) for page in plan.pages], metadata)
        else:
            quarto.render(root, (), metadata, plan.site.output)

    def draw(self, plan: RenderPlan, page: PlannedPage) -> DrawnPage:
        """One page as Quarto made it. Raises ToolFailed where it made none, RenderError for a formula."""
        if not page.output.is_file():
            hint = "Is it listed under `project: render:` in _quarto.yml?"
            name = page.output.relative_to(plan.site.output)
            raise ToolFailed(f"Quarto made no {name}.", hint=hint, path=page.source)
        tree = parse_page(page.output.read_bytes())
        source = page.source
        own = with_metadata_files(flatten(front_of(source)), source.parent, source)
        metadata = merge(site_layer(plan.site), *folder_layers(plan.site, source), own)
        read = _source_with_marks(plan.site, source)
        if read is not None and read.shown:
            marks.find_values(tree, read.text, read.shown, read.listed)
        typeset(tree, self._pool.ask, source)
        return DrawnPage(
            tree=tree,
            metadata=metadata,
            words=_words_of(tree, metadata, source),
            inputs=frozenset({source}) | (read.inputs if read is not None else frozenset()),
            fills_listings=bool(listings_of(metadata)) and _clear_listings(tree, metadata),
        )

    def close(self) -> None:
        """Ends pandoc."""
        self._pool.close()


def _source_with_marks(site: Site, source: Path) -> PostSource | None:
    """A post as the embedded engine reads it; None where it holds what only Quarto knows."""
    try:
        return read_source(site, source)
    except BlogkitError:
        return None


def _words_of(page: HtmlElement, metadata: Mapping[str, Any], source: Path) -> PostWords:
    header = by_id(page, "title-block-header")

    def inside(*names: str) -> str:
        found = [one for name in names for one in (with_class(header, name) if header is not None else [])]
        if not found:
            return ""
        whole = str(tostring(found[0], encoding="unicode", with_tail=False))
        return re.sub(r"^<[^>]*>|</\w+>$", "", whole).strip()

    title = next(iter(with_class(header, "title") if header is not None else []), None)
    if title is None:
        title = next(elements(page, "h1"), None)
    name = visible_text(title) if title is not None else shown(metadata.get("title")) or source.parent.name
    return PostWords(
        title_html=inside("title") or str(escape(name)),
        title_text=name,
        subtitle_html=inside("subtitle"),
        description_html=inside("description")
        or str(escape(shown(metadata.get("description") or metadata.get("abstract")))),
        authors=tuple(author.name for author in people.authors(metadata)),
    )


def _clear_listings(page: HtmlElement, metadata: Mapping[str, Any]) -> bool:
    """Clears the place of Quarto's own listings; false where a template of the author's made one, which stays."""
    if any(one.get("template") for one in listings_of(metadata)):
        return False
    for box in with_class(page, "quarto-listing"):
        identity = (box.get("id") or "").removeprefix("listing-")
        for child in list(box):
            child.drop_tree()
        box.attrib.clear()
        box.set("id", identity)
    sidebar = by_id(page, "quarto-margin-sidebar")
    for element in list(elements(sidebar)) if sidebar is not None else []:
        if "quarto-listing-category" in (element.get("class") or ""):
            element.drop_tree()
    return True
