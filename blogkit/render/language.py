"""The words that a page says by itself, and dates as a reader of the language writes them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from blogkit.render.metadata import load_yaml_file

_WORDS = Path(__file__).parent / "language"


@cache
def _words_of_language(code: str) -> Mapping[str, Any]:
    path = _WORDS / f"{code}.yml"
    return load_yaml_file(path) if path.is_file() else {}


def words(lang: str, own: Any = None) -> dict[str, Any]:
    """The words of a language (``de`` stands in for ``de-CH``, English for what is missing), and the author's."""
    primary = lang.replace("_", "-").split("-")[0].lower()
    layers: list[Mapping[str, Any]] = [_words_of_language("en"), _words_of_language(primary)]
    if isinstance(own, Mapping):
        layers.append(own)
        layers.extend(own[code] for code in (primary, lang) if isinstance(own.get(code), Mapping))
    merged = {key: value for layer in layers for key, value in layer.items()}
    merged["dates"] = {key: value for layer in layers for key, value in (layer.get("dates") or {}).items()}
    return merged


_ISO = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_SLASHED = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})$")


def parse_date(value: Any, source: Path | None = None) -> dt.datetime | None:
    """A date that an author wrote: ISO, month/day/year, ``today``, ``now``, ``last-modified``; None for other words."""
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    text = str(value or "").strip()
    if text in {"today", "now"}:
        return dt.datetime.now()
    if text == "last-modified" and source is not None:
        return dt.datetime.fromtimestamp(source.stat().st_mtime)
    try:
        if match := _ISO.match(text):
            parts = [int(part) for part in match.groups(default="0")]
            return dt.datetime(*parts)  # type: ignore[arg-type]
        if match := _SLASHED.match(text):
            month, day, year = (int(part) for part in match.groups())
            return dt.datetime(year, month, day)
        for pattern in ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y"):
            try:
                return dt.datetime.strptime(text, pattern)
            except ValueError:
                continue
    except ValueError:
        return None
    return None


_STYLES = {"long": "long", "medium": "medium", "short": "short", "full": "full", "iso": "YYYY-MM-DD"}
_TOKEN = re.compile(r"\[([^\]]*)\]|YYYY|YY|MMMM|MMM|MM|M|DDDD|DD|D|dddd|ddd|HH|H|hh|h|mm|m|ss|s|A|a|Do")


def format_date(value: Any, style: str | None, lang: str, source: Path | None = None) -> str:
    """A date in a style (``long``, ``medium``, ``short``, ``full``, ``iso``, or a pattern such as ``DD.MM.YYYY``).

    What is no date is shown as it was written.
    """
    date = parse_date(value, source)
    if date is None:
        return str(value or "")
    table = words(lang)["dates"]
    pattern = str(table.get(_STYLES.get(style or "long", style or "long"), style or "long"))
    if pattern in _STYLES:
        pattern = _STYLES[pattern]
    months, days = table["months"], table["days"]
    short_months = table.get("short-months") or [month[:3] for month in months]
    short_days = table.get("short-days") or [day[:3] for day in days]

    def fill(match: re.Match[str]) -> str:
        token = match.group(0)
        if match.group(1) is not None:
            return match.group(1)
        hour = date.hour % 12 or 12
        filled: dict[str, str] = {
            "YYYY": f"{date.year:04}", "YY": f"{date.year % 100:02}",
            "MMMM": months[date.month - 1], "MMM": short_months[date.month - 1],
            "MM": f"{date.month:02}", "M": str(date.month),
            "DD": f"{date.day:02}", "D": str(date.day), "Do": _ordinal(date.day),
            "dddd": days[date.weekday()], "ddd": short_days[date.weekday()],
            "HH": f"{date.hour:02}", "H": str(date.hour), "hh": f"{hour:02}", "h": str(hour),
            "mm": f"{date.minute:02}", "m": str(date.minute), "ss": f"{date.second:02}", "s": str(date.second),
            "A": "AM" if date.hour < 12 else "PM", "a": "am" if date.hour < 12 else "pm",
        }  # fmt: skip
        return filled.get(token, token)

    return _TOKEN.sub(fill, pattern)


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }".replace(" ", "")
