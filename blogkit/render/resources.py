"""The files that a page shows or is made of, beside its source: copied beside the page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lxml.html import HtmlElement

from blogkit.model import Site
from blogkit.render.listing import contents_files
from blogkit.render.metadata import as_list, shown
from blogkit.render.output import copy_if_newer

_ADDRESSES = (("img", "src"), ("video", "src"), ("source", "src"), ("audio", "src"), ("a", "href"), ("object", "data"))
_NAMED = ("bibliography", "csl", "css", "include-in-header", "include-before-body", "include-after-body", "image")


def named_files(metadata: Any, source: Path) -> frozenset[Path]:
    """The files that the metadata name, whether they are there or not."""
    found = set()
    for key in _NAMED:
        for entry in as_list(metadata.get(key)) if not isinstance(metadata.get(key), dict) else []:
            if isinstance(entry, str):
                folder = source.parent
                while (
                    not (folder / entry).is_file() and folder.parent != folder and not (folder / "_quarto.yml").exists()
                ):
                    folder = folder.parent
                found.add(folder / shown(entry))
    found.update(contents_files(metadata, source))
    return frozenset(found)


def copy_resources(site: Site, source: Path, page: HtmlElement, done: frozenset[Path] = frozenset()) -> frozenset[Path]:
    """Copies the files that a page shows or links to, from beside its source to beside its page; returns them.

    What is ``done`` already is passed over.

    A drawing's specification counts as shown: what it says becomes part of the page.
    """
    files = set()
    root, output = site.root.resolve(), site.output.resolve()
    folders: dict[str, str] = {}
    for address in set(_local_addresses(page)):
        named = os.path.normpath(Path(site.root if address.startswith("/") else source.parent, address.lstrip("/")))
        folder, _, name = named.rpartition(os.sep)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        origin = Path(folders[folder], name)
        if origin.is_symlink():
            origin = origin.resolve()
        if origin.suffix == ".svg":
            files.add(origin.with_suffix(".vl.json"))
        if origin in done or not origin.is_file() or not origin.is_relative_to(root):
            continue
        if origin.suffix in {".qmd", ".html"} or origin.is_relative_to(output):
            continue
        files.add(origin)
        copy_if_newer(origin, output / origin.relative_to(root))
    return frozenset(files)


def _local_addresses(page: HtmlElement) -> Iterable[str]:
    for tag, attribute in _ADDRESSES:
        for element in page.iter(tag):
            value = element.get(attribute) or ""
            if value and not re.match(r"[a-z][a-z0-9+.-]*:|//|#", value, re.IGNORECASE):
                yield unquote(value.partition("#")[0].partition("?")[0])
