"""A gathered table such as `blogkit gather` writes: three widths, two rates, five seeds, thirty epochs."""

from __future__ import annotations

import math
import random

import pandas as pd


def gathered(widths: tuple[int, ...] = (8, 32, 128), noise: float = 0.01) -> pd.DataFrame:
    """A tidy table whose final test error falls with the width by a power law of exponent -0.4."""
    chance = random.Random(0)
    rows = []
    for width in widths:
        for rate in (0.001, 0.1):
            for seed in range(5):
                run = f"{width}-{rate}-{seed}"
                last = 1.5 * width**-0.4 * math.exp(chance.gauss(0, noise))
                for step in range(30):
                    error = last * (1 + 2 * math.exp(-step / 4) - 2 * math.exp(-29 / 4))
                    common = {"run": run, "width": width, "rate": rate, "optimiser": "adam", "seed": seed}
                    rows.append({**common, "metric": "test_error", "step": float(step), "value": error})
                rows.append({**common, "metric": "seconds", "step": None, "value": 3.0 + width / 100})
    return pd.DataFrame(rows)
