"""Runs travel between machines whole and unaltered, and can be made again to see whether they agree."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import random
import shutil
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project
from blogkit.errors import NotStored, ProjectError, StoreError
from blogkit.model import Project
from blogkit.run.execute import execute_runs
from blogkit.run.pack import pack_project, pack_runs, unpack_runs
from blogkit.run.plan import plan_runs
from blogkit.run.verify import Agreement, compare, verify_runs
from blogkit.store import ProjectPaths, stored_ids, to_json
from tests.files import write_project

CELLS = (("parameters", "seed = 0"), "from blogkit import record\nrecord.metric('error', seed / 3, step=1)")


def project_with_runs(root: Path, count: int = 3) -> Project:
    """A project whose store holds what a sweep would leave, without running it."""
    project = load_project(write_project(root, f"seeds: {count}", *CELLS))
    for run in plan_runs(project):
        folder = project.folder / "runs" / run.id
        (folder / "charts").mkdir(parents=True)
        (folder / "run.json").write_text(to_json({"id": run.id, "status": "done", "seconds": 1, "device": "x"}))
        (folder / "metrics.jsonl").write_text(f'{{"metric": "error", "value": {run.seed}, "step": null}}\n')
        (folder / "charts" / "a.vl.json").write_text("{}")
    return project


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_packed_there_is_unpacked_here_and_again_changes_nothing(tmp_path: Path) -> None:
    there = project_with_runs(tmp_path / "there")
    here = load_project(write_project(tmp_path / "here", "seeds: 3", *CELLS))
    packed = pack_runs(there, tmp_path / "p.tar.gz")
    assert packed.runs == 3 and pack_project(packed.path) == "p"
    assert len(unpack_runs(here, packed.path).added) == 3
    assert tree(here.folder / "runs") == tree(there.folder / "runs")
    again = unpack_runs(here, packed.path)
    assert again.added == () and len(again.known) == 3
    assert list((here.folder / "runs" / ".work").iterdir()) == []


def test_folders_that_a_script_made_beside_the_runs_are_none(tmp_path: Path) -> None:
    there = project_with_runs(tmp_path / "there")
    for name in ("lr0.1_s0", "checkpoints", "0123456789ab.old"):
        (there.folder / "runs" / name).mkdir()
        (there.folder / "runs" / name / "checkpoint.pt").write_bytes(b"x")
    here = load_project(write_project(tmp_path / "here", "seeds: 3", *CELLS))
    assert len(stored_ids(ProjectPaths.of(there))) == 3
    assert pack_runs(there, tmp_path / "p.tar.gz").runs == 3
    assert len(unpack_runs(here, tmp_path / "p.tar.gz").added) == 3


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    project = project_with_runs(tmp_path)
    one, other = (pack_runs(project, tmp_path / name).path.read_bytes() for name in ("a.tar.gz", "b.tar.gz"))
    assert one == other


def test_packs_are_united_by_id_and_what_is_here_stays(tmp_path: Path) -> None:
    there = project_with_runs(tmp_path / "there")
    pack = pack_runs(there, tmp_path / "p.tar.gz").path
    here = project_with_runs(tmp_path / "here")
    kept, lost = sorted(stored_ids(ProjectPaths.of(here)))[:2]
    shutil.rmtree(here.folder / "runs" / lost)
    (here.folder / "runs" / kept / "log.txt").write_text("mine")
    unpacked = unpack_runs(here, pack)
    assert unpacked.added == (lost,)
    assert (here.folder / "runs" / kept / "log.txt").read_text() == "mine"


def repacked(pack: Path, change: Any) -> Path:
    """A pack whose entries (name, data, type) were changed on the way."""
    with tarfile.open(pack) as tar:
        entries = [(one.name, tar.extractfile(one).read(), one.type) for one in tar]  # type: ignore[union-attr]
    out = pack.with_name("changed.tar.gz")
    with tarfile.open(out, "w:gz") as tar:
        for name, data, kind in change(entries):
            info = tarfile.TarInfo(name)
            info.size, info.type = (len(data) if kind == tarfile.REGTYPE else 0), kind
            info.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            tar.addfile(info, io.BytesIO(data))
    return out


def flip(entries: list[Any]) -> list[Any]:
    return [(name, data.replace(b'"error"', b'"erorr"'), kind) for name, data, kind in entries]


def escape(entries: list[Any]) -> list[Any]:
    manifest = json.loads(entries[0][1])
    run_id = next(iter(manifest["runs"]))
    manifest["runs"][run_id]["../../../evil"] = {"sha256": "0", "size": 1}
    return [(entries[0][0], json.dumps(manifest).encode(), entries[0][2]), *entries[1:]]


def link(entries: list[Any]) -> list[Any]:
    return [(n, d, tarfile.SYMTYPE if n.endswith("metrics.jsonl") else k) for n, d, k in entries]


def extra(entries: list[Any]) -> list[Any]:
    return [*entries[:1], ("../outside", b"x", tarfile.REGTYPE), *entries[1:]]


def cut(entries: list[Any]) -> list[Any]:
    return entries[:-1]


def deep(entries: list[Any]) -> list[Any]:
    return [(entries[0][0], b"[" * 100_000, entries[0][2]), *entries[1:]]


@pytest.mark.parametrize("change", [flip, escape, link, extra, cut, deep, lambda entries: entries[1:]])
def test_a_pack_that_was_tampered_with_is_refused_and_leaves_no_half_run(tmp_path: Path, change: Any) -> None:
    there = project_with_runs(tmp_path / "there")
    here = load_project(write_project(tmp_path / "here", "seeds: 3", *CELLS))
    bad = repacked(pack_runs(there, tmp_path / "p.tar.gz").path, change)
    with pytest.raises(StoreError):
        unpack_runs(here, bad)
    for run_id in stored_ids(ProjectPaths.of(here)):
        assert tree(here.folder / "runs" / run_id) == tree(there.folder / "runs" / run_id)
    assert not list((here.folder / "runs").glob(".work/*"))
    assert not list(tmp_path.rglob("evil")) and not list(tmp_path.rglob("outside"))


def damage_one(entries: list[Any]) -> list[Any]:
    """The first run's metrics are others than the manifest says."""
    first = entries[1][0].partition("/")[0]
    spoilt = f"{first}/metrics.jsonl"
    return [
        (name, data.replace(b'"error"', b'"erorr"') if name == spoilt else data, kind) for name, data, kind in entries
    ]


