"""What is nearly a shortcode, mathematics, a class or a block is a finding with its file and line."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from blogkit.check.slips import slips_in
from blogkit.check.source import Source
from blogkit.config import load_site, open_site
from blogkit.pipeline import check_projects, fix_projects
from blogkit.render import render_site
from tests.files import site_tree, write_tree


def slips(tmp_path: Path, text: str, name: str = "index.qmd", **known: set[str]) -> list[tuple[int, str]]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return [(one.line.number, f"{one.message} {one.fix}") for one in slips_in(Source(path=path).lines, **known)]


@pytest.mark.parametrize(
    "braces",
    [
        "{{< meta values.x > here",
        "{{ meta values.x }} there",
        "{< meta values.x >} there",
        "{ {< meta values.x >} } there",
        "{{% meta values.x %}}",
        "{{< meta values.x and no end",
    ],
)
def test_braces_that_are_nearly_a_shortcode(tmp_path: Path, braces: str) -> None:
    ((line, said),) = slips(tmp_path, f"---\ntitle: p\n---\n\nThe value is {braces}.\n")
    assert line == 5 and "nearly a shortcode" in said


def test_mathematics_between_backslashes_and_code_within_a_line(tmp_path: Path) -> None:
    found = slips(tmp_path, "Let \\(x^2\\) be.\n\n\\[\na = b\n\\]\n\nSo \\[\\alpha\\], `{python} x` and `r x`.\n")
    assert [line for line, _ in found] == [1, 3, 7, 7, 7]
    assert found[0][1].endswith("Write $x^2$.") and "code within a line is not run" in found[3][1]


def test_a_class_that_is_nearly_one_we_know(tmp_path: Path) -> None:
    text = "[An aside]{.asid} [own]{.asides}\n\n::: {.colunm-margin}\nx\n:::\n\n## Title {#sec-a .unumbered}\n"
    found = slips(tmp_path, text, known_classes={"asides"})
    assert [(line, said.split("Did you mean ")[1]) for line, said in found] == [
        (1, ".aside?"),
        (3, ".column-margin?"),
        (7, ".unnumbered?"),
    ]


@pytest.mark.parametrize(
    "block", ["- one\n- two", "1. one\n2. two", "* one", "# Heading", "> said", "|a|b|\n|---|---|\n|1|2|"]
)
def test_a_block_right_below_a_paragraph(tmp_path: Path, block: str) -> None:
    ((line, said),) = slips(tmp_path, f"Words of a\nparagraph:\n{block}\n")
    assert line == 3 and "no blank line" in said


RIGHT = r"""---
title: "Braces {{ meta x }} in front matter"
lst:
- one
---

