"""Figures, tables, charts and equations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml.html import HtmlElement

from blogkit.check.claims import wrong_claims
from blogkit.check.files import RefusedSubmission
from blogkit.check.freshness import broken_conditions, stale, stale_values
from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile
from blogkit.check.rules import rule
from blogkit.check.source import Place
from blogkit.config import SWEEP_FILE
from blogkit.errors import StoreError
from blogkit.links import html_addresses, local_path, resolve
from blogkit.page import Float
from blogkit.page.seen import visible_text
from blogkit.page.tree import has_class, tag_of
from blogkit.store import ProjectPaths, read_results


@rule(
    "BK105",
    "figure-count",
    why="The venue asks for a number of figures or tables: too few show no evidence, too many bury it.",
    fix="Panels of one figure count as one; what is beyond the limit can stand in an appendix.",
)
def figure_count(post: Post, profile: Profile) -> Iterator[Fault]:
    """There are as many figures and tables as the venue asks for."""
    floats = [one for one in post.page.floats if one.zone == "body"]
    if len(floats) in profile.figures:
        return
    figures = sum(one.kind == "figure" for one in floats)
    tables = len(floats) - figures
    high = profile.figures.max
    place = Place(path=post.source.path) if post.source else post.at()
    if high is not None and len(floats) > high:
        one = floats[high]
        place = where(post, one)
    yield Fault(
        message=f"{_count_words(figures, 'figure')} and {_count_words(tables, 'table')}; {profile.figures} in all are asked for.",
        place=place,
    )


def _count_words(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def where(post: Post, one: Float) -> Place:
    """The source line of a figure or table."""
    sources = [local_path(image.get("src") or "") for image in one.images]
    names = [name.rsplit("/", 1)[-1] for name in sources if name]
    marks = [f"#{one.id}"] if one.id else []
    caption = re.sub(r"^\s*\w+\.?\s*[\w.]+\s*[:.]?\s*", "", one.caption) if one.number else one.caption
    return post.where(*marks, *sources, *names, text=caption, line=one.line)


@rule(
    "BK109",
    "figures",
    why="A figure is read before the text: its number lets the text point to it, its caption says what to see, its alt "
    "text says it to those who cannot, and axis titles with units say what was measured.",
    fix='`![What to see.](results/charts/NAME.svg){#fig-NAME fig-alt="What it shows, in a sentence."}`',
)
def figures(post: Post, profile: Profile) -> Iterator[Fault]:
    """Every figure and table has a number, a caption and an alt text, and every chart has axis titles."""
    for one in post.page.floats:
        if one.zone == "references":
            continue
        place = where(post, one)
        if not one.caption:
            yield Fault(message=f"{one.name} has no caption.", place=place)
        elif not one.number:
            yield Fault(
                message=f"{one.name} has a caption but no number.",
                place=place,
                fix="Give it an id that begins with #fig- or #tbl-, or begin the caption with its number.",
            )
        elif len(re.sub(r"^\s*\w+\.?\s*[\w.]+\s*[:.]?\s*", "", one.caption)) < 3:
            yield Fault(message=f"the caption of {one.name} says nothing.", place=place)
        for image in one.images if one.kind == "figure" else []:
            missing = _without_words(image)
            if missing:
                yield Fault(message=f"{_picture(image)} of {one.name} has no {missing}.", place=place)
    for image in post.page.main.iter("img"):
        if image.get("alt") is None and not any(image in set(one.element.iter()) for one in post.page.floats):
            yield Fault(
                message=f"{_picture(image)} has no alt text.",
                place=post.where(local_path(image.get("src") or ""), line=image.sourceline),
                fix='Describe it in `fig-alt`, or write `alt=""` when it is only decoration.',
            )
    yield from _axes(post)


def _picture(image: HtmlElement) -> str:
    source = image.get("src") or ""
    name = local_path(source).rsplit("/", 1)[-1]
    words = {
        "img": "the image",
        "svg": "the drawing",
        "video": "the video",
        "canvas": "the canvas",
        "iframe": "the frame",
    }
    return f"{words.get(tag_of(image), 'a picture')}{f' {name}' if name and not source.startswith('data:') else ''}"


def _without_words(image: HtmlElement) -> str:
    """What a picture lacks to be described to someone who cannot see it; nothing when it has it."""
    labelled = (image.get("aria-label") or image.get("title") or image.get("aria-labelledby") or "").strip()
    alt = (image.get("alt") or "").strip()
    for up in (image, *image.iterancestors()):
        if tag_of(up) in {"main", "body"}:
            break
        if (
            up is not image
            and up.get("role") in {"img", "figure", "graphics-document"}
            and (up.get("aria-label") or "").strip()
        ):
            return ""
        if up.get("aria-hidden") == "true":
            return ""
    if tag_of(image) == "img":
        if alt and re.fullmatch(r"(?:image|figure|picture|img|plot|graph|chart|photo|alt text)?\s*\d*", alt, re.I):
            return f'alt text that says anything: it is "{alt}"'
        if alt and re.fullmatch(r"[\w\-/. ]+\.(?:png|jpe?g|svg|gif|webp)", alt, re.I):
            return f'alt text that says anything: it is the file name "{alt}"'
        return "" if alt or labelled else "alt text"
    if tag_of(image) == "svg":
        title = next(
            (visible_svg(one) for one in image.iter() if tag_of(one) in {"title", "desc"} and visible_svg(one)), ""
        )
        return "" if labelled or title else "text for those who cannot see it"
    if tag_of(image) == "iframe":
        return "" if labelled else "title"
    if tag_of(image) in {"video", "canvas", "object", "embed"}:
        return "" if labelled or visible_text(image) or next(image.iter("track"), None) is not None else "label"
    return ""


def visible_svg(element: HtmlElement) -> str:
    """The text of a title or description inside a drawing."""
    return (element.text or "").strip()


def _axes(post: Post) -> Iterator[Fault]:
    for name, place, specification in charts(post):
        for fault in axis_faults(specification):
            yield Fault(
                message=f"the chart {name}: {fault}",
                place=place,
                fix="Give it in the notebook: `alt.X('column', title='Test error (%)')`.",
            )


def charts(post: Post) -> Iterator[tuple[str, Place, Mapping[str, Any]]]:
    """The Vega-Lite specifications of a post's figures: files beside the drawings, and those in the page."""
    done: set[str] = set()
    for address in html_addresses(post.page.main):
        path = address.path
        if not path.endswith((".svg", ".png", ".vl.json")) or post.page_name is None:
            continue
        stem = re.sub(r"\.(?:svg|png|vl\.json)$", "", path)
        target = resolve(post.page_name, f"{stem}.vl.json")
        if target is None or target in done:
            continue
        done.add(target)
        text = ""
        place = post.file(target)
        beside = post.project / f"{stem}.vl.json" if post.project is not None else None
        if beside is not None and beside.is_file():
            text, place = beside.read_text(encoding="utf-8", errors="replace"), Place(path=beside)
        elif post.files.exists(target):
            try:
                text = post.files.read(target).decode("utf-8", "replace")
            except RefusedSubmission:
                continue
        specification = _json(text)
        if specification is not None:
            yield stem.rsplit("/", 1)[-1], place, specification
    if post.page_name is None:
        return
    for chart in post.page.charts:
        if chart.specification is not None:
            yield "in the page", post.at(chart.line), chart.specification


