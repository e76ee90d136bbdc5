"""What a reader gets on every page: tables that scroll, large images, alternative texts that are there."""

from __future__ import annotations

import math
import re

from lxml.html import HtmlElement

from blogkit.page import Page
from blogkit.page.seen import visible_text
from blogkit.render.dom import (
    HEADINGS,
    WORDS_A_MINUTE,
    add_class,
    by_id,
    classes,
    elements,
    has_class,
    main_of,
    make,
    put_before,
    with_class,
)
from blogkit.render.finish import FinishContext


def help_reader(page: HtmlElement, context: FinishContext) -> None:
    """Adds what helps to read; no word of the text is changed."""
    main = main_of(page)
    if main is None:
        return
    _tables(main)
    _images(main)
    _hypothesis(main)
    _details(main)
    sidebar = by_id(page, "quarto-margin-sidebar")
    if sidebar is not None:
        sidebar.set("role", "complementary")
        sidebar.set("aria-label", "About this page")
    _outline(page)


def _outline(page: HtmlElement) -> None:
    """The outline folds where it stands above the text; beside the text the theme keeps it open."""
    nav = by_id(page, "TOC")
    title = next((child for child in nav if child.tag in HEADINGS), None) if nav is not None else None
    if nav is None or title is None or nav.find("details") is not None:
        return
    rest = [child for child in nav if child is not title]
    title.tail = None
    box = make("details", make("summary", title), *rest, class_="bk-outline")
    nav.append(box)


def _tables(main: HtmlElement) -> None:
    for table in list(elements(main, "table")):
        parent = table.getparent()
        if parent is None or has_class(parent, "bk-scroll") or any(one.tag == "table" for one in table.iterancestors()):
            continue
        box = make("div", class_="bk-scroll")
        put_before(table, box)
        box.tail, table.tail = table.tail, None
        box.append(table)
        for cell in elements(table, "th"):
            if not cell.get("scope") and any(one.tag == "thead" for one in cell.iterancestors()):
                cell.set("scope", "col")
            if not visible_text(cell) and not len(cell):
                cell.tag = "td"
                cell.attrib.pop("scope", None)


def _images(main: HtmlElement) -> None:
    first = True
    for image in list(elements(main, "img")):
        if image.get("alt") is None:
            image.set("alt", "")
        if not first and image.get("loading") is None:
            image.set("loading", "lazy")
        first = False
        link = next(image.iterancestors("a"), None)
        if link is not None and has_class(link, "lightbox"):
            add_class(link, "bk-zoom")  # Quarto made it for a script that is gone
            continue
        around = [one for one in image.iterancestors() if one.tag in {"a", "figure", "header"}]
        if not around or around[0].tag != "figure" or any(one.tag in {"a", "header"} for one in around):
            continue
        source = image.get("src") or ""
        if not source or source.startswith("data:") or "nolightbox" in classes(image):
            continue
        caption = around[0].find(".//figcaption")
        name = visible_text(caption) if caption is not None else image.get("alt") or "the figure"
        link = make("a", href=source, class_="bk-zoom", aria_label=f"Enlarge {name[:80]}")
        put_before(image, link)
        link.tail, image.tail = image.tail, None
        link.append(image)


def _hypothesis(main: HtmlElement) -> None:
    """The block that states the central hypothesis stands out."""
    for callout in with_class(main, "callout"):
        title = next(iter(with_class(callout, "callout-title-container")), None)
        if title is not None and re.search(r"\bhypothes[ie]s\b", visible_text(title), re.IGNORECASE):
            add_class(callout, "bk-hypothesis")


def _details(main: HtmlElement) -> None:
    """Small fixes for people who listen: boxes of tasks have names, a callout is called by its title."""
    for header in with_class(main, "callout-header"):
        header.attrib.pop("aria-label", None)
    for line in elements(main, "a"):
        if (line.get("href") or "").startswith("#cb") and not len(line) and not line.text:
            line.set("aria-hidden", "true")
            line.set("tabindex", "-1")
    for box in elements(main, "input"):
        if box.get("type") == "checkbox" and not box.get("id"):
            box.set("disabled", "")
            label = next((one for one in box.iterancestors("label")), None)
            if label is None:
                box.set("aria-label", "Task")
    for table in elements(main, "table"):
        for name in ("cellpadding", "cellspacing", "border"):
            table.attrib.pop(name, None)


def tell_length(page: HtmlElement, context: FinishContext) -> None:
    """Counts the words of a finished page, and says above a post how long it takes to read."""
    read = Page(document=page)
    context.read.append(read)
    main = main_of(page)
    sidebar = by_id(page, "quarto-margin-sidebar")
    if main is None or sidebar is None:
        return
    if with_class(page, "quarto-listing") or by_id(main, "title-block-header") is None:
        return
    minutes = max(1, math.ceil(read.words / WORDS_A_MINUTE))
    sidebar.insert(0, make("p", f"{minutes} min read", class_="bk-reading"))
    sidebar.set("role", "complementary")  # text outside of every landmark is hard to find for who hears the page
