"""Each rule reports a page that breaks it, and keeps quiet about one that comes close and does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from blogkit.check import all_rules, check_path, load
from blogkit.model import Finding
from tests import test_conditions
from tests.check import pages, test_browser, test_freshness, test_project, test_slips
from tests.check.pages import page, prose, submission
from tests.gather import test_coverage, test_places

PROFILE = load("mit-6.7960")


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [one.code for one in findings]


def found(tmp_path: Path, html: str, more: Mapping[str, str | bytes] | None = None) -> tuple[Finding, ...]:
    return check_path(submission(tmp_path / "post", html, more), profile=PROFILE).findings


def test_a_clean_post_is_clean(tmp_path: Path) -> None:
    assert found(tmp_path, page()) == ()


@dataclass(frozen=True)
class Case:
    """One change of the clean post, and whether its rule speaks."""

    code: str
    """The only rule that may speak."""
    name: str
    speaks: str
    """Words of the message; empty for a near miss."""
    html: str
    more: Mapping[str, str | bytes] = field(default_factory=dict)


def broken(code: str, name: str, says: str, html: str, more: Mapping[str, str | bytes] | None = None) -> Case:
    return Case(code, name, says, html, more or {})


def near(code: str, name: str, html: str, more: Mapping[str, str | bytes] | None = None) -> Case:
    return Case(code, name, "", html, more or {})


def section(name: str, title: str, inner: str) -> str:
    return f'<section id="{name}" class="level2"><h2>{title}</h2>{inner}</section>'


REMOTE = "https://cdn.host.edu/lib"
CASES = [
    # --- 101: one page
    broken("BK101", "second index", "a second index.html, demo/index.html", page(), {"demo/index.html": "<p>"}),
    near("BK101", "a page with another name", page(), {"demo/play.html": "<p>"}),
    # --- 102: offline
    broken("BK102", "script", "<script src> loads", page(end=f'<script src="{REMOTE}.js"></script>')),
    broken("BK102", "style sheet", "<link rel=stylesheet> loads", page(end=f'<link rel="stylesheet" href="{REMOTE}.css">')),
    broken("BK102", "image", "loads https", page(end=f'<img src="{REMOTE}.png" alt="" role="presentation" width="9">')),
    broken("BK102", "image set", "<img srcset> loads", page(end=f'<img width="9" alt="" src="results/charts/error.svg" srcset="results/charts/error.svg 1x, {REMOTE}.png 2x">')),
    broken("BK102", "protocol of the page", "loads //cdn", page(end='<script src="//cdn.host.edu/a.js"></script>')),
    broken("BK102", "video", "<source src> loads", page(end=f'<p><video width="20" title="t"><source src="{REMOTE}.mp4"></video></p>')),
    broken("BK102", "frame", "<iframe src> loads", page(end='<iframe width="20" title="t" src="https://player.host.edu/1"></iframe>')),
    broken("BK102", "font in a style sheet", "CSS url() loads", page(), {"site_libs/quarto.css": f"@font-face{{src:url({REMOTE}.woff2)}}"}),
    broken("BK102", "import", "CSS @import loads", page(end=f'<style>@import "{REMOTE}.css";</style>')),
    broken("BK102", "style attribute", "CSS url() loads", page(end=f'<p style="background:url({REMOTE}.png)">Words</p>')),
    broken("BK102", "fetch", "fetch() loads", page(end=f"<script>fetch('{REMOTE}.json').then(draw)</script>")),
    broken("BK102", "a script's src", "a script's src loads", page(end=f"<script>var s = new Image(); s.src = '{REMOTE}/a';</script>")),
    broken("BK102", "fetch in a script file", "fetch() loads", page(end='<script src="a.js"></script>'), {"a.js": f'fetch("{REMOTE}.csv")'}),
    broken("BK102", "data of a chart", "a chart's url loads", page(end=f'<script type="application/json">{{"data": {{"url": "{REMOTE}.csv"}}}}</script>')),
    broken("BK102", "chart in vegaEmbed", "loads https", page(end=f"<script>vegaEmbed('#v', {{\"data\": {{\"url\": \"{REMOTE}.json\"}}}})</script>")),
    broken("BK102", "MathJax", "loads https", page(end='<script src="https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-mml-chtml.js"></script>')),
    broken("BK102", "preconnect", "<link rel=preconnect> loads", page(end='<link rel="preconnect" href="https://fonts.example.org">')),
    broken("BK102", "module import", "import loads", page(end=f"<script type=\"module\">import x from '{REMOTE}.js'</script>")),
    near("BK102", "a link to follow", page(end='<p><a href="https://example.edu">More</a></p>')),
    near("BK102", "an address in a comment", page(end=f"<script>// see {REMOTE}.js\n/* fetch('{REMOTE}.json') */</script>")),
    near("BK102", "an address in code", page(end=f"<pre><code>fetch('{REMOTE}.json')</code></pre>")),
    near("BK102", "a commented style", page(end=f"<style>/* @import '{REMOTE}.css' */ p {{ color: red }}</style>")),
    near("BK102", "a name space", page(end='<script>document.createElementNS("http://www.w3.org/2000/svg", "svg")</script>')),
    near("BK102", "a schema", page(end='<script type="application/json">{"$schema": "https://vega.github.io/schema/vega/v5.json"}</script>')),
    near("BK102", "metadata for search engines", page(end='<script type="application/ld+json">{"author": {"url": "https://ada.host.edu"}}</script>')),
    near("BK102", "an address in a chart's rows", page(end='<script type="application/json">{"data": {"values": [{"url": "https://host.edu/a.csv"}]}, "usermeta": {"url": "https://host.edu"}}</script>')),
    near("BK111", "how to cite the post itself", page(end='<section id="quarto-citation"><div class="csl-entry" id="ref-self">Example, Ada. 2026.</div></section>')),
    near("BK102", "a data address", page(end='<style>p { background: url("data:image/png;base64,AA==") }</style>')),
    near("BK102", "a canonical link", page(end='<link rel="canonical" href="https://example.edu/post">')),
    near("BK102", "a help text of a library", page(end='<script src="a.js"></script>'), {"a.js": 'throw Error("see https://example.org/a.js")'}),
    # --- 103: files
    broken("BK103", "missing picture", "points to gone.png, which is not there", page(end='<img src="gone.png" alt="" width="9">')),
    broken("BK103", "missing download", "points to data.csv", page(end='<p><a href="data.csv">Data</a></p>')),
    broken("BK103", "missing font", "points to fonts/gone.woff2", page(), {"site_libs/quarto.css": "@font-face{src:url(fonts/gone.woff2)}"}),
    broken("BK103", "letter case", "but the file is called Plot.PNG", page(end='<img src="plot.png" alt="" width="9">'), {"Plot.PNG": b"x"}),
    broken("BK103", "outside", "outside the submission", page(end='<img src="../plot.png" alt="" width="9">')),
    broken("BK103", "the disk's root", "outside the submission", page(end='<img src="/home/me/plot.png" alt="" width="9">')),
    broken("BK103", "a file address", "outside the submission", page(end='<img src="file:///tmp/plot.png" alt="" width="9">')),
    near("BK103", "an escaped name", page(end='<img src="my%20plot.png?v=2#x" alt="" width="9">'), {"my plot.png": b"x"}),
    near("BK103", "a place on the page", page(end='<p><a href="#methods">Methods</a> <a href="mailto:a@b.org">me</a></p>')),
    # --- 104: words
    broken("BK104", "too long", "3,561 words; 2,000–3,000 are asked for, so cut 561", page(METHODS=section("methods", "Methods", prose(1700)))),
    broken("BK104", "too short", "are missing", page(METHODS=section("methods", "Methods", prose(100)))),
    near("BK104", "code, tables and captions", page(end=f"<pre><code>{prose(900)}</code></pre>")),
    near("BK104", "an appendix", page(end=f'<section id="appendix"><h2>Appendix A</h2>{prose(900)}<h3>More</h3>{prose(100)}</section>')),
    # --- 105: figures
    broken("BK105", "too few", "1 figure and 1 table; 4–6", page(RESULTS=section("results", "Results", prose(400) + pages.figure(1) + pages.table()))),
    broken("BK105", "too many", "6 figures and 1 table; 4–6 in all are asked for", page(end="".join(pages.figure(number) for number in (4, 5, 6)))),
    near("BK105", "figures of an appendix", page(end=f'<section class="appendix"><h2>Appendix</h2>{pages.figure(4)}{pages.figure(5)}{pages.figure(6)}</section>')),
    # --- 106: parts
    broken("BK106", "no background", "no section is the background", page(BACKGROUND=pages.BACKGROUND.replace(">Background<", ">Something else<"), TOC="")),
    broken("BK106", "empty part", 'the section "Methods" is empty', page(METHODS=section("methods", "Methods", ""), BACKGROUND=pages.BACKGROUND + prose(500))),
    near("BK106", "other words", page(BACKGROUND=pages.BACKGROUND.replace(">Background<", ">Related Work<"))),
    near("BK106", "numbered headings", page(METHODS=pages.METHODS.replace(">Methods<", '><span class="header-section-number">3</span> Experimental setup<'))),
    # --- 107: limitations
    broken("BK107", "none", '"Conclusion" does not speak of limitations', page(CONCLUSION=pages.CONCLUSION.replace("A limitation is that we only trained on one data set.", "It works well."))),
    near("BK107", "other words", page(CONCLUSION=pages.CONCLUSION.replace("A limitation is that we only trained on one data set.", "These findings cannot rule out an effect of depth."))),
    # --- 108: hypothesis
    broken("BK108", "unmarked", "no marked block", page(INTRODUCTION=section("introduction", "Introduction", prose(500) + "<p>Our hypothesis is that width moves the peak.</p>"))),
    broken("BK108", "two", "2 blocks are marked", page(end='<div class="hypothesis"><p>Depth alone moves the peak of the error.</p></div>')),
    broken("BK108", "empty", "states none", page(INTRODUCTION=pages.INTRODUCTION.replace("Width alone moves the peak of the test error.", ""))),
    near("BK108", "a callout by its title", page(INTRODUCTION=pages.INTRODUCTION.replace('id="hypothesis" ', ""))),
    # --- 109: figures
    broken("BK109", "no alt text", "has no alt text", page(RESULTS=pages.RESULTS.replace(' alt="The error falls, rises at the threshold and falls again."', "", 1))),
    broken("BK109", "alt text is the file's name", 'it is the file name "error.svg"', page(RESULTS=pages.RESULTS.replace("The error falls, rises at the threshold and falls again.", "error.svg", 1))),
    broken("BK109", "no caption", "has no caption", page(end='<figure><img src="results/charts/error.svg" alt="A curve."></figure>')),
    broken("BK109", "no number", "has a caption but no number", page(end='<figure><img src="results/charts/error.svg" alt="A curve."><figcaption>The error.</figcaption></figure>')),
    broken("BK109", "raw column name", 'the y axis is titled with the raw column name "test_error"', page(), {"results/charts/error.vl.json": '{"mark": "line", "encoding": {"x": {"field": "w", "type": "quantitative", "title": "Width"}, "y": {"field": "test_error", "type": "quantitative"}}}'}),
    broken("BK109", "no axis title", "the x axis has no title", page(), {"results/charts/error.vl.json": '{"mark": "line", "encoding": {"x": {"field": "w", "type": "quantitative", "title": null}, "y": {"field": "e", "title": "Test error (%)"}}}'}),
    near("BK109", "axis titles", page(), {"results/charts/error.vl.json": '{"layer": [{"mark": "line", "encoding": {"x": {"field": "test_width", "type": "quantitative", "title": "Width"}, "y": {"field": "test_error", "type": "quantitative", "title": "Test error (%)"}}}, {"mark": "rule", "encoding": {"x": {"field": "test_width", "type": "quantitative"}}}]}'}),
    near("BK109", "decoration", page(end='<p><img src="results/charts/error.svg" alt="" width="16"> Words.</p>')),
    # --- 110: equations
    broken("BK110", "dollars", "$x_i$ shows as its source", page(end="<p>where $x_i$ is the input</p>")),
    broken("BK110", "parentheses", "shows as its source", page(end=r"<p>where \(x\) is the input</p>")),
    broken("BK110", "a command", "shows as its source", page(end=r"<p>the \alpha of the loss</p>")),
    broken("BK110", "pandoc's raw span", "shows as its source", page(end=r'<p><span class="math inline">\(x^2\)</span></p>')),
    near("BK110", "prices", page(end="<p>It costs $5, and $10 more; a path is C:\\new and \\ is a sign.</p>")),
    near("BK110", "code", page(end=r"<p><code>$x_i$</code></p><pre>\frac{1}{2}</pre>")),
    # --- 111: citations
    broken("BK111", "background without", '"Background" cites nothing', page(BACKGROUND=section("background", "Background", prose(500)), METHODS=pages.METHODS + '<p><span class="citation" data-cites="belkin2019">(<a href="#ref-belkin2019" role="doc-biblioref">Belkin 2019</a>)</span></p>')),
    broken("BK111", "never cited", "is cited nowhere", page(REFERENCES=pages.REFERENCES.replace("</div></div></section>", '</div><div id="ref-x2020" class="csl-entry">X. 2020. Unused.</div></div></section>'))),
    broken("BK111", "dead", "leads to #ref-nobody1999", page(end='<p><a href="#ref-nobody1999" role="doc-biblioref">Nobody 1999</a></p>')),
    broken("BK111", "unresolved by pandoc", "the citation nobody1999 is in no bibliography", page(end='<p><span class="citation" data-cites="nobody1999">(<strong>nobody1999?</strong>)</span></p>')),
    broken("BK111", "raw", "[@belkin2019] was not turned into", page(end="<p>As known [@belkin2019].</p>")),
    near("BK111", "an e-mail address", page(end="<p>Write to ada@mit2026.edu.</p>")),
    # --- 113: links
    broken("BK113", "contents", 'the contents entry "Methods" leads to #method,', page(TOC=pages.TOC.replace("#methods", "#method"))),
    broken("BK113", "two ids", 'the id "methods" is used 2 times', page(end='<p id="methods">Again</p>')),
    broken("BK113", "dead link", "leads to #nowhere", page(end='<p><a href="#nowhere">There</a></p>')),
    near("BK113", "an anchor by name", page(end='<p><a href="#here">There</a><a name="here"></a> <a href="#">Up</a></p>')),
    # --- 114: authors
    broken("BK114", "four", "4 authors (A Bee, C Dee, E Eff, G Gee)", page(STATEMENT=pages.STATEMENT + section("contributions", "Contributions", "<p>All did all.</p>"), TITLE=pages.TITLE.replace("<p>Ada Example </p>", "<p>A Bee</p><p>C Dee</p><p>E Eff</p><p>G Gee</p>"))),
    broken("BK114", "none", "no author is named", page(TITLE=pages.TITLE.replace("<p>Ada Example </p>", ""))),
    near("BK114", "three", page(STATEMENT=pages.STATEMENT + section("contributions", "Contributions", "<p>All did all.</p>"), TITLE=pages.TITLE.replace("<p>Ada Example </p>", "<p>A Bee</p><p>C Dee</p><p>E Eff</p>"))),
    # --- 115: placeholders
    broken("BK115", "guidance", "the template's guidance", page(end='<div class="guidance"><p>Say here what you found.</p></div>')),
    broken("BK115", "a note", '"TODO" is a note to yourself', page(end="<p>TODO write this</p>")),
    broken("BK115", "filler", '"Lorem ipsum" is filler text', page(end="<p>Lorem ipsum dolor.</p>")),
    broken("BK115", "link", 'the address "your_website" is a placeholder', page(end='<p><a href="your_website">Me</a></p>')),
    broken("BK115", "tab's title", "the browser tab says", page(HEAD=pages.HEAD.replace("Does width alone explain double descent? – Posts", "Sample Template"))),
    near("BK115", "a word like it", page(end="<p>The TODOs of autodocs, methods todo lists, your named entities; your name tags.</p>")),
    # --- 116: AI
    broken("BK116", "missing", "nothing says whether an AI assistant helped", page(STATEMENT="")),
    broken("BK116", "which", "does not say which assistant", page(STATEMENT=section("ai", "AI assistance", "<p>We had some help with the writing.</p>"))),
    broken("BK116", "what for", "does not say what", page(STATEMENT=section("ai", "Use of AI", "<p>We used ChatGPT here.</p>"))),
    broken("BK116", "a model as the subject", "nothing says", page(STATEMENT=section("more", "More", "<p>GPT-4 was trained on text. We compare GPT-2 and Llama in our experiments.</p>"))),
    near("BK116", "none was used", page(STATEMENT=section("ai", "AI statement", "<p>No AI assistant was used.</p>"))),
    near("BK116", "in the acknowledgements", page(STATEMENT=section("thanks", "Acknowledgements", "<p>We used Claude to help debug the training loop.</p>"))),
    # --- 117: uncertainty
    broken("BK117", "no uncertainty", "without their uncertainty", page(RESULTS=pages.RESULTS.replace("0.21 ± 0.02", "0.21").replace(", five seeds", ""))),
    broken("BK117", "no baseline", "no baseline is named", page(RESULTS=pages.RESULTS.replace("baseline", "narrow network"))),
    near("BK117", "an interval in words", page(RESULTS=pages.RESULTS.replace("0.21 ± 0.02", "0.21").replace("five seeds", "with 95% confidence intervals"))),
    # --- 118: contributions
    broken("BK118", "two authors", "2 authors, but nothing says who did what", page(TITLE=pages.TITLE.replace("<p>Ada Example </p>", "<p>Ada Example</p><p>Bo Sample</p>"))),
    near("BK118", "a sentence", page(TITLE=pages.TITLE.replace("<p>Ada Example </p>", "<p>Ada Example</p><p>Bo Sample</p>"), end="<p>Ada wrote the training code. Bo analysed the runs.</p>")),
    # --- 119: document
    broken("BK119", "language", "does not say its language", page(START="<!DOCTYPE html>\n<html>")),
    broken("BK119", "doctype", "has no doctype", page(START='<html lang="en">')),
    broken("BK119", "viewport", "has no viewport", page(HEAD=pages.HEAD.replace('name="viewport"', 'name="view"'))),
    broken("BK119", "encoding", "does not say its encoding", page(HEAD=pages.HEAD.replace('<meta charset="utf-8">', ""))),
    near("BK119", "a comment first", page(START='<!-- by hand -->\n<!doctype HTML>\n<html lang="de-CH">')),
    # --- 120: junk
    broken("BK120", "a Mac's", ".DS_Store is a file of the operating system", page(), {".DS_Store": b"x"}),
    broken("BK120", "a Mac's folder", "__MACOSX/._index.html", page(), {"__MACOSX/._index.html": b"x"}),
    near("BK120", "a hidden file", page(), {".nojekyll": b""}),
    # --- 122: weight
    broken("BK122", "a large picture", "has 900x900 pixels and is shown 300 wide", page(end='<p><img class="icon" src="big.png" alt="Noise." width="300"></p>'), {"big.png": pages.png(900, 900)}),
    near("BK122", "twice as large", page(end='<p><img class="icon" src="big.png" alt="Noise." width="450"></p>'), {"big.png": pages.png(900, 900)}),
    # --- 123: double click
    broken("BK123", "fetch of a file", "does not work when the page is opened by double click", page(end="<script>fetch('data.json')</script>"), {"data.json": "{}"}),
    broken("BK123", "module", "<script type=module src> of a.js", page(end='<script type="module" src="a.js"></script>'), {"a.js": ""}),
    near("BK123", "a module in the page", page(end='<script type="module">document.title</script>')),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {'' if case.speaks else 'not '}{case.name}")
def test_a_rule_speaks_where_it_should_and_only_there(case: Case, tmp_path: Path) -> None:
    findings = found(tmp_path, case.html, case.more)
    messages = [f"{one.code} {one.message}" for one in findings]
    if not case.speaks:
        assert messages == []
        return
    assert any(one.code == case.code and case.speaks in one.message for one in findings), messages
    assert set(codes(findings)) == {case.code}, messages


ELSEWHERE = {
    "BK112": (test_project, "test_what_is_wrong_in_the_bibliography_is_reported_there", "test_the_bibliography_is_read_with_its_lines"),
    "BK121": (test_freshness, "test_a_figure_that_is_older_than_the_results_is_named", "test_a_figure_of_the_results_that_are_there_is_fresh"),
    "BK124": (test_browser, "test_a_figure_that_stays_empty_is_reported", "test_a_canvas_that_a_script_fills_is_a_figure_and_needs_the_script"),
    "BK125": (test_browser, "test_an_error_in_the_console_is_reported", "test_a_warning_in_the_console_and_a_canvas_with_a_picture_in_its_place_are_no_fault"),
    "BK126": (test_browser, "test_sideways_scroll_on_a_phone_is_reported_with_its_cause", "test_sideways_scroll_on_a_phone_is_reported_with_its_cause"),
    "BK127": (test_browser, "test_a_canvas_that_a_script_fills_is_a_figure_and_needs_the_script", "test_a_warning_in_the_console_and_a_canvas_with_a_picture_in_its_place_are_no_fault"),
    "BK131": (test_places, "test_the_check_names_the_line_of_the_post_and_where_the_picture_is_now", "test_the_check_names_the_line_of_the_post_and_where_the_picture_is_now"),
    "BK132": (test_conditions, "test_the_check_names_what_no_longer_holds_with_values_file_and_line", "test_the_check_names_what_no_longer_holds_with_values_file_and_line"),
    "BK128": (test_coverage, "test_check_finds_missing_runs_in_every_venue", "test_check_finds_missing_runs_in_every_venue"),
    "BK133": (test_slips, "test_an_attachment_with_a_space_is_a_picture_and_one_that_is_not_there_a_finding", "test_what_is_right_is_no_slip"),
}  # fmt: skip
"""Rules that need a source, a history or a browser: a page that breaks each, and a page that does not."""


def test_every_rule_of_the_venue_has_a_page_that_breaks_it_and_one_that_comes_close() -> None:
    for rule in all_rules().values():
        if PROFILE.level(rule.name) is None:
            continue
        if rule.code in ELSEWHERE:
            module, *tests = ELSEWHERE[rule.code]
            assert [name for name in tests if not hasattr(module, name)] == [], rule.code
            continue
        assert any(case.code == rule.code and case.speaks for case in CASES), rule.code
        assert any(case.code == rule.code and not case.speaks for case in CASES), rule.code


def test_every_rule_says_what_why_and_how() -> None:
    for rule in all_rules().values():
        assert rule.says.endswith("."), rule.code
        assert len(rule.why) > 40 and rule.fix, rule.code
