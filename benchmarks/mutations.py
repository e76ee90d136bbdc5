"""Small faults put into the code on purpose: how many of them do the tests notice?

    python benchmarks/mutations.py [--count 60] [--seed 14] [--least 50] [--only 0:20] [--list] [MODULE[=TEST,TEST] ...]

A seed draws the faults: first a module, then a kind of fault, then a place, so that a long module counts as much as a
short one. Each fault is written into a copy of the tree, never into the tree itself, and the fast tests of its module
run there (the table ``TESTS``, or those given; 120 s at most). A fault is killed when a test fails or the time is
over. First the same tests run on the copy as it is: where they fail, nothing can be said. ``--only`` runs a part of
the sample, ``--list`` runs nothing. The exit status is 1 when fewer than ``--least`` faults are killed.

The tests run in a fork of this process, which has imported the heavy libraries; Linux and macOS only.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120
HEAVY = ("pytest", "pandas", "pyarrow.parquet", "lxml.html", "pydantic", "selectolax.lexbor", "yaml")

TESTS: dict[str, tuple[str, ...]] = {
    "blogkit/stale.py": ("tests/test_stale_everywhere.py", "tests/test_stale.py", "tests/gather"),
    "blogkit/page/values.py": ("tests/render/test_values.py", "tests/check/test_freshness.py"),
    "blogkit/render/marks.py": ("tests/render/test_values.py",),
    "blogkit/charts/decision.py": ("tests/figures/test_decision.py",),
    "blogkit/charts/paired.py": ("tests/figures/test_paired.py",),
    "blogkit/conditions.py": ("tests/test_conditions.py",),
    "blogkit/gather/places.py": ("tests/gather/test_places.py",),
    "blogkit/kernel/checkpoints.py": ("tests/run/test_checkpoints.py",),
    "blogkit/kernel/models.py": ("tests/test_record_model.py", "tests/gather/test_gather_models.py"),
    "blogkit/page/twins.py": ("tests/figures/test_widths.py",),
    "blogkit/recorded.py": ("tests/test_recorded_tables.py", "tests/test_record_model.py"),
    "blogkit/render/finish/layout.py": ("tests/figures/test_widths.py",),
    "blogkit/run/browsing.py": ("tests/run/test_browsing.py",),
    "blogkit/run/combinations.py": ("tests/run/test_combinations.py",),
    "blogkit/run/failures.py": ("tests/run/test_failures.py",),
    "blogkit/stages.py": ("tests/test_stages.py",),
    "blogkit/coverage.py": ("tests/gather/test_coverage.py", "tests/gather/test_coverage_words.py"),
    "blogkit/gather/metrics.py": ("tests/gather/test_metrics.py",),
    "blogkit/gather/values.py": ("tests/gather/test_values.py",),
    "blogkit/intervals.py": ("tests/test_intervals.py",),
    "blogkit/runs.py": ("tests/test_runs.py",),
    "blogkit/gather/recorded.py": ("tests/test_runs.py",),
    "blogkit/kernel/recorded.py": ("tests/test_runs.py", "tests/test_record.py"),
    "blogkit/run/budget.py": ("tests/run/test_budget.py",),
    "blogkit/run/execute.py": ("tests/run/test_limits.py", "tests/run/test_execute.py"),
    "blogkit/run/plan.py": ("tests/run/test_plan.py", "tests/run/test_earlier_ids.py"),
    "blogkit/page/charts.py": ("tests/page", "tests/review/test_chart_marks.py"),
    "blogkit/page/model.py": ("tests/page", "tests/check/test_rules.py"),
    "blogkit/css.py": ("tests/test_css.py", "tests/review/test_page_styles.py"),
    "blogkit/page/notes.py": ("tests/page/test_model.py", "tests/check/test_rules.py"),
    "blogkit/page/parse.py": ("tests/page",),
    "blogkit/page/rows.py": ("tests/figures/test_tables.py", "tests/page"),
    "blogkit/page/seen.py": ("tests/page", "tests/check/test_rules.py"),
    "blogkit/review/anchor.py": ("tests/review/test_anchor.py",),
    "blogkit/review/assign.py": ("tests/review/test_assign.py",),
    "blogkit/review/policy.py": ("tests/review/test_rights.py",),
    "blogkit/review/score.py": ("tests/review/test_standing.py", "tests/review/test_record.py"),
    "blogkit/review/state.py": (
        "tests/review/test_standing.py",
        "tests/review/test_record.py",
        "tests/review/test_rights.py",
    ),
    "blogkit/render/finish/meta.py": ("tests/render/test_meta.py",),
    "blogkit/render/finish/sanitise.py": ("tests/figures/test_outputs.py",),
    "blogkit/render/made.py": ("tests/publish/test_gone.py", "tests/render/test_site.py"),
    "blogkit/render/plan.py": ("tests/render/test_site.py", "tests/test_stale.py"),
    "blogkit/publish/branch.py": ("tests/publish/test_branch.py", "tests/publish/test_gone.py"),
    "blogkit/links.py": ("tests/check/test_edges.py", "tests/check/test_offline.py", "tests/check/test_rules.py"),
    "blogkit/check/fixes.py": ("tests/check/test_project.py", "tests/check/test_command.py"),
    "blogkit/check/rules/citations.py": ("tests/check/test_cited_numbers.py", "tests/check/test_rules.py"),
    "blogkit/check/rules/document.py": ("tests/check/test_edges.py", "tests/check/test_rules.py"),
    "blogkit/check/rules/figures.py": ("tests/check/test_edges.py", "tests/check/test_rules.py"),
    "blogkit/check/rules/package.py": (
        "tests/check/test_edges.py",
        "tests/check/test_rules.py",
        "tests/check/test_archives.py",
    ),
    "blogkit/check/rules/track.py": ("tests/check/test_project.py",),
    "blogkit/check/rules/writing.py": ("tests/check/test_edges.py", "tests/check/test_rules.py"),
    "blogkit/kernel/facts.py": ("tests/run/test_kernel_room.py",),
    "blogkit/kernel/linked.py": (
        "tests/run/test_linked_files.py",
        "tests/run/test_working.py",
        "tests/run/test_kernel_room.py",
    ),
    "blogkit/kernel/run_folder.py": ("tests/run/test_working.py", "tests/run/test_kernel_room.py"),
}

_SHIFTED = {ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">")}
_FLIPPED = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
_UNITS = {24, 60, 100, 1000, 1024, 3600, 86400}
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_RANGE = re.compile(r"(?<!\\)(\w)-(\w)")


@dataclass(frozen=True, order=True)
class Mutation:
    """One fault: what stands between two bytes of a module, and what is put there."""

    module: str
    begin: int
    end: int
    kind: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        was, now = (" ".join(text.split())[:70] for text in (self.before, self.after))
        return f"{self.module}:{self.line}: {self.kind}: {was}  ->  {now}"


class _Places(ast.NodeVisitor):
    """Every place of a module where a fault can be made."""

    def __init__(self, module: str, source: bytes) -> None:
        self.module, self.source = module, source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.found: list[Mutation] = []
        self.visit(ast.parse(source))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt) -> str:
        begin, end = self._span(node)
        return self.source[begin:end].decode()

    def _add(self, kind: str, begin: int, end: int, after: str) -> None:
        line = self.source.count(b"\n", 0, begin) + 1
        before = self.source[begin:end].decode()
        self.found.append(Mutation(self.module, begin, end, kind, line, before, after))

    def _replace(self, kind: str, node: ast.expr | ast.stmt, after: str) -> None:
        self._add(kind, *self._span(node), after)

    def _replace_between(self, kind: str, one: ast.expr, other: ast.expr, words: tuple[str, str]) -> None:
        begin, end = self._span(one)[1], self._span(other)[0]
        between = self.source[begin:end].decode()
        word = words[0].replace(" ", r"\s+")
        after, times = re.subn(rf"(?<![\w<>=!]){word}(?![\w<>=])", words[1], between)
        if times == 1:
            self._add(kind, begin, end, after)

    def visit_Compare(self, node: ast.Compare) -> None:
        for one, operator, other in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            if type(operator) in _SHIFTED:
                self._replace_between("boundary shifted", one, other, _SHIFTED[type(operator)])
            elif type(operator) in _FLIPPED:
                self._replace_between("comparison flipped", one, other, _FLIPPED[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        self._replace_between("and/or swapped", node.values[0], node.values[1], words)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace("not removed", node, f"bool({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        right = node.right
        if isinstance(node.op, ast.Mult | ast.Div) and isinstance(right, ast.Constant) and right.value in _UNITS:
            self._replace("unit lost", node, f"({self._text(node.left)})")
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        for one in node.elts:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                self._replace("left out of a set", one, '"left out"')

    def visit_If(self, node: ast.If) -> None:
        last = node.body[-1]
        if isinstance(last, ast.Return | ast.Raise | ast.Continue) and not node.orelse:
            self._replace("early end dropped", last, "pass")
        self._force(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._force(node.test)
        self.generic_visit(node)

    def _force(self, test: ast.expr) -> None:
        if self._text(test) != "TYPE_CHECKING":
            for value in ("True", "False"):
                self._replace("condition forced", test, f"({value})")

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re":
            for pattern in node.args[:1]:
                if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
                    self._narrow(pattern)
        self.generic_visit(node)

    def _narrow(self, pattern: ast.Constant) -> None:
        begin, _ = self._span(pattern)
        text = self._text(pattern)
        for group in _CLASS.finditer(text):
            for found in _RANGE.finditer(group[0]):
                if found[1] < found[2]:
                    at = begin + len(text[: group.start() + found.start()].encode())
                    narrower = f"{found[1]}-{chr(ord(found[2]) - 1)}"
                    self._add("range narrowed", at, at + len(found[0].encode()), narrower)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            for change in ("+ 1", "- 1"):
                self._replace("number changed", node, f"({self._text(node)} {change})")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in (*node.defaults, *node.kw_defaults):
            if default is not None:
                self.visit(default)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """What a message says is no fault, and Python 3.11 does not know where its parts stand."""


def places(module: str) -> list[Mutation]:
    """Every fault that can be made in a module."""
    return sorted(set(_Places(module, (ROOT / module).read_bytes()).found))


def is_python(mutation: Mutation) -> bool:
    """Whether a module with a fault can still be compiled."""
    try:
        compile(changed((ROOT / mutation.module).read_bytes(), mutation), mutation.module, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def changed(source: bytes, mutation: Mutation) -> bytes:
    """A module with its fault."""
    return source[: mutation.begin] + mutation.after.encode() + source[mutation.end :]


def draw(modules: list[str], number: int, seed: int) -> list[Mutation]:
    """As many different faults as asked for: a module, then a kind, then a place."""
    chance = random.Random(seed)
    left = {module: places(module) for module in modules}
    drawn: list[Mutation] = []
    while len(drawn) < number and (open_modules := [module for module in modules if left[module]]):
        there = left[chance.choice(open_modules)]
        kind = chance.choice(sorted({one.kind for one in there}))
        one = chance.choice([one for one in there if one.kind == kind])
        there.remove(one)
        if is_python(one):
            drawn.append(one)
    return drawn


@contextlib.contextmanager
def copied_tree() -> Iterator[Path]:
    """A copy of what git knows and of new files, with compiled modules."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as place:
        tree = Path(place) / "tree"
        known = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in subprocess.run(known, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        subprocess.run([sys.executable, "-m", "compileall", "-q", tree / "blogkit"], check=True)
        yield tree


def passes(tree: Path, tests: tuple[str, ...], seconds: float = SECONDS) -> tuple[bool, str]:
    """Whether tests pass in a tree, within the time; and the end of what they printed."""
    log = tree.parent / "log"
    child = os.fork()
    if child == 0:
        _run_tests(tree, tests, log)
    until = time.monotonic() + seconds
    status = None
    while status is None and time.monotonic() < until:
        done, how = os.waitpid(child, os.WNOHANG)
        status = how if done else time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
        return False, f"not done after {seconds:g} s"
    text = log.read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return status == 0, (lines or text.strip().splitlines()[-1:] or [""])[0].split(" - ")[0]


def _run_tests(tree: Path, tests: tuple[str, ...], log: Path) -> None:
    os.setsid()
    with log.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    os.chdir(tree)
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    sys.path[0] = str(tree)
    import pytest

    options = ["-x", "-q", "-m", "not slow", "-p", "no:randomly", "-p", "no:cacheprovider"]
    status = 1
    try:
        status = int(pytest.main([*options, *(name for name in tests if (tree / name).exists())]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="*", default=list(TESTS), metavar="MODULE[=TEST,TEST]")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--least", type=int, default=50)
    parser.add_argument("--only", default=":", help="a part of the sample: 0:20")
    parser.add_argument("--list", action="store_true")
    wish = parser.parse_args()
    first, last = wish.only.split(":")
    modules = [name.partition("=")[0] for name in wish.modules]
    TESTS.update(
        {name: tuple(tests.split(",")) for name, _, tests in (one.partition("=") for one in wish.modules) if tests}
    )
    sample = draw(modules, wish.count, wish.seed)[int(first or 0) : int(last) if last else None]
    if wish.list:
        print(*sample, sep="\n")
        return 0
    for name in HEAVY:
        importlib.import_module(name)
    with copied_tree() as tree:
        needed = tuple(dict.fromkeys(test for one in sample for test in TESTS[one.module]))
        sound, failed = passes(tree, needed, 10 * SECONDS)
        if not sound:
            print(f"The tests fail without any fault: {failed}")
            return 2
        killed = sum([_try_out(tree, one) for one in sample])
    print(f"{killed} of {len(sample)} killed (seed {wish.seed})")
    return int(killed < wish.least)


def _try_out(tree: Path, mutation: Mutation) -> bool:
    path = tree / mutation.module
    source, stat = path.read_bytes(), path.stat()
    path.write_bytes(changed(source, mutation))
    os.utime(path, (stat.st_atime, stat.st_mtime + 10))  # not the compiled module's time
    began = time.monotonic()
    try:
        survived, why = passes(tree, TESTS[mutation.module])
    finally:
        path.write_bytes(source)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    print(f"{'SURVIVED' if survived else 'killed  '} {time.monotonic() - began:5.1f} s  {mutation}  {why}", flush=True)
    return not survived


if __name__ == "__main__":
    sys.exit(main())
