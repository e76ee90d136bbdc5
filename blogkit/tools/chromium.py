"""Chromium, driven through Playwright: opens one page from the disk with the network shut, and tells what it did."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from blogkit.errors import ToolFailed, ToolMissing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route
    from playwright.sync_api import Page as Tab

__all__ = ["Browser", "Tab", "Visit", "can_browse", "chromium", "find_chromium", "visit", "wait_until"]

VARIABLE = "BLOGKIT_CHROMIUM"
"""Names the browser to use, where it is not on PATH."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # what slips past the interception finds no host either
)

# A script that waits before it asks the network is not waited for: long delays are shortened, in their order.
_HURRY = """(() => {
  const wait = window.setTimeout.bind(window), every = window.setInterval.bind(window);
  const short = ms => (ms > 200 ? 200 + Math.min(ms, 120000) / 200 : ms);
  window.setTimeout = (run, ms, ...rest) => wait(run, short(Number(ms) || 0), ...rest);
  window.setInterval = (run, ms, ...rest) => every(run, short(Number(ms) || 0), ...rest);
})()"""


@dataclass(kw_only=True)
class Visit:
    """One page, opened once."""

    requests: list[str] = field(default_factory=list)
    """Addresses on the network that were asked for; each was refused."""
    outside: list[str] = field(default_factory=list)
    """Files outside the page's own folder that were asked for; each was refused."""
    missing: list[str] = field(default_factory=list)
    """Files that were asked for and are not there, by their path from the folder."""
    console: list[str] = field(default_factory=list)
    """Errors in the console, and exceptions that nothing caught."""
    found: Any = None
    """What the caller's question answered."""


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome; None when there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        return named if Path(named).is_file() else None
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def can_browse() -> bool:
    """Whether a page can be opened: Playwright is installed, and there is a browser."""
    from importlib.util import find_spec

    return find_spec("playwright") is not None and find_chromium() is not None


@contextmanager
def chromium(purpose: str = "Checking in a browser") -> Iterator[Browser]:
    """A headless browser with a fresh profile. Raises ToolMissing with the way to get it, ToolFailed when it dies."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        hint = 'Install it with `pip install "blogkit[browser]"`.'
        raise ToolMissing(f"{purpose} needs Playwright, which is not installed.", hint=hint) from error
    path = find_chromium()
    if path is None:
        hint = f"Install Chromium or Chrome, or name it in {VARIABLE}."
        raise ToolMissing(f"{purpose} needs Chromium, and there is none on PATH.", hint=hint)
    sandbox = hasattr(os, "geteuid") and os.geteuid() != 0  # root cannot have one
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS), chromium_sandbox=sandbox)
        except Error as error:
            hint = f"Does `{path} --headless --dump-dom about:blank` work?"
            raise ToolFailed(f"Chromium did not start: {_first(str(error))}", hint=hint) from error
        try:
            yield browser
        finally:
            with suppress(Error):
                browser.close()


def visit(
    browser: Browser,
    page: Path,
    root: Path,
    ask: Callable[[Tab], Any],
    *,
    size: tuple[int, int] = (1280, 900),
    javascript: bool = True,
    settle: bool = False,
    seconds: float = 30,
) -> Visit:
    """Opens ``page`` over ``file://`` in a window of ``size`` pixels, and puts a question to it.

    Only files below ``root`` can be reached. ``ask`` gets Playwright's page once it is loaded (with ``settle``, once it
    asks for nothing more), and its answer is in ``found``. Raises ToolFailed when the page cannot be opened at all.
    """
    from playwright.sync_api import Error
    from playwright.sync_api import TimeoutError as TooLate

    seen = Visit()
    options: Mapping[str, Any] = {
        "viewport": {"width": size[0], "height": size[1]},
        "java_script_enabled": javascript,
        "service_workers": "block",
        "accept_downloads": False,
        "reduced_motion": "reduce",
    }
    context = browser.new_context(**options)
    try:
        context.set_default_timeout(seconds * 1000)
        context.route("**/*", lambda route: _decide(route, root.resolve(), seen))
        if javascript:
            context.add_init_script(_HURRY)
        tab = context.new_page()
        tab.on("console", lambda said: seen.console.append(_first(said.text)) if said.type == "error" else None)
        tab.on("pageerror", lambda error: seen.console.append(_first(str(error))))
        tab.on("websocket", lambda socket: _note(seen.requests, socket.url))
        tab.on("dialog", lambda dialog: dialog.dismiss())
        tab.on("popup", lambda other: other.close())
        try:
            tab.goto(page.resolve().as_uri(), wait_until="load")
        except TooLate:
            seen.console.append(f"the page was not loaded after {seconds:.0f} seconds")
        if settle:
            with suppress(TooLate):
                tab.wait_for_load_state("networkidle", timeout=3000)
        seen.found = ask(tab)
    except Error as error:
        raise ToolFailed(f"Chromium could not look at it: {_first(str(error))}", path=page) from error
    finally:
        with suppress(Error):
            context.close()
    return seen


def wait_until(tab: Tab, condition: str, *, seconds: float) -> bool:
    """Whether a function of the page's gave true before the time was over."""
    from playwright.sync_api import TimeoutError as TooLate

    try:
        tab.wait_for_function(condition, timeout=seconds * 1000)
    except TooLate:
        return False
    return True


def _decide(route: Route, root: Path, seen: Visit) -> None:
    """Lets files of the page through and nothing else."""
    url = route.request.url
    scheme = url.split(":", 1)[0].lower()
    if scheme in {"data", "blob", "about"}:
        route.continue_()
        return
    if scheme != "file":
        _note(seen.requests, url)
        route.abort("internetdisconnected")
        return
    path = Path(unquote(urlsplit(url).path))
    if not path.resolve().is_relative_to(root):
        _note(seen.outside, str(path))
        route.abort("accessdenied")
    elif not path.exists():
        _note(seen.missing, path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path))
        route.abort("failed")
    else:
        route.continue_()


def _note(into: list[str], url: str) -> None:
    if url not in into and len(into) < 100:
        into.append(url)


def _first(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:300] if lines else ""
