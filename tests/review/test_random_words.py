"""Whatever a reviewer does, and whatever happens to page, session and server: each word is there at the end, once."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.browser import browser, eventually
from tests.review.running import Running, chromium, running
from tests.review.school import open_school

pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")]

STEPS = 12
KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('blogkit-queue:') || key.endsWith(':rubric'))"
FIELDS = "[...document.querySelectorAll('#panel textarea[id]')].map((one) => [one.id, one.value])"


class Writer:
    """Cy, who writes on the post `alpha` and does everything else at random."""

    def __init__(self, running_browser: Any, server: Running, seed: int) -> None:
        self.server, self.chance, self.seed = server, random.Random(seed), seed
        self.context = running_browser.new_context(viewport={"width": 1280, "height": 900})
        self.errors: list[str] = []
        self.typed: dict[str, str] = {}
        """Each word, and what was done with it."""
        self.up, self.signed_in, self.story = True, False, list[str]()
        self.pages = [self.new_page()]
        self.sign_in()
        self.read()

    @property
    def page(self) -> Any:
        return self.pages[0]

    def new_page(self) -> Any:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        return page

    # --- what happens

    def sign_in(self) -> None:
        self.ensure_server()
        other = self.new_page()
        other.goto(self.server.link("cy"))
        other.get_by_role("button", name="Sign in").click()
        other.wait_for_url("**/home")
        other.close()
        self.signed_in = True

    def sign_out(self) -> None:
        self.context.clear_cookies()
        self.signed_in = False

    def ensure_server(self) -> None:
        if not self.up:
            self.server.start()
            self.up = True

    def ensure_reader(self) -> None:
        self.ensure_server()
        if not self.signed_in:
            self.sign_in()

    def kill(self) -> None:
        if self.up:
            self.server.end(signal.SIGKILL)
            self.up = False

    def restart(self) -> None:
        self.kill()
        self.ensure_server()

    def read(self) -> None:
        self.page.goto(f"{self.server.app}/read/alpha")
        self.page.locator("#panel .tabs").wait_for()

    def reload(self) -> None:
        self.ensure_reader()
        self.read()

    def crash(self) -> None:
        """The page's process ends between two keys, as on a phone that needs the memory."""
        self.ensure_reader()
        lost = self.pages.pop(0)
        with suppress(Exception):
            lost.goto("chrome://crash")
        lost.close()
        self.pages.insert(0, self.new_page())
        self.read()

    def other_tab(self) -> None:
        """Goes to another tab of the same post, which has heard of what was written here."""
        if len(self.pages) == 1:
            self.ensure_reader()
            self.pages.insert(0, self.new_page())
            self.read()
            return
        self.pages.reverse()
        self.page.bring_to_front()
        self.settle()

    def settle(self) -> None:
        """Everything of the browser's is sent, and the tab shows what the server has."""
        self.ensure_reader()
        eventually(self.page, lambda: not self.page.evaluate(KEPT), lambda: f"{self}: {self.page.evaluate(KEPT)}")
        self.reload()

    # --- what is written

    def word(self) -> str:
        word = f"w{self.seed}x{len(self.typed)}"
        self.typed[word] = "typed"
        return word

    def comments(self) -> None:
        self.page.get_by_role("tab", name="Comments").click()

    def add_word(self, field: Any) -> str:
        word = self.word()
        field.focus()
        self.page.keyboard.press("Control+End")
        field.press_sequentially(f" {word}")
        return word

    def write_comment(self) -> None:
        self.comments()
        for name in ("Go on writing", "Comment on the whole post"):
            start = self.page.get_by_role("button", name=name)
            if not self.page.locator("#composer").count() and start.count():
                start.click()
        self.add_word(self.page.locator("#comment-text"))
        if self.chance.random() < 0.6:
            self.page.locator("#composer button.primary").click()

    def write_in_thread(self, name: str) -> None:
        self.comments()
        cards = self.page.locator(".thread")
        if not cards.count():
            self.write_comment()
            return
        card = self.page.locator(f'[id="{self.chance.choice(cards.evaluate_all("all => all.map(one => one.id)"))}"]')
        card.locator(".actions > button", has_text=name).first.click()
        form = card.locator(f"form[data-mode={name.lower()}]")
        self.add_word(form.locator("textarea"))
        if self.chance.random() < 0.5:
            form.locator("button.primary").click()

    def reply(self) -> None:
        self.write_in_thread("Reply")

    def edit(self) -> None:
        self.write_in_thread("Edit")

    def score(self) -> None:
        self.page.get_by_role("tab", name="Rubric").click()
        self.add_word(self.page.locator(self.chance.choice(["#note-soundness", "#note-clarity", "#summary"])))
        if self.chance.random() < 0.5:
            self.page.locator("[data-points=clarity]").fill(str(self.chance.randrange(41)))

    def open_a_comment(self) -> None:
        self.comments()
        if self.page.locator(".thread .number").count():
            self.page.locator(".thread .number").first.click()

    def switch(self) -> None:
        self.page.get_by_role("tab", name=self.chance.choice(["Comments", "Rubric"])).click()

    def live(self, steps: int) -> None:
        acts: list[tuple[Callable[[], None], int]] = [
            (self.write_comment, 4), (self.reply, 4), (self.edit, 4), (self.score, 5), (self.open_a_comment, 1),
            (self.switch, 2), (self.reload, 2), (self.crash, 1), (self.sign_out, 1), (self.sign_in, 1), (self.kill, 1),
            (self.restart, 1), (self.other_tab, 1),
        ]  # fmt: skip
        for act in self.chance.choices([act for act, _ in acts], [often for _, often in acts], k=steps):
            self.story.append(act.__name__)
            act()

    # --- what is there

    def judge(self) -> None:
        """Every word is on the server or in a field that shows it again, and nothing is there twice."""
        self.settle()
        view = self.page.request.get(f"{self.server.app}/api/posts/alpha").json()
        there = [text for one in view["threads"] for text in (one["text"], *(each["text"] for each in one["replies"]))]
        mine = view["mine"]
        there += [*mine["notes"].values(), mine["summary"]]
        self.comments()
        if self.page.get_by_role("button", name="Go on writing").count():
            self.page.get_by_role("button", name="Go on writing").click()
        begun = [value for _, value in self.page.evaluate(FIELDS)]
        for word in self.typed:
            kept, drafts = ("\n".join(texts).split().count(word) for texts in (there, begun))
            assert kept == 1 or (kept == 0 and drafts == 1), f"{self}: {word} {kept} times, {drafts} in drafts"
        assert self.errors == []

    def end(self) -> None:
        self.ensure_server()
        self.context.close()

    def __str__(self) -> str:
        return f"seed {self.seed}: {', '.join(self.story)}"


def live_through(tmp_path: Path, seeds: range, steps: int = STEPS) -> None:
    """So many reviewers one after the other, each with a class of their own."""
    with browser() as one:
        for seed in seeds:
            with running(open_school(tmp_path / str(seed))) as server:
                writer = Writer(one, server, seed)
                writer.live(steps)
                writer.judge()
                writer.end()


def test_every_word_is_there_at_the_end(tmp_path: Path) -> None:
    live_through(tmp_path, range(3))


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
def test_every_word_is_there_at_the_end_of_many_sequences(tmp_path: Path) -> None:
    live_through(tmp_path, range(100, 400), steps=20)
