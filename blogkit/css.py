r"""Where a style sheet names an address: what CSS's own grammar says is one, also written with escapes.

tinycss2 reads the style sheet as CSS Syntax Level 3 has it: what stands in a comment or in an ordinary string is no
address, and ``u\72l(x)`` is one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

import tinycss2

_MAY_HOLD = re.compile(r"url\((?!\s*[\"']?#)|@import|image-set\(|src\(|\\", re.IGNORECASE)
"""What a text has that names an address; drawings are full of ``url(#clip)``, a place in the same document."""
_LONG_RUN = re.compile(r"[A-Za-z0-9+/]{256,}")
"""Data inside an address: fonts and pictures are megabytes of it."""
_KEPT = 64
_STRING = re.compile(r"""(?P<quote>["'])(?P<text>(?:\\.|(?!(?P=quote))[^\\])*)""", re.DOTALL)
_URL = re.compile(r"[^(]*\(\s*(?P<text>(?:\\.|[^)\\])*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|\s)?|(\r\n|.))", re.DOTALL)
_LOADING = frozenset({"url", "src"})
_SETS = frozenset({"image-set", "-webkit-image-set"})


@dataclass(frozen=True, kw_only=True)
class CssAddress:
    """One address in a style sheet."""

    url: str
    """With its escapes undone."""
    imported: bool
    """Whether ``@import`` names it."""
    line: int
    """Counted from 1."""
    start: int
    end: int
    """What stands for the address in the text, without its quotes."""
    quote: str
    """The quotes around it; empty for ``url(x)``."""


@dataclass(frozen=True, kw_only=True)
class CssImport:
    """One ``@import``, with its conditions and its semicolon."""

    address: CssAddress
    start: int
    end: int


def find_css_addresses(text: str) -> tuple[CssAddress, ...]:
    """Every address of a style sheet, in its order; a place in the same document (``#id``) is none."""
    return parsed_addresses(text) if _MAY_HOLD.search(text) else ()


@lru_cache(maxsize=32)
def parsed_addresses(text: str) -> tuple[CssAddress, ...]:
    """As :func:`find_css_addresses`; kept for the style sheets that the pages of a class share."""
    tokens = _PlacedTokens(text)
    found = []
    for token, imported in _address_tokens(tokens.top):
        place = tokens.place(token)
        match = _STRING.match(text, place) if token.type == "string" else _URL.match(text, place)
        if match is None:
            continue
        written = match.group("text")
        url = _unescape(written if token.type == "string" else written.rstrip()).strip()
        if url and not url.startswith("#"):
            quote = text[place] if token.type == "string" else ""
            end = match.start("text") + len(written if quote else written.rstrip())
            found.append(
                CssAddress(
                    url=url, imported=imported, line=token.source_line, start=match.start("text"), end=end, quote=quote
                )
            )
    return tuple(found)


def find_css_imports(text: str) -> tuple[CssImport, ...]:
    """Every ``@import`` of a style sheet, in its order."""
    addresses = [found for found in find_css_addresses(text) if found.imported]
    if not addresses:
        return ()
    tokens = _PlacedTokens(text)
    found: list[CssImport] = []
    start: int | None = None
    for token in [*tokens.top, None]:
        ends = token is None or token.type == "{} block" or (token.type == "literal" and token.value == ";")
        if start is not None and ends:
            end = len(text) if token is None else tokens.place(token) + (token.type == "literal")
            inside = next((one for one in addresses if start <= one.start < end), None)
            found += [CssImport(address=inside, start=start, end=end)] if inside is not None else []
            start = None
        if token is not None and token.type == "at-keyword":
            start = tokens.place(token) if token.lower_value == "import" else None
    return tuple(found)


def rewrite_css_addresses(text: str, replace: Callable[[CssAddress], str | None]) -> str:
    """The style sheet with other addresses; None leaves one as it is, and everything else stays, too."""
    parts: list[str] = []
    done = 0
    for found in find_css_addresses(text):
        new = replace(found)
        if new is not None:
            parts += text[done : found.start], write_css_address(found, new)
            done = found.end
    return "".join([*parts, text[done:]]) if parts else text


def replace_css_imports(text: str, replace: Callable[[CssAddress], str | None]) -> str:
    """The style sheet with other text in the place of each ``@import``; None leaves one as it is."""
    parts: list[str] = []
    done = 0
    for found in find_css_imports(text):
        new = replace(found.address)
        if new is not None:
            parts += text[done : found.start], new
            done = found.end
    return "".join([*parts, text[done:]]) if parts else text


class _PlacedTokens:
    """The tokens of a style sheet, and where each begins in its text."""

    def __init__(self, text: str) -> None:
        plain = text.replace("\r\n", " \n").replace("\r", "\n").replace("\f", "\n").replace("\0", "\ufffd")
        short, self._moves = _shorten_runs(plain)
        self._starts = [0, *accumulate(len(row) + 1 for row in short.split("\n"))]
        self.top: list[Any] = tinycss2.parse_component_value_list(short, skip_comments=True)

    def place(self, token: Any) -> int:
        """Where a token begins."""
        place: int = self._starts[token.source_line - 1] + token.source_column - 1
        moved = bisect_right(self._moves, place, key=lambda move: move[0])
        return place + (self._moves[moved - 1][1] if moved else 0)


def write_css_address(address: CssAddress, url: str) -> str:
    """What to put in the place of an address; with quotes where it needs some and has none."""
    quote = address.quote
    if not quote and re.search(r"[\s\"'()\\]", url):
        return '"' + _escape(url, '"') + '"'
    return _escape(url, quote) if quote else url


def _escape(url: str, quote: str) -> str:
    signs = {"\\": "\\\\", quote: f"\\{quote}", "\n": "\\a ", "\r": "\\d ", "\f": "\\c "}
    return "".join(signs.get(sign, sign) for sign in url)


def _shorten_runs(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text with its long runs of data cut, and from which place on how much is missing.

    The tokens stay what they are: a run's signs all mean the same to CSS, and its ends are kept.
    """
    parts: list[str] = []
    moves: list[tuple[int, int]] = []
    done = length = 0
    for match in _LONG_RUN.finditer(text):
        cut = slice(match.start() + _KEPT, match.end() - _KEPT)
        parts.append(text[done : cut.start])
        length += cut.start - done
        done = cut.stop
        moves.append((length, done - length))
    return "".join([*parts, text[done:]]), moves


def _address_tokens(tokens: Sequence[Any]) -> Iterator[tuple[Any, bool]]:
    """The tokens that hold an address, each with whether an import names it; nesting may be as deep as it likes."""
    stack: list[tuple[Iterator[Any], str, str]] = [(iter(tokens), "", "")]
    while stack:
        rest, rule, function = stack.pop()
        for token in rest:
            kind = token.type
            if kind == "at-keyword":
                rule = token.lower_value
            elif kind == "{} block" or (kind == "literal" and token.value == ";"):
                rule = ""
            if kind == "url" and rule != "namespace":
                yield token, rule == "import"
            elif kind == "string" and (function in _SETS or rule == "import"):
                yield token, rule == "import"
                rule = "" if rule == "import" else rule
            elif kind == "function" and token.lower_name in _LOADING and rule != "namespace":
                yield from ((one, rule == "import") for one in _first_string(token.arguments))
                rule = "" if rule == "import" else rule
            elif kind in {"function", "{} block", "[] block", "() block"}:
                inner = token.arguments if kind == "function" else token.content
                stack.append((rest, rule, function))
                stack.append((iter(inner), rule, token.lower_name if kind == "function" else ""))
                break


def _first_string(tokens: Sequence[Any]) -> list[Any]:
    return [token for token in tokens if token.type != "whitespace"][:1] if _is_string(tokens) else []


def _is_string(tokens: Sequence[Any]) -> bool:
    return next((token.type == "string" for token in tokens if token.type != "whitespace"), False)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_unescaped_sign, text) if "\\" in text else text


def _unescaped_sign(escape: re.Match[str]) -> str:
    """The sign that an escape stands for; an escaped end of line stands for nothing."""
    if escape.group(1) is None:
        return "" if escape.group(2) in {"\n", "\r\n", "\r", "\f"} else escape.group(2)
    code = int(escape.group(1), 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
