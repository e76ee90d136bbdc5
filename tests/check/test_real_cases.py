"""What was wrong in delivered posts is found, in small pages that have each fault, and their clean twins are left in peace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from blogkit.check import Report, check_path, load
from tests.check import by_hand, pages
from tests.check.by_hand import row, template_page
from tests.files import write_tree

PROFILE = load("mit-6.7960")
PICTURES = {f"images/plot{number}.png": pages.png(40, 30) for number in (1, 2, 3, 4)}


def handed_in(tmp_path: Path, html: str, more: Mapping[str, str | bytes] | None = None) -> Report:
    return check_path(write_tree(tmp_path / "post", {"index.html": html, **PICTURES, **(more or {})}), profile=PROFILE)


def said(report: Report) -> list[str]:
    return [f"{one.code} {one.message}" for one in report.standing]


def test_a_sound_page_on_the_courses_template_is_clean(tmp_path: Path) -> None:
    report = handed_in(tmp_path, template_page())
    assert said(report) == []
    assert report.facts["authors"] == ["Ada Example"]
    assert report.facts["title"] == "Does depth help on a small task?"
    assert (report.facts["figures"], report.facts["tables"], report.facts["references"]) == (4, 0, 2)


def test_side_notes_count_as_words_and_captions_do_not(tmp_path: Path) -> None:
    plain = handed_in(tmp_path / "a", template_page()).facts["words"]
    noted = template_page().replace("Why it matters to those who train small networks.", "Why.")
    assert handed_in(tmp_path / "b", noted).facts["words"] == plain - 8
    captioned = template_page().replace("Test error over depth, five seeds each.", "Test error.")
    assert handed_in(tmp_path / "c", captioned).facts["words"] == plain


def test_the_faults_of_the_template_itself_are_found(tmp_path: Path) -> None:
    """It loads jQuery from a CDN, has no doctype, viewport or alt texts, another page's title, a duplicate id, a missing icon."""
    html = template_page(
        head='<script src="https://ajax.host.edu/jquery.min.js"></script><link rel="icon" href="images/icon.png">',
        title="The Atlas of Everything",
        start="<html>",
        viewport="",
        figures="".join(by_hand.plot(number, alt="") for number in (1, 2, 3, 4)),
        end='<p id="intro"></p>',
    )
    found = said(handed_in(tmp_path, html))
    assert found[:2] == [
        "BK102 <script src> loads https://ajax.host.edu/jquery.min.js from the network.",
        "BK103 <link rel=icon> points to images/icon.png, which is not there.",
    ]
    assert [one[:5] for one in found[2:]] == ["BK109"] * 4 + ["BK113", "BK115", "BK119", "BK119", "BK119"]


NETWORK = {
    "mathematics from a CDN": '<script src="https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-mml-chtml.js"></script>',
    "mathematics by a loader": "<script>window.MathJax = {loader: {load: ['https://cdn.host.edu/tex.js']}}</script>",
    "fonts of a service": '<link href="https://fonts.googleapis.com/css2?family=Lora" rel="stylesheet">',
    "a video of a service": '<iframe width="560" height="315" title="Talk" src="https://www.youtube.com/embed/x"></iframe>',
    "a picture elsewhere": '<img width="20" alt="" src="https://raw.host.edu/plot.png">',
    "charts with a runtime": '<script src="https://cdn.jsdelivr.net/npm/vega@6"></script>',
    "statistics": "<script>(function(){var s=document.createElement('script');s.src='https://www.host.edu/gtag.js?id=1'})()</script>",
}


@pytest.mark.parametrize("name", NETWORK)
def test_what_loads_from_the_network_is_an_error(name: str, tmp_path: Path) -> None:
    found = handed_in(tmp_path, template_page(end=row(NETWORK[name])))
    assert "BK102" in {one.code for one in found.standing}
    assert found.refused == "" and found.fails(next(one.level for one in found.standing if one.code == "BK102"))


