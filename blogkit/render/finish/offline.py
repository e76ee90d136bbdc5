"""Cuts what a page would fetch from the network: a post opens by double click, on a machine without any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from blogkit.css import replace_css_imports
from blogkit.render.dom import elements, has_class, make
from blogkit.render.finish import FinishContext

_REMOTE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
_LOADING_LINKS = frozenset(
    {"stylesheet", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch", "icon", "shortcut"}
)
_LOADERS = re.compile(
    r"define\(.jquery.|cdn\.|cdnjs|unpkg|jsdelivr|polyfill|require\.config|requirejs|MathJax\s*=|googletagmanager"
)
_LIBRARIES = re.compile(r"(?:^|/)(?:require|jquery)(?:[.-][\w.]*)?\.js$")
_ADDRESSES = (("a", "href"), ("img", "src"), ("video", "src"), ("source", "src"), ("audio", "src"), ("object", "data"))


def cut_network(page: HtmlElement, context: FinishContext) -> None:
    """Removes scripts, styles and fonts from elsewhere; a film becomes a link; addresses start at the page."""
    for element in list(_loaded_from_elsewhere(page)):
        element.drop_tree()
    for tag, name in _ADDRESSES:
        for element in elements(page, tag):
            address = element.get(name) or ""
            if address.startswith("/") and not address.startswith("//"):
                element.set(name, _from_page(address, context))
    for style in elements(page, "style"):
        if style.text:
            style.text = replace_css_imports(style.text, lambda found: "" if _REMOTE.match(found.url) else None)
    for frame in list(elements(page, "iframe", "embed")):
        source = frame.get("src") or ""
        if _REMOTE.match(source):
            _as_link(frame, source)


def _from_page(address: str, context: FinishContext) -> str:
    """An address from the site's root as one from the page: a page opened by double click has no other root."""
    path, sign, tail = re.match(r"/([^?#]*)([?#]?)(.*)", address, re.DOTALL).groups()  # type: ignore[union-attr]
    if not path or path.endswith("/"):
        path += "index.html"
    return f"{context.prefix}{path}{sign}{tail}"


def _loaded_from_elsewhere(page: HtmlElement) -> Iterator[HtmlElement]:
    for script in elements(page, "script"):
        source = script.get("src") or ""
        data = (script.get("type") or "").endswith("json")
        text = script.text or ""
        maps = script.get("type") == "importmap" and "//" in text
        loads = not source and not data and (maps or _LOADERS.search(text))
        if _REMOTE.match(source) or loads or _LIBRARIES.search(source):
            yield script
    for link in elements(page, "link"):
        kinds = set((link.get("rel") or "").lower().split())
        if kinds & _LOADING_LINKS and _REMOTE.match(link.get("href") or ""):
            yield link
    for base in elements(page, "base"):
        if _REMOTE.match(base.get("href") or ""):
            yield base


def _as_link(frame: HtmlElement, source: str) -> None:
    """A frame that would load a page of another site: a link to it, whose words the theme draws."""
    address = re.sub(r"^https?://www\.youtube\.com/embed/([\w-]+).*", r"https://www.youtube.com/watch?v=\1", source)
    address = re.sub(r"^https?://player\.vimeo\.com/video/(\d+).*", r"https://vimeo.com/\1", address)
    host = urlsplit(address if "://" in address else f"https:{address}").netloc
    title = frame.get("title") or ""
    label = f"{title or 'Open the page'} at {host}" if not has_class(frame, "quarto-video") else f"Watch at {host}"
    link = make("a", href=address, class_="bk-video-link", aria_label=label)
    link.tail = frame.tail
    parent = frame.getparent()
    if parent is not None:
        parent.replace(frame, link)
