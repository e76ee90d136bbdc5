"""Quarto as the engine: it renders the site in its own folder, and the finishing pass makes its pages ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blogkit.errors import ToolFailed
from blogkit.model import Manifest, Page, Project, Site
from blogkit.render.dom import text_of
from blogkit.render.engines.pandoc import PROGRAM, page_prefix
from blogkit.render.engines.typeset import typeset
from blogkit.render.finish import Assets, FinishContext, finishers, page_text, parse_page
from blogkit.render.metadata import flatten, folder_layers, merge, site_layer, split_front_matter, with_metadata_files
from blogkit.render.site import output_of, projects_by_folder, site_sources, wanted_sources
from blogkit.store import write_if_changed
from blogkit.tools import quarto
from blogkit.tools.pandoc import PandocPool


def render_with_quarto(site: Site, only: Sequence[Project] = ()) -> Manifest:
    """Renders a site with Quarto, then finishes its pages. Raises ToolMissing or ToolFailed with what Quarto said."""
    sources = site_sources(site)
    wanted = wanted_sources(sources, only)
    quarto.render(site.root, [source.relative_to(site.root) for source in wanted] if only else ())
    with PandocPool(PROGRAM, 1) as pool:
        return _finish_pages(site, wanted, pool)


def _finish_pages(site: Site, wanted: Sequence[Path], pool: PandocPool) -> Manifest:
    """Quarto's pages, as blogkit's."""
    assets = Assets()
    names = projects_by_folder(site)
    pages = []
    for source in wanted:
        output = output_of(site, source)
        if not output.is_file():
            hint = "Is it listed under `project: render:` in _quarto.yml?"
            raise ToolFailed(f"Quarto made no {output.relative_to(site.root)}.", hint=hint, path=source)
        page = parse_page(output.read_bytes())
        front: dict[str, object] = {}
        if source.suffix != ".ipynb":
            front = dict(split_front_matter(source.read_text(encoding="utf-8-sig"), source)[0])
        metadata = merge(
            site_layer(site), *folder_layers(site, source), with_metadata_files(flatten(front), source.parent, source)
        )
        typeset(page, pool.ask, source)
        context = FinishContext(
            site=site,
            source=source,
            output=output,
            prefix=page_prefix(site, output),
            assets=assets,
            metadata=metadata,
        )
        for finisher in finishers():
            finisher(page, context)
        write_if_changed(output, page_text(page))
        heading = page.find(".//h1")
        title = text_of(heading) if heading is not None else source.stem
        pages.append(Page(source=source, output=output, title=title, project=names.get(source.resolve().parent)))
    assets.copy_to(site.output)
    return Manifest(engine="quarto", root=site.output, pages=tuple(pages))
