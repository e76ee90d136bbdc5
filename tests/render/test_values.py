"""A page says which value it shows under which key, and says it to programs alone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from blogkit.config import load_site
from blogkit.page import Page
from blogkit.page.values import file_mark, read_shown_values
from blogkit.render import marks, render_site
from blogkit.tools import quarto
from tests.render.conftest import SITE, Render, write_site

VALUES = """\
values:
  best: "0.187\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.004"
  runs: "60"
  small: "−0.5"
  share: "18.7%"
  bold: "**much**"
  word: "1e3"
  file: "a.csv"
  dashed: "1--2"
  long: "one\\n\\ntwo"
  gone: "12345"
"""
FRONT = """\
title: "The error is {{< meta values.best >}}"
description: "It took {{< meta values.runs >}} runs."
date: 2026-01-01
metadata-files: [values.yml]
bibliography: refs.bib
"""
BIB = "@book{k, title = {A title}, author = {Ada Able}, year = {2020}}\n"
BODY = r"""
Of {{< meta values.runs >}} runs the error is {{< meta values.best >}}, "{{< meta values.small >}}" or
({{< meta values.share >}}); {{< meta values.runs >}}'s and others' *{{< meta values.small >}}* are
{{< meta values.bold >}} so.

## After {{< meta values.runs >}} runs

10^{{< meta values.word >}}^ is {{< meta values.runs >}}-fold; `code {{< meta values.word >}}` and
$x = {{< meta values.runs >}}$ and
[{{< meta values.runs >}} rows]({{< meta values.file >}}). Some <b title="{{< meta values.share >}}">bold</b>
[@k, p. {{< meta values.runs >}}].

$$
y = {{< meta values.runs >}}
$$

```python
x = {{< meta values.word >}}
```

