"""An assignment keeps every rule, is the same for the same seed, and says why when there is none."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from blogkit.errors import ConfigError, ProjectError
from blogkit.review.assign import (
    Round,
    Wish,
    assign,
    publish,
    published_pairs,
    read_rounds,
    standing_pairs,
    why_not,
    write_rounds,
)
from blogkit.review.folder import ReviewFolder
from blogkit.review.roster import Person, Roster, parse_roster, read_roster
from tests.review.classes import invent_class


def conflict_between(reader: Person, authors: Sequence[Person], post: str) -> str:
    """Why somebody must not read a post, from the declarations of both sides; written without the code."""
    theirs = {word.lower() for author in authors for word in author.conflicts}
    mine = {word.lower() for word in reader.conflicts}
    if reader.project == post:
        return "own team"
    names_them = mine & ({author.email.lower() for author in authors} | {post.lower()})
    names_me = theirs & ({reader.email.lower()} | ({reader.project.lower()} if reader.project else set()))
    return "conflict" if names_them or names_me else ""


def broken_rules(roster: Roster, rounds: list[Round], readers: int, staff: int = 1) -> list[str]:
    """Every rule that the standing pairs of some rounds break, in words."""
    people = roster.by_key()
    authors = {post: roster.authors(post) for post in roster.projects}
    pairs = standing_pairs(rounds)
    broken = [
        f"{people[p.reviewer].name} reads {p.post}: {why}"
        for p in pairs
        if (why := conflict_between(people[p.reviewer], authors[p.post], p.post))
    ]
    for role, each in ((False, readers), (True, staff)):
        given = Counter(p.post for p in pairs if p.staff == role)
        broken += [f"{post} has {given[post]}" for post in {p.post for p in pairs} if given[post] != each]
    load = Counter({s.key: 0 for s in roster.students if s.status != "absent"})
    load.update(p.reviewer for p in pairs if not p.staff)
    if max(load.values()) - min(load.values()) > 1:
        broken.append(f"loads from {min(load.values())} to {max(load.values())}")
    reads = {(people[p.reviewer].project, p.post) for p in pairs if not p.staff}
    broken += [f"{a} and {b} read each other" for a, b in reads if (b, a) in reads]
    return broken


READER = Person(key="r", name="Rea Der", email="rea@uni.example", project="Own-Post")
AUTHOR = Person(key="a", name="Au Thor", email="au@uni.example", project="Their-Post")


@pytest.mark.parametrize(
    ("reader", "author"),
    [
        ({"project": "Their-Post"}, {}),
        ({"conflicts": frozenset({"au@uni.example"})}, {}),
        ({"conflicts": frozenset({"their-post"})}, {}),
        ({}, {"conflicts": frozenset({"rea@uni.example"})}),
        ({}, {"conflicts": frozenset({"own-post"})}),
    ],
    ids=["own team", "reader names author", "reader names post", "author names reader", "author names reader's post"],
)
def test_a_conflict_that_one_side_declares_holds_for_both(reader: dict[str, Any], author: dict[str, Any]) -> None:
    one, other = replace(READER, **reader), replace(AUTHOR, **author)
    mate = replace(AUTHOR, key="m", email="mate@uni.example")
    assert why_not(one, "Their-Post", {"Their-Post": [mate, other]})
    assert conflict_between(one, [mate, other], "Their-Post")
    assert not why_not(READER, "Their-Post", {"Their-Post": [mate, AUTHOR]})
    assert not why_not(replace(READER, project=None), "Their-Post", {"Their-Post": [AUTHOR]})


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_conflicts_are_those_that_either_side_declares(data: Any) -> None:
    words = st.frozensets(
        st.sampled_from(["p0@uni.example", "p1@uni.example", "p2@uni.example", "one", "two"]), max_size=2
    )
    projects = st.sampled_from([None, "One", "Two"])
    people = [
        Person(
            key=f"k{n}",
            name=f"N{n}",
            email=f"p{n}@uni.example",
            project=data.draw(projects),
            conflicts=data.draw(words),
        )
        for n in range(3)
    ]
    post = data.draw(st.sampled_from(["One", "Two"]))
    authors = [person for person in people if person.project == post]
    for person in people:
        assert bool(why_not(person, post, {post: authors})) == bool(conflict_between(person, authors, post))


@pytest.mark.parametrize("side", ["reader", "author"])
def test_an_assignment_heeds_a_conflict_that_one_side_alone_declares(side: str) -> None:
    """Twelve people of whom one half declares the other, by one side: nobody of the one half reads the other's."""
    people = list(invent_class(24).people)
    half, rest = {f"p{n}@example.edu" for n in range(12)}, frozenset(f"p{n}@example.edu" for n in range(12, 24))
    declared = [
        replace(one, conflicts=rest) if (one.email in half) == (side == "reader") and not one.is_staff else one
        for one in people
    ]
    if side == "author":
        declared = [replace(one, conflicts=frozenset(half)) if one.conflicts else one for one in declared]
    made = assign(Roster(people=tuple(declared)), Wish(readers=2, seed=3))
    emails = {one.key: one.email for one in people}
    authors = {one.project: one.email for one in people if one.project}
    crossing = [
        pair
        for pair in made.pairs
        if not pair.staff and (emails[pair.reviewer] in half) != (authors[pair.post] in half)
    ]
    assert crossing == []


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 60), st.integers(1, 3), st.integers(0, 1), st.integers(0, 99))
def test_every_rule_holds(students: int, team: int, conflicts: int, seed: int) -> None:
    roster = invent_class(students, team=team, staff=3, conflicts=conflicts, seed=seed)
    try:
        made = assign(roster, Wish(readers=2, seed=seed))
    except ConfigError:
        assert students // team < 12, "only a small class may have no assignment"
        return
    assert broken_rules(roster, [made], 2) == []


