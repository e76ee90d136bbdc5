"""Which files a page reaches, and by which addresses."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blogkit.check.files import Refused
from blogkit.links import Address, Use, file_addresses, html_addresses, local_path, resolve

if TYPE_CHECKING:
    from blogkit.check.rules import Post

_FOLLOWED_INTO = (".css", ".js", ".mjs", ".svg", ".html", ".htm")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An address with the file that holds it."""

    holder: str
    address: Address
    target: str | None
    """The local file that is meant, from the root; None for a remote address, or one that leads outside."""


def references(post: Post) -> Iterator[Reference]:
    """Every address of the page, and of the files that it loads in turn."""
    if post.page_name is None:
        return
    told = post.page.root.find(".//base[@href]")
    start = (
        posixpath.join(posixpath.dirname(post.page_name), local_path(told.get("href") or ""))
        if told is not None
        else ""
    )
    seen = {post.page_name}
    queue = [post.page_name]
    while queue:
        holder = queue.pop(0)
        if holder == post.page_name:
            addresses = html_addresses(post.page.root)
        else:
            try:
                addresses = file_addresses(holder, post.files.read(holder))
            except Refused:
                continue
        for address in addresses:
            path = address.path
            base = holder if not (holder.endswith((".js", ".mjs"))) else post.page_name
            base = start if start and base == post.page_name else base
            target = resolve(base, path) if path else None
            yield Reference(holder=holder, address=address, target=target)
            if target is None or target in seen or address.use is Use.FOLLOW:
                continue
            if target.lower().endswith(_FOLLOWED_INTO) and post.files.exists(target):
                seen.add(target)
                queue.append(target)


def reach(post: Post) -> Iterator[str]:
    """The names of the local files that the page reaches."""
    if post.page_name is not None:
        yield post.page_name
    for reference in post.references:
        if reference.target and post.files.exists(reference.target):
            yield reference.target
