"""Where a review lies, and who is in it: what every command asks first."""

from __future__ import annotations

from pathlib import Path

from blogkit.config import find_root
from blogkit.errors import ProjectError
from blogkit.review.folder import ReviewFolder, keep_roster
from blogkit.review.roster import Roster, read_roster

GivenFolder = ReviewFolder | Path | None
"""A review's folder as it is given: None means ``.blogkit/review`` of the site around the working directory."""


def find_folder(given: GivenFolder) -> ReviewFolder:
    """The folder of a review."""
    if isinstance(given, ReviewFolder):
        return given
    return ReviewFolder(root=given.resolve() if given else find_root(Path.cwd()) / ".blogkit" / "review")


def find_roster(folder: ReviewFolder, given: Path | None = None) -> Roster:
    """The roster that is given, which is kept from now on; the kept roster without one."""
    if given is not None:
        roster = read_roster(given, folder.secret())
        keep_roster(folder, given.read_text(encoding="utf-8-sig"))
        return roster
    if not folder.roster.is_file():
        hint = "`blogkit review assign --roster roster.csv` reads one: name,email,role,project."
        raise ProjectError("There is no roster yet.", hint=hint, path=folder.roster)
    return read_roster(folder.roster, folder.secret())


def plural(count: int, word: str) -> str:
    """``1 event`` or ``2 events``."""
    return f"{count} {word}{'' if count == 1 else 's'}"
