"""A run that was killed goes on from its checkpoint, and its numbers are those of a run that nobody disturbed."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blogkit import record
from blogkit.config import load_project
from blogkit.kernel import checkpoints
from blogkit.kernel.run_folder import RUN_FOLDER_VARIABLE, RunPaths
from blogkit.model import Project, RunResult, RunStatus
from blogkit.run.browsing import plan_pruning
from blogkit.run.execute import execute_runs
from blogkit.run.plan import plan_runs
from blogkit.store import ProjectPaths
from tests.files import write_project

STEPS = 40
LOOP = """
import os, signal
from pathlib import Path

def perhaps_die(step):
    kills = Path({kills!r})
    planned = kills.read_text().split() if kills.exists() else []
    if planned and int(planned[0]) == step:
        kills.write_text(" ".join(planned[1:]))
        os.kill(os.getpid(), signal.SIGKILL)
"""
NUMPY = """
import random
import numpy as np
from blogkit import record

random.seed(seed); np.random.seed(seed)
weights = np.zeros(3)
state = record.resume()
if state is not None:
    weights = state["weights"]
for step in range(state["step"] + 1 if state else 0, steps):
    weights = 0.9 * weights + np.random.normal(size=3) + random.random()
    record.metric("norm", float((weights ** 2).sum()), step=step)
    if step % 10 == 0:
        record.array("weights", weights, step=step)
    perhaps_die(step)
    if step % 3 == 0:
        record.checkpoint({"step": step, "weights": weights})
"""
TORCH = """
import torch
from blogkit import record

