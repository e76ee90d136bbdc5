"""What runs record beside their metrics comes back in `figures.ipynb`, by their parameters, within bounds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blogkit import record, runs
from blogkit.cli.runs import describe_gathered
from blogkit.config import load_project
from blogkit.errors import NotebookError
from blogkit.gather import gather
from blogkit.kernel import recorded
from blogkit.kernel.recorded import RecordTooLarge
from blogkit.model import Project
from blogkit.run.plan import plan_runs
from blogkit.runs import RunsError
from blogkit.store import RUN_FOLDER_VARIABLE, ProjectPaths, RunPaths, read_jsonl
from tests.docs.pages import PAGES, blocks
from tests.files import notebook, write_project
from tests.gather.stores import store_runs

SWEEP = "grid: {width: [4, 8], norm: [null, batch]}\nseeds: 2\n"
CELLS = (("parameters", "width = 8\nnorm = None\nseed = 0"), "x = 1")
CHART = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(tmp_path))
    return RunPaths(folder=tmp_path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Eight runs that recorded something of every kind; this process stands in the project's folder."""
    project = load_project(write_project(tmp_path, SWEEP, *CELLS))
    planned = plan_runs(project)
    store_runs(project, planned)
    for one in planned:
        width, seed = one.parameters["width"], one.seed or 0
        monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(project.folder / "runs" / one.id))
        for step in (1, 2):
            record.array("hidden", np.full((3, width), float(seed)), step=step)
            record.histogram("weights", np.arange(10) + seed, bins=2, range=(0, 10), step=step)
        record.image("filter", np.full((2, 2), 0.5))
        record.text("sample", f"width {width}", step=1)
        record.value("share", 0.25 + seed, error=0.1)
        record.table("bins", pd.DataFrame({"bin": [1, 2], "n": [width, 3.14159265]}), caption="Bins")
        record.chart("curve", CHART)
        (tmp_path / "model.pt").write_bytes(b"weights")
        record.file("model", tmp_path / "model.pt")
    monkeypatch.delenv(RUN_FOLDER_VARIABLE)
    monkeypatch.chdir(project.folder)
    return project


def gathered(project: Project, *, force: bool = False) -> str:
    return describe_gathered(gather(project, plan_runs(project), force=force))


def test_arrays_come_by_parameters_and_step_loaded_only_when_asked_for(project: Project) -> None:
    reported = gathered(project)
    assert "array hidden (8 runs)" in reported
    hidden = runs.array("hidden", where={"width": 8, "norm": None}, step="last")
    assert hidden.frame[["width", "norm", "seed", "step"]].to_dict("records") == [
        {"width": 8, "norm": None, "seed": 0, "step": 2},
        {"width": 8, "norm": None, "seed": 1, "step": 2},
    ]
    assert hidden.stack().shape == (2, 3, 8)
    assert np.asarray(hidden[1:]).mean() == 1.0
    means = hidden.measure(mean=lambda one: one.mean())
    assert means["mean"].tolist() == [0.0, 1.0]
    tidy = runs.array("hidden", where={"width": [4, 8], "seed": 1}, step=1).tidy("active", axes=("example", "unit"))
    assert tidy.columns.tolist() == ["run", "width", "norm", "seed", "step", "example", "unit", "active"]
    assert len(tidy) == 2 * 3 * 4 + 2 * 3 * 8
    with pytest.raises(RunsError, match=r"different shapes \(\(3, 4\) in run \w+, \(3, 8\) in run"):
        runs.array("hidden", step=1).stack()
    shutil.rmtree(project.folder / "runs" / hidden.frame["run"][0])
    (project.folder / "results" / "arrays" / "hidden.npz").unlink()
    with pytest.raises(RunsError, match="is not here"):
        runs.array("hidden")


def test_everything_else_comes_as_a_table_after_its_parameters(project: Project) -> None:
    gathered(project)
    bins = runs.histogram("weights", where={"width": 4, "norm": "batch", "seed": 1}, step="first")
    assert bins[["bin_from", "bin_to", "count", "share", "above"]].to_dict("records") == [
        {"bin_from": 0.0, "bin_to": 5.0, "count": 4, "share": 0.4, "above": 0},
        {"bin_from": 5.0, "bin_to": 10.0, "count": 6, "share": 0.6, "above": 0},
    ]
    values = runs.value("share", where={"width": 4, "norm": None})
    assert values[["seed", "value", "error"]].values.tolist() == [[0, 0.25, 0.1], [1, 1.25, 0.1]]
    table = runs.table("bins", where={"width": 4, "norm": None, "seed": 0})
    assert table[["width", "bin", "n"]].values.tolist() == [[4, 1, 4.0], [4, 2, 3.14159265]]
    assert sorted(runs.text("sample")["text"]) == ["width 4"] * 4 + ["width 8"] * 4
    assert runs.image("filter")["url"][0].startswith("data:image/png;base64,iVBOR")
    assert runs.chart("curve")["chart"][0]["mark"] == "point"
    assert {path.read_bytes() for path in runs.file("model")["path"]} == {b"weights"}


