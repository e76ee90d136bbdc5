"""A figure that is named by its cell's place and became another picture stops the check until it has a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.check import check_project
from blogkit.config import load_project, load_site
from blogkit.gather import gather
from blogkit.gather.places import placed_figures
from blogkit.model import RenderedPage
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths, read_results
from tests.files import notebook, write_project
from tests.gather.stores import store_runs

CURVES = "alt.Chart(frame).mark_line().encode(x='epoch:Q', y='loss:Q', color='lr:N')"
BARS = "(alt.Chart(seeds).mark_bar(size=4)\n   .encode(x=alt.X('seed:O'), y='count()'))"


def placed(earlier: dict[str, str], now: dict[str, str], labelled: dict[str, str] | None = None) -> dict[str, str]:
    known = placed_figures({}, earlier, {})
    found = placed_figures(known, now, labelled or {})
    assert placed_figures(found, now, labelled or {}) == found, "it stays said"
    return {name: one["moved_to"] for name, one in found.items() if "moved_to" in one}


def test_a_cell_put_before_moves_the_picture_and_an_edit_does_not() -> None:
    assert placed({"cell-5": CURVES}, {"cell-5": BARS, "cell-6": CURVES}) == {"cell-5": "cell-6"}
    assert placed({"cell-5": CURVES}, {"cell-5": BARS, "cell-6": CURVES.replace("lr", "rate")}) == {"cell-5": "cell-6"}
    assert placed({"cell-5": CURVES}, {"cell-5": CURVES.replace("line", "point")}) == {}
    assert placed({"cell-5": CURVES}, {"cell-5": CURVES, "cell-6": CURVES}) == {}
    assert placed({"cell-5": CURVES}, {"cell-5": BARS}) == {"cell-5": ""}


def test_a_picture_that_got_a_name_is_reported_by_it_and_the_way_back_is_open() -> None:
    labelled = f"#| label: fig-curves\n{CURVES}"
    assert placed({"cell-5": CURVES}, {"cell-5": BARS}, {"curves": labelled}) == {"cell-5": "curves"}
    moved = placed_figures(placed_figures({}, {"cell-5": CURVES}, {}), {"cell-5": BARS, "cell-6": CURVES}, {})
    assert "moved_to" not in placed_figures(moved, {"cell-5": CURVES}, {})["cell-5"]


@pytest.mark.slow
def test_the_check_names_the_line_of_the_post_and_where_the_picture_is_now(tmp_path: Path) -> None:
    head = "import altair as alt, pandas as pd\nframe = pd.DataFrame({'epoch': [1, 2], 'loss': [2, 1], 'lr': 1})"
    head += "\nseeds = pd.DataFrame({'seed': [1, 2]})"
    folder = write_project(tmp_path, "seeds: 1\n", **{"figures.ipynb": notebook(head, CURVES)})
    (folder / "index.qmd").write_text("---\ntitle: p\n---\n\n![Loss.](results/charts/cell-2.svg){#fig-loss}\n")
    page = tmp_path / "_site" / "index.html"
    page.parent.mkdir()
    page.write_text("<html><body><main><h1>p</h1></main></body></html>")

    def findings() -> list[tuple[str, int | None, bool]]:
        project = load_project(folder)
        runs = plan_runs(project)
        store_runs(project, runs)
        gather(project, runs)
        site = load_site(tmp_path)
        report = check_project(site, project, RenderedPage(source=project.post, output=page), profile="plain")
        return [(one.message, one.line, one.level.name == "ERROR") for one in report.findings if one.code == "BK131"]

    assert findings() == []
    (folder / "figures.ipynb").write_text(notebook(head, BARS, CURVES))
    ((message, line, stops),) = findings()
    assert "cell-2 has become another picture" in message and "is cell-3 now" in message
    assert line == 5 and stops
    named = notebook(head, BARS, f"#| label: fig-loss\n{CURVES}")
    (folder / "figures.ipynb").write_text(named)
    (folder / "index.qmd").write_text("---\ntitle: p\n---\n\n![Loss.](results/charts/loss.svg){#fig-loss}\n")
    assert findings() == []
    assert "cell-2" in read_results(ProjectPaths(folder=folder))["placed"]
