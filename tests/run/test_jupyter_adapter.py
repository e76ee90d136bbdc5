"""The canary: each private name of the Jupyter packages is there and used; without one, plain Papermill takes over."""

from __future__ import annotations

import ast
import functools
import inspect
import json
import re
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.errors import NotebookError
from blogkit.model import RunStatus
from blogkit.run.execute import RunEvent, UserNote, execute_runs
from blogkit.run.plan import plan_runs
from blogkit.store import RunPaths
from blogkit.tools import jupyter_adapter
from blogkit.tools.execution import NotebookOutcome
from blogkit.tools.jupyter_adapter import PRIVATE_NAMES
from blogkit.tools.papermill import execute_notebook, lacking_names, load_engine
from tests.files import notebook, write_project

ROOT = Path(__file__).parents[2]
NAMES = [pytest.param(owner, name, id=f"{owner.__name__}.{name}") for owner, name in PRIVATE_NAMES]
PARAMETERS = {
    "_async_wait_for_ready": ["self", "timeout"],
    "_async_is_alive": ["self"],
    "_handle_kernel_info_reply": ["self", "msg"],
    "_async_finish_shutdown": ["self", "waittime", "pollinterval", "restart"],
    "_async_request_shutdown": ["self", "restart"],
    "_async_kill_kernel": ["self", "restart"],
    "_async_cleanup_resources": ["self", "restart"],
    "_async_poll_for_reply": ["self", "msg_id", "cell", "timeout", "task_poll_output_msg", "task_poll_kernel_alive"],
    "_async_poll_kernel_alive": ["self"],
    "_async_check_alive": ["self"],
    "_update_display_id": ["self", "display_id", "msg"],
}


def execute(folder: Path, *cells: Any, parameters: dict[str, Any] | None = None, **how: Any) -> NotebookOutcome:
    source = folder / "source.ipynb"
    source.write_text(notebook(*cells))
    return execute_notebook(source, folder / "out.ipynb", parameters or {}, cwd=folder, log=folder / "log.txt", **how)


@pytest.mark.parametrize(("owner", "name"), NAMES)
def test_each_private_name_is_there_and_takes_what_it_is_given(owner: type, name: str) -> None:
    assert hasattr(owner, name), f"{owner.__name__}.{name} is gone: tools/jupyter_adapter.py uses it"
    if name not in PARAMETERS:
        return
    taken = list(inspect.signature(inspect.unwrap(getattr(owner, name))).parameters)
    assert taken == PARAMETERS[name]


def test_no_other_module_uses_a_private_name_of_these_packages() -> None:
    names = {name for _, name in PRIVATE_NAMES}
    found = []
    for path in (ROOT / "blogkit").rglob("*.py"):
        used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        if path.name != "jupyter_adapter.py" and used & names:
            found.append((path.name, used & names))
    assert found == []


def test_every_private_name_that_the_adapter_uses_is_held_here() -> None:
    """A method of ours that the packages have too is theirs: a call of it, or an override."""
    source = (ROOT / "blogkit" / "tools" / "jupyter_adapter.py").read_text()
    classes = tuple({owner for owner, _ in PRIVATE_NAMES})
    used = {name for name in re.findall(r"\b_[a-z]\w+", source) if any(hasattr(owner, name) for owner in classes)}
    assert used - {name for _, name in PRIVATE_NAMES} == set()


@pytest.mark.parametrize("package", ["jupyter-client", "nbclient", "papermill", "ipykernel"])
def test_the_packages_are_capped(package: str) -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (line,) = [one for one in wanted if re.match(rf"{package}\b", one)]
    assert ",<" in line


