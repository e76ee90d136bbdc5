"""Finds every regular expression in a module, and the inputs over which each could take longer than it should."""

from __future__ import annotations

import ast
import builtins
import importlib
import itertools
import pkgutil
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

ALPHABET = "aA0 \n\t<>\"'/*-.,()[]{}\\=:;#_@!|&$^~`%+?é"
METHODS = ("compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A regular expression where it stands."""

    where: str
    pattern: re.Pattern[Any]
    anchored: bool
    """Whether it is tried at one place only."""

    def __str__(self) -> str:
        return f"{self.where}: {self.pattern.pattern!r}"


def modules_below(*names: str) -> list[ModuleType]:
    """Modules and packages by name, with all that is in them."""
    found = []
    for name in names:
        module = importlib.import_module(name)
        found.append(module)
        for path in getattr(module, "__path__", ()):
            inner = pkgutil.walk_packages([path], f"{name}.")
            found += [importlib.import_module(one.name) for one in inner]
    return found


def find_patterns(module: ModuleType) -> Iterator[Found]:
    """Every call of ``re`` in a module, with what a name of a function's own could stand for put as a plain word."""
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names: dict[str, Any] = defaultdict(lambda: "word", {**vars(builtins), **vars(module)})
    methods = _methods_of_names(tree)
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(called, ast.Attribute) or called.attr not in METHODS:
            continue
        if not isinstance(called.value, ast.Name) or called.value.id != "re":
            continue
        assert isinstance(node, ast.Call)
        place = {"sub": 4, "subn": 4, "split": 3, "compile": 1}.get(called.attr, 2)
        flags = [*(one.value for one in node.keywords if one.arg == "flags"), *node.args[place : place + 1]]
        try:
            pattern = re.compile(_value(node.args[0], names), _value(flags[0], names) if flags else 0)
        except (AttributeError, TypeError, KeyError):
            continue  # made of what is known when it runs
        used = methods.get(node, {called.attr})
        anchored = used <= {"match", "fullmatch"}
        yield Found(where=f"{module.__name__}:{node.lineno}", pattern=pattern, anchored=anchored)


def _methods_of_names(tree: ast.Module) -> dict[ast.AST, set[str]]:
    """For each ``name = re.compile(…)`` at the top, the methods that are called on that name."""
    compiled = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call)
    }
    used: dict[ast.AST, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call):
            used.setdefault(node.value, set()).add(node.attr)  # re.compile(…).match(…)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in compiled:
            used.setdefault(compiled[node.value.id], set()).add(node.attr)
    return used


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "pattern", "eval"), {"__builtins__": {}}, names)


