"""Runs made elsewhere: packed into one file there, unpacked into the store here.

A pack is a gzipped tar: ``manifest.json`` first, with the hash and size of every file, then the runs' folders. It may
come from anybody, so nothing in it is believed: names are checked, only plain files are taken, sizes and hashes must be
the manifest's, and a run gets its name only when it is whole. What is stored already stays as it is.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import re
import shutil
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from blogkit import store
from blogkit.errors import NotStored, StoreError
from blogkit.model import Project
from blogkit.run.claims import Claim, claim
from blogkit.store import ProjectPaths, RunPaths

MANIFEST = "manifest.json"
_FORMAT = 1
_RUN_ID = re.compile(r"[0-9a-f]{12}")
_MANIFEST_LIMIT = 64 * 1024 * 1024
_BLOCK = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What a pack was made of."""

    path: Path
    runs: int
    bytes: int
    left_out: tuple[str, ...] = ()
    """What stays here, with the reason: runs that are not whole, and files with names that other systems refuse."""


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """What came of a pack."""

    added: tuple[str, ...]
    """Ids of the runs that are new in the store."""
    known: tuple[str, ...]
    """Ids of those that were there already, and stay as they are."""


def pack_runs(project: Project, path: Path, ids: Sequence[str] | None = None) -> Packed:
    """Writes the stored runs of a project (or those with ``ids``) into one file. The same runs give the same bytes.

    Raises NotStored when there is nothing to pack, StoreError when the file cannot be written.
    """
    paths = ProjectPaths.of(project)
    stored = store.stored_ids(paths)
    asked = sorted(stored if ids is None else stored & set(ids))
    reasons = {run_id: _unsound_reason(RunPaths(folder=paths.runs / run_id), run_id) for run_id in asked}
    chosen = [run_id for run_id in asked if not reasons[run_id]]
    left_out = [reason for reason in reasons.values() if reason]
    if not chosen:
        raise NotStored("There is no stored run to pack.", hint=f"`blogkit run {project.name}` first.", path=paths.runs)
    files = {run_id: _run_files(paths.runs / run_id) for run_id in chosen}
    left_out += [
        f"{run_id}/{name} has a name that other systems refuse"
        for run_id in chosen
        for name in _odd_names(paths.runs / run_id)
    ]
    manifest = {
        "format": _FORMAT,
        "project": project.name,
        "runs": {
            run_id: {name: {"sha256": _file_hash(file), "size": file.stat().st_size} for name, file in found.items()}
            for run_id, found in files.items()
        },
    }
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            open(beside, "wb") as raw,
            gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0, compresslevel=6) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            _add_to_tar(tar, MANIFEST, store.to_json(manifest).encode("utf-8"))
            for run_id, found in files.items():
                for name, file in found.items():
                    with open(file, "rb") as stream:
                        tar.addfile(_tar_entry(f"{run_id}/{name}", file.stat().st_size), stream)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise StoreError(f"could not be written: {error.strerror}.", hint="Make room.", path=path) from error
    return Packed(path=path, runs=len(chosen), bytes=path.stat().st_size, left_out=tuple(left_out))


def unpack_runs(project: Project, path: Path) -> Unpacked:
    """Adds the runs of a pack to a project's store.

    Raises NotStored when the file is no pack, is damaged, or was made from another project; every run in it that is
    good is stored all the same, and the message names the others.
    """
    paths = ProjectPaths.of(project)
    try:
        with tarfile.open(path, "r:gz") as tar:
            manifest = _read_manifest(tar, path)
            if manifest.project != project.name:
                message = f"holds runs of the project {manifest.project!r}, not of {project.name!r}."
                raise NotStored(message, hint="Name the project it belongs to: `blogkit runs unpack`.", path=path)
            return _take_runs(tar, manifest, paths, path)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, OSError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        hint = "Copy it again; `blogkit runs pack` makes such a file."
        raise NotStored(f"is not a whole pack of runs: {error}.", hint=hint, path=path) from error


