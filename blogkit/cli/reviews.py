"""Verbs of the peer review: assign, leaks, revise, links, serve, bundle, open, collect, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blogkit.cli import app
from blogkit.cli.words import file_size
from blogkit.errors import ReviewNotBlind

if TYPE_CHECKING:
    from blogkit.review.assign import Round
    from blogkit.review.folder import ReviewFolder
    from blogkit.review.posts import Prepared
    from blogkit.review.roster import Roster
    from blogkit.review.rubric import Rubric

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
        hint = "`blogkit review assign --roster roster.csv` reads one: name,email,role,project."
        raise ProjectError("There is no roster yet.", hint=hint, path=folder.roster)
    return read_roster(folder.roster, folder.secret())


@review.command()
def assign(
    roster: Annotated[Path | None, typer.Option("--roster", help="A CSV file: name,email,role,project,…")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same assignment.")] = 0,
    reviews: Annotated[int, typer.Option("--reviews", min=0, help="Classmates a post.")] = 3,
    staff: Annotated[int, typer.Option("--staff", min=0, help="Members of staff a post.")] = 1,
    deadline: Annotated[str, typer.Option("--deadline", help="The day when reviews are due: 2026-12-10.")] = "",
    publish: Annotated[bool, typer.Option("--publish", help="Show the draft to the reviewers.")] = False,
    database: Annotated[
        str | None, typer.Option("--database", envvar="BLOGKIT_REVIEW_DATABASE", help="The server's, if not SQLite.")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Draft who reviews what, or publish the draft. After a published round, the next call drafts another."""
    from blogkit.errors import ProjectError
    from blogkit.review import assign as assigning

    place = _folder(folder)
    rounds = assigning.read_rounds(place)
    draft = rounds[-1] if rounds and not rounds[-1].published else None
    if publish and draft is not None and roster is None:
        assigning.write_rounds(place, assigning.publish(rounds))
        _print_published(draft)
        return
    people = _roster(place, roster)
    earlier = [each for each in rounds if each.published]
    if deadline:
        _check_day(deadline)
    wish = assigning.Wish(readers=reviews, staff=staff, seed=seed, deadline=deadline)
    made = assigning.assign(people, wish, earlier=earlier, submitted=_submitted(place, database))
    if not people.projects:
        hint = "The column `project` says whose post is whose; people with the same project are a team."
        raise ProjectError("Nobody in the roster has a project, so there is no post to review.", hint=hint)
    if not made.pairs and not made.dropped:
        print("Nothing is left to assign: every post has its readers.")
        return
    now = (*earlier, made)
    assigning.write_rounds(place, assigning.publish(now) if publish else now)
    _print_round(people, made)
    if publish:
        _print_published(made)
    else:
        print(f"Round {made.number} is a draft that reviewers do not see; `blogkit review assign --publish` shows it.")


def _print_published(made: Round) -> None:
    print(f"Round {made.number} is published: {len(made.pairs)} review{'' if len(made.pairs) == 1 else 's'}.")


def _check_day(text: str) -> None:
    from datetime import date

    from blogkit.errors import ProjectError

    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ProjectError(f"--deadline: {text!r} is no day.", hint="Write it as 2026-12-10.") from error


def _submitted(place: ReviewFolder, database: str | None) -> set[tuple[str, str]]:
    from blogkit.review.keeping import read_events
    from blogkit.review.record import EventType

    events = read_events(place, database)
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
    database: Annotated[
        str | None, typer.Option("--database", envvar="BLOGKIT_REVIEW_DATABASE", help="The server's, if not SQLite.")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Merge review files and the server's record by union: as often, and in whatever order, you like."""
    from blogkit.review.collect import collect as merge_files
    from blogkit.review.keeping import read_events

    place = _folder(folder)
    done = merge_files(files, place.record, more=read_events(place, database))
    print(f"{done.path}: {done.events} event{'' if done.events == 1 else 's'}, {done.new} of them new.")
    for event in done.altered:
        print(f"    {event} was changed by hand in one of the files; one version of it is kept.")


@review.command()
def links(
    people: Annotated[
        list[str] | None, typer.Argument(help="E-mail addresses; everybody but the absent when none is named.")
    ] = None,
    url: Annotated[str, typer.Option("--url", help="Where the server is reached.")] = "http://127.0.0.1:8000",
    folder: FolderOption = None,
) -> None:
    """Make one-time links to sign in by, as CSV: name,email,link. Each works once, within two weeks."""
    import csv
    import sys

    from blogkit.errors import ProjectError
    from blogkit.review.score import safe_cell
    from blogkit.review.server.access import make_link

    place = _folder(folder)
    roster = _roster(place, None)
    wanted = {one.strip().lower() for one in people or []}
    unknown = wanted - {person.email for person in roster.people}
    if unknown:
        raise ProjectError(f"Not in the roster: {', '.join(sorted(unknown))}.", path=place.roster)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["name", "email", "link"])
    for person in roster.people:
        if person.email in wanted or (not wanted and person.status != "absent"):
            rows.writerow(
                [
                    safe_cell(person.name),
                    safe_cell(person.email),
                    f"{url.rstrip('/')}/sign-in/{make_link(place.secret(), person.key)}",
                ]
            )


