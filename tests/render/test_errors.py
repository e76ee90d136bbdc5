"""What the embedded engine cannot render faithfully is an error that names file and line; nothing is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.errors import ConfigError, NotebookError, Problem, RenderError
from tests.render.conftest import manifest_of, write_site

HEAD = "---\ntitle: T\n---\n\n"


def problems_of(root: Path, text: str, **more: str) -> list[Problem]:
    write_site(root, {"index.qmd": HEAD + text, **more})
    with pytest.raises(RenderError) as caught:
        manifest_of(root)
    assert not (root / "_site" / "index.html").exists()
    return list(caught.value.problems)


CASES = {
    "an unknown shortcode": ("Words.\n\n{{< vido film.mp4 >}}\n", 7, "'vido' is not known", "'video'"),
    "an unknown callout": ("::: {.callout-hint}\nWords.\n:::\n", 5, "callout-hint", "Known are"),
    "an open division": ("::: {.callout-note}\nWords.\n", 5, "never closed", ":::"),
    "a closing fence too many": ("Words.\n\n:::\n", 7, "closes nothing", ""),
    "an open code block": ("```python\nx = 1\n", 5, "never closed", "```"),
    "an unresolved reference": ("One.\n\nSee @fig-los.\n", 7, "@fig-los", "{#fig-los}"),
    "an unresolved citation": ("One.\n\nSee @knuth1984.\n", 7, "@knuth1984", "bibliography"),
    "a missing value": ("The best is {{< meta values.best >}}.\n", 5, "values.best", "blogkit gather"),
    "a missing include": ("{{< include results/tables/final.md >}}\n", 5, "final.md", "blogkit gather"),
    "mathematics that cannot be typeset": ("Math $\\frobnicate{x}$ here.\n", 5, "cannot be typeset", "LaTeX"),
    "a LaTeX command": ("Words \\textbf{bold} here.\n", 5, "\\textbf", "Markdown"),
    "an id used twice": ("$$a$$ {#eq-a}\n\n$$b$$ {#eq-a}\n", 5, "used twice", "another id"),
    "a tabset without tabs": ("::: {.panel-tabset}\nWords.\n:::\n", 5, "no headings", "heading"),
}


FIGURE = "![A.](a.svg){#fig-a}\n\n"
WARNINGS = {
    "a cell option that means nothing here": ("```{python}\n#| fold-code: true\nx = 1\n```\n", 6, "'fold-code'"),
    "a cell that shows some of its lines": ("```{python}\n#| echo: [1]\nx = 1\n```\n", 6, "`echo: [1]`"),
    "a panel of another kind": ("```{python}\n#| panel: carousel\nx = 1\n```\n", 6, "`panel: carousel`"),
    "words behind a reference in its bracket": (FIGURE + "See [@fig-a, left].\n", 7, "', left' after @fig-a"),
    "a work in the bracket of a reference": (FIGURE + "See [@fig-a; @key].\n", 7, "@fig-a and @key"),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_what_a_page_does_not_show_is_a_warning_with_its_line(case: str, tmp_path: Path) -> None:
    text, line, said = WARNINGS[case]
    head = "---\nbibliography: a.bib\n---\n\n"
    write_site(tmp_path, {"index.qmd": head + text, "a.svg": "<svg/>", "a.bib": "@book{key, title={T}}"})
    warnings = manifest_of(tmp_path).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{tmp_path / 'index.qmd'}:{line}: ")
    assert said in warnings[0]
    assert manifest_of(tmp_path).warnings == warnings, "it is said again where nothing changed"


@pytest.mark.parametrize("case", CASES)
def test_what_is_outside_the_subset_is_an_error_with_its_line(case: str, tmp_path: Path) -> None:
    text, line, said, hint = CASES[case]
    problem = problems_of(tmp_path, text)[0]
    assert problem.path == tmp_path / "index.qmd"
    assert problem.line == line
    assert said in problem.message
    assert hint in problem.hint


def test_every_problem_of_every_page_is_told_at_once(tmp_path: Path) -> None:
    write_site(
        tmp_path,
        {"index.qmd": HEAD + "{{< one >}} {{< two >}}\n", "projects/a/index.qmd": HEAD + "See @fig-x and @tbl-y.\n"},
    )
    with pytest.raises(RenderError) as caught:
        manifest_of(tmp_path)
    assert len(caught.value.problems) == 4


def test_an_error_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    write_site(
        tmp_path, {"index.qmd": HEAD + "{{< include _part.qmd >}}\n", "_part.qmd": "One.\n\nSee @fig-nothing.\n"}
    )
    with pytest.raises(RenderError) as caught:
        manifest_of(tmp_path)
    assert (caught.value.problems[0].path, caught.value.problems[0].line) == (tmp_path / "_part.qmd", 3)


def test_front_matter_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.qmd": "---\ntitle: T\nauthor: [A\n---\nWords.\n"})
    with pytest.raises((RenderError, ConfigError)) as caught:
        manifest_of(tmp_path)
    assert caught.value.problems[0].line in {3, 4, 5}


def test_a_notebook_that_is_none_is_said(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.ipynb": "{}"})
    with pytest.raises(NotebookError, match="not a notebook"):
        manifest_of(tmp_path)
