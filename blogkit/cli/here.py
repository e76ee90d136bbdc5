"""The site that a command stands in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from blogkit.model import Site


_left_out: ContextVar[int] = ContextVar("left_out", default=0)


def begin_command() -> None:
    """Forgets what an earlier command of this process left out."""
    _left_out.set(0)


def end_command() -> None:
    """Ends a command with an error that left out projects: it has not done all that it was asked for."""
    count = _left_out.get()
    if count:
        what = "1 project was left out" if count == 1 else f"{count} projects were left out"
        print(f"blogkit: {what}; why is said above.", file=sys.stderr)
        raise typer.Exit(2)


def site_here(names: Sequence[str] | None = None, *, whole: bool = True) -> Site:
    """The site around the working folder.

    A command that names no project is for the ``whole`` site: what is wrong with the files of its projects is said
    now, and makes the command end with an error when it has done the rest.
    """
    from blogkit.config import open_site

    site = open_site(Path.cwd())
    if not names and whole:
        for problem in site.problems:
            print(f"blogkit: {problem}", file=sys.stderr)
        _left_out.set(sum(bool(one.problems) for one in site.projects))
    return site
