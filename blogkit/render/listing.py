"""Listing pages: the posts of a site as a list, a grid or a table, with categories."""

from __future__ import annotations

import dataclasses
import datetime as dt
import fnmatch
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lxml import etree
from lxml.html import HtmlElement, fromstring, tostring
from markupsafe import escape

from blogkit.errors import ConfigError, Problem
from blogkit.render import language, people
from blogkit.render.cache import stamp
from blogkit.render.dom import (
    HEADINGS,
    WORDS_A_MINUTE,
    by_id,
    drop_class,
    elements,
    has_class,
    main_of,
    make,
    prose_words,
    take_out,
    text_of,
    with_class,
)
from blogkit.render.engines.pandoc import Rendered, templates
from blogkit.render.metadata import as_list, load_yaml_file, shown

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


_TUPLES = ("authors", "categories")
_KEPT = (
    "title_html", "title_text", "subtitle_html", "description_html", "first_paragraph", "image", "image_alt", "words",
    "prose", "search", *_TUPLES,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Post:
    """What a listing shows of a post."""

    source: Path
    output: Path
    metadata: Mapping[str, Any]
    title_html: str
    title_text: str
    subtitle_html: str
    description_html: str
    """What the front matter gives; empty where the first paragraph stands in."""
    first_paragraph: str
    """HTML, with addresses as the post has them."""
    authors: tuple[str, ...]
    date: dt.datetime | None
    categories: tuple[str, ...]
    image: str
    """Address from the post's folder; empty where there is none."""
    image_alt: str
    words: int
    """As Quarto counts them: whatever stands between two spaces of the source."""
    prose: int
    """Words that are read line by line."""
    href: str = ""
    """Where an entry leads that is no page of the site; empty for a post."""
    search: list[list[str]] = dataclasses.field(default_factory=list)
    """What its sections say: anchor, heading, words."""

    def record(self) -> dict[str, Any]:
        """The post as JSON keeps it."""
        return {
            "metadata": json.loads(json.dumps(self.metadata, default=str)),
            "date": self.date.isoformat() if self.date else None,
            **{name: getattr(self, name) for name in _KEPT},
        }

    def listed(self) -> str:
        """A digest of all that a listing may show or sort by."""
        facts = [getattr(self, name) for name in _KEPT if name not in {"search", "prose"}]
        facts += [self.minutes, self.date, self.metadata, str(self.output), stamp(self.source)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

    @classmethod
    def from_record(cls, source: Path, output: Path, record: Mapping[str, Any]) -> Post:
        """A post as it was kept."""
        kept: dict[str, Any] = {name: tuple(record[name]) if name in _TUPLES else record[name] for name in _KEPT}
        date = dt.datetime.fromisoformat(record["date"]) if record["date"] else None
        return cls(source=source, output=output, metadata=record["metadata"], date=date, **kept)

    @property
    def minutes(self) -> int:
        """Whole minutes of reading, at least 1."""
        return max(1, math.ceil(self.prose / WORDS_A_MINUTE))


def post_of(rendered: Rendered, page: HtmlElement, output: Path) -> Post:
    """A post as listings show it, from its rendered page."""
    metadata = rendered.source.metadata
    fields = rendered.fields
    image, alt = preview_image(page, metadata)
    name = rendered.title or _first_heading(page)
    description = fields.get("description", {}).get("html") or fields.get("abstract", {}).get("html") or ""
    return Post(
        source=rendered.source.path,
        output=output,
        metadata=metadata,
        title_html=fields.get("title", {}).get("html", "") or str(escape(name)),
        title_text=name,
        subtitle_html=fields.get("subtitle", {}).get("html", ""),
        description_html=re.sub(r"^<p>(.*)</p>$", r"\1", description.strip(), flags=re.DOTALL),
        first_paragraph=first_paragraph(page),
        authors=tuple(author.name for author in rendered.authors),
        date=language.parse_date(metadata.get("date"), rendered.source.path),
        categories=tuple(shown(entry) for entry in as_list(metadata.get("categories"))),
        image=image,
        image_alt=alt,
        words=len(rendered.source.text.split(" ")),
        prose=prose_words(main) if (main := main_of(page)) is not None else 0,
    )


def _first_heading(page: HtmlElement) -> str:
    """What names a post without a title."""
    main = main_of(page)
    heading = next(elements(main, *HEADINGS), None) if main is not None else None
    if heading is None:
        return ""
    number = next(iter(with_class(heading, "header-section-number")), None)
    return text_of(heading).removeprefix(text_of(number) if number is not None else "").strip()


def post_of_page(page: HtmlElement, metadata: Mapping[str, Any], source: Path, output: Path) -> Post:
    """A post as listings show it, from a page that Quarto made, before it is finished."""
    header = by_id(page, "title-block-header")
    image, alt = preview_image(page, metadata)

    def inside(*names: str) -> str:
        found = [one for name in names for one in (with_class(header, name) if header is not None else [])]
        if not found:
            return ""
        whole = str(tostring(found[0], encoding="unicode", with_tail=False))
        return re.sub(r"^<[^>]*>|</\w+>$", "", whole).strip()

    title = next(iter(with_class(header, "title") if header is not None else []), None)
    if title is None:
        title = next(elements(page, "h1"), None)
    name = text_of(title) if title is not None else shown(metadata.get("title")) or source.parent.name
    text = source.read_text(encoding="utf-8-sig") if source.suffix != ".ipynb" else ""
    return Post(
        source=source,
        output=output,
        metadata=metadata,
        title_html=inside("title") or str(escape(name)),
        title_text=name,
        subtitle_html=inside("subtitle"),
        description_html=re.sub(r"^<p>(.*)</p>$", r"\1", inside("description"), flags=re.DOTALL)
        or str(escape(shown(metadata.get("description") or metadata.get("abstract")))),
        first_paragraph=first_paragraph(page),
        authors=tuple(author.name for author in people.authors(metadata)),
        date=language.parse_date(metadata.get("date"), source),
        categories=tuple(shown(entry) for entry in as_list(metadata.get("categories"))),
        image=image,
        image_alt=alt,
        words=len(text.split(" ")),
        prose=prose_words(main) if (main := main_of(page)) is not None else 0,
    )


_NAMED_PREVIEW = re.compile(r"(?:preview|feature|cover|thumbnail).*?\.(?:png|gif|jpe?g|webp|svg)")


def preview_image(page: HtmlElement, metadata: Mapping[str, Any]) -> tuple[str, str]:
    """The picture that stands for a post: what the front matter or its name says, or the first."""
    named = metadata.get("image")
    if isinstance(named, str) and named:
        return named, str(metadata.get("image-alt") or "")
    if named is False:
        return "", ""
    main = page.find(".//main")
    if main is None:
        return "", ""
    images = [image for image in elements(main, "img") if image.get("src") and not _is_tiny(image)]
    chosen = next((image for image in images if "preview-image" in (image.get("class") or "")), None)
    if chosen is None:
        chosen = next((image for image in images if _NAMED_PREVIEW.search(image.get("src") or "")), None)
    if chosen is None:
        chosen = next((one for one in images if not re.match(r"https?:", one.get("src") or "")), None)
    if chosen is None or re.match(r"data:|https?:", chosen.get("src") or ""):
        return "", ""
    return chosen.get("src") or "", chosen.get("alt") or ""


def _is_tiny(image: HtmlElement) -> bool:
    width = image.get("width") or ""
    return width.isdigit() and int(width) < 64


def first_paragraph(page: HtmlElement) -> str:
    """The first paragraph of the text with words in it, as HTML."""
    main = page.find(".//main")
    if main is None:
        return ""
    for paragraph in elements(main, "p"):
        if any(one.tag == "header" or has_class(one, "callout-title-container") for one in paragraph.iterancestors()):
            continue
        if "".join(paragraph.itertext()).strip():
            copy = deepcopy(paragraph)
            copy.tail = None
            for anchor in list(elements(copy, "a")):
                anchor.drop_tag()
            for gone in [*with_class(copy, "column-margin"), *elements(copy, "img")]:
                take_out(gone)
            for named in copy.iter(etree.Element):
                named.attrib.pop("id", None)
            return tostring(copy, encoding="unicode")
    return ""


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


def listings_of(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The listings that a page's front matter asks for."""
    value = metadata.get("listing")
    if value in (None, False):
        return []
    result: list[Mapping[str, Any]] = []
    for entry in [value] if isinstance(value, Mapping) else as_list(value):
        if isinstance(entry, Mapping):
            result.append(entry)
        elif isinstance(entry, str):
            result.append({"type": entry} if entry in _FIELDS else {"id": entry})
        else:
            result.append({})
    return result


def chosen_posts(listing: Mapping[str, Any], page: Path, posts: Sequence[Post]) -> list[Post]:
    """The posts that a listing's ``contents``, ``include`` and ``exclude`` name."""
    contents = listing.get("contents")
    entries = [contents] if isinstance(contents, Mapping) else as_list(contents) or ["*"]
    folder = page.parent
    named = [str(entry) for entry in entries if not isinstance(entry, Mapping) and not _is_yaml(entry)]
    taken = [_expression(pattern, folder) for pattern in named if not pattern.startswith("!")]
    left = [_expression(pattern[1:], folder) for pattern in named if pattern.startswith("!")]
    chosen = [post for post in _written(entries, page, posts) if _passes(listing, post)]
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


def _written(entries: Iterable[Any], page: Path, posts: Sequence[Post]) -> list[Post]:
    """The entries that ``contents`` gives itself, or a YAML file that it names: posts of the site, or other pages.

    Raises ConfigError for a file that is not there and an entry without a path.
    """
    by_source: dict[Path, Post] = {}
    made: list[Post] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            rows: list[Any] = [entry]
            folder = page.parent
        elif _is_yaml(entry):
            file = page.parent / str(entry).lstrip("/")
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


def _written_post(row: Mapping[str, Any], known: Post | None, page: Path) -> Post:
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
    return Post(
        source=page,
        output=page,
        metadata=row,
        subtitle_html=str(escape(shown(row.get("subtitle")))),
        first_paragraph="",
        words=0,
        prose=0,
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


def _passes(listing: Mapping[str, Any], post: Post) -> bool:
    def meets(condition: Any) -> bool:
        for entry in condition if isinstance(condition, list) else [condition]:
            if all(_field_matches(post, name, value) for name, value in entry.items()):
                return True
        return False

    include, exclude = listing.get("include"), listing.get("exclude")
    return (not include or meets(include)) and not (exclude and meets(exclude))


def _field_matches(post: Post, name: str, value: Any) -> bool:
    own = _value(post, name)
    have = [shown(one) for one in as_list(own)]
    return any(fnmatch.fnmatchcase(one, shown(wanted)) for wanted in as_list(value) for one in have)


def _value(post: Post, name: str) -> Any:
    if name == "author":
        return list(post.authors)
    if name == "categories":
        return list(post.categories)
    if name == "title":
        return post.title_text
    return post.metadata.get(name)


def in_order(listing: Mapping[str, Any], posts: Iterable[Post]) -> list[Post]:
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


def _sort_key(post: Post, name: str, descending: bool) -> tuple[int, Any]:
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
    posts: Sequence[Post],
    output: Path,
    words: Mapping[str, Any],
    lang: str,
    style: Any,
    with_categories: bool = False,
) -> str:
    """A listing as Quarto's HTML. ``with_categories``: a listing of the page asks for them."""
    kind = str(listing.get("type") or "default")
    kind = kind if kind in _FIELDS else "default"
    fields = [str(one) for one in as_list(listing.get("fields"))] or list(_FIELDS[kind])
    names = dict(listing.get("field-display-names") or {})
    if with_categories and kind != "table" and "categories" not in fields and not listing.get("fields"):
        fields.append("categories")
    length = int(listing.get("max-description-length") or _DESCRIPTION)
    date_format = listing.get("date-format") or style or "medium"
    maximum = listing.get("max-items")
    posts = posts[: int(maximum)] if maximum else posts
    items = [_item(post, number, fields, output, words, lang, date_format, length) for number, post in enumerate(posts)]
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


def _item(
    post: Post,
    number: int,
    fields: Sequence[str],
    output: Path,
    words: Mapping[str, Any],
    lang: str,
    date_format: Any,
    length: int,
) -> dict[str, Any]:
    folder = os.path.relpath(post.output.parent, output.parent).replace(os.sep, "/")
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


def category_list(posts: Sequence[Post], words: Mapping[str, Any], style: Any, prefix: str) -> HtmlElement | None:
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
