"""Executed notebooks as a dict says them, for tests that gather from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blogkit.store import RunPaths

V6 = "application/vnd.vegalite.v6+json"


def chart(
    rows: Sequence[Mapping[str, Any]] = ({"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": 0.5}), **more: Any
) -> Any:
    """A small line chart as a Vega-Lite specification."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.1.0.json",
        "data": {"values": [dict(row) for row in rows]},
        "mark": "line",
        "encoding": {
            "x": {"field": "epoch", "type": "quantitative", "title": "Epoch"},
            "y": {"field": "loss", "type": "quantitative", "title": "Loss (nats)"},
        },
        **more,
    }


def cell(source: str = "", tags: Sequence[str] = (), **outputs: Any) -> dict[str, Any]:
    """A code cell; each keyword is an output whose bundle it gives."""
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": [{"output_type": "display_data", "data": data, "metadata": {}} for data in outputs.values()],
    }


def executed(folder: Path, *cells: Mapping[str, Any], charts: Mapping[str, Any] | None = None) -> RunPaths:
    """A run's folder with an executed notebook of these cells, and what it recorded."""
    run = RunPaths(folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    run.notebook.write_text(json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    for name, spec in (charts or {}).items():
        run.charts.mkdir(exist_ok=True)
        (run.charts / f"{name}.vl.json").write_text(json.dumps(spec))
    return run
