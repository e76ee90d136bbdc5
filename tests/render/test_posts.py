"""Authors and notebooks in forms that the corpus does not have; real Quarto was asked what is right."""

from __future__ import annotations

import json
from typing import Any

from tests.render.conftest import Render
from tests.render.facts import facts
from tests.render.test_documents import code, notebook, prose


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
