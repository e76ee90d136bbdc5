"""How long staff wait for a table of a class: ``python benchmarks/check.py [ZIP]... --zips 200``.

Each zip is one of those given (by default the site's ``_submissions``), with a page of its own, so that nothing can be
remembered from one to the next.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path


def another(source: Path, into: Path, number: int) -> None:
    """A copy of a submission, with another title."""
    with zipfile.ZipFile(source) as given, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            data = given.read(name)
            made.writestr(name, data.replace(b"<title>", b"<title>%d " % number, 1) if name == "index.html" else data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", type=Path)
    parser.add_argument("--zips", type=int, default=200)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    sources = given.sources or sorted(Path("_submissions").glob("*.zip"))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.zips):
            another(sources[number % len(sources)], Path(folder) / f"{number:03}.zip", number)
        zips = sorted(map(str, Path(folder).glob("*.zip")))
        for jobs in given.jobs:
            command = [sys.executable, "-m", "blogkit", "check", *zips, "--format", "csv", "--jobs", str(jobs)]
            started = time.perf_counter()
            done = subprocess.run([*command, "--profile", "mit-6.7960"], capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - started
            rows = len(done.stdout.splitlines()) - 1
            print(f"{rows} zips, {jobs} at a time: {seconds:.1f} s, {seconds / rows * 1000:.0f} ms each")


if __name__ == "__main__":
    main()
