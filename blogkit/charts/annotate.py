"""Words on a chart: names at the ends of its lines, shaded stretches, arrows, and the finding as its title."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError
from blogkit.charts.look import HEIGHT, field_name, level_words, load_altair

if TYPE_CHECKING:
    import altair as alt

_LINE = 13
"""Pixels that the names of two lines are apart at least."""

_ARROW = ((0.06, 1.2), (0.86, 1.2), (0.86, 7), (0.98, 0.2))
"""Places along an arrow, and how thick it is there."""


def annotate(
    chart: alt.Chart | alt.LayerChart,
    *,
    finding: str | None = None,
    ends: bool = False,
    regimes: Mapping[str, tuple[Any, Any]] | None = None,
    arrows: Sequence[tuple[str, tuple[Any, Any], tuple[Any, Any]]] = (),
) -> alt.LayerChart:
    """A chart with its finding as title, names at the ends of its lines, shaded stretches of x, and arrows.

    ``finding`` says what the figure shows, in a sentence; the title that the chart has stays below it. ``ends=True``
    writes each line's name beside its end, in its colour, instead of a legend. ``regimes`` names stretches of the
    horizontal axis: ``{"memorises": (0, 8)}``. Each of ``arrows`` is words, the place where they stand, and the place
    that they point at, both as (x, y) of the axes.

    >>> from blogkit.charts import annotate, learning_curves, samples
    >>> metrics = samples.metrics().query("optimiser == 'adam'")
    >>> chart = annotate(
    ...     learning_curves(metrics, "test_error", by="width"),
    ...     finding="Wider networks end lower, and all of them settle by epoch 15",
    ...     ends=True, regimes={"settled": (15, 29)}, arrows=[("half of the gain", (6, 0.72), (2.2, 0.56))],
    ... )
    >>> chart.title.subtitle
    'Mean and 95 % interval over 5 seeds'
    """
    alt = load_altair()
    layers = list(chart.layer) if isinstance(chart, alt.LayerChart) else [chart]
    own = chart.copy(deep=False)
    below: list[Any] = []
    above: list[Any] = []
    if ends:
        layers, names = _with_end_names(own, layers)
        above.append(names)
    if regimes:
        below, words = _regime_layers(regimes, _axis_words(_axes_of(own, layers)[0]))
        above.append(words)
    for words, start, end in arrows:
        above += _arrow_layers(words, start, end, _axes_of(own, layers))
    if isinstance(chart, alt.LayerChart):
        own.layer = [*below, *layers, *above]
        made = own
    else:
        made = alt.layer(*below, *layers, *above)
        for name in ("width", "height", "title"):
            if own[name] is not alt.Undefined:
                made[name] = own[name]
                layers[0][name] = alt.Undefined
    if finding:
        made = made.properties(title=_finding_title(finding, made.title))
    annotated: Any = made
    return annotated  # type: ignore[no-any-return]


def _finding_title(finding: str, before: Any) -> Any:
    """The finding, and below it what the title said."""
    alt = load_altair()
    words = before if isinstance(before, str) else getattr(before, "text", alt.Undefined)
    more = {} if words is alt.Undefined else {"subtitle": words}
    return alt.Title(finding, anchor="start", fontSize=15, fontWeight="bold", offset=14, **more)


# --- names at the ends of lines -------------------------------------------------------------------------------------


def _with_end_names(chart: Any, layers: list[Any]) -> tuple[list[Any], Any]:
    """The layers without a legend for the lines' colours, and a layer of their names."""
    import pandas as pd

    alt = load_altair()
    line = next((one for one in layers if _mark_name(one) in ("line", "trail")), None)
    if line is None:
        raise ChartError("ends=True names lines, and the chart has no layer of lines.")
    channels = {name: _shorthand_of(line, name) for name in ("x", "y", "color", "stroke", "strokeDash", "detail")}
    colour = channels["color"] or channels["stroke"]
    rows = line.data if isinstance(line.data, pd.DataFrame) else chart.data
    group = colour or channels["strokeDash"] or channels["detail"]
    known = list(rows.columns) if isinstance(rows, pd.DataFrame) else []
    if not all(name in known for name in (channels["x"], channels["y"], group)):
        raise ChartError(
            "ends=True needs lines over columns of a data frame, with a colour, a dash or a detail by one."
        )
    last = rows.dropna(subset=[channels["y"]]).sort_values(channels["x"]).groupby(group, sort=False).tail(1)
    table = last[[channels["x"], channels["y"], group]].assign(name=[level_words(value) for value in last[group]])
    height = chart.height if isinstance(chart.height, int | float) else HEIGHT
    span = float(rows[channels["y"]].max() - rows[channels["y"]].min()) or 1.0
    table = table.assign(moved=_spread_places([float(y) for y in table[channels["y"]]], span * _LINE / height))
    shown = {name: getattr(line.encoding, name).copy() for name in ("x", "y", "color") if hasattr(line.encoding, name)}
    shown = {name: one for name, one in shown.items() if one is not alt.Undefined}
    shown["y"].title = _axis_words(shown["y"])
    shown["y"].shorthand = "moved:Q"
    if "color" in shown:
        shown["color"].legend = None
    text = alt.Chart(table).mark_text(align="left", dx=7, fontSize=12, fontWeight="bold", clip=False)
    return [_without_legend(one, group) for one in layers], text.encode(**shown, text="name:N")


