"""How long sweeps take, each way of running them in turn: prints seconds and ratios.

    python benchmarks/sweep.py                  16 small runs by each way, interleaved
    python benchmarks/sweep.py --floor          ours beside bare forks alone
    python benchmarks/sweep.py --notebook       one notebook of 30 cells with a 0.2 MB chart each
    python benchmarks/sweep.py --overhead       what one warm run costs beyond its own computation
    python benchmarks/sweep.py --store          commands with 1,000 runs in the store, and --help

A small run imports torch, altair and pandas and does almost nothing, so these are ratios of overhead: a run that trains
for t seconds gains (t + a) / (t + b), where a and b are the seconds of one small run by either way.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.files import notebook, write_project

ROOT = Path(__file__).resolve().parents[1]
CELLS = (
    ("parameters", "width = 8\nlr = 0.1\nseed = 0"),
    "import altair as alt\nimport pandas as pd\nimport torch\nfrom blogkit import record",
    "torch.manual_seed(seed)\nx = torch.linspace(-1, 1, 64)[:, None]\ny = torch.sin(3 * x)\n"
    "net = torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))\n"
    "step = torch.optim.SGD(net.parameters(), lr)\nrows = []\n"
    "for epoch in range(20):\n    loss = ((net(x) - y) ** 2).mean()\n    step.zero_grad()\n    loss.backward()\n"
    "    step.step()\n    rows.append(loss.item())\n    record.metric('loss', loss.item(), step=epoch)",
    "print('FINAL', rows[-1].hex())\n"
    "alt.Chart(pd.DataFrame({'epoch': range(20), 'loss': rows})).mark_line().encode(x='epoch', y='loss')",
)
SWEEP = "grid: {width: [4, 8, 16, 32], lr: [0.1, 0.2]}\nseeds: "


def make_site(root: Path, runs: int) -> Path:
    return write_project(root, f"{SWEEP}{runs // 8}\n", *CELLS)


def parameters() -> list[dict[str, float]]:
    return [{"width": w, "lr": lr, "seed": s} for s in (0, 1) for w in (4, 8, 16, 32) for lr in (0.1, 0.2)]


def by_command(folder: Path, runs: list[dict[str, float]]) -> None:
    """The `papermill` command, once a run."""
    for number, run in enumerate(runs):
        words = [word for name, value in run.items() for word in ("-p", name, str(value))]
        command = [sys.executable, "-m", "papermill", "experiment.ipynb", f"out-{number}.ipynb", *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=one_thread())


def in_pool(folder: Path, runs: list[dict[str, float]]) -> None:
    """Papermill's Python interface in two processes that stay."""
    code = (
        "import json, sys\nfrom concurrent.futures import ProcessPoolExecutor\nimport papermill\n"
        "def one(job):\n    number, run = job\n"
        "    papermill.execute_notebook('experiment.ipynb', f'pool-{number}.ipynb', run, progress_bar=False)\n"
        "if __name__ == '__main__':\n    with ProcessPoolExecutor(2) as pool:\n"
        "        list(pool.map(one, enumerate(json.loads(sys.argv[1]))))\n"
    )
    (folder / "pool_of_two.py").write_text(code)
    command = [sys.executable, "pool_of_two.py", json.dumps(runs)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=one_thread())
    (folder / "pool_of_two.py").unlink()


def by_blogkit(folder: Path, *options: str) -> None:
    """The `blogkit run` command, two runs at a time."""
    command = [sys.executable, "-m", "blogkit", "run", "p", "--workers", "2", *options]
    subprocess.run(command, cwd=folder.parents[1], check=True, capture_output=True)


def by_fork(folder: Path, runs: list[dict[str, float]]) -> None:
    """The floor: one process imports the libraries, and two forks of it at a time execute the cells as plain Python."""
    code = (
        "import gc, json, os, pathlib, sys\nimport altair, pandas, torch, torch._dynamo\nfrom blogkit import record\n"
        "runs, cells = json.loads(sys.argv[1]), json.loads(sys.argv[2])\ngc.collect(); gc.freeze()\nalive = 0\n"
        "for number, run in enumerate(runs):\n"
        "    if alive == 2:\n        os.wait(); alive -= 1\n"
        "    if os.fork() == 0:\n"
        "        place = pathlib.Path(f'fork-{number}'); place.mkdir(); os.environ['BLOGKIT_RUN_FOLDER'] = str(place)\n"
        "        sys.stdout = open(place / 'out.txt', 'w')\n        scope = {'__name__': '__main__'}\n"
        "        exec(cells[0], scope); scope.update(run)\n        for cell in cells[1:]: exec(cell, scope)\n"
        "        json.dump(scope['chart'].to_dict(), sys.stdout); sys.stdout.close(); os._exit(0)\n"
        "    alive += 1\n"
        "while alive:\n    os.wait(); alive -= 1\n"
    )
    cells = [CELLS[0][1], CELLS[1], CELLS[2], CELLS[3].replace("\nalt.Chart", "\nchart = alt.Chart")]
    command = [sys.executable, "-c", code, json.dumps(runs), json.dumps(cells)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**one_thread(), "PYTHONPATH": str(ROOT)})


