"""Listing pages: the posts of a site as a list, a grid or a table, with categories."""

from __future__ import annotations

import dataclasses
import datetime as dt
import fnmatch
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lxml import etree
from lxml.html import HtmlElement, fromstring, tostring
from markupsafe import escape

from blogkit.config import is_inside_site, outside_problem
from blogkit.errors import ConfigError, Problem
from blogkit.model import Site
from blogkit.render import language
from blogkit.render.dom import (
    drop_class,
    elements,
    make,
)
from blogkit.render.made import relative_text
from blogkit.render.metadata import LISTING_TYPES, as_list, listings_of, load_yaml_file, shown
from blogkit.render.navigation import page_prefix, templates
from blogkit.render.posts import ListedPost

_FIELDS = {
    "default": ["date", "title", "author", "subtitle", "image", "description"],
    "grid": ["title", "author", "date", "image", "description"],
    "table": ["date", "title", "author"],
}
_KNOWN = ("title", "image", "image-alt", "date", "author", "subtitle", "description", "reading-time", "categories")
_LABELS = {
    "date": "listing-page-field-date",
    "title": "listing-page-field-title",
    "subtitle": "listing-page-field-subtitle",
    "author": "listing-page-field-author",
    "description": "listing-page-field-description",
    "reading-time": "listing-page-field-readingtime",
    "word-count": "listing-page-field-wordcount",
    "categories": "listing-page-field-categories",
    "filename": "listing-page-field-filename",
    "file-modified": "listing-page-field-filemodified",
}
_DESCRIPTION = 175
"""Letters of a description, where the listing says nothing else."""


def shorten(html: str, length: int) -> str:
    """HTML whose words end after some letters; what is marked up beyond them stays, without words."""
    if length <= 0 or not html:
        return html
    root = fromstring(f"<div>{html}</div>")
    left = length

    def cut(text: str | None) -> str:
        nonlocal left
        if not text:
            return ""
        if left <= 0:
            return ""
        if len(text) <= left:
            left -= len(text)
            return text
        kept = text[:left]
        space = kept.rfind(" ")
        kept = kept[:space] if space > 0 else kept
        left = 0
        return kept + "…"

    def walk(element: etree._Element) -> None:
        if element.tag == "annotation":
            return
        element.text = cut(element.text)
        for child in element:
            walk(child)
            child.tail = cut(child.tail)

    walk(root)
    return "".join([str(escape(root.text or "")), *(tostring(child, encoding="unicode") for child in root)])


# --- which posts, in which order -------------------------------------------------------------------------------------


def chosen_posts(listing: Mapping[str, Any], page: Path, posts: Sequence[ListedPost]) -> list[ListedPost]:
    """The posts that a listing's ``contents``, ``include`` and ``exclude`` name."""
    contents = listing.get("contents")
    entries = [contents] if isinstance(contents, Mapping) else as_list(contents) or ["*"]
    folder = page.parent
    named = [str(entry) for entry in entries if not isinstance(entry, Mapping) and not _is_yaml(entry)]
    taken = [_expression(pattern, folder) for pattern in named if not pattern.startswith("!")]
    left = [_expression(pattern[1:], folder) for pattern in named if pattern.startswith("!")]
    chosen = [post for post in _written_entries(entries, page, posts) if _passes(listing, post)]
    for post in posts:
        if post.source == page:
            continue
        path = Path(os.path.relpath(post.source, folder)).as_posix()
        wanted = any(one.fullmatch(path) for one in taken) and not any(one.fullmatch(path) for one in left)
        if wanted and _passes(listing, post):
            chosen.append(post)
    return chosen


def contents_files(metadata: Mapping[str, Any], page: Path) -> list[Path]:
    """The files of entries that a page's listings name."""
    named = [entry for one in listings_of(metadata) for entry in as_list(one.get("contents"))]
    return [page.parent / str(entry).lstrip("/") for entry in named if _is_yaml(entry)]


def _is_yaml(entry: Any) -> bool:
    return str(entry).endswith((".yml", ".yaml"))


