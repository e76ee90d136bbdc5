"""The doctor says what each command still needs, reports without names, and fixes what is safe; starters are listed."""

from __future__ import annotations

import getpass
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from blogkit import doctor
from blogkit.cli import app, projects  # noqa: F401  # adds its verbs to the app
from blogkit.config import load_project
from blogkit.doctor import Examination, Health, examine, fix_site, report_text
from blogkit.new import starter_lines, starters
from blogkit.run.execute import recover
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, new_work_folder
from tests.files import write_project

ROOT = Path(__file__).parents[1]


def without_packages(monkeypatch: pytest.MonkeyPatch, *names: str, **other: str) -> None:
    """As if these packages were not installed, or in another version."""
    real = metadata.version

    def version(name: str) -> str:
        if name in names:
            raise metadata.PackageNotFoundError(name)
        return other.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)


class NoGpu:
    """A machine without a GPU."""

    def devices(self) -> tuple[object, ...]:
        return ()


def says_of(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in examine(folder):
        found.setdefault(one.name.strip(), []).append(f"{one.state}: {one.says}")
    return found


def test_it_names_what_each_command_needs_and_the_extra_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_packages(monkeypatch, "playwright", "starlette", "submitit")
    found = says_of(tmp_path)
    assert any(
        "`check --browser` needs playwright: pip install 'blogkit[browser]'" in text for text in found["[browser]"]
    )
    assert "`review serve` needs starlette" in found["[review]"][0] and "blogkit[review]" in found["[review]"][0]
    assert found["[slurm]"][0].startswith("not here: `run --on` a Slurm cluster needs submitit")


def test_a_package_below_the_declared_version_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_packages(monkeypatch, altair="5.5.0")
    assert says_of(tmp_path)["altair"] == [
        "missing: blogkit needs >=6, and 5.5.0 is installed: pip install 'altair>=6'"
    ]


def test_a_build_with_cuda_is_reported_before_it_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blogkit.tools.gpu.find_meter", lambda: NoGpu())
    without_packages(monkeypatch, "torch")
    (said,) = says_of(tmp_path)["torch"]
    assert doctor.TORCH_FOR_CPU in said and "plain `pip install torch` takes CUDA on Linux, 2 to 3 GB" in said
    without_packages(monkeypatch, torch="2.9.0+cu128")
    monkeypatch.setattr(metadata, "requires", lambda name: [])  # of a torch that need not be there
    (said,) = says_of(tmp_path)["torch"]
    assert "a build with CUDA, and no GPU is here" in said
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert doctor.TORCH_FOR_CPU in readme


def test_a_report_holds_no_names_and_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "ada-lovelace"
    folder = write_project(home / "course", "seeds: 1\n", name="my-secret-topic").parents[1]
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(getpass, "getuser", lambda: "ada-lovelace")
    found = [
        *examine(folder),
        Examination(name="Chromium", state=Health.GOOD, says=f"{home}/bin/chromium"),
        Examination(name="  my-secret-topic", state=Health.BAD, says=f"{folder}/projects/my-secret-topic/x: no"),
    ]
    report = report_text(found, folder)
    assert "Python" in report and "system: " in report
    assert "Chromium: ok: ~/bin/chromium" in report and "project 1: missing: SITE/projects/project 1/x: no" in report
    for word in ("ada-lovelace", "secret", str(tmp_path)):
        assert word not in report


def test_it_fixes_what_git_should_ignore_and_what_killed_runs_left(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 1\n")
    project = load_project(folder)
    (run,) = plan_runs(project)
    left = new_work_folder(ProjectPaths.of(project), run.id)
    (left.folder / "notebook.ipynb").write_text("{}")
    (tmp_path / ".gitignore").write_text("mine\n/_site/\n")
    said = fix_site(tmp_path, clear=lambda one: recover(ProjectPaths.of(one)))
    assert said[:2] == [
        "fixed: .gitignore names .blogkit/, projects/*/runs/ now, which blogkit makes again.",
        "fixed: p: what 1 killed runs had left is cleared away.",
    ]
    assert (tmp_path / ".gitignore").read_text() == "mine\n/_site/\n.blogkit/\nprojects/*/runs/\n"
    assert not left.folder.exists()
    assert not any("fixed" in one for one in fix_site(tmp_path, clear=lambda one: recover(ProjectPaths.of(one))))


def test_starters_are_listed_with_a_line_each_by_option_help_and_error_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, "seeds: 1\n")
    monkeypatch.chdir(tmp_path)
    lines = starter_lines(ROOT / "template")
    assert next(iter(lines)) == "blank" and sorted(lines) == starters(ROOT / "template")
    assert all(len(line) > 20 for line in lines.values())
    for words in (["new", "--list"], ["new", "--help"]):
        said = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
        assert said.exit_code == 0
        for name, line in lines.items():
            assert any(name in row and line in row for row in said.stdout.splitlines()), name
    done = CliRunner().invoke(app, ["new", "p2", "--starter", "unheard-of"])
    assert all(line in str(done.exception) for line in lines.values())
    assert sys.modules["blogkit.new"] and not (tmp_path / "projects" / "p2").exists()
