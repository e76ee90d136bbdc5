"""A bundle is read and answered without a server, and its answers merge with everybody else's."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from blogkit.cli import app, reviews
from blogkit.errors import ConfigError
from blogkit.review.assign import published_pairs, read_rounds
from blogkit.review.bundle import FileStore, open_bundle, write_bundle
from blogkit.review.collect import collect
from blogkit.review.folder import ReviewFolder
from blogkit.review.record import CONTEXT, PERSON, now, parse_event, read_record
from blogkit.review.roster import read_roster
from blogkit.review.score import report_markdown, score_posts
from blogkit.review.server.access import make_link
from blogkit.review.server.app import Origins
from blogkit.review.server.serve import build_offline
from blogkit.review.state import fold
from tests.review.school import RUBRIC, comment, event, key, open_school, scores
from tests.review.test_record import comment as any_comment

ORIGINS = Origins(app="http://127.0.0.1:8000", posts="http://127.0.0.1:8001")


def pack(tmp_path: Path) -> tuple[ReviewFolder, Path]:
    """A class, and Cy's bundle of the post `alpha`."""
    folder = open_school(tmp_path)
    cy = read_roster(folder.roster, folder.secret()).by_key()[key(folder, "cy")]
    return folder, write_bundle(folder, ["alpha"], tmp_path / "cy.bundle", reviewer=cy, rubric=RUBRIC)


def answer(bundle: Path, work: Path, answers: Path, documents: list[dict[str, Any]]) -> list[int]:
    """Opens a bundle, signs in, and sends events; the statuses."""
    opened = open_bundle(bundle, work)
    served = build_offline(opened, answers, ORIGINS)
    with TestClient(served.app, base_url=ORIGINS.app, follow_redirects=False) as browser:
        token = make_link(opened.folder.secret(), opened.person.key)
        assert browser.post(f"/sign-in/{token}", headers={"Origin": ORIGINS.app}).status_code == 303
        found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/home").text)
        assert found
        assert browser.get("/read/alpha").status_code == 200
        headers = {"X-CSRF-Token": found[1], "Origin": ORIGINS.app}
        path = "/api/posts/alpha/events"
        statuses = [browser.post(path, json=one, headers=headers).status_code for one in documents]
    served.database.close()
    return statuses


def handed_in(*comments: dict[str, Any]) -> list[dict[str, Any]]:
    """Comments, and a rubric that is submitted: what a reviewer's browser sends in the end."""
    rubric = scores(None)
    return [*comments, rubric, event("blogkit:Submit", **{"blogkit:about": rubric["id"]})]


def test_a_review_travels_in_one_file_and_comes_back_in_one_file(tmp_path: Path) -> None:
    folder, bundle = pack(tmp_path)
    revision = open_bundle(bundle, tmp_path / "peek").folder.posts / "alpha" / "revisions.json"
    shown = json.loads(revision.read_text())[-1]["id"]
    rubric = scores(None)
    sent = [comment(shown, "From a train."), rubric, event("blogkit:Submit", **{"blogkit:about": rubric["id"]})]
    answers = tmp_path / "cy.review.jsonl"
    assert answer(bundle, tmp_path / "work", answers, sent) == [201, 201, 201]
    assert {one.creator for one in read_record(answers)} == {key(folder, "cy")}
    first = collect([answers], folder.record)
    again = collect([answers, answers], folder.record)
    assert (first.events, first.new, again.new) == (3, 3, 0)


def test_a_bundle_that_is_opened_again_goes_on_where_it_was(tmp_path: Path) -> None:
    _, bundle = pack(tmp_path)
    answers = tmp_path / "cy.review.jsonl"
    first = scores(None)
    assert answer(bundle, tmp_path / "one", answers, [first]) == [201]
    assert answer(bundle, tmp_path / "two", answers, [first, scores(first["id"], 20), scores(first["id"], 30)]) == [
        200,
        201,
        409,
    ]
    assert len(read_record(answers)) == 2


def test_a_bundle_names_nobody_but_its_reader(tmp_path: Path) -> None:
    folder, bundle = pack(tmp_path)
    with zipfile.ZipFile(bundle) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    for who in ("ada", "bob", "dee", "eve", "tess"):
        assert f"{who}@uni.example" not in text and key(folder, who) not in text
    assert folder.secret().hex() not in text and "Lovelace" not in text


