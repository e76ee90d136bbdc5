"""Where a network puts its examples: a projection to a plane, with names in it and the example behind a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.examples import examples
from blogkit.charts.frames import ChartError
from blogkit.charts.look import PALETTE, SHAPES, heading, level_words, load_altair, sized, titled
from blogkit.charts.pictures import as_pixels

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame


def embedding(
    features: Any,
    labels: Any,
    *,
    pictures: Any = None,
    facts: DataFrame | None = None,
    label_title: str = "Class",
    colours: Sequence[str] = PALETTE,
    title: str | None = None,
) -> alt.LayerChart:
    """Examples as points where a network puts them, each class in its colour and shape with its name in the middle.

    ``features`` is (examples, features): two are drawn as they are, more are projected on their two principal
    components, and the line above says how much of the variance those hold. Coordinates of another method (t-SNE,
    UMAP) are given as two features; say in the caption which. ``pictures`` are the examples as images, shown where a
    reader points; the columns of ``facts`` are shown there too.

    >>> from blogkit.charts import embedding, samples
    >>> rows = samples.embedded()
    >>> chart = embedding(rows[["first", "second"]], rows["digit"], label_title="Digit")
    >>> chart.to_dict()["layer"][0]["encoding"]["color"]["title"]
    'Digit'
    """
    import pandas as pd

    alt = load_altair()
    found = as_pixels(features).astype("float64")
    if found.ndim != 2 or found.shape[1] < 2 or len(found) < 2:
        raise ChartError(f"features are (examples, features), two or more of each; this array is {found.shape}.")
    if len(labels) != len(found) or (facts is not None and len(facts) != len(found)):
        raise ChartError(f"there are {len(found)} examples and {len(labels)} labels.")
    places, axes, said = _projected_places(found)
    names = [level_words(label) for label in labels]
    span = places.max(axis=0) - places.min(axis=0)
    digits = [max(0, 3 - len(str(int(abs(one))))) + 1 for one in span]
    rows = pd.DataFrame(
        {
            "example": range(len(found)), "label": names,
            "first": [round(float(place), digits[0]) for place in places[:, 0]],
            "second": [round(float(place), digits[1]) for place in places[:, 1]],
        }
    )  # fmt: skip
    levels = _in_natural_order(names)
    tooltips = [alt.Tooltip("label:N", title=label_title), alt.Tooltip("example:Q", title="Example")]
    if facts is not None:
        rows = pd.concat([rows, facts.reset_index(drop=True)], axis=1)
        tooltips += [alt.Tooltip(str(name), title=titled(str(name))) for name in facts.columns]
    colour = alt.Scale(domain=levels, range=[colours[n % len(colours)] for n in range(len(levels))])
    # Where colours come round again, shapes are others, so that no two classes look the same.
    shape = alt.Scale(domain=levels, range=[SHAPES[(n + n // len(colours)) % len(SHAPES)] for n in range(len(levels))])
    quiet = alt.Axis(grid=False, ticks=False, labels=False, domain=False)
    x = alt.X("first:Q", title=axes[0], axis=quiet, scale=alt.Scale(zero=False, padding=12))
    y = alt.Y("second:Q", title=axes[1], axis=quiet, scale=alt.Scale(zero=False, padding=12))
    points = alt.Chart(rows).mark_point(filled=True, size=36, opacity=0.85)
    points = points.encode(
        x=x, y=y, tooltip=tooltips,
        color=alt.Color("label:N", title=label_title, scale=colour, legend=None),
        shape=alt.Shape("label:N", title=label_title, scale=shape, legend=None),
    )  # fmt: skip
    if pictures is not None:
        points = examples(points, pictures)
    middles = rows.groupby("label", sort=False)[["first", "second"]].median().reset_index()
    words = alt.Chart(middles).encode(x=x, y=y, text="label:N")
    text = {"fontSize": 15, "fontWeight": "bold"}
    paper = "var(--bk-chart-paper, white)"
    around = words.mark_text(**text, stroke=paper, strokeWidth=4, color=paper)
    above = title or said
    more: dict[str, Any] = {"title": heading(above)} if above else {}
    return sized(alt.layer(points, around, words.mark_text(**text)), width=480, height=420, **more)


def _projected_places(features: Any) -> tuple[Any, tuple[str, str], str]:
    """The places on the plane, what its axes are, and what is said of them."""
    import numpy as np

    if features.shape[1] == 2:
        return features, ("First feature", "Second feature"), ""
    centred = features - features.mean(axis=0)
    _, strengths, directions = np.linalg.svd(centred, full_matrices=False)
    directions *= np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])[:, None]
    share = float((strengths[:2] ** 2).sum() / ((strengths**2).sum() or 1.0))
    said = f"The two directions hold {share * 100:.0f} % of the variance of {features.shape[1]} features"
    return centred @ directions[:2].T, ("First principal component", "Second principal component"), said


def _in_natural_order(names: Sequence[str]) -> list[str]:
    def key(name: str) -> tuple[int, float, str]:
        try:
            return 0, float(name.replace("−", "-").replace(",", "")), name
        except ValueError:
            return 1, 0.0, name

    return sorted(set(names), key=key)
