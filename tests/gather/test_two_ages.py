"""Results that are not all of one gathering are reported by check and refused by publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.config import load_project, load_site
from blogkit.errors import NotStored
from blogkit.gather import gather
from blogkit.model import Project
from blogkit.pipeline import check_projects, publish_projects
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, foreign_results
from tests.files import notebook, write_project
from tests.gather.stores import store_runs

FIGURES = "from blogkit import record\nrecord.value('best', 0.5)\nrecord.value('worst', 0.9)"


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("site"), "seeds: 2\n", **{"figures.ipynb": notebook(FIGURES)})
    project = load_project(folder)
    store_runs(project, plan_runs(project))
    gather(project, plan_runs(project))
    return folder


@pytest.fixture
def project(gathered: Path) -> Project:
    return load_project(gathered)


@pytest.mark.slow
def test_a_file_of_another_gathering_is_named_and_line_ends_are_not(project: Project) -> None:
    paths = ProjectPaths.of(project)
    assert foreign_results(paths) == ()
    good = paths.values.read_bytes()
    try:
        paths.values.write_bytes(good.replace(b"\n", b"\r\n"))
        assert foreign_results(paths) == (), "git may write other ends of lines"
        paths.values.write_bytes(good.replace(b"0.5", b"0.6"))
        assert foreign_results(paths) == ("values.yml",)
        site = load_site(project.folder.parents[1])
        (report,) = check_projects(site, ["p"], profile="mit-6.7960")
        assert any("results/values.yml is not what was gathered" in one.message for one in report.findings)
        with pytest.raises(NotStored, match="two ages: values.yml is not what was gathered") as caught:
            publish_projects(site, ["p"], target="zip", profile="plain", browser=False)
        assert caught.value.problem.hint.startswith("`blogkit gather p`")
        assert not list(site.root.rglob("*.zip"))
    finally:
        paths.values.write_bytes(good)


@pytest.mark.slow
def test_what_is_published_says_which_warnings_stand(project: Project) -> None:
    site = load_site(project.folder.parents[1])
    post = project.post.read_text()
    try:
        project.post.write_text(
            post.replace("---\n\n", "metadata-files: [results/values.yml]\n---\n\n", 1)
            + '\n[Best]{holds="best > worst"}.\n\n![](results/x.png)\n'
        )
        (project.folder / "results" / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        (release,) = publish_projects(site, ["p"], target="folder", profile="plain", browser=False)
        assert any('"Best" does not hold any more: `best > worst`' in note for note in release.notes)
        assert any("of `blogkit check` on other things" in note for note in release.notes)
    finally:
        project.post.write_text(post)
