"""How a distribution moves over training: a histogram for each step, one behind the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError
from blogkit.charts.look import _ramp_colours, heading, level_words, load_altair, sized, titled
from blogkit.charts.pictures import as_pixels

if TYPE_CHECKING:
    import altair as alt

_OVERLAP = 2.2
"""How many rows the highest bar of a histogram reaches over."""


def distribution(
    values: Mapping[Any, Any],
    *,
    over: str = "epoch",
    bins: int = 40,
    span: tuple[float, float] | None = None,
    title: str = "Value",
    unit: str | None = None,
    marks: Mapping[str, float] | None = None,
) -> alt.LayerChart:
    """Histograms over training, such as of weights, activations or gradients: a row a step, the first at the back.

    ``values`` has for each step an array or tensor of any shape. All rows share their bins and their height, so that
    they can be compared; ``span`` is the range that is shown, by default all of it, and what lies outside is counted
    in the line above. ``marks`` names places on the axis, such as ``{"threshold": 0}``.

    >>> from blogkit.charts import distribution, samples
    >>> chart = distribution(samples.activations(), title="Input of the second layer", marks={"dead below": 0})
    >>> chart.title.text
    '400 values at each of 6 epochs'
    """
    import numpy as np
    import pandas as pd

    alt = load_altair()
    if len(values) < 2:
        raise ChartError("a distribution over training needs two steps or more: {0: weights, 10: weights}.")
    arrays = {step: as_pixels(one).reshape(-1).astype("float64") for step, one in values.items()}
    empty = [step for step, one in arrays.items() if not len(one)]
    if empty:
        raise ChartError(f"there are no values at {over} {level_words(empty[0])}.")
    low, high = span or (min(one.min() for one in arrays.values()), max(one.max() for one in arrays.values()))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    counts = {step: np.histogram(one, edges)[0] for step, one in arrays.items()}
    most = max(float((count / len(arrays[step])).max()) for step, count in counts.items()) or 1.0
    rows = [
        {
            "step": level_words(step), "row": number, "from": float(f"{edges[place]:.5g}"),
            "to": float(f"{edges[place + 1]:.5g}"), "values": int(count[place]),
            "share": float(count[place] / len(arrays[step])),
            "base": len(counts) - 1 - number,
            "top": len(counts) - 1 - number + _OVERLAP * float(count[place] / len(arrays[step])) / most,
        }
        for number, (step, count) in enumerate(counts.items())
        for place in range(bins)
        if count[place]
    ]  # fmt: skip
    names = [level_words(step) for step in counts]
    x = alt.X("from:Q", title=titled(title, title, unit), scale=alt.Scale(nice=False), axis=alt.Axis(grid=False))
    heights = alt.Scale(domain=[0, len(names) - 0.85 + _OVERLAP], nice=False)
    y = alt.Y("base:Q", title=None, axis=None, scale=heights)
    base = alt.Chart(pd.DataFrame(rows)).encode(y=y)
    colour = alt.Color("step:N", legend=None, scale=alt.Scale(domain=names, range=_ramp_colours(len(names))))
    tooltips = [
        alt.Tooltip("step:N", title=titled(over)), alt.Tooltip("from:Q", title="From", format=".5~g"),
        alt.Tooltip("to:Q", title="To", format=".5~g"), alt.Tooltip("values:Q", title="Values", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
    ]  # fmt: skip
    bars = base.mark_rect(opacity=0.85, clip=True).encode(x=x, x2="to", y2="top", color=colour, tooltip=tooltips)
    ends = pd.DataFrame([{"step": name, "base": len(names) - 1 - number} for number, name in enumerate(names)])
    row = alt.Chart(ends).encode(y=y)
    words = row.mark_text(align="right", baseline="bottom", dx=-8, fontSize=11).encode(x=alt.value(0), text="step:N")
    lines = row.mark_rule(strokeWidth=0.7).encode(tooltip=alt.value(None))
    over_word = alt.Chart(pd.DataFrame([{"over": titled(over)}])).mark_text(align="right", dx=-8, dy=-6, fontSize=11)
    layers = [lines, bars, words, over_word.encode(x=alt.value(0), y=alt.value(0), text="over:N")]
    if marks:
        places = alt.Chart(pd.DataFrame([{"mark": name, "from": place} for name, place in marks.items()]))
        layers.append(places.mark_rule(strokeDash=[4, 3]).encode(x=x, tooltip=alt.value(None)))
        label = places.mark_text(align="left", baseline="top", dx=4, fontSize=11, fontStyle="italic")
        layers.append(label.encode(x=x, y=alt.value(0), text="mark:N"))
    said = _counts_in_words([len(one) for one in arrays.values()], over)
    left = sum(len(one) - int(counts[step].sum()) for step, one in arrays.items())
    said += f"; {left:,} values outside of what is shown" if left else ""
    return sized(alt.layer(*layers), width=520, height=max(160, 44 * len(names)), title=heading(said))


def _counts_in_words(counts: Sequence[int], over: str) -> str:
    low, high = min(counts), max(counts)
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    plural = over.replace("_", " ") + ("" if over.endswith("s") else "s")
    return f"{each} values at each of {len(counts)} {plural}"
