"""A rendering: a plan, an engine that draws its pages, and everything that is written of them.

Every page is written as soon as it is finished. A page that cannot be made keeps what was there before, stops no other,
and what is wrong in it is raised when all else is written.
"""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from blogkit.errors import BlogkitError, Problem, RenderError, StoreError, ToolMissing
from blogkit.model import Manifest, Project, RenderedPage, Site
from blogkit.render import extras, listing
from blogkit.render.cache import PageCache, forget
from blogkit.render.dom import page_text
from blogkit.render.engines.protocol import DrawnPage, Engine
from blogkit.render.finish import Assets, FinishContext, finishers
from blogkit.render.finish.embedded import keep_charts
from blogkit.render.made import (
    FOLDER,
    files_by_page,
    files_of_page,
    keep_found,
    keep_made,
    made_files,
    made_names,
    made_sources,
    noting_made,
    stamps_below,
)
from blogkit.render.metadata import flatten, listings_of, merge
from blogkit.render.navigation import page_prefix
from blogkit.render.output import write_page
from blogkit.render.plan import PlannedPage, RenderPlan, output_of, plan_site, site_sources, unchanged_pages
from blogkit.render.posts import ListedPost, listed_post
from blogkit.render.resources import ResourceCopier, named_files
from blogkit.render.source import front_of
from blogkit.store import replace_folder

_RECORDS = {"pandoc": "render", "quarto": "quarto"}
"""The name of each engine's record in the cache."""

_FRONT = ("title", "date", "draft", "listing")
"""What the other pages ask of a page's front matter."""


class SiteRenderer:
    """Renders a site with an engine, again and again: what the engine keeps running serves every rendering."""

    def __init__(self, engine: Engine, *, drafts: str | None = None) -> None:
        """``drafts`` says what becomes of them, whatever the site says: a preview shows them."""
        self._engine = engine
        self._drafts = drafts

    def __enter__(self) -> SiteRenderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends what the engine keeps running."""
        self._engine.close()

    def render(self, site: Site, only: Sequence[Project] = ()) -> Manifest:
        """Renders what changed. Raises RenderError with every problem of every page when the rest is written.

        Raises ToolMissing or ToolFailed when the engine cannot make any page: nothing is written then.
        """
        engine = self._engine
        engine.wake(whole=not (site.root / FOLDER).is_dir())
        for name in _RECORDS.values():
            if name != _RECORDS.get(engine.name, engine.name):
                forget(site, name)  # the other engine wrote the pages
        place = site if engine.keeps_pages or only else _site_beside(site)
        cache = PageCache(site, _RECORDS.get(engine.name, engine.name))
        sources = site_sources(site)
        fronts = {source: cache.front(source) or front_of(source) for source in sources}
        plan = plan_site(place, sources, fronts, only=only, drafts=self._drafts)
        if only and not made_sources(site) <= set(plan.held):
            also = _pages_around(plan, cache)
            plan = plan_site(place, sources, fronts, only=only, also=also, drafts=self._drafts)
        rendering = _Rendering(site=site, plan=plan, engine=engine, cache=cache)
        rendering.make_pages()
        rendering.write_beside()
        rendering.keep_files()
        cache.save(sources)
        rendering.raise_problems()
        return rendering.manifest()


def stale_pages(site: Site) -> frozenset[Path] | None:
    """The sources whose page is not what they and all that they are made of give now, by contents and not by times.

    None where no rendering of blogkit's is remembered, so that nothing can be said.
    """
    name = next((name for name in _RECORDS.values() if (site.root / FOLDER / f"{name}.json").is_file()), None)
    if name is None:
        return None
    cache = PageCache(site, name)
    sources = site_sources(site)
    fronts = {source: cache.front(source) or front_of(source) for source in sources}
    plan = plan_site(site, sources, fronts)
    around = {page.source: plan.surroundings(page) for page in plan.pages}
    return frozenset(source for source in sources if not _is_fresh(site, cache, source, around.get(source)))


def _is_fresh(site: Site, cache: PageCache, source: Path, around: Sequence[Any] | None) -> bool:
    """Whether a page and all its files are there, as they would be made now; a draft has nothing ``around`` it."""
    entry = cache.valid(source, [output_of(site, source)])
    if entry is None or not all((site.output / name).is_file() for name in entry["record"]["files"]):
        return False
    return around is None or entry["record"]["around"] == around


@dataclass(kw_only=True)
class _MadePage:
    """A page that was made now, or is known from before."""

    page: PlannedPage
    post: ListedPost
    drawn: DrawnPage | None = None
    """A listing's page, which waits for the posts."""
    is_listing: bool = False
    inputs: frozenset[Path] = frozenset()
    files: frozenset[Path] = frozenset()
    """What was made for the page in the output folder, itself among them."""
    warnings: tuple[str, ...] = ()
    changed: bool = False
    """It was written now."""


