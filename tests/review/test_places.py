"""The browser and Python agree on what a reader can point at, and a copy for reviewers has the words of its page."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

import blogkit
from blogkit.page import Page, seen
from blogkit.page.places import read_page
from blogkit.review.posts import prepare_post
from blogkit.review.roster import Roster
from tests.browser import browser
from tests.page.odd import ODD, OddPage

POINTED = OddPage(
    "<section id='sec-a'><h2>Cells</h2><div id='tbl-a'><table><tr><th>a<br>b</th><td><p>1</p><p>2</p></td></tr></table>"
    "</div><p id='p'>Let <math id='eq-x'><mi>x</mi><mtext>\u2009so</mtext><annotation>y</annotation></math> be 😀\u2009"
    "here.<span style='display:none'>no</span><output>no</output></p><figure id='fig-a'><img src='data:,x'><svg>"
    "<text>t</text></svg><figcaption>Caption</figcaption></figure></section>",
    0,
)


def prepared(page: OddPage, folder: Path) -> str:
    (folder / "index.html").write_text(page.html, encoding="utf-8")
    return prepare_post("post", folder / "index.html", folder, Roster(people=())).html


def test_the_lists_of_the_browser_are_those_of_the_page_model() -> None:
    source = (Path(blogkit.__file__).parent / "review" / "interface" / "src" / "page.ts").read_text(encoding="utf-8")

    def words(name: str) -> set[str]:
        found = re.search(rf"const {name} =\s+(?:new Set\(\s*)?\((.*?)\)\.split", source, re.DOTALL)
        assert found is not None, name
        return set(" ".join(re.findall(r'"([^"]*)"', found[1])).split())

    assert words("NO_TEXT_TAGS") == seen.NO_TEXT_TAGS
    assert words("NO_TEXT_CLASSES") == seen.NO_TEXT_CLASSES
    assert words("BLOCKS") == seen.BLOCKS
    assert f"const SPACE = /{seen.SPACE.pattern}/g" in source
    assert f'"{seen.UNSEEN}", "hidden"' in source


@pytest.mark.parametrize("name", ODD)
def test_a_copy_for_reviewers_has_as_many_words_as_the_page(name: str, tmp_path: Path) -> None:
    assert Page(data=prepared(ODD[name], tmp_path).encode()).words == ODD[name].words


def test_what_a_page_hides_is_no_place_to_point_at() -> None:
    page = read_page(
        "<main><p>one<span hidden> no</span><b style='display:none'>no</b><i class='d-none'>no</i></p></main>"
    )
    assert page.text == "one"


@pytest.mark.slow
def test_the_browser_reads_the_same_places(tmp_path: Path) -> None:
    module = base64.b64encode((Path(__file__).parent / "compare.mjs").read_bytes()).decode()
    script = f"import('data:text/javascript;base64,{module}').then(compare => compare.placesOf(document))"
    with browser() as running:
        tab = running.new_page()
        for name, page in {**ODD, "pointed at": POINTED}.items():
            source = prepared(page, tmp_path)
            tab.set_content(source)
            theirs: dict[str, Any] = tab.evaluate(script)
            ours = read_page(source)
            assert theirs["text"].encode("utf-16-le", "surrogatepass") == ours.text.encode(
                "utf-16-le", "surrogatepass"
            ), name
            assert [tuple(one.values()) for one in theirs["blocks"]] == [(b.id, b.start, b.end) for b in ours.blocks], (
                name
            )
            assert [(one["text"], one["block"]) for one in theirs["equations"]] == [
                (e.text, e.block) for e in ours.equations
            ]
            assert [(one["source"], one["block"]) for one in theirs["images"]] == [
                (i.source, i.block) for i in ours.images
            ]
            assert [one["rows"] for one in theirs["tables"]] == [[list(row) for row in t.rows] for t in ours.tables], (
                name
            )
