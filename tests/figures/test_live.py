"""In a real browser, from a file and without the network, a live figure answers by the post's own model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from blogkit import charts, record
from tests.browser import Watched, browser, offline_page
from tests.figures.live import live_page, network, run_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Watched]:
    with offline_page(chromium, viewport={"width": 900, "height": 900}) as watched:
        yield watched
        assert watched.requests == []
        assert watched.complaints == []


def answered(page: Any, name: str) -> None:
    """Touches a figure, and waits for its model's first answer."""
    page.locator(f"#{name} .bk-drawing").hover()
    page.wait_for_selector(f"#{name}[data-answer=ready]")


def region(**more: Any) -> Any:
    """A grid over two axes, and a number that a slider sets."""
    parts = charts.features(x=charts.axis(-2, 2, 12), y=charts.axis(-2, 2, 12), noise=charts.slider(0, 1, 0.1))
    made = charts.live("net", parts, columns="inside", apply="sigmoid", **more)
    return made.mark_rect().encode(x="x:O", y="y:O", color="inside:Q")


def test_a_figure_over_a_grid_answers_a_slider(
    opened: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_folder(tmp_path, monkeypatch)
    record.model("net", network(3, 8, 1))
    page = opened.page
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.rsplit("/", 1)[1]))
    page.goto(live_page(tmp_path, run, {"region": region()}).as_uri())
    assert not [name for name in loaded if "live" in name or name.startswith("net")]
    answered(page, "bk-1-region")
    assert {"figures-live.js", "figures-live-wasm.js"} <= set(loaded)
    assert float(page.locator("#bk-1-region").get_attribute("data-deviation") or "inf") < 1e-4
    before = page.locator("#bk-1-region .bk-awake .mark-rect").first.inner_html()
    page.get_by_role("slider", name="Noise").press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.bk-awake .mark-rect').innerHTML !== before", arg=before, timeout=5000
    )
