"""Title blocks, listings and notebooks in forms that the corpus does not have; real Quarto was asked what is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blogkit.errors import RenderError
from tests.render.conftest import Render, manifest_of, write_site
from tests.render.facts import facts
from tests.render.test_documents import PNG, code, notebook, prose

POST = "---\ntitle: {}\n{}\n---\n\nWords of {}.\n"


def titled(render: Render, front: str, text: str = "Words.") -> dict[str, Any]:
    return facts(render({"index.qmd": f"---\ntitle: T\n{front}\n---\n\n{text}\n"}) / "index.html")


def test_authors_are_read_in_each_form_and_referred_affiliations_come_first(render: Render) -> None:
    found = titled(
        render,
        """author:
  - {given: Gi, family: Fa, affiliations: [{name: Own}, {ref: eth}]}
  - {name: {literal: The Group}}
affiliations: {id: eth, name: ETH}""",
    )
    assert found["authors"] == ["Gi Fa", "The Group"]
    assert found["affiliations"] == ["ETH", "Own"]
    assert ["author", "Gi Fa"] in found["metadata"]


def test_an_affiliation_that_is_defined_nowhere_is_an_error_with_its_line(tmp_path: Path) -> None:
    text = "---\ntitle: T\nauthor:\n  - name: A\n    affiliations:\n      - ref: mit\n---\n"
    write_site(tmp_path, {"index.qmd": text})
    with pytest.raises(RenderError, match="'mit'") as caught:
        manifest_of(tmp_path)
    assert caught.value.problems[0].line == 6


def test_an_abstract_is_a_paragraph_only_where_it_is_written_as_a_block(render: Render) -> None:
    assert titled(render, "abstract: |\n  One *block*.")["abstract"] == ["One block."]
    inline = titled(render, "abstract: One line.")
    assert inline["abstract"] == []
    assert "One line." in inline["words"]


def test_a_date_in_other_words_is_not_said_to_machines(render: Render) -> None:
    english = titled(render, "date: 2026-01-05\npublished-title: Out on")
    assert ["dcterms.date", "2026-01-05"] in english["metadata"]
    assert "Out on January 5, 2026" in english["words"].replace("Out onJanuary", "Out on January")
    german = titled(render, "date: 2026-01-05\nlang: de")
    assert "dcterms.date" not in dict(german["metadata"])
    assert german["date"] == "5. Januar 2026"


def test_own_appendices_stay_in_place_and_contents_without_an_appendix(render: Render) -> None:
    text = "## A {#a}\n\n## Thanks {#thanks .appendix}\n\nWords."
    assert titled(render, "appendix-style: none", text)["toc"] == [["#a", "A"], ["#thanks", "Thanks"]]
    assert titled(render, "appendix-style: plain", text)["toc"] == [["#a", "A"]]


def listed(render: Render, front: str, **posts: str) -> dict[str, Any]:
    files = {f"projects/{name}/index.qmd": text for name, text in posts.items()}
    site = render({"index.qmd": f"---\ntitle: All\n{front}\n---\n", **files})
    return facts(site / "index.html")


POSTS = {
    "a": POST.format("Beta", "date: 2024-01-01\ncategories: [x]", "a"),
    "b": POST.format("alpha", "date: 2025-01-01", "b"),
    "c": POST.format("Alpha", "date: 2023-01-01\norder: 5", "c"),
    "d": "---\nauthor: D\n---\n\n## Own heading\n\nWords of d.\n",
}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["Alpha", "Beta", "Own heading", "alpha"]),
        ("sort: date desc", ["Own heading", "alpha", "Beta", "Alpha"]),
        ("sort: [date]", ["Alpha", "Beta", "alpha", "Own heading"]),
        ("sort: false", ["Beta", "alpha", "Alpha", "Own heading"]),
    ],
)
def test_posts_are_in_quartos_order(sort: str, expected: list[str], render: Render) -> None:
    found = listed(render, f"listing:\n  contents: projects\n  {sort}", **POSTS)
    assert [title for title, _, _, _ in found["listing"]] == expected


def test_the_categories_of_one_listing_show_in_all_and_only_counts_have_a_sum(render: Render) -> None:
    front = "listing:\n  - {id: one, contents: projects, categories: cloud}\n  - {id: two, contents: projects}"
    found = listed(render, front, **POSTS)
    assert [categories for title, _, categories, _ in found["listing"] if title == "Beta"] == [["x"], ["x"]]
    assert found["listing-categories"] == ["x"]
    found = listed(render, "listing: {contents: projects, categories: numbered}", **POSTS)
    assert found["listing-categories"] == ["All (4)", "x (1)"]


def test_the_bars_menu_is_named_and_an_icon_is_no_word(render: Render) -> None:
    site = render(
        {
            "_quarto.yml": """project: {type: website}
