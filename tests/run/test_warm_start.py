"""A forked kernel is what a new one would have been: each hazard of a fork has a test, and nothing is left over."""

from __future__ import annotations

import functools
import gzip
import importlib.metadata
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from blogkit.config import load_project
from blogkit.kernel import server as server_module
from blogkit.model import RunStatus
from blogkit.run.execute import CellBegan, RunEvent, Started, UserNote, execute_runs
from blogkit.run.kernels import ADDRESS_VARIABLE, PROVISIONER, installed, warm_start
from blogkit.run.plan import plan_runs
from blogkit.tools.execution import ORDINARY, PLAIN, KernelStart, NotebookOutcome
from blogkit.tools.papermill import execute_notebook
from blogkit.tools.python import is_own_kernel
from tests.files import notebook, write_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("warm"),
    pytest.mark.skipif(sys.platform != "linux", reason="a warm start needs Linux"),
]

THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def warm() -> Iterator[KernelStart]:
    """One server for all tests that only look at its kernels; a note from it is a failure."""
    notes: list[str] = []
    with warm_start(["numpy", "torch", "torch.utils.data", "pandas"], env=THREADS, on_note=notes.append) as start:
        yield start
    assert notes == []


def execute(folder: Path, *cells: Any, start: KernelStart, **how: Any) -> NotebookOutcome:
    source = folder / "source.ipynb"
    source.write_text(notebook(*cells))
    how.setdefault("env", THREADS)
    return execute_notebook(source, folder / "out.ipynb", {}, cwd=folder, log=folder / "log.txt", start=start, **how)


def printed(folder: Path, code: str, start: KernelStart, **how: Any) -> str:
    outcome = execute(folder, code, start=start, **how)
    assert outcome.done, outcome
    text = (folder / "log.txt").read_text()
    (folder / "log.txt").unlink()
    return text


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> bool:
    return not alive(pid)


def wait_until(condition: Any, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_the_kernel_is_a_fork_with_the_libraries_imported(tmp_path: Path, warm: KernelStart) -> None:
    text = printed(tmp_path, "import sys\nprint('torch' in sys.modules, 'blogkit.kernel.fork' in sys.modules)", warm)
    assert text == "True True\n"


def test_path_arguments_environment_and_folder_are_those_of_a_new_kernel(tmp_path: Path, warm: KernelStart) -> None:
    code = (
        "import os, sys, json, signal, threading, __main__\n"
        "print(json.dumps(dict(path=sys.path, argv=sys.argv[0].split('/')[-1].removesuffix('.py'), cwd=os.getcwd(),\n"
        " env={k: v for k, v in os.environ.items() if not k.startswith(('JPY_', 'PYDEVD'))}, flags=str(sys.flags),\n"
        " sigint=str(signal.getsignal(signal.SIGINT)), sigterm=str(signal.getsignal(signal.SIGTERM)),\n"
        " sigchld=str(signal.getsignal(signal.SIGCHLD)), mask=str(signal.pthread_sigmask(signal.SIG_BLOCK, [])),\n"
        " sid=os.getsid(0) == os.getpid(), stdin=os.readlink('/proc/self/fd/0'),\n"
        " main=str(__main__.__dict__.get('__spec__')),\n"
        " names=sorted(n for n in __main__.__dict__ if not n.startswith('_')),\n"
        " backend=os.environ.get('MPLBACKEND'))))"
    )
    env = {**THREADS, "ONLY_HERE": "1", "CUDA_VISIBLE_DEVICES": "3"}
    plain, *others = (json.loads(printed(tmp_path, code, start, env=env)) for start in (PLAIN, ORDINARY, warm))
    plain.pop("stdin"), plain.pop("sid")
    assert others[-1]["stdin"] == "/dev/null"
    for one in others:
        assert one.pop("stdin") and one.pop("sid")
        for name in sorted({*plain["env"], *one["env"]}):
            assert one["env"].get(name) == plain["env"].get(name), name
        assert one == plain
    warm_one = others[-1]
    assert warm_one["env"]["CUDA_VISIBLE_DEVICES"] == "3" and warm_one["cwd"] == str(tmp_path)


def test_most_of_a_kernels_memory_is_shared_with_the_server(tmp_path: Path, warm: KernelStart) -> None:
    code = (
        "import numpy, torch, pandas\n"
        "lines = open('/proc/self/smaps_rollup').read().splitlines()\n"
        "print(sum(int(line.split()[1]) for line in lines if line.startswith('Private_Dirty')))"
    )
    cold_one, warm_one = (int(printed(tmp_path, code, start)) for start in (ORDINARY, warm))
    assert warm_one < cold_one / 4


def test_a_variable_that_the_driver_lacks_is_not_inherited_from_the_server(tmp_path: Path) -> None:
    with warm_start([], env={"SERVER_ONLY": "1"}) as start:
        assert printed(tmp_path, "import os; print(os.environ.get('SERVER_ONLY'))", start) == "None\n"


def test_unseeded_kernels_draw_different_numbers(tmp_path: Path, warm: KernelStart) -> None:
    code = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1).item())"
    draws = [printed(tmp_path, code, warm).split() for _ in range(2)]
    assert all(one != other for one, other in zip(*draws, strict=True)), draws