def _json(text: str) -> Mapping[str, Any] | None:
    if not text.strip().startswith("{"):
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def axis_faults(specification: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """What the axes of a Vega-Lite chart lack, one sentence for each."""
    if depth > 12:
        return
    for key in ("hconcat", "vconcat", "concat"):
        for view in specification.get(key) or []:
            if isinstance(view, Mapping):
                yield from axis_faults(view, depth + 1)
    inner = specification.get("spec")
    if isinstance(inner, Mapping):
        yield from axis_faults(inner, depth + 1)
    layers = _layers(specification)
    if not layers or any(key in specification for key in ("hconcat", "vconcat", "concat", "spec")):
        return
    for channel in ("x", "y"):
        encodings = [layer[channel] for layer in layers if isinstance(layer.get(channel), Mapping)]
        drawn = [one for one in encodings if one.get("field") or one.get("aggregate")]
        drawn = [one for one in drawn if "axis" not in one or one["axis"] is not None]
        drawn = [one for one in drawn if one.get("type") not in {"nominal", "ordinal"}]
        if not drawn:
            continue
        titles = [_title(one) for one in encodings]
        if any(isinstance(title, str) and title.strip() for title in titles):
            continue
        if any(isinstance(title, list) and any(str(part).strip() for part in title) for title in titles):
            continue
        if all(title is None or title == "" for title in titles if title is not _ABSENT) and any(
            title is not _ABSENT for title in titles
        ):
            yield f"the {channel} axis has no title."
            continue
        fields = [str(one.get("field")) for one in drawn if one.get("field")]
        raw = next((name for name in fields if re.search(r"_|[a-z][A-Z]", name) or (len(name) < 3)), None)
        if raw is not None:
            yield f'the {channel} axis is titled with the raw column name "{raw}".'


_ABSENT = object()


def _title(encoding: Mapping[str, Any]) -> Any:
    axis = encoding.get("axis")
    if isinstance(axis, Mapping) and "title" in axis:
        return axis["title"]
    return encoding.get("title", _ABSENT)


def _layers(
    specification: Mapping[str, Any], inherited: Mapping[str, Any] | None = None, depth: int = 0
) -> list[Mapping[str, Any]]:
    encoding = {**(inherited or {}), **(specification.get("encoding") or {})} if depth < 8 else {}
    found: list[Mapping[str, Any]] = []
    if isinstance(specification.get("layer"), list):
        for layer in specification["layer"]:
            if isinstance(layer, Mapping):
                found += _layers(layer, encoding, depth + 1)
        return found
    return [encoding] if encoding and "mark" in specification else []


_TEX = re.compile(
    r"\\(?:frac|mathbb|mathcal|mathbf|mathrm|boldsymbol|sum|prod|int|alpha|beta|gamma|delta|epsilon|varepsilon|theta|lambda"
    r"|mu|sigma|phi|nabla|partial|sqrt|left|right|begin|end|cdot|times|leq|geq|approx|infty|text|operatorname|hat|bar|tilde"
    r"|ell|log|exp|max|min|arg|in|to|pm)(?![a-zA-Z])"
)
_PARENTHESES = re.compile(r"\\\(((?:(?!\\\().){1,200}?)\\\)|\\\[((?:(?!\\\[).){1,400}?)\\\]", re.DOTALL)
_DOLLARS = re.compile(
    r"(?<![\\$\w])\$\$(.{1,400}?)\$\$|(?<![\\$\w])\$(?=\S)([^$\n]{1,200}?)(?<=\S)\$(?![\d\w])", re.DOTALL
)


@rule(
    "BK110",
    "equations",
    why="An equation that shows as its source cannot be read; the rubric asks for typeset equations.",
    fix="Write `$…$` in the post and render with MathML; in hand-written HTML use `<math>`.",
)
def equations(post: Post, profile: Profile) -> Iterator[Fault]:
    """Equations are typeset: no TeX source stands in the visible text."""
    for element in post.page.main.iter():
        if (
            tag_of(element) in {"span", "div", "p"}
            and has_class(element, "math")
            and next(element.iter("math"), None) is None
        ):
            text = visible_text(element)
            if re.search(r"\\[a-zA-Z(\[]|[\^_$]", text) and not _local_typesetter(post):
                yield _raw(post, text, element.sourceline)
                return
    if _local_typesetter(post):
        return  # whether its scripts do their work is seen in a browser
    reported = 0
    pieces = [(block.said, block.line) for block in post.page.blocks if block.zone != "references"]
    pieces += [(one.caption, one.line) for one in post.page.floats]
    for text, line in pieces:
        raw = raw_tex(text)
        if raw:
            yield _raw(post, raw, line)
            reported += 1
            if reported == 5:
                return


def raw_tex(text: str) -> str:
    """The TeX source that stands in visible text; empty when there is none. Prices are no equations."""
    match = _PARENTHESES.search(text) or _TEX.search(text)
    if match:
        return match.group()
    for match in _DOLLARS.finditer(text):
        inside = (match.group(1) or match.group(2) or "").strip()
        if match.group(1) or re.search(r"[\\^_={}]", inside) or re.fullmatch(r"[A-Za-z](?:[+\-*/<>]\w+)?'?", inside):
            return match.group()
    return ""


def _raw(post: Post, text: str, line: int | None) -> Fault:
    shown = text if len(text) <= 50 else f"{text[:47]}…"
    return Fault(
        message=f"the equation {shown} shows as its source.", place=post.where(text.strip("$ "), text=text, line=line)
    )


def _local_typesetter(post: Post) -> bool:
    for script in post.page.root.iter("script"):
        source = (script.get("src") or "").lower()
        if re.search(r"mathjax|katex|tex-(?:mml|svg|chtml)", source) and local_path(source):
            return True
    return False


@rule(
    "BK121",
    "fresh-results",
    why="A figure that is older than the results, or a number that was true of an earlier run, makes the post wrong "
    "without anybody noticing.",
    fix="`blogkit gather` and `blogkit render`, or `blogkit build` for all that is stale.",
)
def fresh_results(post: Post, profile: Profile) -> Iterator[Fault]:
    """Figures are newer than the results they show, and numbers quoted from the results are current."""
    if post.project is not None and post.source is not None:
        yield from stale(post)
    elif post.page_name is not None:
        yield from stale_values(post)


@rule(
    "BK128",
    "whole-sweep",
    why="A reader takes the results for those of the whole sweep: of runs that failed, were never made or were made "
    "again, the page shows nothing or what they showed before.",
    fix="`blogkit build` runs what is missing and gathers again; or take it out of sweep.yml and say so in the post.",
)
def whole_sweep(post: Post, profile: Profile) -> Iterator[Fault]:
    """The results are those of every planned run, as it was made last."""
    coverage = post.coverage
    if coverage is None or post.project is None:
        return
    place = Place(path=post.project / SWEEP_FILE)
    if coverage.missing:
        yield Fault(
            message=f"the results hold {coverage.count()}; missing: {coverage.reasons()}.",
            place=place,
        )
    if coverage.outside:
        yield Fault(
            message=f"the results hold {_count_words(coverage.outside, 'run')} that the sweep does not plan any more, of "
            "earlier code or other parameters.",
            place=place,
        )
    if coverage.made_again:
        yield Fault(
            message=f"{_count_words(coverage.made_again, 'run')} made again since the results were gathered.",
            place=place,
            fix="`blogkit gather` and `blogkit render`, or `blogkit build` for all that is stale.",
        )


@rule(
    "BK131",
    "same-figure",
    why="A figure without a name is called after the place of its cell. When a cell is put before it, another picture has "
    "that name, and stands in the post above the caption of the first.",
    fix="Name the figure in its cell, `#| label: fig-NAME`, gather, and show `results/charts/NAME.svg`.",
)
def same_figure(post: Post, profile: Profile) -> Iterator[Fault]:
    """A figure that is called after its cell's place is the picture that it was when it got that name."""
    if post.project is None or post.source is None:
        return
    try:
        placed = read_results(ProjectPaths(folder=post.project)).get("placed")
    except StoreError:
        return
    for name, said in placed.items() if isinstance(placed, dict) else ():
        if not isinstance(said, dict) or "moved_to" not in said:
            continue
        shown = re.compile(rf"charts/{re.escape(name)}\.(?:svg|png|jpe?g|webp|vl\.json)")
        for line in post.source.lines:
            if shown.search(line.text) and not line.code:
                now = f"; the picture that it was is {said['moved_to']} now" if said["moved_to"] else ""
                yield Fault(
                    message=f"the figure {name} has become another picture, since cells were moved{now}.",
                    place=Place(path=line.path, line=line.number),
                )


@rule(
    "BK132",
    "holds",
    why="A sentence says what the results said when it was written. When runs are made again its numbers follow, and what "
    "it concludes from them does not.",
    fix='Write what the results say now, and bind the new sentence: `[the interval excludes zero]{holds="gap.low > 0"}`.',
)
def bound_sentences_hold(post: Post, profile: Profile) -> Iterator[Fault]:
    """What a post says of an interval, of its seeds or under a condition (`holds=`) is what its results say."""
    if post.project is not None and post.source is not None:
        yield from broken_conditions(post)
        yield from wrong_claims(post)
