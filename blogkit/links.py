"""What a page reaches: every address in its HTML, its style sheets, its drawings and its scripts.

Two stages ask the same question. Checking wants to know which addresses lead to the network or to nothing; publishing
takes along exactly the files that the others lead to. A script's addresses are only those that can be read from it as
strings: what it computes shows in a browser alone.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from lxml import etree, html

HtmlElement = html.HtmlElement


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
        or clean.startswith(("#", "?", "//"))
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
    for name, value in list(element.attrib.items()):
        attribute = "xlink:href" if str(name).endswith("}href") else str(name).lower()
        new = _attribute(element, tag, attribute, str(value), line, ask)
        if new is not None and new != value:
            element.set(name, new)
    if tag == "style" and element.text:
        element.text = rewrite_css(element.text, ask, line=line)
    if tag == "script" and element.text and not element.get("src"):
        kind = (element.get("type") or "").split(";")[0].strip().lower()
        if kind in _SCRIPTS:
            element.text = rewrite_script(element.text, ask, line=line, module=kind == "module")
        elif "json" in kind and kind != "application/ld+json":
            element.text = _rewrite_json(element.text, ask, line=line)


def _attribute(element: HtmlElement, tag: str, name: str, value: str, line: int | None, ask: Replace) -> str | None:
    where = f"<{tag} {name}>"
    if name == "style":
        return rewrite_css(value, ask, line=line)
    if name == "srcset" or name == "imagesrcset":
        parts = []
        for candidate in re.split(r",\s+", value.strip()):
            url, _, size = candidate.strip().partition(" ")
            new = ask(Address(url=url, use=Use.LOAD, where=where, line=line)) if url else None
            parts.append(f"{new or url} {size}".strip())
        return ", ".join(parts)
    if name == "srcdoc":
        for address in html_addresses(html.document_fromstring(value or "<p></p>")):
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
    if name.startswith("data-") and _FILE_NAME.fullmatch(value.strip()):
        return ask(Address(url=value, use=Use.LOAD, where=where, line=line)) if name in _DATA_LOADED else None
    return None


_FILE_NAME = re.compile(r"[^\s<>{}|\"'`]+\.[A-Za-z0-9]{1,5}(?:[?#][^\s]*)?")
_DATA_LOADED = {"data-src", "data-srcset", "data-background", "data-runtime", "data-script", "data-bg", "data-poster"}


# --- CSS ------------------------------------------------------------------------------------------------------------

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_URL = re.compile(
    r"""(?P<import>@import\s+)(?P<q1>["'])(?P<a>[^"']*)(?P=q1)"""
    r"""|(?P<lead>@import\s+)?url\(\s*(?:(?P<q2>["'])(?P<b>.*?)(?P=q2)|(?P<c>[^)"'\s]*))\s*\)""",
    re.IGNORECASE | re.DOTALL,
)


def css_addresses(text: str, line: int | None = 1) -> Iterator[Address]:
    """Every address of a style sheet."""
    found: list[Address] = []

    def keep(address: Address) -> None:
        found.append(address)

    rewrite_css(text, keep, line=line)
    yield from found


def rewrite_css(text: str, replace: Replace, line: int | None = 1) -> str:
    """The style sheet with other addresses; comments are left alone."""
    lower = text.lower()
    if "url(" not in lower and "@import" not in lower:
        return text
    comments = [match.span() for match in _CSS_COMMENT.finditer(text)]

    def change(match: re.Match[str]) -> str:
        if any(start <= match.start() < end for start, end in comments):
            return match.group()
        url = match.group("a") or match.group("b") or match.group("c") or ""
        if not url.strip() or url.startswith("#"):
            return match.group()
        where = "CSS @import" if match.group("import") or match.group("lead") else "CSS url()"
        place = line + text.count("\n", 0, match.start()) if line else None
        new = replace(Address(url=url, use=Use.LOAD, where=where, line=place))
        return match.group() if new is None else match.group().replace(url, new)

    return _CSS_URL.sub(change, text)


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
_IMPORTS = re.compile(r"(?P<call>(?:^|[;}\n])\s*(?:import|export)\b[^;\"'`]{0,400}?)" + _STRING)
_SOURCES = re.compile(r"(?P<call>\.(?:src|data)\s*=\s*|\bsetAttribute\s*\(\s*[\"'](?:src|data)[\"']\s*,\s*)" + _STRING)
_ENTRIES = re.compile(r"(?P<call>[\"']?\burl[\"']?\s*:\s*)" + _STRING)
_ANY = re.compile(r"(?P<call>)" + _STRING)
_FILE = re.compile(
    r"\.(?:m?js|css|json|geojson|csv|tsv|parquet|arrow|woff2?|ttf|otf|png|jpe?g|gif|svg|webp|avif|mp4|webm|mp3|wasm|onnx|bin)"
    r"(?:[?#].*)?$|/npm/|cdn",
    re.IGNORECASE,
)
_INERT = ("http://www.w3.org/", "https://www.w3.org/", "https://vega.github.io/schema/", "http://json-schema.org/")
_JS_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\/\w])//[^\n]*", re.DOTALL)


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
    comments = [match.span() for match in _JS_COMMENT.finditer(text)]
    changes: dict[tuple[int, int], str] = {}
    seen: set[int] = set()

    def look(pattern: re.Pattern[str], where: Callable[[str], str], wanted: Callable[[str, str], Use | None]) -> None:
        for match in pattern.finditer(text):
            span = match.span("url")
            url = match.group("url").replace("\\/", "/")
            if span[0] in seen or not url or url.startswith(_INERT) or "${" in url[:8]:
                continue
            if any(start <= span[0] < end for start, end in comments):
                continue
            joined = re.compile(r"\s*(?:\+|\.concat\b)").match(text, match.end()) is not None
            if not is_remote(url) and (joined or "${" in url):
                continue  # a piece of an address: what it comes to is seen in a browser
            use = wanted(match.group("call"), url)
            if use is None:
                continue
            seen.add(span[0])
            place = line + text.count("\n", 0, match.start("url")) if line else None
            new = replace(Address(url=url, use=use, where=where(match.group("call")), line=place))
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

    look(_CALLS, lambda call: f"{_called(call)}()", called)
    look(_IMPORTS, lambda call: "import", imported)
    look(_SOURCES, lambda call: "a script's src", remote)
    if not library:
        look(_ENTRIES, lambda call: "a script's url", entry)
        look(_ANY, lambda call: "a script's string", remote_file)
    for (start, end), new in sorted(changes.items(), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _called(call: str) -> str:
    names = re.findall(r"[A-Za-z$][\w.$]*", call)
    return " ".join(names[:2]) if names[:1] == ["new"] else (names[0] if names else "a call")


def _rewrite_json(text: str, replace: Replace, line: int | None) -> str:
    """JSON data of a chart: the ``url`` of its data sets is loaded when it is drawn, no other entry of that name."""
    loaded = _data_urls(text)

    def change(match: re.Match[str]) -> str:
        url = match.group("url").replace("\\/", "/")
        if url not in loaded or url.startswith((*_INERT, "data:", "#")):
            return match.group()
        place = line + text.count("\n", 0, match.start()) if line else None
        use = Use.LOAD if is_remote(url) else Use.MODULE
        new = replace(Address(url=url, use=use, where="a chart's url", line=place))
        return match.group() if new is None else match.group().replace(match.group("url"), new)

    return _ENTRIES.sub(change, text)


def _data_urls(text: str) -> frozenset[str]:
    """The addresses of data sets and pictures in a chart's specification."""
    try:
        specification = json.loads(text)
    except (ValueError, RecursionError):
        return frozenset()
    found: set[str] = set()

    def walk(node: object, key: str, depth: int) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one, key, depth + 1)
        elif isinstance(node, dict) and depth < 60:
            if key in {"data", "from", "topojson"} and isinstance(node.get("url"), str):
                found.add(node["url"])
            for name, one in node.items():
                if name not in {"values", "datasets", "usermeta"}:
                    walk(one, name, depth + 1)

    walk(specification, "", 0)
    return frozenset(found)


