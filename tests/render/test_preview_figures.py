"""A preview follows figures.ipynb, modules and sweep.yml: a saved change is gathered and shown, and nothing is run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blogkit.config import load_project, open_site
from blogkit.errors import NotebookError
from blogkit.pipeline import FigureFollower
from blogkit.render.preview import Preview
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths
from tests.files import notebook, write_project
from tests.gather.stores import store_runs

FIGURES = "from blogkit import record\nimport shades\nrecord.value('shade', shades.SHADE)\nrecord.value('best', {best})"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"figures.ipynb": notebook(FIGURES.format(best=1)), "shades.py": "SHADE = 'red'\n"}
    folder = write_project(tmp_path, "grid: {width: [4, 8]}\n", **files)
    project = load_project(folder)
    store_runs(project, plan_runs(project))
    (folder / "index.qmd").write_text(
        "---\ntitle: p\nmetadata-files: [results/values.yml]\n---\n\n"
        "Best {{< meta values.best >}} in {{< meta values.shade >}}.\n"
    )
    return folder


@pytest.fixture
def follower() -> Iterator[FigureFollower]:
    follower = FigureFollower()
    yield follower
    follower.close()


@pytest.mark.slow
def test_what_figures_are_made_of_is_followed_and_nothing_else(folder: Path, follower: FigureFollower) -> None:
    root = folder.parents[1]
    values = ProjectPaths(folder=folder).values

    def follow(*names: str) -> tuple[str, ...]:
        return follower.follow(open_site(root), {folder / name for name in names})

    assert follow("figures.ipynb") == ("p",) and "best: '1'" in values.read_text()
    assert follow("index.qmd") == follow("figures.ipynb") == (), "nothing changed"
    (folder / "shades.py").write_text("SHADE = 'blue'\n")
    assert follow("shades.py") == ("p",) and "shade: blue" in values.read_text()
    (folder / "sweep.yml").write_text("grid: {width: [4, 8, 16]}\n")
    assert follow("sweep.yml") == ("p",)
    assert "2 of 3 planned runs" in ProjectPaths(folder=folder).compute.read_text()
    assert len(list((folder / "runs").glob("[0-9a-f]*"))) == 2, "no run was made"
    (folder / "figures.ipynb").write_text(notebook("1 / 0"))
    with pytest.raises(NotebookError, match="ZeroDivisionError"):
        follow("figures.ipynb")
    experiment = folder / "experiment.ipynb"
    experiment.write_text(experiment.read_text().replace("1 / (width", "2 / (width"))
    assert follow("experiment.ipynb") == (), "runs of other code are made by `blogkit run` alone"


@pytest.mark.slow
def test_a_saved_figures_notebook_is_on_the_page_and_its_error_in_the_browser(
    folder: Path, follower: FigureFollower
) -> None:
    follower.follow(open_site(folder.parents[1]), {folder / "figures.ipynb"})
    shown = Preview(folder.parents[1], engine="pandoc", say=lambda words: None, follow=follower.follow)
    thread = threading.Thread(target=shown.run)
    thread.start()
    page = folder.parents[1] / "_site" / "projects" / "p" / "index.html"

    def wait_for_text(text: str) -> None:
        end = time.monotonic() + 60
        while not (page.is_file() and text in page.read_text()):
            assert time.monotonic() < end, f"{text!r} did not appear"
            time.sleep(0.05)

    try:
        wait_for_text("red")
        (folder / "figures.ipynb").write_text(notebook(FIGURES.format(best=42)))
        wait_for_text("42")
        version = shown.version
        (folder / "figures.ipynb").write_text(notebook("1 / 0"))
        end = time.monotonic() + 60
        while "ZeroDivisionError" not in (error := shown.wait(version)[1]):
            assert time.monotonic() < end, error
            version = shown.version - 1
    finally:
        shown.stop()
        thread.join(30)
    assert not thread.is_alive()
