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


def digits(size: int = 12) -> Any:
    """Ten rough digits as images, (10, size, size) between 0 and 1."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    made = []
    for digit in range(10):
        picture = Image.new("L", (size * 4, size * 4), 0)
        font = ImageFont.load_default(size=size * 3.4)
        ImageDraw.Draw(picture).text((size * 2, size * 2), str(digit), fill=255, font=font, anchor="mm")
        made.append(np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)) / 255)
    return np.stack(made).round(3)


def embedded(each: int = 25) -> DataFrame:
    """Examples of ten digits at the two features of a network."""
    import pandas as pd

    chance = random.Random(2)  # noqa: S311 - noise for an example
    rows = []
    for digit in range(10):
        centre = 4 * math.cos(digit * 2.4) * math.sqrt(digit + 1), 4 * math.sin(digit * 2.4) * math.sqrt(digit + 1)
        for _ in range(each):
            first, second = (round(place + chance.gauss(0, 1.6), 3) for place in centre)
            rows.append({"digit": digit, "first": first, "second": second})
    return pd.DataFrame(rows)


def filters(count: int = 16, size: int = 7) -> Any:
    """Filters such as a first layer learns: waves of some directions, (count, size, size) around zero."""
    import numpy as np

    place = np.arange(size) - (size - 1) / 2
    across, down = np.meshgrid(place, place)
    made = []
    for number in range(count):
        angle, pace = math.pi * number / count, 0.7 + 0.35 * (number % 3)
        wave = np.cos(pace * (across * math.cos(angle) + down * math.sin(angle)) + number)
        made.append(wave * np.exp(-(across**2 + down**2) / size))
    return np.stack(made).round(3)


def activations(steps: Sequence[int] = (0, 2, 5, 10, 20, 40), count: int = 400) -> Any:
    """What a layer is given at some epochs: it drifts below zero, where its units are dead."""
    chance = random.Random(4)  # noqa: S311 - noise for an example
    return {
        step: [round(chance.gauss(0.6 - 0.06 * step, 0.9 + 0.01 * step), 3) for _ in range(count)] for step in steps
    }


def bowl(weights: Any) -> float:
    """A loss over four weights: a long valley with ripples."""
    a, b, c, d = (float(weight) for weight in weights)
    return 0.5 + 0.3 * (a - 1) ** 2 + 2.5 * (b - 0.4 * a) ** 2 + 0.2 * math.cos(3 * a) + c**2 + d**2


def descent(steps: int = 25) -> Any:
    """The weights of gradient descent on the bowl, (steps, 4)."""
    import numpy as np

    here, path = np.array([-2.2, 1.6, 0.4, -0.3]), []
    for _ in range(steps):
        path.append(here.copy())
        slope = [(bowl(here + 1e-4 * one) - bowl(here - 1e-4 * one)) / 2e-4 for one in np.eye(4)]
        here = here - 0.06 * np.array(slope)
    return np.stack(path)
