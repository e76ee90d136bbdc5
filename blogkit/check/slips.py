"""Lines of a post that do not become what their author sees elsewhere: nearly a shortcode, nearly a class, a list that
is none. They stand on the page as they were typed, and no renderer says a word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from blogkit.check.source import Line


@dataclass(frozen=True, kw_only=True)
class SourceSlip:
    """What a line says that was meant otherwise."""

    line: Line
    message: str
    fix: str


KNOWN_CLASSES = frozenset(
    (
        "aside", "callout-caution", "callout-important", "callout-note", "callout-tip", "callout-warning", "column-body",
        "column-body-outset", "column-margin", "column-page", "column-page-inset", "column-page-left",
        "column-page-right", "column-screen", "column-screen-inset", "column-screen-left", "column-screen-right",
        "content-hidden", "content-visible", "control", "guidance", "hypothesis", "lightbox", "mark", "panel-tabset",
        "smallcaps", "underline", "unlisted", "unnumbered",
    )
)  # fmt: skip
"""Classes that have an effect on a page of any post."""
_SHORTCODES = "meta|include|var|env|video|kbd|pagebreak|embed|placeholder|lipsum|film|demo|live"
_INLINE_CODE = re.compile(r"(?<!`)(`{1,3})(?!`).{0,500}?(?<!`)\1(?!`)")
_ENGINE_CODE = re.compile(r"(?<!`)`\{?(?:\{(python|r|julia|ojs)\}|(r) )[^`]{0,300}`")
_UNCLOSED = re.compile(r"(?<!\{)\{\{<(?:(?!>\}\}|\{\{<).){0,300}(?:\{\{<|$)")
_PLAIN_BRACES = re.compile(rf"(?<!\{{)\{{\{{ {{0,3}}(?:{_SHORTCODES})\s[^{{}}<>]{{0,300}}\}}\}}")
_ONE_BRACE = re.compile(rf"(?<!\{{)\{{< {{0,3}}(?:{_SHORTCODES})\s[^{{}}]{{0,300}}>\}}(?!\}})")
_SPACED = re.compile(
    rf"(?<!\{{)\{{ {{0,3}}\{{ {{0,3}}< {{0,3}}(?:{_SHORTCODES})\b[^{{}}]{{0,300}}> {{0,3}}\}} {{0,3}}\}}"
)
_WHOLE = re.compile(r"\{\{<.{0,300}>\}\}")
_PERCENT = re.compile(r"(?<!\{)\{\{%.{0,300}?%\}\}")
_ROUND_MATH = re.compile(r"(?<!\\)\\\((.{1,300}?)(?<!\\)\\\)")
_SQUARE_MATH = re.compile(r"(?<!\\)\\\[(.{0,300}?)(?<!\\)\\\]")
_SQUARE_OPEN = re.compile(r" {0,3}\\\[[^\]]{0,300}$")
_TEX = re.compile(r"\\[A-Za-z]|[\^_=]")
_ATTRIBUTES = re.compile(r"(?:\]|\)|^:{3,}|^#{1,6} [^{}]{0,300})\s{0,10}\{([^{}]{0,300})\}")
_CLASS = re.compile(r"(?:^|\s)\.([A-Za-z][\w-]*)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)])\s+\S")
_NUMBERED_LATER = re.compile(r"(?!1[.)])\d{1,3}[.)]\s")
_HEADING = re.compile(r"#{1,6}\s+\S")
_RULE_OF_TABLE = re.compile(r"\|?[ :]{0,5}-{3,60}[ :]{0,5}(?:\|[ :]{0,5}-{3,60}[ :]{0,5}){1,40}\|?\s{0,5}$")
_NO_PROSE = re.compile(r"\s*(?:$|#|>|\||:|<|[-*+]\s|\d{1,3}[.)]\s|\[\^|\{\{<|!\[|---|```|~~~|\$\$|\\)|^(?: {4}|\t)")


def slips_in(lines: Sequence[Line], *, known_classes: Iterable[str] = ()) -> Iterator[SourceSlip]:
    """Every slip of a post, given its lines with those that it includes; ``known_classes`` are the site's own."""
    known = KNOWN_CLASSES | set(known_classes)
    inside = _front_matter_lines(lines)
    mathematics = commented = False
    for place, line in enumerate(lines):
        if place < inside or line.code:
            continue
        if line.text.count("<!--") != line.text.count("-->"):
            commented = "<!--" in line.text
            continue
        if commented:
            continue
        if line.text.count("$$") % 2:
            mathematics = not mathematics
        if mathematics:
            continue
        text = _INLINE_CODE.sub(lambda match: " " * len(match.group()), line.text)
        yield from _slips_of_braces(line, text)
        yield from _slips_of_mathematics(line, text)
        yield from _slips_of_classes(line, text, known)
        for match in _ENGINE_CODE.finditer(line.text):
            yield SourceSlip(
                line=line,
                message=f"{match.group()} is shown as it stands: code within a line is not run.",
                fix="Record the number in the notebook, and quote it: {{< meta values.NAME >}}.",
            )
        if _is_below_paragraph(lines[inside:place], line):
            yield from _slips_of_blocks(line, lines[place + 1] if place + 1 < len(lines) else None)


