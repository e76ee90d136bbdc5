"""A class at work: what each person sees of each post, and what becomes of what they write.

The server and an opened bundle share it; they differ in where events are kept (:class:`EventStore`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, TypeVar

from blogkit.page.places import PageText, TablePlace, characters, read_page, utf16
from blogkit.review.anchor import Anchor, AnchorState, describe, follow, refreshed
from blogkit.review.assign import Pair, Round, deadlines, published_pairs, read_rounds
from blogkit.review.folder import ReviewFolder
from blogkit.review.leaks import Identity, identity_of, leaks_in_text
from blogkit.review.markdown import to_html
from blogkit.review.policy import Action, Role, may, may_write
from blogkit.review.posts import PostRevision, posts_with_revisions, revision_path, revisions
from blogkit.review.record import CONTEXT, PERSON, Document, Event, EventType, NotAnEvent, now, parse_event
from blogkit.review.roster import PROJECT_NAME, Person, Roster, read_roster
from blogkit.review.rubric import DEFAULT, Rubric, emptied_fields, read_rubrics
from blogkit.review.standing import is_handed_in, standing_events
from blogkit.review.state import PostState, Reply, Review, Thread, fold

T = TypeVar("T")


class EventStore(Protocol):
    """Where events are kept."""

    def append(self, new: Event) -> str:
        """``new``, ``repeated`` or ``conflict``."""

    def of_post(self, post: str) -> list[Event]:
        """Every event of a post."""

    def all(self) -> list[Event]:
        """Every event."""

    def latest(self, post: str, creator: str, kind: EventType) -> Event | None:
        """Somebody's newest event of a kind."""

    def by_id(self, event_id: str) -> Event | None:
        """The event under an id."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a request to write."""

    status: HTTPStatus
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _AssignmentNow:
    """The assignment as it is asked about with every request."""

    rounds: tuple[Round, ...]
    pairs: tuple[Pair, ...]
    held: frozenset[tuple[str, str]]
    """(reviewer, post) of the published pairs."""

    @classmethod
    def of(cls, rounds: tuple[Round, ...]) -> _AssignmentNow:
        pairs = published_pairs(rounds)
        return cls(rounds=rounds, pairs=pairs, held=frozenset((pair.reviewer, pair.post) for pair in pairs))


def _refusal_answer(status: HTTPStatus, message: str, **more: Any) -> Answer:
    return Answer(status=status, body={"message": message, **more})