def test_charts_tables_and_pictures_of_runs_are_files_of_the_post_under_their_parameters(project: Project) -> None:
    gathered(project)
    results = ProjectPaths.of(project).results
    names = sorted(path.name for path in (results / "charts").glob("*.svg"))
    assert names[0] == "curve_width-4_norm-None_seed-0.svg" and len(names) == 8
    spec = json.loads((results / "charts/curve_width-8_norm-batch_seed-1.vl.json").read_text())
    assert len(spec["usermeta"]["blogkit"]["runs"]) == 1
    table = (results / "tables/bins_width-4_norm-batch_seed-0.md").read_text()
    assert table.endswith(": Bins {#tbl-bins_width-4_norm-batch_seed-0}\n")
    assert (results / "images/filter_width-4_norm-None_seed-0.png").is_file()


def test_a_clone_without_runs_has_all_but_the_files_and_gathers_the_same_bytes(project: Project) -> None:
    gathered(project)
    results = ProjectPaths.of(project).results
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    shutil.rmtree(project.folder / "runs")
    assert "current" in gathered(project, force=True)
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == before
    assert runs.array("hidden", where={"width": 8}, step=2).stack().shape == (4, 3, 8)
    assert len(runs.chart("curve")) == len(runs.image("filter")) == 8
    with pytest.raises(RunsError, match=r"the file 'model' of run \w+ is not here.*runs unpack"):
        runs.file("model")


def test_what_is_too_much_for_a_repository_stays_with_the_runs_and_is_reported(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blogkit.gather.recorded.GATHERED_BYTES", 1000)
    monkeypatch.setattr("blogkit.gather.recorded.SHOWN", 7)
    reported = gathered(project)
    assert "of the arrays 'hidden' stay in runs/" in reported
    assert "8 of the charts 'curve' stay in runs/" in reported
    assert len(runs.array("hidden")) == 16
    assert len(runs.chart("curve")) == 8


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: runs.array("hiden"),
            r"no array of these runs is called 'hiden'; there are 'hidden'. Did you mean 'hidden'\?",
        ),
        (lambda: runs.array("weights"), r"It was recorded as histogram: runs.histogram\('weights'\)"),
        (lambda: runs.array("hidden", where={"widht": 8}), r"no parameter .*'widht'.*Did you mean 'width'\?"),
        (lambda: runs.array("hidden", where={"width": 16}), r"no run that is left has width=16; there are 4, 8"),
        (lambda: runs.array("hidden", step=9), r"at step 9; the steps go from 1 to 2"),
        (lambda: runs.image("filter", step="last"), "was recorded without steps"),
    ],
)
def test_nothing_is_empty_in_silence(project: Project, ask: object, message: str) -> None:
    gathered(project)
    with pytest.raises(RunsError, match=message):
        ask()  # type: ignore[operator]


def test_before_a_gathering_the_message_says_what_makes_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunsError, match="`blogkit gather` makes it"):
        runs.array("x")


