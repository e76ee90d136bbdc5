"""What is stale is one question: every command gives the same answer to each change."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from blogkit.cli import app, build, projects, publishing, reviews, runs, site  # noqa: F401  # each adds its verbs
from blogkit.cli.site import stale_sentences
from blogkit.config import load_project, load_site, open_site
from blogkit.errors import BlogkitError
from blogkit.model import Project, Run, RunResult, RunStatus
from blogkit.pipeline import build as build_site
from blogkit.pipeline import find_stale, gather, plan
from blogkit.render import render_site
from blogkit.render.engines.pandoc import PandocEngine
from blogkit.render.preview import Preview
from blogkit.store import RUN_FOLDER_VARIABLE
from tests.files import notebook, site_tree, write_tree

QUARTO = (
    "project: {type: website, render: [projects/*/index.qmd]}\nwebsite: {title: Posts}\nblogkit: {profile: own.yml}\n"
)
SAYS_STALE = re.compile(
    r"results/ |results are stale|results hold|made again since|evidence of two ages"
    r"|there is no file results/compute.md"
)
"""How a command says that results are not those of the runs and figures that are there."""
PROFILE = "name: own\ntitle: Own\nrules:\n  fresh-results: warning\n  whole-sweep: warning\n"
POST = """\
---
title: P
metadata-files: [results/values.yml]
bibliography: refs.bib
---

It is {{< meta values.best >}} [@k].

{{< include results/compute.md >}}
"""
CELLS = (("parameters", "seed = 0"), "import helper\nfrom blogkit import record\nrecord.metric('error', helper.ONE)")
FILES = {
    "index.qmd": POST,
    "refs.bib": "@book{k, title = {T}, author = {Able, A.}, year = 2020}\n",
    "sweep.yml": "seeds: 2\n",
    "experiment.ipynb": notebook(*CELLS),
    "helper.py": "ONE = 1\n",
    "figures.ipynb": notebook("x = 1"),
}


@dataclass(frozen=True)
class Answer:
    """What of the project is stale: how many runs, the results, the page."""

    runs: int = 0
    results: bool = False
    page: bool = False


def store_run(folder: Path, run_id: str, value: float) -> None:
    write_tree(
        folder / "runs" / run_id,
        {
            "metrics.jsonl": json.dumps({"metric": "error", "value": value, "step": None}) + "\n",
            "run.json": json.dumps({"seconds": 2.0, "device": "CPU", "status": "done", "versions": {}}),
        },
    )


def draw_figures(*_: Any, env: Mapping[str, str], **__: Any) -> Any:
    """Stands for the kernel that executes figures.ipynb."""
    write_tree(Path(env[RUN_FOLDER_VARIABLE]), {"values.jsonl": '{"value": "best", "number": 0.5}\n'})
    return SimpleNamespace(done=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A site where everything is current."""
    root = tmp_path_factory.mktemp("current")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("blogkit.gather.execute_notebook", draw_figures)
        write_tree(root, {**site_tree({"p": FILES}, QUARTO), "own.yml": PROFILE})
        project = load_project(root / "projects/p")
        for run in plan(project):
            store_run(project.folder, run.id, 0.5)
        gather(project)
        render_site(load_site(root), engine="pandoc")
        yield root


def run_again(folder: Path) -> None:
    (run, *_) = plan(load_project(folder))
    shutil.rmtree(folder / "runs" / run.id)
    store_run(folder, run.id, 0.75)


def change(name: str, *words: tuple[str, str]) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        text = (folder / name).read_text()
        for old, new in words:
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text)

    return make


CHANGES: dict[str, tuple[Callable[[Path], object], Answer]] = {
    "nothing": (lambda folder: None, Answer()),
    "a touched post": (lambda folder: (folder / "index.qmd").touch(), Answer()),
    "the notebook": (change("experiment.ipynb", ("'error'", "'loss'")), Answer(runs=2, results=True)),
    "a helper module": (change("helper.py", ("1", "2")), Answer(runs=2, results=True)),
    "the figures": (change("figures.ipynb", ("x = 1", "x = 2")), Answer(results=True)),
    "the sweep": (change("sweep.yml", ("2", "3")), Answer(runs=1, results=True)),
    "a run made again": (run_again, Answer(results=True)),
    "the post": (change("index.qmd", ("It is", "It was")), Answer(page=True)),
    "the bibliography": (change("refs.bib", ("2020", "2021")), Answer(page=True)),
    "a lost file of the results": (lambda folder: (folder / "results/compute.md").unlink(), Answer(0, True, True)),
    "the lost table": (lambda folder: (folder / "results/metrics.parquet").unlink(), Answer(0, True)),
    "a value changed by hand": (change("results/values.yml", ("'0.5'", "'0.4'")), Answer(0, True, True)),
}


