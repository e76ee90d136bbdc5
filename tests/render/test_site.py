"""A site is more than its posts, and only what changed is rendered again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from blogkit.config import load_site
from blogkit.errors import ConfigError
from blogkit.render import render_site
from blogkit.render.engines import csl, pandoc
from blogkit.render.finish import parse_page
from blogkit.render.source import read_source
from blogkit.tools.pandoc import PandocWorker
from tests.render.conftest import Render, manifest_of, write_site

SITE = """
project: {type: website, output-dir: _site}
website: {title: "A Blog", site-url: "https://example.org/blog"}
format: {html: {toc: true, html-math-method: mathml}}
"""


def post(title: str, date: str, more: str = "", text: str = "Words.") -> str:
    return f"---\ntitle: {title}\nauthor: [Ada Example]\ndate: {date}\n{more}---\n\n{text}\n"


BLOG = {
    "_quarto.yml": SITE,
    "index.qmd": "---\ntitle: Posts\nlisting: {contents: projects, type: grid, categories: true}\n---\n",
    "projects/one/index.qmd": post(
        "One",
        "2026-01-01",
        "categories: [deep nets]\naliases: [/old/one.html]\n",
        "## Part {#sec-part}\n\nAlpha words.",
    ),
    "projects/two/index.qmd": post("Two", "2026-02-01", "categories: [deep nets, theory]\n", "Beta words."),
    "projects/three/index.qmd": post("Three", "2026-03-01", "draft: true\n", "Gamma words."),
    "projects/four/index.qmd": post("Four", "2026-04-01", "", "Delta words."),
}


@pytest.fixture
def blog(render: Render) -> Path:
    return render(BLOG)


def test_a_post_leads_to_the_posts_before_and_after_it(blog: Path) -> None:
    page = parse_page((blog / "projects/two/index.html").read_bytes())
    links = {link.get("rel"): link.get("href") for link in page.iter("a") if link.get("rel") in {"prev", "next"}}
    assert links == {"prev": "../../projects/one/index.html", "next": "../../projects/four/index.html"}


def test_a_draft_is_no_page_and_is_listed_nowhere(blog: Path) -> None:
    assert not (blog / "projects/three/index.html").exists()
    for name in ("index.html", "index.xml", "sitemap.xml", "search.js"):
        assert "hree" not in (blog / name).read_text(), name


def test_each_category_has_a_page_that_its_posts_lead_to(blog: Path) -> None:
    listed = (blog / "categories/deep-nets.html").read_text()
    assert "One" in listed
    assert "Two" in listed
    assert "Four" not in listed
    assert 'href="../../categories/deep-nets.html"' in (blog / "projects/one/index.html").read_text()


def test_a_category_says_how_many_posts_it_has_and_leads_back_to_all(blog: Path) -> None:
    page = parse_page((blog / "categories/deep-nets.html").read_bytes())
    line = next(one for one in page.iter("p") if one.get("class") == "bk-all")
    assert line.text_content() == "2 posts · All posts"
    assert [link.get("href") for link in line.iter("a")] == ["../index.html"]


def test_a_listing_s_categories_lead_somewhere_without_scripts_too(blog: Path) -> None:
    page = parse_page((blog / "index.html").read_bytes())
    entries = [one for one in page.iter("div") if one.get("data-category")]
    assert [one.text_content() for one in entries] == ["deep nets (2)", "theory (1)"]
    for entry in entries:
        link = next(entry.iter("a")).get("href") or ""
        assert (blog / link).is_file(), link


def test_the_search_index_is_a_script_that_names_every_section(blog: Path) -> None:
    text = (blog / "search.js").read_text()
    index = json.loads(text.removeprefix("window.blogkitSearch=").rstrip(";\n"))
    entry = next(one for one in index if one["title"] == "One")
    assert entry["href"] == "projects/one/index.html"
    assert ["sec-part", "Part", "Alpha words."] in entry["sections"]


def test_the_feed_holds_the_whole_text_of_the_newest_posts(blog: Path) -> None:
    channel = ElementTree.parse(blog / "index.xml").getroot().find("channel")
    assert channel is not None
    items = channel.findall("item")
    assert [item.findtext("title") for item in items] == ["Four", "Two", "One"]
    assert "Alpha words." in (items[2].findtext("description") or "")
    assert items[2].findtext("link") == "https://example.org/blog/projects/one/index.html"


CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "data": {"values": [{"x": 1, "y": 2}, {"x": 2, "y": 3}]},
    "mark": "line",
    "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
}
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><path d="M0 90 L100 10"/></svg>'


def test_a_feed_s_reader_gets_pictures_and_no_page_that_is_no_news(render: Render) -> None:
    """Readers of feeds drop drawings and controls; a page of documentation has no date, and is not new."""
    figure = '![A line.](results/charts/f.svg){#fig-f fig-alt="Rising."}'
    out = render(
        {
            **BLOG,
            "about.qmd": "---\ntitle: About\n---\n\nWho we are.\n",
            "projects/one/index.qmd": post("One", "2026-01-01", "", figure),
            "projects/one/results/charts/f.svg": DRAWING,
            "projects/one/results/charts/f.vl.json": json.dumps(CHART),
        }
    )
    assert "bk-drawing" in (out / "projects/one/index.html").read_text()
    channel = ElementTree.parse(out / "index.xml").getroot().find("channel")
    assert channel is not None
    items = {item.findtext("title"): item for item in channel.findall("item")}
    assert list(items) == ["Four", "Two", "One"]
    for item in items.values():
        assert parsedate_to_datetime(item.findtext("pubDate") or "").tzinfo is not None
        assert item.findtext("guid") == item.findtext("link")
    text = items["One"].findtext("description") or ""
    assert 'src="https://example.org/blog/projects/one/results/charts/f.svg"' in text
    assert (out / "projects/one/results/charts/f.svg").is_file()
    assert 'alt=""' not in text
    assert [tag for tag in ("<svg", "<script", "<select", "<input", "<button") if tag in text] == []
    assert [a for a in re.findall(r'(?:src|href)="([^"]*)"', text) if not a.startswith("https://")] == []


def test_the_sitemap_names_every_page(blog: Path) -> None:
    places = re.findall(r"<loc>(.*?)</loc>", (blog / "sitemap.xml").read_text())
    assert "https://example.org/blog/index.html" in places
    assert len(places) == 4


def test_an_old_address_leads_to_the_new_one(blog: Path) -> None:
    assert 'url=../projects/one/index.html"' in (blog / "old/one.html").read_text()


def test_only_what_changed_is_rendered_again(blog: Path, tmp_path: Path) -> None:
    pages = {path: path.stat().st_mtime_ns for path in blog.rglob("*.html")}
    source = tmp_path / "projects/two/index.qmd"
    source.write_text(source.read_text().replace("Beta", "Changed"))
    manifest_of(tmp_path)
    changed = {path.relative_to(blog).as_posix() for path, time in pages.items() if path.stat().st_mtime_ns != time}
    assert changed == {"projects/two/index.html", "index.html", "categories/deep-nets.html", "categories/theory.html"}


def test_a_new_title_changes_the_neighbours_too(blog: Path, tmp_path: Path) -> None:
    source = tmp_path / "projects/two/index.qmd"
    source.write_text(source.read_text().replace("title: Two", "title: Second"))
    manifest_of(tmp_path)
    assert "Second" in (blog / "projects/one/index.html").read_text()


def test_a_change_in_an_included_file_renders_the_post_again(render: Render, tmp_path: Path) -> None:
    out = render(
        {
            "projects/a/index.qmd": post("A", "2026-01-01", "", "{{< include _part.qmd >}}"),
            "projects/a/_part.qmd": "Old.",
        }
    )
    (tmp_path / "projects/a/_part.qmd").write_text("New.")
    manifest_of(tmp_path)
    assert "New." in (out / "projects/a/index.html").read_text()


def test_a_file_that_was_saved_while_it_was_rendered_is_rendered_again(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.qmd": "---\ntitle: T\n---\n\nOld words.\n"})
    source = tmp_path / "index.qmd"
    later = source.stat().st_mtime_ns + 10**11  # as if it was saved after the rendering began
    os.utime(source, ns=(later, later))
    manifest_of(tmp_path)
    source.write_text(source.read_text().replace("Old", "New"))
    os.utime(source, ns=(later, later))
    manifest_of(tmp_path)
    assert "New words." in (tmp_path / "_site/index.html").read_text()


def test_a_site_where_nothing_changed_asks_nothing_of_pandoc(
    blog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    ask = PandocWorker.ask

    def count(self: PandocWorker, request: Mapping[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return ask(self, request)

    monkeypatch.setattr(PandocWorker, "ask", count)
    manifest_of(tmp_path)
    assert asked == []
    (tmp_path / "projects/two/index.qmd").unlink()
    manifest_of(tmp_path)
    assert asked, "the listing lost a post"
    assert "Two" not in (blog / "index.html").read_text()


def test_a_listing_follows_the_file_that_holds_its_entries(render: Render, tmp_path: Path) -> None:
    home = "---\ntitle: Posts\nlisting: {contents: posts.yml}\n---\n"
    out = render({"index.qmd": home, "posts.yml": "- {path: https://example.org, title: Elsewhere}\n"})
    assert "Elsewhere" in (out / "index.html").read_text()
    (tmp_path / "posts.yml").write_text("- {path: https://example.org, title: Nowhere at all}\n")
    manifest_of(tmp_path)
    assert "Nowhere at all" in (out / "index.html").read_text()


def test_posts_share_the_bibliography_that_they_name_by_different_ways(tmp_path: Path) -> None:
    front = "bibliography: ../../refs.bib\n"
    posts = {f"projects/{name}/index.qmd": post(name, "2026-01-01", front) for name in "ab"}
    write_site(tmp_path, {"refs.bib": "@book{a, title={T}}", **posts})
    site = load_site(tmp_path)
    paths = {pandoc._request(read_source(site, tmp_path / name))["bibliography"][0]["path"] for name in posts}
    assert len(paths) == 1


def test_a_page_that_was_removed_from_the_output_is_made_again(blog: Path, tmp_path: Path) -> None:
    (blog / "projects/one/index.html").unlink()
    manifest_of(tmp_path)
    assert (blog / "projects/one/index.html").is_file()


def test_rendering_one_project_leaves_the_others_listed(blog: Path, tmp_path: Path) -> None:
    site = load_site(tmp_path)
    chosen = [project for project in site.projects if project.name == "one"]
    manifest = render_site(site, engine="pandoc", only=chosen)
    assert [page.project for page in manifest.pages] == ["one"]
    assert "Two" in (blog / "categories/deep-nets.html").read_text()


def test_the_short_style_is_made_from_the_pinned_one() -> None:
    assert csl.short_style(pandoc.STYLE) == pandoc.SHORT_STYLE.read_bytes()


REFERENCES = """
@article{art, title={An Article}, author={Doe, Jane and Roe, Richard},
  journal={Journal},
  volume={3}, number={2}, pages={1--9},
  year={2001}, doi={10.1/x}}
