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


def fetch_branch(folder: Path, remote: str, branch: str) -> None:
    """Brings what a remote has of a branch. Where it has none, what was known of it is forgotten."""
    there = _run_git(folder, "ls-remote", "--heads", remote, f"refs/heads/{branch}")
    if there.strip():
        _run_git(
            folder, "fetch", "--quiet", "--no-tags", remote, f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}"
        )
    else:
        _ask(folder, "update-ref", "-d", f"refs/remotes/{remote}/{branch}")


def commit_of(folder: Path, name: str) -> str | None:
    """The commit that a branch or another name stands for; None when there is none."""
    commit = _ask(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return commit.strip() if commit else None


def is_ancestor(folder: Path, commit: str, of: str) -> bool:
    """Whether one commit is another, or came before it."""
    return _ask(folder, "merge-base", "--is-ancestor", commit, of) is not None


def messages(folder: Path, name: str, count: int = 1000) -> Iterator[tuple[str, str]]:
    """The last commits of a branch, each with its message, newest first; of a merge the first parent's."""
    text = _ask(folder, "log", f"--max-count={count}", "--first-parent", "--format=%H%n%B%x00", name, "--")
    for entry in (text or "").split("\0"):
        commit, _, message = entry.lstrip("\n").partition("\n")
        if commit:
            yield commit, message


def files_of(folder: Path, commit: str) -> dict[str, str]:
    """The files that a commit holds, each with the name of its contents."""
    listed = _ask(folder, "ls-tree", "-r", "-z", "--full-tree", commit) or ""
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
    return {path: about.split()[2] for about, _, path in entries if about.split()[1] == "blob"}


def contents(folder: Path, blob: str) -> bytes:
    """What a file of a commit holds. Raises ToolFailed when it is not there."""
    done = subprocess.run(["git", "-C", str(folder), "cat-file", "blob", blob], capture_output=True, check=False)
    if done.returncode:
        raise ToolFailed(f"git cat-file failed: {done.stderr.decode(errors='replace').strip()}", path=folder)
    return done.stdout


def first_commits(folder: Path) -> tuple[str, ...]:
    """The commits that a repository's history begins with, the same in every clone; none where it was cut off."""
    if (_ask(folder, "rev-parse", "--is-shallow-repository") or "").strip() != "false":
        return ()
    return tuple(sorted((_ask(folder, "rev-list", "--max-parents=0", "HEAD") or "").split()))


def commit_site(folder: Path, tree: Path, *, remote: str, branch: str, message: str) -> bool:
    """A commit on a branch that holds the files of ``tree`` and ``.nojekyll``, on top of what the remote has.

    ghp-import makes it without touching the work tree. Where the branch holds just these files, it stays as it is.
    True when there is a new commit. Raises ToolMissing or ToolFailed.
    """
    from importlib.util import find_spec

    if find_spec("ghp_import") is None:
        hint = "Install it with `pip install ghp-import`."
        raise ToolMissing("Publishing to a branch needs ghp-import, which is not installed.", hint=hint)
    before = commit_of(folder, f"refs/remotes/{remote}/{branch}") or commit_of(folder, f"refs/heads/{branch}")
    asked = ["-m", "ghp_import", "--no-jekyll", "-r", remote, "-b", branch, "-m", message, str(tree)]
    _run([sys.executable, *asked], folder, "ghp-import", _identity(folder))
    if before is None or files_of(folder, before) != files_of(folder, f"refs/heads/{branch}"):
        return True
    _run_git(folder, "update-ref", f"refs/heads/{branch}", before)
    return False


def push_branch(folder: Path, remote: str, branch: str) -> None:
    """Pushes a branch, never by force. Raises ToolFailed when the remote has what is not here."""
    _run_git(folder, "push", "--quiet", remote, f"refs/heads/{branch}:refs/heads/{branch}")


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


def _run_git(folder: Path, *arguments: str) -> str:
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
        raise ToolFailed(
            f"{name} failed: {last}", hint="Nothing was forced; correct it and publish again.", path=folder
        )
    return done.stdout