@pytest.fixture(params=CHANGES)
def changed(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> tuple[Path, Answer]:
    """The site with one change, and what is stale then."""
    make, answer = CHANGES[request.param]
    root = tmp_path / "site"
    shutil.copytree(made, root)
    make(root / "projects/p")
    return root, answer


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The posts that were drawn anew."""
    found: list[str] = []
    draw = PandocEngine.draw

    def note(self: PandocEngine, plan: Any, page: Any) -> Any:
        found.append(page.source.parent.name)
        return draw(self, plan, page)

    monkeypatch.setattr(PandocEngine, "draw", note)
    return found


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The figures' notebooks that were executed."""
    found: list[str] = []

    def execute(notebook: Path, *arguments: Any, **more: Any) -> Any:
        found.append(notebook.name)
        return draw_figures(**more)

    monkeypatch.setattr("blogkit.gather.execute_notebook", execute)
    return found


def command(root: Path, *words: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        result = CliRunner().invoke(app, list(words))
    return result.output + (str(result.exception) if result.exception else "")


def test_the_library_says_what_is_stale(changed: tuple[Path, Answer]) -> None:
    root, answer = changed
    (parts,) = find_stale(load_site(root), load_site(root).projects)
    assert Answer(len(parts.runs), bool(parts.results), parts.page) == answer


def test_run_and_gather_agree(changed: tuple[Path, Answer], gathered: list[str]) -> None:
    root, answer = changed
    count = re.search(r"(\d) of \d runs to do|nothing to do", command(root, "run", "--dry-run", "p"))
    assert count and int(count[1] or 0) == answer.runs
    said = command(root, "gather", "p")
    assert (bool(gathered) or "nothing to gather" in said) == answer.results


def test_status_agrees_for_people_and_for_scripts(changed: tuple[Path, Answer]) -> None:
    root, answer = changed
    (said,) = json.loads(command(root, "status", "--json"))
    stale = said["stale"]
    assert Answer(len(stale["runs"]), bool(stale["results"]), stale["page"]) == answer
    words = command(root, "status")
    assert (bool(SAYS_STALE.search(words)), "the page is stale" in words) == (answer.results, answer.page)


@pytest.mark.parametrize("words", [["check"], ["publish", "--no-browser"]], ids=["check", "publish"])
def test_check_and_publish_agree(words: Sequence[str], changed: tuple[Path, Answer], drawn: list[str]) -> None:
    root, answer = changed
    said = " ".join(command(root, *words, "p").split())
    assert (bool(SAYS_STALE.search(said)), bool(drawn)) == (answer.results, answer.page), said


def test_preview_and_the_cache_of_pages_agree(changed: tuple[Path, Answer], drawn: list[str]) -> None:
    root, answer = changed
    said: list[str] = []
    preview = Preview(root, say=said.append, find_stale=stale_sentences)
    preview.render()
    preview._server.server_close()
    for renderer in preview._renderers.values():
        renderer.close()
    assert (any(map(SAYS_STALE.search, said)), bool(drawn)) == (answer.results, answer.page), said


def test_build_makes_what_is_stale_and_then_nothing_is(
    changed: tuple[Path, Answer], drawn: list[str], gathered: list[str]
) -> None:
    root, answer = changed
    asked: list[Run] = []

    def execute(project: Project, missing: Sequence[Run], *, made: Sequence[Run]) -> Sequence[RunResult]:
        asked.extend(missing)
        for run in missing:
            store_run(project.folder, run.id, 0.5)
        return [RunResult(run=run, status=RunStatus.DONE, seconds=1) for run in missing]

    build_site(open_site(root), execute=execute)
    assert (len(asked), bool(gathered)) == (answer.runs, answer.results)
    assert bool(drawn) or not answer.page or answer.results, "results that are as they were make no page anew"
    (parts,) = find_stale(load_site(root), load_site(root).projects)
    assert Answer(len(parts.runs), bool(parts.results), parts.page) == Answer()
    drawn.clear()
    gathered.clear()
    build_site(open_site(root), execute=execute)
    assert not drawn and not gathered


def test_a_project_that_cannot_be_planned_stops_no_other(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "site"
    shutil.copytree(made, root)
    write_tree(root / "projects/bad", {"index.qmd": "---\ntitle: B\n---\n", "sweep.yml": "seeds: 1\n"})
    with pytest.raises(BlogkitError):
        find_stale(open_site(root), open_site(root).projects)
    assert [line for line in stale_sentences(open_site(root)) if line.startswith("p:")] == []
