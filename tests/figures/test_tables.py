"""What a page's script reads back from a coded table is what was coded, bit for bit wherever numbers are quoted."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import blogkit.render
from blogkit.page.rows import (
    Column,
    _exact,
    as_table,
    code_table,
    columns_script,
    decode_column,
    decode_table,
    read_columns_script,
)
from tests.figures.pages import curves, single

SCRIPT = Path(blogkit.render.__file__).parent / "runtime" / "src" / "tables.js"


def read_back(rows: int, columns: tuple[Column, ...], tmp_path: Path) -> dict[str, Any]:
    """The columns as the page's own script decodes them, in Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on PATH: the page's script cannot be run")
    (tmp_path / "tables.mjs").write_text(SCRIPT.read_text())
    (tmp_path / "table.json").write_text(json.dumps({"rows": rows, "columns": list(columns)}))
    program = """
        import {readFileSync} from 'node:fs';
        globalThis.CustomEvent = class { constructor(type, init) { this.detail = init.detail; } };
        globalThis.document = {
          dispatchEvent: () => {}, getElementById: () => ({textContent: readFileSync('table.json', 'utf8')}),
        };
        const {tableColumns, tableRows} = await import('./tables.mjs');
        if (tableRows('a').length !== JSON.parse(readFileSync('table.json', 'utf8')).rows) throw Error('rows');
        console.log(JSON.stringify(tableColumns('a'), (key, value) => Object.is(value, -0) ? '-0' : value));
    """
    done = subprocess.run(
        [node, "--input-type=module", "-e", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


COLUMNS: dict[str, list[Any]] = {
    "axis": [width for width in (8, 16, 32) for _ in range(40)],
    "inner axis": [step for _ in range(3) for step in range(40)],
    "long axis": list(range(120)),
    "rate": [0.001, 0.1, 0.001] * 40,
    "mixed": [True, 1, 1.5, None, "a", "é</script>"] * 20,
    "single": [single(math.sin(n)) for n in range(120)],
    "double": [math.sin(n) for n in range(120)],
    "decimals": [round(math.sin(n), 3) for n in range(120)],
    "negative zero": [-0.0, 0.25] * 60,
    "large": [2**60 + n for n in range(120)],
    "constant": [7] * 120,
    "gaps": [None if n % 7 == 0 else n / 3 for n in range(120)],
    "__proto__": ["x"] * 120,
}


def test_every_kind_of_column_comes_back_exactly(tmp_path: Path) -> None:
    table = as_table([dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)])
    assert table is not None
    coded = code_table(table, COLUMNS)
    assert coded.exact == ()
    back = read_back(120, coded.columns, tmp_path)
    for name, values in COLUMNS.items():
        if name == "negative zero":
            assert back[name] == ["-0", 0.25] * 60
        elif name != "large":  # JavaScript's numbers are doubles, in the chart's own specification too
            assert back[name] == values, name


NUMBERS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(-(10**6), 10**6).map(lambda n: n / 1000),
)


CELLS = st.one_of(
    NUMBERS, st.booleans(), st.none(), st.text(max_size=6), st.integers(0, 3), st.sampled_from(["8", 8, ""])
)


def typed(values: list[Any]) -> list[tuple[type, Any]]:
    """Values with their types; a whole number is the same number with and without a point, as in JSON."""
    return [(float, float(value)) if type(value) in (int, float) else (type(value), value) for value in values]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(NUMBERS, min_size=1, max_size=30), st.lists(CELLS, min_size=1, max_size=30)))
def test_no_exact_coding_loses_a_bit_or_a_type(values: list[Any]) -> None:
    for column in _exact(values):
        kind, *rest = json.loads(json.dumps(column))
        back = decode_column(len(values), kind, rest)
        assert typed(back) == typed(values), kind
        signs = [math.copysign(1, value) for value in values if type(value) in (int, float)]
        assert [math.copysign(1, value) for value in back if type(value) in (int, float)] == signs