def _written_entries(entries: Iterable[Any], page: Path, posts: Sequence[ListedPost]) -> list[ListedPost]:
    """The entries that ``contents`` gives itself, or a YAML file that it names: posts of the site, or other pages.

    Raises ConfigError for a file that is not there and an entry without a path.
    """
    by_source: dict[Path, ListedPost] = {}
    made: list[ListedPost] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            rows: list[Any] = [entry]
            folder = page.parent
        elif _is_yaml(entry):
            file = page.parent / str(entry).lstrip("/")
            if not is_inside_site(file, page):
                raise ConfigError([outside_problem(str(entry), page)])
            data = load_yaml_file(file)
            rows = [data] if isinstance(data, Mapping) else as_list(data)
            folder = file.parent
        else:
            continue
        for row in rows:
            if not isinstance(row, Mapping) or not row.get("path"):
                hint = "Write `- path: projects/one/index.qmd`, or an address, and a title."
                message = f"an entry of the listing's contents names no path: {shown(row)[:60]}."
                raise ConfigError([Problem(path=page, message=message, hint=hint)])
            by_source = by_source or {post.source.resolve(): post for post in posts}
            known = by_source.get((folder / str(row["path"])).resolve())
            made.append(_written_post(row, known, page))
    return made


def _written_post(row: Mapping[str, Any], known: ListedPost | None, page: Path) -> ListedPost:
    """A post with what an entry says of it; without a post of the site, the entry is all there is."""
    title, description = shown(row.get("title")), shown(row.get("description"))
    said: dict[str, Any] = {}
    if title or known is None:
        said |= {"title_text": title or str(row["path"]), "title_html": str(escape(title or str(row["path"])))}
    if description or known is None:
        said["description_html"] = str(escape(description))
    if "date" in row or known is None:
        said["date"] = language.parse_date(row.get("date"), page)
    if "author" in row or known is None:
        said["authors"] = tuple(shown(one) for one in as_list(row.get("author")))
    if "categories" in row or known is None:
        said["categories"] = tuple(shown(one) for one in as_list(row.get("categories")))
    if "image" in row or known is None:
        said |= {"image": shown(row.get("image")), "image_alt": shown(row.get("image-alt"))}
    if known is not None:
        return dataclasses.replace(known, metadata={**known.metadata, **row}, **said)
    return ListedPost(
        source=page,
        output=page,
        metadata=row,
        subtitle_html=str(escape(shown(row.get("subtitle")))),
        first_paragraph="",
        words=0,
        href=str(row["path"]),
        **said,
    )


def _expression(pattern: str, folder: Path) -> re.Pattern[str]:
    """What the paths of the pages are like that a pattern of ``contents`` takes, seen from the listing's folder.

    As in Quarto: a folder stands for all in it, and what does not begin with ``/`` or ``./`` is sought in every folder.
    Known are ``*``, ``**``, ``?``, ``[ab]`` and ``{a,b}``.
    """
    place = pattern.removeprefix(".") if pattern.startswith("./") else pattern
    words = place.strip("/")
    if words in {"", "."}:
        words = "**/*"
    elif place.endswith("/") or (folder / words).is_dir():
        words += "/**/*"
    if not place.startswith(("/", "../")):
        words = "**/" + words
    meanings = {"**/": r"(?!\.\./)(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}
    found, inside = "", 0
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[[^]/]+\]|\{|\}|,)", words):
        inside += (part == "{") - (part == "}")
        if part == "," and inside:
            found += "|"
        elif part[:1] == "[" and part[-1:] == "]":
            found += part.replace("[!", "[^")
        else:
            found += meanings.get(part, re.escape(part))
    return re.compile(found)


def _passes(listing: Mapping[str, Any], post: ListedPost) -> bool:
    def meets(condition: Any) -> bool:
        for entry in condition if isinstance(condition, list) else [condition]:
            if all(_field_matches(post, name, value) for name, value in entry.items()):
                return True
        return False

    include, exclude = listing.get("include"), listing.get("exclude")
    return (not include or meets(include)) and not (exclude and meets(exclude))


def _field_matches(post: ListedPost, name: str, value: Any) -> bool:
    own = _value(post, name)
    have = [shown(one) for one in as_list(own)]
    return any(fnmatch.fnmatchcase(one, shown(wanted)) for wanted in as_list(value) for one in have)


def _value(post: ListedPost, name: str) -> Any:
    if name == "author":
        return list(post.authors)
    if name == "categories":
        return list(post.categories)
    if name == "title":
        return post.title_text
    return post.metadata.get(name)


