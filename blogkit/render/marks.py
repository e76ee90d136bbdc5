"""Marks around the values that shortcodes put into a post: letters that pandoc carries along like any other.

The embedded engine puts them around a value in running text, and they become ``<span data-value="KEY">`` on the page.
Quarto resolves shortcodes itself, so there the values are found again by the words around them. Wherever no element can
stand, the mark is taken away, and the page's list says the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lxml import etree, html
from lxml.html import HtmlElement

from blogkit.page.values import FILES, KEY, ShownValue, list_shown_values, plain_value
from blogkit.render.dom import main_of

_BASE = 0x17000
"""Letters of the Tangut script: letters, so that words, quotes and emphasis are read as they are around a digit."""
_OPEN, _BETWEEN, _CLOSE = (chr(_BASE + number) for number in range(3))
_DIGITS = str.maketrans("0123456789", "".join(chr(_BASE + 16 + number) for number in range(10)))
_OPENING = f"{_OPEN}([{chr(_BASE + 16)}-{chr(_BASE + 25)}]+){_BETWEEN}"
_MARK = re.compile(f"{_OPENING}|({_CLOSE})")
_MARKED = re.compile(f"{_OPENING}([^{_CLOSE}]*){_CLOSE}")
_NO_SPAN = frozenset(
    {"pre", "code", "math", "title", "script", "style", "textarea", "option", "svg", "button", "head", "kbd", "samp"}
)
"""In which no mark becomes an element."""
_ROW = 72
"""Characters beyond which pandoc gives the columns of a table widths."""

_UNSAFE_WORD = re.compile(r"[@#\\{<$`]|\]\(|://|=[\"']?$")
_UNSAFE_BEFORE = re.compile(r"\[[^\]]*@[^\]]*$|\{[^}]*$|\]\([^)]*$|<[A-Za-z/!][^>]*$")
_PAGE = re.compile(r"(?:^|\W)pp?\.[ \t]+$")
"""What opens a list, unless a number follows."""
_UNSAFE_LINE = re.compile(r"\s*(?:#|:::|\[[^\]^][^\]]*\]:)")
_ALIGNED = re.compile(r"\s*(?:\+[-=:+]+|-{2,}(?: +-{2,})+\s*$)")


def mark(number: int, text: str) -> str:
    """A value with marks around it; ``number`` says which it is."""
    return f"{_OPEN}{str(number).translate(_DIGITS)}{_BETWEEN}{text}{_CLOSE}"


def unmark(text: str) -> str:
    """A text without marks."""
    return _MARK.sub("", text) if _OPEN in text or _CLOSE in text else text


def marks_in(text: str) -> list[int]:
    """The values that are marked in a text."""
    return [_number_of(digits) for digits, _ in _MARKED.findall(text)]


def _number_of(digits: str) -> int:
    return int("".join(str(ord(one) - _BASE - 16) for one in digits))


_EDGES = frozenset("\"'_")
"""Signs whose meaning depends on whether a letter stands beside them."""


def can_be_marked(before: str, value: str, after: str, earlier: Sequence[str]) -> bool:
    """Whether a value in a line is running text: not of a heading, formula, code, address, attribute or citation.

    ``before`` and ``after`` are the rest of its line, without shortcodes. ``earlier`` are the lines above: in a table
    whose columns are where they are by counting characters, nothing is marked. Nor is a value whose end is no letter or
    digit beside a sign that asks for one, since the mark counts as one.
    """
    if before[-1:] in _EDGES and not value[:1].isalnum():
        return False
    if after[:1] in _EDGES and not value[-1:].isalnum():
        return False
    if _UNSAFE_LINE.match(before) or _UNSAFE_BEFORE.search(before) or _PAGE.search(before):
        return False
    if _UNSAFE_WORD.search(before[before.rfind(" ") + 1 :]):
        return False
    for sign in "$`":
        count = before.count(sign) - before.count("\\" + sign)
        if count % 2 or (count and sign in after):
            return False
    for line in reversed(earlier[-60:]):
        if not line.strip():
            break
        if _ALIGNED.match(line):
            return False
    return True


def is_too_long(line: str) -> bool:
    """Whether marks in a line may change how a table is laid out."""
    return "|" in line and len(line) > _ROW and _OPEN in line


# --- on the page -----------------------------------------------------------------------------------------------------


def say_values(tree: HtmlElement, values: Sequence[ShownValue], listed: Iterable[int], body: str) -> None:
    """Makes elements of the marks on a page, and a list of the values that have none; ``body`` is the page's text."""
    unseen = set(listed)
    if _OPEN in body:
        unseen |= _make_elements(tree, values)
    list_shown_values(tree, [values[number] for number in sorted(unseen)])


