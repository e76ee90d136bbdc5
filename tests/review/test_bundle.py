"""A bundle is read and answered without a server, and its answers merge with everybody else's."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from blogkit.cli import app, reviews
from blogkit.errors import ConfigError
from blogkit.review.bundle import FileStore, open_bundle, write_bundle
from blogkit.review.collect import collect
from blogkit.review.folder import ReviewFolder
from blogkit.review.record import read_record
from blogkit.review.roster import read_roster
from blogkit.review.server.access import make_link
from blogkit.review.server.app import Origins
from blogkit.review.server.serve import build_offline
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
def test_what_is_no_bundle_is_refused_with_a_letter(tmp_path: Path, what: str) -> None:
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
        for name in ("../out.txt", "posts/../../out.txt", "/out.txt", "secret", "posts/a/../../../out.txt"):
            archive.writestr(name, "out")
    open_bundle(evil, tmp_path / "in" / "work")
    assert not list(tmp_path.glob("**/out.txt"))
    assert not (tmp_path / "in" / "work" / "secret").exists()


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
    answer(bundle, tmp_path / "work", answers, [comment(revision, "From a train.")])
    assert reviews.review
    runner = CliRunner()
    assert runner.invoke(app, ["review", "collect", str(answers), "--folder", str(folder.root)]).exit_code == 0
    out = tmp_path / "export.jsonl"
    done = runner.invoke(app, ["review", "export", str(out), "--folder", str(folder.root)])
    assert done.exit_code == 0, done.output
    (one,) = read_record(out)
    assert one.creator in {"reviewer-a", "reviewer-b"}
    assert one.created.endswith("T00:00:00.000Z")
    assert key(folder, "cy") not in out.read_text()
