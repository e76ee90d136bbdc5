r"""The order of the stages, written once.

::

    template/ --new--> project --run--> runs/ --gather--> results/ --render--> site --check--> findings
                                                                       \--publish--> zip, folder, gh-pages
                                                                       \--review--> annotations, scores
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blogkit.gather import Gathered
from blogkit.model import Project, Run
from blogkit.store import ProjectPaths, gathered_runs, gathered_scale, stored_ids


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
