"""Where a comment belongs after the post was rendered again: attached, to be checked, or unanchored.

A passage is sought by its quotation and the words around it. Every candidate is scored from 0 to 1; at 0.8 it is taken,
from 0.6 somebody is asked, below that the comment is shown with its quotation and the revision it was made on. The
nearest block with an id is searched first. Nothing is attached to the best match merely because it is the best.

``interface/anchor.ts`` is the same rule in the browser; a test holds the two together.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from blogkit.page.places import ChartPlace, PageText, characters, utf16
from blogkit.review.approximate import distance, search
from blogkit.review.record import Document

ATTACHED = 0.8
TO_CHECK = 0.6
SURE = 0.9
"""From here on the words at the new place stand for the comment in the next revision."""
LONG = 48
"""Characters from which words that stand in one place only speak for themselves: of the quotation, or of it together
with what stood before it or after it."""
TIE = 0.03
"""Two places whose scores differ by less than this are look-alikes: somebody is asked."""
CONTEXT = 48
"""Characters of context that a quotation carries on each side."""
CHANCE = 0.45
"""Likeness that two unrelated stretches of English have by chance: it counts as none."""
MOST_ERRORS = 0.5
"""Share of a quotation that may differ where only something similar is left."""


class AnchorState(StrEnum):
    """What became of a comment's place."""

    ATTACHED = "attached"
    CHECK = "check"
    """Moved? Somebody should look."""
    UNANCHORED = "unanchored"


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A comment's place in one revision."""

    state: AnchorState
    score: float = 0.0
    start: int | None = None
    end: int | None = None
    """Of a passage, in the page's text; of an equation or a picture, its number; of a cell, those of its table and
    row."""
    block: str | None = None
    change: str = ""
    """What the place shows now and showed then: ``was 0.280, now 0.336``."""


UNANCHORED = Anchor(state=AnchorState.UNANCHORED)


def describe(page: PageText, start: int, end: int) -> list[Document]:
    """The selectors of a passage, as the browser makes them."""
    block = page.block_at(start, end)
    first, last = max(0, start - CONTEXT), min(len(page.text), end + CONTEXT)
    first += _splits_character(page.text, first)
    last -= _splits_character(page.text, last)
    selectors: list[Document] = [
        {
            "type": "TextQuoteSelector",
            "exact": characters(page.text[start:end]),
            "prefix": characters(page.text[first:start]),
            "suffix": characters(page.text[end:last]),
        },
        {"type": "TextPositionSelector", "start": start, "end": end},
    ]
    if block is not None:
        selectors.append(fragment(block.id))
    return selectors


def _splits_character(text: str, place: int) -> bool:
    """Whether a place lies within a character that is two units of UTF-16."""
    return 0 < place < len(text) and "\ud800" <= text[place - 1] <= "\udbff" and "\udc00" <= text[place] <= "\udfff"


def fragment(block: str) -> Document:
    """The selector of an element by its id."""
    return {"type": "FragmentSelector", "conformsTo": "http://tools.ietf.org/rfc/rfc3236", "value": block}


def anchor(page: PageText, selectors: Sequence[Document]) -> Anchor:
    """The place that selectors mean in a page; total: there is an answer for every list of selectors."""
    kinds = {str(selector["type"]): selector for selector in selectors}
    block = _block_of(selectors)
    if "blogkit:MarkSelector" in kinds:
        return _anchor_mark(page, kinds["blogkit:MarkSelector"], block)
    if "blogkit:CellSelector" in kinds:
        return _anchor_cell(page, kinds["blogkit:CellSelector"], block)
    if "blogkit:EquationSelector" in kinds:
        return _anchor_equation(page, kinds["blogkit:EquationSelector"], block)
    if "blogkit:ImageSelector" in kinds:
        return _anchor_image(page, kinds["blogkit:ImageSelector"], block)
    if "TextQuoteSelector" in kinds:
        position = kinds.get("TextPositionSelector")
        return _anchor_passage(page, kinds["TextQuoteSelector"], int(position["start"]) if position else None, block)
    if block is not None:
        found = page.block(block)
        if found is None:
            return UNANCHORED
        return Anchor(state=AnchorState.ATTACHED, score=1.0, start=found.start, end=found.end, block=block)
    return Anchor(state=AnchorState.ATTACHED, score=1.0)


