"""The roster: a CSV file with one person a line.

::

    name,email,role,project,conflicts,status
    Ada Lovelace,ada@example.edu,student,double-descent,,
    Emmy Noether,emmy@example.edu,student,symmetry,ada@example.edu;double-descent,
    Alan Turing,alan@example.edu,staff,,,

Only ``name`` and ``email`` are needed. ``project`` is the person's own post; people with the same one are a team.
``conflicts`` names people (by e-mail address) or projects that the person must not review, ``;`` between them.
``status`` may say ``absent`` (assigned nothing from now on) or ``late`` (the post comes in the second round).
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from blogkit.config import did_you_mean
from blogkit.errors import ConfigError, Problem
from blogkit.review.record import person_key

COLUMNS = ("name", "email", "role", "project", "conflicts", "status")
ROLES = ("student", "staff")
STATUSES = ("", "absent", "late")
_EMAIL = re.compile(r"[^@\s;,]+@[^@\s;,]+")
PROJECT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class Person:
    """One line of the roster."""

    key: str
    """Opaque; stands for the person in records."""
    name: str
    email: str
    role: str = "student"
    project: str | None = None
    conflicts: frozenset[str] = frozenset()
    """E-mail addresses and projects."""
    status: str = ""

    @property
    def is_staff(self) -> bool:
        return self.role == "staff"


@dataclass(frozen=True, kw_only=True)
class Roster:
    """Everybody, in the order of the file."""

    people: tuple[Person, ...]

    @property
    def students(self) -> tuple[Person, ...]:
        return tuple(person for person in self.people if not person.is_staff)

    @property
    def staff(self) -> tuple[Person, ...]:
        return tuple(person for person in self.people if person.is_staff)

    @property
    def projects(self) -> tuple[str, ...]:
        """The posts that somebody in the roster wrote, sorted."""
        return tuple(sorted({person.project for person in self.people if person.project}))

    def authors(self, project: str) -> tuple[Person, ...]:
        return tuple(person for person in self.people if person.project == project)

    def by_key(self) -> dict[str, Person]:
        return {person.key: person for person in self.people}

    def posts_by_key(self) -> dict[str, str]:
        """The post of each person who wrote one."""
        return {person.key: person.project for person in self.people if person.project}


def read_roster(path: Path, secret: bytes) -> Roster:
    """The roster in a file. Raises ConfigError with every line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = f"Write one with a first line of {','.join(COLUMNS)}."
        raise ConfigError([Problem(path=path, message=f"cannot be read: {error.strerror}.", hint=hint)]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path=path, message="is not UTF-8 text.", hint="Save it as CSV UTF-8.")]) from error
    return parse_roster(text, path, secret)


def parse_roster(text: str, path: Path, secret: bytes) -> Roster:
    """The roster in a text; ``path`` is for the error messages."""
    rows = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    problems: list[Problem] = []
    named = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = named
    for name in sorted(set(named) - set(COLUMNS)):
        hint = did_you_mean(name, COLUMNS) or f"Columns: {', '.join(COLUMNS)}."
        problems.append(Problem(path=path, line=1, message=f"{name!r} is no column of a roster.", hint=hint))
    for name in ("name", "email"):
        if name not in named:
            hint = f"The first line names the columns: {','.join(COLUMNS)}."
            problems.append(Problem(path=path, line=1, message=f"has no column {name!r}.", hint=hint))
    if problems:
        raise ConfigError(problems)
    people: list[Person] = []
    lines: dict[str, int] = {}
    for row in rows:
        line = rows.line_num
        cells = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        if None in row:
            hint = "Put quotes around a cell that holds a comma; separate conflicts by ';'."
            problems.append(Problem(path=path, line=line, message="has more cells than the first line.", hint=hint))
            continue
        if not any(cells.values()):
            continue
        email = cells["email"].lower()
        role, status, project = cells.get("role", "").lower() or "student", cells.get("status", "").lower(), None
        if not cells["name"]:
            problems.append(Problem(path=path, line=line, message="the name is missing."))
        if not _EMAIL.fullmatch(email):
            problems.append(Problem(path=path, line=line, message=f"{email!r} is no e-mail address."))
        elif email in lines:
            problems.append(Problem(path=path, line=line, message=f"{email} stands on line {lines[email]} already."))
        if role not in ROLES:
            problems.append(Problem(path=path, line=line, message=f"{role!r} is no role; roles are student and staff."))
        if status not in STATUSES:
            hint = did_you_mean(status, STATUSES) or "Leave it empty, or write 'absent' or 'late'."
            problems.append(Problem(path=path, line=line, message=f"{status!r} is no status.", hint=hint))
        if cells.get("project"):
            project = cells["project"]
            if not PROJECT_NAME.fullmatch(project):
                hint = "A project's name is its folder's: letters, digits, '.', '_' and '-'."
                problems.append(Problem(path=path, line=line, message=f"{project!r} is no project's name.", hint=hint))
        conflicts = frozenset(part.strip().lower() for part in cells.get("conflicts", "").split(";") if part.strip())
        lines[email] = line
        key = person_key(secret, email)
        people.append(
            Person(
                key=key, name=cells["name"], email=email, role=role, project=project, conflicts=conflicts, status=status
            )
        )
    known = set(lines) | {person.project.lower() for person in people if person.project}
    for person in people:
        for conflict in sorted(person.conflicts - known):
            hint = did_you_mean(conflict, sorted(known)) or "Name an e-mail address or a project of this roster."
            message = f"the conflict {conflict!r} is nobody's address and no project."
            problems.append(Problem(path=path, line=lines[person.email], message=message, hint=hint))
    if not people and not problems:
        problems.append(Problem(path=path, message="names nobody.", hint="Write one person a line."))
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return Roster(people=tuple(people))
