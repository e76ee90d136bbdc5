"""Steps, words that drive a figure, and a hero: the states that a text argues from, with scripts and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from blogkit.errors import RenderError
from blogkit.render.finish.states import read_state, with_state
from blogkit.tools.vega import compile_vega, draw_svg
from tests.browser import browser, offline_page
from tests.figures.gallery import CURVE, CURVES, GALLERY, number
from tests.figures.pages import finish, finished

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STEPS = """
<div class="steps" data-figure="fig-loss">
<div class="step" data-set="until=3"><p>At first all fall.</p></div>
<div class="step" data-set="until=7"><p>Then one is ahead.</p></div>
<div class="step" data-set="until=12"><p>In the end they meet.</p></div>
</div>"""
WORDS = '<p>It falls <span data-set="fig-loss: until=12">after twelve epochs</span>.</p>'
FIGURE = '<div id="fig-loss"><figure><p><img src="results/charts/loss.svg" alt="a"></p></figure></div>'


def chart() -> dict[str, Any]:
    """Curves up to an epoch, over an axis that stays."""
    spec = GALLERY["slider"]
    return {**spec, "encoding": {**CURVE, "x": number("epoch", scale={"domain": [1, 12]})}}


def post(root: Path, body: str = FIGURE + STEPS + WORDS, **charts: Any) -> html.HtmlElement:
    page = finished(root, charts or {"loss": chart()}, images=body)
    return html.document_fromstring(page.read_bytes())


def test_a_step_has_its_state_and_a_drawing_of_it(tmp_path: Path) -> None:
    page = post(tmp_path)
    steps = page.xpath("//div[contains(@class, 'bk-step')][@data-state]")
    assert [json.loads(step.get("data-state")) for step in steps] == [{"until": n} for n in (3, 7, 12)]
    assert [step.get("aria-label") for step in steps] == ["Step 1 of 3", "Step 2 of 3", "Step 3 of 3"]
    drawn = [step.xpath(".//div[@class='bk-still']/svg")[0] for step in steps]
    assert [svg.get("aria-label") for svg in drawn] == [f"loss with until = {n}" for n in (3, 7, 12)]
    assert len({html.tostring(svg) for svg in drawn}) == 3
    assert steps[0].xpath("p/text()") == ["At first all fall."]


def test_the_figure_stands_beside_its_steps(tmp_path: Path) -> None:
    page = post(tmp_path)
    assert page.xpath("//div[contains(@class, 'bk-steps')]/div[@class='bk-stage']//div[@class='bk-figure']")
    assert len(page.xpath("//*[@id='fig-loss']")) == 1


def test_the_state_of_words_is_drawn_below_the_figure(tmp_path: Path) -> None:
    page = post(tmp_path)
    (words,) = page.xpath("//span[contains(@class, 'bk-drive')]")
    assert words.text_content() == "after twelve epochs" and json.loads(words.get("data-state")) == {"until": 12}
    assert page.xpath("//div[@class='bk-figure']/div[@class='bk-still']/p/text()") == ["after twelve epochs"]


def test_a_page_without_states_loads_nothing_for_them(tmp_path: Path) -> None:
    assert not post(tmp_path / "a", FIGURE).xpath("//script[contains(@src, 'figures-steps')]")
    assert post(tmp_path / "b").xpath("//script[contains(@src, 'figures-steps')]")
    assert post(tmp_path / "c").xpath("//link[contains(@href, 'figures-steps')]")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (STEPS.replace("until=3", "untill=3"), "Step 1: the figure has no parameter 'untill'; it has until."),
        (STEPS.replace("until=3", "until"), "'until' does not set anything"),
        (STEPS.replace("fig-loss", "fig-los"), "the post has no figure 'fig-los'."),
        ('<p><span data-set="fig-other: a=1">these</span></p>', "The words 'these': the post has no figure"),
    ],
)
def test_a_state_that_is_not_there_is_an_error_that_says_what_is(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(RenderError) as caught:
        post(tmp_path, FIGURE + body)
    assert said in str(caught.value)
    assert caught.value.problems[0].path is not None


def test_every_problem_of_a_page_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RenderError) as caught:
        post(tmp_path, FIGURE + STEPS.replace("until", "epoch"))
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("name", "text", "signals"),
    [
        ("slider", "until=4", {"until": 4}),
        ("checkbox", "faint=false", {"faint": False}),
        ("text-input", "word=p3", {"word": "p3"}),
        ("slider-selection", "epoch=9", {"chosen_epoch": 9}),
        ("menu-selection", "chosen='run 2'", {"chosen_run": "run 2"}),
        ("two-fields", "run='run 0' epoch=2", {"chosen_run": "run 0", "chosen_epoch": 2}),
        ("legend-start", "run='run 0'", {"chosen_run_legend": "run 0"}),
        ("legend-start", "run=all", {"chosen_run_legend": None}),
    ],
)
def test_a_state_is_drawn_and_set_alike(name: str, text: str, signals: dict[str, Any]) -> None:
    spec = GALLERY[name]
    vega = compile_vega(spec)
    made, given = with_state(spec, vega, read_state(text))
    assert given == signals
    assert draw_svg(compile_vega(made)) != draw_svg(vega)
    assert spec == GALLERY[name]  # the chart itself keeps its start


def test_a_value_that_an_option_does_not_have_names_those_that_it_has() -> None:
    spec = GALLERY["menu-selection"]
    with pytest.raises(ValueError, match="'run' is never 'run 9'; it is one of run 0, run 1, run 2"):
        with_state(spec, compile_vega(spec), {"run": "run 9"})


HEADER = '<header id="title-block-header"><h1>Post</h1></header><p>Introduction.</p>'


def with_hero(root: Path, name: str) -> html.HtmlElement:
    finished(root, {"loss": chart()})
    text = f"<html><head></head><body><main>{HEADER}{FIGURE}</main></body></html>"
    return html.document_fromstring(finish(text, root, hero=name).read_bytes())


def test_a_hero_stands_above_the_introduction(tmp_path: Path) -> None:
    after = with_hero(tmp_path, "fig-loss").xpath("//*[@id='title-block-header']/following-sibling::*")
    assert [one.get("id") for one in after] == ["fig-loss", None] and after[1].text == "Introduction."


def test_a_hero_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no figure 'fig-x', which `hero` names"):
        with_hero(tmp_path, "fig-x")


# --- in a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


def shown(page: Page, epochs: int) -> None:
    """Waits until the figure and its slider show so many epochs."""
    page.wait_for_selector(".bk-figure[data-state=awake]")
    page.wait_for_function(
        """epochs => document.querySelector('output').value === String(epochs)
        && document.querySelector('.bk-awake .mark-line path').getAttribute('d').split('L').length === epochs""",
        arg=epochs,
    )


@pytest.mark.slow
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_figure_takes_the_state_of_the_step_that_is_read(chromium: Browser, tmp_path: Path, motion: Any) -> None:
    post(tmp_path)
    path = tmp_path / "site/projects/post/index.html"
    with offline_page(chromium, viewport={"width": 1280, "height": 700}, reduced_motion=motion) as watched:
        page = watched.page
        page.goto(path.as_uri())
        page.locator(".bk-step").nth(1).evaluate("step => step.scrollIntoView({block: 'center'})")
        shown(page, 7)
        assert page.locator(".bk-now").inner_text() == "Then one is ahead."
        place = page.locator(".bk-stage").bounding_box()
        assert place is not None and place["y"] >= 0  # it stays in view
        page.locator(".bk-step").nth(1).focus()
        page.keyboard.press("ArrowDown")
        shown(page, 12)
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Step 3 of 3"
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        shown(page, 3)
        assert watched.complaints == []


@pytest.mark.slow
def test_words_are_a_button_that_drives_the_figure(chromium: Browser, tmp_path: Path) -> None:
    post(tmp_path, WORDS + FIGURE)
    with offline_page(chromium, viewport={"width": 900, "height": 700}) as watched:
        page = watched.page
        page.goto((tmp_path / "site/projects/post/index.html").as_uri())
        button = page.get_by_role("button", name="after twelve epochs")
        assert button.get_attribute("aria-pressed") == "false"
        button.focus()
        page.keyboard.press("Enter")
        shown(page, 12)
        assert button.get_attribute("aria-pressed") == "true"
        assert watched.complaints == []


@pytest.mark.slow
def test_without_scripts_and_in_print_every_state_is_drawn(chromium: Browser, tmp_path: Path) -> None:
    post(tmp_path)
    path = tmp_path / "site/projects/post/index.html"
    with offline_page(chromium, java_script_enabled=False) as watched:
        watched.page.goto(path.as_uri())
        assert watched.page.locator(".bk-still svg:visible").count() == 4
        assert watched.page.get_by_role("button").count() == 0
    with offline_page(chromium) as watched:
        watched.page.goto(path.as_uri())
        watched.page.wait_for_selector("button.bk-drive")
        assert watched.page.locator(".bk-still svg:visible").count() == 0
        watched.page.emulate_media(media="print")
        assert watched.page.locator(".bk-still svg:visible").count() == 4


def test_the_rows_of_the_chart_reach_every_epoch() -> None:
    """What the tests above count on."""
    assert {row["epoch"] for row in CURVES} == set(range(1, 13))
