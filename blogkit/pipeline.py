"""The stages put together, in the order of :mod:`blogkit.stages`: what a command does with several of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from blogkit import stale
from blogkit.config import choose_projects
from blogkit.coverage import Coverage, noted_coverage
from blogkit.errors import BlogkitError, ConfigError, NotebookError, NotStored, ProjectError, RunsFailed
from blogkit.gather import Gathered
from blogkit.model import Level, Manifest, Project, Release, RenderedPage, Run, RunResult, RunStatus, Site
from blogkit.several import Several
from blogkit.stages import BUILT
from blogkit.stale import ResultsState, StaleParts, runs_without_results
from blogkit.store import ProjectPaths, foreign_results, gathered_scale

if TYPE_CHECKING:
    from blogkit.check import Report
    from blogkit.check.fixes import AppliedFixes
    from blogkit.review.rubric import Rubric
    from blogkit.tools.execution import KernelStart


_EVIDENCE_RULES = frozenset({"BK121", "BK128", "BK132"})
"""The rules whose findings are reported at publishing too: whether the page shows the whole sweep, as it is now."""


def scale_of(project: Project, asked: str | None) -> str | None:
    """The scale that is asked for, else that of the project's results, else the sweep's own.

    So results that were committed at full scale stay what they are until somebody asks for another scale.
    """
    kept = gathered_scale(ProjectPaths.of(project))
    scales = project.sweep.scales if project.sweep else {}
    return asked or (kept if kept in scales else None) or (project.sweep.scale if project.sweep else None)


def plan(
    project: Project,
    *,
    scale: str | None = None,
    settings: Mapping[str, Any] | None = None,
    only: Mapping[str, Any] | None = None,
) -> tuple[Run, ...]:
    """The runs of a project, at the scale that :func:`scale_of` says; those stored under earlier ids get theirs."""
    from blogkit.run.plan import adopt_earlier_runs, plan_runs

    runs = plan_runs(project, scale=scale_of(project, scale), settings=settings, only=only)
    adopt_earlier_runs(project, runs)
    return runs


def runs_to_do(project: Project, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The planned runs whose results are nowhere: neither in a folder here, nor gathered before."""
    return runs_without_results(project, runs)


def without(runs: Sequence[Run], missing: Sequence[Run]) -> tuple[Run, ...]:
    """The planned runs that have results, given those that have none."""
    ids = {run.id for run in missing}
    return tuple(run for run in runs if run.id not in ids)


def look_at_results(project: Project, *, scale: str | None = None) -> ResultsState:
    """How a project's results stand to its sweep and its figures' code.

    Where the sweep cannot be planned, as `run` says, it is what was known when the results were gathered.
    """
    if project.sweep is None:
        return ResultsState(coverage=None)
    try:
        return stale.look_at_results(project, plan(project, scale=scale))
    except (ConfigError, NotebookError):
        return ResultsState(coverage=noted_coverage(ProjectPaths.of(project)))


def coverage(project: Project) -> Coverage | None:
    """How much of a project's sweep its results hold; None where nothing was gathered."""
    return look_at_results(project).coverage


def gather(project: Project, *, scale: str | None = None, force: bool = False) -> Gathered:
    """Gathers the results of a project's runs, at the scale that :func:`scale_of` says."""
    from blogkit.gather import gather

    at = scale_of(project, scale)
    return gather(project, plan(project, scale=at), scale=at, force=force)


class FigureFollower:
    """Gathers a project anew when what its figures are made of is saved: from the runs that are there, and none other.

    Kernels are forks of a process that has the figures' libraries imported, so that a saved figure is there at once.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._starts: dict[tuple[str, ...], KernelStart] = {}

    def follow(self, site: Site, changed: Collection[Path]) -> tuple[str, ...]:
        """The projects that were gathered, given the files that changed. Raises what gathering raises."""
        from blogkit.gather import gather

        gathered = []
        for project in site.projects:
            if project.sweep is None or project.problems or not _touches_figures(project, changed):
                continue
            try:
                runs = plan(project)
            except (ConfigError, NotebookError):
                continue  # `run` and `status` say why
            state = stale.look_at_results(project, runs)
            if state.stale and stale.available_runs(ProjectPaths.of(project), runs):
                gather(project, runs, scale=scale_of(project, None), start=self._kernel_start(project))
                gathered.append(project.name)
        return tuple(gathered)

    def _kernel_start(self, project: Project) -> KernelStart:
        from blogkit.notebook import imported_modules, read_notebook
        from blogkit.run.kernels import warm_start
        from blogkit.tools.execution import ORDINARY

        figures = stale.figures_notebook(project)
        if figures is None:
            return ORDINARY
        modules = imported_modules(read_notebook(figures), ahead=True)
        if modules not in self._starts:
            start = warm_start(modules, own_folders=[project.folder])
            self._starts[modules] = self._stack.enter_context(start)
        return self._starts[modules]

    def close(self) -> None:
        """Ends the processes that kernels are forked from."""
        self._stack.close()


def _touches_figures(project: Project, changed: Collection[Path]) -> bool:
    """Whether one of these files may change a project's figures: its own, but its post and its results, or a module."""
    own = [path for path in changed if path.is_relative_to(project.folder)]
    results = ProjectPaths.of(project).results
    return any(path.suffix != ".qmd" and not path.is_relative_to(results) for path in own) or any(
        path.suffix == ".py" for path in changed
    )


