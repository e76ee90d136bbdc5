"""The rules, by family. A rule is a small function over a post that yields a fault for each place that breaks it.

Its first docstring line says what must hold; its code never changes and its name is what profiles and waivers use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile

Check = Callable[[Post, Profile], Iterator[Fault]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a venue's format."""

    code: str
    name: str
    says: str
    """What must hold, one sentence."""
    why: str
    """What happens to a post that breaks it."""
    fix: str
    """How to fix it."""
    check: Check
    fixable: bool = False
    """Whether ``--fix`` can fix it safely."""
    browser: bool = False
    """Whether only a browser can tell."""


_RULES: dict[str, Rule] = {}


def rule(
    code: str, name: str, *, why: str, fix: str, fixable: bool = False, browser: bool = False
) -> Callable[[Check], Check]:
    """Registers a function as a rule; its docstring's first line says what must hold."""

    def register(check: Check) -> Check:
        says = (check.__doc__ or "").strip().splitlines()[0]
        assert name not in _RULES, name
        _RULES[name] = Rule(
            code=code, name=name, says=says, why=why, fix=fix, check=check, fixable=fixable, browser=browser
        )
        return check

    return register


def all_rules() -> Mapping[str, Rule]:
    """Every rule by name, in the order of the codes."""
    from blogkit.check.rules import (  # noqa: F401  # each registers its rules
        citations,
        document,
        figures,
        package,
        screen,
        track,
        writing,
    )

    return dict(sorted(_RULES.items(), key=lambda item: item[1].code))


def find_rule(name: str) -> Rule | None:
    """A rule by its code or its name, in any letter case."""
    wanted = name.strip().lower()
    return next((one for one in all_rules().values() if wanted in {one.code.lower(), one.name}), None)
