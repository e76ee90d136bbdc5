"""A review that travels: anonymous posts in one file, read on loopback with the same interface, answered by one file.

The bundle is a zip: ``bundle.json`` (who it is for, by key; the rubric), and each post's revisions. What a reviewer
writes goes to a file of events as it is written, so that neither a crash nor a closed lid loses anything.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from blogkit import store
from blogkit.errors import ConfigError, Problem, StoreError
from blogkit.review.assign import Pair, Round, write_rounds
from blogkit.review.folder import ReviewFolder
from blogkit.review.posts import revision_path, revisions
from blogkit.review.record import Event, EventType, read_record, to_lines
from blogkit.review.roster import PROJECT_NAME, Person, Roster
from blogkit.review.rubric import Rubric, read_rubrics
from blogkit.review.standing import own_events

FORMAT = 1
_REVISION = re.compile(r"[0-9a-f]{12}")
_PAGE_FILE = re.compile(r"[0-9a-f]{12}\.html")
MOST_BYTES = 500_000_000
"""Unpacked; a bundle that claims more is not opened."""


def write_bundle(
    folder: ReviewFolder,
    posts: Sequence[str],
    into: Path,
    *,
    reviewer: Person | None = None,
    rubric: Rubric | None = None,
    events: Iterable[Event] = (),
    staff: frozenset[str] = frozenset(),
) -> Path:
    """A bundle of posts for one reviewer, or for whoever opens it. Their own earlier comments come along."""
    own = own_events(events, reviewer.key, posts, staff=staff) if reviewer else ()
    about = {
        "blogkit-review-bundle": FORMAT,
        "reviewer": {"key": reviewer.key, "name": reviewer.name, "email": reviewer.email} if reviewer else None,
        "posts": list(posts),
        "rubric": [asdict(criterion) for criterion in rubric.criteria] if rubric else None,
    }
    into.parent.mkdir(parents=True, exist_ok=True)
    beside = into.with_name(f".{into.name}.part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            _put_in_archive(archive, "bundle.json", store.to_json(about))
            _put_in_archive(archive, "record.jsonl", to_lines(own))
            for post in posts:
                there = revisions(folder, post)
                _put_in_archive(archive, f"posts/{post}/revisions.json", json.dumps([asdict(one) for one in there]))
                for one in there:
                    page = revision_path(folder, post, one.id).read_text(encoding="utf-8")
                    _put_in_archive(archive, f"posts/{post}/{one.id}.html", page)
        os.replace(beside, into)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StoreError(f"could not be written: {error.strerror}.", path=into) from error
    return into


def _put_in_archive(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """A file with a fixed time: the same posts give the same bundle."""
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A bundle that was unpacked: a review's folder of one person."""

    folder: ReviewFolder
    roster: Roster
    person: Person
    posts: tuple[str, ...]


def open_bundle(path: Path, into: Path, *, answers: Path | None = None) -> Opened:
    """Unpacks a bundle into an empty folder, and nothing outside of it. Raises ConfigError when it is none.

    Who opens a bundle that is for nobody in particular is a guest; the one who wrote ``answers``, if it is there.
    """
    folder = ReviewFolder(root=into)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > MOST_BYTES:
                raise ConfigError([Problem(path=path, message="unpacks to more than 500 MB; it is not opened.")])
            about = store.parse_json(archive.read("bundle.json"))
            if not isinstance(about, dict) or about.get("blogkit-review-bundle") != FORMAT:
                hint = "Open it with the version of blogkit that wrote it, or ask for a new one."
                raise ConfigError([Problem(path=path, message="is a bundle of another version.", hint=hint)])
            for info in infos:
                parts = PurePosixPath(info.filename).parts
                if _is_bundled_file(parts):
                    store.write_bytes(into.joinpath(*parts), archive.read(info))
            opened = _opened_bundle(folder, about, answers)
    except OSError as error:
        hint = "Name a file that `blogkit review bundle` wrote."
        raise ConfigError([Problem(path=path, message=f"cannot be read: {error.strerror}.", hint=hint)]) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError, RuntimeError) as error:
        hint = "It was damaged on its way: copy it again. `blogkit review bundle` wrote it."
        raise ConfigError([Problem(path=path, message=f"is no review bundle: {error}.", hint=hint)]) from error
    return opened


def _is_bundled_file(parts: tuple[str, ...]) -> bool:
    """Whether a bundle has files of such a name: nothing that any system could take for a place outside the folder."""
    if parts == ("record.jsonl",):
        return True
    if len(parts) != 3 or parts[0] != "posts" or not PROJECT_NAME.fullmatch(parts[1]):
        return False
    return parts[2] == "revisions.json" or _PAGE_FILE.fullmatch(parts[2]) is not None


