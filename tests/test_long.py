"""What only ``make test-long`` runs has a sample of the same kind in every test run."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def _is_long(node: ast.AST) -> bool:
    """Whether a decorator, or what a parameter is marked with, names the marker."""
    return any(isinstance(part, ast.Attribute) and part.attr == "long" for part in ast.walk(node))


def _functions_called(function: ast.FunctionDef) -> set[str]:
    calls = (part.func for part in ast.walk(function) if isinstance(part, ast.Call))
    return {called.id for called in calls if isinstance(called, ast.Name)}


def _samples_missing_from_lists(module: ast.Module) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize":
            for cases in (one for one in node.args if isinstance(one, ast.List) and _is_long(one)):
                if all(_is_long(case) for case in cases.elts):
                    yield node.lineno


def without_sample(text: str) -> list[int]:
    """The lines of a module at which something long stands without its sample.

    A list of parameters has one that is not long; a whole test that is long calls a function of the tests that
    another one, which is not, calls too.
    """
    module = ast.parse(text)
    missing = list(_samples_missing_from_lists(module))
    tests = [one for one in ast.walk(module) if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    whole: list[ast.FunctionDef] = []
    for test in tests:
        marks = [one for one in test.decorator_list if isinstance(one, ast.Attribute)]
        if any(_is_long(one) for one in marks):
            whole.append(test)
    helpers = {one.name for one in module.body if isinstance(one, ast.FunctionDef)} - {one.name for one in tests}
    helpers |= {
        name.asname or name.name
        for one in module.body
        if isinstance(one, ast.ImportFrom) and (one.module or "").startswith("tests.")
        for name in one.names
    }
    sampled = {name for test in tests if test not in whole for name in _functions_called(test)}
    missing += [test.lineno for test in whole if not _functions_called(test) & helpers & sampled]
    for node in module.body:
        names = [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
        if isinstance(node, ast.Assign) and "pytestmark" in names and _is_long(node.value):
            missing.append(node.lineno)
    return missing


def test_every_long_test_has_a_sample_that_every_test_run_runs() -> None:
    missing = {
        f"{path.relative_to(TESTS)}:{line}"
        for path in TESTS.rglob("test_*.py")
        for line in without_sample(path.read_text(encoding="utf-8"))
    }
    assert missing == set(), "give the count as a parameter, and one count that is not long"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("@pytest.mark.parametrize('n', [1, pytest.param(9, marks=pytest.mark.long)])\ndef test_a(n): pass\n", []),
        ("@pytest.mark.parametrize('n', [pytest.param(9, marks=[pytest.mark.long])])\ndef test_a(n): pass\n", [1]),
        ("@pytest.mark.long\ndef test_a(): pass\n", [2]),
        ("def tried(n): pass\ndef test_a(): tried(1)\n@pytest.mark.long\ndef test_b(): tried(9)\n", []),
        ("def tried(n): pass\n@pytest.mark.long\ndef test_b(): tried(9)\n", [3]),
        ("from tests.x import tried\ndef test_a(): tried(1)\n@pytest.mark.long\ndef test_b(): tried(9)\n", []),
        ("def test_a(): len('')\n@pytest.mark.long\ndef test_b(): len('x')\n", [3]),
        ("pytestmark = [pytest.mark.slow, pytest.mark.long]\n", [1]),
    ],
)
def test_a_long_test_without_its_sample_is_noticed(text: str, lines: list[int]) -> None:
    assert without_sample(text) == lines


@pytest.mark.parametrize(
    ("chosen", "counts"), [([], ["60"]), (["-m", "not slow"], ["60"]), (["-m", "long"], ["5000"])], ids=str
)
def test_a_long_test_is_slow_and_left_out_unless_asked_for(chosen: list[str], counts: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *chosen]
    command += ["tests/review/test_bundle.py", "-k", "bit_flipped"]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert re.findall(r"::test_\w+\[(\w+)\]", done.stdout) == counts, done.stdout + done.stderr
