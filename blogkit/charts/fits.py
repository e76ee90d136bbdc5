"""Scaling laws: a power law through the runs, with the uncertainty of its exponent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import (
    ChartError,
    at_step,
    check_columns,
    check_pooled,
    columns_of,
    is_number,
    quantile,
    rows_of,
)
from blogkit.charts.look import HEIGHT, PALETTE, WIDTH, axis, field_name, sized, titled

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """``y = factor * x ** exponent``, fitted by least squares of the logarithms."""

    factor: float
    exponent: float
    error: float
    """Half the 95 % interval of the exponent."""
    spread: float
    """The standard deviation of the logarithms around the line."""
    fit: float
    """R² of the logarithms."""
    points: int
    centre: float
    """The mean of the logarithms of x, around which the band is narrowest."""
    scatter: float
    """The sum of squares of the logarithms of x around their mean."""

    def at(self, x: float) -> float:
        """The law's value."""
        return float(self.factor * x**self.exponent)

    def band(self, x: float) -> tuple[float, float]:
        """The 95 % confidence interval of the law's value."""
        away = math.log(x) - self.centre
        width = quantile(self.points - 2) * self.spread * math.sqrt(1 / self.points + away**2 / self.scatter)
        return self.at(x) * math.exp(-width), self.at(x) * math.exp(width)


def fit_power_law(x: Sequence[float], y: Sequence[float]) -> PowerLaw:
    """The power law through points with positive coordinates, at least three and at two or more x.

    >>> law = fit_power_law([1, 10, 100, 1000], [8.1, 4.0, 2.0, 1.1])
    >>> print(f"{law.exponent:.2f} ± {law.error:.2f}")
    -0.29 ± 0.03
    """
    pairs = [(math.log(a), math.log(b)) for a, b in zip(x, y, strict=True) if a > 0 and b > 0 and math.isfinite(a * b)]
    if len(pairs) < 3 or len({a for a, _ in pairs}) < 2:
        raise ChartError(f"a power law needs three points at two or more x, all positive; there are {len(pairs)}.")
    n = len(pairs)
    mean_x, mean_y = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
    scatter = sum((a - mean_x) ** 2 for a, _ in pairs)
    exponent = sum((a - mean_x) * (b - mean_y) for a, b in pairs) / scatter
    left = sum((b - mean_y - exponent * (a - mean_x)) ** 2 for a, b in pairs)
    whole = sum((b - mean_y) ** 2 for _, b in pairs)
    spread = math.sqrt(left / (n - 2))
    return PowerLaw(
        factor=math.exp(mean_y - exponent * mean_x),
        exponent=exponent,
        error=quantile(n - 2) * spread / math.sqrt(scatter),
        spread=spread,
        fit=1 - left / whole if whole else 1.0,
        points=n,
        centre=mean_x,
        scatter=scatter,
    )


def scaling_law(
    metrics: DataFrame,
    metric: str,
    size: str,
    *,
    pool: str | Sequence[str] = (),
    at: str | float = "last",
    title: str | None = None,
    unit: str | None = None,
    size_title: str | None = None,
    size_unit: str | None = None,
) -> alt.LayerChart:
    """A metric over a size on logarithmic axes, with the fitted power law, its 95 % band, and the exponent in words.

    Every run is a point of the fit, so that seeds count; what else varies must be filtered, or named in ``pool``. To
    quote the exponent in the prose, take ``fit_power_law`` and
    ``record.value("exponent", law.exponent, error=law.error)``.

    >>> from blogkit.charts import scaling_law, samples
    >>> metrics = samples.metrics().query("optimiser == 'sgd'")
    >>> chart = scaling_law(metrics, "test_error", size="width", size_unit="hidden units")
    >>> chart.title.text
    'Exponent −0.36 ± 0.02 (95 %), R² = 0.99, 15 runs'
    """
    import altair as alt
    import pandas as pd

    check_columns(metrics, [size])
    rows = at_step(rows_of(metrics, metric), at)
    if not is_number(rows[size]):
        raise ChartError(f"{size!r} holds no numbers, so there is no power law over it.")
    check_pooled(rows, [size], pool)
    law = fit_power_law(list(rows[size]), list(rows["value"]))
    low, high = float(rows[size].min()), float(rows[size].max())
    places = [low * (high / low) ** (step / 40) for step in range(41)]
    line = pd.DataFrame(
        [{size: place, "law": law.at(place), "low": law.band(place)[0], "high": law.band(place)[1]} for place in places]
    )
    shown, across = titled(metric, title, unit), titled(size, size_title, size_unit)
    x = axis(size, across, log=True, number=True, levels=rows[size])
    height: dict[str, Any] = {"title": shown, "scale": alt.Scale(type="log", nice=False, padding=20)}
    base = alt.Chart(line).encode(x=x)
    band = base.mark_area(opacity=0.2, color=PALETTE[1]).encode(y=alt.Y("low:Q", **height), y2="high:Q")
    fitted = base.mark_line(color=PALETTE[1], strokeDash=[6, 3]).encode(
        y=alt.Y("law:Q", **height),
        tooltip=[
            alt.Tooltip(f"{field_name(size)}:Q", title=across, format=".4~g"),
            alt.Tooltip("law:Q", format=".4~g"),
        ],
    )
    points = (
        alt.Chart(rows[columns_of(rows, "run", size, "seed", "value")])
        .mark_point(size=50, filled=True, color=PALETTE[0], opacity=0.8)
        .encode(
            x=x,
            y=alt.Y("value:Q", **height),
            tooltip=[
                alt.Tooltip(field_name(size), title=across),
                *([alt.Tooltip("seed:O", title="Seed")] if "seed" in rows else []),
                alt.Tooltip("value:Q", title=shown, format=".4~g"),
            ],
        )
    )
    words = f"Exponent {law.exponent:.2f} ± {law.error:.2f} (95 %), R² = {law.fit:.2f}, {law.points} runs"
    heading = alt.Title(words.replace("-", "−"), anchor="start", fontSize=12, fontWeight="normal")
    return sized(alt.layer(band, fitted, points), width=WIDTH, height=HEIGHT, title=heading)
