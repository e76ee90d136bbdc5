"""Numbers for the prose: formatted with their uncertainty, and raw beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import yaml

HEAD = "# Made by `blogkit gather`; a change here is overwritten. Quote a number as {{< meta values.NAME >}}.\n"
_PM = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"


def format_value(number: float, error: float | None = None, spec: str | None = None) -> str:
    """A number as prose shows it.

    With an uncertainty, both are rounded to its first significant digit, or to its second when the first is 1 (the
    convention of the Particle Data Group): 0.18734 with 0.0041 is ``0.187 ± 0.004``. With a format specification, both
    take it; ``.1%`` gives ``18.7 ± 0.4 %``. Without either, an integer is whole and any other number has four digits.
    The spaces beside ± do not break, so that no line ends within a number.
    """
    if not math.isfinite(number):
        return str(number)
    if error is not None and not math.isfinite(error):
        error = None
    if spec is not None and error is not None:
        first, second = f"{number:{spec}}", f"{error:{spec}}"
        if spec.endswith("%"):
            return f"{_minus(first.removesuffix('%'))}{_PM}{second.removesuffix('%')}\N{NO-BREAK SPACE}%"
        return f"{_minus(first)}{_PM}{second}"
    if spec is not None:
        return _minus(f"{number:{spec}}")
    if error:
        size = Decimal(repr(abs(error)))
        digits = 2 if size.as_tuple().digits[0] == 1 else 1
        place = size.adjusted() - digits + 1
        unit = Decimal(1).scaleb(min(place, 0))
        if -6 <= place <= 6 and abs(number) < 1e15:
            rounded = Decimal(repr(number)).quantize(unit, ROUND_HALF_EVEN)
            return f"{_minus(f'{rounded:f}')}{_PM}{size.quantize(unit, ROUND_HALF_EVEN):f}"
        return f"{_minus(f'{number:.4g}')}{_PM}{error:.{digits}g}"
    if isinstance(number, int) or float(number).is_integer():
        text = f"{number:.0f}" if abs(number) < 1e15 else f"{number:.4g}"
    else:
        text = f"{number:.4g}"
    return _minus(text) + (f"{_PM}0" if error == 0 else "")


def _minus(text: str) -> str:
    """The text of a number with a minus sign in place of a leading hyphen."""
    return f"−{text[1:]}" if text.startswith("-") else text


def values_yaml(entries: Iterable[Mapping[str, Any]]) -> str:
    """``values.yml``: under ``values`` what prose shows, under ``values-raw`` the numbers at full precision."""
    shown: dict[str, str] = {}
    raw: dict[str, Any] = {}
    for entry in entries:
        name = str(entry.get("value"))
        if "text" in entry:
            shown[name] = str(entry["text"])
            raw.pop(name, None)
            continue
        number = entry.get("number")
        if not isinstance(number, int | float):
            continue
        error = entry.get("error")
        shown[name] = format_value(number, error, entry.get("format"))
        raw[name] = {"value": number, **({} if error is None else {"error": error})}
    document = {"values": dict(sorted(shown.items())), "values-raw": dict(sorted(raw.items()))}
    return HEAD + yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
