"""The hosted workflow runs three systems and every Python that the package claims, and may do nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


def test_the_workflow_runs_each_system_with_each_python_that_is_claimed() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["fast"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = [one.rpartition(" ")[2] for one in project["classifiers"] if re.search(r":: 3\.\d+$", one)]
    assert matrix["python"] == claimed


def test_the_workflow_may_only_read_and_every_action_is_pinned() -> None:
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    used = re.findall(r"uses: (\S+)", text)
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one) for one in used)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert "pull_request_target" not in text and "secrets." not in text


SCRIPT = ROOT / ".ci/other-pythons"

needs_bash = pytest.mark.skipif(sys.platform == "win32", reason="continuous integration is a shell script")


def test_continuous_integration_tests_every_python_that_is_claimed() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = [one.rpartition(" ")[2] for one in project["classifiers"] if re.search(r":: 3\.\d+$", one)]
    assert f"set -- {' '.join(claimed)}\n" in script
    assert "\n.ci/other-pythons\n" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def find_pythons(home: Path, *versions: str) -> list[str]:
    environment = {**os.environ, "HOME": str(home), "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYENV_ROOT", None)
    done = subprocess.run(
        [SCRIPT, "--find", *versions], env=environment, capture_output=True, text=True, check=True, cwd=home
    )
    return done.stdout.splitlines()


def program(path: Path, code: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@needs_bash
def test_a_python_on_the_path_that_fails_is_passed_over_for_one_that_pyenv_installed(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.98", 127)
    good = program(tmp_path / ".pyenv" / "versions" / "3.98.1" / "bin" / "python", 0)
    assert find_pythons(tmp_path, "3.98") == [f"Python 3.98: {good}"]


@needs_bash
def test_a_python_that_is_not_there_is_skipped_with_the_reason(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.98", 127)
    (said,) = find_pythons(tmp_path, "3.98")
    assert said.startswith("Python 3.98: skipped, none is installed")
