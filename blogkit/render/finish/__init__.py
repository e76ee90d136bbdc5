"""What both engines' pages get after they are rendered: one transformation a file, in the order of ``FINISHERS``.

A finisher changes the page's tree in place and knows nothing of the engine that made it: it relies on Quarto's own
ids and classes, which both engines write. What it needs beside the page (a stylesheet, a script, a font) it asks of
``context.assets``, so that only what some page uses is copied into the site.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree, html

from blogkit import store
from blogkit.model import Site
from blogkit.page import Page
from blogkit.render.dom import page_text, parse_page
from blogkit.render.made import note_made

ASSETS = Path(__file__).parent.parent / "assets"
"""Where the package keeps what pages load."""

__all__ = ["ASSETS", "LIBRARY", "Assets", "FinishContext", "Finisher", "finish", "finishers", "page_text", "parse_page"]

LIBRARY = "site_libs/blogkit"
"""Where a site keeps it, below its root."""


class Assets:
    """Which of the package's files the pages of a site load; shared by all pages, safe to use from threads."""

    def __init__(self) -> None:
        self._wanted: dict[str, bytes | None] = {}
        self._lock = threading.Lock()

    def want(self, name: str, data: bytes | None = None) -> str:
        """Asks for a file of ``render/assets`` (or of these bytes); returns its address from the site's root."""
        with self._lock:
            self._wanted[name] = data
        return f"{LIBRARY}/{name}"

    @property
    def names(self) -> frozenset[str]:
        """What was asked for so far."""
        with self._lock:
            return frozenset(self._wanted)

    def copy_to(self, root: Path) -> None:
        """Puts every file that was asked for below a site's root; a file that is there already is left as it is."""
        with self._lock:
            wanted = dict(self._wanted)
        for name, data in wanted.items():
            target = root / LIBRARY / name
            if data is not None:
                store.write_if_changed(target, data)
                continue
            source = ASSETS / name
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                store.write_if_changed(target, source.read_bytes())


@dataclass(frozen=True, kw_only=True)
class FinishContext:
    """What a finisher may know of the page beside its tree."""

    site: Site
    source: Path
    """Absolute; the ``.qmd`` or ``.ipynb``. Files that the page names lie relative to its folder."""
    output: Path
    """Absolute; where the page is written."""
    prefix: str
    """From the page's folder to the site's root: empty, or ``../../``."""
    assets: Assets = field(default_factory=Assets)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The page's metadata as Quarto merges it: site, folder, front matter."""
    warnings: list[str] = field(default_factory=list)
    """What the author should know; a finisher adds to it."""

    read: list[Page] = field(default_factory=list)
    """The finished page, as all that read pages see it; the finisher that counts its words adds it."""

    def asset(self, name: str, data: bytes | None = None) -> str:
        """Asks for one of blogkit's assets; returns its address from this page."""
        place = self.site.output / LIBRARY / name
        source = ASSETS / name
        inside = source.rglob("*") if data is None and source.is_dir() else [source]
        for file in inside:
            note_made(place / file.relative_to(source))
        return self.prefix + self.assets.want(name, data)


Finisher = Callable[[html.HtmlElement, FinishContext], None]
"""Changes a page's tree (its ``html`` element) in place."""


def finishers() -> tuple[Finisher, ...]:
    """Every transformation, in order."""
    from blogkit.render.finish import charts, embedded, meta, offline, picture, reader, sanitise, styles, theme

    return (
        embedded.keep_charts,
        offline.cut_network,
        sanitise.clean_outputs,
        picture.add_picture,
        charts.draw_figures,
        theme.dress,
        reader.help_reader,
        styles.lift_styles,
        reader.tell_length,
        meta.describe,
    )


def finish(text: str | bytes, context: FinishContext) -> str:
    """A finished page from an engine's page."""
    page = parse_page(text)
    for finisher in finishers():
        finisher(page, context)
    etree.strip_tags(page, etree.Comment)
    return page_text(page)
