"""What this machine offers a post, what is missing, and how to get it: `blogkit doctor`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from blogkit import __version__


class Health(StrEnum):
    """What an examination found."""

    GOOD = "ok"
    ABSENT = "not here"
    """Something optional; the text says what is done without it."""
    BAD = "missing"
    """Something that a command will need."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """One thing that was looked at."""

    name: str
    state: Health
    says: str
    """What was found, or what goes without it and how to get it."""


def examine(folder: Path) -> Iterator[Examination]:
    """Looks at the interpreter, the notebooks' needs, the page's needs, and the site around ``folder``."""
    yield Examination(
        name="blogkit",
        state=Health.GOOD,
        says=f"{__version__}, Python {'.'.join(map(str, sys.version_info[:3]))}, {os.cpu_count()} CPU cores",
    )
    yield _package("torch", "the starters' notebooks import it: pip install 'blogkit[starters]' -c constraints.txt")
    yield from _gpus()
    yield _kernel()
    yield _pandoc()
    yield _program(
        ("BLOGKIT_QUARTO", "quarto"), "Quarto", "the embedded pandoc engine renders instead; https://quarto.org has it"
    )
    yield _program(
        ("", "chromium", "chromium-browser", "google-chrome"), "Chromium",
        "`check --browser` and `render --to pdf` need it: install chromium or Google Chrome",
    )  # fmt: skip
    yield _program(("", "git"), "git", "the provenance of runs has no commit, and gh-pages cannot be published to")
    yield _room(folder)
    yield from _site(folder)


def _package(name: str, otherwise: str) -> Examination:
    try:
        return Examination(name=name, state=Health.GOOD, says=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Examination(name=name, state=Health.ABSENT, says=otherwise)


def _gpus() -> Iterator[Examination]:
    from blogkit.tools.gpu import find_meter

    devices = find_meter().devices()
    for gpu in devices:
        yield Examination(name="GPU", state=Health.GOOD, says=gpu.name)
    if not devices:
        yield Examination(name="GPU", state=Health.ABSENT, says="runs use the CPU")


def _kernel() -> Examination:
    try:
        return Examination(name="kernel", state=Health.GOOD, says=f"python3, ipykernel {metadata.version('ipykernel')}")
    except metadata.PackageNotFoundError:
        return Examination(name="kernel", state=Health.BAD, says="no notebook can run: pip install ipykernel")


def _pandoc() -> Examination:
    try:
        return Examination(
            name="pandoc", state=Health.GOOD, says=f"pypandoc_binary {metadata.version('pypandoc_binary')}"
        )
    except metadata.PackageNotFoundError:
        return Examination(name="pandoc", state=Health.BAD, says="pages need it: pip install pypandoc_binary")


def _program(names: tuple[str, ...], shown: str, otherwise: str) -> Examination:
    """A program by the variable that may name it (the first of ``names``) or by its names on PATH."""
    variable, *programs = names
    found = os.environ.get(variable) if variable else None
    found = found or next(filter(None, map(shutil.which, programs)), None)
    if found:
        return Examination(name=shown, state=Health.GOOD, says=found)
    return Examination(name=shown, state=Health.ABSENT, says=otherwise)


def _room(folder: Path) -> Examination:
    free = shutil.disk_usage(folder).free
    state = Health.GOOD if free > 1e9 else Health.BAD
    return Examination(name="disk", state=state, says=f"{free / 1e9:.1f} GB free")


def _site(folder: Path) -> Iterator[Examination]:
    from blogkit.config import open_site
    from blogkit.errors import BlogkitError
    from blogkit.store import ProjectPaths, gathered_runs

    try:
        site = open_site(folder)
    except BlogkitError as error:
        yield Examination(name="site", state=Health.BAD, says=str(error))
        return
    yield Examination(name="site", state=Health.GOOD, says=str(site.root))
    for project in site.projects:
        if project.problems:
            says = "\n".join(str(problem) for problem in project.problems)
            yield Examination(name=f"  {project.name}", state=Health.BAD, says=says)
            continue
        runs = len(gathered_runs(ProjectPaths.of(project)))
        says = f"{runs} runs gathered" if runs else "no results yet"
        yield Examination(name=f"  {project.name}", state=Health.GOOD, says=says)
