"""A review remembers its database and its secret: no command goes on with an empty one in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blogkit.cli import app, reviews
from blogkit.errors import BlogkitError, ConfigError, ProjectError, StoreError
from blogkit.review.assign import published_pairs, read_rounds
from blogkit.review.bundle import open_bundle, write_bundle
from blogkit.review.folder import ReviewFolder
from blogkit.review.keeping import PASSWORD, choose_database, read_events, remember_database
from blogkit.review.record import CONTEXT, PERSON, parse_event, to_lines
from blogkit.review.server.database import Database
from tests.review.databases import postgres_bin
from tests.review.school import ROSTER, RUBRIC, event, key, open_school, scores

assert reviews.review  # the commands are there


def command(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["review", *arguments])


def submit_as_dee(folder: ReviewFolder, url: str) -> None:
    """Dee's submitted review of `alpha`, in a database and nowhere else."""
    rubric = scores(None)
    facts = {"@context": CONTEXT, "blogkit:post": "alpha", "creator": PERSON + key(folder, "dee")}
    documents = [rubric, event("blogkit:Submit", **{"blogkit:about": rubric["id"]})]
    database = Database(url)
    database.migrate()
    for number, one in enumerate(documents):
        database.append(parse_event({**one, **facts, "created": f"2026-11-23T10:00:0{number}.000Z"}))
    database.close()


def with_dee_absent(tmp_path: Path) -> Path:
    roster = tmp_path / "roster.csv"
    rows = [row + (",absent" if row.startswith("Dee") else ",") for row in ROSTER.splitlines()[1:]]
    roster.write_text("\n".join(["name,email,role,project,status", *rows, ""]))
    return roster


def test_a_command_without_database_uses_the_reviews_own_and_takes_no_submitted_review_back(
    tmp_path: Path, database_url: str
) -> None:
    """On PostgreSQL, `assign` used an empty SQLite in silence, and gave Dee's submitted review to somebody else."""
    folder = open_school(tmp_path)
    submit_as_dee(folder, database_url)
    assert command("report", "--folder", str(folder.root), "--database", database_url).exit_code == 0
    roster = str(with_dee_absent(tmp_path))
    done = command("assign", "--folder", str(folder.root), "--reviews", "1", "--staff", "0", "--roster", roster,
                   "--publish")  # fmt: skip
    assert done.exit_code == 0, done.output
    pairs = published_pairs(read_rounds(folder))
    assert ("alpha", True) in {(pair.post, pair.reviewer == key(folder, "dee")) for pair in pairs}
    assert "1 of" in command("report", "--folder", str(folder.root)).stdout
    assert not folder.database.is_file(), "nothing is begun beside it"


@pytest.mark.parametrize("name", ["assign", "report", "export", "collect", "serve"])
def test_every_command_refuses_another_database_than_the_reviews(tmp_path: Path, name: str) -> None:
    folder = open_school(tmp_path)
    submit_as_dee(folder, f"sqlite:///{tmp_path / 'class.db'}")
    remember_database(folder, f"sqlite:///{tmp_path / 'class.db'}")
    other = tmp_path / "other.db"
    arguments = {"export": [str(tmp_path / "out.jsonl")], "collect": [str(tmp_path / "none.jsonl")]}.get(name, [])
    (tmp_path / "none.jsonl").write_text("")
    done = command(name, *arguments, "--folder", str(folder.root), "--database", f"sqlite:///{other}")
    assert isinstance(done.exception, ProjectError), done.output
    assert "class.db and not in" in str(done.exception) and str(folder.settings) in str(done.exception)
    assert not other.exists()


def test_a_review_whose_own_sqlite_file_holds_events_is_not_moved_to_another_database(tmp_path: Path) -> None:
    """Also one that was begun before anything was remembered."""
    folder = open_school(tmp_path)
    submit_as_dee(folder, f"sqlite:///{folder.database}")
    with pytest.raises(ProjectError, match="keeps its events in"):
        choose_database(folder, "postgresql://review@db.example/review")
    assert len(read_events(folder)) == 2


