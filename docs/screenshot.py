"""Makes docs/post.png, the picture in README: ``python docs/screenshot.py [PAGE.html FIGURE]``, on a rendered post."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


def main(page_file: Path, figure: str, picture: Path = HERE / "post.png") -> None:
    """Opens a page as a reader does, and keeps its beginning and, beside it, the screen with a figure at work."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1260})
        shown = {"x": 0, "y": 0, "width": 985, "height": 1260}  # without the empty margin on the right
        page.goto(page_file.resolve().as_uri())
        page.wait_for_load_state("networkidle")
        beginning = page.screenshot(clip=shown)
        page.locator(f"#{figure}").evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 330)")
        page.locator(f"#{figure} .bk-drawing").hover()
        page.wait_for_timeout(1500)
        at_work = page.screenshot(clip=shown)
        browser.close()
    screens = [Image.open(io.BytesIO(data)) for data in (beginning, at_work)]
    both = Image.new("RGB", (sum(one.width for one in screens) + 20, screens[0].height), "#d0d7de")
    both.paste(screens[0], (0, 0))
    both.paste(screens[1], (screens[0].width + 20, 0))
    both.save(picture, optimize=True)


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "_site/projects/perceptron/index.html"
    main(given, sys.argv[2] if len(sys.argv) > 2 else "fig-boundary")
