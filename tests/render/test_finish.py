"""The finishing pass makes a page from either engine work without a network."""

from __future__ import annotations

from pathlib import Path

from blogkit.model import Site, SiteConfig
from blogkit.render.finish import Assets, FinishContext, finish


def context(tmp_path: Path, prefix: str = "../../") -> FinishContext:
    site = Site(root=tmp_path, quarto={}, config=SiteConfig(), projects=())
    source = tmp_path / "projects" / "one" / "index.qmd"
    output = tmp_path / "_site" / "projects" / "one" / "index.html"
    return FinishContext(site=site, source=source, output=output, prefix=prefix)


def test_scripts_and_stylesheets_from_elsewhere_are_cut(tmp_path: Path) -> None:
    page = """<!DOCTYPE html><html lang="en"><head><title>T</title>
    <script src="https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.6/require.min.js"></script>
    <link rel="stylesheet" href="//fonts.googleapis.com/css?family=Lato">
    <link rel="canonical" href="https://example.org/"><script src="own/reader.js"></script>
    </head><body><main id="quarto-document-content"><p>Words.</p></main></body></html>"""
    finished = finish(page, context(tmp_path))
    assert "cdnjs" not in finished
    assert "googleapis" not in finished
    assert 'src="own/reader.js"' in finished
    assert 'rel="canonical"' in finished
    assert finished.startswith("<!DOCTYPE html>")


def test_an_asset_is_copied_only_when_a_page_asks_for_it(tmp_path: Path) -> None:
    assets = Assets()
    assert assets.want("made.css", b"p {}") == "site_libs/blogkit/made.css"
    assets.copy_to(tmp_path / "_site")
    assert (tmp_path / "_site/site_libs/blogkit/made.css").read_bytes() == b"p {}"
    assert assets.names == {"made.css"}


def test_an_asset_is_addressed_from_the_page(tmp_path: Path) -> None:
    assert context(tmp_path).asset("made.css", b"") == "../../site_libs/blogkit/made.css"
    assert context(tmp_path, prefix="").asset("made.css", b"") == "site_libs/blogkit/made.css"
