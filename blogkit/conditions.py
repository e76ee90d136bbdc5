"""Sentences that a post binds to its results: ``[the interval excludes zero]{holds="gap_64.low > 0"}``.

A condition compares values by their names (``gap``, ``gap.low``, ``gap.high``, ``gap.error``), numbers and texts in
quotes with ``<``, ``<=``, ``>``, ``>=``, ``==`` and ``!=``, joined by ``and``, ``or``, ``not`` and parentheses. Nothing
else is understood, and nothing is executed.
"""

from __future__ import annotations

import math
import operator
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST = 500
"""Characters of a condition."""
_DEPTH = 20
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[-−]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?)|(?P<word>[A-Za-z][\w-]*(?:\.[a-z]+)?)"""
    r"""|(?P<text>'[^']*'|"[^"]*")|(?P<sign><=|>=|==|!=|<|>|\(|\)))"""
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_BOUND = re.compile(
    r"""\[(?P<words>[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)\]\{[^{}]*?\bholds=(?P<quoted>"[^"]*"|'[^']*')[^{}]*\}"""
)
_BLOCK = re.compile(r"""^:{3,}\s*\{[^{}\n]*?\bholds=(?P<quoted>"[^"]*"|'[^']*')[^{}\n]*\}""", re.MULTILINE)


class ConditionError(ValueError):
    """A condition that cannot be understood, or names what there is not; the message says which part."""


@dataclass(frozen=True, kw_only=True)
class BoundSentence:
    """Words of a post that are bound to a condition."""

    words: str
    condition: str
    path: Path
    line: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a condition holds, and the values that it names."""

    holds: bool
    values: Mapping[str, Any]

    def shown_values_text(self) -> str:
        """``gap.low = -0.012, gap.high = 0.034``."""
        return ", ".join(
            f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value!r}"
            for name, value in self.values.items()
        )


def bound_sentences(lines: Iterable[tuple[Path, int, str]]) -> Iterator[BoundSentence]:
    """The bound words of a post, given its lines outside of code: each with its file, its number and its text."""
    rows = list(lines)
    starts = [0]
    for _, _, text in rows:
        starts.append(starts[-1] + len(text) + 1)
    whole = "\n".join(text for _, _, text in rows)
    found = sorted([*_BOUND.finditer(whole), *_BLOCK.finditer(whole)], key=lambda match: match.start())
    for match in found:
        path, number, _ = rows[bisect_right(starts, match.start()) - 1]
        words = " ".join(match.groupdict().get("words", "").split()) if "words" in match.re.groupindex else "this block"
        yield BoundSentence(words=words[:120], condition=match["quoted"][1:-1], path=path, line=number)


def known_values(document: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The raw numbers and the shown texts of a ``values.yml`` that was read, whatever it is."""
    raw, texts = (document.get(key) if isinstance(document, Mapping) else None for key in ("values-raw", "values"))
    return (raw if isinstance(raw, Mapping) else {}), (texts if isinstance(texts, Mapping) else {})


def judge_condition(condition: str, values: Mapping[str, Any], texts: Mapping[str, Any]) -> Verdict:
    """Whether a condition holds over the values of ``values.yml``: ``values`` its raw numbers, ``texts`` its texts.

    Raises ConditionError for what is no condition, a name that is no value, and a value that is not known.
    """
    if len(condition) > _MOST:
        raise ConditionError(f"it is longer than {_MOST} characters")
    reader = _ConditionReader(_tokens_of(condition), values, texts)
    return Verdict(holds=reader.read_whole(), values=reader.named)


def _tokens_of(condition: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while condition[position:].strip():
        match = _TOKEN.match(condition, position)
        if match is None:
            raise ConditionError(f"{condition[position:].strip()[:20]!r} is no name, number, text or comparison")
        assert match.lastgroup is not None
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _ConditionReader:
    """Reads a condition from left to right; both sides of ``and`` and ``or`` are looked at, so that all is checked."""

    def __init__(self, tokens: list[tuple[str, str]], values: Mapping[str, Any], texts: Mapping[str, Any]) -> None:
        self._tokens, self._place, self._depth = tokens, 0, 0
        self._values, self._texts = values, texts
        self.named: dict[str, Any] = {}

    def read_whole(self) -> bool:
        holds = self._read_either()
        if self._place < len(self._tokens):
            raise ConditionError(f"{self._tokens[self._place][1]!r} stands where it should end")
        return holds

    def _read_either(self) -> bool:
        holds = self._read_both()
        while self._take_word("or"):
            holds = self._read_both() or holds
        return holds

    def _read_both(self) -> bool:
        holds = self._read_one()
        while self._take_word("and"):
            holds = self._read_one() and holds
        return holds

    def _read_one(self) -> bool:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ConditionError("it is nested too deep")
        try:
            if self._take_word("not"):
                return not self._read_one()
            if self._take_word("("):
                holds = self._read_either()
                if not self._take_word(")"):
                    raise ConditionError("a parenthesis is not closed")
                return holds
            return self._read_comparison()
        finally:
            self._depth -= 1

    def _read_comparison(self) -> bool:
        left, holds, count = self._read_operand(), True, 0
        while self._place < len(self._tokens) and self._tokens[self._place][1] in _COMPARE:
            sign = self._tokens[self._place][1]
            self._place += 1
            right = self._read_operand()
            if isinstance(left, str) != isinstance(right, str) or (isinstance(left, str) and sign not in {"==", "!="}):
                raise ConditionError(f"{left!r} {sign} {right!r} compares what cannot be compared")
            holds, left, count = holds and _COMPARE[sign](left, right), right, count + 1
        if not count:
            raise ConditionError("a comparison is missing, such as `> 0`")
        return holds

    def _read_operand(self) -> float | str:
        if self._place >= len(self._tokens):
            raise ConditionError("it ends where a value should stand")
        kind, text = self._tokens[self._place]
        self._place += 1
        if kind == "number":
            number = float(text.rstrip("%").replace("−", "-"))
            return number / 100 if text.endswith("%") else number
        if kind == "text":
            return text[1:-1]
        if kind != "word" or text in {"and", "or", "not"}:
            raise ConditionError(f"{text!r} stands where a value should stand")
        self.named[text] = value = self._value_of(text)
        return value

    def _value_of(self, word: str) -> float | str:
        name, _, part = word.partition(".")
        raw = self._values.get(name)
        if not isinstance(raw, Mapping):
            if name in self._texts and not part:
                return str(self._texts[name])
            raise ConditionError(f"no value is called {name!r}")
        number, error = raw.get("value"), raw.get("error")
        if not isinstance(number, int | float) or math.isnan(number):
            raise ConditionError(f"{name} is not a number")
        if part in {"", "value"}:
            return float(number)
        if part not in {"low", "high", "error"}:
            raise ConditionError(f"{word}: after the name stand .value, .low, .high or .error")
        if not isinstance(error, int | float) or not math.isfinite(error):
            raise ConditionError(f"{name} has no known uncertainty, so {word} is not known")
        return float(error if part == "error" else number - error if part == "low" else number + error)

    def _take_word(self, word: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place][1] == word:
            self._place += 1
            return True
        return False
