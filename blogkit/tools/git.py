"""git: which commit a folder stands at, and a branch for a site. Nothing is ever forced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blogkit.errors import ToolFailed, ToolMissing


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What of the history a folder shows."""

    commit: str
    dirty: bool
    """Whether a tracked file differs from the commit, or a new one is not ignored."""
    untracked: bool = False
    """Whether the commit does not hold what was asked about at all."""


def revision(folder: Path, *, ignore: Sequence[str] = (), files: Sequence[Path] = ()) -> Revision | None:
    """The commit of the repository around a folder; None outside of one, before its first commit, or without git.

    ``ignore`` are paths, relative to ``folder``, whose changes do not make it dirty. ``files`` are asked about too,
    also where they lie beside the folder; it is untracked when the commit does not hold the first of them.
    """
    commit = _ask(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    excluded = [f":(exclude){path}" for path in ignore]
    outside = [os.path.relpath(path, folder) for path in files if not path.is_relative_to(folder)]
    changed = _ask(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".", *outside, *excluded)
    return Revision(
        commit=commit.strip(),
        dirty=bool(changed is None or changed.strip() or _count_held(folder, files) < len(files)),
        untracked=bool(files) and _count_held(folder, files[:1]) == 0,
    )


def _count_held(folder: Path, files: Sequence[Path]) -> int:
    """How many of these files the last commit holds."""
    if not files:
        return 0
    names = [os.path.relpath(path, folder) for path in files]
    return len((_ask(folder, "ls-tree", "--name-only", "HEAD", "--", *names) or "").splitlines())


def versions(path: Path, count: int) -> Iterator[str]:
    """The texts that a file had in the last ``count`` commits that changed it, newest first; none outside of git."""
    commits = _ask(path.parent, "log", f"--max-count={count}", "--format=%H", "--", path.name)
    for commit in (commits or "").split():
        text = _ask(path.parent, "show", f"{commit}:./{path.name}")
        if text is not None:
            yield text


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


def commit_neutrally(path: Path, message: str, *, author: str, day: str) -> str | None:
    """Commits one file under a neutral name, at midnight of a day (``2026-12-10``), unsigned; the commit.

    Nothing else that is staged goes along. None when the file is as it was. Raises ToolFailed when git refuses.
    """
    who = {"NAME": author, "EMAIL": "review@invalid", "DATE": f"{day}T00:00:00+00:00"}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    environment = {**os.environ, **names, "LC_ALL": "C"}
    arguments = [["add", "--", path.name], ["commit", "--quiet", "--no-gpg-sign", "-m", message, "--", path.name]]
    if _ask(path.parent, "status", "--porcelain", "--", path.name) == "":
        return None
    for one in arguments:
        done = subprocess.run(
            ["git", *one],
            cwd=path.parent,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            check=False,
        )
        if done.returncode != 0:
            raise ToolFailed(f"git {one[0]} refused {path.name}.", hint=done.stderr.strip() or done.stdout.strip())
    commit = _ask(path.parent, "rev-parse", "--short", "HEAD")
    return commit.strip() if commit else None


# --- a branch for a site --------------------------------------------------------------------------------------------


def repository(folder: Path) -> Path | None:
    """The root of the repository around a folder; None outside of one. Raises ToolMissing without git."""
    if shutil.which("git") is None:
        raise ToolMissing("Publishing to a branch needs git, which is not on PATH.", hint="Install git.")
    top = _ask(folder, "rev-parse", "--show-toplevel")
    return Path(top.strip()) if top else None


def current_branch(folder: Path) -> str | None:
    """The branch that is checked out; None between branches."""
    name = _ask(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    return name.strip() if name else None


def remote_address(folder: Path, remote: str) -> str | None:
    """Where a remote leads; None when there is no such remote."""
    address = _ask(folder, "remote", "get-url", "--push", remote)
    return address.strip() if address else None


def message_of(folder: Path, name: str) -> str | None:
    """The message of a commit or of a branch's last one; None when there is none."""
    return _ask(folder, "log", "-1", "--format=%B", name, "--")


def fetch_branch(folder: Path, remote: str, branch: str) -> None:
    """Brings what a remote has of a branch. Where it has none, what was known of it is forgotten."""
    there = _do(folder, "ls-remote", "--heads", remote, f"refs/heads/{branch}")
    if there.strip():
        _do(folder, "fetch", "--quiet", "--no-tags", remote, f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}")
    else:
        _ask(folder, "update-ref", "-d", f"refs/remotes/{remote}/{branch}")


def commit_site(folder: Path, tree: Path, *, remote: str, branch: str, message: str) -> None:
    """A commit on a branch that holds the files of ``tree`` and ``.nojekyll``, on top of what the remote has.

    ghp-import makes it without touching the work tree. Raises ToolMissing or ToolFailed.
    """
    from importlib.util import find_spec

    if find_spec("ghp_import") is None:
        hint = "Install it with `pip install ghp-import`."
        raise ToolMissing("Publishing to a branch needs ghp-import, which is not installed.", hint=hint)
    asked = ["-m", "ghp_import", "--no-jekyll", "-r", remote, "-b", branch, "-m", message, str(tree)]
    _run([sys.executable, *asked], folder, "ghp-import", _identity(folder))


def push_branch(folder: Path, remote: str, branch: str) -> None:
    """Pushes a branch, never by force. Raises ToolFailed when the remote has what is not here."""
    _do(folder, "push", "--quiet", remote, f"refs/heads/{branch}:refs/heads/{branch}")


def _identity(folder: Path) -> dict[str, str]:
    """A committer for a machine that has none, such as a code host's runner."""
    wanted = (
        ("user.name", "GIT_COMMITTER_NAME", "blogkit"),
        ("user.email", "GIT_COMMITTER_EMAIL", "blogkit@localhost"),
    )
    return {
        variable: value
        for key, variable, value in wanted
        if variable not in os.environ and not (_ask(folder, "config", key) or "").strip()
    }


def _do(folder: Path, *arguments: str) -> str:
    return _run(["git", "-C", str(folder), *arguments], folder, f"git {arguments[0]}", {})


def _run(command: Sequence[str], folder: Path, name: str, more: Mapping[str, str]) -> str:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **more}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolFailed(f"{name} did not run: {error}.", path=folder) from error
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise ToolFailed(f"{name} failed: {last}", hint="Nothing was forced; mend it and publish again.", path=folder)
    return done.stdout