def test_the_same_seed_gives_the_same_assignment_and_another_seed_another() -> None:
    roster = invent_class(40, team=2, conflicts=1)
    assert assign(roster, Wish(seed=7)) == assign(roster, Wish(seed=7))
    assert assign(roster, Wish(seed=7)).pairs != assign(roster, Wish(seed=8)).pairs


@pytest.mark.parametrize(("students", "seconds"), [(300, 2.0), (1000, 30.0)])
def test_a_large_class_is_assigned_in_time(students: int, seconds: float) -> None:
    roster = invent_class(students, staff=10, conflicts=1)
    assign(invent_class(12), Wish())  # SciPy is imported once
    begun = time.process_time()
    made = assign(roster, Wish(seed=7))
    assert time.process_time() - begun <= seconds
    assert broken_rules(roster, [made], 3) == []


def test_a_second_round_reads_late_posts_and_replaces_who_did_not_come() -> None:
    roster = invent_class(30, staff=2, k0004="late")
    first = assign(roster, Wish(seed=1))
    assert "project-4" not in {pair.post for pair in first.pairs}
    gone = [pair for pair in first.pairs if pair.reviewer == "k0007"]
    done = (gone[0].reviewer, gone[0].post)
    later = Roster(
        people=tuple(
            replace(person, status={"k0007": "absent", "k0004": ""}.get(person.key, person.status))
            for person in roster.people
        )
    )
    second = assign(later, Wish(seed=1), earlier=publish([first]), submitted=[done])
    assert set(second.dropped) == set(gone[1:])
    assert {pair.post for pair in second.pairs} == {"project-4", *(pair.post for pair in gone[1:])}
    assert "k0007" not in {pair.reviewer for pair in second.pairs}
    kept = [pair for pair in standing_pairs([first, second]) if pair.reviewer != "k0007"]
    assert broken_rules(later, [replace(first, pairs=tuple(kept))], 3) == [f"{gone[0].post} has 2"]


def test_a_draft_is_hidden_until_it_is_published(tmp_path: Path) -> None:
    folder = ReviewFolder(root=tmp_path)
    draft = assign(invent_class(12), Wish())
    write_rounds(folder, [draft])
    assert published_pairs(read_rounds(folder)) == ()
    write_rounds(folder, publish(read_rounds(folder)))
    assert published_pairs(read_rounds(folder)) == draft.pairs


