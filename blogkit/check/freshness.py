"""Whether the page shows what the results say now.

The page itself says which value it shows under which key (:mod:`blogkit.page.values`), so a published page is compared
as well as one of the site. Only what an author typed by hand is sought by its digits, in the source.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from blogkit.check.files import Files, Folder, RefusedSubmission
from blogkit.check.post import Fault, Post
from blogkit.check.source import Place
from blogkit.conditions import ConditionError, bound_sentences, judge_condition, known_values
from blogkit.config import SITE_FILE, load_yaml, read_yaml
from blogkit.errors import ConfigError
from blogkit.page.values import FILES, RESULTS, ShownValue, file_mark, plain_value, read_shown_values, shown
from blogkit.stale import OTHER_RUNS
from blogkit.store import ProjectPaths
from blogkit.tools.git import versions

_HISTORY = 50
"""Commits of the results that are looked back at."""
_SHORTCODE = re.compile(r"\{\{<(?:(?!\{\{<).)*?>\}\}")
_MOST_BYTES = 2_000_000


def stale(post: Post) -> Iterator[Fault]:
    """What makes the results stale, and each number and figure on the page that differs from them."""
    assert post.project is not None
    paths = ProjectPaths(folder=post.project)
    for reason in post.stale_results:
        if reason != OTHER_RUNS or post.coverage is None or post.coverage.whole:
            yield Fault(message=f"the results are stale: {reason}.", place=Place(path=paths.provenance))
    yield from stale_values(post)
    yield from _literals(post, paths)
    yield from _figures(post, paths)


def stale_values(post: Post) -> Iterator[Fault]:
    """Each value that the page shows under a key that stands for another value today, as the page itself says.

    So with each file of the results that it includes.
    """
    shown_values = read_shown_values(post.page.root)
    read = _results_reader(post) if shown_values else None
    if read is None:
        return
    results = _values_in(read)
    reported: set[str] = set()
    for one in shown_values:
        message = _what_changed(one, results, read) if one.key not in reported else ""
        if message:
            reported.add(one.key)
            yield Fault(message=message, place=_quoted_at(post, one.key))


def _what_changed(one: ShownValue, results: Mapping[str, Any], read: _ReadResults) -> str:
    """What is another one now of a value or a file, in a sentence; empty where it is as the page shows it."""
    if one.key.startswith(FILES):
        data = read(one.key.removeprefix(FILES))
        if data is None:
            return f"{one.key} is not there any more; the page includes what it held."
        return "" if file_mark(data) == one.text else f"{one.key} is another one now; the page includes an earlier one."
    now = _value_now(results, one.key)
    if now is None:
        return f"{one.key} is no value of the results any more; the page shows {_shortened_text(one.text or '')}."
    if now == _UNKNOWN or (one.text is not None and plain_value(one.text) == plain_value(now)):
        return ""
    return f"{one.key} is now {now}, which the page does not show."


def _shortened_text(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def _quoted_at(post: Post, key: str) -> Place:
    """The line of the source that quotes a value or includes a file, or the page."""
    for line in post.source.lines if post.source is not None else ():
        if re.search(rf"\{{\{{<\s*(?:meta\s+|include\s+\S*?){re.escape(key)}\s*>\}}\}}", line.text):
            return Place(path=line.path, line=line.number)
    return post.where()


_ReadResults = Callable[[str], bytes | None]
"""Gives a file of the results by its name; None where there is none, or one too large to be read."""


def _results_reader(post: Post) -> _ReadResults | None:
    """What reads the results that belong to a post: of its project, else those that lie with the page."""
    inside = posixpath.join(posixpath.dirname(post.page_name or ""), "results")
    if post.project is not None:
        return _reader_of(Folder(root=ProjectPaths(folder=post.project).results))
    if post.files.exists(f"{inside}/values.yml"):
        return _reader_of(post.files, f"{inside}/")
    beside = next((path for path in _places_beside(post) if path.is_file()), None)
    return _reader_of(Folder(root=beside.parent)) if beside is not None else None


def _reader_of(files: Files, prefix: str = "") -> _ReadResults:
    def read(name: str) -> bytes | None:
        place = prefix + name
        if ".." in name.split("/") or not files.exists(place) or files.bytes_of(place) > _MOST_BYTES:
            return None
        try:
            return files.read(place)
        except RefusedSubmission:
            return None

    return read


def _values_in(read: _ReadResults) -> Mapping[str, Any]:
    try:
        document = load_yaml((read("values.yml") or b"").decode("utf-8", "replace"), Path("values.yml"))
    except ConfigError:
        return {}
    return document if isinstance(document, Mapping) else {}


def _places_beside(post: Post) -> Iterator[Path]:
    """Where the results of a page or a zip may lie: in its folder, or in the project of the site that made it."""
    path = post.path.resolve()
    name = Path("results/values.yml")
    yield path.parent / name
    site = next((folder for folder in path.parents if (folder / SITE_FILE).is_file()), None)
    if site is None:
        return
    place = path.relative_to(site).parts
    if place[0] == "_submissions":
        yield site / "projects" / post.slug / name
    else:
        yield site.joinpath(*place[1:]) / name
        yield site.joinpath(*place[1:-1]) / name


_UNKNOWN = ""
"""Of a key that the results say nothing of."""


def _value_now(results: Mapping[str, Any], key: str) -> str | None:
    """What a key stands for in the results, as a page shows it; None where it is gone, empty where it is no result."""
    parts = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", key)]
    data: Any = results
    for part in parts:
        if not isinstance(data, Mapping):
            return _UNKNOWN
        if part not in data:
            return None if parts[0] in RESULTS and parts[0] in results else _UNKNOWN
        data = data[part]
    if isinstance(data, list) and len(data) == 1:
        (data,) = data
    return shown(data).strip() if isinstance(data, str | int | float) else _UNKNOWN


def _literals(post: Post, paths: ProjectPaths) -> Iterator[Fault]:
    """A number typed by hand that the results held once, under a name that means another number today."""
    assert post.source is not None
    if not paths.values.is_file():
        return
    now = _values_by_name(paths.values.read_text(encoding="utf-8", errors="replace"))
    current = {number for value in now.values() for number in _quotable(value)}
    before: dict[str, tuple[str, str]] = {}
    for text in versions(paths.values, _HISTORY):
        for name, value in _values_by_name(text).items():
            if name in now and value != now[name]:
                for number in _quotable(value):
                    if number not in current:
                        before.setdefault(number, (name, now[name]))
    if not before:
        return
    known = "|".join(sorted(map(re.escape, before), key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w.,])(?:{known})(?!\w|[.,]\d)")
    for line in post.source.lines:
        if line.path.resolve().is_relative_to(paths.results.resolve()):
            continue  # an included table was made by gathering, and nobody typed it
        for match in pattern.finditer("" if line.code else _SHORTCODE.sub(" ", line.text)):
            name, value = before[match.group()]
            yield Fault(
                message=f"{match.group()} was {name} of earlier results, which is {value} now.",
                place=Place(path=line.path, line=line.number),
                fix=f"Quote it as {{{{< meta values.{name} >}}}}, so that it is never stale.",
            )


def _values_by_name(text: str) -> dict[str, str]:
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


def broken_conditions(post: Post) -> Iterator[Fault]:
    """Each sentence of the source that is bound to a condition which the results do not meet, or cannot tell."""
    assert post.project is not None and post.source is not None
    lines = ((line.path, line.number, "" if line.code else line.text) for line in post.source.lines)
    sentences = list(bound_sentences(lines))
    if not sentences:
        return
    path = ProjectPaths(folder=post.project).values
    document: Any = {}
    with suppress(ConfigError, OSError):
        document = read_yaml(path).data if path.is_file() else {}
    raw, texts = known_values(document)
    for one in sentences:
        place = Place(path=one.path, line=one.line)
        try:
            verdict = judge_condition(one.condition, raw, texts)
        except ConditionError as error:
            message = f'"{one.words}" is bound to `{one.condition}`, which cannot be decided: {error}.'
            yield Fault(message=message, place=place, fix="Write the condition so that today's results can decide it.")
            continue
        if not verdict.holds:
            message = f'"{one.words}" does not hold any more: `{one.condition}`, with {verdict.shown_values_text()}.'
            yield Fault(message=message, place=place)
