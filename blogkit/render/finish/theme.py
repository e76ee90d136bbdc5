"""One stylesheet and one script for a page, from either engine; Quarto's own are taken out."""

from __future__ import annotations

import re
from functools import cache

from lxml.html import HtmlElement

from blogkit.render.dom import (
    add_class,
    by_id,
    drop_class,
    elements,
    has_class,
    main_of,
    make,
    put_before,
    take_out,
    with_class,
)
from blogkit.render.finish import ASSETS, FinishContext
from blogkit.render.finish.styles import share_rules

THEMES = ("course", "journal")
FONTS = (
    "serif", "serif-italic", "serif-bold", "math", "math-blackboard", "math-script", "math-bold", "math-more",
)  # fmt: skip
_OURS = "site_libs/blogkit/"


@cache
def stylesheet(theme: str) -> bytes:
    """A theme as one file: fonts, what both themes share, and what is its own."""
    name = theme if theme in THEMES else THEMES[0]
    text = "\n".join((ASSETS / "themes" / f"{part}.css").read_text("utf-8") for part in ("fonts", "base", name))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL) + share_rules()
    return re.sub(r"\s*\n\s*", "\n", text).strip().encode("utf-8")


def dress(page: HtmlElement, context: FinishContext) -> None:
    """Gives a page the site's theme and the reader's script."""
    head = page.find("head")
    body = page.find("body")
    if head is None or body is None:
        return
    _undress(page)
    theme = str(context.metadata.get("blogkit-theme") or context.site.config.theme)
    sheet = context.asset(f"{theme if theme in THEMES else THEMES[0]}.css", stylesheet(theme))
    for font in FONTS:
        context.asset(f"fonts/{font}.woff2")
    context.asset("fonts/LICENSES.txt")
    own = [link for link in elements(head, "link") if link.get("rel") == "stylesheet"]
    link = make("link", rel="stylesheet", href=sheet)
    if own:
        own[0].addprevious(link)
    else:
        head.append(link)
    script = make("script", src=context.asset("page.js"))
    script.set("defer", "")
    head.append(script)
    head.append(make("meta", name="color-scheme", content="light dark"))
    if not any("icon" in (one.get("rel") or "") for one in elements(head, "link")):
        own_icon = (context.site.quarto.get("website") or {}).get("favicon")
        if isinstance(own_icon, str) and own_icon.strip() and "//" not in own_icon:
            head.append(make("link", rel="icon", href=context.prefix + own_icon.strip().lstrip("/")))
        else:
            head.append(make("link", rel="icon", type="image/svg+xml", href=context.asset("icon.svg")))
    _tools(page, body)
    if with_class(page, "quarto-listing"):
        add_class(body, "bk-gallery")
        listing = make("script", src=context.asset("listing.js"))
        listing.set("defer", "")
        head.append(listing)
        _listing_tools(page)


def _undress(page: HtmlElement) -> None:
    """Takes out what Quarto's own theme needs: ours replaces it."""
    if not any("site_libs/" in (one.get("src") or one.get("href") or "") for one in elements(page, "script", "link")):
        return
    for link in list(elements(page, "link")):
        href = link.get("href") or ""
        if "site_libs/" in href and _OURS not in href and (link.get("rel") or "") in {"stylesheet", "preload"}:
            link.drop_tree()
    for script in list(elements(page, "script")):
        source = script.get("src") or ""
        kind = (script.get("type") or "").lower()
        if ("site_libs/" in source and _OURS not in source) or (
            not source and kind in {"", "text/javascript", "module", "application/javascript"} and _is_quarto(script)
        ):
            script.drop_tree()
    for style in list(elements(page, "style")):
        if _is_quarto(style):
            style.drop_tree()
    for widget in _WIDGETS:
        for element in with_class(page, widget):
            element.drop_tree()
    for element in [one for one in elements(page) if one.get("id") == "quarto-search"]:
        element.drop_tree()
    for element in elements(page):
        if "quarto" in (element.get("onclick") or "").lower():
            del element.attrib["onclick"]
    title, main = by_id(page, "title-block-header"), main_of(page)
    if title is not None and main is not None and main not in title.iterancestors():  # a banner above the columns
        take_out(title)
        main.insert(0, title)
        title.tail, main.text = main.text, None
    for name in ("headroom", "fixed-top"):
        for element in with_class(page, name):
            drop_class(element, name)
    body = page.find("body")
    if body is not None:
        drop_class(body, "nav-fixed")


_WIDGETS = (
    "quarto-search", "quarto-color-scheme-toggle", "quarto-reader-toggle", "quarto-navbar-tools", "navbar-toggler",
    "code-copy-button", "quarto-code-tools-button", "quarto-title-breadcrumbs", "listing-actions-group",
    "listing-pagination",
)  # fmt: skip
"""What Quarto's own scripts would drive; blogkit brings its own, or the page does without."""

_QUARTO_TEXT = re.compile(
    r"quarto|code\{white-space|bootstrap|MathJax|require|tippy|clipboard|csl-bib-body|task-list|sourceCode|typesetMath"
    r"|glightbox|Mermaid|hljs"
)


def _is_quarto(element: HtmlElement) -> bool:
    return bool(_QUARTO_TEXT.search(element.text or "") or "quarto" in (element.get("id") or ""))


def _tools(page: HtmlElement, body: HtmlElement) -> None:
    """A link past the navigation, and the switch between light and dark."""
    main = main_of(page)
    if main is not None and not with_class(body, "skip-link"):
        link = make("a", "Skip to the text", class_="skip-link", href=f"#{main.get('id') or 'quarto-document-content'}")
        link.tail, body.text = body.text, None
        body.insert(0, link)
        main.set("tabindex", "-1")
    header = by_id(page, "quarto-header")
    if header is None or with_class(header, "bk-tools"):
        return
    for nav in elements(header, "nav"):
        if not nav.get("aria-label") and not nav.get("aria-labelledby"):
            nav.set("aria-label", "Site")
    place = next(iter([*with_class(header, "navbar-container"), header]))
    button = make("button", "◐", class_="bk-button bk-theme", type="button", aria_label="Dark colours")
    button.set("aria-pressed", "false")
    place.append(make("div", button, class_="bk-tools"))
    for link in elements(header, "a"):
        if has_class(link, "nav-link") and not link.get("href") and next(link.iterancestors("summary"), None) is None:
            link.set("href", "#")


def _listing_tools(page: HtmlElement) -> None:
    """Search and order of a listing: at the side, since they are no part of the text."""
    sidebar = by_id(page, "quarto-margin-sidebar")
    if sidebar is None or with_class(sidebar, "bk-listing-tools"):
        return
    search = make("input", type="search", class_="bk-filter", placeholder="Filter", aria_label="Filter the posts")
    order = make("select", class_="bk-order", aria_label="Order of the posts")
    for value, words in (
        ("index asc", "As listed"),
        ("date desc", "Newest first"),
        ("date asc", "Oldest first"),
        ("title asc", "By title"),
        ("minutes asc", "Shortest first"),
    ):
        order.append(make("option", words, value=value))
    count = make("p", class_="bk-count", role="status")
    sidebar.insert(0, make("div", search, order, count, class_="bk-listing-tools"))
    title = next(iter(with_class(sidebar, "quarto-listing-category-title")), None)
    if title is not None:  # folded where it stands above the posts: a class has many categories
        rest = list(title.itersiblings())
        place = make("details", class_="bk-outline bk-categories")
        put_before(title, place)
        place.append(make("summary", title))
        place.extend(rest)
