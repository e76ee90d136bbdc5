"""Who reviews what: an exact assignment by integer programming (HiGHS through SciPy), seeded and stored.

Nobody reads a post of their own team, nor one that they have a conflict with; no two teams read each other's; every
post gets the same number of readers; and people's loads differ by at most one, earlier rounds counted. When that is
impossible the error message says which rule stands against it, and for whom.

Most pairs are never needed, so the programme is first solved over some 24 seeded random candidates a post; only when
these do not suffice is it solved over all pairs.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from blogkit import store
from blogkit.errors import ConfigError, Problem
from blogkit.review.folder import ReviewFolder
from blogkit.review.roster import Person, Roster

CANDIDATES = 24


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One post for one reader."""

    reviewer: str
    """The person's key."""
    post: str
    staff: bool = False


@dataclass(frozen=True, kw_only=True)
class Round:
    """One assignment: a draft until it is published."""

    number: int
    """From 1."""
    seed: int
    published: bool
    pairs: tuple[Pair, ...]
    dropped: tuple[Pair, ...] = ()
    """Pairs of earlier rounds that this one takes back: their reader is absent."""
    deadline: str = ""
    """A day, as 2026-12-10; empty when there is none."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an assignment has to achieve."""

    readers: int = 3
    """Classmates a post."""
    staff: int = 1
    seed: int = 0
    deadline: str = ""


# --- the rules ------------------------------------------------------------------------------------------------------


def why_not(person: Person, post: str, roster_authors: Mapping[str, Sequence[Person]]) -> str:
    """Why a person must not review a post, in three words; empty when nothing stands against it."""
    if person.project == post:
        return "own team"
    if post.lower() in person.conflicts:
        return "declared a conflict"
    for author in roster_authors.get(post, ()):
        if author.email in person.conflicts or person.email in author.conflicts:
            return "declared a conflict"
        if person.project and person.project.lower() in author.conflicts:
            return "declared a conflict"
    return ""


@dataclass(frozen=True, kw_only=True)
class _AssignmentProblem:
    """An assignment problem of one kind of reader: numbers only, so that it can be solved over any set of pairs."""

    people: tuple[Person, ...]
    posts: tuple[str, ...]
    need: tuple[int, ...]
    """Readers still wanted, by post."""
    prior: tuple[int, ...]
    """Posts already given, by person."""
    allowed: Any
    """people x posts, bool."""
    reciprocal: bool
    """Whether two teams must not read each other's posts."""
    taken: frozenset[tuple[str, str]]
    """(reader's own project, post) of pairs that stand already, for the reciprocal rule."""


def _load_levels(prior: Sequence[int], demand: int) -> list[tuple[int, int]]:
    """The least and most new posts of each person, such that all loads together end within one of each other.

    Those who already have more than the common level get nothing new: water fills the lowest places first.
    """
    if not prior:
        return []
    level = min(prior)
    while sum(max(0, level - load) for load in prior) < demand:
        level += 1
    return [(max(0, level - 1 - load), max(0, level - load)) for load in prior]


def _candidate_pairs(problem: _AssignmentProblem, generator: Any, wanted: int) -> Any:
    """The pairs that the programme may use: a few random, evenly spread ones a post, or all when ``wanted`` is 0."""
    import numpy

    people, posts = problem.allowed.shape
    if wanted == 0 or people <= wanted or posts <= wanted:
        return problem.allowed
    chosen = numpy.zeros_like(problem.allowed)
    order, places = generator.permutation(people), generator.permutation(posts)
    long, short = max(people, posts), min(people, posts)
    steps = generator.choice(short, size=min(wanted, short), replace=False)
    for step in steps:  # each step is a matching that covers the longer side once
        index = numpy.arange(long)
        rows = order[index % people]
        columns = places[(index + step) % posts] if people >= posts else places[index]
        if people < posts:
            rows = order[(index + step) % people]
        chosen[rows, columns] = True
    return chosen & problem.allowed


@dataclass(frozen=True, kw_only=True)
class _Solution:
    pairs: tuple[tuple[int, int], ...] | None
    """(person, post) by index; None when the programme has no solution."""
    missing: Mapping[int, int]
    """Readers that a post lacks, by index; only with ``elastic``."""
    overloaded: Mapping[int, int]
    """Posts above their share, by person's index; only with ``elastic``."""


