"""A sweep whose values would not reach what is computed is refused before anything runs, with cell and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.errors import ConfigError, NotebookError
from blogkit.run.plan import plan_runs
from tests.files import write_project

SWEEP = "grid: {width: [4, 8]}\nseeds: 2\n"
DEFAULTS = "width = 4\nlr = 0.1\nseed = 0"


def plan(tmp_path: Path, *cells: Any, sweep: str = SWEEP) -> list[dict[str, Any]]:
    return [dict(run.parameters) for run in plan_runs(load_project(write_project(tmp_path, sweep, *cells)))]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("hidden = width * 2", "width"),
        ("hidden: int = width", "width"),
        ("sizes = [width] * 3", "width"),
        ("sizes = [width + n for n in range(3)]", "width"),
        ("generator = numpy.random.default_rng(seed)", "seed"),
        ("torch.manual_seed(seed)", "seed"),
        ("def make(n=width): return n", "width"),
    ],
)
def test_a_parameter_that_is_used_in_its_own_cell_is_refused(tmp_path: Path, line: str, name: str) -> None:
    with pytest.raises(NotebookError) as caught:
        plan(tmp_path, ("markdown", "# Words"), "import os", ("parameters", f"{DEFAULTS}\n{line}"))
    assert caught.value.problem.path == tmp_path / "projects" / "p" / "experiment.ipynb"
    assert f"cell [2], line 4: `{line}` uses '{name}'" in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "hidden = lr * 2",
        "make = lambda: width",
        "def make(): return width",
        "def make(width): return width",
        "print(width)",
        "assert width > 0",
        "rate = 0.1",
    ],
)
def test_what_is_no_use_of_a_swept_value_is_let_be(tmp_path: Path, line: str) -> None:
    assert len(plan(tmp_path, ("parameters", f"{DEFAULTS}\n{line}"))) == 4


def test_a_computed_default_that_the_sweep_sets_itself_is_let_be(tmp_path: Path) -> None:
    sweep = "grid: {width: [4, 8], hidden: [2]}\n"
    assert len(plan(tmp_path, ("parameters", f"{DEFAULTS}\nhidden = width * 2"), sweep=sweep)) == 2


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("width = 1  # for a quick try", 1),
        ("x = 1\nwidth: int = 1", 2),
        ("a, width = 1, 2", 1),
        ("if x:\n    width = 1", 2),
        ("for width in (1, 2):\n    pass", 1),
        ("with open('x') as f:\n    width = f.read()", 2),
        ("try:\n    pass\nexcept ValueError:\n    width = 3", 4),
        ("def width(): pass", 1),
        ("from x import width", 1),
        ("def f():\n    global width\n    width = 3", 2),
        ("%matplotlib inline\nwidth = 1", 2),
        ("seed = 3", 1),
    ],
)
def test_a_parameter_that_is_set_again_at_module_level_is_refused(tmp_path: Path, code: str, line: int) -> None:
    with pytest.raises(NotebookError, match=rf"cell \[3\], line {line}: .* sets '(width|seed)' again"):
        plan(tmp_path, ("parameters", DEFAULTS), "x = 1", ("markdown", "words"), code)


@pytest.mark.parametrize(
    "code",
    [
        "def train(width, seed=1):\n    width = width + 1\n    seed = 2\n    return width",
        "class Net:\n    def __init__(self):\n        width = 3",
        "[width for width in range(3)]",
        "f = lambda width: width",
        "width = int(width)",
        "width += 1",
        "if width is None:\n    width = 3",
        "net.width = 3",
        "sizes[width] = 3",
        "lr = 3",
        "%%bash\nwidth=3",
    ],
)
def test_what_keeps_the_runs_own_value_is_let_be(tmp_path: Path, code: str) -> None:
    assert len(plan(tmp_path, "width = 99", ("parameters", DEFAULTS), code)) == 4


@pytest.mark.parametrize("name", ["run", "metric", "step", "value"])
def test_a_parameter_cannot_be_called_like_a_column(tmp_path: Path, name: str) -> None:
    cell = ("parameters", f"{name} = 1\nseed = 0")
    with pytest.raises(ConfigError, match=f"'{name}' is a column of the gathered table") as caught:
        plan(tmp_path, cell, sweep=f"seeds: 1\ngrid:\n  {name}: [1, 2]\n")
    assert caught.value.problems[0].line == 3
    with pytest.raises(ConfigError, match=f"--set {name}: "):
        plan_runs(load_project(write_project(tmp_path / "b", "seeds: 1\n", cell)), settings={name: 2})


def test_a_list_is_no_tuple(tmp_path: Path) -> None:
    cell = ("parameters", "size = (3, 3)\nseed = 0")
    sweep = "grid:\n  size: [[3, 3], [5, 5]]\n"
    with pytest.raises(ConfigError, match=r"declares a tuple \(\(3, 3\)\); a run would get the list") as caught:
        plan(tmp_path, cell, "assert isinstance(size, tuple)", sweep=sweep)
    assert caught.value.problems[0].line == 2
    assert len(plan(tmp_path / "b", cell, "kernel = tuple(size)", sweep=sweep)) == 2
    assert len(plan(tmp_path / "c", ("parameters", "size = [3, 3]\nseed = 0"), sweep=sweep)) == 2


@pytest.mark.parametrize("levels", ["[4, 8, 4]", "[4, 8, 4.0]"])
def test_a_level_that_stands_twice_is_refused(tmp_path: Path, levels: str) -> None:
    with pytest.raises(ConfigError, match="4 stands twice among the levels of 'width'") as caught:
        plan(tmp_path, ("parameters", DEFAULTS), sweep=f"seeds: 1\ngrid:\n  width: {levels}\n")
    assert caught.value.problems[0].line == 3


def test_null_is_a_level_like_any_other(tmp_path: Path) -> None:
    runs = plan(tmp_path, ("parameters", "drop = None\nseed = 0"), sweep="grid: {drop: [null, 0.5]}\n")
    assert [run["drop"] for run in runs] == [None, 0.5]
