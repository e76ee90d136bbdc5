"""What a figure says of itself: its name and description for those who cannot see it, and how it was made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import html

from blogkit.page.rows import Table
from blogkit.render.finish.tree import element


def said_of(spec: Mapping[str, Any], image: html.HtmlElement, table: Table | None) -> tuple[str, str]:
    """A figure's name and its description: from the image's alternative text, else from the chart itself."""
    alternative = " ".join((image.get("alt") or "").split())
    title = spec.get("title")
    named = title.get("text") if isinstance(title, dict) else title
    named = " ".join(map(str, named)) if isinstance(named, list) else str(named or spec.get("description") or "")
    axes = _axes(spec)
    if not alternative:
        return named or axes or "Chart", axes if named else ""
    first = re.match(r"(.+?[.!?])\s+(?=[A-Z(])(.+)", alternative)
    if first:
        return first.group(1), first.group(2)
    rows = f" {table.rows:,} rows of data." if table is not None else ""
    return alternative, f"{axes}.{rows}".strip() if axes else rows.strip()


def _axes(spec: Mapping[str, Any]) -> str:
    """Which quantity stands over which, as the first axes of a chart say."""
    titles: dict[str, str] = {}
    for encoding in _encodings(spec):
        for channel in ("x", "y"):
            definition = encoding.get(channel)
            if isinstance(definition, dict) and channel not in titles:
                field = definition.get("field")
                plain = re.sub(r"\\(.)", r"\1", field) if isinstance(field, str) else field
                words = definition.get("title") or plain
                if isinstance(words, str):
                    titles[channel] = words
    return f"{titles['y']} over {titles['x']}" if len(titles) == 2 else next(iter(titles.values()), "")


def _encodings(spec: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(spec, dict):
        if isinstance(spec.get("encoding"), dict):
            yield spec["encoding"]
        for key in ("layer", "hconcat", "vconcat", "concat", "spec"):
            yield from _encodings(spec.get(key))
    elif isinstance(spec, list):
        for part in spec:
            yield from _encodings(part)


def made_how(spec: Mapping[str, Any], downloads: Sequence[tuple[str, str]]) -> html.HtmlElement:
    """The disclosure "How this was made": the runs behind the figure, and its data and specification to take away."""
    meta = spec.get("usermeta")
    origin = meta.get("blogkit") if isinstance(meta, dict) else None
    lines: list[html.HtmlElement] = [
        element("li", {}, line) for line in _origin_lines(origin if isinstance(origin, dict) else {})
    ]
    command = origin.get("command") if isinstance(origin, dict) else None
    if isinstance(command, str) and command:
        lines.append(element("li", {}, "Made again by ", element("code", {}, command)))
    links: list[html.HtmlElement | str] = []
    for address, name in downloads:
        links += [", " if links else "", element("a", {"href": address, "download": ""}, name)]
    lines.append(element("li", {}, "Take it away: ", *links))
    return element(
        "details", {"class": "bk-origin"}, element("summary", {}, "How this was made"), element("ul", {}, *lines)
    )


def _origin_lines(origin: Mapping[str, Any]) -> Iterator[str]:
    """What the provenance of a figure says, a sentence a line; what is not there is not said."""
    runs, seeds = origin.get("runs"), origin.get("seeds")
    if isinstance(runs, list) and runs:
        number = f"{len(runs):,} {'run' if len(runs) == 1 else 'runs'}"
        yield number + (f" over {seeds} seeds" if isinstance(seeds, int) and seeds > 1 else "") + _varied(origin)
    elif isinstance(table := origin.get("table_runs"), int):
        number = f"From the gathered table of {table:,} {'run' if table == 1 else 'runs'}"
        yield number + (f" over {seeds} seeds" if isinstance(seeds, int) and seeds > 1 else "") + _varied(origin)
    if isinstance(planned := origin.get("planned"), str):
        yield f"The gathered table holds {planned}"
    facts = []
    devices, seconds = origin.get("devices"), origin.get("seconds")
    if isinstance(devices, list) and devices:
        facts.append("on " + ", ".join(map(str, devices)))
    if isinstance(seconds, (int, float)):
        facts.append(f"in {seconds:,.0f} s" if seconds >= 10 else f"in {seconds:.1f} s")
    facts += _code(origin)
    if facts:
        yield "Computed " + ", ".join(facts)
    if isinstance(read := origin.get("read"), list) and read:
        yield "From data that these runs did not make: " + ", ".join(map(str, read[:6]))
    if isinstance(mixed := origin.get("mixed"), list) and mixed:
        yield "Not all of one version: " + "; ".join(map(str, mixed[:6]))
    if origin.get("notebook"):
        cell = f", cell {origin['cell']}" if origin.get("cell") else ""
        yield f"Drawn by {origin['notebook']}{cell}"


def _code(origin: Mapping[str, Any]) -> Iterator[str]:
    """Which commits hold the code, and what of it no commit holds."""
    commits, dirty, untracked = origin.get("commits"), origin.get("dirty"), origin.get("untracked")
    if isinstance(commits, list) and commits:
        # Read again where a review is made anonymous: the hashes stand right behind the word.
        yield "from commit " + ", ".join(str(commit)[:10] for commit in commits[:3])
    if dirty:
        yield "with changes that no commit holds" + ("" if dirty == "all" else f" ({dirty} runs)")
    if untracked:
        yield "from files that no commit holds" + ("" if untracked == "all" else f" ({untracked} runs)")


def _varied(origin: Mapping[str, Any]) -> str:
    varied = origin.get("varied")
    if not isinstance(varied, dict) or not varied:
        return ""
    return "; varied: " + "; ".join(f"{name} ({_varied_values(values)})" for name, values in sorted(varied.items()))


def _varied_values(values: Any) -> str:
    values = values if isinstance(values, list) else [values]
    if len(values) <= 6:
        return ", ".join(map(str, values))
    if all(isinstance(value, (int, float)) for value in values):
        return f"{min(values)} to {max(values)}, {len(values)} values"
    return f"{', '.join(map(str, values[:5]))}, … {len(values)} values"
