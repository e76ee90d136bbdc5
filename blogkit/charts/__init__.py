"""Figures that a deep-learning post needs and that are tedious to get right, over the table that `gather` makes::

    import pandas as pd
    from blogkit import charts, record

    metrics = pd.read_parquet("results/metrics.parquet")
    record.chart("curves", charts.learning_curves(metrics, "test_error", by="width"))

Each function takes that table (columns ``run``, the parameters, ``seed``, ``metric``, ``step``, ``value``) and returns
an ordinary Altair chart, to be changed and layered like any other. All have axis titles with units, colours that hold
for colour-blind readers on light and on dark pages, and a second cue beside the colour. Raises ChartError with what
to write instead where a name is not in the table.
"""

from __future__ import annotations

from blogkit.charts.annotate import annotate
from blogkit.charts.axes import heat_map, metric_over_axis
from blogkit.charts.curves import learning_curves
from blogkit.charts.decision import decision
from blogkit.charts.distribution import distribution
from blogkit.charts.embedding import embedding
from blogkit.charts.examples import examples
from blogkit.charts.explorer import run_explorer
from blogkit.charts.film import film
from blogkit.charts.fits import PowerLaw, fit_power_law, scaling_law
from blogkit.charts.frames import ChartError
from blogkit.charts.inputs import axis, features, pad, pick, signal, slider, typed
from blogkit.charts.landscape import landscape, weights_of
from blogkit.charts.live import live
from blogkit.charts.look import PALETTE
from blogkit.charts.network import network
from blogkit.charts.paired import paired
from blogkit.charts.tiles import confusion, tiles

__all__ = [
    "PALETTE", "ChartError", "PowerLaw", "annotate", "axis", "confusion", "decision", "distribution", "embedding",
    "examples", "features", "film", "fit_power_law", "heat_map", "landscape", "learning_curves", "live",
    "metric_over_axis", "network", "pad", "paired", "pick", "run_explorer", "scaling_law", "signal", "slider",
    "tiles", "typed", "weights_of",
]  # fmt: skip
