"""The table of seeded faults names modules and tests that are there."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def table() -> dict[str, tuple[str, ...]]:
    """``TESTS`` of benchmarks/mutations.py, without running it."""
    module = ast.parse((ROOT / "benchmarks" / "mutations.py").read_text(encoding="utf-8"))
    for node in module.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "TESTS":
            assert node.value is not None
            read: dict[str, tuple[str, ...]] = ast.literal_eval(node.value)
            return read
    raise AssertionError("there is no table")


def test_every_module_and_every_test_of_the_table_is_there() -> None:
    rows = table()
    assert len(rows) > 40 and all(rows.values())
    named = [*rows, *(test for tests in rows.values() for test in tests)]
    assert [name for name in named if not (ROOT / name).exists()] == []