# --- what is stale ---------------------------------------------------------------------------------------------------


def find_stale(
    site: Site, projects: Sequence[Project], *, scale: str | None = None, several: Several | None = None
) -> tuple[StaleParts, ...]:
    """What of each project is stale: runs, results, page. It is what `run`, `gather` and `render` would make anew.

    A project that cannot be planned stops no other: its error is kept in ``several``, else raised at the end.
    """
    kept = several or Several()
    pages = stale_projects(site, projects)
    found = []
    for project in projects:
        with kept.going_on(project):
            runs = plan(project, scale=scale) if project.sweep is not None else ()
            found.append(stale_parts(project, runs, page=project in pages))
    if several is None:
        kept.raise_errors()
    return tuple(found)


def stale_parts(project: Project, runs: Sequence[Run], *, page: bool) -> StaleParts:
    """What of a project is stale, given its planned runs and whether its page is."""
    if project.sweep is None:
        return StaleParts(project=project, page=page)
    results = stale.look_at_results(project, runs)
    return StaleParts(
        project=project, runs=runs_to_do(project, runs), results=results.stale, coverage=results.coverage, page=page
    )


def is_stale(site: Site, project: Project) -> bool:
    """Whether a post's page is not what the post and all that it is made of give now, or there is no page."""
    return bool(stale_projects(site, [project]))


def stale_projects(site: Site, projects: Sequence[Project]) -> tuple[Project, ...]:
    """The projects whose page is not what their post gives now: the rendering's own answer.

    Where no rendering is remembered, such as for pages that Quarto made alone, the files' times tell.
    """
    from blogkit.render.renderer import stale_pages

    sources = stale_pages(site)
    if sources is None:
        return tuple(project for project in projects if _is_older_than_its_files(site, project))
    posts = {source.resolve() for source in sources}
    return tuple(
        project for project in projects if project.post.resolve() in posts or not _page_path(site, project).is_file()
    )


def _page_path(site: Site, project: Project) -> Path:
    return site.output / project.folder.relative_to(site.root) / "index.html"


def _is_older_than_its_files(site: Site, project: Project) -> bool:
    output = _page_path(site, project)
    if not output.is_file():
        return True
    made = output.stat().st_mtime
    paths = ProjectPaths.of(project)
    if any((site.root / name).stat().st_mtime > made for name in ("_quarto.yml",) if (site.root / name).is_file()):
        return True
    for folder, folders, files in os.walk(project.folder):
        here = Path(folder)
        folders[:] = [name for name in folders if not name.startswith((".", "__")) and here / name != paths.runs]
        if any((here / name).stat().st_mtime > made for name in files if (here / name).is_file()):
            return True
    return False


# --- check and publish ----------------------------------------------------------------------------------------------


def drafts(site: Site, projects: Sequence[Project]) -> tuple[Project, ...]:
    """The projects among these whose post is a draft that the site does not show."""
    from blogkit.render import drafts_left_out

    left_out = {source.resolve() for source in drafts_left_out(site)}
    return tuple(project for project in projects if project.post.resolve() in left_out)


def choose_posts(site: Site, names: Sequence[str]) -> tuple[Project, ...]:
    """The named projects of a site, drafts too; where none is named all but the drafts."""
    projects = choose_projects(site, names)
    left_out = () if names else drafts(site, projects)
    return tuple(project for project in projects if project not in left_out)


def rendered(site: Site) -> Manifest:
    """What lies rendered in the site's output folder, by the projects' own paths; nothing is rendered for it."""
    from blogkit.render.made import made_files

    pages = []
    for project in site.projects:
        output = _page_path(site, project)
        if output.is_file():
            pages.append(RenderedPage(source=project.post, output=output, project=project.name))
    own = {page.output for page in pages}
    for output in sorted(site.output.rglob("*.html")):
        source = (site.root / output.relative_to(site.output)).with_suffix(".qmd")
        if output not in own and source.is_file():
            pages.append(RenderedPage(source=source, output=output))
    return Manifest(engine="", root=site.output, pages=tuple(pages), files=made_files(site))


