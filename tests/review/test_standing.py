"""What leaves a class is what was submitted and stands: no deleted word, no replaced draft, no unsubmitted comment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blogkit.cli import app, reviews
from blogkit.review.bundle import open_bundle, write_bundle
from blogkit.review.folder import ReviewFolder
from blogkit.review.record import CONTEXT, PERSON, Event, Kind, parse_event, read_record, to_lines
from blogkit.review.roster import read_roster
from blogkit.review.state import Reply, Thread
from tests.review.school import RUBRIC, comment, event, key, open_school, reply, scores

assert reviews.review  # the commands are there
SECRET_WORDS = ("DELETED", "REPLACED", "UNSUBMITTED", "BEFORE-EDIT", "TAKEN-BACK", "OVERRULED", "FORGED")


def body(text: str) -> dict[str, Any]:
    return {"type": "TextualBody", "format": "text/markdown", "value": text}


def about(document: dict[str, Any]) -> dict[str, Any]:
    return {"blogkit:about": document["id"]}


def whole_week(folder: ReviewFolder) -> list[Event]:
    """Cy submits, deletes, edits and is answered; Dee never submits; staff overrule twice; Eve forges."""
    revision = json.loads((folder.posts / "alpha" / "revisions.json").read_text())[-1]["id"]
    gone, kept = comment(revision, "DELETED words."), comment(revision, "BEFORE-EDIT words.", "question")
    under_gone = reply(gone["id"], "A reply to DELETED words.")
    taken, stays = reply(kept["id"], "TAKEN-BACK reply."), reply(kept["id"], "A reply that stands.")
    first = scores(None, 40, 30, why="REPLACED note.")
    last = scores(first["id"], 50, 30, why="A note that stands.")
    later = scores(last["id"], 55, 30, why="UNSUBMITTED change.")
    score = {"blogkit:score": 70}
    written: list[tuple[str, dict[str, Any]]] = [
        ("cy", gone),
        ("ada", under_gone),
        ("cy", event("blogkit:Delete", **about(gone))),
        ("cy", kept),
        ("cy", event("blogkit:Edit", body=body("Words that stand."), **about(kept), **{"blogkit:kind": "praise"})),
        ("ada", taken),
        ("ada", stays),
        ("ada", event("blogkit:Delete", **about(taken))),
        ("cy", event("blogkit:Close", **about(kept))),
        ("cy", first),
        ("cy", last),
        ("cy", event("blogkit:Submit", **about(last))),
        ("cy", later),
        ("dee", comment(revision, "UNSUBMITTED comment.")),
        ("dee", scores(None, 10, 10, why="UNSUBMITTED note.")),
        ("dee", reply(kept["id"], "UNSUBMITTED reply.")),
        ("tess", event("blogkit:Override", **score, **{"blogkit:reason": "OVERRULED reason."})),
        ("tess", event("blogkit:Override", **score, **{"blogkit:reason": "A reason that stands."})),
        ("eve", event("blogkit:Override", **score, **{"blogkit:reason": "FORGED reason."})),
        ("eve", event("blogkit:Edit", body=body("FORGED words."), **about(kept))),
    ]
    common = {"@context": CONTEXT, "blogkit:post": "alpha"}
    return [
        parse_event(
            {**one, **common, "creator": PERSON + key(folder, who), "created": f"2026-11-23T10:00:{at:02d}.000Z"}
        )
        for at, (who, one) in enumerate(written)
    ]


def check_only_what_stands(text: str) -> None:
    assert [word for word in SECRET_WORDS if word in text] == []
    for words in ("Words that stand.", "A reply that stands.", "A note that stands.", "A reason that stands."):
        assert text.count(words) == 1, words


def export(folder: ReviewFolder, output: Path) -> str:
    done = CliRunner().invoke(app, ["review", "export", str(output), "--folder", str(folder.root)])
    assert done.exit_code == 0, done.output
    return output.read_text()


def test_an_export_holds_what_was_submitted_and_stands_and_nothing_else(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    folder.record.write_text(to_lines(whole_week(folder)))
    text = export(folder, tmp_path / "out.jsonl")
    check_only_what_stands(text)
    assert [event.type for event in read_record(tmp_path / "out.jsonl")] == [
        "Annotation", "Annotation", "blogkit:Close", "blogkit:Rubric", "blogkit:Submit", "blogkit:Override",
    ]  # fmt: skip
    assert '"blogkit:kind":"praise"' in text, "an edited kind stands as edited"


def test_the_record_that_staff_download_holds_the_same(tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    from blogkit.review.server import access
    from blogkit.review.server.app import Origins
    from blogkit.review.server.serve import build

    folder = open_school(tmp_path)
    folder.record.write_text(to_lines(whole_week(folder)))
    served = build(folder, Origins(app="http://app.example", posts="http://posts.example"))
    with TestClient(served.app, base_url="http://app.example", follow_redirects=False) as browser:
        browser.post(f"/sign-in/{access.make_link(folder.secret(), key(folder, 'tess'))}")
        check_only_what_stands(browser.get("/staff/record.jsonl").text)
    served.database.close()
    check_only_what_stands(export(folder, tmp_path / "out.jsonl"))  # from the database, too
    assert len(read_record(folder.record)) == 20, "the class's own record keeps everything"


def test_the_grades_count_comments_of_submitted_reviews_alone(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    folder.record.write_text(to_lines(whole_week(folder)))
    done = CliRunner().invoke(app, ["review", "report", "--format", "csv", "--folder", str(folder.root)])
    head, *rows = (row.split(",") for row in done.stdout.splitlines())
    comments = {row[0].partition("@")[0]: row[head.index("comments")] for row in rows}
    assert (comments["cy"], comments["dee"]) == ("1", "0")


@pytest.mark.parametrize("who", ["cy", "dee"])
def test_a_bundle_brings_its_reader_what_they_may_go_on_with(tmp_path: Path, who: str) -> None:
    """One's own open drafts come along; what one took back, or replaced, does not."""
    folder = open_school(tmp_path)
    roster = read_roster(folder.roster, folder.secret())
    bundle = write_bundle(
        folder, ["alpha"], tmp_path / "x.bundle", reviewer=roster.by_key()[key(folder, who)], rubric=RUBRIC,
        events=whole_week(folder), staff=frozenset(one.key for one in roster.staff),
    )  # fmt: skip
    text = (open_bundle(bundle, tmp_path / "work").folder.record).read_text()
    assert "DELETED" not in text and "REPLACED" not in text and "TAKEN-BACK" not in text
    assert text.count("UNSUBMITTED") == {"cy": 1, "dee": 3}[who]
    assert ("A note that stands." in text) == (who == "cy")