def test_a_post_that_nobody_may_read_is_reported_with_each_persons_reason() -> None:
    roster = invent_class(8)
    conflicted = Roster(
        people=tuple(
            replace(person, conflicts=frozenset({"project-0"}))
            if person.key in {"k0001", "k0002", "k0003", "k0004", "k0005"}
            else person
            for person in roster.people
        )
    )
    with pytest.raises(ConfigError) as caught:
        assign(conflicted, Wish())
    message = str(caught.value)
    assert "'project-0' needs 3 readers, but only 2 may read it: Student 6, Student 7" in message
    assert "Student 1, Student 2, Student 3, Student 4, Student 5 (declared a conflict)" in message
    assert "Student 0 (own team)" in message


def test_a_rule_that_makes_it_impossible_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        assign(invent_class(6), Wish(readers=3))
    assert "Without the rule that two teams never read each other's posts there would be one" in str(caught.value)
    assert "would lack 1 of 3 readers" in str(caught.value)


def test_a_class_without_staff_is_reported_so() -> None:
    with pytest.raises(ConfigError, match="needs 1 members of staff, but only 0 may read it"):
        assign(invent_class(12, staff=0), Wish())


def test_every_wrong_line_of_a_roster_is_reported_at_once() -> None:
    text = (
        "name,email,role,project,conflicts,status\n"
        "Ada,ada@example.edu,student,descent,,\n"
        ",ada@example.edu,stuff,../up,nobody@example.edu,lat\n"
        "Bob,bob,,,,\n"
        "Eve,eve@example.edu,,x,a,b,c\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse_roster(text, Path("roster.csv"), b"secret")
    reported = str(caught.value)
    for words in (
        "roster.csv:3: the name is missing",
        "roster.csv:3: ada@example.edu stands on line 2 already",
        "'stuff' is no role",
        "'../up' is no project's name",
        "Did you mean 'late'?",
        "roster.csv:4: 'bob' is no e-mail address",
        "roster.csv:5: has more cells",
        "'nobody@example.edu' is nobody's address",
    ):
        assert words in reported


def test_a_roster_without_its_columns_is_reported_which() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'email'"):
        parse_roster("name,emial\nAda,ada@example.edu\n", Path("roster.csv"), b"secret")


def test_a_roster_without_a_post_is_no_assignment(tmp_path: Path) -> None:
    from blogkit.cli import app, reviews

    assert reviews.review
    roster = tmp_path / "roster.csv"
    roster.write_text("name,email\nAda,ada@uni.example\n")
    done = CliRunner().invoke(app, ["review", "assign", "--folder", str(tmp_path / "r"), "--roster", str(roster)])
    assert isinstance(done.exception, ProjectError) and "Nobody in the roster has a project" in str(done.exception)


def test_the_command_drafts_then_publishes(tmp_path: Path) -> None:
    from blogkit.cli import app, reviews

    assert reviews.review
    roster = tmp_path / "roster.csv"
    rows = [f"Student {n},p{n}@example.edu,student,project-{n}" for n in range(12)] + ["Boss,boss@example.edu,staff,"]
    roster.write_text("name,email,role,project\n" + "\n".join(rows) + "\n")
    folder = ReviewFolder(root=tmp_path / "review")
    command = ["review", "assign", "--seed", "7", "--folder", str(folder.root)]
    drafted = CliRunner().invoke(app, [*command, "--roster", str(roster)])
    assert drafted.exit_code == 0, drafted.output
    assert "project-3: Student" in drafted.output and "is a draft" in drafted.output
    assert published_pairs(read_rounds(folder)) == ()
    assert "Round 1 is published: 48 reviews." in CliRunner().invoke(app, [*command, "--publish"]).output
    assert len(published_pairs(read_rounds(folder))) == 48
    assert folder.secret_file.stat().st_mode & 0o077 == 0
    assert read_roster(folder.roster, folder.secret()).people[0].key == read_rounds_keys(folder)[0]


def read_rounds_keys(folder: ReviewFolder) -> list[str]:
    """The keys that review project-1 and so on, and first of all that of the first person of the roster."""
    keys = {pair.reviewer for pair in published_pairs(read_rounds(folder))}
    first = read_roster(folder.roster, folder.secret()).people[0].key
    assert first in keys
    return [first]
