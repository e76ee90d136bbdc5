"""The order of the stages, written once: the command line, `build`, the pipeline and the documentation follow it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One stage on the way from an idea to a reviewed post: ``takes``, made into what it ``gives``."""

    name: str
    """Of its command, and of its package."""
    does: str
    """In the words of `build`."""
    takes: str
    gives: str
    commands: tuple[str, ...]
    """The commands that belong to it, as help lists them."""
    in_build: bool = False
    """`blogkit build` does what of it is stale."""
    of_project: bool = True
    """It is done for each project by itself; what is not comes after all projects."""


STAGES = (
    Stage("new", "begin", "template/", "a project", ("init", "new")),
    Stage(
        "run", "run", "sources, sweep.yml", "runs/", ("run", "status", "cancel", "logs", "verify", "runs"),
        in_build=True,
    ),
    Stage("gather", "gather", "runs/, figures.ipynb", "results/", ("gather",), in_build=True),
    Stage("render", "render", "results/, index.qmd", "a page", ("render", "preview"), in_build=True, of_project=False),
    Stage("check", "check", "a page, results/", "findings", ("check",), in_build=True, of_project=False),
    Stage("publish", "publish", "a checked page", "a zip, a folder, a branch", ("publish",)),
    Stage("review", "review", "published pages", "comments, scores", ("review",)),
)  # fmt: skip
"""In order. Each takes what those before it give, through the files of the project."""

BUILT = tuple(stage for stage in STAGES if stage.in_build)
"""What `blogkit build` does, in order."""


def in_words(stages: tuple[Stage, ...]) -> str:
    """``Run, gather, render and check``."""
    *first, last = [stage.does for stage in stages]
    text = f"{', '.join(first)} and {last}" if first else last
    return text[0].upper() + text[1:]


def place_in_help(command: str) -> int:
    """Where a command stands in a list of commands; those of no stage come last."""
    order = [name for stage in STAGES for name in stage.commands]
    return order.index(command) if command in order else len(order)