def in_order(listing: Mapping[str, Any], posts: Iterable[ListedPost]) -> list[ListedPost]:
    """The posts as ``sort`` asks for; without it by their ``order``, then by title.

    As in Quarto, capitals come before small letters, and a post without the value comes last, or first where the order
    is descending.
    """
    ordered = sorted(posts, key=lambda post: str(post.source))
    sorting = listing.get("sort", True)
    if sorting is False:
        return ordered
    rules = ["order asc", "title asc"] if sorting in (True, None) else [str(rule) for rule in as_list(sorting)]
    for rule in reversed(rules):
        name, _, direction = rule.strip().partition(" ")
        descending = direction.strip().lower() == "desc"
        ordered.sort(key=lambda post: _sort_key(post, name, descending), reverse=descending)
    return ordered


def _sort_key(post: ListedPost, name: str, descending: bool) -> tuple[int, Any]:
    value = {
        "date": post.date,
        "reading-time": post.minutes,
        "word-count": post.words,
        "filename": post.source.name,
        "author": ",".join(post.authors),
    }.get(name, _value(post, name))
    if value is None:
        return (1, 0) if name == "order" and descending else (4, "")
    if isinstance(value, dt.date):
        return (2, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (1, value)
    return (3, shown(value))


# --- HTML ------------------------------------------------------------------------------------------------------------


def listing_html(
    listing: Mapping[str, Any],
    posts: Sequence[ListedPost],
    output: Path,
    words: Mapping[str, Any],
    lang: str,
    style: Any,
    with_categories: bool = False,
) -> str:
    """A listing as Quarto's HTML. ``with_categories``: a listing of the page asks for them."""
    kind = str(listing.get("type") or "default")
    kind = kind if kind in LISTING_TYPES else "default"
    fields = [str(one) for one in as_list(listing.get("fields"))] or list(_FIELDS[kind])
    names = dict(listing.get("field-display-names") or {})
    if with_categories and kind != "table" and "categories" not in fields and not listing.get("fields"):
        fields.append("categories")
    length = int(listing.get("max-description-length") or _DESCRIPTION)
    date_format = listing.get("date-format") or style or "medium"
    maximum = listing.get("max-items")
    posts = posts[: int(maximum)] if maximum else posts
    items = [
        _listing_item(post, number, fields, output, words, lang, date_format, length)
        for number, post in enumerate(posts)
    ]
    return (
        templates()
        .get_template("listing.html.j2")
        .render(
            listing={
                "id": listing.get("id") or "listing",
                "type": kind,
                "fields": fields,
                "columns": listing.get("grid-columns") or 3,
                "striped": listing.get("table-striped") is True,
                "names": {
                    field: names.get(field) or words.get(_LABELS.get(field, ""), field.title()) for field in fields
                },
            },
            items=items,
            words=words,
        )
    )


def _listing_item(
    post: ListedPost,
    number: int,
    fields: Sequence[str],
    output: Path,
    words: Mapping[str, Any],
    lang: str,
    date_format: Any,
    length: int,
) -> dict[str, Any]:
    folder = relative_text(post.output.parent, output.parent).replace(os.sep, "/")
    href = f"./{folder}/{post.output.name}" if folder != "." else f"./{post.output.name}"
    image = post.image
    if post.href:
        href = post.href
    elif image and not image.startswith("/") and folder != ".":
        image = f"./{folder}/{image}"
    elif image.startswith("/"):
        image = "./" + image.lstrip("/")
    description = post.description_html
    description = shorten(description, length) if description else shorten(post.first_paragraph, length)
    date = language.format_date(post.date, str(date_format), lang) if post.date else ""
    reading = str(words["listing-page-minutes-compact"]).replace("{0}", str(post.minutes))
    author = ", ".join(post.authors)
    cells: dict[str, str] = {
        "title": post.title_html,
        "subtitle": post.subtitle_html,
        "author": str(escape(author)),
        "date": date,
        "description": re.sub(r"</?p>", "", description),
        "reading-time": reading,
        "categories": str(escape(", ".join(post.categories))),
        "word-count": str(post.words),
        "filename": str(escape(post.source.name)),
        "file-modified": language.format_date(
            dt.datetime.fromtimestamp(post.source.stat().st_mtime), str(date_format), lang
        ),
    }
    for name in fields:
        if name not in cells:
            value: Any = post.metadata
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            cells[name] = str(escape(", ".join(shown(one) for one in as_list(value))))
    others = [f for f in fields if f not in {*_KNOWN, "filename", "file-modified"} and cells.get(f)]
    return {
        "index": number,
        "href": href,
        "title": post.title_html,
        "title_text": post.title_text,
        "subtitle": post.subtitle_html,
        "description": description,
        "author": author,
        "date": date,
        "stamp": post.date.isoformat() if post.date else "",
        "categories": list(post.categories),
        "reading_time": reading,
        "minutes": post.minutes,
        "image": image,
        "image_alt": post.image_alt,
        "cells": cells,
        "others": others,
    }


CATEGORIES = "categories"
"""Where each category has a page, below the site's root."""


def slug(words: str) -> str:
    """Words as a file's name."""
    clean = re.sub(r"[^\w]+", "-", words.casefold(), flags=re.UNICODE).strip("-")
    return clean or "category"


def category_address(name: str, prefix: str) -> str:
    """A category's page, from a page whose way to the site's root is ``prefix``."""
    return f"{prefix}{CATEGORIES}/{quote(slug(name))}.html"


def category_list(posts: Sequence[ListedPost], words: Mapping[str, Any], style: Any, prefix: str) -> HtmlElement | None:
    """The categories of some posts, each with its count, as Quarto's sidebar has them.

    Without JavaScript an entry leads to its category's page; only what entries of other sites are in has none.
    """
    paged = {category for post in posts if not post.href for category in post.categories}
    counts: dict[str, int] = {}
    for post in posts:
        for category in post.categories:
            counts[category] = counts.get(category, 0) + 1
    if not counts or style in (None, False, "false"):
        return None
    numbered = style in (True, "numbered", "true")
    box = make("div", class_=f"quarto-listing-category category-{'default' if numbered else style}")
    entries = [(str(words["listing-page-category-all"]), len(posts), "")] if numbered else []
    entries += [(name, counts[name], name) for name in sorted(counts, key=str.casefold)]
    for name, count, value in entries:
        address = category_address(name, prefix) if value in paged else f"#category={quote(value)}"
        link = make("a", name, href=address)
        entry = make("div", link, class_="category", data_category=value)
        if numbered:
            link.text = name + " "
            link.append(make("span", f"({count})", class_="quarto-category-count"))
        box.append(entry)
    return box


def place_listings(
    page: HtmlElement, made: Sequence[tuple[Mapping[str, Any], str]], categories: HtmlElement | None, title: str
) -> None:
    """Puts listings into their page: where ``::: {#ID}`` asks for them, or at its end."""
    main = page.find(".//main")
    if main is None:
        return
    for listing, html in made:
        element = fromstring(html)
        place = [
            one for one in elements(main, "div") if one.get("id") in {listing.get("id"), f"listing-{listing.get('id')}"}
        ]
        if place and listing.get("id"):
            place[0].append(element)
        else:
            main.append(element)
    sidebar = page.xpath("//*[@id='quarto-margin-sidebar']")
    if categories is not None and sidebar:
        sidebar[0].append(make("h2", title, class_="quarto-listing-category-title"))
        sidebar[0].append(categories)
    body = page.find("body")
    if body is not None and categories is not None:
        drop_class(body, "fullcontent")


def add_listings(
    site: Site,
    metadata: Mapping[str, Any],
    source: Path,
    tree: HtmlElement,
    output: Path,
    posts: Sequence[ListedPost],
) -> None:
    """Fills the listings that a page asks for."""
    lang = str(metadata.get("lang") or "en")
    words = language.words(lang, metadata.get("language"))
    everything: list[ListedPost] = []
    htmls = []
    style: object = None
    asked = any(one.get("categories") not in (None, False, "false") for one in listings_of(metadata))
    for number, one in enumerate(listings_of(metadata)):
        if "id" not in one:
            one = {**one, "id": "listing" if number == 0 else f"listing-{number + 1}"}
        chosen = in_order(one, chosen_posts(one, source, posts))
        everything += chosen
        style = style or one.get("categories")
        html = listing_html(one, chosen, output, words, lang, metadata.get("date-format"), asked)
        htmls.append((one, html))
    categories = category_list(everything, words, style, page_prefix(site, output))
    place_listings(tree, htmls, categories, str(words["listing-page-field-categories"]))
