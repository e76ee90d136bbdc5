"""A post with figures, gathered from charts and finished, for tests and measurements."""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blogkit.gather.charts import gather_figures
from blogkit.model import Site, SiteConfig
from blogkit.render.finish import FinishContext, page_text, parse_page
from blogkit.render.finish.charts import draw_figures
from blogkit.store import RunPaths

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
ALT = "Loss falls with the epochs. All five runs end near 0.2."
ORIGIN = {
    "project": "post",
    "notebook": "figures.ipynb",
    "runs": [f"{number:012x}" for number in range(15)],
    "seeds": 5,
    "varied": {"width": [8, 16, 32]},
    "devices": ["NVIDIA H100"],
    "seconds": 312.5,
    "commits": ["abcdef0123456789"],
    "command": "blogkit run post && blogkit gather post",
}


def single(number: float) -> float:
    """A number as single precision holds it, which is what ``loss.item()`` gives."""
    value: float = struct.unpack("f", struct.pack("f", number))[0]
    return value


def curves(rows: int, seed: int = 0, exact: bool = False) -> list[dict[str, Any]]:
    """The training curves of five runs, in single precision as networks give them, or in double."""
    chance = random.Random(seed)
    made = []
    for run in range(5):
        for epoch in range(rows // 5):
            loss = 2.3 * math.exp(-epoch / 40) + 0.2 + 0.03 * run + chance.gauss(0, 0.02)
            made.append({"epoch": epoch, "run": f"run {run}", "loss": loss if exact else single(loss)})
    return made


def curve_chart(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A line chart of training curves with tooltips."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.1.0.json",
        "data": {"values": rows},
        "width": 600,
        "height": 300,
        "mark": "line",
        "encoding": {
            "x": {"field": "epoch", "type": "quantitative", "title": "Epoch"},
            "y": {"field": "loss", "type": "quantitative", "title": "Loss (nats)"},
            "color": {"field": "run", "type": "nominal", "title": "Run"},
            "tooltip": [{"field": "run"}, {"field": "epoch"}, {"field": "loss", "type": "quantitative"}],
        },
        **more,
    }


def slider_chart(name: str = "last", **bind: Any) -> dict[str, Any]:
    """Curves up to an epoch that a slider sets."""
    chosen = {"name": name, "value": 40, "bind": {"input": "range", "min": 1, "max": 40, "step": 1, **bind}}
    filtered = [{"filter": f"datum.epoch < {name}"}]
    return curve_chart(curves(200), params=[chosen], transform=filtered)


def legend_chart() -> dict[str, Any]:
    """Curves of which a click on the legend leaves one."""
    chosen = {"name": "chosen", "select": {"type": "point", "fields": ["run"]}, "bind": "legend"}
    spec = curve_chart(curves(200), params=[chosen])
    spec["encoding"]["opacity"] = {"condition": {"param": "chosen", "value": 1}, "value": 0.2}
    return spec


def finished(root: Path, charts: Mapping[str, Any], before: str = "", images: str = "", alt: str = ALT) -> Path:
    """The page of a post below ``root`` that shows every chart, as the finishing pass leaves it."""
    source = root / "source" / "projects" / "post"
    run = RunPaths(folder=root / "run")
    run.charts.mkdir(parents=True)
    for name, spec in charts.items():
        (run.charts / f"{name}.vl.json").write_text(json.dumps(spec))
    names = gather_figures(run, source / "results" / "charts", provenance=ORIGIN)
    figures = images or "".join(
        f'<figure class="figure"><p><img src="results/charts/{name}.svg" alt="{alt}" class="img-fluid"></p>'
        f"<figcaption>Figure: {name}.</figcaption></figure>\n"
        for name in names
    )
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Post</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"></head>'
        f"<body><main><h1>Post</h1>{before}{figures}</main></body></html>"
    )
    return finish(text, root)


def finish(text: str, root: Path, **metadata: Any) -> Path:
    """Finishes a page of the post below ``root``, and writes it with what it loads."""
    site = Site(root=root / "source", quarto={}, config=SiteConfig(), projects=())
    output = root / "site" / "projects" / "post" / "index.html"
    output.parent.mkdir(parents=True, exist_ok=True)
    source = root / "source" / "projects" / "post" / "index.qmd"
    context = FinishContext(site=site, source=source, output=output, prefix="../../", metadata=metadata)
    page = parse_page(text)
    draw_figures(page, context)
    context.assets.copy_to(root / "site")
    output.write_text(page_text(page), encoding="utf-8")
    return output
