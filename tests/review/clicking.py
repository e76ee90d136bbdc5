"""Clicks the marks of a post's charts in a browser, and judges what the comments say: now, and after a re-run."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from blogkit.page.charts import DataSet
from blogkit.page.places import PageText, read_page
from blogkit.review.anchor import AnchorState, follow, marked_rows, refreshed
from blogkit.review.posts import prepare_post
from blogkit.review.record import Document
from blogkit.review.roster import Roster
from blogkit.review.server.frame import frame_page

APP, POSTS = "http://app.test", "http://posts.test"
PARENT = f"""<!DOCTYPE html><title>Review</title><iframe id="post" sandbox="allow-scripts" src="{POSTS}/post"
style="width:1200px;height:8000px;border:0"></iframe><script>
window.said = []; window.ready = false;
addEventListener("message", (event) => {{
  if (event.data.type === "ready") {{
    window.ready = true;
    event.source.postMessage({{ blogkit: 1, type: "threads", threads: [], writable: true }}, "*");
  }} else if (event.data.type === "choose") window.said.push(event.data.choices);
}});
</script>"""
SCRIPT = (Path(__file__).parent / "clicking.js").read_text(encoding="utf-8")


@dataclass
class Clicked:
    """What the browser offered for one mark that was clicked, and the rows that are drawn where it was."""

    choices: list[dict[str, Any]]
    near: list[dict[str, Any]]


@dataclass
class Post:
    """A post's page, and what was clicked in each of its charts."""

    name: str
    page: PageText
    charts: int = 0
    without: list[str] = field(default_factory=list)
    """Charts in which no mark could be named."""
    clicked: list[Clicked] = field(default_factory=list)


def review_copy(page: Path, site: Path) -> str:
    """The page that a reviewer would get of a rendered post."""
    return prepare_post(page.parent.name, page, site, Roster(people=()), source=page.parent / "index.qmd").html


def open_frame(one: Any, copy: str) -> tuple[Any, Any]:
    """A review copy in its sandboxed frame, with a page around it that keeps what the frame says; comments are open."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "post.html"
        file.write_text(copy, encoding="utf-8")
        body, policy = frame_page(file, APP, custom=False)
    page = one.new_page(viewport={"width": 1280, "height": 900})
    headers = {"Content-Security-Policy": policy, "Content-Type": "text/html; charset=utf-8"}
    page.route(f"{POSTS}/**", lambda route: route.fulfill(body=body, headers=headers))
    page.route(f"{APP}/**", lambda route: route.fulfill(body=PARENT, content_type="text/html"))
    page.goto(f"{APP}/")
    page.wait_for_function("window.ready")
    frame = page.frames[1]
    frame.locator("body[data-review=open]").wait_for()
    return page, frame


def click_all(one: Any, name: str, copy: str, *, most: int, views: int) -> Post:
    """Clicks the marks of every chart of a review copy, in so many views of each."""
    post = Post(name=name, page=read_page(copy))
    page, frame = open_frame(one, copy)
    charts = frame.evaluate("document.querySelectorAll('[data-review-chart]').length")
    for number in range(charts):
        if not frame.evaluate(SCRIPT, ["wake", number]):
            continue
        post.charts += 1
        before = len(post.clicked)
        controls = frame.evaluate(SCRIPT, ["controls", number])
        settings = [(control, value) for control, values in enumerate(controls) for value in values]
        _click(page, frame, number, most, post)
        for control, value in settings[:: max(1, len(settings) // max(1, views - 1))][: views - 1]:
            frame.evaluate(SCRIPT, ["set", number, control, value])
            _click(page, frame, number, most, post)
        offered = [one for one in post.clicked[before:] if any(part(choice) == "mark" for choice in one.choices)]
        if not offered:
            post.without.append(f"{name}, chart {number + 1}")
    page.close()
    return post


def _click(page: Any, frame: Any, number: int, most: int, post: Post) -> None:
    page.evaluate("window.said = []")
    clicked = frame.evaluate(SCRIPT, ["click", number, most])
    page.wait_for_function("(wanted) => window.said.length >= wanted", arg=len(clicked))
    for choices, near in zip(page.evaluate("window.said"), clicked, strict=True):
        post.clicked.append(Clicked(choices=choices, near=near))


def mark_of(selectors: Sequence[Document]) -> Document:
    return next(one for one in selectors if one["type"] == "blogkit:MarkSelector")


def part(choice: Mapping[str, Any]) -> str:
    return str(mark_of(choice["selectors"])["part"])


def is_drawn_there(mark: Document, near: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the rows that are drawn where somebody clicked has the values by which the mark is named."""
    return any(
        all(name not in row or _alike(row[name], value) for name, value in (mark.get("fields") or {}).items())
        for row in near
    )


