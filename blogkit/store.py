"""Where things lie on disk, and how they get there whole: the seam between the stages.

Nothing is edited in place. A file is written beside its name and renamed; a run's folder is filled under
``runs/.work`` on the same file system and renamed to ``runs/<id>`` when the run is done. Whoever finds a folder under
its final name finds all of it, also on NFS and after a crash at any moment.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.errors import NotStored, StoreError
from blogkit.kernel.checkpoints import CHECKPOINTS_FOLDER
from blogkit.kernel.run_folder import RUN_FOLDER_VARIABLE as RUN_FOLDER_VARIABLE
from blogkit.kernel.run_folder import RunPaths as RunPaths
from blogkit.kernel.run_folder import replace_file
from blogkit.model import Project

_RUN_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class ProjectPaths:
    """Every path of a project, by name."""

    folder: Path

    @classmethod
    def of(cls, project: Project) -> ProjectPaths:
        return cls(folder=project.folder)

    @property
    def runs(self) -> Path:
        """One folder a finished run; ignored by git."""
        return self.folder / "runs"

    @property
    def work(self) -> Path:
        """Runs under way, each under a name of its own."""
        return self.runs / ".work"

    @property
    def claims(self) -> Path:
        """One file a run that a process executes."""
        return self.runs / ".claims"

    def claim(self, run_id: str) -> Path:
        """The file whose lock says that a process executes this run."""
        return self.claims / run_id

    @property
    def failed(self) -> Path:
        """The last failure of each run that has not succeeded since."""
        return self.runs / ".failed"

    @property
    def checkpoints(self) -> Path:
        """Where runs that were stopped stand: a folder a run, gone when it is done."""
        return self.runs / CHECKPOINTS_FOLDER

    @property
    def drawn(self) -> Path:
        """The figures notebook as it was last executed, with what it recorded."""
        return self.runs / ".figures"

    @property
    def results(self) -> Path:
        """What the runs showed: gathered, small, committed."""
        return self.folder / "results"

    @property
    def metrics(self) -> Path:
        return self.results / "metrics.parquet"

    @property
    def recorded(self) -> Path:
        """What runs recorded beside their metrics: a row a record, as :mod:`blogkit.runs` reads it."""
        return self.results / "recorded.parquet"

    @property
    def provenance(self) -> Path:
        return self.results / "runs.json"

    @property
    def values(self) -> Path:
        return self.results / "values.yml"

    @property
    def compute(self) -> Path:
        return self.results / "compute.md"

    @property
    def tables(self) -> Path:
        return self.results / "tables"

    @property
    def charts(self) -> Path:
        return self.results / "charts"


# --- whole or not at all --------------------------------------------------------------------------------------------


def write_bytes(path: Path, data: bytes) -> None:
    """A file with new contents, whole or unchanged. Raises StoreError when the disk refuses."""
    try:
        replace_file(path, data)
    except OSError as error:
        hint = "What was there before is still there. Make room, or check who may write here."
        raise StoreError(f"could not be written: {error.strerror}.", hint=hint, path=path) from error


def write_text(path: Path, text: str) -> None:
    """A UTF-8 text file with new contents, whole or unchanged."""
    write_bytes(path, text.encode("utf-8"))


def write_if_changed(path: Path, data: bytes | str) -> bool:
    """Writes only what differs, so that a file's time says when its contents last changed. True when it wrote."""
    new = data.encode("utf-8") if isinstance(data, str) else data
    try:
        if path.read_bytes() == new:
            return False
    except OSError:
        pass
    write_bytes(path, new)
    return True