@dataclass(frozen=True, kw_only=True)
class _FailedPage:
    """A page that could not be made, and why."""

    page: PlannedPage
    error: BlogkitError


@dataclass(kw_only=True)
class _Rendering:
    """One rendering of a site."""

    site: Site
    plan: RenderPlan
    engine: Engine
    cache: PageCache
    assets: Assets = field(default_factory=Assets)
    made: list[_MadePage] = field(default_factory=list)
    failed: list[_FailedPage] = field(default_factory=list)
    beside: frozenset[Path] = frozenset()
    """The files in the output folder that belong to no page."""
    held: frozenset[str] = frozenset()
    """The names of all files that the site holds in the end."""
    _stamps: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    """The files that were in the output folder before, where the engine does not say what it makes."""

    def __post_init__(self) -> None:
        self._resources = ResourceCopier(self.plan.site)
        self._output = f"{self.plan.site.output}{os.sep}"

    # --- pages -------------------------------------------------------------------------------------------------------

    def make_pages(self) -> None:
        """Makes and writes every page of the plan, the listings last."""
        plan = self.plan
        known = unchanged_pages(plan, self._known_page) if self.engine.keeps_pages else {}
        if not self.engine.keeps_pages and plan.site is self.site:
            self._stamps = stamps_below(plan.site.output)
        self.engine.begin(plan)
        self._drop_drafts()
        self._make(plan.pages, known)
        self._drop_ways_to_lost_pages()
        posts = self._posts()
        facts = [post.listed() for post in posts]
        for one in [one for one in self.made if one.is_listing]:
            unchanged = self.cache.same(f"listing {one.page.source}", facts) and one.drawn is None
            if not unchanged:
                self._fill_listing(one, posts)

    def _known_page(self, page: PlannedPage) -> Mapping[str, Any] | None:
        entry = self.cache.valid(page.source, [page.output])
        if entry is None or not all(os.path.isfile(f"{self._output}{name}") for name in entry["record"]["files"]):  # noqa: PTH113  # asked of every file of the site
            return None
        record: Mapping[str, Any] = entry["record"]
        return record

    def _drop_drafts(self) -> None:
        """Removes the empty page that Quarto leaves of a draft, and the files that it shows."""
        plan = self.plan
        if plan.site is self.site or not plan.gone:
            for output in plan.gone:
                output.unlink(missing_ok=True)
            return
        outputs = {page.source: page.output for page in plan.pages} | {output: output for output in plan.gone}
        owners = files_by_page(plan.site.output, stamps_below(plan.site.output), outputs)
        for file in [file for output in plan.gone for file in owners.get(output, ())]:
            file.unlink(missing_ok=True)

    def _make(self, pages: Sequence[PlannedPage], known: Mapping[Path, Mapping[str, Any]]) -> None:
        """Makes some pages at the same time; each that cannot be made is noted."""

        def make(page: PlannedPage) -> _MadePage | _FailedPage:
            try:
                record = known.get(page.source)
                return _from_record(self.plan.site, page, record) if record is not None else self._draw(page)
            except (ToolMissing, StoreError):
                raise  # no page can be made, or written
            except Exception as error:
                return _FailedPage(page=page, error=_as_problem(page.source, error))

        with ThreadPoolExecutor(self.engine.jobs + 1) as threads:
            for result in threads.map(make, pages):
                if isinstance(result, _FailedPage):
                    self._keep_former(result.page)
                    self.failed.append(result)
                else:
                    self.made.append(result)

    def _draw(self, page: PlannedPage) -> _MadePage:
        """Draws a page, and finishes it unless it waits for what it lists."""
        with noting_made() as files:
            drawn = self.engine.draw(self.plan, page)
            context = self._context(page, drawn)
            keep_charts(drawn.tree, context)  # before the listings look for a picture of the post
            for name, data in drawn.files.items():
                write_page(page.output.parent / name, data)
        made = _MadePage(
            page=page,
            post=listed_post(drawn.tree, drawn.words, drawn.metadata, page.source, page.output),
            is_listing=bool(listings_of(drawn.metadata)),
            inputs=drawn.inputs | named_files(drawn.metadata, page.source) | {page.source},
            files=frozenset({*files, page.output}),
            warnings=drawn.warnings,
        )
        if made.is_listing:
            made.drawn = drawn
        else:
            self._finish(made, drawn, context)
        return made

    def _context(self, page: PlannedPage, drawn: DrawnPage) -> FinishContext:
        return FinishContext(
            site=self.plan.site,
            source=page.source,
            output=page.output,
            prefix=page_prefix(self.plan.site, page.output),
            assets=self.assets,
            metadata={**drawn.metadata, "draft": True} if page.is_draft else drawn.metadata,
        )

    def _finish(self, made: _MadePage, drawn: DrawnPage, context: FinishContext) -> None:
        """Finishes a page and writes it."""
        source, tree = made.page.source, drawn.tree
        seen: set[str] = set()
        with noting_made() as noted:
            extras.add_navigation(tree, context, made.page.neighbours)
            files = self._resources.copy(source, tree, seen)
            for finisher in finishers():
                finisher(tree, context)
            made.inputs |= files | self._resources.copy(source, tree, seen)
        made.files |= noted
        made.warnings = tuple(dict.fromkeys([*made.warnings, *context.warnings]))
        (read,) = context.read
        made.post = replace(made.post, search=extras.search_entries(read), words=read.words)
        write_page(made.page.output, page_text(tree).encode("utf-8"))
        made.drawn, made.changed = None, True

    def _fill_listing(self, made: _MadePage, posts: Sequence[ListedPost]) -> None:
        """Fills a listing's page, which is made anew whenever what it lists changed."""
        page = made.page
        try:
            if made.drawn is None:  # nothing of its own changed, but there are other posts to list
                fresh = self._draw(page)
                made.drawn, made.inputs, made.post = fresh.drawn, fresh.inputs, fresh.post
                made.warnings, made.files = fresh.warnings, fresh.files
            drawn = made.drawn
            assert drawn is not None
            if drawn.fills_listings:
                listing.add_listings(self.plan.site, drawn.metadata, page.source, drawn.tree, page.output, posts)
            self._finish(made, drawn, self._context(page, drawn))
        except (ToolMissing, StoreError):
            raise
        except Exception as error:
            self._keep_former(page)
            self.made.remove(made)
            self.failed.append(_FailedPage(page=page, error=_as_problem(page.source, error)))

    # --- pages that could not be made ---------------------------------------------------------------------------------

    def _keep_former(self, page: PlannedPage) -> None:
        """A page that cannot be made now stays as it was, also where an engine made the site anew elsewhere."""
        if self.plan.site is self.site:
            return
        page.output.unlink(missing_ok=True)
        former = output_of(self.site, page.source).relative_to(self.site.output).as_posix()
        for name in {former, *files_of_page(self.site, page.source)}:
            target = self.plan.site.output / name
            if (self.site.output / name).is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.site.output / name, target)

    def _drop_ways_to_lost_pages(self) -> None:
        """Makes the neighbours of pages anew that could not be made and were not there before."""
        lost = {one.page.source for one in self.failed if not one.page.output.is_file()}
        if not lost:
            return
        plan = self.plan.without(lost)
        before = {page.source: page.neighbours for page in self.plan.pages}
        self.plan = replace(plan, outputs={s: o for s, o in plan.outputs.items() if s not in _real_paths(lost)})
        again = [page for page in plan.pages if page.neighbours != before[page.source]]
        self.made = [one for one in self.made if one.page.source not in _sources(again)]
        failed = _sources(self._failed_pages())
        self._make([page for page in again if page.source not in failed], {})

    def _failed_pages(self) -> list[PlannedPage]:
        return [one.page for one in self.failed]

    def raise_problems(self) -> None:
        """Raises what is wrong in the pages that could not be made; one error as it is."""
        if len(self.failed) == 1:
            raise self.failed[0].error
        problems = [problem for one in self.failed for problem in _problems_of(one.error)]
        if problems:
            raise RenderError(problems)

    # --- what is written of all pages ---------------------------------------------------------------------------------

    def _posts(self) -> list[ListedPost]:
        """The posts that lists may name: those that were made, and those that stay as they were."""
        return [post for post in self._known_posts(is_listing=False) if not self._is_hidden(post)]

    def _known_posts(self, *, is_listing: bool) -> list[ListedPost]:
        posts = [one.post for one in self.made if one.is_listing is is_listing]
        for page in [*self._failed_pages(), *self.plan.others]:
            entry = self.cache.last(page.source)
            if entry is not None and entry["record"]["listing"] is is_listing and page.output.is_file():
                posts.append(ListedPost.from_record(page.source, page.output, entry["record"]["post"]))
        return posts

    def _is_hidden(self, post: ListedPost) -> bool:
        return self.plan.mode != "visible" and (self.plan.is_hidden(post.source) or bool(post.metadata.get("draft")))

    def write_beside(self) -> None:
        """Writes what a site has beside its pages, and remembers how each page was made."""
        for one in self.made:
            if one.changed:
                self.cache.put(one.page.source, one.inputs, self._record(one))
        listings = self._known_posts(is_listing=True)
        with noting_made() as beside:
            extras.write_extras(self.plan.site, self._posts(), listings, self.assets, self.cache)
        self.assets.copy_to(self.plan.site.output)
        self.beside = frozenset(beside)

    def keep_files(self) -> None:
        """Gives the output folder its place, and takes from it what the site no longer holds."""
        site, held = self.site, self.plan.held
        if self.engine.keeps_pages:
            self.held = keep_made(site, {one.page.source: one.files for one in self.made}, self.beside, held)
            return
        outputs = {source: output_of(site, source) for source in held}
        if self.plan.site is site:
            new = [path for path, seen in stamps_below(site.output).items() if self._stamps.get(path) != seen]
        else:
            place = self.plan.site.output
            new = [site.output / path.relative_to(place) for path in stamps_below(place)]
            _keep_own_files(site, place)
            replace_folder(place, site.output)
        self.held = keep_found(site, new, outputs, whole=self.plan.site is not site)

    def _record(self, one: _MadePage) -> dict[str, Any]:
        front = one.page.front
        return {
            "post": one.post.record(),
            "warnings": list(one.warnings),
            "listing": one.is_listing,
            "files": made_names(self.plan.site, one.files),
            "front": {key: _as_json(flatten(front).get(key)) for key in _FRONT},
            "around": self.plan.surroundings(one.page),
        }

    def manifest(self) -> Manifest:
        """What was made, by the places that the site's pages have in the end."""
        pages = tuple(
            RenderedPage(
                source=one.page.source,
                output=output_of(self.site, one.page.source),
                title=one.post.title_text,
                project=one.page.project,
            )
            for one in self._in_order()
        )
        warnings = tuple(dict.fromkeys(warning for one in self._in_order() for warning in one.warnings))
        return Manifest(engine=self.engine.name, root=self.site.output, pages=pages, warnings=warnings, files=self.held)

    def _in_order(self) -> list[_MadePage]:
        by_source = {one.page.source: one for one in self.made}
        return [by_source[page.source] for page in self.plan.pages if page.source in by_source]


