"""Verbs of the peer review: assign, leaks, revise, links, serve, bundle, open, collect, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blogkit.cli import app
from blogkit.errors import ReviewNotBlind

if TYPE_CHECKING:
    from blogkit.review.assign import Round
    from blogkit.review.folder import ReviewFolder
    from blogkit.review.posts import Prepared
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
    deadline: Annotated[str, typer.Option("--deadline", help="The day when reviews are due: 2026-12-10.")] = "",
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
    if deadline:
        _check_day(deadline)
    wish = assigning.Wish(readers=reviews, staff=staff, seed=seed, deadline=deadline)
    made = assigning.assign(people, wish, earlier=earlier, submitted=_submitted(place))
    now = (*earlier, made)
    assigning.write_rounds(place, assigning.publish(now) if publish else now)
    _print_round(people, made)
    if publish:
        print(f"Round {made.number} is published: {len(made.pairs)} reviews.")
    else:
        print(f"Round {made.number} is a draft that reviewers do not see; `blogkit review assign --publish` shows it.")


def _check_day(text: str) -> None:
    from datetime import date

    from blogkit.errors import ProjectError

    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ProjectError(f"--deadline: {text!r} is no day.", hint="Write it as 2026-12-10.") from error


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


ProjectsArgument = Annotated[list[str] | None, typer.Argument(help="Projects; all when none is named.")]


def _prepare(place: ReviewFolder, projects: list[str] | None, *, custom_scripts: bool = False) -> list[Prepared]:
    """The anonymous pages of projects, from the site as it is rendered now."""
    from blogkit.config import choose_projects, load_site
    from blogkit.review.posts import prepare_post, waivers

    site = load_site(Path.cwd())
    roster = _roster(place, None)
    made = []
    for project in choose_projects(site, projects or []):
        page = site.output / project.folder.relative_to(site.root) / "index.html"
        if not page.is_file() and not projects:
            continue
        made.append(
            prepare_post(
                project.name,
                page,
                site.output,
                roster,
                waivers=waivers(place, project.name),
                source=project.post,
                custom_scripts=custom_scripts,
            )
        )
    return made


def _print_leaks(prepared: list[Prepared]) -> int:
    """Prints every leak; the number of those that stand in the way."""
    for one in prepared:
        for leak in one.leaks:
            where = f"{leak.path}:{leak.line}" if leak.line else str(leak.path or one.post)
            state = (
                "mended in the anonymous build" if leak.mended else f"waived: {leak.waived}" if leak.waived else "OPEN"
            )
            print(f"{where}: {leak.kind} “{leak.what}” ({leak.place}) [{leak.id}] {state}")
        for warning in one.warnings:
            print(f"{one.post}: {warning}")
        print(f"{one.post}: {len(one.open_leaks)} open, {len(one.leaks) - len(one.open_leaks)} mended or waived")
    return sum(len(one.open_leaks) for one in prepared)


@review.command()
def leaks(
    projects: ProjectsArgument = None,
    waive: Annotated[str | None, typer.Option("--waive", help="Let the leak with this id stand…")] = None,
    reason: Annotated[str, typer.Option("--reason", help="…and say why.")] = "",
    folder: FolderOption = None,
) -> None:
    """Tell what in the rendered posts gives their authors away; exit 1 while something does."""
    from blogkit.errors import ProjectError
    from blogkit.review import posts

    place = _folder(folder)
    if waive is not None:
        if not projects or len(projects) != 1 or not reason.strip():
            hint = f'`blogkit review leaks PROJECT --waive {waive} --reason "…"`.'
            raise ProjectError("A waiver needs one project and a reason.", hint=hint)
        posts.waive(place, Path(projects[0]).name, waive, reason.strip())
    if _print_leaks(_prepare(place, projects)):
        hint = 'Mend the source and render again, or waive a leak with --waive ID --reason "…".'
        raise ReviewNotBlind("Something tells who wrote a post.", hint=hint)


@review.command()
def revise(
    projects: ProjectsArgument = None,
    custom_scripts: Annotated[
        bool, typer.Option("--custom-scripts", help="Let the author's own scripts run for reviewers.")
    ] = False,
    folder: FolderOption = None,
) -> None:
    """Give reviewers the posts as they are rendered now; comments find their places again."""
    from blogkit.review.posts import add_revision, revisions

    place = _folder(folder)
    prepared = _prepare(place, projects, custom_scripts=custom_scripts)
    if any(one.open_leaks for one in prepared):
        _print_leaks(prepared)
        hint = "`blogkit review leaks PROJECT` says where; mend the source and render again, or waive."
        raise ReviewNotBlind("Something tells who wrote a post, so no reviewer gets it.", hint=hint)
    for one in prepared:
        made = add_revision(place, one, scripts=custom_scripts)
        print(f"{one.post}: revision {made.id}, number {len(revisions(place, one.post))}")
    if custom_scripts:
        print(
            "The authors' own scripts run in these posts. The frame still has no origin, no storage and no network, but"
            " a script can draw what it likes in it, keep a processor busy, and reach out over WebRTC.",
        )
    if not prepared:
        print("No post is rendered yet: `blogkit render` first.")


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