class Classroom:
    """Roster, assignment, posts and events of one class. Files that change on disk are read again."""

    def __init__(
        self,
        folder: ReviewFolder,
        store: EventStore,
        *,
        secret: bytes,
        roster: Roster | None = None,
        offline: bool = False,
    ) -> None:
        self.folder = folder
        self.store = store
        self.secret = secret
        self.offline = offline
        """Whether this is an opened bundle: one person, and a file instead of a class."""
        self._roster = roster
        self._files: dict[Path, tuple[tuple[int, int], Any]] = {}
        self._places: dict[tuple[str, str, str], tuple[Anchor, Sequence[Document]]] = {}
        self._lock = threading.Lock()
        self._page = lru_cache(maxsize=256)(self._read_page)

    # --- files

    def _fresh_file(self, path: Path, read: Callable[[], T], default: T) -> T:
        """What a file says, read again when it changed."""
        try:
            facts = path.stat()
        except FileNotFoundError:
            return default
        stamp = (facts.st_mtime_ns, facts.st_size)
        with self._lock:
            there = self._files.get(path)
        if there is not None and there[0] == stamp:
            value: T = there[1]
            return value
        value = read()
        with self._lock:
            self._files[path] = (stamp, value)
        return value

    @property
    def roster(self) -> Roster:
        return self._known_people()[0]

    def _known_people(self) -> tuple[Roster, dict[str, Person], dict[str, str]]:
        """The roster, everybody in it by key, and the posts of those who wrote one."""
        path = self.folder.roster
        if self._roster is not None:
            return self._roster, self._roster.by_key(), self._roster.posts_by_key()

        def read() -> tuple[Roster, dict[str, Person], dict[str, str]]:
            roster = read_roster(path, self.secret)
            return roster, roster.by_key(), roster.posts_by_key()

        nobody: tuple[Roster, dict[str, Person], dict[str, str]] = (Roster(people=()), {}, {})
        return self._fresh_file(path, read, nobody)

    @property
    def rounds(self) -> tuple[Round, ...]:
        return self._current_assignment().rounds

    def _current_assignment(self) -> _AssignmentNow:
        return self._fresh_file(
            self.folder.assignments, lambda: _AssignmentNow.of(read_rounds(self.folder)), _AssignmentNow.of(())
        )

    @property
    def rubrics(self) -> tuple[Rubric, ...]:
        """Every version, the current one last."""
        path = self.folder.root / "rubrics.json"
        return self._fresh_file(path, lambda: read_rubrics(self.folder), ()) or (DEFAULT,)

    def revisions(self, post: str) -> tuple[PostRevision, ...]:
        """The revisions of a post, the oldest first; none of what cannot be a post's name."""
        if not PROJECT_NAME.fullmatch(post):
            return ()
        path = self.folder.posts / post / "revisions.json"
        return self._fresh_file(path, lambda: revisions(self.folder, post), ())

    def title(self, post: str) -> str:
        """What the newest revision of a post calls itself; the post's name where it has no title."""
        there = self.revisions(post)
        return (self._page(post, there[-1].id).title if there else "") or post

    @property
    def posts(self) -> tuple[str, ...]:
        return posts_with_revisions(self.folder)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return self._current_assignment().pairs

    @property
    def due(self) -> dict[tuple[str, str], str]:
        return deadlines([each for each in self.rounds if each.published])

    def person(self, key: str) -> Person | None:
        return self._known_people()[1].get(key)

    @property
    def staff(self) -> frozenset[str]:
        return frozenset(person.key for person in self.roster.staff)

    @property
    def authors(self) -> Mapping[str, str] | None:
        """The post of everybody who wrote one; an opened bundle knows nobody's."""
        return None if self.offline else self._known_people()[2]

    def _read_page(self, post: str, revision: str) -> PageText:
        return read_page(revision_path(self.folder, post, revision).read_text(encoding="utf-8"))

    # --- who

    def role(self, key: str | None, post: str) -> Role:
        """What somebody is to a post. Nobody reviews their own, even if an assignment said so."""
        person = self.person(key) if key else None
        if person is None:
            return Role.NOBODY
        if person.project == post:
            return Role.AUTHOR
        if person.is_staff:
            return Role.STAFF
        if (key, post) in self._current_assignment().held:
            return Role.REVIEWER
        return Role.OTHER

    def has_submitted(self, key: str, post: str) -> bool:
        return self.store.latest(post, key, EventType.SUBMIT) is not None

    def state(self, post: str) -> PostState:
        """What was said about a post so far."""
        return fold(self.store.of_post(post), staff=self.staff, authors=self.authors).get(post, PostState(post=post))

    def label(self, creator: str, post: str) -> str:
        """How somebody is called before the others."""
        return label_of(creator, post, self.roster, self.pairs, self.secret)

    def name_for(self, role: Role, creator: str) -> str:
        """Who somebody is, for staff alone; nothing for everybody else."""
        person = self.roster.by_key().get(creator) if role is Role.STAFF else None
        return person.name if person is not None else ""

    def standing(self) -> tuple[Event, ...]:
        """What was submitted and stands, of all posts: the events that may leave the class."""
        held, authors = self._current_assignment().held, self.authors or {}
        return standing_events(self.store.all(), staff=self.staff, authors=authors, held=held)

    # --- where

    def place(self, thread: Thread, post: str) -> tuple[Anchor, Sequence[Document]]:
        """Where a thread belongs in the newest revision, and the selectors by which the browser finds it there."""
        there = self.revisions(post)
        latest = there[-1].id if there else ""
        key = (thread.id, latest, repr(thread.settled))
        with self._lock:
            known = self._places.get(key)
        if known is not None:
            return known
        first, selectors = thread.event.revision, thread.event.selectors
        if thread.settled is not None:
            first, selectors = thread.settled
            if not selectors:
                return Anchor(state=AnchorState.UNANCHORED), ()
        ids = [one.id for one in there]
        start = ids.index(first) if first in ids else len(ids) - 1
        pages = [self._page(post, one) for one in ids[start:]]
        anchor = follow(pages, selectors) if pages else Anchor(state=AnchorState.UNANCHORED)
        if thread.settled is not None and first == latest and anchor.state is AnchorState.CHECK:
            anchor = replace(
                anchor, state=AnchorState.ATTACHED
            )  # somebody looked: two places alike are asked about once
        found = (anchor, refreshed(pages[-1], selectors, anchor) if pages else selectors)
        with self._lock:
            if len(self._places) > 50_000:
                self._places.clear()
            self._places[key] = found
        return found

    # --- what one sees

    def view(self, key: str, post: str) -> dict[str, Any]:
        """A post's discussion as one person may see it: nobody's name, no time of day, nothing of who came first."""
        role = self.role(key, post)
        state = self.state(post)
        mine = state.reviews.get(key) or Review(creator=key)
        submitted = bool(mine.submitted)
        there = self.revisions(post)
        numbers = {one.id: number for number, one in enumerate(there, start=1)}
        seen = [
            thread
            for thread in state.threads.values()
            if not thread.deleted and self._sees_words_of(role, key, thread.event.creator, state, submitted)
        ]
        seen.sort(key=lambda thread: (self._thread_order(thread, post), thread.id))
        threads = [self._thread_view(thread, key, role, post, numbers) for thread in seen]
        rubric = self.rubrics[-1]
        others = [
            self._review_view(review, post, rubric, role)
            for review in state.reviews.values()
            if review.creator != key
            and review.submitted
            and (may(role, Action.SEE_ALL) or may(role, Action.SEE_SUBMITTED, submitted=submitted))
        ]
        others.sort(key=lambda one: str(one["label"]))
        return {
            "post": post,
            "own": hashlib.sha256(self.secret + key.encode()).hexdigest()[:12],
            "role": str(role),
            "offline": self.offline,
            "me": self.label(key, post),
            "revision": there[-1].id if there else None,
            "number": len(there),
            "due": self.due.get((key, post), ""),
            "threads": threads,
            "rubric": {
                "version": rubric.version,
                "points": rubric.points,
                "criteria": [vars(one) for one in rubric.criteria],
            },
            "mine": self._own_review_view(mine) if may(role, Action.SCORE) else None,
            "others": others,
            "may": [str(action) for action in Action if may(role, action, submitted=submitted)],
        }

    def _thread_order(self, thread: Thread, post: str) -> tuple[int, int]:
        """Comments in the order of the page: on the post as a whole first, those without a place last."""
        anchor, selectors = self.place(thread, post)
        if anchor.state is AnchorState.UNANCHORED:
            return 2, 0
        if not selectors:
            return 0, 0
        page = self._page(post, self.revisions(post)[-1].id)
        kinds = {str(selector["type"]) for selector in selectors}
        if "blogkit:EquationSelector" in kinds and anchor.start is not None:
            return 1, page.equations[anchor.start].start
        if "blogkit:ImageSelector" in kinds and anchor.start is not None:
            return 1, page.images[anchor.start].start
        if kinds & {"blogkit:CellSelector", "blogkit:MarkSelector"}:
            drawn = [(one.block, one.start) for one in page.tables] + [(one.block, one.start) for one in page.charts]
            return 1, min((start for block, start in drawn if block == anchor.block), default=0)
        return 1, anchor.start or 0

    def _sees_words_of(self, role: Role, key: str, creator: str, state: PostState, submitted: bool) -> bool:
        if creator == key or may(role, Action.SEE_ALL):
            return True
        if not may(role, Action.SEE_SUBMITTED, submitted=submitted):
            return False
        return is_handed_in(state, creator, staff=self.staff, held=self._current_assignment().held)

    def _thread_view(
        self, thread: Thread, key: str, role: Role, post: str, numbers: Mapping[str, int]
    ) -> dict[str, Any]:
        anchor, selectors = self.place(thread, post)
        own = thread.event.creator == key
        change = may(role, Action.CHANGE_OWN) if own else may(role, Action.MODERATE)
        return {
            "id": thread.id,
            "label": self.label(thread.event.creator, post),
            "name": self.name_for(role, thread.event.creator),
            "mine": own,
            "kind": str(thread.kind),
            "text": thread.text if own else None,
            "html": to_html(thread.text),
            "edited": thread.edited,
            "closed": thread.closed,
            "answer": thread.answer,
            "revision": thread.event.revision,
            "number": numbers.get(thread.event.revision or "", 0),
            "selectors": list(selectors),
            "made": list(thread.event.selectors),
            "offer": self._offered_place(anchor, selectors, post)
            if anchor.state is AnchorState.CHECK and change
            else None,
            "anchor": {
                "state": str(anchor.state),
                "start": anchor.start,
                "end": anchor.end,
                "block": anchor.block,
                "change": anchor.change,
            },
            "replies": [self._reply_view(reply, key, role, post) for reply in thread.replies if not reply.deleted],
            "may": {
                "edit": own and change,
                "delete": change,
                "close": change,
                "settle": change,
                "reply": may(role, Action.REPLY),
                "answer": may(role, Action.ANSWER),
            },
        }

    def _offered_place(self, anchor: Anchor, selectors: Sequence[Document], post: str) -> list[Document]:
        """The selectors of the place that a comment seems to have moved to, for one click to settle."""
        page = self._page(post, self.revisions(post)[-1].id)
        kinds = {str(selector["type"]) for selector in selectors}
        if "TextQuoteSelector" in kinds and anchor.start is not None and anchor.end is not None:
            return describe(page, anchor.start, anchor.end)
        moved: list[Document] = []
        for selector in selectors:
            if selector["type"] == "blogkit:ImageSelector" and anchor.start is not None:
                selector = {**selector, "source": page.images[anchor.start].source, "index": anchor.start}
            elif selector["type"] == "blogkit:CellSelector" and anchor.start is not None and anchor.end is not None:
                selector = _cell_selector_at(page.tables[anchor.start], anchor.end, selector)
            elif selector["type"] == "blogkit:EquationSelector" and anchor.start is not None:
                selector = {**selector, "tex": characters(page.equations[anchor.start].text), "index": anchor.start}
            elif "rfc3236" in str(selector.get("conformsTo", "")) and anchor.block is not None:
                selector = {**selector, "value": anchor.block}
            moved.append(selector)
        return moved

    def _reply_view(self, reply: Reply, key: str, role: Role, post: str) -> dict[str, Any]:
        own = reply.event.creator == key
        return {
            "id": reply.event.id,
            "label": self.label(reply.event.creator, post),
            "name": self.name_for(role, reply.event.creator),
            "mine": own,
            "text": reply.text if own else None,
            "html": to_html(reply.text),
            "answer": dict(reply.answer) if reply.answer else None,
        }

    def _own_review_view(self, review: Review) -> dict[str, Any]:
        head, done = review.head, review.submitted_rubric
        return {
            "head": head.id if head else None,
            "scores": dict(head.document["blogkit:scores"]) if head else {},
            "notes": dict(head.document["blogkit:notes"]) if head else {},
            "summary": str(head.document.get("blogkit:summary", "")) if head else "",
            "submitted": bool(review.submitted),
            "changed": bool(head and done and head.id != done.id),
            "conflict": [dict(other.document) for other in review.heads if len(review.heads) > 1],
        }

    def _review_view(self, review: Review, post: str, rubric: Rubric, role: Role) -> dict[str, Any]:
        event = review.submitted_rubric
        document = event.document if event else {}
        return {
            "label": self.label(review.creator, post),
            "name": self.name_for(role, review.creator),
            "total": review.total,
            "points": rubric.points,
            "scores": review.scores,
            "notes": {name: to_html(text) for name, text in dict(document.get("blogkit:notes", {})).items() if text},
            "summary": to_html(str(document.get("blogkit:summary", ""))),
        }

    # --- what one writes

    def write(self, key: str, post: str, wanted: Mapping[str, Any]) -> Answer:
        """Keeps what somebody wants to say, when they may say it. ``wanted`` is an event without creator and time.

        Two keys beside the event's own say what the writer means, and are not kept: ``confirmed``, that they were
        warned of a name in it; ``cleared``, the fields of a rubric that they emptied by hand.
        """
        document = {name: value for name, value in wanted.items() if name not in {"confirmed", "cleared"}}
        document |= {"@context": CONTEXT, "creator": PERSON + key, "blogkit:post": post, "created": now()}
        try:
            event = parse_event(document)
        except NotAnEvent as error:
            return _refusal_answer(HTTPStatus.UNPROCESSABLE_ENTITY, f"This is no review event: {error}.")
        complaint = self._refuse_event(key, post, event)
        if complaint is None and event.type is EventType.RUBRIC:
            complaint = self._refuse_overwriting(key, post, event, wanted.get("cleared"))
        if complaint is not None:
            return complaint
        warnings = self._names_in_event(key, event)
        if warnings and wanted.get("confirmed") is not True and event.type is not EventType.RUBRIC:
            message = "This may tell who you are: " + ", ".join(f"“{words}”" for words in warnings) + "."
            return _refusal_answer(HTTPStatus.PRECONDITION_REQUIRED, message, warnings=warnings)
        outcome = str(self.store.append(event))
        if outcome == "conflict":
            return self._conflict_answer(post, key, event.type)
        status = HTTPStatus.CREATED if outcome == "new" else HTTPStatus.OK
        return Answer(status=status, body={"id": event.id, "warnings": warnings})

    def _conflict_answer(self, post: str, key: str, kind: EventType) -> Answer:
        head = self.store.latest(post, key, kind)
        message = "Another tab or place saved in between; nothing was overwritten."
        return _refusal_answer(HTTPStatus.CONFLICT, message, head=dict(head.document) if head else None)

    def _refuse_overwriting(self, key: str, post: str, event: Event, cleared: object) -> Answer | None:
        """Why a rubric does not follow what is kept: it knows of another one, or has lost what was filled in.

        Only what its writer ``cleared`` may be empty where it was not: a page that was drawn anew, an old tab or a
        fault of the interface must never wipe a rubric.
        """
        if self.store.by_id(event.id) is not None:
            return None  # sent again: the store says whether it is the same
        previous = self.store.by_id(event.previous) if event.previous else None
        known = previous is not None and (previous.creator, previous.post, previous.type) == (key, post, event.type)
        if previous is None and event.previous is None:
            known = self.store.latest(post, key, event.type) is None
        if not known:
            return self._conflict_answer(post, key, event.type)
        meant = {str(one) for one in cleared} if isinstance(cleared, list) else set()
        lost = emptied_fields(previous.document, event.document) - meant if previous is not None else set()
        if not lost:
            return None
        refused = self._conflict_answer(post, key, event.type)
        message = f"This would empty what was filled in ({', '.join(sorted(lost))}); nothing was overwritten."
        return replace(refused, body={**refused.body, "message": message, "lost": sorted(lost)})

    def _refuse_event(self, key: str, post: str, event: Event) -> Answer | None:
        """Why somebody may not write an event; None when they may."""
        if not self.revisions(post):
            return _refusal_answer(HTTPStatus.NOT_FOUND, "There is no such post.")
        role, about = self.role(key, post), self.store.by_id(event.about or "")
        if event.type is EventType.SUBMIT and may(role, Action.SCORE) and not may_write(role, event, about):
            return _refusal_answer(HTTPStatus.UNPROCESSABLE_ENTITY, "There is no such rubric of yours.")
        if not may_write(role, event, about) or (event.is_reply and not self._sees_thread(role, key, about, post)):
            return _refusal_answer(HTTPStatus.FORBIDDEN, "You may not do this here.")
        if event.type is EventType.RUBRIC:
            return self._refuse_rubric(event, complete=False)
        if event.type is EventType.SUBMIT and about is not None:
            return self._refuse_rubric(about, complete=True)
        is_comment = event.type is EventType.ANNOTATION and not event.is_reply
        if is_comment and event.revision not in {one.id for one in self.revisions(post)}:
            return _refusal_answer(HTTPStatus.UNPROCESSABLE_ENTITY, "The comment is on a revision that is not there.")
        return None

    def _sees_thread(self, role: Role, key: str, thread: Event | None, post: str) -> bool:
        submitted = self.has_submitted(key, post)
        return thread is not None and self._sees_words_of(role, key, thread.creator, self.state(post), submitted)

    def _refuse_rubric(self, event: Event, *, complete: bool) -> Answer | None:
        """What is wrong with a rubric that is kept, or (``complete``) with one that is submitted."""
        scores, version = event.document["blogkit:scores"], event.document["blogkit:rubric"]
        rubric = next((one for one in self.rubrics if one.version == version), None)
        if rubric is None:
            return _refusal_answer(HTTPStatus.UNPROCESSABLE_ENTITY, "The rubric has changed; load the page again.")
        problem = rubric.problem_with(dict(scores), complete=complete)
        return _refusal_answer(HTTPStatus.UNPROCESSABLE_ENTITY, problem) if problem else None

    def _names_in_event(self, key: str, event: Event) -> list[str]:
        """What in somebody's words would tell who they are."""
        person = self.person(key)
        if person is None:
            return []
        documents = [event.document]
        if event.type is EventType.SUBMIT and (about := self.store.by_id(event.about or "")) is not None:
            documents.append(about.document)
        texts = [event.text]
        for document in documents:
            texts += [str(document.get("blogkit:summary", "")), *map(str, document.get("blogkit:notes", {}).values())]
        identity = _identity_of_person(person)
        found = [leak.what for text in texts for leak in leaks_in_text(text, identity, "the comment")]
        return list(dict.fromkeys(found))


