"""The workflow that `init --ci github` writes does its work: each of its steps is run here, as a runner would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml

from blogkit.errors import ProjectError
from blogkit.new import add_workflow, init_site
from blogkit.tools.chromium import can_browse
from tests.check.sites import FRONT
from tests.files import write_tree

REPOSITORY = Path(__file__).resolve().parents[2]


def workflow(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / ".github/workflows/site.yml").read_text())
    return loaded


def commands(root: Path, job: str) -> dict[str, str]:
    return {step["name"]: step["run"] for step in workflow(root)["jobs"][job]["steps"] if "run" in step}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = init_site(tmp_path / "site")
    add_workflow(made, "github", install=f"git+https://code.example.edu/course/blogkit@{'0123456789' * 4}")
    return made


def test_actions_are_pinned_to_commits_and_jobs_may_do_no_more_than_they_need(root: Path) -> None:
    text = (root / ".github/workflows/site.yml").read_text()
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses and all(re.fullmatch(r"[\w.\-]+/[\w.\-]+@[0-9a-f]{40}", name) for name, _ in uses)
    assert all(re.fullmatch(r" # v\d+\.\d+\.\d+", comment) for _, comment in uses)
    loaded = workflow(root)
    assert loaded["permissions"] == {"contents": "read"}
    assert "permissions" not in loaded["jobs"]["check"]
    assert loaded["jobs"]["publish"]["permissions"] == {"contents": "write"}
    assert all(job["timeout-minutes"] <= 15 for job in loaded["jobs"].values())
    assert "${{" not in "".join([*commands(root, "check").values(), *commands(root, "publish").values()])


@pytest.mark.parametrize(
    ("install", "refused"),
    [
        ("", True),
        ("blogkit[browser]==0.1.0", True),
        ("blogkit @ git+https://code.example.edu/blogkit@main", True),
        ("blogkit @ git+https://code.example.edu/blogkit@0123456", True),
        ("blogkit @ https://code.example.edu/blogkit.whl", True),
        (f"other @ git+https://code.example.edu/blogkit@{'0123456789' * 4}", True),
        (f"blogkit @ https://code.example.edu/blogkit-1-py3-none-any.whl#sha256={'ab' * 32}", False),
        (f"blogkit[browser] @ git+https://code.example.edu/blogkit@{'0123456789' * 4}", False),
    ],
)
def test_the_workflow_refuses_to_install_what_could_be_taken_over(root: Path, install: str, refused: bool) -> None:
    for job in ("check", "publish"):
        command = commands(root, job)["Know what is installed"]
        done = subprocess.run(
            ["bash", "-e", "-c", command], env={**os.environ, "BLOGKIT": install}, capture_output=True, text=True
        )
        assert (done.returncode, "::error file=" in done.stdout) == ((1, True) if refused else (0, False))


@pytest.mark.parametrize("install", ["blogkit==1", "git+https://host/x@main", "https://host/x.whl", 'git+https://h/"@'])
def test_an_install_that_pins_nothing_is_refused_before_anything_is_written(tmp_path: Path, install: str) -> None:
    made = init_site(tmp_path / "site")
    with pytest.raises(ProjectError, match="does not say exactly what is installed"):
        add_workflow(made, "github", install=install)
    assert not (made / ".github").exists()


def test_without_an_install_the_workflow_is_written_and_says_what_is_missing(tmp_path: Path) -> None:
    made = init_site(tmp_path / "site")
    add_workflow(made, "github")
    assert workflow(made)["env"]["BLOGKIT"] == ""


def test_a_workflow_that_is_there_stays(root: Path) -> None:
    path = root / ".github/workflows/site.yml"
    path.write_text("mine")
    with pytest.raises(ProjectError, match="is there already"):
        add_workflow(root, "github")
    assert path.read_text() == "mine"


@pytest.mark.slow
def test_every_step_of_the_workflow_runs(root: Path, tmp_path: Path) -> None:
    write_tree(
        root,
        {
            "projects/width/index.qmd": f"---\n{FRONT}---\n\n## Introduction\n\nWidth is one thing [@belkin2019].\n",
            "projects/width/references.bib": "@book{belkin2019, title = {A}, author = {Belkin, M.}, year = 2019}\n",
        },
    )
    environment = runner(tmp_path, root)
    git(environment, tmp_path, "init", "-q", "--bare", "remote.git")
    git(environment, root, "init", "-q", "-b", "main")
    git(environment, root, "add", ".")
    git(environment, root, "-c", "user.name=Ada", "-c", "user.email=ada@host.edu", "commit", "-q", "-m", "Sources")
    git(environment, root, "remote", "add", "origin", str(tmp_path / "remote.git"))
    for job in ("check", "publish"):
        for name, command in commands(root, job).items():
            if job == "publish" and name == "Install":
                continue  # the same machine has it already
            shown = command if can_browse() else command.replace(" --browser", "")
            own = workflow(root)["env"] if name == "Know what is installed" else {}
            done = subprocess.run(
                ["bash", "-e", "-c", shown],
                cwd=root,
                env={**environment, **own},
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, f"{job}: {name}\n{done.stdout}\n{done.stderr}"
            if name == "Check":
                assert "::warning file=projects/width/index.qmd" in done.stdout
    files = git(environment, tmp_path / "remote.git", "ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert {".nojekyll", "index.html", "projects/width/index.html"} <= set(files)


def runner(tmp_path: Path, root: Path) -> dict[str, str]:
    """An environment as on a runner: a Python of its own, which finds this machine's packages in place of an index."""
    venv.create(tmp_path / "python", with_pip=True, symlinks=True)
    packages = next((tmp_path / "python" / "lib").glob("python*/site-packages"))
    shared = [path for path in sys.path if path.endswith("site-packages")] or [sysconfig.get_paths()["purelib"]]
    (packages / "shared.pth").write_text("\n".join(shared) + "\n")
    wanted = workflow(root)["env"]["BLOGKIT"]
    assert re.fullmatch(r"blogkit\[browser\] @ git\+https://\S+@[0-9a-f]{40}", wanted)
    return {
        **{
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "VIRTUAL_ENV", "GIT_AUTHOR"))
        },
        "PATH": f"{tmp_path / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "BLOGKIT": str(REPOSITORY),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this option the other way round: no isolation
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def git(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_adds_the_workflow_to_a_new_site_and_to_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blogkit.cli import main

    for folder in (tmp_path / "new", init_site(tmp_path / "old")):
        monkeypatch.setattr(sys, "argv", ["blogkit", "init", str(folder), "--ci", "github"])
        try:
            main()
        except SystemExit as end:
            assert not end.code
        assert workflow(folder)["name"] == "Site"
