"""Gathers what one page needs into a set of files that stands on its own, the page at its root.

A post lies deep in its site and shares style sheets and scripts with the other posts. Here each file that the page
reaches is taken along, its address rewritten, and what belongs to the site alone is left behind: the navigation, the
search, the way to other posts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lxml import html
from lxml.html import HtmlElement

from blogkit.errors import ProjectError
from blogkit.links import (
    Address,
    Use,
    local_path,
    resolve,
    rewrite_css,
    rewrite_html,
    rewrite_script,
)
from blogkit.page.parse import parse_html

INDEX = "index.html"
RELEASE_MARK = b'<meta name="blogkit:release"'
"""Stands in each published page, so that a later release knows which folder it may replace."""


_LARGE = 25_000_000
"""Bytes of a file that is seldom meant to be published."""


def large_files(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for each file that is large, by name."""
    return tuple(f"{name} is a file of {size / 1e6:.0f} MB." for name, size in sorted(sizes.items()) if size > _LARGE)


@dataclass(frozen=True, kw_only=True)
class Package:
    """Files by name; ``index.html`` is among them."""

    files: Mapping[str, bytes]
    missing: tuple[str, ...] = ()
    """Local addresses that lead to no file, as written."""
    cut: tuple[str, ...] = ()
    """Links to other pages of the site that were made plain text."""

    @property
    def bytes(self) -> int:
        """All files together, unpacked."""
        return sum(map(len, self.files.values()))


@dataclass(kw_only=True)
class _Packer:
    """One page being packed: which file gets which name, and what is still to be read."""

    root: Path
    folder: str
    """The page's folder, from the root; empty for a page at the root."""
    page: str
    pages: frozenset[str]
    """The site's pages, which do not travel with this one."""
    held: frozenset[str] | None
    """The files of the site; None where all that lie there are."""
    names: dict[str, str] = field(default_factory=dict)
    """Place in the site -> name in the package."""
    files: dict[str, bytes] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    missing: dict[str, None] = field(default_factory=dict)
    cut: dict[str, None] = field(default_factory=dict)

    def there(self, place: str) -> bool:
        """Whether the site has this file, and it does not lead out of the site by a link."""
        if self.held is not None and place not in self.held:
            return False
        path = self.root / place
        return path.is_file() and path.resolve().is_relative_to(self.root.resolve())

    def name_of(self, place: str) -> str:
        """The name that a file of the site gets in the package; it is packed from now on."""
        if place in self.names:
            return self.names[place]
        inside = f"{self.folder}/" if self.folder else ""
        name = place.removeprefix(inside) if place.startswith(inside) else place
        taken = set(self.names.values()) | {INDEX}
        while name in taken or any(other.lower() == name.lower() for other in taken):
            name = f"site/{name}"
        self.names[place] = name
        self.queue.append(place)
        return name

    def rewrite(self, holder: str, address: Address) -> str | None:
        """The new text of an address found in a file of the site; None leaves it alone."""
        path = local_path(address.url)
        if not path:
            return None
        target = resolve(holder, path)
        if target is None:
            self.missing.setdefault(path)
            return None
        if target in self.pages or (address.use is Use.FOLLOW and _is_page(path)):
            return None  # links to pages are cut elsewhere
        if not self.there(target):
            if address.use is not Use.MODULE:
                self.missing.setdefault(path)
            return None
        name = self.name_of(target)
        start = posixpath.dirname(self.names.get(holder, INDEX))
        new = posixpath.relpath(name, start or ".")
        rest = re.search(r"[?#].*$", address.url)
        return _quoted(new) + (rest.group() if rest else "")


