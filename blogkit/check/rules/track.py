"""The rules of a conference blog track: dated names, an anonymous review copy, a contents list in the front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile
from blogkit.check.rules import rule
from blogkit.check.source import Place
from blogkit.page.seen import WORD, visible_text

_SLUG = re.compile(r"(\d{4})-(\d{2})-(\d{2})-([a-z0-9]+(?:-[a-z0-9]+)*)")


@rule(
    "BK201",
    "slug",
    why="The track builds every path of a post from its name; one that does not fit breaks the build.",
    fix="Name post, image folder, HTML folder and bibliography alike: `2026-04-27-my-post`, lower case.",
)
def slug(post: Post, profile: Profile) -> Iterator[Fault]:
    """The post's name is `YYYY-MM-DD-name` in lower case, the same for its images, HTML files and bibliography."""
    match = _SLUG.fullmatch(post.slug)
    if not match:
        yield Fault(
            message=f'the name "{post.slug}" is not of the form YYYY-MM-DD-name, lower case.',
            place=Place(path=post.path),
        )
    else:
        try:
            date(int(match.group(1)), int(match.group(2)), int(match.group(3)))
        except ValueError:
            yield Fault(
                message=f'the name "{post.slug}" begins with no day of the calendar.', place=Place(path=post.path)
            )
    named = _metadata(post).get("bibliography")
    names = [named] if isinstance(named, str) else [str(one) for one in named or []]
    for name in names:
        if name.rsplit("/", 1)[-1] != f"{post.slug}.bib":
            yield Fault(
                message=f"the bibliography is called {name.rsplit('/', 1)[-1]}; it must be {post.slug}.bib.",
                place=post.entry("bibliography"),
            )
    if post.source is None:
        return
    for line in post.source.lines:
        for folder in re.findall(r"assets/(?:img|html)/([^/\s)\"']+)/", line.text):
            if folder != post.slug:
                yield Fault(
                    message=f'a file of the folder "{folder}" is shown; the folder must be called {post.slug}.',
                    place=Place(path=line.path, line=line.number),
                )


@rule(
    "BK202",
    "front-matter",
    why="The track's listing, feed and citation are made from the front matter.",
    fix="Give title, description (2–3 plain sentences), date, authors and bibliography.",
)
def front_matter(post: Post, profile: Profile) -> Iterator[Fault]:
    """The front matter has title, date, authors, bibliography, and a description of 2–3 plain sentences."""
    data = _metadata(post)
    if post.source is not None:
        for keys in (("title",), ("description",), ("date",), ("author", "authors"), ("bibliography",)):
            if not any(data.get(key) for key in keys):
                yield Fault(
                    message=f"the front matter has no {keys[0]}.",
                    place=_author(post) if keys[0] == "author" else post.entry(keys[0]),
                )
    described = data.get("description") if post.source is not None else next(iter(post.page.meta("description")), "")
    text = str(described or "").strip()
    place = post.entry("description")
    if post.source is None and not text:
        yield Fault(message="the page has no description.", place=place)
    if not text:
        return
    sentences = [one for one in re.split(r"(?<=[.!?])\s+(?=[A-Z0-9])", text) if WORD.search(one)]
    if not 2 <= len(sentences) <= 3:
        many = "1 sentence" if len(sentences) == 1 else f"{len(sentences)} sentences"
        yield Fault(message=f"the description has {many}; 2 or 3 are asked for.", place=place)
    for pattern, what in (
        (r"\$|\\\(|\\[a-zA-Z]+", "mathematics"),
        (r"https?://|\]\(|<a\s", "a link"),
        (r'"|“|”', "double quotes"),
    ):
        if re.search(pattern, text):
            yield Fault(message=f"the description holds {what}.", place=place)


@rule(
    "BK203",
    "contents-list",
    why="The track prints the contents from the front matter; an entry that is no heading is a dead link.",
    fix="Copy each heading letter for letter into the list `toc:`.",
)
def contents_list(post: Post, profile: Profile) -> Iterator[Fault]:
    """Each entry of the front matter's contents list is a heading of the post."""
    listed = _metadata(post).get("toc")
    if post.source is None:
        return
    if not isinstance(listed, list):
        yield Fault(message="the front matter has no contents list.", place=post.entry("toc"))
        return
    headings = {_plain_title(one.title) for one in post.page.sections if one.title}
    for keys, name in _names(listed, ("toc",)):
        if _plain_title(name) not in headings:
            yield Fault(
                message=f'the contents entry "{name}" is no heading of the post.', place=post.source.entry(*keys)
            )


