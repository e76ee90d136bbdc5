r"""The addresses of a style sheet are those that CSS's grammar says, whatever they look like."""

from __future__ import annotations

import time

import pytest

from blogkit.css import find_css_addresses, replace_css_imports
from blogkit.links import Address, css_addresses, rewrite_css

NAMED = {
    "without quotes": ("a{b:url( x.png )}", ["x.png"]),
    "with quotes": ("a{b:url( 'x y.png' )}", ["x y.png"]),
    "in capitals": ("a{b:URL(x.png)}", ["x.png"]),
    "its name written with an escape": (r"a{b:u\72l(x.png)}", ["x.png"]),
    "itself written with escapes": (r"a{b:url(https\3a //a.edu/\78.png)}", ["https://a.edu/x.png"]),
    "over two lines": ('a{b:url("x\\\ny.png")}', ["xy.png"]),
    "imported": ('@import "a.css" screen; @import url(b.css); @import url("c.css") x;', ["a.css", "b.css", "c.css"]),
    "in a set": ('a{b:image-set("a.png" 1x, url(b.png) 2x, "c.avif" type("x/y"))}', ["a.png", "b.png", "c.avif"]),
    "at the end of a file that breaks off": ("a{b:url(x.png", ["x.png"]),
    "deep inside": ("@media print{a{b:var(--x, url(x.png))}}", ["x.png"]),
    "behind data": (f"a{{b:url(data:font/woff2;base64,{'QUJD' * 500})}}c{{d:url(x.png)}}", ["data:", "x.png"]),
    "behind other ends of lines": ("a\r\n{b\r\n:url(x.png)}\fc{d:url(y.png)}", ["x.png", "y.png"]),
    "in a comment": ("/* url(x.png) @import 'a.css'; */ a{b:c}", []),
    "in an ordinary string": ("a::before{content:'url(x.png)'}", []),
    "as a namespace": ("@namespace svg url(http://www.w3.org/2000/svg);", []),
    "behind a namespace": ('@namespace s "http://a.edu/s"; a{b:url(x.png)}', ["x.png"]),
    "with the least sign that an escape can mean": (r"a{b:url(a\1 b)}", ["a\x01b"]),
    "in the same document": ("a{filter:url(#blur)}", []),
    "broken": ("a{b:url(x y.png)}", []),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_an_address_is_found_where_it_is_one(name: str) -> None:
    text, wanted = NAMED[name]
    found = [address.url for address in css_addresses(text)]
    assert [url[:5] if url.startswith("data:") else url for url in found] == wanted


@pytest.mark.parametrize(
    ("text", "new", "wanted"),
    [
        ("a{b:url(x.png)}", "y.png", "a{b:url(y.png)}"),
        ("a{b:url( 'x.png' )}", "it's.png", r"a{b:url( 'it\'s.png' )}"),
        ("a{b:url(x.png)}", "a (1).png", 'a{b:url("a (1).png")}'),
        ('@import "x.css";', "y.css", '@import "y.css";'),
        ("/* url(x.png) */a{b:url(x.png)}", "y.png", "/* url(x.png) */a{b:url(y.png)}"),
        ("a\r\n{b:url(x.png)}", "y.png", "a\r\n{b:url(y.png)}"),
        (f"a{{b:url({'x' * 900}.png)}}c{{d:url(z.png)}}", "y.png", "a{b:url(y.png)}c{d:url(y.png)}"),
    ],
)
def test_an_address_is_replaced_and_everything_else_stays(text: str, new: str, wanted: str) -> None:
    assert rewrite_css(text, lambda address: new) == wanted


def test_what_was_replaced_is_read_back_as_it_was_given() -> None:
    for new in ('a"b.png', "a'b.png", "a\\b.png", "a b(c).png", "a\nb.png"):
        for text in ("a{b:url(x)}", "a{b:url('x')}", 'a{b:url("x")}'):
            assert [one.url for one in find_css_addresses(rewrite_css(text, lambda address, new=new: new))] == [new]  # type: ignore[misc]


def test_each_address_has_its_line() -> None:
    found: list[Address] = list(css_addresses("a{}\r\nb{c:url(x)}\n\n/* \n */ d{e:url(\ny)}", line=10))
    assert [(address.url, address.line) for address in found] == [("x", 11), ("y", 14)]


def test_fonts_of_megabytes_inside_a_style_sheet_cost_little() -> None:
    text = f"@font-face{{src:url(data:font/woff2;base64,{'QUJDREVG' * 1_000_000})}}a{{b:url(x.png)}}"
    begun = time.thread_time()
    assert [address.url[:4] for address in css_addresses(text)] == ["data", "x.pn"]
    assert time.thread_time() - begun < 3


IMPORTS = {
    "with quotes": ('@import "x.css"; a{b:c}', " a{b:c}"),
    "with conditions": ("@import url(x.css) layer(a;b) screen and (min-width:1px);a{b:c}", "a{b:c}"),
    "with its name escaped": (r"@\69mport 'x.css';a{b:c}", "a{b:c}"),
    "in capitals": ("@IMPORT 'x.css';a{b:c}", "a{b:c}"),
    "with a semicolon in its address": ("@import url(data:text/css;base64,YQ==);a{b:c}", "a{b:c}"),
    "behind a comment that holds an at sign": ("@import /* @ ; */ 'x.css';a{b:c}", "a{b:c}"),
    "at the end of a file that breaks off": ("a{b:c} @import 'x.css'", "a{b:c} "),
    "behind data": (f"a{{b:url({'x' * 900})}}@import 'x.css';\r\nc{{}}", f"a{{b:url({'x' * 900})}}\r\nc{{}}"),
    "two": ('@import "x.css";@import "y.css";a{}', "a{}"),
    "in a comment": ("/* @import 'x.css'; */a{}", "/* @import 'x.css'; */a{}"),
    "in a string": ("a::before{content:\"@import 'x.css';\"}", "a::before{content:\"@import 'x.css';\"}"),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPORTS)
def test_an_import_is_taken_out_with_its_conditions_and_nothing_else(name: str) -> None:
    text, wanted = IMPORTS[name]
    assert replace_css_imports(text, lambda found: "") == wanted
    assert replace_css_imports(text, lambda found: None) == text


@pytest.mark.parametrize("place", ["url(#clip)", "url( #clip )", "url('#clip')", 'URL( "#clip")', "url(' #clip')"])
def test_a_place_in_the_same_document_is_no_address_and_hides_none(place: str) -> None:
    assert find_css_addresses(f"clip-path: {place}") == ()
    beside = find_css_addresses(f".a{{clip-path:{place};background:url(b.png)}} .b{{mask:{place}}}")
    assert [one.url for one in beside] == ["b.png"]
