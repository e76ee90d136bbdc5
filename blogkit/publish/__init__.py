"""Hands a rendered post over: as a zip, a folder, one HTML file, or a branch.

::

    release = publish(site, manifest, project, target="zip")
    release.path, release.bytes, release.files
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from blogkit.errors import ConfigError, Problem, ProjectError, StoreError
from blogkit.model import Manifest, Page, Project, Release, Site
from blogkit.publish.package import RELEASE_MARK, Package, pack

TARGETS = ("zip", "folder", "single-html", "gh-pages")
SUBMISSIONS = "_submissions"
"""Where releases lie when no other place is named, in the site's folder; ignored by git."""


def publish(
    site: Site, manifest: Manifest, project: Project | None, *, target: str, destination: Path | None = None
) -> Release:
    """One post as a zip or folder that stands on its own.

    The same page gives the same bytes. Raises ProjectError when the post is not rendered or the destination is in the
    way, ConfigError for a target that there is not, StoreError when the disk refuses.
    """
    if target not in TARGETS:
        raise ConfigError([Problem(message=f"there is no target {target!r}.", hint=f"Targets: {', '.join(TARGETS)}.")])
    if project is None:
        hint = "Name a project; only gh-pages takes the whole site."
        raise ProjectError("A single post is published this way.", hint=hint, path=site.root)
    package = gather(manifest, project)
    place = destination or site.root / SUBMISSIONS / (f"{project.name}.zip" if target == "zip" else project.name)
    if target == "zip":
        return _as_zip(package, place, project)
    return _as_folder(package, place, project)


def page_of(manifest: Manifest, project: Project) -> Page:
    """The rendered page of a project's post. Raises ProjectError when there is none."""
    for page in manifest.pages:
        if page.project == project.name:
            return page
    raise ProjectError("is not rendered yet.", hint="`blogkit render` makes its page.", path=project.post)


def gather(manifest: Manifest, project: Project) -> Package:
    """The files of one post's release."""
    page = page_of(manifest, project)
    others = frozenset(other.output for other in manifest.pages if other.output != page.output)
    return pack(page.output, manifest.root, others)


def _as_zip(package: Package, path: Path, project: Project) -> Release:
    from blogkit.publish.archive import zip_bytes
    from blogkit.store import write_bytes

    if path.is_dir():
        path = path / f"{project.name}.zip"
    data = zip_bytes(package.files)
    write_bytes(path, data)
    return Release(project=project.name, target="zip", path=path, bytes=len(data), files=len(package.files))


def _as_folder(package: Package, path: Path, project: Project) -> Release:
    """Fills a new folder and gives it the name; an older release that stands there is replaced, nothing else is."""
    if path.exists() and not _is_release(path):
        hint = "Name an empty or new folder; nothing was changed."
        raise ProjectError("is in the way: it is not empty and was not published by blogkit.", hint=hint, path=path)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        for name, data in package.files.items():
            file = beside / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        if path.exists():
            shutil.rmtree(path)
        beside.rename(path)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise StoreError(f"could not be written: {error.strerror}.", path=path) from error
    return Release(project=project.name, target="folder", path=path, bytes=package.bytes, files=len(package.files))


def _is_release(path: Path) -> bool:
    """An empty folder, or one whose page says that blogkit published it."""
    if not path.is_dir():
        return False
    try:
        names = [entry.name for entry in path.iterdir()]
        return not names or ("index.html" in names and RELEASE_MARK in (path / "index.html").read_bytes())
    except OSError:
        return False