def render_stale(
    site: Site, projects: Sequence[Project], several: Several, *, engine: str = "auto"
) -> tuple[Manifest, tuple[Project, ...]]:
    """What is rendered of the site, after those of the projects' posts are rendered anew that changed since.

    Gives also the projects whose page is as new as their post; why another's is not is kept in ``several``.
    """
    from blogkit.render import render_site

    changed = stale_projects(site, projects)
    kept = len(several.errors)
    if changed:
        with several.going_on():
            render_site(site, engine=engine, only=changed)
    lost = [project for error in several.errors[kept:] for project in _projects_of(error, changed)]
    return rendered(site), tuple(project for project in projects if project not in lost)


def _projects_of(error: BlogkitError, projects: Sequence[Project]) -> list[Project]:
    """The projects whose files an error of rendering names; all of them where it names none."""
    problems = getattr(error, "problems", None) or [getattr(error, "problem", None)]
    paths = [problem.path for problem in problems if problem is not None and problem.path is not None]
    named = [one for one in projects if any(path.is_relative_to(one.folder) for path in paths)]
    return named or list(projects)


def check_projects(
    site: Site,
    names: Sequence[str] = (),
    *,
    profile: str | None = None,
    browser: bool = False,
    several: Several | None = None,
) -> list[Report]:
    """The named projects' posts against the venue's format, rendered anew where they changed; by default no drafts.

    A post that cannot be rendered or checked stops no other: its error is kept in ``several``, else raised at the end.
    """
    from blogkit import check
    from blogkit.publish import page_of

    chosen = check.load(profile or site.config.profile, site.root)
    kept = several or Several()
    manifest, projects = render_stale(site, choose_posts(site, names), kept)
    reports = []
    with check.looking() if browser else nullcontext(False) as look:
        for project in projects:
            with kept.going_on(project):
                page, results = page_of(manifest, project), look_at_results(project)
                reports.append(
                    check.check_project(
                        site,
                        project,
                        page,
                        profile=chosen,
                        browser=look,
                        coverage=results.coverage,
                        stale_results=results.stale,
                    )
                )
    if several is None:
        kept.raise_errors()
    return reports


def fix_projects(
    site: Site, names: Sequence[str] = (), *, profile: str | None = None, several: Several | None = None
) -> list[tuple[str, AppliedFixes]]:
    """Fixes what is safe to fix in the sources of the named projects, and says for each what it did."""
    from blogkit import check
    from blogkit.publish import page_of

    chosen = check.load(profile or site.config.profile, site.root)
    kept = several or Several()
    manifest, projects = render_stale(site, choose_posts(site, names), kept)
    done = []
    for project in projects:
        with kept.going_on(project):
            done.append((project.name, check.apply_fixes(site, project, page_of(manifest, project), profile=chosen)))
    if several is None:
        kept.raise_errors()
    return done


def publish_projects(
    site: Site,
    names: Sequence[str] = (),
    *,
    target: str,
    destination: Path | None = None,
    profile: str | None = None,
    browser: bool | None = None,
    several: Several | None = None,
) -> list[Release]:
    """The named projects' posts, published one by one, each only when no error rule of the venue stands against it.

    Where none is named, all but the drafts; a draft that is named is published, and its release says so.
    Posts that changed are rendered anew. What was made is looked at once more before it gets its name, in a browser too
    where there is one (``browser`` None). Raises CheckFailed with the findings when an error stands; the post's last
    release stays as it is then. A post that cannot be published stops no other: its error is kept in ``several``, else
    raised at the end.
    """
    from blogkit import check
    from blogkit.publish import give_name, page_of, place_of, publish, unnamed
    from blogkit.tools.chromium import can_browse

    chosen = check.load(profile or site.config.profile, site.root)
    opened = can_browse() if browser is None else browser
    projects = choose_posts(site, names)
    if destination is not None and len(projects) > 1 and not destination.is_dir():
        hint = "Name one project, or a folder that is there."
        raise ProjectError(f"is to take {len(projects)} posts.", hint=hint, path=destination)
    kept = several or Several()
    manifest, projects = render_stale(site, projects, kept)
    drafted = drafts(site, projects)
    releases = []
    with check.looking(chosen) if opened else nullcontext(False) as look:
        for project in projects:
            with kept.going_on(project):
                page = page_of(manifest, project)
                _refuse_two_ages(project)
                check.refuse_errors(check.check_project(site, project, page, profile=chosen))
                place = place_of(site, project, target, destination)
                with unnamed(place) as beside:
                    made = publish(site, manifest, project, target=target, destination=beside)
                    results = look_at_results(project)
                    report = check.check_project(
                        site,
                        project,
                        page,
                        profile=chosen,
                        browser=look,
                        release=made.path,
                        coverage=results.coverage,
                        stale_results=results.stale,
                    )
                    check.refuse_errors(report)
                    give_name(beside, place)
                said = [f"{project.name} is a draft, published since it was named."] if project in drafted else []
                releases.append(replace(made, path=place, notes=(*made.notes, *said, *_standing_notes([report]))))
    if several is None:
        kept.raise_errors()
    return releases


