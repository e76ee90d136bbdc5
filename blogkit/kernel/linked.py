"""Files of the project that a run sees by a link: one becomes the run's own copy before the run writes to it."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from blogkit.kernel.after_import import after_import

LINKED_VARIABLE = "BLOGKIT_LINKED_IN"
"""Names the folder whose links are meant; not set where it has none."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_APPEND | os.O_CREAT


def protect_linked_files() -> None:
    """Makes every write from this process go to a copy. What its child processes do is not seen from here."""
    folder = os.environ.get(LINKED_VARIABLE)
    if folder:
        sys.addaudithook(functools.partial(_before_write, folder))
        after_import("torch", functools.partial(_watch_torch, folder))


def _before_write(folder: str, event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
        make_own(folder, arguments[0], empty=bool(arguments[2] & os.O_TRUNC))


def make_own(folder: str, path: Any, *, empty: bool = False) -> None:
    """Replaces a link in the folder by a copy, or by nothing where what it leads to is about to be emptied."""
    if not isinstance(path, str | bytes | os.PathLike):
        return
    place = Path(os.path.abspath(os.fsdecode(path)))
    if not place.is_relative_to(folder) or not place.is_symlink() or not place.is_file():
        return
    if empty:
        place.unlink()
        return
    beside = place.with_name(f"{place.name}.{os.getpid()}.part")
    shutil.copy2(place, beside)
    os.replace(beside, place)


def _watch_torch(folder: str, torch: ModuleType) -> None:
    """``torch.save`` opens its file in compiled code, unseen by Python's audit."""
    save = torch.save

    @functools.wraps(save)
    def save_to_own(obj: Any, f: Any, *arguments: Any, **named: Any) -> Any:
        make_own(folder, f, empty=True)
        return save(obj, f, *arguments, **named)

    torch.save = save_to_own  # type: ignore[attr-defined]
