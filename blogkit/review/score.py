"""What the reviews come to: means with their spread, what to read again, who is late, and how good reviews were."""

from __future__ import annotations

import csv
import io
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from blogkit.review.agreement import ordinal_alpha
from blogkit.review.assign import Pair
from blogkit.review.record import EventType
from blogkit.review.roster import Roster
from blogkit.review.rubric import Rubric
from blogkit.review.state import PostState, Review

WIDE_SPREAD = 0.2
"""Share of the points from which the distance between the highest and the lowest review calls for another look."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One post's score, in points of the current rubric."""

    post: str
    peers: tuple[float, ...]
    """Totals of the classmates' submitted reviews, the lowest first."""
    staff: tuple[float, ...]
    mean: float | None
    """Of all submitted reviews; None while there is none."""
    spread: float
    """The highest less the lowest."""
    criteria: Mapping[str, float]
    """The mean of each criterion."""
    ratings: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """What each criterion was given, by all whose reviews count."""
    override: float | None = None
    reason: str = ""
    reread: str = ""
    """Why somebody should read it again; empty when nobody need."""
    uncounted: int = 0
    """Submitted reviews that count for nothing: by the post's own authors, by people who were not assigned to it, or
    with points that the rubric does not have."""

    @property
    def final(self) -> float | None:
        return self.override if self.override is not None else self.mean


@dataclass(frozen=True, kw_only=True)
class ReaderProgress:
    """How far one reader is with one post."""

    pair: Pair
    comments: int
    started: bool
    submitted: str
    """When; empty while not."""
    due: str
    late: bool
    score: float | None
    judged: float | None