website:
  title: Blog
  navbar:
    left: [{text: More, menu: [{text: Out, href: "https://example.org"}]}]
    right: [{icon: github, href: "https://example.com"}]
""",
            "index.qmd": "---\ntitle: T\n---\n",
        }
    )
    assert facts(site / "index.html")["navbar"] == ["Blog", "More"]
    assert 'aria-label="github"' in (site / "index.html").read_text()


def failed(*traceback: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": list(traceback)}


def test_a_notebooks_first_cell_may_go_on_below_the_front_matter(render: Render) -> None:
    cell = prose("---\ntitle: N\n---\n\n## First\n\nText.")
    found = facts(render({"index.ipynb": notebook(cell, prose("More."))}) / "index.html")
    assert found["title"] == "N"
    assert found["headings"] == [[2, "first", "First"]]
    assert "Text. More." in found["words"].replace("Text.More.", "Text. More.")


def test_a_failed_cell_shows_its_traceback(render: Render) -> None:
    book = json.loads(notebook(prose("---\ntitle: N\n---"), code("a"), code("b")))
    book["cells"][1]["outputs"] = [failed("Traceback", "ValueError: bad")]
    book["cells"][2]["outputs"] = [failed("\x1b[31mTraceback\x1b[0m", "ValueError: bad")]
    found = facts(render({"index.ipynb": json.dumps(book)}) / "index.html")
    texts = [text for language, text, _ in found["code"] if language is None]
    assert texts == ["ValueError: bad Traceback ValueError: bad", "Traceback ValueError: bad"]


def test_a_cells_tables_have_captions_of_their_own(render: Render) -> None:
    table = {"text/html": "<table><tr><td>1</td></tr></table>"}
    options = "#| label: tbl-s\n#| tbl-cap: Main\n#| tbl-subcap: [One, Two]\n#| layout-ncol: 2\nx"
    book = notebook(
        prose("---\ntitle: N\n---\n"),
        prose("@tbl-s and @tbl-s-2"),
        code(options, table, {"text/markdown": "|a|\n|-|\n|2|"}),
    )
    found = facts(render({"index.ipynb": book}) / "index.html")
    assert found["floats"] == [["tbl-s", "Table 1: Main"], ["tbl-s-1", "(a) One"], ["tbl-s-2", "(b) Two"]]
    assert [words for _, words in found["xrefs"]] == ["Table 1", "Table 1 (b)"]


def test_the_first_picture_stands_for_a_post_unless_another_is_named_so(render: Render) -> None:
    from base64 import b64decode

    picture = b64decode(PNG)
    text = "---\ntitle: P\n---\n\nInline ![i](first.png).\n\n![A figure](b.png)\n"
    site = render(
        {
            "index.qmd": "---\ntitle: All\nlisting: {contents: projects}\n---\n",
            "projects/a/index.qmd": text,
            "projects/b/index.qmd": text + "\n![c](cover.png)\n",
            **{f"projects/{one}/{name}.png": picture for one in "ab" for name in ("first", "b", "cover")},
        }
    )
    assert [src for src, _ in facts(site / "index.html")["images"]] == [
        "./projects/a/first.png",
        "./projects/b/cover.png",
    ]
