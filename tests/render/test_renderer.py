"""A rendering is a plan, an engine that draws it, and what is written; one broken post stops no other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.errors import NotebookError, Problem, RenderError
from blogkit.model import Manifest, Project, Site, SiteConfig
from blogkit.render.dom import parse_page
from blogkit.render.engines.pandoc import PandocEngine
from blogkit.render.engines.protocol import DrawnPage, Engine
from blogkit.render.engines.quarto import QuartoEngine
from blogkit.render.metadata import listings_of
from blogkit.render.plan import PlannedPage, RenderPlan, neighbours, plan_site, unchanged_pages
from blogkit.render.posts import PostWords
from blogkit.render.renderer import SiteRenderer
from tests.render.conftest import manifest_of, write_site

FRAME = """<!DOCTYPE html><html lang="en"><head><title>T</title></head><body>
<header id="quarto-header"><div class="navbar-container"></div></header>
<div id="quarto-content"><div id="quarto-margin-sidebar"></div>
<main id="quarto-document-content"><header id="title-block-header"><h1 class="title">{title}</h1></header>{text}</main>
</div></body></html>"""


class StubEngine:
    """Draws every page from its title; a title may say what goes wrong."""

    name = "stub"
    keeps_pages = True
    jobs = 2

    def __init__(self) -> None:
        self.woken: list[bool] = []
        self.drawn: list[str] = []
        self.closed = 0

    def wake(self, *, whole: bool) -> None:
        self.woken.append(whole)

    def begin(self, plan: RenderPlan) -> None:
        pass

    def draw(self, plan: RenderPlan, page: PlannedPage) -> DrawnPage:
        title = str(page.front["title"])
        if title.startswith("Broken"):
            raise RenderError([Problem(path=page.source, line=7, message="is broken.")])
        if title.startswith("Defect"):
            raise KeyError("no such thing")
        self.drawn.append(title)
        front: dict[str, Any] = dict(page.front)
        return DrawnPage(
            tree=parse_page(FRAME.format(title=title, text="<p>Words.</p>")),
            metadata=front,
            words=PostWords(title_html=title, title_text=title),
            files={"beside.txt": b"data"},
            warnings=(f"{page.source}: drawn",),
        )

    def close(self) -> None:
        self.closed += 1


def source(title: str, day: int = 0, more: str = "") -> str:
    date = f"date: 2026-01-{day:02}\n" if day else ""
    return f"---\ntitle: {title}\n{date}{more}---\n\nWords of {title}.\n"


CONFIG = """
project: {type: website, output-dir: _site}
website: {title: "A Blog", site-url: "https://example.org"}
"""
BLOG = {
    "_quarto.yml": CONFIG,
    "index.qmd": source("Posts", more="listing: {contents: projects}\n"),
    "projects/a/index.qmd": source("First", 1, "categories: [nets]\n"),
    "projects/b/index.qmd": source("Second", 2, "categories: [nets]\n"),
    "projects/c/index.qmd": source("Third", 3),
}


def render(root: Path, engine: Engine | None = None) -> Manifest:
    with SiteRenderer(engine or StubEngine()) as renderer:
        return renderer.render(load_site(root))


def ways(out: Path, name: str) -> dict[str, str]:
    page = parse_page((out / f"projects/{name}/index.html").read_bytes())
    links = [link for link in page.iter("a") if link.get("rel") in {"prev", "next"}]
    return {link.get("rel") or "": (link.get("href") or "").split("/")[-2] for link in links}


# --- any engine -------------------------------------------------------------------------------------------------------


def test_both_engines_are_engines() -> None:
    engines: list[Engine] = [PandocEngine(1), QuartoEngine()]
    assert [one.name for one in engines] == ["pandoc", "quarto"]
    for one in engines:
        one.close()


def test_a_site_is_whole_whatever_engine_draws_its_pages(tmp_path: Path) -> None:
    write_site(tmp_path, BLOG)
    engine = StubEngine()
    manifest = render(tmp_path, engine)
    out = tmp_path / "_site"
    assert [(page.title, page.project) for page in manifest.pages] == [
        ("Posts", None), ("First", "a"), ("Second", "b"), ("Third", "c"),
    ]  # fmt: skip
    assert manifest.engine == "stub"
    assert manifest.warnings == tuple(f"{page.source}: drawn" for page in manifest.pages)
    listed = (out / "index.html").read_text()
    assert [title for title in ("First", "Second", "Third") if title in listed] == ["First", "Second", "Third"]
    assert ways(out, "b") == {"prev": "a", "next": "c"}
    assert (out / "projects/a/beside.txt").read_bytes() == b"data"
    assert "site_libs/blogkit/course.css" in (out / "projects/a/index.html").read_text()
    for name in ("categories/nets.html", "search.js", "index.xml", "sitemap.xml"):
        assert (out / name).is_file(), name
    assert (engine.woken, engine.closed) == ([True], 1)


def test_an_engine_draws_again_only_what_changed(tmp_path: Path) -> None:
    write_site(tmp_path, BLOG)
    render(tmp_path)
    again = StubEngine()
    render(tmp_path, again)
    assert again.drawn == []
    write_site(tmp_path, {**BLOG, "projects/c/index.qmd": source("Third", 3) + "More.\n"})
    changed = StubEngine()
    render(tmp_path, changed)
    assert sorted(changed.drawn) == ["Posts", "Third"]
    assert changed.woken == [False]


def test_an_engine_that_makes_every_page_anew_is_asked_for_every_page(tmp_path: Path) -> None:
    class Anew(StubEngine):
        keeps_pages = False

    write_site(tmp_path, BLOG)
    for _ in range(2):
        engine = Anew()
        render(tmp_path, engine)
        assert sorted(engine.drawn) == ["First", "Posts", "Second", "Third"]
    assert (tmp_path / "_site/projects/a/index.html").is_file()


# --- pages that cannot be made ----------------------------------------------------------------------------------------


def test_a_broken_post_is_reported_and_the_rest_is_written(tmp_path: Path) -> None:
    write_site(tmp_path, {**BLOG, "projects/b/index.qmd": source("Broken", 2)})
    with pytest.raises(RenderError) as caught:
        render(tmp_path)
    assert [(one.path, one.line) for one in caught.value.problems] == [(tmp_path / "projects/b/index.qmd", 7)]
    out = tmp_path / "_site"
    assert not (out / "projects/b").exists()
    assert "Third" in (out / "index.html").read_text()
    assert "Broken" not in (out / "index.html").read_text() + (out / "search.js").read_text()


def test_no_post_leads_to_one_that_could_not_be_made(tmp_path: Path) -> None:
    write_site(tmp_path, {**BLOG, "projects/b/index.qmd": source("Broken", 2)})
    for _ in range(2):
        with pytest.raises(RenderError):
            render(tmp_path)
        assert ways(tmp_path / "_site", "a") == {"next": "c"}
        assert ways(tmp_path / "_site", "c") == {"prev": "a"}
    write_site(tmp_path, BLOG)
    render(tmp_path)
    assert ways(tmp_path / "_site", "a") == {"next": "b"}


@pytest.mark.parametrize("anew", [False, True])
def test_a_post_that_broke_keeps_the_page_that_it_had(anew: bool, tmp_path: Path) -> None:
    engine = StubEngine()
    engine.keeps_pages = not anew
    write_site(tmp_path, BLOG)
    render(tmp_path, engine)
    before = (tmp_path / "_site/projects/b/index.html").read_text()
    write_site(tmp_path, {"_quarto.yml": CONFIG, "projects/b/index.qmd": source("Broken", 2)})
    with pytest.raises(RenderError):
        render(tmp_path, engine)
    assert (tmp_path / "_site/projects/b/index.html").read_text() == before
    assert "Second" in (tmp_path / "_site/index.html").read_text()
    assert "Second" in (tmp_path / "_site/categories/nets.html").read_text()
    assert ways(tmp_path / "_site", "a") == {"next": "b"}


def test_a_defect_in_one_page_names_the_page_and_stops_no_other(tmp_path: Path) -> None:
    more = {"projects/b/index.qmd": source("Defect", 2), "projects/c/index.qmd": source("Broken", 3)}
    write_site(tmp_path, {**BLOG, **more})
    with pytest.raises(RenderError) as caught:
        render(tmp_path)
    first, second = caught.value.problems
    assert first.path == tmp_path / "projects/b/index.qmd"
    assert "KeyError: 'no such thing' (test_renderer.py, line " in first.message
    assert "report" in first.hint
    assert second.line == 7
    assert (tmp_path / "_site/projects/a/index.html").is_file()


def test_a_listing_that_breaks_is_one_page_s_problem(tmp_path: Path) -> None:
    front = source("Posts", more="listing: {contents: [projects, gone.yml]}\n")
    write_site(tmp_path, {**BLOG, "index.qmd": front})
    with pytest.raises(Exception, match=r"gone\.yml"):
        render(tmp_path)
    assert (tmp_path / "_site/projects/a/index.html").is_file()
    assert "First" in (tmp_path / "_site/search.js").read_text()


def test_one_error_is_raised_as_it_is(tmp_path: Path) -> None:
    write_site(tmp_path, {**BLOG, "projects/b/index.ipynb": "{}"})
    (tmp_path / "projects/b/index.qmd").unlink()
    with pytest.raises(NotebookError, match="not a notebook"):
        manifest_of(tmp_path)
    assert (tmp_path / "_site/projects/a/index.html").is_file()


def test_the_command_writes_the_rest_and_ends_with_an_error(tmp_path: Path) -> None:
    broken = source("Second", 2) + "\n{{< nothing >}}\n"
    write_site(tmp_path, {**BLOG, "projects/b/index.qmd": broken})
    command = [sys.executable, "-m", "blogkit", "render", "--engine", "pandoc"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == RenderError.exit_code == 1
    assert "projects/b/index.qmd:8: the shortcode 'nothing' is not known." in done.stderr
    assert "Words of First." in (tmp_path / "_site/projects/a/index.html").read_text()


def test_rendering_one_project_leaves_what_changed_meanwhile_listed(tmp_path: Path) -> None:
    """The others stay as they were rendered, also where their source changed since."""
    write_site(tmp_path, BLOG)
    render(tmp_path)
    write_site(tmp_path, {"_quarto.yml": CONFIG, "projects/b/index.qmd": source("Second", 2) + "More.\n"})
    site = load_site(tmp_path)
    with SiteRenderer(StubEngine()) as renderer:
        renderer.render(site, [one for one in site.projects if one.name == "a"])
    assert "Second" in (tmp_path / "_site/search.js").read_text()
    assert "https://example.org/index.html" in (tmp_path / "_site/sitemap.xml").read_text()


# --- the plan ---------------------------------------------------------------------------------------------------------


def site_at(root: Path, **website: Any) -> Site:
    projects = tuple(Project(folder=root / "projects" / name, sweep=None) for name in "abc")
    return Site(root=root, quarto={"website": website}, config=SiteConfig(), projects=projects)


NOWHERE = Path("/nowhere")
FRONTS: Mapping[Path, Mapping[str, Any]] = {
    NOWHERE / "index.qmd": {"title": "Posts", "listing": True},
    NOWHERE / "projects/a/index.qmd": {"title": "First", "date": "2026-01-01"},
    NOWHERE / "projects/b/index.qmd": {"title": "Second", "date": "2026-01-02", "draft": True},
    NOWHERE / "projects/c/index.qmd": {"title": "Third", "date": "2026-01-03"},
}


def names(pages: tuple[PlannedPage, ...]) -> list[str]:
    return [page.source.parent.name for page in pages]


@pytest.mark.parametrize(
    ("mode", "made", "after"),
    [("gone", ["nowhere", "a", "c"], "Third"), ("unlinked", ["nowhere", "a", "b", "c"], "Third"),
     ("visible", ["nowhere", "a", "b", "c"], "Third")],
)  # fmt: skip
def test_a_plan_is_made_of_what_it_is_given(mode: str, made: list[str], after: str) -> None:
    """Nothing of the site lies on this disk: the plan reads nothing."""
    plan = plan_site(site_at(NOWHERE, **{"draft-mode": mode}), list(FRONTS), FRONTS)
    assert names(plan.pages) == made
    first = next(page for page in plan.pages if page.source.parent.name == "a")
    assert first.output == NOWHERE / "_site/projects/a/index.html"
    assert first.project == "a"
    assert first.neighbours.following == ("projects/c/index.html", after)
    draft = NOWHERE / "projects/b/index.qmd"
    assert plan.is_hidden(draft) is (mode != "visible")
    assert (draft in plan.outputs) is (mode != "gone")
    assert plan.gone == ((NOWHERE / "_site/projects/b/index.html",) if mode == "gone" else ())


def test_a_plan_for_one_project_makes_its_draft_and_leaves_the_others() -> None:
    site = site_at(NOWHERE)
    plan = plan_site(site, list(FRONTS), FRONTS, only=[site.projects[1]])
    assert names(plan.pages) == ["b"]
    assert plan.pages[0].is_draft
    assert names(plan.others) == ["nowhere", "a", "c"]
    assert plan.drafts_shown
    assert plan.gone == ()


def test_a_plan_without_a_post_leads_past_it() -> None:
    plan = plan_site(site_at(NOWHERE), list(FRONTS), FRONTS, drafts="visible")
    dated = [page for page in plan.pages if page.front.get("date")]
    assert neighbours(plan.site, [page for page in dated if not page.is_draft])
    lost = NOWHERE / "projects/c/index.qmd"
    left = plan.without({lost})
    assert names(left.pages) == ["nowhere", "a", "b"]
    assert all(page.neighbours.following != ("projects/c/index.html", "Third") for page in left.pages)


def test_a_listing_is_left_as_it_is_only_where_every_page_is() -> None:
    plan = plan_site(site_at(NOWHERE), list(FRONTS), FRONTS)
    records = {
        page.source: {"around": plan.surroundings(page), "listing": bool(listings_of(page.front))}
        for page in plan.pages
    }
    assert set(unchanged_pages(plan, lambda page: records.get(page.source))) == set(records)
    changed = NOWHERE / "projects/a/index.qmd"
    kept = unchanged_pages(plan, lambda page: records[page.source] if page.source != changed else None)
    assert {path.parent.name for path in kept} == {"c"}
    records[changed] = {**records[changed], "around": [None, None, []]}
    assert changed not in unchanged_pages(plan, lambda page: records[page.source])
