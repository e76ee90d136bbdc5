"""What in a rendered post tells who wrote it.

What readers see is never rewritten: a leak in the text, a link, an alt text or a chart's data is reported with its file
and place, and the author fixes it or waives it. What nobody reads (metadata of the page and of pictures, comments in
the HTML) is taken out of the anonymised build by :mod:`blogkit.review.anonymise`, and reported as fixed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from blogkit.errors import NotebookError
from blogkit.notebook import read_notebook
from blogkit.page.seen import all_text, visible_text
from blogkit.review.roster import Person
from blogkit.store import parse_json


@dataclass(frozen=True, kw_only=True)
class Leak:
    """One thing that tells who wrote a post."""

    kind: str
    """``name``, ``e-mail``, ``link``, ``path``, ``login``, ``initials``, ``metadata``."""
    what: str
    """The words that tell."""
    place: str
    """Where in the page, in words: ``text, section “Methods”``."""
    path: Path | None = None
    line: int | None = None
    fixed: bool = False
    """Whether the anonymised build is without it."""
    waived: str = ""
    """The reason, when somebody looked and let it stand."""

    @property
    def id(self) -> str:
        """The same for the same words in the same kind of place, so that a waiver holds over revisions."""
        return hashlib.sha256(f"{self.kind}\n{self.what}".encode()).hexdigest()[:8]

    @property
    def is_open(self) -> bool:
        return not self.fixed and not self.waived


KNOWN_OWNERS = frozenset(
    {"altair-viz", "apple", "deepmind", "facebook", "facebookresearch", "google", "google-deepmind", "google-research"}
    | {"huggingface", "jax-ml", "keras-team", "lucidrains", "matplotlib", "microsoft", "mit-han-lab", "numpy", "nvidia"}
    | {"nvlabs", "openai", "pallets", "pandas-dev", "pydata", "pymc-devs", "pyro-ppl", "python", "pytorch", "timm"}
    | {"quarto-dev", "rwightman", "scikit-learn", "scipy", "stanford-crfm", "tensorflow", "vega", "wandb"}
)
_GENERIC_USERS = frozenset(
    {"user", "username", "users", "jovyan", "runner", "student", "students", "root", "ubuntu", "you", "me", "name"}
    | {"shared", "public", "admin", "vscode", "work", "project", "projects", "data", "lib", "linuxbrew", "yourname"}
)
_GENERIC_HOSTS = ("example.com", "example.org", "example.net", "localhost", "noreply.github.com")
# Every repetition that another may follow has an end: a text may come from somebody who wants the search to last.
_EMAIL = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[a-zA-Z]{2,}")
_HIDDEN_EMAIL = re.compile(
    r"\b[\w.+-]{1,64}\s{0,20}(?:\[at\]|\(at\)|\{at\}|\sat\s)\s{0,20}[\w-]{1,63}"
    r"(?:\s{0,20}(?:\[dot\]|\(dot\)|\{dot\}|\sdot\s|\.)\s{0,20}[a-z]{2,}){1,3}\b",
    re.I,
)
_HOME = re.compile(
    r"(?:/home/|/Users/|/scratch/|/nfs/|/afs/[^\s\"']{0,200}?/user/(?:\w/\w/)?|[A-Za-z]:\\+Users\\+)([^/\\\s\"'<>:]+)"
)
_LOGIN = re.compile(r"(?<![\w.])[a-z][\w-]{1,30}@[a-zA-Z][\w.-]{1,60}:[~/][^\s]*")
_REPOSITORY = re.compile(
    r"(?:github\.com|gitlab\.com|bitbucket\.org|huggingface\.co|hf\.co|kaggle\.com|gist\.github\.com|wandb\.ai"
    r"|raw\.githubusercontent\.com|codeberg\.org|gitlab\.[\w.-]+|github\.mit\.edu|github\.[\w-]+\.edu)/([\w.~-]+)(?:/([\w.-]+))?",
    re.I,
)
_PROFILE = re.compile(
    r"(?:linkedin\.com/in/|orcid\.org/\d|scholar\.google\.[\w.]+/citations\?[^\s]*user=|(?:twitter|x)\.com/\w+/?$"
    r"|(?:bsky\.app/profile|t\.me|medium\.com/@|instagram\.com|facebook\.com|youtube\.com/@|mastodon\.[\w.]+/@)"
    r"|drive\.google\.com/|docs\.google\.com/|colab\.research\.google\.com/drive|dropbox\.com/|overleaf\.com/(?:read|project)"
    r"|notion\.so/|/~[a-z][\w-]+)",
    re.I,
)
_PAGES = re.compile(r"^([\w-]+)\.(?:github|gitlab)\.io$", re.I)
_NOT_OWNERS = frozenset(
    {"features", "about", "topics", "orgs", "datasets", "models", "spaces", "docs", "papers", "competitions", "code"}
    | {"blog", "learn", "search", "sponsors", "marketplace", "site", "explore", "login", "join", "c"}
)


def fold(text: str) -> str:
    """Lower case without accents, for comparing names; as long as the text, so that places stay."""
    if text.isascii():
        return text.lower()
    return "".join(map(_fold_one, text))


@lru_cache(maxsize=4096)
def _fold_one(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).casefold()
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    return plain if len(plain) == 1 else (character.lower() if len(character.lower()) == 1 else "?")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How a class can be recognised in text."""

    names: re.Pattern[str] | None
    """Full names in every order and with initials, and addresses' local parts; over folded text."""
    handles: re.Pattern[str] | None
    """Names as they look in links and paths: ``ada-lovelace``, ``alovelace``."""
    initials: re.Pattern[str] | None
    """Of the post's own authors."""


