"""The whole site on a branch that a code host serves, one commit on top of the last."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from blogkit.errors import ProjectError
from blogkit.links import html_addresses
from blogkit.model import Manifest, Release, Site
from blogkit.page.parse import parse_html
from blogkit.publish.package import large_files
from blogkit.tools import git

MESSAGE = "Publish the site with blogkit"
"""Begins the message of each commit that was made here."""
_HOSTS_FILES = frozenset({"CNAME"})
"""What the code host itself puts on the branch; it stays even where another site is replaced."""


def publish_branch(
    site: Site,
    manifest: Manifest,
    *,
    remote: str = "origin",
    branch: str = "gh-pages",
    push: bool = True,
    replace_other: bool = False,
) -> Release:
    """The rendered site as a commit on ``branch``, pushed to ``remote``; the files of the work tree stay as they are.

    What others put on the branch beside the site stays there. A branch that holds another site, or what was not made
    by blogkit, is refused, but with ``replace_other``. Nothing is ever forced: a push that the remote does not take is
    an error. A site that did not change makes no commit. Raises ProjectError with what to do, ToolMissing without git,
    ToolFailed when git fails.
    """
    repository = git.repository(site.root)
    if repository is None:
        hint = "`git init`, commit, and add the code host as a remote."
        raise ProjectError("is in no git repository, so it has no branch to publish to.", hint=hint, path=site.root)
    if git.current_branch(repository) == branch:
        hint = "Switch to the branch that holds the sources."
        raise ProjectError(f"stands on {branch} itself, whose files would be replaced.", hint=hint, path=site.root)
    address = git.remote_address(repository, remote)
    if push and address is None:
        hint = f"`git remote add {remote} ADDRESS`, or commit only with --no-push."
        raise ProjectError(f"has no remote {remote!r} to push to.", hint=hint, path=repository)
    if address is not None:
        git.fetch_branch(repository, remote, branch)
    origin = _origin_of(site, repository)
    kept = _kept_files(repository, remote, branch, origin, manifest, replace_other)
    _refuse_rooted(manifest)
    with tempfile.TemporaryDirectory(prefix="blogkit-site-") as folder:
        tree = Path(folder) / "site"
        sizes = _copy_site(manifest, tree)
        kept = {name: blob for name, blob in kept.items() if _put_beside(tree / name, repository, blob)}
        files = [path for path in tree.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        message = _message(repository, origin, kept)
        new = git.commit_site(repository, tree, remote=remote, branch=branch, message=message)
    if push:
        git.push_branch(repository, remote, branch)
    return Release(
        project=None,
        target="gh-pages",
        path=repository,
        bytes=size,
        files=len(files) + 1,  # .nojekyll
        address=pages_address(address or ""),
        notes=(*large_files(sizes), *([] if new else ["The branch holds this site already: no new commit."])),
    )


def _copy_site(manifest: Manifest, tree: Path) -> dict[str, int]:
    """Copies the files that the site holds, without hidden ones; gives their sizes by name."""
    if manifest.files is None:
        shutil.copytree(manifest.root, tree, ignore=shutil.ignore_patterns(".*", "Thumbs.db", "__pycache__"))
        return {path.relative_to(tree).as_posix(): path.stat().st_size for path in tree.rglob("*") if path.is_file()}
    tree.mkdir()
    sizes = {}
    for name in sorted(manifest.files):
        path = manifest.root / name
        if not path.is_file() or any(part.startswith(".") for part in Path(name).parts):
            continue
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, tree / name)
        sizes[name] = path.stat().st_size
    return sizes


def _put_beside(target: Path, repository: Path, blob: str) -> bool:
    """Puts a file that others have on the branch beside the site; false where the site has one in its place."""
    if target.exists() or any(parent.is_file() for parent in target.parents):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(git.contents(repository, blob))
    return True


# --- whose branch it is -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """Where a published site comes from, as each commit on the branch says."""

    folder: str
    """Of the site in its repository, ``.`` for its root."""
    history: tuple[str, ...]
    """The first commits of the repository, which its clones share; empty where they are not known."""

    def lines(self) -> list[str]:
        return [f"Site: {json.dumps(self.folder)}", *(f"History: {commit}" for commit in self.history)]


def _origin_of(site: Site, repository: Path) -> _Origin:
    folder = site.root.resolve().relative_to(repository.resolve()).as_posix()
    return _Origin(folder=folder, history=git.first_commits(repository))


def _message(repository: Path, origin: _Origin, kept: Iterable[str]) -> str:
    at = git.revision(repository)
    source = [f"From {at.commit}{', with changes' if at.dirty else ''}.", ""] if at else []
    return "\n".join([MESSAGE, "", *source, *origin.lines(), *(f"Kept: {json.dumps(name)}" for name in sorted(kept))])


@dataclass(frozen=True, kw_only=True)
class _Branch:
    """What a branch holds, and which of it blogkit put there."""

    commit: str
    files: Mapping[str, str]
    """Name -> blob."""
    last: str
    """The first line of its last commit's message."""
    made: Mapping[str, str] | None
    """The files of blogkit's last commit, without those that others had put there; None where there is none."""
    origin: _Origin | None
    """Of the site that it holds; None where its commits do not say."""
    source: str | None
    """The commit that the site was made from, where its message says."""


