"""What ``record.model`` keeps answers as the network does, and what a page cannot run is told at the cell."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blogkit import record
from blogkit.kernel import models
from blogkit.kernel.models import ModelError
from blogkit.recorded import known_models
from blogkit.tools.onnx import answer
from tests.figures.live import network

SOURCE = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self, width=8, slope=1.0):
        super().__init__()
        self.slope = slope
        self.layers = nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Dropout(0.5), nn.Linear(width, 2))

    def forward(self, x):
        return self.slope * self.layers(x)
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run under way in a project."""
    folder = tmp_path / "runs" / ".work" / "0123456789ab-1"
    folder.mkdir(parents=True)
    monkeypatch.setenv("BLOGKIT_RUN_FOLDER", str(folder))
    monkeypatch.setattr(models, "_KNOWN", {})
    return folder


def graph(*nodes: Any, opset: int = 20, ir: int = 10, weights: Any = ()) -> bytes:
    """An ONNX file with these nodes between ``x`` and ``y``."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    given, out = (helper.make_tensor_value_info(name, 1, ["n", 2]) for name in "xy")
    made = helper.make_graph(list(nodes), "graph", [given], [out], list(weights))
    return bytes(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir).SerializeToString()
    )


def node(kind: str, **more: Any) -> Any:
    return pytest.importorskip("onnx").helper.make_node(kind, ["x"], ["y"], **more)


def test_an_onnx_file_of_any_framework_is_kept_with_what_it_answers(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(network(2, 4, 1))
    record.model("other", path, np.ones((3, 2), dtype=np.float32), step=5)
    (kept,) = known_models()
    assert (kept.name, dict(kept.when), kept.about["weights"]) == ("other", {"step": 5}, 17)
    assert kept.about["answer"]["answer"]["shape"] == [3, 1]
    record.model("bytes", path.read_bytes())
    assert sorted(found.name for found in (run / "models").iterdir()) == [
        "bytes.json", "bytes.onnx", "other@5.json", "other@5.onnx",
    ]  # fmt: skip


def test_without_a_run_a_model_is_tried_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BLOGKIT_RUN_FOLDER", raising=False)
    monkeypatch.chdir(tmp_path)
    record.model("net", network(2, 4, 1))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ModelError, match="no ONNX file"):
        record.model("net", b"something else")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: graph(node("StringNormalizer")), "cannot open"),
        (lambda: graph(node("ImageDecoder")), "uses ImageDecoder, which the page's runtime does not have"),
        (lambda: graph(node("Relu"), opset=99), "of ONNX version 10 with operators 99"),
        (lambda: graph(node("Relu"), ir=99), "of ONNX version 99"),
        (lambda: network(2, 700, 800), "takes 2.3 MB, and a page carries models of at most 2 MB"),
        (lambda: b"\x00\x01", "is no ONNX file"),
        (lambda: 5, "was given a int; it takes a torch module"),
        (lambda: "missing.onnx", "there is no file 'missing.onnx'"),
    ],
    ids=["opens not", "operator", "opset", "version", "size", "bytes", "kind", "path"],
)
def test_what_a_page_cannot_run_is_told_at_the_cell(run: Path, made: Any, words: str) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(ModelError, match=words):
        record.model("net", made())
    assert not (run / "models").exists()


def test_an_operator_inside_a_branch_counts(run: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    out = helper.make_tensor_value_info("z", 1, None)
    inner = helper.make_graph([helper.make_node("ImageDecoder", ["x"], ["z"])], "inner", [], [out])
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    condition = onnx.numpy_helper.from_array(np.array(True), "c")
    with pytest.raises(ModelError, match="uses ImageDecoder"):
        record.model("net", graph(branch, weights=[condition]))


def test_weights_beside_the_file_are_refused(run: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(network(2, 4, 1))
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(ModelError, match="weights inside"):
        record.model("net", model)


def test_what_a_file_says_of_its_maker_is_left_out(run: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(network(2, 4, 1))
    model.doc_string = "by Ada Lovelace"
    model.producer_name = "/home/ada"
    onnx.helper.set_model_props(model, {"author": "Ada"})
    record.model("net", model)
    assert b"da" not in (run / "models" / "net.onnx").read_bytes()


def test_a_missing_package_is_named_with_the_command_that_brings_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ModelError, match=r"needs onnx, which is not installed: pip install 'blogkit\[starters\]'"):
        record.model("net", b"")


def small(seed: int, source: str = SOURCE) -> Any:
    """A network of a notebook whose source cannot be read."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    scope: dict[str, Any] = {"__name__": "notebook"}
    exec(source, scope)
    torch.manual_seed(seed)
    return scope["Small"]()


def answers_of(run: Path, name: str, x: Any) -> Any:
    data = (run / "models" / f"{name}.onnx").read_bytes()
    return next(iter(answer(data, {"x": x.numpy()}).values()))


@pytest.mark.slow
def test_a_further_step_takes_the_graph_that_is_known_and_answers_as_a_fresh_export(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training goes on as if nothing had been recorded: its mode, its chance, its weights."""
    first, second = small(0), small(1)
    import torch

    exports: list[Any] = []
    export = torch.onnx.export

    def counted(*given: Any, **named: Any) -> Any:
        exports.append(given)
        return export(*given, **named)

    monkeypatch.setattr(torch.onnx, "export", counted)
    first.train()
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    record.model("net", first, torch.zeros(1, 3), step=1)
    assert first.training
    assert torch.equal(torch.rand(1), expected)
    record.model("net", second, torch.zeros(1, 3), step=2)
    assert len(exports) == 1
    again = models._fresh_graph(torch, "net", second.cpu().eval(), (torch.zeros(2, 3),))
    assert (run / "models" / "net@2.onnx").read_bytes() == again
    x = torch.randn(5, 3)
    for name, module in (("net@1", first), ("net@2", second)):
        assert np.abs(answers_of(run, name, x) - module.eval()(x).detach().numpy()).max() < 1e-5
    assert (run.parents[1] / ".graphs").is_dir()


@pytest.mark.slow
def test_a_network_that_only_computes_otherwise_is_exported_anew(run: Path) -> None:
    """The same weights and layers, and another ``forward``: the graph that is known answers otherwise."""
    import torch

    other = small(0, SOURCE.replace("return self", "return -self"))
    for name, module in (("one", small(0)), ("other", other)):
        record.model(name, module, torch.zeros(1, 3))
    x = torch.randn(5, 3)
    assert np.abs(answers_of(run, "other", x) - other.eval()(x).detach().numpy()).max() < 1e-5


@pytest.mark.slow
def test_another_run_of_the_project_exports_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    record.model("net", small(0), torch.zeros(1, 3))
    monkeypatch.setattr(models, "_KNOWN", {})  # as in another process
    monkeypatch.setattr(torch.onnx, "export", None)
    other = run.with_name("0123456789ac-1")
    other.mkdir()
    monkeypatch.setenv("BLOGKIT_RUN_FOLDER", str(other))
    record.model("net", small(1), torch.zeros(1, 3))
    assert (other / "models" / "net.onnx").is_file()


@pytest.mark.slow
def test_a_module_that_does_not_export_is_told_in_plain_words(run: Path) -> None:
    import torch
    from torch import nn

    class Strange(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * float(np.asarray(x.sum().item() > 0))

    small(0)
    with pytest.raises(ModelError, match="the module 'net' does not export to ONNX"):
        record.model("net", Strange(), torch.zeros(1, 3))
