"""The loss on a plane through weight space, with the path that training took over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from blogkit.charts.contours import outlines, ring_rows
from blogkit.charts.frames import ChartError
from blogkit.charts.look import heading, level_words, load_altair, sized
from blogkit.charts.pictures import as_pixels

if TYPE_CHECKING:
    import altair as alt

_BANDS = 9
_SHADES = ("#123f66", "#1d5a8a", "#2f76a8", "#4f93bf", "#77aed0", "#9fc7de", "#c1dbe9", "#dde9f1", "#f1f4f6")
"""From the lowest loss to the highest."""


def landscape(
    loss: Callable[[Any], float],
    path: Any,
    *,
    steps: Sequence[float] | None = None,
    over: str = "epoch",
    resolution: int = 40,
    room: float = 0.35,
    log: bool = True,
    title: str = "Loss",
) -> alt.LayerChart:
    """The loss around the path of training, on the plane through the last weights that holds most of the path.

    ``path`` has a row for each checkpoint: all weights in one line, (checkpoints, weights). ``loss`` gives the loss of
    such a line; it is asked at ``resolution`` x ``resolution`` places (1,600), so give it a small set of examples. The
    axes are the two main directions of the path (principal components of its differences from the end), and the line
    above says how much of the path lies in their plane: the rest is not seen. ``log`` spaces the level lines by the
    loss's logarithm.

    >>> from blogkit.charts import landscape, samples
    >>> chart = landscape(samples.bowl, samples.descent(), over="step")
    >>> chart.title.text
    'The plane holds 100 % of the path; loss from 0.85 to 34'
    """
    import numpy as np
    import pandas as pd

    alt = load_altair()
    places = as_pixels(path).astype("float64")
    if places.ndim != 2 or len(places) < 3 or places.shape[1] < 2:
        raise ChartError(f"the path is (checkpoints, weights), at least (3, 2); this array is {places.shape}.")
    named = list(range(len(places))) if steps is None else list(steps)
    if len(named) != len(places):
        raise ChartError(f"there are {len(places)} checkpoints and {len(named)} steps.")
    away = places - places[-1]
    _, strengths, directions = np.linalg.svd(away, full_matrices=False)
    total = float((strengths**2).sum())
    if total == 0:
        raise ChartError("all checkpoints are the same weights, so there is no path.")
    plane = directions[:2]
    track = away @ plane.T
    axes = [_padded_axis(track[:, side], room, resolution) for side in (0, 1)]
    heights = np.array([[float(loss(places[-1] + a * plane[0] + b * plane[1])) for a in axes[0]] for b in axes[1]])
    finite = np.isfinite(heights)
    if not finite.any():
        raise ChartError("the loss is not a number anywhere on the plane.")
    heights = np.where(finite, heights, heights[finite].max())
    held = float((strengths[:2] ** 2).sum()) / total
    rows = _level_rows(axes, heights, log)
    walked = pd.DataFrame(
        [
            {over: step, "first": float(f"{a:.5g}"), "second": float(f"{b:.5g}"), "loss": float(f"{loss(one):.5g}")}
            for step, (a, b), one in zip(named, track, places, strict=True)
        ]
    )
    scales = [alt.Scale(domain=[float(axis[0]), float(axis[-1])], nice=False) for axis in axes]
    quiet = alt.Axis(grid=False, tickCount=4)
    x = alt.X("first:Q", title="First direction of the path", scale=scales[0], axis=quiet)
    y = alt.Y("second:Q", title="Second direction", scale=scales[1], axis=quiet)
    levels = sorted({row["above"] for row in rows})
    shades = alt.Scale(domain=levels, range=[_SHADES[min(n, len(_SHADES) - 1)] for n in range(len(levels))])
    ground = alt.Chart(pd.DataFrame(rows)).mark_line(strokeWidth=0.5, stroke="#7f95a5")
    ground = ground.encode(
        x=x, y=y, order="order:Q", detail="above:Q", fill=alt.Fill("above:O", scale=shades, legend=None),
        tooltip=[
            alt.Tooltip("above:Q", title=f"{title} from", format=".4~g"),
            alt.Tooltip("below:Q", title="to", format=".4~g"),
        ],
    )  # fmt: skip
    trail = alt.Chart(walked).encode(x=x, y=y)
    tooltips = [alt.Tooltip(f"{over}:Q", title=over.capitalize()), alt.Tooltip("loss:Q", title=title, format=".4~g")]
    halo = trail.mark_line(stroke="white", strokeWidth=5, opacity=0.9).encode(order=f"{over}:Q")
    line = trail.mark_line(stroke="#d55e00", strokeWidth=2.5).encode(order=f"{over}:Q")
    dots = trail.mark_point(fill="#d55e00", stroke="white", strokeWidth=1, size=45, opacity=1).encode(tooltip=tooltips)
    ends = walked.iloc[[0, -1]].assign(name=[f"{over} {level_words(named[0])}", f"{over} {level_words(named[-1])}"])
    words = alt.Chart(ends).encode(x=x, y=y, text="name:N")
    text = {"dy": -12, "fontSize": 12, "fontWeight": "bold"}
    layers = [ground, halo, line, dots, words.mark_text(**text, stroke="white", strokeWidth=4, color="white")]
    layers.append(words.mark_text(**text, color="#222"))
    said = f"The plane holds {held:.0%} of the path; {title.lower()} from {heights.min():.2g} to {heights.max():.2g}"
    return sized(alt.layer(*layers), width=420, height=380, title=heading(said.replace("%", " %")))


def _padded_axis(places: Any, room: float, resolution: int) -> Any:
    import numpy as np

    low, high = float(places.min()), float(places.max())
    more = room * ((high - low) or 1.0)
    return np.linspace(low - more, high + more, resolution)


def _level_rows(axes: Sequence[Any], heights: Any, log: bool) -> list[dict[str, Any]]:
    """The outlines of bands of equal loss."""
    import numpy as np

    low, high = float(heights.min()), float(heights.max())
    bounds = (np.geomspace if log and low > 0 else np.linspace)(low, high, _BANDS + 1)
    spans = tuple(float(axis[-1] - axis[0]) for axis in axes)
    rows: list[dict[str, Any]] = []
    for number in range(_BANDS):
        least = -np.inf if number == 0 else bounds[number]
        most = np.inf if number == _BANDS - 1 else bounds[number + 1]
        said = {"above": float(f"{bounds[number]:.4g}"), "below": float(f"{bounds[number + 1]:.4g}")}
        rings = outlines(axes[0], axes[1], heights, float(max(least, low - 1)), float(min(most, high + 1)))
        rows += ring_rows(rings, ("first", "second"), said, (spans[0], spans[1]))
    return rows


def weights_of(models: Sequence[Any]) -> Any:
    """The path of some torch modules or state dicts: all weights of each in a line, for `landscape`.

    >>> weights_of([{"w": [1.0, 2.0], "b": [0.5]}, {"w": [1.5, 2.0], "b": [0.25]}]).shape
    (2, 3)
    """
    import numpy as np

    lines = []
    for model in models:
        state = model.state_dict() if hasattr(model, "state_dict") else model
        lines.append(np.concatenate([as_pixels(one).reshape(-1).astype("float64") for one in state.values()]))
    return np.stack(lines)
