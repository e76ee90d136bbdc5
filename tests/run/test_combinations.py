"""A sweep is a grid, a list of runs, or both, less what it excludes; each is refused where it means nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.errors import ConfigError
from blogkit.run.combinations import is_excluded
from blogkit.run.plan import plan_runs
from tests.files import write_project

CELLS = (("parameters", "width = 4\nlr = 0.1\nunit = 'relu'\ndeep = False\nseed = 0"), "print(width, lr, unit, deep)")


def planned(tmp_path: Path, sweep: str, **how: Any) -> list[dict[str, Any]]:
    folder = write_project(tmp_path, sweep, *CELLS)
    return [dict(run.parameters) for run in plan_runs(load_project(folder), **how)]


def problems(tmp_path: Path, sweep: str) -> list[tuple[int | None, str]]:
    with pytest.raises(ConfigError) as caught:
        planned(tmp_path, sweep)
    return [(one.line, one.message) for one in caught.value.problems]


def test_a_list_of_runs_is_run_for_every_seed_and_with_every_combination_of_the_grid(tmp_path: Path) -> None:
    sweep = (
        "parameters: {lr: 0.5}\nruns:\n  - {width: 8}\n  - {width: 16, lr: 1}\ngrid: {unit: [relu, leaky]}\nseeds: 2\n"
    )
    found = planned(tmp_path, sweep)
    assert len(found) == 8
    assert found[:4] == [
        {"lr": 0.5, "width": 8, "unit": "relu", "seed": 0},
        {"lr": 0.5, "width": 8, "unit": "leaky", "seed": 0},
        {"lr": 1.0, "width": 16, "unit": "relu", "seed": 0},
        {"lr": 1.0, "width": 16, "unit": "leaky", "seed": 0},
    ]


def test_what_one_listed_run_leaves_out_is_the_notebooks_default_so_that_the_table_has_it(tmp_path: Path) -> None:
    found = planned(tmp_path, "runs:\n  - {width: 8}\n  - {lr: 0.5}\n")
    assert found == [{"width": 8, "lr": 0.1, "seed": 0}, {"width": 4, "lr": 0.5, "seed": 0}]


def test_set_takes_a_parameter_out_of_the_list_too(tmp_path: Path) -> None:
    found = planned(tmp_path, "runs:\n  - {width: 8, lr: 0.1}\n  - {width: 8, lr: 0.2}\n", settings={"lr": 0.3})
    assert found == [{"lr": 0.3, "width": 8, "seed": 0}]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("{unit: leaky, lr: 0.3}", {("relu", 0.1), ("relu", 0.3), ("leaky", 0.1)}),
        ("{unit: [leaky, relu], lr: 0.3}", {("relu", 0.1), ("leaky", 0.1)}),
        ("{lr: '> 0.2'}", {("relu", 0.1), ("leaky", 0.1)}),
        ("{lr: '<= 1e-1', unit: relu}", {("relu", 0.3), ("leaky", 0.1), ("leaky", 0.3)}),
        ("{lr: '!= 0.1', unit: leaky, width: 4}", {("relu", 0.1), ("relu", 0.3), ("leaky", 0.1)}),
    ],
)
def test_a_combination_that_has_every_excluded_value_is_left_out(
    tmp_path: Path, exclude: str, left: set[tuple[str, float]]
) -> None:
    found = planned(tmp_path, f"grid: {{unit: [relu, leaky], lr: [0.1, 0.3]}}\nexclude:\n  - {exclude}\n")
    assert {(one["unit"], one["lr"]) for one in found} == left


def test_true_is_no_one_and_a_comparison_is_only_one_for_numbers() -> None:
    assert is_excluded({"width": 1}, {"width": 1.0})
    assert not is_excluded({"deep": True}, {"deep": 1})
    assert not is_excluded({"width": 1}, {"width": True})
    assert not is_excluded({"unit": "> 1"}, {"unit": "> 2"}) and is_excluded({"unit": "> 1"}, {"unit": "> 1"})
    assert not is_excluded({"deep": True}, {"deep": "> 0"})
    assert not is_excluded({"width": 1}, {})


def test_a_seed_can_be_excluded(tmp_path: Path) -> None:
    found = planned(tmp_path, "grid: {width: [8, 16]}\nseeds: 3\nexclude:\n  - {width: 16, seed: '> 0'}\n")
    assert [(one["width"], one["seed"]) for one in found] == [(8, 0), (16, 0), (8, 1), (8, 2)]


def test_an_exclusion_of_nothing_or_of_everything_is_refused_with_its_line(tmp_path: Path) -> None:
    grid = "grid: {width: [8, 16]}\nexclude:\n  - {width: 8}\n"
    assert problems(tmp_path, grid + "  - {width: 32}\n") == [(4, '{"width": 32} excludes nothing.')]
    assert problems(tmp_path, grid + "  - {widht: 32}\n")[0][0] == 4
    assert problems(tmp_path, grid + "  - {width: 16}\n") == [(2, "it excludes every run.")]
    assert problems(tmp_path, grid + "  - {}\n") == [(4, "this entry names no parameter.")]


def test_a_scale_inherits_what_it_does_not_say_and_need_not_have_every_excluded_level(tmp_path: Path) -> None:
    sweep = (
        "grid: {width: [8, 16], unit: [relu, leaky]}\nexclude:\n  - {width: 16, unit: leaky}\n"
        "scales:\n  small:\n    grid: {width: [8]}\n  all:\n    exclude: []\n"
        "  wrong:\n    exclude:\n      - {width: 64}\n"
    )
    without_the_wrong = sweep[: sweep.index("  wrong")]
    assert len(planned(tmp_path / "a", without_the_wrong)) == 3
    assert len(planned(tmp_path / "b", without_the_wrong, scale="small")) == 2
    assert len(planned(tmp_path / "c", without_the_wrong, scale="all")) == 4
    assert problems(tmp_path / "d", sweep) == [(11, '{"width": 64} excludes nothing.')]


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ("runs:\n  - {width: 8}\n  - {width: 8}\n", (3, "this run stands in the list twice.")),
        ("runs:\n  - {}\n", (2, "this run has no parameters.")),
        ("grid: {width: [1]}\nruns:\n  - lr: 0.1\n    width: 8\n", (4, "'width' stands in the grid and in the list")),
        ("runs:\n  - {width: 8, seed: 1}\n", (2, "'seed' stands under `runs:`")),
        ("runs:\n  - lr: 0.1\n  - widht: 8\n", (3, "'widht' is not declared")),
        ("runs:\n  - lr: 0.1\n  - lr: fast\n", (3, "'lr' is 'fast'")),
        ("grid: {width: [1]}\nscales:\n  s:\n    runs:\n      - {width: 8}\n", (5, "'width' stands in the grid")),
    ],
)
def test_a_list_that_means_nothing_is_refused_with_its_line(
    tmp_path: Path, sweep: str, expected: tuple[int, str]
) -> None:
    (problem,) = problems(tmp_path, sweep)
    assert problem[0] == expected[0] and problem[1].startswith(expected[1]), problem
