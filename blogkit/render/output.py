"""Writing a site's pages: only what differs, each whole or not at all.

Pages can be made again at any time, so that nothing waits for the disk as the store's files do.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from blogkit.errors import StoreError
from blogkit.render.made import note_made

_SMALL = 1 << 20
"""Bytes of a file that is read as a whole to be copied."""


def write_page(path: Path, data: bytes) -> bool:
    """Writes a file unless it holds this already. True when it wrote. Raises StoreError when the disk refuses."""
    note_made(path)
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        pass
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        hint = "Make room, or check who may write here."
        raise StoreError(f"could not be written: {error.strerror}.", hint=hint, path=path) from error
    return True


def copy_if_newer(origin: Path, target: Path) -> None:
    """Copies a file unless the same one is there."""
    stat = origin.stat()
    try:
        there = target.stat()
        if os.path.samestat(there, stat):  # the site's sources are its output: the file is its author's
            return
        note_made(target)
        if there.st_size == stat.st_size and there.st_mtime_ns == stat.st_mtime_ns:
            return
    except OSError:
        note_made(target)
    try:
        _copy(origin, target, stat)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(origin, target, stat)


def _copy(origin: Path, target: Path, stat: os.stat_result) -> None:
    """Contents, mode and times; ``copy2`` asks more of the disk, which counts for a thousand small drawings."""
    if stat.st_size > _SMALL:
        shutil.copy2(origin, target)
        return
    with open(target, "wb") as stream:
        stream.write(origin.read_bytes())
    target.chmod(stat.st_mode & 0o777)
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
