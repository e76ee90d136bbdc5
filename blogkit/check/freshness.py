"""Whether the page shows what the results say now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from blogkit.check.page import SPACE, visible_text
from blogkit.check.rules import Fault, Post
from blogkit.check.source import Place
from blogkit.config import read_yaml
from blogkit.errors import ConfigError
from blogkit.store import ProjectPaths

_META = re.compile(r"\{\{<\s*meta\s+([\w.\-]+)\s*>\}\}")


def stale(post: Post) -> Iterator[Fault]:
    """Each number and figure on the page that differs from the results in the project's folder."""
    assert post.project is not None
    paths = ProjectPaths(folder=post.project)
    yield from _numbers(post, paths)
    yield from _figures(post, paths)


def _numbers(post: Post, paths: ProjectPaths) -> Iterator[Fault]:
    """The source quotes values by name; the page must show what the names mean today."""
    assert post.source is not None
    if not paths.values.is_file():
        return
    try:
        data = read_yaml(paths.values).data
    except (ConfigError, OSError):
        return
    text = _digits(visible_text(post.page.root))
    told: set[str] = set()
    for line in post.source.lines:
        for match in _META.finditer(line.text):
            value = _look_up(data, match.group(1))
            if value is None or match.group(1) in told or line.code:
                continue
            if _digits(str(value)) not in text:
                told.add(match.group(1))
                yield Fault(
                    message=f"{match.group(1)} is now {value}, which the page does not show.",
                    place=Place(path=line.path, line=line.number),
                )


def _figures(post: Post, paths: ProjectPaths) -> Iterator[Fault]:
    """A drawing belongs to the specification beside it, and both are copied into the page."""
    if post.root is None or post.page_name is None:
        return
    folder = (post.root / post.page_name).parent
    for drawing in sorted(paths.charts.glob("*.svg")):
        shown = folder / drawing.relative_to(paths.folder)
        if (
            shown.is_file()
            and shown.read_bytes() != drawing.read_bytes()
            and shown.stat().st_mtime < drawing.stat().st_mtime
        ):
            source = drawing.relative_to(paths.folder).as_posix()
            yield Fault(message=f"the page shows an older drawing of {drawing.name}.", place=post.where(source))


def _look_up(data: Any, name: str) -> Any:
    for part in name.split("."):
        data = data.get(part) if isinstance(data, Mapping) else None
    return data if isinstance(data, str | int | float) else None


def _digits(text: str) -> str:
    return SPACE.sub("", text).replace("−", "-").replace("–", "-")
