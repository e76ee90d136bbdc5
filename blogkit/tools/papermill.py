"""Papermill: a notebook is given its parameters, run in a kernel of its own, and saved, whatever happens to it.

Papermill parameterises and keeps the books; the conversation with the kernel is in :mod:`blogkit.tools.jupyter`. What
differs from ``papermill.execute_notebook``: how a run ended is a value (a dead kernel and a time limit are kept apart
from a cell that raised, which Papermill stores as a success); every save is whole (a file beside, then a rename); the
time limit is the run's, not each cell's; nothing global is touched, so that threads may run notebooks side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from blogkit.kernel import STARTUP
from blogkit.model import Parameters
from blogkit.notebook import read_notebook
from blogkit.tools.execution import ORDINARY, NotebookOutcome

if TYPE_CHECKING:
    from threading import Event

    from blogkit.tools.execution import KernelStart


def execute_notebook(
    source: Path,
    output: Path,
    parameters: Parameters,
    *,
    cwd: Path,
    stands_for: Path | None = None,
    env: Mapping[str, str] | None = None,
    time_limit: float | None = None,
    log: Path | None = None,
    start: KernelStart = ORDINARY,
    stop: Event | None = None,
    on_cell: Callable[[int, int], None] | None = None,
    on_kernel: Callable[[int | None], None] | None = None,
) -> NotebookOutcome:
    """Runs a notebook with parameters, and saves it to ``output`` after every cell.

    ``env`` is added to this process's environment for the kernel, whose working directory is ``cwd``; Altair draws by
    blogkit's renderer. Where ``cwd`` is there for this run only, outputs that name it name the folder that it
    ``stands_for`` instead. ``time_limit`` is in seconds, for the whole run. What the kernel prints is added to ``log``
    as it comes. Setting ``stop`` ends the run within a second, as interrupted. ``on_cell`` hears of each cell that
    begins (its number from 1, and how many there are), ``on_kernel`` the kernel's process id.

    Raises NotebookError when the notebook cannot be run at all, before anything is started; StoreError when the
    output cannot be written.
    """
    environment = {"PYTHONSTARTUP": str(STARTUP), **(env or {})}
    if lacking_names():
        from blogkit.tools.plain_papermill import execute_plainly

        read_notebook(source)
        return execute_plainly(
            source,
            output,
            parameters,
            cwd=cwd,
            stands_for=stands_for,
            env=environment,
            time_limit=time_limit,
            log=log,
            stop=stop,
            on_kernel=on_kernel or (lambda pid: None),
        )
    from blogkit.tools import jupyter
    from blogkit.tools.jupyter_adapter import Surroundings

    return jupyter.converse(
        jupyter.prepare(source, output, parameters),
        Surroundings(cwd=cwd, stands_for=stands_for, env=environment, log=log, start=start),
        output=output,
        time_limit=time_limit,
        stop=stop,
        on_cell=on_cell or (lambda number, total: None),
        on_kernel=on_kernel or (lambda pid: None),
    )


def load_engine() -> str:
    """Imports Papermill now, so that its import is no part of the first run. Gives what the user should know, once."""
    lacking = lacking_names()
    if not lacking:
        from blogkit.tools import jupyter

        jupyter.warm_up()
        return ""
    return (
        f"notebooks are run by Papermill alone, which is slower: the installed Jupyter packages lack {lacking}. "
        "`pip install --upgrade blogkit` brings versions that work together"
    )


def lacking_names() -> str:
    """What the conversation with a kernel builds on and the installed packages do not have; nothing as a rule."""
    try:
        from blogkit.tools import jupyter_adapter
    except (ImportError, AttributeError) as error:
        return str(error)
    return ", ".join(jupyter_adapter.missing_names())
