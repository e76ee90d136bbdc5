"""The constructs that both engines render, each with the page of the corpus that tests it.

``python -m tests.render.constructs`` writes the table of ``docs/constructs.md``; a test fails when that is stale.
"""

from __future__ import annotations

from pathlib import Path

from tests.render.conftest import DATA
from tests.render.test_errors import CASES, WARNINGS

DOCUMENT = Path(__file__).parents[2] / "docs" / "constructs.md"
CORPUS = {
    "c01-title-block": "title, subtitle, authors with affiliations, ORCID and mail, dates, abstract, keywords, "
    "categories, licence, citation of the post",
    "c02-sections": "numbered and unnumbered sections, contents list, ids, references to sections, own appendices",
    "c03-figures": "figures, alternative texts, figures in divisions, panels, inline images",
    "c04-tables": "pipe tables, captions, column widths, tables in divisions, panels of tables",
    "c05-equations": "inline and display mathematics, numbered equations and references to them",
    "c06-citations": "citations with locators, narrative and suppressed authors, placed list of references",
    "c07-notes": "footnotes, inline notes, margin notes, asides, wide columns",
    "c08-callouts": "callouts: titles, collapse, appearance, icons, numbers",
    "c09-layout": "tabs, columns, rows of cells, raw HTML, lists, tasks, highlights, keys",
    "c10-code": "highlighting, line numbers, file names, listings",
    "c11-shortcodes": "include, meta, kbd, pagebreak, escaped shortcodes, metadata-files, conditional content",
    "c12-theorems": "theorems, definitions, lemmas, proofs and references to them",
    "c13-notebook": "notebooks as posts: labels, captions, echo, include, output, folded code, streams, tables",
    "c14-embed": "outputs embedded from another notebook",
}

ADDED = {
    '::: {.steps figure="fig-x"}': ("the figure stays in view beside its steps", "the blocks' paragraphs"),
    '::: {.step set="epoch=40"}': ("a step that sets the figure; a drawing of it in print", "paragraphs"),
    '[words]{set="fig-x: epoch=40"}': ("a button that sets the figure; a drawing of it in print", "words"),
    '::: {.control param="epoch"}': ("one control for every figure with that parameter", "nothing"),
    "hero: fig-x": ("the figure stands above the introduction", "nothing"),
}
"""Of figures; tests/figures has their tests."""


def table() -> str:
    """The document, as it must stand in ``docs``."""
    lines = [
        "# What the embedded engine renders",
        "",
        "Made by `python -m tests.render.constructs` from the tests; do not edit by hand. Each row is a page whose",
        "facts are compared with what Quarto 1.10.18 made of the same source.",
        "",
        "| page of the corpus | constructs |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {constructs} |" for name, constructs in CORPUS.items()]
    lines += ["", "## What is an error, with file and line", "", "| what | what is said |", "|---|---|"]
    for name, (_, _, said, _) in CASES.items():
        lines.append(f"| {name} | {said.replace('|', '')} |")
    lines += ["", "## What is a warning, with file and line", "", "| what | what is said |", "|---|---|"]
    lines += [f"| {name} | {said} |" for name, (_, _, said) in WARNINGS.items()]
    lines += [
        "",
        "## What either engine's pages get beside",
        "",
        "| source | on the page | in plain Quarto |",
        "|---|---|---|",
    ]
    lines += [f"| `{source}` | {here} | {there} |" for source, (here, there) in ADDED.items()]
    return "\n".join([*lines, ""])


def folders() -> set[str]:
    """The pages of the corpus that are there."""
    return {path.name for path in (DATA / "corpus" / "projects").iterdir() if path.is_dir()}


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(table(), encoding="utf-8")