def score_posts(
    states: Mapping[str, PostState],
    posts: Sequence[str],
    roster: Roster,
    rubric: Rubric,
    *,
    pairs: Sequence[Pair] = (),
    seed: int = 0,
    versions: Sequence[Rubric] = (),
) -> tuple[Score, ...]:
    """The score of every post. The re-read queue is wide spread, plus a random tenth that the seed decides.

    A review counts by staff or by whom the post was assigned to (by anybody while nothing is assigned), and never by
    the post's own authors, and only when its points are possible in the one of ``versions`` that it was written by
    (where any are given): files that come back from bundles may claim anything.
    """
    known = {one.version: one for one in versions}

    def is_possible(review: Review) -> bool:
        version = str(review.submitted_rubric.document["blogkit:rubric"]) if review.submitted_rubric else ""
        by = known.get(version)
        return not known or (by is not None and not by.problem_with(review.scores, complete=True))

    held = {(pair.reviewer, pair.post) for pair in pairs}
    staff = {person.key for person in roster.staff}
    generator = random.Random(f"reread {seed}")  # noqa: S311  # a draw that can be drawn again
    tenth = set(generator.sample(sorted(posts), (len(posts) + 9) // 10)) if posts else set()
    scores = []
    for post in posts:
        state = states.get(post, PostState(post=post))
        authors = {person.key for person in roster.authors(post)}
        submitted = [review for review in state.reviews.values() if review.submitted]
        forged = {event.creator for event in state.refused if event.type is EventType.SUBMIT}
        forged -= {review.creator for review in submitted}
        done = [
            review
            for review in submitted
            if review.creator not in authors and (not held or review.creator in staff or (review.creator, post) in held)
            if is_possible(review)
        ]
        totals = [review.total for review in done]
        spread = max(totals) - min(totals) if totals else 0.0
        override = state.override.document if state.override else None
        why = ""
        if len(totals) > 1 and spread >= WIDE_SPREAD * rubric.points:
            why = f"reviews are {spread:g} points apart"
        elif post in tenth and totals:
            why = "drawn for the random tenth"
        scores.append(
            Score(
                post=post,
                peers=tuple(sorted(review.total for review in done if review.creator not in staff)),
                staff=tuple(sorted(review.total for review in done if review.creator in staff)),
                mean=statistics.fmean(totals) if totals else None,
                spread=spread,
                criteria=_criterion_means(done, rubric),
                ratings=_criterion_ratings(done, rubric),
                override=float(override["blogkit:score"]) if override else None,
                reason=str(override["blogkit:reason"]) if override else "",
                reread=why,
                uncounted=len(submitted) - len(done) + len(forged),
            )
        )
    return tuple(scores)


def _criterion_ratings(reviews: Sequence[Review], rubric: Rubric) -> dict[str, tuple[float, ...]]:
    return {
        criterion.name: tuple(review.scores[criterion.name] for review in reviews if criterion.name in review.scores)
        for criterion in rubric.criteria
    }


def agreement(scores: Sequence[Score], rubric: Rubric) -> dict[str, float | None]:
    """Krippendorff's ordinal alpha of each criterion over all posts; None where there is nothing to compare."""
    return {
        criterion.name: ordinal_alpha([score.ratings.get(criterion.name, ()) for score in scores])
        for criterion in rubric.criteria
    }


def _criterion_means(reviews: Sequence[Review], rubric: Rubric) -> dict[str, float]:
    means = {}
    for criterion in rubric.criteria:
        values = [review.scores[criterion.name] for review in reviews if criterion.name in review.scores]
        if values:
            means[criterion.name] = statistics.fmean(values)
    return means


def progress(
    states: Mapping[str, PostState], pairs: Sequence[Pair], due: Mapping[tuple[str, str], str], *, today: str
) -> tuple[ReaderProgress, ...]:
    """How far every reader is. Late is who submits after the day, or has not by its end."""
    rows = []
    for pair in pairs:
        state = states.get(pair.post, PostState(post=pair.post))
        review = state.reviews.get(pair.reviewer) or Review(creator=pair.reviewer)
        day = due.get((pair.reviewer, pair.post), "")
        comments = sum(t.event.creator == pair.reviewer and not t.deleted for t in state.threads.values())
        judgement = state.judgements.get(pair.reviewer)
        rows.append(
            ReaderProgress(
                pair=pair,
                comments=comments,
                started=bool(review.started),
                submitted=review.submitted,
                due=day,
                late=bool(day) and (review.submitted[:10] or today) > day,
                score=review.total if review.submitted else None,
                judged=float(judgement.document["blogkit:score"]) if judgement else None,
            )
        )
    return tuple(rows)


def report_csv(scores: Sequence[Score], rows: Sequence[ReaderProgress], roster: Roster, rubric: Rubric) -> str:
    """One line a student, for grading systems: the post's score, and how the student's own reviewing went."""
    by_post = {score.post: score for score in scores}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    criteria = [criterion.name for criterion in rubric.criteria]
    head = ["email", "name", "project", "score", "mean", "spread", "reviews", "override_reason", *criteria]
    writer.writerow([*head, "assigned", "submitted", "late", "comments", "review_quality"])
    for person in roster.students:
        score = by_post.get(person.project or "")
        own = [row for row in rows if row.pair.reviewer == person.key]
        judged = [row.judged for row in own if row.judged is not None]
        cells: list[object] = [safe_cell(person.email), safe_cell(person.name), person.project or ""]
        if score is None:
            cells += [""] * (5 + len(criteria))
        else:
            cells += [_points_text(score.final), _points_text(score.mean), _points_text(score.spread)]
            cells += [len(score.peers) + len(score.staff), safe_cell(score.reason)]
            cells += [_points_text(score.criteria.get(name)) for name in criteria]
        cells += [len(own), sum(bool(row.submitted) for row in own), sum(row.late for row in own)]
        counted = sum(row.comments for row in own if row.submitted)
        cells += [counted, _points_text(statistics.fmean(judged) if judged else None)]
        writer.writerow(cells)
    return out.getvalue()


def report_markdown(scores: Sequence[Score], rows: Sequence[ReaderProgress], roster: Roster, rubric: Rubric) -> str:
    """The same for people: scores, what to read again, who is late."""
    names = {person.key: person.name for person in roster.people}
    lines = [
        "# Reviews",
        "",
        f"| post | score of {rubric.points} | mean | peers | staff | spread | read again |",
        "|---|---|---|---|---|---|---|",
    ]
    for score in scores:
        override = f" ({score.reason})" if score.override is not None else ""
        peers, staff = (", ".join(_points_text(one) for one in group) for group in (score.peers, score.staff))
        spread = "" if score.mean is None else _points_text(score.spread)
        cells = [score.post, _points_text(score.final) + override, _points_text(score.mean), peers, staff, spread]
        lines.append("| " + " | ".join(_table_cell(cell) for cell in [*cells, score.reread]) + " |")
    open_rows = [row for row in rows if not row.submitted]
    done = f"{len(rows) - len(open_rows)} of {len(rows)} reviews are submitted."
    lines += ["", done if rows else "Nobody is assigned to a post yet: `blogkit review assign`.", ""]
    alphas = agreement(scores, rubric)
    titles = {criterion.name: criterion.title for criterion in rubric.criteria}
    shown = [f"{_table_cell(titles[name])} {alpha:.2f}" for name, alpha in alphas.items() if alpha is not None]
    if shown:
        lines += [f"Agreement of the reviewers (Krippendorff's alpha, ordinal; 1 is full): {', '.join(shown)}.", ""]
    uncounted = [f"{score.post} ({score.uncounted})" for score in scores if score.uncounted]
    if uncounted:
        posts = ", ".join(map(_table_cell, uncounted))
        why = "nobody assigned them, their writers are the authors, or their points are not the rubric's"
        lines += [f"Not counted, since {why}: {posts}.", ""]
    for row in open_rows:
        state = "started" if row.started else "not started"
        late = ", late" if row.late else ""
        lines.append(f"- {_table_cell(names.get(row.pair.reviewer, 'somebody'))}, {row.pair.post}: {state}{late}")
    return "\n".join(lines).rstrip() + "\n"


def _points_text(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _table_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
