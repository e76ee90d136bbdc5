"""A page is read once, and what is hidden, furniture, prose and a word is said once."""

from __future__ import annotations

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