def _solve_programme(
    problem: _AssignmentProblem, candidates: Any, generator: Any, *, balance: bool, reciprocal: bool, elastic: bool
) -> _Solution:
    """The programme over the candidate pairs. With ``elastic``, rules bend at a cost, and the bends are returned."""
    import numpy
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    rows, columns = numpy.nonzero(candidates)
    count, people, posts = len(rows), len(problem.people), len(problem.posts)
    if count == 0 and not elastic:
        return _Solution(pairs=None if sum(problem.need) else (), missing={}, overloaded={})
    index = numpy.arange(count)
    entries: list[tuple[Any, Any, Any]] = [
        (columns, index, numpy.ones(count)),
        (posts + rows, index, numpy.ones(count)),
    ]
    shares = _load_levels(problem.prior, sum(problem.need))
    low = [float(need) for need in problem.need] + [float(least) if balance else 0.0 for least, _ in shares]
    high = [float(need) for need in problem.need] + [float(most) if balance else float(posts) for _, most in shares]
    number = posts + people
    if reciprocal and problem.reciprocal:
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for variable, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            own = problem.people[row].project
            if own:
                groups[own, problem.posts[column]].append(variable)
        for (own, post), there in groups.items():
            back = groups.get((post, own), []) if own < post else []
            if (post, own) in problem.taken:
                entries.append((numpy.full(len(there), number), numpy.array(there), numpy.ones(len(there))))
                low.append(0.0)
                high.append(0.0)
                number += 1
            for one in there:
                if back:  # at most one direction: x + y <= 1 for each pair of readers
                    for other in back:
                        entries.append((numpy.full(2, number), numpy.array([one, other]), numpy.ones(2)))
                        low.append(0.0)
                        high.append(1.0)
                        number += 1
    cost = generator.random(count)
    total = count
    if elastic:
        slack = numpy.arange(posts)
        entries.append((slack, count + slack, numpy.ones(posts)))  # a post may lack readers
        bend = numpy.arange(people)
        entries.append((posts + bend, count + posts + bend, -numpy.ones(people)))  # a person may read more
        entries.append((posts + bend, count + posts + people + bend, numpy.ones(people)))  # or less
        cost = numpy.concatenate(
            [cost, numpy.full(posts, 1000.0), numpy.full(people, 100.0), numpy.full(people, 100.0)]
        )
        total = count + posts + 2 * people
    matrix = coo_array(
        (
            numpy.concatenate([entry[2] for entry in entries]),
            (numpy.concatenate([entry[0] for entry in entries]), numpy.concatenate([entry[1] for entry in entries])),
        ),
        shape=(number, total),
    ).tocsc()
    upper = numpy.concatenate([numpy.ones(count), numpy.full(total - count, float(max(people, posts)))])
    answer = milp(
        cost,
        constraints=LinearConstraint(matrix, low, high),
        integrality=numpy.ones(total),
        bounds=Bounds(0, upper),
        options={"mip_rel_gap": 0.05, "time_limit": 60.0},
    )
    if answer.x is None:
        return _Solution(pairs=None, missing={}, overloaded={})
    taken = numpy.flatnonzero(answer.x[:count] > 0.5)
    extra = numpy.rint(answer.x[count:]).astype(int)
    return _Solution(
        pairs=tuple((int(rows[one]), int(columns[one])) for one in taken),
        missing={int(one): int(extra[one]) for one in numpy.flatnonzero(extra[:posts])},
        overloaded={int(one): int(extra[posts + one]) for one in numpy.flatnonzero(extra[posts : posts + people])},
    )