![After {{< meta values.runs >}} runs.](p.svg){#fig-one fig-alt="Of {{< meta values.share >}} runs."}

| error                    | runs                     |
|--------------------------|--------------------------|
| {{< meta values.best >}} | {{< meta values.runs >}} |

: Of {{< meta values.runs >}} runs. {#tbl-one}

| a column of many words that go on and on for long | {{< meta values.share >}} and so on and on |
|----|----|
| {{< meta values.best >}} or about that much, and so on | {{< meta values.runs >}} |

::: {.callout-note title="Of {{< meta values.runs >}}"}
Note {{< meta values.dashed >}}.[^n]
:::

[^n]: A note of {{< meta values.best >}}.

{{< meta values.long >}}

::: {.content-hidden when-format="html"}
Hidden {{< meta values.gone >}}.
:::

Under {{< meta values.share >}} "
=================================

'the {{< meta values.share >}}"n=the {{< meta values.small >}}_ *{{< meta values.bold >}}'s* "{{< meta values.small >}}"

p. {{< meta values.share >}} and so on

Nothing \{{{< meta values.runs >}}\} nor {{{< meta values.runs >}}}. <!-- {{< meta values.share >}} -->
"""
TIMES = re.compile(rb"<(lastmod|lastBuildDate|pubDate)>[^<]*</")
"""What is written of the day on which a site is made."""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
FILES: Mapping[str, str] = {
    "_quarto.yml": SITE.replace('title: "A Blog"', 'title: "A Blog", site-url: "https://blog.example"'),
    "index.qmd": "---\ntitle: Posts\nlisting:\n  contents: projects\n  feed: true\n  type: table\n"
    "  fields: [title, description, reading-time]\n---\n",
    "projects/p/index.qmd": f"---\n{FRONT}---\n{BODY}",
    "projects/q/index.qmd": "---\ntitle: Q\ndate: 2026-01-02\nmetadata-files: [../p/values.yml]\n---\n\n"
    "The first paragraph says {{< meta values.best >}}.\n",
    "projects/p/values.yml": VALUES,
    "projects/p/refs.bib": BIB,
    "projects/p/p.svg": SVG,
    "projects/p/a.csv": "1\n",
}


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("marked")
    write_site(root, FILES)
    render_site(load_site(root), engine="pandoc")
    return root / "_site"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same site by an engine that knows no marks."""
    root = tmp_path_factory.mktemp("plain")
    write_site(root, FILES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "can_be_marked", lambda *_: False)
        patch.setattr(marks, "list_shown_values", lambda *_: None)
        render_site(load_site(root), engine="pandoc")
    return root / "_site"


def without_marks(page: str) -> str:
    page = re.sub(r'<script type="application/json" id="bk-values">.*?</script>', "", page)
    for _ in range(2):
        page = re.sub(r'<span data-value="[^"]*">((?:[^<]|<(?!/?span))*)</span>', r"\1", page)
    return page


def page_of(site: Path, name: str = "p") -> str:
    return (site / f"projects/{name}/index.html").read_text()


def test_marks_change_nothing_else_of_any_file(marked: Path, plain: Path) -> None:
    files = {path.relative_to(marked) for path in marked.rglob("*") if path.is_file()}
    assert files == {path.relative_to(plain) for path in plain.rglob("*") if path.is_file()}
    for name in sorted(files):
        one, other = (marked / name).read_bytes(), (plain / name).read_bytes()
        if name.suffix == ".html":
            assert without_marks(one.decode()) == other.decode(), name
        else:
            assert TIMES.sub(b"", one) == TIMES.sub(b"", other), name
    assert page_of(marked) != page_of(plain)


def test_no_mark_is_left_on_a_page(marked: Path) -> None:
    for path in marked.rglob("*"):
        if path.suffix in {".html", ".json", ".xml"}:
            assert not re.search("[\U00017000-\U000170ff]", path.read_text()), path


def test_words_blocks_and_texts_are_the_same_with_and_without_marks(marked: Path, plain: Path) -> None:
    one, other = (Page(data=page_of(site).encode()) for site in (marked, plain))
    assert one.words == other.words
    assert [block.text for block in one.blocks] == [block.text for block in other.blocks]


def test_a_value_in_running_text_is_an_element_and_any_other_is_listed(marked: Path) -> None:
    tree = html.fromstring(page_of(marked))
    spans = {element.get("data-value"): element.text_content() for element in tree.iterfind(".//span[@data-value]")}
    assert spans == {
        "values.best": "0.187\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.004",
        "values.runs": "60",
        "values.small": "−0.5",
        "values.share": "18.7%",
        "values.bold": "much",
        "values.word": "1e3",
    }
    for place in ("figcaption", "td", "sup", "em", "p"):
        assert tree.xpath(f".//{place}//span[@data-value]"), place
    (listed,) = tree.xpath("//script[@id='bk-values']/text()")
    assert dict(json.loads(listed)) == {
        "values.best": "0.187\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.004",
        "values.runs": "60",
        "values.share": "18.7%",
        "values.word": "1e3",
        "values.file": "a.csv",
        "values.dashed": "1--2",
        "values.small": "−0.5",
        "values.bold": "**much**",
        "values.long": "one\n\ntwo",
    }
    assert {one.key for one in read_shown_values(tree)} == {*spans, *dict(json.loads(listed))}


def test_a_listing_and_a_feed_show_a_value_without_its_mark(marked: Path) -> None:
    assert "data-value" not in (marked / "index.html").read_text()
    assert "0.187" in (marked / "index.xml").read_text() and "data-value" not in (marked / "index.xml").read_text()


@pytest.mark.parametrize("text", ["[", "3", '[["a"], ["a", 3], 5, ["b", "1", "2"]]', "[" * 5000, '{"a": 1}'])
def test_a_list_that_is_none_is_no_list(text: str) -> None:
    page = f'<html><head><script type="application/json" id="bk-values">{text}</script></head></html>'
    assert read_shown_values(html.fromstring(page)) == ()


@pytest.mark.parametrize("engine", ["pandoc", "quarto"])
def test_a_page_says_which_files_of_its_results_it_includes(engine: str, by_quarto: Any, render: Render) -> None:
    """The compute statement and tables: their words are no values of their own."""
    files = {"projects/p/results/compute.md": "9 runs took {{< meta values.runs >}} minutes.\n"}
    source = "{{< include results/compute.md >}}\n\n{{< include part.md >}}\n"
    if engine == "quarto":
        tree = by_quarto(source, "<p>9 runs took 60 minutes.</p>", files={**files, "projects/p/part.md": "Words.\n"})
    else:
        front = "---\ntitle: T\nmetadata-files: [values.yml]\n---\n\n"
        more = {"projects/p/part.md": "Words.\n", "projects/p/values.yml": VALUES}
        pages = render({**files, **more, "projects/p/index.qmd": front + source})
        tree = html.fromstring((pages / "projects/p/index.html").read_text())
    mark = file_mark(files["projects/p/results/compute.md"].encode())
    assert said(tree) == {("values.runs", "60"), ("results/compute.md", mark)}


# --- Quarto, which resolves shortcodes itself


@pytest.fixture
def by_quarto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Renders one post by Quarto, which gives this body."""

    def render(source: str, body: str, files: Mapping[str, str] | None = None) -> html.HtmlElement:
        def made(folder: Path, files: Sequence[Path] = (), metadata: Any = None, output: Path | None = None) -> None:
            assert output is not None
            page = output / "projects/p/index.html"
            page.parent.mkdir(parents=True)
            page.write_text(
                f"<!DOCTYPE html><html><head><title>T</title></head><body><main>{body}</main></body></html>"
            )

        monkeypatch.setattr(quarto, "render", made)
        shutil.rmtree(tmp_path / "site", ignore_errors=True)
        post = {"projects/p/index.qmd": f"---\ntitle: T\nmetadata-files: [values.yml]\n---\n\n{source}\n"}
        root = tmp_path / "site"
        write_site(root, {**post, **(files or {}), "projects/p/values.yml": VALUES})
        render_site(load_site(root), engine="quarto")
        return html.fromstring((root / "_site/projects/p/index.html").read_text())

    return render


def said(tree: html.HtmlElement) -> set[tuple[str, str | None]]:
    return {(one.key, one.text) for one in read_shown_values(tree)}


def test_a_value_is_found_on_quarto_s_page_by_the_words_around_it(by_quarto: Any) -> None:
    source = "There were 60 things, and then **{{< meta values.runs >}}** runs of *others*, or 60 more."
    body = "<p>There were 60 things, and then <strong>60</strong> runs of <em>others</em>, or 60 more.</p>"
    tree = by_quarto(source, body)
    assert said(tree) == {("values.runs", "60")}
    (found,) = tree.iterfind(".//span[@data-value]")
    assert found.getparent().tag == "strong"
    assert tree.find(".//main/p").text_content() == html.fromstring(body).text_content()


def test_values_that_follow_each_other_in_one_text_keep_their_order(by_quarto: Any) -> None:
    source = (
        "The first words are {{< meta values.runs >}} of {{< meta values.share >}} <b>x</b> and then "
        "{{< meta values.runs >}} again, {{< meta values.word >}}."
    )
    body = "<p>The first words are 60 of 18.7% <b>x</b> and then 60 again, 1e3.</p>"
    tree = by_quarto(source, body)
    assert [one.text for one in tree.iterfind(".//span[@data-value]")] == ["60", "18.7%", "60", "1e3"]
    assert tree.find(".//main/p").text_content() == html.fromstring(body).text_content()


def test_what_has_no_place_of_its_own_on_quarto_s_page_is_listed(by_quarto: Any) -> None:
    source = (
        "![Words]({{< meta values.file >}}) in $x = {{< meta values.word >}}$ and 10.60 {{< meta values.share >}} x."
    )
    body = (
        '<p><img src="a.csv" alt="Words"> in <span class="math inline">\\(x = 1e3\\)</span> and 18.75% elsewhere.</p>'
    )
    tree = by_quarto(source, body)
    assert not list(tree.iterfind(".//span[@data-value]"))
    assert said(tree) == {("values.file", "a.csv"), ("values.word", "1e3"), ("values.share", None)}, (
        "the page shows another share than the source names, and says so"
    )
