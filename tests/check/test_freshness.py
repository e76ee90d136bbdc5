"""A figure on the page is of the results that are there, and so is each value, by its key."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from blogkit.check import check_path
from blogkit.check.files import Folder
from blogkit.check.freshness import stale
from blogkit.check.post import Post
from blogkit.check.source import Source
from blogkit.page import Page
from blogkit.page.values import file_mark
from tests.files import write_tree

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


def messages(project: Path, page: Path, text: str = "", html: str = "") -> list[str]:
    (project / "index.qmd").write_text("---\ntitle: A post\n---\n" + text)
    post = Post(
        path=project,
        source=Source(path=project / "index.qmd"),
        files=Folder(root=page),
        page=Page(data=f"<html><head></head><body>{html}</body></html>".encode()),
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


SHOWN = '<p>It is <span data-value="values.a">0.73</span> after 10.73 hours.</p>'


def values(project: Path, text: str) -> None:
    (project / "results/values.yml").write_text(text)


def test_a_value_is_compared_by_its_key_and_not_by_digits_that_stand_elsewhere(project: Path) -> None:
    quoting = "\nIt is {{< meta values.a >}} after 10.73 hours.\n"
    values(project, "values: {a: '0.73', b: '10.74'}")
    assert messages(project, project / "page", quoting, SHOWN) == []
    values(project, "values: {a: '10.73', b: '0.73'}")
    assert messages(project, project / "page", quoting, SHOWN) == [
        "values.a is now 10.73, which the page does not show."
    ]


@pytest.mark.parametrize("now", ["0.73", "'0.73 '", "'**0.73**'"])
def test_a_value_that_reads_the_same_is_current(project: Path, now: str) -> None:
    values(project, f"values: {{a: {now}}}")
    assert messages(project, project / "page", "", SHOWN) == []


def test_a_value_that_the_results_lost_is_reported(project: Path) -> None:
    values(project, "values: {b: '1'}")
    assert messages(project, project / "page", "", SHOWN) == [
        "values.a is no value of the results any more; the page shows 0.73."
    ]


def test_a_key_that_is_no_result_is_not_compared(project: Path) -> None:
    values(project, "values: {b: '1'}")
    assert messages(project, project / "page", "", SHOWN.replace("values.a", "setup.rate")) == []


@pytest.mark.parametrize(("shown", "reported"), [('"0.73"', 0), ('"0.74"', 1), ("null", 1)])
def test_a_value_of_the_page_s_list_is_compared_too(project: Path, shown: str, reported: int) -> None:
    values(project, "values: {a: '0.73'}")
    listed = f'<script type="application/json" id="bk-values">[["values.a",{shown}]]</script>'
    expected = ["values.a is now 0.73, which the page does not show."]
    assert messages(project, project / "page", "", listed) == expected * reported


def test_a_value_that_is_typed_is_reported_once_with_the_line_that_quotes_it(project: Path) -> None:
    values(project, "values: {a: '0.8'}")
    (project / "index.qmd").write_text("---\ntitle: A\n---\n\nIs {{< meta values.a >}}.\n")
    post = Post(
        path=project,
        source=Source(path=project / "index.qmd"),
        files=Folder(root=project),
        page=Page(data=f"<html><body>{SHOWN}{SHOWN}</body></html>".encode()),
        page_name="index.html",
        submission=False,
        project=project,
        root=project,
    )
    (fault,) = stale(post)
    assert fault.place is not None and (fault.place.path.name, fault.place.line) == ("index.qmd", 5)


def test_a_file_of_the_results_that_a_page_includes_is_compared_whole(project: Path) -> None:
    values(project, "values: {b: '1'}")
    (project / "results/compute.md").write_text("9 runs took 3 minutes.")
    mark = file_mark(b"9 runs took 3 minutes.")
    listed = f'<script type="application/json" id="bk-values">[["results/compute.md","{mark}"]]</script>'
    quoting = "\n{{< include results/compute.md >}}\n"
    assert messages(project, project / "page", quoting, listed) == []
    (project / "results/compute.md").write_text("10 runs took 3 minutes.")
    assert messages(project, project / "page", quoting, listed) == [
        "results/compute.md is another one now; the page includes an earlier one."
    ]
    (project / "results/compute.md").unlink()
    assert messages(project, project / "page", quoting, listed) == [
        "results/compute.md is not there any more; the page includes what it held."
    ]


def test_a_page_names_no_file_outside_of_the_results(project: Path) -> None:
    values(project, "values: {b: '1'}")
    (project / "secret").write_text("x")
    listed = f'[["results/../secret","{file_mark(b"x")}"]]'
    script = f'<script type="application/json" id="bk-values">{listed}</script>'
    assert messages(project, project / "page", "", script) == [
        "results/../secret is not there any more; the page includes what it held."
    ]


PUBLISHED = f"<!DOCTYPE html><html lang='en'><head><title>T</title></head><body><main>{SHOWN}</main></body></html>"


def stale_of(path: Path) -> list[str]:
    return [one.message for one in check_path(path).findings if one.code == "BK121"]


@pytest.mark.parametrize("kind", ["zip", "folder", "page"])
@pytest.mark.parametrize("place", ["inside", "beside"])
def test_a_published_page_is_compared_with_the_results_that_lie_with_it(tmp_path: Path, kind: str, place: str) -> None:
    for now, reported in (("0.73", 0), ("0.74", 1)):
        root = tmp_path / now / "post"
        inside = root if place == "inside" or kind == "page" else root.parent
        write_tree(root, {"index.html": PUBLISHED})
        write_tree(inside, {"results/values.yml": f"values: {{a: '{now}'}}"})
        path = root / "index.html" if kind == "page" else root
        if kind == "zip":
            path = root.with_name("post.zip")
            with zipfile.ZipFile(path, "w") as archive:
                for file in (one for one in root.rglob("*") if one.is_file()):
                    archive.write(file, file.relative_to(root).as_posix())
        assert stale_of(path) == ["values.a is now 0.74, which the page does not show."] * reported


def test_what_a_site_published_is_compared_with_its_projects(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_quarto.yml": "project: {type: website}", "_site/projects/p/index.html": PUBLISHED})
    write_tree(tmp_path, {"projects/p/results/values.yml": "values: {a: '0.9'}"})
    (tmp_path / "_submissions").mkdir()
    with zipfile.ZipFile(tmp_path / "_submissions/p.zip", "w") as archive:
        archive.writestr("index.html", PUBLISHED)
    write_tree(tmp_path, {"_submissions/p/index.html": PUBLISHED, "_submissions/p.html": PUBLISHED})
    for name in ("_submissions/p.zip", "_submissions/p", "_submissions/p.html", "_site/projects/p/index.html"):
        assert stale_of(tmp_path / name) == ["values.a is now 0.9, which the page does not show."], name


def test_a_page_without_results_and_hostile_results_say_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path / "post", {"index.html": PUBLISHED})
    assert stale_of(tmp_path / "post") == []
    for text in ("[", "values: 3", "values: {a: [1, 2]}", "- values", "a: &a [*a]"):
        write_tree(tmp_path / "post", {"results/values.yml": text})
        assert stale_of(tmp_path / "post") == []


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