def test_what_staff_took_out_does_not_come_back_with_its_writers_bundle(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    roster = read_roster(folder.roster, folder.secret())
    events = whole_week(folder)
    shown = next(one for one in events if "UNSUBMITTED comment" in one.line)
    deleted = {**event("blogkit:Delete", **{"blogkit:about": shown.id}), "@context": CONTEXT, "blogkit:post": "alpha"}
    deleted |= {"creator": PERSON + key(folder, "tess"), "created": "2026-11-23T11:00:00.000Z"}
    bundle = write_bundle(
        folder, ["alpha"], tmp_path / "x.bundle", reviewer=roster.by_key()[key(folder, "dee")], rubric=RUBRIC,
        events=[*events, parse_event(deleted)], staff=frozenset(one.key for one in roster.staff),
    )  # fmt: skip
    assert "UNSUBMITTED comment" not in open_bundle(bundle, tmp_path / "work").folder.record.read_text()


def test_the_authors_last_word_is_that_of_their_last_answer_that_stands() -> None:
    """A reply without an answer says nothing of what the authors will do, nor does one that was taken back."""
    question: Any = None  # who wrote it when is not asked
    replies = [
        Reply(event=question, text="Why?"),
        Reply(event=question, text="Soon.", answer={"state": "later"}),
        Reply(event=question, text="Done.", answer={"state": "done"}),
    ]
    thread = Thread(event=question, text="Why twice?", kind=Kind.QUESTION, replies=replies)
    assert thread.answer == "done"
    replies[2].deleted = True
    assert thread.answer == "later"
    replies[1].deleted = True
    assert thread.answer == ""
