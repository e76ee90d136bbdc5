"""What only shows when a page is opened in a real browser is found there, and a sound page is left in peace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from blogkit import charts, record
from blogkit.check import Report, check_path, check_paths, load, looking
from blogkit.errors import ToolMissing
from blogkit.live import bytes_script
from blogkit.publish.package import pack
from blogkit.tools.chromium import can_browse, chromium, find_chromium
from tests.check import pages
from tests.check.pages import page, submission, zipped_folder
from tests.figures.live import live_page, network, run_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_browse(), reason="no Chromium, or no Playwright: nothing can be opened in a browser"),
]
PROFILE = load("mit-6.7960")


def opened(tmp_path: Path, html: str, more: dict[str, str | bytes] | None = None) -> Report:
    files = {"site_libs/paper.png": pages.png(4, 4), **(more or {})}
    return check_path(submission(tmp_path / "post", html, files), profile=PROFILE, browser=True)


def messages(report: Report, *codes: str) -> list[str]:
    return [one.message for one in report.standing if not codes or one.code in codes]


def test_a_sound_page_is_left_in_peace(tmp_path: Path) -> None:
    styled = page().replace("href=", "href=", 1)
    report = opened(tmp_path, styled, {"site_libs/quarto.css": "img, svg { max-width: 100% } a { color: #0645ad }"})
    assert messages(report) == []


def test_a_request_that_a_script_makes_later_is_caught(tmp_path: Path) -> None:
    late = "<script>setTimeout(() => { new Image()['sr' + 'c'] = 'https:' + '//late.host.edu/x' }, 20000)</script>"
    report = opened(tmp_path, page(end=late))
    assert messages(report, "BK102") == ["opened in a browser, the page asks the network for https://late.host.edu/x."]
    assert report.count(PROFILE.level("offline") or pytest.fail()) == 1


def test_a_request_on_touch_is_caught(tmp_path: Path) -> None:
    touch = (
        "<script>for (const one of document.querySelectorAll('figure')) one.addEventListener('pointerenter', () =>"
        " { const s = document.createElement('script'); s['src'] = ['https:/', 'touch.host.edu', 'a.js'].join('/');"
        " document.head.append(s) })</script>"
    )
    assert messages(opened(tmp_path, page(end=touch)), "BK102") == [
        "opened in a browser, the page asks the network for https://touch.host.edu/a.js."
    ]


def test_what_the_page_computes_and_is_not_there_is_named(tmp_path: Path) -> None:
    report = opened(tmp_path, page(end="<script>document.write('<img alt=x src=g' + 'one.png>')</script>"))
    assert messages(report, "BK103") == ["opened in a browser, the page asks for gone.png, which is not there."]
    assert messages(report, "BK124") == ["the image gone.png does not load."]


def test_an_error_in_the_console_is_reported(tmp_path: Path) -> None:
    report = opened(tmp_path, page(end="<script>undefinedFunction()</script>"))
    assert messages(report) == ["the browser's console says: undefinedFunction is not defined"]


def test_a_figure_that_stays_empty_is_reported(tmp_path: Path) -> None:
    empty = (
        '<div id="vis"></div><script>var spec = {}; window.vegaEmbed && vegaEmbed("#vis", spec)</script>'
        '<figure id="fig-9"><canvas id="c" width="300" height="200" aria-label="A curve."></canvas>'
        "<figcaption>Figure 9: The loss.</figcaption></figure>"
    )
    report = opened(tmp_path, page(end=empty))
    assert messages(report, "BK124") == ["the figure #fig-9 stays empty.", "the figure #vis stays empty."]


def test_a_canvas_that_a_script_fills_is_a_figure_and_needs_the_script(tmp_path: Path) -> None:
    drawn = (
        '<figure id="fig-9"><canvas id="c" width="300" height="200" aria-label="A curve."></canvas>'
        "<figcaption>Figure 9: The loss.</figcaption></figure>"
        "<script>document.getElementById('c').getContext('2d').fillRect(9, 9, 99, 99)</script>"
    )
    report = opened(tmp_path, page(end=drawn))
    assert messages(report, "BK124") == []
    assert messages(report, "BK127") == ["without JavaScript the figure #fig-9 stays empty."]


def test_a_warning_in_the_console_and_a_canvas_with_a_picture_in_its_place_are_no_fault(tmp_path: Path) -> None:
    with_picture = (
        '<figure id="fig-9"><canvas id="c" width="300" height="200" aria-label="A curve." hidden></canvas>'
        '<noscript><img src="results/charts/error.svg" alt="A curve."></noscript>'
        "<figcaption>Figure 9: The loss.</figcaption></figure><script>console.warn('slow'); c.hidden = false;"
        "c.getContext('2d').fillRect(9, 9, 99, 99)</script>"
    )
    assert messages(opened(tmp_path, page(end=with_picture)), "BK124", "BK125", "BK127") == []


def test_equations_that_are_not_typeset_are_reported(tmp_path: Path) -> None:
    local = '<script src="mathjax.js"></script><p>where <span class="math inline">\\(x^2\\)</span> is</p>'
    report = opened(tmp_path, page(end=local), {"mathjax.js": "/* the wrong file */"})
    assert messages(report, "BK124") == ["an equation shows as its source: \\(x^2\\)."]


def test_sideways_scroll_on_a_phone_is_reported_with_its_cause(tmp_path: Path) -> None:
    report = opened(tmp_path, page(end='<div id="broad" style="width: 900px">Words</div>'))
    assert messages(report) == [
        "on a screen of 390 pixels the page is 908 wide and scrolls sideways; <div id=broad> is the widest."
    ]
    scrolls = '<div style="overflow-x: auto"><div style="width: 900px">Words</div></div>'
    assert messages(opened(tmp_path / "b", page(end=scrolls))) == []


def test_the_accessibility_check_speaks_of_contrast(tmp_path: Path) -> None:
    report = opened(tmp_path, page(end='<p style="color: #bbb; background: #fff">Pale words</p>'))
    (said,) = messages(report)
    assert said.startswith("accessibility: Elements must meet minimum color contrast ratio thresholds (color-contrast")


def test_a_zip_is_opened_like_a_folder_and_nothing_outside_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.svg").write_text(pages.SVG)
    peek = f"<script>document.write('<img alt=x src=file:' + '//{tmp_path}/secret.svg>')</script>"
    folder = submission(tmp_path / "post", page(end=peek), {"site_libs/paper.png": pages.png(4, 4)})
    report = check_path(zipped_folder(tmp_path / "a.zip", folder), profile=PROFILE, browser=True)
    assert [one for one in messages(report, "BK103") if "secret.svg" in one]
    assert "the image secret.svg does not load." in messages(report, "BK124")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Browser]:
    """Every Chromium that is started while the test runs."""
    browsers: list[Browser] = []

    @contextmanager
    def counted() -> Iterator[Browser]:
        with chromium() as browser:
            browsers.append(browser)
            yield browser

    monkeypatch.setattr("blogkit.tools.chromium.chromium", counted)
    return browsers


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for every Chromium that any process starts while the test runs."""
    log = tmp_path / "starts"
    wrapper = tmp_path / "chromium"
    wrapper.write_text(f'#!/bin/sh\necho started >> "{log}"\nexec "{find_chromium()}" "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("BLOGKIT_CHROMIUM", str(wrapper))
    return log


def test_several_submissions_are_opened_in_one_browser(tmp_path: Path, starts: Path) -> None:
    paper = {"site_libs/paper.png": pages.png(4, 4)}
    late = page(end="<script>new Image()['sr' + 'c'] = 'https:' + '//late.host.edu/x'</script>")
    zips = [
        zipped_folder(tmp_path / f"{number}.zip", submission(tmp_path / f"{number}", html, paper))
        for number, html in enumerate((page(), late, page()))
    ]
    found = [messages(report, "BK102") for report in check_paths(zips, profile=PROFILE, browser=True)]
    assert [len(said) for said in found] == [0, 1, 0]
    assert len(starts.read_text().split()) == 1


def test_a_page_that_never_comes_to_rest_does_not_stop_the_others(tmp_path: Path) -> None:
    paper = {"site_libs/paper.png": pages.png(4, 4)}
    endless = page(end="<script>addEventListener('load', () => { for (;;); })</script>")
    zips = [
        zipped_folder(tmp_path / f"{number}.zip", submission(tmp_path / f"{number}", html, paper))
        for number, html in enumerate((endless, page()))
    ]
    first, second = check_paths(zips, profile=PROFILE, browser=True, seconds=20)
    assert "longer than 20 seconds" in first.refused or "could not look at it" in first.refused
    assert messages(second) == []


def test_before_a_release_only_what_would_stop_it_is_looked_at(tmp_path: Path) -> None:
    faulty = (
        '<div style="width: 900px">Words</div><script>new Image()["sr" + "c"] = "https:" + "//late.host.edu/x"</script>'
    )
    folder = submission(tmp_path / "post", page(end=faulty), {"site_libs/paper.png": pages.png(4, 4)})
    with looking(PROFILE) as look:
        report = check_path(folder, profile=PROFILE, browser=look)
    assert messages(report) == ["opened in a browser, the page asks the network for https://late.host.edu/x."]


def test_a_browser_that_died_is_started_anew_for_the_next_post(tmp_path: Path, started: list[Browser]) -> None:
    folder = submission(tmp_path / "post", page(), {"site_libs/paper.png": pages.png(4, 4)})
    with looking() as look:
        first = check_path(folder, profile=PROFILE, browser=look)
        started[0].close()
        assert messages(check_path(folder, profile=PROFILE, browser=look)) == messages(first) == []
    assert len(started) == 2


def test_without_a_browser_there_is_an_error_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing, match="there is none on PATH"), chromium():
        pass


def test_a_live_figure_that_answers_otherwise_or_not_at_all_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_folder(tmp_path, monkeypatch)
    parts = charts.features(x=charts.axis(-1, 1, 5), rate=charts.slider(0, 1))
    lines = {}
    for seed, name in enumerate(("a", "b", "c")):
        record.model(name, network(2, 3, 1, seed=seed))
        lines[name] = charts.live(name, parts, columns="y").mark_line().encode(x="x:Q", y="y:Q")
    package = pack(live_page(tmp_path, run, lines), tmp_path / "site")
    for name, data in package.files.items():
        if name.endswith(".js") and "/b-" in name:
            data = bytes_script(f"{Path(name).stem}.onnx", network(2, 3, 1, seed=9)).encode()
        if "/c-" not in name:
            (tmp_path / "post" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "post" / name).write_bytes(data)
    report = check_path(tmp_path / "post", profile=PROFILE, browser=True)
    assert messages(report, "BK124") == [
        "the model of the live figure #bk-2-b answers otherwise than the figure is drawn.",
        "the model of the live figure #bk-3-c does not answer.",
    ]
