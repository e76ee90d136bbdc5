"""A post rendered by the embedded engine, published, opened from the disk: nothing is missing and its figure wakes up."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from blogkit.check import check_path
from blogkit.config import load_site
from blogkit.new import init_site
from blogkit.pipeline import publish_projects
from blogkit.tools.chromium import can_browse, chromium, visit
from tests.browser import PATIENCE, steady_box
from tests.check.sites import BIBLIOGRAPHY, FRONT, SOURCE
from tests.files import write_tree

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_browse(), reason="no Chromium, or no Playwright: nothing can be opened in a browser"),
]
CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "data": {"values": [{"width": 2**n, "error": 1 / (n + 1)} for n in range(8)]},
    "mark": "line",
    "encoding": {
        "x": {"field": "width", "type": "quantitative", "title": "Hidden units"},
        "y": {"field": "error", "type": "quantitative", "title": "Test error"},
    },
}


def wakes(tab: Any) -> Any:
    drawing = tab.locator(".bk-drawing").first
    tab.set_default_timeout(PATIENCE * 1000)
    steady_box(drawing)
    drawing.hover()
    tab.wait_for_selector(".bk-figure[data-state=awake]")
    return tab.evaluate("document.querySelectorAll('.bk-figure').length")


def test_a_real_post_is_whole_as_a_zip_and_as_one_page(tmp_path: Path) -> None:
    from blogkit.tools.vega import compile_vega, draw_svg

    root = init_site(tmp_path / "site")
    write_tree(
        root,
        {
            "projects/width/index.qmd": f"---\n{FRONT}---\n{SOURCE}\nThe loss is $x^2$.\n",
            "projects/width/references.bib": BIBLIOGRAPHY,
            "projects/width/results/charts/error.vl.json": json.dumps(CHART),
            "projects/width/results/charts/error.svg": draw_svg(compile_vega(CHART)),
        },
    )
    site = load_site(root)
    (zipped,) = publish_projects(site, target="zip", profile="plain")
    report = check_path(zipped.path, profile="plain", browser=True)
    assert [f"{one.code} {one.message}" for one in report.findings] == []
    with zipfile.ZipFile(zipped.path) as archive:
        archive.extractall(tmp_path / "opened")
    (single,) = publish_projects(site, target="single-html", profile="plain", browser=False)
    with chromium() as browser:
        for page in (tmp_path / "opened" / "index.html", single.path):
            seen = visit(browser, page, page.parent, wakes)
            assert seen.found == 1
            assert (seen.requests, seen.missing, seen.outside, seen.console) == ([], [], [], [])
