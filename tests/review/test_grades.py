"""Scores go into the gradebook that Canvas, Moodle or Gradescope handed out, and into nothing else of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner

from blogkit.errors import ProjectError
from blogkit.review.grades import fill_gradebook
from blogkit.review.roster import Roster, read_roster
from tests.review.school import open_school

GRADEBOOKS = Path(__file__).parent / "gradebooks"
SCORES = {"alpha": 77.5, "beta": 60.0}


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    folder = open_school(tmp_path)
    return read_roster(folder.roster, folder.secret())


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("system", "column"),
    [
        ("Canvas", ["Peer review", "100", "77.5", "60", "", ""]),
        ("Moodle", ["Peer review", "77.5", "60"]),
        ("Gradescope", ["Peer review", "77.5", "60"]),
    ],
)
def test_each_systems_gradebook_comes_back_with_one_column_filled(
    system: str, column: list[str], roster: Roster
) -> None:
    text = (GRADEBOOKS / f"{system.lower()}.csv").read_text()
    filled = fill_gradebook(text, SCORES, roster, 100)
    before, after = cells(text), cells(filled.text)
    place = after[0].index("Peer review")
    assert filled.system == system
    assert [row[place] for row in after] == column
    others = [[cell for number, cell in enumerate(row) if number != place] for row in before]
    assert [[cell for number, cell in enumerate(row) if number != place] for row in after] == others


def test_students_who_are_not_in_the_gradebook_are_named(roster: Roster) -> None:
    filled = fill_gradebook((GRADEBOOKS / "moodle.csv").read_text(), SCORES, roster, 100)
    assert filled.missing == ("bob@uni.example",)


def test_a_post_without_a_score_leaves_the_cell_as_it_is(roster: Roster) -> None:
    filled = fill_gradebook((GRADEBOOKS / "gradescope.csv").read_text(), {"alpha": 50}, roster, 100)
    assert [row[5] for row in cells(filled.text)] == ["Peer review", "50", "55"]


def test_a_login_that_two_people_share_is_nobodys(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    folder.roster.write_text(folder.roster.read_text() + "Ada Second,ada@other.example,student,beta\n")
    both = read_roster(folder.roster, folder.secret())
    filled = fill_gradebook((GRADEBOOKS / "canvas.csv").read_text(), SCORES, both, 100)
    assert cells(filled.text)[2][-1] == "" and "ada@uni.example" in filled.missing


def test_a_table_that_does_not_say_who_its_rows_are_is_refused(roster: Roster) -> None:
    for text in ("", "a,b\n1,2\n"):
        with pytest.raises(ProjectError, match="does not say who its rows are"):
            fill_gradebook(text, SCORES, roster, 100)


def test_the_command_writes_the_file_to_import(tmp_path: Path) -> None:
    from blogkit.cli import app, reviews

    assert reviews.review
    folder = open_school(tmp_path)
    output = tmp_path / "import.csv"
    command = ["review", "grades", str(GRADEBOOKS / "canvas.csv"), "-o", str(output), "--folder", str(folder.root)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "for Canvas to import" in done.output
    assert cells(output.read_text())[1][-1] == "100"
    missing = CliRunner().invoke(app, [*command[:2], str(tmp_path / "none.csv"), *command[3:]])
    assert missing.exit_code != 0
