"""What is published says which values it shows, so that it can be compared with the results later."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.check import check_path
from blogkit.config import load_site
from blogkit.pipeline import publish_projects
from tests.files import site_tree, write_tree

QUARTO = (
    "project: {type: website, render: [projects/*/index.qmd]}\nwebsite: {title: Posts}\nblogkit: {profile: plain}\n"
)
POST = """\
---
title: Of {{< meta values.rate >}}
metadata-files: [results/values.yml]
---

It is {{< meta values.best >}} after 10.73 hours.

{{< include results/compute.md >}}
"""


def stale_in(path: Path) -> list[str]:
    return sorted(one.message for one in check_path(path).findings if one.code == "BK121")


@pytest.mark.parametrize("target", ["zip", "folder", "single-html"])
def test_a_release_is_compared_by_key_with_the_results_of_today(target: str, tmp_path: Path) -> None:
    results = {"values.yml": "values: {best: '0.73', rate: 10 %}\n", "compute.md": "9 runs.\n"}
    files = {"index.qmd": POST, **{f"results/{name}": text for name, text in results.items()}}
    write_tree(tmp_path, site_tree({"p": files}, QUARTO))
    (release,) = publish_projects(load_site(tmp_path), ["p"], target=target, browser=False)
    assert stale_in(release.path) == []
    now = "values: {best: '10.73', rate: 20 %}\n"
    write_tree(tmp_path / "projects/p/results", {"values.yml": now, "compute.md": "10 runs.\n"})
    assert stale_in(release.path) == [
        "results/compute.md is another one now; the page includes an earlier one.",
        "values.best is now 10.73, which the page does not show.",
        "values.rate is now 20 %, which the page does not show.",
    ]
