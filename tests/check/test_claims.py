"""What is typed about an interval and zero, or about the number of seeds, is compared with the results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blogkit.check.claims import wrong_claims
from blogkit.check.files import Folder
from blogkit.check.post import Post
from blogkit.check.source import Source
from blogkit.page import Page

VALUES = """values-raw:
  gap: {value: -0.03, error: 0.24}
  sure: {value: 0.4, error: 0.1}
  alone: {value: 2}
  lost: {value: .nan, error: 0.1}
"""


def claims(folder: Path, text: str, seeds: int = 2) -> list[tuple[int | None, str]]:
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results" / "values.yml").write_text(VALUES)
    (folder / "results" / "runs.json").write_text(json.dumps({"runs": [{"seed": seed} for seed in range(seeds)]}))
    path = folder / "index.qmd"
    path.write_text(text, encoding="utf-8")
    post = Post(
        path=folder, files=Folder(root=folder), page=Page(), page_name=None, submission=False, project=folder,
        source=Source(path=path),
    )  # fmt: skip
    return [(one.place.line if one.place else None, one.message) for one in wrong_claims(post)]


def test_an_interval_that_holds_zero_is_not_said_to_exclude_it(tmp_path: Path) -> None:
    text = "First {{< meta values.sure >}}, then\n{{< meta values.gap >}} over {{< meta values.alone >}} seeds. It is better,\nand the interval excludes zero.\n"
    assert claims(tmp_path, text) == [
        (3, '"excludes zero" stands behind gap, whose interval holds zero: -0.03 ± 0.24.')
    ]
    ((line, said),) = claims(tmp_path, "{{< meta values.sure >}}, an interval that includes zero.\n")
    assert line == 1 and "whose interval excludes zero: 0.4 ± 0.1" in said


@pytest.mark.parametrize(
    "text",
    [
        "{{< meta values.sure >}}: the interval excludes zero.",
        "{{< meta values.gap >}}: the interval includes zero, and does not exclude zero either way.",
        "{{< meta values.gap >}}\n\nAnother paragraph: an interval that excludes zero says more.",
        "{{< meta values.alone >}} and {{< meta values.lost >}} exclude zero.",
        "An interval that excludes zero says nothing before {{< meta values.gap >}}.",
        "```\n{{< meta values.gap >}} excludes zero, over 9 seeds\n```",
        "Over two seeds, 2 seeds, the seeds, 1–5 seeds, and 10 seeds in earlier work [@a2020].",
    ],
)
def test_what_is_right_or_of_something_else_is_not_reported(tmp_path: Path, text: str) -> None:
    found = [one for one in claims(tmp_path, text) if "does not exclude" not in text]
    assert found == []


def test_a_number_of_seeds_that_the_results_do_not_have(tmp_path: Path) -> None:
    found = claims(tmp_path, "Here.\nFive seeds are enough; over 6 random seeds.\n")
    assert [line for line, _ in found] == [2, 2]
    assert '"Five seeds" is typed by hand, and the results are of 2.' in found[0][1]
