"""Every word that a reviewer writes is kept: over redraws, reloads, outages and other tabs. In a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from blogkit.review.folder import ReviewFolder
from tests.browser import eventually
from tests.review.running import Running, chromium, running
from tests.review.school import open_school
from tests.review.test_browser import browser, comment, point_at, sign_in

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
        point_at(self.frame, cell)

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
    eventually(page, lambda: "One more sentence." in desk.view()["mine"]["summary"])
    page.wait_for_timeout(3500)  # longer than autosave waits: nothing is saved over it
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


@pytest.mark.parametrize("typed", ["99", "60.5", "3.3", "-1", "x", "4,5,6"])
def test_points_that_the_rubric_does_not_have_are_refused_where_they_are_typed(desk: Desk, typed: str) -> None:
    page = desk.page
    desk.fill_in()
    points = page.locator("[data-points=soundness]")
    points.fill(typed)
    page.locator("#refused-soundness", has_text="Not counted: 0 to 60 points, whole or half.").wait_for()
    assert points.get_attribute("aria-invalid") == "true"
    page.get_by_role("button", name="Submit the review").click()
    page.get_by_role("tab", name="Comments").click()
    page.get_by_role("tab", name="Rubric").click()
    assert page.locator("[data-points=soundness]").input_value() == typed, (
        "it stays, to be corrected where it was typed"
    )
    page.wait_for_timeout(3000)  # longer than autosave waits: it is not saved
    mine = desk.view()["mine"]
    assert mine["scores"] == {"soundness": 50, "clarity": 30} and not mine["submitted"]
    page.locator("[data-points=soundness]").fill("40")
    page.get_by_text("Saved", exact=True).wait_for()
    assert page.locator("#refused-soundness").inner_text() == "" and desk.view()["mine"]["scores"]["soundness"] == 40


def test_a_comma_is_a_decimal_point(desk: Desk) -> None:
    desk.fill_in(soundness="4,5", clarity="7.5")
    assert desk.view()["mine"]["scores"] == {"soundness": 4.5, "clarity": 7.5}
    assert desk.page.locator("#total").inner_text() == "12 of 100"


# --- comments, replies, edits, answers ------------------------------------------------------------------------------


def disturb(desk: Desk, how: str) -> None:
    """What used to lose words: another place, another comment, another tab of the panel, a reload, a save elsewhere."""
    page = desk.page
    if how == "a place that is pointed at":
        desk.point_at_a_cell(2)
    elif how == "a comment that is opened":
        page.locator(".thread .number").first.click()
    elif how == "the rubric and back":
        page.get_by_role("tab", name="Rubric").click()
        page.get_by_role("tab", name="Comments").click()
    elif how == "a reload":
        page.reload()
        page.locator("#panel .tabs").wait_for()
    else:
        page.locator(".thread").first.get_by_role("button", name="Close").click()
        page.locator(".thread").first.get_by_role("button", name="Reopen").wait_for()


WAYS = ["a place that is pointed at", "a comment that is opened", "the rubric and back", "a reload", "another save"]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("form", ["Reply", "Edit"])
def test_a_reply_or_an_edit_that_was_begun_is_there_afterwards(desk: Desk, form: str, how: str) -> None:
    page = desk.page
    for row, text in ((1, "Is this a mean?"), (3, "And this?")):
        desk.point_at_a_cell(row)
        comment(page, text)
    card = page.locator(".thread", has_text="And this?")
    card.get_by_role("button", name=form).click()
    card.locator("form textarea").fill("Half a sentence, and")
    disturb(desk, how)
    field = page.locator(".thread form textarea")
    assert field.input_value() == "Half a sentence, and"
    field.fill("A whole sentence.")
    page.locator(".thread form button.primary").click()
    page.locator(".thread", has_text="A whole sentence.").wait_for()
    assert page.locator(".thread form").count() == 0
    words = [
        text for one in desk.view()["threads"] for text in (one["text"], *(each["text"] for each in one["replies"]))
    ]
    assert words.count("A whole sentence.") == 1


def test_an_answer_that_was_begun_is_there_afterwards(desk: Desk, browser: Any) -> None:
    desk.point_at_a_cell()
    comment(desk.page, "Is this a mean?")
    desk.fill_in()
    desk.page.get_by_role("button", name="Submit the review").click()
    desk.page.get_by_text("The authors see it now").wait_for()
    page = sign_in(browser, desk.server.link("ada"), [])
    page.goto(f"{desk.server.app}/read/alpha")
    page.locator(".thread").get_by_role("button", name="Answer").click()
    page.get_by_label("What comes of it").select_option("later")
    page.get_by_label("Commit").fill("98b85a5")
    page.get_by_label("Answer", exact=True).fill("We are still")
    page.get_by_role("tab", name="Reviews").click()
    page.get_by_role("tab", name="Comments").click()
    page.reload()
    assert page.get_by_label("Answer", exact=True).input_value() == "We are still"
    assert page.get_by_label("Commit").input_value() == "98b85a5"
    page.get_by_label("Answer", exact=True).fill("We are still running it.")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Later in 98b85a5").wait_for()


@pytest.mark.parametrize("how", WAYS)
def test_a_comment_that_was_begun_keeps_its_words_its_kind_and_its_place(desk: Desk, how: str) -> None:
    page = desk.page
    desk.point_at_a_cell(1)
    comment(page, "Is this a mean?")
    desk.point_at_a_cell(3)
    place = page.locator("#composer .quote").inner_text()
    page.get_by_role("radio", name="Must fix").check()
    page.locator("#composer textarea").fill("Half a sentence, and")
    disturb(desk, how)
    if how == "a reload":
        page.get_by_text("A comment is not finished").wait_for()
        page.get_by_role("button", name="Go on writing").click()
    assert page.locator("#composer textarea").input_value() == "Half a sentence, and"
    assert page.locator("#composer .quote").inner_text() == place
    assert page.get_by_role("radio", name="Must fix").is_checked()
    if how == "a place that is pointed at":
        page.get_by_role("button", name="Move it there").click()
        assert page.locator("#composer .quote").inner_text() != place
        assert page.get_by_role("radio", name="Must fix").is_checked()
    page.locator("#composer button.primary").click()
    page.locator(".thread", has_text="Half a sentence, and").wait_for()
    kinds = [one["kind"] for one in desk.view()["threads"] if one["text"] == "Half a sentence, and"]
    assert kinds == ["must-fix"]
    assert page.get_by_text("A comment is not finished").count() == 0


def test_every_key_arrives_while_another_comment_is_saved_slowly(desk: Desk) -> None:
    page = desk.page
    desk.point_at_a_cell(1)
    comment(page, "Is this a mean?")

    def slowly(route: Any) -> None:
        page.wait_for_timeout(900)  # a slow server, not a wait of the test
        route.continue_()

    page.route("**/events", slowly)
    page.locator(".thread").first.get_by_role("button", name="Close").click()
    desk.point_at_a_cell(3)
    words = "The second seed tells another story, and I wonder which of the two the authors believe."
    page.locator("#composer textarea").press_sequentially(words, delay=25)
    assert page.locator("#composer textarea").input_value() == words
    page.unroute("**/events")
    page.keyboard.press("Control+Enter")
    page.locator(".thread", has_text="another story").wait_for()
    assert page.get_by_text("A comment is not finished").count() == 0, "what was sent is no draft any more"


# --- signed out -----------------------------------------------------------------------------------------------------


def test_signed_out_words_wait_with_growing_pauses_and_go_out_once_with_a_new_link(desk: Desk) -> None:
    page, tries = desk.page, []
    page.on("request", lambda one: tries.append(one.url) if one.url.endswith("/events") else None)
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.get_by_role("button", name="Comment on the whole post").click()
    page.locator("#composer textarea").fill("Written when signed out.")
    page.locator("#composer button.primary").click()
    page.get_by_text("You are signed out. Open a new link; one change is kept here and sent then.").wait_for()
    eventually(page, lambda: len(tries) >= 2, "it tries again by itself")
    begun = len(tries)
    page.wait_for_timeout(5000)  # no flood of tries
    assert len(tries) - begun <= 3, "each try waits longer than the one before"
    assert page.get_by_text("You are signed out").count() == 1 and page.get_by_text("Saving…").count() == 0
    assert cookies, "it was a session that ended"
    other = page.context.new_page()
    other.goto(desk.server.link("cy"))
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url("**/home")
    page.locator(".thread", has_text="Written when signed out.").wait_for()
    assert [one["text"] for one in desk.view()["threads"]] == ["Written when signed out."]


def test_a_button_that_is_pressed_while_something_is_saved_is_clicked(desk: Desk) -> None:
    page = desk.page
    desk.point_at_a_cell(1)
    comment(page, "Is this a mean?")
    held: list[Any] = []
    page.route("**/api/posts/alpha", lambda route: held.append(route))  # what the page asks for after a save
    page.locator(".thread").first.get_by_role("button", name="Close").click()
    eventually(page, lambda: bool(held))
    page.get_by_role("tab", name="Rubric").hover()
    page.mouse.down()
    with page.expect_response("**/api/posts/alpha"):
        held.pop().continue_()
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    page.mouse.up()
    page.locator("[data-summary]").wait_for()


def test_a_summary_that_is_typed_while_the_page_asks_the_server_is_saved_to_its_last_word(desk: Desk) -> None:
    page = desk.page
    desk.point_at_a_cell(1)
    held: list[Any] = []
    page.route("**/api/posts/alpha", lambda route: held.append(route))  # what the page asks for after a save
    page.locator("#composer textarea").fill("Is this a mean?")
    page.locator("#composer button.primary").click()
    eventually(page, lambda: bool(held))
    page.get_by_role("tab", name="Rubric").click()
    page.locator("[data-points=clarity]").fill("30")
    page.locator("[data-summary]").press_sequentially("Sound")
    with page.expect_response("**/api/posts/alpha"):
        held.pop().continue_()
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    page.locator("[data-summary]").press_sequentially(", and clear.")
    page.unroute("**/api/posts/alpha")
    page.get_by_role("tab", name="Comments").click()
    eventually(page, lambda: desk.view()["mine"]["summary"] == "Sound, and clear.", lambda: desk.view()["mine"])


def shows(field: Any, wanted: str) -> bool:
    return bool(field.input_value() == wanted)


def test_a_comment_that_two_tabs_write_has_what_was_typed_in_both(desk: Desk) -> None:
    first = desk.page
    first.get_by_role("button", name="Comment on the whole post").click()
    first.locator("#comment-text").press_sequentially("One")
    second = first.context.new_page()
    second.goto(f"{desk.server.app}/read/alpha")
    second.get_by_role("button", name="Go on writing").click()
    texts = [page.locator("#comment-text") for page in (first, second)]
    for number, (page, word) in enumerate([(second, " two"), (first, " three"), (second, " four")]):
        page.bring_to_front()
        page.locator("#comment-text").focus()
        page.keyboard.press("Control+End")
        page.locator("#comment-text").press_sequentially(word)
        wanted = " ".join(["One", "two", "three", "four"][: number + 2])
        for text in texts:
            eventually(page, partial(shows, text, wanted), text.input_value)
    second.locator("#composer button.primary").click()
    second.locator(".thread", has_text="One two three four").wait_for()
    eventually(first, lambda: first.locator(".thread", has_text="One two three four").count() == 1)
