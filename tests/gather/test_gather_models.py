"""The models that figures name are kept beside the results, and asked again: a figure shows what they answer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blogkit.config import load_project
from blogkit.errors import NotebookError
from blogkit.gather import gather, live
from blogkit.kernel.models import write_model
from blogkit.model import Project, Run
from blogkit.recorded import read_index
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, RunPaths
from tests.figures.live import network
from tests.files import notebook, write_project
from tests.gather.stores import store_runs
from tests.gather.test_gather import contents

pytestmark = pytest.mark.slow

DRAW = """
from blogkit import charts, record
line = charts.features(x=charts.axis(-1, 1, 5), rate=charts.slider(0, 1, 0.5))
"""
SHOW = "record.chart('line', chart.mark_line().encode(x='x:Q', y='y:Q'))"
BY_WIDTH = "chart = charts.live('net', line, columns='y', by='width', where={'seed': 0, 'step': 2})"


def stored_project(root: Path, figures: str) -> tuple[Project, list[Run]]:
    """A project whose runs have each recorded two steps of a network, and another one that no figure shows."""
    cells = (DRAW, figures, SHOW)
    folder = write_project(root, "grid: {width: [4, 8]}\nseeds: 2\n", **{"figures.ipynb": notebook(*cells)})
    project = load_project(folder)
    runs = list(plan_runs(project))
    store_runs(project, runs)
    for number, run in enumerate(runs):
        place = RunPaths(folder=folder / "runs" / run.id)
        example = np.ones((1, 2), dtype=np.float32)
        for step in (1, 2):
            write_model(place, "net", network(2, 3, 1, seed=10 * number + step), example, step)
        write_model(place, "unseen", network(2, 3, 1), example, None)
    return project, runs


def test_models_that_a_figure_names_are_kept_also_without_the_runs(tmp_path: Path) -> None:
    project, runs = stored_project(tmp_path, BY_WIDTH)
    gather(project, runs)
    made = contents(project)
    kept = read_index(ProjectPaths.of(project).results / "models" / "models.json")
    assert [(one.name, one.when["width"], one.when["step"]) for one in kept] == [("net", 4, 2), ("net", 8, 2)]
    assert sorted(name for name in made if name.endswith(".onnx")) == sorted(f"models/{one.file}" for one in kept)
    assert "blogkit_live_" not in made["charts/line.vl.json"].decode().partition('"usermeta"')[0]
    shutil.rmtree(project.folder / "runs")
    assert gather(project, runs, force=True).changed == ()
    assert contents(project) == made


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ("chart = charts.live('net', line, columns='y')", "differ in seed, width: say which in where="),
        ("chart = charts.live('nat', line, columns='y')", "no model 'nat' was recorded; there are: net, unseen"),
        (BY_WIDTH.replace("width", "depth"), "have no 'depth'; they have seed, step, width"),
        (BY_WIDTH + "\nchart.data.values[0]['y'] += 1", "shows other numbers than its model answers"),
    ],
    ids=["several", "unknown", "parameter", "changed rows"],
)
def test_what_is_wrong_with_a_live_figure_is_said(tmp_path: Path, figures: str, words: str) -> None:
    project, runs = stored_project(tmp_path, figures)
    with pytest.raises(NotebookError, match=words):
        gather(project, runs)
    assert not (project.folder / "results" / "models").exists()


def test_a_model_that_answers_its_example_otherwise_is_an_error(
    tmp_path: Path,
) -> None:
    """The file of a run was replaced: its example was answered by another network."""
    project, runs = stored_project(tmp_path, BY_WIDTH)
    for run in runs:
        for path in (project.folder / "runs" / run.id / "models").glob("net@2.onnx"):
            path.write_bytes(network(2, 3, 1, seed=77))
    with pytest.raises(NotebookError, match="answers its example otherwise than its run recorded"):
        gather(project, runs)


def test_models_of_a_post_have_a_limit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_BYTES", 300)
    project, runs = stored_project(tmp_path, BY_WIDTH)
    with pytest.raises(NotebookError, match="the 2 models of its live figures take"):
        gather(project, runs)


def test_a_hostile_model_ends_its_worker_and_nothing_else(tmp_path: Path) -> None:
    """What others hand in is opened by a process of bounded time and memory, after its size and operators are seen."""
    from blogkit.kernel.models import MOST_BYTES
    from blogkit.tools.onnx import answers

    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    shape = onnx.numpy_helper.from_array(np.array([2**20, 2**20], dtype=np.int64), "shape")
    out = helper.make_tensor_value_info("y", 1, None)
    bomb = helper.make_graph([helper.make_node("ConstantOfShape", ["shape"], ["y"])], "bomb", [], [out], [shape])
    huge: Any = helper.make_model(bomb, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    nested = b"\x3a\x02" * 5000
    models = (huge.SerializeToString(), nested, b"\0" * (MOST_BYTES + 1))
    found = list(answers([*((model, [{}]) for model in models), (network(2, 1), [])]))
    assert isinstance(found[0], str) and isinstance(found[1], str)
    assert "takes 2.0 MB" in str(found[2])
    assert found[3] == []