def _cell_selector_at(table: TablePlace, row: int, selector: Document) -> Document:
    """The selector of a cell in the same column of a row, named by what tells that row from others now."""
    cells, key = table.rows[row], table.key_of(row)
    column = table.rows[0].index(utf16(str(selector["column"])))
    named = {"cells": [characters(cell) for cell in key]} if key else {}
    kept = {name: value for name, value in selector.items() if name != "cells"}
    return {**kept, "row": characters(cells[0]), "value": characters(cells[column]), **named}


@lru_cache(maxsize=2048)
def _identity_of_person(person: Person) -> Identity:
    """How one person could be recognised in what they write."""
    return identity_of([person])


def label_of(creator: str, post: str, roster: Roster, pairs: Iterable[Pair], secret: bytes) -> str:
    """How somebody is called before the others: reviewers by letters that tell neither their order nor other posts."""
    person = roster.by_key().get(creator)
    if person is not None and person.project == post:
        return "Author"
    if person is not None and person.is_staff:
        return "Staff"
    readers = {pair.reviewer for pair in pairs if pair.post == post and not pair.staff} | {creator}
    order = sorted(readers, key=lambda key: hashlib.sha256(secret + f"{post} {key}".encode()).digest())
    number = order.index(creator)
    return f"Reviewer {chr(65 + number)}" if number < 26 else f"Reviewer {number + 1}"
