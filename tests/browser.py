"""The system's Chromium for tests: headless, with the network shut and every attempt on it recorded."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PATIENCE = 60.0
"""Seconds that a test waits for a state, whatever else the machine does: the one time limit of all browser tests."""

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Without the ones about background work, Chromium's own connections disturb what is measured."""


def chromium() -> str:
    """The path of a Chromium; skips the test, visibly, where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on PATH: the page cannot be opened in a real browser")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser with a fresh profile."""
    executable = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=FLAGS, timeout=PATIENCE * 1000)
        _be_patient(running)
        try:
            yield running
        finally:
            running.close()


def _be_patient(running: Browser) -> None:
    """Every page of this browser waits as long as ``PATIENCE`` says."""
    page_of, context_of = running.new_page, running.new_context

    def new_context(**options: Any) -> Any:
        context = context_of(**options)
        context.set_default_timeout(PATIENCE * 1000)
        return context

    def new_page(**options: Any) -> Any:
        page = page_of(**options)
        page.context.set_default_timeout(PATIENCE * 1000)
        return page

    running.new_context, running.new_page = new_context, new_page  # type: ignore[method-assign]


def eventually(page: Page, holds: Callable[[], bool], what: Callable[[], object] | str = "") -> None:
    """Waits until something holds, for a state that no selector can name; ``what`` says what was there instead."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what() if callable(what) else what
        page.wait_for_timeout(50)


def steady_box(locator: Locator) -> dict[str, float]:
    """Where an element is, once neither scrolling nor layout has moved it for a few frames."""
    locator.scroll_into_view_if_needed()
    locator.evaluate(
        """element => new Promise(resolve => {
          let [before, same] = ["", 0];
          const look = () => {
            const box = element.getBoundingClientRect();
            const now = [box.x, box.y, box.width, box.height].join();
            [before, same] = [now, now === before ? same + 1 : 0];
            if (same < 3) requestAnimationFrame(look); else resolve();
          };
          look();
        })"""
    )
    box = locator.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


@dataclass
class Watched:
    """A page, and what it did that a submission must not do."""

    page: Page
    requests: list[str] = field(default_factory=list)
    """Addresses other than ``file:``, ``data:`` and ``blob:`` that were asked for; each was refused."""
    complaints: list[str] = field(default_factory=list)
    """Console errors and uncaught exceptions."""


@contextmanager
def offline_page(running: Browser, **options: Any) -> Iterator[Watched]:
    """A page that can reach files only."""
    context = running.new_context(**options)
    watched = Watched(page=context.new_page())

    def decide(route: Any) -> None:
        if route.request.url.split(":", 1)[0] in {"file", "data", "blob"}:
            route.continue_()
        else:
            watched.requests.append(route.request.url)
            route.abort()

    context.route("**/*", decide)
    watched.page.on("console", lambda said: watched.complaints.append(said.text) if said.type == "error" else None)
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    try:
        yield watched
    finally:
        context.close()