@pytest.mark.parametrize("threads", ["1", "2"])
def test_training_is_equal_bit_for_bit_to_an_ordinary_kernel(tmp_path: Path, warm: KernelStart, threads: str) -> None:
    code = (
        "import torch, numpy as np\ntorch.manual_seed(0)\nnet = torch.nn.Sequential(torch.nn.Linear(64, 256),\n"
        " torch.nn.ReLU(), torch.nn.Linear(256, 10))\nopt = torch.optim.Adam(net.parameters())\n"
        "x = torch.randn(512, 64)\nfor _ in range(20):\n    loss = net(x).square().mean() + (x @ x.T).sin().mean()\n"
        "    opt.zero_grad(); loss.backward(); opt.step()\n"
        "a = np.random.default_rng(0).normal(size=(300, 300))\n"
        "print(torch.get_num_threads(), loss.item().hex(), float(np.linalg.svd(a @ a)[1].sum()).hex())"
    )
    env = dict.fromkeys(THREADS, threads)
    cold_text, warm_text = (printed(tmp_path, code, start, env=env) for start in (PLAIN, warm))
    assert cold_text == warm_text
    assert warm_text.startswith(f"{threads} ")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_loaders_with_workers_do_their_work(tmp_path: Path, warm: KernelStart, method: str) -> None:
    code = (
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        f"loader = DataLoader(TensorDataset(torch.arange(8)), num_workers=2, multiprocessing_context='{method}')\n"
        "print(sum(int(x) for (x,) in loader))"
    )
    assert printed(tmp_path, code, warm) == "28\n"