@pytest.mark.slow
def test_each_private_name_does_its_work_in_an_execution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()
    functions = [(owner, name) for owner, name in PRIVATE_NAMES if name in PARAMETERS]
    for owner, name in functions:

        def heard(*arguments: Any, real: Any, name: str, **named: Any) -> Any:
            called.add(name)
            return real(*arguments, **named)

        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, functools.partialmethod(heard, real=real, name=name))
    show = "handle = display('before', display_id=True)\nhandle.update('after')\nimport time\ntime.sleep(0.5)"
    assert execute(tmp_path, show).done
    assert "'after'" in (tmp_path / "out.ipynb").read_text()
    assert execute(tmp_path, "import time\ntime.sleep(30)", time_limit=3).status is RunStatus.TIMED_OUT
    monkeypatch.setitem(jupyter_adapter.__dict__, "POLL", 0.001)  # too short for an answer: it asks whether it lives
    assert execute(tmp_path, "1").done
    overridden = {"_async_wait_for_ready", "_async_poll_kernel_alive"}  # ours stand in for them
    assert called >= {name for _, name in functions} - overridden


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation whose nbclient has dropped a name."""
    from nbclient.client import NotebookClient

    monkeypatch.delattr(NotebookClient, "_async_poll_for_reply")


def test_what_is_missing_is_named(bare: None) -> None:
    assert lacking_names() == "NotebookClient._async_poll_for_reply"
    assert "NotebookClient._async_poll_for_reply" in load_engine() and "pip install" in load_engine()


def test_an_adapter_that_cannot_be_imported_is_missing_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: Any = None
    monkeypatch.setitem(__import__("sys").modules, "blogkit.tools.jupyter_adapter", gone)
    monkeypatch.delattr("blogkit.tools.jupyter_adapter")
    assert "jupyter_adapter" in lacking_names()


@pytest.mark.slow
@pytest.mark.parametrize("dropped", ["_async_poll_for_reply", "_async_kill_kernel"])
def test_a_sweep_by_plain_papermill_has_the_same_results_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropped: str
) -> None:
    cells = (
        ("parameters", "x = 1\nseed = 0"),
        ("markdown", "Words."),
        "from blogkit import record\nimport random\nrandom.seed(seed)\nrecord.metric('m', x + random.random())\n"
        "open('own.txt', 'w').write(str(x))\nprint('printed', x)\nimport os; print(os.getcwd())",
        "assert x != 3, 'three is bad'",
    )
    folder = write_project(tmp_path, "grid: {x: [1, 2, 3]}", *cells)
    project = load_project(folder)
    planned = plan_runs(project)
    found: list[list[tuple[Any, ...]]] = []
    notes: list[str] = []

    def listen(event: RunEvent) -> None:
        notes.extend([event.text] if isinstance(event, UserNote) else [])

    for plain in (False, True):
        with monkeypatch.context() as patch:
            if plain:
                (owner,) = [owner for owner, name in PRIVATE_NAMES if name == dropped]
                patch.delattr(next(one for one in owner.__mro__ if dropped in vars(one)), dropped)
            results = execute_runs(project, planned, force=True, cold=True, on_event=listen)
        kept = [RunPaths(folder=result.folder) for result in results if result.folder]
        found.append(
            [
                (
                    one.status,
                    one.reason,
                    one.cell,
                    run.metrics.read_text(),
                    (run.files / "own.txt").read_text(),
                )
                for one, run in zip(results, kept, strict=True)
            ]
        )
        for run in kept:
            assert f"printed {json.loads(run.record.read_text())['parameters']['x']}\n{folder}\n" in run.log.read_text()
    assert found[0] == found[1]
    assert [line[0] for line in found[1]] == [RunStatus.DONE, RunStatus.DONE, RunStatus.FAILED]
    assert found[1][2][1:3] == ("AssertionError: three is bad", 4)
    assert len(notes) == 1 and dropped in notes[0]


@pytest.mark.slow
def test_plain_papermill_tells_a_time_limit_a_stop_and_a_dead_kernel_apart(tmp_path: Path, bare: None) -> None:
    wait = "import time\ntime.sleep(60)"
    limited = execute(tmp_path, wait, time_limit=4)
    assert (limited.status, limited.reason) == (RunStatus.TIMED_OUT, "stopped at its time limit of 4 s")
    stop = threading.Event()
    threading.Timer(3, stop.set).start()
    assert execute(tmp_path, wait, stop=stop).status is RunStatus.INTERRUPTED
    died = execute(tmp_path, "import os\nos.kill(os.getpid(), 9)")
    assert died.status is RunStatus.DIED and "kernel" in died.reason
    failed = execute(tmp_path, ("parameters", "x = 1"), "y", parameters={"x": 2})
    assert (failed.status, failed.cell) == (RunStatus.FAILED, 2) and failed.reason.startswith("NameError")
    assert "NameError" in failed.traceback
    (tmp_path / "source.ipynb").write_text("no notebook")
    with pytest.raises(NotebookError):
        execute_notebook(tmp_path / "source.ipynb", tmp_path / "out.ipynb", {}, cwd=tmp_path)