def _make_elements(tree: HtmlElement, values: Sequence[ShownValue]) -> set[int]:
    """Replaces every mark on a page; gives the values that got no element."""
    unseen: set[int] = set()
    for comment in tree.iter(etree.Comment):
        comment.text = unmark(comment.text or "")
    for value in tree.xpath(f"//@*[contains(., '{_OPEN}') or contains(., '{_CLOSE}')]"):
        unseen.update(marks_in(value))
        value.getparent().set(value.attrname, unmark(value))
    found = tree.xpath(f"//text()[contains(., '{_OPEN}') or contains(., '{_CLOSE}')]")
    holders = [one.getparent() if one.is_text else one.getparent().getparent() for one in found]
    for holder in dict.fromkeys(holders):
        unseen |= _make_elements_in(holder, values)
    return unseen


def _make_elements_in(holder: HtmlElement, values: Sequence[ShownValue]) -> set[int]:
    """Replaces the marks that an element holds itself; gives the values that got no element of their own."""
    can_hold = not any(one.tag in _NO_SPAN for one in (holder, *holder.iterancestors()))
    unseen: set[int] = set()
    parts: list[HtmlElement | str] = []
    begun: tuple[int, int] | None = None
    """The value that was opened, and where."""
    for part in _parts_of(holder):
        if not isinstance(part, str):
            parts.append(part)
            continue
        at = 0
        for match in _MARK.finditer(part):
            parts.append(part[at : match.start()])
            at = match.end()
            if match[1] is not None:
                number = _number_of(match[1])
                begun = (number, len(parts)) if number < len(values) else None
            elif begun is not None:
                number, start = begun
                begun = None
                if not can_hold or not _hold_value(parts, start, values[number]):
                    unseen.add(number)
        parts.append(part[at:])
    if begun is not None:
        unseen.add(begun[0])
    _put_parts(holder, parts)
    return unseen


def _parts_of(holder: HtmlElement) -> list[HtmlElement | str]:
    parts: list[HtmlElement | str] = [holder.text or ""]
    for child in holder:
        parts += [child, child.tail or ""]
    return parts


def _put_parts(holder: HtmlElement, parts: Sequence[HtmlElement | str]) -> None:
    holder.text = None
    for child in list(holder):
        holder.remove(child)
    for part in parts:
        if not isinstance(part, str):
            part.tail = None
            holder.append(part)
        elif part and len(holder):
            holder[-1].tail = (holder[-1].tail or "") + part
        elif part:
            holder.text = (holder.text or "") + part


def _hold_value(parts: list[HtmlElement | str], start: int, value: ShownValue) -> bool:
    """Puts what was read from ``start`` on into an element; False where it is not what the value says."""
    made = _element_of(value)
    _put_parts(made, parts[start:])
    if plain_value("".join(made.itertext())) != plain_value(value.text or ""):
        parts[start:] = _parts_of(made)
        return False
    parts[start:] = [made]
    return True


def _element_of(value: ShownValue) -> HtmlElement:
    made = html.Element("span")
    made.set(KEY, value.key)
    return made


# --- on a page that resolved its shortcodes itself --------------------------------------------------------------------

_CONTEXT = 40
"""Letters and digits that are compared on each side of a value."""
_ENOUGH = 8
"""How many of them prove that it is the same place."""


@dataclass(frozen=True, kw_only=True)
class _PagePiece:
    """A text of the page, and where it begins in the page's whole text."""

    start: int
    text: str
    holder: HtmlElement
    is_tail: bool


def find_values(tree: HtmlElement, source: str, values: Sequence[ShownValue], listed: Iterable[int]) -> None:
    """Says which values a page shows that was made from ``source``, which has marks, by somebody who knows no marks.

    A value gets an element where it stands between the same words as in the source. Of another one the list says
    whether the page shows it at all.
    """
    unseen = set(listed)
    places = list(_places_in(tree))
    whole = "".join(one.text for one in places)
    found: dict[int, list[tuple[int, int, int]]] = {}
    taken: set[int] = set()
    plain, marked = _without_marks(source)
    for number, start, end in marked:
        at = _find_value(whole, plain[start:end], plain[:start], plain[end:], taken)
        place = (
            None
            if at is None
            else next(
                (
                    i
                    for i, one in enumerate(places)
                    if one.start <= at and at + end - start <= one.start + len(one.text)
                ),
                None,
            )
        )
        if at is None or place is None:
            unseen.add(number)
            continue
        taken.add(at)
        found.setdefault(place, []).append((at - places[place].start, end - start, number))
    for index, spots in found.items():
        _put_elements(places[index], sorted(spots, reverse=True), values)
    everything = plain_value(html.tostring(tree, encoding="unicode"))
    list_shown_values(tree, [_as_seen(values[number], everything) for number in sorted(unseen)])


