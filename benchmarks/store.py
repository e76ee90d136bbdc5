"""A store of many runs: what `run` with nothing to do, `status` and `gather` take.

    .venv/bin/python benchmarks/store.py [runs]

The runs are written as a sweep leaves them, 10,000 by default, each with 20 numbers; nothing is executed but
`figures.ipynb`, which draws one chart. Times are wall-clock, of the whole command, the best of three; `gather` once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from blogkit.config import load_project
from blogkit.run.plan import plan_runs
from blogkit.store import RunPaths
from tests.files import notebook, write_project

FIGURES = (
    "import pandas as pd, altair as alt\nfrom blogkit import record",
    "metrics = pd.read_parquet('results/metrics.parquet')",
    "means = metrics.groupby('width')['value'].mean().reset_index()",
    "record.chart('means', alt.Chart(means).mark_line().encode(x='width', y='value'))",
)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        sweep = f"grid: {{width: {list(range(count // 10))}}}\nseeds: 10\n"
        folder = write_project(root, sweep, **{"figures.ipynb": notebook(*FIGURES)})
        for number, run in enumerate(plan_runs(load_project(folder))):
            paths = RunPaths(folder=folder / "runs" / run.id)
            paths.folder.mkdir(parents=True)
            rows = ({"metric": "error", "value": 1 / (number + step + 1), "step": step} for step in range(20))
            paths.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
            record = {"id": run.id, "parameters": dict(run.parameters), "seed": run.seed, "seconds": 2.0}
            paths.record.write_text(json.dumps({**record, "device": "CPU", "status": "done", "versions": {}}))
        for command, times in (("run", 3), ("status", 3), ("gather", 1), ("gather", 1), ("run", 3), ("status", 3)):
            taken = min(seconds(root, command) for _ in range(times))
            print(f"| {count:,} runs stored: `blogkit {command}` | {taken:.2f} s |", flush=True)


def seconds(root: Path, command: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "blogkit", command], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
