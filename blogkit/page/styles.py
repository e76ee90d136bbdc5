"""What a page's own style sheets hide, as far as their rules say so by name, class and place, whoever asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import tinycss2
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

_HIDES = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)
_NOT_READ = re.compile(r"::|~(?!=)|:(?!(?:not|first-child|root|empty)\b)|:not\([^)]*[:(]")
"""Selectors of what a page becomes once somebody acts, and those that take long on a large page."""
_SHOWN_MEDIA = frozenset({"", "all", "screen", "only screen", "screen and (min-width:0)"})
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_TEXT = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_OTHER_RULE = re.compile(r"(?:\A|(?<=[{};]))[^{};]+\{(?![^{}]*(?:display|visibility))[^{}]*\}", re.IGNORECASE)
_MOST_SELECTORS = 400
"""Of a page's sheets: its author may be anybody."""
_MOST_LETTERS = 400_000


SheetReader = Callable[[str], str]
"""Gives the text of a style sheet by its address on the page; empty where there is none to read."""


@dataclass(frozen=True, kw_only=True)
class _Declaration:
    """One declaration that shows or hides what a selector names."""

    selector: str
    property: str
    value: str
    weight: tuple[bool, int, int]
    """Important; how specific; where it stands."""


def hidden_nodes(parser: LexborHTMLParser, read_sheet: SheetReader) -> list[LexborNode]:
    """The elements that the page's sheets hide, where no stronger rule shows them."""
    text = "\n".join(_sheets(parser, read_sheet))[:_MOST_LETTERS]
    if not _HIDES.search(text):
        return []
    wishes = _wishes(text)
    hiding = {one.property for one in wishes if _is_hiding(one.value)}
    strongest: dict[tuple[int, str], tuple[_Declaration, LexborNode]] = {}
    for wish in wishes:
        if wish.property in hiding:
            for node in _matches(parser, wish.selector):
                key = (node.mem_id, wish.property)
                if key not in strongest or strongest[key][0].weight <= wish.weight:
                    strongest[key] = (wish, node)
    return [node for wish, node in strongest.values() if _is_hiding(wish.value) and not _is_shown_inline(node, wish)]


def _sheets(parser: LexborHTMLParser, read_sheet: SheetReader) -> Iterator[str]:
    """The sheets in the page and those beside it, in their order."""
    for node in parser.css("style, link[rel~=stylesheet i]"):
        if _is_shown_on(node.attributes.get("media")):
            yield node.text() if node.tag == "style" else read_sheet(node.attributes.get("href") or "")


def _is_shown_on(media: str | None) -> bool:
    return " ".join((media or "").lower().split()) in _SHOWN_MEDIA


def _is_hiding(value: str) -> bool:
    return value in {"none", "hidden", "collapse"}


def _is_shown_inline(node: LexborNode, wish: _Declaration) -> bool:
    """Whether the element's own ``style`` says otherwise, which is stronger than a rule that is not important."""
    inline = node.attributes.get("style") or ""
    return not wish.weight[0] and re.search(rf"(?:^|;)\s*{wish.property}\s*:", inline, re.IGNORECASE) is not None


def _matches(parser: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return list(parser.css(selector))
    except (SelectolaxError, ValueError):
        return []


@lru_cache(maxsize=32)
def _wishes(text: str) -> tuple[_Declaration, ...]:
    """What some sheets show and hide; a class shares its sheets."""
    rules = tinycss2.parse_stylesheet(_without_other_rules(text), skip_comments=True, skip_whitespace=True)
    return tuple(islice(_wishes_of(rules), _MOST_SELECTORS))


def _without_other_rules(text: str) -> str:
    """The sheets without the rules that neither show nor hide: most of them, and reading takes long."""
    bare = _COMMENT.sub("", text)
    has_brace_in_text = any("{" in one or "}" in one for one in _TEXT.findall(bare))
    return bare if has_brace_in_text else _OTHER_RULE.sub("", bare)


def _wishes_of(rules: Iterable[Any]) -> Iterator[_Declaration]:
    for place, rule in enumerate(_rules_now(rules)):
        declared = [
            one
            for one in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            if one.type == "declaration" and one.lower_name in {"display", "visibility"}
        ]
        if not declared:
            continue
        for selector in _selectors(rule.prelude):
            for one in declared:
                value = tinycss2.serialize(one.value).strip().lower()
                weight = (one.important, _specificity(selector), place)
                yield _Declaration(selector=selector, property=one.lower_name, value=value, weight=weight)


def _rules_now(rules: Iterable[Any]) -> Iterator[Any]:
    """The rules that hold on a screen."""
    for rule in rules:
        if rule.type == "qualified-rule":
            yield rule
        elif rule.type == "at-rule" and rule.content is not None:
            prelude = tinycss2.serialize(rule.prelude).lower()
            if rule.lower_at_keyword == "layer" or (rule.lower_at_keyword == "media" and _is_shown_on(prelude)):
                yield from _rules_now(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True))


def _selectors(prelude: list[Any]) -> Iterator[str]:
    """The selectors of a rule, one by one, without those that are not read."""
    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    for part in parts:
        selector = tinycss2.serialize(part).strip()
        if selector and not _NOT_READ.search(selector):
            yield selector


def _specificity(selector: str) -> int:
    """How specific a selector is, as one number: ids before classes before names."""
    bare = re.sub(r"\[[^\[\]]*\]", ".a", selector)
    ids, kinds = len(re.findall(r"#", bare)), len(re.findall(r"[.:](?!not\b)", bare))
    names = len(re.findall(r"(?:^|[\s>+~(])[a-zA-Z]", bare))
    return ids * 10_000 + kinds * 100 + names
