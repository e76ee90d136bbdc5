"""What a Python process that a run has started says at its end: which versions it imported, which files it read.

Python imports it as it starts, from a folder that only a run's children have on their path, in whatever environment. It
stands in front of another ``sitecustomize``, which it runs; nothing that goes wrong here may stop the process.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def _begin_noting(own: str) -> None:
    import atexit
    import importlib.util

    def load(name: str) -> Any:
        path = f"{own}/../{name}.py"
        spec = importlib.util.spec_from_file_location("_blogkit_" + name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    imports = load("imports")
    imports.begin_imports()
    imports.watch_reads()
    folder = os.environ["BLOGKIT_RUN_FOLDER"]

    def tell() -> None:
        try:
            import json

            found = json.loads(load("facts").tell_facts([], {}, imports.imported_names(), imports.read_files()))
            line = json.dumps({key: found[key] for key in ("python", "versions", "read") if key in found}) + "\n"
            place = os.open(f"{folder}/.children.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(place, line.encode("utf-8"))
            os.close(place)
        except BaseException:  # noqa: S110  # the process has done its work
            pass

    atexit.register(tell)


def _run_other(own: str) -> None:
    """The ``sitecustomize`` that this one stands in front of."""
    import importlib.util
    from importlib.machinery import PathFinder

    others = [path for path in sys.path if path != own]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_own = __file__.rpartition(os.sep)[0]
try:
    if os.environ.get("BLOGKIT_RUN_FOLDER"):
        _begin_noting(_own)
except BaseException:  # noqa: S110
    pass
_run_other(_own)
