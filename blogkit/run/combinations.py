"""Which combinations of parameters a sweep plans: its grid, its list of runs, and what it leaves out.

``exclude:`` works as in the matrix of GitHub Actions: a combination is left out when it has every value that an entry
names. A value may be a list (one of them) or a comparison in quotes (``"> 64"``).
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARISON = re.compile(r"\s*(<=|>=|!=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


def combine_parameters(
    grid: Mapping[str, Sequence[Any]], listed: Sequence[Mapping[str, Any]], fixed: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Every combination of the grid, for each of the listed sets; what a set names wins over what is fixed."""
    return [
        {**fixed, **given, **dict(zip(grid, values, strict=True))}
        for given in (listed or [{}])
        for values in itertools.product(*grid.values())
    ]


def is_excluded(parameters: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether a combination has every value that an entry of ``exclude:`` names. An empty entry excludes nothing."""
    return bool(entry) and all(
        name in parameters and _is_meant(parameters[name], wanted) for name, wanted in entry.items()
    )


def _is_meant(value: Any, wanted: Any) -> bool:
    """Whether a level is the value that an exclusion names, one of those, or on the right side of a comparison."""
    if _is_level(value, wanted):
        return True
    if isinstance(wanted, list):
        return any(_is_meant(value, one) for one in wanted)
    if isinstance(wanted, str) and isinstance(value, int | float) and not isinstance(value, bool):
        comparison = _COMPARISON.fullmatch(wanted)
        return comparison is not None and _COMPARISONS[comparison[1]](value, float(comparison[2]))
    return False


def _is_level(value: Any, wanted: Any) -> bool:
    """Equality in which 1 is 1.0, and neither is true."""
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)
