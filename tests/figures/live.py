"""Live figures for tests: small ONNX models, and the page of a post that shows them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blogkit import record
from blogkit.gather.charts import gather_figures
from blogkit.gather.live import kept_models
from blogkit.kernel.altair import specification
from blogkit.recorded import known_models
from blogkit.store import RunPaths
from tests.figures.pages import ORIGIN, finish

POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:"


def network(*sizes: int, seed: int = 0, shape: tuple[int, ...] | None = None) -> bytes:
    """An ONNX file: dense layers with a hyperbolic tangent between them, over inputs of ``shape`` flattened."""
    onnx = pytest.importorskip("onnx")
    helper, numbers = onnx.helper, onnx.numpy_helper
    chance = np.random.default_rng(seed)
    nodes, weights, last = [], [], "x"
    if shape:
        nodes.append(helper.make_node("Flatten", ["x"], ["flat"], axis=1))
        last = "flat"
    for layer, (before, after) in enumerate(itertools.pairwise(sizes)):
        for name, size in ((f"w{layer}", (before, after)), (f"b{layer}", (after,))):
            weights.append(numbers.from_array(chance.normal(size=size).astype(np.float32), name))
        out = "answer" if layer == len(sizes) - 2 else f"h{layer}"
        nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [out]))
        if out != "answer":
            nodes.append(helper.make_node("Tanh", [out], [f"t{layer}"]))
            last = f"t{layer}"
    given = helper.make_tensor_value_info("x", 1, ["n", *(shape or sizes[:1])])
    answer = helper.make_tensor_value_info("answer", 1, ["n", sizes[-1]])
    graph = helper.make_graph(nodes, "network", [given], [answer], weights)
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()
    )


def run_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    """A run in which this test records."""
    run = RunPaths(folder=root / "run")
    run.charts.mkdir(parents=True)
    monkeypatch.setenv("BLOGKIT_RUN_FOLDER", str(run.folder))
    return run


def live_page(root: Path, run: RunPaths, figures: dict[str, Any], before: str = "") -> Path:
    """The page of a post below ``root`` that shows live figures over what ``run`` recorded, as it is published."""
    for name, chart in figures.items():
        record.chart(name, specification(chart))
    results = root / "source" / "projects" / "post" / "results"
    gather_figures(run, results / "charts", provenance=ORIGIN)
    specs = {name: json.loads((results / "charts" / f"{name}.vl.json").read_text()) for name in figures}
    for name, data in kept_models(specs, known_models(), run.notebook).items():
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_bytes(data)
    shown = "".join(
        f'<figure class="figure"><p><img src="results/charts/{name}.svg" alt="What the network answers."></p></figure>'
        for name in figures
    )
    return finish(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Post</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"></head>'
        f"<body><main><h1>Post</h1>{before}{shown}</main></body></html>",
        root,
    )


def text_network(tokens: int, outputs: int, seed: int = 0) -> bytes:
    """An ONNX file: the mean of a vector for each token of a text of any length, and a dense layer over it."""
    onnx = pytest.importorskip("onnx")
    helper, numbers = onnx.helper, onnx.numpy_helper
    chance = np.random.default_rng(seed)
    weights = [
        numbers.from_array(chance.normal(size=(tokens, 6)).astype(np.float32), "vectors"),
        numbers.from_array(chance.normal(size=(6, outputs)).astype(np.float32), "w"),
        numbers.from_array(np.array([1], dtype=np.int64), "axes"),
    ]
    nodes = [
        helper.make_node("Gather", ["vectors", "text"], ["each"]),
        helper.make_node("ReduceMean", ["each", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["answer"]),
    ]
    given = [helper.make_tensor_value_info("text", 7, ["n", "t"])]
    out = [
        helper.make_tensor_value_info("answer", 1, ["n", outputs]),
        helper.make_tensor_value_info("each", 1, ["n", "t", 6]),
    ]
    graph = helper.make_graph(nodes, "text", given, out, weights)
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()
    )
