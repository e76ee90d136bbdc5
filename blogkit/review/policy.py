"""Who may do what, as one table. The server's routes ask it before everything, and so does the folding of a record
(:func:`blogkit.review.state.fold`): what the server would refuse has no effect in a file that came from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from blogkit.review.record import Event, EventType


class Role(StrEnum):
    """What somebody is to one post."""

    NOBODY = "nobody"
    """Not signed in."""
    OTHER = "other"
    """Signed in, with no part in this post."""
    AUTHOR = "author"
    REVIEWER = "reviewer"
    STAFF = "staff"


class Action(StrEnum):
    """What somebody may want."""

    SIGN_IN = "sign in"
    SEE_HOME = "see home"
    READ_POST = "read the post"
    SEE_OWN = "see one's own comments"
    SEE_ALL = "see everybody's comments"
    SEE_SUBMITTED = "see the comments of submitted reviews"
    COMMENT = "comment"
    REPLY = "reply"
    ANSWER = "answer for the authors"
    CHANGE_OWN = "edit, delete, close, settle one's own"
    MODERATE = "close, settle, delete others'"
    SCORE = "fill in the rubric"
    SEE_STAFF_PAGES = "see progress and scores"
    OVERRULE = "override a score, judge a review"


_EVERYBODY = {Action.SIGN_IN}
_SIGNED_IN = _EVERYBODY | {Action.SEE_HOME}
_TABLE: dict[Role, set[Action]] = {
    Role.NOBODY: _EVERYBODY,
    Role.OTHER: _SIGNED_IN,
    Role.AUTHOR: _SIGNED_IN | {Action.READ_POST, Action.SEE_SUBMITTED, Action.REPLY, Action.ANSWER, Action.CHANGE_OWN},
    Role.REVIEWER: _SIGNED_IN
    | {Action.READ_POST, Action.SEE_OWN, Action.COMMENT, Action.REPLY, Action.CHANGE_OWN, Action.SCORE},
    Role.STAFF: _SIGNED_IN
    | {Action.READ_POST, Action.SEE_ALL, Action.COMMENT, Action.REPLY, Action.CHANGE_OWN, Action.MODERATE}
    | {Action.SCORE, Action.SEE_STAFF_PAGES, Action.OVERRULE},
}


def may(role: Role, action: Action, *, submitted: bool = False) -> bool:
    """Whether a role may. A reviewer sees the others' comments once their own review is ``submitted``."""
    if role is Role.REVIEWER and action is Action.SEE_SUBMITTED:
        return submitted
    return action in _TABLE[role]


# --- events ---------------------------------------------------------------------------------------------------------

_PLAIN = {
    EventType.RUBRIC: Action.SCORE,
    EventType.OVERRIDE: Action.OVERRULE,
    EventType.JUDGEMENT: Action.OVERRULE,
}
_TO_COMMENTS = {EventType.CLOSE, EventType.REOPEN, EventType.SETTLE}


def needed_action(event: Event, about: Event | None) -> Action | None:
    """What somebody must be allowed to do in order to write an event; None where nobody may write it.

    ``about`` is the event that it speaks of, where that is there.
    """
    kind = event.type
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is EventType.ANNOTATION and not event.is_reply:
        return Action.COMMENT
    if about is None or about.post != event.post:
        return None
    own = about.creator == event.creator
    if kind is EventType.SUBMIT:
        return Action.SCORE if own and about.type is EventType.RUBRIC else None
    if about.type is not EventType.ANNOTATION or (about.is_reply and kind in {*_TO_COMMENTS, EventType.ANNOTATION}):
        return None
    if kind is EventType.ANNOTATION:
        return Action.ANSWER if "blogkit:answer" in event.document else Action.REPLY
    if kind is EventType.EDIT:
        return Action.CHANGE_OWN if own else None
    if kind is EventType.DELETE or kind in _TO_COMMENTS:
        return Action.CHANGE_OWN if own else Action.MODERATE
    return None


def may_write(role: Role, event: Event, about: Event | None) -> bool:
    """Whether a role may write an event about another."""
    action = needed_action(event, about)
    return action is not None and may(role, action)


def roles_in_record(
    creator: str, post: str, *, staff: frozenset[str], authors: Mapping[str, str] | None
) -> frozenset[Role]:
    """What a writer in a record may have been to a post.

    Who is neither staff nor an author is taken for a reviewer, also one who has left the roster since: whether a
    review counts is for the scores to say. Where ``authors`` is None nobody knows them, and anybody may be one.
    """
    if authors is not None and authors.get(creator) == post:
        return frozenset({Role.AUTHOR})
    role = Role.STAFF if creator in staff else Role.REVIEWER
    return frozenset({role} if authors is not None else {role, Role.AUTHOR})
