"""What a page reaches: every address in its HTML, its style sheets, its drawings and its scripts.

Two stages ask the same question. Checking wants to know which addresses lead to the network or to nothing; publishing
takes along exactly the files that the others lead to. A script's addresses are only those that can be read from it as
strings: what it computes shows in a browser alone.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from urllib.parse import unquote, urlsplit

from lxml.html import HtmlElement

from blogkit.css import CssAddress, rewrite_css_addresses
from blogkit.page.parse import parse_html


class Use(StrEnum):
    """What a browser does with an address."""

    LOAD = "load"
    """Fetched to show the page."""
    FOLLOW = "follow"
    """A link: opened when the reader asks for it."""
    MODULE = "module"
    """A module script or a fetch: works on a server, and is blocked when the page is opened by double click."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """One address as it is written somewhere."""

    url: str
    use: Use
    where: str
    """In words: ``<script src>``, ``CSS url()``."""
    line: int | None = None
    """In the file that holds it, counted from 1."""

    @property
    def remote(self) -> bool:
        """Whether it leads to another machine."""
        return is_remote(self.url)

    @property
    def path(self) -> str:
        """The local file it names, as written but unquoted; empty for a remote address or a place on the page."""
        return local_path(self.url)


_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")
_WHITE = re.compile(r"[\t\n\r]")


def is_remote(url: str) -> bool:
    """Whether a browser would open a connection for this address."""
    clean = _WHITE.sub("", url.strip()).lower().replace("\\", "/")
    return clean.startswith(("http:", "https:", "ftp:", "ws:", "wss:", "//"))


def local_path(url: str) -> str:
    """The path of a local address, without query and fragment and with its escapes undone; empty when it has none."""
    clean = _WHITE.sub("", url.strip())
    if (
        not clean
        or clean.startswith(("#", "?"))
        or is_remote(clean)
        or (_SCHEME.match(clean) and not clean.lower().startswith("file:"))
    ):
        return ""
    try:
        parts = urlsplit(clean)
    except ValueError:
        return ""
    return unquote(parts.path)


def resolve(base: str, path: str) -> str | None:
    """``path`` as written in the file ``base``, from the root of both (POSIX, no leading slash).

    None when it climbs out of the root. A path that begins with a slash leads to the disk's root over ``file://``,
    and so out of any zip.
    """
    if path.startswith("/") or "\\" in path or re.match(r"^[a-zA-Z]:", path):
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
    if joined == ".." or joined.startswith("../"):
        return None
    return "" if joined == "." else joined


# --- HTML -----------------------------------------------------------------------------------------------------------

_LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("source", "src"),
    ("video", "src"),
    ("video", "poster"),
    ("audio", "src"),
    ("track", "src"),
    ("iframe", "src"),
    ("frame", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("input", "src"),
    ("image", "href"),
    ("image", "xlink:href"),
    ("use", "href"),
    ("use", "xlink:href"),
    ("feimage", "href"),
    ("feimage", "xlink:href"),
    ("body", "background"),
    ("table", "background"),
    ("td", "background"),
    ("th", "background"),
    ("applet", "archive"),
}
_LOADED_LINKS = {
    "stylesheet",
    "icon",
    "apple-touch-icon",
    "mask-icon",
    "preload",
    "modulepreload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "prerender",
    "manifest",
}
_FOLLOWED = {("a", "href"), ("area", "href"), ("form", "action"), ("blockquote", "cite")}
_SCRIPTS = {"", "text/javascript", "application/javascript", "module", "text/ecmascript", "application/ecmascript"}

Replace = Callable[[Address], str | None]
"""Gives the new text of an address, or None to leave it as it is."""


def html_addresses(document: HtmlElement) -> Iterator[Address]:
    """Every address of a page, in the order of the page."""
    found: list[Address] = []

    def keep(address: Address) -> None:
        found.append(address)

    for element in document.iter():
        if isinstance(element.tag, str):
            _visit(element, keep)
    yield from found


def rewrite_html(document: HtmlElement, replace: Replace) -> None:
    """Changes the addresses of a page in place."""
    for element in list(document.iter()):
        if isinstance(element.tag, str):
            _visit(element, replace)


def _visit(element: HtmlElement, ask: Replace) -> None:
    """Puts each address of one element to ``ask``, and writes back what it gives."""
    tag = str(element.tag).lower().rsplit("}", 1)[-1]
    line = element.sourceline
    for name, value in element.items():
        attribute = "xlink:href" if str(name).endswith("}href") else str(name).lower()
        if attribute not in _ASKED and not attribute.startswith("on"):
            continue
        new = _attribute(element, tag, attribute, str(value), line, ask)
        if new is not None and new != value:
            element.set(name, new)
    if tag == "style" and element.text:
        element.text = rewrite_css(element.text, ask, line=line)
    if tag == "script" and element.text and not element.get("src"):
        kind = (element.get("type") or "").split(";")[0].strip().lower()
        if kind in _SCRIPTS:
            element.text = rewrite_script(element.text, ask, line=line, module=kind == "module")
        elif kind == "importmap":
            element.text = _rewrite_import_map(element.text, ask, line=line)
        elif "json" in kind and kind != "application/ld+json":
            element.text = _rewrite_json(element.text, ask, line=line)


def _attribute(element: HtmlElement, tag: str, name: str, value: str, line: int | None, ask: Replace) -> str | None:
    where = f"<{tag} {name}>"
    if name == "style" or (name in _DRAWN_WITH and ("url(" in value.lower() or "\\" in value)):
        return rewrite_css(value, ask, line=line)
    if name.startswith("on") or (name in {"href", "src", "action"} and value.strip().lower().startswith("javascript:")):
        return rewrite_script(value, ask, line=line)
    if name in _SETS:
        return _rewrite_set(value, lambda url: ask(Address(url=url, use=Use.LOAD, where=where, line=line)))
    if name == "srcdoc":
        from blogkit.page.foreign import parse_foreign

        for address in html_addresses(parse_foreign(value.encode())):
            ask(Address(url=address.url, use=address.use, where=f"<{tag} srcdoc>", line=line))
        return None
    if tag == "link" and name == "href":
        rels = set((element.get("rel") or "").lower().split())
        if rels & _LOADED_LINKS:
            where = f"<link rel={next(iter(sorted(rels & _LOADED_LINKS)))}>"
            return ask(Address(url=value, use=Use.LOAD, where=where, line=line))
        return None
    if tag == "base" and name == "href":
        return ask(Address(url=value, use=Use.LOAD, where=where, line=line)) if is_remote(value) else None
    if tag == "meta" and name == "content" and (element.get("http-equiv") or "").lower() == "refresh":
        match = re.search(r"url\s*=\s*['\"]?([^'\"]+)", value, re.IGNORECASE)
        if match:
            ask(Address(url=match.group(1), use=Use.LOAD, where="<meta refresh>", line=line))
        return None
    if (tag, name) in _LOADED:
        if tag == "script" and (element.get("type") or "").strip().lower() == "module" and not is_remote(value):
            return ask(Address(url=value, use=Use.MODULE, where="<script type=module src>", line=line))
        if tag == "use" and value.startswith("#"):
            return None
        return ask(Address(url=value, use=Use.LOAD, where=where, line=line)) if value.strip() else None
    if (tag, name) in _FOLLOWED or (name in {"href", "xlink:href"} and tag == "a"):
        return ask(Address(url=value, use=Use.FOLLOW, where=where, line=line))
    if name in _DATA_LOADED and (is_remote(value) or _FILE_NAME.fullmatch(value.strip())):
        return ask(Address(url=value, use=Use.LOAD, where=where, line=line))
    return None


def _rewrite_set(value: str, ask: Callable[[str], str | None]) -> str:
    """A ``srcset`` with other addresses; an address may hold commas, one at its end stands between two."""

    def change(match: re.Match[str]) -> str:
        url = match.group("url").rstrip(",")
        new = ask(url) if url else None
        return match.group() if new is None else match.group().replace(url, new, 1)

    return _SET_ENTRY.sub(change, value)


_SET_ENTRY = re.compile(r"(?P<url>[^\s,]\S*)(?:(?<!,)\s+[^,]*)?")
_SETS = {"srcset", "imagesrcset", "data-srcset", "data-lazy-srcset"}
_DRAWN_WITH = {"fill", "stroke", "filter", "mask", "clip-path", "cursor", "marker-start", "marker-mid", "marker-end"}
"""Attributes of a drawing that may name what they are drawn with."""
_FILE_NAME = re.compile(r"[^\s<>{}|\"'`]+\.[A-Za-z0-9]{1,5}(?:[?#][^\s]*)?")
_DATA_LOADED = {
    "data-src", "data-lazy-src", "data-original", "data-background", "data-background-image", "data-bg", "data-poster",
    "data-runtime", "data-script",
}  # fmt: skip
"""Where scripts that load late keep what they will load."""
_ASKED = frozenset({
    "style", "href", "xlink:href", "src", "action", "srcdoc", "content", *_SETS, *_DRAWN_WITH, *_DATA_LOADED,
    *(name for _, name in _LOADED | _FOLLOWED),
})  # fmt: skip
"""The attributes that may hold an address, beside those that hold a script (``on…``)."""


# --- CSS ------------------------------------------------------------------------------------------------------------


def css_addresses(text: str, line: int | None = 1) -> Iterator[Address]:
    """Every address of a style sheet."""
    found: list[Address] = []

    def keep(address: Address) -> None:
        found.append(address)

    rewrite_css(text, keep, line=line)
    yield from found


def rewrite_css(text: str, replace: Replace, line: int | None = 1) -> str:
    """The style sheet with other addresses; everything else in it stays as it is."""

    def change(found: CssAddress) -> str | None:
        where = "CSS @import" if found.imported else "CSS url()"
        place = line + found.line - 1 if line else None
        return replace(Address(url=found.url, use=Use.LOAD, where=where, line=place))

    return rewrite_css_addresses(text, change)


# --- scripts and data -----------------------------------------------------------------------------------------------

_STRING = r"""(?P<q>["'`])(?P<url>(?:\\.|(?!(?P=q))[^\\\n])*)(?P=q)"""
_CALLS = re.compile(
    r"(?P<call>\bfetch\s*\(\s*|\bimport\s*\(\s*|\bimportScripts\s*\(\s*"
    r"|\bnew\s+(?:Worker|SharedWorker|EventSource|WebSocket|Request)\s*\(\s*"
    r"|\.open\s*\(\s*[\"'](?:GET|POST|HEAD)[\"']\s*,\s*|\bsendBeacon\s*\(\s*"
    r"|\bd3\.(?:csv|json|tsv|text|xml|html|svg|image|blob|buffer|dsv)\s*\(\s*"
    r"|(?:\$|\bjQuery)\.(?:get|getJSON|getScript|post|ajax|load)\s*\(\s*(?:\{\s*url\s*:\s*)?"
    r"|\baxios(?:\.get|\.post)?\s*\(\s*|\bvegaEmbed\s*\(\s*[^,()]{1,80},\s*"
    r")" + _STRING
)
_IMPORTS = re.compile(r"(?P<call>(?:^|[;}\n])[^\S\n]*(?:import|export)\b[^;\"'`]{0,400}?)" + _STRING)
_SOURCES = re.compile(r"(?P<call>\.(?:src|data)\s*=\s*|\bsetAttribute\s*\(\s*[\"'](?:src|data)[\"']\s*,\s*)" + _STRING)
_VARIABLES = re.compile(
    r"(?:\b(?:fetch|import|importScripts|sendBeacon|(?:Worker|EventSource|WebSocket|Request|d3\.\w+))\s*\(\s*|\.src\s*=\s*)"
    r"(?P<name>[A-Za-z_$][\w$]*)\s*[,;)+\n]"
)
"""A name that is opened: what it holds is looked up."""
_SETS_NAME = re.compile(r"(?P<call>(?<![\w$.])[A-Za-z_$][\w$]*\s*=\s*)" + _STRING)
_JOINED = re.compile(r"\s*(?:\+|\.concat\b)")
_FOLLOWING = re.compile(
    r"(?:\blocation\s*=|(?<!link)\.href\s*=|\bwindow\.open\s*\(|\blocation\.(?:assign|replace)\s*\()\s*$"
)
"""What stands before an address that is opened when the reader asks for it."""
_PATHS = re.compile(r"\bpaths[\"']?\s*:\s*\{[^{}]{0,4000}\}")
"""Where module loaders and MathJax read what lies where."""
_ENTRIES = re.compile(r"(?P<call>[\"']?\burl[\"']?\s*:\s*)" + _STRING)
_ANY = re.compile(r"(?P<call>)" + _STRING)
_FILE = re.compile(
    r"\.(?:m?js|css|json|geojson|csv|tsv|parquet|arrow|woff2?|ttf|otf|png|jpe?g|gif|svg|webp|avif|mp4|webm|mp3|wasm|onnx|bin)"
    r"(?:[?#].*)?$|/npm/|cdn",
    re.IGNORECASE,
)
_IS_KEY = re.compile(r"\s*:")
_INERT = ("http://www.w3.org/", "https://www.w3.org/", "https://vega.github.io/schema/", "http://json-schema.org/")
_COMMENT_START = re.compile(r"/\*|(?<![:\"'`\\/\w])//")


def script_addresses(
    text: str, line: int | None = 1, *, module: bool = False, library: bool = False
) -> Iterator[Address]:
    """The addresses that a script says it will open; a library's help texts are not taken for addresses."""
    found: list[Address] = []

    def keep(address: Address) -> None:
        found.append(address)

    rewrite_script(text, keep, line=line, module=module, library=library)
    yield from found


def rewrite_script(
    text: str, replace: Replace, line: int | None = 1, *, module: bool = False, library: bool = False
) -> str:
    """The script with other addresses, where they stand in it as strings."""
    comments = _find_comments(text)
    line_at = _line_counter(text, line)
    changes: dict[tuple[int, int], str] = {}
    seen: set[int] = set()

    def look(
        pattern: re.Pattern[str],
        where: Callable[[str], str],
        wanted: Callable[[str, str], Use | None],
        within: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        for match in pattern.finditer(text):
            span = match.span("url")
            if within is not None and not _is_within(span[0], within):
                continue
            url = match.group("url").replace("\\/", "/")
            if span[0] in seen or not url or url.startswith(_INERT) or "${" in url[:8]:
                continue
            if _is_within(span[0], comments):
                continue
            if pattern is _ANY and _FOLLOWING.search(text, max(0, match.start() - 60), match.start()):
                continue  # a link, unless it is that of a style sheet
            joined = _JOINED.match(text, match.end()) is not None
            if not is_remote(url) and (joined or "${" in url):
                continue  # a piece of an address: what it comes to is seen in a browser
            use = wanted(match.group("call"), url)
            if use is None:
                continue
            seen.add(span[0])
            new = replace(Address(url=url, use=use, where=where(match.group("call")), line=line_at(span[0])))
            if new is not None:
                changes[span] = new

    def called(call: str, url: str) -> Use | None:
        if url.startswith(("data:", "blob:")):
            return None
        if "vegaEmbed" in call and url.lstrip().startswith("{"):
            return None
        return Use.LOAD if is_remote(url) else Use.MODULE

    def imported(call: str, url: str) -> Use | None:
        if not module and not is_remote(url):
            return None
        return Use.LOAD if is_remote(url) else (Use.MODULE if url.startswith((".", "/")) else None)

    def remote(_: str, url: str) -> Use | None:
        return Use.LOAD if is_remote(url) else None

    def remote_file(_: str, url: str) -> Use | None:
        return Use.LOAD if is_remote(url) and " " not in url and _FILE.search(url) else None

    def entry(_: str, url: str) -> Use | None:
        if is_remote(url):
            return Use.LOAD
        return Use.MODULE if re.fullmatch(r"[^\s\"'<>]+\.(?:json|csv|tsv|geojson|arrow)", url) else None

    look(_CALLS, lambda call: f"{_call_name(call)}()", called)
    look(_IMPORTS, lambda call: "import", imported)
    look(_SOURCES, lambda call: "a script's src", remote)
    if not library:
        opened = {match.group("name") for match in _VARIABLES.finditer(text)}
        look(
            _SETS_NAME,
            lambda call: "a script",
            lambda call, url: remote(call, url) if _name_in(call) in opened else None,
        )
        spans = [match.span() for match in _PATHS.finditer(text)]
        inside = [span for span in spans if not _is_within(span[0], comments)]
        look(_ANY, lambda call: "a script's paths", remote, inside)
        look(_ENTRIES, lambda call: "a script's url", entry)
        look(_ANY, lambda call: "a script's string", remote_file)
    parts: list[str] = []
    done = 0
    for (start, end), new in sorted(changes.items()):
        parts += text[done:start], new
        done = end
    return "".join([*parts, text[done:]])


def _find_comments(text: str) -> list[tuple[int, int]]:
    """Where comments stand, in their order; one that is not closed is none: it was the sign in a string."""
    found: list[tuple[int, int]] = []
    done, closable = 0, True
    for match in _COMMENT_START.finditer(text):
        if match.start() < done or (match.group() == "/*" and not closable):
            continue
        end = text.find("*/", match.end()) if match.group() == "/*" else text.find("\n", match.end())
        closable = match.group() != "/*" or end >= 0
        if match.group() == "/*" and end < 0:
            continue
        done = end + 2 if match.group() == "/*" else (end if end >= 0 else len(text))
        found.append((match.start(), done))
    return found


def _is_within(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a place lies in one of some spans, which follow each other."""
    index = bisect_right(spans, (place, sys.maxsize)) - 1
    return index >= 0 and place < spans[index][1]


def _line_counter(text: str, first: int | None) -> Callable[[int], int | None]:
    """A function that gives the line of a place in a text whose own first line is ``first``."""

    @cache
    def ends() -> list[int]:
        return [match.start() for match in re.finditer("\n", text)]

    def line_at(place: int) -> int | None:
        return first + bisect_left(ends(), place) if first else None

    return line_at


def _name_in(call: str) -> str:
    """The name that an assignment sets."""
    return call.partition("=")[0].rstrip()


def _call_name(call: str) -> str:
    names = re.findall(r"[A-Za-z$][\w.$]*", call)
    return " ".join(names[:2]) if names[:1] == ["new"] else (names[0] if names else "a call")


def _rewrite_json(text: str, replace: Replace, line: int | None) -> str:
    """JSON data of a chart: the ``url`` of its data sets and pictures is loaded when it is drawn, no other address."""
    loaded = _data_urls(text)
    line_at = _line_counter(text, line)

    def change(match: re.Match[str]) -> str:
        url = match.group("url").replace("\\/", "/")
        if url not in loaded or url.startswith((*_INERT, "data:", "#")):
            return match.group()
        use = Use.LOAD if is_remote(url) else Use.MODULE
        new = replace(Address(url=url, use=use, where="a chart's url", line=line_at(match.start())))
        return match.group() if new is None else match.group().replace(match.group("url"), new)

    return _ANY.sub(change, text) if loaded else text


_DEEPEST = 60


def _data_urls(text: str) -> frozenset[str]:
    """The addresses of data sets and pictures in a chart's specification."""
    try:
        specification = json.loads(text)
    except (ValueError, RecursionError):
        return frozenset()
    found: set[str] = set()
    columns: set[str] = set()
    rows: list[Mapping[str, object]] = []

    def walk(node: object, key: str, depth: int) -> None:
        if depth > _DEEPEST:  # deeper than any chart; what reads JSON has a limit of its own, another in each Python
            return
        if isinstance(node, list):
            if key == "values" and depth < _DEEPEST:
                rows.extend(one for one in node if isinstance(one, dict))
            for one in node:
                if isinstance(one, list) or (isinstance(one, dict) and key != "values"):
                    walk(one, key, depth + 1)
        elif isinstance(node, dict) and key == "values":
            rows.append(node)
        elif isinstance(node, dict) and key == "datasets":
            for one in node.values():
                walk(one, "values", depth + 1)
        elif isinstance(node, dict):
            url = node.get("url")
            if key in {"data", "from", "topojson"} and isinstance(url, str):
                found.add(url)
            if isinstance(url, dict):  # of pictures: one for all, or a column of the rows
                found.update(one for one in (url.get("value"),) if isinstance(one, str) and is_remote(one))
                columns.update(one for one in (url.get("field"),) if isinstance(one, str))
            for name, one in node.items():
                if name != "usermeta" and isinstance(one, dict | list):
                    walk(one, name, depth + 1)

    walk(specification, "", 0)
    cells = [row.get(column) for row in rows for column in columns]
    return frozenset(found | {cell for cell in cells if isinstance(cell, str) and is_remote(cell)})


def _rewrite_import_map(text: str, replace: Replace, *, line: int | None) -> str:
    """What an import map names on the network; its local files are asked for by modules alone."""
    line_at = _line_counter(text, line)

    def change(match: re.Match[str]) -> str:
        url = match.group("url").replace("\\/", "/")
        if is_remote(url) and _IS_KEY.match(text, match.end()) is None:
            replace(Address(url=url, use=Use.LOAD, where="an import map", line=line_at(match.start())))
        return match.group()

    return _ANY.sub(change, text)


def json_addresses(text: str) -> Iterator[Address]:
    """The addresses that a chart's specification would load."""
    found: list[Address] = []

    def keep(address: Address) -> None:
        found.append(address)

    _rewrite_json(text, keep, 1)
    yield from found


# --- files ----------------------------------------------------------------------------------------------------------


def file_addresses(name: str, data: bytes) -> Iterator[Address]:
    """What a file that a page reaches goes on to reach, by the kind that its name tells."""
    ending = posixpath.splitext(name)[1].lower()
    if ending == ".css":
        yield from css_addresses(data.decode("utf-8", "replace"))
    elif ending in {".js", ".mjs"}:
        text = data.decode("utf-8", "replace")
        yield from script_addresses(text, module=ending == ".mjs", library=True)
    elif ending in {".html", ".htm"}:
        from blogkit.page.foreign import parse_foreign

        yield from html_addresses(parse_foreign(data))
    elif ending == ".svg":
        yield from (address for address in html_addresses(parse_html(data)) if not address.url.startswith("#"))
