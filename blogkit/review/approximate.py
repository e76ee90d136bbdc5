"""Approximate search of a text, by Myers' bit-parallel algorithm: what npm's ``approx-string-match`` does, in Python.

The browser uses that package; the report and the benchmark use this module; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Match:
    """Where a pattern was found, and with how many insertions, deletions and substitutions."""

    start: int
    end: int
    errors: int


def _ends(text: str, pattern: str, most: int) -> list[tuple[int, int]]:
    """(end, errors) of the best matches with at most ``most`` errors: all that share the fewest.

    One column of the dynamic programme is two integers of as many bits as the pattern has characters.
    """
    length = len(pattern)
    if length == 0:
        return []
    most = min(most, length)
    mask = (1 << length) - 1
    top = 1 << (length - 1)
    equal: dict[str, int] = {}
    for number, character in enumerate(pattern):
        equal[character] = equal.get(character, 0) | (1 << number)
    up, down, errors = mask, 0, length
    ends: list[tuple[int, int]] = []
    for place, character in enumerate(text, start=1):
        same = equal.get(character, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        rise = down | (~(diagonal | up) & mask)
        fall = up & diagonal
        if rise & top:
            errors += 1
        elif fall & top:
            errors -= 1
        rise = (rise << 1) & mask  # a match may begin anywhere: row 0 is always 0
        fall = (fall << 1) & mask
        up = fall | (~(diagonal | rise) & mask)
        down = rise & diagonal
        if errors <= most:
            if errors < most:
                ends.clear()
                most = errors
            ends.append((place, errors))
    return ends


def search(text: str, pattern: str, most: int) -> list[Match]:
    """The best matches of a pattern with at most ``most`` errors, by their end; empty when there is none."""
    found: list[Match] = []
    backwards = pattern[::-1]
    for end, errors in _ends(text, pattern, most):
        first = max(0, end - len(pattern) - errors)
        starts = [end - back for back, _ in _ends(text[first:end][::-1], backwards, errors)]
        found.append(Match(start=min([*starts, end]), end=end, errors=errors))
    return found


def distance(text: str, pattern: str) -> int:
    """The fewest errors with which the pattern stands somewhere in the text; its length when nothing of it does."""
    ends = _ends(text, pattern, len(pattern))
    return min([errors for _, errors in ends], default=len(pattern))
