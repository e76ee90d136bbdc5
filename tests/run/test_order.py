"""The slow beginnings of a sweep go on at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.errors import StoreError
from blogkit.run import execute
from blogkit.run.plan import plan_runs
from blogkit.tools.execution import ORDINARY, KernelStart
from tests.files import write_project


def test_papermill_is_imported_while_the_warm_process_imports_the_notebooks_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    @contextmanager
    def warm_start(*arguments: Any, **how: Any) -> Iterator[KernelStart]:
        order.append("warm process started")
        yield ORDINARY

    def load_engine() -> str:
        order.append("Papermill imported")
        raise StoreError("enough")

    monkeypatch.setattr(execute, "warm_start", warm_start)
    monkeypatch.setattr(execute, "load_engine", load_engine)
    project = load_project(write_project(tmp_path, "seeds: 2"))
    with pytest.raises(StoreError, match="enough"):
        execute.execute_runs(project, plan_runs(project))
    assert order == ["warm process started", "Papermill imported"]