def test_the_same_posts_give_the_same_bundle(tmp_path: Path) -> None:
    folder, bundle = pack(tmp_path)
    cy = read_roster(folder.roster, folder.secret()).by_key()[key(folder, "cy")]
    again = write_bundle(folder, ["alpha"], tmp_path / "again.bundle", reviewer=cy, rubric=RUBRIC)
    assert again.read_bytes() == bundle.read_bytes()


@pytest.mark.parametrize("what", ["no zip", "no manifest", "another version"])
def test_what_is_no_bundle_is_refused_with_an_error_message(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x.bundle"
    if what == "no zip":
        path.write_text("hello")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bundle.json" if what == "another version" else "x", '{"blogkit-review-bundle": 99}')
    with pytest.raises(ConfigError, match=r"x\.bundle: is "):
        open_bundle(path, tmp_path / "work")


def test_a_bundle_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    _, bundle = pack(tmp_path)
    evil = tmp_path / "evil.bundle"
    with zipfile.ZipFile(bundle) as good, zipfile.ZipFile(evil, "w") as archive:
        for name in good.namelist():
            archive.writestr(name, good.read(name))
        elsewhere = ["../out.txt", "posts/../../out.txt", "/out.txt", "secret", "posts/a/../../../out.txt"]
        elsewhere += ["posts/C:\\out/out.txt", "posts/..\\..\\x/out.txt", "posts/alpha/out.txt", "posts/a/C:out.txt"]
        for name in elsewhere:
            archive.writestr(name, "out")
    open_bundle(evil, tmp_path / "in" / "work")
    assert not list(tmp_path.glob("**/out.txt"))
    assert not (tmp_path / "in" / "work" / "secret").exists()


@pytest.mark.parametrize("count", [60, pytest.param(5000, marks=pytest.mark.long)])
def test_a_bundle_with_any_bit_flipped_is_opened_whole_or_refused_with_an_error(tmp_path: Path, count: int) -> None:
    _, bundle = pack(tmp_path)
    whole, chance = bundle.read_bytes(), random.Random(3)
    refused = 0
    for number in range(count):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        bundle.write_bytes(data)
        try:
            assert open_bundle(bundle, tmp_path / f"work-{number}").posts == ("alpha",)
        except ConfigError:
            refused += 1
    assert refused > count / 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bundle.json", []),
        ("bundle.json", "[" * 100_000),
        ("bundle.json", {"posts": None}),
        ("bundle.json", {"posts": 3}),
        ("bundle.json", {"posts": ["../../.."]}),
        ("bundle.json", {"reviewer": "x"}),
        ("bundle.json", {"rubric": [{"x": 1}]}),
        ("posts/alpha/revisions.json", [{"id": "../../../secret", "created": "x"}]),
        ("posts/alpha/revisions.json", [{"id": "0123456789ab", "created": "x"}]),
        ("posts/alpha/revisions.json", ["x"]),
        ("posts/alpha/revisions.json", {"x": 1}),
        ("record.jsonl", "[" * 100_000 + "\n"),
        ("record.jsonl", '{"a": 1}\n'),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else str(value)[:24],
)
def test_a_bundle_that_says_impossible_things_is_refused_with_an_error(tmp_path: Path, name: str, said: Any) -> None:
    _, bundle = pack(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.html").write_text("<p>not theirs to see</p>")
    evil = tmp_path / "evil.bundle"
    with zipfile.ZipFile(bundle) as good, zipfile.ZipFile(evil, "w") as archive:
        if name == "bundle.json" and isinstance(said, dict):
            said = {**json.loads(good.read(name)), **said}
        for one in good.namelist():
            text = said if isinstance(said, str) else json.dumps(said)
            archive.writestr(one, text if one == name else good.read(one))
    with pytest.raises(ConfigError):
        open_bundle(evil, tmp_path / "in" / "work")


def test_a_review_file_that_was_tampered_with_counts_for_nothing_it_may_not_say(tmp_path: Path) -> None:
    """Points beyond the rubric, invented criteria, an unfinished rubric, and an answer in the authors' name."""
    folder = open_school(tmp_path)
    roster = read_roster(folder.roster, folder.secret())
    pairs = published_pairs(read_rounds(folder))
    revision = json.loads((folder.posts / "alpha" / "revisions.json").read_text())[-1]["id"]
    honest, asked = scores(None, 50, 30), comment(revision)
    forged = [scores(None, 900, 30), scores(None, 50, None), scores(None, 50, 30)]
    forged[2]["blogkit:scores"]["bonus"] = 500
    said = {"type": "TextualBody", "format": "text/markdown", "value": "Done, say the authors."}
    answer = event("Annotation", motivation="replying", target={"source": asked["id"]}, body=said)
    answer["blogkit:answer"] = {"state": "done"}

    def state_of(who: str, rubric: dict[str, Any]) -> Any:
        submit = event("blogkit:Submit", **{"blogkit:about": rubric["id"]})
        common = {"@context": CONTEXT, "created": now(), "blogkit:post": "alpha"}
        mine = [{**one, **common, "creator": PERSON + key(folder, who)} for one in (rubric, submit, answer)]
        mine.append({**asked, **common, "creator": PERSON + key(folder, "cy")})  # an author comments on nothing
        staff = frozenset(person.key for person in roster.staff)
        return fold(map(parse_event, mine), staff=staff, authors=roster.posts_by_key())

    for rubric, counted in ((honest, 1), *((one, 0) for one in forged)):
        states = state_of("cy", rubric)
        (score,) = score_posts(states, ["alpha"], roster, RUBRIC, pairs=pairs, versions=[RUBRIC])
        assert (len(score.peers), score.uncounted) == (counted, 1 - counted), rubric
        assert [thread.answer for thread in states["alpha"].threads.values()] == [""]
    assert [thread.answer for thread in state_of("ada", honest)["alpha"].threads.values()] == ["done"]


def test_a_line_that_a_crash_cut_off_is_mended_before_the_next_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    store = FileStore(path)
    assert store.append(any_comment(1)) == "new"
    with open(path, "a") as stream:
        stream.write('{"half":')
    again = FileStore(path)
    assert again.append(any_comment(2)) == "new"
    assert again.append(any_comment(2)) == "repeated"
    assert len(read_record(path)) == 2


def test_an_export_has_neutral_authorship(tmp_path: Path) -> None:
    folder, bundle = pack(tmp_path)
    revision = json.loads((folder.posts / "alpha" / "revisions.json").read_text())[-1]["id"]
    answers = tmp_path / "cy.review.jsonl"
    answer(bundle, tmp_path / "work", answers, handed_in(comment(revision, "From a train.")))
    assert reviews.review
    runner = CliRunner()
    assert runner.invoke(app, ["review", "collect", str(answers), "--folder", str(folder.root)]).exit_code == 0
    out = tmp_path / "export.jsonl"
    done = runner.invoke(app, ["review", "export", str(out), "--folder", str(folder.root)])
    assert done.exit_code == 0, done.output
    (one,) = (event for event in read_record(out) if event.text)
    assert one.creator in {"reviewer-a", "reviewer-b"}
    assert one.created.endswith("T00:00:00.000Z")
    assert key(folder, "cy") not in out.read_text()


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_an_export_is_committed_under_a_neutral_name_and_nothing_else_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, bundle = pack(tmp_path)
    revision = json.loads((folder.posts / "alpha" / "revisions.json").read_text())[-1]["id"]
    answers = tmp_path / "cy.review.jsonl"
    answer(bundle, tmp_path / "work", answers, handed_in(comment(revision, "From a train.")))
    collect([answers], folder.record)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Tess Taylor")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "tess@uni.example")
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    (repository / "other.txt").write_text("x")
    git(repository, "add", "other.txt")
    runner = CliRunner()
    for outcome in ("Committed as", "It is committed as it is."):
        arguments = ["review", "export", str(repository / "record.jsonl"), "--commit", "--folder", str(folder.root)]
        done = runner.invoke(app, arguments)
        assert done.exit_code == 0 and outcome in done.stdout, done.output
    said = git(repository, "log", "--format=%an %ae %cn %ce %aI", "--name-only")
    day = read_record(answers)[0].created[:10]
    assert said.split("\n\n")[0] == f"Peer review review@invalid Peer review review@invalid {day}T00:00:00+00:00"
    assert said.split()[-1] == "record.jsonl" and "Taylor" not in said and "other.txt" not in said
    outside = ["review", "export", str(tmp_path / "out.jsonl"), "--commit", "--folder", str(folder.root)]
    assert runner.invoke(app, outside).exit_code != 0


def test_a_guest_who_opens_a_bundle_again_is_the_same_guest(tmp_path: Path) -> None:
    folder, _ = pack(tmp_path)
    bundle = write_bundle(folder, ["alpha"], tmp_path / "any.bundle", rubric=RUBRIC)
    answers = tmp_path / "any.review.jsonl"
    first = open_bundle(bundle, tmp_path / "one", answers=answers)
    assert first.person.key.startswith("guest-") and open_bundle(bundle, tmp_path / "two").person != first.person
    FileStore(answers).append(any_comment(1, creator=first.person.key))
    assert open_bundle(bundle, tmp_path / "three", answers=answers).person == first.person


def test_a_review_file_counts_for_whom_the_post_was_assigned_to_and_never_for_its_authors(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    keys = {who: key(folder, who) for who in ("ada", "cy", "eve", "tess")}
    written = []
    for creator in (*keys.values(), "guest-0123456789"):
        rubric = scores(None, 60, 40)
        for document in (rubric, event("blogkit:Submit", **{"blogkit:about": rubric["id"]})):
            facts = {"@context": CONTEXT, "creator": PERSON + creator, "blogkit:post": "alpha", "created": now()}
            written.append(parse_event({**document, **facts}))
    roster = read_roster(folder.roster, folder.secret())
    states = fold(written, staff=frozenset({keys["tess"]}))
    pairs = published_pairs(read_rounds(folder))
    (assigned,) = score_posts(states, ["alpha"], roster, RUBRIC, pairs=pairs)
    assert (assigned.peers, assigned.staff, assigned.uncounted) == ((100,), (100,), 3)
    (free,) = score_posts(states, ["alpha"], roster, RUBRIC)
    assert (len(free.peers), len(free.staff), free.uncounted) == (3, 1, 1), "the author alone does not count"
    assert "alpha (3)" in report_markdown([assigned], [], roster, RUBRIC)


@pytest.mark.slow
def test_new_staff_bundle_open_collect_and_report_by_the_commands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole journey without a server of the class: one process for the reviewer, and the commands."""
    from tests.review.sites import write_site

    monkeypatch.chdir(tmp_path)
    write_site(tmp_path)
    people = "Ada Lovelace,ada@uni.example,,alpha,\nCy Twombly,cy@uni.example,,,\nEm Away,em@uni.example,,,absent\n"
    (tmp_path / "roster.csv").write_text("name,email,role,project,status\n" + people)
    runner = CliRunner()

    def command(*arguments: str) -> str:
        done = runner.invoke(app, ["review", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    command("assign", "--roster", "roster.csv", "--reviews", "1", "--staff", "0", "--publish")
    links = command("links")
    assert "cy@uni.example" in links and "em@uni.example" not in links, "nobody signs in who is absent"
    assert "em@uni.example" in command("links", "em@uni.example")
    assert "1 post, " in command("bundle", "--reviewer", "cy@uni.example", "-o", "cy.bundle")
    opening = subprocess.Popen(
        [sys.executable, "-m", "blogkit", "review", "open", "cy.bundle", "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert opening.stdout is not None
        link = opening.stdout.readline().split()[1]
        origin = link.partition("/sign-in/")[0]
        with httpx2.Client(base_url=origin, headers={"Origin": origin}, follow_redirects=True) as browser:
            home = browser.post(link).text
            assert "kept in one file" in home
            token = re.search(r'name="csrf" value="([^"]+)"', home)
            assert token
            view = browser.get("/api/posts/alpha").json()
            points = {one["name"]: one["points"] for one in view["rubric"]["criteria"]}
            facts = {
                "rubric": view["rubric"]["version"],
                "scores": points,
                "notes": {},
                "summary": "",
                "previous": None,
            }
            rubric = event("blogkit:Rubric", **{f"blogkit:{name}": value for name, value in facts.items()})
            documents = [comment(view["revision"]), rubric, event("blogkit:Submit", **{"blogkit:about": rubric["id"]})]
            for one in documents:
                done = browser.post("/api/posts/alpha/events", json=one, headers={"X-CSRF-Token": token[1]})
                assert done.status_code == 201, done.text
    finally:
        opening.send_signal(signal.SIGINT)
        said = opening.communicate(timeout=20)[0]
    assert "Send it to the staff" in said
    for new in (3, 0):
        assert f"3 events, {new} of them new" in command("collect", "cy.review.jsonl")
    head, ada = (row.split(",") for row in command("report", "--format", "csv").splitlines()[:2])
    row = dict(zip(head, ada, strict=True))
    assert row["score"] == "100" and row["reviews"] == "1"
    assert [float(row[name]) for name in points] == [float(one) for one in points.values()], "the profile's criteria"
    assert "1 of 1 reviews are submitted." in command("report")
