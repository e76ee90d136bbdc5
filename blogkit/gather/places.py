"""Figures that are called after their cell's place: which of them became another picture when cells were moved.

``runs.json`` keeps the code of each such cell, as it was when its figure first had this name. Where the place holds
other code now, the figure under this name is another one, whatever the post says below it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

_MOST_CODE = 2000
"""Characters of a cell's code that are compared."""
_SAME = 0.5
"""How alike the code of one place must be to be an edit of the same figure."""


def placed_figures(
    earlier: Mapping[str, Any], now: Mapping[str, str], labelled: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """For each figure that has its place's name: its code, and where what it was called after is now, if it moved.

    ``earlier`` is what this gave before, ``now`` and ``labelled`` the code of the cells that draw the figures without
    and with a name of their own.
    """
    found: dict[str, dict[str, str]] = {}
    for name, code in now.items():
        known = earlier.get(name)
        before = str(known.get("code") or "") if isinstance(known, Mapping) else ""
        found[name] = {"code": code[:_MOST_CODE]}
        if before and not _is_edit(before, name, {**labelled, **now}):
            found[name] = {"code": before, "moved_to": _closest_figure(before, {**labelled, **now}, name)}
    return found


def _is_edit(before: str, name: str, now: Mapping[str, str]) -> bool:
    """Whether the code under a name is what stood there before, as far as the other cells let one tell."""
    here = _code_likeness(before, now[name])
    return here == 1.0 or (here >= _SAME and here >= max(_code_likeness(before, code) for code in now.values()))


def _closest_figure(before: str, now: Mapping[str, str], name: str) -> str:
    """The figure that is drawn now by what drew the earlier one; empty where none does."""
    likeness, other = max((_code_likeness(before, code), one) for one, code in now.items())
    return other if likeness >= _SAME and other != name else ""


def _code_likeness(one: str, other: str) -> float:
    """How alike two cells are: 1 for the same code, else by their words."""
    if one == other[:_MOST_CODE]:
        return 1.0
    words, others = (re.findall(r"\w+", code[:_MOST_CODE]) for code in (one, other))
    return min(0.99, SequenceMatcher(None, words, others, autojunk=False).ratio())