def _opened_bundle(folder: ReviewFolder, about: Mapping[str, Any], answers: Path | None) -> Opened:
    """What a bundle says of itself, believed as far as it can be: see :func:`_checked_posts`."""
    given = about.get("reviewer") or {}
    if not isinstance(given, dict):
        raise ValueError("it does not say for whom it is")
    before = read_record(answers) if answers is not None and answers.is_file() else ()
    key = str(given.get("key") or (before[0].creator if before else f"guest-{secrets.token_hex(5)}"))
    person = Person(
        key=key, name=str(given.get("name") or "Reviewer"), email=str(given.get("email") or "nobody@invalid")
    )
    posts = _checked_posts(folder, about.get("posts"))
    pairs = tuple(Pair(reviewer=key, post=post) for post in posts)
    write_rounds(folder, [Round(number=1, seed=0, published=True, pairs=pairs)])
    if about.get("rubric"):
        store.write_text(folder.root / "rubrics.json", json.dumps([about["rubric"]]))
        read_rubrics(folder)
    if folder.record.is_file():
        read_record(folder.record)
    return Opened(folder=folder, roster=Roster(people=(person,)), person=person, posts=posts)


def _checked_posts(folder: ReviewFolder, posts: Any) -> tuple[str, ...]:
    """The names of a bundle's posts, when each is a plain name with revisions whose pages came along."""
    if not isinstance(posts, list) or not all(isinstance(post, str) and PROJECT_NAME.fullmatch(post) for post in posts):
        raise ValueError("it does not name its posts")
    for post in posts:
        for one in revisions(folder, post):
            if not isinstance(one.id, str) or not _REVISION.fullmatch(one.id):
                raise ValueError(f"the post {post!r} has a revision of an impossible name")
            if not revision_path(folder, post, one.id).is_file():
                raise ValueError(f"the revision {one.id} of the post {post!r} is missing")
    return tuple(posts)


class FileStore:
    """Events in one file of JSON lines; each is on the disk before the reviewer's browser hears that it is kept."""

    def __init__(self, path: Path, *, before: Iterable[Event] = ()) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._events: dict[str, Event] = {}
        self._chains: set[tuple[str, str, str | None]] = set()
        there = read_record(path) if path.is_file() else ()
        for event in there:
            self._remember_event(event)
        self._cut_unfinished_line()
        for event in before:
            if event.id not in self._events:
                self.append(event)

    def _cut_unfinished_line(self) -> None:
        """Cuts off a last line that a crash left unfinished, so that the next one begins on a line of its own."""
        if self.path.is_file():
            data = self.path.read_bytes()
            if data and not data.endswith(b"\n"):
                store.write_bytes(self.path, to_lines(self._events.values()).encode())

    def _remember_event(self, event: Event) -> None:
        self._events[event.id] = event
        if event.type is EventType.RUBRIC:
            self._chains.add((event.post, event.creator, event.previous))

    def append(self, new: Event) -> str:
        """``new``, ``repeated`` or ``conflict``."""
        with self._lock:
            there = self._events.get(new.id)
            if there is not None:
                same = {**there.document, "created": ""} == {**new.document, "created": ""}
                return "repeated" if same else "conflict"
            if new.type is EventType.RUBRIC and (new.post, new.creator, new.previous) in self._chains:
                return "conflict"
            try:
                with open(self.path, "a", encoding="utf-8") as stream:
                    stream.write(new.line + "\n")
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError as error:
                raise StoreError(f"could not be written: {error.strerror}.", path=self.path) from error
            self._remember_event(new)
            return "new"

    def of_post(self, post: str) -> list[Event]:
        """Every event of a post."""
        return [event for event in self._events.copy().values() if event.post == post]

    def all(self) -> list[Event]:
        """Every event."""
        return list(self._events.copy().values())

    def latest(self, post: str, creator: str, kind: EventType) -> Event | None:
        """Somebody's newest event of a kind for a post."""
        found = [one for one in self.of_post(post) if one.creator == creator and one.type is kind]
        return found[-1] if found else None

    def by_id(self, event_id: str) -> Event | None:
        """The event under an id."""
        return self._events.get(event_id)


def with_labels(events: Iterable[Event], labels: Mapping[tuple[str, str], str]) -> tuple[Event, ...]:
    """The same events with neutral authorship: each creator is their label for that post, such as ``reviewer-a``."""
    renamed = []
    for event in events:
        label = labels.get((event.creator, event.post), "somebody").lower().replace(" ", "-")
        document = {**event.document, "creator": f"urn:blogkit:person:{label}"}
        if (person := document.get("blogkit:person")) is not None:
            key = str(person).rsplit(":", 1)[-1]
            other = labels.get((key, event.post), "somebody").lower().replace(" ", "-")
            document["blogkit:person"] = f"urn:blogkit:person:{other}"
        renamed.append(replace(event, document=document))
    return tuple(renamed)
