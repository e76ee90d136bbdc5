"""Verbs that look at stored runs: runs list, compare, prune."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blogkit.cli.here import site_here
from blogkit.cli.runs import OnlyOption, ProjectsArgument, assignments, chosen_projects, runs_app
from blogkit.cli.words import file_size, plain
from blogkit.errors import ConfigError, Problem, ProjectError
from blogkit.several import Several

if TYPE_CHECKING:
    from blogkit.model import Project
    from blogkit.run.browsing import RunDifference, StoredRun

_SHOWN_METRICS = 4


@runs_app.command("list")
def list_command(
    projects: ProjectsArgument = None,
    sort: Annotated[str, typer.Option(help="A parameter, a metric, or started, seconds, size.")] = "started",
    descending: Annotated[bool, typer.Option("--descending", help="The largest first.")] = False,
    only: OnlyOption = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Metrics to show, by default the first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script to read.")] = False,
) -> None:
    """Show the stored runs: what each is to the sweep, its parameters and last metrics, its time and size."""
    from blogkit.run.browsing import runs_as_json, sort_runs

    wanted = assignments(only, "--only")
    several = Several()
    listed: list[StoredRun] = []
    for project in chosen_projects(site_here(projects), projects):
        with several.going_on(project):
            runs = [
                run
                for run in _stored_runs(project)
                if all(run.parameters.get(name, _ABSENT) == value for name, value in wanted.items())
            ]
            if as_json:
                listed += runs
            elif runs:
                ordered = runs if sort == "started" and not descending else sort_runs(runs, sort, descending=descending)
                _print_runs(project, ordered, metric)
            else:
                print(f"{project.name}: no stored runs{' with these values' if wanted else ''}.")
    if as_json:
        print(runs_as_json(listed))
    several.raise_errors()


_ABSENT = object()


@runs_app.command()
def compare(
    first: Annotated[str, typer.Argument(help="The id of a run, or its beginning.")],
    second: Annotated[str, typer.Argument(help="The id of another.")],
) -> None:
    """Show in what two stored runs differ: parameters, metrics, versions, code, machine."""
    from blogkit.run.browsing import compare_runs, find_run

    several = Several()
    runs: list[StoredRun] = []
    for project in chosen_projects(site_here(whole=False), None):
        with several.going_on(project):
            runs += _stored_runs(project)
    one, other = find_run(runs, first), find_run(runs, second)
    found = compare_runs(one, other)
    print(f"{one.id} → {other.id}")
    for difference in found:
        for line in _difference_lines(difference):
            print(f"  {line}")
    if not found:
        print("  no difference: parameters, metrics, versions, code and machine are the same")


@runs_app.command()
def prune(
    projects: ProjectsArgument = None,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="Such as 12h, 30d, 2w.")] = "0d",
    larger_than: Annotated[str, typer.Option("--larger-than", metavar="SIZE", help="Such as 10MB, 2GB.")] = "0MB",
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
) -> None:
    """Show which stored runs nothing needs, and remove them when asked to; what results/ stand on stays."""
    from blogkit.cli.sweep_view import duration
    from blogkit.run.browsing import plan_pruning
    from blogkit.run.browsing import prune as remove_runs

    age, size = _parse_age(older_than), _parse_size(larger_than)
    several = Several()
    for project in chosen_projects(site_here(projects), projects):
        with several.going_on(project):
            _stored_runs(project)  # gives runs of earlier versions their ids of today first
            pruning = plan_pruning(project, older_than=age, larger_than=size)
            for one in pruning.removable:
                print(f"{project.name} {one.path.name}  {file_size(one.size)}  {duration(one.age)} old  {one.what}")
            kept = (
                f"; {pruning.kept} that the sweep does not plan stay, since results/ name them" if pruning.kept else ""
            )
            print(
                f"{project.name}: {_folder_count(len(pruning.removable))} to remove, {file_size(pruning.size)}{kept}."
            )
            if not pruning.removable:
                continue
            if not yes and not sys.stdin.isatty():
                print("  Nothing was removed; --yes removes them.")
            elif yes or typer.confirm("Remove them?", default=False):
                print(f"{project.name}: {file_size(remove_runs(project, pruning))} freed.")
    several.raise_errors()


def _stored_runs(project: Project) -> tuple[StoredRun, ...]:
    from blogkit.pipeline import plan
    from blogkit.run.browsing import list_runs

    plan(project)
    return list_runs(project)


def _print_runs(project: Project, runs: Sequence[StoredRun], metrics: Sequence[str] | None) -> None:
    """A table of the runs of one project."""
    from rich.console import Console
    from rich.table import Table

    from blogkit.cli.sweep_view import duration, parameters_text

    known = dict.fromkeys(name for run in runs for name in run.metrics)
    unknown = [name for name in metrics or () if name not in known]
    if unknown:
        hint = f"There are: {', '.join(known) or 'none'}."
        raise ProjectError(f"no run recorded a metric {unknown[0]!r}.", hint=hint, path=project.folder)
    shown = list(metrics) if metrics else list(known)[:_SHOWN_METRICS]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", title=None)
    for title in ("run", "", "parameters"):
        table.add_column(title, overflow="fold")
    for title in (*(plain(name) for name in shown), "time", "size", "started"):
        table.add_column(title, justify="right")
    for run in runs:
        values = [f"{run.metrics[name]:.4g}" if name in run.metrics else "" for name in shown]
        time = duration(run.seconds) if run.seconds is not None else ""
        parameters = plain(parameters_text(run.parameters))
        table.add_row(run.id, run.standing.value, parameters, *values, time, _size_text(run), plain(run.started[:16]))
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)
    console.print(f"{project.name}: {_run_count(len(runs))}, {file_size(sum(run.size for run in runs))} in the store")
    console.print(table)


def _size_text(run: StoredRun) -> str:
    return file_size(run.size) if run.folder else "in results/"


def _difference_lines(difference: RunDifference) -> list[str]:
    """A difference in lines; of a cell, the lines of code that differ."""
    import difflib

    if difference.kind == "code" and difference.name.startswith("cell "):
        before, after = str(difference.before or "").splitlines(), str(difference.after or "").splitlines()
        changed = [line for line in difflib.ndiff(before, after) if line[:1] in "+-"]
        return [f"{difference.name}:", *(f"  {plain(line)}" for line in changed)]
    return [
        plain(
            f"{difference.kind} {difference.name}: {_value_text(difference.before)} → {_value_text(difference.after)}"
        )
    ]


def _value_text(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


_UNITS = {"h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZES = {"kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000}


def _parse_age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text.strip().lower())
    if match is None:
        raise ConfigError([Problem(message=f"--older-than {text!r}: is no age.", hint="As in 12h, 30d or 2w.")])
    return float(match[1]) * _UNITS[match[2]]


def _parse_size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]b)", text.strip().lower())
    if match is None:
        raise ConfigError([Problem(message=f"--larger-than {text!r}: is no size.", hint="As in 500kB, 10MB or 2GB.")])
    return int(float(match[1]) * _SIZES[match[2]])


def _run_count(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"


def _folder_count(count: int) -> str:
    return f"{count} {'folder' if count == 1 else 'folders'}"