def _alike(drawn: Any, held: Any) -> bool:
    if drawn == held:
        return True
    try:
        return bool(float(drawn) == float(held))
    except (TypeError, ValueError):
        return isinstance(drawn, int | float) and isinstance(held, str)  # the text of a date


def judge_same(post: Post) -> Counter[str]:
    """How the comments fare when they are read again without a revision."""
    count: Counter[str] = Counter()
    for clicked in post.clicked:
        for choice in clicked.choices:
            kind = part(choice)
            place = follow([post.page], choice["selectors"])
            count[f"{kind}s"] += 1
            count[f"{kind}s changed"] += bool(place.change)
            count[f"{kind}s lost"] += place.state is AnchorState.UNANCHORED
            count[f"{kind}s to check"] += place.state is AnchorState.CHECK
            if kind == "mark":
                count["marks elsewhere"] += not is_drawn_there(mark_of(choice["selectors"]), clicked.near)
    return count


# --- the figures run again ------------------------------------------------------------------------------------------


@dataclass
class Again:
    """A page whose data were made anew, and which old row each new one is, by identity."""

    page: PageText
    origin: dict[int, Mapping[str, Any]]


CHOSEN = frozenset({"at", "lr", "x", "known", "chance", "t"})
"""Columns of the posts' figures that a notebook sets, though they hold fractions: places on an axis."""


def measured_columns(rows: Sequence[Mapping[str, Any]], shown: set[str]) -> set[str]:
    """The columns that a re-run changes: what a mark measures, and numbers that are mostly different and not whole."""
    found = set()
    for name in set(rows[0]) - CHOSEN if rows else ():
        values = [value for row in rows if isinstance(value := row.get(name), float)]
        fractions = sum(not value.is_integer() for value in values)
        if values and fractions > len(values) / 2 and (name in shown or len(set(values)) > len(rows) / 2):
            found.add(name)
    return found


def run_again(page: PageText, shown: Mapping[tuple[str, int], set[str]], generator: random.Random) -> Again:
    """The page after its runs were made again: other values, another order, a tenth of the rows gone, some new."""
    origin: dict[int, Mapping[str, Any]] = {}
    charts = []
    for chart in page.charts:
        sets = []
        for number, one in enumerate(chart.sets):
            measured = measured_columns(one.rows, shown.get((chart.block, number), set()))
            kept = [row for row in one.rows if len(one.rows) < 5 or generator.random() > 0.1]
            rows: list[dict[str, Any]] = []
            for row in kept:
                factor = 1 + generator.uniform(-0.2, 0.2)
                new = {k: v * factor if k in measured and isinstance(v, float) else v for k, v in row.items()}
                origin[id(new)] = row
                rows.append(new)
            generator.shuffle(rows)
            sets.append(DataSet(rows=tuple(rows), panels=one.panels))
        every = tuple(row for one in sets for row in one.rows)
        charts.append(replace(chart, sets=tuple(sets), rows=every))
    return Again(page=replace(page, charts=tuple(charts)), origin=origin)


def judge_again(post: Post, generator: random.Random) -> Counter[str]:
    """How the comments on marks fare after a re-run; the truth is the row that each was drawn from."""
    count: Counter[str] = Counter()
    shown: dict[tuple[str, int], set[str]] = {}
    every = [choice["selectors"] for one in post.clicked for choice in one.choices if part(choice) == "mark"]
    for selectors in every:
        mark = mark_of(selectors)
        shown.setdefault((str(selectors[0]["value"]), int(mark.get("data", 0))), set()).update(mark["value"])
    again = run_again(post.page, shown, generator)
    kept = {id(row) for row in again.origin.values()}
    for selectors in every:
        mark = mark_of(selectors)
        before = marked_rows(post.page, selectors)
        if mark.get("of") != "row" or len(before) != 1:
            count["not of one row"] += 1
            continue
        place = follow([post.page, again.page], selectors)
        now = marked_rows(again.page, refreshed(again.page, selectors, place))
        exists = id(before[0]) in kept
        attached = place.state is AnchorState.ATTACHED
        right = attached and len(now) == 1 and again.origin[id(now[0])] is before[0]
        count["there"] += exists
        count["there, attached"] += exists and right
        count["there, to check"] += exists and place.state is AnchorState.CHECK
        count["attached"] += attached
        if exists and not right:
            count[f"not attached: {post.name} {selectors[0]['value']} by {', '.join(mark['fields'])}"] += 1
        count["attached to another"] += attached and not right
        if right:
            count["said right"] += place.change == told(before[0], now[0], mark["value"])
    return count


def told(before: Mapping[str, Any], now: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """What should be said of the values that a mark shows."""
    pairs = [(digits(before[name]), digits(now[name])) for name in shown if name in before]
    return "; ".join(f"was {then}, now {there}" for then, there in pairs if then != there)


def digits(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