def one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def finals(folder: Path, pattern: str) -> list[str]:
    """The last loss of every run, to the bit."""
    found: list[str] = []
    for path in folder.glob(pattern):
        for cell in json.loads(path.read_text())["cells"]:
            for output in cell.get("outputs", []):
                text = "".join(output.get("text", ""))
                found += [line for line in text.splitlines() if line.startswith("FINAL")]
    return sorted(found)


def floor(rounds: int, runs: int) -> int:
    """Ours beside bare forks, interleaved."""
    chosen = parameters()[:runs]
    seconds: dict[str, list[float]] = {"blogkit": [], "bare forks": []}
    cpu: dict[str, list[float]] = {"blogkit": [], "bare forks": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            folder = make_site(Path(place), runs)
            for name, way in (("blogkit", by_blogkit), ("bare forks", lambda folder: by_fork(folder, chosen))):
                began, used = time.perf_counter(), cpu_seconds()
                way(folder)
                seconds[name].append(time.perf_counter() - began)
                cpu[name].append(cpu_seconds() - used)
            ours, bare = finals(folder, "runs/*/notebook.ipynb"), bare_finals(folder)
            assert len(ours) == runs and ours == bare, "the results differ"
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    for name, values in seconds.items():
        print(f"  {name:<22}{statistics.median(values):7.2f} s  CPU {statistics.median(cpu[name]):5.2f} s")
    print(f"  blogkit / bare forks: {statistics.median(ratios):.2f} (<= 1.25), {[round(one, 2) for one in ratios]}")
    return 0 if statistics.median(ratios) <= 1.25 else 1


def bare_finals(folder: Path) -> list[str]:
    """The last loss of every bare fork."""
    texts = [path.read_text() for path in folder.glob("fork-*/out.txt")]
    return sorted(line for text in texts for line in text.splitlines() if line.startswith("FINAL"))


def compare(rounds: int, runs: int) -> int:
    """The ways, interleaved."""
    chosen = parameters()[:runs]
    ways = {
        "papermill command": lambda folder: by_command(folder, chosen),
        "papermill, pool of 2": lambda folder: in_pool(folder, chosen),
        "blogkit --cold": lambda folder: by_blogkit(folder, "--cold"),
        "blogkit": lambda folder: by_blogkit(folder),
        "bare forks": lambda folder: by_fork(folder, chosen),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    again: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            folder = make_site(Path(place), runs)
            for name, way in ways.items():
                shutil.rmtree(folder / "runs", ignore_errors=True)
                began, used = time.perf_counter(), cpu_seconds()
                way(folder)
                seconds[name].append(time.perf_counter() - began)
                cpu[name].append(cpu_seconds() - used)
            began = time.perf_counter()
            by_blogkit(folder)
            again.append(time.perf_counter() - began)
            plain, pooled, ours = (finals(folder, g) for g in ("out-*.ipynb", "pool-*.ipynb", "runs/*/notebook.ipynb"))
            assert len(plain) == runs and plain == ours == pooled == bare_finals(folder), "the results differ"
    names = ("papermill command", "papermill, pool of 2", "blogkit", "bare forks")
    base, pool, warm, bare = (statistics.median(seconds[name]) for name in names)
    print(f"{runs} runs, median of {rounds} interleaved rounds, {os.cpu_count()} cores; results equal bit for bit")
    for name, values in seconds.items():
        middle = statistics.median(values)
        spent = statistics.median(cpu[name])
        print(
            f"  {name:<22}{middle:7.2f} s  {base / middle:5.1f}x the command  {pool / middle:5.1f}x the pool"
            f"  CPU {spent:6.1f} s  ({statistics.median(cpu['papermill command']) / spent:4.1f}x less)"
        )
    stored = statistics.median(again)
    print(f"  {'all stored already':<22}{stored:7.2f} s  {base / stored:5.1f}x the command")
    print(f"  blogkit takes {warm / bare:.2f}x the time of bare forks (<= 1.25)")
    each = (base / runs, warm / runs * 2)
    print(f"  one run: {each[0]:.2f} s by the command, {each[1]:.2f} s of a worker's time by blogkit")
    for t in (1, 10, 60):
        print(f"  a run that computes for {t} s, one at a time: {(t + each[0]) / (t + each[1]):.2f}x")
    return 0 if base / warm >= 13 and pool / warm >= 6 and warm / bare <= 1.25 else 1


def one_notebook() -> int:
    """30 cells with a 0.2 MB chart each: Papermill's default, and ours with every finished cell safe on disk."""
    import papermill

    from blogkit.tools.papermill import execute_notebook, load_engine

    cell = (
        "import json\nfrom IPython.display import display\n"
        "rows = [{'x': i, 'y': i * 0.123456789} for i in range(5600)]\n"
        "display({'application/vnd.vegalite.v5+json': {'data': {'values': rows}}}, raw=True)"
    )
    load_engine()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in.ipynb").write_text(notebook(*[cell] * 30))
        began = time.perf_counter()
        assert execute_notebook(folder / "in.ipynb", folder / "ours.ipynb", {}, cwd=folder).done
        ours = time.perf_counter() - began
        began = time.perf_counter()
        papermill.execute_notebook(
            str(folder / "in.ipynb"), str(folder / "theirs.ipynb"), progress_bar=False, kernel_name="python3"
        )
        theirs = time.perf_counter() - began
        size = (folder / "ours.ipynb").stat().st_size / 1e6
    print(f"30 cells, {size:.1f} MB: Papermill {theirs:.1f} s, blogkit {ours:.1f} s: {theirs / ours:.1f}x")
    return 0 if theirs / ours >= 10 else 1


def overhead() -> int:
    """What one warm run costs beyond its own computation, one at a time: wall time and private memory."""
    from blogkit.run.kernels import warm_start
    from blogkit.run.slots import thread_environment
    from blogkit.tools.papermill import execute_notebook, load_engine

    load_engine()
    look = "print(sum(int(line.split()[1]) for line in open('/proc/self/smaps_rollup') if line.startswith('Private_')))"
    work = "\n".join(CELLS[2].splitlines())
    seconds: list[float] = []
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        timed = f"import time\nt = time.perf_counter()\n{work}\nprint(time.perf_counter() - t)"
        (folder / "in.ipynb").write_text(notebook(CELLS[0], CELLS[1], timed, look))
        with warm_start(["altair", "pandas", "torch"], env=thread_environment(1)) as start:
            for number in range(12):
                log = folder / f"{number}.txt"
                began = time.perf_counter()
                outcome = execute_notebook(
                    folder / "in.ipynb", folder / "out.ipynb", {}, cwd=folder, log=log, start=start,
                    env=thread_environment(1),
                )  # fmt: skip
                wall = time.perf_counter() - began
                assert outcome.done, outcome
                own, kilobytes = map(float, log.read_text().split())
                if number > 1:  # the first waits for the imports
                    seconds.append(wall - own)
                    memory.append(kilobytes / 1024)
    wall, private = statistics.median(seconds), statistics.median(memory)
    print(f"one warm run: {wall:.2f} s beyond its own computation (<= 0.4), {private:.0f} MB of its own (<= 40)")
    return 0 if wall <= 0.4 and private <= 40 else 1


FIGURES = (
    "import altair as alt\nimport pandas as pd\nfrom blogkit import record\n"
    "table = pd.read_parquet('results/metrics.parquet')",
    "means = table.groupby(['width', 'step'], as_index=False)['value'].mean()\n"
    "chart = alt.Chart(means).mark_line().encode(x='step', y='value', color='width:N')\n"
    "record.chart('loss', chart)\nrecord.value('last', float(means['value'].iloc[-1]))",
)


def store() -> int:
    """A thousand runs in the store: nothing to do, status, what would be done, and gathering; and help beside them."""
    from blogkit.config import load_project
    from blogkit.run.plan import plan_runs

    limits = {"--help": 0.3, "run": 1.0, "status": 1.0, "run --dry-run": 1.0, "gather --force": 5.0}
    with tempfile.TemporaryDirectory() as place:
        folder = write_project(Path(place), "grid: {width: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}\nseeds: 100\n", *CELLS)
        (folder / "figures.ipynb").write_text(notebook(*FIGURES))
        for run in plan_runs(load_project(folder)):
            kept = folder / "runs" / run.id
            kept.mkdir(parents=True)
            record = {
                "id": run.id,
                "parameters": dict(run.parameters),
                "seed": run.seed,
                "seconds": 3.5,
                "status": "done",
            }
            (kept / "run.json").write_text(json.dumps(record))
            values = [{"metric": "loss", "value": 1 / (step + run.seed + 1), "step": step} for step in range(50)]
            (kept / "metrics.jsonl").write_text("".join(f"{json.dumps(value)}\n" for value in values))
        good = True
        for words, limit in limits.items():
            seconds = []
            for _ in range(5 if limit <= 1 else 3):
                began = time.perf_counter()
                command = [sys.executable, "-m", "blogkit", *words.split()]
                subprocess.run(command, cwd=place, check=True, capture_output=True)
                seconds.append(time.perf_counter() - began)
            middle = statistics.median(seconds)
            good = good and middle <= limit
            print(f"blogkit {words:<16}{middle:5.2f} s (<= {limit})")
    return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=16, choices=(8, 16))
    for name in ("notebook", "overhead", "store", "floor"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    for wanted, measure in ((options.notebook, one_notebook), (options.overhead, overhead), (options.store, store)):
        if wanted:
            return measure()
    if options.floor:
        return floor(options.rounds, options.runs)
    return compare(options.rounds, options.runs)


if __name__ == "__main__":
    sys.exit(main())
