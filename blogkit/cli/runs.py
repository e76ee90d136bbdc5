"""Verbs that make and gather evidence: run, status, logs, gather, verify, runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blogkit.cli import app
from blogkit.cli.here import site_here
from blogkit.cli.words import file_size
from blogkit.errors import ConfigError, Problem, ProjectError, RunsFailed
from blogkit.several import Several

if TYPE_CHECKING:
    from blogkit.coverage import Coverage
    from blogkit.gather import Gathered
    from blogkit.gather.changes import ChangedValue
    from blogkit.model import Project, Run, RunResult, Site
    from blogkit.run.status import VersionChange
    from blogkit.run.verify import Verified
    from blogkit.stale import StaleParts

ProjectsArgument = Annotated[list[str] | None, typer.Argument(metavar="[PROJECT]...", help="All, when none is named.")]
ScaleOption = Annotated[str | None, typer.Option(help="A named size of the sweep, from `scales:` in sweep.yml.")]
SettingsOption = Annotated[list[str] | None, typer.Option("--set", metavar="K=V", help="A parameter for every run.")]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", metavar="K=V", help="Only the runs with this value.")]


@app.command()
def run(
    projects: ProjectsArgument = None,
    scale: ScaleOption = None,
    settings: SettingsOption = None,
    only: OnlyOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, and how long it may take.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Run again what is stored.")] = False,
    cold: Annotated[bool, typer.Option("--cold", help="Start every kernel afresh, which is slower.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; by default what the machine has.")] = None,
    retries: Annotated[int, typer.Option(min=0, help="Try a run that does not succeed so many more times.")] = 0,
    on: Annotated[str, typer.Option("--on", metavar="NAME", help="`local`, or a cluster's profile.")] = "local",
    detach: Annotated[bool, typer.Option("--detach", help="On a cluster: hand the runs in, and return.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Begin without asking, as far as the budget goes.")] = False,
) -> None:
    """Run the experiments that have no results yet."""
    from blogkit.pipeline import plan, runs_to_do, without
    from blogkit.run.browsing import room_problem

    if detach and on == "local":
        raise ConfigError([Problem(message="--detach hands runs to a cluster.", hint="Say which: --on NAME --detach.")])
    site = site_here(projects)
    results: list[RunResult] = []
    several = Several()
    for project in chosen_projects(site, projects):
        with several.going_on(project):
            runs = plan(project, scale=scale, settings=assignments(settings, "--set"), only=assignments(only, "--only"))
            missing = runs if force else runs_to_do(project, runs)
            tell_undeclared(project)
            made = without(runs, missing)
            if dry_run:
                print_plan(project, missing, made, workers)
                continue
            if not missing:
                print(f"{project.name}: nothing to do, {_where_results_are(project, runs)}.")
                continue
            if on != "local":
                results += execute_on(site, on, project, missing, stored=len(made), force=force, detach=detach)
                continue
            if short := room_problem(project, len(missing)):
                print(f"{project.name}: {short}.", file=sys.stderr)
            if not yes:
                ask_budget(project, missing, made, workers)
            results += execute_and_show(
                project,
                missing,
                made=made,
                workers=workers,
                force=force,
                retries=retries,
                cold=cold,
            )
    with several.going_on():
        raise_for_failures(results)
    several.raise_errors()


def tell_undeclared(project: Project) -> None:
    """Says on stderr which files the experiment names that are no inputs, so that a change in them goes unseen."""
    from blogkit.run.plan import undeclared_files

    names = [Path(os.path.relpath(path, project.folder)).as_posix() for path in undeclared_files(project)]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        print(
            f"{project.name}: the experiment names {', '.join(names[:3])}{more}, which is no input of sweep.yml: "
            f"a change makes no new run.\n  If a run reads it, write `inputs: [{names[0]}]`.",
            file=sys.stderr,
        )


def _where_results_are(project: Project, runs: Sequence[Run]) -> str:
    """``9 runs in the store``, or how many of them are in results/ alone, as on a fresh clone."""
    from blogkit.store import ProjectPaths, stored_ids

    stored = stored_ids(ProjectPaths.of(project))
    alone = [run for run in runs if run.id not in stored]
    if not alone:
        return f"{_count(runs)} in the store"
    rest = f"{_count(runs[len(alone) :])} in the store, " if len(alone) < len(runs) else ""
    return f"{rest}{_count(alone)} in results/ alone (their folders are not here)"


def raise_for_failures(results: Sequence[RunResult]) -> None:
    """Raises RunsFailed when a run did not succeed; one that was not begun has not failed."""
    from blogkit.run.failures import describe_failures

    bad = [result for result in results if result.status.value not in {"done", "not started"}]
    bad += [result for result in results if result.status.value == "not started" and result.folder is not None]
    if bad:
        raise RunsFailed(len(bad), len(results), describe_failures(bad, results))


@app.command()
def status(
    projects: ProjectsArgument = None,
    scale: ScaleOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script to read.")] = False,
) -> None:
    """Show how far each sweep is, also one that another terminal runs."""
    from blogkit.cli.sweep_view import status_document, status_table
    from blogkit.pipeline import plan, stale_parts, stale_projects
    from blogkit.run.status import read_status, version_changes

    site = site_here(projects)
    found, several = [], Several()
    chosen = chosen_projects(site, projects)
    pages = stale_projects(site, chosen)
    for project in chosen:
        with several.going_on(project):
            runs = plan(project, scale=scale)
            state = read_status(project, runs, cluster_jobs(site, project))
            parts = stale_parts(project, runs, page=project in pages)
            found.append((state, parts, version_changes(project, runs)))
    if as_json:
        import json

        print(json.dumps([status_document(state, parts) for state, parts, _ in found], indent=2))
        several.raise_errors()
        return
    for state, parts, changes in found:
        status_table(state)
        for line in [*describe_stale(parts), *map(_describe_change, changes)]:
            print(f"  {line}")
    several.raise_errors()


def _describe_change(change: VersionChange) -> str:
    made = f"{_runs_of(change.runs)} {'was' if change.runs == 1 else 'were'} made with {change.before}"
    return f"{change.module} is {change.now} now, and {made}; `blogkit run --force` makes them again with it"


@app.command()
def cancel(projects: ProjectsArgument = None, scale: ScaleOption = None) -> None:
    """Take the runs that are on a cluster out of its queue."""
    from blogkit.config import find_cluster
    from blogkit.pipeline import plan
    from blogkit.run.cluster import cancel_jobs, clusters_in_use, open_queue

    site = site_here(projects)
    several = Several()
    for project in chosen_projects(site, projects):
        count, kept = 0, len(several.errors)
        for name in clusters_in_use(project):
            with several.going_on(project), closing(open_queue(find_cluster(site, name), project)) as queue:
                count += cancel_jobs(project, plan(project, scale=scale), queue)
        if count or len(several.errors) == kept:
            print(f"{project.name}: {count} {'job' if count == 1 else 'jobs'} cancelled.")
    several.raise_errors()


@app.command()
def logs(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it is written, until the run ends.")] = False,
) -> None:
    """Show what a run printed: a stored one, a failed one, or one that is running."""
    from blogkit.run.logs import find_log, follow_log

    site = site_here(whole=False)
    found = find_log(site.projects, run_id)
    print(f"{found.path}", file=sys.stderr)
    for text in follow_log(found) if follow else [found.read()]:
        sys.stdout.write(text)
        sys.stdout.flush()


@app.command()
def gather(
    projects: ProjectsArgument = None,
    scale: ScaleOption = None,
    force: Annotated[bool, typer.Option("--force", help="Make the results again, also when they are current.")] = False,
) -> None:
    """Make results/ from the runs and the figures notebook."""
    from blogkit.pipeline import gather

    several = Several()
    for project in chosen_projects(site_here(projects), projects):
        with several.going_on(project):
            print(describe_gathered(gather(project, scale=scale, force=force)))
    several.raise_errors()


@app.command()
def verify(
    projects: ProjectsArgument = None,
    scale: ScaleOption = None,
    sample: Annotated[int, typer.Option(min=1, help="How many runs of each project to make again.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the choice of runs.")] = 0,
    tolerance: Annotated[float | None, typer.Option(min=0, help="The relative difference that still agrees.")] = None,
) -> None:
    """Make a sample of the stored runs again, and say which metrics agree."""
    from blogkit.cli.sweep_view import parameters_text
    from blogkit.pipeline import plan
    from blogkit.run.verify import verify_runs

    disagree = 0
    several = Several()
    for project in chosen_projects(site_here(projects), projects):
        with several.going_on(project):
            verified = verify_runs(
                project,
                plan(project, scale=scale),
                sample=sample,
                seed=seed,
                tolerance=tolerance,
                on_run=lambda one: print(f"  again  {one.id}  {parameters_text(one.parameters)}", file=sys.stderr),
            )
            disagree += _print_verified(project, verified)
    several.raise_errors()
    if disagree:
        raise typer.Exit(1)


def _print_verified(project: Project, verified: Sequence[Verified]) -> int:
    """Says of each run that was made again which metrics agree; how many runs do not."""
    for one in verified:
        if one.failure:
            print(f"{project.name} {one.run.id}  did not run again: {one.failure}")
        for metric in one.comparisons:
            apart = "" if metric.worst == 0 else f", at most {metric.worst:.2g} apart"
            values = f"{metric.values} {'value' if metric.values == 1 else 'values'}"
            print(f"{project.name} {one.run.id}  {metric.metric}: {metric.agreement.value} ({values}{apart})")
    agreed = sum(one.agrees for one in verified)
    print(f"{project.name}: {agreed} of {_count(verified)} agree.")
    return len(verified) - agreed


runs_app = typer.Typer(
    help="Look at stored runs, carry them between machines, remove what nothing needs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(runs_app, name="runs")


@runs_app.command()
def pack(
    projects: ProjectsArgument = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="By default PROJECT-runs.tar.gz here.")] = None,
) -> None:
    """Put the stored runs of each project into one file."""
    from blogkit.run.pack import pack_runs

    chosen = chosen_projects(site_here(projects), projects)
    if output is not None and len(chosen) > 1:
        raise ProjectError("A pack holds the runs of one project.", hint="Name the project, or leave --output out.")
    several = Several()
    for project in chosen:
        with several.going_on(project):
            packed = pack_runs(project, output or Path(f"{project.name}-runs.tar.gz"))
            runs = "run" if packed.runs == 1 else "runs"
            print(f"{packed.path}: {packed.runs} {runs}, {file_size(packed.bytes)}.")
            for left in packed.left_out:
                print(f"  left here: {left}", file=sys.stderr)
    several.raise_errors()


@runs_app.command()
def unpack(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Packs, in any order.")],
    project: Annotated[str | None, typer.Option(help="By default the project that the pack names.")] = None,
) -> None:
    """Add the runs of a pack to the store; nothing that is there is overwritten."""
    from blogkit.config import choose_projects
    from blogkit.run.pack import pack_project, unpack_runs

    site = site_here(whole=False)
    several = Several()
    for file in files:
        with several.going_on():
            (target,) = choose_projects(site, [project or pack_project(file)])
            unpacked = unpack_runs(target, file)
            known = f"; {_count(unpacked.known)} were here already" if unpacked.known else ""
            print(f"{target.name}: {_count(unpacked.added)} added from {file}{known}.")
    several.raise_errors()


# --- what the verbs share ---------------------------------------------------------------------------------------------


def chosen_projects(site: Site, names: Sequence[str] | None) -> tuple[Project, ...]:
    """The named projects; without names, all that have a sweep. Raises ProjectError where there is nothing to run."""
    from blogkit.config import SWEEP_FILE, choose_projects

    chosen = choose_projects(site, names or ())
    for project in chosen:
        if names and project.sweep is None:
            hint = f"A {SWEEP_FILE} beside the post says which notebook is run; an empty one is a single run."
            raise ProjectError(
                f"{project.name} has no {SWEEP_FILE}, so it has no runs.", hint=hint, path=project.folder
            )
    return tuple(project for project in chosen if project.sweep is not None)


def describe_gathered(gathered: Gathered) -> str:
    """What a gathering made, in a line."""
    changed = len(gathered.changed)
    what = f"{changed} {'file' if changed == 1 else 'files'} new or different" if changed else "results are current"
    runs = "run" if gathered.runs == 1 else "runs"
    source = f"from {gathered.runs} {runs}"
    if gathered.missing:
        source = f"from {gathered.coverage.count()}; missing: {gathered.coverage.reasons()}"
    lines = [f"  {note}." for note in gathered.notes]
    lines += [f"  no longer holds: {sentence}" for sentence in gathered.broken]
    if gathered.recorded and changed:
        listed = ", ".join(f"{what} ({_runs_of(count)})" for what, count in gathered.recorded.items())
        lines.insert(0, f"  recorded by run, for `from blogkit import runs` in figures.ipynb: {listed}")
    return "\n".join([f"{gathered.project}: {what}, {source}.", *_describe_values(gathered.values), *lines])


def _describe_values(values: Sequence[ChangedValue]) -> Iterator[str]:
    """A line for each number that changed: its key, before and now, and the lines of the post that quote it."""
    for one in values:
        if one.before is None:
            continue  # nothing can quote what is new
        places = ", ".join(f"{path.name}:{line}" for path, line in one.quoted)
        yield f"  {one.name}: {one.before} → {one.now or 'gone'}" + (f"  (quoted in {places})" if places else "")


def describe_coverage(coverage: Coverage | None) -> list[str]:
    """What the gathered results lack of the sweep, in lines; none where they hold it all, or nothing was gathered."""
    if coverage is None or coverage.whole:
        return []
    lines = []
    if coverage.missing:
        lines.append(f"results/ holds {coverage.count()}; missing: {coverage.reasons()}")
    if coverage.outside:
        lines.append(f"results/ holds {_runs_of(coverage.outside)} of earlier code or other parameters")
    if coverage.made_again:
        lines.append(f"{_runs_of(coverage.made_again)} made again since `blogkit gather`")
    return lines


def describe_stale(parts: StaleParts) -> list[str]:
    """What of a project is stale beside its runs, in lines, with the command that makes it anew."""
    from blogkit.stale import OTHER_RUNS

    lines = describe_coverage(parts.coverage)
    reasons = [reason for reason in parts.results if reason != OTHER_RUNS or not lines]
    lines += [f"results/ is stale: {reason}; `blogkit gather` makes it anew" for reason in reasons]
    return lines + (["the page is stale; `blogkit render` makes it anew"] if parts.page else [])


def _runs_of(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"


def assignments(words: Sequence[str] | None, option: str) -> dict[str, Any]:
    """``K=V`` words as a mapping; a value is read as YAML reads it, so that 3 is a number and [1, 2] a list."""
    from blogkit.config import read_value

    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for word in words or ():
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            problems.append(Problem(message=f"{option} {word!r}: is not NAME=VALUE.", hint=f"As in {option} lr=0.1"))
            continue
        found[name.strip()] = read_value(text)
    if problems:
        raise ConfigError(problems)
    return found


def execute_and_show(
    project: Project,
    missing: Sequence[Run],
    *,
    made: Sequence[Run],
    workers: int | None = None,
    force: bool = False,
    retries: int = 0,
    cold: bool = False,
) -> tuple[RunResult, ...]:
    """Executes runs while a table shows them and Ctrl-C is heard. Exits with 130 (143 on SIGTERM) when stopped."""
    from blogkit.cli.sweep_view import make_view
    from blogkit.run.execute import UserNote, execute_runs
    from blogkit.run.interrupts import stoppable

    with (
        make_view(project, missing, stored=len(made), workers=workers) as view,
        stoppable(lambda text: view.on_event(UserNote(text=text))) as stop,
    ):
        results = execute_runs(
            project,
            missing,
            workers=workers,
            made=made,
            force=force,
            retries=retries,
            cold=cold,
            stop=stop,
            on_event=view.on_event,
        )
    if stop.soon.is_set():
        left = sum(result.status.value != "done" for result in results)
        print(f"{project.name}: {_count(results[left:])} done, {left} left to do.", file=sys.stderr)
        print("blogkit: stopped. Give the same command again to go on.", file=sys.stderr)
        raise typer.Exit(stop.exit_code)
    return results


def execute_on(
    site: Site, name: str, project: Project, missing: Sequence[Run], *, stored: int, force: bool, detach: bool
) -> tuple[RunResult, ...]:
    """Executes runs on a cluster while a table shows them; leaving, by Ctrl-C too, lets the jobs go on."""
    from blogkit.cli.sweep_view import make_view
    from blogkit.config import find_cluster
    from blogkit.run.cluster import NOT_HANDED_IN, execute_on_cluster, open_queue
    from blogkit.run.execute import UserNote
    from blogkit.run.interrupts import stoppable

    cluster = find_cluster(site, name)
    with (
        closing(open_queue(cluster, project)) as queue,
        make_view(project, missing, stored=stored, workers=cluster.max_parallel or len(missing)) as view,
        stoppable(lambda text: view.on_event(UserNote(text="leaving; the jobs go on."))) as stop,
    ):
        results = execute_on_cluster(
            project, missing, cluster, queue, force=force, detach=detach, stop=stop, on_event=view.on_event
        )
    left = [result for result in results if result.status.value == "not started"]
    outside = [result for result in left if result.reason == NOT_HANDED_IN]
    if len(left) > len(outside):
        print(f"{project.name}: {_count(left[len(outside) :])} on the way on {name}; the same command again waits for")
        print("  what is there, `blogkit status` shows it, `blogkit cancel` takes it back.")
    if outside:
        print(f"{project.name}: {_count(outside)} not handed in yet, as the queue takes no more for now;")
        print("  the same command again hands in as many as have room then.")
    return results


def cluster_jobs(site: Site, project: Project) -> dict[str, tuple[str, str]]:
    """The jobs of a project on the clusters where it has any; nothing where they cannot be asked from here."""
    from blogkit.config import find_cluster
    from blogkit.errors import BlogkitError
    from blogkit.run.cluster import clusters_in_use, open_queue

    found: dict[str, tuple[str, str]] = {}
    for name in clusters_in_use(project):
        try:
            with closing(open_queue(find_cluster(site, name), project)) as queue:
                found |= queue.jobs() or {}
        except BlogkitError as error:
            print(f"blogkit: {error}", file=sys.stderr)
    return found


def ask_budget(project: Project, missing: Sequence[Run], made: Sequence[Run], workers: int | None) -> None:
    """On a terminal, asks before a sweep that would cost more than its budget; elsewhere the budget just holds."""
    beyond = beyond_budget(project, missing, made, workers)
    if not beyond or not sys.stdin.isatty():
        return
    print(f"{project.name}: {beyond}.", file=sys.stderr)
    if not typer.confirm("Run what the budget allows?", default=True, err=True):
        raise typer.Abort


def beyond_budget(project: Project, missing: Sequence[Run], made: Sequence[Run], workers: int | None) -> str:
    """What a sweep would cost beside its budget, in a line; empty when the budget allows it."""
    from blogkit.cli.sweep_view import duration
    from blogkit.run.budget import estimate, spent_on
    from blogkit.run.execute import count_workers
    from blogkit.run.status import Durations

    assert project.sweep is not None
    budget = project.sweep.budget
    at_once = count_workers(project, missing, workers)
    cost = estimate(missing, Durations.of(project), budget, at_once, spent_on(project, made, at_once))
    if not cost.exceeds:
        return ""
    limits = [f"{budget.runs} runs" if budget.runs is not None else ""]
    limits += [f"{budget.minutes:g} min" if budget.minutes is not None else ""]
    time = f", about {duration(cost.seconds)}" if cost.seconds is not None else ""
    before = f", beside {_count(made)} ({duration(cost.spent.seconds)}) made before" if made else ""
    return f"{_count(missing)} to do{time}{before}; the budget in sweep.yml is {' and '.join(filter(None, limits))}"


def print_plan(project: Project, missing: Sequence[Run], made: Sequence[Run], workers: int | None) -> None:
    """What `--dry-run` says: each missing run, how long they may take together, and what is beyond the budget."""
    from blogkit.cli.sweep_view import duration, parameters_text
    from blogkit.run.execute import count_workers
    from blogkit.run.status import Durations

    for one in missing:
        print(f"{project.name} {one.id}  {parameters_text(one.parameters)}")
    at_once = count_workers(project, missing, workers)
    seconds = Durations.of(project).estimate_all(missing, at_once)
    time = "no run has been made yet to tell the time from" if seconds is None else f"about {duration(seconds)}"
    total = _count([*missing, *made])
    print(f"{project.name}: {len(missing)} of {total} to do, {at_once} at a time: {time}.")
    if beyond := beyond_budget(project, missing, made, workers):
        print(f"{project.name}: {beyond}.")


def _count(runs: Sequence[Any]) -> str:
    return _runs_of(len(runs))