def identity_of(people: Iterable[Person], authors: Iterable[Person] = ()) -> Identity:
    """What to look for: the whole roster's names, and the authors' initials."""
    names: list[str] = []
    handles: list[str] = []
    for person in people:
        words = [re.escape(word) for word in re.findall(r"[\w'’-]+", fold(person.name))]
        local = re.escape(fold(person.email.split("@")[0]))
        if len(local) >= 5:
            names.append(local)
            handles.append(local)
        if len(words) < 2:
            continue
        first, last, gap = words[0], words[-1], r"[\s\u00a0._-]{1,24}"
        middle = rf"(?:{gap}\w[\w.'’-]{{0,29}}){{0,{2 if len(words) == 2 else min(len(words), 4)}}}?"
        names += [
            rf"{first}{middle}{gap}{last}",
            rf"{last},\s{{0,40}}{first}",
            rf"{last}{gap}{first}",
            rf"{first[0]}\.\s{{0,40}}(?:\w\.\s{{0,40}})?{last}",
            rf"{last},\s{{0,40}}{first[0]}\.",
        ]
        if len(last) >= 3:
            handles += [
                rf"{first}[._-]?{last}",
                rf"{last}[._-]?{first}",
                rf"{first[0]}[._-]?{last}",
                rf"{first}[._-]?{last[0]}\d+",
            ]
    initials: list[str] = []
    for person in authors:
        words = re.findall(r"[\w'’-]+", person.name)
        if len(words) >= 2:
            initials.append(r"\.?\s?".join(re.escape(word[0].upper()) for word in words) + r"\.?")
    return Identity(names=_any_pattern(names), handles=_any_pattern(handles), initials=_any_pattern(initials))


def _any_pattern(patterns: Sequence[str]) -> re.Pattern[str] | None:
    unique = sorted(set(patterns), key=lambda one: (-len(one), one))
    return re.compile(rf"(?<![\w])(?:{'|'.join(unique)})(?![\w])") if unique else None


# --- in text --------------------------------------------------------------------------------------------------------


def leaks_in_text(text: str, identity: Identity, place: str, *, names: bool = True) -> Iterator[Leak]:
    """What a piece of text tells; ``names=False`` where names of people are expected, as among references."""
    if identity.names is not None and names:
        for match in identity.names.finditer(fold(text)):
            yield Leak(kind="name", what=text[match.start() : match.end()], place=place)
    for pattern in (_EMAIL, _HIDDEN_EMAIL):
        for match in pattern.finditer(text):
            if match.group().lower().endswith(_GENERIC_HOSTS) or _is_prose(match.group(), pattern):
                continue
            yield Leak(kind="e-mail", what=match.group(), place=place)
    for match in _LOGIN.finditer(text):
        if match.group().split("@")[0] not in _GENERIC_USERS | {"git"}:
            yield Leak(kind="login", what=match.group(), place=place)
    for match in _HOME.finditer(text):
        if fold(match.group(1)) not in _GENERIC_USERS and not re.match(r"[$<{%*.]", match.group(1)):
            yield Leak(kind="path", what=match.group(), place=place)
    if identity.handles is not None:
        for match in re.finditer(r"(?:[\w.-]{1,80}[/\\])+[\w.-]+|git@[\w./:-]+|@[\w-]{4,}", text):
            if identity.handles.search(fold(match.group()).replace("_", "-")) and not _HOME.search(match.group()):
                yield Leak(kind="name", what=match.group(), place=place)


def _is_prose(found: str, pattern: re.Pattern[str]) -> bool:
    """Whether what looks like a hidden address is only a sentence: ``evaluated at epoch.and`` has no final domain."""
    if pattern is _EMAIL:
        return False
    bracketed = re.search(r"[\[({](?:at|dot)[\])}]", found, re.I)
    return not bracketed and not re.search(
        r"(?:\sdot\s\s*|\.)(?:edu|com|org|net|io|ac|uk|de|ch|fr|cn|in)$", found, re.I
    )