def test_equations_whose_script_stayed_on_the_network_are_reported_twice(tmp_path: Path) -> None:
    html = template_page(end=row(r"where \(x^2\) is" + NETWORK["mathematics from a CDN"]))
    report = handed_in(tmp_path, html)
    assert {one.code for one in report.standing} == {"BK102", "BK110"}
    assert any("no equation is typeset offline" in one.fix for one in report.standing)


def test_a_missing_script_and_missing_fonts_of_mathematics_are_errors(tmp_path: Path) -> None:
    html = template_page(head='<script src="mathjax/tex.js"></script><link rel="stylesheet" href="mathjax/math.css">')
    css = "@font-face { font-family: M; src: url('fonts/Main.woff2') }"
    assert said(handed_in(tmp_path, html, {"mathjax/math.css": css})) == [
        "BK103 <script src> points to mathjax/tex.js, which is not there.",
        "BK103 CSS url() points to fonts/Main.woff2, which is not there.",
    ]


def test_a_placeholder_link_of_the_template_is_found(tmp_path: Path) -> None:
    authors = '<td><span style="font-size:17px"><a href="your_website">Ada Example</a></span></td>'
    assert said(handed_in(tmp_path, template_page(top=by_hand.header(authors)))) == [
        'BK115 the address "your_website" is a placeholder.'
    ]


def test_a_name_of_the_template_is_found(tmp_path: Path) -> None:
    authors = '<td><span style="font-size:17px"><a href="https://ada.host.edu">Your name</a></span></td>'
    assert said(handed_in(tmp_path, template_page(top=by_hand.header(authors)))) == [
        'BK115 "Your name" is text of the template.'
    ]


def test_duplicate_ids_and_a_contents_entry_that_matches_no_heading(tmp_path: Path) -> None:
    outline = by_hand.OUTLINE.replace("#conclusion", "#implications")
    html = template_page(outline=outline, end=row("Again.", id="method"))
    assert (
        said(handed_in(tmp_path, html))
        == [
            'BK113 the id "method" is used 2 times (<div>, <div>).',
            'BK113 the link "Implications and limitations" leads to #implications, which is not on the page.',
        ]
        or len(said(handed_in(tmp_path / "b", html))) == 2
    )


def test_a_dead_citation_and_a_reference_that_nothing_cites(tmp_path: Path) -> None:
    references = by_hand.REFERENCES.replace('id="ref_2"', 'id="ref_3"')
    found = said(handed_in(tmp_path, template_page(references=references)))
    assert 'BK111 the citation "[2]" leads to #ref_2, which is not on the page.' in found
    third = by_hand.REFERENCES.replace(
        "</div>", '<a id="ref_3"></a>[3] <a href="https://arxiv.org/abs/3">Unused</a>, 2020<br></div>'
    )
    assert said(handed_in(tmp_path / "b", template_page(references=third))) == [
        'BK111 the reference "[3] Unused" is cited nowhere.'
    ]


def test_too_long_and_too_short(tmp_path: Path) -> None:
    long = handed_in(tmp_path / "a", template_page(end=row(pages.prose(1200))))
    assert [one.code for one in long.standing] == ["BK104"] and "so cut" in long.standing[0].message
    short = handed_in(tmp_path / "b", template_page().replace(pages.prose(500), pages.prose(200)))
    assert [one.code for one in short.standing] == ["BK104"] and "are missing" in short.standing[0].message


def test_no_ai_statement(tmp_path: Path) -> None:
    html = template_page().replace("<h1>AI assistance</h1>We used Claude to proofread the text.", "Thanks.")
    assert said(handed_in(tmp_path, html)) == ["BK116 nothing says whether an AI assistant helped."]


def test_the_folder_zipped_instead_of_its_contents_is_reported_and_the_rest_is_still_checked(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"post/{name}": data for name, data in PICTURES.items()}
    files["post/index.html"] = template_page(end=row("TODO"))
    report = check_path(pages.zipped(tmp_path / "a.zip", files), profile=PROFILE)
    assert said(report) == [
        "BK101 index.html lies in the folder post/ of the zip, not at its root.",
        'BK115 "TODO" is a note to yourself.',
    ]