def _block_of(selectors: Sequence[Document]) -> str | None:
    return next(
        (str(s["value"]) for s in selectors if s["type"] == "FragmentSelector" and "rfc3236" in s["conformsTo"]), None
    )


# --- a passage ------------------------------------------------------------------------------------------------------


def _anchor_passage(page: PageText, quote: Document, hint: int | None, block: str | None) -> Anchor:
    exact, prefix, suffix = (utf16(str(quote[name])) for name in ("exact", "prefix", "suffix"))
    if not exact:
        return UNANCHORED
    here = page.block(block) if block else None
    best: tuple[float, int, int] | None = None
    if here is not None:
        inside = _candidate_places(page.text, exact, prefix, suffix, here.start, here.end)
        best = _best_candidate(page.text, inside, exact, prefix, suffix, hint)
    if best is None or best[0] < ATTACHED:
        anywhere = _best_candidate(
            page.text,
            _candidate_places(page.text, exact, prefix, suffix, 0, len(page.text)),
            exact,
            prefix,
            suffix,
            hint,
        )
        if anywhere is not None and (best is None or anywhere[0] > best[0]):
            best = anywhere
    if best is None or best[0] < TO_CHECK:
        return UNANCHORED
    score, start, end = best
    owner = page.block_at(start, end)
    now = page.text[start:end]
    return Anchor(
        state=AnchorState.ATTACHED if score >= ATTACHED else AnchorState.CHECK,
        score=score,
        start=start,
        end=end,
        block=owner.id if owner else None,
        change="" if now == exact else _change_of_text(exact, now),
    )


def _candidate_places(text: str, exact: str, prefix: str, suffix: str, low: int, high: int) -> list[tuple[int, int]]:
    """The places of a stretch of text that could be meant: where the quotation stands, something like it, or where
    what stood before it and after it stand close together.
    """
    places: dict[tuple[int, int], None] = {}
    at = text.find(exact, low, high)
    while at != -1 and len(places) < 500:
        places[at, at + len(exact)] = None
        at = text.find(exact, at + 1, high)
    if not places:
        for match in search(text[low:high], exact, int(len(exact) * MOST_ERRORS)):
            places[low + match.start, low + match.end] = None
    for place in _places_between(text, exact, prefix, suffix, low, high):
        places[place] = None
    return list(places)


