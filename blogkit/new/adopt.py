"""Wraps a student's own notebook as a project: tags its parameters cell, and touches nothing else in it.

Papermill puts a run's values into a cell behind the tagged one. So the cell that sets the parameters must not already
use them, and nothing behind it may set them again; where that is not so, this says what to move, and changes nothing.
Notebooks come here as :func:`blogkit.notebook.read_notebook` gives them.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.errors import NotebookError

TAG = "parameters"
_SKIPPED = ("%", "!", "?")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A name that a notebook sets to a literal at the top level of a cell: what could become a parameter."""

    name: str
    value: Any
    cell: int
    """Counted from 1 among all cells, as Jupyter shows them."""


def candidates(document: Mapping[str, Any]) -> tuple[Candidate, ...]:
    """Every number, text or truth value that a cell sets at its top level, where it is first set."""
    found: dict[str, Candidate] = {}
    for number, tree in _trees(document):
        for statement in tree.body:
            for name, value in _assigned(statement):
                if isinstance(value, bool | int | float | str) and not name.startswith("_"):
                    found.setdefault(name, Candidate(name=name, value=value, cell=number))
    return tuple(found.values())


def tagged(document: Mapping[str, Any]) -> int | None:
    """The cell that has the tag already, counted from 1."""
    for number, cell in enumerate(document["cells"], start=1):
        if TAG in cell["metadata"]["tags"]:
            return number
    return None


def language(document: Mapping[str, Any]) -> str:
    """What a notebook is written in, in lower case; Python when it does not say."""
    metadata = document["metadata"]
    said = metadata["kernelspec"].get("language") or metadata["language_info"].get("name") or "python"
    return str(said).lower()


def with_tag(path: Path, cell: int) -> str:
    """The text of a notebook with one cell tagged, counted from 1; nothing else in it differs."""
    document = json.loads(path.read_bytes())
    found = document["cells"][cell - 1]
    metadata = found["metadata"] if isinstance(found.get("metadata"), dict) else {}
    tags = metadata["tags"] if isinstance(metadata.get("tags"), list) else []
    found["metadata"] = {**metadata, "tags": tags if TAG in tags else [*tags, TAG]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def cell_that_sets(document: Mapping[str, Any], names: Sequence[str], path: Path) -> int:
    """The one cell that sets all of ``names``, counted from 1. Raises NotebookError when none can serve."""
    known = {candidate.name: candidate for candidate in candidates(document)}
    missing = [name for name in names if name not in known]
    if missing:
        listed = ", ".join(known) or "none"
        message = f"sets no {', '.join(missing)} to a number or text at the top level of a cell."
        raise NotebookError(message, hint=f"What it sets so: {listed}.", path=path)
    cells = sorted({known[name].cell for name in names})
    if len(cells) > 1:
        where = ", ".join(f"{name} in cell {known[name].cell}" for name in names)
        hint = f"Move them into one cell ({where}), or choose those of one cell."
        raise NotebookError("sets the parameters in several cells, and one cell must set them.", hint=hint, path=path)
    target = cells[0]
    for number, tree in _trees(document):
        for name in names:
            if number == target and _used_after_set(tree, name):
                hint = "Split the cell behind the lines that set the parameters."
                message = f"cell {number} sets {name} and uses it at once, so a run's value would come too late."
                raise NotebookError(message, hint=hint, path=path)
            if number > target and any(name == other for statement in tree.body for other, _ in _targets(statement)):
                hint = f"Remove that line, or leave {name} out of the parameters."
                raise NotebookError(f"cell {number} sets {name} again, over a run's value.", hint=hint, path=path)
    other = tagged(document)
    if other not in (None, target):
        hint = "Remove that tag in Jupyter, or choose parameters of that cell."
        raise NotebookError(f"has another cell tagged `parameters`, cell {other}.", hint=hint, path=path)
    return target


def _trees(document: Mapping[str, Any]) -> list[tuple[int, ast.Module]]:
    """The code cells that are Python, with their number; magics are passed over."""
    trees: list[tuple[int, ast.Module]] = []
    if language(document) not in {"python", "ipython"}:
        return trees
    for number, cell in enumerate(document["cells"], start=1):
        if cell.get("cell_type") != "code":
            continue
        lines = ["" if line.lstrip().startswith(_SKIPPED) else line for line in cell["source"].splitlines()]
        try:
            trees.append((number, ast.parse("\n".join(lines))))
        except (SyntaxError, ValueError):
            continue
    return trees


def _targets(statement: ast.stmt) -> list[tuple[str, ast.expr | None]]:
    """The plain names that a statement sets, each with its expression."""
    if isinstance(statement, ast.Assign):
        return [(target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign | ast.AugAssign) and isinstance(statement.target, ast.Name):
        return [(statement.target.id, statement.value)]
    return []


def _assigned(statement: ast.stmt) -> list[tuple[str, Any]]:
    """The names that a statement sets to literals, with their values."""
    found: list[tuple[str, Any]] = []
    for name, expression in _targets(statement) if not isinstance(statement, ast.AugAssign) else []:
        try:
            found.append((name, ast.literal_eval(expression))) if expression is not None else None
        except ValueError:
            continue
    return found


def _used_after_set(tree: ast.Module, name: str) -> bool:
    """Whether a cell reads a name at its top level once it has set it; functions run later, and may read it."""
    set_at: int | None = None
    for position, statement in enumerate(tree.body):
        if set_at is not None and position > set_at and name in _read_at_once(statement):
            return True
        if any(other == name for other, _ in _targets(statement)):
            set_at = position
    return False


def _read_at_once(node: ast.AST) -> set[str]:
    """The names that running a statement reads, without the bodies of functions that it only defines."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return {name for default in (*node.args.defaults, *filter(None, node.args.kw_defaults))
                for name in _read_at_once(default)}  # fmt: skip
    return {name for child in ast.iter_child_nodes(node) for name in _read_at_once(child)}