def _rubric() -> Rubric:
    """The rubric of the site's profile; the plain one where the profile has none."""
    from blogkit.check import load
    from blogkit.config import load_site
    from blogkit.errors import ProjectError
    from blogkit.review.rubric import DEFAULT, Criterion, Rubric

    try:
        site = load_site(Path.cwd())
    except ProjectError:
        return DEFAULT  # a review's folder may be served from anywhere
    profile = load(site.config.profile, site.root)
    criteria = tuple(
        Criterion(name=name, title=one.title, points=one.points, asks=one.asks.strip(), questions=tuple(one.person))
        for name, one in profile.rubric.items()
    )
    return Rubric(criteria=criteria) if criteria else DEFAULT


@review.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Of the app; the posts' origin is on the next one.")] = 8000,
    url: Annotated[str | None, typer.Option("--url", help="Where people reach the app, behind a proxy.")] = None,
    posts_url: Annotated[str | None, typer.Option("--posts-url", help="Where they reach the posts.")] = None,
    database: Annotated[
        str | None, typer.Option("--database", envvar="BLOGKIT_REVIEW_DATABASE", help="postgresql://… or sqlite:///…")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Serve the review to a class. Events are kept in SQLite, or in PostgreSQL by URL."""
    from blogkit.errors import ProjectError
    from blogkit.review.keeping import choose_database, remember_database
    from blogkit.review.rubric import keep_rubric, read_rubrics
    from blogkit.review.server.app import Origins
    from blogkit.review.server.serve import bind, build, run

    place = _folder(folder)
    _roster(place, None)
    if folder is None or not read_rubrics(place):
        keep_rubric(place, _rubric())
    origins = Origins(app=url or f"http://{host}:{port}", posts=posts_url or f"http://{host}:{port + 1}")
    if origins.app == origins.posts:
        raise ProjectError("The app and the posts need two origins.", hint="Give --posts-url another host or port.")
    address = choose_database(place, database, begin=True)
    served = build(place, origins, database=address)
    remember_database(place, address or "")
    sockets = (bind(host, port), bind(host, port + 1))
    typer.echo(f"The review is at {origins.app}; `blogkit review links --url {origins.app}` signs people in.", err=True)
    run(served.app, served.posts, sockets)
    served.database.close()


@review.command()
def bundle(
    projects: ProjectsArgument = None,
    reviewer: Annotated[str | None, typer.Option("--reviewer", help="The e-mail address of whom it is for.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("review.bundle"),
    folder: FolderOption = None,
) -> None:
    """Pack anonymous posts into one file that a reviewer opens anywhere with `blogkit review open`."""
    from blogkit.errors import ProjectError
    from blogkit.review.assign import published_pairs, read_rounds
    from blogkit.review.bundle import write_bundle
    from blogkit.review.posts import add_revision
    from blogkit.review.record import read_record
    from blogkit.review.rubric import keep_rubric

    place = _folder(folder)
    roster = _roster(place, None)
    person = next((one for one in roster.people if one.email == (reviewer or "").strip().lower()), None)
    if reviewer and person is None:
        raise ProjectError(f"{reviewer} is not in the roster.", path=place.roster)
    names = projects or None
    if person is not None and not names:
        names = sorted({pair.post for pair in published_pairs(read_rounds(place)) if pair.reviewer == person.key})
        if not names:
            raise ProjectError(f"Nothing is assigned to {reviewer}.", hint="Publish an assignment, or name projects.")
    prepared = _prepare(place, names)
    if any(one.open_leaks for one in prepared):
        _print_leaks(prepared)
        hint = "`blogkit review leaks PROJECT` says where; mend the source and render again, or waive."
        raise ReviewNotBlind("Something tells who wrote a post, so it is not bundled.", hint=hint)
    if not prepared:
        raise ProjectError("No post is rendered yet.", hint="`blogkit render` first.")
    for one in prepared:
        add_revision(place, one)
    record = read_record(place.record) if place.record.is_file() else ()
    posts = [one.post for one in prepared]
    rubric = _rubric()
    keep_rubric(place, rubric)  # the report reads by it what comes back
    staff = frozenset(one.key for one in roster.staff)
    write_bundle(place, posts, output, reviewer=person, rubric=rubric, events=record, staff=staff)
    many = f"{len(posts)} post{'' if len(posts) == 1 else 's'}"
    size = file_size(output.stat().st_size)
    print(f"{output}: {many}, {size}. `blogkit review open {output}` opens it, without a network.")


@review.command(name="open")
def open_(
    bundle: Annotated[Path, typer.Argument(help="A file that `review bundle` wrote.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The review file.")] = None,
    port: Annotated[int, typer.Option("--port", help="0 takes any that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Read and annotate a bundle on this machine; what you write goes to one file for `review collect`."""
    import tempfile
    import webbrowser

    from blogkit.review.bundle import open_bundle
    from blogkit.review.server.access import make_link
    from blogkit.review.server.app import Origins
    from blogkit.review.server.serve import bind, build_offline, run

    answers = output or bundle.with_suffix(".review.jsonl")
    with tempfile.TemporaryDirectory(prefix="blogkit-review-") as work:
        opened = open_bundle(bundle, Path(work), answers=answers)
        sockets = (bind("127.0.0.1", port), bind("127.0.0.1", port + 1 if port else 0))
        app, posts = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets)
        served = build_offline(opened, answers, Origins(app=app, posts=posts))
        link = f"{app}/sign-in/{make_link(opened.folder.secret(), opened.person.key)}"

        def ready() -> None:
            print(f"Open {link}\nWhat you write is kept in {answers}. Ctrl-C ends.", flush=True)
            if browser:
                webbrowser.open(link)

        run(served.app, served.posts, sockets, ready=ready)
        served.database.close()
    print(f"{answers} holds your review. Send it to the staff: `blogkit review collect {answers.name}` takes it in.")


