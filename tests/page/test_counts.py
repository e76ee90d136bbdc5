"""A page has the same number of words wherever it is counted."""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from blogkit.check import check_path, check_project
from blogkit.config import load_site
from blogkit.model import RenderedPage, Site
from blogkit.page import Page
from blogkit.page.foreign import parse_foreign
from blogkit.page.seen import WORD
from blogkit.render import render_site
from blogkit.render.extras import search_entries
from blogkit.render.finish import FinishContext, finish
from blogkit.review.posts import prepare_post
from blogkit.review.roster import Roster
from tests.files import write_tree
from tests.page.odd import ODD

MORE = {
    "plain": "One two three.",
    "everything": "---\nabstract: Four words of abstract.\n---\n\n# One\n\nIt is `code` and $x = 1$.[^n]\n\n$$y$$\n\n```python\nno\n```\n\n"
    "![No prose.](f.svg){#fig-f}\n\n| a |\n|---|\n| 1 |\n\n: No prose {#tbl-t}\n\n::: {.callout-note}\n## Title\n\nIn a callout.\n:::\n\n"
    "::: {.column-margin}\nIn the margin.\n:::\n\n[Hidden]{style='display: none'} [not]{.visually-hidden} seen.\n\n<div hidden>no</div>\n\n"
    "[^n]: A note of five words.\n\n## More {.appendix}\n\nNot counted.\n",
    "long": "# One\n\n" + "A long section has more letters than the search keeps. " * 120,
    "nothing": "",
}
"""Posts, as their authors write them."""


def counts(site: Site, name: str) -> dict[str, int]:
    """The words of a rendered post, by who counts them."""
    project = next(one for one in site.projects if one.name == name)
    output = site.output / "projects" / name / "index.html"
    text = output.read_text(encoding="utf-8")
    page = RenderedPage(source=project.post, output=output, project=name)
    linked = re.search(r'"wordCount": (\d+)', text)
    copy = prepare_post(name, output, site.output, Roster(people=())).html
    return {
        "check": check_project(site, project, page).facts["words"],
        "check of a page": check_path(output).facts["words"],
        "JSON-LD": int(linked[1]) if linked else 0,
        "review": Page(data=copy.encode()).words,
    }


def minutes(site: Site, name: str) -> int:
    text = (site.output / "projects" / name / "index.html").read_text(encoding="utf-8")
    found = re.search(r">(\d+) min read<", text)
    assert found is not None
    return int(found[1])


def searched(site: Site, name: str) -> list[list[str]]:
    """What the site's search knows of a post."""
    script = (site.output / "search.js").read_text(encoding="utf-8")
    entries = json.loads(script.removeprefix("window.blogkitSearch=").rstrip().removesuffix(";"))
    sections: list[list[str]] = next(one["sections"] for one in entries if one["href"] == f"projects/{name}/index.html")
    return sections


def agree(site: Site, name: str) -> None:
    """Fails unless all who count the words of a post come to one number, and its search holds each of them."""
    found = counts(site, name)
    assert len(set(found.values())) == 1, (name, found)
    words = found["check"]
    assert minutes(site, name) == max(1, math.ceil(words / 200))
    page = Page(data=(site.output / "projects" / name / "index.html").read_bytes())
    sections = searched(site, name)
    if not any(len(one[2]) > 3990 for one in sections):
        known = Counter(WORD.findall(" ".join(f"{heading} {text}" for _, heading, text in sections)))
        missing = Counter(WORD.findall(" ".join(block.shown for block in page.body))) - known
        assert not missing, (name, missing)


def test_every_post_of_the_repository_has_one_count(rendered_site: Site) -> None:
    for project in rendered_site.projects:
        agree(rendered_site, project.name)


