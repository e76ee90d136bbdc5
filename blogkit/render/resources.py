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


class ResourceCopier:
    """Copies what the pages of a site show; shared by the threads of one rendering."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._root, self._output = site.root.resolve(), site.output.resolve()
        self._folders: dict[str, str] = {}

    def copy(self, source: Path, page: HtmlElement, seen: set[str]) -> frozenset[Path]:
        """Copies the files that a page shows or links to, from beside its source to beside its page; returns them.

        An address that was ``seen`` before is passed over. A drawing's specification counts as shown: what it says
        becomes part of the page.
        """
        files = set()
        for address in set(_local_addresses(page)) - seen:
            seen.add(address)
            origin = self._origin(source, address)
            if origin.suffix == ".svg":
                files.add(origin.with_suffix(".vl.json"))
            if not origin.is_relative_to(self._root) or not origin.is_file():
                continue
            if origin.suffix in {".qmd", ".html"} or origin.is_relative_to(self._output):
                continue
            files.add(origin)
            copy_if_newer(origin, self._output / origin.relative_to(self._root))
        return frozenset(files)

    def _origin(self, source: Path, address: str) -> Path:
        """The file that an address of a page means, without links."""
        base = self._site.root if address.startswith("/") else source.parent
        folder, name = os.path.split(os.path.normpath(os.path.join(base, address.lstrip("/"))))  # noqa: PTH118
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        origin = Path(self._folders[folder], name)
        return origin.resolve() if origin.is_symlink() else origin


def _local_addresses(page: HtmlElement) -> Iterable[str]:
    for tag, attribute in _ADDRESSES:
        for element in page.iter(tag):
            value = element.get(attribute) or ""
            if value and not re.match(r"[a-z][a-z0-9+.-]*:|//|#", value, re.IGNORECASE):
                yield unquote(value.partition("#")[0].partition("?")[0])


HOSTS_FILES = ("CNAME", "robots.txt", "_redirects", "_headers")
"""Files at a site's root that are for the host, and that Quarto copies too."""
_MOST_RESOURCES = 10_000


def copy_site_files(site: Site) -> None:
    """Copies what the site itself names: ``project: resources``, ``website: favicon``, and files for the host."""
    root, output = site.root.resolve(), site.output.resolve()
    for origin in sorted(_site_files(site, root)):
        if origin.is_file() and not origin.is_relative_to(output) and origin.resolve().is_relative_to(root):
            copy_if_newer(origin, output / origin.relative_to(root))


def _site_files(site: Site, root: Path) -> set[Path]:
    named = {root / name for name in HOSTS_FILES}
    icon = (site.quarto.get("website") or {}).get("favicon")
    if isinstance(icon, str) and icon.strip() and "//" not in icon:
        named.add(root / icon.strip().lstrip("/"))
    project = site.quarto.get("project")
    left_out: set[Path] = set()
    for entry in as_list(project.get("resources")) if isinstance(project, dict) else []:
        pattern = str(entry).strip()
        files = set(_matched_files(root, pattern.removeprefix("!").lstrip("/")))
        if pattern.startswith("!"):
            left_out |= files
        else:
            named |= files
    return named - left_out


def _matched_files(root: Path, pattern: str) -> Iterable[Path]:
    """The files that a pattern of resources names: a file, a folder with all in it, or what matches; nothing hidden."""
    if not pattern or ".." in Path(pattern).parts:
        return
    found = [root / pattern] if (root / pattern).exists() else root.glob(pattern)
    count = 0
    for place in found:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            parts = path.relative_to(root).parts
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
                count += 1
                if count <= _MOST_RESOURCES:
                    yield path