def _assign_readers(
    problem: _AssignmentProblem, seed: int, what: str, authors: Mapping[str, Sequence[Person]]
) -> list[Pair]:
    """The pairs of one kind of reader. Raises ConfigError that says which rule stands against it, and for whom."""
    import numpy

    generator = numpy.random.default_rng(seed)
    for wanted in (CANDIDATES, 3 * CANDIDATES, 0):
        candidates = _candidate_pairs(problem, generator, wanted)
        solution = _solve_programme(problem, candidates, generator, balance=True, reciprocal=True, elastic=False)
        if solution.pairs is not None:
            staff = what == "staff"
            return [
                Pair(reviewer=problem.people[person].key, post=problem.posts[post], staff=staff)
                for person, post in solution.pairs
            ]
        if candidates is problem.allowed:
            break
        if int(problem.allowed.sum(axis=0).min()) < max(problem.need):
            break
    raise ConfigError(_explain_impossible(problem, generator, what, authors))


def _explain_impossible(
    problem: _AssignmentProblem, generator: Any, what: str, authors: Mapping[str, Sequence[Person]]
) -> list[Problem]:
    """Why there is no assignment: each post that nobody is left for, or else the rule that stands against it."""
    readers, option = ("readers", "--reviews") if what == "student" else ("members of staff", "--staff")
    problems: list[Problem] = []
    for number, post in enumerate(problem.posts):
        left = int(problem.allowed[:, number].sum())
        if left >= problem.need[number]:
            continue
        reasons: dict[str, list[str]] = defaultdict(list)
        for person in problem.people:
            reason = why_not(person, post, authors)
            reasons[reason or "has it already"].append(person.name)
        out = "; ".join(f"{_some_names(names)} ({reason})" for reason, names in sorted(reasons.items()) if names)
        ready = [p.name for i, p in enumerate(problem.people) if problem.allowed[i, number]]
        problems.append(
            Problem(
                message=f"{post!r} needs {problem.need[number]} {readers}, but only {left} may read it"
                f"{': ' + _some_names(ready) if ready else ''}. Out: {out or 'nobody else is in the roster'}.",
                hint=f"Take back a conflict, add people, or ask for fewer with {option}.",
            )
        )
    if problems:
        return problems
    bent = _solve_programme(problem, problem.allowed, generator, balance=True, reciprocal=True, elastic=True)
    for number, lacking in sorted(bent.missing.items()):
        names = [p.name for i, p in enumerate(problem.people) if problem.allowed[i, number]]
        message = f"{problem.posts[number]!r} would lack {lacking} of {problem.need[number]} {readers}"
        problems.append(Problem(message=f"{message}; those who may read it: {_some_names(names)}."))
    for number, more in sorted(bent.overloaded.items()):
        person = problem.people[number]
        message = f"{person.name} would have to read {more} more than the others: too few may read the same posts."
        problems.append(Problem(message=message))
    freed: list[str] = []
    for rule, options in (
        ("that two teams never read each other's posts", {"balance": True, "reciprocal": False}),
        ("that loads differ by one at most", {"balance": False, "reciprocal": True}),
    ):
        if _solve_programme(problem, problem.allowed, generator, elastic=False, **options).pairs is not None:
            freed.append(rule)
    named = " or ".join(freed)
    message = f"There is no assignment of {readers} by all the rules."
    if named:
        hint = (
            f"Without the rule {named} there would be one: add people, take back conflicts, or ask for fewer reviews."
        )
    else:
        hint = "No single rule is to blame: add people, take back conflicts, or ask for fewer reviews."
    return [Problem(message=message, hint=hint), *problems]


