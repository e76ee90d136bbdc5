"""``blogkit review assign``: drafting and publishing rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from blogkit.errors import ProjectError
from blogkit.review import assign as rounds
from blogkit.review.commands.places import GivenFolder, find_folder, find_roster, plural
from blogkit.review.keeping import read_events
from blogkit.review.record import EventType


@dataclass(frozen=True, kw_only=True)
class AssignmentMade:
    """What a call came to."""

    round: rounds.Round | None
    """None when nothing was left to assign."""
    is_new: bool = True
    """Whether this call drew it; a draft that was there may be published as it is."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By key."""

    def __str__(self) -> str:
        made = self.round
        if made is None:
            return "Nothing is left to assign: every post has its readers."
        lines = self._pair_lines(made) if self.is_new else []
        if made.published:
            return "\n".join([*lines, f"Round {made.number} is published: {plural(len(made.pairs), 'review')}."])
        shows = "`blogkit review assign --publish` shows it."
        return "\n".join([*lines, f"Round {made.number} is a draft that reviewers do not see; {shows}"])

    def _pair_lines(self, made: rounds.Round) -> list[str]:
        posts: dict[str, list[str]] = {}
        for pair in made.pairs:
            posts.setdefault(pair.post, []).append(self.names[pair.reviewer] + (" (staff)" if pair.staff else ""))
        lines = [f"{post}: {', '.join(readers)}" for post, readers in posts.items()]
        gone = "somebody who left the roster"
        return lines + [f"{one.post}: taken back from {self.names.get(one.reviewer, gone)}" for one in made.dropped]


def assign(
    *,
    roster: Path | None = None,
    seed: int = 0,
    reviews: int = 3,
    staff: int = 1,
    deadline: str = "",
    publish: bool = False,
    database: str | None = None,
    folder: GivenFolder = None,
) -> AssignmentMade:
    """Drafts who reviews what, or publishes the draft. After a published round, the next call drafts another."""
    place = find_folder(folder)
    there = rounds.read_rounds(place)
    draft = there[-1] if there and not there[-1].published else None
    if publish and draft is not None and roster is None:
        published = rounds.publish(there)
        rounds.write_rounds(place, published)
        return AssignmentMade(round=published[-1], is_new=False)
    if publish and roster is None and there:  # said once more: nothing is drawn anew
        return AssignmentMade(round=there[-1], is_new=False)
    people = find_roster(place, roster)
    earlier = [each for each in there if each.published]
    if deadline:
        _check_day(deadline)
    events = read_events(place, database)
    submitted = {(event.creator, event.post) for event in events if event.type is EventType.SUBMIT}
    wish = rounds.Wish(readers=reviews, staff=staff, seed=seed, deadline=deadline)
    made = rounds.assign(people, wish, earlier=earlier, submitted=submitted)
    if not people.projects:
        hint = "The column `project` says whose post is whose; people with the same project are a team."
        raise ProjectError("Nobody in the roster has a project, so there is no post to review.", hint=hint)
    if not made.pairs and not made.dropped:
        return AssignmentMade(round=None)
    now = rounds.publish((*earlier, made)) if publish else (*earlier, made)
    rounds.write_rounds(place, now)
    return AssignmentMade(round=now[-1], names={key: person.name for key, person in people.by_key().items()})


def _check_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ProjectError(f"--deadline: {text!r} is no day.", hint="Write it as 2026-12-10.") from error
