"""What a process has imported beside what its kernel itself needs, and which files it has opened to read.

Names alone are kept: looking at the modules themselves would copy the memory that forks of a warm start share.
"""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import Any

_KERNELS_OWN = frozenset(
    (
        "IPython", "_distutils_hack", "_pydevd_bundle", "appnope", "asttokens", "backcall", "blogkit", "colorama",
        "comm", "dateutil", "debugpy", "decorator", "executing", "ipykernel", "ipython_pygments_lexers", "jedi",
        "jupyter_client", "jupyter_core", "matplotlib_inline", "nest_asyncio", "packaging", "parso", "pexpect",
        "pickleshare", "platformdirs", "prompt_toolkit", "psutil", "ptyprocess", "pure_eval", "pydevd", "pygments",
        "setuptools", "six", "stack_data", "tornado", "traitlets", "typing_extensions", "wcwidth", "win32api", "zmq",
    )
)  # fmt: skip
"""What an IPython kernel brings along; a notebook that imports one of them names it."""
_MOST_FILES = 2000
_SLACK = 20
"""Modules that may have been taken out of the list again since it was counted."""
_NO_DATA = (".py", ".pyc", ".pyi", ".so", ".pyd", ".ipynb", ".pth", ".egg-link", ".ttf", ".mplstyle")

_before: set[str] = set()
_found: dict[str, None] = {}
_counted = 0
_opened: dict[str, None] = {}


def begin_imports() -> None:
    """What is imported by now is the kernel's own. Counts once: a fork keeps what was said before it."""
    global _counted
    if not _before:
        _before.update(_top_names(sys.modules))
        _counted = len(sys.modules)


def note_imports() -> None:
    """Remembers what was imported since; looks at the new names only."""
    global _counted
    new = list(islice(reversed(sys.modules), max(0, len(sys.modules) - _counted) + _SLACK))
    _counted = len(sys.modules)
    _found.update(dict.fromkeys(sorted(_top_names(new) - _before - _KERNELS_OWN)))


def pass_over_imports() -> None:
    """Takes what was imported since for nobody's wish, such as what a warm start imports ahead."""
    global _counted
    _counted = len(sys.modules) + _SLACK


def imported_names() -> list[str]:
    """The top-level names of all that was imported, beside the kernel's own."""
    if _before:
        note_imports()
    return list(_found)


def watch_reads() -> None:
    """Remembers which files are opened to be read, from now on."""
    sys.addaudithook(_note_opened_file)


def read_files() -> list[str]:
    """The files that were opened to be read, in their order."""
    return list(_opened)


def _note_opened_file(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and len(_opened) < _MOST_FILES:
        path, mode = arguments[0], arguments[1]
        if isinstance(path, str) and (mode is None or "r" in str(mode)) and not path.endswith(_NO_DATA):
            _opened[os.path.abspath(path)] = None


def _top_names(names: Any) -> set[str]:
    return {name.partition(".")[0] for name in names}
