"""A figure on the page is of the results that are there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from blogkit.check.files import Folder
from blogkit.check.freshness import stale
from blogkit.check.page import Page
from blogkit.check.rules import Post
from blogkit.check.source import Source

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


def messages(project: Path, page: Path) -> list[str]:
    (project / "index.qmd").write_text("---\ntitle: A post\n---\n")
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
