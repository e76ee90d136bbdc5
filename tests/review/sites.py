"""A small site with a post whose chart is alive: rendered by blogkit itself, as students' posts are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blogkit.config import load_site
from blogkit.render import render_site

POST = """---
title: What width does
author:
  - name: {author}
date: 2026-11-01
---

## Introduction {{#sec-introduction}}

The test error of a small network falls when its hidden layer is made wider, and we ask how far this goes.

The second paragraph says that label noise of ten percent hides the effect for the narrowest networks.

## Results {{#sec-results}}

![Test loss over training.](results/charts/loss.svg){{#fig-loss fig-alt="Loss over steps for two optimisers."}}

{results}

$$
L(w) = w^2 + \\lambda w
$$ {{#eq-loss}}

| optimiser | error |
|-----------|-------|
| adam      | 0.280 |
| sgd       | 0.410 |

: Errors at the end. {{#tbl-errors}}

![How the two optimisers step.](sketch.svg){{#fig-sketch fig-alt="Two zigzag lines."}}

## Discussion

{discussion}
"""
RESULTS = "Adam reaches a lower loss than plain SGD after fifty steps in every seed that we ran."
DISCUSSION = "A limitation is that we trained on a single data set of ten thousand examples."


def rows(value: float = 0.28) -> list[dict[str, Any]]:
    """Loss by step and optimiser; Adam's at step 50 is ``value``."""
    made = [
        {"step": step, "optimizer": optimizer, "loss": round(start / (1 + step / 60), 4)}
        for optimizer, start in (("adam", 0.9), ("sgd", 1.4))
        for step in range(0, 101, 10)
    ]
    return [{**row, "loss": value} if (row["step"], row["optimizer"]) == (50, "adam") else row for row in made]


def write_site(root: Path, *, value: float = 0.28, results: str = RESULTS, discussion: str = DISCUSSION) -> None:
    """The site's sources, and its pages rendered from them. ``value`` is what the chart shows for Adam at step 50."""
    import vl_convert

    (root / "_quarto.yml").write_text("project:\n  type: website\nwebsite:\n  title: Class\nformat: html\n")
    (root / "index.qmd").write_text("---\ntitle: Class\n---\n\nPosts.\n")
    folder = root / "projects" / "alpha"
    charts = folder / "results" / "charts"
    charts.mkdir(parents=True, exist_ok=True)
    (folder / "sketch.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200"><rect width="400" height="200" fill="#eee"/>'
        '<path d="M20 20L200 180L380 20" stroke="#000" fill="none"/></svg>'
    )
    (folder / "index.qmd").write_text(POST.format(author="Ada Lovelace", results=results, discussion=discussion))
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": 400,
        "height": 240,
        "data": {"values": rows(value)},
        "mark": {"type": "line", "point": True},
        "params": [{"name": "zoom", "select": {"type": "interval", "encodings": ["x"]}, "bind": "scales"}],
        "encoding": {
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "loss", "type": "quantitative"},
            "color": {"field": "optimizer", "type": "nominal"},
        },
    }
    (charts / "loss.vl.json").write_text(json.dumps(spec))
    (charts / "loss.svg").write_text(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
    runs = [
        {"id": f"run{number}", "parameters": {"optimizer": optimizer}, "seed": 0, "commit": "98b85a5"}
        for number, optimizer in enumerate(("adam", "sgd"))
    ]
    (folder / "results" / "runs.json").write_text(json.dumps({"sweep": {}, "runs": runs}))
    render_site(load_site(root), engine="pandoc")
