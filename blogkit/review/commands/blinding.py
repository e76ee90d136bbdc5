"""``blogkit review leaks`` and ``revise``: what tells who wrote a post, and the anonymous pages that reviewers get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blogkit.config import choose_projects, open_site
from blogkit.errors import ProjectError, ReviewNotBlind
from blogkit.review.commands.places import GivenFolder, find_folder, find_roster
from blogkit.review.folder import ReviewFolder
from blogkit.review.leaks import Leak
from blogkit.review.posts import PostRevision, Prepared, add_revision, prepare_post, revisions, waive, waivers
from blogkit.review.roster import Roster


@dataclass(frozen=True, kw_only=True)
class LeakReport:
    """What was found in each post."""

    prepared: tuple[Prepared, ...]

    @property
    def is_blind(self) -> bool:
        """Whether no leak stands in the way."""
        return not any(one.open_leaks for one in self.prepared)

    def __str__(self) -> str:
        lines = []
        for one in self.prepared:
            lines += [f"{_place_of(leak, one.post)}: {_words_for(leak)}" for leak in one.leaks]
            lines += [f"{one.post}: {warning}" for warning in one.warnings]
            settled = len(one.leaks) - len(one.open_leaks)
            lines.append(f"{one.post}: {len(one.open_leaks)} open, {settled} fixed or waived")
        return "\n".join(lines)

    def check(self, consequence: str, hint: str) -> None:
        """Raises ReviewNotBlind while a leak is open."""
        if not self.is_blind:
            raise ReviewNotBlind(f"Something tells who wrote a post{consequence}.", hint=hint)


def _place_of(leak: Leak, post: str) -> str:
    return f"{leak.path}:{leak.line}" if leak.line else str(leak.path or post)


def _words_for(leak: Leak) -> str:
    state = "fixed in the anonymous build" if leak.fixed else f"waived: {leak.waived}" if leak.waived else "OPEN"
    return f"{leak.kind} “{leak.what}” ({leak.place}) [{leak.id}] {state}"


def leaks(
    projects: Sequence[str] = (), *, waive_leak: str | None = None, reason: str = "", folder: GivenFolder = None
) -> LeakReport:
    """What in the rendered posts gives their authors away. ``waive_leak`` lets one stand, by its id, with a reason.

    Where no roster is kept, as at a student's, the people sought are the authors that each post names.
    """
    place = find_folder(folder)
    if waive_leak is not None:
        if len(projects) != 1 or not reason.strip():
            hint = f'`blogkit review leaks PROJECT --waive {waive_leak} --reason "…"`.'
            raise ProjectError("A waiver needs one project and a reason.", hint=hint)
        waive(place, Path(projects[0]).name, waive_leak, reason.strip())
    roster = find_roster(place) if place.roster.is_file() else Roster(people=())
    return LeakReport(prepared=prepare_posts(place, projects, roster=roster))


@dataclass(frozen=True, kw_only=True)
class RevisionsMade:
    """The anonymous pages that reviewers have now."""

    revisions: tuple[tuple[str, PostRevision, int], ...]
    """(post, revision, its number)."""
    custom_scripts: bool = False

    def __str__(self) -> str:
        lines = [f"{post}: revision {made.id}, number {number}" for post, made, number in self.revisions]
        if self.custom_scripts:
            lines.append(
                "The authors' own scripts run in these posts. The frame still has no origin, no storage and no"
                " network, but a script can draw what it likes in it, keep a processor busy, and reach out over WebRTC."
            )
        return "\n".join(lines if self.revisions else [*lines, "No post is rendered yet: `blogkit render` first."])


def revise(projects: Sequence[str] = (), *, custom_scripts: bool = False, folder: GivenFolder = None) -> RevisionsMade:
    """Gives reviewers the posts as they are rendered now; comments find their places again.

    Raises ReviewNotBlind while something tells who wrote one of them.
    """
    place = find_folder(folder)
    prepared = prepare_posts(place, projects, custom_scripts=custom_scripts)
    need_blind(prepared, "no reviewer gets it")
    made = []
    for one in prepared:
        revision = add_revision(place, one, scripts=custom_scripts)
        made.append((one.post, revision, len(revisions(place, one.post))))
    return RevisionsMade(revisions=tuple(made), custom_scripts=custom_scripts)


def need_blind(prepared: Sequence[Prepared], consequence: str) -> None:
    """Raises ReviewNotBlind, with every leak, while one is open."""
    report = LeakReport(prepared=tuple(prepared))
    if not report.is_blind:
        hint = "`blogkit review leaks PROJECT` says where; fix the source and render again, or waive."
        raise ReviewNotBlind(f"{report}\nSomething tells who wrote a post, so {consequence}.", hint=hint)


def prepare_posts(
    place: ReviewFolder, projects: Sequence[str], *, custom_scripts: bool = False, roster: Roster | None = None
) -> tuple[Prepared, ...]:
    """The anonymous pages of projects, from the site as it is rendered now; of all that are rendered when none is
    named. The class's roster is the kept one, but where one is given.
    """
    site = open_site(Path.cwd())
    roster = find_roster(place) if roster is None else roster
    made = []
    for project in choose_projects(site, projects):
        page = site.output / project.folder.relative_to(site.root) / "index.html"
        if not page.is_file() and not projects:
            continue
        given = waivers(place, project.name)
        made.append(
            prepare_post(
                project.name, page, site.output, roster,
                waivers=given, source=project.post, custom_scripts=custom_scripts,
            )
        )  # fmt: skip
    return tuple(made)
