"""Altair, which notebooks draw with; reached only when a notebook hands over a chart of its."""

from __future__ import annotations

from typing import Any


def specification(chart: Any) -> dict[str, Any]:
    """A chart's Vega-Lite specification with its data inline, however many rows it has."""
    import altair

    with altair.data_transformers.enable("default", max_rows=None):
        made: dict[str, Any] = chart.to_dict()
    return made
