"""A comment on one of several equal formulas is shown on that one."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.page.places import read_page
from blogkit.review.anchor import AnchorState, anchor
from tests.browser import browser
from tests.figures.pages import finished
from tests.review.clicking import open_frame, review_copy

MATH = "<math><mi>f</mi></math>"
PROSE = f"""<section id="sec-model"><p>The network {MATH} maps inputs to classes; the loss of {MATH} is measured.</p>
<p>A second network shares its weights with {MATH} in all layers but one.</p></section>"""
SHOW = """(threads) => document.querySelector("iframe").contentWindow.postMessage(
  { blogkit: 1, type: "threads", threads, writable: true }, "*")"""
COVERED = """() => {
  const pin = document.querySelector("#review-layer .pin").getBoundingClientRect();
  return [...document.querySelectorAll("math")].map((one) => {
    const { x, y, width, height } = one.getBoundingClientRect();
    return pin.left <= x && pin.right >= x + width && pin.top <= y && pin.bottom >= y + height;
  });
}"""


@pytest.mark.slow
def test_a_comment_on_one_of_several_equal_formulas_is_shown_on_that_one(tmp_path: Path) -> None:
    copy = review_copy(finished(tmp_path, {}, before=PROSE), tmp_path / "site")
    with browser() as running:
        page, frame = open_frame(running, copy)
        for number in range(3):
            page.evaluate("window.said = []")
            frame.locator("math").nth(number).hover()
            frame.locator("#review-tool:visible").click()
            page.wait_for_function("window.said.length")
            (choice,) = page.evaluate("window.said[0]")
            place = anchor(read_page(copy), choice["selectors"])
            assert (place.state, place.start) == (AnchorState.ATTACHED, number)
            shown = {"id": f"urn:{number}", "number": number + 1, "kind": "question", "closed": False}
            about = {"state": "attached", "start": place.start, "end": place.end, "selectors": choice["selectors"]}
            page.evaluate(SHOW, [{**shown, **about}])
            frame.locator(f".pin[data-mark='{number + 1}']").wait_for()
            assert frame.evaluate(COVERED) == [one == number for one in range(3)]
            page.evaluate(SHOW, [])
            frame.locator(".pin").wait_for(state="detached")
