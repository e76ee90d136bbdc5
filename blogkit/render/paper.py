"""Posts on paper: one PDF beside each page, printed by Chromium with the theme's rules for print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blogkit.model import Manifest, RenderedPage
from blogkit.tools.chromium import chromium, visit

if TYPE_CHECKING:
    from blogkit.tools.chromium import Tab

_READY = """async () => {
  document.querySelectorAll("details:not(figure details)").forEach(one => one.open = true);
  document.querySelectorAll("img[loading]").forEach(one => one.loading = "eager");
  await Promise.all([...document.images].map(one => one.decode().catch(() => null)));
  await document.fonts.ready;
}"""
_FOOT = (
    '<div style="width:100%;font:8pt sans-serif;text-align:center;color:#444">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)


def print_posts(manifest: Manifest) -> tuple[Path, ...]:
    """The PDFs of a site's posts, each beside its page; of every page, where the site has no projects.

    Raises ToolMissing where there is no browser, with the way to get one; ToolFailed when it cannot print.
    """
    pages: Sequence[RenderedPage] = [page for page in manifest.pages if page.project] or manifest.pages
    made: list[Path] = []
    with chromium("Printing a PDF") as browser:
        for page in pages:
            target = page.output.with_suffix(".pdf")

            def put(tab: Tab, target: Path = target) -> None:
                tab.emulate_media(media="print", color_scheme="light")
                tab.evaluate(_READY)
                tab.pdf(
                    path=target,
                    format="A4",
                    print_background=True,
                    margin={"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"},
                    display_header_footer=True,
                    header_template="<span></span>",
                    footer_template=_FOOT,
                    tagged=True,
                    outline=True,
                )

            visit(browser, page.output, manifest.root, put)
            made.append(target)
    return tuple(made)
