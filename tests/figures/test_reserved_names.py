"""A control that has the name of something which every chart has, such as its width, changes no chart."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import altair as alt
import pytest

from blogkit import charts, record
from blogkit.config import load_project
from blogkit.errors import NotebookError
from blogkit.gather import gather
from blogkit.recorded import known_models
from blogkit.run.plan import plan_runs
from blogkit.tools.vega import compile_vega
from tests.figures.live import network, run_folder
from tests.files import write_project
from tests.gather.stores import store_runs

LIVE = importlib.import_module("blogkit.charts.live")
DRAWING = """
import altair as alt
from blogkit import record
control = alt.param(name={name!r}, value=8, bind=alt.binding_select(options=[8, 32]))
chart = alt.Chart(alt.InlineData(values=[{{"x": 1}}])).mark_point().encode(x="x:Q").add_params(control)
record.chart("mine", {drawn})
"""


@pytest.mark.slow
@pytest.mark.parametrize("drawn", ["chart", "chart | chart.copy()", "alt.layer(chart)"])
def test_a_parameter_that_would_change_the_chart_itself_is_an_error_message(tmp_path: Path, drawn: str) -> None:
    folder = write_project(tmp_path, "seeds: 1\n", ("parameters", "seed = 0"), "pass")
    (folder / "figures.ipynb").write_text(_notebook(DRAWING.format(name="width", drawn=drawn)))
    project = load_project(folder)
    store_runs(project, plan_runs(project))
    with pytest.raises(NotebookError, match="'mine' with a parameter called 'width'.*\n.*chosen_width"):
        gather(project, plan_runs(project))
    (folder / "figures.ipynb").write_text(_notebook(DRAWING.format(name="chosen_width", drawn=drawn)))
    gather(project, plan_runs(project))


def _notebook(source: str) -> str:
    cell: dict[str, object] = {
        "cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "outputs": [], "source": source
    }  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]})


@pytest.mark.slow
def test_a_live_figure_over_the_width_of_a_network_keeps_its_own_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(tmp_path, monkeypatch)
    record.model("net", network(2, 8, 1))
    (kept,) = known_models()
    monkeypatch.setattr(LIVE, "known_models", lambda: [replace(kept, when={"width": 8})])
    answers = charts.live("net", charts.features(x=charts.axis(0, 1, 4), y=0.5), columns="inside", by="width")
    drawn = answers.mark_line().encode(x="x:Q", y="inside:Q").properties(width=300)
    vega = compile_vega(json.loads(drawn.to_json()))
    names = [signal["name"] for signal in vega["signals"]]
    assert vega["width"] == 300 and "width" not in names and "chosen_width" in names


def test_altair_takes_such_a_name_without_a_word() -> None:
    """So that this test fails when Altair begins to refuse it, and the error message of our own can go."""
    chart = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_point().add_params(alt.param(name="width", value=8))
    assert chart.to_dict()["params"][0]["name"] == "width"
