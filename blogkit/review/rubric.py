"""The rubric that reviewers fill in: criteria with points. A version never changes; a new wording is a new version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from blogkit.review.folder import ReviewFolder


@dataclass(frozen=True, kw_only=True)
class RubricCriterion:
    """One line of a rubric."""

    name: str
    title: str
    points: int
    """The most that it is worth."""
    asks: str = ""
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """What a reviewer is asked."""

    criteria: tuple[RubricCriterion, ...]

    @cached_property
    def version(self) -> str:
        """A hash of every word of it."""
        text = json.dumps([asdict(one) for one in self.criteria], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def points(self) -> int:
        return sum(one.points for one in self.criteria)

    def problem_with(self, scores: dict[str, float], *, complete: bool) -> str:
        """What is wrong with some scores, as a sentence; empty when nothing is."""
        known = {one.name: one for one in self.criteria}
        for name, score in scores.items():
            if name not in known:
                return f"The rubric has no criterion {name!r}."
            if not 0 <= score <= known[name].points:
                return f"{known[name].title} is worth 0 to {known[name].points} points, not {score:g}."
        missing = [one.title for one in self.criteria if one.name not in scores]
        return f"Still without points: {', '.join(missing)}." if complete and missing else ""


def emptied_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The fields that one rubric event had filled in and the next has empty: ``scores.NAME``, ``notes.NAME``,
    ``summary``.
    """
    emptied = {
        f"{kind}.{name}"
        for kind in ("scores", "notes")
        for name, value in before[f"blogkit:{kind}"].items()
        if value != "" and after[f"blogkit:{kind}"].get(name, "") == ""
    }
    return emptied | ({"summary"} if before.get("blogkit:summary") and not after.get("blogkit:summary") else set())


DEFAULT = Rubric(
    criteria=(
        RubricCriterion(name="content", title="Content", points=60, asks="Sound, justified, worth knowing."),
        RubricCriterion(name="form", title="Form", points=40, asks="Clear, well structured, well illustrated."),
    )
)


def keep_rubric(folder: ReviewFolder, rubric: Rubric) -> None:
    """Stores a version beside those that are there, as the current one. Reviews of older versions keep theirs."""
    from blogkit import store

    versions = {one.version: one for one in read_rubrics(folder)}
    versions.pop(rubric.version, None)
    rows = [[asdict(criterion) for criterion in one.criteria] for one in (*versions.values(), rubric)]
    store.write_if_changed(folder.root / "rubrics.json", json.dumps(rows, indent=1) + "\n")


def read_rubrics(folder: ReviewFolder) -> tuple[Rubric, ...]:
    """Every version that was ever used, the current one last."""
    from blogkit import store

    path = folder.root / "rubrics.json"
    return tuple(_rubric_from_rows(rows) for rows in store.read_json(path)) if path.is_file() else ()


def _rubric_from_rows(rows: Iterable[dict[str, object]]) -> Rubric:
    return Rubric(
        criteria=tuple(
            RubricCriterion(
                name=str(row["name"]),
                title=str(row["title"]),
                points=int(str(row["points"])),
                asks=str(row["asks"]),
                questions=tuple(map(str, row["questions"] if isinstance(row["questions"], list) else ())),
            )
            for row in rows
        )
    )