def test_whatever_a_notebook_does_it_does_as_in_an_ordinary_kernel(tmp_path: Path) -> None:
    """Imports of every kind, children of every kind, streams, signals: the same log, warm and cold."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text("from . import part\nfrom .part import VALUE\n")
    (tmp_path / "own" / "part.py").write_text("VALUE = 3\n")
    cells = (
        "import own\ndef f():\n    import torch as T\n    return T.ones(2).sum().item()\nprint(own.VALUE, f())",
        "try:\n    import no_such_library as np\nexcept ImportError:\n    import numpy as np\nprint(np.ones(2).sum())",
        "import math, multiprocessing as mp\nwith mp.Pool(2) as pool:\n    print(pool.map(math.sqrt, [1, 4]))",
        "import os\nif (pid := os.fork()) == 0:\n    os._exit(7)",
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
        "import asyncio\nawait asyncio.sleep(0.01)\nrest = asyncio.create_task(asyncio.sleep(99))",
        "import sys, threading\nprint(repr(sys.stdin.read()))",
        "worker = threading.Thread(target=print, args=('other',))\nworker.start(); worker.join()",
        "import torch\ntorch.set_num_threads(2); torch.set_num_interop_threads(2)\n"
        "print(torch.get_num_threads(), float((torch.ones(300, 300) @ torch.ones(300, 300)).sum()))",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.puts(b'from C'); libc.fflush(None)\nos.write(2, b'raw\\n')",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2]); plt.show()",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('debugpy' in sys.modules)\nos.chdir('/')",
    )
    logs: dict[bool, str] = {}
    with warm_start(["torch", "numpy", "matplotlib.pyplot"], env=THREADS) as start:
        for cold in (True, False):
            assert execute(tmp_path, *cells, start=ORDINARY if cold else start).done
            logs[cold] = (tmp_path / "log.txt").read_text()
            (tmp_path / "log.txt").unlink()
            drawn = json.loads((tmp_path / "out.ipynb").read_text())["cells"][-2]["outputs"]
            assert "image/png" in drawn[-1]["data"], "the drawing is in the notebook"
    assert logs[True] == logs[False]
    assert logs[True].splitlines()[:2] == ["3 2.0", "2.0"]


def test_exit_hooks_are_run_and_threads_waited_for(tmp_path: Path, warm: KernelStart) -> None:
    code = (
        "import atexit, pathlib, tempfile, threading, time\n"
        "atexit.register(lambda: pathlib.Path('bye').touch())\n"
        "held = tempfile.TemporaryDirectory(dir='.', prefix='held')\n"
        "def later():\n    time.sleep(0.5); pathlib.Path('later').touch()\n"
        "threading.Thread(target=later).start()"
    )
    assert execute(tmp_path, code, start=warm).done
    assert {path.name for path in tmp_path.iterdir()} >= {"bye", "later"}
    assert not list(tmp_path.glob("held*"))


@pytest.mark.parametrize("cold", [True, False])
def test_what_was_written_to_a_file_that_stays_open_is_in_it(tmp_path: Path, warm: KernelStart, cold: bool) -> None:
    (tmp_path / "own.py").write_text("log = open('of-a-module', 'w')\nlog.write('all of it')")
    code = (
        "import gzip, own\nf = open('of-a-cell', 'w'); f.write('all of it')\n"
        "class Loop: pass\nloop = Loop(); loop.loop = loop\n"
        "loop.file = open('of-a-cycle', 'w'); loop.file.write('all of it')\n"
        "own.archive = gzip.open('archive.gz', 'wt'); own.archive.write('all of it')\n"
        "class Late:\n    def __del__(self): open('of-an-end', 'w').write('all of it')\nlate = Late()"
    )
    assert printed(tmp_path, code, ORDINARY if cold else warm) == ""
    names = ("of-a-module", "of-a-cell", "of-a-cycle", "of-an-end")
    assert [(tmp_path / name).read_text() for name in names] == ["all of it"] * 4
    assert gzip.decompress((tmp_path / "archive.gz").read_bytes()) == b"all of it"


def test_the_end_takes_no_ten_seconds(tmp_path: Path, warm: KernelStart) -> None:
    began = time.monotonic()
    for _ in range(3):
        assert execute(tmp_path, "1", start=warm).done
    assert time.monotonic() - began < 29


def test_time_limit_interrupt_kill_and_crash_are_kept_apart(tmp_path: Path, warm: KernelStart) -> None:
    sleep = "import time\ntime.sleep(60)"
    stop = threading.Event()
    assert execute(tmp_path, sleep, start=warm, time_limit=1.5).status is RunStatus.TIMED_OUT
    stopped = execute(tmp_path, "1", sleep, start=warm, stop=stop, on_cell=lambda n, _: stop.set() if n == 2 else None)
    assert stopped.status is RunStatus.INTERRUPTED
    killed = execute(tmp_path, "import os; os.kill(os.getpid(), 9)", start=warm)
    assert killed.status is RunStatus.DIED and "SIGKILL" in killed.reason
    crashed = execute(tmp_path, "import ctypes; ctypes.string_at(0)", start=warm)
    assert crashed.status is RunStatus.DIED and "SIGSEGV" in crashed.reason
    raised = execute(
        tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(9)", start=warm
    )
    assert raised.status is RunStatus.INTERRUPTED
    assert raised.reason.startswith("KeyboardInterrupt")


def test_what_compiled_code_prints_as_it_dies_is_in_the_log(tmp_path: Path, warm: KernelStart) -> None:
    execute(tmp_path, "import os; os.write(2, b'last words\\n'); os.abort()", start=warm)
    assert "last words" in (tmp_path / "log.txt").read_text()


def test_children_of_a_run_do_not_outlive_it(tmp_path: Path, warm: KernelStart) -> None:
    code = "import os, subprocess\nopen('pid', 'w').write(str(subprocess.Popen(['sleep', '600']).pid))\n"
    for ending in ("", "os.kill(os.getpid(), 9)"):
        execute(tmp_path, code + ending, start=warm)
        pid = int((tmp_path / "pid").read_text())
        assert wait_until(functools.partial(gone, pid)), ending


@contextmanager
def running_kernel(folder: Path, start: KernelStart) -> Iterator[tuple[int, list[NotebookOutcome]]]:
    """A kernel in the middle of a long cell, in a thread, and the outcome when there is one."""
    pids: list[int] = []
    ready = threading.Event()
    outcomes: list[NotebookOutcome] = []

    def work() -> None:
        outcomes.append(
            execute(
                folder,
                "1",
                "import time\ntime.sleep(60)",
                start=start,
                on_kernel=lambda pid: pids.append(pid or 0),
                on_cell=lambda number, _: ready.set() if number == 2 else None,
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(60)
    try:
        yield pids[0], outcomes
    finally:
        thread.join(60)


def test_the_death_of_the_server_ends_its_kernels_and_the_next_starts_the_ordinary_way(tmp_path: Path) -> None:
    notes: list[str] = []
    with warm_start([], on_note=notes.append) as start:
        with running_kernel(tmp_path, start) as (pid, outcomes):
            server_pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            assert server_pid != os.getpid(), notes
            os.kill(server_pid, signal.SIGKILL)
            assert wait_until(lambda: not alive(pid))
        assert outcomes[0].status is RunStatus.DIED
        for _ in range(2):
            assert printed(tmp_path, "print(1)", start).endswith("1\n")
    assert notes == ["kernels start the ordinary way, which is slower: the process to fork from is gone"]


def test_nothing_outlives_a_driver_that_is_killed(tmp_path: Path) -> None:
    driver = tmp_path / "driver.py"
    (tmp_path / "source.ipynb").write_text(
        notebook("import os\nprint(os.getpid(), os.getppid(), flush=True)", "import time\ntime.sleep(60)")
    )
    driver.write_text(
        "from pathlib import Path\nfrom blogkit.run.kernels import warm_start\n"
        "from blogkit.tools.papermill import execute_notebook\nhere = Path(__file__).parent\n"
        "with warm_start([]) as start:\n"
        "    execute_notebook(here / 'source.ipynb', here / 'out.ipynb', {}, cwd=here, log=here / 'log', start=start)\n"
    )
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, str(driver)])
    assert wait_until(
        lambda: len((tmp_path / "log").read_text().split()) == 2 if (tmp_path / "log").exists() else False, 60
    )
    kernel, server = map(int, (tmp_path / "log").read_text().split())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert wait_until(lambda: not alive(kernel) and not alive(server))


def test_unmodified_papermill_uses_it_by_two_variables(tmp_path: Path, warm: KernelStart, monkeypatch: Any) -> None:
    import subprocess

    (tmp_path / "in.ipynb").write_text(
        notebook(("parameters", "x = 1"), "import sys\nprint(x, 'torch' in sys.modules)")
    )
    env = {
        **os.environ,
        ADDRESS_VARIABLE: str(warm.config["address"]),
        "JUPYTER_DEFAULT_PROVISIONER_NAME": PROVISIONER,
    }
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "-p", "x", "5"]
    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True, timeout=120)
    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    assert "".join(cells[-1]["outputs"][0]["text"]) == "5 True\n"


def test_an_installation_without_our_entry_point_is_warm_all_the_same(tmp_path: Path, monkeypatch: Any) -> None:
    """As one that was updated in place: Jupyter would say that the provisioner has not been registered."""

    def none(*name: str) -> Any:
        raise KeyError(name)

    local = importlib.metadata.EntryPoint(
        "local-provisioner", "jupyter_client.provisioning:LocalProvisioner", "jupyter_client.kernel_provisioners"
    )
    monkeypatch.setattr(KernelProvisionerFactory, "_get_all_provisioners", lambda: [local])
    monkeypatch.setattr(KernelProvisionerFactory, "_get_provisioner", none)
    KernelProvisionerFactory.clear_instance()
    notes: list[str] = []
    with warm_start([], on_note=notes.append) as start:
        assert printed(tmp_path, "import sys\nprint('blogkit.kernel.fork' in sys.modules)", start) == "True\n"
    assert notes == []
    KernelProvisionerFactory.clear_instance()


# --- when it must not be --------------------------------------------------------------------------------------------


def test_a_library_that_starts_threads_when_imported_is_not_forked(tmp_path: Path, monkeypatch: Any) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "busy_library.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True, name='busy').start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    notes: list[str] = []
    with warm_start(["busy_library"], on_note=notes.append) as start:
        assert printed(tmp_path, "import busy_library; print('ran')", start) == "ran\n"
        assert printed(tmp_path, "print('again')", start) == "again\n"
    (note,) = notes
    assert "started threads (busy)" in note


def test_a_library_that_computes_when_imported_leaves_native_threads_and_is_not_forked(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """The pool of OpenMP that a torch operation starts is seen by nobody but the system."""
    site = tmp_path / "site-packages"
    site.mkdir()
    compute = "import torch\ntorch.set_num_threads(2)\nones = torch.ones(600, 600)\ntotal = (ones.sin() @ ones).sum()\n"
    (site / "eager_library.py").write_text(compute)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    notes: list[str] = []
    with warm_start(["eager_library"], on_note=notes.append) as start:
        assert printed(tmp_path, "import eager_library, torch; print(float(torch.ones(9).sum()))", start) == "9.0\n"
    (note,) = notes
    assert "started threads" in note


def test_where_there_is_no_safe_fork_kernels_start_the_ordinary_way_and_it_is_said_once(
    tmp_path: Path, monkeypatch: Any
) -> None:
    notes: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        with warm_start(["numpy"], on_note=notes.append) as start:
            patch.undo()
            assert start == ORDINARY
            assert printed(tmp_path, "print('ran')", start) == printed(tmp_path, "print('ran')", start) == "ran\n"
    assert notes == ["kernels start the ordinary way, which is slower: a warm start needs Linux, this is darwin"]


def test_a_library_that_ends_the_interpreter_when_imported_only_costs_the_speed(
    tmp_path: Path, monkeypatch: Any
) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "rude_library.py").write_text("import os\nos._exit(3)\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    notes: list[str] = []
    with warm_start(["rude_library"], on_note=notes.append) as start:
        assert printed(tmp_path, "print('ran')", start) == "ran\n"
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("initialised", "bad_fork", "word"), [(True, False, "initialised CUDA"), (False, True, "touched CUDA")]
)
def test_a_server_with_cuda_in_it_refuses(monkeypatch: Any, initialised: bool, bad_fork: bool, word: str) -> None:
    fake = SimpleNamespace(
        cuda=SimpleNamespace(is_initialized=lambda: initialised),
        _C=SimpleNamespace(_cuda_isInBadFork=lambda: bad_fork),
    )
    monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.setattr(server_module, "native_threads", list)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert word in server_module.hazard()


def test_the_projects_own_modules_are_never_imported_ahead(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").touch()
    (tmp_path / "torch").mkdir()
    names = ["json", "numpy.linalg", "pandas", "torch.nn", "no_such_thing", "tests.files"]
    assert installed(names, [tmp_path]) == ["json", "numpy.linalg"]


def test_a_module_that_is_edited_between_two_sweeps_is_read_anew(tmp_path: Path) -> None:
    folder = write_project(
        tmp_path, "seeds: 2", ("parameters", "seed = 0"), "import net, os\nprint(net.VALUE)", **{"net.py": "VALUE = 1"}
    )
    for value in (1, 2):
        (folder / "net.py").write_text(f"VALUE = {value}\n# {'x' * value}")
        project = load_project(folder)
        for result in execute_runs(project, plan_runs(project)):
            assert result.folder is not None and (result.folder / "log.txt").read_text() == f"{value}\n"


def test_another_environments_kernel_starts_the_ordinary_way() -> None:
    rest = ["-m", "ipykernel_launcher", "-f", "x.json"]
    assert is_own_kernel([sys.executable, *rest])
    assert not is_own_kernel(["/usr/bin/python3", *rest])
    assert not is_own_kernel(["R", "--slave", "-e", "IRkernel::main()"])


def test_a_sweep_is_warm_unless_it_is_reported_to_be_cold(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 2", ("parameters", "seed = 0"), "import os\nprint(os.getppid())")
    project = load_project(folder)
    for cold in (False, True):
        results = execute_runs(project, plan_runs(project), cold=cold, force=True)
        records = [json.loads((result.folder / "run.json").read_text()) for result in results if result.folder]
        assert [record["warm"] for record in records] == [not cold] * 2


def test_sixty_runs_four_at_a_time_leave_nothing_behind(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 60", ("parameters", "seed = 0"), "import os\nprint(os.getpid())")
    project = load_project(folder)
    before = len(os.listdir("/proc/self/fd"))
    events: list[RunEvent] = []
    results = execute_runs(project, plan_runs(project), workers=4, on_event=events.append)
    assert [result.status for result in results] == [RunStatus.DONE] * 60
    assert not [event for event in events if isinstance(event, UserNote)]
    assert sum(isinstance(event, Started) for event in events) == 60 and any(isinstance(e, CellBegan) for e in events)
    pids = {int((result.folder / "log.txt").read_text()) for result in results if result.folder}
    assert len(pids) == 60 and not any(alive(pid) for pid in pids)
    assert len(os.listdir("/proc/self/fd")) <= before + 2
