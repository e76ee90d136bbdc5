"""Cuts what a page would fetch from the network: a post opens by double click, on a machine without any."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import html

from blogkit.render.finish import FinishContext

_REMOTE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
_LOADING_LINKS = frozenset({"stylesheet", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch", "icon"})


def cut_network(page: html.HtmlElement, context: FinishContext) -> None:
    """Removes scripts and stylesheets that come from elsewhere; pictures and frames are the author's and stay."""
    for element in list(_loaded_from_elsewhere(page)):
        element.drop_tree()


def _loaded_from_elsewhere(page: html.HtmlElement) -> Iterator[html.HtmlElement]:
    for script in page.iter("script"):
        if _REMOTE.match(script.get("src") or ""):
            yield script
    for link in page.iter("link"):
        kinds = set((link.get("rel") or "").lower().split())
        if kinds & _LOADING_LINKS and _REMOTE.match(link.get("href") or ""):
            yield link
