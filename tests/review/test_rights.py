"""Who may write what: every actor by every kind of event, on the server and in a record, against a table written here.

The oracle knows nothing of the code under test: the table is spelt out, and what a record comes to is computed by a
few lines of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blogkit.review.classroom import Classroom
from blogkit.review.folder import ReviewFolder
from blogkit.review.policy import Role, may_write
from blogkit.review.record import CONTEXT, PERSON, Event, EventType, parse_event
from blogkit.review.roster import read_roster
from blogkit.review.score import score_posts
from blogkit.review.state import PostState, Reply, Thread, fold
from tests.review.school import RUBRIC, key, open_school

# --- the table ------------------------------------------------------------------------------------------------------

NOBODY, AUTHOR, REVIEWER, STAFF = "", "author", "reviewer", "staff"
WRITERS = {REVIEWER, STAFF}
EVERYBODY = {AUTHOR, REVIEWER, STAFF}

RIGHTS: dict[tuple[str, str], set[str]] = {
    # (what, about whose what): who may. What is not here, nobody may.
    ("comment", "nothing"): WRITERS,
    ("reply", "own comment"): EVERYBODY,
    ("reply", "other comment"): EVERYBODY,
    ("answer", "own comment"): {AUTHOR},
    ("answer", "other comment"): {AUTHOR},
    ("edit", "own comment"): EVERYBODY,
    ("edit", "own reply"): EVERYBODY,
    ("delete", "own comment"): EVERYBODY,
    ("delete", "own reply"): EVERYBODY,
    ("delete", "other comment"): {STAFF},
    ("delete", "other reply"): {STAFF},
    ("close", "own comment"): EVERYBODY,
    ("close", "other comment"): {STAFF},
    ("reopen", "own comment"): EVERYBODY,
    ("reopen", "other comment"): {STAFF},
    ("settle", "own comment"): EVERYBODY,
    ("settle", "other comment"): {STAFF},
    ("rubric", "nothing"): WRITERS,
    ("submit", "own rubric"): WRITERS,
    ("override", "nothing"): {STAFF},
    ("judgement", "nothing"): {STAFF},
}
KINDS = ("comment", "reply", "answer", "edit", "delete", "close", "reopen", "settle", "rubric", "submit", "override",
         "judgement", "revision")  # fmt: skip
WITHOUT_ABOUT = {"comment", "rubric", "override", "judgement"}
"""What these speak of makes no difference."""
THINGS = ("comment", "reply", "rubric", "submit")
ABOUTS = ("nothing", *(f"{whose} {what}" for whose, what in product(("own", "other", "elsewhere"), THINGS)))


def allowed(kind: str, about: str, role: str) -> bool:
    return role in RIGHTS.get((kind, "nothing" if kind in WITHOUT_ABOUT else about), set())


# --- events ---------------------------------------------------------------------------------------------------------


def number(one: int) -> str:
    return f"urn:uuid:{uuid.UUID(int=one)}"


def document(kind: str, at: int, about: str | None, revision: str = "0123456789ab") -> dict[str, Any]:
    """An event of a kind, as a browser or a file has it, without writer and post."""
    spoken = {"blogkit:about": about or number(10**9)}
    body = {"type": "TextualBody", "format": "text/markdown", "value": f"{kind} {at}"}
    target = {"source": "urn:blogkit:post:alpha"}
    score = {"blogkit:score": at % 100, "blogkit:reason": f"reason {at}"}
    said: dict[str, dict[str, Any]] = {
        "comment": {"type": "Annotation", "motivation": "commenting", "target": target, "body": body,
                    "blogkit:kind": "question", "blogkit:revision": revision},
        "reply": {"type": "Annotation", "motivation": "replying", "target": {"source": about or number(10**9)},
                  "body": body},
        "edit": {"type": "blogkit:Edit", "body": body, **spoken},
        "delete": {"type": "blogkit:Delete", **spoken},
        "close": {"type": "blogkit:Close", **spoken},
        "reopen": {"type": "blogkit:Reopen", **spoken},
        "settle": {"type": "blogkit:Settle", "blogkit:revision": revision, "target": target, **spoken},
        "rubric": {"type": "blogkit:Rubric", "blogkit:rubric": RUBRIC.version, "blogkit:notes": {},
                   "blogkit:scores": {"soundness": at % 60, "clarity": 30}, "blogkit:previous": None},
        "submit": {"type": "blogkit:Submit", **spoken},
        "override": {"type": "blogkit:Override", **score},
        "judgement": {"type": "blogkit:Judgement", "blogkit:person": PERSON + "judged", **score},
        "revision": {"type": "blogkit:Revision", "blogkit:revision": revision},
    }  # fmt: skip
    said["answer"] = {**said["reply"], "blogkit:answer": {"state": "done"}}
    return {"id": number(at), **said[kind]}


def make(kind: str, at: int, creator: str, about: str | None = None, post: str = "alpha") -> Event:
    created = f"2026-11-23T{10 + at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}.000Z"
    common = {"@context": CONTEXT, "creator": PERSON + creator, "blogkit:post": post, "created": created}
    return parse_event({**document(kind, at, about), **common})


def spoken_of(about: str, actor: str) -> Event | None:
    """An event for another to be about: one's own, another's, or one on another post."""
    if about == "nothing":
        return None
    whose, _, what = about.partition(" ")
    creator = "somebody" if whose == "other" else actor
    return make(what, 1, creator, number(2), "beta" if whose == "elsewhere" else "alpha")


@pytest.mark.parametrize("kind", KINDS)
def test_each_role_may_write_what_the_table_says_about_each_thing(kind: str) -> None:
    wrong = []
    for about, role in product(ABOUTS, Role):
        there = spoken_of(about, "actor")
        event = make(kind, 7, "actor", there.id if there else None)
        named = role.value if role.value in EVERYBODY else NOBODY
        if may_write(role, event, there) != allowed(kind, about, named):
            wrong.append((about, role.value))
    assert wrong == []


# --- what a record comes to -----------------------------------------------------------------------------------------

ACTORS = {"ann": AUTHOR, "abe": AUTHOR, "ray": REVIEWER, "rob": REVIEWER, "sam": STAFF, "sue": STAFF, "gone": REVIEWER}
STAFF_KEYS = frozenset({"sam", "sue"})
AUTHORS = {"ann": "alpha", "abe": "alpha", "ray": "beta"}


@dataclass
class Heard:
    """What the oracle says that a record comes to, of the post `alpha`."""

    texts: dict[str, str] = field(default_factory=dict)
    """Of every comment and reply, by id."""
    deleted: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    submitted: dict[str, str] = field(default_factory=dict)
    override: str = ""
    judged: str = ""
    refused: set[str] = field(default_factory=set)


def hear(steps: list[tuple[str, str, int]]) -> tuple[list[Event], Heard]:
    """The events of some steps (who, what, about which earlier step), and what they come to by the table above."""
    events: list[Event] = []
    facts: list[tuple[str, str]] = []  # (kind, creator)
    heard = Heard()
    for at, (who, kind, back) in enumerate(steps):
        place = back % len(events) if events else -1
        about = events[place] if place >= 0 else None
        event = make(kind, at, who, about.id if about else None)
        named = "nothing"
        if about is not None:
            what, creator = facts[place]
            thing = "reply" if what == "answer" else what
            named = f"{'own' if creator == who else 'other'} {thing}"
        events.append(event)
        facts.append((kind, who))
        if not allowed(kind, named, ACTORS[who]):
            heard.refused.add(event.id)
            continue
        target = about.id if about else ""
        if kind in {"comment", "reply", "answer"}:
            if kind == "comment" or target in heard.texts:
                heard.texts[event.id] = event.text
            if kind == "answer" and target in heard.texts:
                heard.answers.add(target)
        elif kind == "edit" and target in heard.texts:
            heard.texts[target] = event.text
        elif kind == "delete" and target in heard.texts:
            heard.deleted.add(target)
        elif kind in {"close", "reopen"} and target in heard.texts:
            (heard.closed.add if kind == "close" else heard.closed.discard)(target)
        elif kind == "settle" and target in heard.texts:
            heard.settled.add(target)
        elif kind == "submit":
            heard.submitted[who] = target
        elif kind == "override":
            heard.override = event.id
        elif kind == "judgement":
            heard.judged = event.id
    return events, heard


STEPS = st.lists(st.tuples(st.sampled_from(sorted(ACTORS)), st.sampled_from(KINDS), st.integers(0, 10**6)), max_size=30)


@settings(deadline=None, max_examples=400)
@given(STEPS)
def test_a_record_comes_to_what_its_writers_had_the_right_to_say(steps: list[tuple[str, str, int]]) -> None:
    events, heard = hear(steps)
    state = fold(events, staff=STAFF_KEYS, authors=AUTHORS).get("alpha", PostState(post="alpha"))
    items: list[Thread | Reply] = list(state.threads.values())
    items += [reply for thread in state.threads.values() for reply in thread.replies]
    assert {item.event.id: item.text for item in items} == heard.texts
    assert {item.event.id for item in items if item.deleted} == heard.deleted
    assert {name for name, thread in state.threads.items() if thread.closed} == heard.closed
    assert {name for name, thread in state.threads.items() if thread.settled} == heard.settled
    answered = {name for name, thread in state.threads.items() if any(reply.answer for reply in thread.replies)}
    assert answered == heard.answers
    done = {one.creator: one.submitted_rubric.id for one in state.reviews.values() if one.submitted_rubric}
    assert done == heard.submitted
    assert (state.override.id if state.override else "") == heard.override
    assert (state.judgements["judged"].id if state.judgements else "") == heard.judged
    assert {event.id for event in state.refused} == heard.refused


def test_nobody_changes_anothers_words_in_a_record_and_a_students_override_sets_no_score() -> None:
    asked = make("comment", 1, "rob")
    forged = [make(kind, 2 + at, who, asked.id) for at, (kind, who) in enumerate(product(
        ("edit", "delete", "close", "settle"), ("ann", "ray", "gone")))]  # fmt: skip
    overruled = [make("override", 50 + at, who) for at, who in enumerate(("ann", "ray", "rob", "gone"))]
    state = fold([asked, *forged, *overruled], staff=STAFF_KEYS, authors=AUTHORS)["alpha"]
    (thread,) = state.threads.values()
    assert (thread.text, thread.edited, thread.deleted, thread.closed, thread.settled) == (
        "comment 1", False, False, False, None,
    )  # fmt: skip
    assert state.override is None and len(state.refused) == len(forged) + len(overruled)
    assert fold([make("override", 60, "sam")], staff=STAFF_KEYS, authors=AUTHORS)["alpha"].override is not None


def test_an_authors_own_review_in_a_file_counts_for_nothing_and_is_reported(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    roster = read_roster(folder.roster, folder.secret())
    ada = key(folder, "ada")
    events = [make("rubric", 1, ada), make("submit", 2, ada, number(1))]
    states = fold(events, authors=roster.posts_by_key())
    (score,) = score_posts(states, ["alpha"], roster, RUBRIC)
    assert (score.mean, score.uncounted) == (None, 1)


# --- what the server takes ------------------------------------------------------------------------------------------


class Memory:
    """Events of one test, in memory."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}

    def append(self, new: Event) -> str:
        return "repeated" if self.events.setdefault(new.id, new) is not new else "new"

    def of_post(self, post: str) -> list[Event]:
        return [event for event in self.events.values() if event.post == post]

    def all(self) -> list[Event]:
        return list(self.events.values())

    def latest(self, post: str, creator: str, kind: EventType) -> Event | None:
        found = [event for event in self.of_post(post) if (event.creator, event.type) == (creator, kind)]
        return found[-1] if found else None

    def by_id(self, event_id: str) -> Event | None:
        return self.events.get(event_id)


