"""Browser tests wait for states: a fixed wait says what must not happen meanwhile, and there is one time limit."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
WAIT = re.compile(r"\bwait_for_timeout\((?!.*#)")
LIMIT = re.compile(r"\bset_default_timeout\((?!PATIENCE)|\.wait_for\w*\(.*timeout=")


def lines_with(pattern: re.Pattern[str], text: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def found_in_tests(pattern: re.Pattern[str]) -> list[str]:
    paths = [path for path in TESTS.rglob("*.py") if path.name not in {"browser.py", Path(__file__).name}]
    return [
        f"{path.relative_to(TESTS)}:{line}"
        for path in paths
        for line in lines_with(pattern, path.read_text(encoding="utf-8"))
    ]


def test_a_fixed_wait_says_on_its_line_what_must_not_happen() -> None:
    assert found_in_tests(WAIT) == [], "wait for the state (tests/browser.py: eventually, steady_box), or say why not"


def test_the_time_limit_of_browser_tests_is_written_once() -> None:
    assert found_in_tests(LIMIT) == [], "PATIENCE in tests/browser.py is the one limit"


def test_what_is_sought_is_found() -> None:
    assert lines_with(WAIT, "x\npage.wait_for_timeout(500)\npage.wait_for_timeout(500)  # nothing opens\n") == [2]
    assert lines_with(LIMIT, "page.set_default_timeout(20_000)\npage.wait_for_selector('a', timeout=3)\n") == [1, 2]
    assert lines_with(LIMIT, "tab.set_default_timeout(PATIENCE * 1000)\nx.wait(20)\n") == []