def _front_matter_lines(lines: Sequence[Line]) -> int:
    """How many lines the front matter takes."""
    if not lines or lines[0].text.strip() != "---":
        return 0
    for place, line in enumerate(lines[1:], start=1):
        if line.text.strip() in {"---", "..."}:
            return place + 1
    return 0


def _slips_of_braces(line: Line, text: str) -> Iterator[SourceSlip]:
    fix = "A shortcode is written {{< meta values.NAME >}}, with two braces and one angle on each side."
    covered: list[range] = []
    for pattern in (_SPACED, _UNCLOSED, _PLAIN_BRACES, _ONE_BRACE, _PERCENT):
        for match in pattern.finditer(text):
            shown = match.group().strip()[:60]
            if _WHOLE.fullmatch(shown) or any(match.start() in one for one in covered):
                continue
            covered.append(range(*match.span()))
            yield SourceSlip(line=line, message=f"{shown} is nearly a shortcode, and is shown as it stands.", fix=fix)


def _slips_of_mathematics(line: Line, text: str) -> Iterator[SourceSlip]:
    for match in _ROUND_MATH.finditer(text):
        yield SourceSlip(
            line=line,
            message=f"{match.group()[:60]} is shown as plain text, and not as mathematics.",
            fix=f"Write ${match.group(1).strip()[:60]}$.",
        )
    for match in _SQUARE_MATH.finditer(text):
        if _TEX.search(match.group(1)):
            yield _slip_of_display(line, match.group())
    if _SQUARE_OPEN.match(text):
        yield _slip_of_display(line, text.strip())


def _slip_of_display(line: Line, shown: str) -> SourceSlip:
    message = f"{shown[:60]} is shown as plain text, and not as mathematics."
    return SourceSlip(line=line, message=message, fix="Write $$ before and after it.")


def _slips_of_classes(line: Line, text: str, known: frozenset[str] | set[str]) -> Iterator[SourceSlip]:
    for attributes in _ATTRIBUTES.finditer(text):
        for match in _CLASS.finditer(attributes.group(1)):
            name = match.group(1)
            close = difflib.get_close_matches(name, known, 1, 0.8) if name not in known and len(name) > 3 else []
            if close:
                yield SourceSlip(
                    line=line,
                    message=f".{name} is no class that has an effect here.",
                    fix=f"Did you mean .{close[0]}?",
                )


def _is_below_paragraph(above: Sequence[Line], line: Line) -> bool:
    """Whether a line stands right below lines that are a paragraph and nothing else."""
    number = line.number
    for count, before in enumerate(reversed(above)):
        if before.path != line.path or before.number != number - 1 or not before.text.strip():
            return count > 0
        if before.code or before.text[0].isspace() or _NO_PROSE.match(before.text):
            return False
        number -= 1
    return bool(above) and number != line.number


def _slips_of_blocks(line: Line, after: Line | None) -> Iterator[SourceSlip]:
    """A block that begins right below a paragraph: other editors show it, and Markdown as Quarto reads it does not."""
    what = ""
    if _HEADING.match(line.text):
        what = "heading"
    elif _ITEM.match(line.text) and not _NUMBERED_LATER.match(line.text):
        what = "list"
    elif line.text.startswith(">"):
        what = "quotation"
    elif "|" in line.text and after is not None and _RULE_OF_TABLE.match(after.text):
        what = "table"
    if what:
        yield SourceSlip(
            line=line,
            message=f"the {what} goes on as text of the paragraph above it, since no blank line is between them.",
            fix=f"Put a blank line before the {what}.",
        )