def _from_record(site: Site, page: PlannedPage, record: Mapping[str, Any]) -> _MadePage:
    """A page as it was made before."""
    return _MadePage(
        page=page,
        post=ListedPost.from_record(page.source, page.output, record["post"]),
        is_listing=record["listing"],
        files=frozenset(site.output / name for name in record["files"]),
        warnings=tuple(record["warnings"]),
    )


def _pages_around(plan: RenderPlan, cache: PageCache) -> list[Path]:
    """The pages to make as well where one that was made before has left the site: they may list it or lead to it.

    A post that changed itself waits until it is asked for.
    """
    return [
        page.source
        for page in plan.others
        if page.source in plan.held and (page.front.get("listing") or cache.valid(page.source, []) is not None)
    ]


def _as_problem(source: Path, error: Exception) -> BlogkitError:
    """An error of one page as one that names the page; a defect of blogkit says where in its code it is."""
    if isinstance(error, BlogkitError):
        return error
    if isinstance(error, RecursionError):
        message = "something in it is nested too deep for a page."
        hint = "Look for quotes, lists or ::: blocks that are nested hundreds deep."
        return RenderError([Problem(path=source, message=message, hint=hint)])
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {str(error)[:200]}".rstrip(": ")
    message = f"could not be rendered: {what} ({Path(frame.filename).name}, line {frame.lineno})."
    hint = "This is a defect of blogkit: please report it with this file."
    return RenderError([Problem(path=source, message=message, hint=hint)])


