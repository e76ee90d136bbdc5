"""What a record comes to: threads, rubrics, submissions and overrides, folded from events.

Events without the right to do what they say (somebody else's edit, a student's override) have no effect: the table of
:mod:`blogkit.review.policy` is asked, as the server asks it. A file that was tampered with offline changes nothing but
its own writer's words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blogkit.review.policy import may_write, roles_in_record
from blogkit.review.record import Document, Event, EventType, Kind


@dataclass(kw_only=True)
class Reply:
    """An answer in a thread."""

    event: Event
    text: str
    answer: Mapping[str, str] | None = None
    """The authors' ``state`` (done, disagree, later) and ``commit``."""
    deleted: bool = False


@dataclass(kw_only=True)
class Thread:
    """A comment on a place, and what followed."""

    event: Event
    text: str
    kind: Kind
    edited: bool = False
    deleted: bool = False
    closed: bool = False
    replies: list[Reply] = field(default_factory=list)
    settled: tuple[str, tuple[Document, ...]] | None = None
    """(revision, selectors) of the last time somebody said where it belongs; no selectors mean nowhere."""
    closing: Event | None = None
    """The last event that closed or reopened it."""
    settling: Event | None = None
    """The last event that said where it belongs."""

    @property
    def id(self) -> str:
        return self.event.id

    @property
    def answer(self) -> str:
        """The authors' last word: done, disagree, later, or nothing."""
        states = [reply.answer["state"] for reply in self.replies if reply.answer and not reply.deleted]
        return states[-1] if states else ""


@dataclass(kw_only=True)
class Review:
    """One person's rubric for one post."""

    creator: str
    heads: list[Event] = field(default_factory=list)
    """Rubric events that no other follows; more than one means that two tabs or two places wrote at once."""
    started: str = ""
    submitted: str = ""
    """When it was submitted last; empty while it was not."""
    submitted_rubric: Event | None = None
    submission: Event | None = None
    """The event that handed it in last."""

    @property
    def head(self) -> Event | None:
        """The newest rubric."""
        return max(self.heads, key=lambda event: event.order, default=None)

    @property
    def scores(self) -> dict[str, float]:
        """Of the rubric that was submitted, or of the draft."""
        event = self.submitted_rubric or self.head
        return {str(k): float(v) for k, v in (event.document["blogkit:scores"] if event else {}).items()}

    @property
    def total(self) -> float:
        return sum(self.scores.values())


@dataclass(kw_only=True)
class PostState:
    """Everything that was said about one post."""

    post: str
    threads: dict[str, Thread] = field(default_factory=dict)
    reviews: dict[str, Review] = field(default_factory=dict)
    override: Event | None = None
    judgements: dict[str, Event] = field(default_factory=dict)
    """Staff's last judgement of a review, by the reviewer's key."""
    refused: list[Event] = field(default_factory=list)
    """Events that their writers had no right to; they have no effect."""

    def review(self, creator: str) -> Review:
        return self.reviews.setdefault(creator, Review(creator=creator))


def fold(
    events: Iterable[Event], *, staff: frozenset[str] = frozenset(), authors: Mapping[str, str] | None = None
) -> dict[str, PostState]:
    """The state of every post that the events speak of. ``authors`` is the post of each who wrote one: an answer for
    the authors is theirs alone to give; where it is None, nobody knows them and all answers stand.

    What is spoken of comes before what speaks of it, whatever the clocks of the machines said that wrote the two.
    """
    posts: dict[str, PostState] = {}
    rubrics: dict[tuple[str, str], list[Event]] = defaultdict(list)
    ordered = sorted(events, key=lambda one: (_event_rank(one), one.order))
    by_id = {event.id: event for event in ordered}
    for event in ordered:
        state = posts.setdefault(event.post, PostState(post=event.post))
        about = by_id.get(event.about or "")
        roles = roles_in_record(event.creator, event.post, staff=staff, authors=authors)
        if any(may_write(role, event, about) for role in roles):
            _apply_event(state, event, about, rubrics)
        else:
            state.refused.append(event)
    for (post, creator), chain in rubrics.items():
        followed = {event.previous for event in chain}
        posts[post].review(creator).heads = [event for event in chain if event.id not in followed]
    return posts


def _event_rank(event: Event) -> int:
    """Comments and rubrics, then replies, then what happens to them."""
    if event.type is EventType.ANNOTATION:
        return 1 if event.is_reply else 0
    return 0 if event.type is EventType.RUBRIC else 2


def _apply_event(
    state: PostState, event: Event, about: Event | None, rubrics: dict[tuple[str, str], list[Event]]
) -> None:
    """What an event that was permitted changes."""
    document: Mapping[str, Any] = event.document
    kind = event.type
    thread = state.threads.get(event.about or "")
    if kind is EventType.ANNOTATION and not event.is_reply:
        state.threads[event.id] = Thread(event=event, text=event.text, kind=Kind(document["blogkit:kind"]))
        _start_review(state.review(event.creator), event)
    elif kind is EventType.ANNOTATION and thread is not None:
        thread.replies.append(Reply(event=event, text=event.text, answer=document.get("blogkit:answer")))
    elif kind in (EventType.EDIT, EventType.DELETE):
        _change_text(state, event)
    elif kind in (EventType.CLOSE, EventType.REOPEN) and thread is not None:
        thread.closed, thread.closing = kind is EventType.CLOSE, event
    elif kind is EventType.SETTLE and thread is not None and event.revision:
        thread.settled, thread.settling = (event.revision, event.selectors), event
    elif kind is EventType.RUBRIC:
        rubrics[event.post, event.creator].append(event)
        _start_review(state.review(event.creator), event)
    elif kind is EventType.SUBMIT:
        review = state.review(event.creator)
        review.submitted, review.submitted_rubric, review.submission = event.created, about, event
    elif kind is EventType.OVERRIDE:
        state.override = event
    elif kind is EventType.JUDGEMENT:
        state.judgements[str(document["blogkit:person"]).rsplit(":", 1)[-1]] = event


def _start_review(review: Review, event: Event) -> None:
    review.started = min(review.started or event.created, event.created)


def _change_text(state: PostState, event: Event) -> None:
    """An edit or a deletion of a comment or of a reply."""
    for thread in state.threads.values():
        items: list[Thread | Reply] = [thread, *thread.replies]
        for item in items:
            if item.event.id == event.about:
                _change_item(item, event)
                return


def _change_item(item: Thread | Reply, event: Event) -> None:
    if event.type is EventType.DELETE:
        item.deleted = True
        return
    item.text = event.text
    if isinstance(item, Thread):
        item.edited = True
        if "blogkit:kind" in event.document:
            item.kind = Kind(event.document["blogkit:kind"])
