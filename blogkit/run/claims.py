"""Who executes which run: two commands on one project share the work and do nothing twice.

A claim is a lock on a file, held by the process that executes the run. The system gives it back when that process
ends, however it ends; so there are no stale claims to clean up, and nothing needs to stay alive for them.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from blogkit.errors import StoreError

if sys.platform != "win32":
    import fcntl

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What file systems answer that keep no locks, such as Lustre without its ``flock`` option."""


class Claim:
    """The right to execute one run, until it is released."""

    def __init__(self, path: Path, descriptor: int, *, locked: bool = True) -> None:
        self.path = path
        self.locked = locked
        """False where the file system keeps no locks, so that another process may have the same claim."""
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the right back. The file goes first, while the lock still holds."""
        if self._descriptor >= 0:
            with suppress(OSError):
                self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def claim(path: Path) -> Claim | None:
    """The claim that ``path`` stands for, or None while another process (or thread) has it.

    Raises StoreError when the file cannot be made.
    """
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            hint = "Make room, or check who may write here."
            raise StoreError(f"could not be made: {error.strerror}.", hint=hint, path=path) from error
        if sys.platform == "win32":  # no such locks: there the store's renames alone keep runs whole
            return Claim(path, descriptor, locked=False)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return Claim(path, descriptor, locked=False)
            os.close(descriptor)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                return None
            raise StoreError(f"could not be locked: {error.strerror}.", path=path) from error
        # Between opening and locking, the one before may have released and removed this very file.
        with suppress(OSError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return Claim(path, descriptor)
        os.close(descriptor)


def is_claimed(path: Path) -> bool:
    """Whether a process holds the claim at this moment. Takes nothing and leaves nothing."""
    if sys.platform == "win32":
        return path.exists()
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in {errno.EWOULDBLOCK, errno.EACCES}
    finally:
        os.close(descriptor)
    return False