def attacks(pattern: re.Pattern[Any], size: int) -> Iterator[Any]:
    """Texts of about so many characters that repeat what the pattern repeats, and then do not match."""
    for before, pump in _places(pattern):
        lead = pump if len(before) > 40 else before + pump
        for text in dict.fromkeys((before + pump * (size // len(pump)), lead * (size // len(lead)))):
            yield _typed(pattern, text + "\x00")
        if before:
            yield _typed(pattern, before * (size // len(before)))


def few_repeats(pattern: re.Pattern[Any], count: int) -> Iterator[Any]:
    """Texts that repeat a part so many times, for expressions whose time doubles with each."""
    for before, pump in _places(pattern):
        yield _typed(pattern, before + pump * count + "\x00")


def _places(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    return [(before, pump) for before, pump in dict.fromkeys(_repeats(tree, "", pattern)) if pump]


def _typed(pattern: re.Pattern[Any], text: str) -> Any:
    return text.encode("utf-8") if isinstance(pattern.pattern, bytes) else text


def _repeats(tree: Any, before: str, pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """Each repetition in a pattern: a text that leads to it, and a text that it repeats."""
    for position, (op, argument) in enumerate(tree):
        lead = before + _sample(tree[:position])
        if op in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            _low, high, inner = argument
            if high > 50:
                for pump in _pumps(inner):
                    yield lead, pump
            yield from _repeats(inner, lead, pattern)
        elif op is codes.SUBPATTERN:
            yield from _repeats(argument[-1], lead, pattern)
        elif op is codes.ATOMIC_GROUP:
            yield from _repeats(argument, lead, pattern)
        elif op in {codes.ASSERT, codes.ASSERT_NOT}:
            yield from _repeats(argument[1], lead, pattern)
        elif op is codes.BRANCH:
            for one in argument[1]:
                yield from _repeats(one, lead, pattern)


def _pumps(tree: Any) -> Iterator[str]:
    """Texts that a repeated part may be: one sign of each kind that it takes, or one text a branch."""
    items = list(tree)
    if len(items) == 1 and items[0][0] in {codes.IN, codes.ANY, codes.NOT_LITERAL, codes.LITERAL}:
        yield from [sign for sign in ALPHABET if _takes(items[0], sign)][:8] or [_sample(items)]
        return
    branches: list[list[str]] = []
    for item in items:
        op, argument = item
        if op is codes.SUBPATTERN and len(items) == 1:
            yield from _pumps(argument[-1])
            return
        if op is codes.BRANCH:
            branches.append([_sample(one) for one in argument[1]][:6])
        elif op in {codes.IN, codes.ANY, codes.NOT_LITERAL}:
            branches.append([sign for sign in ALPHABET if _takes(item, sign)][:3] or ["a"])
        elif op in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
            branches.append(["", _sample([item])])
        else:
            branches.append([_sample([item])])
    for chosen in itertools.islice(itertools.product(*branches), 8):
        yield "".join(chosen)


def _sample(tree: Sequence[Any] | Any) -> str:
    """A text that a part of a pattern matches, or nearly."""
    out = []
    for item in tree:
        op, argument = item
        if op is codes.LITERAL:
            out.append(chr(argument))
        elif op in {codes.IN, codes.ANY, codes.NOT_LITERAL}:
            out.append(next((sign for sign in ALPHABET if _takes(item, sign)), "a"))
        elif op in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            out.append(_sample(argument[2]) * max(argument[0], 1))
        elif op is codes.SUBPATTERN:
            out.append(_sample(argument[-1]))
        elif op is codes.ATOMIC_GROUP:
            out.append(_sample(argument))
        elif op is codes.BRANCH:
            out.append(_sample(argument[1][0]))
        elif op is codes.GROUPREF:
            out.append('"')
    return "".join(out)


def _takes(item: Any, sign: str) -> bool:
    """Whether one sign is taken by a class of signs."""
    op, argument = item
    if op is codes.ANY:
        return sign != "\n"
    if op is codes.LITERAL:
        return chr(argument) == sign
    if op is codes.NOT_LITERAL:
        return chr(argument) != sign
    negate = bool(argument) and argument[0][0] is codes.NEGATE
    return any(_in_class(part, sign) for part in argument) is not negate


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    codes.CATEGORY_DIGIT: lambda sign: sign.isdigit(),
    codes.CATEGORY_SPACE: lambda sign: sign.isspace(),
    codes.CATEGORY_WORD: lambda sign: sign.isalnum() or sign == "_",
    codes.CATEGORY_NOT_DIGIT: lambda sign: not sign.isdigit(),
    codes.CATEGORY_NOT_SPACE: lambda sign: not sign.isspace(),
    codes.CATEGORY_NOT_WORD: lambda sign: not (sign.isalnum() or sign == "_"),
}


def _in_class(part: Any, sign: str) -> bool:
    op, argument = part
    if op is codes.LITERAL:
        return chr(argument) == sign
    if op is codes.RANGE:
        return bool(argument[0] <= ord(sign) <= argument[1])
    return op is codes.CATEGORY and _CATEGORIES[argument](sign)


def seconds_for(found: Found, text: Any) -> float:
    """How long the expression takes over a text, the best of two."""
    return min(_seconds_once(found, text) for _ in range(2))


def _seconds_once(found: Found, text: Any) -> float:
    begun = time.thread_time()
    if found.anchored:
        found.pattern.fullmatch(text)
        found.pattern.match(text)
    else:
        for _ in found.pattern.finditer(text):
            pass
    return time.thread_time() - begun


def slow_text(found: Found) -> str:
    """A text over which the time grows faster than its length, shortened; empty when none was found."""
    for count in (12, 18, 24):
        for text in few_repeats(found.pattern, count):
            if seconds_for(found, text) > 0.05:
                return f"{text[:60]!r}, {count} repeats"
    few, many = 2_000, 16_000
    for short, long in zip(attacks(found.pattern, few), attacks(found.pattern, many), strict=True):
        begun = seconds_for(found, short)
        if begun > 1 or (_seconds_once(found, long) > max(0.05, 24 * begun) and seconds_for(found, long) > 24 * begun):
            return f"{long[:60]!r} of {len(long)}"
    return ""
