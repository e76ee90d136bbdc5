"""A page is read once, and what is hidden, furniture, prose and a word is said once."""

from __future__ import annotations

import json

import pytest

from blogkit.page import Page
from blogkit.page.seen import visible_text
from tests.page.odd import ODD


@pytest.mark.parametrize("name", ODD)
def test_prose_is_what_is_read_line_by_line(name: str) -> None:
    page = Page(data=ODD[name].html.encode())
    assert page.words == ODD[name].words, [block.text for block in page.body]


def test_a_tree_that_is_there_already_is_read_as_its_bytes_are() -> None:
    page = Page(data=ODD["title block"].html.encode())
    again = Page(document=page.root)
    assert [block.text for block in again.blocks] == [block.text for block in page.blocks]


def test_what_a_caption_says_has_no_buttons_and_no_sources_of_equations() -> None:
    page = Page(
        data=b"<main><figure id='fig-a'><img src='a.png'><figcaption>Figure 2: The loss <math><mi>L</mi>"
        b"<annotation>\\ell</annotation></math><button>Copy</button> falls<span hidden>!</span>.</figcaption></figure>"
    )
    (figure,) = page.floats
    assert (figure.number, figure.caption) == ("2", "Figure 2: The loss L falls.")


def test_headings_open_sections_and_a_list_of_references_ends_with_its_section() -> None:
    page = Page(
        data=b"<main><p>Start.</p><section id='m'><h2>1. Methods</h2><p>a</p><h3>Data:</h3><p>b</p></section>"
        b"<section><h2>References</h2><p>c</p></section><p>d</p></main>"
    )
    assert [(one.level, one.title, one.id, one.zone) for one in page.sections] == [
        (0, "", "", "body"),
        (2, "Methods", "m", "body"),
        (3, "Data", "m", "body"),
        (2, "References", "", "references"),
        (1, "", "", "body"),
    ]
    assert [(block.text, block.section, block.zone) for block in page.blocks if not block.heading] == [
        ("Start.", 0, "body"), ("a", 1, "body"), ("b", 2, "body"), ("c", 3, "references"), ("d", 4, "body"),
    ]  # fmt: skip
    assert page.section_text(page.sections[1]) == "a\nb"


def test_links_are_those_of_the_content_with_where_they_stand() -> None:
    page = Page(
        data=b"<nav><a href='/'>Home</a></nav><main><nav id='TOC'><a href='#m'>Methods</a></nav><h2 id='m'>Methods</h2>"
        b"<p><a href=' #x '>here <svg><title>no</title></svg></a></p><svg><a href='#y'><text>b</text></a></svg></main>"
    )
    assert [(link.href, link.text, link.section) for link in page.links] == [("#x", "here", 1), ("#y", "b", 1)]


def test_a_place_inside_what_is_not_looked_into_is_that_of_what_is_around_it() -> None:
    page = Page(data=b"<main><h2>A</h2><div id='refs'><math><mi>x</mi></math></div></main>")
    letter = next(page.main.iter("mi"))
    assert page.place(letter) == (1, "references")
    assert page.place(page.root) == (0, "body")


def test_text_ends_a_word_where_a_block_ends_and_nowhere_else() -> None:
    page = Page(data=b"<main><p>a<i>b</i></p><table><tr><td>c<td>d</table><!-- e --></main>")
    assert visible_text(page.main) == "ab c d"


def test_footnotes_are_known_with_the_marks_that_lead_to_them_wherever_they_stand() -> None:
    """A list at the end as pandoc and kramdown write it, a note in the margin, and one in the line."""
    page = Page(
        data=b"<main><p>A<a href='#fn1' class='footnote-ref' role='doc-noteref'><sup>1</sup></a> b"
        b"<a href='#fn:2' class='footnote-ref'>2</a><d-footnote>In the line.</d-footnote></p>"
        b"<div class='column-margin'><div id='fn3'><p>In the margin.</p></div></div>"
        b"<section id='footnotes' class='footnotes' role='doc-endnotes'><ol><li id='fn1'><p>One. "
        b"<a href='#fnref1' class='footnote-back'>back</a></p></li></ol></section>"
        b"<div class='footnotes'><ol><li id='fn:2'>Two.\xc2\xa0<a href='#fnref:2'>\xe2\x86\xa9</a></li></ol></div></main>"
    )
    assert [(note.id, note.text, len(note.marks)) for note in page.notes] == [
        ("", "In the line.", 0), ("fn3", "In the margin.", 0), ("fn1", "One.", 1), ("fn:2", "Two.", 1),
    ]  # fmt: skip
    assert "1" not in page.blocks[0].text and "2" not in page.blocks[0].text


def test_listed_works_are_those_of_a_citation_processor_or_of_a_list_written_by_hand() -> None:
    own = b"<div id='quarto-citation'><div class='csl-entry' id='x'>Ours.</div></div>"
    made = Page(data=b"<main><div id='refs'><div class='csl-entry' id='ref-a'>[3] A.</div></div>" + own + b"</main>")
    assert [(work.id, work.text, work.number) for work in made.references] == [("ref-a", "[3] A.", "3")]
    written = Page(
        data=b"<main><p id='ref-0'>no</p><h2>References</h2><ol><li>A.</li><li id='b'>B.</li></ol>"
        b"<p id='ref9'>[9] C.</p><div><a name='d'></a>[4] <i>D</i></div></main>"
    )
    assert [(work.id, work.text, work.number) for work in written.references] == [
        ("(item 1)", "A.", "1"), ("b", "B.", "2"), ("ref9", "[9] C.", "9"), ("d", "[4] D", "4"),
    ]  # fmt: skip


def test_charts_are_known_with_their_specification_and_their_typed_rows() -> None:
    """The text "8" stays a text, in a figure of ours with its table elsewhere on the page and in others' charts."""
    spec = '{"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "data": {"values": [{"n": "8", "x": 8}]}}'
    table = json.dumps({"rows": 2, "columns": [["n", "choice", ["8", 8], "AB"]]})
    page = Page(
        data=(
            "<main><figure id='fig-a' data-blogkit-chart='a'><script type='application/json'>"
            '{"data":[{"values":"bk-table-1"}]}</script></figure>'
            f"<script type='application/json'>{spec}</script><script>vegaEmbed('#v', {spec});</script>"
            '<script type="application/json">{"no": "chart"}</script></main>'
            f"<script type='application/json' id='bk-table-1'>{table}</script>"
        ).encode()
    )
    assert [(chart.element.tag, chart.specification is not None, chart.rows) for chart in page.charts] == [
        ("figure", False, ({"n": "8"}, {"n": 8})),
        ("script", True, ({"n": "8", "x": 8},)),
        ("script", True, ({"n": "8", "x": 8},)),
    ]
    assert [type(row["n"]) for row in page.charts[0].rows] == [str, int]


def test_authors_are_named_in_the_title_block_and_in_the_metadata() -> None:
    page = Page(
        data=b"<head><meta name='author' content=' Ada  Example '><meta name='dc.creator' content='Bo'></head><body><main>"
        b"<header id='title-block-header'><p class='author'>Cy Kay</p></header><p class='author'>No</p></main></body>"
    )
    assert page.named_authors == ("Ada Example", "Bo", "Cy Kay")
