"""Which files a page reaches, and by which addresses."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from blogkit.check.files import Files, RefusedSubmission
from blogkit.links import Address, Use, file_addresses, html_addresses, local_path, resolve

_FOLLOWED_INTO = (".css", ".js", ".mjs", ".svg", ".html", ".htm")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An address with the file that holds it."""

    holder: str
    address: Address
    target: str | None
    """The local file that is meant, from the root; None for a remote address, or one that leads outside."""


def references(page: HtmlElement, page_name: str, files: Files) -> Iterator[Reference]:
    """Every address of the page, and of the files that it loads in turn."""
    base_element = page.find(".//base[@href]")
    start = (
        posixpath.join(posixpath.dirname(page_name), local_path(base_element.get("href") or ""))
        if base_element is not None
        else ""
    )
    seen = {page_name}
    queue = [page_name]
    while queue:
        holder = queue.pop(0)
        if holder == page_name:
            addresses = html_addresses(page)
        else:
            try:
                addresses = file_addresses(holder, files.read(holder))
            except RefusedSubmission:
                continue
        for address in addresses:
            path = address.path
            base = holder if not (holder.endswith((".js", ".mjs"))) else page_name
            base = start if start and base == page_name else base
            target = resolve(base, path) if path else None
            yield Reference(holder=holder, address=address, target=target)
            if target is None or target in seen or address.use is Use.FOLLOW:
                continue
            if target.lower().endswith(_FOLLOWED_INTO) and files.exists(target):
                seen.add(target)
                queue.append(target)
