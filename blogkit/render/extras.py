"""What a site has beside its posts: ways from one to the next, category pages, search, feed, sitemap, old addresses."""

from __future__ import annotations

import datetime as dt
import html
import json
import os
import re
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lxml.html import HtmlElement

from blogkit.model import Site
from blogkit.page import Page
from blogkit.page.seen import all_text, squeeze, visible_text
from blogkit.page.values import drop_value_elements
from blogkit.render import language, listing
from blogkit.render.cache import PageCache
from blogkit.render.dom import (
    by_id,
    elements,
    main_of,
    make,
    page_text,
    parse_page,
    put_after,
    with_class,
)
from blogkit.render.finish import Assets, FinishContext, finishers
from blogkit.render.made import note_made
from blogkit.render.metadata import as_list, shown
from blogkit.render.navigation import footer, navbar, page_prefix, site_frame, templates
from blogkit.render.output import write_page
from blogkit.render.plan import NO_NEIGHBOURS, Neighbours
from blogkit.render.posts import ListedPost
from blogkit.render.resources import copy_site_files
from blogkit.stale import file_stamp

SEARCH_FILE = "search.js"
FEED = "index.xml"
_FEED_ITEMS = 20

# --- on every page ----------------------------------------------------------------------------------------------------


def add_navigation(page: HtmlElement, context: FinishContext, around: Neighbours) -> None:
    """The way to other posts: previous and next, categories, search; and the banner of a draft."""
    body = page.find("body")
    if body is None:
        return
    content = by_id(page, "quarto-content")
    links = []
    for kind, label, target in (("prev", "Previous", around.previous), ("next", "Next", around.following)):
        if target:
            href = context.prefix + quote(target[0])
            links.append(make("a", target[1], href=href, rel=kind, class_=f"bk-{kind}", data_label=label))
    if links and content is not None:
        nav = make("nav", *links, class_="bk-pager", aria_label="Posts")
        main = main_of(page)
        if main is not None:
            put_after(main, nav)
    for category in [*with_class(page, "quarto-category"), *with_class(page, "listing-category")]:
        name = visible_text(category)
        if name and not len(category):
            category.text = None
            category.append(make("a", name, href=listing.category_address(name, context.prefix)))
    website: Mapping[str, Any] = context.site.quarto.get("website") or {}
    header = by_id(page, "quarto-header")
    if header is not None and website.get("search", True) is not False:
        place = next(iter(with_class(header, "navbar-container")), None)
        if place is not None:
            box = make("input", type="search", placeholder="Search", aria_label="Search the site")
            place.append(
                make(
                    "div",
                    box,
                    class_="bk-search",
                    data_index=f"{context.prefix}{SEARCH_FILE}",
                    data_root=context.prefix,
                )
            )
    if context.metadata.get("draft"):
        banner = make("p", "This is a draft.", class_="bk-draft", role="status")
        banner.tail, body.text = body.text, None
        body.insert(0, banner)
    if website.get("site-url"):
        head = page.find("head")
        if head is not None:
            title = str(website.get("title") or "Posts")
            link = make("link", rel="alternate", type="application/rss+xml", href=context.prefix + FEED)
            link.set("title", title)
            head.append(link)


_LONGEST_ENTRY = 4000
"""Letters of a section that are searched."""


def search_entries(page: Page) -> list[list[str]]:
    """What a page's sections say: ``[anchor, heading, words]`` of each, the first without an anchor.

    The prose comes first, then captions and tables. A heading without an anchor belongs to the section before it.
    """
    entries: list[list[str]] = [["", "", ""]]
    entry_of: dict[int, list[str]] = {}
    said: dict[int, list[str]] = {}
    for section in page.sections:
        if section.zone == "body" and section.id and section.title:
            entries.append([section.id, section.title, ""])
        entry_of[section.number] = entries[-1]
    opening = {section.number for section in page.sections if entry_of[section.number][0] == section.id != ""}
    for block in page.body:
        if not (block.heading and block.section in opening):
            said.setdefault(block.section, []).append(block.shown)
    for one in page.floats:
        if one.zone == "body":
            cells = [visible_text(cell) for cell in one.element.iter("td")] if one.kind == "table" else []
            said.setdefault(one.section, []).extend([one.caption, *cells])
    for number in sorted(said):
        entry = entry_of[number]
        entry[2] = squeeze(" ".join([entry[2], *said[number]]))[:_LONGEST_ENTRY].rstrip()
    return [entry for entry in entries if entry[1] or entry[2]]


