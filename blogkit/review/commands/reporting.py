"""``blogkit review report``: what the reviews come to."""

from __future__ import annotations

from datetime import UTC, datetime

from blogkit.errors import ProjectError
from blogkit.review.assign import deadlines, published_pairs, read_rounds
from blogkit.review.commands.places import GivenFolder, find_folder, find_roster
from blogkit.review.keeping import read_events
from blogkit.review.rubric import DEFAULT, read_rubrics
from blogkit.review.score import progress, report_csv, report_markdown, score_posts
from blogkit.review.state import fold


def report(*, format: str = "md", database: str | None = None, folder: GivenFolder = None) -> str:
    """Scores, spread, what to read again, who is late: ``md`` for people, ``csv`` for grading systems."""
    if format not in {"csv", "md"}:
        raise ProjectError(f"--format: {format!r} is not known.", hint="Write csv or md.")
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
    write = report_csv if format == "csv" else report_markdown
    return write(scores, rows, roster, versions[-1])
