"""Each run works in a folder of its own: it reads the project's files, and writes where no other run reads."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_project, load_site
from blogkit.errors import ConfigError
from blogkit.model import RunStatus
from blogkit.run import working
from blogkit.run.execute import RunEvent, UserNote, execute_runs, recover
from blogkit.run.plan import plan_runs
from blogkit.run.working import clear_working_folders, working_folder
from blogkit.store import ProjectPaths, RunPaths
from tests.files import site_tree, write_project, write_tree

PROJECT = {
    "data.csv": "a\n1\n",
    "src/net.py": "WIDTH = 8\n",
    "src/deep/down/table.csv": "b\n2\n",
    "out/old.txt": "from before\n",
    ".hidden": "h",
    "runs/abc/notebook.ipynb": "{}",
    "__pycache__/x.pyc": "",
}


def project_folder(tmp_path: Path, **more: str) -> Path:
    write_tree(tmp_path, site_tree({"p": {**PROJECT, **more}}))
    return (tmp_path / "projects" / "p").resolve()


def work_folder(project: Path, name: str = "0123456789ab-01234567") -> RunPaths:
    folder = project / "runs" / ".work" / name
    folder.mkdir(parents=True)
    return RunPaths(folder=folder)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"runs", "__pycache__"} & set(path.relative_to(folder).parts)
    }


def test_files_of_the_project_lie_under_their_relative_paths_and_above_it_all_is_as_it_was(tmp_path: Path) -> None:
    project = project_folder(tmp_path)
    write_tree(tmp_path, {"shared/x.csv": "c\n3\n"})
    with working_folder(project, work_folder(project)) as place:
        assert {name: data for name, data in tree(place.folder).items() if name != ".gitignore"} == tree(project)
        assert not (place.folder / "runs").exists()
        assert (place.folder / "../../shared/x.csv").read_text() == "c\n3\n"
        assert place.links == {} and place.environment == {}
    assert not place.folder.exists()


def test_what_is_written_stays_out_of_the_project_and_is_kept_with_the_run(tmp_path: Path) -> None:
    project = project_folder(tmp_path)
    before, work = tree(project), work_folder(project)
    with working_folder(project, work) as place:
        (place.folder / "data.csv").write_text("other")
        (place.folder / "out" / "new.txt").write_text("new")
        (place.folder / "src" / "net.py").unlink()
        (place.folder / "made" / "__pycache__").mkdir(parents=True)
        (place.folder / "made" / "__pycache__" / "x.pyc").touch()
        assert place.keep(work.files) == []
    assert tree(project) == before
    assert tree(work.files) == {"data.csv": b"other", "out/new.txt": b"new"}


def test_git_sees_nothing_of_a_working_folder(tmp_path: Path) -> None:
    project = project_folder(tmp_path)
    work = work_folder(project)
    write_tree(tmp_path, {".gitignore": "runs/\n__pycache__/\n"})
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    with working_folder(project, work) as place:
        (place.folder / "checkpoint.pt").write_bytes(b"x")
        said = subprocess.run(
            ["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        assert said.stdout == ""
        assert [one.name for one in load_site(tmp_path).projects] == ["p"]


def test_large_files_are_linked_and_a_write_through_a_link_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "COPIED_FILE", 3)
    monkeypatch.setattr(working, "_clone", lambda source, place: False)
    project = project_folder(tmp_path)
    with working_folder(project, work_folder(project)) as place:
        assert (place.folder / "data.csv").is_symlink() and not (place.folder / ".hidden").is_symlink()
        assert place.environment and place.changed_links() == []
        (place.folder / "data.csv").write_text("through the link")
        assert place.changed_links() == ["data.csv"]


def test_a_folder_of_too_many_files_is_linked_whole_and_the_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_folder(tmp_path, **{f"images/{number}.png": "i" for number in range(50)})
    monkeypatch.setattr(working, "ENTRIES", 40)
    with working_folder(project, work_folder(project)) as place:
        assert (place.folder / "images").is_symlink()
        assert len(list((place.folder / "images").iterdir())) == 50
        assert not (place.folder / "out").is_symlink() and not (place.folder / "src").is_symlink()
        (place.folder / "images" / "new.png").touch()
        assert place.changed_links() == ["images"]


def test_more_files_than_are_copied_are_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_folder(tmp_path)
    monkeypatch.setattr(working, "COPIED_FILES", 2)
    monkeypatch.setattr(working, "_clone", lambda source, place: False)
    with working_folder(project, work_folder(project)) as place:
        assert sum(not path.is_symlink() for path in place.folder.rglob("*") if path.is_file()) == 3  # with .gitignore


def test_where_nobody_may_make_links_large_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(working, "COPIED_FILE", 0)
    monkeypatch.setattr(working, "_clone", lambda source, place: False)
    monkeypatch.setattr(Path, "symlink_to", refuse)
    project = project_folder(tmp_path)
    with working_folder(project, work_folder(project), shared=["src"]) as place:
        assert {name: data for name, data in tree(place.folder).items() if name != ".gitignore"} == tree(project)
        assert place.links == {}


def test_a_folder_that_runs_share_is_the_projects_own_and_is_made(tmp_path: Path) -> None:
    project = project_folder(tmp_path)
    work = work_folder(project)
    with working_folder(project, work, shared=["data", "cache/torch"]) as place:
        (place.folder / "data" / "mnist.gz").write_text("downloaded")
        (place.folder / "cache" / "torch" / "x").write_text("too")
        assert place.changed_links() == [] and place.keep(work.files) == []
    assert (project / "data" / "mnist.gz").read_text() == "downloaded"
    assert (project / "cache" / "torch" / "x").exists()


@pytest.mark.parametrize("name", ["/etc", "..", "a/../..", "runs", "results/x", ""])
def test_only_folders_of_the_project_can_be_shared(tmp_path: Path, name: str) -> None:
    folder = write_project(tmp_path, f"shared: [data, {json.dumps(name)}]")
    with pytest.raises(ConfigError, match="cannot be shared"):
        load_project(folder)


def test_links_in_the_project_lead_where_they_led_but_never_back_into_it(tmp_path: Path) -> None:
    project = project_folder(tmp_path)
    write_tree(tmp_path, {"elsewhere/big.bin": "big"})
    (project / "linked").symlink_to(tmp_path / "elsewhere")
    (project / "inside").symlink_to(project / "src")
    (project / "file.csv").symlink_to(project / "data.csv")
    (project / "round").symlink_to(project)
    (project / "broken").symlink_to(project / "nothing")
    with working_folder(project, work_folder(project)) as place:
        assert (place.folder / "linked" / "big.bin").read_text() == "big"
        (place.folder / "inside" / "net.py").write_text("WIDTH = 9")
        (place.folder / "file.csv").write_text("other")
        (place.folder / "round" / "data.csv").write_text("other")
    assert (project / "src" / "net.py").read_text() == "WIDTH = 8\n" and (project / "data.csv").read_text() == "a\n1\n"


def test_files_beyond_what_a_run_may_keep_are_named_and_small_ones_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "KEPT_TOTAL", 100)
    monkeypatch.setattr(working, "KEPT_FILES", 3)
    project = project_folder(tmp_path)
    work = work_folder(project)
    with working_folder(project, work) as place:
        (place.folder / "a-large.bin").write_bytes(bytes(1000))
        for name in ("b", "c", "d", "e"):
            (place.folder / name).write_bytes(bytes(10))
        assert place.keep(work.files) == [("e", 10), ("a-large.bin", 1000)]
    assert sorted(tree(work.files)) == ["b", "c", "d"]


def test_a_project_in_a_folder_that_cannot_be_written_works_below_its_runs_and_says_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_folder(tmp_path)
    real, notes = Path.mkdir, list[str]()

    def mkdir(path: Path, *arguments: Any, **named: Any) -> None:
        if path.parent == project.parent:
            raise PermissionError(13, "Permission denied")
        real(path, *arguments, **named)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    work = work_folder(project)
    with working_folder(project, work, on_note=notes.append) as place:
        assert place.folder.is_relative_to(work.folder) and (place.folder / "data.csv").exists()
        assert place.above is False
    assert len(notes) == 1 and "../" in notes[0] and list(work.folder.iterdir()) == []


def test_working_folders_of_killed_runs_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    project = project_folder(tmp_path)
    alive = work_folder(project, "00000000000a-00000000")
    names = ["00000000000a-00000000", "00000000000b-00000000", "verify-00000000", "mine", "0000-x"]
    for name in names:
        write_tree(project.parent, {f".p.{name}/x": "", f".p2.{name}/x": ""})
    clear_working_folders(project, alive.folder.parent)
    left = sorted(path.name for path in project.parent.glob(".p.*"))
    assert left == [".p.0000-x", ".p.00000000000a-00000000", ".p.mine"]
    assert len(list(project.parent.glob(".p2.*"))) == 5


# --- whole runs -------------------------------------------------------------------------------------------------------

WAYS = {
    "a CSV": (
        "import os, csv, time\nos.makedirs('out', exist_ok=True)\n"
        "open('out/metrics.csv', 'w').write(str(x))\ntime.sleep(0.3)",
        "float(open('out/metrics.csv').read())",
    ),
    "a file over the project's": ("open('data.csv', 'w').write(str(x))\nwait()", "float(open('data.csv').read())"),
    "an array": ("import numpy\nnumpy.save('state.npy', x)\nwait()", "float(numpy.load('state.npy'))"),
    "a checkpoint": (
        "import torch\ntorch.save({'x': x}, 'large.bin')\nwait()",
        "torch.load('large.bin')['x']",
    ),
    "a large file that is linked": (
        "f = open('other.bin', 'r+b'); f.write(bytes([x])); f.close()\nwait()",
        "open('other.bin', 'rb').read()[0]",
    ),
    "a script": (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, 'src/train.py', str(x)], check=True, cwd=os.getcwd())\nwait()",
        "float(open('out/metrics.csv').read())",
    ),
    "a shell": ("!python src/train.py {x}\nwait()", "float(open('out/metrics.csv').read())"),
    "%run": ("%run helper.py\nopen('y.txt', 'w').write(str(x * HELP))\nwait()", "float(open('y.txt').read())"),
    "a changed folder": (
        "os.chdir('out')\nopen('metrics.csv', 'w').write(str(x))\nwait()\nos.chdir('..')",
        "float(open('out/metrics.csv').read())",
    ),
    "a module's own folder": (
        "import sys; sys.path.insert(0, 'src')\nimport net\n"
        "open(os.path.join(os.path.dirname(os.path.realpath(net.__file__)), 'y.txt'), 'w').write(str(x))\nwait()",
        "float(open('src/y.txt').read())",
    ),
    "pandas": ("import pandas\npandas.DataFrame({'x': [x]}).to_csv('out/m.csv')\nwait()",
               "float(pandas.read_csv('out/m.csv')['x'].iloc[0])"),
}  # fmt: skip
READS = (
    "assert open('data.csv').read() == 'project'\nassert open('../../shared/file.csv').read() == 'shared'\n"
    "assert open('src/deep/down/table.csv').read() == 'deep'\nassert len(open('large.bin', 'rb').read()) == 5_000_000"
)


def parallel_site(root: Path) -> Path:
    """Eight runs each of which writes and, when the others had their time, reads back."""
    first = (
        "import os, time\nfrom pathlib import Path\nfrom blogkit import record\n"
        "meeting = Path(os.environ['MEETING'])\n"
        "def wait():\n"
        "    global turn\n    turn = globals().get('turn', 0) + 1\n"
        "    (meeting / f'{turn}-{x}').touch()\n"
        "    end = time.time() + 20\n"
        "    while len(list(meeting.glob(f'{turn}-*'))) < 8 and time.time() < end:\n        time.sleep(0.02)"
    )
    cells: list[Any] = [("parameters", "x = 0"), first, READS]
    for number, (write, read) in enumerate(WAYS.values()):
        cells += [write, f"record.metric('way_{number}', {read})"]
    files = {
        "data.csv": "project",
        "helper.py": "HELP = 1\n",
        "src/net.py": "",
        "src/train.py": "import sys, os\nos.makedirs('out', exist_ok=True)\n"
        "open('out/metrics.csv', 'w').write(sys.argv[1])\n",
        "src/deep/down/table.csv": "deep",
        "out/metrics.csv": "the project's",
    }
    folder = write_project(root, "grid: {x: [1, 2, 3, 4, 5, 6, 7, 8]}", *cells, **files)
    for name in ("large.bin", "other.bin"):
        (folder / name).write_bytes(bytes(5_000_000))
    write_tree(root, {"shared/file.csv": "shared"})
    return folder


@pytest.mark.slow
@pytest.mark.xdist_group("warm")
@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_eight_parallel_runs_read_back_what_they_wrote_themselves(
    tmp_path: Path, cold: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = parallel_site(tmp_path)
    (tmp_path / "meeting").mkdir()
    monkeypatch.setenv("MEETING", str(tmp_path / "meeting"))
    project = load_project(folder)
    before, planned, events = tree(folder), plan_runs(project), list[RunEvent]()
    results = execute_runs(project, planned, workers=8, cold=cold, on_event=events.append)
    assert [(result.status, result.reason) for result in results] == [(RunStatus.DONE, "")] * 8
    for result in results:
        assert result.folder is not None
        metrics = [json.loads(line) for line in RunPaths(folder=result.folder).metrics.read_text().splitlines()]
        assert [entry["value"] for entry in metrics] == [result.run.parameters["x"]] * len(WAYS), metrics
    assert tree(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["p"]
    assert [event.text for event in events if isinstance(event, UserNote)] == []
    assert plan_runs(load_project(folder)) == planned


@pytest.mark.slow
def test_a_single_run_keeps_what_it_wrote_and_copying_its_code_makes_nothing_stale(tmp_path: Path) -> None:
    code = (
        "import os, shutil, sys\nfrom pathlib import Path\nimport net\n"
        "shutil.copytree('.', 'out/code', ignore=shutil.ignore_patterns('out'))\n"
        "print(Path.cwd())\nPath.cwd()"
    )
    folder = write_project(tmp_path, "", ("parameters", "x = 0"), code, "1 / net.ZERO", **{"net.py": "ZERO = 1"})
    project = load_project(folder)
    planned = plan_runs(project)
    (result,) = execute_runs(project, planned)
    assert result.status is RunStatus.DONE and result.folder is not None
    assert (result.folder / "files" / "out" / "code" / "net.py").read_text() == "ZERO = 1"
    assert plan_runs(load_project(folder)) == planned
    assert (result.folder / "log.txt").read_text() == f"{folder}\n"  # not the folder that is gone by now
    assert str(folder.parent / ".p.") not in (result.folder / "notebook.ipynb").read_text()


@pytest.mark.slow
def test_an_error_in_a_module_names_the_projects_file(tmp_path: Path) -> None:
    folder = write_project(
        tmp_path, "", ("parameters", "x = 0"), "import net\nnet.fail()", **{"net.py": "def fail():\n    1 / 0\n"}
    )
    project = load_project(folder)
    (result,) = execute_runs(project, plan_runs(project))
    assert result.folder is not None
    assert str(folder / "net.py") in (result.folder / "log.txt").read_text()
    assert ".p." not in (result.folder / "log.txt").read_text()


@pytest.mark.slow
def test_a_run_that_writes_too_much_is_reported_once_with_the_key_that_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "KEPT_TOTAL", 10)
    folder = write_project(
        tmp_path,
        "seeds: 2",
        ("parameters", "seed = 0"),
        "import os\nos.mkdir('data')\nopen('data/m.gz', 'wb').write(bytes(11))",
    )
    project, events = load_project(folder), list[RunEvent]()
    results = execute_runs(project, plan_runs(project), on_event=events.append, cold=True)
    assert [result.status for result in results] == [RunStatus.DONE] * 2
    (note,) = [event.text for event in events if isinstance(event, UserNote)]
    assert "data/m.gz" in note and "`shared: [data]`" in note
    assert not any((result.folder / "files").exists() for result in results if result.folder)


@pytest.mark.slow
def test_what_a_killed_sweep_left_of_its_working_folders_is_cleared_by_the_next(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "", ("parameters", "x = 0"), "import time\nopen('here', 'w')\ntime.sleep(60)")
    code = (
        "import sys\nfrom pathlib import Path\nfrom blogkit.config import load_project\n"
        "from blogkit.run.execute import execute_runs\nfrom blogkit.run.plan import plan_runs\n"
        "project = load_project(Path(sys.argv[1]))\nexecute_runs(project, plan_runs(project))"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    arrived = threading.Event()
    for _ in range(200):
        if list(folder.parent.glob(".p.*/here")):
            break
        arrived.wait(0.1)
    driver.kill()
    driver.wait()
    assert len(list(folder.parent.glob(".p.*"))) == 1
    arrived.wait(1.0)  # the kernel follows its driver
    recover(ProjectPaths(folder=folder))
    assert list(folder.parent.glob(".p.*")) == []
    assert list((folder / "runs" / ".work").iterdir()) == []
