"""Scores in the layout of the grading system that asked: its own downloaded gradebook, with one column filled in.

Canvas, Moodle and Gradescope each take back the table that they hand out, row by row and column by column; so nothing
of it is made up here. A student is found by e-mail address, or by the part before the ``@`` where a login is that part
and it is one student's alone.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from blogkit.errors import ProjectError
from blogkit.review.roster import Roster

COLUMN = "Peer review"
PEOPLE = {"SIS Login ID": "Canvas", "Email address": "Moodle", "Email": "Gradescope"}
"""The column by which each system says who a row is."""
POINTS_POSSIBLE = "points possible"


@dataclass(frozen=True, kw_only=True)
class FilledGradebook:
    """A gradebook with the scores in it."""

    system: str
    text: str
    missing: tuple[str, ...]
    """Students with a score whom the gradebook does not have, by e-mail address."""


def fill_gradebook(text: str, scores: Mapping[str, float], roster: Roster, points: float) -> FilledGradebook:
    """The gradebook that was downloaded, with each student's score in the column “Peer review”.

    ``scores`` are by post. The column is added where it is not there; a cell without a score stays as it is.
    """
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    header = [cell.strip() for cell in rows[0]] if rows else []
    who = next((name for name in PEOPLE if name in header), None)
    if who is None:
        hint = f"Download it again from the grading system; it has a column {', '.join(map(repr, PEOPLE))}."
        raise ProjectError("The gradebook does not say who its rows are.", hint=hint)
    place = next((number for number, name in enumerate(header) if name.split(" (")[0] == COLUMN), len(header))
    by_login = _scores_by_login(scores, roster)
    found: set[str] = set()
    for number, row in enumerate(rows):
        row += [""] * (place + 1 - len(row))
        login = row[header.index(who)].strip().lower()
        if number == 0:
            row[place] = row[place] or COLUMN
        elif row[0].strip().lower() == POINTS_POSSIBLE:
            row[place] = f"{points:g}"
        elif login in by_login:
            email, score = by_login[login]
            row[place] = f"{score:.2f}".rstrip("0").rstrip(".")
            found.add(email)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(row for row in rows if any(row))
    missing = sorted({email for email, _ in by_login.values()} - found)
    return FilledGradebook(system=PEOPLE[who], text=out.getvalue(), missing=tuple(missing))


def _scores_by_login(scores: Mapping[str, float], roster: Roster) -> dict[str, tuple[str, float]]:
    """E-mail address and score of each student with a post that has one, by every login that is theirs alone."""
    emails = [person.email.lower() for person in roster.people]
    short = Counter(email.split("@")[0] for email in emails)
    found = {}
    for person in roster.students:
        score = scores.get(person.project or "")
        if score is None:
            continue
        email = person.email.lower()
        found[email] = (email, score)
        if short[email.split("@")[0]] == 1:
            found[email.split("@")[0]] = (email, score)
    return found