Text {{< meta values.x >}} and {{{< meta values.x >}}} and `{{ meta x }}` and ``{{< meta``.

- one
  goes on
- two

  A paragraph of it
- three

1. one
2. two

> quoted
> - with a list

Escaped \[not a link\] and a price of \$5, in 1999
1999. was a year.

$$
\begin{pmatrix} a \\(2) \end{pmatrix}
$$

| a | b |
|---|---|
| - | \(x |

::: {.callout-note .panel-tabset}
- a list
:::

[Own]{.mine .note #id key="val"}

<!-- a comment
- with a list
-->

```python
x = "{{ meta y }}"
- no list
```

Term
: definition

![Caption.](a.svg){#fig-a fig-alt="\(x"}
"""


def test_what_is_right_is_no_slip(tmp_path: Path) -> None:
    assert slips(tmp_path, RIGHT) == []


def test_cells_of_a_notebook_are_paragraphs_apart(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": [text]} for text in ("Words", "- one", "see \\(x\\)")]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    found = slips(tmp_path, json.dumps(document, indent=1), "index.ipynb")
    assert len(found) == 1 and "mathematics" in found[0][1]


def test_the_posts_of_this_repository_have_no_slips() -> None:
    root = Path(__file__).parents[2]
    sheets = {"guidance", "hypothesis"}
    posts = [*root.glob("projects/*/index.qmd"), *root.glob("docs/*.qmd")]
    found = {path: list(slips_in(Source(path=path).lines, known_classes=sheets)) for path in posts}
    assert {
        path.name: [(one.line.number, one.message) for one in slips] for path, slips in found.items() if slips
    } == {}


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a347d6b0000000049454e44ae426082".replace(" ", "")
)


def test_a_picture_is_found_however_its_accents_are_written_and_fix_writes_them_as_the_file_has_them(
    tmp_path: Path,
) -> None:
    composed, apart = (unicodedata.normalize(form, "kästen.png") for form in ("NFC", "NFD"))
    write_tree(tmp_path, {**site_tree({"p": {}}), f"projects/p/{apart}": PNG})
    post = tmp_path / "projects" / "p" / "index.qmd"
    post.write_text(f"---\ntitle: p\n---\n\n![Boxes.]({composed}){{fig-alt='Boxes'}}\n", encoding="utf-8")
    site = load_site(tmp_path)
    (report,) = check_projects(site, ["p"], profile="plain")
    missing = [one for one in report.findings if one.code == "BK103"]
    assert missing and "accents" in f"{missing[0].message} {missing[0].fix}"
    ((_, fixes),) = fix_projects(site, ["p"], profile="plain")
    assert any("as the file is" in said for said in fixes.said)
    assert apart in post.read_text(encoding="utf-8")
    (report,) = check_projects(load_site(tmp_path), ["p"], profile="plain")
    assert not [one for one in report.findings if one.code == "BK103"]


def test_an_attachment_with_a_space_is_a_picture_and_one_that_is_not_there_a_finding(tmp_path: Path) -> None:
    import base64

    source = "![A](attachment:my%20pic.png) ![B](<attachment:my pic.png>) ![C](attachment:gone.png)"
    cell = {
        "cell_type": "markdown",
        "metadata": {},
        "source": [source],
        "attachments": {"my pic.png": {"image/png": base64.b64encode(PNG).decode()}},
    }
    head = {"cell_type": "raw", "metadata": {}, "source": ["---\ntitle: A\n---"]}
    document = {"cells": [head, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write_tree(tmp_path, site_tree({"p": {"index.ipynb": "\ufeff" + json.dumps(document, indent=1)}}))
    (tmp_path / "projects" / "p" / "index.qmd").unlink()
    site = open_site(tmp_path)
    render_site(site)
    page = (tmp_path / "_site" / "projects" / "p" / "index.html").read_text()
    assert page.count("my-pic.png") >= 2 and "attachment:my" not in page
    (report,) = check_projects(site, ["p"], profile="plain")
    assert any("attachment:gone.png is attached to no cell" in one.message for one in report.findings)


def test_the_starters_prose_is_found_also_without_its_guidance(tmp_path: Path) -> None:
    import re

    starter = (Path(__file__).parents[2] / "template" / "blank" / "index.qmd.jinja").read_text(encoding="utf-8")
    body = re.sub(r"^::: \{\.guidance\}.*?^:::$", "", starter.split("---\n", 2)[2], flags=re.DOTALL | re.MULTILINE)
    parts = [part.strip() for part in body.split("\n\n")]
    words = [part for part in parts if len(part) > 100 and part[0].isupper() and "{{<" not in part and "@" not in part]
    assert len(words) >= 2
    own = (
        "A paragraph of one's own, about a network with more hidden units, which can represent functions in many ways."
    )
    write_tree(tmp_path, site_tree({"p": {}}))
    post = tmp_path / "projects" / "p" / "index.qmd"
    post.write_text("---\ntitle: p\n---\n\n" + "\n\n".join([own, *words]) + "\n")
    (report,) = check_projects(load_site(tmp_path), ["p"], profile="plain")
    (found,) = [one for one in report.findings if one.code == "BK115" and "starter" in one.message]
    assert f"{len(words)} paragraphs are the starter's own prose" in found.message and found.line == 7
    post.write_text(f"---\ntitle: p\n---\n\n{own}\n")
    (report,) = check_projects(load_site(tmp_path), ["p"], profile="plain")
    assert not [one for one in report.findings if "starter" in one.message]


def test_a_post_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    write_tree(tmp_path, site_tree({"p": {}}))
    post = tmp_path / "projects" / "p" / "index.qmd"
    post.write_text("\ufeff---\ntitle: Marked\nauthor: A\n---\n\nSo {{ meta values.x }}.\n", encoding="utf-8")
    (report,) = check_projects(load_site(tmp_path), ["p"], profile="plain")
    assert report.facts["title"] == "Marked"
    assert [one.line for one in report.findings if one.code == "BK133"] == [6]
