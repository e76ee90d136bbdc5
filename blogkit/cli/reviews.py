"""Verbs of the peer review: each parses, calls the library function of its name, and prints."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from blogkit.cli import app
from blogkit.cli.words import file_size

review = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(review, name="review")

FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Where the review is kept. By default .blogkit/review of the site.")
]
_ADDRESS = "postgresql://… or sqlite:///…; remembered when given once."
DatabaseOption = Annotated[str | None, typer.Option("--database", envvar="BLOGKIT_REVIEW_DATABASE", help=_ADDRESS)]
ReviewedProjects = Annotated[list[str] | None, typer.Argument(help="Projects; all when none is named.")]


@review.callback()
def needs() -> None:
    """Let a class review each other's rendered posts, blind, online or off."""
    from importlib.util import find_spec

    from blogkit.errors import ToolMissing

    missing = [name for name in ("scipy", "starlette", "sqlalchemy", "jsonschema") if find_spec(name) is None]
    if missing:
        message = f"Peer review needs packages that are not installed: {', '.join(missing)}."
        raise ToolMissing(message, hint='Install them with `pip install "blogkit[review]"`.')


@review.command()
def assign(
    roster: Annotated[Path | None, typer.Option("--roster", help="A CSV file: name,email,role,project,…")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same assignment.")] = 0,
    reviews: Annotated[int, typer.Option("--reviews", min=0, help="Classmates a post.")] = 3,
    staff: Annotated[int, typer.Option("--staff", min=0, help="Members of staff a post.")] = 1,
    deadline: Annotated[str, typer.Option("--deadline", help="The day when reviews are due: 2026-12-10.")] = "",
    publish: Annotated[bool, typer.Option("--publish", help="Show the draft to the reviewers.")] = False,
    database: DatabaseOption = None,
    folder: FolderOption = None,
) -> None:
    """Draft who reviews what, or publish the draft. After a published round, the next call drafts another."""
    from blogkit.review import commands

    print(commands.assign(
        roster=roster, seed=seed, reviews=reviews, staff=staff, deadline=deadline, publish=publish,
        database=database, folder=folder,
    ))  # fmt: skip


@review.command()
def leaks(
    projects: ReviewedProjects = None,
    waive: Annotated[str | None, typer.Option("--waive", help="Let the leak with this id stand…")] = None,
    reason: Annotated[str, typer.Option("--reason", help="…and say why.")] = "",
    folder: FolderOption = None,
) -> None:
    """Tell what in the rendered posts gives their authors away; exit 1 while something does."""
    from blogkit.review import commands

    found = commands.leaks(projects or (), waive_leak=waive, reason=reason, folder=folder)
    print(found)
    found.check("", 'Fix the source and render again, or waive a leak with --waive ID --reason "…".')


@review.command()
def revise(
    projects: ReviewedProjects = None,
    custom_scripts: Annotated[bool, typer.Option("--custom-scripts", help="Let the author's own scripts run.")] = False,
    folder: FolderOption = None,
) -> None:
    """Give reviewers the posts as they are rendered now; comments find their places again."""
    from blogkit.review import commands

    print(commands.revise(projects or (), custom_scripts=custom_scripts, folder=folder))


@review.command()
def collect(
    files: Annotated[list[Path], typer.Argument(help="Files that `review open` or another class wrote.")],
    database: DatabaseOption = None,
    folder: FolderOption = None,
) -> None:
    """Merge review files and the server's record by union: as often, and in whatever order, you like."""
    from blogkit.review import commands

    print(commands.collect(files, database=database, folder=folder))


@review.command()
def links(
    people: Annotated[
        list[str] | None, typer.Argument(help="E-mail addresses; everybody but the absent when none is named.")
    ] = None,
    url: Annotated[str, typer.Option("--url", help="Where the server is reached.")] = "http://127.0.0.1:8000",
    folder: FolderOption = None,
) -> None:
    """Make one-time links to sign in by, as CSV: name,email,link. Each works once, within two weeks."""
    from blogkit.review import commands

    print(commands.links(people or (), url=url, folder=folder))


@review.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Of the app; the posts' origin is on the next one.")] = 8000,
    url: Annotated[str | None, typer.Option("--url", help="Where people reach the app, behind a proxy.")] = None,
    posts_url: Annotated[str | None, typer.Option("--posts-url", help="Where they reach the posts.")] = None,
    database: DatabaseOption = None,
    folder: FolderOption = None,
) -> None:
    """Serve the review to a class. Events are kept in SQLite, or in PostgreSQL by URL."""
    from blogkit.pipeline import review_rubric
    from blogkit.review import commands

    commands.serve(
        host=host, port=port, url=url, posts_url=posts_url, database=database, folder=folder,
        rubric=review_rubric(Path.cwd()), say=partial(typer.echo, err=True),
    )  # fmt: skip


@review.command()
def bundle(
    projects: ReviewedProjects = None,
    reviewer: Annotated[str | None, typer.Option("--reviewer", help="The e-mail address of whom it is for.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("review.bundle"),
    folder: FolderOption = None,
) -> None:
    """Pack anonymous posts into one file that a reviewer opens anywhere with `blogkit review open`."""
    from blogkit.pipeline import review_rubric
    from blogkit.review import commands

    rubric = review_rubric(Path.cwd())
    made = commands.bundle(projects or (), reviewer=reviewer, output=output, rubric=rubric, folder=folder)
    many = f"{len(made.posts)} post{'' if len(made.posts) == 1 else 's'}"
    size = file_size(made.path.stat().st_size)
    print(f"{made.path}: {many}, {size}. `blogkit review open {made.path}` opens it, without a network.")


@review.command(name="open")
def open_(
    bundle: Annotated[Path, typer.Argument(help="A file that `review bundle` wrote.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The review file.")] = None,
    port: Annotated[int, typer.Option("--port", help="0 takes any that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Read and annotate a bundle on this machine; what you write goes to one file for `review collect`."""
    from blogkit.review import commands

    say = partial(print, flush=True)
    answers = commands.open(bundle, output=output, port=port, browser=browser, say=say)
    print(f"{answers} holds your review. Send it to the staff: `blogkit review collect {answers.name}` takes it in.")


@review.command()
def report(
    format: Annotated[str, typer.Option("--format", help="csv or md")] = "md",
    database: DatabaseOption = None,
    folder: FolderOption = None,
) -> None:
    """Scores, spread, what to read again, who is late: for people, or as CSV for grading systems."""
    from blogkit.review import commands

    print(commands.report(format=format, database=database, folder=folder), end="")


@review.command()
def grades(
    gradebook: Annotated[Path, typer.Argument(help="The CSV file that Canvas, Moodle or Gradescope handed out")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to import there")],
    database: DatabaseOption = None,
    folder: FolderOption = None,
) -> None:
    """Fill the scores into a gradebook of Canvas, Moodle or Gradescope, for that system to import."""
    from blogkit.review import commands

    print(commands.grades(gradebook, output, database=database, folder=folder))


@review.command()
def export(
    output: Annotated[Path, typer.Argument(help="The file of JSON lines to write.")],
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit the file to git as “Peer review”, at midnight of its last day.")
    ] = False,
    database: DatabaseOption = None,
    folder: FolderOption = None,
) -> None:
    """Write what was submitted and stands, with neutral authorship: reviewers by letter, days instead of times."""
    from blogkit.review import commands

    print(commands.export(output, commit=commit, database=database, folder=folder))