def publish_site(
    site: Site,
    *,
    remote: str = "origin",
    branch: str = "gh-pages",
    profile: str | None = None,
    push: bool = True,
    replace_other: bool = False,
) -> Release:
    """The whole site on a branch that a code host serves, when no error rule stands against any of its posts.

    A branch that holds another site is refused, but with ``replace_other``.
    """
    from blogkit import check
    from blogkit.publish import publish_branch
    from blogkit.render import render_site

    manifest = render_site(site)
    reports = check_projects(site, profile=profile)
    for report in reports:
        check.refuse_errors(report)
    for project in choose_posts(site, ()):
        _refuse_two_ages(project)
    made = publish_branch(site, manifest, remote=remote, branch=branch, push=push, replace_other=replace_other)
    return replace(made, notes=(*made.notes, *_standing_notes(reports)))


def _refuse_two_ages(project: Project) -> None:
    """Raises NotStored where the results are not all of one gathering: one was cut off, or a file was edited."""
    foreign = foreign_results(ProjectPaths.of(project))
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise NotStored(
            f"holds evidence of two ages: {', '.join(foreign[:3])}{more} "
            f"{'is' if len(foreign) == 1 else 'are'} not what was gathered with the other results.",
            hint=f"`blogkit gather {project.name}` makes all of them from the same runs.",
            path=ProjectPaths.of(project).results,
        )


def _standing_notes(reports: Sequence[Report]) -> Iterator[str]:
    """The warnings that stand against posts that are published all the same: on their evidence in full."""
    for report in reports:
        warnings = [one for one in report.standing if one.level is Level.WARNING]
        for finding in report.standing:
            if finding.code in _EVIDENCE_RULES:
                yield f"{report.name}: {finding.message}"
        others = sum(one.code not in _EVIDENCE_RULES for one in warnings)
        if others:
            words = "warning" if others == 1 else "warnings"
            yield f"{report.name}: {others} {words} of `blogkit check` on other things."


# --- everything that is stale ---------------------------------------------------------------------------------------


class Execute(Protocol):
    """Executes a project's missing runs, however the caller shows it and lets it be stopped."""

    def __call__(self, project: Project, missing: Sequence[Run], *, made: Sequence[Run]) -> Sequence[RunResult]: ...


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build did: each stage's own account, empty where nothing was stale."""

    results: tuple[RunResult, ...]
    """Of the runs that were executed."""
    gathered: tuple[Gathered, ...]
    manifest: Manifest
    reports: tuple[Report, ...]


def execute_quietly(project: Project, missing: Sequence[Run], *, made: Sequence[Run]) -> Sequence[RunResult]:
    """The runs executed by this process, with nobody watching."""
    from blogkit.run.execute import execute_runs

    return execute_runs(project, missing, made=made)


def build(
    site: Site,
    names: Sequence[str] = (),
    *,
    scale: str | None = None,
    engine: str = "auto",
    profile: str | None = None,
    execute: Execute = execute_quietly,
    several: Several | None = None,
) -> Built:
    """Does what is stale of each stage that is part of a build, in their order.

    A run that fails does not stop the rest: its project's results are gathered from the runs that succeeded, and the
    failure is among ``results``. What is wrong with one project stops no other: it is kept in ``several``, else raised
    at the end.
    """
    kept = several or Several()
    building = _Building(
        site=site, names=names, scale=scale, engine=engine, profile=profile, execute=execute, kept=kept,
        projects=choose_projects(site, names), manifest=rendered(site),
    )  # fmt: skip
    for project in building.projects:
        if project.sweep is not None:
            with kept.going_on(project):
                building.do_stages_of(project)
    building.raise_where_nothing_ran()
    for stage in BUILT:
        if not stage.of_project:
            building.site_steps[stage.name]()
    if several is None:
        kept.raise_errors()
    return building.built()