# --- beside the pages -------------------------------------------------------------------------------------------------


def write_extras(
    site: Site, posts: Sequence[ListedPost], listings: Sequence[ListedPost], assets: Assets, cache: PageCache
) -> None:
    """Writes search index, category pages, feed, sitemap and the pages at old addresses."""
    newest = sorted(posts, key=lambda post: (post.date or dt.datetime.min, post.title_text), reverse=True)
    copy_site_files(site)
    _write_search(site, newest)
    _write_categories(site, newest, listings, assets, cache)
    _write_aliases(site, posts)
    website: Mapping[str, Any] = site.quarto.get("website") or {}
    address = str(website.get("site-url") or "").rstrip("/")
    if address:
        news = ([post for post in newest if post.date] or newest)[:_FEED_ITEMS]
        stamps = [file_stamp(post.output) for post in news]
        note_made(site.output / FEED)
        if not (cache.same("feed", stamps, address, website) and (site.output / FEED).is_file()):
            _write_feed(site, news, address, website)
        _write_sitemap(site, [*listings, *newest], address)


def _address(site: Site, post: ListedPost) -> str:
    return quote(post.output.relative_to(site.output).as_posix())


def _write_search(site: Site, posts: Sequence[ListedPost]) -> None:
    """The index as a script, which a page opened from a folder may load where it may not fetch."""
    entries = [
        {"href": _address(site, post), "title": post.title_text, "sections": post.search, "by": ", ".join(post.authors)}
        for post in posts
    ]
    data = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    write_page(site.output / SEARCH_FILE, f"window.blogkitSearch={data};\n".encode())


def _write_categories(
    site: Site, posts: Sequence[ListedPost], listings: Sequence[ListedPost], assets: Assets, cache: PageCache
) -> None:
    home = _address(site, listings[0]) if listings else ""
    folder = site.output / listing.CATEGORIES
    names: dict[str, str] = {}
    for post in posts:
        for category in post.categories:
            names.setdefault(listing.slug(category), category)
    wanted = {f"{name}.html" for name in names}
    for old in folder.glob("*.html") if folder.is_dir() else []:
        if old.name not in wanted:
            old.unlink()
    for name, category in names.items():
        chosen = [post for post in posts if category in post.categories]
        note_made(folder / f"{name}.html")
        known = cache.same(f"category {name}", [home, *map(_shown_in_category, chosen)])
        if known and (folder / f"{name}.html").is_file():
            continue
        _write_category(site, folder / f"{name}.html", category, chosen, home, assets)


def _shown_in_category(post: ListedPost) -> list[Any]:
    """What a category's page shows of a post."""
    return [
        post.title_html, post.subtitle_html, post.description_html, post.first_paragraph, post.authors, post.categories,
        post.image, post.image_alt, post.minutes, post.date, str(post.output), shown(post.metadata.get("draft")),
    ]  # fmt: skip


def _write_category(
    site: Site, output: Path, category: str, posts: Sequence[ListedPost], home: str, assets: Assets
) -> None:
    lang = str((site.quarto.get("lang")) or "en")
    words = language.words(lang)
    options = {
        "id": "listing",
        "type": "grid",
        "fields": ["image", "date", "title", "author", "description", "categories", "reading-time"],
    }
    listed = listing.listing_html(options, posts, output, words, lang, None)
    website: Mapping[str, Any] = site.quarto.get("website") or {}
    title = f"{category} – {website.get('title')}" if website.get("title") else category
    prefix = page_prefix(site, output)
    count = f"{len(posts)} {'post' if len(posts) == 1 else 'posts'}"
    way = f" · <a href='{html.escape(prefix + home, quote=True)}'>All posts</a>" if home else ""
    page = parse_page(
        templates()
        .get_template("page.html.j2")
        .render(
            page={
                **site_frame(lang, words),
                "head_title": title,
                "title_html": html.escape(category),
                "title_block": True,
                "body": f"<p class='bk-all'>{count}{way}</p>{listed}",
            },
            navbar=navbar(site, None, prefix),
            footer=footer(site),
        )
    )
    context = FinishContext(
        site=site, source=site.root / "_quarto.yml", output=output, prefix=prefix, assets=assets, metadata={}
    )
    add_navigation(page, context, NO_NEIGHBOURS)
    for finisher in finishers():
        finisher(page, context)
    write_page(output, page_text(page).encode("utf-8"))


