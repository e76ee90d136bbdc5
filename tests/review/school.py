"""A small class at work: Ada and Bob wrote `alpha`, Cy wrote `beta`; Cy and Dee review `alpha`; Tess is staff."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from blogkit.review.assign import Pair, Round, write_rounds
from blogkit.review.folder import ReviewFolder, keep_roster
from blogkit.review.posts import add_revision, prepare_post
from blogkit.review.record import person_key
from blogkit.review.roster import read_roster
from blogkit.review.rubric import Rubric, RubricCriterion, keep_rubric
from tests.review.posts import invent_post

ROSTER = """name,email,role,project
Ada Lovelace,ada@uni.example,student,alpha
Bob Noyce,bob@uni.example,student,alpha
Cy Twombly,cy@uni.example,student,beta
Dee Dee,dee@uni.example,student,
Eve Other,eve@uni.example,student,gamma
Tess Taylor,tess@uni.example,staff,
"""
RUBRIC = Rubric(
    criteria=(
        RubricCriterion(
            name="soundness", title="Soundness", points=60, asks="Is it right?", questions=("Is it fair?",)
        ),
        RubricCriterion(name="clarity", title="Clarity", points=40, asks="Is it clear?"),
    )
)


def open_school(root: Path) -> ReviewFolder:
    """The class's folder, with posts, rubric and a published assignment."""
    folder = ReviewFolder(root=root / "review")
    folder.secret()
    keep_roster(folder, ROSTER)
    keep_rubric(folder, RUBRIC)
    for number, post in enumerate(("alpha", "beta")):
        publish(folder, root, post, invent_post(number, author="Anonymous"))
    pairs = [("cy", "alpha", False), ("dee", "alpha", False), ("dee", "beta", False), ("tess", "alpha", True)]
    made = tuple(Pair(reviewer=key(folder, who), post=post, staff=staff) for who, post, staff in pairs)
    write_rounds(folder, [Round(number=1, seed=7, published=True, pairs=made, deadline="2099-12-31")])
    return folder


def publish(folder: ReviewFolder, root: Path, post: str, source: str) -> str:
    """A new revision of a post; its id."""
    page = root / "site" / "projects" / post / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(source, encoding="utf-8")
    roster = read_roster(folder.roster, folder.secret())
    return add_revision(folder, prepare_post(post, page, root / "site", roster)).id


def key(folder: ReviewFolder, who: str) -> str:
    """The key of somebody by first name."""
    return person_key(folder.secret(), f"{who}@uni.example")


def event(kind: str, **more: Any) -> dict[str, Any]:
    """What a browser sends."""
    return {"id": f"urn:uuid:{uuid.uuid4()}", "type": kind, **more}


def comment(revision: str, text: str = "Why twice?", kind: str = "question", **more: Any) -> dict[str, Any]:
    """A comment on the whole of `alpha`, or where ``selector`` says."""
    target: dict[str, Any] = {"source": f"urn:blogkit:post:{more.pop('post', 'alpha')}"}
    if "selector" in more:
        target["selector"] = more.pop("selector")
    body = {"type": "TextualBody", "format": "text/markdown", "value": text}
    facts = {"motivation": "commenting", "target": target, "body": body, "blogkit:kind": kind}
    return event("Annotation", **facts, **{"blogkit:revision": revision}, **more)


def reply(to: str, text: str = "Because.", /, **more: Any) -> dict[str, Any]:
    """An answer to a comment."""
    body = {"type": "TextualBody", "format": "text/markdown", "value": text}
    return event("Annotation", motivation="replying", target={"source": to}, body=body, **more)


def scores(previous: str | None, soundness: float = 50, clarity: float | None = 30, **notes: str) -> dict[str, Any]:
    """A rubric that follows another."""
    points = {"soundness": soundness} | ({"clarity": clarity} if clarity is not None else {})
    facts = {"rubric": RUBRIC.version, "scores": points, "notes": notes, "summary": "", "previous": previous}
    return event("blogkit:Rubric", **{f"blogkit:{name}": value for name, value in facts.items()})
