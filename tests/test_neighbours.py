"""A site is many people's work: what is broken in one project stops no other, and is said with its file and line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blogkit.cli import app, build, projects, publishing, reviews, runs, site  # noqa: F401  # each adds its verbs
from blogkit.config import load_project, open_site
from blogkit.errors import BlogkitError, ConfigError, StoreError, ToolMissing
from blogkit.pipeline import check_projects, gather, plan
from blogkit.run.verify import Verified
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
                "run.json": json.dumps(
                    {"id": run.id, "seconds": 2.0, "device": "CPU", "status": "done", "versions": {}}
                ),
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


def test_verify_goes_on_past_a_project_whose_notebook_is_broken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(root / "projects/bad", BREAKAGES["a notebook"][0])
    monkeypatch.setattr("blogkit.run.verify.verify_runs", lambda *_, **how: ())
    code, said = command("verify")
    assert code != 0 and "good: 0 of 0 runs agree" in said and "bad/experiment.ipynb" in said
    assert command("verify", "good")[0] == 0


def test_verify_goes_on_past_a_project_whose_stored_run_is_damaged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"sweep.yml": "seeds: 1\n", "experiment.ipynb": notebook(*EXPERIMENT)}
    write_tree(root / "projects/bad", files)
    (run,) = plan(load_project(root / "projects/bad"))
    write_tree(root / "projects/bad/runs" / run.id, {"run.json": "{ cut off"})
    monkeypatch.setattr("blogkit.run.verify._make_again", lambda project, run, *_: Verified(run=run, comparisons=()))
    code, said = command("verify")
    assert code != 0 and "good: 1 of 1 run agree" in said and f"bad/runs/{run.id}/run.json: could not be read" in said


class EmptyQueue:
    """A cluster that answers, and has no job."""

    def jobs(self) -> dict[str, tuple[str, str]]:
        return {}

    def cancel(self, job_ids: Sequence[str]) -> None:
        assert not job_ids

    def close(self) -> None:
        """Nothing is held."""


def test_cancel_goes_on_past_a_project_whose_cluster_is_not_known(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = '{"job": "1", "submitted": 4e9, "cluster": "NAME"}'
    for name, cluster in (("bad", "gone"), ("good", "here")):
        project = root / "projects" / name
        write_tree(project, {"sweep.yml": "seeds: 1\n", "experiment.ipynb": notebook(*EXPERIMENT)})
        write_tree(project, {"runs/.cluster/0123456789ab.json": note.replace("NAME", cluster)})
    clusters = "blogkit: {profile: plain, clusters: {here: {engine: slurm}}}\n"
    write_tree(root, {"_quarto.yml": QUARTO.replace("blogkit: {profile: plain}\n", clusters)})
    queue: Callable[..., Any] = lambda cluster, project: EmptyQueue()  # noqa: E731  # what stands for the engine
    monkeypatch.setattr("blogkit.run.cluster.open_queue", queue)
    code, said = command("cancel")
    assert code != 0 and "good: 0 jobs cancelled" in said and "bad: 0 jobs" not in said and "'gone'" in said


def test_pack_goes_on_past_a_project_that_has_no_runs(root: Path) -> None:
    write_tree(root / "projects/bad", {"sweep.yml": "seeds: 1\n", "experiment.ipynb": notebook(*EXPERIMENT)})
    code, said = command("runs", "pack")
    assert code != 0 and "good-runs.tar.gz: 1 run" in said and "There is no stored run to pack" in said
    assert (root / "good-runs.tar.gz").is_file()


def test_unpack_goes_on_past_files_that_are_no_packs_and_says_each(root: Path) -> None:
    assert command("runs", "pack", "good")[0] == 0
    write_tree(root, {"broken.tar.gz": b"no pack"})
    code, said = command("runs", "unpack", "broken.tar.gz", "gone.tar.gz", "good-runs.tar.gz")
    assert code != 0 and "good: 0 runs added from good-runs.tar.gz; 1 run were here already" in said
    assert "broken.tar.gz: is not a pack of runs" in said and "gone.tar.gz: There is no such file" in said


def test_what_stops_all_projects_is_raised_with_what_was_kept_before() -> None:
    several = Several()

    def meet(error: BlogkitError) -> None:
        with several.going_on():
            raise error

    with pytest.raises(ToolMissing):
        meet(ToolMissing("there is no pandoc."))
    meet(ConfigError([]))
    with pytest.raises(SeveralErrors) as stopped:
        meet(StoreError("the disk is full."))
    assert [type(error) for error in stopped.value.errors] == [ConfigError, StoreError]
