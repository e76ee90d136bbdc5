"""The table of constructs in the documentation is what the tests test."""

from __future__ import annotations

from tests.render.constructs import CORPUS, DOCUMENT, folders, table


def test_the_table_names_every_page_of_the_corpus() -> None:
    assert set(CORPUS) == folders()


def test_the_document_is_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == table(), "run: python -m tests.render.constructs"


def test_code_annotations_number_the_lines_and_their_notes() -> None:
    """Kept here as long as the corpus has no page for them."""
    from blogkit.render.engines.program import PROGRAM
    from blogkit.tools.pandoc import PandocPool

    request = {
        "text": "```python\nimport x  # <1>\ny = 2\n```\n1. The import.\n",
        "traits": {"annotations": True},
        "fields": {},
        "options": {},
        "language": {},
        "shortcodes": [],
    }
    with PandocPool(PROGRAM, 1) as pool:
        body = pool.ask(request)["body"]
    assert 'data-code-cell="annotated-cell-1"' in body
    assert "&lt;1&gt;" not in body
    assert "The import." in body
