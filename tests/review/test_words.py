"""Every word that a reviewer writes is kept: over redraws, reloads, outages and other tabs. In a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blogkit.review.folder import ReviewFolder
from tests.review.running import Running, chromium, running
from tests.review.school import open_school
from tests.review.test_browser import browser, comment, sign_in

pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")]
assert browser  # the fixture


@dataclass
class Desk:
    """Cy's browser, on the post `alpha`."""

    folder: ReviewFolder
    server: Running
    page: Any

    @property
    def frame(self) -> Any:
        return self.page.frame_locator("#post")

    def view(self) -> dict[str, Any]:
        """What the server has."""
        return dict(self.page.request.get(f"{self.server.app}/api/posts/alpha").json())

    def point_at_a_cell(self, row: int = 1) -> None:
        """Asks for a comment on a cell of the post's first table."""
        cell = self.frame.locator("table tr").nth(row).locator("td").nth(1)
        cell.scroll_into_view_if_needed()
        cell.hover()
        self.frame.locator("#review-tool").click()

    def fill_in(self, soundness: str = "50", clarity: str = "30", summary: str = "Sound, and clear.") -> None:
        """The whole rubric, saved."""
        self.page.get_by_role("tab", name="Rubric").click()
        self.page.locator("[data-points=soundness]").fill(soundness)
        self.page.locator("[data-points=clarity]").fill(clarity)
        self.page.locator("[data-note=soundness]").fill("Both seeds agree.")
        self.page.locator("[data-summary]").fill(summary)
        self.page.get_by_text("Saved", exact=True).wait_for()


@pytest.fixture
def desk(tmp_path: Path, browser: Any) -> Iterator[Desk]:
    folder = open_school(tmp_path)
    errors: list[str] = []
    with running(folder) as server:
        page = sign_in(browser, server.link("cy"), errors)
        page.goto(f"{server.app}/read/alpha")
        page.frame_locator("#post").locator("table").first.wait_for()
        page.locator("#panel .tabs").wait_for()
        yield Desk(folder=folder, server=server, page=page)
    assert [error for error in errors if "favicon" not in error and "Failed to load resource" not in error] == []


# --- the rubric -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["a place that is pointed at", "a comment that is opened"])
def test_a_filled_in_rubric_outlives_a_tap_before_it_saved_itself(desk: Desk, by: str) -> None:
    page = desk.page
    desk.point_at_a_cell()
    comment(page, "Is this a mean?")
    desk.frame.locator(".pin").first.wait_for()
    desk.fill_in()
    page.locator("[data-summary]").press_sequentially(" One more sentence.")
    if by.startswith("a place"):
        desk.point_at_a_cell(2)
        page.locator("#composer").wait_for()
    else:
        desk.frame.locator(".pin").first.click(position={"x": 3, "y": 3})  # its number
        page.locator(".thread.opened").wait_for()
    page.get_by_text("Saved", exact=True).wait_for()
    page.wait_for_timeout(3500)  # longer than autosave waits
    mine = desk.view()["mine"]
    assert mine["scores"] == {"soundness": 50, "clarity": 30}
    assert mine["notes"] == {"soundness": "Both seeds agree."}
    assert "One more sentence." in mine["summary"]
    page.get_by_role("tab", name="Rubric").click()
    assert page.locator("[data-points=soundness]").input_value() == "50"
    assert "One more sentence." in page.locator("[data-summary]").input_value()


def test_a_field_that_is_emptied_by_hand_is_empty(desk: Desk) -> None:
    page = desk.page
    desk.fill_in()
    page.locator("[data-note=soundness]").fill("")
    page.locator("[data-points=clarity]").fill("")
    page.get_by_text("…", exact=True).wait_for()
    page.get_by_text("Saved", exact=True).wait_for()
    mine = desk.view()["mine"]
    assert (mine["scores"], mine["notes"], mine["summary"]) == ({"soundness": 50}, {}, "Sound, and clear.")
