"""Notebooks as files: read whatever they hold, and see which modules their lines import."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from blogkit.errors import NotebookError


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as JSON: sources as single strings, metadata and tags as what they should be, whatever the file says.

    Raises NotebookError when it is missing or no notebook.
    """
    import json

    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        hint = "`notebook:` in sweep.yml says which notebook is one run."
        raise NotebookError("There is no such notebook.", hint=hint, path=path) from None
    except (OSError, ValueError, RecursionError) as error:
        hint = "Open it in Jupyter and save it again; a merge conflict left in the file does this too."
        raise NotebookError(f"is not a notebook: {error}.", hint=hint, path=path) from error
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NotebookError("is not a notebook of format 4.", hint="Save it again with a newer Jupyter.", path=path)
    for cell in cells:
        source = cell.get("source", "")
        cell["source"] = "".join(map(str, source)) if isinstance(source, list) else str(source)
        cell["metadata"] = _mapping(cell.get("metadata"))
        tags = cell["metadata"].get("tags")
        cell["metadata"]["tags"] = [str(tag) for tag in tags] if isinstance(tags, list) else []
    metadata = _mapping(document.get("metadata"))
    described = {name: _mapping(metadata.get(name)) for name in ("kernelspec", "language_info")}
    return {**document, "metadata": {**metadata, **described}}


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def code_cells(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The sources of a notebook's code cells, in order."""
    return tuple(cell["source"] for cell in document["cells"] if cell.get("cell_type") == "code")


def imported_modules(document: Mapping[str, Any], *, ahead: bool = False) -> tuple[str, ...]:
    """Every module that a Python notebook's own lines import, by its full name, each once, in order.

    With ``ahead`` only those that may be imported before the notebook runs: up to the first line that sets a variable
    of the environment, since a library imported after it may read that variable as it is imported.
    """
    return _modules_of(code_cells(document), ahead)


@lru_cache(maxsize=64)
def _modules_of(sources: tuple[str, ...], ahead: bool) -> tuple[str, ...]:
    """As ``imported_modules``; all runs of a sweep ask it of the same cells."""
    names: dict[str, None] = {}
    for source in sources:
        lines = source.splitlines()
        plain = "\n".join("" if line.lstrip().startswith(("%", "!", "?")) else line for line in lines)
        try:
            tree = ast.parse(plain)
        except (SyntaxError, ValueError):
            continue
        setting = [number for number, line in enumerate(lines, start=1) if _SETS_VARIABLE.match(line)]
        setting += [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and _sets_variable(node)]
        last = min(setting, default=None) if ahead else None
        for node in ast.walk(tree):
            if last is not None and getattr(node, "lineno", 0) > last:
                continue
            if isinstance(node, ast.Import):
                names.update((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names[node.module] = None
        if last is not None:
            break
    return tuple(names)


_SETS_VARIABLE = re.compile(r"\s*%{1,2}(?:set_env|env)\s+\S+[\s=]")
"""The magic that sets a variable of the environment; without a value it shows one."""


def _sets_variable(node: ast.expr) -> bool:
    """Whether an expression changes a variable of the environment."""
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load) and _name(node.value) == "environ"
    if not isinstance(node, ast.Call):
        return False
    if _name(node.func) in {"putenv", "unsetenv"}:
        return True
    changes = isinstance(node.func, ast.Attribute) and node.func.attr in {"update", "setdefault", "pop", "clear"}
    return changes and isinstance(node.func, ast.Attribute) and _name(node.func.value) == "environ"


def _name(node: ast.expr) -> str:
    """The last word of ``os.environ`` or ``environ``."""
    return str(getattr(node, "attr", getattr(node, "id", "")))
