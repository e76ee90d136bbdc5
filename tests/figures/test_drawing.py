"""An optimised drawing looks like Vega's own, in a fraction of the elements and bytes."""

from __future__ import annotations

import gzip
import io
import itertools
import math
import random
import re
import subprocess
import sys
from typing import Any

import pytest
import vl_convert
from PIL import Image, ImageChops

from blogkit.page.drawing import TOLERANCE, optimise, simplify
from blogkit.tools.vega import compile_vega, draw_svg

CHANCE = random.Random(0)
CURVES = [
    {"epoch": epoch, "run": f"run {run}", "loss": 2.3 * math.exp(-epoch / 40) + 0.2 + CHANCE.gauss(0, 0.02) + run / 30}
    for run in range(5)
    for epoch in range(200)
]
DOTS = [{"x": CHANCE.gauss(0, 1), "y": CHANCE.gauss(0, 1), "kind": CHANCE.choice("abc")} for _ in range(300)]
GRID = [{"i": i, "j": j, "v": math.sin(i) * math.cos(j)} for i in range(8) for j in range(8)]


def field(name: str, kind: str = "quantitative", **more: Any) -> dict[str, Any]:
    return {"field": name, "type": kind, **more}


LINE: dict[str, Any] = {
    "data": {"values": CURVES},
    "title": "Five runs",
    "width": 600,
    "mark": "line",
    "encoding": {"x": field("epoch"), "y": field("loss", title="Loss (nats)"), "color": field("run", "nominal")},
}
CHARTS: dict[str, dict[str, Any]] = {
    "line": LINE,
    "dots": {
        "data": {"values": DOTS},
        "mark": "circle",
        "encoding": {"x": field("x"), "y": field("y"), "color": field("kind", "nominal")},
    },
    "shapes": {
        "data": {"values": DOTS},
        "mark": "point",
        "encoding": {"x": field("x"), "y": field("y"), "shape": field("kind", "nominal"), "size": field("x")},
    },
    "heat": {
        "data": {"values": GRID},
        "mark": "rect",
        "encoding": {"x": field("i", "ordinal"), "y": field("j", "ordinal"), "color": field("v")},
    },
    "band": {
        "data": {"values": CURVES},
        "layer": [
            {"mark": {"type": "errorband", "extent": "stdev"}, "encoding": {"y": field("loss")}},
            {"mark": {"type": "line", "strokeDash": [4, 2]}, "encoding": {"y": field("loss", aggregate="mean")}},
        ],
        "encoding": {"x": field("epoch")},
    },
    "facets": {
        "data": {"values": CURVES},
        "mark": {"type": "area", "opacity": 0.5},
        "width": 120,
        "height": 90,
        "encoding": {"x": field("epoch"), "y": field("loss", stack=None), "facet": field("run", "nominal", columns=3)},
    },
    "clipped": {
        "data": {"values": CURVES},
        "hconcat": [
            {
                "mark": {"type": "line", "clip": True},
                "encoding": {
                    "x": field("epoch", scale={"domain": [20, 60]}),
                    "y": field("loss"),
                    "detail": field("run"),
                },
            }
        ]
        * 2,
    },
    "bars": {
        "data": {"values": DOTS},
        "mark": "bar",
        "encoding": {"x": field("x", bin=True), "y": {"aggregate": "count"}, "color": field("kind", "nominal")},
    },
    "pie": {
        "data": {"values": DOTS},
        "mark": {"type": "arc", "innerRadius": 30, "stroke": "white"},
        "encoding": {"theta": {"aggregate": "count"}, "color": field("kind", "nominal")},
    },
    "words": {
        "data": {"values": GRID[:16]},
        "title": ["Two", "lines"],
        "mark": {"type": "text", "angle": 30},
        "encoding": {"x": field("i", "ordinal"), "y": field("j", "ordinal"), "text": field("v", format=".2f")},
    },
}


def drawn(spec: dict[str, Any]) -> str:
    return draw_svg(compile_vega({"$schema": "https://vega.github.io/schema/vega-lite/v6.json", **spec}))


def pixels(svg: str) -> Image.Image:
    plain = re.sub(r"var\(--[a-z-]+, ([^)]+)\)", r"\1", svg)
    picture = Image.open(io.BytesIO(vl_convert.svg_to_png(plain, scale=2)))
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("L")


@pytest.mark.parametrize("name", CHARTS)
def test_the_optimised_drawing_looks_the_same(name: str) -> None:
    raw = drawn(CHARTS[name])
    before, after = pixels(raw), pixels(optimise(raw, prefix="bk-a"))
    assert before.size == after.size
    histogram = ImageChops.difference(before, after).histogram()
    changed = sum(histogram[64:]) / sum(histogram)
    assert changed < 0.004, f"{changed:.2%} of the pixels differ visibly"


def test_a_training_curve_of_1000_rows_is_at_most_3_kilobytes_and_70_elements() -> None:
    svg = optimise(drawn(LINE), prefix="bk-a")
    assert len(gzip.compress(svg.encode(), 9)) <= 3000
    assert len(re.findall(r"<\w", svg)) <= 70


def test_ids_begin_with_the_prefix_and_are_all_defined() -> None:
    svg = optimise(drawn(CHARTS["clipped"]), prefix="bk-one")
    ids = set(re.findall(r' id="([^"]+)"', svg))
    assert ids
    assert all(name.startswith("bk-one-") for name in ids)
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) == ids


def test_nothing_needs_an_inline_style() -> None:
    assert not any("style" in optimise(drawn(spec), prefix="a") for spec in CHARTS.values())


def test_simplifying_a_line_moves_no_point_further_than_the_tolerance() -> None:
    line = [(x / 3, 40 * math.sin(x / 50) + CHANCE.gauss(0, 0.2)) for x in range(900)]
    kept = simplify(line, TOLERANCE)
    assert kept[0] == line[0] and kept[-1] == line[-1] and len(kept) < len(line)
    for x, y in line:
        nearest = math.inf
        for (x1, y1), (x2, y2) in itertools.pairwise(kept):
            if x1 <= x <= x2:
                share = (x - x1) / (x2 - x1)
                away = abs(y - (y1 + share * (y2 - y1)))
                nearest = min(nearest, away * abs(x2 - x1) / math.hypot(x2 - x1, y2 - y1))
        assert nearest <= TOLERANCE + 1e-9


THREADS = """
import gc, time
from concurrent.futures import ThreadPoolExecutor
from blogkit.tools.vega import compile_vega, draw_svg
gc.callbacks.append(lambda phase, info: time.sleep(0.001))  # lets another thread run, as any finaliser may
gc.set_threshold(20, 1, 1)
spec = {"data": {"values": [{"x": n} for n in range(50)]}, "mark": "point", "encoding": {"x": {"field": "x"}}}
with ThreadPoolExecutor(3) as threads:
    print(len(list(threads.map(lambda number: draw_svg(compile_vega(spec)), range(24)))))
"""


@pytest.mark.slow
def test_several_threads_draw_without_waiting_for_each_other_for_ever() -> None:
    """In a process of its own: when it hangs, no signal is heard in it."""
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "24", done.stderr
