"""Quarto as the engine: it renders the site in its own folder, and what blogkit adds to a site comes after.

The pages get the same navigation, listings, indexes and finishing as those of the embedded engine, so that a reader
cannot tell which engine made a site.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lxml.html import HtmlElement

from blogkit.errors import ToolFailed
from blogkit.model import Manifest, Project, RenderedPage, Site
from blogkit.render import extras, listing
from blogkit.render.cache import FOLDER, Cache, forget
from blogkit.render.dom import by_id, elements, with_class
from blogkit.render.engines.pandoc import PROGRAM, page_prefix
from blogkit.render.engines.typeset import typeset
from blogkit.render.finish import Assets, FinishContext, finishers, page_text, parse_page
from blogkit.render.finish.embedded import keep_charts
from blogkit.render.metadata import flatten, folder_layers, merge, site_layer, with_metadata_files
from blogkit.render.site import (
    add_listings,
    draft_mode,
    drafts_of,
    front_of,
    output_of,
    projects_by_folder,
    site_sources,
    wanted_sources,
)
from blogkit.store import replace_folder, write_if_changed
from blogkit.tools import quarto
from blogkit.tools.pandoc import PandocPool

_RECORD = "quarto"


def render_with_quarto(site: Site, only: Sequence[Project] = (), *, drafts: str | None = None) -> Manifest:
    """Renders a site with Quarto, then finishes its pages. Raises ToolMissing or ToolFailed with what Quarto said.

    ``drafts`` says what becomes of them, whatever the site says: a preview shows them. A draft that is named in
    ``only`` is rendered too.
    """
    sources = site_sources(site)
    fronts = {source: front_of(source) for source in sources}
    marked = drafts_of(site, fronts)
    mode = drafts or draft_mode(site)
    hidden = frozenset[Path]() if mode == "visible" else marked
    wanted = wanted_sources(sources, only)
    if mode == "gone" and not only:
        wanted = [source for source in wanted if source not in marked]
    shown = {"draft-mode": "visible"} if only or drafts == "visible" else {}
    forget(site)
    beside = site if only else _beside(site)  # a whole site is made beside the one that is there, then takes its place
    if only:
        quarto.render(site.root, [source.relative_to(site.root) for source in wanted], shown)
    else:
        quarto.render(site.root, (), shown, beside.output)
    if mode == "gone" and not only:
        for source in marked:
            output_of(beside, source).unlink(missing_ok=True)  # Quarto leaves an empty page
    linked = [(source, output_of(beside, source), fronts[source]) for source in sources if source not in hidden]
    cache = Cache(site, _RECORD)
    with PandocPool(PROGRAM, 1) as pool:
        made = _Finishing(
            site=beside, pool=pool, assets=Assets(), around=extras.neighbours(beside, linked), marked=marked
        )
        posts = {source: made.finish(source) for source in wanted if not fronts[source].get("listing")}
        visible = [post for source, post in posts.items() if source not in hidden]
        visible += _others(
            beside, cache, [source for source in sources if source not in wanted and source not in hidden]
        )
        listings = [made.fill(source, visible) for source in wanted if source not in posts]
    for post in posts.values():
        cache.put(post.source, {post.source}, {"post": post.record()})
    extras.write_extras(beside, visible, listings, made.assets, cache)
    made.assets.copy_to(beside.output)
    if not only:
        replace_folder(beside.output, site.output)
    cache.save(sources)
    names = projects_by_folder(site)
    known = {post.source: post for post in [*posts.values(), *listings]}
    pages = tuple(
        RenderedPage(
            source=s, output=output_of(site, s), title=known[s].title_text, project=names.get(s.resolve().parent)
        )
        for s in wanted
    )
    return Manifest(engine="quarto", root=site.output, pages=pages, warnings=tuple(dict.fromkeys(made.warnings)))


def _beside(site: Site) -> Site:
    """The site with an empty folder of its own for its pages."""
    made = replace(site, quarto=merge(site.quarto, {"project": {"output-dir": f"{FOLDER}/pages"}}))
    shutil.rmtree(made.output, ignore_errors=True)
    return made


def _others(site: Site, cache: Cache, sources: Sequence[Path]) -> list[listing.Post]:
    """The posts that are not rendered now, as they were."""
    known = [(source, cache.valid(source, [output_of(site, source)])) for source in sources]
    return [
        listing.Post.from_record(source, output_of(site, source), one["record"]["post"]) for source, one in known if one
    ]


@dataclass(frozen=True, kw_only=True)
class _Finishing:
    """Makes Quarto's pages ours, one after the other."""

    site: Site
    pool: PandocPool
    assets: Assets
    around: Mapping[Path, extras.Neighbours]
    marked: frozenset[Path]
    warnings: list[str] = field(default_factory=list)

    def finish(self, source: Path) -> listing.Post:
        """Finishes a post's page; returns it as the listings show it."""
        page, metadata = self._read(source)
        return self._dress(page, metadata, listing.post_of_page(page, metadata, source, output_of(self.site, source)))

    def fill(self, source: Path, posts: Sequence[listing.Post]) -> listing.Post:
        """Fills and finishes a listing's page."""
        page, metadata = self._read(source)
        output = output_of(self.site, source)
        post = listing.post_of_page(page, metadata, source, output)
        if _empty_listings(page, metadata):
            add_listings(self.site, metadata, source, page, output, posts)
        return self._dress(page, metadata, post)

    def _read(self, source: Path) -> tuple[HtmlElement, dict[str, Any]]:
        output = output_of(self.site, source)
        if not output.is_file():
            hint = "Is it listed under `project: render:` in _quarto.yml?"
            raise ToolFailed(f"Quarto made no {output.relative_to(self.site.output)}.", hint=hint, path=source)
        page = parse_page(output.read_bytes())
        own = with_metadata_files(flatten(front_of(source)), source.parent, source)
        metadata = merge(site_layer(self.site), *folder_layers(self.site, source), own)
        typeset(page, self.pool.ask, source)
        keep_charts(page, self._context(source, metadata))  # before the listings look for a picture of the post
        return page, metadata

    def _context(self, source: Path, metadata: Mapping[str, Any]) -> FinishContext:
        output = output_of(self.site, source)
        return FinishContext(
            site=self.site,
            source=source,
            output=output,
            prefix=page_prefix(self.site, output),
            assets=self.assets,
            metadata={**metadata, "draft": True} if source in self.marked else metadata,
            warnings=self.warnings,
        )

    def _dress(self, page: HtmlElement, metadata: Mapping[str, Any], post: listing.Post) -> listing.Post:
        context = self._context(post.source, metadata)
        extras.add_navigation(page, context, self.around.get(post.source, extras.NO_NEIGHBOURS))
        for finisher in finishers():
            finisher(page, context)
        write_if_changed(post.output, page_text(page))
        return replace(post, search=extras.search_entries(page))


def _empty_listings(page: HtmlElement, metadata: Mapping[str, Any]) -> bool:
    """Clears the place of Quarto's own listings; false where a template of the author's made one, which stays."""
    if any(one.get("template") for one in listing.listings_of(metadata)):
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
