"""A working folder for each run: the project's files under their relative paths, and what the run writes beside them.

The folder lies beside the project's own, for as long as the run goes on, so that ``../../shared/x.csv`` means the same
file as in the project. Small files are copied, so that writing over one leaves the project's as it is. Large ones and
folders of very many files are links; in a Python kernel a linked file becomes a copy before it is written to, and
what else writes through a link is reported. What the run wrote is kept in its own folder, within bounds.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from blogkit.errors import StoreError
from blogkit.kernel.linked import LINKED_VARIABLE
from blogkit.store import RunPaths

COPIED_FILE = 4 * 1024 * 1024
"""Bytes of the largest file that each run gets a copy of; a larger one is linked where the disk cannot clone it."""
COPIED_TOTAL = 32 * 1024 * 1024
"""Bytes that are copied for a run in all."""
COPIED_FILES = 1000
"""Files that are copied for a run; further ones are linked."""
ENTRIES = 10_000
"""Files and folders that are set out for a run; a folder that would exceed it is linked as a whole."""
KEPT_TOTAL = 100 * 10**6
"""Bytes of a run's own files that are kept with it."""
KEPT_FILES = 1000
"""Files that are kept with a run."""

_CACHES = {"__pycache__", ".ipynb_checkpoints", ".quarto", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
"""Folders that no run needs."""
_SHARED = {".git", ".venv", "venv", "node_modules"}
"""Folders that no run is expected to write to: linked as they are."""
_CLONE = 0x40049409
"""Linux's FICLONE: another file of the same blocks, on file systems that can."""


@dataclass(kw_only=True)
class WorkingFolder:
    """The folder that a run's notebook finds itself in."""

    folder: Path
    project: Path
    above: bool = True
    """Whether ``..`` leads where it leads from the project's folder."""
    links: dict[Path, tuple[int, ...]] = field(default_factory=dict)
    """What is linked, by its path in the project, with its state there."""
    _copied: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Size and time of each file as the run was given it."""
    _linked: set[Path] = field(default_factory=set)
    _bytes: int = 0
    _entries: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """What a kernel must know to copy a linked file before it writes to it."""
        return {LINKED_VARIABLE: str(self.folder)} if self.links else {}

    def keep(self, place: Path) -> list[tuple[str, int]]:
        """Moves what the run wrote to ``place``, the small files first, and gives those that were too much, with sizes.

        Raises StoreError when the disk refuses.
        """
        left: list[tuple[str, int]] = []
        total = 0
        for number, (size, name) in enumerate(sorted((size, name) for name, size in self._written_files())):
            total += size
            if total > KEPT_TOTAL or number >= KEPT_FILES:
                left.append((name, size))
                continue
            target = place / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(self.folder / name, target)
            except OSError as error:
                raise StoreError(f"could not be stored: {error.strerror}.", path=target) from error
        return left

    def origin(self, path: Path) -> Path | None:
        """Where a file that the run has read lies when it is over; None for one that the run itself made."""
        if not path.is_relative_to(self.folder):
            return path
        relative = path.relative_to(self.folder)
        given = any(above in self._linked for above in (relative, *relative.parents))
        if not given:
            with suppress(OSError):
                found = path.lstat()
                given = self._copied.get(relative.as_posix()) == (found.st_size, found.st_mtime_ns)
        return self.project / relative if given else None

    def changed_links(self) -> list[str]:
        """The linked files and folders that are not what they were, by their paths in the project."""
        return [path.as_posix() for path, state in self.links.items() if _state(self.project / path) != state]

    def _written_files(self) -> Iterator[tuple[str, int]]:
        """The new and changed files, with their sizes."""
        for base, folders, names in os.walk(self.folder):
            place = Path(base).relative_to(self.folder)
            folders[:] = [name for name in folders if name not in _CACHES and place / name not in self._linked]
            for name in names:
                relative = (place / name).as_posix()
                with suppress(FileNotFoundError):  # a process that the run left behind may still tidy up
                    found = Path(base, name).lstat()
                    if stat.S_ISREG(found.st_mode) and self._copied.get(relative) != (found.st_size, found.st_mtime_ns):
                        yield relative, found.st_size

    # -- setting it out

    def set_out(self, shared: Sequence[str]) -> None:
        """Fills the folder: nearest files first, so that a large tree costs the far ones their copy."""
        for name in shared:
            self._share(Path(name))
        pending = deque([Path()])
        while pending:
            place = pending.popleft()
            entries = _list(self.project / place)
            if self._entries + len(entries) > ENTRIES and place != Path():
                self._link(place)
                continue
            self._entries += len(entries)
            (self.folder / place).mkdir(exist_ok=True)
            for entry in entries:
                relative = place / entry.name
                if relative not in self._linked and entry.name not in _CACHES and relative != Path("runs"):
                    with suppress(FileNotFoundError, PermissionError):  # as good as not there, for the run as well
                        self._set_out(entry, relative, pending)
        (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")  # git sees nothing of the folder
        self._remember(Path(".gitignore"))

    def _set_out(self, entry: os.DirEntry[str], relative: Path, pending: deque[Path]) -> None:
        if entry.is_file():
            self._give(relative, entry.stat())
        elif not entry.is_dir():
            pass  # a socket, a pipe, a link to nothing
        elif entry.is_symlink():
            self._link_again(relative)
        elif entry.name in _SHARED:
            self._link(relative, watched=False)
        else:
            pending.append(relative)

    def _share(self, relative: Path) -> None:
        """A folder that the project says its runs share; it is made where it is not there yet."""
        with suppress(FileExistsError):
            (self.project / relative).mkdir(parents=True, exist_ok=True)
        (self.folder / relative).parent.mkdir(parents=True, exist_ok=True)
        self._link(relative, watched=False)

    def _link_again(self, relative: Path) -> None:
        """A link of the project's own to a folder, which leads to the same place from here."""
        target = (self.project / relative).resolve()
        if target.is_relative_to(self.project):
            target = self.folder / target.relative_to(self.project)
        self._linked.add(relative)
        _link_folder(target, self.folder / relative)

    def _link(self, relative: Path, *, watched: bool = True) -> None:
        source, place = self.project / relative, self.folder / relative
        try:
            (_link_folder if source.is_dir() else _link_file)(source, place)
        except OSError:  # a system that lets nobody make links
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, place)
            return
        self._linked.add(relative)
        if watched:
            self.links[relative] = _state(source)

    def _give(self, relative: Path, found: os.stat_result) -> None:
        """A file: cloned, copied, or linked."""
        source, place = self.project / relative, self.folder / relative
        small = (
            found.st_size <= COPIED_FILE
            and self._bytes + found.st_size <= COPIED_TOTAL
            and len(self._copied) < COPIED_FILES
        )
        if small:
            shutil.copyfile(source, place)
            self._bytes += found.st_size
        elif not _clone(source, place):
            self._link(relative)
            return
        shutil.copystat(source, place)
        self._remember(relative)

    def _remember(self, relative: Path) -> None:
        found = (self.folder / relative).lstat()
        self._copied[relative.as_posix()] = (found.st_size, found.st_mtime_ns)


