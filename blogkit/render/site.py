"""A whole site: which files are pages, where they go, and everything that is written beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from lxml.html import HtmlElement

from blogkit.errors import BlogkitError, ConfigError, Problem, RenderError
from blogkit.model import Manifest, Project, RenderedPage, Site
from blogkit.render import citeas, extras, language, listing, structure
from blogkit.render.cache import FOLDER, Cache, forget
from blogkit.render.engines import pandoc
from blogkit.render.finish import Assets, FinishContext, finishers, page_text, parse_page
from blogkit.render.metadata import as_list, line_of, shown, split_front_matter
from blogkit.render.output import copy_if_newer, write_page
from blogkit.tools.pandoc import PandocPool

_PAGE_SUFFIXES = (".qmd", ".ipynb", ".md")
_SKIPPED = {"README.md", "README.qmd", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE.md", "AGENTS.md"}


# --- which pages -----------------------------------------------------------------------------------------------------


def site_sources(site: Site) -> tuple[Path, ...]:
    """The files that become pages, as ``project.render`` lists them; the posts and the site's own pages without it."""
    patterns = (site.quarto.get("project") or {}).get("render")
    output = site.output
    if not patterns:
        patterns = ["*.qmd", "*.ipynb", "projects/**/index.qmd", "projects/**/index.ipynb"]
    found: dict[Path, None] = {}
    for pattern in [str(one) for one in patterns]:
        if pattern.startswith("!"):
            for path in _glob(site.root, pattern[1:], anywhere=True):
                found.pop(path, None)
            continue
        for path in _glob(site.root, pattern):
            if _is_page(path, site.root, output):
                found[path] = None
    return tuple(found)


def _glob(root: Path, pattern: str, *, anywhere: bool = False) -> list[Path]:
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
    if path.suffix not in _PAGE_SUFFIXES or path.name in _SKIPPED or output in path.parents:
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


def projects_by_folder(site: Site) -> dict[Path, str]:
    """The name of each project by its folder: that of the project whose post lies there."""
    return {project.folder.resolve(): project.name for project in site.projects}


# --- drafts ----------------------------------------------------------------------------------------------------------

DRAFT_MODES = ("gone", "unlinked", "visible")


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
    """The sources that are drafts: by their front matter, or named in ``website: drafts:``."""
    named = {(site.root / str(one)).resolve() for one in as_list((site.quarto.get("website") or {}).get("drafts"))}
    return frozenset(source for source, front in fronts.items() if front.get("draft") or source.resolve() in named)


# --- rendering -------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Made:
    """A page that was rendered now or is known from before."""

    source: Path
    output: Path
    post: listing.Post
    text: bytes | None = None
    """The finished page; None when the one that is there is taken. As bytes: one letter of mathematics makes every
    letter of a string four bytes long."""
    tree: HtmlElement | None = None
    """A listing's page, which waits for the posts."""
    rendered: pandoc.Rendered | None = None
    inputs: frozenset[Path] = frozenset()
    warnings: tuple[str, ...] = ()
    is_listing: bool = False