def pack(page: Path, root: Path, pages: frozenset[Path] = frozenset(), held: frozenset[str] | None = None) -> Package:
    """The page at ``page`` of the site rendered in ``root`` with all that it needs.

    ``pages`` are the site's other pages: links to them become plain text. ``held`` are the names of the site's files,
    all that lie in the folder where it is None. Raises ProjectError when the page is missing.
    """
    if not page.is_file():
        raise ProjectError("is not rendered yet.", hint="`blogkit render` makes it.", path=page)
    place = page.relative_to(root).as_posix()
    packer = _Packer(
        root=root,
        folder=posixpath.dirname(place),
        page=place,
        pages=frozenset(other.relative_to(root).as_posix() for other in pages if other.is_relative_to(root)),
        held=held,
    )
    packer.names[place] = INDEX
    document = parse_html(page.read_bytes())
    _leave_the_site(document)
    _cut_links(document, packer)
    rewrite_html(document, lambda address: packer.rewrite(place, address))
    _rewrite_what_scripts_name(document, packer)
    _mark(document)
    packer.files[INDEX] = _page_bytes(document)
    while packer.queue:
        _pack_file(packer, packer.queue.pop(0))
    return Package(
        files=dict(sorted(packer.files.items(), key=lambda item: (item[0] != INDEX, item[0]))),
        missing=tuple(packer.missing),
        cut=tuple(packer.cut),
    )


_LICENCES = ("LICENSE", "LICENSE.txt", "LICENSES.txt", "LICENCE", "OFL.txt", "COPYING", "NOTICE")
"""What a font, script or picture may only be passed on with: it travels with what it lies beside."""


def _pack_file(packer: _Packer, place: str) -> None:
    """One file, with the addresses in it rewritten, and those that it reaches put on the list."""
    data = (packer.root / place).read_bytes()
    for name in _LICENCES:
        if packer.there(beside := posixpath.join(posixpath.dirname(place), name)):
            packer.name_of(beside)
    ending = posixpath.splitext(place)[1].lower()
    if ending == ".css":
        text = data.decode("utf-8", "surrogateescape")
        text = rewrite_css(text, lambda address: packer.rewrite(place, address))
        data = text.encode("utf-8", "surrogateescape")
    elif ending in {".js", ".mjs"}:
        text = data.decode("utf-8", "surrogateescape")
        rewrite_script(text, lambda address: _note(packer, place, address), module=True, library=True)
        _note_strings(packer, place, text)
    elif ending in {".html", ".htm"} and place not in packer.pages:
        inner = parse_html(data)
        rewrite_html(inner, lambda address: packer.rewrite(place, address))
        data = _page_bytes(inner)
    packer.files[packer.names[place]] = data


def _note(packer: _Packer, place: str, address: Address) -> None:
    """A script's own address is not rewritten: scripts keep their places to each other."""
    path = local_path(address.url)
    target = resolve(place, path) if path else None
    if target and packer.there(target) and target not in packer.pages:
        packer.name_of(target)


NAMED_FILE = re.compile(r"""(["'`])((?:\.{0,2}/)?[\w@.\-][\w@.\-/]*\.(?:js|mjs|css|json|woff2?|svg|png|wasm))\1""")
"""A script's string that may name a file: group 2."""


def _note_strings(packer: _Packer, place: str, text: str) -> None:
    """A file that a script names beside itself is one that it may load later, such as a runtime that wakes a chart."""
    for match in NAMED_FILE.finditer(text):
        target = resolve(place, match.group(2))
        if target and target != place and packer.there(target) and target not in packer.pages:
            packer.name_of(target)


def _rewrite_what_scripts_name(document: HtmlElement, packer: _Packer) -> None:
    """Files that the page's data attributes and inline scripts name: what a script loads on demand."""
    for element in document.iter():
        if not isinstance(element.tag, str):
            continue
        for name, value in list(element.attrib.items()):
            if str(name).startswith("data-") and re.fullmatch(r"[\w@.\-/%]+\.\w{1,5}", str(value)):
                new = _known_name(packer, str(value))
                if new:
                    element.set(name, new)
        inline = element.tag == "script" and not element.get("src") and "json" not in (element.get("type") or "")
        if inline and element.text:
            element.text = NAMED_FILE.sub(lambda match: _renamed(packer, match), element.text)