def pack_project(path: Path) -> str:
    """The name of the project that a pack was made from. Raises NotStored when it is no pack."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            return _read_manifest(tar, path).project
    except FileNotFoundError:
        raise NotStored("There is no such file.", hint="`blogkit runs pack` makes one.", path=path) from None
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise NotStored(f"is not a pack of runs: {error}.", hint="`blogkit runs pack` makes one.", path=path) from error


def _take_runs(tar: tarfile.TarFile, manifest: _PackManifest, paths: ProjectPaths, path: Path) -> Unpacked:
    """Stores every run of a pack that is good, and then raises NotStored where some are not, or something was cut."""
    taker = _RunTaker(manifest, paths)
    try:
        for member in tar:
            if member.name != MANIFEST:  # which is read already
                taker.take_member(tar, member)
    finally:
        taker.let_go()
    taker.refused.update(
        {run_id: "it is not whole" for run_id, names in taker.missing.items() if names and run_id not in taker.refused}
    )
    if taker.refused:
        lines = [f"{name}: {reason}" for name, reason in list(taker.refused.items())[:5]]
        more = [f"and {len(taker.refused) - 5} more"] if len(taker.refused) > 5 else []
        taken = f"{len(taker.added)} of its runs were taken"
        message = f"is damaged: {taken}; not: {'; '.join([*lines, *more])}."
        raise NotStored(message, hint="What was taken is in the store. Copy the file again for the rest.", path=path)
    return Unpacked(added=tuple(sorted(taker.added)), known=tuple(sorted(taker.known)))


class _RunTaker:
    """What has come of the runs of a pack so far; what is wrong with one of them stops no other."""

    def __init__(self, manifest: _PackManifest, paths: ProjectPaths) -> None:
        stored = store.stored_ids(paths)
        self.paths = paths
        self.known = [run_id for run_id in manifest.runs if run_id in stored]
        self.wanted = {run_id: files for run_id, files in manifest.runs.items() if run_id not in stored}
        self.missing = {run_id: set(files) for run_id, files in self.wanted.items()}
        self.added: list[str] = []
        self.refused: dict[str, str] = dict(manifest.refused)
        self._work: dict[str, RunPaths] = {}
        self._claims: dict[str, Claim] = {}

    def take_member(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """A file of a run; the run is stored with its last one."""
        run_id, _, name = member.name.partition("/")
        if run_id in self.refused or run_id in self.known:
            return
        if run_id not in self.wanted or name not in self.missing[run_id]:
            self._refuse_run(run_id if run_id in self.wanted else member.name[:100], "its manifest does not name it")
            return
        said = self.wanted[run_id][name]
        source = tar.extractfile(member) if member.isreg() else None
        if source is None or member.size != said["size"]:
            self._refuse_run(run_id, f"{name!r} is not what its manifest says")
            return
        if run_id not in self._work:
            # Without its claim, the folder would be cleared by a `blogkit run` that finds nobody filling it.
            if (held := claim(self.paths.claim(run_id))) is not None:
                self._claims[run_id] = held
            self._work[run_id] = store.new_work_folder(self.paths, run_id)
        if not _copy_file(source, self._work[run_id].folder / name, said["sha256"]):
            self._refuse_run(run_id, f"{name!r} has another hash than its manifest says")
            return
        self.missing[run_id].discard(name)
        if not self.missing[run_id]:
            self._store_run(run_id)

    def _store_run(self, run_id: str) -> None:
        """Gives a whole run its name, unless somebody else did meanwhile. A run that is under way is left alone."""
        work = self._work[run_id]
        reason = _unsound_reason(work, run_id)
        if reason:
            self._refuse_run(run_id, reason)
            return
        new = not (self.paths.runs / run_id).is_dir()
        store.sync_folder(work.folder)
        store.keep_run(self.paths, run_id, work)
        del self._work[run_id]
        (self.added if new else self.known).append(run_id)
        if run_id in self._claims:
            self._claims.pop(run_id).release()

    def _refuse_run(self, run_id: str, reason: str) -> None:
        self.refused[run_id] = reason
        if run_id in self._work:
            shutil.rmtree(self._work.pop(run_id).folder, ignore_errors=True)
        if run_id in self._claims:
            self._claims.pop(run_id).release()

    def let_go(self) -> None:
        """Clears what was not finished."""
        for left in self._work.values():
            shutil.rmtree(left.folder, ignore_errors=True)
        for held in self._claims.values():
            held.release()


def _unsound_reason(run: RunPaths, run_id: str) -> str:
    """Why a run's folder is not that of a finished run that readers of the store can count on; empty where it is."""
    record: Any = None
    with suppress(NotStored):
        record = store.read_json(run.record)
    finished = isinstance(record, dict) and record.get("id") == run_id and record.get("status") == "done"
    if not finished or not _is_record(record) or not all(map(_is_metric, store.read_jsonl(run.metrics))):
        return f"the record of {run_id} is not that of a finished run"
    return ""