def replace_folder(made: Path, place: Path) -> None:
    """Gives a folder that is whole its place, on the same file system; what was there goes only then."""
    old = made.with_name(f"{made.name}-old-{uuid.uuid4().hex[:8]}")
    if place.exists():
        os.rename(place, old)
    try:
        os.rename(made, place)
    except OSError:
        if old.exists():
            os.rename(old, place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def to_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, two spaces, a final newline; the same value gives the same bytes."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def parse_json(data: str | bytes) -> Any:
    """What a JSON text says, whoever wrote it. Raises ValueError when it is none, or nested too deep to be read."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read_json(path: Path) -> Any:
    """A JSON file of ours. Raises NotStored when it is missing or damaged."""
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotStored(
            f"could not be read: {error}.", hint="Remove it and give the command again.", path=path
        ) from error


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a record; a last line that was cut off by a crash is left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            entry = parse_json(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


# --- runs -----------------------------------------------------------------------------------------------------------


def new_work_folder(paths: ProjectPaths, run_id: str) -> RunPaths:
    """An empty folder to fill, on the file system of the final one."""
    folder = paths.work / f"{run_id}-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        hint = "Make room, or check who may write here."
        raise StoreError(f"could not be made: {error.strerror}.", hint=hint, path=folder) from error
    return RunPaths(folder=folder)


def sync_folder(folder: Path) -> None:
    """Makes sure that a folder and all in it would survive a power cut. Raises StoreError when the disk refuses."""
    try:
        for base, _, names in os.walk(folder, topdown=False):
            for name in names:
                _sync_file(Path(base, name))
            _sync_entries(Path(base))
    except OSError as error:
        raise StoreError(f"could not be written: {error.strerror}.", hint="Make room.", path=folder) from error


def _sync_file(path: Path) -> None:
    """Has the disk take a file's contents; some systems do so only for a file that is open for writing."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except PermissionError:
        descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_entries(folder: Path) -> None:
    """Has the disk take a folder's list of names; Windows opens no folder, and keeps that list itself."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(paths: ProjectPaths, run_id: str) -> None:
    """Takes a stored run out of the way of its newer execution; it is kept in the work folder until that is stored."""
    with suppress(FileNotFoundError):
        os.rename(paths.runs / run_id, paths.work / f"{run_id}-old-{uuid.uuid4().hex[:8]}")


def keep_run(paths: ProjectPaths, run_id: str, work: RunPaths) -> RunPaths:
    """Gives a finished run its name, in one rename. Where the name is taken, the stored run stays."""
    final = paths.runs / run_id
    try:
        os.rename(work.folder, final)
    except OSError as error:
        if not final.is_dir():
            raise StoreError(f"could not be stored: {error.strerror}.", path=final) from error
        shutil.rmtree(work.folder, ignore_errors=True)
    shutil.rmtree(paths.failed / run_id, ignore_errors=True)
    drop_checkpoints(paths, run_id)
    for old in paths.work.glob(f"{run_id}-old-*"):
        shutil.rmtree(old, ignore_errors=True)
    return RunPaths(folder=final)


def drop_checkpoints(paths: ProjectPaths, run_id: str) -> None:
    """Forgets where a run stood."""
    shutil.rmtree(paths.checkpoints / run_id, ignore_errors=True)


def keep_failure(paths: ProjectPaths, run_id: str, work: RunPaths) -> RunPaths:
    """Keeps what a failed run left, in place of its previous failure."""
    final = paths.failed / run_id
    try:
        paths.failed.mkdir(parents=True, exist_ok=True)
        if final.exists():
            final.rename(paths.work / f"{run_id}-old-{uuid.uuid4().hex[:8]}")
        os.rename(work.folder, final)
    except OSError as error:
        raise StoreError(f"could not be stored: {error.strerror}.", path=final) from error
    for old in paths.work.glob(f"{run_id}-old-*"):
        shutil.rmtree(old, ignore_errors=True)
    return RunPaths(folder=final)


def stored_ids(paths: ProjectPaths) -> frozenset[str]:
    """The ids of the runs whose folder is there, whole; other folders, which a script may have made, are none."""
    try:
        with os.scandir(paths.runs) as entries:
            return frozenset(entry.name for entry in entries if _RUN_ID.fullmatch(entry.name) and entry.is_dir())
    except OSError:
        return frozenset()


_ANY_RUN = RunPaths(folder=Path())
_RECORDED = tuple(path.name for path in (_ANY_RUN.record, _ANY_RUN.metrics, _ANY_RUN.values))
"""The files of a run's folder that say what it recorded."""


def recording_digest(run: RunPaths) -> str:
    """16 hexadecimal digits for one execution of a run: what it recorded, and when. A second execution has others."""
    digest = hashlib.sha256()
    for name in _RECORDED:
        try:
            with open(f"{run.folder}{os.sep}{name}", "rb") as stream:  # asked of 10,000 runs
                data = stream.read()
        except OSError:
            data = b""
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()[:16]


def read_results(paths: ProjectPaths) -> dict[str, Any]:
    """``runs.json``, with a list of records under ``runs``; empty where nothing was gathered.

    Raises NotStored when it is damaged.
    """
    if not paths.provenance.is_file():
        return {}
    document = read_json(paths.provenance)
    if not isinstance(document, dict):
        return {}
    runs = document.get("runs")
    sound = [run for run in runs if isinstance(run, dict) and "id" in run] if isinstance(runs, list) else []
    return {**document, "runs": sound}


def foreign_results(paths: ProjectPaths) -> tuple[str, ...]:
    """The files of ``results/`` that are not what was gathered with the others: of another gathering, or edited.

    Ends of lines do not count, which git may change. Raises StoreError when ``runs.json`` is damaged.
    """
    files = read_results(paths).get("files")
    found = []
    for name, digest in files.items() if isinstance(files, dict) else ():
        try:
            data = (paths.results / str(name)).read_bytes()
        except OSError:
            continue
        if digest not in {hashlib.sha256(one).hexdigest()[:16] for one in (data, data.replace(b"\r\n", b"\n"))}:
            found.append(str(name))
    return tuple(sorted(found))


def gathered_runs(paths: ProjectPaths) -> dict[str, dict[str, Any]]:
    """The provenance of the runs whose results are gathered, by id; a fresh clone has these and no run folders."""
    return {str(run["id"]): run for run in read_results(paths).get("runs", [])}


def gathered_scale(paths: ProjectPaths) -> str | None:
    """The scale that the results were gathered at; None where there are none, or the sweep has no scales."""
    scale = read_results(paths).get("scale")
    return scale if isinstance(scale, str) else None


def rename_runs(paths: ProjectPaths, names: Mapping[str, str]) -> int:
    """Gives runs other ids (old to new), in the store and in ``runs.json``; how many. Nothing is made again.

    A run that has its new id already stays. Raises StoreError when the disk refuses; what was renamed stays so.
    """
    renamed: set[str] = set()
    digests: dict[str, str] = {}
    stored = stored_ids(paths)
    for old, new in names.items():
        if old not in stored or new in stored:
            continue
        run = RunPaths(folder=paths.runs / old)
        digests[recording_digest(run)] = old
        record = read_json(run.record)
        write_text(run.record, to_json({**record, "id": new, "earlier_id": record.get("earlier_id", old)}))
        try:
            os.rename(run.folder, paths.runs / new)
        except OSError as error:
            raise StoreError(f"could not be renamed: {error.strerror}.", path=run.folder) from error
        renamed.add(old)
    document = read_results(paths)
    if any(str(record["id"]) in names for record in document.get("runs", [])):
        for record in document["runs"]:
            old = str(record["id"])
            if old in names:
                record |= {"id": names[old], "earlier_id": old}
                if record.get("digest") in digests:
                    record["digest"] = recording_digest(RunPaths(folder=paths.runs / names[old]))
                renamed.add(old)
        write_text(paths.provenance, to_json(document))
    return len(renamed)
