"""A notebook's execution ends in a value that says how, and leaves a whole notebook whatever happens."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.clientwrap import PapermillNotebookClient

from blogkit.errors import NotebookError
from blogkit.model import RunStatus
from blogkit.notebook import imported_modules
from blogkit.tools import jupyter_adapter
from blogkit.tools.execution import NotebookOutcome
from blogkit.tools.papermill import execute_notebook
from tests.files import notebook

pytestmark = pytest.mark.slow
PARAMETERS = ("parameters", "x = 1\nseed = 0")


def execute(folder: Path, *cells: Any, parameters: dict[str, Any] | None = None, **how: Any) -> NotebookOutcome:
    source = folder / "source.ipynb"
    source.write_text(notebook(*cells))
    return execute_notebook(source, folder / "out.ipynb", parameters or {}, cwd=folder, log=folder / "log.txt", **how)


def executed(folder: Path) -> Any:
    document = nbformat.read(folder / "out.ipynb", as_version=4)
    nbformat.validate(document)
    return document


def statuses(folder: Path) -> list[str]:
    return [cell.metadata.papermill.status for cell in executed(folder).cells]


def test_parameters_reach_the_notebook_and_what_it_prints_is_kept(tmp_path: Path) -> None:
    outcome = execute(tmp_path, PARAMETERS, "print(x, seed, __import__('os').getcwd())", parameters={"x": 2.5})
    assert outcome.status is RunStatus.DONE, outcome
    assert outcome.reason == ""
    assert (tmp_path / "log.txt").read_text() == f"2.5 0 {tmp_path}\n"
    assert [cell.source for cell in executed(tmp_path).cells][1] == "# Parameters\nx = 2.5\n"
    assert statuses(tmp_path) == ["completed"] * 3
    assert outcome.facts["python"] and outcome.facts["memory_mb"] > 10


def test_a_failing_cell_is_reported_with_its_number_in_the_users_notebook(tmp_path: Path) -> None:
    cells = (PARAMETERS, ("markdown", "Words."), "y = {}['key']", "print('never')")
    outcome = execute(tmp_path, *cells, parameters={"x": 2})
    assert (outcome.status, outcome.cell, outcome.reason) == (RunStatus.FAILED, 3, "KeyError: 'key'")
    assert "y = {}['key']" in outcome.traceback and "\x1b" not in outcome.traceback
    assert "KeyError" in (tmp_path / "log.txt").read_text()
    assert statuses(tmp_path)[3:] == ["failed", "pending"]


def test_a_bare_assertion_is_reported_with_its_line(tmp_path: Path) -> None:
    assert execute(tmp_path, "x = 3\nassert x == 2").reason == "AssertionError: assert x == 2"


def test_a_dead_kernel_is_not_a_failing_cell(tmp_path: Path) -> None:
    outcome = execute(tmp_path, PARAMETERS, "import os, signal\nprint('here', flush=True)", "os.kill(os.getpid(), 9)")
    assert (outcome.status, outcome.cell) == (RunStatus.DIED, 3)
    assert "SIGKILL" in outcome.reason and "memory" in outcome.reason
    assert statuses(tmp_path)[2] == "failed"
    assert "here" in (tmp_path / "log.txt").read_text()


def test_a_crash_in_compiled_code_is_named(tmp_path: Path) -> None:
    outcome = execute(tmp_path, "import ctypes; ctypes.string_at(0)")
    assert outcome.status is RunStatus.DIED and "SIGSEGV" in outcome.reason


def test_the_time_limit_is_that_of_the_whole_run(tmp_path: Path) -> None:
    wait = "import time\ntime.sleep(1)"
    began = time.monotonic()
    outcome = execute(tmp_path, *[wait] * 8, time_limit=3)
    assert outcome.status is RunStatus.TIMED_OUT
    assert outcome.reason == "stopped at its time limit of 3 s"
    assert outcome.cell is not None and 2 <= outcome.cell <= 3
    assert time.monotonic() - began < 8 * 2 + 10
    assert statuses(tmp_path)[outcome.cell - 1] == "failed"


def test_a_run_that_is_no_longer_wanted_ends_within_a_second(tmp_path: Path) -> None:
    stop = threading.Event()
    stopped_at = 0.0

    def on_cell(number: int, cells: int) -> None:
        nonlocal stopped_at
        if number == 2:
            stopped_at = time.monotonic()
            stop.set()

    outcome = execute(tmp_path, "1", "import time\ntime.sleep(60)", stop=stop, on_cell=on_cell)
    assert outcome.status is RunStatus.INTERRUPTED
    assert time.monotonic() - stopped_at < 20


@pytest.mark.parametrize("ending", ["import sys; sys.exit()", "import sys; sys.exit(0)", "exit()"])
def test_a_notebook_may_end_itself(tmp_path: Path, ending: str) -> None:
    assert execute(tmp_path, "1", ending, "1").status is RunStatus.DONE


def test_sys_exit_with_a_status_is_a_failure(tmp_path: Path) -> None:
    outcome = execute(tmp_path, "import sys; sys.exit(3)")
    assert (outcome.status, outcome.reason) == (RunStatus.FAILED, "SystemExit: 3")


def test_a_cell_that_may_raise_does_not_end_the_run(tmp_path: Path) -> None:
    outcome = execute(tmp_path, ("raises-exception", "1/0"), "print('on')")
    assert outcome.status is RunStatus.DONE
    assert (tmp_path / "log.txt").read_text() == "on\n"


def test_exit_hooks_of_the_notebook_are_run(tmp_path: Path) -> None:
    hook = "import atexit, pathlib\natexit.register(lambda: pathlib.Path('bye').write_text('bye'))"
    assert execute(tmp_path, hook).done
    assert (tmp_path / "bye").read_text() == "bye"


def test_every_finished_cell_is_on_disk_while_the_next_one_runs(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def on_cell(number: int, cells: int) -> None:
        if number > 1:
            cells_now = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
            seen.append(["".join(output["text"]) for cell in cells_now for output in cell["outputs"]])

    assert execute(tmp_path, "print(1)", "print(2)", "print(3)", on_cell=on_cell).done
    assert seen == [["1\n"], ["1\n", "2\n"]]


def test_a_display_that_is_updated_later_is_saved_as_it_ends(tmp_path: Path) -> None:
    outcome = execute(tmp_path, "h = display('first', display_id=True)", "h.update('second')")
    assert outcome.done
    assert executed(tmp_path).cells[0].outputs[0].data["text/plain"] == "'second'"


def test_output_that_only_pythons_json_can_write_is_kept(tmp_path: Path) -> None:
    big = "from IPython.display import display\ndisplay({'application/json': {'n': 2**70}}, raw=True)"
    assert execute(tmp_path, big).done
    assert executed(tmp_path).cells[0].outputs[0].data["application/json"] == {"n": 2**70}


def test_a_run_that_prints_more_than_its_driver_takes_in_at_once_is_no_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbclient gives the output of a cell that has ended four seconds in all, and calls the cell timed out then."""
    take = PapermillNotebookClient.process_message

    def slowly(*arguments: Any, **named: Any) -> Any:
        time.sleep(0.2)
        return take(*arguments, **named)

    monkeypatch.setattr(PapermillNotebookClient, "process_message", slowly)
    monkeypatch.setattr(jupyter_adapter, "_SILENCE", 1.0)
    code = "import sys, time\nfor number in range(30):\n    print(number, flush=True)"
    assert execute(tmp_path, code).done
    assert (tmp_path / "log.txt").read_text().split() == [str(number) for number in range(30)]