torch.manual_seed(seed)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
state = record.resume()
if state is not None:
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
for step in range(state["step"] + 1 if state else 0, steps):
    batch = torch.randn(16, 4)
    loss = ((net(batch) - batch.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    record.metric("loss", loss.item(), step=step)
    perhaps_die(step)
    record.checkpoint({"step": step, "net": net.state_dict(), "optimizer": optimizer.state_dict()})
"""


def project_of(root: Path, training: str) -> Project:
    parameters = ("parameters", f"steps = {STEPS}\nseed = 0")
    cells = (parameters, LOOP.format(kills=str(root / "kills")), training)
    return load_project(write_project(root, "seeds: 1\n", *cells))


def numbers(result: RunResult) -> dict[str, bytes]:
    """What a run recorded, byte for byte."""
    assert result.status is RunStatus.DONE and result.folder is not None, result.reason
    run = RunPaths(folder=result.folder)
    arrays = {path.name: path.read_bytes() for path in sorted(run.recorded.rglob("*.npy"))}
    return {"metrics": run.metrics.read_bytes(), **arrays}


def disturbed_and_not(root: Path, training: str, kills: list[int]) -> tuple[RunResult, RunResult]:
    """The run with a kill at each of these steps, each time the run comes by, and the same run without any."""
    calm = project_of(root / "calm", training)
    (undisturbed,) = execute_runs(calm, plan_runs(calm))
    project = project_of(root, training)
    (root / "kills").write_text(" ".join(map(str, kills)))
    (killed,) = execute_runs(project, plan_runs(project), retries=len(kills))
    assert (root / "kills").read_text() == ""
    return killed, undisturbed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("training", "kills"),
    [
        pytest.param(NUMPY, 3, id="numpy, 3 kills"),
        pytest.param(NUMPY, 20, id="numpy, 20 kills", marks=pytest.mark.long),
        pytest.param(TORCH, 20, id="torch, 20 kills", marks=pytest.mark.long),
    ],
)
def test_a_run_that_was_killed_records_what_an_undisturbed_one_does(tmp_path: Path, training: str, kills: int) -> None:
    steps = sorted(random.Random(kills).choices(range(1, STEPS), k=kills))
    killed, undisturbed = disturbed_and_not(tmp_path, training, steps)
    assert numbers(killed) == numbers(undisturbed)
    assert killed.folder is not None and undisturbed.folder is not None
    assert json.loads(RunPaths(folder=killed.folder).record.read_text())["resumed"] == kills
    assert "resumed" not in json.loads(RunPaths(folder=undisturbed.folder).record.read_text())
    assert not list((killed.folder.parent / ".checkpoints").iterdir())


# --- one checkpoint -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    folder = tmp_path / "runs" / ".work" / "0123456789ab-00000001"
    folder.mkdir(parents=True)
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(folder))
    return RunPaths(folder=folder)


def next_attempt(run: RunPaths, monkeypatch: pytest.MonkeyPatch, number: int) -> RunPaths:
    folder = run.folder.with_name(f"0123456789ab-{number:08x}")
    folder.mkdir()
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(folder))
    return RunPaths(folder=folder)


def test_outside_a_run_there_is_nothing_to_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUN_FOLDER_VARIABLE, raising=False)
    record.checkpoint({"epoch": 1})
    assert record.resume() is None


def test_random_numbers_go_on_where_they_were(run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    record.checkpoint(None)
    expected = [random.random(), float(np.random.rand())]
    next_attempt(run, monkeypatch, 2)
    random.seed(99)
    np.random.seed(99)
    assert record.resume() is None  # the state that was kept
    assert [random.random(), float(np.random.rand())] == expected


def test_records_after_the_checkpoint_are_recorded_again_and_those_before_are_there(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.metric("loss", 1.0, step=0)
    record.array("weights", [1.0], step=0)
    record.checkpoint({"step": 0})
    record.metric("loss", 9.0, step=1)
    record.array("weights", [9.0], step=0)
    later = next_attempt(run, monkeypatch, 2)
    record.metric("loss", 1.0, step=0)  # what stands before resume() in the notebook runs again
    assert record.resume() == {"step": 0}
    assert [json.loads(line)["value"] for line in later.metrics.read_text().splitlines()] == [1.0]
    assert np.load(later.recorded / "arrays" / "weights@0.npy").tolist() == [1.0]
    assert len(later.index.read_text().splitlines()) == 1


@pytest.mark.parametrize("damage", [b"", b"no pickle", pickle.dumps({"state": 1})])
def test_a_damaged_checkpoint_is_left_out(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: bytes
) -> None:
    record.checkpoint({"step": 3})
    place = checkpoints.checkpoints_of(run)
    assert place is not None
    (newest,) = place.iterdir()
    (newest / "state").write_bytes(damage)
    next_attempt(run, monkeypatch, 2)
    assert record.resume() is None
    assert "could not be read" in capsys.readouterr().err and not newest.exists()


def test_a_checkpoint_that_was_being_written_is_none(run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    record.checkpoint({"step": 3})
    place = checkpoints.checkpoints_of(run)
    assert place is not None
    (place / "part-12345678").mkdir()
    next_attempt(run, monkeypatch, 2)
    assert record.resume() == {"step": 3}


def test_what_cannot_be_kept_is_refused_and_the_earlier_checkpoint_stays(run: RunPaths) -> None:
    record.checkpoint({"step": 3})
    with pytest.raises(TypeError, match="cannot be kept.*state_dict"):
        record.checkpoint({"step": 4, "loss": lambda x: x})
    assert record.resume() == {"step": 3}
    place = checkpoints.checkpoints_of(run)
    assert place is not None and len(list(place.iterdir())) == 1


def test_a_verification_neither_reads_nor_writes_checkpoints(run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    record.checkpoint({"step": 3})
    folder = run.folder.with_name("verify-00000001")
    folder.mkdir()
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(folder))
    assert record.resume() is None
    record.checkpoint({"step": 4})
    assert [path.name for path in (run.folder.parent.parent / ".checkpoints").iterdir()] == ["0123456789ab"]


@pytest.mark.slow
def test_a_run_that_is_forced_begins_anew(tmp_path: Path) -> None:
    project = project_of(tmp_path, NUMPY)
    (tmp_path / "kills").write_text("20")
    execute_runs(project, plan_runs(project))
    (result,) = execute_runs(project, plan_runs(project), force=True)
    assert result.folder is not None and "resumed" not in json.loads(RunPaths(folder=result.folder).record.read_text())


def test_checkpoints_of_runs_that_are_planned_no_more_can_be_pruned(tmp_path: Path) -> None:
    project = project_of(tmp_path, NUMPY)
    place = ProjectPaths.of(project).checkpoints
    (planned,) = plan_runs(project)
    for name in (planned.id, "0123456789ab"):
        (place / name).mkdir(parents=True)
    removable: list[Any] = [(one.path.name, one.what) for one in plan_pruning(project).removable]
    assert removable == [("0123456789ab", "checkpoint of a stale run")]
