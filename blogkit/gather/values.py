"""Numbers for the prose: formatted with their uncertainty, and raw beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from blogkit.config import to_yaml

HEAD = "# Made by `blogkit gather`; a change here is overwritten. Quote a number as {{< meta values.NAME >}}.\n"
_MORE_DIGITS = 4
"""How many digits more than the uncertainty asks for may be shown, so that an interval says of zero what it said."""
_PM = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"


def format_value(number: float, error: float | None = None, spec: str | None = None) -> str:
    """A number as prose shows it.

    With an uncertainty, both are rounded to its first significant digit, or to its second when the first is 1 (the
    convention of the Particle Data Group): 0.18734 with 0.0041 is ``0.187 ± 0.004``. With a format specification, both
    take it; ``.1%`` gives ``18.7 ± 0.4 %``. Without either, an integer is whole and any other number has four digits.
    Where rounding would change whether the interval holds zero, more digits are shown: −0.0233 ± 0.0227 excludes it,
    and −0.02 ± 0.02 would not. The spaces beside ± do not break, so that no line ends within a number.
    """
    if not math.isfinite(number):
        return str(number)
    if error is not None and not math.isfinite(error):
        error = None
    if spec is not None and error is not None:
        return _with_format(number, error, spec)
    if spec is not None:
        return _with_minus_sign(f"{number:{spec}}")
    if error:
        return _with_uncertainty(number, error)
    if isinstance(number, int) or float(number).is_integer():
        text = f"{number:.0f}" if abs(number) < 1e15 else f"{number:.4g}"
    else:
        text = f"{number:.4g}"
    return _with_minus_sign(text) + (f"{_PM}0" if error == 0 else "")


def _with_uncertainty(number: float, error: float) -> str:
    size = Decimal(repr(abs(error)))
    first = 2 if size.as_tuple().digits[0] == 1 else 1
    for digits in range(first, first + _MORE_DIGITS + 1):
        place = size.adjusted() - digits + 1
        if -6 <= place <= 6 and abs(number) < 1e15:
            unit = Decimal(1).scaleb(min(place, 0))
            texts = tuple(f"{Decimal(repr(one)).quantize(unit, ROUND_HALF_EVEN):f}" for one in (number, abs(error)))
        else:
            texts = f"{number:.{digits + 3}g}", f"{error:.{digits}g}"
        if _says_the_same(number, error, *texts):
            break
    return f"{_with_minus_sign(texts[0])}{_PM}{texts[1]}"


def _with_format(number: float, error: float, spec: str) -> str:
    texts = f"{number:{spec}}", f"{error:{spec}}"
    digits = re.search(r"\.(\d+)", spec)
    for more in range(1, _MORE_DIGITS + 1) if digits else ():
        if digits is None or _says_the_same(number, error, *texts):
            break
        finer = f"{spec[: digits.start(1)]}{int(digits[1]) + more}{spec[digits.end(1) :]}"
        texts = f"{number:{finer}}", f"{error:{finer}}"
    if spec.endswith("%"):
        return f"{_with_minus_sign(texts[0].removesuffix('%'))}{_PM}{texts[1].removesuffix('%')}\N{NO-BREAK SPACE}%"
    return f"{_with_minus_sign(texts[0])}{_PM}{texts[1]}"


def _says_the_same(number: float, error: float, shown: str, shown_error: str) -> bool:
    """Whether the interval as it is shown holds zero just when the interval does."""
    try:
        first, second = (abs(float(re.sub(r"[%,_\s]", "", text))) for text in (shown, shown_error))
    except ValueError:
        return True  # a format of the author's own
    return (first > second) == (abs(number) > abs(error))


def _with_minus_sign(text: str) -> str:
    """The text of a number with a minus sign in place of a leading hyphen; none before a number that rounds to zero."""
    if re.fullmatch(r"-0?\.?0*%?", text) and "0" in text:
        return text[1:]
    return f"−{text[1:]}" if text.startswith("-") else text


def _value_text(number: float, error: float | None, spec: str | None) -> str:
    """A number as the prose shows it, in words where it is none, or where its uncertainty is not known."""
    if math.isnan(number):
        return "not a number"
    text = format_value(number, error, spec)
    unknown = error is not None and not math.isfinite(error) and math.isfinite(number)
    return f"{text} (uncertainty unknown)" if unknown else text


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
        shown[name] = _value_text(number, error, entry.get("format"))
        raw[name] = {"value": number, **({} if error is None else {"error": error})}
    document = {"values": dict(sorted(shown.items())), "values-raw": dict(sorted(raw.items()))}
    return HEAD + to_yaml(document)
