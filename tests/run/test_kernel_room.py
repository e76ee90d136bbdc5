"""What runs in a notebook's process needs nothing of the rest of blogkit, and nothing that blogkit has installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blogkit.kernel import STARTUP, facts
from blogkit.kernel.after_import import after_import

ROOT = Path(__file__).parents[2]
BLOCK = """
import sys
ALLOWED = {"blogkit", "blogkit.record", "blogkit.kernel"}
class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        mine = top == "blogkit" and not (name in ALLOWED or name.startswith("blogkit.kernel."))
        if mine or top in %r:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""
HEAVY = {
    "altair", "jinja2", "lxml", "matplotlib", "nbclient", "nbformat", "numpy", "orjson", "pandas", "papermill",
    "pydantic", "rich", "torch", "typer", "yaml",
}  # fmt: skip
KERNELS_OWN = {"batch", "server", "fork"}
"""Modules that make an IPython kernel, and so import one."""


def alone(code: str, blocked: set[str], **env: str) -> str:
    """What code prints in a process where the rest of blogkit and the blocked packages cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCK % (blocked,) + code], capture_output=True, text=True, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules() -> list[str]:
    return sorted(path.stem for path in (ROOT / "blogkit" / "kernel").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", modules())
def test_each_module_of_the_room_is_importable_without_the_rest_and_leaves_torch_alone(name: str) -> None:
    blocked = HEAVY if name in KERNELS_OWN else HEAVY | {"IPython", "ipykernel", "jupyter_client", "traitlets", "zmq"}
    if name == "startup":
        code = f"exec(compile(open({str(STARTUP)!r}).read(), {str(STARTUP)!r}, 'exec'))"
    else:
        code = f"import blogkit.kernel.{name}"
    assert alone(f"{code}\nprint('torch' in sys.modules)", blocked) == "False\n"


def test_record_writes_what_it_is_given_with_the_standard_library_alone(tmp_path: Path) -> None:
    code = """
from blogkit import record
class Frame:
    columns = ["a"]
    def itertuples(self, index=True, name=None):
        return iter([(1.5,)])
class Figure:
    def savefig(self, stream, **how):
        stream.write(b"<svg/>")
record.metric("error", 0.5, step=1)
record.value("best", 3, error=0.1)
record.table("t", Frame(), caption="Words")
record.chart("figure", Figure())
record.chart("spec", {"mark": "line"})
"""
    alone(code, HEAVY, BLOGKIT_RUN_FOLDER=str(tmp_path))
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"metric": "error", "value": 0.5, "step": 1}
    assert json.loads((tmp_path / "values.jsonl").read_text())["number"] == 3
    assert "| 1.5 |" in (tmp_path / "tables" / "t.md").read_text()
    assert (tmp_path / "charts" / "figure.svg").read_text() == "<svg/>"
    assert json.loads((tmp_path / "charts" / "spec.vl.json").read_text()) == {"mark": "line"}


def test_a_kernel_of_an_environment_without_blogkit_is_given_record_by_the_startup(tmp_path: Path) -> None:
    code = (
        f"exec(compile(open({str(STARTUP)!r}).read(), {str(STARTUP)!r}, 'exec'), {{'__file__': {str(STARTUP)!r}}})\n"
        "from blogkit import record\nrecord.metric('error', 1)"
    )
    isolated = [sys.executable, "-I", "-S", "-c", code]
    env = {"PATH": os.environ["PATH"], "BLOGKIT_RUN_FOLDER": str(tmp_path)}
    done = subprocess.run(isolated, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["value"] == 1


def test_a_module_is_waited_for_and_imported_as_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "late_module.py").write_text("VALUE = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    heard: list[int] = []
    finders = len(sys.meta_path)
    after_import("late_module", lambda module: heard.append(module.VALUE))
    assert heard == []
    module = __import__("late_module")
    assert heard == [3] and getattr(module.__spec__, "name", "") == "late_module" and len(sys.meta_path) == finders
    after_import("late_module", lambda module: heard.append(module.VALUE + 1))
    assert heard == [3, 4]
    del sys.modules["late_module"]


def test_facts_name_the_versions_of_what_the_notebook_imported_and_used() -> None:
    reported = json.loads(facts.tell_facts(["pytest", "json", "not_there"], {"np": __import__("numpy"), "_x": json}))
    assert set(reported["versions"]) == {"pytest", "numpy"} and reported["versions"]["pytest"] == pytest.__version__
    assert reported["memory_mb"] > 10


def test_facts_are_reported_on_a_system_that_counts_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = None

    def refuse(*arguments: Any, **named: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setitem(sys.modules, "resource", missing)  # as on Windows
    monkeypatch.setattr("builtins.open", refuse)
    reported = json.loads(facts.tell_facts(["pytest"], {}))
    assert "memory_mb" not in reported and reported["versions"] == {"pytest": pytest.__version__}
