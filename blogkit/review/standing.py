"""What of a record stands: the words that were handed in and not taken back. Nothing else leaves the class.

A record keeps every event for ever, so that any two can be merged: comments that were deleted, texts before an edit,
drafts of a rubric, comments of reviews that nobody submitted. All of these are for their writers alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from blogkit.review.record import Event, EventType
from blogkit.review.state import PostState, Reply, Thread, fold


def is_handed_in(state: PostState, creator: str, *, staff: Collection[str], held: Collection[tuple[str, str]]) -> bool:
    """Whether what somebody wrote about a post is for others: they submitted, or are staff who need not.

    ``held`` are the (reviewer, post) of the assignment.
    """
    review = state.reviews.get(creator)
    return bool(review and review.submitted) or (creator in staff and (creator, state.post) not in held)


def standing_events(
    events: Iterable[Event],
    *,
    staff: frozenset[str],
    authors: Mapping[str, str],
    held: Collection[tuple[str, str]],
) -> tuple[Event, ...]:
    """The events that may leave the class, in the order in which they were given; an edited text in its last words."""
    given = tuple(events)
    kept: dict[str, Event] = {}
    for state in fold(given, staff=staff, authors=authors).values():
        kept |= {event.id: event for event in _standing_of(state, staff, authors, held)}
    return tuple(kept[event.id] for event in given if event.id in kept)


def _standing_of(
    state: PostState, staff: frozenset[str], authors: Mapping[str, str], held: Collection[tuple[str, str]]
) -> Iterator[Event]:
    def is_out(creator: str) -> bool:
        return is_handed_in(state, creator, staff=staff, held=held)

    def may_reply(creator: str) -> bool:
        return authors.get(creator) == state.post or creator in staff or is_out(creator)

    for thread in state.threads.values():
        if thread.deleted or not is_out(thread.event.creator):
            continue
        yield _in_last_words(thread)
        yield from (_in_last_words(one) for one in thread.replies if not one.deleted and may_reply(one.event.creator))
        yield from (one for one in (thread.closing, thread.settling) if one is not None)
    for review in state.reviews.values():
        yield from (one for one in (review.submitted_rubric, review.submission) if one is not None)
    yield from (one for one in (state.override, *state.judgements.values()) if one is not None)


def _in_last_words(item: Thread | Reply) -> Event:
    """A comment or reply with the text that stands; what stood before an edit goes."""
    document = dict(item.event.document)
    document["body"] = {**document["body"], "value": item.text}
    if isinstance(item, Thread):
        document["blogkit:kind"] = str(item.kind)
    return item.event if document == item.event.document else replace(item.event, document=document)


def own_events(
    events: Iterable[Event], creator: str, posts: Collection[str], *, staff: frozenset[str]
) -> tuple[Event, ...]:
    """What one person wrote about some posts and may go on with: not what was deleted, and of rubrics the newest.

    The events are as they were written: they come back, and are merged with those that stayed.
    """
    given = tuple(event for event in events if event.post in posts)
    gone: set[str] = set()
    rubrics: set[str] = set()
    for state in fold(given, staff=staff).values():
        for thread in state.threads.values():
            items: list[Thread | Reply] = [thread, *thread.replies]
            gone |= {item.event.id for item in items if item.deleted or thread.deleted}
        for review in state.reviews.values():
            rubrics |= {one.id for one in (*review.heads, review.submitted_rubric) if one is not None}
    return tuple(
        event
        for event in given
        if event.creator == creator
        and event.id not in gone
        and event.about not in gone
        and (event.type is not EventType.RUBRIC or event.id in rubrics)
    )
