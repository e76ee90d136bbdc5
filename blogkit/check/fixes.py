"""Fixes what can be fixed without asking: junk files, a missing language or viewport, the letter case of a path, and
pictures with more pixels than are ever shown.

Nothing is lost by it: a zip stays as it is and a fixed copy is made beside it; of a file that changes in a folder, the
old one is kept.
"""

from __future__ import annotations

import io
import posixpath
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blogkit.check.post import Post
from blogkit.check.profile import Profile
from blogkit.check.rules.package import image_size, is_junk
from blogkit.errors import StoreError
from blogkit.links import local_path, resolve
from blogkit.page.seen import WORD, shown_width, visible_text
from blogkit.store import write_bytes

KEPT = ".before-fix"
"""Ends the name of the folder, beside the fixed one, that keeps files as they were."""


@dataclass(frozen=True, kw_only=True)
class AppliedFixes:
    """What was fixed, and where the result lies."""

    path: Path
    said: tuple[str, ...]
    """One sentence each; empty when there was nothing to fix."""


def fix_project(post: Post, profile: Profile) -> AppliedFixes:
    """Fixes the source of a project: paths and pictures; its page is rendered anew by the next command."""
    assert post.project is not None and post.source is not None
    keep = post.project.parent.parent / ".blogkit" / f"{post.project.name}{KEPT}"
    said = [*_case_in_source(post, keep), *_pictures(post, profile, post.project, keep)]
    return AppliedFixes(path=post.project, said=tuple(said))


def fix_folder(post: Post, profile: Profile) -> AppliedFixes:
    """Fixes a folder, or the folder of a page, in place."""
    assert post.root is not None and post.page_name is not None
    root = post.root
    keep = root.with_name(f"{root.resolve().name}{KEPT}")
    said: list[str] = []
    if post.submission:
        for name in sorted(name for name in post.files.names if is_junk(name)):
            _keep_copy(root, name, keep)
            (root / name).unlink()
            said.append(f"{name} was removed.")
    text = post.page.data
    said += list(_pictures(post, profile, root, keep))
    new, changes = _mend_page(post, text)
    if changes:
        _keep_copy(root, post.page_name, keep)
        write_bytes(root / post.page_name, new)
        said += changes
    return AppliedFixes(path=root, said=tuple(said))


def fix_archive(post: Post, profile: Profile, open_post: Callable[[Path], Post]) -> AppliedFixes:
    """Makes a fixed copy of a zip, ``NAME.fixed.zip``; ``open_post`` opens what was unpacked."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="blogkit-fix-") as folder:
        root = Path(folder).resolve() / "post"
        for name in sorted(post.files.names):
            path = root / name
            if not path.resolve().is_relative_to(root):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(post.files.read(name))
        fixed = fix_folder(open_post(root), profile)
        if not fixed.said:
            return AppliedFixes(path=post.path, said=())
        place = post.path.with_name(f"{post.path.stem}.fixed.zip")
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(root).as_posix())
        write_bytes(place, stream.getvalue())
        return AppliedFixes(path=place, said=fixed.said)


def _mend_page(post: Post, data: bytes) -> tuple[bytes, list[str]]:
    """The page's bytes with language, viewport and letter case put right; everything else stays as it is."""
    said: list[str] = []
    opening = re.search(rb"<html\b([^>]{0,500})>", data, re.IGNORECASE)
    language = guess_language(post)
    if opening and not post.page.language and language:
        data = data[: opening.end(1)] + f' lang="{language}"'.encode() + data[opening.end(1) :]
        said.append(f'the page says its language now: lang="{language}".')
    head = re.search(rb"<head\b[^>]{0,500}>", data, re.IGNORECASE)
    if head and not post.page.meta("viewport"):
        line = b'\n<meta name="viewport" content="width=device-width, initial-scale=1">'
        data = data[: head.end()] + line + data[head.end() :]
        said.append("the page has a viewport now.")
    for written, real in _other_cases(post):
        changed = re.sub(
            rb"([\"'(=]\s*)" + re.escape(written.encode()) + rb"(?=[\"')?#\s>])", rb"\1" + real.encode(), data
        )
        if changed != data:
            data = changed
            said.append(f"{written} is called {real} now, as the file is.")
    return data, said


