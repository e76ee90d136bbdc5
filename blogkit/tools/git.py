"""git, asked and never told: which commit a folder stands at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What of the history a folder shows."""

    commit: str
    dirty: bool
    """Whether a tracked file differs from the commit, or a new one is not ignored."""


def revision(folder: Path, *, ignore: Sequence[str] = ()) -> Revision | None:
    """The commit of the repository around a folder; None outside of one, before its first commit, or without git.

    ``ignore`` are paths, relative to ``folder``, whose changes do not make it dirty.
    """
    commit = _ask(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    excluded = [f":(exclude){path}" for path in ignore]
    changed = _ask(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".", *excluded)
    return Revision(commit=commit.strip(), dirty=bool(changed is None or changed.strip()))


def _ask(folder: Path, *arguments: str) -> str | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