def leak_in_link(address: str, identity: Identity, *, place: str, cited: bool) -> Leak | None:
    """What a link tells: a mail address, a profile, a repository that is not a well-known one's."""
    address = unquote(address.strip())
    if address.startswith("mailto:"):
        return Leak(kind="e-mail", what=address, place=place)
    folded = fold(address)
    if identity.handles is not None and identity.handles.search(folded.replace("_", "-")):
        return Leak(kind="link", what=address, place=place)
    if cited or not re.match(r"(?:https?:)?//|git@", address):
        return None
    if _PROFILE.search(address):
        return Leak(kind="link", what=address, place=place)
    host = urlsplit(address).hostname or ""
    pages = _PAGES.match(host)
    if (pages and fold(pages[1]) in KNOWN_OWNERS) or (match := _REPOSITORY.search(address)) is None:
        return None
    owner = fold(match[1])
    if owner in KNOWN_OWNERS | _NOT_OWNERS:
        return None
    if "huggingface" in host and match[2] is None:  # a model of the hub's own, such as huggingface.co/gpt2
        return None
    return Leak(kind="link", what=address, place=place)


def leaks_in_json(node: Any, identity: Identity, place: str, depth: int = 0) -> Iterator[Leak]:
    """What the strings of a chart's data or of a notebook's metadata tell, keys included."""
    if depth > 30:
        return
    if isinstance(node, str):
        yield from leaks_in_text(node, identity, place)
        if re.match(r"https?://", node) and (leak := leak_in_link(node, identity, place=place, cited=False)):
            yield leak
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from leaks_in_json(str(key), identity, place, depth + 1)
            yield from leaks_in_json(value, identity, f"{place}, {key}" if depth < 2 else place, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from leaks_in_json(value, identity, place, depth + 1)


# --- in a page ------------------------------------------------------------------------------------------------------

_ATTRIBUTES = ("alt", "title", "aria-label", "aria-description", "content", "value", "placeholder", "cite", "datetime")
_REFERENCES = "//*[@id='refs' or contains(@class, 'csl-entry') or contains(@class, 'citation')]/descendant-or-self::*"


def find_leaks(document: HtmlElement, identity: Identity, *, path: Path | None = None) -> tuple[Leak, ...]:
    """Every leak of a page, each once, in the page's order. ``path`` is the file to name."""
    leaks: dict[tuple[str, str], Leak] = {}
    for leak in _page_leaks(document, identity):
        leaks.setdefault((leak.kind, leak.what), replace(leak, path=path))
    return tuple(leaks.values())


def _page_leaks(document: HtmlElement, identity: Identity) -> Iterator[Leak]:
    references = set(document.xpath(_REFERENCES))
    for element in document.iter():
        if not isinstance(element.tag, str):
            yield from leaks_in_text(element.text or "", identity, "a comment in the HTML")
            continue
        cited = element in references
        place = _element_place(element)
        if element.tag in {"script", "style"}:
            yield from _script_leaks(element, identity, place)
            continue
        for name, value in element.attrib.items():
            if name in _ATTRIBUTES or str(name).startswith("data-"):
                what = f"{name} of <{element.tag}>, {place}"
                yield from leaks_in_text(str(value), identity, what, names=not cited)
            if name in {"id", "name", "class"} and identity.handles is not None:
                words = identity.handles.search(fold(str(value)).replace("_", "-"))
                if words is not None and not cited:
                    yield Leak(kind="name", what=words.group(), place=f"{name} of <{element.tag}>, {place}")
            if name in {"src", "poster", "href"} and str(value).startswith("data:image/svg"):
                drawing = f"the words of a picture, {place}"
                yield from leaks_in_text(_words_of_drawing(str(value)), identity, drawing, names=not cited)
            if name in {"href", "src", "action", "data-src", "poster"} and not str(value).startswith("data:"):
                leak = leak_in_link(str(value), identity, place=f"a link, {place}", cited=cited or _is_cited(element))
                if leak is not None:
                    yield leak
    yield from _text_leaks(document, identity, references)


def _words_of_drawing(address: str) -> str:
    """What an SVG picture at a ``data:`` address says: its texts, its title and its description."""
    head, _, body = address.partition(",")
    try:
        data = base64.b64decode(body) if head.endswith("base64") else unquote(body).encode()
        parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, remove_comments=True)
        root = etree.fromstring(data, parser)
    except (ValueError, etree.XMLSyntaxError):
        return ""
    return re.sub(r"\s+", " ", " ".join(map(str, root.itertext()))) if root is not None else ""


