"""A page shows no file from outside of its site, and no environment variable that the site did not list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blogkit.config import load_site
from blogkit.errors import BlogkitError
from blogkit.render import render_site
from tests.files import notebook, write_tree

SECRET = "SECRET OUTSIDE"
OUTSIDE = {
    "outside.md": SECRET,
    "outside.yml": f"secret: {SECRET}\n",
    "outside.bib": f"@book{{x, title={{{SECRET}}}}}\n",
    "outside.css": f"/* {SECRET} */",
    "outside.html": f"<b>{SECRET}</b>",
    "outside.ipynb": notebook("1"),
    "listed.yml": f"- path: index.qmd\n  title: {SECRET}\n",
}
OUTSIDE["outside.ipynb"] = json.dumps(
    {
        **json.loads(OUTSIDE["outside.ipynb"]),
        "cells": [
            {
                "cell_type": "code",
                "id": "a",
                "metadata": {},
                "execution_count": 1,
                "source": "1",
                "outputs": [{"output_type": "stream", "name": "stdout", "text": SECRET}],
            }
        ],
    }
)
REFUSED = {
    "an include": ("", "{{< include ../../../outside.md >}}"),
    "an include in a block of code": ("", "```\n{{< include ../../../outside.md >}}\n```"),
    "an include through a link": ("", "{{< include link.md >}}"),
    "an embedded notebook": ("", "{{< embed ../../../outside.ipynb >}}"),
    "a header": ("include-in-header: ../../../outside.html\n", "Words."),
    "a header by its whole path": ("include-in-header: {whole}/outside.html\n", "Words."),
    "a file before the body": ("include-before-body: ../../../outside.html\n", "Words."),
    "a file behind the body": ("include-after-body:\n  - file: ../../../outside.html\n", "Words."),
    "a bibliography": ("bibliography: ../../../outside.bib\n", "See @x."),
    "metadata": ("metadata-files: [../../../outside.yml]\n", "{{< meta secret >}}"),
    "a listing": ("listing: {contents: [../../../listed.yml]}\n", "Words."),
}
NEVER_SHOWN = {
    "a style sheet": ("css: ../../../outside.css\n", "Words."),
    "an image": ("", "![a](../../../outside.html)"),
    "a link": ("", "[a](../../../outside.html)"),
    "a resource": ("resources: [../../../outside.md]\n", "Words."),
    "a template": ("template: ../../../outside.html\n", "Words."),
}


def site_with(root: Path, front: str, body: str, site: str = "") -> Path:
    folder = root / "deep" / "site"
    quarto = f"project: {{type: website}}\nwebsite: {{title: T}}\n{site}"
    front = front.replace("{whole}", str(root / "deep"))
    post = f"---\ntitle: T\nauthor: A\n{front}---\n\n{body}\n"
    write_tree(root / "deep", OUTSIDE)
    write_tree(folder, {"_quarto.yml": quarto, "projects/p/index.qmd": post})
    (folder / "projects/p/link.md").symlink_to(root / "deep" / "outside.md")
    return folder


def shown_in(folder: Path) -> list[str]:
    pages = (path for path in (folder / "_site").rglob("*") if path.is_file())
    return [path.name for path in pages if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("way", REFUSED)
def test_a_file_outside_is_an_error_message_with_its_line(way: str, tmp_path: Path) -> None:
    folder = site_with(tmp_path, *REFUSED[way])
    with pytest.raises(BlogkitError, match=r"index\.qmd(:\d+)?: .*lies outside of the site") as caught:
        render_site(load_site(folder))
    assert "Copy it into the site" in str(caught.value) and shown_in(folder) == []


@pytest.mark.parametrize("way", NEVER_SHOWN)
def test_what_a_page_only_names_is_not_fetched_from_outside(way: str, tmp_path: Path) -> None:
    folder = site_with(tmp_path, *NEVER_SHOWN[way])
    render_site(load_site(folder))
    assert shown_in(folder) == []


def test_a_page_that_is_a_link_out_of_the_site_is_not_read(tmp_path: Path) -> None:
    folder = site_with(tmp_path, "", "Words.")
    (folder / "other.qmd").symlink_to(tmp_path / "deep" / "outside.md")
    with pytest.raises(BlogkitError, match="other.qmd: other.qmd lies outside of the site"):
        render_site(load_site(folder))
    assert shown_in(folder) == []


def test_a_file_of_the_site_is_read_wherever_the_site_lies(tmp_path: Path) -> None:
    folder = site_with(tmp_path, "bibliography: ../../refs.bib\n", "{{< include ../../shared.md >}}\n\nSee @k.")
    write_tree(folder, {"shared.md": "Shared words.", "refs.bib": "@book{k, title={Known}, author={A}, year={2020}}\n"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to(folder)
    render_site(load_site(elsewhere))
    assert "Shared words." in (folder / "_site/projects/p/index.html").read_text()


@pytest.mark.parametrize(
    ("listed", "words", "expected"),
    [
        ("", "{{< env COURSE_TERM >}}", None),
        ("", "{{< env COURSE_TERM some >}}", "some"),
        ("blogkit: {env: [COURSE_TERM]}\n", "{{< env COURSE_TERM >}}", SECRET),
        ("blogkit: {env: [OTHER]}\n", "{{< env COURSE_TERM >}}", None),
    ],
)
def test_an_environment_variable_is_shown_where_the_site_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, words: str, expected: str | None
) -> None:
    monkeypatch.setenv("COURSE_TERM", SECRET)
    folder = site_with(tmp_path, "", f"It is {words}.", listed)
    if expected is None:
        with pytest.raises(BlogkitError, match=r"index.qmd:6: a page does not show .* COURSE_TERM.*\n.*blogkit: {env"):
            render_site(load_site(folder))
        assert shown_in(folder) == []
    else:
        render_site(load_site(folder))
        assert f"It is {expected}." in (folder / "_site/projects/p/index.html").read_text()
