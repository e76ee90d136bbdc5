"""A student's own notebook becomes a project by one tag; everything else in it stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.errors import NotebookError
from blogkit.new import init_site
from blogkit.new.adopt import candidates, cell_that_sets, tagged, with_tag
from blogkit.notebook import read_notebook
from blogkit.pipeline import adopt_notebook
from blogkit.run.plan import plan_runs
from tests.files import notebook

CELLS = (
    ("markdown", "# Mine"),
    "%matplotlib inline\nimport math",
    "lr = 0.1\nepochs: int = 3\nname = 'adam'\n_private = 1\nwidths = [1, 2]",
    "def train():\n    hidden = 3\n    return lr * epochs\nprint(train())",
)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.ipynb"


def document(mine: Path, *cells: Any) -> dict[str, Any]:
    mine.write_text(notebook(*(cells or CELLS)))
    return read_notebook(mine)


def test_what_could_be_a_parameter_is_found_with_its_value_and_cell(mine: Path) -> None:
    found = [(one.name, one.value, one.cell) for one in candidates(document(mine))]
    assert found == [("lr", 0.1, 3), ("epochs", 3, 3), ("name", "adam", 3)]


def test_only_the_tag_of_one_cell_differs(mine: Path) -> None:
    before = json.loads(notebook(*CELLS))
    before["cells"][2]["metadata"] = {"collapsed": True}
    before["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x" * 5_000_000]}]
    before["metadata"] = {"mine": {"kept": [1]}}  # and no kernel
    mine.write_text(json.dumps(before))
    assert tagged(read_notebook(mine)) is None
    after = json.loads(with_tag(mine, cell_that_sets(read_notebook(mine), ["lr", "epochs"], mine)))
    assert after["cells"][2]["metadata"].pop("tags") == ["parameters"]
    assert after == before


@pytest.mark.parametrize(
    ("cells", "names", "words"),
    [
        (CELLS, ["momentum"], "sets no momentum.*\n.*lr, epochs, name"),
        (CELLS, ["widths"], "sets no widths"),
        (("a = 1", "b = 2"), ["a", "b"], "several cells.*\n.*a in cell 1, b in cell 2"),
        (("lr = 0.1\nprint(lr)",), ["lr"], "cell 1 sets lr and uses it at once"),
        (("lr = 0.1\nif lr > 1:\n    pass",), ["lr"], "uses it at once"),
        (("lr = 0.1", "lr = 0.2"), ["lr"], "cell 2 sets lr again"),
        (("lr = 0.1", "lr *= 2"), ["lr"], "cell 2 sets lr again"),
        (("lr = 0.1", ("parameters", "seed = 0")), ["lr"], "another cell tagged `parameters`, cell 2"),
    ],
)
def test_a_notebook_where_a_runs_value_would_be_lost_is_refused(
    cells: tuple[Any, ...], names: list[str], words: str, mine: Path
) -> None:
    with pytest.raises(NotebookError, match=words):
        cell_that_sets(document(mine, *cells), names, mine)


def test_a_function_that_reads_a_parameter_later_is_no_obstacle(mine: Path) -> None:
    assert cell_that_sets(document(mine, "lr = 0.1\ndef f(x):\n    return lr * x"), ["lr"], mine) == 1


def test_a_file_that_is_no_notebook_is_an_error_message(tmp_path: Path) -> None:
    (tmp_path / "x.ipynb").write_text("{}")
    site = load_site(init_site(tmp_path / "site"))
    with pytest.raises(NotebookError, match="is not a notebook"):
        adopt_notebook(site, "x", tmp_path / "x.ipynb")
    with pytest.raises(NotebookError, match="no such notebook"):
        adopt_notebook(site, "y", tmp_path / "y.ipynb")


def test_what_is_not_python_is_not_read_as_python(mine: Path, tmp_path: Path) -> None:
    in_r = json.loads(notebook("lr = 0.1"))
    in_r["metadata"] = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}
    mine.write_text(json.dumps(in_r))
    assert candidates(read_notebook(mine)) == ()
    with pytest.raises(NotebookError, match="Tag the cell"):
        adopt_notebook(load_site(init_site(tmp_path / "site")), "x", mine)


MINE = (
    "lr = 0.5\nsteps = 3",
    "rows = [{'step': n, 'loss': lr ** n} for n in range(steps)]",
    "#| label: fig-loss\nimport altair as alt\nimport pandas as pd\n"
    "alt.Chart(pd.DataFrame(rows)).mark_line().encode(x=alt.X('step', title='Step'), y=alt.Y('loss', title='Loss'))",
)


@pytest.mark.slow
def test_a_figure_without_a_label_is_named_after_its_cell_in_the_authors_notebook(mine: Path, tmp_path: Path) -> None:
    odd = json.loads(notebook(("parameters", MINE[0]), MINE[1], MINE[2].split("\n", 1)[1]))
    odd["metadata"] = {}  # no kernel is named
    mine.write_text(json.dumps(odd))
    _, figures = adopt_notebook(load_site(init_site(tmp_path / "site")), "loss", mine)
    assert [path.name for path in figures] == ["cell-3.svg"]


@pytest.mark.slow
def test_a_notebook_becomes_a_project_with_its_figures_in_the_post(tmp_path: Path) -> None:
    mine = tmp_path / "my_loss.ipynb"
    mine.write_text(notebook(*MINE))
    before = mine.read_bytes()
    site = load_site(init_site(tmp_path / "site"))
    project, figures = adopt_notebook(site, "loss", mine, parameters=["lr", "steps"], authors=["Ada"])
    assert mine.read_bytes() == before
    assert [path.name for path in figures] == ["loss.svg"]
    post = project.post.read_text()
    assert 'title: "My loss"' in post
    assert "](results/charts/loss.svg){#fig-loss fig-alt=" in post
    assert dict(plan_runs(project)[0].parameters) == {"lr": 0.5, "steps": 3}


def test_without_a_named_parameter_the_error_message_lists_what_there_is(tmp_path: Path) -> None:
    mine = tmp_path / "mine.ipynb"
    mine.write_text(notebook(*MINE))
    site = load_site(init_site(tmp_path / "site"))
    with pytest.raises(NotebookError, match=r"lr = 0.5, steps = 3"):
        adopt_notebook(site, "loss", mine)
    assert not (site.root / "projects" / "loss").exists()