def _spread_places(places: Sequence[float], apart: float) -> list[float]:
    """Places moved as little as will do until any two are ``apart``."""
    order = sorted(range(len(places)), key=lambda number: places[number])
    moved = [places[number] for number in order]
    for _ in range(200):
        pairs = [n for n in range(len(moved) - 1) if moved[n + 1] - moved[n] < apart * 0.999]
        if not pairs:
            break
        for n in pairs:
            push = (apart - (moved[n + 1] - moved[n])) / 2
            moved[n], moved[n + 1] = moved[n] - push, moved[n + 1] + push
    found = dict(zip(order, moved, strict=True))
    return [found[number] for number in range(len(places))]


def _mark_name(layer: Any) -> str:
    mark = getattr(layer, "mark", None)
    return str(mark if isinstance(mark, str) else getattr(mark, "type", ""))


def _shorthand_of(layer: Any, channel: str) -> str:
    """The column of a channel; empty where it has none."""
    found = getattr(layer.encoding, channel, None)
    for name in ("field", "shorthand"):
        words = getattr(found, name, None)
        if isinstance(words, str):
            plain = re.sub(r"(?<!\\):[QNOTG]$", "", words)
            return re.sub(r"\\(.)", r"\1", plain)
    return ""


def _axis_words(channel: Any) -> Any:
    """What stands at an axis: layers with other words would be written beside them."""
    alt = load_altair()
    for name in ("title", "field", "shorthand"):
        words = channel[name] if name in channel._kwds else alt.Undefined
        if words is not alt.Undefined:
            return words if name == "title" else re.sub(r"(?<!\\):[QNOTG]$", "", str(words))
    return alt.Undefined


def _without_legend(layer: Any, group: str) -> Any:
    """A layer whose channels by the group have no legend."""
    alt = load_altair()
    made = layer.copy()
    for name in ("color", "stroke", "fill", "strokeDash", "shape"):
        if _shorthand_of(made, name) == group and hasattr(made.encoding[name], "legend"):
            made.encoding[name].legend = None
    return made if made.encoding is not alt.Undefined else layer


# --- stretches and arrows -------------------------------------------------------------------------------------------


def _regime_layers(regimes: Mapping[str, tuple[Any, Any]], title: str) -> tuple[list[Any], Any]:
    import pandas as pd

    alt = load_altair()
    rows = [{"regime": name, "from": low, "to": high} for name, (low, high) in regimes.items()]
    if any(not row["from"] < row["to"] for row in rows):
        raise ChartError("a regime goes from a smaller to a larger x: regimes={'memorises': (0, 8)}.")
    kind = "Q" if all(isinstance(row["from"], int | float) for row in rows) else "T"
    base = alt.Chart(pd.DataFrame(rows)).encode(x=alt.X(f"from:{kind}", title=title))
    shades = base.mark_rect(color="#808080", opacity=0.13, tooltip=None).encode(x2="to")
    words = base.mark_text(align="left", baseline="top", dx=5, dy=5, fontSize=11, fontStyle="italic")
    return [shades], words.encode(y=alt.value(0), text="regime:N")


def _axes_of(chart: Any, layers: Sequence[Any]) -> tuple[Any, Any]:
    """The axes that an arrow's places are on: those of the first layer that has both."""
    alt = load_altair()
    for one in (*layers, chart):
        found = [getattr(getattr(one, "encoding", None), name, alt.Undefined) for name in ("x", "y")]
        if all(channel is not alt.Undefined for channel in found):
            return found[0], found[1]
    raise ChartError("an arrow needs a chart with an x and a y.")


def _arrow_layers(words: str, start: tuple[Any, Any], end: tuple[Any, Any], axes: tuple[Any, Any]) -> list[Any]:
    """Words, and an arrow from them: a trail that ends in a head, so that it points right whatever the scales are."""
    import pandas as pd

    alt = load_altair()
    rows = [
        {
            name: _place_between(start[side], end[side], share, _is_logarithmic(axes[side]))
            for side, name in enumerate(("x", "y"))
        }
        | {"thick": thick, "order": number}
        for number, (share, thick) in enumerate(_ARROW)
    ]
    titles = [_axis_words(axis) for axis in axes]
    place = {"x": alt.X("x:Q", title=titles[0]), "y": alt.Y("y:Q", title=titles[1])}
    thick = alt.Size("thick:Q", legend=None, scale=None)
    ink = "var(--bk-chart-soft, #555)"
    arrow = (
        alt.Chart(pd.DataFrame(rows)).mark_trail(color=ink, tooltip=None).encode(**place, size=thick, order="order:Q")
    )
    right = isinstance(start[0], int | float) and isinstance(end[0], int | float) and start[0] >= end[0]
    text = alt.Chart(pd.DataFrame([{"x": start[0], "y": start[1], "words": words}])).mark_text(
        align="left" if right else "right", dx=3 if right else -3, fontSize=12, lineBreak="\n"
    )
    return [arrow, text.encode(**place, text=alt.Text(f"{field_name('words')}:N"))]


def _is_logarithmic(axis: Any) -> bool:
    scale = getattr(axis, "scale", None)
    return str(getattr(scale, "type", "")) == "log"


def _place_between(start: float, end: float, share: float, logarithmic: bool) -> float:
    if logarithmic:
        return math.exp(math.log(start) + share * (math.log(end) - math.log(start)))
    return start + share * (end - start)
