"""Rules at their bounds: the last that is right and the first that is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import html

from blogkit.check import check_path, load
from blogkit.check.rules.package import _short, is_junk
from blogkit.links import html_addresses
from tests.check.pages import page, submission

PROFILE = load("mit-6.7960")


def messages(root: Path, text: str) -> list[str]:
    return [one.message for one in check_path(submission(root, text), profile=PROFILE).findings]


@pytest.mark.parametrize(
    ("language", "sound"),
    [("en", True), ("es-419", True), ("de-1996", True), ("zh-Hans", True), ("e", False), ("en-", False), ("", False)],
)
def test_a_language_is_two_or_three_letters_with_parts_of_letters_and_digits(
    tmp_path: Path, language: str, sound: bool
) -> None:
    text = page()
    reported = [
        one for one in messages(tmp_path / "post", text.replace('lang="en"', f'lang="{language}"')) if "anguage" in one
    ]
    assert (not reported) is sound, reported


@pytest.mark.parametrize(
    ("times", "says"),
    [(2, "used 2 times (<p>, <p>)"), (3, "used 3 times (<p>, <p>, <p>)"), (4, "used 4 times (<p>, <p>, <p>)")],
)
def test_an_id_that_is_used_twice_is_reported_with_three_of_its_places(tmp_path: Path, times: int, says: str) -> None:
    found = messages(tmp_path / "post", page(end='<p id="twice">a</p>' * times))
    assert [one for one in found if "twice" in one] == [f'the id "twice" is {says}.']


@pytest.mark.parametrize(
    ("name", "junk"),
    [
        (".DS_Store", True),
        ("a/.DS_Store", True),
        ("Thumbs.db", True),
        ("a/b/desktop.ini", True),
        ("__MACOSX/a/._b.png", True),
        ("a/._b.png", True),
        ("a/~$b.docx", True),
        ("._a/b.png", False),
        (".DS_Store/a.png", False),
        ("a/.ipynb_checkpoints/b.ipynb", True),
        ("a/__pycache__/b.pyc", True),
        (".git/config", True),
        ("a/b.png", False),
        ("a/Thumbs.db.png", False),
    ],
)
def test_what_a_system_or_a_tool_left_behind_is_known_in_every_folder(name: str, junk: bool) -> None:
    assert is_junk(name) is junk


@pytest.mark.parametrize(("length", "whole"), [(90, True), (91, False)])
def test_an_address_of_ninety_letters_is_shown_whole(length: int, whole: bool) -> None:
    address = "a" * length
    assert _short(address) == (address if whole else f"{'a' * 60}…{'a' * 25}")


@pytest.mark.parametrize(
    "name",
    ["fill", "stroke", "filter", "mask", "clip-path", "cursor", "marker-start", "marker-mid", "marker-end"],
)
def test_whatever_a_drawing_is_drawn_with_is_an_address(name: str) -> None:
    document = html.document_fromstring(f"<svg><path d='M0 0' {name}='url(https://x.test/a.svg#b)'/></svg>")
    assert [one.url for one in html_addresses(document)] == ["https://x.test/a.svg#b"]
