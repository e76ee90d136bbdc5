"""A recorded table shows what the frame holds: row names, aligned digits, and cells that mean nothing in Markdown."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest
from lxml import html

from blogkit import record
from blogkit.store import RUN_FOLDER_VARIABLE, RunPaths, read_json
from blogkit.tools.pandoc import find_pandoc


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(tmp_path))
    return RunPaths(folder=tmp_path)


def table_of(run: RunPaths, frame: pd.DataFrame, index: bool | None = None) -> list[str]:
    record.table("t", frame, index=index)
    return (run.tables / "t.md").read_text().splitlines()


def test_row_names_are_kept_where_they_say_something(run: RunPaths) -> None:
    frame = pd.DataFrame({"norm": ["batch", "layer"] * 2, "lr": [0.1, 0.1, 0.5, 0.5], "acc": [0.9, 0.8, 0.7, 0.6]})
    wide = frame.set_index(["norm", "lr"])["acc"].unstack()
    assert table_of(run, wide)[:3] == ["| norm | 0.1 | 0.5 |", "|---|---:|---:|", "| batch | 0.9 | 0.7 |"]
    assert read_json(run.tables / "t.json")["columns"] == ["norm", "0.1", "0.5"]
    both = frame.groupby(["norm", "lr"]).agg({"acc": ["mean", "max"]})
    assert table_of(run, both)[0] == "| norm | lr | acc mean | acc max |"
    assert table_of(run, pd.DataFrame({"a": [1, 2]}, index=["first", "second"]))[2] == "| first | 1 |"
    assert table_of(run, frame[frame["lr"] > 0.2])[0] == "| norm | lr | acc |", "the place of a row is no name"
    assert table_of(run, wide, index=False)[0] == "| 0.1 | 0.5 |"
    assert table_of(run, frame, index=True)[2] == "| 0 | batch | 0.1 | 0.9 |"


def test_the_numbers_of_a_column_end_at_one_digit(run: RunPaths) -> None:
    frame = pd.DataFrame(
        {
            "acc": [0.9, 0.947, 1.0],
            "wide": [0.00012, 12.5, 3000.25],
            "tiny": [1e-7, 2.5e-7, 1e-6],
            "whole": [1.0, 2.0, 3.0],
            "lost": [0.5, float("nan"), 0.25],
        }
    )
    rows = [line.strip("| ").split(" | ") for line in table_of(run, frame)[2:5]]
    columns = dict(zip(frame.columns, zip(*rows, strict=True), strict=True))
    assert columns["acc"] == ("0.900", "0.947", "1.000")
    assert columns["wide"] == ("0.00012", "12.5", "3000")
    assert columns["tiny"] == ("1e-07", "2.5e-07", "1e-06")
    assert columns["whole"] == ("1", "2", "3")
    assert columns["lost"] == ("0.50", "nan", "0.25")


CELLS = [
    "*starred*", "a_b_c", "_x_", "`code`", "$x^2$", "[link](y)", "<b>bold</b>", "a|b", "~~gone~~", "H~2~O", "@fig-x",
    "{{< meta x >}}", '"quoted"', "1 -- 2", "and ...", "&amp;", "\\alpha", "^1^", "# first", ": second", "a  b",
    "![p](q)", "{.class}", "one\ntwo", "'it'", "https://example.org", "1. item", "- item", "+", "^[note]", "[^1]",
    "==mark==",
]  # fmt: skip


def test_cells_are_shown_as_given_whatever_markdown_means_by_them(run: RunPaths) -> None:
    lines = table_of(run, pd.DataFrame({"cell": CELLS, "*n*": range(len(CELLS))}))
    command = [str(find_pandoc()), "-f", "markdown", "-t", "html"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True)
    page = html.fromstring(done.stdout)
    cells = [row.findall("td")[0].text_content() for row in page.iter("tr") if row.findall("td")]
    assert [" ".join(cell.split()) for cell in cells] == [" ".join(cell.split()) for cell in CELLS]
    assert [head.text_content() for head in page.iter("th")] == ["cell", "*n*"]
