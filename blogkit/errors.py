"""Every error that stops a command.

::

    BlogkitError               exit 1
    ├── ConfigError            exit 2   a file that the user wrote is wrong; all problems at once
    ├── ProjectError           exit 2   a project or site is missing, misnamed, or in the way
    ├── NotebookError          exit 2   a notebook that cannot be run as it stands
    ├── RunsFailed             exit 1   the sweep went on, but some runs did not succeed
    ├── RenderError            exit 1   a post holds what no engine can render; all problems at once
    ├── CheckFailed            exit 1   findings at or above the level that fails
    ├── ReviewNotBlind         exit 1   a post tells who wrote it, so no reviewer gets it
    ├── StoreError             exit 4   the disk would not take or give back what it should
    │   └── NotStored          exit 4   what should be stored is missing or damaged: that project's work stops alone
    ├── ToolMissing            exit 3   an outside program or an extra that is not installed
    └── ToolFailed             exit 3   an outside program that did not do its work

An error's message says what happened, to which file and line, what to do next. It is made
from attributes, so that a caller may also read the facts. Errors cross process borders, so each passes its facts to
``super().__init__`` in the order of its constructor; a test sends every class through pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in one place of a file the user wrote."""

    message: str
    """What is wrong, one sentence."""
    path: Path | None = None
    line: int | None = None
    """Counted from 1; None when the whole file is meant."""
    hint: str = ""
    """What to write instead, one sentence; empty when the message says it."""

    @property
    def place(self) -> str:
        """``file:line``, ``file`` or nothing, as editors understand it."""
        if self.path is None:
            return ""
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place else self.message
        return f"{head}\n    {self.hint}" if self.hint else head


class BlogkitError(Exception):
    """What stops a command. The exit code belongs to the class."""

    exit_code: ClassVar[int] = 1


class _Problems(BlogkitError):
    """An error that carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ConfigError(_Problems):
    """A configuration file, front matter or a command's option says something impossible."""

    exit_code = 2


class RenderError(_Problems):
    """A post that cannot be rendered faithfully; the page that it had stays, and the other posts were written."""


class _OneProblem(BlogkitError):
    """An error about one thing: what happened, and what to do next."""

    def __init__(self, message: str, hint: str = "", path: Path | None = None, line: int | None = None) -> None:
        super().__init__(message, hint, path, line)
        self.problem = Problem(message=message, hint=hint, path=path, line=line)

    def __str__(self) -> str:
        return str(self.problem)


class ProjectError(_OneProblem):
    """A project or a site that is missing, has an impossible name, or stands in the way."""

    exit_code = 2


class NotebookError(_OneProblem):
    """A notebook that cannot be run as it stands: unreadable, no parameters cell, no such kernel."""

    exit_code = 2


class StoreError(_OneProblem):
    """The disk would not take or give back what it should; what was there before is still there."""

    exit_code = 4


class NotStored(StoreError):
    """What should be stored is missing or damaged. It stops the work on one project; a full disk stops all."""


class ReviewNotBlind(_OneProblem):
    """A post tells who wrote it; each leak is fixed or waived before a reviewer gets the post."""


class ToolMissing(_OneProblem):
    """An outside program or an optional package that the command needs is not installed."""

    exit_code = 3


class ToolFailed(_OneProblem):
    """An outside program ended without doing its work; the message holds the end of what it printed."""

    exit_code = 3


class RunsFailed(BlogkitError):
    """The sweep went on to its end, but some runs did not succeed."""

    def __init__(self, failed: int, total: int, summary: str) -> None:
        super().__init__(failed, total, summary)
        self.failed = failed
        self.total = total
        self.summary = summary

    def __str__(self) -> str:
        runs = "run" if self.total == 1 else "runs"
        return (
            f"{self.failed} of {self.total} {runs} did not succeed; the others are stored.\n{self.summary}\n"
            "    `blogkit status` shows them. The same command tries these alone again; after an edit of the\n"
            "    notebook, or of what it imports, every run is made anew, as its results are those of other code."
        )


class CheckFailed(BlogkitError):
    """The check found something at or above the level that fails."""

    def __init__(self, errors: int, warnings: int, report: str = "") -> None:
        super().__init__(errors, warnings, report)
        self.errors = errors
        self.warnings = warnings
        self.report = report
        """The findings themselves, where the command printed no report."""

    def __str__(self) -> str:
        if self.report:
            return self.report
        errors, warnings = (
            f"{count} {word}" + "s" * (count != 1)
            for count, word in ((self.errors, "error"), (self.warnings, "warning"))
        )
        return f"The check found {errors} and {warnings}; each is listed above with its fix."
