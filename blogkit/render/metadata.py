"""What Quarto knows of a page before it reads its text: site, folder and front matter, merged as Quarto merges them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blogkit.config import front_matter, is_inside_site, load_yaml, outside_problem
from blogkit.errors import ConfigError, Problem
from blogkit.model import Site
from blogkit.page.values import shown as shown


def load_yaml_file(path: Path) -> Any:
    """A YAML file as plain values. Raises ConfigError when it is missing or no YAML."""
    try:
        return load_yaml(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(path=path, message=f"cannot be read: {error}.")]) from error


def split_front_matter(text: str, path: Path) -> tuple[Mapping[str, Any], str, int]:
    """The front matter, the text below it, and the line on which that begins."""
    if not text.startswith("---"):
        return {}, text, 1
    match = re.match(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", text, re.DOTALL | re.MULTILINE)
    if not match:
        front_matter(path)  # says that it is not closed
        return {}, text, 1
    data = load_yaml(match.group(1), path, first_line=2)
    line = text.count("\n", 0, match.end()) + 1
    if data is None:
        data = {}
    if not isinstance(data, dict):
        problem = Problem(path=path, line=1, message="the front matter must be a list of `key: value` lines.")
        raise ConfigError([problem])
    return data, text[match.end() :], line


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Later layers over earlier ones: mappings are merged, lists joined without repeats, all else replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            if isinstance(old, Mapping) and isinstance(value, Mapping):
                merged[key] = merge(old, value)
            elif isinstance(old, list) and isinstance(value, list):
                merged[key] = old + [item for item in value if item not in old]
            else:
                merged[key] = value
    return merged


def flatten(layer: Mapping[str, Any]) -> dict[str, Any]:
    """A layer with what it says of ``format: html:`` among its own keys."""
    flat = {key: value for key, value in layer.items() if key != "format"}
    formats = layer.get("format")
    html = formats.get("html") if isinstance(formats, Mapping) else None
    return merge(flat, html) if isinstance(html, Mapping) else flat


def with_metadata_files(layer: Mapping[str, Any], folder: Path, source: Path) -> dict[str, Any]:
    """A layer over the files that it names in ``metadata-files``."""
    names = layer.get("metadata-files") or []
    single = layer.get("metadata-file")
    wanted = [*([single] if single else []), *(names if isinstance(names, list) else [names])]
    below: list[Mapping[str, Any]] = []
    problems: list[Problem] = []
    for name in wanted:
        path = folder / str(name)
        if not is_inside_site(path, source):
            problems.append(outside_problem(str(name), source, line_of(source, str(name))))
            continue
        if not path.is_file():
            hint = "`blogkit gather` writes results/values.yml." if str(name).endswith("values.yml") else ""
            problems.append(
                Problem(path=source, line=line_of(source, str(name)), message=f"there is no file {name}.", hint=hint)
            )
            continue
        data = load_yaml_file(path)
        if isinstance(data, Mapping):
            below.append(flatten(data))
    if problems:
        raise ConfigError(problems)
    return merge(*below, layer)


def line_of(path: Path, words: str) -> int | None:
    """The first line of a file that holds some words."""
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if words in line:
                return number
    except OSError:
        pass
    return None


_SITE_ONLY = frozenset({"project", "website", "book", "blogkit", "profile"})


def site_layer(site: Site) -> dict[str, Any]:
    """What ``_quarto.yml`` says of every page."""
    path = site.root / "_quarto.yml"
    document = load_yaml_file(path) if path.is_file() else dict(site.quarto)
    layer = {key: value for key, value in (document or {}).items() if key not in _SITE_ONLY}
    return with_metadata_files(flatten(layer), site.root, path)


def folder_layers(site: Site, source: Path) -> list[dict[str, Any]]:
    """What the ``_metadata.yml`` files between the site's root and a page say, outermost first."""
    layers: list[dict[str, Any]] = []
    folder = source.parent
    if site.root not in folder.parents:
        return layers
    while folder != site.root:
        for name in ("_metadata.yml", "_metadata.yaml"):
            if not os.path.isfile(f"{folder}{os.sep}{name}"):  # noqa: PTH113  # asked of every folder of the site
                continue
            path = folder / name
            if is_inside_site(path, path):
                data = load_yaml_file(path)
                if isinstance(data, Mapping):
                    layers.append(with_metadata_files(flatten(data), folder, path))
        folder = folder.parent
    return layers[::-1]


def as_list(value: Any) -> list[Any]:
    """A value that may be one or a list, as a list; nothing as an empty one."""
    if value is None or value is False:
        return []
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return [value]


LISTING_TYPES = ("default", "grid", "table")


def listings_of(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The listings that a page's front matter asks for."""
    value = metadata.get("listing")
    if value in (None, False):
        return []
    result: list[Mapping[str, Any]] = []
    for entry in [value] if isinstance(value, Mapping) else as_list(value):
        if isinstance(entry, Mapping):
            result.append(entry)
        elif isinstance(entry, str):
            result.append({"type": entry} if entry in LISTING_TYPES else {"id": entry})
        else:
            result.append({})
    return result
