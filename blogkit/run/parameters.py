"""What a notebook does with its parameters, read before anything runs.

A run's values are set in a cell of their own behind the parameters cell. So what that cell computes from a parameter
has the default's value in every run, and what a later cell sets again is the same in every run: either would make a
sweep that shows nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.errors import NotebookError

COLUMNS = ("run", "metric", "step", "value")
"""The gathered table's own columns, which no parameter can be called."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, kw_only=True)
class CodeCell:
    """A code cell of a notebook."""

    number: int
    """Counted among the code cells from 1, as Jupyter shows it after a run from top to bottom."""
    source: str
    is_parameters: bool = False


def check_parameters(cells: Sequence[CodeCell], names: Collection[str], path: Path) -> None:
    """Raises NotebookError where runs would not use the values that they are given for ``names``."""
    after = False
    for cell in cells:
        tree = _parse_cell(cell.source)
        if cell.is_parameters:
            after = True
            if tree is not None:
                _refuse_use(cell, tree, names, path)
        elif after and tree is not None:
            _refuse_setting(cell, tree, names, path)


def _refuse_use(cell: CodeCell, tree: ast.Module, names: Collection[str], path: Path) -> None:
    for statement in tree.body:
        if _names_set_by(statement) & set(names) or _only_tells(statement):
            continue  # the sweep sets it, or it is a word to whoever reads
        for node in _evaluated_nodes(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
                raise NotebookError(
                    f"cell [{cell.number}], line {node.lineno}: `{_line_of_cell(cell, node.lineno)}` uses {node.id!r} "
                    "in the parameters cell. Each run's value is set behind that cell, so this would be the default's.",
                    hint="Move this line into the next cell.",
                    path=path,
                )


def _refuse_setting(cell: CodeCell, tree: ast.Module, names: Collection[str], path: Path) -> None:
    for name, line in _set_again(tree.body, set(names)):
        raise NotebookError(
            f"cell [{cell.number}], line {line}: `{_line_of_cell(cell, line)}` sets {name!r} again, so every run would "
            "have this value, whatever sweep.yml says.",
            hint="Remove the line, or give the variable another name.",
            path=path,
        )


def _set_again(body: Sequence[ast.stmt], names: set[str]) -> Iterator[tuple[str, int]]:
    """The names that statements at module level set to what does not come from them, with lines."""
    for statement in body:
        named = names - _loaded_names(statement) if _is_simple(statement) else names
        for name in sorted(_names_set_by(statement) & named):
            yield name, statement.lineno
        for node in ast.walk(statement) if isinstance(statement, _FUNCTIONS) else ():
            if isinstance(node, ast.Global):
                for name in sorted(set(node.names) & names):
                    yield name, node.lineno
        if isinstance(statement, ast.If | ast.While):
            tested = {one.id for one in ast.walk(statement.test) if isinstance(one, ast.Name)}
            yield from _set_again([*statement.body, *statement.orelse], names - tested)
        elif isinstance(statement, ast.For | ast.AsyncFor):
            inner = names - {one.id for one in ast.walk(statement.iter) if isinstance(one, ast.Name)}
            for name in sorted(_names_stored(statement.target) & inner):
                yield name, statement.lineno
            yield from _set_again([*statement.body, *statement.orelse], names)
        elif isinstance(statement, ast.With | ast.AsyncWith):
            yield from _set_again(statement.body, names)
        elif isinstance(statement, ast.Try):
            handled = [inner for handler in statement.handlers for inner in handler.body]
            yield from _set_again([*statement.body, *handled, *statement.orelse, *statement.finalbody], names)


def _is_simple(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr)


def _loaded_names(statement: ast.stmt) -> set[str]:
    found = {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    return found | ({statement.target.id} if _changes_itself(statement) else set())  # type: ignore[attr-defined]


def _changes_itself(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name)


def _names_set_by(statement: ast.stmt) -> set[str]:
    """The names that a statement itself sets, without what stands below it."""
    if isinstance(statement, ast.Assign):
        return {name for target in statement.targets for name in _names_stored(target)}
    if isinstance(statement, ast.AnnAssign):
        return _names_stored(statement.target) if statement.value is not None else set()
    if isinstance(statement, ast.AugAssign):
        return _names_stored(statement.target)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.With | ast.AsyncWith):
        return {name for item in statement.items if item.optional_vars for name in _names_stored(item.optional_vars)}
    return set()


def _names_stored(target: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(target) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def _only_tells(statement: ast.stmt) -> bool:
    """Whether a statement prints or asserts, so that nothing later depends on it."""
    if isinstance(statement, ast.Assert):
        return True
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Name):
        return True  # shown by the notebook
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in {"print", "display"}


def _evaluated_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated when a statement is, and not only when a function of it is called."""
    yield node
    if isinstance(node, ast.Lambda):
        inner: list[ast.AST] = [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        inner = [*node.decorator_list, *node.args.defaults, *(one for one in node.args.kw_defaults if one)]
    else:
        inner = list(ast.iter_child_nodes(node))
    for child in inner:
        yield from _evaluated_nodes(child)


def _parse_cell(source: str) -> ast.Module | None:
    """A cell as Python, without its magics; None for what is none."""
    lines = ["" if re.match(r"\s*[%!?]", line) else line for line in source.splitlines()]
    if source.lstrip().startswith("%%") and not re.match(r"\s*%%(time|timeit|capture|prun)\b", source):
        return None
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _line_of_cell(cell: CodeCell, number: int) -> str:
    return " ".join(cell.source.splitlines()[number - 1].split())[:80]


def collection_problem(name: str, default: Any, value: Any, code: str) -> tuple[str, str] | None:
    """Why a list cannot stand for a default that is no list, with what to do; None when it can.

    YAML has lists alone, so a run would get a list where the notebook counts on a tuple or a set.
    """
    kind = type(default).__name__
    if not isinstance(value, list) or not isinstance(default, tuple | set | frozenset):
        return None
    if re.search(rf"\b{kind}\(\s*{re.escape(name)}\s*\)", code):
        return None  # it makes one of it
    return (
        f"{name!r} is a list, but the parameters cell declares a {kind} ({default!r}); a run would get the list.",
        f"Write the default as a list, and `{kind}({name})` where the notebook needs one.",
    )