def test_runs_that_record_no_array_any_more_leave_none_behind(project: Project) -> None:
    gathered(project)
    for one in plan_runs(project):
        shutil.rmtree(project.folder / "runs" / one.id)
    store_runs(project, plan_runs(project))
    gathered(project)
    with pytest.raises(RunsError, match="there is none"):
        runs.array("hidden")
    assert not (project.folder / "results/arrays").exists() or not any((project.folder / "results/arrays").iterdir())


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda: record.array("a", np.zeros(5_000_000)), "was given 40 MB .*; 32 MB are kept"),
        (lambda: record.array("a", [object()]), "holds Python objects"),
        (lambda: record.array("a", [[1], [1, 2]]), "lists of equal lengths"),
        (lambda: record.text("t", "x" * 2_000_000), "2.0 MB; 1 MB is kept"),
        (lambda: record.text("t", 3), "takes a text, not int"),  # type: ignore[arg-type]
        (lambda: record.histogram("h", [1.0], bins=5000), "1 to 1000 bins"),
        (lambda: record.histogram("h", ["a"]), "takes numbers"),
        (lambda: record.histogram("h", [1.0], bins=[2, 1]), "edges that grow"),
        (lambda: record.image("i", np.zeros((2, 5000))), "5000 x 2 pixels; 4096 a side"),
        (lambda: record.image("i", np.full((2, 2), 3.5)), "from 0 .black. to 1; these go from 3.5"),
        (lambda: record.image("i", np.zeros((2, 2, 2))), "not the shape"),
        (lambda: record.file("f", "nowhere.pt"), "there is no file 'nowhere.pt'"),
        (lambda: record.array("../a", [1]), "cannot be a name"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(run: RunPaths, give: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        give()  # type: ignore[operator]
    assert list(run.folder.iterdir()) == []


def test_a_run_records_so_many_bytes_and_files_and_what_is_replaced_counts_once(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "RUN_BYTES", 3000)
    for _ in range(5):
        record.array("a", np.zeros(200), step=1)
    with pytest.raises(RecordTooLarge, match="beyond 0.0 MB; record a part of it, its mean, or fewer steps"):
        record.array("a", np.zeros(200), step=2)
    monkeypatch.setattr(recorded, "RUN_FILES", 1)
    with pytest.raises(RecordTooLarge, match="record one array of all steps"):
        record.array("b", [1])
    monkeypatch.setattr(recorded, "INDEX_BYTES", 1000)
    with pytest.raises(RecordTooLarge, match="record fewer steps"):
        record.text("t", "x" * 1000)
    assert [entry["step"] for entry in read_jsonl(run.index)] == [1] * 5


def test_a_histogram_counts_what_is_in_no_bin(run: RunPaths) -> None:
    record.histogram("h", [-5, 0.1, 0.9, 7, np.nan, np.inf], bins=2, range=(0, 1))
    (entry,) = read_jsonl(run.index)
    assert entry["content"] == {"edges": [0.0, 0.5, 1.0], "counts": [1, 1], "below": 1, "above": 1, "missing": 2}


def test_tensors_are_arrays_on_whatever_device_and_of_whatever_type(run: RunPaths) -> None:
    torch = pytest.importorskip("torch")
    record.array("t", torch.ones(2, 3, requires_grad=True).to(torch.bfloat16))
    record.image("i", torch.zeros(3, 4, 5))
    made = np.load(run.recorded / "arrays/t.npy")
    assert made.shape == (2, 3) and made.dtype == np.float32
    assert (run.recorded / "images/i.png").read_bytes().startswith(b"\x89PNG")


def test_names_in_a_run_that_lead_out_of_it_are_not_followed(project: Project, tmp_path: Path) -> None:
    one = plan_runs(project)[0]
    index = RunPaths(folder=project.folder / "runs" / one.id).index
    entry = {"kind": "array", "name": "out", "step": None, "file": "../../../sweep.yml"}
    index.write_text(index.read_text() + json.dumps(entry) + "\n")
    gathered(project)
    with pytest.raises(RunsError, match="no array of these runs is called 'out'"):
        runs.array("out")


@pytest.mark.slow
def test_figures_read_arrays_of_real_runs_and_a_gathering_that_fails_puts_the_records_back(tmp_path: Path) -> None:
    from blogkit.run.execute import execute_runs

    cells = (
        ("parameters", "width = 4\nseed = 0"),
        "import numpy as np\nfrom blogkit import record",
        "record.array('hidden', np.ones((2, width)) * seed)\nrecord.metric('error', 1)",
    )
    figures = "from blogkit import record, runs\nhidden = runs.array('hidden', where={'width': 8})\n"
    figures += "record.value('mean', hidden.stack().mean())"
    folder = write_project(tmp_path, "grid: {width: [8]}\nseeds: 2\n", *cells, **{"figures.ipynb": notebook(figures)})
    project = load_project(folder)
    execute_runs(project, plan_runs(project), workers=2)
    gathered(project)
    paths = ProjectPaths.of(project)
    assert "mean: '0.5'" in paths.values.read_text()
    before = paths.recorded.read_bytes()
    (folder / "sweep.yml").write_text("grid: {width: [8, 4]}\nseeds: 2\n")
    project = load_project(folder)
    execute_runs(project, plan_runs(project), workers=2)
    (folder / "figures.ipynb").write_text(notebook(figures.replace("'hidden'", "'gone'")))
    with pytest.raises(NotebookError, match="no array of these runs is called 'gone'; there are 'hidden'"):
        gathered(project)
    assert paths.recorded.read_bytes() == before
    (folder / "figures.ipynb").write_text(notebook(figures))
    gathered(project)
    assert paths.recorded.read_bytes() != before


def test_a_figure_of_the_networks_inside_is_ten_lines_as_the_documentation_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = next(page for page in PAGES if page.name == "figures.qmd")
    shown = [block.text for block in blocks(page) if block.file.endswith(".ipynb")]
    experiment = next(text for text in shown if "record.histogram(" in text)
    figures = next(text for text in shown if "runs.histogram(" in text)
    lines = figures.partition("hidden = ")[0].strip().splitlines()
    assert len([line for line in lines if line]) <= 10
    project = load_project(write_project(tmp_path, "grid: {width: [4, 8]}\nseeds: 2\n", *CELLS))
    planned = plan_runs(project)
    store_runs(project, planned)
    monkeypatch.chdir(project.folder)
    Path("model.pt").write_bytes(b"weights")
    for run in planned:
        monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(project.folder / "runs" / run.id))
        for epoch in (0, 1):
            before = np.random.default_rng(epoch).normal(size=(50, 8))
            names = {"record": record, "np": np, "epoch": epoch, "before": before, "hidden": before.clip(0)}
            exec(experiment, {**names, "weights": before, "words": "a b"})
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(tmp_path / "figures"))
    gathered(project)
    exec(figures, {"alt": pytest.importorskip("altair")})
    spec = json.loads((tmp_path / "figures" / "charts" / "inside.vl.json").read_text())
    (rows,) = spec["datasets"].values()
    assert len(rows) == 2 * 40 and {row["run"] for row in rows} < {run.id for run in planned}