def json_addresses(text: str) -> Iterator[Address]:
    """The addresses that a chart's specification would load."""
    found: list[Address] = []

    def keep(address: Address) -> None:
        found.append(address)

    _rewrite_json(text, keep, 1)
    yield from found


# --- files ----------------------------------------------------------------------------------------------------------


def parse_html(data: bytes) -> HtmlElement:
    """A page as a tree, read in the encoding that it declares (UTF-8 when it declares none and is UTF-8)."""
    encoding = declared_encoding(data) or ("utf-8" if _is_utf8(data) else "windows-1252")
    parser = html.HTMLParser(encoding=encoding, huge_tree=True)
    try:
        return html.document_fromstring(data or b"<html></html>", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, LookupError):
        return html.document_fromstring("<html><body></body></html>")


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page's first bytes name, as a browser reads them; None when they name none that is known."""
    import codecs

    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return name
    match = re.search(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", data[:4096], re.IGNORECASE)
    if not match:
        return None
    try:
        name = codecs.lookup(match.group(1).decode("ascii")).name
    except LookupError:
        return None
    # A page that could be read as ASCII up to this line is not UTF-16, whatever it says.
    return {"utf-16": "utf-8", "ascii": "windows-1252", "iso8859-1": "windows-1252"}.get(name, name)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def file_addresses(name: str, data: bytes) -> Iterator[Address]:
    """What a file that a page reaches goes on to reach, by the kind that its name tells."""
    ending = posixpath.splitext(name)[1].lower()
    if ending == ".css":
        yield from css_addresses(data.decode("utf-8", "replace"))
    elif ending in {".js", ".mjs"}:
        text = data.decode("utf-8", "replace")
        yield from script_addresses(text, module=ending == ".mjs", library=True)
    elif ending in {".html", ".htm"}:
        yield from html_addresses(parse_html(data))
    elif ending == ".svg":
        yield from (address for address in html_addresses(parse_html(data)) if not address.url.startswith("#"))
