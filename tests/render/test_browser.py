"""Pages in a real browser: readable by everybody, in both modes, on a phone, offline, under a strict policy."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.render import render_site
from tests.browser import browser
from tests.render.conftest import DATA, SITE, manifest_of, write_site

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[2] / "blogkit" / "check" / "vendor" / "axe-core" / "axe.min.js"
RUN = "async (options) => (await axe.run(document, options)).violations"
PAGES = sorted(
    path.relative_to(DATA / "corpus-facts").with_suffix(".html").as_posix()
    for path in (DATA / "corpus-facts").rglob("*.json")
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module", params=["course", "journal"])
def themed(request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus in each theme."""
    if request.param == "course":
        return corpus
    root = tmp_path_factory.mktemp("journal") / "site"
    shutil.copytree(DATA / "corpus", root)
    config = root / "_quarto.yml"
    config.write_text(config.read_text() + "\nblogkit: {theme: journal}\n")
    render_site(load_site(root), engine="pandoc")
    return root / "_site"


def test_no_page_has_an_axe_violation_in_light_or_dark(themed: Path, chromium: Any) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    found = []
    for name in [*PAGES, "categories/math.html"]:
        page.emulate_media(color_scheme="light")
        page.goto((themed / name).as_uri())
        page.add_script_tag(path=str(AXE))
        violations = page.evaluate(RUN, {"resultTypes": ["violations"]})
        page.emulate_media(color_scheme="dark")
        violations += page.evaluate(RUN, {"runOnly": ["color-contrast"]})
        found += [f"{name}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in violations]
    page.close()
    assert not found, "\n".join(found)


EXTRA = {
    "404.qmd": "---\ntitle: Not here\n---\n\n[Home](/)\n",
    "docs/index.qmd": "---\ntitle: Help\ntoc: true\n---\n\n## One\n\n### Two\n\nWords.\n",
    "projects/a/index.qmd": """---
title: A draft
draft: true
date: 2026-01-01
categories: [x]
---

## Part

::: {.guidance}
Say what is not known, with a [link](../../docs/index.qmd).
:::

::: {.callout-tip collapse="true" title="A folded title"}
Folded words.
:::

::: {.callout-warning collapse="true"}
Folded without a title.
:::
""",
}


@pytest.mark.parametrize("theme", ["course", "journal"])
def test_pages_of_other_kinds_have_no_axe_violation_either(theme: str, chromium: Any, tmp_path: Path) -> None:
    """A page for what is not found, documentation, a draft with notes to its author and folded callouts."""
    config = SITE.replace("{title:", "{draft-mode: visible, title:") + f"blogkit: {{theme: {theme}}}\n"
    config = config.replace("_site}", '_site, render: ["*.qmd", "docs/*.qmd", "projects/*/index.qmd"]}')
    write_site(tmp_path, {"_quarto.yml": config, **EXTRA})
    manifest = manifest_of(tmp_path)
    found = []
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        for one in manifest.pages:
            page.goto(one.output.as_uri())
            page.add_script_tag(path=str(AXE))
            options = {"resultTypes": ["violations"], "rules": {"label-content-name-mismatch": {"enabled": True}}}
            said = page.evaluate(RUN, options)
            found += [f"{one.title} {scheme}: {v['id']} {v['nodes'][0]['html'][:160]}" for v in said]
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()
    assert len(manifest.pages) == 3
    assert not found, "\n".join(found)


@pytest.mark.parametrize("width", [390, 640, 1280])
def test_no_page_scrolls_sideways(width: int, themed: Path, chromium: Any) -> None:
    """640 pixels are what a 1280-pixel window has at 200 % zoom."""
    page = chromium.new_page(viewport={"width": width, "height": 800})
    wide = []
    for name in PAGES:
        page.goto((themed / name).as_uri())
        found = page.evaluate("document.documentElement.scrollWidth")
        if found > width:
            wide.append(f"{name}: {found}")
    page.close()
    assert not wide


def test_a_page_works_under_a_policy_without_inline_code_and_asks_no_other_host(chromium: Any, corpus: Path) -> None:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, directory=str(corpus), **more)

        def end_headers(self) -> None:
            policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:"
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        home = f"http://127.0.0.1:{server.server_address[1]}/"
        page = chromium.new_page()
        said: list[str] = []
        elsewhere: list[str] = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: None if request.url.startswith(home) else elsewhere.append(request.url))
        for name in PAGES:
            page.goto(home + name)
        page.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not said
    assert not elsewhere