@pytest.mark.parametrize("change", [damage_one, escape, extra, cut])
def test_every_good_run_of_a_damaged_pack_is_taken_and_the_others_are_named(tmp_path: Path, change: Any) -> None:
    there = project_with_runs(tmp_path / "there")
    here = load_project(write_project(tmp_path / "here", "seeds: 3", *CELLS))
    pack = repacked(pack_runs(there, tmp_path / "p.tar.gz").path, change)
    with pytest.raises(NotStored) as caught:
        unpack_runs(here, pack)
    taken = stored_ids(ProjectPaths.of(here))
    assert len(taken) == (3 if change is extra else 2)
    assert f"{len(taken)} of its runs were taken; not: " in str(caught.value)
    for run_id in stored_ids(ProjectPaths.of(there)) - taken:
        assert run_id in str(caught.value)
    assert len(unpack_runs(here, tmp_path / "p.tar.gz").added) == 3 - len(taken), "the whole file brings the rest"


def test_a_run_that_is_not_whole_stays_here_and_is_named(tmp_path: Path) -> None:
    there = project_with_runs(tmp_path / "there")
    first, second, _ = sorted(stored_ids(ProjectPaths.of(there)))
    (there.folder / "runs" / first / "run.json").unlink()
    files = there.folder / "runs" / second / "files"
    files.mkdir()
    (files / "a:b.txt").write_text("x")
    packed = pack_runs(there, tmp_path / "p.tar.gz")
    assert packed.runs == 2
    assert [first in packed.left_out[0], f"{second}/files/a:b.txt" in packed.left_out[1]] == [True, True]
    here = load_project(write_project(tmp_path / "here", "seeds: 3", *CELLS))
    assert len(unpack_runs(here, packed.path).added) == 2


def reported(entries: list[Any], name: str, data: bytes) -> list[Any]:
    """A pack whose manifest names every hash rightly, with other contents of one file of each run."""
    manifest = json.loads(entries[0][1])
    for files in manifest["runs"].values():
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    rest = [(n, data if n.endswith(f"/{name}") else d, k) for n, d, k in entries[1:]]
    return [(entries[0][0], json.dumps(manifest).encode(), entries[0][2]), *rest]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("run.json", b"[" * 100_000),
        ("run.json", b'{"id": "ID", "status": "done", "seconds": "many"}'),
        ("run.json", b'{"id": "ID", "status": "done", "seconds": NaN}'),
        ("run.json", b'{"id": "ID", "status": "done", "peak_memory": [1]}'),
        ("run.json", b'{"id": "ID", "status": "done", "parameters": [1]}'),
        ("metrics.jsonl", b'{"metric": "a", "value": "x", "step": 1}\n'),
        ("metrics.jsonl", b'{"metric": "a", "value": 1, "step": "x"}\n'),
        ("metrics.jsonl", b'{"metric": "a", "value": ' + b"9" * 400 + b', "step": 1}\n'),
    ],
    ids=["deep", "seconds", "nan", "memory", "parameters", "value", "step", "huge"],
)
def test_a_record_that_would_trip_its_readers_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    there = project_with_runs(tmp_path / "there", count=1)
    here = load_project(write_project(tmp_path / "here", "seeds: 1", *CELLS))
    (run_id,) = stored_ids(ProjectPaths.of(there))
    pack = pack_runs(there, tmp_path / "p.tar.gz").path
    with pytest.raises(StoreError, match="not that of a finished run"):
        unpack_runs(here, repacked(pack, lambda entries: reported(entries, name, data.replace(b"ID", run_id.encode()))))
    assert stored_ids(ProjectPaths.of(here)) == frozenset()
    assert not list((here.folder / "runs").glob(".work/*"))


