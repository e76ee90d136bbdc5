"""Reads BibTeX as far as checking needs: which keys there are, and what is wrong on which line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ENTRY = re.compile(r"@\s*([A-Za-z]+)\s*([{(])", re.MULTILINE)
_NEXT = re.compile(r"\S")
_FIELD = re.compile(r"\s*([A-Za-z][\w\-:+]*)\s*=\s*")


@dataclass(frozen=True, kw_only=True)
class Bibliography:
    """A BibTeX file."""

    keys: Mapping[str, int]
    """Each key with its line, counted from 1."""
    problems: tuple[tuple[int, str], ...]
    """Line and sentence."""


def read_bibliography(text: str) -> Bibliography:
    """The keys and the problems of BibTeX text; what stands between entries is a comment, as BibTeX has it."""
    keys: dict[str, int] = {}
    problems: list[tuple[int, str]] = []
    position = 0
    while True:
        match = _ENTRY.search(text, position)
        if match is None:
            break
        line = text.count("\n", 0, match.start()) + 1
        kind = match.group(1).lower()
        end = _closing(text, match.end() - 1)
        following = _ENTRY_AT_LINE.search(text, match.end())
        if end is None:
            problems.append((line, f"the entry {_key(text, match.end()) or '@' + kind} is not closed."))
            if following is None:
                break
            position = following.start()
            if kind not in {"comment", "preamble", "string"}:
                _keep_entry(keys, problems, _key(text, match.end()), line)
            continue
        if following is not None and following.start() < end and kind != "comment":
            problems.append(
                (line, f"the entry {_key(text, match.end()) or '@' + kind} is not closed before the next one.")
            )
            _keep_entry(keys, problems, _key(text, match.end()), line)
            position = following.start()
            continue
        position = end + 1
        if kind in {"comment", "preamble", "string"}:
            continue
        body = text[match.end() : end]
        key = _key(text, match.end())
        if not key:
            problems.append((line, f"an entry @{kind} has no key."))
            continue
        _keep_entry(keys, problems, key, line)
        problems += _fields(body, key, line)
    return Bibliography(keys=keys, problems=tuple(problems))


_ENTRY_AT_LINE = re.compile(r"^[^\S\n]*@\s*[A-Za-z]+\s*[{(]\s*[^\s,={}()]+\s*,", re.MULTILINE)


def _keep_entry(keys: dict[str, int], problems: list[tuple[int, str]], key: str, line: int) -> None:
    if not key:
        return
    if key in keys:
        problems.append((line, f"the key {key} is used twice; it is also on line {keys[key]}."))
    keys.setdefault(key, line)


def _key(text: str, start: int) -> str:
    match = re.match(r"\s*([^\s,={}()\"]+)\s*(?:,|[})])", text[start : start + 300])
    return match.group(1) if match else ""


def _closing(text: str, start: int) -> int | None:
    """The place of the bracket that closes the one at ``start``."""
    opening = text[start]
    closing = "}" if opening == "{" else ")"
    depth = 0
    index = start
    while index < len(text):
        sign = text[index]
        if sign == "\\":
            index += 2
            continue
        if sign == opening:
            depth += 1
        elif sign == closing:
            depth -= 1
            if depth == 0:
                return index
        index += 1
    return None


def _fields(body: str, key: str, first_line: int) -> list[tuple[int, str]]:
    comma = body.find(",")
    if comma < 0:
        return []
    problems: list[tuple[int, str]] = []
    index = comma + 1
    seen: set[str] = set()
    while index < len(body):
        if not _NEXT.search(body, index):
            break
        match = _FIELD.match(body, index)
        here = first_line + body.count("\n", 0, index + len(body[index:]) - len(body[index:].lstrip()))
        if match is None:
            problems.append(
                (here, f'in {key}, "{_word(body[index:])}" is no field: a comma or an equals sign is missing.')
            )
            break
        name = match.group(1).lower()
        if name in seen:
            problems.append((here, f"{key} has the field {name} twice."))
        seen.add(name)
        stop = _value_end(body, match.end())
        if stop is None:
            problems.append((here, f"the field {name} of {key} is not closed."))
            break
        if not body[match.end() : stop].strip():
            problems.append((here, f"the field {name} of {key} has no value."))
        rest = body[stop:].lstrip()
        if not rest:
            break
        if not rest.startswith(","):
            line = first_line + body.count("\n", 0, stop + len(body[stop:]) - len(rest))
            problems.append((line, f"a comma is missing after the field {name} of {key}."))
            index = stop
            continue
        index = stop + len(body[stop:]) - len(rest) + 1
    return problems


def _word(text: str) -> str:
    return (text.split() or [""])[0][:40]


def _value_end(body: str, start: int) -> int | None:
    """Where a field's value ends: after braces, quotes, a number or a name, and what ``#`` joins to it."""
    index = start
    while True:
        while index < len(body) and body[index].isspace():
            index += 1
        if index >= len(body):
            return index
        if body[index] == "{":
            end = _closing(body, index)
            if end is None:
                return None
            index = end + 1
        elif body[index] == '"':
            depth = 0
            index += 1
            while index < len(body) and not (body[index] == '"' and depth == 0):
                depth += {"{": 1, "}": -1}.get(body[index], 0)
                index += 2 if body[index] == "\\" else 1
            if index >= len(body):
                return None
            index += 1
        else:
            match = re.compile(r"[^\s,{}\"#]*").match(body, index)
            index = match.end() if match else index
        rest = re.compile(r"\s*#").match(body, index)
        if rest is None:
            return index
        index = rest.end()