def _some_names(names: Sequence[str], most: int = 5) -> str:
    """Some names, and how many more."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


# --- rounds ---------------------------------------------------------------------------------------------------------


def assign(
    roster: Roster,
    wish: Wish,
    *,
    earlier: Sequence[Round] = (),
    submitted: Iterable[tuple[str, str]] = (),
) -> Round:
    """The next round: readers for every post that is there and lacks some.

    A first round leaves out posts whose authors are all ``late``. A later one gives them readers, and takes back what
    people who are ``absent`` by now had not ``submitted``: (person's key, post).
    """
    import numpy

    number = len(earlier) + 1
    done = set(submitted)
    people = roster.by_key()
    authors = {post: roster.authors(post) for post in roster.projects}
    standing: list[Pair] = []
    dropped: list[Pair] = []
    for pair in standing_pairs(earlier):
        gone = pair.reviewer not in people or people[pair.reviewer].status == "absent"
        (dropped if gone and (pair.reviewer, pair.post) not in done else standing).append(pair)
    posts = tuple(
        post
        for post in roster.projects
        if not any(author.is_staff for author in authors[post])
        and (number > 1 or not all(author.status == "late" for author in authors[post]))
    )
    pairs: list[Pair] = []
    for what, each, everyone in (("student", wish.readers, roster.students), ("staff", wish.staff, roster.staff)):
        kept = [pair for pair in standing if pair.staff == (what == "staff")]
        having = Counter(pair.post for pair in kept)
        need = tuple(max(0, each - having[post]) for post in posts)
        if not sum(need):
            continue
        present = tuple(person for person in everyone if person.status != "absent")
        load = Counter(pair.reviewer for pair in kept)
        held = {(pair.reviewer, pair.post) for pair in kept} | {(pair.reviewer, pair.post) for pair in dropped}
        allowed = numpy.array(
            [
                [not why_not(person, post, authors) and (person.key, post) not in held for post in posts]
                for person in present
            ],
            dtype=bool,
        ).reshape(len(present), len(posts))
        projects = {person.key: person.project for person in everyone}
        problem = _AssignmentProblem(
            people=present,
            posts=posts,
            need=need,
            prior=tuple(load[person.key] for person in present),
            allowed=allowed,
            reciprocal=what == "student",
            taken=frozenset((str(projects.get(pair.reviewer)), pair.post) for pair in kept),
        )
        pairs += _assign_readers(problem, wish.seed + 1000 * number, what, authors)
    pairs.sort(key=lambda pair: (pair.post, pair.staff, pair.reviewer))
    return Round(
        number=number,
        seed=wish.seed,
        published=False,
        pairs=tuple(pairs),
        dropped=tuple(dropped),
        deadline=wish.deadline,
    )


def standing_pairs(rounds: Sequence[Round]) -> tuple[Pair, ...]:
    """Every pair that no later round took back."""
    pairs: dict[tuple[str, str], Pair] = {}
    for each in rounds:
        for pair in each.dropped:
            pairs.pop((pair.reviewer, pair.post), None)
        for pair in each.pairs:
            pairs[pair.reviewer, pair.post] = pair
    return tuple(pairs.values())


def published_pairs(rounds: Sequence[Round]) -> tuple[Pair, ...]:
    """What reviewers may see: the pairs of the published rounds. A draft is for staff alone."""
    return standing_pairs([each for each in rounds if each.published])


def deadlines(rounds: Sequence[Round]) -> dict[tuple[str, str], str]:
    """The day by which each (reviewer, post) is due, where there is one."""
    return {(pair.reviewer, pair.post): each.deadline for each in rounds if each.deadline for pair in each.pairs}


def publish(rounds: Sequence[Round]) -> tuple[Round, ...]:
    """The same rounds, the draft published."""
    return tuple(replace(each, published=True) for each in rounds)


def read_rounds(folder: ReviewFolder) -> tuple[Round, ...]:
    """The rounds that were stored; none when nothing has been assigned yet."""
    if not folder.assignments.is_file():
        return ()
    document = store.read_json(folder.assignments)
    return tuple(
        Round(
            number=int(each["number"]),
            seed=int(each["seed"]),
            published=bool(each["published"]),
            pairs=_pairs_from_rows(each["pairs"]),
            dropped=_pairs_from_rows(each["dropped"]),
            deadline=str(each.get("deadline", "")),
        )
        for each in document["rounds"]
    )


def _pairs_from_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[Pair, ...]:
    return tuple(Pair(reviewer=str(r["reviewer"]), post=str(r["post"]), staff=bool(r["staff"])) for r in rows)


def write_rounds(folder: ReviewFolder, rounds: Sequence[Round]) -> None:
    """Stores the rounds, whole; the same rounds give the same bytes."""
    document = {
        "rounds": [
            {
                "number": each.number,
                "seed": each.seed,
                "published": each.published,
                "pairs": [vars(pair) for pair in each.pairs],
                "dropped": [vars(pair) for pair in each.dropped],
                "deadline": each.deadline,
            }
            for each in rounds
        ]
    }
    store.write_text(folder.assignments, json.dumps(document, indent=1, sort_keys=True) + "\n")
    folder.assignments.chmod(0o600)
