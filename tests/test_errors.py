"""Errors carry error messages for the user, and survive the way between processes."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

from blogkit import errors
from blogkit.errors import BlogkitError, CheckFailed, ConfigError, Problem, ProjectError, RunsFailed

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, BlogkitError) and not kind.__name__.startswith("_") and kind is not BlogkitError
]


def make(kind: type[BlogkitError]) -> BlogkitError:
    problem = Problem(message="is wrong.", path=Path("sweep.yml"), line=3, hint="Write something else.")
    if kind is RunsFailed:
        return RunsFailed(2, 9, "run 1: boom")
    if kind is CheckFailed:
        return CheckFailed(1, 2)
    if issubclass(kind, ConfigError | errors.RenderError):
        return kind([problem])
    assert issubclass(kind, errors._OneProblem)
    return kind("is wrong.", hint="Write something else.", path=Path("sweep.yml"), line=3)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_error_message_after_pickling(kind: type[BlogkitError]) -> None:
    error = make(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__


def test_an_error_message_says_what_happened_where_and_what_to_do() -> None:
    error = ProjectError("has no post.", hint="Make an index.qmd.", path=Path("projects/x"), line=2)
    assert str(error) == "projects/x:2: has no post.\n    Make an index.qmd."


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    error = ConfigError([Problem(message="one"), Problem(message="two")])
    assert str(error) == "one\ntwo"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_names_every_error_with_its_exit_code(kind: type[BlogkitError]) -> None:
    rows = [row for row in (errors.__doc__ or "").splitlines() if f" {kind.__name__} " in row]
    assert rows, f"{kind.__name__} is missing from the tree"
    assert f"exit {kind.exit_code}" in rows[0]
