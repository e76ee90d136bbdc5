"""What a notebook records is on disk before the call returns, and outside a run nothing is written."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from blogkit import record
from blogkit.store import RUN_FOLDER_VARIABLE, RunPaths, read_jsonl


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(tmp_path))
    return RunPaths(folder=tmp_path)


def test_metrics_are_lines_with_name_value_and_step(run: RunPaths) -> None:
    record.metric("error", Decimal("0.5"))
    record.metric("loss", 2, step=3)
    record.metric("loss", math.nan, step=4.5)
    first, second, third = read_jsonl(run.metrics)
    assert first == {"metric": "error", "value": 0.5, "step": None}
    assert second == {"metric": "loss", "value": 2.0, "step": 3}
    assert math.isnan(third["value"])
    assert third["step"] == 4.5


def test_a_loss_that_a_gradient_goes_through_is_a_number_without_a_warning(run: RunPaths) -> None:
    """As ``record.metric("loss", loss)`` in a training loop: PyTorch warns where such a tensor is made a number."""

    class Loss:
        def __float__(self) -> float:
            raise RuntimeError("a gradient goes through it")

        def detach(self) -> float:
            return 0.5

    record.metric("loss", Loss())
    assert [entry["value"] for entry in read_jsonl(run.metrics)] == [0.5]


def test_what_was_recorded_before_a_kill_is_there(run: RunPaths) -> None:
    script = "from blogkit import record; import os, signal\nfor n in range(100): record.metric('m', n, step=n)\n"
    script += "os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [entry["value"] for entry in read_jsonl(run.metrics)] == list(range(100))


def test_a_last_line_that_a_crash_cut_off_is_left_out(run: RunPaths) -> None:
    record.metric("m", 1)
    with run.metrics.open("a") as stream:
        stream.write('{"metric": "m", "val')
    assert len(list(read_jsonl(run.metrics))) == 1


def test_outside_a_run_nothing_is_written_and_charts_are_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(RUN_FOLDER_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    record.metric("m", 1)
    record.value("v", 1.0)
    record.table("t", pd.DataFrame({"a": [1]}))
    spec = {"mark": "point"}
    assert record.chart("c", spec) is spec
    assert list(tmp_path.iterdir()) == []


def test_a_chart_of_any_size_is_a_specification_with_its_data(run: RunPaths) -> None:
    altair = pytest.importorskip("altair")
    rows = pd.DataFrame({"x": range(6000), "y": range(6000)})
    chart = altair.Chart(rows).mark_point().encode(x="x", y="y")
    assert record.chart("big", chart) is chart
    text = (run.charts / "big.vl.json").read_text()
    assert '"x": 5999' in text


def test_a_table_is_markdown_that_can_be_referred_to(run: RunPaths) -> None:
    frame = pd.DataFrame({"name": ["a|b", "c"], "error": [0.123456, 2.0], "factor": ["×1.5 (1.2–1.9)", "–"]})
    record.table("summary", frame, caption="Test error")
    assert (run.tables / "summary.md").read_text() == (
        "| name | error | factor |\n|---|---:|---:|\n| a\\|b | 0.1235 | ×1.5 (1.2–1.9) |\n| c | 2 | – |\n"
        "\n: Test error {#tbl-summary}\n"
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: record.metric("test error", 1), "cannot be a name"),
        (lambda: record.metric("../x", 1), "cannot be a name"),
        (lambda: record.metric("m", [1, 2]), "must be one number"),
        (lambda: record.metric("m", 1, step=math.inf), "must be finite"),
        (lambda: record.value("v", 1.0, format="{:.3f}"), "no format for a number"),
        (lambda: record.chart("c", "a string"), "takes an Altair chart"),
    ],
)
def test_what_cannot_be_recorded_is_said_at_once(run: RunPaths, call: object, words: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=words):
        call()
