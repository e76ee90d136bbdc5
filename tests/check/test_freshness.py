"""A figure on the page is of the results that are there."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from blogkit.check.files import Folder
from blogkit.check.freshness import stale
from blogkit.check.post import Post
from blogkit.check.source import Source
from blogkit.page import Page

TABLE = b"the gathered table"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose one figure was drawn from its table."""
    (tmp_path / "results/charts").mkdir(parents=True)
    (tmp_path / "results/metrics.parquet").write_bytes(TABLE)
    origin = {"data": hashlib.sha256(TABLE).hexdigest()[:16]}
    text = json.dumps({"usermeta": {"blogkit": origin}})
    (tmp_path / "results/charts/loss.vl.json").write_text(text)
    return tmp_path


def messages(project: Path, page: Path, text: str = "") -> list[str]:
    (project / "index.qmd").write_text("---\ntitle: A post\n---\n" + text)
    post = Post(
        path=project,
        source=Source(path=project / "index.qmd"),
        files=Folder(root=page),
        page=Page(data=b"<html><body></body></html>"),
        page_name="index.html",
        submission=False,
        project=project,
        root=page,
    )
    return [fault.message for fault in stale(post)]


def test_a_figure_of_the_results_that_are_there_is_fresh(project: Path) -> None:
    assert messages(project, project / "page") == []


def test_a_figure_that_is_older_than_the_results_is_named(project: Path) -> None:
    (project / "results/metrics.parquet").write_bytes(TABLE + b" with more runs")
    assert messages(project, project / "page") == [
        "the figure loss was drawn from older results than those in metrics.parquet."
    ]


def test_a_page_that_shows_an_older_figure_is_found(project: Path) -> None:
    shown = project / "page/results/charts/loss.vl.json"
    shown.parent.mkdir(parents=True)
    shown.write_text("{}")
    os.utime(shown, (1, 1))
    assert messages(project, project / "page") == ["the page shows an older drawing of loss."]


@pytest.mark.parametrize("text", ["{", "[]", '{"usermeta": 3}', '{"usermeta": {"blogkit": {"data": 3}}}'])
def test_a_chart_from_elsewhere_is_no_fault(project: Path, text: str) -> None:
    (project / "results/charts/loss.vl.json").write_text(text)
    assert messages(project, project / "page") == []


def commit(project: Path, *values: str) -> None:
    """A commit of the results with these values, under the names a, b, …"""
    lines = [f"  {name}: {value}" for name, value in zip("abc", values, strict=False)]
    (project / "results/values.yml").write_text("\n".join(["values:", *lines]))
    if not (project / ".git").exists():
        subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    identity = ["-c", "user.name=A", "-c", "user.email=a@x.test"]
    subprocess.run(["git", *identity, "commit", "-qm", "results"], cwd=project, check=True)


def test_a_number_typed_from_earlier_results_is_found_with_its_line(project: Path) -> None:
    commit(project, "0.201 ± 0.006", "0.750")
    commit(project, "0.187 ± 0.004", "0.750")
    prose = "The error is 0.201 here.\n\n```python\nx = 0.201\n```\nNot 10.201 nor 0.2014, but 0.750.\n"
    assert messages(project, project / "page", prose) == ["0.201 was a of earlier results, which is 0.187 ± 0.004 now."]


def test_a_number_that_some_value_still_has_is_current(project: Path) -> None:
    commit(project, "0.201", "0.750")
    commit(project, "0.187", "0.201")
    assert messages(project, project / "page", "It was 0.201.") == []


def test_short_numbers_prove_nothing(project: Path) -> None:
    commit(project, "12", "0.05")
    commit(project, "13", "0.06")
    assert messages(project, project / "page", "There were 12 runs at a rate of 0.05.") == []


def test_without_a_history_nothing_is_said(project: Path) -> None:
    (project / "results/values.yml").write_text("values: {a: 0.187}")
    assert messages(project, project / "page", "0.201") == []
