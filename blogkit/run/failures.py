"""Runs that did not succeed, grouped by what went wrong and where, with the parameters that they share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.coverage import varying_parameters
from blogkit.errors import NotebookError
from blogkit.model import RunResult, RunStatus
from blogkit.notebook import read_notebook
from blogkit.store import RunPaths

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_IN_CELL = re.compile(
    r"^(?:Cell|Input) In ?\[\d+\], (?:in )?.*?line (\d+)|^Input In \[\d+\].*?line (\d+)", re.MULTILINE
)
_IN_FILE = re.compile(r"^File ([^\n]*?\.py):(\d+)", re.MULTILINE)
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Runs that failed in the same way at the same place."""

    results: tuple[RunResult, ...]
    shared: Mapping[str, Any]
    """The parameters that vary in the sweep and that these have alike, or of which they have these levels alone."""
    alike: int
    """How many runs of the sweep have these parameters, failed or not."""
    place: str
    """``cell [6], line 24``, as Jupyter counts; empty where no cell is known."""

    def describe(self) -> str:
        """What happened, to which runs, and how they are left out, in lines."""
        first, count = self.results[0], len(self.results)
        where = f" in {self.place}" if self.place else ""
        shared = " ".join(f"{name}={_in_words(value)}" for name, value in self.shared.items())
        lines = [f"    {first.status.value}{where}: {first.reason}"]
        if count == 1:
            parameters = " ".join(f"{name}={value}" for name, value in first.run.parameters.items())
            lines.append(f"        {first.run.id} ({parameters})")
        elif shared:
            whole = f"all {count} runs" if self.alike == count else f"{count} of the {self.alike} runs"
            lines.append(f"        {whole} with {shared}, such as {first.run.id}")
        else:
            lines.append(f"        {count} runs, such as {first.run.id}")
        if first.folder is not None:
            lines.append(f"        {first.folder / 'log.txt'}")
        if count > 1 and shared and self.alike == count:
            entry = json.dumps(dict(self.shared), default=str)
            lines.append(f"        Where they are not wanted, `exclude: [{entry}]` in sweep.yml leaves them out.")
        return "\n".join(lines)


def describe_failures(failed: Sequence[RunResult], results: Sequence[RunResult]) -> str:
    """The failures among the results of a sweep, a group after the other, the largest first."""
    groups = list(group_failures(failed, results))
    lines = [group.describe() for group in groups[:10]]
    if len(groups) > 10:
        lines.append(f"    and {sum(len(group.results) for group in groups[10:])} more")
    return "\n".join(lines)


def group_failures(failed: Sequence[RunResult], results: Sequence[RunResult]) -> Iterator[FailureGroup]:
    """Groups by what was raised (numbers in it may differ) and the cell, the largest group first."""
    groups: dict[tuple[Any, ...], list[RunResult]] = {}
    for one in failed:
        key = (one.run.project, one.status, _NUMBERS.sub("0", one.reason), one.cell)
        groups.setdefault(key, []).append(one)
    for group in sorted(groups.values(), key=len, reverse=True):
        project = [one for one in results if one.run.project == group[0].run.project]
        names = varying_parameters([one.run.parameters for one in project])
        first = group[0].run.parameters
        shared = {
            name: first[name]
            for name in names
            if name in first and all(one.run.parameters.get(name) == first[name] for one in group)
        }
        shared |= _shared_levels(group, project, [name for name in names if name not in shared and name != "seed"])
        alike = [one for one in project if all(_is_level(one, name, value) for name, value in shared.items())]
        yield FailureGroup(
            results=tuple(group), shared=shared, alike=max(len(alike), len(group)), place=place_of(group[0])
        )


def _shared_levels(
    group: Sequence[RunResult], project: Sequence[RunResult], names: Sequence[str]
) -> dict[str, tuple[Any, ...]]:
    """The parameters of which a group has some levels only, where every run with all of these failed with it."""
    found = {}
    for name in names:
        levels, every = (
            list({repr(one.run.parameters.get(name)): one.run.parameters.get(name) for one in results}.values())
            for results in (group, project)
        )
        if 1 < len(levels) < len(every):
            found[name] = tuple(levels)
    return found


def _is_level(result: RunResult, name: str, wanted: Any) -> bool:
    level = result.run.parameters.get(name)
    return level in wanted if isinstance(wanted, tuple) else bool(level == wanted)


def _in_words(value: Any) -> str:
    return " or ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def place_of(result: RunResult) -> str:
    """Where a run failed, as Jupyter counts its cells: ``cell [6], line 24``; with the file of another module."""
    if result.cell is None or result.status is RunStatus.NOT_STARTED:
        return ""
    number = jupyter_number(result.run.notebook, result.cell)
    place = f"cell [{number}]" if number is not None else f"cell {result.cell}"
    traceback = _traceback_of(result)
    line = _IN_CELL.search(traceback)
    if line is not None:
        place += f", line {line.group(1) or line.group(2)}"
    own = [(path, number) for path, number in _IN_FILE.findall(traceback) if "site-packages" not in path]
    if own:
        path, at = own[-1]
        place += f" ({Path(path).name}:{at})"
    return place


def jupyter_number(notebook: Path, cell: int) -> int | None:
    """The number that Jupyter shows in brackets for a cell, run from the top; ``cell`` counts all cells from 1."""
    try:
        cells = read_notebook(notebook)["cells"][:cell]
    except NotebookError:
        return None
    code = [one for one in cells if one.get("cell_type") == "code" and one["source"].strip()]
    return len(code) if code and cells[-1] is code[-1] else None


def _traceback_of(result: RunResult) -> str:
    """What the failing cell of the executed notebook says."""
    if result.folder is None:
        return ""
    try:
        cells = json.loads(RunPaths(folder=result.folder).notebook.read_text(encoding="utf-8"))["cells"]
        errors = [
            "\n".join(map(str, output.get("traceback") or []))
            for cell in cells
            for output in cell.get("outputs") or []
            if output.get("output_type") == "error"
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return _ANSI.sub("", errors[-1]) if errors else ""
