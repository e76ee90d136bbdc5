"""The Quarto command line, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from blogkit.errors import ToolFailed, ToolMissing

QUARTO_VARIABLE = "BLOGKIT_QUARTO"
"""Names the Quarto program where it is not on PATH."""


def find_quarto() -> Path | None:
    """The Quarto program, or None where there is none."""
    named = os.environ.get(QUARTO_VARIABLE)
    if named:
        return Path(named)
    found = shutil.which("quarto")
    return Path(found) if found else None


def render(
    folder: Path,
    files: Sequence[Path] = (),
    metadata: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> None:
    """Has Quarto render a site, or some of its files, with metadata over theirs, into its own folder or another.

    Raises ToolMissing, or ToolFailed with what it said.
    """
    program = find_quarto()
    if program is None:
        raise ToolMissing(
            "Quarto is not installed.",
            hint="Get it from quarto.org, or use the embedded engine: `blogkit render --engine pandoc`.",
        )
    more = [part for name, value in (metadata or {}).items() for part in ("-M", f"{name}:{value}")]
    more += ["--output-dir", output.relative_to(folder).as_posix()] if output is not None else []
    commands = [[str(program), "render", *names, *more] for names in ([[str(file)] for file in files] or [[]])]
    for command in commands:
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
            )
        except OSError as error:
            raise ToolMissing(f"Quarto could not be started: {error}.", path=program) from error
        if done.returncode:
            said = "\n".join((done.stdout + "\n" + done.stderr).strip().splitlines()[-20:])
            raise ToolFailed(f"Quarto ended with {done.returncode}. It said:\n{said}", path=folder)
