"""What the embedded engine cannot render faithfully is an error that names file and line; nothing is dropped."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from blogkit.config import load_site
from blogkit.errors import ConfigError, NotebookError, Problem, RenderError, ToolFailed
from blogkit.render import render_site
from blogkit.tools import pandoc
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


def test_every_problem_of_every_page_is_reported_at_once(tmp_path: Path) -> None:
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


# --- what somebody wrote to stop a rendering --------------------------------------------------------------------------

_ALIASES = [f"{name}: &{name} [{', '.join(['*' + before] * 10)}]" for before, name in itertools.pairwise("abcdefghi")]
BOUNDS = {
    "aliases that stand for a billion entries": (
        "\n".join(["a: &a [x, x, x, x, x, x, x, x]", *_ALIASES]),
        "",
        8,
        "100,000",
    ),
    "an alias that holds itself": ("x: &a [*a]", "", 3, "holds itself"),
    "a list of 3,000 levels in brackets": (f"x: {'[' * 3000}{']' * 3000}", "", 3, "deeper than 100"),
    "a list of 3,000 levels in one line": (f"x:\n  {'- ' * 3000}a", "", 4, "deeper than 100"),
    "a list of 100,000 levels, which has no room on the stack": (f"x:\n  {'- ' * 100_000}a", "", 4, "deeper than 100"),
    "a list of 150 levels": ("x: " + "[a, " * 150 + "b" + "]" * 150, "", 3, "deeper than 100"),
    "20,000 quotes in each other": ("x: 1", "Words.\n\n" + "> " * 20_000 + "a", 8, "a hundred deep"),
    "3,000 lists in each other": ("x: 1", "- " * 3000 + "a", 6, "a hundred deep"),
    "2,000 divisions in each other": ("x: 1", "::: {.a}\n" * 2000 + "a\n" + ":::\n" * 2000, None, "nested too deep"),
}


@pytest.mark.parametrize("case", BOUNDS)
def test_a_post_beyond_all_bounds_is_that_post_s_problem_soon(case: str, tmp_path: Path) -> None:
    front, text, line, said = BOUNDS[case]
    bad = f"---\ntitle: T\n{front}\n---\n\n{text}\n"
    write_site(tmp_path, {"bad.qmd": bad, "index.qmd": HEAD + "Words.\n"})
    start = time.monotonic()
    with pytest.raises(RenderError) as caught:
        manifest_of(tmp_path)
    assert time.monotonic() - start < 10
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (tmp_path / "bad.qmd", line)
    assert said in problem.message
    assert (tmp_path / "_site/index.html").is_file()


def test_a_number_of_6000_digits_is_the_text_that_was_written(tmp_path: Path) -> None:
    number = "9" * 6000
    front = f"---\ntitle: T\nn: {number}\nf: 1e999\n---\n\n"
    write_site(tmp_path, {"index.qmd": front + "It is {{< meta n >}} or {{< meta f >}}.\n"})
    manifest_of(tmp_path)
    assert f"It is {number} or 1e999." in (tmp_path / "_site/index.html").read_text()


def test_pandoc_is_ended_when_it_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandoc, "_SECONDS", 0.5)
    never = "[" * 5000 + "a" + "]" * 5000
    write_site(tmp_path, {"bad.qmd": HEAD + never, "index.qmd": HEAD + "Words.\n"})
    with pytest.raises(ToolFailed, match="did not end within") as caught:
        render_site(load_site(tmp_path), engine="pandoc")
    assert caught.value.problem.path == tmp_path / "bad.qmd"
    assert "Words." in (tmp_path / "_site/index.html").read_text()