@pytest.mark.parametrize("count", [150, pytest.param(20_000, marks=pytest.mark.long)])
def test_a_pack_with_any_bit_flipped_is_refused_or_the_same(tmp_path: Path, count: int) -> None:
    there = project_with_runs(tmp_path / "there", count=1)
    here = load_project(write_project(tmp_path / "here", "seeds: 1", *CELLS))
    whole = pack_runs(there, tmp_path / "p.tar.gz").path.read_bytes()
    chance = random.Random(5)
    for _ in range(count):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (tmp_path / "x.tar.gz").write_bytes(data)
        with suppress(StoreError):
            unpack_runs(here, tmp_path / "x.tar.gz")
        for run_id in stored_ids(ProjectPaths.of(here)):
            assert tree(here.folder / "runs" / run_id) == tree(there.folder / "runs" / run_id)
        shutil.rmtree(here.folder / "runs", ignore_errors=True)


@pytest.mark.parametrize("data", [b"", b"no pack", gzip.compress(b"no tar", mtime=0)])
def test_any_other_file_is_no_pack(tmp_path: Path, data: bytes) -> None:
    project = load_project(write_project(tmp_path, "", *CELLS))
    (tmp_path / "x.tar.gz").write_bytes(data)
    with pytest.raises(StoreError, match="pack of runs"):
        unpack_runs(project, tmp_path / "x.tar.gz")


def test_a_pack_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        pack_project(tmp_path / "none.tar.gz")


def test_a_pack_of_another_project_is_refused(tmp_path: Path) -> None:
    pack = pack_runs(project_with_runs(tmp_path), tmp_path / "p.tar.gz").path
    other = load_project(write_project(tmp_path / "b", "", *CELLS, name="q"))
    with pytest.raises(StoreError, match="runs of the project 'p', not of 'q'"):
        unpack_runs(other, pack)


# --- verify ---------------------------------------------------------------------------------------------------------


def test_metrics_agree_exactly_or_within_a_tolerance_or_not() -> None:
    before = {("a", 0.0): [1.0], ("b", None): [1.0], ("c", None): [math.nan], ("d", 1.0): [2.0, 3.0]}
    after = {("a", 0.0): [1.0], ("b", None): [1.001], ("c", None): [math.nan], ("d", 1.0): [2.0]}
    found = {one.metric: one.agreement for one in compare(before, after, 0.01)}
    assert found == {
        "a": Agreement.EXACT,
        "b": Agreement.CLOSE,
        "c": Agreement.EXACT,
        "d": Agreement.DIFFERENT,
    }
    assert compare(before, after, 0.0)[1].agreement is Agreement.DIFFERENT


def test_there_must_be_results_to_verify(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path, "", *CELLS))
    with pytest.raises(ProjectError, match="has no results"):
        verify_runs(project, plan_runs(project))


@pytest.mark.slow
def test_a_sample_of_runs_is_made_again_and_a_forged_number_is_found(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path, "seeds: 3", *CELLS))
    runs = plan_runs(project)
    execute_runs(project, runs)
    before = tree(project.folder / "runs")
    chosen = verify_runs(project, runs, sample=2, seed=1)
    assert len(chosen) == 2 and all(one.agrees for one in chosen)
    assert [one.run.id for one in chosen] == [one.run.id for one in verify_runs(project, runs, sample=2, seed=1)]
    assert tree(project.folder / "runs") == before
    forged = project.folder / "runs" / chosen[0].run.id / "metrics.jsonl"
    forged.write_text('{"metric": "error", "value": 0.5, "step": 1}\n')
    (bad, good) = verify_runs(project, runs, sample=2, seed=1)
    assert (bad.agrees, good.agrees) == (False, True)


# --- the tutorial ---------------------------------------------------------------------------------------------------


def test_every_command_of_the_hosted_notebook_is_one_that_exists() -> None:
    import re

    import typer.main

    from blogkit.cli import app
    from blogkit.cli import runs as _runs  # noqa: F401  # adds its verbs

    text = (Path(__file__).parents[2] / "docs" / "hosted-notebook.ipynb").read_text()
    commands = [line.split() for line in re.findall(r"(?:!|\\n|`)blogkit ([a-z][^\"\\`]*)", text)]
    assert len(commands) >= 4
    root = typer.main.get_command(app)
    for words in commands:
        if words[0] in {"build"}:  # of another module
            continue
        command: Any = root
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert command is not root, words
        assert {word for word in words if word.startswith("--")} <= options, words
