"""A whole site: which files are pages, where they go, and everything that is written beside them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lxml.html import HtmlElement

from blogkit import store
from blogkit.errors import Problem, RenderError
from blogkit.model import Manifest, Page, Project, Site
from blogkit.render import citeas, language, listing, structure
from blogkit.render.engines import pandoc
from blogkit.render.finish import Assets, FinishContext, finishers, page_text, parse_page
from blogkit.tools.pandoc import PandocPool

_PAGE_SUFFIXES = (".qmd", ".ipynb", ".md")
_SKIPPED = {"README.md", "README.qmd", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE.md", "AGENTS.md"}


def site_sources(site: Site) -> tuple[Path, ...]:
    """The files that become pages, as ``project.render`` lists them; the posts and the site's own pages without it."""
    patterns = (site.quarto.get("project") or {}).get("render")
    output = site.output
    if not patterns:
        patterns = ["*.qmd", "*.ipynb", "projects/**/index.qmd", "projects/**/index.ipynb"]
    found: dict[Path, None] = {}
    for pattern in [str(one) for one in patterns]:
        if pattern.startswith("!"):
            for path in _glob(site.root, pattern[1:]):
                found.pop(path, None)
            continue
        for path in _glob(site.root, pattern):
            if _is_page(path, site.root, output):
                found[path] = None
    return tuple(found)


def _glob(root: Path, pattern: str) -> list[Path]:
    pattern = pattern.strip("/")
    if (root / pattern).is_dir():
        pattern += "/**/*"
    if not any(character in pattern for character in "*?["):
        path = root / pattern
        return [path] if path.is_file() else []
    return sorted(path for path in root.glob(pattern) if path.is_file())


def _is_page(path: Path, root: Path, output: Path) -> bool:
    relative = path.relative_to(root)
    if path.suffix not in _PAGE_SUFFIXES or path.name in _SKIPPED or output in path.parents:
        return False
    return not any(part.startswith(("_", ".")) for part in relative.parts) and "runs" not in relative.parts[:-1]


def output_of(site: Site, source: Path) -> Path:
    """Where a source's page is written."""
    return site.output / source.relative_to(site.root).with_suffix(".html")


@dataclass(frozen=True, kw_only=True)
class Made:
    """A page whose tree is ready to be finished."""

    rendered: pandoc.Rendered
    tree: HtmlElement
    output: Path
    post: listing.Post


def render_with_pandoc(site: Site, only: Sequence[Project] = (), jobs: int | None = None) -> Manifest:
    """Renders a site with the embedded engine. Raises RenderError with the problems of every page."""
    sources = site_sources(site)
    outputs = {source.resolve(): output_of(site, source) for source in sources}
    wanted = _wanted(sources, only)
    jobs = jobs or os.cpu_count() or 1
    problems: list[Problem] = []
    with PandocPool(pandoc.PROGRAM, jobs) as pool, ThreadPoolExecutor(jobs + 1) as threads:

        def make(source: Path) -> Made | RenderError:
            try:
                return _make(site, source, outputs, pool)
            except RenderError as error:
                return error

        made: list[Made] = []
        for result in threads.map(make, wanted):
            if isinstance(result, RenderError):
                problems.extend(result.problems)
            else:
                made.append(result)
    if problems:
        raise RenderError(problems)
    posts = [one.post for one in made if not listing.listings_of(one.rendered.source.metadata)]
    assets = Assets()
    pages = []
    for one in made:
        _add_listings(site, one, posts)
        pages.append(_write(site, one, assets))
    assets.copy_to(site.output)
    warnings = tuple(warning for one in made for warning in one.rendered.warnings)
    return Manifest(engine="pandoc", root=site.output, pages=tuple(pages), warnings=warnings)


def _wanted(sources: Sequence[Path], only: Sequence[Project]) -> list[Path]:
    if not only:
        return list(sources)
    folders = {project.folder.resolve() for project in only}
    return [source for source in sources if folders & {source.resolve().parent, *source.resolve().parents}]


