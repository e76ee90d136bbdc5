"""Draws small faults by lot, puts each into a copy of the tree, and says which the tests notice.

    python benchmarks/mutations.py --count 60 blogkit/store.py=tests/run,tests/gather blogkit/css.py=tests/test_css.py

Each module is given with the tests that should hold it. A fault is a comparison turned around or moved by one, a
constant changed, a unit's factor lost (``* 60``), a ``not`` removed, ``and`` and ``or`` exchanged, or a statement
dropped. The same seed draws the same faults of the same source. A fault is noticed when the fast tests of its module
fail or take longer than ``--seconds``; those that survive are listed with their line. Nothing in the tree is changed.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import UnionType

ROOT = Path(__file__).resolve().parent.parent
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One fault in one place of a module."""

    module: str
    line: int
    says: str
    source: str
    """The whole module with the fault."""


Change = Callable[[ast.AST, ast.AST], str | None]


def places_of(module: str) -> list[tuple[int, Change]]:
    """Where which fault could be put into a module: the number of a node, and the change."""
    nodes = ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8")))
    return [
        (number, change) for number, node in enumerate(nodes) for kind, change in _CHANGES if isinstance(node, kind)
    ]


def mutate(module: str, number: int, change: Change) -> Mutation | None:
    """A module with one fault; None where the change does not fit the node."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    node = next(one for index, one in enumerate(ast.walk(tree)) if index == number)
    line, before = getattr(node, "lineno", 0), ast.unparse(node).splitlines()[0]
    after = change(tree, node)
    if after is None:
        return None
    source = ast.unparse(ast.fix_missing_locations(tree))
    return Mutation(module=module, line=line, says=f"{before[:60]}  ->  {after[:60]}", source=source)


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if one is old else one for one in value]


def _turn(tree: ast.AST, node: ast.AST) -> str | None:
    if not isinstance(node, ast.Compare):
        return None
    node.ops[0] = _COMPARISONS[type(node.ops[0])]()
    return ast.unparse(node)


def _change_constant(tree: ast.AST, node: ast.AST) -> str | None:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, int | float):
        return None
    node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    return ast.unparse(node)


def _drop_factor(tree: ast.AST, node: ast.AST) -> str | None:
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div):
        return None
    if not isinstance(node.right, ast.Constant):
        return None
    _replace(tree, node, node.left)
    return ast.unparse(node.left)


def _drop_not(tree: ast.AST, node: ast.AST) -> str | None:
    if not isinstance(node, ast.UnaryOp) or not isinstance(node.op, ast.Not):
        return None
    _replace(tree, node, node.operand)
    return ast.unparse(node.operand)


def _exchange(tree: ast.AST, node: ast.AST) -> str | None:
    if not isinstance(node, ast.BoolOp):
        return None
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return ast.unparse(node)


def _drop_statement(tree: ast.AST, node: ast.AST) -> str | None:
    plain = isinstance(node, ast.Raise | ast.AugAssign | ast.Continue) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )
    if not plain:
        return None
    _replace(tree, node, ast.Pass())
    return "pass"


_CHANGES: tuple[tuple[type[ast.AST] | UnionType, Change], ...] = (
    (ast.Compare, _turn),
    (ast.Constant, _change_constant),
    (ast.BinOp, _drop_factor),
    (ast.UnaryOp, _drop_not),
    (ast.BoolOp, _exchange),
    (ast.Raise | ast.AugAssign | ast.Continue | ast.Expr, _drop_statement),
)


def draw(modules: list[str], count: int, seed: int) -> list[Mutation]:
    """So many faults by lot, each module as likely as another."""
    dice = random.Random(seed)
    pools = {module: places_of(module) for module in modules}
    chosen: list[Mutation] = []
    while len(chosen) < count and any(pools.values()):
        module = dice.choice([module for module in modules if pools[module]])
        made = mutate(module, *pools[module].pop(dice.randrange(len(pools[module]))))
        if made is not None:
            chosen.append(made)
    return chosen


def run_tests(tree: Path, tests: list[str], seconds: float) -> str:
    """How the fast tests end in a tree: ``passed``, ``failed`` or ``late``."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return "late"
    return "passed" if done.returncode == 0 else "failed"


def copy_tree(folder: Path) -> Path:
    """A copy of what git tracks, with what is not committed yet."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, names.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def measure(pairs: dict[str, list[str]], chosen: list[Mutation], seconds: float, say: Callable[[str], None]) -> int:
    """Puts each fault into a copy of the tree, and gives how many survived. The tests must pass without any."""
    survived = 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        tree = copy_tree(Path(folder))
        for module in {one.module for one in chosen}:
            if run_tests(tree, pairs[module], seconds) != "passed":
                raise SystemExit(f"{module}: its tests fail, or are late, without any fault")
        for number, one in enumerate(chosen, start=1):
            sound = (tree / one.module).read_text(encoding="utf-8")
            begun = time.monotonic()
            try:
                (tree / one.module).write_text(one.source, encoding="utf-8")
                ended = run_tests(tree, pairs[one.module], seconds)
            finally:
                (tree / one.module).write_text(sound, encoding="utf-8")
            verdict = "SURVIVED" if ended == "passed" else "killed"
            survived += ended == "passed"
            took = time.monotonic() - begun
            say(f"{number:>3} {verdict:<9} {one.module}:{one.line}  {one.says}  ({ended}, {took:.0f} s)")
    return survived


def main() -> None:
    """Reads the command line, and prints a line a fault and the sum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", metavar="MODULE=TEST[,TEST…]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=300)
    given = parser.parse_args()
    pairs = {module: tests.split(",") for module, _, tests in (one.partition("=") for one in given.modules)}
    chosen = draw(list(pairs), given.count, given.seed)
    survived = measure(pairs, chosen, given.seconds, lambda line: print(line, flush=True))
    print(f"{len(chosen) - survived} of {len(chosen)} killed, {survived} survived (seed {given.seed})")


if __name__ == "__main__":
    main()