def test_the_password_is_not_written_down_and_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_school(tmp_path)
    url = "postgresql://review:hunter2@db.example/review"
    remember_database(folder, url)
    assert "hunter2" not in folder.settings.read_text() and "review@db.example/review" in folder.settings.read_text()
    assert choose_database(folder, None) == "postgresql://review@db.example/review"
    monkeypatch.setenv(PASSWORD, "s3cret")
    assert choose_database(folder, None) == "postgresql://review:s3cret@db.example/review"
    for same in (url, "postgres://review@DB.example:5432/review", "postgresql+psycopg://x:y@db.example/review"):
        assert choose_database(folder, same)
    for other in ("postgresql://review:hunter2@db.example/other", "postgresql://db.example:5433/review"):
        with pytest.raises(ProjectError) as caught:
            choose_database(folder, other)
        assert "hunter2" not in str(caught.value), "no error message shows a password"


def test_an_address_that_did_not_answer_is_not_remembered(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    with pytest.raises(BlogkitError):
        read_events(folder, "postgresql://review@127.0.0.1:9/review?connect_timeout=2")
    assert not folder.settings.is_file()


@pytest.mark.parametrize("address", ["mysql://db.example/review", "not an address", "postgresql://db:port/review"])
def test_what_is_no_database_of_a_review_is_an_error_message(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="--database"):
        choose_database(open_school(tmp_path), address)


def test_a_sqlite_file_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    submit_as_dee(folder, f"sqlite:///{folder.database}")
    assert len(read_events(folder)) == 2
    assert 'database: "sqlite:///review.db"' in folder.settings.read_text()
    moved = ReviewFolder(root=tmp_path / "moved")
    folder.root.rename(moved.root)
    assert len(read_events(moved)) == 2, "the folder may be moved as a whole"
    moved.database.unlink()
    for begin in (False, True):
        with pytest.raises(StoreError, match="is missing, though this review keeps its events in it"):
            choose_database(moved, None, begin=begin)
    assert not moved.database.exists()


def test_a_wrong_key_in_the_reviews_settings_is_reported_with_its_line(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    folder.settings.write_text("databse: x\n")
    with pytest.raises(ConfigError, match=r"review\.yml:1: 'databse'"):
        choose_database(folder, None)


# --- the secret -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["assignments", "record", "database"])
def test_a_secret_that_is_missing_is_never_replaced_once_the_review_has_begun(tmp_path: Path, there: str) -> None:
    folder = ReviewFolder(root=tmp_path / "review")
    first = folder.secret()
    path: Path = getattr(folder, there)
    path.write_text("")
    folder.secret_file.unlink()
    with pytest.raises(StoreError, match="is missing, though the review has begun") as caught:
        folder.secret()
    assert "from a copy" in str(caught.value) and str(folder.secret_file) in str(caught.value)
    assert not folder.secret_file.exists()
    folder.secret_file.write_bytes(first)
    assert folder.secret() == first


@pytest.mark.parametrize("arguments", [["links"], ["report"], ["serve"], ["assign"], ["export", "out.jsonl"]])
def test_no_command_goes_on_without_the_secret(
    tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = open_school(tmp_path)
    folder.secret_file.unlink()
    done = command(*arguments, "--folder", str(folder.root))
    assert isinstance(done.exception, StoreError) and not folder.secret_file.exists(), done.output


def test_a_damaged_secret_says_what_to_restore(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    folder.secret_file.write_bytes(b"half")
    with pytest.raises(StoreError, match="Bring it back from a copy"):
        folder.secret()


def test_a_bundle_is_read_with_a_secret_of_its_own(tmp_path: Path) -> None:
    from blogkit.review.server.app import Origins
    from blogkit.review.server.serve import build_offline

    folder = open_school(tmp_path)
    opened = open_bundle(write_bundle(folder, ["alpha"], tmp_path / "x.bundle", rubric=RUBRIC), tmp_path / "work")
    origins = Origins(app="http://127.0.0.1:8000", posts="http://127.0.0.1:8001")
    build_offline(opened, tmp_path / "answers.jsonl", origins).database.close()
    assert opened.folder.secret() != folder.secret()


@pytest.mark.slow
@pytest.mark.skipif(postgres_bin() is None, reason="PostgreSQL is not installed")
def test_a_server_on_postgresql_is_remembered_for_every_later_command(tmp_path: Path, postgres_url: str) -> None:
    from tests.review.running import running

    folder = open_school(tmp_path)
    with running(folder, database=postgres_url):
        submit_as_dee(folder, postgres_url)
        assert "1 of 4 reviews are submitted." in command("report", "--folder", str(folder.root)).stdout
    with running(folder):  # without an address: the same one
        assert to_lines(read_events(folder)).count("\n") == 2
    assert not folder.database.is_file()
