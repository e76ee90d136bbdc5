"""Verbs of the peer review: assign, leaks, revise, links, serve, bundle, open, collect, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blogkit.cli import app

if TYPE_CHECKING:
    from blogkit.review.assign import Round
    from blogkit.review.folder import ReviewFolder
    from blogkit.review.roster import Roster

review = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(review, name="review")

FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Where the review is kept. By default .blogkit/review of the site.")
]


def _need_extra() -> None:
    """Raises ToolMissing when the packages of the extra ``review`` are not there."""
    from importlib.util import find_spec

    from blogkit.errors import ToolMissing

    missing = [name for name in ("scipy", "starlette", "sqlalchemy", "jsonschema") if find_spec(name) is None]
    if missing:
        message = f"Peer review needs packages that are not installed: {', '.join(missing)}."
        raise ToolMissing(message, hint='Install them with `pip install "blogkit[review]"`.')


@review.callback()
def needs() -> None:
    """Let a class review each other's rendered posts, blind, online or off."""
    _need_extra()


def _folder(given: Path | None) -> ReviewFolder:
    from blogkit.config import find_root
    from blogkit.review.folder import ReviewFolder

    root = given.resolve() if given else find_root(Path.cwd()) / ".blogkit" / "review"
    return ReviewFolder(root=root)


def _roster(folder: ReviewFolder, given: Path | None) -> Roster:
    from blogkit.errors import ProjectError
    from blogkit.review.folder import keep_roster
    from blogkit.review.roster import read_roster

    if given is not None:
        roster = read_roster(given, folder.secret())
        keep_roster(folder, given.read_text(encoding="utf-8-sig"))
        return roster
    if not folder.roster.is_file():
        raise ProjectError("There is no roster yet.", hint="Give one with --roster roster.csv.", path=folder.roster)
    return read_roster(folder.roster, folder.secret())


@review.command()
def assign(
    roster: Annotated[Path | None, typer.Option("--roster", help="A CSV file: name,email,role,project,…")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same assignment.")] = 0,
    reviews: Annotated[int, typer.Option("--reviews", min=0, help="Classmates a post.")] = 3,
    staff: Annotated[int, typer.Option("--staff", min=0, help="Members of staff a post.")] = 1,
    publish: Annotated[bool, typer.Option("--publish", help="Show the draft to the reviewers.")] = False,
    folder: FolderOption = None,
) -> None:
    """Draft who reviews what, or publish the draft. After a published round, the next call drafts another."""
    from blogkit.review import assign as assigning

    place = _folder(folder)
    rounds = assigning.read_rounds(place)
    draft = rounds[-1] if rounds and not rounds[-1].published else None
    if publish and draft is not None and roster is None:
        assigning.write_rounds(place, assigning.publish(rounds))
        print(f"Round {draft.number} is published: {len(draft.pairs)} reviews.")
        return
    people = _roster(place, roster)
    earlier = [each for each in rounds if each.published]
    wish = assigning.Wish(readers=reviews, staff=staff, seed=seed)
    made = assigning.assign(people, wish, earlier=earlier, submitted=_submitted(place))
    now = (*earlier, made)
    assigning.write_rounds(place, assigning.publish(now) if publish else now)
    _print_round(people, made)
    if publish:
        print(f"Round {made.number} is published: {len(made.pairs)} reviews.")
    else:
        print(f"Round {made.number} is a draft that reviewers do not see; `blogkit review assign --publish` shows it.")


def _submitted(place: ReviewFolder) -> set[tuple[str, str]]:
    from blogkit.review.record import EventType, read_record

    events = read_record(place.record) if place.record.is_file() else ()
    return {(event.creator, event.post) for event in events if event.type is EventType.SUBMIT}


def _print_round(people: Roster, made: Round) -> None:
    names = {key: person.name for key, person in people.by_key().items()}
    posts: dict[str, list[str]] = {}
    for pair in made.pairs:
        mark = " (staff)" if pair.staff else ""
        posts.setdefault(pair.post, []).append(names[pair.reviewer] + mark)
    for post, readers in posts.items():
        print(f"{post}: {', '.join(readers)}")
    for pair in made.dropped:
        print(f"{pair.post}: taken back from {names.get(pair.reviewer, 'somebody who left the roster')}")


@review.command()
def collect(
    files: Annotated[list[Path], typer.Argument(help="Files that `review open` or another class wrote.")],
    folder: FolderOption = None,
) -> None:
    """Merge review files into the record by union: as often, and in whatever order, you like."""
    from blogkit.review.collect import collect as merge_files

    done = merge_files(files, _folder(folder).record)
    print(f"{done.path}: {done.events} events, {done.new} of them new.")
    for event in done.altered:
        print(f"    {event} was changed by hand in one of the files; one version of it is kept.")
