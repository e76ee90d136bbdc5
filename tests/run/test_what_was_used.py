"""A run says which versions it imported and which data it read, in its kernel and in the scripts that it started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from blogkit.cli import app
from blogkit.cli import runs as runs_verbs  # noqa: F401  # adds its verbs to the app
from blogkit.config import load_project
from blogkit.coverage import Coverage
from blogkit.gather import gather
from blogkit.gather.provenance import compute_statement, mixed_versions
from blogkit.kernel import STARTUP
from blogkit.render.finish.origin import _origin_lines
from blogkit.run.execute import execute_runs
from blogkit.run.plan import plan_runs
from blogkit.run.status import _is_same_version, version_changes
from blogkit.store import ProjectPaths, RunPaths, read_json
from tests.files import write_project
from tests.gather.stores import store_runs

CELLS = (
    ("parameters", "lr = 0.1\nseed = 0"),
    "import json, subprocess, sys\nimport pandas\nopen('../../shared.csv').read()",
    "open('own.csv', 'w').write('1')\nopen('own.csv').read()\nopen('data.csv').read()",
    "!{sys.executable} train.py",
)
SCRIPT = "import yaml, helper\nopen('by_script.csv').read()\n"


@pytest.mark.slow
@pytest.mark.parametrize("cold", [True, False])
def test_versions_and_data_of_a_kernel_and_its_scripts_are_in_the_run(tmp_path: Path, cold: bool) -> None:
    folder = write_project(
        tmp_path, "grid: {lr: [0.1, 0.2]}\n", *CELLS, **{"train.py": SCRIPT, "helper.py": "__version__ = '9'\n"}
    )
    (tmp_path / "shared.csv").write_text("a")
    for name in ("data.csv", "by_script.csv"):
        (folder / name).write_text("a")
    project = load_project(folder)
    runs = plan_runs(project)
    (one, _) = execute_runs(project, runs, workers=1, cold=cold)
    assert one.reason == "" and one.folder is not None
    record = read_json(RunPaths(folder=one.folder).record)
    assert record["versions"]["yaml"] == version("pyyaml"), "imported by the script alone"
    assert record["versions"]["numpy"] == version("numpy"), "imported by pandas alone"
    assert not {"IPython", "zmq", "tornado", "helper", "psutil"} & record["versions"].keys()
    assert sorted(record["read"]) == ["../../shared.csv", "by_script.csv", "data.csv"]
    assert not (one.folder / ".children.jsonl").exists()
    gather(project, runs)
    statement = ProjectPaths.of(project).compute.read_text()
    assert (
        "data that they did not make, and whose cost is not counted here: `../../shared.csv`, `by_script" in statement
    )


def test_a_child_process_runs_the_sitecustomize_that_it_would_have_run(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('the other one')\n")
    children = STARTUP.parent / "children"
    env = {**os.environ, "PYTHONPATH": f"{children}{os.pathsep}{tmp_path}", "BLOGKIT_RUN_FOLDER": str(tmp_path)}
    code = "import yaml, sys; print(sys.modules['sitecustomize'].__file__)"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["the other one", str(tmp_path / "sitecustomize.py")] and not done.stderr
    assert json.loads((tmp_path / ".children.jsonl").read_text())["versions"]["yaml"] == version("pyyaml")


def test_a_child_process_outside_a_run_writes_nothing(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "BLOGKIT_RUN_FOLDER"}
    env["PYTHONPATH"] = str(STARTUP.parent / "children")
    subprocess.run([sys.executable, "-c", "import yaml"], env=env, cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_of_mixed_versions_says_so_in_the_statement_and_beside_its_figures() -> None:
    runs = [
        {"id": str(number), "seconds": 1, "versions": {"python": "3.11.7", "torch": torch, "numpy": numpy}}
        for number, (torch, numpy) in enumerate([("2.12", "2.1"), ("2.13", "2.1"), ("2.13", "2.2")])
    ]
    said = compute_statement(runs, Coverage(planned=3))
    assert "Software: Python 3.11.7; PyTorch 2.12 (1 run) and 2.13 (2 runs)." in said
    assert "Not all runs are of the same versions: numpy 2.1 (2 runs) and 2.2 (1 run)." in said
    assert mixed_versions(runs[1:2]) == []
    lines = list(_origin_lines({"mixed": mixed_versions(runs), "read": ["data.csv"]}))
    assert lines == [
        "From data that these runs did not make: data.csv",
        "Not all of one version: numpy 2.1 (2 runs) and 2.2 (1 run); PyTorch 2.12 (1 run) and 2.13 (2 runs)",
    ]


def test_many_files_that_runs_read_are_reported_by_their_folder() -> None:
    runs = [
        {"id": "a", "seconds": 1, "read": {f"../../runs/lr{n}/metrics.csv": "0", f"data/{n}.csv": "0"}} for n in (1, 2)
    ]
    runs += [{"id": "b", "seconds": 1, "read": {f"data/{n}.csv": "0" for n in range(9)}}]
    assert "`../../runs/lr1/*.csv (1 files)`, `../../runs/lr2/*.csv (1 files)`, `data/*.csv (9 files)`" in (
        compute_statement(runs)
    )


def test_status_tells_what_was_upgraded_since_the_runs_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_project(tmp_path, "grid: {lr: [0.1, 0.2]}\n")
    project = load_project(folder)
    runs = plan_runs(project)
    store_runs(project, runs, versions={"pandas": "1.0.1", "numpy": version("numpy"), "own_module": "3"})
    (change,) = version_changes(project, runs)
    assert (change.module, change.before, change.now, change.runs) == ("pandas", "1.0.1", version("pandas"), 2)
    monkeypatch.chdir(folder)
    said = CliRunner().invoke(app, ["status"]).stdout
    assert f"pandas is {version('pandas')} now, and 2 runs were made with 1.0.1" in said


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("4.10.0", "4.10.0.84", True),
        ("2.9.0+cpu", "2.9.0", True),
        ("2.9.0", "2.9.1", False),
        ("2.8, 2.9", "2.9", True),
        ("2.1", "2.10", False),
    ],
)
def test_versions_agree_as_far_as_both_say(before: str, now: str, same: bool) -> None:
    assert _is_same_version(before, now) is same
