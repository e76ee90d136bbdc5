"""`blogkit check` and `blogkit publish` as a user meets them."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from blogkit.cli import main
from tests.check import pages
from tests.check.pages import page, submission, zipped, zipped_folder
from tests.check.sites import FRONT, SOURCE, site


def blogkit(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["blogkit", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_clean_project_passes_and_says_what_was_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(site(tmp_path).root)
    assert blogkit(monkeypatch, "check", "width") == 0
    out = capsys.readouterr().out
    assert "width: Does width alone explain double descent?" in out
    assert "2,3" in out and "3 figures, 1 table, 1 author" in out
    assert "Nothing found." in out


def test_a_finding_names_the_line_of_the_source_and_how_to_mend_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    html = page(RESULTS=pages.RESULTS.replace(pages.figure(1), pages.figure(1, alt="")))
    where = site(tmp_path, html)
    monkeypatch.chdir(where.root)
    assert blogkit(monkeypatch, "check", "width") == 0
    line = next(n for n, row in enumerate(where.projects[1].post.read_text().splitlines(), 1) if "#fig-1" in row)
    out = capsys.readouterr().out
    assert f"projects/width/index.qmd:{line}: the image error.svg of Figure 1 has no alt text." in out
    assert 'fig-alt="' in out


def test_an_error_gives_exit_code_one_and_a_warning_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site(tmp_path, page(STATEMENT="")).root)
    assert blogkit(monkeypatch, "check", "width") == 0
    assert blogkit(monkeypatch, "check", "width", "--fail-on", "warning") == 1
    monkeypatch.chdir(site(tmp_path / "b", page(end='<script src="https://cdn.host.edu/a.js"></script>')).root)
    assert blogkit(monkeypatch, "check", "width") == 1
    assert blogkit(monkeypatch, "check", "width", "--fail-on", "never") == 0


def test_a_waiver_needs_a_reason_and_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    front = f"{FRONT}blogkit:\n  waive:\n    ai-statement: The course of this year forbids AI altogether.\n"
    monkeypatch.chdir(site(tmp_path, page(STATEMENT=""), front=front).root)
    assert blogkit(monkeypatch, "check", "width", "--fail-on", "warning") == 0
    out = capsys.readouterr().out
    assert "waived  BK116" in out
    assert "because: The course of this year forbids AI altogether." in out
    front = f"{FRONT}blogkit:\n  waive:\n    ai-statement:\n"
    monkeypatch.chdir(site(tmp_path / "b", page(STATEMENT=""), front=front).root)
    assert blogkit(monkeypatch, "check", "width", "--fail-on", "warning") == 1
    assert "index.qmd:10: the waiver of ai-statement gives no reason, so it does not hold." in capsys.readouterr().out
    front = f"{FRONT}blogkit:\n  waive:\n    ai-statment: A typing mistake.\n"
    monkeypatch.chdir(site(tmp_path / "c", page(), front=front).root)
    assert blogkit(monkeypatch, "check", "width", "--fail-on", "warning") == 1
    assert "the waiver names 'ai-statment', which is no rule." in capsys.readouterr().out


def test_json_has_each_finding_and_the_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = submission(tmp_path / "post", page(STATEMENT=""))
    assert blogkit(monkeypatch, "check", str(folder), "--format", "json") == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["warnings"] == 1 and report["errors"] == 0
    assert report["facts"]["authors"] == ["Ada Example"]
    assert report["findings"][0]["code"] == "BK116"


def test_annotations_name_file_and_line_and_escape_what_would_end_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = site(tmp_path, page(end="<p>TODO 100% sure</p>"), source=f"{SOURCE}\nTODO 100% sure\n")
    monkeypatch.chdir(where.root)
    blogkit(monkeypatch, "check", "width", "--format", "github")
    out = capsys.readouterr().out
    last = len(where.projects[1].post.read_text().splitlines())
    assert out.startswith(f"::warning file=projects/width/index.qmd,line={last},title=BK115::")
    assert out.count("\n") == 1


def test_a_class_becomes_a_table_and_one_broken_zip_does_not_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = zipped_folder(tmp_path / "a.zip", submission(tmp_path / "post", page()))
    (tmp_path / "b.zip").write_bytes(b"Rar!\x1a\x07")
    away = zipped(tmp_path / "c.zip", {"index.html": "<p>x", "../evil.html": "x"})
    remote = zipped_folder(
        tmp_path / "d.zip", submission(tmp_path / "d", page(end='<script src="https://cdn.host.edu/a.js"></script>'))
    )
    names = [str(good), str(tmp_path / "b.zip"), str(away), str(remote)]
    assert blogkit(monkeypatch, "check", *names, "--format", "csv") == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["submission"], row["verdict"]) for row in rows] == [
        ("a.zip", "ok"),
        ("b.zip", "refused"),
        ("c.zip", "refused"),
        ("d.zip", "errors"),
    ]
    assert rows[1]["first error"].endswith("it is a RAR archive.")
    assert "leads out of the zip" in rows[2]["first error"]
    assert rows[3]["BK102"] == "1" and rows[0]["words"].isdigit()


def test_a_rule_is_explained_by_code_or_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert blogkit(monkeypatch, "check", "--explain", "BK117") == 0
    by_code = capsys.readouterr().out
    assert blogkit(monkeypatch, "check", "--explain", "uncertainty") == 0
    assert capsys.readouterr().out == by_code
    assert '"Technical soundness and content", 30 of 100 points' in by_code
    assert blogkit(monkeypatch, "check", "--explain", "uncertanty") == 2
    assert "Did you mean 'uncertainty'?" in capsys.readouterr().err
    assert blogkit(monkeypatch, "check", "--explain", "all") == 0
    assert len(capsys.readouterr().out.splitlines()) > 25


def test_publishing_stops_at_an_error_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = site(tmp_path, page(end='<img src="https://cdn.host.edu/a.png" alt="" role="presentation" width="9">'))
    monkeypatch.chdir(where.root)
    assert blogkit(monkeypatch, "publish", "width", "--to", "zip") == 1
    err = capsys.readouterr().err
    assert "BK102 <img src> loads https://cdn.host.edu/a.png from the network." in err
    assert "was not published" in err
    assert not (where.root / "_submissions").exists()


def test_publishing_says_what_it_put_where_and_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = site(tmp_path)
    monkeypatch.chdir(where.root)
    assert blogkit(monkeypatch, "publish", "width", "--to", "zip") == 0
    assert capsys.readouterr().out.startswith("width: _submissions/width.zip, 5 files, ")
    assert blogkit(monkeypatch, "check", "_submissions/width.zip") == 0


def test_a_submission_that_takes_too_long_has_a_row_as_the_others_and_the_check_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = zipped_folder(tmp_path / "good.zip", submission(tmp_path / "post", page()))
    slow = zipped(tmp_path / "slow.zip", {"index.html": page(end="<div>" + "<b>x</b>" * 3_000_000 + "</div>")})
    code = blogkit(monkeypatch, "check", str(slow), str(good), "gone.zip", "--format", "csv", "--time-limit", "3")
    assert code == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["submission"], row["verdict"]) for row in rows] == [
        ("slow.zip", "refused"), ("good.zip", "ok"), ("gone.zip", "refused"),
    ]  # fmt: skip
    assert "it took longer than 3 seconds" in rows[0]["first error"]