@contextmanager
def working_folder(
    project: Path, work: RunPaths, *, shared: Sequence[str] = (), on_note: Callable[[str], None] = lambda text: None
) -> Iterator[WorkingFolder]:
    """A folder for the run that fills ``work``, while the block lasts. Raises StoreError when it cannot be made."""
    place = WorkingFolder(folder=project.parent / f".{project.name}.{work.folder.name}", project=project)
    try:
        place.folder.mkdir()
    except OSError as error:
        place.folder, place.above = work.folder / "cwd", False
        on_note(
            f"runs work in {project.name}/runs, where paths that begin with `../` lead nowhere, since no folder can be "
            f"made in {project.parent}: {error.strerror}"
        )
    try:
        try:
            place.folder.mkdir(exist_ok=True)
            place.set_out(shared)
        except OSError as error:
            hint = "Make room, or check who may write here."
            message = f"could not be made: {error.strerror or error}."
            raise StoreError(message, hint=hint, path=place.folder) from error
        yield place
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def clear_working_folders(project: Path, works: Path) -> None:
    """Removes the working folders whose runs have no folder under ``works`` any more, as after a kill."""
    pattern = re.compile(rf"\.{re.escape(project.name)}\.(\w{{1,12}}-[0-9a-f]{{8}})")
    with suppress(OSError):
        for entry in os.scandir(project.parent):
            found = pattern.fullmatch(entry.name)
            if found and entry.is_dir(follow_symlinks=False) and not (works / found[1]).exists():
                shutil.rmtree(entry.path, ignore_errors=True)


def _list(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _state(path: Path) -> tuple[int, ...]:
    """What changes of a file or folder when somebody writes to it."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _clone(source: Path, place: Path) -> bool:
    """A copy that shares the file's blocks until one of them is written to; False where the disk cannot do that."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        with open(source, "rb") as given, open(place, "xb") as made:
            fcntl.ioctl(made.fileno(), _CLONE, given.fileno())
    except OSError:
        with suppress(OSError):
            place.unlink()
        return False
    return True


def _link_file(source: Path, place: Path) -> None:
    place.symlink_to(source)


def _link_folder(source: Path, place: Path) -> None:
    try:
        place.symlink_to(source, target_is_directory=True)
    except OSError:
        if sys.platform == "win32":
            import _winapi

            _winapi.CreateJunction(str(source), str(place))  # needs no privilege, as a link to a folder does there
        else:
            raise
