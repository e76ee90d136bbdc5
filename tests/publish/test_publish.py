"""A release holds the page at its root and what the page reaches, always the same bytes."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

import pytest

from blogkit.check import check_path
from blogkit.errors import CheckFailed, ConfigError, ProjectError
from blogkit.links import html_addresses
from blogkit.page.parse import parse_html
from blogkit.pipeline import is_stale, publish_projects
from blogkit.publish import gather, publish
from blogkit.publish.archive import zip_bytes
from blogkit.tools.chromium import can_browse
from tests.check.pages import SVG, page
from tests.check.sites import manifest, post_of, site


def test_a_zip_holds_the_page_at_its_root_and_only_what_it_reaches(tmp_path: Path) -> None:
    where = site(tmp_path, more={"_site/site_libs/unused.js": "1", "_site/projects/width/notes.txt": "private"})
    release = publish(where, manifest(where), post_of(where)[0], target="zip")
    assert release.path == where.root / "_submissions" / "width.zip"
    with zipfile.ZipFile(release.path) as archive:
        assert archive.namelist() == [
            "index.html",
            "results/charts/error.svg",
            "site_libs/fonts/text.woff2",
            "site_libs/paper.png",
            "site_libs/quarto.css",
        ]
        assert release.files == 5
    assert release.bytes == release.path.stat().st_size


@pytest.mark.parametrize("name", ["LICENSES.txt", "OFL.txt", "LICENSE"])
def test_a_licence_travels_with_the_font_that_it_lies_beside(tmp_path: Path, name: str) -> None:
    where = site(tmp_path, more={f"_site/site_libs/fonts/{name}": "text", "_site/site_libs/unused/LICENSE": "text"})
    files = gather(manifest(where), post_of(where)[0]).files
    assert [one for one in files if "LIC" in one or "OFL" in one] == [f"site_libs/fonts/{name}"]


def test_a_published_zip_has_no_finding(tmp_path: Path) -> None:
    where = site(tmp_path)
    release = publish(where, manifest(where), post_of(where)[0], target="zip")
    assert check_path(release.path).findings == ()


def test_the_same_page_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = site(tmp_path / "a"), site(tmp_path / "b" / "deeper")
    for path in second.output.rglob("*"):
        os.utime(path, (1, 1))
    one, two = (publish(where, manifest(where), post_of(where)[0], target="zip") for where in (first, second))
    assert one.path.read_bytes() == two.path.read_bytes()


def test_addresses_lead_to_the_files_beside_the_page(tmp_path: Path) -> None:
    where = site(tmp_path)
    files = gather(manifest(where), post_of(where)[0]).files
    document = parse_html(files["index.html"])
    local = {address.path for address in html_addresses(document)} - {""}
    assert local == {"site_libs/quarto.css", "results/charts/error.svg"}
    assert b"url(fonts/text.woff2)" in files["site_libs/quarto.css"]


def test_the_way_to_other_pages_is_left_behind(tmp_path: Path) -> None:
    more = '<p>See <a href="../other/index.html">the other <em>post</em></a>, <a href="index.html#methods">here</a> and <a href="https://example.edu">there</a>.</p>'
    where = site(tmp_path, page(end=more))
    text = gather(manifest(where), post_of(where)[0]).files["index.html"].decode()
    assert "See the other <em>post</em>," in text
    assert '<a href="#methods">here</a>' in text
    assert '<a href="https://example.edu">there</a>' in text
    for gone in ("navbar", "quarto-search", "page-navigation", "../"):
        assert gone not in text
    assert "width</div>" in text  # a category keeps its word


def test_a_style_sheet_shared_between_folders_keeps_its_way_to_other_files(tmp_path: Path) -> None:
    where = site(
        tmp_path,
        page(end='<link rel="stylesheet" href="own.css">'),
        more={
            "_site/projects/width/own.css": "@import '../shared/base.css'; p { background: url(\"../../site_libs/paper.png?v=1\") }",
            "_site/projects/shared/base.css": "p { color: red }",
        },
    )
    files = gather(manifest(where), post_of(where)[0]).files
    assert files["own.css"] == b"@import 'projects/shared/base.css'; p { background: url(\"site_libs/paper.png?v=1\") }"
    assert files["projects/shared/base.css"] == b"p { color: red }"


def test_what_a_script_loads_on_demand_travels_too(tmp_path: Path) -> None:
    end = (
        '<script src="../../site_libs/wake.js"></script><div data-spec="results/charts/error.vl.json"></div>'
        '<script>wake("../../site_libs/runtime.js")</script>'
    )
    where = site(
        tmp_path,
        page(end=end),
        more={
            "_site/site_libs/wake.js": 'load("./more.js"); load("nothing.js")',
            "_site/site_libs/more.js": "2",
            "_site/site_libs/runtime.js": "3",
            "_site/projects/width/results/charts/error.vl.json": "{}",
        },
    )
    files = gather(manifest(where), post_of(where)[0]).files
    assert {"site_libs/wake.js", "site_libs/more.js", "site_libs/runtime.js", "results/charts/error.vl.json"} <= set(
        files
    )
    assert b'wake("site_libs/runtime.js")' in files["index.html"]


def test_an_embedded_page_travels_with_its_own_files(tmp_path: Path) -> None:
    where = site(
        tmp_path,
        page(end='<iframe title="Demo" width="9" src="demo/play.html"></iframe>'),
        more={
            "_site/projects/width/demo/play.html": '<html><body><img src="ball.svg"></body></html>',
            "_site/projects/width/demo/ball.svg": SVG,
        },
    )
    files = gather(manifest(where), post_of(where)[0]).files
    assert {"demo/play.html", "demo/ball.svg"} <= set(files)


def test_two_files_never_get_one_name(tmp_path: Path) -> None:
    where = site(
        tmp_path,
        page(end='<img src="site_libs/paper.png" alt="" width="9"><img src="../../index.png" alt="" width="9">'),
        more={"_site/projects/width/site_libs/paper.png": b"mine", "_site/index.png": b"i"},
    )
    files = gather(manifest(where), post_of(where)[0]).files
    assert files["site_libs/paper.png"] == b"mine" or files["site/site_libs/paper.png"] == b"mine"
    assert sorted(data for name, data in files.items() if name.endswith("paper.png")) == [b"mine", b"not a picture"]


def test_a_link_on_the_disk_does_not_take_other_files_along(tmp_path: Path) -> None:
    (tmp_path / "secret.svg").write_text("secret")
    where = site(tmp_path / "site", page(end='<img src="leak.svg" alt="" width="9">'))
    (where.output / "projects/width/leak.svg").symlink_to(tmp_path / "secret.svg")
    package = gather(manifest(where), post_of(where)[0])
    assert "leak.svg" not in package.files
    assert package.missing == ("leak.svg",)


def test_a_folder_is_replaced_when_blogkit_made_it_and_never_otherwise(tmp_path: Path) -> None:
    where = site(tmp_path)
    project = post_of(where)[0]
    first = publish(where, manifest(where), project, target="folder")
    (first.path / "old.txt").write_text("from before")
    second = publish(where, manifest(where), project, target="folder")
    assert second.path == first.path and not (first.path / "old.txt").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(ProjectError, match="is in the way"):
        publish(where, manifest(where), project, target="folder", destination=mine)
    assert (mine / "thesis.tex").read_text() == "years of work"


def test_there_is_an_error_message_for_a_wrong_target_and_for_a_post_that_is_not_rendered(tmp_path: Path) -> None:
    where = site(tmp_path)
    project, output = post_of(where)
    with pytest.raises(ConfigError, match="Targets: zip"):
        publish(where, manifest(where), project, target="ftp")
    output.output.unlink()
    with pytest.raises(ProjectError, match="is not rendered yet"):
        publish(where, manifest(where), project, target="zip")


def test_a_single_page_holds_everything_and_names_no_file(tmp_path: Path) -> None:
    where = site(
        tmp_path,
        page(end='<script src="../../site_libs/wake.js"></script><p><a href="data.csv">Data</a></p>'),
        more={
            "_site/site_libs/wake.js": 'var base = document.currentScript.src; load("more.js")',
            "_site/site_libs/more.js": "awake = true // </script>",
            "_site/projects/width/data.csv": "a,b\n1,2\n",
        },
    )
    release = publish(where, manifest(where), post_of(where)[0], target="single-html")
    assert release.path.name == "width.html" and release.files == 1
    addresses = [address.url for address in html_addresses(parse_html(release.path.read_bytes()))]
    assert [url for url in addresses if not url.startswith(("data:", "#"))] == []
    text = release.path.read_text()
    assert "url(data:font/woff2;base64," in text
    assert "awake" not in text  # it is inside the script's own data
    assert check_path(release.path).findings == ()
    again = publish(where, manifest(where), post_of(where)[0], target="single-html", destination=tmp_path / "b.html")
    assert again.path.read_bytes() == release.path.read_bytes()


def test_a_release_that_fails_its_check_leaves_the_last_one_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = site(tmp_path)
    (first,) = publish_projects(where, ["width"], target="zip", browser=False)
    before = first.path.read_bytes()

    def spoiled(files: object) -> bytes:
        return zip_bytes({"index.html": page(end='<img src="https://cdn.host.edu/a.png" alt="">').encode()})

    monkeypatch.setattr("blogkit.publish.archive.zip_bytes", spoiled)
    with pytest.raises(CheckFailed, match="BK102"):
        publish_projects(where, ["width"], target="zip", browser=False)
    assert first.path.read_bytes() == before
    assert [one.name for one in first.path.parent.iterdir()] == ["width.zip"]


@pytest.mark.slow
@pytest.mark.skipif(not can_browse(), reason="no Chromium, or no Playwright: nothing can be opened in a browser")
def test_what_was_made_is_opened_once_in_a_browser(tmp_path: Path) -> None:
    late = "<script>setTimeout(() => fetch('ht' + 'tps://late.host.edu/'), 9000)</script>"
    where = site(tmp_path, page(end=late))
    (release,) = publish_projects(where, ["width"], target="single-html", browser=False)
    with pytest.raises(CheckFailed, match=re.escape("asks the network for https://late.host.edu/")):
        publish_projects(where, ["width"], target="zip")
    assert not release.path.with_suffix(".zip").exists()


def test_a_post_that_changed_is_rendered_anew_before_it_is_published(tmp_path: Path) -> None:
    where = site(tmp_path)
    project = post_of(where)[0]
    assert not is_stale(where, project)
    os.utime(project.folder / "references.bib", (4e9, 4e9))
    assert is_stale(where, project)