def _write_aliases(site: Site, posts: Sequence[ListedPost]) -> None:
    """A page at each old address that leads to the new one."""
    for post in posts:
        for alias in as_list(post.metadata.get("aliases")):
            name = str(alias)
            target = site.output / name.lstrip("/") if name.startswith("/") else post.output.parent / name
            if not target.suffix:
                target = target / "index.html"
            target = Path(os.path.normpath(target))
            if not target.is_relative_to(site.output) or target == post.output:
                continue
            href = quote(os.path.relpath(post.output, target.parent).replace(os.sep, "/"))
            title = html.escape(post.title_text)
            write_page(
                target,
                (
                    f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
                    f'<link rel="canonical" href="{href}"><meta http-equiv="refresh" content="0; url={href}"></head>'
                    f'<body><p>This page has moved: <a href="{href}">{title}</a>.</p></body></html>\n'
                ).encode(),
            )


def _write_feed(site: Site, posts: Sequence[ListedPost], address: str, website: Mapping[str, Any]) -> None:
    """The newest posts with their whole text, as RSS 2.0; pages without a date are no news, unless none has one."""
    title = html.escape(str(website.get("title") or "Posts"))
    items = []
    for post in posts:
        link = html.escape(f"{address}/{_address(site, post)}")
        content = _full_text(post, f"{address}/{_address(site, post)}").replace("]]>", "]]]]><![CDATA[>")
        date = f"<pubDate>{format_datetime(post.date.replace(tzinfo=dt.UTC))}</pubDate>" if post.date else ""
        authors = "".join(f"<dc:creator>{html.escape(name)}</dc:creator>" for name in post.authors)
        categories = "".join(f"<category>{html.escape(name)}</category>" for name in post.categories)
        items.append(
            f"<item><title>{html.escape(post.title_text)}</title><link>{link}</link><guid>{link}</guid>"
            f"{date}{authors}{categories}<description><![CDATA[{content}]]></description></item>\n"
        )
    when = max((post.date for post in posts if post.date), default=dt.datetime(1970, 1, 1))
    built = format_datetime(when.replace(tzinfo=dt.UTC))
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">\n'
        f"<channel><title>{title}</title><link>{html.escape(address)}/</link>"
        f'<atom:link href="{html.escape(address)}/{FEED}" rel="self" type="application/rss+xml"/>'
        f"<description>{html.escape(str(website.get('description') or title))}</description>"
        f"<lastBuildDate>{built}</lastBuildDate>\n{''.join(items)}</channel></rss>\n"
    )
    write_page(site.output / FEED, text.encode("utf-8"))


def _full_text(post: ListedPost, address: str) -> str:
    """A post's text for a feed's reader: without header and scripts, with addresses that hold anywhere.

    Figures are pictures, since readers of feeds drop drawings that stand in the text, and what would wake them.
    """
    try:
        page = parse_page(post.output.read_bytes())
    except OSError:
        return ""
    main = main_of(page)
    if main is None:
        return ""
    for figure in with_class(main, "bk-figure"):
        drawing, parent = next(elements(figure, "svg"), None), figure.getparent()
        if figure.get("data-drawing") and drawing is not None and parent is not None:
            title = next((all_text(one) for one in drawing if one.tag == "title"), "")
            image = make("img", src=str(figure.get("data-drawing")), alt=title)
            image.tail = figure.tail
            parent.replace(figure, image)
    for element in list(elements(main, "script", "style", "header", "button", "nav", "select", "input")):
        element.drop_tree()
    drop_value_elements(main)
    main.make_links_absolute(address)
    box = make("div", *list(main))
    box.text = main.text
    from lxml.html import tostring

    text = tostring(box, encoding="unicode", with_tail=False)
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)


def _write_sitemap(site: Site, posts: Sequence[ListedPost], address: str) -> None:
    rows = []
    for post in posts:
        when = dt.datetime.fromtimestamp(post.source.stat().st_mtime, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(f"<url><loc>{html.escape(address)}/{_address(site, post)}</loc><lastmod>{when}</lastmod></url>\n")
    write_page(
        site.output / "sitemap.xml",
        (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{"".join(rows)}</urlset>\n'
        ).encode(),
    )