def _names(entries: list[Any], at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for number, entry in enumerate(entries):
        if isinstance(entry, str):
            yield (*at, number), entry
        elif isinstance(entry, Mapping):
            if entry.get("name"):
                yield (*at, number, "name"), str(entry["name"])
            if isinstance(entry.get("subsections"), list):
                yield from _names(entry["subsections"], (*at, number, "subsections"))


def _plain_title(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[*_`$\\]", "", text)).strip()


_REPOSITORY = re.compile(
    r"(?:https?://)?(?:www\.)?(?:github|gitlab)\.(?:com|io)/([\w.\-]+)(?:/[\w.\-]+)?|https?://([\w\-]+)\.github\.io",
    re.I,
)
_MAIL = re.compile(r"\b[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}\b")
_HOME = re.compile(r"(?:/home/|/Users/|C:\\\\?Users\\\\?)([A-Za-z][\w\-]*(?:\.\w+)*)")


@rule(
    "BK204",
    "anonymous",
    why="The review is double blind; a copy that tells who wrote it is rejected unread.",
    fix='Set the authors to "Anonymous" and take out names, affiliations, e-mail addresses and personal repositories.',
)
def anonymous(post: Post, profile: Profile) -> Iterator[Fault]:
    """The review copy does not tell who wrote it."""
    page = post.page
    for name in page.authors:
        if not re.fullmatch(r"anonymous(?:\s+(?:authors?|et al\.?))?", name, re.I):
            yield Fault(message=f'the author "{name}" is named.', place=_author(post))
    for element in page.root.xpath("//*[@id='title-block-header']//p[contains(@class,'affiliation')]"):
        text = visible_text(element)
        if text and not re.search(r"anonym", text, re.I):
            yield Fault(message=f'the affiliation "{text}" is named.', place=_author(post))
    reported: set[str] = set()
    for link in page.root.iter("a"):
        href = link.get("href") or ""
        match = _REPOSITORY.match(href)
        section, zone = page.place(link)
        del section
        if (
            match
            and zone != "references"
            and href not in reported
            and _is_own((link.getparent() is not None and visible_text(link.getparent())) or "")
        ):
            reported.add(href)
            yield Fault(
                message=f"the repository {href} tells whose work this is.", place=post.where(href, line=link.sourceline)
            )
        if href.lower().startswith("mailto:") and href not in reported:
            reported.add(href)
            yield Fault(message=f"the address {href[7:]} is named.", place=post.where(href[7:], line=link.sourceline))
    for block in page.blocks:
        if block.zone == "references":
            continue
        for pattern, what in ((_MAIL, "the e-mail address"), (_HOME, "the user name in")):
            for found in pattern.finditer(block.text):
                if found.group() not in reported:
                    reported.add(found.group())
                    yield Fault(
                        message=f"{what} {found.group()} is on the page.",
                        place=post.where(found.group(), text=block.text, line=block.line),
                    )
        if re.search(r"^acknowledge?ments?$", page.sections[block.section].title, re.I) and "ack" not in reported:
            reported.add("ack")
            heading = page.sections[block.section]
            yield Fault(
                message="the acknowledgements stay out of the review copy.",
                place=post.where(heading=heading.title, line=heading.line),
            )


def _author(post: Post) -> Place:
    """The front matter's list of authors, under either of its names."""
    return post.entry("authors" if "authors" in _metadata(post) else "author")


def _is_own(sentence: str) -> bool:
    """Whether a sentence speaks of the authors' own repository, and not of a work that it cites."""
    return (
        re.search(
            r"\b(our|we|my|I|this (?:post|project|work)|code (?:is|can be|for)|source code|available|repository)\b",
            sentence,
            re.I,
        )
        is not None
    )


@rule(
    "BK206",
    "no-scripts",
    why="The track takes posts as text and figures; scripts of your own are not allowed outside the HTML figures.",
    fix="Put an interactive figure into its own HTML file and show it in a frame.",
)
def no_scripts(post: Post, profile: Profile) -> Iterator[Fault]:
    """The post brings no scripts of its own."""
    if post.source is None:
        for script in post.page.main.iter("script"):
            kind = (script.get("type") or "").lower()
            if "json" in kind or "math" in kind:
                continue
            yield Fault(message="the post holds a script.", place=post.at(script.sourceline))
        return
    for line in post.source.lines:
        if re.search(r"<script\b", line.text, re.I) and not line.code:
            yield Fault(message="the post holds a script.", place=Place(path=line.path, line=line.number))
    for key in ("include-in-header", "include-after-body", "include-before-body"):
        if key in _metadata(post):
            yield Fault(message=f"`{key}` adds to the page what the track does not allow.", place=post.entry(key))


def _metadata(post: Post) -> Mapping[str, Any]:
    return post.source.metadata if post.source is not None else {}
