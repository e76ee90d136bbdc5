"""``blogkit review report`` and ``grades``: what the reviews come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blogkit import store
from blogkit.errors import ProjectError
from blogkit.review.assign import deadlines, published_pairs, read_rounds
from blogkit.review.commands.places import GivenFolder, find_folder, find_roster
from blogkit.review.grades import COLUMN, FilledGradebook, fill_gradebook
from blogkit.review.keeping import read_events
from blogkit.review.roster import Roster
from blogkit.review.rubric import DEFAULT, Rubric, read_rubrics
from blogkit.review.score import ReaderProgress, Score, progress, report_csv, report_markdown, score_posts
from blogkit.review.state import fold


def report(*, format: str = "md", database: str | None = None, folder: GivenFolder = None) -> str:
    """Scores, spread, what to read again, who is late: ``md`` for people, ``csv`` for grading systems."""
    if format not in {"csv", "md"}:
        raise ProjectError(f"--format: {format!r} is not known.", hint="Write csv or md.")
    found = _read_results(database, folder)
    write = report_csv if format == "csv" else report_markdown
    return write(found.scores, found.rows, found.roster, found.rubric)


@dataclass(frozen=True, kw_only=True)
class WrittenGradebook:
    """A gradebook with the scores in it, written for its system to import."""

    path: Path
    filled: FilledGradebook

    def __str__(self) -> str:
        said = f"{self.path} is for {self.filled.system} to import: the scores are in the column “{COLUMN}”."
        missing = ", ".join(self.filled.missing)
        return f"{said}\nNot in the gradebook: {missing}." if missing else said


def grades(
    gradebook: Path, output: Path, *, database: str | None = None, folder: GivenFolder = None
) -> WrittenGradebook:
    """Fills the scores into a gradebook as Canvas, Moodle or Gradescope handed it out."""
    if not gradebook.is_file():
        raise ProjectError("There is no such gradebook.", hint="Download it from the grading system.", path=gradebook)
    found = _read_results(database, folder)
    scores = {score.post: score.final for score in found.scores if score.final is not None}
    text = gradebook.read_text(encoding="utf-8-sig", errors="replace")
    filled = fill_gradebook(text, scores, found.roster, found.rubric.points)
    store.write_text(output, filled.text)
    return WrittenGradebook(path=output, filled=filled)


@dataclass(frozen=True, kw_only=True)
class _Results:
    """What the reviews of a class came to."""

    scores: tuple[Score, ...]
    rows: tuple[ReaderProgress, ...]
    roster: Roster
    rubric: Rubric


def _read_results(database: str | None, folder: GivenFolder) -> _Results:
    place = find_folder(folder)
    roster = find_roster(place)
    rounds = [each for each in read_rounds(place) if each.published]
    pairs = published_pairs(rounds)
    staff = frozenset(person.key for person in roster.staff)
    states = fold(read_events(place, database), staff=staff, authors=roster.posts_by_key())
    versions = read_rubrics(place) or (DEFAULT,)
    posts = sorted({pair.post for pair in pairs} | set(states))
    seed = rounds[-1].seed if rounds else 0
    scores = score_posts(states, posts, roster, versions[-1], pairs=pairs, seed=seed, versions=versions)
    rows = progress(states, pairs, deadlines(rounds), today=datetime.now(UTC).date().isoformat())
    return _Results(scores=scores, rows=rows, roster=roster, rubric=versions[-1])
