"""What continuous integration runs again is named, and a test that fails twice fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "tests"
UNSTEADY = """
from pathlib import Path
def test_unsteady():
    once = Path(__file__).with_name("once")
    before = once.exists()
    once.write_text("")
    assert before
"""


def run_script(folder: Path, **tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, source in tests.items():
        (folder / f"test_{name}.py").write_text(source)
    return subprocess.run(
        [str(SCRIPT), sys.executable, "-q", "-p", "no:randomly"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


MANY = "\n".join(f"def test_{number}(): assert False" for number in range(6))


@pytest.mark.skipif(sys.platform == "win32", reason="the script is for a shell")
@pytest.mark.parametrize(
    ("tests", "fails", "words"),
    [
        ({"good": "def test_good(): pass\n"}, False, "1 passed"),
        ({"one": UNSTEADY}, False, "UNSTEADY: the tests above failed beside others"),
        ({"one": UNSTEADY, "two": "def test_bad(): assert False\n"}, True, "test_two.py::test_bad"),
        ({"many": MANY}, True, "6 tests are known to have failed"),
        ({"broken": "import nothing_of_that_name\n"}, True, "nothing_of_that_name"),
        ({"none": "x = 1\n"}, True, "none is run again"),
    ],
    ids=["all pass", "one is unsteady", "one fails twice", "many fail", "a module that cannot be read", "no tests"],
)  # fmt: skip
def test_a_failure_is_run_again_alone_and_counts_when_it_stays(
    tmp_path: Path, tests: dict[str, str], fails: bool, words: str
) -> None:
    done = run_script(tmp_path, **tests)
    assert (done.returncode != 0, words in done.stdout) == (fails, True), done.stdout + done.stderr