def _other_cases(post: Post) -> Iterator[tuple[str, str]]:
    """Each path on the page that differs from its file's name in letter case only: as written, and as it should be."""
    reported: set[str] = set()
    for reference in post.references:
        written = local_path(reference.address.url)
        if reference.holder != post.page_name or not reference.target or written in reported:
            continue
        if post.files.exists(reference.target):
            continue
        other = post.files.other_case(reference.target)
        if other:
            reported.add(written)
            start = posixpath.dirname(post.page_name or "")
            yield written, posixpath.relpath(other, start or ".")


def guess_language(post: Post) -> str:
    """``en`` where the words say so; empty where they do not, since a wrong language is worse than none."""
    words = [word.lower() for word in WORD.findall(visible_text(post.page.main))]
    common = sum(word in {"the", "and", "of", "to", "is", "in", "that", "we"} for word in words)
    return "en" if len(words) > 50 and common > 0.1 * len(words) else ""


_SOURCE_PATH = re.compile(r"(\]\(|src=[\"']|include\s+|^image:\s*[\"']?)([^)\s\"'{}<>]{1,300}\.\w{2,5})", re.MULTILINE)


def _case_in_source(post: Post, keep: Path) -> Iterator[str]:
    """Paths in the post whose letter case differs from their file's."""
    assert post.source is not None
    from blogkit.check.files import Folder

    for path in dict.fromkeys(line.path for line in post.source.lines):
        if path.suffix == ".ipynb":
            continue
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        files = Folder(root=path.parent)
        said: list[str] = []

        def right(match: re.Match[str], files: Folder = files, said: list[str] = said) -> str:
            target = resolve("post", match.group(2)) if local_path(match.group(2)) else None
            other = files.other_case(target) if target and not files.exists(target) else None
            if not other or not (files.root / other).is_file():
                return match.group()
            said.append(f"{match.group(2)} is called {other} now, as the file is.")
            return match.group(1) + other

        new = _SOURCE_PATH.sub(right, text)
        if said:
            _keep_copy(path.parent, path.name, keep)
            write_bytes(path, new.encode("utf-8", "surrogateescape"))
            yield from said


def _pictures(post: Post, profile: Profile, root: Path, keep: Path) -> Iterator[str]:
    """Pictures scaled to twice the width that they are shown at."""
    for element in post.page.main.iter("img"):
        source = local_path(element.get("src") or "")
        target = resolve(post.page_name or "", source) if source else None
        file = root / source if post.project is not None else root / (target or "")
        if not target or not source or not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
            continue
        if not post.files.exists(target) or post.files.bytes_of(target) < 200_000:
            continue
        pixels = image_size(post, target)
        width = shown_width(element, profile.page_width)
        if pixels is None or pixels[0] * pixels[1] <= profile.image_scale * width * width * pixels[1] / max(
            pixels[0], 1
        ):
            continue
        small = _scaled(file.read_bytes(), round(2 * width))
        if small is None or len(small) >= file.stat().st_size:
            continue
        before = file.stat().st_size
        _keep_copy(root, file.relative_to(root).as_posix(), keep)
        write_bytes(file, small)
        yield f"{source} is {2 * width:.0f} pixels wide now, {len(small) / 1000:,.0f} kB instead of {before / 1000:,.0f}."


def _scaled(data: bytes, width: int) -> bytes | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            kind = image.format
            if getattr(image, "is_animated", False) or kind not in {"PNG", "JPEG", "WEBP"}:
                return None
            height = max(1, round(image.height * width / image.width))
            stream = io.BytesIO()
            image.resize((width, height), Image.Resampling.LANCZOS).save(stream, kind, optimize=True)
            return stream.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None


def _keep_copy(root: Path, name: str, keep: Path) -> None:
    """A copy of a file as it was; the first one, when it is fixed again."""
    place = keep / name
    if place.exists():
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, place)
    except OSError as error:
        hint = "Nothing was fixed: what is there now is kept first."
        raise StoreError(f"could not be kept: {error.strerror}.", hint=hint, path=root / name) from error