class SiteRenderer:
    """Renders a site, again and again: its pandoc processes stay, and what did not change is not rendered anew."""

    def __init__(self, jobs: int | None = None, *, drafts: str | None = None) -> None:
        """``drafts`` says what becomes of them, whatever the site says: a preview shows them."""
        self._drafts = drafts
        self._unlinked: frozenset[Path] = frozenset()
        self._marked: frozenset[Path] = frozenset()
        self.jobs = jobs or os.cpu_count() or 1
        self._pool = PandocPool(pandoc.PROGRAM, self.jobs)

    def __enter__(self) -> SiteRenderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def render(self, site: Site, only: Sequence[Project] = ()) -> Manifest:
        """Renders what changed. Raises RenderError with every problem of every page, and then writes none."""
        self._pool.warm(1 if (site.root / FOLDER).is_dir() else self.jobs)
        sources = site_sources(site)
        real = {source: source.resolve() for source in sources}
        outputs = {real[source]: output_of(site, source) for source in sources}
        cache = Cache(site)
        forget(site, "quarto")
        assets = Assets()
        fronts = {source: cache.front(source) or front_of(source) for source in sources}
        mode = self._drafts or draft_mode(site)
        self._marked = drafts = drafts_of(site, fronts)
        hidden = frozenset() if mode == "visible" else drafts
        self._unlinked = frozenset(real[source] for source in hidden)
        linked = [source for source in sources if source not in hidden]
        neighbours = extras.neighbours(site, [(s, outputs[real[s]], fronts[s]) for s in linked])
        wanted = wanted_sources(sources, only)
        if mode == "gone" and not only:
            wanted = linked
            for source in drafts:
                outputs.pop(real[source]).unlink(missing_ok=True)
        links = sorted(str(source) for source in self._unlinked)
        known = {source: self._known(cache, source, outputs[real[source]], neighbours, links) for source in wanted}
        fresh = any(one is None for one in known.values())

        def make(source: Path) -> _Made | BlogkitError:
            try:
                kept = known[source]
                if kept is not None and not (kept.is_listing and fresh):
                    return kept
                return self._make(site, source, outputs, assets, neighbours.get(source, extras.NO_NEIGHBOURS))
            except BlogkitError as error:
                return error

        problems: list[Problem] = []
        made: list[_Made] = []
        with ThreadPoolExecutor(self.jobs + 1) as threads:
            for result in threads.map(make, wanted):
                if isinstance(result, RenderError):
                    problems.extend(result.problems)
                elif isinstance(result, BlogkitError):
                    raise result
                else:
                    made.append(result)
        if problems:
            raise RenderError(problems)
        posts = [one.post for one in made if not one.is_listing]
        if only:
            posts += self._others(cache, sources, wanted, outputs)
        visible = [post for post in posts if mode == "visible" or not _is_draft(post, hidden)]
        listings = [one for one in made if one.is_listing]
        if listings:
            facts = [post.listed() for post in visible]
            for one in listings:
                same = cache.same(f"listing {one.source}", facts)
                if not (same and known[one.source] is not None):
                    self._list(site, one, outputs, visible, assets, neighbours)
                one.tree = one.rendered = None
        self._write(site, cache, made, fronts, neighbours, links)
        extras.write_extras(site, visible, [one.post for one in made if one.is_listing], assets, cache)
        assets.copy_to(site.output)
        cache.save(sources)
        names = projects_by_folder(site)
        pages = tuple(
            RenderedPage(
                source=m.source, output=m.output, title=m.post.title_text, project=names.get(real[m.source].parent)
            )
            for m in made
        )
        warnings = tuple(warning for one in made for warning in one.warnings)
        return Manifest(engine="pandoc", root=site.output, pages=pages, warnings=warnings)

    def _known(
        self,
        cache: Cache,
        source: Path,
        output: Path,
        neighbours: Mapping[Path, extras.Neighbours],
        links: Sequence[str],
    ) -> _Made | None:
        """A page as it was made before; None where anything that it is made of changed."""
        entry = cache.valid(source, [output])
        if entry is None:
            return None
        record = entry["record"]
        if record["around"] != [*neighbours.get(source, extras.NO_NEIGHBOURS).record(), links]:
            return None
        post = listing.Post.from_record(source, output, record["post"])
        warnings = tuple(record["warnings"])
        return _Made(source=source, output=output, post=post, warnings=warnings, is_listing=record["listing"])

    def _others(
        self, cache: Cache, sources: Sequence[Path], wanted: Sequence[Path], outputs: dict[Path, Path]
    ) -> list[listing.Post]:
        """The posts that are not rendered now, as they were."""
        posts = []
        for source in sources:
            known = cache.valid(source, []) if source not in wanted else None
            if known is not None and not known["record"]["listing"]:
                posts.append(listing.Post.from_record(source, outputs[source.resolve()], known["record"]["post"]))
        return posts

    def _make(
        self, site: Site, path: Path, outputs: dict[Path, Path], assets: Assets, around: extras.Neighbours
    ) -> _Made:
        source, answer = pandoc.render_body(site, path, self._pool)
        output = output_of(site, path)
        rendered = pandoc.make_page(site, source, answer, pandoc.page_prefix(site, output))
        tree = parse_page(rendered.html)
        structure.shape(tree, _frame(site, rendered, output, outputs, self._unlinked))
        for name, data in source.files.items():
            write_page(output.parent / name, data)
        post = listing.post_of(rendered, tree, output)
        made = _Made(
            source=path,
            output=output,
            post=post,
            rendered=rendered,
            inputs=source.inputs | _named_files(source.metadata, path),
            warnings=rendered.warnings,
            is_listing=bool(listing.listings_of(source.metadata)),
        )
        if made.is_listing:
            made.tree = tree
        else:
            self._finish(site, made, tree, assets, around)
        return made

    def _finish(self, site: Site, made: _Made, tree: HtmlElement, assets: Assets, around: extras.Neighbours) -> None:
        assert made.rendered is not None
        metadata = made.rendered.source.metadata
        context = FinishContext(
            site=site,
            source=made.source,
            output=made.output,
            prefix=pandoc.page_prefix(site, made.output),
            assets=assets,
            metadata={**metadata, "draft": True} if made.source in self._marked else metadata,
        )
        extras.add_navigation(tree, context, around)
        files = copy_resources(site, made.source, tree)
        for finisher in finishers():
            finisher(tree, context)
        files |= copy_resources(site, made.source, tree, files)
        made.post = replace(made.post, search=extras.search_entries(tree))
        made.text = page_text(tree).encode("utf-8")
        made.inputs |= files
        made.rendered = None  # what is kept of every page until all are written should be small

    def _list(
        self,
        site: Site,
        made: _Made,
        outputs: dict[Path, Path],
        posts: Sequence[listing.Post],
        assets: Assets,
        neighbours: dict[Path, extras.Neighbours],
    ) -> None:
        """Fills a listing's page, which is made anew whenever what it lists changed."""
        around = neighbours.get(made.source, extras.NO_NEIGHBOURS)
        if made.rendered is None:  # nothing was rendered, but there are other posts to list
            fresh = self._make(site, made.source, outputs, assets, around)
            made.rendered, made.tree, made.inputs = fresh.rendered, fresh.tree, fresh.inputs
            made.post, made.warnings = fresh.post, fresh.warnings
        tree = made.tree
        assert tree is not None
        assert made.rendered is not None
        add_listings(site, made.rendered.source.metadata, made.source, tree, made.output, posts)
        self._finish(site, made, tree, assets, around)

    def _write(
        self,
        site: Site,
        cache: Cache,
        made: Iterable[_Made],
        fronts: Mapping[Path, Mapping[str, Any]],
        neighbours: dict[Path, extras.Neighbours],
        links: Sequence[str],
    ) -> None:
        for one in made:
            if one.text is None:
                continue
            write_page(one.output, one.text)
            one.text = None
            cache.put(
                one.source,
                one.inputs | {one.source},
                {
                    "post": one.post.record(),
                    "warnings": list(one.warnings),
                    "listing": one.is_listing,
                    "front": {key: _kept(fronts[one.source].get(key)) for key in _FRONT},
                    "around": [*neighbours.get(one.source, extras.NO_NEIGHBOURS).record(), links],
                },
            )