SERVED = {"ada": AUTHOR, "bob": AUTHOR, "cy": REVIEWER, "dee": REVIEWER, "tess": STAFF, "eve": NOBODY, "nobody": NOBODY}


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewFolder]:
    yield open_school(tmp_path_factory.mktemp("class"))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(SERVED)), st.sampled_from(KINDS), st.integers(0, 10**6)), max_size=20))
def test_the_server_takes_what_the_table_allows_and_nothing_else(
    class_folder: ReviewFolder, steps: list[tuple[str, str, int]]
) -> None:
    """Beyond the table it asks a reply's writer to have seen the comment, and a rubric to be whole and in line."""
    store = Memory()
    room = Classroom(class_folder, store, secret=class_folder.secret())
    revision = room.revisions("alpha")[-1].id
    kept: list[tuple[str, str, str]] = []  # (id, kind, who) of what was taken
    for at, (who, kind, back) in enumerate(steps):
        about, what, creator = kept[back % len(kept)] if kept else ("", "", "")
        named = (
            f"{'own' if creator == who else 'other'} {'reply' if what == 'answer' else what}" if about else "nothing"
        )
        wanted = document(kind, at, about or None, revision) | {"confirmed": True}
        person = key(class_folder, who) if who != "nobody" else "somebody"
        status = room.write(person, "alpha", wanted).status
        may = allowed(kind, named, SERVED[who])
        assert may or status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}, (who, kind, named)
        if may and kind not in {"reply", "answer", "rubric", "submit"}:
            assert status == HTTPStatus.CREATED, (who, kind, named, status)
        if status == HTTPStatus.CREATED:
            kept.append((number(at), kind, who))
    roles = {key(class_folder, who): role for who, role in SERVED.items() if who != "nobody"}
    staff = frozenset(one for one, role in roles.items() if role == STAFF)
    state = fold(store.all(), staff=staff, authors=room.authors).get("alpha", PostState(post="alpha"))
    assert state.refused == [], "what the server took has its effect in the record"
