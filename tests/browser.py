"""The system's Chromium for tests: headless, with the network shut and every attempt on it recorded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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
        running = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield running
        finally:
            running.close()


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