def _text_leaks(document: HtmlElement, identity: Identity, references: set[HtmlElement]) -> Iterator[Leak]:
    """Leaks in visible text, read block by block so that a name split over two elements is still one."""
    body = document.xpath("//body")
    for block in _leaf_blocks(body[0] if body else document):
        cited = block in references
        text = all_text(block)
        place = f"text, {_element_place(block)}"
        yield from leaks_in_text(text, identity, place, names=not cited)
        if identity.initials is not None and re.search(
            r"contribut|author|acknowledg|thank", _heading_and_words(block), re.I
        ):
            for match in identity.initials.finditer(text):
                yield Leak(kind="initials", what=match.group(), place=place)
    titles = document.xpath("//head/title")
    for title in titles:
        yield from leaks_in_text(title.text or "", identity, "the page's title")


def _leaf_blocks(root: HtmlElement) -> Iterator[HtmlElement]:
    """The smallest elements that hold whole sentences: blocks, or stray text in wrappers."""
    whole = {"p", "li", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "figcaption", "caption", "pre", "dt", "dd"}
    whole |= {"summary", "title", "desc", "text", "blockquote"}
    stack = [root]
    while stack:
        element = stack.pop()
        if not isinstance(element.tag, str) or element.tag in {"script", "style"}:
            continue
        nested = element.tag in {"li", "td", "blockquote", "dd", "th"} and element.xpath(".//p|.//li|.//table")
        has_text = bool((element.text or "").strip() or any((child.tail or "").strip() for child in element))
        if (element.tag in whole and not nested) or (has_text and not element.xpath(".//p|.//li|.//section|.//pre")):
            yield element
        else:
            if has_text:
                yield element
            stack += reversed(list(element))


def _script_leaks(element: HtmlElement, identity: Identity, place: str) -> Iterator[Leak]:
    text = str(element.text or "")
    if "json" in (element.get("type") or ""):
        try:
            yield from leaks_in_json(parse_json(text), identity, f"data of a chart, {place}")
        except (ValueError, RecursionError):
            pass
        else:
            return
    yield from leaks_in_text(text, identity, f"a <{element.tag!s}>, {place}")


def _is_cited(element: HtmlElement) -> bool:
    """Whether a link stands right beside a citation: somebody else's work."""
    parent = element.getparent()
    if parent is None:
        return False
    after = element.getnext()
    near = after is not None and not (element.tail or "").strip(" (") and "citation" in str(after.get("class") or "")
    return bool(near)


def _heading_and_words(block: HtmlElement) -> str:
    """The heading above a block, and its own first words."""
    heading = block.xpath("(ancestor::section | ancestor::div)/*[self::h1 or self::h2 or self::h3][1]")
    return " ".join([*map(visible_text, heading[-1:]), all_text(block)[:80]])


def _element_place(element: HtmlElement) -> str:
    """Where an element stands, as its author would say it."""
    for owner in (element, *element.iterancestors()):
        name = owner.get("id") or ""
        if re.match(r"(fig|tbl|eq|lst)-", name):
            return f"#{name}"
        if owner.tag == "section":
            heading = owner.xpath("./*[self::h1 or self::h2 or self::h3 or self::h4][1]")
            words = " ".join(map(visible_text, heading))
            return f"section “{words}”" if words else f"#{name}"
        if owner.tag in {"header", "footer", "nav", "head"}:
            return {"header": "the title block", "footer": "the footer", "nav": "the navigation", "head": "the head"}[
                owner.tag
            ]
    return "the page"


def leaks_in_notebook(path: Path, identity: Identity) -> Iterator[Leak]:
    """What a notebook's metadata and tracebacks tell: its outputs reach the page, its metadata reaches downloads."""
    try:
        document = read_notebook(path)
    except NotebookError:
        return
    metadata = document.get("metadata") or {}
    for name in ("authors", "author"):
        if metadata.get(name):
            yield Leak(kind="metadata", what=f"{name}: {json.dumps(metadata[name])[:120]}", place="metadata", path=path)
    for leak in leaks_in_json(metadata, identity, "notebook metadata"):
        yield replace(leak, path=path)
    for number, cell in enumerate(document.get("cells", []), start=1):
        for output in cell.get("outputs", []):
            if output.get("output_type") == "error":
                text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(map(str, output.get("traceback", []))))
                for leak in leaks_in_text(text, identity, f"traceback of cell {number}"):
                    yield replace(leak, path=path)


def with_lines(leaks: Iterable[Leak], source: Path) -> tuple[Leak, ...]:
    """The same leaks, each with the line of the post's source where its words stand, wherever they do."""
    try:
        rows = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return tuple(leaks)
    found = []
    for leak in leaks:
        words = leak.what.removeprefix("mailto:")
        line = next((number for number, row in enumerate(rows, start=1) if words in row), None)
        found.append(replace(leak, path=source, line=line) if line else leak)
    return tuple(found)