def _places_between(text: str, exact: str, prefix: str, suffix: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Where the nearest words before and after the quotation stand, with about as much between them as it had."""
    before, after = prefix[-16:], suffix[:16]
    if len(before) < 8 or len(after) < 8:
        return
    at = text.find(before, low, high)
    tries = 0
    while at != -1 and tries < 100:
        start = at + len(before)
        end = text.find(after, start, min(high + len(after), start + 2 * len(exact) + 24 + len(after)))
        if end > start:
            yield start, end
        at = text.find(before, at + 1, high)
        tries += 1


def _best_candidate(
    text: str, places: Sequence[tuple[int, int]], exact: str, prefix: str, suffix: str, hint: int | None
) -> tuple[float, int, int] | None:
    """The candidate with the highest score; of equals, the earlier. A look-alike elsewhere keeps it below ATTACHED."""
    scored = sorted(
        ((_place_score(text, start, end, exact, prefix, suffix, hint), start, end) for start, end in places),
        key=lambda one: (-one[0], one[1], one[2]),
    )
    if not scored:
        return None
    score, start, end = scored[0]
    if score < ATTACHED and _quotation_speaks(text, start, end, exact, prefix, suffix):
        score = ATTACHED
    for other, first, last in scored[1:]:
        if other < score - TIE:
            break
        if first >= end or last <= start:
            return min(score, ATTACHED - 0.01), start, end
    return score, start, end


def _quotation_speaks(text: str, start: int, end: int, exact: str, prefix: str, suffix: str) -> bool:
    """Whether the quotation stands here word for word, and it is long, or one side of it is the same, and is unique."""
    if text[start:end] != exact:
        return False
    for before, after in (("", ""), (prefix, ""), ("", suffix)):
        whole = before + exact + after
        at = start - len(before)
        if len(whole) >= LONG and text.find(whole) == at and text.rfind(whole) == at:
            return True
    return False


def _place_score(text: str, start: int, end: int, exact: str, prefix: str, suffix: str, hint: int | None) -> float:
    """How well a place fits: the quotation counts 50, the words before and after 20 each, the position 2, of 92."""
    quoted = _text_likeness(text[start:end], exact)
    before = _likeness_near(text[max(0, start - len(prefix)) : start], prefix)
    after = _likeness_near(text[end : end + len(suffix)], suffix)
    near = 1.0 if hint is None or not text else 1.0 - min(1.0, abs(start - hint) / len(text))
    return (50 * quoted + 20 * before + 20 * after + 2 * near) / 92


def _text_likeness(there: str, sought: str) -> float:
    """1 for the same text, 0 for one that shares nothing with it; surplus counts as much as what is missing."""
    if there == sought:
        return 1.0
    errors = max(distance(there, sought), distance(sought, there))
    return max(0.0, 1.0 - errors / max(len(sought), 1))


def _likeness_near(there: str, sought: str) -> float:
    if there == sought:  # also where a passage begins or ends the page and nothing is sought
        return 1.0
    if not sought:
        return 1.0
    return max(0.0, 1.0 - distance(there, sought) / len(sought) - CHANCE) / (1.0 - CHANCE)


def _change_of_text(then: str, now: str) -> str:
    return f"was “{_short_text(characters(then))}”, now “{_short_text(characters(now))}”"


def _short_text(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# --- equations, images, cells, marks --------------------------------------------------------------------------------


def _anchor_equation(page: PageText, selector: Document, block: str | None) -> Anchor:
    """A formula is known by its text and, where others are equal, by the words around it or its place among them.

    One that stands between the same words and reads otherwise now is offered, never taken for an equal one elsewhere.
    """
    sought, index = utf16(str(selector["tex"])), int(selector["index"])
    scored: list[tuple[float, int]] = []
    for number, equation in enumerate(page.equations):
        score = _equation_score(page, number, selector, sought)
        same_block = block is not None and equation.block == block
        if same_block and str(block).startswith("eq-"):
            score = 1.0 if equation.text == sought else max(score, 0.7)
        scored.append((score + 0.01 * same_block + 0.005 * (number == index), number))
    if not scored:
        return UNANCHORED
    scored.sort(key=lambda one: (-one[0], one[1]))
    score, place = scored[0]
    now = page.equations[place]
    twins = [number for other, number in scored[1:] if other >= score - TIE and page.equations[number].text == now.text]
    if twins and place != index:
        score = min(score, ATTACHED - 0.01)  # look-alikes: somebody is asked
    change = "" if now.text == sought else _change_of_text(sought, now.text)
    return _graded_anchor(min(score, 1.0), now.block, change, start=place)


def _equation_score(page: PageText, number: int, selector: Document, sought: str) -> float:
    """How well a formula fits, from 0 to 1: its text, and the words before and after it where these were kept."""
    equation = page.equations[number]
    likeness = min(_text_likeness(equation.text, sought), _text_likeness(sought, equation.text))
    if "prefix" not in selector:  # made by an earlier blogkit
        return 0.9 * likeness if equation.text == sought else 0.85 * likeness
    prefix, suffix = utf16(str(selector["prefix"])), utf16(str(selector["suffix"]))
    start, end = equation.start, equation.start + len(equation.text)
    before = _likeness_near(page.text[max(0, start - len(prefix)) : start], prefix)
    after = _likeness_near(page.text[end : end + len(suffix)], suffix)
    score = (50 * likeness + 21 * before + 21 * after) / 92
    if equation.text == sought:
        alone = sum(other.text == sought for other in page.equations) == 1
        if max(before, after) >= 0.9 or (alone and len(sought) >= 12):
            return max(score, ATTACHED)
        return score
    if min(before, after) >= 0.8:  # the same words around it: the formula itself was changed
        return min(max(score, 0.7), ATTACHED - 0.01) if likeness < ATTACHED else score
    return min(score, ATTACHED - 0.01)


def _anchor_image(page: PageText, selector: Document, block: str | None) -> Anchor:
    source, index = str(selector["source"]), int(selector["index"])
    for number, image in enumerate(page.images):
        if image.source == source and (block is None or image.block == block):
            return Anchor(state=AnchorState.ATTACHED, score=1.0, block=image.block, start=number)
    here = [(number, image) for number, image in enumerate(page.images) if block and image.block == block]
    if len(here) == 1 and str(block).startswith(("fig-", "tbl-")):
        return Anchor(
            state=AnchorState.CHECK, score=0.7, block=block, start=here[0][0], change="the picture was drawn anew"
        )
    elsewhere = [number for number, image in enumerate(page.images) if image.source == source]
    if len(elsewhere) == 1 or index in elsewhere:
        number = index if index in elsewhere else elsewhere[0]
        return Anchor(state=AnchorState.CHECK, score=0.7, block=page.images[number].block, start=number)
    return UNANCHORED


def _anchor_cell(page: PageText, selector: Document, block: str | None) -> Anchor:
    """A cell is named by the heading of its column and by its row's first cells, as many as tell the row from others.

    A renamed one is not guessed; where only the first cell of the row is left, somebody is asked.
    """
    row, column, value = (utf16(str(selector[name])) for name in ("row", "column", "value"))
    key = tuple(utf16(str(cell)) for cell in selector.get("cells") or (row,))
    there = [table for table in page.tables if block and table.block == block]
    rows = [
        (table, number, line, line[table.rows[0].index(column)])
        for table in there or page.tables
        if table.rows and column in table.rows[0]
        for number, line in enumerate(table.rows)
        if table.rows[0].index(column) < len(line)
    ]
    found = [(table, number, now) for table, number, line, now in rows if line[: len(key)] == key]
    sure = len(found) == 1 and (bool(there) or (block is None and found[0][2] == value))
    if not found:
        found = [(table, number, now) for table, number, line, now in rows if line[0] == row]
    if not found:
        return UNANCHORED
    same = [one for one in found if one[2] == value]
    table, number, now = (same or found)[0]
    return Anchor(
        state=AnchorState.ATTACHED if sure else AnchorState.CHECK,
        score=1.0 if sure else 0.7,
        start=next(place for place, one in enumerate(page.tables) if one is table),
        end=number,
        block=table.block,
        change="" if now == value else f"was {characters(value)}, now {characters(now)}",
    )


def _anchor_mark(page: PageText, selector: Document, block: str | None) -> Anchor:
    """A mark is named by its row or group of rows, a series by its one; a state of the view needs only its chart."""
    chart = _chart_of(page, selector, block)
    if chart is None:
        return UNANCHORED
    if selector["part"] == "state":
        return Anchor(state=AnchorState.ATTACHED, score=1.0, block=block)
    found = _find_mark(chart, selector)
    if not found.rows:
        return UNANCHORED
    state = AnchorState.ATTACHED if found.sure else AnchorState.CHECK
    shown = ""
    if selector["part"] == "mark" and found.sure:
        then = selector.get("value") or {}
        now = {name: _shown_value(found.rows, name, row=selector.get("of") == "row") for name in then}
        shown = "; ".join(
            f"was {_number_text(then[name])}, now {_number_text(value)}"
            for name, value in now.items()
            if value is not None and _number_text(value) != _number_text(then[name])
        )
    return Anchor(state=state, score=1.0 if found.sure else 0.7, block=block, change=shown)


def _chart_of(page: PageText, selector: Document, block: str | None) -> ChartPlace | None:
    charts = [chart for chart in page.charts if chart.block == block]
    number = int(selector.get("chart") or 0)
    return charts[number] if number < len(charts) else None


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """What stands behind a mark in one revision."""

    rows: Sequence[Mapping[str, Any]]
    sure: bool = True
    """Whether it can be no other mark's."""
    data: int | None = None
    """The data set that holds the rows."""
    fields: Mapping[str, Any] | None = None
    """What names the mark here, where it is another run by the same parameters."""


_NO_MARK = _Mark(rows=())


def marked_rows(page: PageText, selectors: Sequence[Document]) -> Sequence[Mapping[str, Any]]:
    """The rows of a page's chart that a mark or a series shows; none where it is not there."""
    mark = next(one for one in selectors if one["type"] == "blogkit:MarkSelector")
    chart = _chart_of(page, mark, _block_of(selectors))
    return _find_mark(chart, mark).rows if chart is not None else ()


def _find_mark(chart: ChartPlace, selector: Document) -> _Mark:
    """The rows of a mark or a series: in its own data set and panel; in another one only where that is no guess."""
    fields = selector.get("fields") or {}
    if "data" not in selector:  # made by an earlier blogkit, from all rows of the chart
        rows = find_rows(chart, fields)
        values = [[row.get(name) for name in selector.get("value") or {}] for row in rows]
        return _Mark(rows=rows, sure=all(one == values[0] for one in values) or selector["part"] != "mark")
    panel, index = selector.get("panel"), int(selector["data"])
    eligible = [number for number, one in enumerate(chart.sets) if not panel or panel in one.panels]
    named = bool(eligible)
    for number in eligible or range(len(chart.sets)):
        found = _in_set(chart, number, selector)
        if found.rows and number == index and len(chart.sets) == selector.get("sets"):
            return replace(found, sure=found.sure and named)
    several = [one for number in eligible or range(len(chart.sets)) if (one := _in_set(chart, number, selector)).rows]
    if not several:
        return _NO_MARK
    first = next((one for one in several if one.data == index), several[0])
    return replace(first, sure=first.sure and named and len(several) == 1)


def _in_set(chart: ChartPlace, number: int, selector: Document) -> _Mark:
    """The rows of a mark or a series in one data set; a run that is gone is sought by its parameters."""
    fields = dict(selector.get("fields") or {})
    rows = chart.sets[number].rows
    found = _rows_with(rows, fields)
    moved = None
    if not found and "run" in fields and selector.get("made"):
        made = selector["made"]
        again = [run for run in chart.runs if all(_equal_values(run.get(name), value) for name, value in made.items())]
        if len(again) == 1:
            moved = {**fields, "run": again[0].get("id")}
            found = _rows_with(rows, moved)
    alone = selector.get("of") != "row" or len(found) < 2 or all(row == found[0] for row in found)
    return _Mark(rows=found, sure=alone, data=number, fields=moved)


def _rows_with(rows: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in rows if all(_equal_values(row.get(name), value) for name, value in fields.items())]


def _equal_values(one: Any, other: Any) -> bool:
    """Equal as the row holds it: the number 1 is neither the text "1" nor true."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def find_rows(chart: ChartPlace, fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a chart's data that have all these values; where none has, those that differ in the fifth digit."""
    if not fields:
        return []
    return _rows_with(chart.rows, fields) or [
        row for row in chart.rows if all(_same_value(row.get(name), value) for name, value in fields.items())
    ]


_REDUCE: Mapping[str, Callable[[list[float]], float]] = {
    "mean": statistics.fmean,
    "average": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "sum": math.fsum,
    "valid": len,
    "distinct": lambda numbers: len(set(numbers)),
    "stdev": lambda numbers: statistics.stdev(numbers) if len(numbers) > 1 else 0.0,
    "variance": lambda numbers: statistics.variance(numbers) if len(numbers) > 1 else 0.0,
}


def _shown_value(rows: Sequence[Mapping[str, Any]], name: str, *, row: bool) -> Any:
    """What the mark of some rows shows: their value, or the aggregate that Vega-Lite calls ``mean_loss``."""
    if name in rows[0]:
        return rows[0][name] if row or all(_equal_values(one.get(name), rows[0][name]) for one in rows) else None
    if name == "__count" and not row:
        return len(rows)
    how, _, of = name.partition("_")
    numbers = [one[of] for one in rows if isinstance(one.get(of), (int, float)) and not isinstance(one[of], bool)]
    return _REDUCE[how](numbers) if numbers and how in _REDUCE and not row else None


def _same_value(one: Any, other: Any) -> bool:
    """Equal, where numbers may differ by what drawing needs no more of: four digits."""
    numeric = (int, float)
    if isinstance(one, bool) or isinstance(other, bool):
        return _equal_values(one, other)
    if isinstance(one, numeric) and isinstance(other, numeric):
        return abs(one - other) <= 5e-4 * max(abs(one), abs(other)) or one == other
    return bool(one == other)


def _number_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _graded_anchor(score: float, block: str | None, change: str, start: int | None = None) -> Anchor:
    if score < TO_CHECK:
        return UNANCHORED
    state = AnchorState.ATTACHED if score >= ATTACHED else AnchorState.CHECK
    return Anchor(state=state, score=score, block=block, change=change, start=start)


# --- from revision to revision --------------------------------------------------------------------------------------


def follow(pages: Sequence[PageText], selectors: Sequence[Document]) -> Anchor:
    """A comment's place in the last of some revisions, the first being the one it was made on.

    Where it surely is the same, its words are taken anew, so that many small edits are followed step by step.
    When the step fails, the words that were quoted first are tried as well, since an edit may have been taken back.
    """
    current: Sequence[Document] = selectors
    place = anchor(pages[0], selectors) if pages else UNANCHORED
    for page in pages[1:]:
        place = anchor(page, current)
        if place.state is not AnchorState.ATTACHED and current is not selectors:
            again = anchor(page, selectors)
            if again.score > place.score:
                place = again
        current = refreshed(page, current, place)
    mark = next((one for one in selectors if one["type"] == "blogkit:MarkSelector"), None)
    return _change_of_mark(pages, selectors, current, place) if mark and mark["part"] == "mark" and pages else place


def _change_of_mark(
    pages: Sequence[PageText], selectors: Sequence[Document], current: Sequence[Document], place: Anchor
) -> Anchor:
    """What is said of a mark's values, where that is sure.

    Whoever cannot find on the commented revision what the mark showed there cannot say what it shows now. A bin or a
    sample of a curve is in no row: it is surely the same only while the rows behind it are.
    """
    if place.change and anchor(pages[0], selectors).change:
        place = replace(place, change="")
    mark = next(one for one in current if one["type"] == "blogkit:MarkSelector")
    if place.state is AnchorState.ATTACHED and mark.get("computed") and mark.get("of") == "rows":
        block = _block_of(selectors)
        charts = [_chart_of(page, mark, block) for page in (pages[0], pages[-1])]
        then, now = (_find_mark(chart, mark).rows if chart else () for chart in charts)
        if list(then) != list(now):
            return replace(place, state=AnchorState.CHECK, score=0.7, change="")
    return place


def refreshed(page: PageText, selectors: Sequence[Document], place: Anchor) -> Sequence[Document]:
    """The selectors with the words that stand at a passage now, where it is surely the same; others as they are."""
    is_passage = any(selector["type"] == "TextQuoteSelector" for selector in selectors)
    if is_passage and place.score >= SURE and place.start is not None and place.end is not None:
        return describe(page, place.start, place.end)
    if place.state is AnchorState.ATTACHED:
        return [_refreshed_mark(page, one, place.block) for one in selectors]
    return selectors


def _refreshed_mark(page: PageText, selector: Document, block: str | None) -> Document:
    """A mark by the data set that it stands in now, and by the run that took its run's place; others as they are."""
    chart = _chart_of(page, selector, block) if selector["type"] == "blogkit:MarkSelector" else None
    if chart is None or "data" not in selector or selector["part"] == "state":
        return selector
    found = _find_mark(chart, selector)
    if found.data is None:
        return selector
    return {
        **selector,
        "data": found.data,
        "sets": len(chart.sets),
        **({"fields": found.fields} if found.fields else {}),
    }
