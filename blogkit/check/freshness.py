"""Whether the page shows what the results say now."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from blogkit.check.post import Fault, Post
from blogkit.check.source import Place
from blogkit.config import load_yaml, read_yaml
from blogkit.errors import ConfigError
from blogkit.page.seen import visible_text
from blogkit.store import ProjectPaths
from blogkit.tools.git import versions

_HISTORY = 50
"""Commits of the results that are looked back at."""
_SHORTCODE = re.compile(r"\{\{<(?:(?!\{\{<).)*?>\}\}")
_META = re.compile(r"\{\{<\s*meta\s+([\w.\-]+)\s*>\}\}")


def stale(post: Post) -> Iterator[Fault]:
    """Each number and figure on the page that differs from the results in the project's folder."""
    assert post.project is not None
    paths = ProjectPaths(folder=post.project)
    yield from _numbers(post, paths)
    yield from _literals(post, paths)
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


def _literals(post: Post, paths: ProjectPaths) -> Iterator[Fault]:
    """A number typed by hand that the results held once, under a name that means another number today."""
    assert post.source is not None
    if not paths.values.is_file():
        return
    now = _shown(paths.values.read_text(encoding="utf-8", errors="replace"))
    current = {number for value in now.values() for number in _quotable(value)}
    before: dict[str, tuple[str, str]] = {}
    for text in versions(paths.values, _HISTORY):
        for name, value in _shown(text).items():
            if name in now and value != now[name]:
                for number in _quotable(value):
                    if number not in current:
                        before.setdefault(number, (name, now[name]))
    if not before:
        return
    known = "|".join(sorted(map(re.escape, before), key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w.,])(?:{known})(?!\w|[.,]\d)")
    for line in post.source.lines:
        for match in pattern.finditer("" if line.code else _SHORTCODE.sub(" ", line.text)):
            name, value = before[match.group()]
            yield Fault(
                message=f"{match.group()} was {name} of earlier results, which is {value} now.",
                place=Place(path=line.path, line=line.number),
                fix=f"Quote it as {{{{< meta values.{name} >}}}}, so that it is never stale.",
            )


def _shown(text: str) -> dict[str, str]:
    """The values of a ``values.yml`` by name, as they are shown; nothing from a text that is none."""
    try:
        document = load_yaml(text, Path("values.yml"))
    except ConfigError:
        return {}
    values = document.get("values") if isinstance(document, dict) else None
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}


def _quotable(value: str) -> Iterator[str]:
    """What of a value an author would type: all of it, and its number without the uncertainty, where it is telling."""
    for text in (value, value.partition("±")[0].strip()):
        if len(re.sub(r"\D", "", text).lstrip("0")) >= 3:
            yield text


def _figures(post: Post, paths: ProjectPaths) -> Iterator[Fault]:
    """A specification says which table it was drawn from, and the page has a copy of it, or of a drawing."""
    table = _digest(paths.metrics)
    folder = (post.root / post.page_name).parent if post.root is not None and post.page_name is not None else None
    for file in sorted([*paths.charts.glob("*.svg"), *paths.charts.glob("*.vl.json")]):
        name = file.name.removesuffix(".svg").removesuffix(".vl.json")
        source = f"{paths.charts.relative_to(paths.folder).as_posix()}/{name}.svg"
        place = post.where(f"]({source}", source)
        drawn_from = _drawn_from(file) if file.suffix == ".json" else None
        if drawn_from and table and drawn_from != table:
            message = f"the figure {name} was drawn from older results than those in {paths.metrics.name}."
            yield Fault(message=message, place=place)
        shown = folder / file.relative_to(paths.folder) if folder is not None else None
        if (
            shown is not None
            and shown.is_file()
            and shown.read_bytes() != file.read_bytes()
            and shown.stat().st_mtime < file.stat().st_mtime
        ):
            yield Fault(message=f"the page shows an older drawing of {name}.", place=place)


def _drawn_from(specification: Path) -> str | None:
    """The digest of the table that a figure was drawn from, as `gather` wrote it into the specification."""
    try:
        origin = json.loads(specification.read_text(encoding="utf-8"))["usermeta"]["blogkit"]["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return origin if isinstance(origin, str) else None


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return None


def _look_up(data: Any, name: str) -> Any:
    for part in name.split("."):
        data = data.get(part) if isinstance(data, Mapping) else None
    return data if isinstance(data, str | int | float) else None


def _digits(text: str) -> str:
    return re.sub(r"[\s\u200b]+", "", text).replace("−", "-").replace("–", "-")