FEATURES = {
    "projects/a/index.qmd": """---
title: A post
date: 2026-01-01
toc: true
---

## First {#first}

Words[^n] and @fig-x, as @sec-last says.

[^n]: What the note says.

![A caption.](f.svg){#fig-x fig-alt="A line."}

```python
x = 1
```

"""
    + "Words that fill the page.\n\n" * 60
    + "## Last {#sec-last}\n\n"
    + "Words that end it.\n\n" * 60,
    "projects/a/f.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100"/>',
    "projects/b/index.qmd": "---\ntitle: Another\ndate: 2026-01-02\n---\n\nWords.\n",
}


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A post with what a reader may use; its address."""
    root = tmp_path_factory.mktemp("features")
    write_site(root, FEATURES)
    manifest_of(root)
    return (root / "_site/projects/a/index.html").as_uri()


def test_the_outline_follows_the_reading_position(chromium: Any, post: str) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(post)
    page.evaluate("document.getElementById('sec-last').scrollIntoView()")
    page.wait_for_selector("#TOC a[aria-current]:has-text('Last')")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_selector("#TOC a[aria-current]:has-text('Last')", state="detached")
    page.close()


@pytest.mark.parametrize(
    ("link", "words"),
    [("a.footnote-ref", "What the note says."), ("a.quarto-xref", "A caption."), ("a[href='#sec-last']", "end it")],
)
def test_notes_figures_and_sections_are_previewed_under_the_mouse(
    link: str, words: str, chromium: Any, post: str
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(post)
    page.hover(f"main {link}")
    page.wait_for_selector(".bk-preview")
    assert words in page.inner_text(".bk-preview")
    page.mouse.move(5, 5)
    page.wait_for_selector(".bk-preview", state="detached")
    page.close()


def test_an_image_is_enlarged_and_put_back_by_keyboard(chromium: Any, post: str) -> None:
    page = chromium.new_page()
    page.goto(post)
    page.focus("a.bk-zoom")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] img[alt='A line.']")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.className") == "bk-zoom"
    page.close()


def test_code_is_copied_and_a_section_has_its_address(chromium: Any, post: str) -> None:
    page = chromium.new_page()
    page.goto(post)
    page.evaluate("navigator.clipboard.writeText = words => { window.copied = words; return Promise.resolve(); }")
    page.focus(".bk-copy")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Copied")
    assert page.evaluate("window.copied").strip() == "x = 1"
    assert page.get_attribute("#first .bk-permalink, h2:has-text('First') .bk-permalink", "href") == "#first"
    page.close()


def test_the_choice_of_dark_colours_is_kept_on_the_next_page(chromium: Any, post: str) -> None:
    context = chromium.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(post)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.focus(".bk-theme")
    page.keyboard.press("Space")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    assert page.get_attribute(".bk-theme", "aria-pressed") == "true"
    page.click(".bk-pager a[rel=next]")
    page.locator("h1", has_text="Another").wait_for()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    context.close()


def test_previews_open_by_keyboard(chromium: Any, corpus: Path) -> None:
    page = chromium.new_page()
    page.goto((corpus / "projects/c06-citations/index.html").as_uri())
    page.evaluate("document.querySelector('a[role=doc-biblioref]').focus({focusVisible: true})")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    page.wait_for_selector(".bk-preview")
    assert "Attention Is All You Need" in page.inner_text(".bk-preview")
    page.keyboard.press("Escape")
    assert page.query_selector(".bk-preview") is None
    page.close()


def test_tabs_and_folded_callouts_open_and_without_scripts_all_is_there(chromium: Any, corpus: Path) -> None:
    page = chromium.new_page()
    page.goto((corpus / "projects/c09-layout/index.html").as_uri())
    assert page.is_hidden("text=import jax")
    page.click("text=JAX")
    assert page.is_visible("text=import jax")
    page.goto((corpus / "projects/c08-callouts/index.html").as_uri())
    assert page.is_hidden("text=Hidden warning body.")
    page.focus(".callout-header[aria-controls]")
    page.keyboard.press("Enter")
    assert page.is_visible("text=Hidden warning body.")
    page.close()
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((corpus / "projects/c08-callouts/index.html").as_uri())
    assert page.is_visible("text=Hidden warning body.")
    page.goto((corpus / "projects/c09-layout/index.html").as_uri())
    assert page.is_visible("text=import jax")
    context.close()


def test_the_search_finds_a_section_from_a_page_opened_as_a_file(chromium: Any, corpus: Path) -> None:
    page = chromium.new_page()
    page.goto((corpus / "index.html").as_uri())
    page.fill(".bk-search input", "duplicate heading")
    page.wait_for_selector(".bk-search li a")
    assert "Sections and numbering" in page.inner_text(".bk-search li a")
    page.close()


def test_a_listing_is_filtered_by_words_and_category(chromium: Any, corpus: Path) -> None:
    page = chromium.new_page()
    page.goto((corpus / "index.html").as_uri())
    page.click(".quarto-listing-category a:has-text('math')")
    assert page.locator(".quarto-post:visible").count() == 2
    page.fill(".bk-filter", "theorems")
    assert page.locator(".quarto-post:visible").count() == 1
    assert page.inner_text(".bk-count") == f"1 of {page.locator('.quarto-post').count()} posts"
    page.close()


def test_many_categories_do_not_stand_before_the_posts_of_a_phone(chromium: Any, corpus: Path) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto((corpus / "index.html").as_uri())
    assert page.is_hidden(".quarto-listing-category a")
    page.focus(".bk-categories summary")
    page.keyboard.press("Enter")
    assert page.is_visible(".quarto-listing-category a")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.is_visible(".quarto-listing-category a")
    page.close()


def test_what_only_scripts_can_do_is_not_shown_without_them(chromium: Any, corpus: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((corpus / "index.html").as_uri())
    assert [one for one in (".bk-listing-tools", ".bk-search", ".bk-tools") if page.is_visible(one)] == []
    assert page.is_visible(".quarto-listing-category a")
    page.click(".quarto-listing-category a:has-text('math')")
    assert page.url.endswith("categories/math.html")
    context.close()
