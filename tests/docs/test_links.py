"""A link in the documentation leads somewhere."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from lxml import html

from blogkit.config import load_site
from blogkit.render import render_site
from tests.docs.pages import PAGES, ROOT, blocks


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own pages, rendered without the posts."""
    root = tmp_path_factory.mktemp("site")
    for name in ("_quarto.yml", "index.qmd", "about.qmd"):
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "docs", root / "docs")
    (root / "projects").mkdir()
    manifest = render_site(load_site(root), engine="pandoc")
    assert manifest.warnings == ()
    return manifest.root


def test_the_documentation_is_in_the_site(site: Path) -> None:
    for page in PAGES:
        if page.suffix == ".qmd":
            assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file(), page
    assert not list(site.rglob("_*.html"))


def test_every_link_between_pages_leads_to_a_page_and_a_place_on_it(site: Path) -> None:
    trees = {path: html.fromstring(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    ids = {path: {element.get("id") for element in tree.iter() if element.get("id")} for path, tree in trees.items()}
    followed, broken = 0, []
    for path, tree in trees.items():
        for link in tree.iter("a"):
            address = link.get("href") or ""
            if not address or re.match(r"[a-z]+:", address):
                continue
            name, _, place = unquote(address).partition("#")
            target = (path.parent / name).resolve() if name else path
            followed += 1
            if not target.is_file() or (place and target in ids and place not in ids[target]):
                broken.append(f"{path.relative_to(site)}: {address}")
    assert broken == []
    assert followed > 100


def test_every_link_in_the_sources_leads_to_a_file_of_the_repository() -> None:
    broken = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in blocks(page):
            text = text.replace(block.text, "")
        addresses = re.findall(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text))
        local = [address for address in addresses if not re.match(r"[a-z]+:|#", address)]
        broken += [
            f"{page.name}: {address}" for address in local if not (page.parent / address.partition("#")[0]).exists()
        ]
    assert broken == []


def test_the_first_page_of_the_documentation_names_every_other() -> None:
    text = (ROOT / "docs" / "index.qmd").read_text(encoding="utf-8")
    others = {page.name for page in (ROOT / "docs").glob("*.qmd")} - {"index.qmd"}
    assert [name for name in sorted(others) if f"]({name})" not in text and not name.startswith("_")] == []


def test_what_is_said_to_the_tests_does_not_show_on_the_page(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = "".join(html.fromstring(path.read_text(encoding="utf-8")).xpath("//body//text()"))
        assert not re.search(r"not run:|<!--|before:\s*mkdir", text), path
