"""A reviewer's page takes its style sheets in as CSS's grammar has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.css import find_css_addresses
from blogkit.page.parse import parse_html
from blogkit.review.posts import prepare_post
from blogkit.review.roster import Roster
from tests.files import write_tree

IN = "data:image/png;base64,eA=="
NOTHING = "data:,"


@pytest.mark.parametrize(
    ("sheet", "addresses"),
    [
        ("a{b:url(x.png)}", [IN]),
        ("a{b:url( 'a b.png' )}", [IN]),
        (r"a{b:u\72l(x.png)}", [IN]),
        (r"a{b:url(\78.png)}", [IN]),
        ('a{b:image-set("x.png" 1x)}', [IN]),
        ("a{b:URL(https://elsewhere.test/x.png)}", [NOTHING]),
        (r"a{b:url(https\3a //elsewhere.test/x.png)}", [NOTHING]),
        ("a{b:url(../../outside.png)}", [NOTHING]),
        ("/* url(x.png) */a{b:c}", []),
        ('@import "more/two.css" screen;a{b:c}', [IN]),
        (r'@\69mport url("more/two.css");', [IN]),
        ("/* @import 'more/two.css'; */", []),
        ("@import url(https://elsewhere.test/a.css);a{b:url(x.png)}", [IN]),
        ("@import url(data:text/css;base64,YTtiOmM=);a{b:url(x.png)}", [IN]),
    ],
)
def test_what_a_style_sheet_names_is_in_the_page_or_gone(tmp_path: Path, sheet: str, addresses: list[str]) -> None:
    """Pictures of the site are in it, imports are taken in, and nothing leads elsewhere; comments stay comments."""
    files = {"index.html": "<link rel=stylesheet href=s.css><main><p>Text</p></main>", "s.css": sheet}
    site = write_tree(tmp_path / "site", {**files, "x.png": "x", "a b.png": "x", "more/two.css": "a{b:url(../x.png)}"})
    (tmp_path / "outside.png").write_text("x")
    document = parse_html(prepare_post("post", site / "index.html", site, Roster(people=())).html.encode())
    (style,) = document.xpath("//style")
    assert [one.url for one in find_css_addresses(style.text or "")] == addresses
    assert "elsewhere" not in (style.text or "")
