"""The verb that does everything that is stale: build."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from blogkit.cli import app
from blogkit.cli.publishing import ProfileOption
from blogkit.cli.runs import ProjectsArgument, ScaleOption, describe_gathered, execute_and_show
from blogkit.model import Project, Run, RunResult
from blogkit.stages import BUILT, in_words

if TYPE_CHECKING:
    from blogkit.pipeline import Built


@app.command(help=f"{in_words(BUILT)}, in that order, whatever is stale.")
def build(
    projects: ProjectsArgument = None,
    scale: ScaleOption = None,
    engine: Annotated[str, typer.Option("--engine", help="auto, quarto or pandoc.")] = "auto",
    profile: ProfileOption = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; by default what the machine has.")] = None,
) -> None:
    """Do what is stale of each stage that is part of a build, in their order."""
    from blogkit.check import as_text
    from blogkit.cli.here import site_here
    from blogkit.pipeline import build
    from blogkit.several import Several

    def execute(project: Project, missing: Sequence[Run], *, made: Sequence[Run]) -> Sequence[RunResult]:
        return execute_and_show(project, missing, made=made, workers=workers)

    site = site_here(projects)
    several = Several()
    built = build(site, projects or (), scale=scale, engine=engine, profile=profile, execute=execute, several=several)
    if not built.results:
        print("run: nothing to run, every result is there.", file=sys.stderr)
    for one in built.gathered:
        print(f"gather: {describe_gathered(one)}", file=sys.stderr)
    number = len(built.manifest.pages)
    pages = "1 page" if number == 1 else f"{number} pages"
    print(f"render: {pages} by {built.manifest.engine} in {built.manifest.root}", file=sys.stderr)
    for warning in built.manifest.warnings:
        print(f"    {warning}", file=sys.stderr)
    sys.stdout.write(as_text(built.reports))
    with several.going_on():
        _raise_for_what_failed(built)
    several.raise_errors()


def _raise_for_what_failed(built: Built) -> None:
    """Raises RunsFailed or CheckFailed where a run or a post did not pass."""
    from blogkit.errors import CheckFailed, RunsFailed
    from blogkit.model import Level, RunStatus
    from blogkit.run.failures import describe_failures

    bad = [result for result in built.results if result.status is not RunStatus.DONE]
    if bad:
        raise RunsFailed(len(bad), len(built.results), describe_failures(bad, built.results))
    if any(report.fails(Level.ERROR) for report in built.reports):
        errors, warnings = (
            sum(report.count(level) for report in built.reports) for level in (Level.ERROR, Level.WARNING)
        )
        raise CheckFailed(errors, warnings)