def test_output_that_was_lost_on_its_way_is_said_and_loses_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = PapermillNotebookClient.process_message

    lost: list[Any] = []

    def forgetful(client: Any, message: Any, *rest: Any) -> Any:
        is_end = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
        if is_end and not lost:
            lost.append(message)
            return None
        return take(client, message, *rest)

    monkeypatch.setattr(PapermillNotebookClient, "process_message", forgetful)
    monkeypatch.setattr(jupyter_adapter, "_SILENCE", 0.5)
    assert execute(tmp_path, "print('one')", "print('two')").done
    assert (tmp_path / "log.txt").read_text().splitlines() == [
        "one",
        "",
        "(a part of this cell's output was lost)",
        "two",
    ]


def test_an_unknown_kernel_is_an_error_message_that_names_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "source.ipynb").write_text(notebook("1", kernel="conda-env-friend"))
    with pytest.raises(NotebookError, match=r"asks for the kernel 'conda-env-friend'(.|\n)*Installed are: .*python3"):
        execute_notebook(tmp_path / "source.ipynb", tmp_path / "out.ipynb", {}, cwd=tmp_path)
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [1]}'])
def test_a_damaged_notebook_is_an_error_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "source.ipynb").write_text(text)
    with pytest.raises(NotebookError, match="is not a notebook"):
        execute_notebook(tmp_path / "source.ipynb", tmp_path / "out.ipynb", {}, cwd=tmp_path)


def test_a_folder_with_braces_and_spaces_in_its_name_is_no_template(tmp_path: Path) -> None:
    folder = tmp_path / "a {b} é"
    folder.mkdir()
    assert execute(folder, PARAMETERS, "print(x)", parameters={"x": "{y}"}).done
    assert (folder / "log.txt").read_text() == "{y}\n"


def test_the_imports_of_a_notebook_are_read_from_its_lines() -> None:
    document = json.loads(notebook("%matplotlib inline\nimport torch.nn", "from PIL import Image\n!ls", "import ("))
    assert imported_modules(document) == ("torch.nn", "PIL")


@pytest.mark.parametrize(
    "line",
    [
        "os.environ['XLA_FLAGS'] = '1'",
        "os.environ.setdefault('XLA_FLAGS', '1')",
        "environ.update(XLA_FLAGS='1')",
        "if True:\n    os.putenv('XLA_FLAGS', '1')",
        "del os.environ['HOME']",
        "%env XLA_FLAGS=1",
        "%set_env XLA_FLAGS 1",
    ],
    ids=["item", "setdefault", "update", "putenv", "del", "env", "set_env"],
)
def test_what_follows_a_change_of_the_environment_is_not_imported_ahead(line: str) -> None:
    """Some libraries read variables as they are imported; a fork would have imported them before."""
    document = json.loads(notebook("import os, numpy", f"import torch\n{line}\nimport jax", "import flax"))
    assert imported_modules(document, ahead=True) == ("os", "numpy", "torch")
    assert imported_modules(document) == ("os", "numpy", "torch", "jax", "flax")


def test_reading_the_environment_hinders_no_import_ahead() -> None:
    document = json.loads(notebook("import os\nprint(os.environ['HOME'])\n%env\n%env HOME", "import torch"))
    assert imported_modules(document, ahead=True) == ("os", "torch")


def test_a_package_that_another_notebook_imports_is_among_the_versions(tmp_path: Path) -> None:
    (tmp_path / "learner.ipynb").write_text(notebook("from yaml import safe_load\nimport numpy.random as chance"))
    outcome = execute(tmp_path, "%run learner.ipynb", "import json")
    assert outcome.facts["versions"].keys() >= {"yaml", "numpy"} and "json" not in outcome.facts["versions"]
