"""How the figures look: colours with a second cue, and titles that say what is shown in which unit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 560, 320
"""Pixels."""

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#3858fa", "#e0064e")
"""Okabe and Ito's first four and two more: each has a contrast of 3 to white and to a dark page, and any two differ for
readers with protanopia and deuteranopia. A chart with more groups goes from one colour to another by steps."""

DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 1], [1, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_RAMP = ("#0072b2", "#8a5fc0", "#c2508f", "#d55e00")
"""For ordered groups: neighbours are alike, ends differ."""


def load_altair() -> Any:
    """Altair, imported where a figure is built; untyped, since its own types refuse much that it takes."""
    import altair

    return altair


def titled(name: str, title: str | None = None, unit: str | None = None) -> str:
    """An axis title: the quantity in words, and its unit in parentheses."""
    words = title if title is not None else name.replace("_", " ").strip().capitalize()
    return f"{words} ({unit})" if unit else words


def level_words(value: Any) -> str:
    """A level of a parameter as people write it: ``8``, ``0.003``, ``1e-5``, ``−2``, ``none``."""
    value = _plain_value(value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        text = f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else f"{value:g}"
        return re.sub(r"e([-+])0*(\d)", lambda match: f"e{match[1].strip('+')}{match[2]}", text).replace("-", "−")
    return str(value)


def setting_words(name: str, value: Any) -> str:
    """A parameter's level with its name: ``width 8``, ``learning rate 0.1``."""
    return f"{name.replace('_', ' ').strip()} {level_words(value)}"


def signed(value: float, digits: int) -> str:
    """A difference with its sign: ``+0.045``, ``−0.012``."""
    return f"{value:+.{digits}f}".replace("-", "−")


_GIVEN_COLOURS: dict[str, dict[Any, str]] = {}
"""The colour of each level of a parameter in the figures so far: a level keeps it in all figures of a notebook."""


def level_colours(
    by: str, levels: Sequence[Any], ordered: bool, colours: Mapping[Any, str] | Sequence[str] | None
) -> list[str]:
    """A colour for each level: what is asked for, else what it had in an earlier figure, else one that is free."""
    if isinstance(colours, Mapping):
        missing = [level for level in levels if level not in colours]
        if missing:
            raise ChartError(f"colours= has none for {', '.join(map(repr, missing))}.")
        return [colours[level] for level in levels]
    if colours is not None:
        if len(colours) < len(levels):
            raise ChartError(f"colours= has {len(colours)} for {len(levels)} levels of {by!r}.")
        return list(colours[: len(levels)])
    known = _GIVEN_COLOURS.setdefault(by, {})
    if not known:
        fresh = _ramp_colours(len(levels)) if ordered or len(levels) > len(PALETTE) else PALETTE
        known.update(zip(levels, fresh, strict=False))
    for level in levels:
        if level not in known:
            free = [one for one in (*PALETTE, *_ramp_colours(12)) if one not in known.values()]
            known[level] = free[0] if free else PALETTE[len(known) % len(PALETTE)]
    return [known[level] for level in levels]


def group_channels(
    by: str,
    title: str,
    levels: Sequence[Any],
    *,
    ordered: bool,
    marks: str,
    colours: Mapping[Any, str] | Sequence[str] | None = None,
    order: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Colour and a second cue (``marks``: "line" for dashes, "point" for shapes) for the groups of a parameter."""
    import altair as alt

    domain = [_plain_value(level) for level in levels]
    shades = level_colours(by, domain, ordered, colours)
    kind = "O" if ordered and order is None else "N"  # a scale of numbers would put them in their own order
    line = {"symbolType": "stroke", "symbolSize": 300} if marks == "line" else {"symbolSize": 90}
    legend = alt.Legend(symbolStrokeWidth=2, symbolOpacity=1, **line)
    cues: Sequence[Any] = DASHES if marks == "line" else SHAPES
    cue = [cues[index % len(cues)] for index in range(len(levels))]
    channel = alt.StrokeDash if marks == "line" else alt.Shape
    return {
        "color": alt.Color(
            f"{field_name(by)}:{kind}", title=title, legend=legend, scale=alt.Scale(domain=domain, range=shades)
        ),
        "strokeDash" if marks == "line" else "shape": channel(
            f"{field_name(by)}:{kind}", title=title, legend=legend, scale=alt.Scale(domain=domain, range=cue)
        ),
    }


def axis(name: str, title: str, *, log: bool, number: bool, levels: Any = None) -> alt.X:
    """A horizontal axis over a parameter: logarithmic where it spans decades, by category where it is no number.

    Few ``levels`` are its ticks: a reader wants to read 8, 32 and 128.
    """
    import altair as alt

    if not number:
        return alt.X(f"{field_name(name)}:N", title=title, axis=alt.Axis(labelAngle=0))
    scale = alt.Scale(type="log", nice=False, padding=20) if log else alt.Scale(zero=False, padding=20)
    found = [] if levels is None else sorted({_plain_value(level) for level in levels})
    ticks = alt.Axis(values=found, format="~g") if 2 <= len(found) <= 8 else alt.Axis()
    return alt.X(f"{field_name(name)}:Q", title=title, scale=scale, axis=ticks)


def value_scale(values: Any, highs: Any, *, log: bool = False, zero: bool = False) -> Any:
    """The scale of a metric: an accuracy's axis ends at 1, however far its interval reaches."""
    alt = load_altair()
    if log:
        return alt.Scale(type="log")
    within = bool(values.min() >= 0 and values.max() <= 1 < highs.max())
    return alt.Scale(zero=zero, domainMax=1) if within else alt.Scale(zero=zero)


def heading(words: str, below: str = "") -> alt.Title:
    """A small line above a chart: what its means and intervals stand on; ``below`` it a quieter one."""
    import altair as alt

    more: dict[str, Any] = {"subtitle": below} if below else {}
    return alt.Title(words, anchor="start", fontSize=12, fontWeight="normal", **more)


def sized(chart: Any, **properties: Any) -> alt.LayerChart:
    """A layered chart with its width, height and title."""
    made: Any = chart.properties(**properties)
    layered: alt.LayerChart = made
    return layered


def field_name(name: str) -> str:
    """A column's name as Altair's shorthand and Vega's paths read it: as it is, whatever signs it holds."""
    for sign in "\\.[]:":
        name = name.replace(sign, f"\\{sign}")
    return name


def _plain_value(value: Any) -> Any:
    """A value of pandas as JSON has it."""
    return value.item() if hasattr(value, "item") else value


def _ramp_colours(count: int) -> list[str]:
    """Colours along the ramp."""
    if count <= 1:
        return [_RAMP[0]]
    made = []
    for index in range(count):
        place = index / (count - 1) * (len(_RAMP) - 1)
        low = min(int(place), len(_RAMP) - 2)
        share = place - low
        pair = [[int(_RAMP[low + side][i : i + 2], 16) for i in (1, 3, 5)] for side in (0, 1)]
        made.append("#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*pair, strict=True)))
    return made
