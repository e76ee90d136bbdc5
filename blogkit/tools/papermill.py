"""Papermill: a notebook is given its parameters, run in a kernel of its own, and saved, whatever happens to it.

Papermill parameterises and keeps the books; the conversation with the kernel is in :mod:`blogkit.tools.jupyter`. What
differs from ``papermill.execute_notebook``: how a run ended is a value (a dead kernel and a time limit are told apart
from a cell that raised, which Papermill stores as a success); every save is whole (a file beside, then a rename); the
time limit is the run's, not each cell's; nothing global is touched, so that threads may run notebooks side by side.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.errors import NotebookError
from blogkit.model import Parameters, RunStatus
from blogkit.tools.altair import KERNEL_STARTUP

if TYPE_CHECKING:
    from threading import Event


@dataclass(frozen=True, kw_only=True)
class KernelStart:
    """How a kernel's process comes to be: by one of Jupyter's kernel provisioners, named as its entry point."""

    provisioner: str = "local-provisioner"
    config: Mapping[str, Any] = field(default_factory=dict)
    """What the provisioner is told, by trait."""
    batch: bool = True
    """Whether a new process of this Python is one without a debugger that leaves at once when it is done."""


ORDINARY = KernelStart()
"""A new Python process, but for what a batch run has no use for."""
PLAIN = KernelStart(batch=False)
"""A new Python process, exactly as Jupyter starts it."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an execution ended. What it left is in the output notebook, also when it did not succeed."""

    status: RunStatus
    seconds: float
    """Wall-clock time, from asking for a kernel until it was gone."""
    reason: str = ""
    """One line; empty when done."""
    cell: int | None = None
    """The cell it ended in, counted from 1 in the notebook that was given; None outside of a cell."""
    traceback: str = ""
    """Of the exception, without colours; empty when there is none."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the kernel said of itself at the end: ``python``, ``versions`` of the notebook's imports, ``cuda`` device
    names, ``memory_mb`` and ``gpu_memory_mb`` at their peaks. Empty where it could not be asked."""

    @property
    def done(self) -> bool:
        return self.status is RunStatus.DONE


def execute_notebook(
    source: Path,
    output: Path,
    parameters: Parameters,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    time_limit: float | None = None,
    log: Path | None = None,
    start: KernelStart = ORDINARY,
    stop: Event | None = None,
    on_cell: Callable[[int, int], None] | None = None,
    on_kernel: Callable[[int | None], None] | None = None,
) -> Outcome:
    """Runs a notebook with parameters, and saves it to ``output`` after every cell.

    ``env`` is added to this process's environment for the kernel, whose working directory is ``cwd``; Altair draws by
    blogkit's renderer. ``time_limit``
    is in seconds, for the whole run. What the kernel prints is added to ``log`` as it comes. Setting ``stop`` ends
    the run within a second, as interrupted. ``on_cell`` hears of each cell that begins (its number from 1, and how
    many there are), ``on_kernel`` the kernel's process id.

    Raises NotebookError when the notebook cannot be run at all, before anything is started; StoreError when the
    output cannot be written.
    """
    from blogkit.tools import jupyter

    notebook = jupyter.prepare(source, output, parameters)
    return jupyter.converse(
        notebook,
        jupyter.Surroundings(cwd=cwd, env={"PYTHONSTARTUP": str(KERNEL_STARTUP), **(env or {})}, log=log, start=start),
        output=output,
        time_limit=time_limit,
        stop=stop,
        on_cell=on_cell or (lambda number, total: None),
        on_kernel=on_kernel or (lambda pid: None),
    )


def load_engine() -> None:
    """Imports Papermill now, so that its import is not counted as part of the first run."""
    import blogkit.tools.jupyter  # noqa: F401


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
    except (OSError, ValueError) as error:
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
    names: dict[str, None] = {}
    for source in code_cells(document):
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