def test_posts_with_everything_and_with_nothing_have_one_count(tmp_path: Path) -> None:
    head = "---\ntitle: T\nauthor: Ada Example\n---\n\n"
    files = {
        f"projects/{name.replace(' ', '-')}/index.qmd": (head + text).replace("---\n\n---\n", "")
        for name, text in MORE.items()
    }
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>'
    write_tree(tmp_path, {"_quarto.yml": "project:\n  type: website\n", "projects/everything/f.svg": drawing, **files})
    site = load_site(tmp_path)
    render_site(site, engine="pandoc")
    for project in site.projects:
        agree(site, project.name)
    assert (
        counts(site, "everything")["check"] == 4 + 1 + 5 + 1 + 3 + 3 + 1
    )  # abstract, heading, paragraph, callout, margin, seen


FOREIGN = (
    "<!doctype html><html><head><meta charset=utf-8><title>T</title><style>.later{display:none}</style>"
    "<link rel=stylesheet href=s.css><body><nav>Home</nav><main><h1 class=title>T</h1><p>One <b>two</b> <i>three<p>Four "
    "five.</i><div class=later>hidden words</div><span class=gone>more hidden</span><!-- a --!><h2>Six</h2><p>Seven"
    "<a class=footnote-ref href=#fn1>1</a><pre>no prose</pre><table><tr><td>none</table><ul><li>Eight<li>nine</ul></main>"
)
"""A page that others made: elements left open and crossed, hidden by style sheets in it and beside it."""


def test_a_page_that_others_made_has_one_count_in_every_form_in_which_it_is_handed_in(tmp_path: Path) -> None:
    """As a page, a folder, a zip, and for its reviewers."""
    folder = write_tree(tmp_path / "post", {"index.html": FOREIGN, "s.css": ".gone{display:none}"})
    with zipfile.ZipFile(tmp_path / "post.zip", "w") as packed:
        for file in folder.iterdir():
            packed.write(file, file.name)
    ways = [folder / "index.html", folder, tmp_path / "post.zip"]
    found = [check_path(path).facts["words"] for path in ways]
    copy = prepare_post("post", folder / "index.html", folder, Roster(people=())).html
    found.append(Page(data=copy.encode(), document=parse_foreign(copy.encode())).words)
    assert found == [9, 9, 9, 9]


def test_a_listing_shows_the_words_that_the_page_has(tmp_path: Path) -> None:
    """Not the pieces between two spaces of the source, and sorted by them."""
    listing = "---\ntitle: Posts\nlisting:\n  contents: projects\n  type: table\n  fields: [title, word-count]\n---\n"
    short = "---\ntitle: Short\n---\n\n```python\n" + "x = 1\n" * 50 + "```\n\nThree plain words.\n"
    long = "---\ntitle: Long\n---\n\n" + "word " * 21 + "\n"
    tree = {"_quarto.yml": "project:\n  type: website\n", "index.qmd": listing}
    write_tree(tmp_path, {**tree, "projects/a/index.qmd": short, "projects/b/index.qmd": long})
    site = load_site(tmp_path)
    render_site(site, engine="pandoc")
    shown = Page(data=(site.output / "index.html").read_bytes()).main.text_content()
    assert re.search(r"Short\s+3\b", shown) and re.search(r"Long\s+21\b", shown), shown


@pytest.mark.parametrize("name", ODD)
def test_finishing_a_page_changes_none_of_its_words(name: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"_quarto.yml": "project:\n  type: website\n", "index.qmd": ""})
    site = load_site(tmp_path)
    context = FinishContext(site=site, source=tmp_path / "index.qmd", output=site.output / "index.html", prefix="")
    finished = Page(data=finish(ODD[name].html, context).encode())
    assert finished.words == ODD[name].words == context.read[0].words


def test_the_search_of_a_page_is_its_sections_with_captions_and_tables_after_the_prose() -> None:
    page = Page(
        data=b"<main><p>Start <math><mi>x</mi><annotation>no</annotation></math>.</p><h2 id='a'>One</h2><figure id='fig-a'>"
        b"<img src='a.png'><figcaption>Figure 1: Seen.</figcaption></figure><p>Text</p><h3>Bare</h3><table><caption>Table 2: T"
        b"</caption><tr><td>7</td></tr></table><div id='refs'>no</div></main>"
    )
    assert search_entries(page) == [["", "", "Start x ."], ["a", "One", "Text Figure 1: Seen. Bare Table 2: T 7"]]
