"""A submission as a set of files, wherever it lies: a folder, a zip, or one page of a rendered site.

Archives come from strangers. One is refused with a reason before anything of it is unpacked when it names paths outside
itself, holds links or encrypted entries, more files than a page can need, or more bytes than it says; nothing is ever
written to disk, and no file is read beyond a limit.
"""

from __future__ import annotations

import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

MOST_FILES = 5_000
MOST_BYTES = 1_000_000_000
"""Unpacked, all files together."""
MOST_FILE_BYTES = 300_000_000
MOST_RATIO = 200
"""Unpacked over packed, for entries above a megabyte: text packs 10 times, a bomb 1,000 times."""


class RefusedSubmission(Exception):
    """A submission that will not be opened; the message is one sentence that says why, and ``fix`` what to do."""

    def __init__(
        self, reason: str, fix: str = "Zip the folder's contents again, with the tool of your operating system."
    ):
        super().__init__(reason, fix)
        self.reason = reason
        self.fix = fix

    def __str__(self) -> str:
        return self.reason


class Files(Protocol):
    """The files of a submission by their names: POSIX paths without a leading slash."""

    @property
    def names(self) -> frozenset[str]:
        """Every file."""

    @property
    def size(self) -> int:
        """Bytes as handed in: of the zip, or of all files."""

    def bytes_of(self, name: str) -> int:
        """How long one file is."""

    def read(self, name: str) -> bytes:
        """One file's contents. Raises Refused when it is damaged or longer than any page needs."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file, letter for letter."""

    def other_case(self, name: str) -> str | None:
        """The file that has this name but for its letter case; None when there is none."""


@dataclass(kw_only=True)
class Folder:
    """A folder's files. Links that lead out of it, and what version control keeps, do not count."""

    root: Path
    _names: dict[str, int] | None = field(default=None, repr=False)

    def _scan(self) -> dict[str, int]:
        if self._names is not None:
            return self._names
        found: dict[str, int] = {}
        root = self.root.resolve()
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in {".git", ".venv", "node_modules"})
            for file in sorted(files):
                path = Path(folder, file)
                try:
                    if path.is_symlink() and not path.resolve().is_relative_to(root):
                        continue
                    found[path.relative_to(root).as_posix()] = path.stat().st_size
                except OSError:
                    continue
            if len(found) > MOST_FILES * 10:
                raise RefusedSubmission(f"holds more than {MOST_FILES * 10:,} files; name the folder of one page.")
        self._names = found
        return found

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._scan())

    @property
    def size(self) -> int:
        return sum(self._scan().values())

    def bytes_of(self, name: str) -> int:
        return (self.root / name).stat().st_size

    def read(self, name: str) -> bytes:
        path = self.root / name
        try:
            if path.stat().st_size > MOST_FILE_BYTES:
                raise RefusedSubmission(f"{name} is longer than {MOST_FILE_BYTES // 1_000_000} MB.")
            return path.read_bytes()
        except OSError as error:
            raise RefusedSubmission(f"{name} cannot be read: {error.strerror}.") from error

    def exists(self, name: str) -> bool:
        """Letter for letter also on a disk that takes no notice of case."""
        path = self.root / name
        if not path.is_file() or not path.resolve().is_relative_to(self.root.resolve()):
            return False
        if self._names is not None:
            return name in self._names
        folder = self.root
        for part in name.split("/"):
            try:
                if part not in os.listdir(folder):
                    return False
            except OSError:
                return False
            folder = folder / part
        return True

    def other_case(self, name: str) -> str | None:
        folder, found = self.root, []
        for part in name.split("/"):
            try:
                there = os.listdir(folder)
            except OSError:
                return None
            match = (
                part if part in there else next((one for one in there if _alike_name(one) == _alike_name(part)), None)
            )
            if match is None:
                return None
            found.append(match)
            folder = folder / match
        same = "/".join(found)
        return None if same == name else same


@dataclass(kw_only=True)
class Archive:
    """A zip's files, read in memory one at a time."""

    path: Path
    entries: Mapping[str, zipfile.ZipInfo]
    size: int
    _zip: zipfile.ZipFile = field(repr=False)
    prefix: str = ""
    """The folder inside the zip that is taken for its root; empty when the page lies where it should."""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name[len(self.prefix) :] for name in self.entries if name.startswith(self.prefix))

    def bytes_of(self, name: str) -> int:
        return self.entries[self.prefix + name].file_size

    def read(self, name: str) -> bytes:
        entry = self.entries[self.prefix + name]
        try:
            with self._zip.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise RefusedSubmission(f"{name} cannot be unpacked: {error}.") from error
        if len(data) > entry.file_size:
            raise RefusedSubmission(f"{name} unpacks to more than the {entry.file_size:,} bytes that it announces.")
        return data

    def exists(self, name: str) -> bool:
        return self.prefix + name in self.entries

    def other_case(self, name: str) -> str | None:
        wanted = _alike_name(self.prefix + name)
        for other in self.entries:
            if _alike_name(other) == wanted and other != self.prefix + name:
                return other[len(self.prefix) :]
        return None


def open_archive(path: Path) -> Archive:
    """A zip whose table of contents was found harmless. Raises Refused."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        with open(path, "rb") as stream:
            kind = _kind(stream.read(8))
        raise RefusedSubmission(f"is no zip that can be opened: {kind or error}.") from error
    infos = archive.infolist()
    if len(infos) > MOST_FILES:
        raise RefusedSubmission(f"holds {len(infos):,} entries; a page needs no more than {MOST_FILES:,}.")
    entries: dict[str, zipfile.ZipInfo] = {}
    total = 0
    for info in infos:
        name = info.filename.replace("\\", "/")
        shown = ascii(info.filename)[1:-1][:120]
        if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
            raise RefusedSubmission(f"holds the absolute path {shown}.")
        if ".." in name.split("/"):
            raise RefusedSubmission(f"holds the path {shown}, which leads out of the zip.")
        if "\x00" in name or "\x00" in info.orig_filename:
            raise RefusedSubmission(f"holds a name with a zero byte, {shown}.")
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise RefusedSubmission(f"holds a symbolic link, {shown}; put the file itself in.")
        if mode and stat.S_IFMT(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise RefusedSubmission(f"holds {shown}, which is neither a file nor a folder.")
        if info.flag_bits & 0x1:
            raise RefusedSubmission(f"is encrypted ({shown}); hand it in without a password.")
        total += info.file_size
        if info.file_size > MOST_FILE_BYTES or total > MOST_BYTES:
            raise RefusedSubmission(f"unpacks to more than {MOST_BYTES // 1_000_000:,} MB.")
        if info.file_size > 1_000_000 and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            raise RefusedSubmission(
                f"holds {shown}, which unpacks to {info.file_size // max(info.compress_size, 1):,} times its size."
            )
        if name.endswith("/"):
            continue
        if name in entries:
            raise RefusedSubmission(f"holds {shown} twice.")
        entries[name] = info
    return Archive(path=path, entries=entries, size=path.stat().st_size, _zip=archive)


def _kind(head: bytes) -> str:
    kinds = ((b"Rar!", "it is a RAR archive"), (b"7z\xbc\xaf", "it is a 7z archive"), (b"\x1f\x8b", "it is gzip"))
    for magic, kind in kinds:
        if head.startswith(magic):
            return kind
    if head.lstrip().lower().startswith((b"<!doc", b"<html")):
        return "it is an HTML page"
    return "it is empty" if not head else ""


def _alike_name(name: str) -> str:
    """A name as it looks: letter case and the way that accents are written do not count."""
    return unicodedata.normalize("NFC", name).lower()
