"""Classes of invented people, for tests and benchmarks of the review."""

from __future__ import annotations

import random

from blogkit.review.roster import Person, Roster


def invent_class(
    students: int, *, team: int = 1, staff: int = 1, conflicts: int = 0, seed: int = 0, **status: str
) -> Roster:
    """Students in teams of ``team``, each with some declared conflicts; ``status`` by key, such as ``k0003="late"``."""
    generator = random.Random(seed)
    people = [
        Person(
            key=f"k{number:04d}",
            name=f"Student {number}",
            email=f"p{number}@example.edu",
            project=f"project-{number // team}",
            conflicts=frozenset(f"p{generator.randrange(students)}@example.edu" for _ in range(conflicts)),
            status=status.get(f"k{number:04d}", ""),
        )
        for number in range(students)
    ]
    people += [
        Person(key=f"s{number:04d}", name=f"Staff {number}", email=f"s{number}@example.edu", role="staff")
        for number in range(staff)
    ]
    return Roster(people=tuple(people))
