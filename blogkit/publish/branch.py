"""The whole site on a branch that a code host serves, one commit on top of the last."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from blogkit.errors import ProjectError
from blogkit.links import html_addresses
from blogkit.model import Manifest, Release, Site
from blogkit.page.parse import parse_html
from blogkit.tools import git

MESSAGE = "Publish the site with blogkit"
"""Begins the message of each commit that was made here; a branch with another tip belongs to somebody else."""


def publish_branch(
    site: Site, manifest: Manifest, *, remote: str = "origin", branch: str = "gh-pages", push: bool = True
) -> Release:
    """The rendered site as a commit on ``branch``, pushed to ``remote``; the files of the work tree stay as they are.

    Nothing is ever forced: a branch whose last commit was not made here is refused, and so is a push that the remote
    does not take. Raises ProjectError with what to do, ToolMissing without git, ToolFailed when git fails.
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
    _refuse_foreign(repository, remote, branch)
    _refuse_rooted(manifest)
    with tempfile.TemporaryDirectory(prefix="blogkit-site-") as folder:
        tree = Path(folder) / "site"
        shutil.copytree(manifest.root, tree, ignore=shutil.ignore_patterns(".*", "Thumbs.db", "__pycache__"))
        files = [path for path in tree.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        git.commit_site(repository, tree, remote=remote, branch=branch, message=_message(repository))
    if push:
        git.push_branch(repository, remote, branch)
    return Release(
        project=None,
        target="gh-pages",
        path=repository,
        bytes=size,
        files=len(files) + 1,  # .nojekyll
        address=pages_address(address or ""),
    )


def _message(repository: Path) -> str:
    at = git.revision(repository)
    return f"{MESSAGE}\n\nFrom {at.commit}{', with changes' if at.dirty else ''}." if at else MESSAGE


def _refuse_foreign(repository: Path, remote: str, branch: str) -> None:
    """Somebody else's branch of this name is not built upon, nor are local commits on it thrown away."""
    for name in (f"refs/remotes/{remote}/{branch}", f"refs/heads/{branch}"):
        said = git.message_of(repository, name)
        if said is not None and not said.startswith(MESSAGE):
            first = said.strip().splitlines()[0] if said.strip() else "(no message)"
            raise ProjectError(
                f'the branch {branch} was not made by blogkit: its last commit is "{first}".',
                hint="Publish to another branch with --branch, or rename that one; nothing was changed.",
                path=repository,
            )


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
