"""Documents that put the constructs together in other ways than the corpus does.

What Quarto's documentation and filters say of them is what is asserted.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from blogkit.errors import RenderError
from blogkit.render.dom import parse_page
from tests.render.conftest import Render, manifest_of, write_site
from tests.render.facts import facts

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100"/>'
BIB = "@book{knuth1984, title={The {TeX}book}, author={Knuth, Donald E.}, publisher={AW}, year={1984}}\n"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def page_of(render: Render, text: str, **more: str) -> dict[str, Any]:
    """The facts of one post."""
    site = render({"index.qmd": text, "f.svg": SVG, "refs.bib": BIB, **more})
    return facts(site / "index.html")


def test_a_figure_in_a_callout_in_a_tab_is_numbered_and_referred_to(render: Render) -> None:
    found = page_of(
        render,
        """---
title: "Tabs & *callouts*"
bibliography: refs.bib
fig-cap-location: top
---

::: {.panel-tabset group="language"}
## Python

::: {.callout-tip #tip-one}
## A tip, see @fig-in

![A caption [@knuth1984, p. 3] ^[A note in a caption.]](f.svg){#fig-in}
:::

## R

| a | b |
|---|--:|
| 1 | 2 |

: With $x^2$ {#tbl-tab tbl-colwidths="[25,75]"}
:::

See @tip-one, [-@tbl-tab], [Fig. @fig-in; @tbl-tab], @Fig-in.
""",
    )
    assert found["tabsets"] == [["Python", "R"]]
    assert found["callouts"][0][:2] == ["tip", "Tip 1: A tip, see Figure 1"]
    assert found["floats"] == [["fig-in", "Figure 1: A caption (Knuth 1984, 3) 1"], ["tbl-tab", "Table 1: With x2"]]
    assert [words for _, words in found["xrefs"]] == [
        "Figure 1", "Tip 1", "1", "Fig. 1", "Table 1", "Figure 1",
    ]  # fmt: skip
    assert found["footnotes"] == ["A note in a caption."]


def test_every_kind_of_table_takes_a_caption_with_an_id(render: Render) -> None:
    found = page_of(
        render,
        """---
title: T
tbl-cap-location: bottom
---

+-------+-----------+
| Fruit | Good for  |
+=======+===========+
| Plum  | - jam     |
|       | - cake    |
+-------+-----------+

: Grid. {#tbl-grid}

  Right     Left
-------     ------
     12     13

: Simple. {#tbl-simple}

-------------------
 First    Second
------- -----------
   one    two lines
          of words

   two    more
-------------------

: Several lines. {#tbl-lines}

::: {#tbl-panel layout-ncol=2}
| a |
|---|
| 1 |

: One {#tbl-panel-1}

| b |
|---|
| 2 |

: Two {#tbl-panel-2}

Both.
:::

@tbl-grid, @tbl-simple, @tbl-lines, @tbl-panel-2
""",
    )
    assert [caption for _, caption in found["floats"]] == [
        "Table 1: Grid.", "Table 2: Simple.", "Table 3: Several lines.", "Table 4: Both.", "(a) One", "(b) Two",
    ]  # fmt: skip
    assert found["xrefs"][-1] == ["#tbl-panel-2", "Table 4 (b)"]
    assert found["tables"][0][1] == ["Plum", "jam cake"]
    assert found["tables"][2][1] == ["one", "two lines of words"]


def test_shortcodes_stand_for_values_in_front_matter_attributes_and_code(render: Render) -> None:
    found = page_of(
        render,
        """---
title: "{{< meta extra.word >}} study"
subtitle: "{{{< meta extra.word >}}}"
abstract: "We ran {{< meta extra.n >}}."
extra: {word: One *small*, n: 3, file: f.svg}
---

[link]({{< meta extra.file >}}) `{{< meta extra.n >}}` and "{{< meta extra.n >}}"

![Of {{< meta extra.n >}}]({{< meta extra.file >}}){#fig-x fig-alt="{{< meta extra.n >}} lines"}

```
{{< meta extra.n >}} {{{< meta extra.n >}}}
```
""",
    )
    assert found["title"] == "One small study"
    assert found["subtitle"] == "{{< meta extra.word >}}"
    assert "Abstract We ran 3." in found["words"]
    assert found["images"] == [["f.svg", "3 lines"]]
    assert found["floats"] == [["fig-x", "Figure 1: Of 3"]]
    assert found["code"][0][1] == "3 {{< meta extra.n >}}"


def test_an_escaped_cell_is_shown_with_its_fences(render: Render) -> None:
    found = page_of(
        render,
        "---\ntitle: T\n---\n\n```{{python}}\n#| label: fig-x\nplot()\n```\n\n"
        "````markdown\n```{{r}}\n1\n```\n````\n\nInline `{{python}} x`.\n",
    )
    assert found["code"][0] == ["markdown", "```{python} #| label: fig-x plot() ```", False]
    assert found["code"][1][1] == "```{r} 1 ```"
    assert "Inline {python} x." in found["words"]


def test_a_listing_whose_caption_holds_code_is_no_open_block(render: Render) -> None:
    found = page_of(
        render,
        '---\ntitle: T\n---\n\n```{#lst-a .python lst-cap="With `code`" filename="a.py"}\nx = 1\n```\n\n@lst-a\n\n'
        "::: {.callout-note}\nWords.\n:::\n",
    )
    assert found["floats"] == [["lst-a", "Listing 1: With code"]]
    assert found["filenames"] == ["a.py"]


def test_includes_in_includes_find_their_pictures(render: Render) -> None:
    found = page_of(
        render,
        "---\ntitle: T\n---\n\n::: {.callout-note}\n{{< include parts/_one.qmd >}}\n:::\n\n- item @fig-two\n",
        **{
            "parts/_one.qmd": "---\ntitle: ignored\n---\nOne.\n\n{{< include deep/_two.qmd >}}\n",
            "parts/deep/_two.qmd": "![Two](two.svg){#fig-two}\n\nSee @fig-two.\n",
            "parts/deep/two.svg": SVG,
        },
    )
    assert found["images"] == [["parts/deep/two.svg", ""]]
    assert found["xrefs"] == [["#fig-two", "Figure 1"], ["#fig-two", "Figure 1"]]


def test_conditions_of_every_kind_are_met_or_not(render: Render) -> None:
    found = page_of(
        render,
        """---
title: T
params: {draft: true}
---

::: {.content-visible when-format="html"}
A
:::

::: {.content-visible unless-format="html"}
HIDDEN @fig-nowhere
:::

::: {.content-hidden when-meta="params.draft"}
HIDDEN
:::

::: {.content-hidden unless-meta="params.draft"}
B
:::

[C]{.content-visible when-format="html"}[HIDDEN]{.content-visible when-format="pdf"}
""",
    )
    assert found["words"].split() == ["T", "A", "B", "C"]


def test_a_citation_keeps_its_words_in_an_alternative_text_a_note_and_a_heading(render: Render) -> None:
    found = page_of(
        render,
        """---
title: T
bibliography: refs.bib
---

## After @knuth1984 {#sec-a}

An ![icon by [@knuth1984, p. 3]](f.svg) in the line.^[As [-@knuth1984] says.]

::: {#refs}
:::

Behind.
""",
    )
    assert found["images"] == [["f.svg", "icon by (Knuth 1984, 3)"]]
    assert found["footnotes"] == ["As (1984) says."]
    assert found["headings"][0][2] == "After Knuth (1984)"
    assert found["toc"] == [["#sec-a", "After Knuth (1984)"]]
    assert found["bibliography"] == [["ref-knuth1984", "Knuth, Donald E. 1984. The TeXbook. AW."]]
    assert found["words"].endswith("Behind. Footnotes As (1984) says.")


def test_headings_of_one_name_other_scripts_and_without_number_have_their_ids(render: Render) -> None:
    found = page_of(
        render,
        """---
title: T
number-sections: true
toc-depth: 2
---

# One {#sec-one}

## Same

## Same

## Ünïcode & “quotes”

## 中文

## Bare {.unnumbered}

## Unseen {.unlisted .unnumbered}

### Deep

# Two

## Inner {#sec-inner}

@sec-one, @sec-inner
""",
    )
    assert [(owner, words) for _, owner, words in found["headings"]] == [
        ("sec-one", "1 One"), ("same", "1.1 Same"), ("same-1", "1.2 Same"),
        ("ünïcode-quotes", "1.3 Ünïcode & “quotes”"),
        ("中文", "1.4 中文"), ("bare", "Bare"), ("unseen", "Unseen"), ("deep", "1.4.1 Deep"), ("two", "2 Two"),
        ("sec-inner", "2.1 Inner"),
    ]  # fmt: skip
    assert "Unseen" not in [words for _, words in found["toc"]]
    assert [words for _, words in found["xrefs"]] == ["Section 1", "Section 2.1"]


def test_theorems_count_by_kind_and_proofs_have_no_number(render: Render) -> None:
    found = page_of(
        render,
        """---
title: T
crossref: {fig-title: Abb., fig-prefix: Abb., subref-labels: "alpha A", thm-prefix: Satz}
---

::: {#thm-line}
## Line
The line $y = x$, by @def-x.
:::

::: {#def-x name="A *thing*"}
Words.
:::

::: {.proof}
By @thm-line.
:::

::: {#fig-x layout="[[40,-20,40],[100]]"}
![](f.svg){#fig-x-a}

![Two](f.svg){#fig-x-b}

![Three](f.svg){#fig-x-c}

All.
:::

@fig-x-c @fig-x
""",
    )
    assert found["theorems"][0] == ["thm-line", "Theorem 1 (Line) The line y=x, by Definition 1."]
    assert found["theorems"][1][1].startswith("Definition 1 (A thing)")
    assert [words for _, words in found["xrefs"]] == ["Definition 1", "Satz 1", "Abb. 1 (C)", "Abb. 1"]


def notebook(*cells: dict[str, Any]) -> str:
    """A notebook's JSON."""
    spec = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": spec, "cells": list(cells)})


def code(source: str, *data: dict[str, str]) -> dict[str, Any]:
    """A cell with displays."""
    outputs = [{"output_type": "display_data", "metadata": {}, "data": one} for one in data]
    return {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": outputs}


def prose(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def test_a_notebooks_pictures_with_a_caption_each_are_figures_each(render: Render) -> None:
    picture = {"image/png": PNG}
    site = render(
        {
            "index.ipynb": notebook(
                prose("---\ntitle: N\n---"),
                prose("@fig-list-2, @fig-two-1, @lst-a, @tbl-t"),
                code('#| label: fig-list\n#| fig-cap: ["A", "B"]\nx', picture, picture),
                code(
                    "#| label: fig-two\n#| fig-cap: Both\n#| fig-subcap: [One, Two]\n#| layout-ncol: 2\nx",
                    picture,
                    picture,
                ),
                code("#| lst-label: lst-a\n#| lst-cap: The code\nf()"),
                code(
                    "#| label: tbl-t\n#| tbl-cap: T\nd",
                    {"text/html": "<table><tr><td>1</td></tr></table><script>x</script>"},
                ),
            )
        }
    )
    found = facts(site / "index.html")
    assert found["floats"] == [
        ["fig-list-1", "Figure 1: A"], ["fig-list-2", "Figure 2: B"], ["fig-two", "Figure 3: Both"],
        ["fig-two-1", "(a) One"], ["fig-two-2", "(b) Two"], ["lst-a", "Listing 1: The code"], ["tbl-t", "Table 1: T"],
    ]  # fmt: skip
    assert [words for _, words in found["xrefs"]] == ["Figure 2", "Figure 3 (a)", "Listing 1", "Table 1"]


def test_a_cells_output_stands_in_tabs_and_its_code_above_them(render: Render) -> None:
    tabs = [{"text/markdown": "## Train\n\nFirst pane."}, {"text/markdown": "## Test\n\nSecond pane."}]
    cell = code("#| panel: tabset\n#| output: asis\nshow()", *tabs)
    site = render({"index.ipynb": notebook(prose("---\ntitle: N\n---"), cell)})
    page = (site / "index.html").read_text()
    assert facts(site / "index.html")["tabsets"] == [["Train", "Test"]]
    assert page.index("show") < page.index("nav-tabs") < page.index("First pane.") < page.index("Second pane.")


@pytest.mark.parametrize(
    ("contents", "titles"),
    [
        ("posts", "A B C"),
        ('"posts/*/index.qmd"', "A B C"),
        ('"/posts/*/index.qmd"', "A C"),
        ('"./posts/*/index.qmd"', "A C"),
        ('"*/index.qmd"', "A B C"),
        ('"posts/{a,c}/*.qmd"', "A C"),
        ('["!old/**", posts]', "A C"),
        ('[posts, "!posts/a"]', "B C"),
        ("posts/a/index.qmd", "A"),
        ("old/posts/", "B"),
    ],
)
def test_a_listing_seeks_a_pattern_in_every_folder_unless_it_begins_at_the_root(
    render: Render, contents: str, titles: str
) -> None:
    """As Quarto 1.11 does, on the same files."""
    files = {
        f"{folder}/{name}/index.qmd": f"---\ntitle: {name.upper()}\n---\n\nWords.\n"
        for folder, name in (("posts", "a"), ("posts", "c"), ("old/posts", "b"))
    }
    config = 'project: {type: website, output-dir: _site, render: ["*.qmd"]}\nwebsite: {title: T}\n'
    home = f"---\ntitle: Home\nlisting: [{{id: one, contents: {contents}}}]\n---\n\n::: {{#one}}\n:::\n"
    site = render({"_quarto.yml": config, "index.qmd": home, **files})
    assert " ".join(sorted(item[0] for item in facts(site / "index.html")["listing"])) == titles


@pytest.mark.parametrize(("pattern", "old"), [("posts/*/index.qmd", True), ("/posts/*/index.qmd", False)])
def test_pages_too_are_sought_in_every_folder_unless_the_pattern_begins_at_the_root(
    render: Render, pattern: str, old: bool
) -> None:
    config = f'project: {{type: website, output-dir: _site, render: ["{pattern}"]}}\nwebsite: {{title: T}}\n'
    post = "---\ntitle: T\n---\n\nWords.\n"
    site = render({"_quarto.yml": config, "posts/a/index.qmd": post, "old/posts/b/index.qmd": post})
    assert (site / "posts/a/index.html").is_file()
    assert (site / "old/posts/b/index.html").is_file() == old


def test_a_listing_takes_entries_that_are_written_by_hand_and_several_sort_keys(render: Render) -> None:
    post = "---\ntitle: {}\ndate: {}\ncategories: [x]\n---\n\nWords.\n"
    site = render(
        {
            "index.qmd": """---
title: Home
listing:
  - id: all
    contents: [projects, items.yml, {path: "https://example.org", title: Elsewhere, date: 2020-01-01}]
    sort: ["title desc", "date"]
    exclude: {title: "Old*"}
    type: table
    fields: [title, date]
---

::: {#all}
:::
""",
            "items.yml": "- path: projects/a/index.qmd\n  title: Named anew\n",
            "projects/a/index.qmd": post.format("A", "2024-01-02"),
            "projects/b/index.qmd": post.format("Old B", "2024-01-01"),
        }
    )
    page = (site / "index.html").read_text()
    assert facts(site / "index.html")["tables"][0][1:] == [
        ["Named anew", "Jan 2, 2024"], ["Elsewhere", "Jan 1, 2020"], ["A", "Jan 2, 2024"],
    ]  # fmt: skip
    assert 'href="https://example.org"' in page


def test_an_address_from_the_sites_root_holds_in_a_page_opened_by_double_click(render: Render) -> None:
    site = render(
        {
            "index.qmd": "---\ntitle: Home\n---\n\nWords.\n",
            "projects/a/index.qmd": "---\ntitle: A\n---\n\n[home](/) [source](/index.qmd#x) ![p](/f.svg)\n",
            "f.svg": SVG,
        }
    )
    page = (site / "projects/a/index.html").read_text()
    assert '<a href="../../index.html">home</a>' in page
    assert '<a href="../../index.html#x">source</a>' in page
    assert 'src="../../f.svg"' in page
    assert (site / "f.svg").is_file()


def test_a_division_that_pandoc_reads_as_text_is_an_error_with_its_line(tmp_path: Path) -> None:
    write_site(
        tmp_path, {"index.qmd": "---\ntitle: T\n---\n\n1. One\n\n     ::: {.callout-note}\n     In.\n     :::\n"}
    )
    with pytest.raises(RenderError) as caught:
        manifest_of(tmp_path)
    assert caught.value.problems[0].line == 7
    assert "read as text" in caught.value.problems[0].message


EVERYWHERE = """---
title: T
bibliography: refs.bib
lightbox: false
---

## Part {#sec-part}

::: {.callout-note title="Title of @fig-a [@smith]"}
Body @fig-a [@smith].
:::

::: {.panel-tabset}
## Tab @fig-a [@smith]

Pane @fig-a [@smith].
:::

::: {#thm-a name="Name @fig-a [@smith]"}
Claim @fig-a [@smith].
:::

![Caption @thm-a [@smith].](a.svg){#fig-a}

| a                 |
|-------------------|
| @fig-a [@smith]   |

: Table @fig-a [@smith]. {#tbl-a}

- Item @tbl-a^[Note @fig-a [@smith].] [@smith]

[Margin @fig-a [@smith].]{.aside} and **@fig-a [@smith]**, [see @sec-part; @fig-a] and [-@fig-a].

::: {layout-ncol=2}
![One @fig-a](a.svg)

![Two [@smith]](a.svg)
:::
"""


def test_references_and_citations_are_found_wherever_they_stand(render: Render) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    bib = "@book{smith, title={T}, author={Smith, Jo}, year={2001}}"
    out = render({"index.qmd": EVERYWHERE, "refs.bib": bib, "a.svg": svg})
    text = (out / "index.html").read_text()
    body = text[text.index("<main") : text.index("</main>")]
    assert "@" not in re.sub(r"@\w*\{", "", body)
    assert not re.search("[\ue000-\ue0ff]", text)
    words = re.sub(r"<[^>]*>", "", body)
    assert words.count("(Smith 2001)") == EVERYWHERE.count("[@smith]")
    assert body.count('class="quarto-xref"') >= EVERYWHERE.count("@fig-a") + 3


@pytest.mark.parametrize(
    ("sort", "titles"),
    [
        ("", "Delta gamma 10 9 Beta alpha"),
        (', sort: "date desc"', "10 Beta gamma 9 alpha Delta"),
        (", sort: date", "Delta 9 alpha gamma 10 Beta"),
        (', sort: "title desc"', "gamma alpha Delta Beta 9 10"),
        (', sort: [author, "title desc"]', "gamma Delta 9 Beta 10 alpha"),
        (", sort: order", "Delta gamma 9 10 Beta alpha"),
        (', sort: "mykey desc"', "10 Delta alpha gamma Beta 9"),
        (", sort: false", "9 10 Delta gamma Beta alpha"),
    ],
)
def test_a_listing_is_sorted_as_quarto_sorts_it(render: Render, sort: str, titles: str) -> None:
    """The orders are what Quarto 1.11 gave for the same files."""
    posts = {
        "z": "title: alpha\ndate: 2024-01-01\nauthor: Zed",
        "y": "title: Beta\nauthor: Ann\nmykey: 3",
        "x": "title: gamma\ndate: 2025-01-01\norder: 2\nmykey: 10",
        "w": "title: Delta\norder: 1\ndate: 2023-05-05",
        "v": 'title: "10"\nauthor: [Ann, Bo]',
        "u": 'title: "9"\ndate: 2024-01-01\nmykey: 2',
    }
    home = f"---\ntitle: Home\nlisting: {{contents: projects, fields: [title, date]{sort}}}\n---\n"
    files = {f"projects/{name}/index.qmd": f"---\n{front}\n---\n\nWords.\n" for name, front in posts.items()}
    site = render({"index.qmd": home, **files})
    assert " ".join(item[0] for item in facts(site / "index.html")["listing"]) == titles


def test_what_stands_in_a_box_beside_other_things_is_no_part_of_the_outline(render: Render) -> None:
    site = render(
        {
            "index.qmd": """---
title: T
---

## First

::: {.my}
## In a box

### Below it
:::

::: {.other}
Words.

## Behind words
:::

::: {.callout-note}
## Title

Words.

### In a callout
:::

::: {.panel-tabset}
## One
a

### In a tab

## Two
b
:::
"""
        }
    )
    found = facts(site / "index.html")
    assert [entry[1] for entry in found["toc"]] == ["First", "In a box", "Below it"]
    assert {"Behind words", "In a callout", "In a tab"} <= {heading[-1] for heading in found["headings"]}


def test_notes_and_citations_of_neighbouring_paragraphs_share_the_margin(render: Render) -> None:
    page = """---
title: T
reference-location: margin
citation-location: margin
bibliography: refs.bib
abstract: One line.
---

First [@a].

Second^[A note.] here.
"""
    entry = "@article{a, author={Lovelace, Ada}, title={Notes}, year={1843}, journal={Memoirs}}"
    site = render({"index.qmd": page, "refs.bib": entry})
    words = facts(site / "index.html")["words"]
    assert words.index("Memoirs") < words.index("A note.") < words.index("Second")
    assert "Abstract One line. First" in words


NESTED = {
    "a list item": "- First.\n\n- ::: {.callout-tip}\n  Nested words.\n  :::\n\n- Last.\n",
    "a numbered item": "1. ::: {.callout-tip}\n   Nested words.\n   :::\n",
    "a quote": "> ::: {.callout-tip}\n> Nested words.\n> :::\n",
    "a definition": "Term\n\n:   ::: {.callout-tip}\n    Nested words.\n    :::\n",
}


@pytest.mark.parametrize("place", NESTED)
def test_a_block_may_open_in_the_line_of_what_it_stands_in(place: str, render: Render) -> None:
    """Quarto reads it so, and the reader of lines must not count its end as one too many."""
    out = render({"index.qmd": f"---\ntitle: T\n---\n\n{NESTED[place]}"})
    page = parse_page((out / "index.html").read_bytes())
    (callout,) = [one for one in page.iter("div") if "callout-tip" in (one.get("class") or "").split()]
    assert "Nested words." in callout.text_content()
    around = {"a quote": "blockquote", "a definition": "dd"}.get(place, "li")
    assert next(callout.iterancestors(around), None) is not None
    assert ":::" not in page.text_content()


def test_a_block_that_opens_in_a_list_item_and_never_ends_is_an_error_with_its_line(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.qmd": "---\ntitle: T\n---\n\n- ::: {.callout-tip}\n  Words.\n"})
    with pytest.raises(RenderError) as caught:
        manifest_of(tmp_path)
    assert (caught.value.problems[0].line, "never closed" in caught.value.problems[0].message) == (5, True)


def test_a_file_is_included_in_a_code_block_as_code(render: Render) -> None:
    """As in Quarto, what the file holds is no Markdown, and shortcodes that code may hold are resolved in it."""
    text = "```python\n# before\n{{< include model.py >}}\n```\n"
    code = 'x = "{{< meta title >}}"\n# ::: {.no-block}\ny = "{{< what-is-this >}}"\n'
    out = render({"index.qmd": f"---\ntitle: Words\n---\n\n{text}", "model.py": code})
    page = parse_page((out / "index.html").read_bytes())
    (block,) = [one for one in page.iter("code") if "before" in (one.text_content() or "")]
    assert block.text_content().strip() == f"# before\n{code.strip()}".replace("{{< meta title >}}", "Words")


def test_a_file_that_is_not_there_is_an_error_in_a_code_block_too(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.qmd": "---\ntitle: T\n---\n\n```\n{{< include gone.py >}}\n```\n"})
    with pytest.raises(RenderError) as caught:
        manifest_of(tmp_path)
    assert (caught.value.problems[0].line, "no file gone.py" in caught.value.problems[0].message) == (6, True)
