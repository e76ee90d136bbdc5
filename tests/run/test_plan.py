"""A plan says which runs a sweep consists of, and names each after what its result depends on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.errors import ConfigError, NotebookError
from blogkit.run.plan import plan_runs, source_files
from tests.files import EXPERIMENT, notebook, write_project

SWEEP = """
parameters: {epochs: 3}
grid:
  width: [8, 16]
seeds: 2
"""


def ids(folder: Path, **how: Any) -> list[str]:
    return [run.id for run in plan_runs(load_project(folder), **how)]


def test_a_sweep_is_every_combination_at_every_seed_and_seed_by_seed(tmp_path: Path) -> None:
    runs = plan_runs(load_project(write_project(tmp_path, SWEEP)))
    assert [dict(run.parameters) for run in runs] == [
        {"epochs": 3, "width": 8, "seed": 0},
        {"epochs": 3, "width": 16, "seed": 0},
        {"epochs": 3, "width": 8, "seed": 1},
        {"epochs": 3, "width": 16, "seed": 1},
    ]
    assert len({run.id for run in runs}) == 4


def test_an_edit_of_prose_or_outputs_keeps_the_ids_and_an_edit_of_code_changes_them(tmp_path: Path) -> None:
    folder = write_project(tmp_path, SWEEP)
    before = ids(folder)
    document = json.loads(notebook(("markdown", "# Words"), *EXPERIMENT))
    document["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "old"}]
    document["cells"][1]["execution_count"] = 7
    (folder / "experiment.ipynb").write_text(json.dumps(document))
    assert ids(folder) == before
    (folder / "experiment.ipynb").write_text(notebook(*EXPERIMENT, "print('more')"))
    assert not set(ids(folder)) & set(before)


@pytest.mark.parametrize("change", ["module", "input", "threads"])
def test_modules_inputs_and_threads_belong_to_the_id(tmp_path: Path, change: str) -> None:
    sweep = SWEEP + "inputs: ['data/*.csv']\n"
    folder = write_project(tmp_path, sweep, *EXPERIMENT, "import net", **{"net.py": "x = 1", "data/a.csv": "1"})
    before = ids(folder)
    if change == "module":
        (folder / "net.py").write_text("x = 2")
    elif change == "input":
        (folder / "data" / "a.csv").write_text("2")
    else:
        (folder / "sweep.yml").write_text(sweep + "threads: 2\n")
    assert not set(ids(folder)) & set(before)


def test_what_runs_make_does_not_belong_to_the_id(tmp_path: Path) -> None:
    folder = write_project(tmp_path, SWEEP)
    before = ids(folder)
    (folder / "runs" / "x").mkdir(parents=True)
    (folder / "runs" / "x" / "made.py").write_text("1")
    assert ids(folder) == before


def test_set_replaces_a_parameter_or_an_axis_and_only_chooses(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path, SWEEP))
    assert {run.parameters["width"] for run in plan_runs(project, settings={"width": 4})} == {4}
    assert [run.seed for run in plan_runs(project, settings={"seed": 5})] == [5, 5]
    chosen = plan_runs(project, only={"width": 8})
    assert [run.parameters["width"] for run in chosen] == [8, 8]
    assert [run.id for run in chosen] == [run.id for run in plan_runs(project) if run.parameters["width"] == 8]
    assert len(plan_runs(project, only={"lr": 0.1})) == 4, "a default counts as the parameter's value"


def test_a_scale_replaces_what_it_names(tmp_path: Path) -> None:
    sweep = SWEEP + "scales:\n  full: {grid: {width: [32]}, parameters: {lr: 0.5}, seeds: [7]}\n"
    folder = write_project(tmp_path, sweep)
    (run,) = plan_runs(load_project(folder), scale="full")
    assert run.parameters == {"epochs": 3, "lr": 0.5, "width": 32, "seed": 7}
    with pytest.raises(ConfigError, match="has no scale 'ful'.*\n.*Did you mean 'full'"):
        plan_runs(load_project(folder), scale="ful")


def test_values_take_the_type_that_the_notebook_declares(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "parameters: {lr: 1, width: 8.0}\n")
    (run,) = plan_runs(load_project(folder))
    assert isinstance(run.parameters["lr"], float)
    assert isinstance(run.parameters["width"], int)


@pytest.mark.parametrize("default", ["0.1", "None", "[0.1]"], ids=["float", "none", "list"])
def test_a_number_in_scientific_notation_is_a_number_wherever_it_stands(tmp_path: Path, default: str) -> None:
    """YAML 1.1 reads 1e-3 as text, so a list of learning rates would reach the notebook as words."""
    value = "[1e-3, 3E-4, '1e-3']" if default == "[0.1]" else "1e-3"
    project = load_project(write_project(tmp_path, f"parameters: {{lr: {value}}}\n", ("parameters", f"lr = {default}")))
    (run,) = plan_runs(project)
    assert run.parameters["lr"] == ([0.001, 0.0003, "1e-3"] if default == "[0.1]" else 0.001)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (".inf", "'x' is inf, which the record of a run cannot hold"),
        ("[1.0, .nan]", "'x' is nan"),
        ("2024-01-01", "a date for YAML (2024-01-01).\n    Put quotes around it: '2024-01-01'"),
        ("{a: {1: 2}}", "a mapping with the key 1, which is no text"),
        ("!!binary aGVsbG8=", "of a kind that a notebook cannot be given (bytes)"),
        ("!!set {a, b}", "of a kind that a notebook cannot be given (set)"),
        ("&a [*a]", "nested too deep"),
    ],
    ids=["inf", "nan", "date", "key", "bytes", "set", "cycle"],
)
def test_a_value_that_no_record_can_hold_is_an_error_message_before_anything_runs(
    tmp_path: Path, value: str, words: str
) -> None:
    folder = write_project(tmp_path, f"seeds: 1\ngrid:\n  x: [1, {value}]\n", ("parameters", "x = None"))
    with pytest.raises(ConfigError) as caught:
        plan_runs(load_project(folder))
    (problem,) = caught.value.problems
    assert problem.line == 3 and words in str(problem), str(problem)


@pytest.mark.parametrize(
    ("sweep", "line", "words"),
    [
        ("seeds: 2\ngrid:\n  widht: [1]\n", 3, ["'widht' is not declared", "Did you mean 'width'?"]),
        ("parameters:\n  epochs: many\n", 2, ["'many'", "declares it as int (2)"]),
        ("inputs:\n  - data.csv\n", 1, ["no file matches"]),
        ("inputs: [../../secret]\n", 1, ["no file matches"]),
        ("inputs: [../../../*/secret.txt]\n", 1, ["no file matches"]),
        ("inputs: [/etc/hostname]\n", 1, ["no file matches"]),
    ],
)
def test_a_sweep_that_does_not_fit_the_notebook_is_an_error_message(
    tmp_path: Path, sweep: str, line: int, words: list[str]
) -> None:
    folder = write_project(tmp_path, sweep)
    with pytest.raises(ConfigError) as caught:
        plan_runs(load_project(folder))
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (folder / "sweep.yml", line)
    assert all(word in str(problem) for word in words), str(problem)


def test_seeds_need_a_seed_to_set(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 3\n", ("parameters", "width = 1"))
    with pytest.raises(ConfigError, match="several seeds.*declares no `seed`"):
        plan_runs(load_project(folder))


@pytest.mark.parametrize(
    ("sweep", "line", "hint"),
    [
        ("grid:\n  width: [1, 2]\n  seed: [1, 2]\n", 3, "seeds: [1, 2]"),
        ("seeds: 3\nparameters:\n  seed: 5\n", 3, "seeds: [5]"),
        ("parameters:\n  seed: five\n", 2, 'seeds: ["five"]'),
        ("scales:\n  small:\n    grid:\n      seed: [4, 5]\n", 4, "seeds: [4, 5]"),
        ("scales:\n  small:\n    seeds: 2\nparameters:\n  seed: 5\n", 5, "seeds: [5]"),
    ],
    ids=["grid", "beside-seeds", "no-number", "scale", "beside-a-scale's-seeds"],
)
def test_a_seed_among_the_parameters_that_would_be_dropped_is_refused_with_its_line(
    tmp_path: Path, sweep: str, line: int, hint: str
) -> None:
    folder = write_project(tmp_path, sweep)
    with pytest.raises(ConfigError, match="'seed' stands under") as caught:
        plan_runs(load_project(folder))
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (folder / "sweep.yml", line)
    assert hint in problem.hint


def test_a_single_seed_among_the_parameters_is_heard(tmp_path: Path) -> None:
    runs = plan_runs(load_project(write_project(tmp_path, "parameters: {seed: 5}\ngrid: {width: [1, 2]}\n")))
    assert [run.seed for run in runs] == [5, 5]
    with pytest.raises(ConfigError, match="must be a whole number"):
        plan_runs(load_project(tmp_path / "projects" / "p"), settings={"seed": [1, 2]})


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (("x = 1",), "no cell tagged `parameters`"),
        ((("parameters", "a = 1"), ("parameters", "b = 1")), "two cells tagged"),
        ((("parameters", "a ="),), "not valid Python"),
    ],
)
def test_a_notebook_that_cannot_be_a_run_is_an_error_message(tmp_path: Path, cells: Any, words: str) -> None:
    folder = write_project(tmp_path, "seeds: 1\n", *cells)
    with pytest.raises(NotebookError, match=words) as caught:
        plan_runs(load_project(folder))
    assert caught.value.problem.path == folder / "experiment.ipynb"


def test_a_file_that_is_no_notebook_is_an_error_message(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 1\n")
    (folder / "experiment.ipynb").write_text('{"cells": [{"cell_type": "code", "metadata": null}], "metadata": []}')
    with pytest.raises(NotebookError, match="no cell tagged"):
        plan_runs(load_project(folder))
    (folder / "experiment.ipynb").write_text("[]")
    with pytest.raises(NotebookError, match="not a notebook"):
        plan_runs(load_project(folder))
    (folder / "experiment.ipynb").unlink()
    with pytest.raises(NotebookError, match="no such notebook"):
        plan_runs(load_project(folder))


def test_only_a_value_that_no_run_has_is_an_error_message_with_those_there_are(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "grid: {x: [1, 2]}\n", ("parameters", "x = 1"))
    with pytest.raises(ConfigError, match="x=9(.|\n)*x is one of 1, 2"):
        plan_runs(load_project(folder), only={"x": 9})


@pytest.mark.parametrize(("minutes", "seconds"), [("0.5", 30), ("1", 60), ("90", 5400)])
def test_a_time_limit_in_minutes_is_seconds_for_the_run(tmp_path: Path, minutes: str, seconds: float) -> None:
    (run,) = plan_runs(load_project(write_project(tmp_path, f"time_limit: {minutes}\n")))
    assert run.time_limit == seconds


def test_without_a_time_limit_a_run_has_none(tmp_path: Path) -> None:
    (run,) = plan_runs(load_project(write_project(tmp_path, "seeds: 1\n")))
    assert run.time_limit is None


@pytest.mark.parametrize(("seeds", "wanted"), [("1", [0]), ("3", [0, 1, 2]), ("[1, 5]", [1, 5])])
def test_a_number_of_seeds_counts_from_zero_and_a_list_is_the_seeds(
    tmp_path: Path, seeds: str, wanted: list[int]
) -> None:
    runs = plan_runs(load_project(write_project(tmp_path, f"seeds: {seeds}\n")))
    assert [run.seed for run in runs] == wanted
    assert [run.parameters["seed"] for run in runs] == wanted


def test_a_parameter_that_is_called_like_a_key_of_the_sweep_is_reported_where_it_stands(tmp_path: Path) -> None:
    sweep = "threads: 1\nseeds: 1\ngrid:\n  threads:\n  - 2\n  - 2\n"
    folder = write_project(tmp_path, sweep, ("parameters", "threads = 1\nseed = 0"))
    with pytest.raises(ConfigError, match=r"sweep\.yml:6: 2 stands twice among the levels of 'threads'"):
        plan_runs(load_project(folder))


def test_a_project_without_a_sweep_has_no_runs_and_no_sources_of_runs(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 1\n")
    (folder / "sweep.yml").unlink()
    project = load_project(folder)
    assert project.sweep is None and source_files(project) == {}
