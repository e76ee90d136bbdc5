"""The review is a library: each command calls one function of its name, which a program may call as well."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from blogkit.cli import reviews
from blogkit.errors import ProjectError, ReviewNotBlind
from blogkit.review import commands as review
from blogkit.review.assign import published_pairs, read_rounds
from blogkit.review.folder import ReviewFolder
from blogkit.review.record import read_record, to_lines
from tests.review.school import key, open_school
from tests.review.test_standing import whole_week

COMMANDS = {
    (one.name or one.callback.__name__): one.callback for one in reviews.review.registered_commands if one.callback
}


def test_every_command_has_a_function_of_its_name_and_no_other() -> None:
    assert sorted(COMMANDS) == sorted(review.__all__)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_calls_the_one_library_function_of_its_name(name: str) -> None:
    tree = ast.parse(inspect.getsource(COMMANDS[name]))
    called = [
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "commands"
    ]
    assert called == [name]


def test_the_commands_file_is_short() -> None:
    assert len(Path(inspect.getsourcefile(reviews) or "").read_text().splitlines()) <= 200
    for file in Path(inspect.getsourcefile(review) or "").parent.glob("*.py"):
        assert len(file.read_text().splitlines()) <= 150, file.name


def test_a_week_from_python(tmp_path: Path) -> None:
    folder = ReviewFolder(root=tmp_path / "review")
    roster = tmp_path / "roster.csv"
    rows = [f"Student {n},p{n}@example.edu,student,project-{n}" for n in range(12)] + ["Boss,boss@example.edu,staff,"]
    roster.write_text("name,email,role,project\n" + "\n".join(rows) + "\n")
    drafted = review.assign(roster=roster, seed=7, folder=folder)
    assert drafted.round is not None and not drafted.round.published and "is a draft" in str(drafted)
    published = review.assign(publish=True, folder=folder.root)
    assert published.round is not None and published.round.published
    assert str(published) == "Round 1 is published: 48 reviews."
    assert len(published_pairs(read_rounds(folder))) == 48
    again = review.assign(publish=True, folder=folder.root)
    assert str(again) == str(published) and len(read_rounds(folder)) == 1, "said twice, nothing new is drawn"
    (link,) = review.links(["p3@example.edu"], url="https://review.example/", folder=folder).links
    assert link.name == "Student 3" and link.url.startswith("https://review.example/sign-in/")
    with pytest.raises(ProjectError, match="Not in the roster"):
        review.links(["nobody@example.edu"], folder=folder)
    assert "0 of 48 reviews are submitted." in review.report(folder=folder)
    with pytest.raises(ProjectError, match="not known"):
        review.report(format="xlsx", folder=folder)
    with pytest.raises(ProjectError, match="is no day"):
        review.assign(deadline="soon", folder=folder)


def test_what_came_back_is_collected_and_exported_from_python(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    (tmp_path / "cy.jsonl").write_text(to_lines(whole_week(folder)))
    collected = review.collect([tmp_path / "cy.jsonl"], folder=folder)
    assert (collected.events, collected.new) == (20, 20) and "20 events, 20 of them new." in str(collected)
    made = review.export(tmp_path / "out.jsonl", folder=folder)
    assert made.events == len(read_record(made.path)) == 6 and made.commit is None
    assert key(folder, "cy") not in made.path.read_text()


def test_a_post_that_tells_its_author_is_reported_and_goes_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.review.sites import write_site

    write_site(tmp_path, discussion="Ask Ada Lovelace about the limitations.")
    monkeypatch.chdir(tmp_path)
    roster = tmp_path / "roster.csv"
    roster.write_text("name,email,role,project\nAda Lovelace,ada@uni.example,,alpha\nCy Twombly,cy@uni.example,,\n")
    review.assign(roster=roster, reviews=1, staff=0, publish=True)
    found = review.leaks(["alpha"])
    assert not found.is_blind and "“Ada Lovelace”" in str(found) and "OPEN" in str(found)
    for command in (review.revise, review.bundle):
        with pytest.raises(ReviewNotBlind, match="Ada Lovelace"):
            command(["alpha"])
    for leak in found.prepared[0].open_leaks:
        review.leaks(["alpha"], waive_leak=leak.id, reason="It is a namesake.")
    assert review.leaks().is_blind and "waived: It is a namesake." in str(review.leaks())
    assert "alpha: revision" in str(review.revise())
    assert review.bundle(reviewer="cy@uni.example", output=tmp_path / "cy.bundle").posts == ("alpha",)
    with pytest.raises(ProjectError, match="A waiver needs"):
        review.leaks(waive_leak="x", reason="because")