def render_with_pandoc(site: Site, only: Sequence[Project] = (), jobs: int | None = None) -> Manifest:
    """Renders a site with the embedded engine. Raises RenderError with the problems of every page."""
    with SiteRenderer(jobs) as renderer:
        return renderer.render(site, only)


def front_of(source: Path) -> dict[str, Any]:
    """A post's front matter, for what its neighbours say of it; empty where it cannot be read: rendering says why."""
    try:
        if source.suffix == ".ipynb":
            from blogkit.render.notebooks import front_matter_text, read_notebook

            return dict(split_front_matter(front_matter_text(read_notebook(source)), source)[0])
        with open(source, encoding="utf-8-sig") as stream:
            head = stream.read(20_000)
        return dict(split_front_matter(head, source)[0])
    except (BlogkitError, OSError, UnicodeDecodeError):
        return {}


_FRONT = ("title", "date", "draft", "listing")
"""What the other pages ask of a page's front matter."""


def _kept(value: Any) -> Any:
    """A value of the front matter as JSON keeps it and as it means the same."""
    return value if isinstance(value, str | int | float | bool | list) or value is None else str(value)


def _is_draft(post: listing.Post, hidden: frozenset[Path]) -> bool:
    return post.source in hidden or bool(post.metadata.get("draft"))