@book{book, title={A Book}, author={Poe, Ed},
  publisher={Press}, address={Town}, edition={2},
  year={1990}}
@inproceedings{conf, title={A Talk}, author={Moe, Al and Noe, Bo and Coe, Cy and Joe, Di},
  booktitle={Proceedings}, editor={Foe, Ed}, pages={5--6},
  year={2010}}
@phdthesis{thesis, title={A Thesis}, author={Toe, Ty},
  school={University},
  year={2015}}
@techreport{report, title={A Report}, author={Hoe, Hy},
  institution={Lab}, number={7},
  year={2016}}
@misc{arxiv, title={A Preprint}, author={Low, Lo},
  year={2020},
  eprint={2001.00001}, archivePrefix={arXiv},
  url={https://arxiv.org/abs/2001.00001}}
@online{web, title={A Site}, author={Website Team},
  year={2022},
  url={https://example.org}, urldate={2023-01-02}}
@incollection{chapter, title={A Chapter}, author={Soe, So},
  booktitle={Collected}, editor={Zoe, Zo},
  publisher={Press}, pages={10--20},
  year={1999}}
"""


def test_the_short_style_says_the_same_as_the_whole_one(tmp_path: Path) -> None:
    keys = re.findall(r"@\w+\{(\w+),", REFERENCES)
    cites = " ".join(f"@{key} [p. 3]; [@{key}]." for key in keys) + f" [{'; '.join('@' + key for key in keys)}]"
    texts = []
    for name, style in (("short", ""), ("whole", "csl: style.csl\n")):
        root = tmp_path / name
        front = f"---\ntitle: T\nbibliography: refs.bib\n{style}---\n\n{cites}\n"
        write_site(root, {"index.qmd": front, "refs.bib": REFERENCES, "style.csl": pandoc.STYLE.read_bytes()})
        manifest_of(root)
        page = parse_page((root / "_site/index.html").read_bytes())
        texts.append(" ".join("".join(page.find(".//main").itertext()).split()))  # type: ignore[union-attr]
    assert texts[0] == texts[1]
    assert "A Chapter" in texts[0]


DRAFT = "---\ntitle: {}\ndate: 2026-01-0{}\n{}---\n\nWords, and a [link](../b/index.qmd#x).\n"


@pytest.mark.parametrize("mode", ["gone", "unlinked", "visible"])
def test_drafts_are_gone_unlinked_or_visible_as_quarto_has_it(mode: str, tmp_path: Path) -> None:
    config = SITE if mode == "gone" else SITE.replace("{title:", f"{{draft-mode: {mode}, title:")
    home = "---\ntitle: Home\nlisting: {contents: projects}\n---\n"
    posts = {
        "projects/a/index.qmd": DRAFT.format("A", 1, ""),
        "projects/b/index.qmd": DRAFT.format("B", 2, "draft: true\n"),
    }
    write_site(tmp_path, {"_quarto.yml": config, "index.qmd": home, **posts})
    manifest = manifest_of(tmp_path)
    listed = (tmp_path / "_site/index.html").read_text()
    other = (tmp_path / "_site/projects/a/index.html").read_text()
    searched = (tmp_path / "_site/search.js").read_text()
    page = tmp_path / "_site/projects/b/index.html"
    assert ("projects/b/" in listed) is (mode == "visible")
    assert ("../b/index.html#x" in other) is (mode == "visible")
    assert ("projects/b" in searched) is (mode == "visible")
    assert page.is_file() is (mode != "gone")
    assert len(manifest.pages) == (2 if mode == "gone" else 3)
    if mode == "gone":
        site = load_site(tmp_path)
        project = next(one for one in site.projects if one.name == "b")
        render_site(site, engine="pandoc", only=[project])
    assert "This is a draft." in page.read_text()


def test_a_draft_that_only_the_site_names_has_the_banner_too(tmp_path: Path) -> None:
    config = SITE.replace("{title:", "{drafts: [projects/b/index.qmd], draft-mode: visible, title:")
    files = {f"projects/{name}/index.qmd": DRAFT.format(name, 1, "") for name in "ab"}
    write_site(tmp_path, {"_quarto.yml": config, **files})
    manifest_of(tmp_path)
    banners = {n: "This is a draft." in (tmp_path / f"_site/projects/{n}/index.html").read_text() for n in "ab"}
    assert banners == {"a": False, "b": True}


def test_a_draft_mode_that_is_none_is_said(tmp_path: Path) -> None:
    config = SITE.replace("{title:", "{draft-mode: hidden, title:")
    write_site(tmp_path, {"_quarto.yml": config, "index.qmd": "---\ntitle: T\n---\n"})
    with pytest.raises(ConfigError, match="draft-mode 'hidden'"):
        manifest_of(tmp_path)


def test_an_output_that_only_a_script_would_draw_is_said(tmp_path: Path) -> None:
    outputs = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": html}}
        for html in (
            "<div></div><script>Bokeh.embed()</script>",
            "<table><tr><td>1</td></tr></table><script>f()</script>",
        )
    ]
    cells = [
        {"cell_type": "raw", "metadata": {}, "source": "---\ntitle: T\n---"},
        {"cell_type": "code", "metadata": {}, "source": "show(p)", "outputs": outputs[:1], "execution_count": 1},
        {"cell_type": "code", "metadata": {}, "source": "frame", "outputs": outputs[1:], "execution_count": 2},
    ]
    write_site(
        tmp_path, {"index.ipynb": json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})}
    )
    (said,) = manifest_of(tmp_path).warnings
    assert "index.ipynb: cell 2: an output is drawn by a script" in said
