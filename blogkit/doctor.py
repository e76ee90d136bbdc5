"""What this machine offers a post, what is missing, and how to get it: `blogkit doctor`."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from blogkit import __version__
from blogkit.model import Project


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
    yield from _outdated_packages()
    yield from _torch_and_gpus()
    yield _kernel()
    yield _pandoc()
    yield _program(
        ("BLOGKIT_QUARTO", "quarto"), "Quarto", "the embedded pandoc engine renders instead; https://quarto.org has it"
    )
    yield _program(
        ("", "chromium", "chromium-browser", "google-chrome"), "Chromium",
        "`check --browser` and `render --to pdf` need it: install chromium or Google Chrome",
    )  # fmt: skip
    yield from _needed_extras()
    yield _program(("", "git"), "git", "the provenance of runs has no commit, and gh-pages cannot be published to")
    yield _room(folder)
    yield from _site(folder)


TORCH_FOR_CPU = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
"""The one line that installs torch without CUDA, on every system."""
_COMMANDS = {
    "`check --browser`": ("browser", ("playwright",), "165 MB, and uses the Chromium that is installed"),
    "`render --to pdf`": ("browser", ("playwright",), "165 MB, and uses the Chromium that is installed"),
    "`review assign` and `review serve`": ("review", ("scipy", "sqlalchemy", "starlette", "uvicorn"), "210 MB"),
    "`run --on` a Slurm cluster": ("slurm", ("submitit",), "2 MB"),
    "`run --on` a dask scheduler": ("dask", ("distributed",), "25 MB"),
}
"""What commands need beside blogkit itself: the extra that has it, its packages, and what it weighs."""


def _needed_extras() -> Iterator[Examination]:
    """What each command still needs."""
    for command, (extra, packages, weight) in _COMMANDS.items():
        missing = [name for name in packages if _version_of(name) is None]
        if missing:
            says = f"{command} needs {', '.join(missing)}: pip install 'blogkit[{extra}]' -c constraints.txt ({weight})"
            yield Examination(name=f"[{extra}]", state=Health.ABSENT, says=says)
        else:
            yield Examination(name=f"[{extra}]", state=Health.GOOD, says=f"{command}: all is here")


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _outdated_packages() -> Iterator[Examination]:
    """The packages that blogkit declares and that are missing, or of another version than it can use."""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return
    for text in metadata.requires("blogkit") or ():
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        version = _version_of(wanted.name)
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            there = f"{version} is installed" if version else "it is not installed"
            install = f"pip install '{wanted.name}{wanted.specifier}'"
            says = f"blogkit needs {wanted.specifier or 'it'}, and {there}: {install}"
            yield Examination(name=wanted.name, state=Health.BAD, says=says)


def _torch_and_gpus() -> Iterator[Examination]:
    from blogkit.tools.gpu import find_meter

    devices = find_meter().devices()
    version = _version_of("torch")
    if version is None and devices:
        says = "the starters' notebooks import it: pip install torch (with CUDA on Linux, 2 to 3 GB)"
        yield Examination(name="torch", state=Health.ABSENT, says=says)
    elif version is None:
        other = "plain `pip install torch` takes CUDA on Linux, 2 to 3 GB"
        says = f"the starters' notebooks import it: {TORCH_FOR_CPU} (0.2 GB; {other})"
        yield Examination(name="torch", state=Health.ABSENT, says=says)
    elif not devices and _is_cuda_build(version):
        says = f"{version}, a build with CUDA, and no GPU is here: {TORCH_FOR_CPU} --force-reinstall saves 2 to 3 GB"
        yield Examination(name="torch", state=Health.GOOD, says=says)
    else:
        yield Examination(name="torch", state=Health.GOOD, says=version)
    for gpu in devices:
        yield Examination(name="GPU", state=Health.GOOD, says=gpu.name)
    if not devices:
        yield Examination(name="GPU", state=Health.ABSENT, says="runs use the CPU")


def _is_cuda_build(version: str) -> bool:
    """Whether the torch that is installed brings CUDA along, as its version or its requirements say."""
    named = any(re.match(r"(?:nvidia|cuda)[-_]", text) for text in metadata.requires("torch") or ())
    return "+cu" in version or (named and _version_of("nvidia-cudnn-cu12") is not None)


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


# --- for staff, and what is fixed -------------------------------------------------------------------------------------


def report_text(found: Sequence[Examination], folder: Path) -> str:
    """The examination as plain text to hand to others: without the names of people and projects, and home paths."""
    import platform

    lines = [f"system: {platform.system()} {platform.release()} {platform.machine()}"]
    projects = [one.name.strip() for one in found if one.name.startswith("  ")]
    for one in found:
        name = f"project {projects.index(one.name.strip()) + 1}" if one.name.startswith("  ") else one.name
        says = "its folder" if one.name == "site" and one.state is Health.GOOD else one.says
        lines.append(f"{name}: {one.state}: {_without_names(says, folder, projects)}")
    return "\n".join(lines) + "\n"


def _without_names(text: str, folder: Path, projects: Sequence[str]) -> str:
    """A text without what tells who wrote it: home, the site's path, the user, the host, the names of projects."""
    import platform

    places = [(str(path), word) for path, word in ((folder.resolve(), "SITE"), (folder, "SITE"), (Path.home(), "~"))]
    with suppress(Exception):  # a system without a user's name
        places.append((getpass.getuser(), "USER"))
    places.append((platform.node(), "HOST"))
    places += [(name, f"project {place}") for place, name in enumerate(projects, start=1)]
    for name, word in places:
        if len(name) > 2:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", word, text)
    return " ".join(text.split())


_IGNORED = ("_site/", ".blogkit/", "projects/*/runs/")


def fix_site(folder: Path, *, clear: Callable[[Project], None]) -> list[str]:
    """Fixes what is safe to fix around ``folder``, and says what it did, and what only an installation can fix.

    Git ignores what blogkit makes again, and ``clear`` takes away what killed commands left.
    """
    from blogkit.config import open_site
    from blogkit.errors import BlogkitError
    from blogkit.store import ProjectPaths, write_text

    said = []
    try:
        site = open_site(folder)
    except BlogkitError as error:
        return [f"nothing was fixed: {error}"]
    ignore = site.root / ".gitignore"
    there = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    lacking = [name for name in _IGNORED if name not in {line.strip().lstrip("/") for line in there}]
    if lacking:
        write_text(ignore, "\n".join([*there, *lacking]) + "\n")
        said.append(f"fixed: .gitignore names {', '.join(lacking)} now, which blogkit makes again.")
    for project in site.projects:
        paths = ProjectPaths.of(project)
        before = len(list(paths.work.glob("*"))) if paths.work.is_dir() else 0
        if before:
            clear(project)
            cleared = before - len(list(paths.work.glob("*")))
            if cleared:
                said.append(f"fixed: {project.name}: what {cleared} killed runs had left is cleared away.")
    needed = [one.says for one in examine(folder) if one.state is not Health.GOOD and "pip install" in one.says]
    said += [f"to install: {says}" for says in needed]
    return said or ["nothing to fix."]