def _make(site: Site, path: Path, outputs: dict[Path, Path], pool: PandocPool) -> Made:
    source, answer = pandoc.render_body(site, path, pool)
    output = output_of(site, path)
    rendered = pandoc.make_page(site, source, answer, pandoc.page_prefix(site, output))
    tree = parse_page(rendered.html)
    lang = str(source.metadata.get("lang") or "en")
    website = site.quarto.get("website") or {}
    address = str(website.get("site-url") or "")
    if address:
        address = f"{address.rstrip('/')}/{output.relative_to(site.output).as_posix()}"
    own = citeas.own_citation(
        source.metadata, rendered.title, rendered.authors, address, str(website.get("title") or "")
    )
    frame = structure.Frame(
        citation=own.bibtex(),
        cite_as=own.html(),
        metadata=source.metadata,
        words=language.words(lang, source.metadata.get("language")),
        positioned_references=bool(re.search(r"^:{3,}.*#refs\b", source.text, re.MULTILINE)),
        sources=outputs,
        source=path,
        output=output,
        root=site.root,
    )
    structure.shape(tree, frame)
    for name, data in source.files.items():
        store.write_if_changed(output.parent / name, data)
    return Made(rendered=rendered, tree=tree, output=output, post=listing.post_of(rendered, tree, output))


def _add_listings(site: Site, made: Made, posts: Sequence[listing.Post]) -> None:
    source = made.rendered.source
    wanted = listing.listings_of(source.metadata)
    if not wanted:
        return
    lang = str(source.metadata.get("lang") or "en")
    words = language.words(lang, source.metadata.get("language"))
    everything: list[listing.Post] = []
    htmls = []
    style: object = None
    for number, one in enumerate(wanted):
        if "id" not in one:
            one = {**one, "id": "listing" if number == 0 else f"listing-{number + 1}"}
        chosen = listing.in_order(one, listing.chosen_posts(one, source.path, posts))
        everything += chosen
        style = one.get("categories", style)
        html = listing.listing_html(one, chosen, made.output, words, lang, source.metadata.get("date-format"))
        htmls.append((one, html))
    categories = listing.category_list(everything, words, style)
    listing.place_listings(made.tree, htmls, categories, str(words["listing-page-field-categories"]))


def _write(site: Site, made: Made, assets: Assets) -> Page:
    source = made.rendered.source
    context = FinishContext(
        site=site,
        source=source.path,
        output=made.output,
        prefix=pandoc.page_prefix(site, made.output),
        assets=assets,
        metadata=source.metadata,
    )
    for finisher in finishers():
        finisher(made.tree, context)
    store.write_if_changed(made.output, page_text(made.tree))
    copy_resources(site, source.path, made.tree, made.output)
    return Page(
        source=source.path, output=made.output, title=made.rendered.title, project=project_of(site, source.path)
    )


def project_of(site: Site, source: Path) -> str | None:
    """The name of the project whose post a source is."""
    for project in site.projects:
        if source.resolve().parent == project.folder.resolve():
            return project.name
    return None


_ADDRESSES = (("img", "src"), ("video", "src"), ("source", "src"), ("audio", "src"), ("a", "href"), ("object", "data"))


def copy_resources(site: Site, source: Path, page: HtmlElement, output: Path) -> None:
    """Copies the files that a page shows or links to, from beside its source to beside its page."""
    for address in _local_addresses(page):
        origin = (site.root / address.lstrip("/") if address.startswith("/") else source.parent / address).resolve()
        if not origin.is_file() or not origin.is_relative_to(site.root.resolve()):
            continue
        if origin.suffix in {".qmd", ".html"} or origin.is_relative_to(site.output.resolve()):
            continue
        target = site.output.resolve() / origin.relative_to(site.root.resolve())
        copy_if_newer(origin, target)


def _local_addresses(page: HtmlElement) -> Iterable[str]:
    from urllib.parse import unquote

    for tag, attribute in _ADDRESSES:
        for element in page.iter(tag):
            value = element.get(attribute) or ""
            if value and not re.match(r"[a-z][a-z0-9+.-]*:|//|#", value, re.IGNORECASE):
                yield unquote(value.partition("#")[0].partition("?")[0])


def copy_if_newer(origin: Path, target: Path) -> None:
    """Copies a file unless the same one is there."""
    stat = origin.stat()
    try:
        there = target.stat()
        if there.st_size == stat.st_size and there.st_mtime_ns == stat.st_mtime_ns:
            return
    except OSError:
        pass
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(origin, target)