def _frame(
    site: Site, rendered: pandoc.Rendered, output: Path, outputs: dict[Path, Path], unlinked: frozenset[Path]
) -> structure.Frame:
    source = rendered.source
    lang = str(source.metadata.get("lang") or "en")
    website = site.quarto.get("website") or {}
    address = str(website.get("site-url") or "")
    if address:
        address = f"{address.rstrip('/')}/{output.relative_to(site.output).as_posix()}"
    own = citeas.own_citation(
        source.metadata, rendered.title, rendered.authors, address, str(website.get("title") or "")
    )
    return structure.Frame(
        citation=own.bibtex(),
        cite_as=own.html(),
        metadata=source.metadata,
        words=language.words(lang, source.metadata.get("language")),
        positioned_references=bool(re.search(r"^:{3,}.*#refs\b", source.text, re.MULTILINE)),
        sources=outputs,
        unlinked=unlinked,
        source=source.path,
        output=output,
        root=site.root,
    )


def add_listings(
    site: Site,
    metadata: Mapping[str, Any],
    source: Path,
    tree: HtmlElement,
    output: Path,
    posts: Sequence[listing.Post],
) -> None:
    """Fills the listings that a page asks for."""
    lang = str(metadata.get("lang") or "en")
    words = language.words(lang, metadata.get("language"))
    everything: list[listing.Post] = []
    htmls = []
    style: object = None
    asked = any(one.get("categories") not in (None, False, "false") for one in listing.listings_of(metadata))
    for number, one in enumerate(listing.listings_of(metadata)):
        if "id" not in one:
            one = {**one, "id": "listing" if number == 0 else f"listing-{number + 1}"}
        chosen = listing.in_order(one, listing.chosen_posts(one, source, posts))
        everything += chosen
        style = style or one.get("categories")
        html = listing.listing_html(one, chosen, output, words, lang, metadata.get("date-format"), asked)
        htmls.append((one, html))
    categories = listing.category_list(everything, words, style, pandoc.page_prefix(site, output))
    listing.place_listings(tree, htmls, categories, str(words["listing-page-field-categories"]))


# --- files that pages show --------------------------------------------------------------------------------------------

_ADDRESSES = (("img", "src"), ("video", "src"), ("source", "src"), ("audio", "src"), ("a", "href"), ("object", "data"))
_NAMED = ("bibliography", "csl", "css", "include-in-header", "include-before-body", "include-after-body", "image")


def _named_files(metadata: Any, source: Path) -> frozenset[Path]:
    """The files that the metadata name, whether they are there or not."""
    found = set()
    for key in _NAMED:
        for entry in as_list(metadata.get(key)) if not isinstance(metadata.get(key), dict) else []:
            if isinstance(entry, str):
                folder = source.parent
                while (
                    not (folder / entry).is_file() and folder.parent != folder and not (folder / "_quarto.yml").exists()
                ):
                    folder = folder.parent
                found.add(folder / shown(entry))
    found.update(listing.contents_files(metadata, source))
    return frozenset(found)


def copy_resources(site: Site, source: Path, page: HtmlElement, done: frozenset[Path] = frozenset()) -> frozenset[Path]:
    """Copies the files that a page shows or links to, from beside its source to beside its page; returns them.

    What is ``done`` already is passed over.

    A drawing's specification counts as shown: what it says becomes part of the page.
    """
    files = set()
    root, output = site.root.resolve(), site.output.resolve()
    folders: dict[str, str] = {}
    for address in set(_local_addresses(page)):
        named = os.path.normpath(Path(site.root if address.startswith("/") else source.parent, address.lstrip("/")))
        folder, _, name = named.rpartition(os.sep)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        origin = Path(folders[folder], name)
        if origin.is_symlink():
            origin = origin.resolve()
        if origin.suffix == ".svg":
            files.add(origin.with_suffix(".vl.json"))
        if origin in done or not origin.is_file() or not origin.is_relative_to(root):
            continue
        if origin.suffix in {".qmd", ".html"} or origin.is_relative_to(output):
            continue
        files.add(origin)
        copy_if_newer(origin, output / origin.relative_to(root))
    return frozenset(files)


def _local_addresses(page: HtmlElement) -> Iterable[str]:
    for tag, attribute in _ADDRESSES:
        for element in page.iter(tag):
            value = element.get(attribute) or ""
            if value and not re.match(r"[a-z][a-z0-9+.-]*:|//|#", value, re.IGNORECASE):
                yield unquote(value.partition("#")[0].partition("?")[0])
