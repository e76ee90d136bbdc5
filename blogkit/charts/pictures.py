"""Arrays as small pictures inside a chart's data: of an image, a filter, an activation, an attention pattern."""

from __future__ import annotations

import base64
import io
from typing import Any

from blogkit.charts.frames import ChartError

Pixels = Any
"""A NumPy array, or what becomes one: a tensor, a list of lists."""

MOST = 400_000
"""Bytes of all pictures of a figure, which stand in the page."""
_LOW, _MIDDLE, _HIGH = (0, 90, 156), (247, 247, 247), (186, 74, 0)
"""Signed values: from blue over near white to orange, read alike with a colour vision deficiency."""


def as_pixels(values: Any) -> Pixels:
    """An array of numbers. Raises ChartError for what is none, and for values that are not finite."""
    import numpy as np

    if hasattr(values, "detach"):
        values = values.detach().cpu()
    found = np.asarray(values)
    if found.dtype.kind not in "buif":
        raise ChartError(f"a picture needs numbers, not {found.dtype}.")
    if not np.isfinite(found).all():
        raise ChartError("a picture holds values that are no numbers: what made it may have diverged.")
    return found


def picture_of(values: Pixels, low: float, high: float, *, least: int = 0, signed: bool = False) -> str:
    """A ``data:`` address of a PNG: grey from ``low`` to ``high``, or colours around zero, or the image's own colours.

    ``values`` are (height, width), or (height, width, 3) for colours; each pixel is drawn several times so that the
    picture has ``least`` pixels a side and a browser does not blur it.
    """
    import numpy as np
    from PIL import Image

    share = np.clip((values - low) / ((high - low) or 1), 0, 1)
    if values.ndim == 3:
        made = (share * 255).round().astype("uint8")
    elif signed:
        side = share[..., None] * 2 - 1
        ends = np.where(side < 0, np.array(_LOW), np.array(_HIGH))
        made = (np.array(_MIDDLE) + np.abs(side) * (ends - np.array(_MIDDLE))).round().astype("uint8")
    else:
        made = (share * 255).round().astype("uint8")
    times = max(1, -(-least // max(made.shape[:2])))
    made = made.repeat(times, axis=0).repeat(times, axis=1)
    stream = io.BytesIO()
    picture = Image.fromarray(made)
    if made.ndim == 3 and signed:
        picture = picture.quantize(64)
    picture.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def check_weight(pictures: list[str]) -> None:
    """Raises ChartError where pictures are too heavy for a page."""
    total = sum(map(len, set(pictures)))
    if total > MOST:
        raise ChartError(
            f"{len(pictures):,} pictures take {total / 1000:,.0f} kB of the page; {MOST / 1000:,.0f} kB are allowed. "
            "Show fewer, or smaller ones."
        )
