"""Help answers at once, because it loads nothing that a command does its work with."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = {"blogkit", "typer", "shellingham", "typing_extensions", "annotated_doc"}
"""All that may be loaded beside Python's own modules."""
HEAVY_OF_PYTHON = {"asyncio", "sqlite3", "http", "email", "xml", "multiprocessing", "unittest"}
PROGRAM = (
    "import sys\nbefore = set(sys.modules)\nfrom blogkit.cli import main\n"
    "sys.argv = ['blogkit', *{words!r}]\n"
    "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
    "print(*{{name.split('.')[0] for name in set(sys.modules) - before}}, file=sys.stderr)"
)


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_help_loads_the_command_line_and_nothing_else(words: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(words=words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name for name in done.stderr.split() if not name.startswith("_")}
    assert loaded - sys.stdlib_module_names <= LIGHT
    assert not loaded & HEAVY_OF_PYTHON