def test_python_reads_a_table_as_the_page_does(tmp_path: Path) -> None:
    rows = [
        {**row, "width": "8", "run_id": f"{number:x}", "measured": math.sin(number), "__made": number}
        for number, row in enumerate(curves(1000, exact=True))
    ]
    table = as_table(rows)
    assert table is not None
    coded = code_table(table, ["epoch", "run", "loss"])
    shown = {"rows": 1000, "columns": list(coded.columns)}
    assert [column[0] for column in coded.columns] == ["epoch", "run", "loss", "width", "run_id", "measured"]
    page = decode_table(json.loads(json.dumps(shown)))
    assert list(page.columns) == ["epoch", "run", "loss", "width"]
    browser = read_back(1000, coded.columns, tmp_path)
    assert browser.pop("loss") == pytest.approx(page.columns["loss"], rel=1e-12)  # exp() differs in its last bit
    assert browser == {name: list(values) for name, values in page.columns.items() if name != "loss"}
    exact = read_columns_script(columns_script({table.id: coded.exact}))[table.id]
    whole = decode_table(shown, exact)
    assert {name: list(values) for name, values in whole.columns.items()} == {
        name: list(values) for name, values in table.columns.items() if not name.startswith("__")
    }
    assert "</" not in columns_script({"t": [["x", "values", ["</script>"]]]})


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"rows": 10**12, "columns": [["x", "axis", [1], 1]]},
        {"rows": -1, "columns": []},
        {"rows": 2, "columns": [["x", "axis", [], 1]]},
        {"rows": 2, "columns": [["x", "axis", [1], 0]]},
        {"rows": 2, "columns": [["x", "values", [1]]]},
        {"rows": 2, "columns": [["x", "choice", ["a"], "AB"]]},
        {"rows": 2, "columns": [["x", "choice", ["a"], "A!"]]},
        {"rows": 2, "columns": [["x", "eval", "1"]]},
        {"rows": 1, "columns": [["x"]]},
        {"rows": 1, "columns": [["x", "drawn", 10**9, 0, 1, False, "A"]]},
    ],
)
def test_a_table_that_is_none_is_refused(document: Any) -> None:
    with pytest.raises(ValueError):
        decode_table(document)


@pytest.mark.parametrize("text", ["", "alert(1)", "document.dispatchEvent(1)", columns_script({}).replace("[]", "7")])
def test_a_script_that_is_not_of_columns_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        read_columns_script(text)


def test_a_long_measured_column_is_drawn_from_12_bits_and_quoted_in_full(tmp_path: Path) -> None:
    rows = curves(1000, exact=True)
    table = as_table(rows)
    assert table is not None
    coded = code_table(table, ["epoch", "run", "loss"])
    assert [column[0] for column in coded.exact] == ["loss"]
    drawn = read_back(1000, coded.columns, tmp_path)["loss"]
    losses = [row["loss"] for row in rows]
    span = max(losses) - min(losses)
    assert max(abs(a - b) for a, b in zip(drawn, losses, strict=True)) <= span * 2e-4
    assert read_back(1000, coded.exact, tmp_path)["loss"] == losses


def test_a_column_over_many_decades_is_drawn_well_on_either_scale(tmp_path: Path) -> None:
    chance = random.Random(1)
    losses = [math.exp(chance.uniform(-12, 3)) for _ in range(2000)]
    table = as_table([{"loss": loss} for loss in losses])
    assert table is not None
    drawn = read_back(2000, code_table(table, ["loss"]).columns, tmp_path)["loss"]
    assert max(abs(a - b) / b for a, b in zip(drawn, losses, strict=True)) <= 1e-4


def test_a_column_that_rows_are_matched_by_is_never_rounded() -> None:
    table = as_table([{"x": math.sin(n)} for n in range(3000)])
    assert table is not None
    assert code_table(table, ["x"], frozenset({"x"})).exact == ()


def test_rows_that_are_no_flat_table_are_left_alone() -> None:
    assert as_table([{"a": [1]}]) is None
    assert as_table([{"a": 1}, {"b": 2}]) is None
    assert as_table([1, 2]) is None
    assert as_table("a,b\n1,2") is None


def test_a_sweep_of_10000_rows_fits_into_26_kilobytes() -> None:
    import zlib

    chance = random.Random(2)
    rows = [
        {
            "width": 2**width,
            "seed": seed,
            "epoch": epoch,
            "error": single(0.9 * 0.97**epoch + chance.gauss(0, 0.02) + 1),
        }
        for width in range(20)
        for seed in range(5)
        for epoch in range(100)
    ]
    table = as_table(rows)
    assert table is not None
    coded = code_table(table, list(rows[0]))
    assert [column[0] for column in coded.exact] == ["error"]
    assert len(zlib.compress(json.dumps(list(coded.columns)).encode(), 9)) <= 26_000