def _as_seen(value: ShownValue, everything: str) -> ShownValue:
    """A value as a page shows it that has no element for it: not at all, where it is nowhere on the page."""
    if value.key.startswith(FILES):
        return value
    text = plain_value(value.text or "")
    number = re.search(rf"(?<![\w.]){re.escape(text)}(?!\w|\.\d)", everything)
    return value if number else ShownValue(key=value.key, text=None)


def _places_in(tree: HtmlElement) -> Iterator[_PagePiece]:
    """The texts of a page's main part in which a value may get an element."""
    main = main_of(tree)
    at = 0
    for holder, is_tail, text in _texts_of(main) if main is not None else ():
        yield _PagePiece(start=at, text=text, holder=holder, is_tail=is_tail)
        at += len(text)


def _texts_of(element: HtmlElement) -> Iterator[tuple[HtmlElement, bool, str]]:
    skipped = not isinstance(element.tag, str) or element.tag in _NO_SPAN or element.get("id") == "TOC"
    if not skipped and element.text:
        yield element, False, element.text
    for child in element if not skipped else ():
        yield from _texts_of(child)
        if child.tail:
            yield child, True, child.tail


def _without_marks(source: str) -> tuple[str, list[tuple[int, int, int]]]:
    """A text without its marks, and each value that was marked with its place in that text."""
    parts: list[str] = []
    places: list[tuple[int, int, int]] = []
    at = length = 0
    for match in _MARKED.finditer(source):
        between = source[at : match.start()]
        parts += [between, match[2]]
        start = length + len(between)
        length = start + len(match[2])
        places.append((_number_of(match[1]), start, length))
        at = match.end()
    return "".join([*parts, source[at:]]), places


def _find_value(whole: str, value: str, before: str, after: str, taken: set[int]) -> int | None:
    """Where a value stands between these words; None where that is not certain."""
    spaced = re.escape(value.replace("\N{NO-BREAK SPACE}", " ")).replace(r"\ ", r"[ \u00a0]")
    left, right = _letters_of(before[-4 * _CONTEXT :])[-_CONTEXT:], _letters_of(after[: 4 * _CONTEXT])[:_CONTEXT]
    best: tuple[int, int] | None = None
    for match in re.finditer(rf"(?<![\w.]){spaced}(?!\w|\.\d)" if value else "(?!)", whole):
        if match.start() in taken:
            continue
        here = _letters_of(whole[max(0, match.start() - 4 * _CONTEXT) : match.start()])
        there = _letters_of(whole[match.end() : match.end() + 4 * _CONTEXT])
        score = _count_common(left[::-1], here[::-1]) + _count_common(right, there)
        if score >= _ENOUGH and (best is None or score > best[0]):
            best = (score, match.start())
    return best[1] if best is not None else None


def _letters_of(text: str) -> str:
    return "".join(one for one in text.casefold() if one.isalnum())


def _count_common(one: str, other: str) -> int:
    """How many letters two texts begin with alike."""
    count = 0
    for mine, its in zip(one[:_CONTEXT], other, strict=False):
        if mine != its:
            break
        count += 1
    return count


def _put_elements(place: _PagePiece, spots: Sequence[tuple[int, int, int]], values: Sequence[ShownValue]) -> None:
    """Puts elements around some pieces of a text, the last one first."""
    for start, length, number in spots:
        made = _element_of(values[number])
        text = (place.holder.tail if place.is_tail else place.holder.text) or ""
        made.text, made.tail = text[start : start + length], text[start + length :]
        if place.is_tail:
            place.holder.tail = text[:start]
            parent = place.holder.getparent()
            assert parent is not None  # only what has a parent has a text behind it
            parent.insert(parent.index(place.holder) + 1, made)
        else:
            place.holder.text = text[:start]
            place.holder.insert(0, made)