def _read_branch(repository: Path, name: str) -> _Branch | None:
    """What a branch holds; None where there is no such branch."""
    tip = git.commit_of(repository, name)
    if tip is None:
        return None
    last, made, origin, source = "(no message)", None, None, None
    kept: set[str] = set()
    for commit, message in git.messages(repository, tip):
        if commit == tip and message.strip():
            last = message.strip().splitlines()[0]
        if not message.startswith(MESSAGE):
            if made is not None:
                break
            continue
        if made is None:
            made = git.files_of(repository, commit)
            match = re.search(r"^From ([0-9a-f]{40,64})\b", message, re.MULTILINE)
            source = match.group(1) if match else None
        folders, names = (_said_values(message, key) for key in ("Site", "Kept"))
        if folders:
            origin = _Origin(folder=folders[0], history=tuple(re.findall(r"^History: ([0-9a-f]+)$", message, re.M)))
            kept = set(names)
            break
    if made is not None:
        made = {name: blob for name, blob in made.items() if name not in kept}
    files = git.files_of(repository, tip)
    return _Branch(commit=tip, files=files, last=last, made=made, origin=origin, source=source)


def _said_values(message: str, key: str) -> list[str]:
    """The values of a commit's lines ``key: "value"``."""
    found = []
    for text in re.findall(rf'^{key}: (".*")$', message, re.MULTILINE):
        try:
            found.append(str(json.loads(text)))
        except ValueError:
            continue
    return found


def _kept_files(
    repository: Path, remote: str, branch: str, origin: _Origin, manifest: Manifest, replace_other: bool
) -> dict[str, str]:
    """The files of the branch that others put there. Raises ProjectError for a branch that must not be replaced."""
    there = _read_branch(repository, f"refs/remotes/{remote}/{branch}")
    here = _read_branch(repository, f"refs/heads/{branch}")
    if there and here and here.made is None and not git.is_ancestor(repository, here.commit, there.commit):
        raise _refused(repository, branch, here, "here was not made by blogkit", "Rename it; nothing was changed.")
    now = there or here
    if now is None:
        return {}
    if replace_other and _is_other(repository, now, origin, manifest):
        return {name: blob for name, blob in now.files.items() if name in _HOSTS_FILES}
    hint = "Publish to another branch with --branch, or replace what it holds with --replace; nothing was changed."
    if now.made is None:
        raise _refused(repository, branch, now, "was not made by blogkit", hint)
    changed = [name for name, blob in now.made.items() if now.files.get(name) != blob]
    if changed and not replace_other:
        what = f"was changed by somebody since it was published ({_some(changed)})"
        raise _refused(repository, branch, now, what, hint)
    if _is_other(repository, now, origin, manifest):
        what = f"holds another site ({_some(_posts(now.made) or now.made)})"
        raise ProjectError(f"the branch {branch} {what}.", hint=hint, path=repository)
    return {name: blob for name, blob in now.files.items() if name not in now.made}


def _refused(repository: Path, branch: str, there: _Branch, what: str, hint: str) -> ProjectError:
    return ProjectError(f'the branch {branch} {what}: its last commit is "{there.last}".', hint=hint, path=repository)


def _is_other(repository: Path, there: _Branch, origin: _Origin, manifest: Manifest) -> bool:
    """Whether a branch holds another site than this command publishes.

    The commits say where each comes from. Where they do not, because the history was cut off or an older blogkit wrote
    them, two sites are the same when they share a post.
    """
    if there.made is None:
        return True
    if there.origin is not None:
        if there.origin.folder != origin.folder:
            return True
        if there.origin.history and origin.history:
            return not set(there.origin.history) & set(origin.history)
    elif there.source is not None and git.commit_of(repository, there.source):
        return False
    old = set(_posts(there.made))
    new = {page.output.relative_to(manifest.root).as_posix() for page in manifest.pages if page.project}
    return bool(old and new and not old & new)


def _posts(files: Iterable[str]) -> list[str]:
    return sorted(name for name in files if re.fullmatch(r"projects/[^/]+/index\.html", name))


def _some(names: Iterable[str]) -> str:
    """The first names of many."""
    listed = sorted(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def _refuse_rooted(manifest: Manifest) -> None:
    """A project's site lies below the host's root, where an address that begins with a slash leads elsewhere."""
    for page in manifest.pages:
        if not page.output.is_file() or page.output.name == "404.html":
            continue
        for address in html_addresses(parse_html(page.output.read_bytes())):
            if address.path.startswith("/"):
                raise ProjectError(
                    f"{address.where} points to {address.url}, the root of the host and not of the site.",
                    hint="Write the address relative to the page.",
                    path=page.source,
                )


def pages_address(remote: str) -> str:
    """Where the code host will show the site, for the hosts whose addresses follow from the remote's; else empty."""
    match = re.search(r"(github|gitlab)\.com[:/]([\w.\-]+)/([\w.\-]+?)(?:\.git)?/?$", remote)
    if not match:
        return ""
    host, owner, name = match.groups()
    end = "" if name.lower() == f"{owner.lower()}.{host}.io" else f"{name}/"
    return f"https://{owner.lower()}.{host}.io/{end}"
