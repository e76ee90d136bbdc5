"""Who may do what, as one table. The server asks it before everything, and a test walks through all of it."""

from __future__ import annotations

from enum import StrEnum


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