def _problems_of(error: BlogkitError) -> Sequence[Problem]:
    many = getattr(error, "problems", None)
    one = getattr(error, "problem", None)
    if many is not None:
        return tuple(many)
    return (one,) if one is not None else (Problem(message=str(error)),)


def _real_paths(sources: Iterable[Path]) -> set[Path]:
    return {source.resolve() for source in sources}


def _sources(pages: Iterable[PlannedPage]) -> set[Path]:
    return {page.source for page in pages}


def _keep_own_files(site: Site, place: Path) -> None:
    """Copies what somebody else put into the output folder into the folder that replaces it."""
    made = made_files(site)
    for path in stamps_below(site.output) if made is not None else ():
        name = path.relative_to(site.output)
        target = place / name
        if made is not None and name.as_posix() not in made and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def _site_beside(site: Site) -> Site:
    """The site with an empty folder of its own for its pages: it takes the place of the old one when it is whole."""
    made = replace(site, quarto=merge(site.quarto, {"project": {"output-dir": f"{FOLDER}/pages"}}))
    shutil.rmtree(made.output, ignore_errors=True)
    return made


def _as_json(value: Any) -> Any:
    """A value of the front matter as JSON keeps it and as it means the same."""
    return value if isinstance(value, str | int | float | bool | list) or value is None else str(value)
