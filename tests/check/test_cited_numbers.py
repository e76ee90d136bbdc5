"""A reference counts as cited when its number stands in brackets, alone, in a list or within a range."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.check import check_path, load
from tests.check.pages import BACKGROUND, page, submission

PROFILE = load("mit-6.7960")


def never_cited(root: Path, words: str, references: int) -> list[int]:
    """The numbers of the references that BK111 says are cited nowhere, in a post with these words."""
    entries = "".join(
        f'<div id="ref-w{number}" class="csl-entry">[{number}] Author {number}. 2020.</div>'
        for number in range(1, references + 1)
    )
    listed = f'<section id="quarto-bibliography" role="doc-bibliography"><h2>References</h2><div id="refs">{entries}</div></section>'
    start, end = BACKGROUND.index("<span"), BACKGROUND.index("</span>") + len("</span>")
    background = f"{BACKGROUND[:start]}{words}{BACKGROUND[end:]}"
    html = page(BACKGROUND=background, REFERENCES=listed)
    messages = [one.message for one in check_path(submission(root, html), profile=PROFILE).findings]
    return [
        number
        for number in range(1, references + 1)
        if any(f"[{number}] Author" in message and "cited nowhere" in message for message in messages)
    ]


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("[1]", [2, 3, 4, 5]),
        ("[1–3]", [4, 5]),
        ("[1-3]", [4, 5]),
        ("[2 – 4]", [1, 5]),
        ("[4–5]", [1, 2, 3]),
        ("[1, 3; 5]", [2, 4]),
        ("[1, 3–5]", [2]),
        ("[1–2] and [5]", [3, 4]),
        ("[3–3]", [1, 2, 4, 5]),
        ("[5–2]", [1, 3, 4]),
    ],
)
def test_a_range_of_numbers_cites_each_work_in_it(tmp_path: Path, words: str, missing: list[int]) -> None:
    assert never_cited(tmp_path / "post", words, 5) == missing


@pytest.mark.parametrize(("last", "missing"), [(50, 0), (51, 49)])
def test_a_range_of_fifty_works_and_more_is_a_number_and_no_range(tmp_path: Path, last: int, missing: int) -> None:
    """[1–1000] is a span of values; it cites no thousand works."""
    assert len(never_cited(tmp_path / "post", f"[1–{last}]", last)) == missing