@dataclass(kw_only=True)
class _Building:
    """One build, a step for each stage."""

    site: Site
    names: Sequence[str]
    scale: str | None
    engine: str
    profile: str | None
    execute: Execute
    kept: Several
    projects: Sequence[Project]
    manifest: Manifest
    results: list[RunResult] = field(default_factory=list)
    gathered: list[Gathered] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    empty: list[Project] = field(default_factory=list)
    """Projects none of whose runs has results."""

    @property
    def project_steps(self) -> Mapping[str, Callable[[Project], bool]]:
        """What a stage does for a project, by its name; False where there is nothing to go on with."""
        return {"run": self._run_missing, "gather": self._gather_results}

    @property
    def site_steps(self) -> Mapping[str, Callable[[], None]]:
        """What a stage does for the whole site, by its name."""
        return {"render": self._render_pages, "check": self._check_posts}

    def do_stages_of(self, project: Project) -> None:
        """Does the stages that come before the whole site's."""
        for stage in BUILT:
            if stage.of_project and not self.project_steps[stage.name](project):
                break

    def _run_missing(self, project: Project) -> bool:
        runs = plan(project, scale=self.scale)
        missing = runs_to_do(project, runs)
        if not missing:
            return True
        done = self.execute(project, missing, made=without(runs, missing))
        self.results += done
        if len(missing) == len(runs) and not any(result.status is RunStatus.DONE for result in done):
            self.empty.append(project)
            return False  # there is nothing to gather; the failures say why
        return True

    def _gather_results(self, project: Project) -> bool:
        self.gathered.append(gather(project, scale=self.scale))
        return True

    def raise_where_nothing_ran(self) -> None:
        """Raises RunsFailed when no run of any project has results."""
        from blogkit.run.failures import describe_failures

        if self.empty and len(self.empty) == len(self.projects):
            failed = [result for result in self.results if result.status is not RunStatus.DONE]
            raise RunsFailed(len(failed), len(self.results), describe_failures(failed, self.results))

    def _render_pages(self) -> None:
        from blogkit.render import render_site

        with self.kept.going_on():
            self.manifest = render_site(self.site, engine=self.engine, only=self.projects if self.names else ())

    def _check_posts(self) -> None:
        checking = Several()
        self.reports = check_projects(self.site, self.names, profile=self.profile, several=checking)
        known = {str(error) for error in self.kept.errors}
        self.kept.errors += [error for error in checking.errors if str(error) not in known]

    def built(self) -> Built:
        """What was done."""
        return Built(
            results=tuple(self.results),
            gathered=tuple(self.gathered),
            manifest=self.manifest,
            reports=tuple(self.reports),
        )


def adopt_notebook(
    site: Site,
    name: str,
    notebook: Path,
    *,
    parameters: Sequence[str] = (),
    title: str | None = None,
    authors: Sequence[str] = (),
    template: Path | None = None,
    execute: Execute = execute_quietly,
) -> tuple[Project, tuple[Path, ...]]:
    """A project around a student's notebook: run once as it is, its figures gathered, the post written around them.

    Gives the project and its figures. Raises RunsFailed when the notebook did not run; the project is there all the
    same, and the next build goes on from it.
    """
    from blogkit import new

    project = new.adopt_notebook(
        site, name, notebook, parameters=parameters, title=title, authors=authors, template=template
    )
    runs = plan(project)
    failed = [one for one in execute(project, runs, made=()) if one.status is not RunStatus.DONE]
    if failed:
        raise RunsFailed(len(failed), len(runs), "\n".join(f"{one.run.notebook.name}: {one.reason}" for one in failed))
    gather(project)
    charts = ProjectPaths.of(project).charts
    figures = tuple(sorted(path for path in charts.glob("*") if path.suffix in {".svg", ".png", ".jpg", ".jpeg"}))
    shown = title or new.title_of(notebook.stem)
    new.show_figures(site, project, figures, name=name, title=shown, authors=authors, template=template)
    return project, figures


def review_rubric(start: Path) -> Rubric:
    """The rubric that a site's profile gives to its reviewers; the plain one where there is no site or no rubric."""
    from blogkit.check import load
    from blogkit.config import load_site
    from blogkit.review.rubric import DEFAULT, Rubric, RubricCriterion

    try:
        site = load_site(start)
    except ProjectError:
        return DEFAULT  # a review's folder may be served from anywhere
    profile = load(site.config.profile, site.root)
    criteria = tuple(
        RubricCriterion(
            name=name, title=one.title, points=one.points, asks=one.asks.strip(), questions=tuple(one.person)
        )
        for name, one in profile.rubric.items()
    )
    return Rubric(criteria=criteria) if criteria else DEFAULT