def _renamed(packer: _Packer, match: re.Match[str]) -> str:
    quote, name = match.group(1), match.group(2)
    return f"{quote}{_known_name(packer, name) or name}{quote}"


def _known_name(packer: _Packer, text: str) -> str | None:
    target = resolve(packer.page, local_path(text))
    if not target or target in packer.pages or target in packer.names.values() or not packer.there(target):
        return None
    return packer.name_of(target)


_FURNITURE = (
    "//header[@id='quarto-header']",
    "//*[@id='quarto-sidebar' or @id='quarto-sidebar-glass']",
    "//*[@id='quarto-search' or @id='quarto-search-results' or @id='quarto-search-options']",
    "//nav[contains(concat(' ', normalize-space(@class), ' '), ' page-navigation ')]",
    "//nav[contains(concat(' ', normalize-space(@class), ' '), ' quarto-secondary-nav ')]",
    "//nav[contains(concat(' ', normalize-space(@class), ' '), ' navbar ')]",
    "//*[@data-site-only]",
    "//head/link[@rel='prev' or @rel='next' or @rel='canonical' or @rel='search' or @rel='alternate' or @rel='up']",
    "//head/meta[starts-with(@name, 'quarto:')]",
    "//script[contains(@src, 'quarto-search') or contains(@src, 'quarto-nav')]",
)


def _leave_the_site(document: HtmlElement) -> None:
    """Takes away what only makes sense among the site's other pages."""
    for path in _FURNITURE:
        found = document.xpath(path)
        for element in found if isinstance(found, list) else []:
            assert isinstance(element, html.HtmlElement)
            element.drop_tree()
    body = document.find("body")
    if body is not None and body.get("class"):
        site_only = {"nav-fixed", "nav-sidebar", "docked"}
        kept = [name for name in (body.get("class") or "").split() if name not in site_only]
        body.set("class", " ".join(kept))
        if not kept:
            del body.attrib["class"]


def _cut_links(document: HtmlElement, packer: _Packer) -> None:
    """A link to another page of the site becomes its words; a link to this page becomes a place on it."""
    for element in list(document.iter("a", "area")):
        href = element.get("href")
        path = local_path(href or "")
        if not href or not path:
            continue
        target = resolve(packer.page, path)
        if target is not None and (packer.root / target).is_dir():
            target = posixpath.join(target, INDEX) if target else INDEX
        fragment = href.partition("#")[2]
        if target == packer.page:
            element.set("href", f"#{fragment}" if fragment else "#")
        elif target is None or target in packer.pages or (_is_page(path) and not _is_own_page(packer, target)):
            packer.cut.setdefault(href)
            if element.tag == "a" and not element.get("id"):
                element.drop_tag()
            else:
                del element.attrib["href"]


def _is_own_page(packer: _Packer, target: str) -> bool:
    """A page of the post's own folder, such as an embedded demonstration, travels with it."""
    inside = f"{packer.folder}/" if packer.folder else ""
    return bool(inside) and target.startswith(inside) and packer.there(target)


def _is_page(path: str) -> bool:
    return path.endswith(("/", ".html", ".htm", ".xml", ".qmd")) or "." not in posixpath.basename(path)


def _quoted(path: str) -> str:
    """A path as an address: what would end it or begin something else is escaped."""
    return "".join(f"%{ord(sign):02X}" if sign in " \"'()<>#?%&" else sign for sign in path)


def _mark(document: HtmlElement) -> None:
    from blogkit import __version__

    head = document.find("head")
    if head is not None:
        mark = html.Element("meta", {"name": "blogkit:release", "content": __version__})
        mark.tail = "\n"
        head.append(mark)


def _page_bytes(document: HtmlElement) -> bytes:
    """The page as bytes, always the same for the same tree."""
    text = html.tostring(document, encoding="unicode", doctype="<!DOCTYPE html>")
    return text.encode("utf-8")
