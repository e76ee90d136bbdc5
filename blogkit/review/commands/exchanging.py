"""``blogkit review bundle``, ``collect`` and ``export``: what leaves the class, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blogkit import store
from blogkit.errors import ProjectError
from blogkit.review.assign import published_pairs, read_rounds
from blogkit.review.bundle import with_labels, write_bundle
from blogkit.review.classroom import label_of
from blogkit.review.collect import Collected, without_times
from blogkit.review.collect import collect as merge_files
from blogkit.review.commands.blinding import need_blind, prepare_posts
from blogkit.review.commands.places import GivenFolder, find_folder, find_roster, plural
from blogkit.review.folder import ReviewFolder
from blogkit.review.keeping import read_events
from blogkit.review.posts import add_revision
from blogkit.review.record import read_record, to_lines
from blogkit.review.roster import Person, Roster
from blogkit.review.rubric import DEFAULT, Rubric, keep_rubric
from blogkit.review.standing import standing_events
from blogkit.tools import git


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A file that a reviewer opens anywhere."""

    path: Path
    posts: tuple[str, ...]


def bundle(
    projects: Sequence[str] = (),
    *,
    reviewer: str | None = None,
    output: Path = Path("review.bundle"),
    rubric: Rubric = DEFAULT,
    folder: GivenFolder = None,
) -> Bundle:
    """Packs anonymous posts into one file: those that are assigned to a reviewer, or those that are named."""
    place = find_folder(folder)
    roster = find_roster(place)
    person = _find_person(place, roster, reviewer) if reviewer else None
    prepared = prepare_posts(place, projects or (_assigned_posts(place, person) if person else ()))
    need_blind(prepared, "it is not bundled")
    if not prepared:
        raise ProjectError("No post is rendered yet.", hint="`blogkit render` first.")
    for one in prepared:
        add_revision(place, one)
    record = read_record(place.record) if place.record.is_file() else ()
    posts = tuple(one.post for one in prepared)
    keep_rubric(place, rubric)  # the report reads by it what comes back
    staff = frozenset(one.key for one in roster.staff)
    write_bundle(place, posts, output, reviewer=person, rubric=rubric, events=record, staff=staff)
    return Bundle(path=output, posts=posts)


def _find_person(place: ReviewFolder, roster: Roster, email: str) -> Person:
    person = next((one for one in roster.people if one.email == email.strip().lower()), None)
    if person is None:
        raise ProjectError(f"{email} is not in the roster.", path=place.roster)
    return person


def _assigned_posts(place: ReviewFolder, person: Person) -> list[str]:
    names = sorted({pair.post for pair in published_pairs(read_rounds(place)) if pair.reviewer == person.key})
    if not names:
        hint = "Publish an assignment, or name projects."
        raise ProjectError(f"Nothing is assigned to {person.email}.", hint=hint)
    return names


def collect(files: Sequence[Path], *, database: str | None = None, folder: GivenFolder = None) -> Collected:
    """Merges review files and the server's events into the record, by union: as often, in any order."""
    place = find_folder(folder)
    return merge_files(files, place.record, more=read_events(place, database))


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A record with neutral authorship."""

    path: Path
    events: int
    is_committed: bool = False
    commit: str | None = None
    """The commit that was made; None when the file was committed as it is."""

    def __str__(self) -> str:
        said = f"{self.path}: {plural(self.events, 'event')}, without names, addresses or times."
        made = f"Committed as {self.commit}." if self.commit else "It is committed as it is."
        return f"{said}\n{made}" if self.is_committed else said


def export(output: Path, *, commit: bool = False, database: str | None = None, folder: GivenFolder = None) -> Exported:
    """Writes what was submitted and stands, with neutral authorship: reviewers by letter, days instead of times."""
    place = find_folder(folder)
    if commit and git.repository(output.resolve().parent) is None:
        hint = "Write the file into one, or leave --commit out."
        raise ProjectError("The file would lie in no git repository.", hint=hint, path=output)
    roster, pairs, secret = find_roster(place), published_pairs(read_rounds(place)), place.secret()
    staff = frozenset(person.key for person in roster.staff)
    held = {(pair.reviewer, pair.post) for pair in pairs}
    events = standing_events(read_events(place, database), staff=staff, authors=roster.posts_by_key(), held=held)
    people = {event.creator for event in events} | {person.key for person in roster.people}
    posts = {event.post for event in events}
    labels = {(one, post): label_of(one, post, roster, pairs, secret) for post in posts for one in people}
    store.write_text(output, to_lines(without_times(with_labels(events, labels))))
    if not commit:
        return Exported(path=output, events=len(events))
    day = max((event.created[:10] for event in events), default="1970-01-01")
    made = git.commit_neutrally(output.resolve(), "Record the peer review", author="Peer review", day=day)
    return Exported(path=output, events=len(events), is_committed=True, commit=made or None)
