"""A page that others made is read as a browser reads it, with the lines of its file."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest

from blogkit.page import Page
from blogkit.page.foreign import parse_foreign
from blogkit.page.seen import visible_text
from tests.browser import browser
from tests.page.broken import BROKEN
from tests.page.odd import ODD

DOCTYPE = "<!DOCTYPE html>\n"


def words_of(page: Page) -> str:
    return " ".join(block.text for block in page.blocks)


def test_what_stands_behind_the_body_and_what_is_left_open_is_read() -> None:
    behind = "<body><p>one</p></body></html><h2>References</h2><ol><li>two</ol>"
    page = Page(document=parse_foreign(behind.encode()))
    assert next((block.text, block.zone) for block in page.blocks) == ("one", "body")
    assert [block.text for block in page.blocks if block.zone == "references"] == ["References", "two"]
    swallowed = (
        "<main><figure><div><img src='a.png'><figcaption>Figure 1: x</figcaption></figure><p>five words are read here"
    )
    page = Page(document=parse_foreign(swallowed.encode()))
    assert (page.words, [one.caption for one in page.floats]) == (5, ["Figure 1: x"])


@pytest.mark.parametrize("name", ODD)
def test_a_page_of_our_own_has_the_same_words_by_both_readers(name: str) -> None:
    data = ODD[name].html.encode()
    assert Page(document=parse_foreign(data)).words == Page(data=data).words


def test_lines_are_those_of_the_file_in_whatever_order_the_tree_is() -> None:
    text = (
        '<!DOCTYPE html>\r\n<html>\n<head><script>\n"<p>"\n</script>\n<!--\n<p> --></head>\n<table>\n<p\n class="\n"\n>x</p>'
        "<tr>\n<td>y\n</table>\n<!-- --></body>\n<h2>z"
    )
    root = parse_foreign(text.encode())
    lines = {str(one.tag): one.sourceline for one in root.iter()}
    assert {name: lines[name] for name in ("html", "script", "table", "p", "td", "h2")} == {
        "html": 2, "script": 3, "table": 8, "p": 9, "td": 13, "h2": 16,
    }  # fmt: skip
    assert "line-read" not in "".join(f"{one.text}{one.tail}{dict(one.attrib)}" for one in root.iter())


@pytest.mark.parametrize("name", BROKEN)
def test_no_mark_of_the_reader_stays_in_the_page(name: str) -> None:
    root = parse_foreign((DOCTYPE + BROKEN[name]).encode())
    assert "line-read" not in "".join(f"{one.text}{one.tail}{dict(one.attrib)}" for one in root.iter())


def test_names_and_letters_that_no_xml_has_are_kept_as_far_as_they_can_be() -> None:
    page = parse_foreign(b"<p a\"b=1 @click=x>one\x0ctwo\x01</p><x:y z='\x02'>three</x:y><p\"q>four")
    assert visible_text(page) == "one two\ufffd threefour"


def test_what_is_nested_deeper_than_a_browser_goes_is_flattened() -> None:
    page = parse_foreign(b"<p>one" + b"<div>" * 3000 + b"two" + b"</div>" * 3000 + b"three")
    assert visible_text(page) == "one two three"
    assert max(sum(1 for _ in one.iterancestors()) for one in page.iter("div")) < 520


def test_what_a_template_and_a_noscript_hold_is_in_the_tree_and_not_in_the_text() -> None:
    page = parse_foreign(
        b"<head><noscript><img src=a.png></noscript></head><p>one<template><i id=x>no</i><img></template>"
    )
    assert [str(next(one.iterancestors()).tag) for one in page.iter("img")] == ["noscript", "template"]
    assert visible_text(page) == "one"


def test_pages_in_other_encodings_are_read_as_they_declare() -> None:
    assert "Gr\u00fc\u00dfe" in visible_text(parse_foreign("<p>Gr\u00fc\u00dfe".encode("windows-1252")))
    russian = "<meta charset=koi8-r><p>\u043c\u0438\u0440".encode("koi8-r")
    assert "\u043c\u0438\u0440" in visible_text(parse_foreign(russian))
    assert "\u00e9" in visible_text(parse_foreign("<p>\u00e9".encode("utf-16")))
    assert visible_text(parse_foreign(b"")) == ""


def test_what_a_sheet_beside_the_page_hides_is_hidden() -> None:
    page = b"<link rel='StyleSheet' href=a.css><style>.y { display: block }</style><link rel=stylesheet media=print href=p.css>"
    page += b"<p>one<p class=x>no<p class=x style='display:block'>two<p class='x y'>three"
    sheets = {"a.css": ".x { display: none }", "p.css": "p { display: none }"}
    assert visible_text(parse_foreign(page, sheets.__getitem__)) == "one two three"


def test_a_sheet_that_wants_the_reading_to_last_does_not() -> None:
    sheet = "".join(
        f".a{number} p, :not(.b) + p ~ p, p:nth-child({number}) {{ display: none }}\n" for number in range(40_000)
    )
    page = f"<style>{sheet}</style>{'<p>x' * 2000}".encode()
    started = time.process_time()
    assert parse_foreign(page) is not None
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "piece", ["<!--", "<script>", '<a "', "<a '", '<b title="x', "<", "</", "<title>", "<p a=", "<!-->"]
)
def test_a_page_that_wants_the_reading_to_last_does_not(piece: str) -> None:
    started = time.process_time()
    assert parse_foreign((piece * 40_000).encode()) is not None
    assert time.process_time() - started < 5


_OPEN = "() => { for (const one of document.querySelectorAll('details')) one.open = true; }"
_TEXT = """() => {
  const skip = 'button, select, textarea, input, output, nav, svg, dialog, math annotation';
  for (const one of document.querySelectorAll(skip)) one.remove();
  return document.body.innerText;
}"""


def squeezed(text: str) -> list[str]:
    plain = unicodedata.normalize(
        "NFKC", text.replace("\u200b", "")
    )  # a browser draws a variable with letters of its own
    return re.findall(r"\S+", plain)


@pytest.mark.slow
def test_the_text_is_what_chromium_shows() -> None:
    differ = {}
    with browser() as running:
        tab = running.new_page(java_script_enabled=True)
        whole = {name: odd.html for name, odd in ODD.items()} | {name: DOCTYPE + text for name, text in BROKEN.items()}
        for name, text in whole.items():
            tab.set_content(text)
            tab.evaluate(_OPEN)
            tab.add_style_tag(content=".visually-hidden { display: none }")
            seen = "".join(squeezed(tab.evaluate(_TEXT)))
            ours = "".join(squeezed(visible_text(parse_foreign(text.encode()).find("body"))))
            if seen != ours:
                differ[name] = (seen, ours)
    assert not differ
