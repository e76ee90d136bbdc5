"""What a network sees and holds, as a grid of small pictures; and which classes it takes for which, with examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from blogkit.charts.frames import ChartError
from blogkit.charts.look import _plain_value, heading, level_words, load_altair, sized, titled
from blogkit.charts.pictures import as_pixels, check_weight, picture_of

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame

_WIDE, _GAP = 560, 6
"""Pixels: the width of a grid, and between two tiles."""


def tiles(
    pictures: Any,
    *,
    labels: Sequence[Any] | None = None,
    facts: DataFrame | None = None,
    columns: int | None = None,
    size: int | None = None,
    colours: Literal["auto", "grey", "signed"] = "auto",
    scale: Literal["shared", "each"] = "shared",
    title: str | None = None,
) -> alt.LayerChart:
    """A grid of small pictures: images, filters of a layer, activations, attention patterns.

    ``pictures`` is an array or tensor (n, height, width) or (n, height, width, 3), or a dict from labels to arrays of
    one shape. ``labels`` stand below the tiles; the columns of ``facts``, a row a tile, are shown where a reader
    points. Values with a sign are coloured around zero, others are grey; ``scale="each"`` stretches every tile over
    its own range instead of the range of all.

    >>> from blogkit.charts import samples, tiles
    >>> chart = tiles(samples.digits(), labels=range(10), title="Ten digits")
    >>> chart.title.text
    'Ten digits'
    """
    import pandas as pd

    alt = load_altair()
    if isinstance(pictures, Mapping):
        labels, pictures = list(pictures), list(pictures.values())
    shown = as_pixels(pictures)
    if shown.ndim == 4 and 1 in (shown.shape[1], shown.shape[3]):
        shown = shown.reshape(len(shown), *(side for side in shown.shape[1:] if side != 1))
    if shown.ndim not in (3, 4) or len(shown) == 0 or (shown.ndim == 4 and shown.shape[3] != 3):
        raise ChartError(f"tiles are (n, height, width) or (n, height, width, 3); this array is {shown.shape}.")
    named = [""] * len(shown) if labels is None else [level_words(label) for label in labels]
    if len(named) != len(shown) or (facts is not None and len(facts) != len(shown)):
        raise ChartError(f"there are {len(shown)} tiles and {len(named if facts is None else facts)} labels or facts.")
    across = columns or _good_columns(len(shown))
    side = size or max(24, min(110, _WIDE // across - _GAP))
    signed = colours == "signed" or (colours == "auto" and shown.ndim == 3 and float(shown.min()) < 0)
    drawn = [_tile_picture(one, shown, signed, scale, side) for one in shown]
    check_weight(drawn)
    rows = pd.DataFrame(
        {
            "tile": range(len(shown)),
            "label": named,
            "across": [number % across for number in range(len(shown))],
            "down": [number // across for number in range(len(shown))],
            "smallest": [float(f"{one.min():.4g}") for one in shown],
            "largest": [float(f"{one.max():.4g}") for one in shown],
            "picture": drawn,
        }
    )
    tooltips = [alt.Tooltip("smallest:Q", title="Smallest value"), alt.Tooltip("largest:Q", title="Largest value")]
    if facts is not None:
        rows = pd.concat([rows, facts.reset_index(drop=True)], axis=1)
        tooltips = [alt.Tooltip(str(name), title=titled(str(name))) for name in facts.columns]
    if labels is not None:
        tooltips.insert(0, alt.Tooltip("label:N", title="Tile"))
    below = 16 if labels is not None else 0
    tall = side * shown.shape[1] / shown.shape[2]
    height = math.ceil(len(shown) / across) * (tall + _GAP + below)
    base = alt.Chart(rows).encode(
        x=alt.X("across:Q", axis=None, scale=alt.Scale(domain=[-0.5, across - 0.5], nice=False, zero=False)),
        y=alt.Y(
            "down:Q", axis=None,
            scale=alt.Scale(domain=[math.ceil(len(shown) / across) - 0.5, -0.5], nice=False, zero=False),
        ),
    )  # fmt: skip
    # By the width that the figure has, since a phone has less.
    wide = f"(width / {across} - {_GAP})"
    rise = f"{wide} * {shown.shape[1] / shown.shape[2]:.4g}"
    images = base.mark_image(width=alt.expr(wide), height=alt.expr(rise), yOffset=-below / 2)
    layers = [images.encode(url="picture:N", tooltip=tooltips)]
    if labels is not None:
        words = base.mark_text(yOffset=alt.expr(f"{rise} / 2 + 2"), fontSize=11, limit=side + _GAP)
        layers.append(words.encode(text="label:N"))
    made = alt.layer(*layers, view=alt.ViewBackground(stroke=None))
    return sized(
        made, width=across * (side + _GAP), height=round(height), **({"title": heading(title)} if title else {})
    )


def _good_columns(count: int) -> int:
    """A number of columns that fills the last row where one near the wanted shape does."""
    wanted = math.ceil(math.sqrt(count * 1.8))
    return max((n for n in range(max(1, wanted - 2), wanted + 3)), key=lambda n: (-(-count % n), -abs(n - wanted)))


def _tile_picture(one: Any, shown: Any, signed: bool, scale: str, side: int) -> str:
    of = one if scale == "each" else shown
    low, high = float(of.min()), float(of.max())
    if signed:
        high = max(abs(low), abs(high))
        low = -high
    return picture_of(one, low, high, least=side, signed=signed)


def confusion(
    truth: Sequence[Any],
    predicted: Sequence[Any],
    *,
    classes: Sequence[Any] | None = None,
    images: Any = None,
    truth_title: str = "True class",
    predicted_title: str = "Predicted class",
    title: str | None = None,
) -> alt.LayerChart:
    """How often each class is taken for each other one; pointing at a cell shows up to nine of its examples.

    A cell is dark by its share of its true class, and holds the count, so that rare classes are read as well. The
    diagonal has a frame. ``images`` is an array with a picture for each example.

    >>> from blogkit.charts import confusion, samples
    >>> chart = confusion([3, 3, 5, 8, 8], [3, 5, 5, 8, 3], images=samples.digits()[[3, 3, 5, 8, 8]])
    >>> chart.title.text
    'Right for 3 of 5 examples'
    """
    import pandas as pd

    alt = load_altair()
    pairs = pd.DataFrame({"truth": list(map(_plain_value, truth)), "predicted": list(map(_plain_value, predicted))})
    if pairs.empty or pairs.isna().any(axis=None):
        raise ChartError("a confusion needs a true and a predicted class for every example, and at least one.")
    found = set(pairs["truth"]) | set(pairs["predicted"])
    levels = list(classes) if classes is not None else sorted(found, key=lambda value: (type(value).__name__, value))
    if found - set(levels):
        raise ChartError(f"classes= leaves out {', '.join(sorted(map(repr, found - set(levels))))}.")
    totals = pairs["truth"].value_counts()
    rows = []
    for one in levels:
        for other in levels:
            chosen = pairs[(pairs["truth"] == one) & (pairs["predicted"] == other)].index
            share = len(chosen) / totals[one] if one in totals else 0.0
            row = {"truth": level_words(one), "predicted": level_words(other), "count": len(chosen), "share": share}
            rows.append(row if images is None else {**row, "examples": _example_montage(images, list(chosen[:9]))})
    check_weight([str(row["examples"]) for row in rows if row.get("examples")])
    names = [level_words(level) for level in levels]
    quiet = {"ticks": False, "domain": False, "labelPadding": 6}
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("predicted:N", title=predicted_title, sort=names, axis=alt.Axis(labelAngle=0, **quiet)),
        y=alt.Y("truth:N", title=truth_title, sort=names, axis=alt.Axis(**quiet)),
    )
    tooltips = [
        alt.Tooltip("truth:N", title=truth_title), alt.Tooltip("predicted:N", title=predicted_title),
        alt.Tooltip("count:Q", title="Examples"), alt.Tooltip("share:Q", title="Share of the true class", format=".1%"),
        *([alt.Tooltip("examples:N", title="image")] if images is not None else []),
    ]  # fmt: skip
    shade = alt.Color(
        "share:Q", title="Share", legend=None, scale=alt.Scale(domain=[0, 1], range=["#f3f6f9", "#0b4f7d"])
    )
    cells = base.mark_rect().encode(color=shade, tooltip=tooltips)
    right = base.transform_filter("datum.truth == datum.predicted").mark_rect(
        filled=False, stroke="#d55e00", strokeWidth=1.5, tooltip=None
    )
    dark = alt.condition("datum.share > 0.5", alt.value("#fff"), alt.value("#222"))
    layers = [cells, right]
    if len(levels) <= 14:
        counts = base.transform_filter("datum.count > 0").mark_text(fontSize=11)
        layers.append(counts.encode(text=alt.Text("count:Q", format=","), color=dark))
    right_ones = int((pairs["truth"] == pairs["predicted"]).sum())
    side = max(120, min(460, 44 * len(levels)))
    words = title or f"Right for {right_ones:,} of {len(pairs):,} examples"
    return sized(alt.layer(*layers), width=side, height=side, title=heading(words))


def _example_montage(images: Any, chosen: list[int]) -> str | None:
    """Up to nine examples as one picture; None where there are none."""
    import numpy as np

    if not chosen:
        return None
    shown = as_pixels(images)
    low, high = float(shown.min()), float(shown.max())
    across = math.ceil(math.sqrt(len(chosen)))
    empty = np.full_like(shown[0], high)
    parts = [shown[number] for number in chosen] + [empty] * (-len(chosen) % across)
    rows = [np.concatenate(parts[start : start + across], axis=1) for start in range(0, len(parts), across)]
    return picture_of(np.concatenate(rows, axis=0), low, high, least=48 * across)
