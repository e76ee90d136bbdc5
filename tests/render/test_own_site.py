"""Every page of this repository's own site can be read by everybody: axe finds nothing, in light and in dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.model import Site
from blogkit.render import render_site
from tests.browser import browser
from tests.render.test_browser import AXE, RUN
from tests.sites import copy_sources

pytestmark = pytest.mark.slow
ONE_OF_EACH = ("index", "about", "docs/rules", "categories/optimization", "projects/perceptron/index")


def themed_site(root: Path, theme: str) -> Site:
    """The site's pages with another theme."""
    copy_sources(root)
    config = root / "_quarto.yml"
    config.write_text(config.read_text().replace("theme: course", f"theme: {theme}"))
    render_site(load_site(root), engine="pandoc")
    return load_site(root)


def violations(page: Any, address: str) -> list[str]:
    """What axe finds on a page: all rules in light, contrast in dark too."""
    found = []
    for scheme, options in (("light", {"resultTypes": ["violations"]}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)
        if scheme == "light":
            page.goto(address)
            page.add_script_tag(path=str(AXE))
        found += [f"{scheme} {one['id']}: {one['nodes'][0]['html'][:160]}" for one in page.evaluate(RUN, options)]
    return found


@pytest.mark.parametrize("theme", ["course", "journal"])
def test_every_page_of_our_site_passes_axe_in_light_and_dark(theme: str, tmp_path: Path, rendered_site: Site) -> None:
    """All pages in the theme that we use; of the other theme a page of each kind, since the pages are the same."""
    out = (rendered_site if theme == "course" else themed_site(tmp_path, theme)).output
    pages = sorted(path.relative_to(out).with_suffix("").as_posix() for path in out.rglob("*.html"))
    assert set(ONE_OF_EACH) <= set(pages)
    assert len(pages) >= 30
    found = []
    with browser() as running:
        page = running.new_page(viewport={"width": 1280, "height": 900})
        for name in pages if theme == "course" else ONE_OF_EACH:
            said = violations(page, (out / f"{name}.html").as_uri())
            found += [f"{name}: {one}" for one in said]
        page.close()
    assert not found, "\n".join(found)


def test_the_perceptron_post_opens_with_what_a_trained_network_answers(rendered_site: Site) -> None:
    """The decision region stands above the introduction, once."""
    page = (rendered_site.output / "projects" / "perceptron" / "index.html").read_text(encoding="utf-8")
    assert page.count('id="fig-boundary"') == 1
    assert page.index('id="title-block-header"') < page.index('id="fig-boundary"') < page.index('id="introduction"')
