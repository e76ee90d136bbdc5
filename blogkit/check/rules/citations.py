"""Citations, references, the bibliography."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from blogkit.check.bibliography import read_bibliography
from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile
from blogkit.check.rules import rule
from blogkit.check.rules.writing import part_sections
from blogkit.check.source import Place
from blogkit.config import is_inside_site
from blogkit.page import Link, Page
from blogkit.page.notes import is_note_mark
from blogkit.page.seen import visible_text
from blogkit.page.tree import has_class

_PAPER = re.compile(
    r"arxiv\.org|doi\.org|openreview\.net|aclanthology|proceedings\.|neurips\.cc|\.mlr\.press|semanticscholar|jmlr\.org|distill\.pub|openaccess\.thecvf",
    re.I,
)
_MARK = re.compile(r"^\[?\s*(\d{1,3}(?:\s*[,–-]\s*\d{1,3})*)\s*\]?$")
_TEXT_MARK = re.compile(r"\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_RAW = re.compile(
    r"\[(?:see\s+)?-?@[\w:.\-]+(?:[^\]]{0,80})\]|(?<![\w@/.])@[A-Za-z][\w\-]*\d{4}\w*|\\cite[pt]?\{[^}]{1,80}\}|\?\?"
)
_UNRESOLVED = re.compile(r"^\(?\??([\w:.\-]+)\?\)?$")


@rule(
    "BK111",
    "citations",
    why="The rubric gives 20 points for positioning the work: the background must cite, and a citation that leads nowhere, "
    "or a reference that nothing cites, shows that the list was not looked after.",
    fix="Cite with `@key` from the bibliography file; remove the entries that you do not use from a list written by hand.",
)
def citations(post: Post, profile: Profile) -> Iterator[Fault]:
    """The background cites, every citation resolves, every reference is cited."""
    page = post.page
    if post.page_name is None:
        return
    cites = citing_links(page)
    yield from _background(post, profile, cites)
    yield from _unresolved(post)
    cited = {link.href[1:] for link in cites if link.href.startswith("#")}
    keys = {key for span in page.main.iter("span", "a") for key in (span.get("data-cites") or "").split()}
    numbers = _cited_numbers(page, cites)
    for work in page.references:
        names = {work.id.removeprefix("ref-"), work.id.removeprefix("bib-")}
        if work.id in cited or names & keys or work.number in numbers:
            continue
        if any(inner in cited for inner in _ids_around(page, work.id)):
            continue
        place = post.where(work.id.removeprefix("ref-"), text=work.text, line=work.line)
        yield Fault(message=f'the reference "{_quote(work.text)}" is cited nowhere.', place=place)


def citing_links(page: Page) -> list[Link]:
    """The links that cite a work."""
    found = []
    for link in page.links:
        if link.zone == "references":
            continue
        target = link.href[1:] if link.href.startswith("#") else ""
        low = target.lower()
        if is_note_mark(link.element) or has_class(link.element, "quarto-xref"):
            continue
        if (
            (
                target
                and (low.startswith(("ref", "bib", "cite", "citation")) or link.element.get("role") == "doc-biblioref")
            )
            or (target and _MARK.match(link.text))
            or (_PAPER.search(link.href) and not link.href.startswith("#"))
        ):
            found.append(link)
    return found


def cites_in(page: Page, sections: set[int], links: list[Link]) -> int:
    """How many citations stand in these sections; one that names two works is one."""
    marked = [
        one
        for one in page.main.iter("span", "cite", "d-cite")
        if (has_class(one, "citation") or str(one.tag) in {"cite", "d-cite"}) and page.place(one)[0] in sections
    ]
    linked = [
        link
        for link in links
        if link.section in sections and not any(up in marked for up in link.element.iterancestors())
    ]
    if marked or linked:
        return len(marked) + len(linked)
    texts = [block.text for block in page.blocks if block.section in sections and block.zone == "body"]
    return sum(len(_TEXT_MARK.findall(text)) + len(_NAME_AND_YEAR.findall(text)) for text in texts)


_NAME_AND_YEAR = re.compile(
    r"\bet al\.,?\s*\(?(?:19|20)\d\d|\([A-Z][\w'’\-]+(?:\s(?:and|&)\s[A-Z][\w'’\-]+)?,?\s(?:19|20)\d\d[a-z]?\)"
)


def _background(post: Post, profile: Profile, links: list[Link]) -> Iterator[Fault]:
    page = post.page
    part = profile.parts.get(profile.background)
    sections = part_sections(page, part) if part else []
    everywhere = {one.number for one in page.sections}
    if sections:
        numbers = {one.number for section in sections for one in page.tree(section)}
        if not cites_in(page, numbers, links):
            first = sections[0]
            yield Fault(
                message=f'"{first.title}" cites nothing.', place=post.where(heading=first.title, line=first.line)
            )
    elif part is not None and not cites_in(page, everywhere, links):
        yield Fault(message="the post cites nothing.", place=Place(path=post.source.path) if post.source else post.at())


def _unresolved(post: Post) -> Iterator[Fault]:
    page = post.page
    reported: set[str] = set()
    for span in page.main.iter("span"):
        if has_class(span, "citation", "quarto-unresolved-ref"):
            text = visible_text(span)
            strong = span.find("strong")
            match = _UNRESOLVED.match(visible_text(strong)) if strong is not None else None
            key = match.group(1) if match else ""
            if (key and visible_text(strong).rstrip(")").endswith("?")) or has_class(span, "quarto-unresolved-ref"):
                key = key or text
                if key not in reported:
                    reported.add(key)
                    yield Fault(
                        message=f"the citation {key} is in no bibliography.",
                        place=post.where(f"@{key}", key, line=span.sourceline),
                    )
    for block in page.blocks:
        if block.zone == "references":
            continue
        for match in _RAW.finditer(block.text):
            raw = match.group()
            if raw == "??" and not re.search(r"(?:Figure|Table|Section|Equation|Fig\.|Eq\.|\[|\()\s*\?\?", block.text):
                continue
            if raw not in reported:
                reported.add(raw)
                yield Fault(
                    message=f"{raw} was not turned into a citation or a reference.",
                    place=post.where(raw, text=block.text, line=block.line),
                )
    anchors = page.anchors
    for link in citing_links(page):
        if link.href.startswith("#") and link.href[1:] not in anchors and link.href not in reported:
            reported.add(link.href)
            yield Fault(
                message=f'the citation "{link.text or link.href}" leads to {link.href}, which is not on the page.',
                place=post.where(link.href, line=link.line),
            )


def _cited_numbers(page: Page, links: list[Link]) -> set[str]:
    marks = [match.group(1) for link in links for match in [_MARK.match(link.text)] if match]
    texts = [block.text for block in page.blocks if block.zone != "references"] + [one.caption for one in page.floats]
    marks += [mark for text in texts for mark in _TEXT_MARK.findall(text)]
    found: set[str] = set()
    for mark in marks:
        for part in re.split(r"[,;]", mark):
            ends = [int(one) for one in re.findall(r"\d+", part)]
            if len(ends) == 2 and 0 < ends[1] - ends[0] < 50:
                found.update(str(one) for one in range(ends[0], ends[1] + 1))
            found.update(str(one) for one in ends)
    return found


def _ids_around(page: Page, ident: str) -> list[str]:
    elements = page.ids.get(ident, [])
    return [one.get("id") or "" for element in elements for one in element.iter() if isinstance(one.tag, str)]


def _quote(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57].rstrip()}…"


@rule(
    "BK112",
    "bibliography",
    why="An entry that does not parse is dropped or printed wrong, and of two with one key the reader sees only one.",
    fix="Correct the entry on that line; keep one entry for each key.",
)
def bibliography(post: Post, profile: Profile) -> Iterator[Fault]:
    """The bibliography parses: no syntax errors, no duplicate keys."""
    for path, text in _bibliographies(post):
        read = read_bibliography(text)
        for line, sentence in read.problems:
            yield Fault(message=sentence, place=Place(path=path, line=line))
        if text.strip() and not read.keys and not read.problems:
            yield Fault(message="the bibliography holds no entry.", place=Place(path=path))
    if post.source is not None:
        for path in post.source.bibliographies:
            if path.suffix in {".bib", ".bibtex"} and not path.is_file():
                yield Fault(message=f"the bibliography {path.name} is not there.", place=post.entry("bibliography"))


def _bibliographies(post: Post) -> Iterator[tuple[Path, str]]:
    if post.source is not None:
        for path in post.source.bibliographies:
            if path.suffix in {".bib", ".bibtex"} and path.is_file() and is_inside_site(path, post.source.path):
                yield path, path.read_text(encoding="utf-8", errors="replace")
        return
    if post.submission:
        for name in sorted(post.files.names):
            if name.endswith(".bib") and post.files.bytes_of(name) < 5_000_000:
                yield post.file(name).path, post.files.read(name).decode("utf-8", "replace")
