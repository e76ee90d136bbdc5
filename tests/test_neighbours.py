"""A site is many people's work: what is broken in one project stops no other, and is said with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from blogkit.cli import app, build, projects, publishing, reviews, runs, site  # noqa: F401  # each adds its verbs
from blogkit.config import load_project, open_site
from blogkit.errors import ConfigError
from blogkit.pipeline import check_projects, gather, plan
from blogkit.several import Several, SeveralErrors
from blogkit.store import RunPaths
from tests.files import EXPERIMENT, notebook, site_tree, write_tree

QUARTO = "project: {type: website}\nwebsite: {title: Posts}\nblogkit: {profile: plain}\n"
POST = "---\ntitle: Good\nauthor: Ada\n---\n\nWords.\n"

BREAKAGES: dict[str, tuple[dict[str, str], str]] = {
    "an unknown key": ({"sweep.yml": "seeds: 1\nnonsense: 2\n"}, "bad/sweep.yml:2"),
    "no YAML": ({"sweep.yml": "grid: [\n"}, "bad/sweep.yml:2"),
    "front matter": ({"index.qmd": "---\ntitle: [\n---\n\nWords.\n"}, "bad/index.qmd:"),
    "a notebook": ({"sweep.yml": "seeds: 1\n", "experiment.ipynb": "{ no JSON"}, "bad/experiment.ipynb"),
    "a post": ({"index.qmd": "---\ntitle: T\n---\n\n{{< include nothing.qmd >}}\n"}, "bad/index.qmd:5"),
}
TELLING: dict[str, tuple[str, ...]] = {
    "an unknown key": ("run", "status", "gather", "render", "check", "publish", "build"),
    "no YAML": ("run", "status", "gather", "render", "check", "publish", "build"),
    "front matter": ("render", "check", "publish", "build"),
    "a notebook": ("run", "status", "gather", "render", "check", "publish", "build"),
    "a post": ("render", "check", "publish", "build"),
}
"""The commands that read what is broken, and so say it when they are for the whole site."""
COMMANDS = {
    "run": ["run"],
    "status": ["status"],
    "gather": ["gather"],
    "render": ["render"],
    "check": ["check"],
    "publish": ["publish", "--no-browser"],
    "build": ["build"],
}
DONE: dict[str, Callable[[Path, str], bool]] = {
    "run": lambda root, said: "good: nothing to do" in said,
    "status": lambda root, said: "good" in said,
    "gather": lambda root, said: "good" in said,
    "render": lambda root, said: (root / "_site/projects/good/index.html").is_file(),
    "check": lambda root, said: "good" in said,
    "publish": lambda root, said: (root / "_submissions/good.zip").is_file(),
    "build": lambda root, said: (root / "_site/projects/good/index.html").is_file() and "good" in said,
}
"""What a command leaves when it did its work for the good project."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    good = {"index.qmd": POST, "sweep.yml": "seeds: 1\n", "experiment.ipynb": notebook(*EXPERIMENT)}
    write_tree(tmp_path, site_tree({"good": good, "bad": {"index.qmd": POST}}, QUARTO))
    project = load_project(tmp_path / "projects/good")
    for run in plan(project):
        paths = RunPaths(folder=project.folder / "runs" / run.id)
        write_tree(
            paths.folder,
            {
                "metrics.jsonl": '{"metric": "error", "value": 0.5, "step": null}\n',
                "run.json": '{"seconds": 2.0, "device": "CPU", "status": "done", "versions": {}}',
            },
        )
    gather(project)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    said = result.output + (str(result.exception) if result.exception else "")
    return result.exit_code, " ".join(said.split())


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_for_a_good_project_does_not_see_its_neighbour(name: str, breakage: str, root: Path) -> None:
    write_tree(root / "projects/bad", BREAKAGES[breakage][0])
    code, said = command(*COMMANDS[name], "good")
    assert code == 0, said
    assert DONE[name](root, said), said
    assert "bad/" not in said


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_for_the_site_does_the_rest_says_what_is_wrong_and_fails(
    name: str, breakage: str, root: Path
) -> None:
    files, place = BREAKAGES[breakage]
    write_tree(root / "projects/bad", files)
    code, said = command(*COMMANDS[name])
    assert DONE[name](root, said), said
    assert (place in said, code != 0) == (name in TELLING[breakage],) * 2, said


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_new_project_is_made_beside_a_broken_one(breakage: str, root: Path) -> None:
    write_tree(root / "projects/bad", BREAKAGES[breakage][0])
    assert command("new", "next")[0] == 0
    assert (root / "projects/next/index.qmd").is_file()


def test_a_broken_project_that_is_named_says_what_is_wrong(root: Path) -> None:
    write_tree(root / "projects/bad", BREAKAGES["an unknown key"][0])
    for words in COMMANDS.values():
        code, said = command(*words, "bad")
        assert code != 0 and "'nonsense' is not a key that is known here" in said, words


def test_problems_of_several_projects_are_raised_together_and_one_as_it_is(root: Path) -> None:
    write_tree(root / "projects/bad", BREAKAGES["a post"][0])
    write_tree(root / "projects/worse", BREAKAGES["a post"][0])
    several = Several()
    reports = check_projects(open_site(root), several=several)
    assert [report.name for report in reports] == ["good"]
    assert "bad/index.qmd:5" in str(several.errors[0]) and "worse/index.qmd:5" in str(several.errors[0])
    one, other = ConfigError([]), ConfigError([])
    two = Several()
    two.errors += [one, other]
    with pytest.raises(SeveralErrors):
        two.raise_errors()
    two.errors.remove(other)
    with pytest.raises(ConfigError):
        two.raise_errors()
