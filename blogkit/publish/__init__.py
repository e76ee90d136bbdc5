"""Hands a rendered post over: as a zip, a folder, one HTML file, or a branch.

::

    release = publish(site, manifest, project, target="zip")
    release.path, release.bytes, release.files
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blogkit.errors import ConfigError, Problem, ProjectError, StoreError
from blogkit.model import Manifest, Project, Release, RenderedPage, Site
from blogkit.publish.branch import publish_branch
from blogkit.publish.package import RELEASE_MARK, Package, large_files, pack

__all__ = ["give_name", "page_of", "place_of", "publish", "publish_branch", "unnamed"]

TARGETS = {"zip": ".zip", "folder": "", "single-html": ".html"}
"""What a post can become, and how the name ends."""
SUBMISSIONS = "_submissions"
"""Where releases lie when no other place is named, in the site's folder; ignored by git."""


def publish(
    site: Site, manifest: Manifest, project: Project | None, *, target: str, destination: Path | None = None
) -> Release:
    """One post, standing on its own; with target ``gh-pages`` the whole site, on that branch of ``origin``.

    The same page gives the same bytes. Raises ProjectError when the post is not rendered or the destination is in the
    way, ConfigError for a target that there is not, StoreError when the disk refuses.
    """
    if target == "gh-pages":
        return publish_branch(site, manifest)
    if target not in TARGETS:
        known = ", ".join([*TARGETS, "gh-pages"])
        raise ConfigError([Problem(message=f"there is no target {target!r}.", hint=f"Targets: {known}.")])
    if project is None:
        hint = "Name a project; only gh-pages takes the whole site."
        raise ProjectError("A single post is published this way.", hint=hint, path=site.root)
    package = gather(manifest, project)
    place = place_of(site, project, target, destination)
    with unnamed(place) as beside:
        made = _make(package, beside, project, target)
        give_name(beside, place)
    notes = large_files({name: len(data) for name, data in package.files.items()})
    return Release(project=project.name, target=target, path=place, bytes=made[0], files=made[1], notes=notes)


def _make(package: Package, path: Path, project: Project, target: str) -> tuple[int, int]:
    """Writes the release, and gives its size in bytes and its number of files."""
    try:
        if target == "folder":
            for name, data in package.files.items():
                file = path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            return package.bytes, len(package.files)
        if target == "zip":
            from blogkit.publish.archive import zip_bytes

            data = zip_bytes(package.files)
            path.write_bytes(data)
            return len(data), len(package.files)
        from blogkit.publish.single import single_page

        data = single_page(package)
        path.write_bytes(data)
        return len(data), 1
    except OSError as error:
        hint = "Make room, or check who may write here."
        raise StoreError(f"of {project.name} could not be written: {error.strerror}.", hint=hint, path=path) from error


def place_of(site: Site, project: Project, target: str, destination: Path | None) -> Path:
    """Where a release goes: the named place, in it when it is a folder that takes files, or below _submissions/."""
    name = f"{project.name}{TARGETS.get(target, '')}"
    if destination is None:
        return site.root / SUBMISSIONS / name
    if target != "folder" and destination.is_dir():
        return destination.absolute() / name
    return destination.absolute()


def page_of(manifest: Manifest, project: Project) -> RenderedPage:
    """The rendered page of a project's post. Raises ProjectError when there is none."""
    for page in manifest.pages:
        if page.project == project.name:
            return page
    raise ProjectError("is not rendered yet.", hint="`blogkit render` makes its page.", path=project.post)


def gather(manifest: Manifest, project: Project) -> Package:
    """The files of one post's release."""
    page = page_of(manifest, project)
    others = frozenset(other.output for other in manifest.pages if other.output != page.output)
    return pack(page.output, manifest.root, others, manifest.files)


@contextmanager
def unnamed(place: Path) -> Iterator[Path]:
    """A path beside ``place`` to make a release at; what still lies there at the end is removed."""
    folder = place.parent / f".{place.name}.{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        hint = "Make room, or check who may write here."
        raise StoreError(f"could not be made: {error.strerror}.", hint=hint, path=place.parent) from error
    try:
        yield folder / place.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def give_name(made: Path, place: Path) -> None:
    """Puts a finished release in its place. A folder is replaced only when blogkit made it; a file always."""
    if place.is_dir() and not _is_release(place):
        hint = "Name an empty or new folder; nothing was changed."
        raise ProjectError("is in the way: it is not empty and was not published by blogkit.", hint=hint, path=place)
    old = made.parent / "old"
    try:
        if place.is_dir():
            place.rename(old)
        os.replace(made, place)
    except OSError as error:
        if old.is_dir() and not place.exists():
            old.rename(place)
        raise StoreError(f"could not be written: {error.strerror}.", path=place) from error


def _is_release(path: Path) -> bool:
    """An empty folder, or one whose page says that blogkit published it."""
    try:
        names = [entry.name for entry in path.iterdir()]
        return not names or ("index.html" in names and RELEASE_MARK in (path / "index.html").read_bytes())
    except OSError:
        return False
