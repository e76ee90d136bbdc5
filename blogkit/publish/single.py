"""One HTML file with everything in it: style sheets, scripts, pictures and fonts become part of the page."""

from __future__ import annotations

import base64
import mimetypes
import posixpath
import re

from lxml import html
from lxml.html import HtmlElement

from blogkit.links import Address, Use, local_path, resolve, rewrite_css, rewrite_html
from blogkit.page.parse import parse_html
from blogkit.publish.package import INDEX, NAMED_FILE, Package

_TYPES = {
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".svg": "image/svg+xml",
    ".js": "text/javascript",
    ".css": "text/css",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".ipynb": "application/x-ipynb+json",
    ".parquet": "application/vnd.apache.parquet",
}


def single_page(package: Package) -> bytes:
    """The package's page as one self-contained file; the same package gives the same bytes."""
    return _page(package, INDEX, depth=0)


def _page(package: Package, name: str, depth: int) -> bytes:
    document = parse_html(package.files[name])
    for element in list(document.iter("link", "script")):
        _take_in(package, name, element)

    def inline(address: Address) -> str | None:
        target = _target(package, name, address.url)
        if target is None:
            return None
        if address.use is Use.FOLLOW and target.endswith((".html", ".htm")):
            return None
        return _as_address(package, target, depth)

    rewrite_html(document, inline)
    for link in document.iter("a"):
        if (link.get("href") or "").startswith("data:") and not link.get("download"):
            link.set("download", "")
    _carry_what_scripts_load(package, document, name, depth)
    return html.tostring(document, encoding="unicode", doctype="<!DOCTYPE html>").encode("utf-8")


def _target(package: Package, holder: str, url: str) -> str | None:
    path = local_path(url)
    target = resolve(holder, path) if path else None
    return target if target in package.files and target != holder else None


def _take_in(package: Package, name: str, element: HtmlElement) -> None:
    """A style sheet becomes a ``<style>``, a script an inline script, so that both can still be read."""
    if element.tag == "link":
        target = _target(package, name, element.get("href") or "")
        if target is None or "stylesheet" not in (element.get("rel") or "").lower().split():
            return
        style = html.Element("style")
        style.text = _css(package, target).replace("</", "<\\/")
        for key in ("media", "id"):
            if element.get(key):
                style.set(key, element.get(key) or "")
        _replace(element, style)
    elif element.get("src"):
        target = _target(package, name, element.get("src") or "")
        if target is None:
            return
        text = _script(package, target)
        if re.search(r"currentScript", text) or element.get("defer") is not None or element.get("async") is not None:
            return  # its place or its moment matters: it stays a script with an address, and that becomes data
        element.text = re.sub(r"</(?=script)", r"<\\/", text.replace("<!--", "<\\!--"), flags=re.IGNORECASE)
        del element.attrib["src"]


def _replace(old: HtmlElement, new: HtmlElement) -> None:
    parent = old.getparent()
    assert parent is not None
    new.tail = old.tail
    parent.replace(old, new)


def _css(package: Package, name: str, depth: int = 0) -> str:
    text = package.files[name].decode("utf-8", "replace")

    def inline(address: Address) -> str | None:
        target = _target(package, name, address.url)
        if target is None or depth > 5:
            return None
        return _as_address(package, target, depth + 1)

    return rewrite_css(text, inline)


def _script(package: Package, name: str, depth: int = 0) -> str:
    """A script with the files in it that it would load from beside itself."""
    text = package.files[name].decode("utf-8", "replace")
    if depth > 3:
        return text

    def carried(match: re.Match[str]) -> str:
        target = _target(package, name, match.group(2))
        return match.group() if target is None else f'"{_as_address(package, target, depth + 1)}"'

    return NAMED_FILE.sub(carried, text)


def _as_address(package: Package, name: str, depth: int) -> str:
    """A file as a data address; style sheets and pages with their own files in them."""
    ending = posixpath.splitext(name)[1].lower()
    data = package.files[name]
    if ending == ".css":
        data = _css(package, name, depth).encode("utf-8")
    elif ending in {".js", ".mjs"}:
        data = _script(package, name, depth).encode("utf-8")
    elif ending in {".html", ".htm"} and depth < 3:
        data = _page(package, name, depth + 1)
    kind = _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += ";charset=utf-8"
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _carry_what_scripts_load(package: Package, document: HtmlElement, name: str, depth: int) -> None:
    """Files that data attributes and inline scripts name become data too, wherever the name stands."""
    for element in document.iter():
        if not isinstance(element.tag, str):
            continue
        for key, value in list(element.attrib.items()):
            target = _target(package, name, str(value)) if str(key).startswith("data-") else None
            if target is not None:
                element.set(key, _as_address(package, target, depth))
    for script in document.iter("script"):
        if script.text and "json" not in (script.get("type") or ""):

            def carried(match: re.Match[str]) -> str:
                target = _target(package, name, match.group(2))
                if target is None:
                    return match.group()
                return f"{match.group(1)}{_as_address(package, target, depth)}{match.group(1)}"

            script.text = NAMED_FILE.sub(carried, script.text)
