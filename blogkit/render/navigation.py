"""What stands around a page's text: the templates of pages, and a site's navigation and footer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from blogkit.model import Site
from blogkit.render.metadata import as_list

_PAGES = Path(__file__).parent / "pages"


@cache
def templates() -> jinja2.Environment:
    """The page templates."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, trim_blocks=False, undefined=jinja2.StrictUndefined
    )


def address(site: Site, href: str, prefix: str) -> str:
    """Where a link of the site's own navigation leads, from a page."""
    if re.match(r"[a-z][a-z0-9+.-]*:|//|#", href, re.IGNORECASE):
        return href
    path, mark, tail = href.lstrip("/").partition("#")
    path = re.sub(r"\.(qmd|ipynb|md)$", ".html", path)
    return f"{prefix or './'}{path}{mark}{tail}"


def navbar(site: Site, source: Path | None, prefix: str) -> dict[str, Any] | None:
    """The bar above every page; None where the site has none."""
    website = site.quarto.get("website") or {}
    bar = website.get("navbar")
    if bar is False or not website:
        return None
    bar = bar if isinstance(bar, Mapping) else {}
    own = ""
    if source is not None and source.is_relative_to(site.root):
        own = source.relative_to(site.root).as_posix()
    title = bar.get("title", website.get("title"))
    return {
        "title": str(title) if title else "",
        "home": address(site, str(bar.get("logo-href") or "index.qmd"), prefix),
        "left": [_navigation_item(site, entry, prefix, own) for entry in as_list(bar.get("left"))],
        "right": [_navigation_item(site, entry, prefix, own) for entry in as_list(bar.get("right"))],
    }


def _navigation_item(site: Site, entry: Any, prefix: str, own: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        entry = {"href": str(entry), "text": _title_of(site, str(entry))}
    href = str(entry.get("href") or entry.get("file") or "#")
    text = str(entry.get("text") or (_title_of(site, href) if not entry.get("icon") else "") or "")
    menu = entry.get("menu")
    return {
        "text": text or ("" if entry.get("icon") else href),
        "icon": str(entry.get("icon") or "") if not text else "",
        "href": address(site, href, prefix),
        "active": href == own,
        "label": entry.get("aria-label") or (entry.get("icon") if not text else None),
        "menu": [_navigation_item(site, one, prefix, own) for one in menu] if isinstance(menu, list) else None,
    }


def _title_of(site: Site, href: str) -> str:
    path = site.root / href.lstrip("/")
    if path.suffix in {".qmd", ".md"} and path.is_file():
        match = re.search(r"^title:\s*[\"']?(.*?)[\"']?\s*$", path.read_text(encoding="utf-8"), re.MULTILINE)
        return match.group(1) if match else path.stem
    return ""


def footer(site: Site) -> dict[str, str] | None:
    """What stands below every page; None where the site says nothing of it."""
    website = site.quarto.get("website") or {}
    said = website.get("page-footer")
    if not said:
        return None
    sides = said if isinstance(said, Mapping) else {"center": str(said)}
    return {side: _footer_words(sides.get(side)) for side in ("left", "center", "right")}


def site_frame(lang: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """What the page template asks of a page that says nothing itself."""
    return {
        "lang": lang, "words": words, "authors": (), "has_affiliations": False, "label_authors": "",
        "label_affiliations": "", "label_abstract": "", "iso_date": "", "date": "", "date_modified": "", "doi": None,
        "keywords": [], "categories": [], "description_text": "", "description_html": "", "head_title": "",
        "title_html": "", "subtitle_html": "", "abstract_html": "", "title_block": False, "body": "",
        "body_class": "quarto-light", "sidebar": "", "head_includes": [],
    }  # fmt: skip


def _footer_words(entry: Any) -> str:
    from markupsafe import escape

    if isinstance(entry, list):
        return " ".join(
            f'<a href="{escape(one.get("href", ""))}">{escape(one.get("text") or one.get("icon") or "")}</a>'
            for one in entry
            if isinstance(one, Mapping)
        )
    text = str(escape(str(entry or "")))
    return re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", r'<a href="\2">\1</a>', text)


def page_prefix(site: Site, output: Path) -> str:
    """From a page's folder to the site's root."""
    relative = os.path.relpath(site.output, output.parent)
    return "" if relative == "." else relative.replace(os.sep, "/") + "/"
