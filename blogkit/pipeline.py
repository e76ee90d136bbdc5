r"""The order of the stages, written once.

::

    template/ --new--> project --run--> runs/ --gather--> results/ --render--> site --check--> findings
                                                                       \--publish--> zip, folder, gh-pages
                                                                       \--review--> annotations, scores
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from blogkit.config import choose_projects
from blogkit.errors import RunsFailed
from blogkit.gather import Gathered
from blogkit.model import Manifest, Page, Project, Release, Run, RunResult, RunStatus, Site
from blogkit.store import ProjectPaths, gathered_runs, gathered_scale, stored_ids

if TYPE_CHECKING:
    from blogkit.check import Report


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
    """The runs of a project, at the scale that :func:`scale_of` says."""
    from blogkit.run.plan import plan_runs

    return plan_runs(project, scale=scale_of(project, scale), settings=settings, only=only)


def runs_to_do(project: Project, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The planned runs whose results are nowhere: neither in a folder here, nor gathered before."""
    paths = ProjectPaths.of(project)
    known = stored_ids(paths) | gathered_runs(paths).keys()
    return tuple(run for run in runs if run.id not in known)


def gather(project: Project, *, scale: str | None = None, force: bool = False) -> Gathered:
    """Gathers the results of a project's runs, at the scale that :func:`scale_of` says."""
    from blogkit.gather import gather

    at = scale_of(project, scale)
    return gather(project, plan(project, scale=at), scale=at, force=force)


# --- check and publish ----------------------------------------------------------------------------------------------


def rendered(site: Site) -> Manifest:
    """What lies rendered in the site's output folder, by the projects' own paths; nothing is rendered for it."""
    pages = []
    for project in site.projects:
        output = site.output / project.folder.relative_to(site.root) / "index.html"
        if output.is_file():
            pages.append(Page(source=project.post, output=output, project=project.name))
    own = {page.output for page in pages}
    for output in sorted(site.output.rglob("*.html")):
        source = (site.root / output.relative_to(site.output)).with_suffix(".qmd")
        if output not in own and source.is_file():
            pages.append(Page(source=source, output=output))
    return Manifest(engine="", root=site.output, pages=tuple(pages))


def check_projects(
    site: Site, names: Sequence[str] = (), *, profile: str | None = None, browser: bool = False
) -> list[Report]:
    """The named projects' rendered posts (all by default) against the venue's format."""
    from blogkit import check
    from blogkit.publish import page_of

    manifest = rendered(site)
    chosen = check.load(profile or site.config.profile, site.root)
    return [
        check.check_project(site, project, page_of(manifest, project), profile=chosen, browser=browser)
        for project in choose_projects(site, names)
    ]


def publish_projects(
    site: Site,
    names: Sequence[str] = (),
    *,
    target: str,
    destination: Path | None = None,
    profile: str | None = None,
) -> list[Release]:
    """The named projects' posts, published one by one, each only when no error rule of the venue stands against it.

    Raises CheckFailed with the findings when one does; nothing is written for that post.
    """
    from blogkit import check
    from blogkit.publish import page_of, publish

    manifest = rendered(site)
    chosen = check.load(profile or site.config.profile, site.root)
    releases = []
    for project in choose_projects(site, names):
        report = check.check_project(site, project, page_of(manifest, project), profile=chosen)
        check.refuse_errors(report)
        releases.append(publish(site, manifest, project, target=target, destination=destination))
    return releases


# --- everything that is stale ---------------------------------------------------------------------------------------


class Execute(Protocol):
    """Executes a project's missing runs, however the caller shows it and lets it be stopped."""

    def __call__(self, project: Project, missing: Sequence[Run], *, stored: int) -> Sequence[RunResult]: ...


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build did: each stage's own account, empty where nothing was stale."""

    results: tuple[RunResult, ...]
    """Of the runs that were executed."""
    gathered: tuple[Gathered, ...]
    manifest: Manifest
    reports: tuple[Report, ...]


def execute_quietly(project: Project, missing: Sequence[Run], *, stored: int) -> Sequence[RunResult]:
    """The runs executed by this process, with nobody watching."""
    from blogkit.run.execute import execute_runs

    return execute_runs(project, missing)


def build(
    site: Site,
    names: Sequence[str] = (),
    *,
    scale: str | None = None,
    engine: str = "auto",
    profile: str | None = None,
    execute: Execute = execute_quietly,
) -> Built:
    """Runs, gathers, renders and checks, in that order, what is stale.

    A run that fails does not stop the rest: its project's results are gathered from the runs that succeeded, and the
    failure is among ``results``. Raises what the stages raise.
    """
    from blogkit.gather import is_current
    from blogkit.render import render_site

    results: list[RunResult] = []
    gathered: list[Gathered] = []
    projects = choose_projects(site, names)
    for project in projects:
        if project.sweep is None:
            continue
        runs = plan(project, scale=scale)
        missing = () if is_current(project, runs) else runs_to_do(project, runs)
        if missing:
            done = execute(project, missing, stored=len(runs) - len(missing))
            results += done
            if len(missing) == len(runs) and not any(result.status is RunStatus.DONE for result in done):
                continue  # there is nothing to gather; the failures say why
        gathered.append(gather(project, scale=scale))
    without = {project.name for project in projects if project.sweep} - {one.project for one in gathered}
    if without:
        failed = [result for result in results if result.status is not RunStatus.DONE]
        summary = "\n".join(f"{result.run.project} {result.run.id}: {result.reason}" for result in failed[:10])
        raise RunsFailed(len(failed), len(results), summary)
    manifest = render_site(site, engine=engine, only=projects if names else ())
    reports = check_projects(site, [project.name for project in projects], profile=profile)
    return Built(results=tuple(results), gathered=tuple(gathered), manifest=manifest, reports=tuple(reports))
