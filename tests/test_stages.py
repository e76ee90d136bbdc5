"""The order of the stages is written once, and everything that names it says the same."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blogkit import pipeline
from blogkit.cli import app, build, projects, publishing, reviews, runs, site  # noqa: F401  # each adds its verbs
from blogkit.config import load_site
from blogkit.model import Project, Run, RunResult
from blogkit.stages import BUILT, STAGES, in_words
from tests.files import EXPERIMENT, notebook, site_tree, write_tree

ROOT = Path(__file__).parents[1]
ORDER = [stage.name for stage in STAGES]


def in_order(names: Sequence[str]) -> list[str]:
    """The stages among some names, as they stand there."""
    return [name for name in dict.fromkeys(names) if name in ORDER]


def test_review_is_the_last_stage_and_each_takes_what_an_earlier_one_gives() -> None:
    assert ORDER == ["new", "run", "gather", "render", "check", "publish", "review"]
    for earlier, later in itertools.pairwise(STAGES[1:5]):
        assert earlier.gives in later.takes


def test_each_stage_is_a_package_of_its_own() -> None:
    for name in ORDER:
        assert (ROOT / "blogkit" / name / "__init__.py").is_file()


def test_help_lists_every_command_of_a_stage_in_order_and_the_others_behind() -> None:
    said = CliRunner().invoke(app, ["--help"]).output.partition("Commands:")[2]
    listed = re.findall(r"^  ([a-z]+) ", said, re.MULTILINE)
    known = [name for stage in STAGES for name in stage.commands]
    assert listed[: len(known)] == known
    assert {"build", "doctor"} <= set(listed[len(known) :])


def test_build_says_the_stages_that_it_does() -> None:
    assert in_words(BUILT) == "Run, gather, render and check"
    said = " ".join(CliRunner().invoke(app, ["build", "--help"]).output.split())
    assert "Run, gather, render and check, in that order, whatever is stale." in said


def test_build_does_the_stages_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each project by itself as far as a stage is of a project, then for the site."""
    files = {"sweep.yml": "seeds: 1\n", "experiment.ipynb": notebook(*EXPERIMENT)}
    write_tree(tmp_path, site_tree({"a": files, "b": files}))
    done: list[str] = []

    def note(name: str, answer: Any) -> Any:
        def step(*_: Any, **__: Any) -> Any:
            done.append(name)
            return answer

        return step

    def execute(project: Project, missing: Sequence[Run], *, made: Sequence[Run]) -> Sequence[RunResult]:
        done.append("run")
        return [result for run in missing for result in executed(run)]

    monkeypatch.setattr(pipeline, "gather", note("gather", None))
    monkeypatch.setattr("blogkit.render.render_site", note("render", pipeline.rendered(load_site(tmp_path))))
    monkeypatch.setattr(pipeline, "check_projects", note("check", []))
    pipeline.build(load_site(tmp_path), execute=execute)
    of_project = [stage.name for stage in BUILT if stage.of_project]
    assert done == of_project * 2 + [stage.name for stage in BUILT if not stage.of_project]


def executed(run: Run) -> Iterator[RunResult]:
    from blogkit.model import RunStatus

    yield RunResult(run=run, status=RunStatus.DONE, seconds=1)


def test_each_stage_of_a_build_has_a_step() -> None:
    one = object.__new__(pipeline._Building)
    assert [*one.project_steps] == [stage.name for stage in BUILT if stage.of_project]
    assert [*one.site_steps] == [stage.name for stage in BUILT if not stage.of_project]


def test_the_layers_that_documentation_draws_have_the_stages_in_order() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layer,) = [one for one in contracts[0]["layers"] if "gather" in one]
    assert in_order(re.findall(r"\w+", layer)) == ORDER
    drawn = (ROOT / "docs/_layers.md").read_text()
    assert in_order(re.findall(r">(\w+)</text>", drawn)) == ORDER


def test_contributing_names_the_stages_in_order() -> None:
    (row,) = [row for row in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if "| the stages; none" in row]
    assert in_order(re.findall(r"`blogkit/(\w+)/`", row)) == ORDER


def test_the_commands_of_the_readme_and_the_design_follow_the_order() -> None:
    shown = re.findall(r"^blogkit (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = in_order(shown)
    assert named == [name for name in ORDER if name in named]
    design = (ROOT / "docs/design.qmd").read_text()
    assert f"`blogkit build` is {', '.join(stage.name for stage in BUILT)}, in that order" in design
