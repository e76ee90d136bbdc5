"""The table of all runs is tidy, typed, and the same bytes for the same runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blogkit.gather.metrics import metrics_table, read_parquet, to_parquet
from blogkit.gather.provenance import compute_statement, duration
from blogkit.model import Run
from blogkit.store import RunPaths


def make(tmp_path: Path, name: str, parameters: dict[str, Any], *lines: dict[str, Any]) -> tuple[Run, RunPaths]:
    paths = RunPaths(folder=tmp_path / name)
    paths.folder.mkdir()
    paths.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = Run(id=name, project="p", notebook=tmp_path, parameters=parameters, seed=parameters.get("seed"))
    return run, paths


def line(metric: str, value: float, step: float | None = None) -> dict[str, Any]:
    return {"metric": metric, "value": value, "step": step}


def test_each_number_is_a_row_with_its_runs_parameters(tmp_path: Path) -> None:
    a, at = make(tmp_path, "a", {"width": 8, "seed": 0}, line("error", 0.5, 2), line("error", 0.6, 1), line("n", 3))
    b, bt = make(tmp_path, "b", {"width": 16, "seed": 0, "opt": "adam"}, line("error", float("nan"), 1))
    table = metrics_table([a, b], {"a": at, "b": bt}, None)
    assert list(table.columns) == ["run", "width", "seed", "opt", "metric", "step", "value"]
    assert table["metric"].tolist() == ["error", "error", "n", "error"]
    assert table["step"].tolist()[:2] == [1, 2], "in the order of steps"
    assert table["opt"].tolist()[3] == "adam"
    assert table["width"].tolist() == [8, 8, 8, 16]
    assert table["value"].isna().tolist() == [False, False, False, True], "a diverged run is kept"


def test_the_same_runs_give_the_same_bytes_and_survive_the_loss_of_their_folders(tmp_path: Path) -> None:
    a, at = make(tmp_path, "a", {"width": 8}, line("error", 0.5, 1))
    b, bt = make(tmp_path, "b", {"width": 9}, line("error", 0.4, 1), line("whole", 1.5))
    first = to_parquet(metrics_table([a, b], {"a": at, "b": bt}, None))
    assert to_parquet(metrics_table([a, b], {"a": at, "b": bt}, None)) == first
    (tmp_path / "t.parquet").write_bytes(first)
    earlier = read_parquet(tmp_path / "t.parquet")
    assert to_parquet(metrics_table([a, b], {}, earlier)) == first
    assert to_parquet(metrics_table([a, b], {"a": at}, earlier)) == first


def test_runs_that_recorded_nothing_give_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    a, at = make(tmp_path, "a", {"width": 8})
    table = metrics_table([a], {"a": at}, None)
    assert list(table.columns) == ["run", "width", "metric", "step", "value"]
    assert len(table) == 0


def test_a_list_as_a_parameter_is_text_in_the_table(tmp_path: Path) -> None:
    a, at = make(tmp_path, "a", {"layers": [8, 8]}, line("error", 0.5))
    assert metrics_table([a], {"a": at}, None)["layers"].tolist() == ["[8, 8]"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([None, 3, "abc"], [None, "3", "abc"]), ([True, 2, 0.5], ["True", "2", "0.5"]), ([2**70, 1], [str(2**70), "1"])],
    ids=["words", "truths", "huge"],
)
def test_a_parameter_of_several_kinds_is_text_in_the_table(
    tmp_path: Path, values: list[Any], expected: list[Any]
) -> None:
    made = [make(tmp_path, f"r{n}", {"x": value}, line("error", 0.5, 1)) for n, value in enumerate(values)]
    table = metrics_table([run for run, _ in made], {run.id: at for run, at in made}, None)
    (tmp_path / "t.parquet").write_bytes(to_parquet(table))
    again = read_parquet(tmp_path / "t.parquet")
    assert again is not None
    assert [value if isinstance(value, str) else None for value in again["x"].tolist()] == expected


def test_a_device_named_by_somebody_else_cannot_act_in_the_post() -> None:
    run = {"device": "<script>alert(1)</script> {{< include secret >}}", "seconds": 1.0, "versions": {"torch": "`x`"}}
    assert not set("<>{}`$[]|") & set(compute_statement([run]))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 seconds"),
        (9.94, "9.9 seconds"),
        (10, "10 seconds"),
        (89.4, "89 seconds"),
        (90, "1.5 minutes"),
        (5399, "90.0 minutes"),
        (5400, "1.5 hours"),
        (7200, "2.0 hours"),
    ],
)
def test_a_time_is_reported_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(999_400_000, "999 MB"), (1_000_000_000, "1 GB"), (12_300_000_000, "12 GB"), (1_600, "0 MB")]
)
def test_memory_is_reported_in_decimal_units(size: int, words: str) -> None:
    reported = compute_statement([{"seconds": 1.0, "peak_memory": size}])
    assert f"needed at most {words} of memory" in reported


def test_energy_is_joules_reported_as_kilowatt_hours() -> None:
    assert "The GPU used 1.5 kWh." in compute_statement([{"seconds": 1.0, "energy": 3.6e6}, {"energy": 1.8e6}])


@pytest.mark.parametrize(
    ("steps", "kind"),
    [([1, 2], "int64"), ([1, None], "Int64"), ([0.5, 2], "float64"), ([0.5, None], "float64"), ([None], "Int64")],
)
def test_steps_are_whole_numbers_where_all_that_are_there_are(
    tmp_path: Path, steps: list[float | None], kind: str
) -> None:
    run, paths = make(tmp_path, "a", {"width": 8}, *(line("error", 0.5, step) for step in steps))
    assert str(metrics_table([run], {"a": paths}, None)["step"].dtype) == kind