def _is_record(record: dict[str, Any]) -> bool:
    """Whether what a run's record says is of the kinds that readers of the store count on."""
    numbers = ("seconds", "threads", "attempt", "peak_memory", "peak_gpu_memory", "energy")
    texts = ("device", "platform", "commit", "started", "notebook", "project")
    return (
        all(record.get(name) is None or (_is_number(record[name]) and record[name] >= 0) for name in numbers)
        and all(record.get(name) is None or isinstance(record[name], str) for name in texts)
        and all(isinstance(record.get(name, {}), dict) for name in ("parameters", "versions"))
        and not isinstance(record.get("seed"), list | dict)
    )


def _is_metric(entry: dict[str, Any]) -> bool:
    """Whether a line of a run's metrics is a name with a number, at a step or for the whole run."""
    value, step = entry.get("value"), entry.get("step")
    sound = value is None or _is_number(value) or (isinstance(value, float) and not math.isfinite(value))
    return isinstance(entry.get("metric"), str) and sound and (step is None or _is_number(step))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _copy_file(source: IO[bytes], target: Path, expected: str) -> bool:
    """Writes a file and says whether it has the hash that was expected."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as stream:
        while block := source.read(_BLOCK):
            digest.update(block)
            stream.write(block)
    return digest.hexdigest() == expected


@dataclass(frozen=True, kw_only=True)
class _PackManifest:
    """What a pack says that it holds, with every name in it checked."""

    project: str
    runs: dict[str, Any]
    refused: dict[str, str]
    """Entries that cannot be, with the reason."""


def _read_manifest(tar: tarfile.TarFile, path: Path) -> _PackManifest:
    first = tar.next()
    stream = tar.extractfile(first) if first is not None and first.name == MANIFEST and first.isreg() else None
    if first is None or stream is None or first.size > _MANIFEST_LIMIT:
        raise NotStored("is not a pack of runs: it has no manifest.", hint="`blogkit runs pack` makes one.", path=path)
    manifest = store.parse_json(stream.read())
    runs = manifest.get("runs") if isinstance(manifest, dict) else None
    if not isinstance(runs, dict) or manifest.get("format") != _FORMAT or not isinstance(manifest.get("project"), str):
        hint = "It may come from another version of blogkit."
        raise NotStored("has a manifest that this blogkit does not know.", hint=hint, path=path)
    refused: dict[str, str] = {}
    for run_id, files in runs.items():
        sound = _RUN_ID.fullmatch(run_id) and isinstance(files, dict) and "run.json" in files
        if not sound or not all(_is_plain(name) and _is_said(said) for name, said in files.items()):
            refused[str(run_id)[:100]] = "its manifest has an impossible entry for it"
    good = {run_id: files for run_id, files in runs.items() if str(run_id)[:100] not in refused}
    return _PackManifest(project=manifest["project"], runs=good, refused=refused)


def _is_plain(name: str) -> bool:
    """Whether a name stays inside its folder, on every system."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts) and not name.startswith("/") and ".." not in parts and not re.search(r'[\\:*?"<>|\x00-\x1f]', name)
    )


def _is_said(said: Any) -> bool:
    return isinstance(said, dict) and isinstance(said.get("sha256"), str) and isinstance(said.get("size"), int)


def _run_files(folder: Path) -> dict[str, Path]:
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return {name: path for name, path in found.items() if path.is_file() and not path.is_symlink() and _is_plain(name)}


def _odd_names(folder: Path) -> list[str]:
    """The files of a run whose names cannot be carried to every system."""
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return [name for name in names if not _is_plain(name)]


def _file_hash(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _tar_entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry


def _add_to_tar(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    tar.addfile(_tar_entry(name, len(data)), io.BytesIO(data))
