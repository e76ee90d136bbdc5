"""Small made-up data for the builders' examples, so that each runs as it stands: no network was trained for it."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame


def metrics(seeds: int = 5, steps: int = 30) -> DataFrame:
    """A table such as `gather` writes: three widths, two optimisers, some seeds; errors fall over the steps."""
    import pandas as pd

    chance = random.Random(3)  # noqa: S311 - noise for an example
    rows = []
    for width in (8, 32, 128):
        for seed in range(seeds):
            luck = chance.gauss(0, 0.03)
            for optimiser, factor in (("sgd", 1.0), ("adam", 1.0 - 0.04 * math.log2(width / 4))):
                common = {"run": f"{optimiser}-{width}-{seed}", "optimiser": optimiser, "width": width, "seed": seed}
                last = 0.9 * width**-0.35 * factor * (1 + luck + chance.gauss(0, 0.025))
                for step in range(steps):
                    error = last + (0.9 - last) * math.exp(-step / (3 if optimiser == "adam" else 6))
                    rows.append({**common, "metric": "test_error", "step": float(step), "value": round(error, 4)})
    return pd.DataFrame(rows)


def features(epochs: Sequence[int] = tuple(range(21)), each: int = 30) -> DataFrame:
    """Three digits in the two features of a network, which pull apart over the epochs."""
    import pandas as pd

    chance = random.Random(5)  # noqa: S311 - noise for an example
    rows = []
    for digit, angle in ((3, 0.4), (5, 1.3), (8, 4.2)):
        for number in range(each):
            noise = chance.gauss(0, 1), chance.gauss(0, 1)
            for epoch in epochs:
                apart = 3 * (1 - math.exp(-epoch / 6))
                place = [apart * math.cos(angle), apart * math.sin(angle)]
                first, second = (round(centre + 0.8 * n, 3) for centre, n in zip(place, noise, strict=True))
                rows.append(
                    {
                        "example": f"{digit}-{number}",
                        "digit": str(digit),
                        "epoch": epoch,
                        "first": first,
                        "second": second,
                    }
                )
    return pd.DataFrame(rows)


def moons(each: int = 60, noise: float = 0.22) -> DataFrame:
    """Two half circles that reach into each other, with noise."""
    import pandas as pd

    chance = random.Random(8)  # noqa: S311 - noise for an example
    rows = []
    for moon in ("upper", "lower"):
        for number in range(each):
            angle = math.pi * number / (each - 1)
            x, y = math.cos(angle), math.sin(angle)
            place = (x, y) if moon == "upper" else (1 - x, 0.5 - y)
            noisy = [round(one + chance.gauss(0, noise), 3) for one in place]
            rows.append({"x": noisy[0], "y": noisy[1], "moon": moon})
    return pd.DataFrame(rows)


def moons_classifier(places: Any, reach: float = 0.35) -> Any:
    """The probability that a place belongs to the upper moon: by the examples within reach of it."""
    import numpy as np

    known = moons()
    away = ((np.asarray(places)[:, None, :] - known[["x", "y"]].to_numpy()[None]) ** 2).sum(-1)
    weight = np.exp(-away / reach**2)
    return (weight * (known["moon"] == "upper").to_numpy()).sum(1) / (weight.sum(1) + 1e-9)
