"""The page as a document: authors, ids, links, and what every HTML page needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile
from blogkit.check.rules import rule
from blogkit.check.rules.citations import citing_links
from blogkit.check.source import Place
from blogkit.page.seen import visible_text
from blogkit.page.tree import tag_of


@rule(
    "BK114",
    "authors",
    why="The venue takes posts of so many authors only, and a post without a name cannot be graded.",
    fix="List each author under `author:` in the front matter, one a line.",
)
def authors(post: Post, profile: Profile) -> Iterator[Fault]:
    """The post names as many authors as the venue takes."""
    if post.page_name is None:
        return
    names = post.page.authors
    if len(names) in profile.authors:
        return
    place = post.entry("author")
    if not names:
        yield Fault(message="no author is named below the title.", place=place)
    else:
        yield Fault(message=f"{len(names)} authors ({', '.join(names)}); {profile.authors} are allowed.", place=place)


@rule(
    "BK113",
    "links",
    why="A contents entry or link that leads nowhere, or to the wrong one of two places with one id, loses the reader.",
    fix="Give each place its own id, and correct the link.",
)
def links(post: Post, profile: Profile) -> Iterator[Fault]:
    """Contents entries and internal links lead somewhere, and no id is used twice."""
    page = post.page
    for ident, elements in page.ids.items():
        if len(elements) > 1:
            tags = ", ".join(f"<{tag_of(one)}>" for one in elements[:3])
            yield Fault(
                message=f'the id "{ident}" is used {len(elements)} times ({tags}).',
                place=post.where(f"#{ident}", f'id="{ident}"', line=elements[1].sourceline),
            )
    anchors = page.anchors
    cites = {link.element for link in citing_links(page)}
    reported: set[str] = set()
    for element in page.root.iter("a"):
        href = (element.get("href") or "").strip()
        if not href.startswith("#") or element in cites:
            continue
        target = href[1:]
        if target in anchors or unquote(target) in anchors or href in reported or target.startswith((":~:", "/", "!")):
            continue
        reported.add(href)
        contents = any(tag_of(up) == "nav" or up.get("id") == "TOC" for up in element.iterancestors())
        what = "the contents entry" if contents else "the link"
        yield Fault(
            message=f'{what} "{visible_text(element) or href}" leads to {href}, which is not on the page.',
            place=post.where(href, line=element.sourceline),
        )


@rule(
    "BK119",
    "document",
    why="Screen readers need the language, phones the viewport, browsers the doctype; contrast and keyboard decide who can "
    "read at all.",
    fix='Begin with `<!doctype html>`, `<html lang="en">`, `<meta charset="utf-8">` and a viewport.',
    fixable=True,
)
def document(post: Post, profile: Profile) -> Iterator[Fault]:
    """The page says its language, encoding and viewport, has a doctype, and an accessibility check finds nothing."""
    page = post.page
    if post.page_name is None:
        return
    if not page.has_doctype:
        yield Fault(message="the page has no doctype.", place=post.at(1), fix="Begin the file with `<!doctype html>`.")
    if not re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", page.language):
        message = f'"{page.language}" is no language.' if page.language else "the page does not say its language."
        place = post.entry("lang") if post.source else post.at(1)
        yield Fault(message=message, place=place, fix='Write `<html lang="en">`, or `lang: en` in the front matter.')
    viewport = page.meta("viewport")
    if not viewport:
        yield Fault(
            message="the page has no viewport, so phones show it tiny.",
            place=post.at(1),
            fix='Put `<meta name="viewport" content="width=device-width, initial-scale=1">` into the head.',
        )
    elif re.search(r"user-scalable\s*=\s*(?:no|0)|maximum-scale\s*=\s*1(?:\.0)?\b", viewport[0]):
        yield Fault(message="the viewport forbids the reader to zoom.", place=post.at(1), fix="Leave that part out.")
    if page.encoding is None and not page.data.isascii():
        yield Fault(
            message="the page does not say its encoding, so letters beyond ASCII may show wrong.",
            place=post.at(1),
            fix='Put `<meta charset="utf-8">` first in the head.',
        )
    elif page.encoding and not page.data.isascii():
        try:
            page.data.decode(page.encoding)
        except (UnicodeDecodeError, LookupError):
            yield Fault(
                message=f"the page says that it is {page.encoding}, and is not.",
                place=post.at(1),
                fix="Save it as UTF-8 and say so.",
            )
    if not page.head_title:
        yield Fault(message="the page has no title for the browser's tab.", place=post.at(1), fix="Add `<title>`.")
    for entry in post.seen.get("axe", []):
        yield Fault(
            message=f"accessibility: {entry}",
            place=Place(path=post.at().path),
            fix="The name in brackets is axe-core's rule, which says more about it.",
        )
