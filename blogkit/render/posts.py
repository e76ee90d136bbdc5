"""What a site knows of a post besides its page: what listings, feeds and the search show of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import math
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.html import HtmlElement, tostring

from blogkit.page.seen import visible_text
from blogkit.page.values import drop_value_elements
from blogkit.render import language
from blogkit.render.dom import (
    HEADINGS,
    WORDS_A_MINUTE,
    elements,
    has_class,
    main_of,
    take_out,
    with_class,
)
from blogkit.render.metadata import as_list, shown
from blogkit.stale import file_stamp

_TUPLES = ("authors", "categories")
_KEPT = (
    "title_html", "title_text", "subtitle_html", "description_html", "first_paragraph", "image", "image_alt", "words",
    "search", *_TUPLES,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ListedPost:
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
    words: int = 0
    """Of the prose, as :attr:`blogkit.page.Page.words` counts them; known once its page is finished."""
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
        facts = [getattr(self, name) for name in _KEPT if name != "search"]
        facts += [self.minutes, self.date, self.metadata, str(self.output), file_stamp(self.source)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

    @classmethod
    def from_record(cls, source: Path, output: Path, record: Mapping[str, Any]) -> ListedPost:
        """A post as it was kept."""
        kept: dict[str, Any] = {name: tuple(record[name]) if name in _TUPLES else record[name] for name in _KEPT}
        date = dt.datetime.fromisoformat(record["date"]) if record["date"] else None
        return cls(source=source, output=output, metadata=record["metadata"], date=date, **kept)

    @property
    def minutes(self) -> int:
        """Whole minutes of reading, at least 1."""
        return max(1, math.ceil(self.words / WORDS_A_MINUTE))


@dataclass(frozen=True, kw_only=True)
class PostWords:
    """What an engine says of a post: the words of its title block."""

    title_html: str
    title_text: str
    subtitle_html: str = ""
    description_html: str = ""
    authors: tuple[str, ...] = ()


def listed_post(
    page: HtmlElement, words: PostWords, metadata: Mapping[str, Any], source: Path, output: Path
) -> ListedPost:
    """A post as listings show it, from its page before that is finished."""
    image, alt = preview_image(page, metadata)
    return ListedPost(
        source=source,
        output=output,
        metadata=metadata,
        title_html=words.title_html,
        title_text=words.title_text,
        subtitle_html=words.subtitle_html,
        description_html=re.sub(r"^<p>(.*)</p>$", r"\1", words.description_html.strip(), flags=re.DOTALL),
        first_paragraph=first_paragraph(page),
        authors=words.authors,
        date=language.parse_date(metadata.get("date"), source),
        categories=tuple(shown(entry) for entry in as_list(metadata.get("categories"))),
        image=image,
        image_alt=alt,
    )


def first_heading(page: HtmlElement) -> str:
    """What names a post without a title."""
    main = main_of(page)
    heading = next(elements(main, *HEADINGS), None) if main is not None else None
    if heading is None:
        return ""
    number = next(iter(with_class(heading, "header-section-number")), None)
    return visible_text(heading).removeprefix(visible_text(number) if number is not None else "").strip()


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
        if visible_text(paragraph):
            copy = deepcopy(paragraph)
            copy.tail = None
            for anchor in list(elements(copy, "a")):
                anchor.drop_tag()
            drop_value_elements(copy)
            for gone in [*with_class(copy, "column-margin"), *elements(copy, "img")]:
                take_out(gone)
            for named in copy.iter(etree.Element):
                named.attrib.pop("id", None)
            return tostring(copy, encoding="unicode")
    return ""