@review.command()
def report(
    format: Annotated[str, typer.Option("--format", help="csv or md")] = "md",
    database: Annotated[
        str | None, typer.Option("--database", envvar="BLOGKIT_REVIEW_DATABASE", help="The server's, if not SQLite.")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Scores, spread, what to read again, who is late: for people, or as CSV for grading systems."""
    from datetime import UTC, datetime

    from blogkit.errors import ProjectError
    from blogkit.review import score
    from blogkit.review.assign import deadlines, published_pairs, read_rounds
    from blogkit.review.keeping import read_events
    from blogkit.review.rubric import DEFAULT, read_rubrics
    from blogkit.review.state import fold

    if format not in {"csv", "md"}:
        raise ProjectError(f"--format: {format!r} is not known.", hint="Write csv or md.")
    place = _folder(folder)
    roster = _roster(place, None)
    rounds = [each for each in read_rounds(place) if each.published]
    pairs = published_pairs(rounds)
    staff = frozenset(person.key for person in roster.staff)
    states = fold(read_events(place, database), staff=staff, authors=roster.posts_by_key())
    versions = read_rubrics(place) or (DEFAULT,)
    rubric = versions[-1]
    posts = sorted({pair.post for pair in pairs} | set(states))
    seed = rounds[-1].seed if rounds else 0
    scores = score.score_posts(states, posts, roster, rubric, pairs=pairs, seed=seed, versions=versions)
    rows = score.progress(states, pairs, deadlines(rounds), today=datetime.now(UTC).date().isoformat())
    write = score.report_csv if format == "csv" else score.report_markdown
    print(write(scores, rows, roster, rubric), end="")


@review.command()
def export(
    output: Annotated[Path, typer.Argument(help="The file of JSON lines to write.")],
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit the file to git as “Peer review”, at midnight of its last day.")
    ] = False,
    database: Annotated[
        str | None, typer.Option("--database", envvar="BLOGKIT_REVIEW_DATABASE", help="The server's, if not SQLite.")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Write what was submitted and stands, with neutral authorship: reviewers by letter, days instead of times."""
    from blogkit import store
    from blogkit.errors import ProjectError
    from blogkit.review.assign import published_pairs, read_rounds
    from blogkit.review.bundle import with_labels
    from blogkit.review.classroom import label_of
    from blogkit.review.collect import without_times
    from blogkit.review.keeping import read_events
    from blogkit.review.record import to_lines
    from blogkit.review.standing import standing_events
    from blogkit.tools import git

    place = _folder(folder)
    if commit and git.repository(output.resolve().parent) is None:
        hint = "Write the file into one, or leave --commit out."
        raise ProjectError("The file would lie in no git repository.", hint=hint, path=output)
    roster, pairs, secret = _roster(place, None), published_pairs(read_rounds(place)), place.secret()
    events = standing_events(
        read_events(place, database),
        staff=frozenset(person.key for person in roster.staff),
        authors=roster.posts_by_key(),
        held={(pair.reviewer, pair.post) for pair in pairs},
    )
    people = {event.creator for event in events} | {person.key for person in roster.people}
    posts = {event.post for event in events}
    labels = {(one, post): label_of(one, post, roster, pairs, secret) for post in posts for one in people}
    store.write_text(output, to_lines(without_times(with_labels(events, labels))))
    print(f"{output}: {len(events)} event{'' if len(events) == 1 else 's'}, without names, addresses or times.")
    if commit:
        day = max((event.created[:10] for event in events), default="1970-01-01")
        made = git.commit_neutrally(output.resolve(), "Record the peer review", author="Peer review", day=day)
        print(f"Committed as {made}." if made else "It is committed as it is.")
