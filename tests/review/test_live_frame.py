"""A live figure answers in a reviewer's frame, which may compile WebAssembly for it and load nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit import charts, record
from blogkit.review.posts import prepare_post
from blogkit.review.roster import Roster
from blogkit.review.server.frame import frame_page
from tests.browser import browser, offline_page
from tests.figures.live import live_page, network, run_folder
from tests.figures.pages import curve_chart, curves, finished

ADDRESS = "http://posts.invalid/frame"


def frame_of(page: Path, root: Path) -> tuple[bytes, str]:
    """The page of a post as reviewers get it, and its policy."""
    copy = root / "copy.html"
    copy.write_text(prepare_post("post", page, root / "site", Roster(people=())).html, encoding="utf-8")
    return frame_page(copy, "http://app.invalid", False)


def test_only_a_page_with_live_figures_may_compile_webassembly(tmp_path: Path) -> None:
    body, policy = frame_of(finished(tmp_path, {"loss": curve_chart(curves(100))}), tmp_path)
    assert "wasm" not in policy
    assert len(body) < 1_500_000


@pytest.mark.slow
def test_a_live_figure_answers_in_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_folder(tmp_path, monkeypatch)
    record.model("digit", network(36, 3, shape=(1, 6, 6)))
    drawing = charts.pad([[0, 0, 1, 1, 0, 0]] * 6)
    chart = charts.live("digit", drawing, over={"digit": ["0", "1", "2"]}, apply="softmax")
    page_file = live_page(tmp_path, run, {"digit": chart.mark_bar().encode(x="digit:N", y="value:Q")})
    body, policy = frame_of(page_file, tmp_path)
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts.endswith("'wasm-unsafe-eval'") and "'unsafe-eval'" not in scripts
    assert "connect-src 'none'" in policy
    with browser() as running, offline_page(running) as watched:
        page = watched.page
        headers = {"Content-Security-Policy": policy, "Content-Type": "text/html; charset=utf-8"}
        page.route(ADDRESS, lambda route: route.fulfill(body=body, headers=headers))
        page.goto(ADDRESS)
        page.locator(".bk-pad").hover()
        page.wait_for_selector(".bk-figure[data-answer=ready]")
        assert float(page.locator(".bk-figure").get_attribute("data-deviation") or "inf") < 1e-4
        assert watched.requests == []
        assert [said for said in watched.complaints if "Content Security Policy" in said] == []
