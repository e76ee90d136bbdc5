"""A live figure is asked and answered in the browser as it is in Python: the same inputs, the same rows."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import blogkit.render
from blogkit import charts
from blogkit.live import PlanError, feed_of, rounded_rows, rows_from

SOURCE = Path(blogkit.render.__file__).parent / "runtime" / "src" / "plan.js"
LETTERS = ["a", "b", "é", " ", "?"]
SCRIPT = """
import {feedOf, rowsFrom, deviation} from %s;
const {plan, state, output} = JSON.parse(process.argv[1]);
const feed = feedOf(plan, state);
let rows;
try { rows = rowsFrom(plan, state, feed, output); } catch (error) { rows = error.message; }
const {shape, data} = feed.x, apart = typeof rows === 'string' ? null : deviation(plan, rows, rows);
console.log(JSON.stringify({shape, data: Array.from(data, Number), rows, apart}));
"""


def plan_of(one: Any, shape: list[int], kind: str = "float32", **more: Any) -> dict[str, Any]:
    asked = {**one.plan, "type": kind, "shape": shape}
    answered = {"output": "y", "apply": None, "columns": None, "over": None, **more}
    return {"data": "d", "models": [], "inputs": {"x": asked}, "start": dict(one.start), **answered}


GRID = charts.features(x=charts.axis(-1, 2, 4), rate=charts.slider(0, 1), y=charts.axis(0, 1, 3), bias=1)
OPEN = charts.typed(LETTERS, "", unknown="?")
LEFT = charts.typed(LETTERS, "", unknown="?", length=6, fill=3, side="left")
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[int]]] = {
    "grid": (plan_of(GRID, [1, 4], columns=["p", "q"], apply="softmax"), {"rate": 0.3}, [12, 2]),
    "grid unrolled": (plan_of(GRID, [1, 4], over=[["class", ["u", "v"]]], apply="sigmoid"), {"rate": 1}, [12, 2]),
    "row": (plan_of(charts.pick(np.eye(3) / 3), [1, 3], columns=["p"]), {"example": 2}, [1, 1]),
    "bytes": (plan_of(charts.pick(np.arange(6).reshape(2, 3)), [1, 3], over=[["k", None]]), {"example": 1}, [1, 3]),
    "pad": (plan_of(charts.pad(np.eye(4), mean=0.5, std=2), [1, 1, 4, 4], columns=["p"]), {}, [1, 1]),
    "signal": (plan_of(charts.signal([0, 1, 2]), [1, 1, 3], over=[["t", None]], output="input"), {}, [1, 1]),
    "open text": (
        plan_of(OPEN, [1, 1], "int64", over=[["at", "tokens"]]), {"text": "bé x"}, [1, 4],
    ),
    "left": (
        plan_of(LEFT, [1, 6], "int64", over=[["at", "tokens"]]),
        {"text": "ab"}, [1, 6],
    ),
    "right": (
        plan_of(charts.typed(LETTERS, "", length=4, fill=3), [1, 4], "int64", over=[["at", "tokens"], ["k", None]]),
        {"text": "abxabab"}, [1, 4, 2],
    ),
    "words": (
        plan_of(charts.typed(["to", "be"], "", words=True), [1, 1], "int64", columns=["p"]),
        {"text": " to  be or"}, [1, 1],
    ),
    "no text": (plan_of(charts.typed(LETTERS, ""), [1, 1], "int64", columns=["p"]), {"text": ""}, [1, 1]),
    "wrong shape": (plan_of(GRID, [1, 4], columns=["p"]), {"rate": 0}, [12, 2]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_browser_asks_and_answers_as_python_does(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on PATH: the page's own code cannot be run")
    plan, changed, dims = CASES[name]
    state = {**plan["start"], **changed}
    numbers = np.random.default_rng(1).normal(size=dims).astype(np.float32)
    asked = json.dumps({"plan": plan, "state": state, "output": {"dims": dims, "data": numbers.ravel().tolist()}})
    script = SCRIPT % json.dumps(SOURCE.as_uri())
    done = subprocess.run(
        [node, "--input-type=module", "-e", script, asked], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    feed = feed_of(plan, state)["x"]
    assert found["shape"] == list(feed.shape)
    assert found["data"] == pytest.approx(feed.ravel().tolist(), abs=1e-7)
    try:
        rows = rounded_rows(plan, rows_from(plan, state, {"y": numbers}))
    except PlanError:
        assert "answers another" in found["rows"]
        return
    assert [list(row) for row in found["rows"]] == [list(row) for row in rows]
    for one, other in zip(found["rows"], rows, strict=True):
        assert one == pytest.approx(other, abs=2e-5)
    assert found["apart"] == 0
